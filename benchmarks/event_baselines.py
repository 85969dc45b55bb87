"""Simple scores of categorical events that a model has to beat: counts of values, pairs, tuples.

All have one face. `fit(codes [N, m], arity [m], seed)` learns from codes 0 to arity - 1, of which 0
may be unseen; `score(codes [N, m])` returns float64 [N], higher is more anomalous. Counting draws
no random number, so the seed changes nothing here; the forest is in event_outliers.
"""

from collections.abc import Iterator
from typing import NamedTuple, Protocol, Self

import numpy as np
import numpy.typing as npt

from graphad.graph import Ints

Floats = npt.NDArray[np.float64]


class Scorer(Protocol):
    """What scores categorical events."""

    def fit(self, codes: Ints, arity: Ints, seed: int) -> Self:
        """Learn from events."""
        ...

    def score(self, codes: Ints) -> Floats:
        """Return how anomalous events are."""
        ...


def check(codes: Ints, arity: Ints) -> None:
    """Raise ValueError unless codes [N, m] are within arity [m] and there is an event."""
    if codes.ndim != 2 or codes.shape[1:] != arity.shape or not codes.size:
        raise ValueError(f"codes {codes.shape} must be events of {len(arity)} types")
    if (codes < 0).any() or (codes >= arity).any():
        raise ValueError("codes must be from 0 to arity - 1")


def rarity(codes: Ints, arity: Ints) -> list[Floats]:
    """Return of each type -ln((n + 1) / (N + arity)) [arity] of its values, n times of N seen."""
    return [
        np.log(len(codes) + size) - np.log(np.bincount(codes[:, i], minlength=size) + 1.0)
        for i, size in enumerate(arity.tolist())
    ]


def looked_up(tables: list[Floats], codes: Ints) -> Floats:
    """Return [N, m] the entry of each type's table at each code."""
    return np.stack([table[codes[:, i]] for i, table in enumerate(tables)], axis=1)


class Independent:
    """Independent frequencies: sum over types of -ln p(a_i), add-one smoothed."""

    def fit(self, codes: Ints, arity: Ints, seed: int = 0) -> Self:
        """Learn from events."""
        check(codes, arity)
        self.tables_ = rarity(codes, arity)
        return self

    def score(self, codes: Ints) -> Floats:
        """Return how anomalous events are."""
        total: Floats = looked_up(self.tables_, codes).sum(axis=1)
        return total


class NeverSeen:
    """Never-seen tuples above all others; within both, independent frequencies.

    The score is theirs, plus more than they can ever give if training hasn't the tuple.
    """

    def fit(self, codes: Ints, arity: Ints, seed: int = 0) -> Self:
        """Learn from events."""
        self.inner_ = Independent().fit(codes, arity, seed)
        self.seen_ = {row.tobytes() for row in np.ascontiguousarray(codes)}
        self.step_ = 1 + sum(float(table.max()) for table in self.inner_.tables_)
        return self

    def score(self, codes: Ints) -> Floats:
        """Return how anomalous events are."""
        rows = np.ascontiguousarray(codes)
        unseen = np.array([row.tobytes() not in self.seen_ for row in rows], np.bool_)
        return self.inner_.score(codes) + self.step_ * unseen


class Pair(NamedTuple):
    """Counts of the pairs of values of types i < j: sorted keys a_i * arity_j + a_j, and n."""

    i: int
    j: int
    keys: Ints
    n: Ints


class _Pairs:
    """Counts of values and of pairs of values, and p(a) = (n + 1) / (N + arity) of values."""

    def fit(self, codes: Ints, arity: Ints, seed: int = 0) -> Self:
        """Learn from events of at least two types. Raises: ValueError: there is one type only."""
        check(codes, arity)
        if len(arity) < 2:
            raise ValueError("pairs need two types")
        self.arity_, self.events_ = arity, len(codes)
        self.p_ = [np.exp(-table) for table in rarity(codes, arity)]
        self.n_ = [np.bincount(codes[:, i], minlength=size) for i, size in enumerate(arity)]
        self.pairs_ = []
        for i in range(len(arity)):
            for j in range(i + 1, len(arity)):
                found, n = np.unique(codes[:, i] * arity[j] + codes[:, j], return_counts=True)
                self.pairs_.append(Pair(i, j, found, n))
        return self

    def _seen(self, codes: Ints) -> Iterator[tuple[int, int, Floats]]:
        """Yield i, j and how often each event's pair of values was seen [N]."""
        for i, j, known, n in self.pairs_:
            key = codes[:, i] * self.arity_[j] + codes[:, j]
            at = np.searchsorted(known, key).clip(max=len(known) - 1)
            yield i, j, np.where(known[at] == key, n[at], 0).astype(np.float64)


class Conditional(_Pairs):
    """Pairwise conditional counts: mean over ordered pairs of types of -ln P(a_j | a_i).

    P(a_j | a_i) = (n_ij + p(a_j)) / (n_i + 1): one imagined event of a_i is spread as a_j is in
    general, so a value never seen with a_i costs more the rarer it is.
    """

    def score(self, codes: Ints) -> Floats:
        """Return how anomalous events are."""
        total = np.zeros(len(codes))
        for i, j, n in self._seen(codes):
            for given, other in ((i, j), (j, i)):
                p = self.p_[other][codes[:, other]]
                total -= np.log((n + p) / (self.n_[given][codes[:, given]] + 1))
        types = len(self.arity_)
        return total / (types * (types - 1))


class RarestPair(_Pairs):
    """The rarest pair of values: max over pairs of types of -ln p(a_i, a_j).

    p(a_i, a_j) = (n_ij + p(a_i) p(a_j)) / (N + 1), so pairs never seen differ by their values.
    """

    def score(self, codes: Ints) -> Floats:
        """Return how anomalous events are."""
        worst = np.full(len(codes), -np.inf)
        for i, j, n in self._seen(codes):
            p = self.p_[i][codes[:, i]] * self.p_[j][codes[:, j]]
            np.maximum(worst, np.log(self.events_ + 1) - np.log(n + p), out=worst)
        return worst
