"""How often pairs of values of some pairs of types occurred together.

Counts are complete or absent: a pair of values that was dropped would look never seen and raise a
false alarm, so where there are too many, whole pairs of types are left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MOST = 2**20  # pairs of values that are kept: some 24 MB on disk and 64 to look them up in
_NAMES = ("pair_types", "pair_start", "pair_first", "pair_second", "pair_count")


@dataclass(frozen=True)
class PairCounts:
    """Counts of K pairs of values of Q pairs of types, the most useful pair of types first.

    types [Q, 2]: i and j; start [Q + 1]: where the pairs of values of each begin; first [K] and
    second [K]: codes of types i and j, sorted within each pair of types; count [K], at least 1.
    """

    types: Ints
    start: Ints
    first: Ints
    second: Ints
    count: Ints

    @classmethod
    def of(cls, codes: Ints, types: npt.ArrayLike, arity: Ints) -> "PairCounts":
        """Count in events [n, m] the pairs of values of pairs of types [Q, 2].

        >>> counts = PairCounts.of(np.array([[1, 0], [1, 2], [1, 2]]), [[0, 1]], np.array([2, 3]))
        >>> counts.first.tolist(), counts.second.tolist(), counts.count.tolist()
        ([1, 1], [0, 2], [1, 2])
        """
        chosen = np.asarray(types, np.int64).reshape(-1, 2)
        held = [
            np.unique(codes[:, i] * arity[j] + codes[:, j], return_counts=True) for i, j in chosen
        ]
        wide = arity[chosen[:, 1]]
        return cls._joined(chosen, wide, [key for key, _ in held], [count for _, count in held])

    @classmethod
    def _joined(cls, types: Ints, wide: Ints, keys: list[Ints], counts: list[Ints]) -> "PairCounts":
        """Return counts of sorted keys of each pair of types: first code * wide + second code."""
        sizes = np.array([len(key) for key in keys], np.int64)
        key = np.concatenate([np.zeros(0, np.int64), *keys])
        first, second = np.divmod(key, wide.repeat(sizes))
        start = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        count = np.concatenate([np.zeros(0, np.int64), *counts])
        return cls(types, start, first, second, count)

    def __iter__(self) -> Any:
        """Yield i, j, first codes, second codes and counts of each pair of types."""
        for (i, j), (begin, end) in zip(
            self.types.tolist(), pairwise(self.start.tolist()), strict=True
        ):
            mine = slice(begin, end)
            yield i, j, self.first[mine], self.second[mine], self.count[mine]

    def __len__(self) -> int:
        """Return the number of pairs of types."""
        return len(self.types)

    def plus(self, other: "PairCounts") -> "PairCounts":
        """Return the sums of the counts of two, which are of the same pairs of types."""
        both = (self.second, other.second)
        wide = 1 + max((int(second.max()) for second in both if len(second)), default=0)
        keys, counts = [], []
        for (_, _, *mine), (_, _, *theirs) in zip(self, other, strict=True):
            first, second, count = (np.concatenate(two) for two in zip(mine, theirs, strict=True))
            key, which = np.unique(first * wide + second, return_inverse=True)
            total = np.zeros(len(key), np.int64)
            np.add.at(total, which.ravel(), count)
            keys.append(key)
            counts.append(total)
        return self._joined(self.types, np.full(len(self), wide), keys, counts)

    def within(self, most: int = MOST) -> "PairCounts":
        """Return the counts of the first pairs of types that have at most so many in all."""
        kept = int((self.start[1:] <= most).sum())
        end = self.start[kept]
        return PairCounts(
            self.types[:kept], self.start[: kept + 1],
            self.first[:end], self.second[:end], self.count[:end],
        )  # fmt: skip

    def dump(self) -> dict[str, Ints]:
        """Return the arrays for `restore`."""
        values = (self.types, self.start, self.first, self.second, self.count)
        return dict(zip(_NAMES, values, strict=True))

    @classmethod
    def restore(cls, arrays: Mapping[str, Any], arity: Ints, counts: Floats) -> "PairCounts":
        """Return what `dump` gave, counted in the events whose values have counts [A].

        Raises: KeyError: an array is missing; ValueError: they don't hang together.
        """
        made = cls(*(arrays[name] for name in _NAMES))
        if not made._whole(arity, counts):
            raise ValueError("counts of pairs")
        return made

    def _whole(self, arity: Ints, counts: Floats) -> bool:
        types, start = self.types, self.start
        if any(a.dtype != np.int64 for a in self.dump().values()):
            return False
        size = len(self.first)
        if types.ndim != 2 or types.shape[1] != 2 or start.shape != (len(types) + 1,):
            return False
        if any(a.shape != (size,) for a in (self.first, self.second, self.count)):
            return False
        if start[0] != 0 or start[-1] != size or (np.diff(start) < 0).any():
            return False
        if len(types) and (types.min() < 0 or types.max() >= len(arity)):
            return False
        if (types[:, 0] >= types[:, 1]).any() or len(np.unique(types, axis=0)) != len(types):
            return False
        ends = np.cumsum(arity)
        for i, j, first, second, count in self:
            if (count < 1).any() or (first < 0).any() or (second < 0).any():
                return False
            if (first >= arity[i]).any() or (second >= arity[j]).any():
                return False
            if (np.diff(first * arity[j] + second) <= 0).any():
                return False
            # Each event has one pair of each pair of types: a value's pairs add up to its count.
            for place, code in ((i, first), (j, second)):
                total = np.bincount(code, count, arity[place])
                if not np.array_equal(total, counts[ends[place] - arity[place] : ends[place]]):
                    return False
        return True
