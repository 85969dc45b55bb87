"""Walks from event to event: all of them where they are few, else drawn at random by weights.

Weights are summed backwards, so that no draw ends where nothing follows.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from graphad.jit import kernel
from graphad.models.path_edges import Events

Ints = npt.NDArray[np.int64]
Small = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]


class Ways:
    """Events by source, then time: after each, a run of places, to the end of its target's."""

    def __init__(self, e: Events, strict: bool, longest: int) -> None:
        """Prepare; weights are summed for draws of up to `longest` events, 0 for none."""
        self.e = e
        self.strict = strict
        self.ptr, self.ids = _by_source(e.src, e.dst, e.n)
        self.follow = _follow(self.ptr, self.ids, e.dst, e.ts, strict)
        self.label = _dense(e.label)
        self.labels = np.bincount(self.label[e.src != e.dst], minlength=int(self.label.max()) + 1)
        self.ahead = self._weights(longest - 1) if longest > 1 else np.empty((0, 0))

    def every(self, length: int, span: int, walks: int) -> tuple[Ints, Ints]:
        """Return (score, labels) of all walks; score -1 marks those that are no paths."""
        e = self.e
        return _every(
            self.ptr, self.ids, self.follow, e.src, e.dst, e.ts, e.cost, self.label, length, span,
            walks,
        )  # fmt: skip

    def draw(self, length: int, span: int, luck: Floats) -> tuple[Ints, Ints]:
        """Return (score, labels) of one walk for each row of luck [W, length], in [0, 1)."""
        e = self.e
        begun = _begun(
            self.follow, e.src, e.dst, self.labels, self.label,
            self.ahead[length - 2] if length > 1 else np.empty(0),
        )  # fmt: skip
        return _draw(
            self.ptr, self.ids, self.follow, e.src, e.dst, e.ts, e.cost, self.label, length, span,
            begun, self.ahead, luck,
        )  # fmt: skip

    def _weights(self, levels: int) -> Floats:
        """Return [levels, E]: at a place, the weight of walks of r + 1 edges from there on."""
        ptr, half = self.ptr, int(np.searchsorted(self.ptr, len(self.ids) // 2))
        bounds = [(0, half), (half, len(ptr) - 1)]
        ahead = np.zeros((levels, len(self.ids)))
        weight, after = np.empty(len(self.ids)), np.empty(len(self.ids), dtype=np.int32)
        with ThreadPoolExecutor(2) as pool:

            def both(kernel_: Callable[..., None], *arguments: object) -> None:
                list(pool.map(lambda at: kernel_(*arguments, *at), bounds))

            both(_alike, ptr, self.ids, self.follow, self.label, len(self.labels), weight, after)
            for r in range(levels):
                before = ahead[r - 1] if r else np.empty(0)
                both(_level, ptr, after, weight, before, ahead[r])
        return ahead


def _dense(label: Ints) -> Small:
    """Return labels numbered from 0, in their order."""
    low, high = int(label.min()), int(label.max())
    if high - low <= len(label) + 1024:
        return (label - low).astype(np.int32)
    return np.unique(label, return_inverse=True)[1].astype(np.int32)


@kernel
def _by_source(src: Small, dst: Small, n: int) -> tuple[Ints, Small]:
    """Return (ptr [n + 1], ids): events by source, in input order; no self loops."""
    ptr = np.zeros(n + 1, dtype=np.int64)
    for e in range(len(src)):
        if src[e] != dst[e]:
            ptr[src[e] + 1] += 1
    for v in range(n):
        ptr[v + 1] += ptr[v]
    place = ptr[:-1].copy()
    ids = np.empty(ptr[n], dtype=np.int32)
    for e in range(len(src)):
        if src[e] != dst[e]:
            ids[place[src[e]]] = e
            place[src[e]] += 1
    return ptr, ids


@kernel
def _follow(ptr: Ints, ids: Small, dst: Small, ts: Ints, strict: bool) -> Small:
    """Return [E]: where in `ids` the events that e may be followed by begin; -1: there is none.

    They go on to the last of e's target.
    """
    follow = np.zeros(len(dst), dtype=np.int32)
    place = ptr[:-1].copy()
    for e in range(len(dst)):
        # Times never fall, so nor does the place where a vertex's later events begin.
        v, at = dst[e], place[dst[e]]
        while at < ptr[v + 1] and (ts[ids[at]] < ts[e] or (strict and ts[ids[at]] == ts[e])):
            at += 1
        place[v] = at
        follow[e] = at if at < ptr[v + 1] else -1
    return follow


@kernel
def _alike(
    ptr: Ints,
    ids: Small,
    follow: Small,
    label: Small,
    labels: int,
    weight: Floats,
    after: Small,
    low: int,
    high: int,
) -> None:
    """Write, at each place: one over the source's events of its label, and what may follow."""
    count = np.zeros(labels, dtype=np.int32)
    for v in range(low, high):
        for j in range(ptr[v], ptr[v + 1]):
            count[label[ids[j]]] += 1
        for j in range(ptr[v], ptr[v + 1]):
            weight[j] = 1.0 / count[label[ids[j]]]
            after[j] = follow[ids[j]]
        for j in range(ptr[v], ptr[v + 1]):
            count[label[ids[j]]] = 0


@kernel
def _level(
    ptr: Ints,
    after: Small,
    weight: Floats,
    before: Floats,
    now: Floats,
    low: int,
    high: int,
) -> None:
    """Write the weight of walks, one edge longer than `before` has, from each place on."""
    for v in range(low, high):
        total = 0.0
        for j in range(ptr[v + 1] - 1, ptr[v] - 1, -1):
            if len(before) == 0:
                total += weight[j]
            elif after[j] >= 0:
                total += weight[j] * before[after[j]]
            now[j] = total


@kernel
def _begun(
    follow: Small, src: Small, dst: Small, count: Ints, label: Small, rest: Floats
) -> Floats:
    """Return [E]: the weight of all walks that begin with e or an earlier event."""
    begun = np.empty(len(src))
    total = 0.0
    for e in range(len(src)):
        if src[e] != dst[e]:
            weight = 1.0 / count[label[e]]
            if len(rest) == 0:
                total += weight
            elif follow[e] >= 0:
                total += weight * rest[follow[e]]
        begun[e] = total
    return begun


@kernel
def _every(
    ptr: Ints,
    ids: Small,
    follow: Small,
    src: Small,
    dst: Small,
    ts: Ints,
    cost: Ints,
    label: Small,
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
        if src[begin] == dst[begin]:
            continue
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
            if place[depth] < 0 or place[depth] >= ptr[dst[e] + 1]:
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
    ids: Small,
    follow: Small,
    src: Small,
    dst: Small,
    ts: Ints,
    cost: Ints,
    label: Small,
    length: int,
    span: int,
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
        if at == len(src):
            continue  # rounding put the aim past the last one
        e = at
        path[0] = e
        names[k, 0] = label[e]
        total = cost[e]
        simple = True
        for step in range(1, length):
            low, end = follow[e], ptr[dst[e] + 1]
            row = ahead[length - step - 1]
            if low < 0:
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
