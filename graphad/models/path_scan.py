"""Which of many million edges can lie on a path that scores high, in two passes by time.

What a walk of r edges that ends with, or begins with, each edge can score at most is summed over
costs rounded up to 32-bit numbers: half the memory and time of exact sums, and still an upper
bound. Both passes run at once, each in its own thread. What is left is searched exactly.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from graphad.jit import kernel

Ints = npt.NDArray[np.int64]
Small = npt.NDArray[np.int32]
Bits = npt.NDArray[np.uint32]
Flags = npt.NDArray[np.bool_]

BINS = 1 << 16
_COUNTED = 19  # log2 of how many edges are counted
_NEVER = np.int64(1) << 62


@dataclass(frozen=True)
class Reach:
    """The bounds of E edges: `behind`, `ahead` [E, L], see `sums`; `counts` [L, BINS] edges.

    A bound b stands for b << shift on the grid of exact costs. Each `every`-th edge is counted in
    bin b >> `bin_shift`, for each length of path, by the best walk through it.
    """

    behind: Small
    ahead: Small
    cost: Small
    counts: Ints
    every: int
    shift: int
    bin_shift: int

    def floor(self, length: int, wanted: int) -> int:
        """Return a floor, on the grid of exact costs, that about `wanted` edges or more pass.

        0 if there are no more than that.
        """
        passing = np.cumsum(self.counts[length - 1][::-1])[::-1]
        bins = np.flatnonzero(passing >= max(wanted // self.every, 1))
        return int(bins[-1]) << (self.bin_shift + self.shift) if len(bins) else 0

    def passing(self, floors: Ints) -> tuple[Ints, Bits]:
        """Return (ids, bits): edges on a walk of r edges that may score floors[r - 1] or more.

        Shape: floors [L], -1 for lengths not wanted; bit r - 1 is set where such a walk exists.
        A walk that scores a floor or more has all its edges here.
        """
        # Rounding down keeps what the exact floor keeps.
        low = np.where(floors < 0, _NEVER, floors >> self.shift)
        with ThreadPoolExecutor(2) as pool:
            halves = list(
                pool.map(
                    lambda at: _pick(self.behind, self.ahead, self.cost, low, at[0], at[1]),
                    _halves(len(self.cost)),
                )
            )
        ids, bits = zip(*halves, strict=True)
        return np.concatenate(ids), np.concatenate(bits)


def _halves(size: int) -> list[tuple[int, int]]:
    return [(0, size // 2), (size // 2, size)]


def reach(
    src: Small, dst: Small, ts: Ints, cost: Ints, first: Flags, last: Flags, n: int, layer: int,
    length: int, strict: bool,
) -> Reach:  # fmt: skip
    """Return what paths of up to `length` edges through each edge can score at most.

    Shape: all [E]; src, dst below n; ts never falls; cost >= 0 on
    the exact grid; first, last: where a path may begin and end ([0]: anywhere). Vertices v and
    v + layer are one (layer 0: none are).
    """
    most = int(cost.max()) * length if len(cost) else 0
    shift = max(most.bit_length() - 30 + 1, 0)
    rounded = ((cost + ((1 << shift) - 1)) >> shift).astype(np.int32)
    with ThreadPoolExecutor(2) as pool:
        forward = pool.submit(sums, src, dst, ts, rounded, first, n, layer, length, strict, False)
        back = pool.submit(sums, dst, src, ts, rounded, last, n, layer, length, strict, True)
        behind, ahead = forward.result(), back.result()
    bin_shift = max((int(rounded.max()) * length if len(rounded) else 0).bit_length() - 16, 0)
    every = max(len(rounded) >> _COUNTED, 1)
    counts = _count(behind, ahead, rounded, bin_shift, every)
    return Reach(behind, ahead, rounded, counts, every, shift, bin_shift)


@kernel
def _keep(state: Small, at: int, value: int, origin: int) -> None:
    """Note that a walk from `origin` scores `value`: keep the best, and the best from elsewhere."""
    if value < 0:
        return
    if state[at + 1] == origin:
        state[at] = max(state[at], value)
    elif value > state[at]:
        state[at + 2] = state[at]
        state[at], state[at + 1] = value, origin
    elif value > state[at + 2]:
        state[at + 2] = value


@kernel
def sums(
    near: Small, far: Small, ts: Ints, cost: Small, allowed: Flags, n: int, layer: int,
    length: int, strict: bool, backward: bool,
) -> Small:  # fmt: skip
    """Return [E, length]: the best sum of a walk of r + 1 edges that ends with e; -1: none.

    Walks go forward in time, begin with an edge that is `allowed` and never turn straight back,
    but may otherwise repeat vertices. For walks that begin with e: swap near and far, `backward`.
    """
    edges = len(near)
    best = np.empty((edges, length), dtype=np.int32)
    # A vertex has, for each length but the last: the best, its origin, the best from elsewhere.
    width = 4
    while width < 3 * (length - 1):
        width *= 2
    state = np.full(n * width, -1, dtype=np.int32)
    anywhere = len(allowed) == 0
    at = 0
    while at < edges:
        e = edges - 1 - at if backward else at
        end = at + 1
        while end < edges and ts[edges - 1 - end if backward else end] == ts[e]:
            end += 1
        if end == at + 1 or strict:
            # All of one time are read before any is kept (alone, an edge cannot follow itself).
            for i in range(at, end):
                e = edges - 1 - i if backward else i
                come, c = near[e] * width, cost[e]
                to = far[e] - layer if layer > 0 and far[e] >= layer else far[e]
                if near[e] == far[e]:
                    best[e] = -1
                    continue
                best[e, 0] = c if anywhere or allowed[e] else -1
                for r in range(1, length):
                    p = come + 3 * (r - 1)
                    rest = state[p + 2] if state[p + 1] == to else state[p]
                    best[e, r] = c + rest if rest >= 0 else -1
            for i in range(at, end):
                e = edges - 1 - i if backward else i
                origin = near[e] - layer if layer > 0 and near[e] >= layer else near[e]
                p = far[e] * width
                for r in range(length - 1):
                    _keep(state, p + 3 * r, best[e, r], origin)
        else:
            # Edges of one time may follow each other in any order: length by length.
            for r in range(length):
                for i in range(at, end):
                    e = edges - 1 - i if backward else i
                    if near[e] == far[e]:
                        best[e, r] = -1
                        continue
                    if r == 0:
                        best[e, 0] = cost[e] if anywhere or allowed[e] else -1
                    else:
                        to = far[e] - layer if layer > 0 and far[e] >= layer else far[e]
                        p = near[e] * width + 3 * (r - 1)
                        rest = state[p + 2] if state[p + 1] == to else state[p]
                        best[e, r] = cost[e] + rest if rest >= 0 else -1
                    if r < length - 1:
                        origin = near[e] - layer if layer > 0 and near[e] >= layer else near[e]
                        _keep(state, far[e] * width + 3 * r, best[e, r], origin)
        at = end
    return best


@kernel
def _through(behind: Small, ahead: Small, cost: Small, e: int, length: int) -> int:
    """Return the best sum of a walk of `length` edges, one of which is e; -1: none."""
    most = -1
    for i in range(length):
        come, go = behind[e, i], ahead[e, length - 1 - i]
        if come >= 0 and go >= 0:
            most = max(most, come + go - cost[e])
    return most


@kernel
def _count(behind: Small, ahead: Small, cost: Small, bin_shift: int, every: int) -> Ints:
    edges, length = behind.shape
    counts = np.zeros((length, BINS), dtype=np.int64)
    for e in range(0, edges, every):
        for r in range(length):
            most = _through(behind, ahead, cost, e, r + 1)
            if most >= 0:
                counts[r, most >> bin_shift] += 1
    return counts


@kernel
def _pick(
    behind: Small, ahead: Small, cost: Small, low: Ints, begin: int, end: int
) -> tuple[Ints, Bits]:
    length = behind.shape[1]
    ids = np.empty(1024, dtype=np.int64)
    bits = np.empty(1024, dtype=np.uint32)
    found = 0
    for e in range(begin, end):
        flags = 0
        for r in range(length):
            if low[r] < (1 << 40) and _through(behind, ahead, cost, e, r + 1) >= low[r]:
                flags |= 1 << r
        if flags:
            if found == len(ids):
                more_ids, more_bits = np.empty(2 * found, np.int64), np.empty(2 * found, np.uint32)
                more_ids[:found] = ids
                more_bits[:found] = bits
                ids, bits = more_ids, more_bits
            ids[found], bits[found] = e, flags
            found += 1
    return ids[:found], bits[:found]
