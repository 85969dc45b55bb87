"""Where noise values come from: smoothed frequencies of a type, and a fast way to draw them.

The probability that is drawn by is the one that training is told; the published code drew by
frequency^0.75 and told the plain frequency. Source: APE, section 4.3 of our notes on it; drawing
is Walker's alias method (Vose's form of it).
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from graphad.jit import kernel
from graphad.models.embedding_scores import starts

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Noise:
    """What to replace values by: for all A values of m types, those of a type side by side.

    log_p [A]: natural log of the chance of each within its type; keep [A] and other [A] say how to
    draw: a value drawn evenly stays with chance `keep`, and else becomes `other`; start [m + 1].
    """

    log_p: Floats
    keep: Floats
    other: Ints
    start: Ints

    @classmethod
    def of(cls, counts: Floats, arity: Ints, power: float, uniform: float) -> "Noise":
        """Return the noise of types with so many values each, whose counts [A] are given.

        Share `uniform` is spread evenly, the rest goes by count^power; a value that was never
        seen counts as one, so that none has chance 0.
        """
        start = starts(arity)
        chance, keep = np.empty(len(counts)), np.empty(len(counts))
        other = np.empty(len(counts), np.int64)
        for begin, end in pairwise(start.tolist()):
            mine = smoothed(counts[begin:end], power, uniform)
            chance[begin:end] = mine
            keep[begin:end], local = alias(mine)
            other[begin:end] = local + begin
        return cls(np.log(chance), keep, other, start)


def smoothed(counts: Floats, power: float, uniform: float) -> Floats:
    """Return chances [n] that sum to 1, by counts [n].

    >>> smoothed(np.array([6.0, 4.0]), 0.75, 0.0).round(6).tolist()
    [0.575444, 0.424556]
    """
    weight = np.maximum(counts, 1.0) ** power
    chance: Floats = (1.0 - uniform) * weight / weight.sum() + uniform / len(counts)
    return chance


@kernel
def alias(chance: Floats) -> tuple[Floats, Ints]:
    """Return for each of n values with what chance it is kept, and what stands in for it else."""
    n = len(chance)
    keep = np.ones(n)
    other = np.arange(n)
    share = chance * n
    small, large = np.empty(n, np.int64), np.empty(n, np.int64)
    smalls = larges = 0
    for i in range(n):
        if share[i] < 1.0:
            small[smalls] = i
            smalls += 1
        else:
            large[larges] = i
            larges += 1
    while smalls and larges:
        smalls -= 1
        less, more = small[smalls], large[larges - 1]
        keep[less], other[less] = share[less], more
        share[more] -= 1.0 - share[less]
        if share[more] < 1.0:
            larges -= 1
            small[smalls] = more
            smalls += 1
    return keep, other


@kernel
def random_bits(state: Words) -> np.uint64:
    """Return 64 bits and move the state [1] on. Source: splitmix64 (Steele, Lea, Flood 2014)."""
    state[0] += np.uint64(0x9E3779B97F4A7C15)
    z = state[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    bits: np.uint64 = z ^ (z >> np.uint64(31))
    return bits


@kernel
def draw(state: Words, keep: Floats, other: Ints, begin: int, size: int) -> int:
    """Return a value of the type that begins there, by its chance."""
    bits = random_bits(state)
    at = begin + np.int64((bits >> np.uint64(32)) * np.uint64(size) >> np.uint64(32))
    if np.float64(bits & np.uint64(0xFFFFFFFF)) >= keep[at] * 4294967296.0:
        at = other[at]
    return at
