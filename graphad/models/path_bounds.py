"""What the best walk that begins with each edge can score, exactly; and sorting for kernels."""

from typing import TypeVar

import numpy as np
import numpy.typing as npt

from graphad.jit import kernel
from graphad.models.path_edges import Edges

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Rows = TypeVar("Rows", Ints, npt.NDArray[np.int32])


def by_vertex(vertex: Ints, index: Ints, n: int) -> tuple[Ints, Ints]:
    """Return (ptr [n + 1], ids [E]): edges grouped by vertex, in input order within each."""
    ids = np.lexsort((index, vertex)).astype(np.int64)
    ptr = np.zeros(n + 1, dtype=np.int64)
    np.cumsum(np.bincount(vertex, minlength=n), out=ptr[1:])
    return ptr, ids


def best_walks(e: Edges, length: int, strict: bool, *, backward: bool = False) -> Ints:
    """Return [length, E]: the best sum of a walk of r edges that starts with e, in row r - 1.

    Walks go forward in time, end where they may and never turn straight back, but may otherwise
    repeat vertices, so the sum is an upper bound for simple paths. -1 where there is none.
    `backward`: walks that end with e, and begin where they may. O(length * E).
    """
    src, dst, ts, index, ends = e.src, e.dst, e.ts, e.index, e.last
    if backward:
        src, dst, ts, index, ends = e.dst, e.src, -e.ts, -e.index, e.first
    ptr, ids = by_vertex(src, index, e.n)
    follow = first_after(ptr, ids, dst, ts, strict)
    return _levels(ptr, ids, follow, src, dst, e.base, e.cost, ends, length)


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
    ptr: Ints,
    ids: Ints,
    follow: Ints,
    src: Ints,
    dst: Ints,
    base: Ints,
    cost: Ints,
    ends: Bools,
    length: int,
) -> Ints:
    edges = len(src)
    best = np.empty((length, edges), dtype=np.int64)
    for e in range(edges):
        best[0, e] = cost[e] if ends[e] else -1
    # For each place in ids, over the rest of its vertex's edges: the best, the target of the best,
    # and the best among other targets. The third lets a walk avoid the vertex it came from.
    first = np.empty(edges, dtype=np.int64)
    target = np.empty(edges, dtype=np.int64)
    second = np.empty(edges, dtype=np.int64)
    for r in range(1, length):
        for v in range(len(ptr) - 1):
            one, at, two = -1, -1, -1
            for j in range(ptr[v + 1] - 1, ptr[v] - 1, -1):
                value, to = best[r - 1, ids[j]], base[dst[ids[j]]]
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
                rest = second[j] if target[j] == base[src[e]] else first[j]
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
