"""How often quiet events reach a score: counted where there are enough, an exponential tail beyond.

Kinds of events differ in how their scores spread and in how many there are; what an analyst pays
for is how often an hour of a host would show such a score by chance. So that is what they are
compared by. The tail beyond a high quantile is the exponential one of peaks over a threshold
(Davison and Smith 1990, J. R. Stat. Soc. B 52(3), with shape 0): scores are sums of many parts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_SHARE = 0.1  # of the scores that the tail is fitted on ...
_LEAST = 20  # ... but so many of them, or all
_MOST = 2_000  # scores that are kept
_SLOPE = 1.0 / np.log(2.0)  # a bit more is at most half as likely, as bits go
_RAREST = 1e-300  # of an hour, so that z stays finite


@dataclass(frozen=True)
class Tail:
    """Quiet scores of one kind of events.

    scores: some of them, rising, by equal steps of rank; per_hour: quiet events of this kind in an
    hour of a host; beyond: where the tail begins; slope: the mean by which scores exceed that.
    """

    scores: Floats
    per_hour: float
    beyond: float
    slope: float

    @classmethod
    def fit(cls, scores: Floats, per_hour: float) -> "Tail":
        """Return the tail of quiet scores [n], in any order. Raises: ValueError: there is none."""
        found = np.sort(np.asarray(scores, np.float64))
        if not len(found) or not np.isfinite(found).all() or not 0 < per_hour < np.inf:
            raise ValueError("A tail needs finite scores, and a positive rate.")
        last = min(max(int(len(found) * _SHARE), _LEAST), len(found))
        beyond = float(found[-last])
        slope = max(float(found[-last:].mean()) - beyond, _SLOPE)
        steps = min(len(found), _MOST)
        kept = found[np.linspace(0, len(found) - 1, steps).round().astype(np.int64)]
        return cls(kept, float(per_hour), beyond, slope)

    def expected(self, score: Floats) -> Floats:
        """Return how many quiet events of an hour of a host reach each score, [n]."""
        score = np.asarray(score, np.float64)
        reach = len(self.scores) - np.searchsorted(self.scores, score, side="left")
        there = len(self.scores) - np.searchsorted(self.scores, self.beyond, side="left")
        past = np.maximum(score - self.beyond, 0.0) / self.slope
        share = np.where(score > self.beyond, there * np.exp(-past), reach) / len(self.scores)
        found: Floats = share * self.per_hour
        return found

    def z(self, score: Floats) -> Floats:
        """Return z of each score [n], see `z_of_rate`."""
        return z_of_rate(self.expected(score))

    def dump(self) -> tuple[dict[str, float], Floats]:
        """Return settings and scores for `restore`."""
        told = {"per_hour": self.per_hour, "beyond": self.beyond, "slope": self.slope}
        return told, self.scores

    @classmethod
    def restore(cls, told: Mapping[str, Any], scores: npt.NDArray[Any]) -> "Tail":
        """Return what `dump` gave. Raises: KeyError, TypeError, ValueError if it is not that."""
        made = cls(scores, *(float(told[name]) for name in ("per_hour", "beyond", "slope")))
        numbers = np.array([made.per_hour, made.slope, made.beyond])
        fits = scores.ndim == 1 and len(scores) > 0 and scores.dtype == np.float64
        if not fits or not np.isfinite(scores).all() or (np.diff(scores) < 0).any():
            raise ValueError("the tail of scores")
        if not np.isfinite(numbers).all() or min(made.per_hour, made.slope) <= 0:
            raise ValueError("the tail of scores")
        return made


def z_of_rate(expected: npt.ArrayLike) -> Floats:
    """Return the normal quantile z [n] of how seldom an hour has one, if so many are expected.

    P(one or more) = 1 - exp(-expected) = 1 - Phi(z): 0 is an even chance, 3 one hour in 740.
    """
    from scipy.special import ndtri

    rate = np.maximum(np.asarray(expected, np.float64), _RAREST)
    often = ndtri(np.exp(-np.minimum(rate, 690.0)))  # beyond, exp is 0
    z: Floats = np.where(rate < 0.5, -ndtri(-np.expm1(-rate)), often)
    return z
