"""A seeded sample of distinct simple paths, to see how scores of one length are spread.

Walks are drawn uniformly (each next
event in proportion to the walks that can still follow it, counted backwards over the time-sorted
events); those that visit an instance twice are dropped, and those of equal labels count once.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from graphad.jit import kernel

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_TRIES = 4  # walks drawn for each path wanted


@dataclass(frozen=True)
class Sample:
    """score [S] of distinct simple paths; `whole` if every path was seen; error of their mean."""

    score: Floats
    whole: bool
    error: float


@kernel
def _first_at(ts: Ints, offsets: Ints, by_src: Ints, v: int, t: int) -> int:
    low, high = offsets[v], offsets[v + 1]
    while low < high:
        middle = (low + high) // 2
        if ts[by_src[middle]] < t:
            low = middle + 1
        else:
            high = middle
    return low


@kernel
def _follow(
    src: Ints, dst: Ints, ts: Ints, offsets: Ints, by_src: Ints, length: int, gap: int
) -> Floats:
    """Return walks [length, E + 1]: of r + 1 events from each place of by_src on, summed backwards."""
    size = len(src)
    ahead = np.zeros((length, size + 1))
    for r in range(length):
        for v in range(len(offsets) - 1):
            total = 0.0
            for i in range(offsets[v + 1] - 1, offsets[v] - 1, -1):
                e = by_src[i]
                if src[e] != dst[e]:
                    if r == 0:
                        total += 1.0
                    else:
                        w = dst[e]
                        at = _first_at(ts, offsets, by_src, w, ts[e] + gap)
                        if at < offsets[w + 1]:
                            total += ahead[r - 1, at]
                ahead[r, i] = total
    return ahead


@kernel
def _draw(
    src: Ints,
    dst: Ints,
    ts: Ints,
    cost: Floats,
    label: Ints,
    offsets: Ints,
    by_src: Ints,
    ahead: Floats,
    length: int,
    gap: int,
    span: int,
    starts: Floats,
    luck: Floats,
) -> tuple[Floats, Ints]:
    """Return score [W], -1 for a walk that is no path, and labels [W, length]."""
    walks = luck.shape[0]
    score = np.full(walks, -1.0)
    names = np.zeros((walks, length), np.int64)
    seen = np.zeros(length + 1, np.int64)
    for k in range(walks):
        # The source vertex in proportion to its walks, then event by event.
        v = np.searchsorted(starts, luck[k, 0] * starts[-1], side="right")
        v = min(v, len(starts) - 1)
        low = offsets[v]
        total, begun = 0.0, 0
        simple = True
        seen[0] = v
        for step in range(length):
            left = length - step - 1
            row = ahead[left]
            end = offsets[v + 1]
            if low >= end or row[low] <= 0.0:
                simple = False
                break
            # ahead falls along a vertex's events: find the last place with enough still to come.
            want = row[low] * luck[k, step + 1]
            a, b = low, end - 1
            while a < b:
                middle = (a + b + 1) // 2
                if row[middle] > want:
                    a = middle
                else:
                    b = middle - 1
            e = by_src[a]
            if step == 0:
                begun = ts[e]
            if span >= 0 and ts[e] - begun > span:
                simple = False
                break
            v = dst[e]
            for i in range(step + 1):
                simple = simple and seen[i] != v
            if not simple:
                break
            seen[step + 1] = v
            names[k, step] = label[e]
            total += cost[e]
            low = _first_at(ts, offsets, by_src, v, ts[e] + gap)
        if simple:
            score[k] = total
    return score, names


def sample_paths(
    src: Ints, dst: Ints, ts: Ints, cost: Floats, label: Ints, *, length: int, size: int = 20_000,
    seed: int = 0, strict: bool = False, span: int | None = None,
) -> Sample:  # fmt: skip
    """Return scores of up to `size` distinct simple paths of `length` events.

    Shape: all [E], time never falling, as in path_search. Same seed, same sample.
    """
    if length < 1 or size < 1:
        raise ValueError("length and size must be at least 1")
    if not len(src):
        return Sample(np.empty(0), True, 0.0)
    _, ends = np.unique(np.concatenate([src, dst]), return_inverse=True)
    a, b = ends[: len(src)].astype(np.int64), ends[len(src) :].astype(np.int64)
    by_src = np.argsort(a, kind="stable")
    offsets = np.zeros(int(ends.max()) + 2, np.int64)
    np.cumsum(np.bincount(a, minlength=len(offsets) - 1), out=offsets[1:])
    ts, gap = np.ascontiguousarray(ts, np.int64), int(strict)
    ahead = _follow(a, b, ts, offsets, by_src, length, gap)
    at = np.minimum(offsets[:-1], len(src))
    starts = np.cumsum(np.where(offsets[1:] > offsets[:-1], ahead[length - 1, at], 0.0))
    if starts[-1] <= 0.0:
        return Sample(np.empty(0), True, 0.0)
    luck = np.random.default_rng(seed + length).random((size * _TRIES, length + 1))
    score, names = _draw(
        a, b, ts, np.asarray(cost, np.float64), np.asarray(label, np.int64), offsets, by_src,
        ahead, length, gap, -1 if span is None else int(span), starts, luck,
    )  # fmt: skip
    kept = np.flatnonzero(score >= 0.0)
    _, first = np.unique(names[kept], axis=0, return_index=True)
    distinct = score[kept[np.sort(first)]][:size]
    error = float(distinct.std() / np.sqrt(len(distinct))) if len(distinct) else 0.0
    return Sample(distinct, False, error)
