"""Instance graphs laid out for path search, and what the best walk through each edge can score.

Costs become whole numbers on a grid of 2**-40, so sums are exact in any order: ties stay ties, and
a bound may be compared with a score without slack.
"""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from graphad.jit import kernel

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Rows = TypeVar("Rows", Ints, npt.NDArray[np.int32])

GRID = 2.0**40
_MOST = 2.0**62


def snap(cost: Floats) -> Floats:
    """Return costs rounded to the grid on which paths are compared (2**-40, about 1e-12).

    Sums of snapped costs are exact below 2**13, so shown terms add up to the score.

    >>> bool(snap(np.array([0.1]))[0] == 0.1), bool(abs(snap(np.array([0.1]))[0] - 0.1) < 1e-12)
    (False, True)
    """
    snapped: Floats = np.rint(np.asarray(cost, dtype=np.float64) * GRID) / GRID
    return snapped


@dataclass(frozen=True)
class Edges:
    """E usable edges over n vertices, numbered by (label, target, input order).

    `index` [E] is each one's place in the input; `twin` [E] the nearest earlier edge with the same
    source, target and label, or -1; `label` is dense and keeps the order of the input's labels.
    """

    n: int
    src: Ints
    dst: Ints
    ts: Ints
    cost: Ints
    label: Ints
    index: Ints
    twin: Ints


def lay_out(src: Ints, dst: Ints, ts: Ints, cost: Floats, label: Ints, mask: Bools | None) -> Edges:
    """Return the edges a simple path may use; self loops and masked edges are left out.

    Shape: all [E], ts in microseconds and never falling, cost finite and >= 0.

    Raises:
        ValueError: lengths differ, ts falls, or a cost is negative, not finite or above 2**17.
    """
    arrays = [np.asarray(a) for a in (src, dst, ts, cost, label)]
    if any(a.shape != arrays[0].shape or a.ndim != 1 for a in arrays):
        raise ValueError("src, dst, ts, cost and label must be one-dimensional and equally long.")
    if mask is not None and np.asarray(mask).shape != arrays[0].shape:
        raise ValueError("mask must be as long as the edges.")
    if (np.diff(arrays[2]) < 0).any():
        raise ValueError("Edges must be sorted by ts.")
    costs = arrays[3].astype(np.float64)
    if costs.size and not (costs.min() >= 0.0 and costs.max() <= 2.0**17):
        raise ValueError("Every cost must lie in [0, 2**17].")
    usable = arrays[0] != arrays[1]
    if mask is not None:
        usable &= np.asarray(mask, dtype=bool)
    index = np.flatnonzero(usable)
    s, d, t, c, names = (a[index] for a in (arrays[0], arrays[1], arrays[2], costs, arrays[4]))
    vertices, ends = np.unique(np.concatenate([s, d]), return_inverse=True)
    s, d = ends[: len(index)], ends[len(index) :]
    names = np.unique(names, return_inverse=True)[1]
    order = np.lexsort((index, d, names))
    s, d, names, index = s[order], d[order], names[order], index[order]
    return Edges(
        n=len(vertices),
        src=s.astype(np.int64),
        dst=d.astype(np.int64),
        ts=t[order].astype(np.int64),
        cost=np.rint(c[order] * GRID).astype(np.int64),
        label=names.astype(np.int64),
        index=index.astype(np.int64),
        twin=_twins(s, d, names, index),
    )


def _twins(src: Ints, dst: Ints, label: Ints, index: Ints) -> Ints:
    order = np.lexsort((index, label, dst, src))
    before, after = order[:-1], order[1:]
    same = (src[before] == src[after]) & (dst[before] == dst[after])
    same &= label[before] == label[after]
    twin = np.full(len(src), -1, dtype=np.int64)
    twin[after[same]] = before[same]
    return twin


def by_vertex(vertex: Ints, index: Ints, n: int) -> tuple[Ints, Ints]:
    """Return (ptr [n + 1], ids [E]): edges grouped by vertex, in input order within each."""
    ids = np.lexsort((index, vertex)).astype(np.int64)
    ptr = np.zeros(n + 1, dtype=np.int64)
    np.cumsum(np.bincount(vertex, minlength=n), out=ptr[1:])
    return ptr, ids


