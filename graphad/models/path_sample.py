"""A seeded sample of distinct simple paths of one length, to see how their scores are spread.

If there are few walks all are looked at. Else walks are drawn event by event, guided by weights
summed backwards over the events; those that visit an instance twice or exceed the span are
dropped, and those of equal labels count once. A draw takes each first label alike and then, at an
instance, each next label alike, however often it recurs there (weighed by the walks that can
follow). So a routine of 100,000 instances is about as likely as a path seen once; the chances are
nearly, not exactly, equal: of a sequence's instances, those that time does not allow are missing.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from graphad.jit import kernel
from graphad.models.path_bounds import by_vertex, first_after
from graphad.models.path_edges import GRID, Edges, lay_out, prepared

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_TRIES = 4  # walks drawn for each path wanted


@dataclass(frozen=True)
class Sample:
    """score [S] of distinct simple paths; `whole` if they are all there are; error of their mean.

    The error is the standard deviation over the root of S, 0 if whole. It takes the S as drawn
    independently, and does not cover that chances are only nearly equal.
    """

    score: Floats
    whole: bool
    error: float


def sample_paths(
    src: Ints,
    dst: Ints,
    ts: Ints,
    cost: Floats,
    label: Ints,
    *,
    length: int,
    size: int = 20_000,
    seed: int = 0,
    strict: bool = False,
    span: int | None = None,
) -> Sample:
    """Return scores of distinct simple paths of `length` events: all, or up to `size` at random.

    Shape: all [E], as in path_search. All are returned, even more than `size`, if there are at
    most 4 * size walks. A label sequence scores what its best instance does (of those drawn). The
    same seed gives the same sample; numbers of instances don't matter.

    Raises:
        ValueError: as lay_out, or length or size is below 1.

    >>> ids = np.arange(3)
    >>> found = sample_paths(ids, ids + 1, ids, np.ones(3), ids, length=2)
    >>> found.score.tolist(), found.whole
    ([2.0, 2.0], True)
    """
    if length < 1 or size < 1:
        raise ValueError("length and size must be at least 1.")
    e = lay_out(prepared(src, dst, ts, cost, label))
    if len(e.src) == 0:
        return Sample(np.empty(0), True, 0.0)
    ptr, ids = by_vertex(e.src, e.index, e.n)
    follow = first_after(ptr, ids, e.dst, e.ts, strict)
    limit = -1 if span is None else span
    one = np.ones(len(e.src))
    ahead = _ahead(ptr, ids, follow, e.dst, one, length)
    walks = _first(ptr, follow, e, one, ahead, length).sum()
    whole = bool(walks <= _TRIES * size)
    if whole:
        score, names = _every(
            ptr, ids, follow, e.src, e.dst, e.ts, e.cost, e.label, length, limit, int(walks)
        )
    else:
        order = np.argsort(e.index)
        ahead = _ahead(ptr, ids, follow, e.dst, _alike(e), length)
        first = _first(ptr, follow, e, 1.0 / np.bincount(e.label)[e.label], ahead, length)
        luck = np.random.default_rng([seed, length]).random((_TRIES * size, length))
        score, names = _draw(
            ptr, ids, follow, e.src, e.dst, e.ts, e.cost, e.label, length, limit,
            order, np.cumsum(first[order]), ahead, luck,
        )  # fmt: skip
    found = _distinct(score, names)
    if whole:
        return Sample(found, True, 0.0)
    found = found[:size]
    error = float(found.std() / np.sqrt(len(found))) if len(found) else 0.0
    return Sample(found, False, error)


def _alike(e: Edges) -> Floats:
    """Return [E]: one over how many edges have the same source and label."""
    # Both are dense, so the product fits; np.unique over two rows takes ten times as long.
    key = e.src * (int(e.label[-1]) + 1) + e.label
    _, group, count = np.unique(key, return_inverse=True, return_counts=True)
    alike: Floats = 1.0 / count[group]
    return alike


def _first(ptr: Ints, follow: Ints, e: Edges, weight: Floats, ahead: Floats, length: int) -> Floats:
    """Return [E]: the weight of all walks that begin with e."""
    if length == 1:
        return weight
    open_ = follow < ptr[e.dst + 1]
    rest = ahead[length - 2, np.minimum(follow, len(follow) - 1)]
    return np.where(open_, weight * rest, 0.0)


def _distinct(score: Ints, names: Ints) -> Floats:
    """Return the best score of each label sequence, in the order of first appearance."""
    kept = score >= 0
    score, names = score[kept], names[kept]
    if len(score) == 0:
        return np.empty(0)
    _, first, group = np.unique(names, axis=0, return_index=True, return_inverse=True)
    best = np.zeros(len(first), dtype=np.int64)
    np.maximum.at(best, group.ravel(), score)
    found: Floats = best[np.argsort(first)] / GRID
    return found


@kernel
def _ahead(ptr: Ints, ids: Ints, follow: Ints, dst: Ints, weight: Floats, length: int) -> Floats:
    """Return [length, E]: at a place of ids, the weight of walks of r + 1 from there on."""
    ahead = np.zeros((length, len(ids)))
    for r in range(length):
        for v in range(len(ptr) - 1):
            total = 0.0
            for j in range(ptr[v + 1] - 1, ptr[v] - 1, -1):
                e = ids[j]
                if r == 0:
                    total += weight[e]
                elif follow[e] < ptr[dst[e] + 1]:
                    total += weight[e] * ahead[r - 1, follow[e]]
                ahead[r, j] = total
    return ahead


@kernel
def _every(
    ptr: Ints,
    ids: Ints,
    follow: Ints,
    src: Ints,
    dst: Ints,
    ts: Ints,
    cost: Ints,
    label: Ints,
    length: int,
    span: int,
    walks: int,
) -> tuple[Ints, Ints]:
    """Return score [walks] and labels [walks, length] of all simple paths; -1 marks unused rows."""
    score = np.full(walks, -1, dtype=np.int64)
    names = np.zeros((walks, length), dtype=np.int64)
    place = np.zeros(length, dtype=np.int64)
    path = np.zeros(length, dtype=np.int64)
    row = 0
    for begin in range(len(src)):
        path[0] = begin
        depth = 0
        place[0] = -1  # not yet opened
        while depth >= 0:
            e = path[depth]
            if depth + 1 == length:
                for i in range(length):
                    names[row, i] = label[path[i]]
                score[row] = cost[path].sum()
                row += 1
                depth -= 1
                continue
            if place[depth] < 0:
                place[depth] = follow[e]
            if place[depth] >= ptr[dst[e] + 1]:
                depth -= 1
                continue
            following = ids[place[depth]]
            place[depth] += 1
            fresh = span < 0 or ts[following] - ts[begin] <= span
            for i in range(depth + 1):
                fresh = fresh and src[path[i]] != dst[following]
            if fresh:
                depth += 1
                path[depth] = following
                place[depth] = -1
    return score, names


@kernel
def _draw(
    ptr: Ints,
    ids: Ints,
    follow: Ints,
    src: Ints,
    dst: Ints,
    ts: Ints,
    cost: Ints,
    label: Ints,
    length: int,
    span: int,
    order: Ints,
    begun: Floats,
    ahead: Floats,
    luck: Floats,
) -> tuple[Ints, Ints]:
    """Return score [W], -1 for a walk that is no path, and labels [W, length]."""
    walks = luck.shape[0]
    score = np.full(walks, -1, dtype=np.int64)
    names = np.zeros((walks, length), dtype=np.int64)
    path = np.zeros(length, dtype=np.int64)
    for k in range(walks):
        at = np.searchsorted(begun, luck[k, 0] * begun[-1], side="right")
        e = order[min(at, len(order) - 1)]
        path[0] = e
        names[k, 0] = label[e]
        total = cost[e]
        simple = True
        for step in range(1, length):
            low, end = follow[e], ptr[dst[e] + 1]
            row = ahead[length - step - 1]
            if low >= end:
                simple = False  # rounding put the first event past the last that can be followed
                break
            # The sums fall from place to place: take the last one that still exceeds the aim.
            aim = row[low] * luck[k, step]
            high = end - 1
            while low < high:
                middle = (low + high + 1) // 2
                if row[middle] > aim:
                    low = middle
                else:
                    high = middle - 1
            e = ids[low]
            for i in range(step):
                simple = simple and src[path[i]] != dst[e]
            if not simple or (span >= 0 and ts[e] - ts[path[0]] > span):
                simple = False
                break
            path[step] = e
            names[k, step] = label[e]
            total += cost[e]
        if simple:
            score[k] = total
    return score, names
