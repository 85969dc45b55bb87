"""Scores of events from trained embeddings: numpy alone, and exact.

score(e) = origin - sum_i b_i - sum_{i<j} w_ij v_i.v_j in bits, by equations 1 and 11 of our notes
on APE (arXiv 1608.07502). All numbers lie on a grid so coarse that float64 holds every sum without
rounding: whatever is added up in whatever order (one event or a million, by pair or by type, BLAS
or a loop) gives the same bits, and the parts of a score add up to it exactly. Counts of pairs of
values may add theirs (pair_bits).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from graphad.models.pair_bits import PairBits
from graphad.models.pair_counts import PairCounts

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_BITS = 51  # that a float64 has for a sum and for halves of its parts
_NUMBERS = 2**16  # of events' vectors at a time, so that they stay in the cache
_KEYS = 2**16  # of pairs of values looked up at a time
_CELLS = 2**20  # events times values at a time, so that memory stays bounded


def starts(arity: Ints) -> Ints:
    """Return [m + 1]: where the values of each type begin, in one numbering of all.

    >>> starts(np.array([2, 3])).tolist()
    [0, 2, 5]
    """
    return np.concatenate([[0], np.cumsum(arity)]).astype(np.int64)


@dataclass(frozen=True)
class Scores:
    """A likelihood over events of m types, with A values of all types side by side.

    vectors [A, d], bias [A], weights [m, m] (above the diagonal alone), start [m + 1], origin: the
    score 0, in bits; pairs: what counts of pairs of values add, if they do.
    """

    vectors: Floats
    bias: Floats
    weights: Floats
    start: Ints
    origin: float = 0.0
    pairs: PairBits | None = None

    @classmethod
    def learned(
        cls, parameters: tuple[npt.NDArray[Any], ...], steady: Floats, arity: Ints,
        counts: Floats, counted: PairCounts | None, pair_weight: float, origin: float,
    ) -> "Scores":  # fmt: skip
        """Return the scores of what a model learned: vectors, bias, weights, and counts.

        steady [m, m]: by what the weight of each pair of types counts, and that of its counts.
        """
        (vectors, bias, weights), start, pairs = parameters, starts(arity), None
        if counted is not None and len(counted):
            by_pair = pair_weight * steady[tuple(counted.types.T)]
            pairs = PairBits.of(counted, counts, start, by_pair)
        return cls.folded(vectors, bias, weights * steady, start, pairs, origin)

    @classmethod
    def on_grid(
        cls, vectors: npt.ArrayLike, bias: npt.ArrayLike, weights: npt.ArrayLike, start: Ints,
        pairs: PairBits | None = None,
    ) -> "Scores":  # fmt: skip
        """Return scores whose numbers are the nearest ones on a grid that makes sums exact."""
        v, b, w = (np.asarray(a, dtype=np.float64) for a in (vectors, bias, weights))
        w = np.triu(w, 1)
        size = float(np.abs(v).max(initial=0.0)), float(w.max(initial=0.0))
        most = w.shape[0] ** 2 * max(v.shape[1], 1) * max(size[0], 1.0) ** 2 * max(size[1], 1.0)
        most += 2.0 * len(w) * float(np.abs(b).max(initial=0.0)) + 1.0
        most += 2.0 * pairs.most if pairs else 0.0
        room = _BITS - int(np.ceil(np.log2(most))) - 2
        fine = max(min(room // 3, 16), 1)
        steps = 2.0 ** ((room - fine) // 2), 2.0**fine, 2.0 ** min(room, 24)
        made = (np.rint(a * s) / s for a, s in zip((v, w, b), steps, strict=True))
        v, w, b = made
        return cls(v, b, w, start, pairs=pairs.rounded(steps[2]) if pairs else None)

    @classmethod
    def folded(
        cls, vectors: npt.ArrayLike, bias: npt.ArrayLike, weights: npt.ArrayLike, start: Ints,
        pairs: PairBits | None, origin: float,
    ) -> "Scores":  # fmt: skip
        """Return the scores of trained parameters, which are in nats."""
        bits = 1.0 / np.log(2.0)
        b, w = (bits * np.asarray(a, np.float64) for a in (bias, weights))
        return replace(cls.on_grid(vectors, b, w, start, pairs), origin=origin)

    @cached_property
    def _level(self) -> Floats:
        """Return what each value [A] takes from a score by itself."""
        return self.bias - self.pairs.level if self.pairs else self.bias

    def ids(self, codes: Ints) -> Ints:
        """Return the numbers [n, m] of values among all, from codes within their types.

        Raises: ValueError: a code is not one of its type.
        """
        if ((codes < 0) | (codes >= np.diff(self.start))).any():
            raise ValueError("Each code must be at least 0 and below the arity of its type.")
        return codes + self.start[:-1]

    def score(self, codes: Ints) -> Floats:
        """Return the score [n] of events [n, m], in bits."""
        m, d = len(self.weights), self.vectors.shape[1]
        step = max(_NUMBERS // (m * d), 1)
        total = np.empty(len(codes))
        room = np.empty((2, m * min(step, len(codes)) * d))
        for begin in range(0, len(codes), step):
            ids = self.ids(codes[begin : begin + step]).T
            n = ids.shape[1]
            v, mixed = room[:, : m * n * d].reshape(2, m, n * d)
            # "clip" writes straight to `out`; nothing is clipped, for `ids` has checked.
            np.take(self.vectors, ids, axis=0, out=v.reshape(m, n, d), mode="clip")
            np.matmul(self.weights, v, out=mixed)
            pairs = np.einsum("ik,ik->k", mixed, v).reshape(n, d).sum(axis=1)
            total[begin : begin + n] = self.origin - self._level[ids].sum(axis=0) - pairs
        if self.pairs:
            step = max(_KEYS // len(self.pairs.types), 1)
            for begin in range(0, len(codes), step):
                ids = (codes[begin : begin + step] + self.start[:-1]).T
                total[begin : begin + step] += self.pairs.together(ids).sum(axis=0)
        return total

    def one(self, ids: Sequence[int]) -> float:
        """Return the score of one event by the numbers [m] of its values among all, plain ints."""
        v = self.vectors.take(ids, 0)
        level = self._listed
        total = self.origin - sum([level[i] for i in ids]) - float(np.vdot(self.weights.dot(v), v))
        return total + self.pairs.one(ids) if self.pairs else total

    @cached_property
    def _listed(self) -> list[float]:
        listed: list[float] = self._level.tolist()
        return listed

    @cached_property
    def places(self) -> Ints:
        """Return all pairs of types [P, 2]."""
        return np.argwhere(np.triu(np.ones(self.weights.shape), 1) > 0)

    def parts(self, codes: Ints) -> tuple[Floats, Floats]:
        """Return the bits of each type alone [n, m] and of each pair [n, P], in order of `places`.

        With the origin they add up to the score.
        """
        ids = self.ids(codes)
        single = -self.bias[ids]
        i, j = self.places.T
        products = np.einsum("npd,npd->np", self.vectors[ids[:, i]], self.vectors[ids[:, j]])
        both = -self.weights[i, j] * products + 0.0
        if self.pairs:
            m = len(self.weights)
            at = np.searchsorted(i * m + j, self.pairs.types @ np.array([m, 1]))
            both[:, at] += self.pairs.each(codes)
        return single, both

    def logits(self, codes: Ints, place: int) -> Floats:
        """Return the bits [n, values] of each value of a type in the company of the others.

        Equation 12: b_a + v_a . sum_{j != i} w_ij v_{a_j}, and the bits of counted pairs.
        """
        both = self.weights + self.weights.T
        v = self.vectors[self.ids(codes)]
        context = np.einsum("j,njd->nd", both[place], v)
        mine = slice(self.start[place], self.start[place + 1])
        found: Floats = context @ self.vectors[mine].T + self.bias[mine]
        if self.pairs:
            found -= self.pairs.of_type(codes, place)
        return found

    def own(self, codes: Ints) -> Floats:
        """Return the bits [n, m] of each value of events in the company of the others.

        Those that `logits` has, of the events' own values alone.
        """
        both, v = self.weights + self.weights.T, self.vectors[self.ids(codes)]
        found: Floats = np.einsum("ij,nid,njd->ni", both, v, v) + self.bias[self.ids(codes)]
        if self.pairs:
            for bits, (i, j) in zip(self.pairs.each(codes).T, self.pairs.types, strict=True):
                found[:, i] -= bits
                found[:, j] -= bits
        return found

    def conditional(self, codes: Ints) -> Floats:
        """Return -log2 P(a_i | the others) [n, m]: exact, at the cost of all values of a type.

        Equation 12 of our notes on APE.
        """
        return self.normalisers(codes)[1]

    def normalisers(self, codes: Ints) -> tuple[Floats, Floats]:
        """Return log2 of what `conditional` divides by [n, m], and `conditional` [n, m]."""
        total, found = np.empty(codes.shape), np.empty(codes.shape)
        for place in range(codes.shape[1]):
            for part, logits in self._some_logits(codes, place):
                own = logits[np.arange(len(logits)), codes[part, place]]
                total[part, place] = log2_sum(logits)
                found[part, place] = total[part, place] - own
        return total, found

    def expected(self, codes: Ints, times: Floats, places: Ints, but: Ints) -> Floats:
        """Return how often each value [A] is to be expected in the company of the others.

        codes [n, m]: events, each of which counts so many times [n]. Of each type in `places` it is
        the sum over events of P(a | the others), of other types 0. Values in `but` [P] are left
        out, which get 0, and so are, for their type, the events that have them.
        """
        total, left = np.zeros(int(self.start[-1])), np.zeros(int(self.start[-1]), np.bool_)
        left[but] = True
        for place in places.tolist():
            mine = slice(self.start[place], self.start[place + 1])
            counted = np.where(left[mine][codes[:, place]], 0.0, times)
            for part, logits in self._some_logits(codes, place):
                logits[:, left[mine]] = -np.inf
                total[mine] += counted[part] @ _shares(logits)
        return total

    def likeliest(self, codes: Ints, place: int, most: int) -> tuple[Floats, Ints, Floats]:
        """Return `conditional` of a type [n], and its likeliest values with their shares [n, most].

        Fewer than `most` where the type has no more values.
        """
        bits, most = np.empty(len(codes)), min(most, int(np.diff(self.start)[place]))
        best, shares = np.empty((len(codes), most), np.int64), np.empty((len(codes), most))
        for part, logits in self._some_logits(codes, place):
            own = logits[np.arange(len(logits)), codes[part, place]]
            bits[part] = log2_sum(logits) - own
            share = _shares(logits)
            best[part] = np.argsort(-share, axis=1, kind="stable")[:, :most]
            shares[part] = np.take_along_axis(share, best[part], axis=1)
        return bits, best, shares

    def _some_logits(self, codes: Ints, place: int) -> Iterator[tuple[slice, Floats]]:
        """Yield the logits of some events at a time."""
        step = max(_CELLS // int(np.diff(self.start)[place]), 1)
        for begin in range(0, len(codes), step):
            part = slice(begin, begin + step)
            yield part, self.logits(codes[part], place)


def _shares(bits: Floats) -> Floats:
    """Return 2^bits [n, values], divided by their sum over values."""
    share: Floats = np.exp2(bits - bits.max(axis=1, keepdims=True))
    share /= share.sum(axis=1, keepdims=True)
    return share


def log2_sum(bits: Floats) -> Floats:
    """Return log2 of the sum of 2^bits over the last axis.

    >>> log2_sum(np.array([3.0, 3.0])).item()
    4.0
    """
    top = bits.max(axis=-1, keepdims=True)
    shares = bits - top
    total: Floats = np.log2(np.exp2(shares, out=shares).sum(axis=-1)) + top[..., 0]
    return total
