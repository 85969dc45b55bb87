"""By how many bits a pair of values is rarer together than its values are.

For values a, b of two types the bits are -w/2 [log2 P(b | a)/P(b) + log2 P(a | b)/P(a)], minus
half the pointwise mutual information from either side, w times. P(b | a) = (n_ab + c_a P(b)) /
(n_a + c_a) with c_a = 0.3 times the number of kinds of b that a was seen with. Source: Witten and
Bell, IEEE Trans. Information Theory 37, 1991, method C, by a factor that measured better than 1:
who had ever new company is expected to have new company, who always had the same isn't.

What two values cost that were never seen together is a sum of one number for each, so that only
pairs that were seen are looked up.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from graphad.models.pair_counts import PairCounts

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]

_SHARE = 0.3
_FACTOR = 0x9E3779B97F4A7C15  # of Fibonacci hashing (Knuth, TAOCP 3, section 6.4)
_EMPTY = -1


@dataclass(frozen=True)
class PairBits:
    """Bits of pairs of values of Q pairs of types, all of A values in one numbering.

    types [Q, 2]; start [m + 1] of the types; left: of each pair of types the bits of every value of
    the first one, right: of the second one, if they were never seen together; keys [K], sorted:
    first value * A + second value of those that were; bits [K]: what that adds, at most 0.
    """

    types: Ints
    start: Ints
    left: tuple[Floats, ...]
    right: tuple[Floats, ...]
    keys: Ints
    bits: Floats

    @classmethod
    def of(
        cls, pairs: PairCounts, counts: Floats, start: Ints, weights: npt.ArrayLike
    ) -> "PairBits":
        """Return the bits of counted pairs; counts [A] of the values in the same events.

        weights: of each pair of types [Q], or one of all.

        Raises: ValueError: a weight isn't within 0 and 1.
        """
        every = np.broadcast_to(np.asarray(weights, np.float64), len(pairs))
        if not ((every >= 0.0) & (every <= 1.0)).all():
            raise ValueError("the weights of pairs must be within 0 and 1")
        sides: tuple[list[Floats], list[Floats]] = ([], [])
        keys, bits = [np.zeros(0, np.int64)], [np.zeros(0)]
        for (i, j, first, second, count), weight in zip(pairs, every.tolist(), strict=True):
            total = np.zeros(len(count))
            for side, here, there, mine, other in (
                (sides[0], i, j, first, second), (sides[1], j, i, second, first),
            ):  # fmt: skip
                seen = counts[start[here] : start[here + 1]]
                known = counts[start[there] : start[there + 1]]
                chance = np.maximum(known, 0.5) / max(known.sum(), 1.0)
                room = _SHARE * np.maximum(np.bincount(mine, minlength=len(seen)), 1)
                side.append(-weight / 2 * np.log2(room / (seen + room)))
                total -= weight / 2 * np.log2(1.0 + count / (room[mine] * chance[other]))
            keys.append((first + start[i]) * start[-1] + second + start[j])
            bits.append(total)
        key, value = np.concatenate(keys), np.concatenate(bits)
        order = np.argsort(key)
        return cls(pairs.types, start, tuple(sides[0]), tuple(sides[1]), key[order], value[order])

    @property
    def most(self) -> float:
        """Return what the bits of one event can at most add up to, all taken as positive."""
        top = sum(float(np.abs(side).max()) for side in (*self.left, *self.right))
        return top + len(self.types) * float(np.abs(self.bits).max(initial=0.0))

    def rounded(self, steps: float) -> "PairBits":
        """Return the nearest bits that are whole numbers of 1 / steps."""
        left, right = (
            tuple(np.rint(a * steps) / steps for a in s) for s in (self.left, self.right)
        )
        return replace(self, left=left, right=right, bits=np.rint(self.bits * steps) / steps)

    @cached_property
    def level(self) -> Floats:
        """Return what each value [A] costs with all that it was never seen with."""
        total = np.zeros(int(self.start[-1]))
        for (i, j), left, right in zip(self.types.tolist(), self.left, self.right, strict=True):
            total[self.start[i] : self.start[i + 1]] += left
            total[self.start[j] : self.start[j + 1]] += right
        return total

    @cached_property
    def _slots(self) -> tuple[Ints, np.uint64]:
        """Return a hash table [slots, 2] and what a hash is shifted by.

        A slot is a key, or -1, and the bytes of its bits, or 0: side by side, so that a look-up
        waits for memory once. A key lies at its hash or after it, with no free slot between
        (linear probing).
        """
        width = max(int(2 * len(self.keys)).bit_length(), 1)
        shift = np.uint64(64 - width)
        slots = np.zeros((2**width, 2), np.int64)
        held, bits = slots[:, 0], slots.view(np.float64)[:, 1]
        held[:] = _EMPTY
        left, at = np.arange(len(self.keys)), _hashes(self.keys, shift)
        while len(left):
            free = held[at] == _EMPTY
            held[at[free]] = self.keys[left[free]]  # of several the last one stays
            lost = held[at] != self.keys[left]
            bits[at[~lost]] = self.bits[left[~lost]]
            left, at = left[lost], (at[lost] + 1) % len(held)
        return slots, shift

    def looked_up(self, keys: Ints) -> Floats:
        """Return the bits [n] of keys, 0 for those never seen."""
        slots, shift = self._slots
        at = _hashes(keys, shift)
        some = slots.take(at, 0)
        same = some[:, 0] == keys
        bits: Floats = some.view(np.float64)[:, 1] * same
        pending = np.flatnonzero(~same & (some[:, 0] != _EMPTY))
        at = at[pending]
        while len(pending):
            at = (at + 1) % len(slots)
            some = slots.take(at, 0)
            same = some[:, 0] == keys[pending]
            bits[pending[same]] = some.view(np.float64)[same, 1]
            more = ~same & (some[:, 0] != _EMPTY)
            pending, at = pending[more], at[more]
        return bits

    def together(self, ids: Ints) -> Floats:
        """Return what pairs of types that were seen together add [Q, n], from values [m, n]."""
        i, j = self.types.T
        keys = ids[i] * self.start[-1] + ids[j]
        return self.looked_up(keys.ravel()).reshape(keys.shape)

    def each(self, codes: Ints) -> Floats:
        """Return the bits [n, Q] of the pairs of events [n, m]."""
        found = self.together((codes + self.start[:-1]).T)
        for q, (i, j) in enumerate(self.types.tolist()):
            found[q] += self.left[q][codes[:, i]] + self.right[q][codes[:, j]]
        return found.T

    def one(self, ids: Sequence[int]) -> float:
        """Return what pairs of types that were seen together add, of one event's values [m]."""
        held, bits, shift, last, values, places = self._viewed
        total = 0.0
        for i, j in places:
            key = ids[i] * values + ids[j]
            at = (key * _FACTOR >> shift) & last  # twice what `_hashes` has, which wraps at 64 bits
            while (found := held[at]) != key:
                if found == _EMPTY:
                    break
                at = (at + 2) & last
            else:
                total += bits[at + 1]
        return total

    @cached_property
    def _viewed(self) -> tuple[memoryview, memoryview, int, int, int, list[list[int]]]:
        """Return the hash table in a form that is quick to read one by one; no dict, for memory."""
        slots, shift = self._slots
        flat = slots.ravel()
        views = flat.data, flat.view(np.float64).data
        last = 2 * (len(slots) - 1)
        return *views, int(shift) - 1, last, int(self.start[-1]), self.types.tolist()

    @cached_property
    def _by_second(self) -> tuple[Ints, Ints, Floats]:
        """Return second values, sorted, first values, and bits of the keys [K]."""
        first, second = np.divmod(self.keys, self.start[-1])
        order = np.lexsort((first, second))
        return second[order], first[order], self.bits[order]

    def of_type(self, codes: Ints, place: int) -> Floats:
        """Return the bits [n, values] of each value of a type in the company of the others."""
        begin, end = self.start[place], self.start[place + 1]
        total = np.zeros((len(codes), int(end - begin)))
        for q, (i, j) in enumerate(self.types.tolist()):
            if place == i:
                total += self.left[q] + self.right[q][codes[:, j], None]
                among, mine, bits = self._by_second
                low = np.searchsorted(among, codes[:, j] + self.start[j], "left")
                high = np.searchsorted(among, codes[:, j] + self.start[j], "right")
            elif place == j:
                total += self.right[q] + self.left[q][codes[:, i], None]
                bits, mine = self.bits, self.keys % self.start[-1]
                wanted = (codes[:, i] + self.start[i]) * self.start[-1]
                low = np.searchsorted(self.keys, wanted + begin, "left")
                high = np.searchsorted(self.keys, wanted + end, "left")
            else:
                continue
            row = np.arange(len(codes)).repeat(high - low)
            at = np.arange(len(row)) + (low - np.cumsum(high - low) + (high - low)).repeat(
                high - low
            )
            inside = (mine[at] >= begin) & (mine[at] < end)
            total[row[inside], mine[at[inside]] - begin] += bits[at[inside]]
        return total


def _hashes(keys: Ints, shift: np.uint64) -> Ints:
    """Return the slots of keys [n]."""
    words: Words = keys.view(np.uint64) * np.uint64(_FACTOR)
    words >>= shift
    return words.view(np.int64)
