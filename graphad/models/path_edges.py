"""Events as path search takes them: checked, cut to what a path may use, and laid out by label.

Costs become whole numbers on a grid of 2**-40, so sums are exact in any order: ties stay ties, and
a bound may be compared with a score without slack.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from graphad.jit import kernel

Ints = npt.NDArray[np.int64]
Small = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

GRID = 2.0**40
MOST = 2.0**17
_MANY = 0.8  # share of events kept from which on the others are carried along


def snap(cost: Floats) -> Floats:
    """Return costs rounded to the grid on which paths are compared (2**-40, about 1e-12).

    Sums of snapped costs are exact below 2**13, so shown terms add up to the score.

    >>> bool(snap(np.array([0.1]))[0] == 0.1), bool(abs(snap(np.array([0.1]))[0] - 0.1) < 1e-12)
    (False, True)
    """
    snapped: Floats = np.rint(np.asarray(cost, dtype=np.float64) * GRID) / GRID
    return snapped


@dataclass(frozen=True)
class Events:
    """E events over n vertices, by time; `index` [E] is each one's place in the input.

    Those whose src is their dst are of no use: self loops, and what a mask leaves out. cost is on
    the grid, label as given. first, last [E]: whether a path may begin, end with it; empty: all
    may. If `layer` is above 0, vertices v and v + layer are one: v before a path has passed an
    event it must pass, v + layer after.
    """

    n: int
    layer: int
    src: Small
    dst: Small
    ts: Ints
    cost: Ints
    label: Ints
    index: Small
    first: Bools
    last: Bools

    def __len__(self) -> int:
        """Return E."""
        return len(self.src)


def prepared(
    src: Ints, dst: Ints, ts: Ints, cost: Floats, label: Ints, mask: Bools | None = None,
    start: Bools | None = None, end: Bools | None = None, through: Bools | None = None,
) -> Events:  # fmt: skip
    """Return the events, with masked ones as self loops, which no simple path can use.

    Shape: all [E], ts in microseconds and never falling, cost finite and >= 0.

    Raises:
        ValueError: lengths differ, ts falls, or a cost is negative, not finite or above 2**17.
    """
    arrays = [np.asarray(a) for a in (src, dst, ts, cost, label)]
    size = arrays[0].shape
    if any(a.shape != size or a.ndim != 1 for a in arrays):
        raise ValueError("src, dst, ts, cost and label must be one-dimensional and equally long.")
    masks = {"mask": mask, "start": start, "end": end, "through": through}
    kept = {name: np.asarray(m, dtype=bool) for name, m in masks.items() if m is not None}
    for name, one in kept.items():
        if one.shape != size:
            raise ValueError(f"{name} must be as long as the edges.")
    integers = [np.ascontiguousarray(arrays[i], dtype=np.int64) for i in (0, 1, 2, 4)]
    cost = np.ascontiguousarray(arrays[3], dtype=np.float64)
    grid, sorted_, in_range = _gridded(integers[2], cost)
    if not sorted_:
        raise ValueError("Edges must be sorted by ts.")
    if not in_range:
        raise ValueError("Every cost must lie in [0, 2**17].")
    index = np.arange(len(grid), dtype=np.int32)
    usable = kept.get("mask", np.ones(0, dtype=bool))
    if len(usable) and usable.mean() < _MANY:
        index = index[usable]
        integers = [a[index] for a in integers]
        grid = grid[index]
        kept = {name: one[index] for name, one in kept.items()}
        usable = usable[:0]
    src, dst, ts, label = integers
    n, near, far = _numbered(src, dst)
    if len(usable):
        far = np.where(usable, far, near)
    none = np.empty(0, dtype=bool)
    events = Events(
        n, 0, near, far, ts, grid, label, index, kept.get("start", none), kept.get("end", none)
    )
    return _layered(events, kept["through"]) if "through" in kept else events


@kernel
def _gridded(ts: Ints, cost: Floats) -> tuple[Ints, bool, bool]:
    """Return (costs on the grid, whether ts never falls, whether all costs are in range)."""
    grid = np.empty(len(cost), dtype=np.int64)
    rising, fits = True, True
    for e in range(len(cost)):
        rising = rising and (e == 0 or ts[e - 1] <= ts[e])
        c = cost[e]
        if c >= 0.0 and c <= MOST:
            grid[e] = np.int64(np.rint(c * GRID))
        else:
            grid[e] = 0
            fits = False
    return grid, rising, fits


def _numbered(src: Ints, dst: Ints) -> tuple[int, Small, Small]:
    """Return (n, src, dst) with vertices numbered below n; small numbers are kept as they are."""
    if len(src) == 0:
        return 0, src.astype(np.int32), dst.astype(np.int32)
    top = int(max(src.max(), dst.max()))
    if min(src.min(), dst.min()) >= 0 and top <= len(src) + 1024:
        return top + 1, src.astype(np.int32), dst.astype(np.int32)
    vertices, ends = np.unique(np.concatenate([src, dst]), return_inverse=True)
    numbers = ends.astype(np.int32)
    return len(vertices), numbers[: len(src)], numbers[len(src) :]


def _layered(e: Events, through: Bools) -> Events:
    """Return the events twice: before, and after a path has passed one of `through`.

    A path of the result that begins below `layer` and ends above it is one that passes, and each
    path that passes is there once.
    """
    src, dst = np.repeat(e.src, 2), np.repeat(e.dst, 2)
    after = np.tile([False, True], len(e))
    passed = after | np.repeat(through & (e.src != e.dst), 2)
    src[after] += e.n
    dst[passed] += e.n
    first, last = ~after, passed
    if len(e.first):
        first = first & np.repeat(e.first, 2)
    if len(e.last):
        last = last & np.repeat(e.last, 2)
    both = np.repeat(np.arange(len(e)), 2)
    return Events(
        2 * e.n, e.n, src, dst, e.ts[both], e.cost[both], e.label[both], e.index[both], first, last
    )


def cut(e: Events, low: int, high: int) -> Events:
    """Return events low to high - 1, with vertices numbered anew, as few as there are."""
    part = slice(low, high)
    size = high - low
    src, dst = np.empty(size, dtype=np.int32), np.empty(size, dtype=np.int32)
    n = _renumber(e.src[part], e.dst[part], e.layer, np.full(e.n, -1, dtype=np.int32), src, dst)
    if e.layer:
        src[e.src[part] >= e.layer] += n
        dst[e.dst[part] >= e.layer] += n
    return replace(
        e, n=2 * n if e.layer else n, layer=n if e.layer else 0, src=src, dst=dst, ts=e.ts[part],
        cost=e.cost[part], label=e.label[part], index=e.index[part], first=e.first[part],
        last=e.last[part],
    )  # fmt: skip


@kernel
def _renumber(src: Small, dst: Small, layer: int, number: Small, near: Small, far: Small) -> int:
    """Write numbers of vertices by first appearance into near, far; return how many there are."""
    n = 0
    for e in range(len(src)):
        for out, v in ((near, src[e]), (far, dst[e])):
            base = v - layer if layer > 0 and v >= layer else v
            if number[base] < 0:
                number[base] = n
                n += 1
            out[e] = number[base]
    return n


@dataclass(frozen=True)
class Edges:
    """E edges over n vertices, numbered by (label, target, input order), for the exact search.

    `index` [E] is each one's place in the input; `twin` [E] the nearest earlier edge with the same
    source, target, label, first and last, or -1; `label` is dense, `kinds` [labels] are the
    input's labels in order; vertices of equal `base` [n] are one.
    """

    n: int
    base: Ints
    src: Ints
    dst: Ints
    ts: Ints
    cost: Ints
    label: Ints
    kinds: Ints
    index: Ints
    twin: Ints
    first: Bools
    last: Bools


def lay_out(e: Events, ids: Ints | None = None) -> Edges:
    """Return the events `ids` (all a path can use if None; no self loops) laid out by label."""
    if ids is None:
        ids = np.flatnonzero(e.src != e.dst)
    kinds, names = np.unique(e.label[ids], return_inverse=True)
    # A layered event is there twice, at one place of the input: its source tells them apart.
    order = np.lexsort((e.src[ids], e.index[ids], e.dst[ids], names))
    ids, names = ids[order], names[order].astype(np.int64)
    vertices, ends = np.unique(np.concatenate([e.src[ids], e.dst[ids]]), return_inverse=True)
    src, dst = ends[: len(ids)].astype(np.int64), ends[len(ids) :].astype(np.int64)
    base = np.arange(len(vertices))
    if e.layer:
        base = np.unique(vertices % e.layer, return_inverse=True)[1].astype(np.int64)
    index = e.index[ids].astype(np.int64)
    first = e.first[ids] if len(e.first) else np.ones(len(ids), dtype=bool)
    last = e.last[ids] if len(e.last) else np.ones(len(ids), dtype=bool)
    twin = _twins(src, dst, names, index, 2 * first + last)
    return Edges(
        len(vertices), base, src, dst, e.ts[ids], e.cost[ids], names, kinds.astype(np.int64), index,
        twin, first, last,
    )  # fmt: skip


def _twins(src: Ints, dst: Ints, label: Ints, index: Ints, ends: Ints) -> Ints:
    order = np.lexsort((index, ends, label, dst, src))
    before, after = order[:-1], order[1:]
    same = (src[before] == src[after]) & (dst[before] == dst[after])
    same &= (label[before] == label[after]) & (ends[before] == ends[after])
    twin = np.full(len(src), -1, dtype=np.int64)
    twin[after[same]] = before[same]
    return twin