def best_walks(
    src: Ints, dst: Ints, ts: Ints, cost: Ints, index: Ints, n: int, length: int, strict: bool
) -> Ints:
    """Return [length, E]: the best sum of a walk of r edges that starts with e, in row r - 1.

    Walks go forward in time and never turn straight back, but may otherwise repeat vertices, so
    the sum is an upper bound for simple paths. -1 where there is none. O(length * E).
    Call it with src and dst swapped, ts and index negated, for walks that end with e.
    """
    ptr, ids = by_vertex(src, index, n)
    follow = first_after(ptr, ids, dst, ts, strict)
    return _levels(ptr, ids, follow, src, dst, cost, length)


@kernel
def first_after(ptr: Ints, ids: Ints, dst: Ints, ts: Ints, strict: bool) -> Ints:
    """Return [E]: where in `ids` the out-edges of e's target that e may be followed by begin."""
    follow = np.empty(len(dst), dtype=np.int64)
    for e in range(len(dst)):
        low, high = ptr[dst[e]], ptr[dst[e] + 1]
        while low < high:
            middle = (low + high) // 2
            t = ts[ids[middle]]
            if t < ts[e] or (strict and t == ts[e]):
                low = middle + 1
            else:
                high = middle
        follow[e] = low
    return follow


@kernel
def _levels(
    ptr: Ints, ids: Ints, follow: Ints, src: Ints, dst: Ints, cost: Ints, length: int
) -> Ints:
    edges = len(src)
    best = np.empty((length, edges), dtype=np.int64)
    best[0] = cost
    # For each place in ids, over the rest of its vertex's edges: the best, the target of the best,
    # and the best among other targets. The third lets a walk avoid the vertex it came from.
    first = np.empty(edges, dtype=np.int64)
    target = np.empty(edges, dtype=np.int64)
    second = np.empty(edges, dtype=np.int64)
    for r in range(1, length):
        for v in range(len(ptr) - 1):
            one, at, two = -1, -1, -1
            for j in range(ptr[v + 1] - 1, ptr[v] - 1, -1):
                value, to = best[r - 1, ids[j]], dst[ids[j]]
                if to == at:
                    one = max(one, value)
                elif value > one:
                    one, at, two = value, to, one
                elif value > two:
                    two = value
                first[j], target[j], second[j] = one, at, two
        for e in range(edges):
            j = follow[e]
            rest = -1
            if j < ptr[dst[e] + 1]:
                rest = second[j] if target[j] == src[e] else first[j]
            best[r, e] = cost[e] + rest if rest >= 0 else -1
    return best


@kernel
def ascending(keys: Ints) -> Ints:
    """Return the stable order of keys (a merge sort: it compiles far faster than np.argsort)."""
    size = len(keys)
    order = np.arange(size)
    spare = np.empty(size, dtype=np.int64)
    run = 1
    while run < size:
        for low in range(0, size, 2 * run):
            middle, high = min(low + run, size), min(low + 2 * run, size)
            a, b = low, middle
            for at in range(low, high):
                if a < middle and (b >= high or keys[order[a]] <= keys[order[b]]):
                    spare[at] = order[a]
                    a += 1
                else:
                    spare[at] = order[b]
                    b += 1
        order, spare = spare, order
        run *= 2
    return order


@kernel
def longer(values: Ints, size: int) -> Ints:
    """Return values [size]: the given ones, then whatever."""
    more = np.empty(size, dtype=np.int64)
    for i in range(len(values)):
        more[i] = values[i]
    return more


# Row by row, as numba takes seconds to compile whole-array forms in two dimensions.
@kernel
def taller(rows: Rows, size: int) -> Rows:
    """Return rows [size, C]: the given ones, then whatever."""
    more = np.empty((size, rows.shape[1]), dtype=rows.dtype)
    for i in range(len(rows)):
        for j in range(rows.shape[1]):
            more[i, j] = rows[i, j]
    return more


@kernel
def picked(rows: Rows, order: Ints) -> Rows:
    """Return rows[order]."""
    taken = np.empty((len(order), rows.shape[1]), dtype=rows.dtype)
    for i in range(len(order)):
        for j in range(rows.shape[1]):
            taken[i, j] = rows[order[i], j]
    return taken
