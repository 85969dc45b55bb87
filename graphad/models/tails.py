"""How seldom quiet events reach a score: counted where there are enough, beyond by a tail.

Scores of different kinds of events spread differently; what they are compared by is the share of
quiet events of their own kind that score as high. The tail beyond a high quantile is the
exponential one of peaks over a threshold (Davison and Smith 1990, J. R. Stat. Soc. B 52(3), with
shape 0): scores are sums of many parts.
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
_RAREST, _COMMON = 1e-300, 1e-15  # shares, so that z stays finite


@dataclass(frozen=True)
class Tail:
    """Quiet scores of one kind of events.

    scores: some of them, rising, by equal steps of rank; beyond: where the tail begins; slope: the
    mean by which scores exceed that.
    """

    scores: Floats
    beyond: float
    slope: float

    @classmethod
    def fit(cls, scores: Floats, least: float = _SLOPE) -> "Tail":
        """Return the tail of quiet scores [n], in any order.

        least: the slope is no smaller; the default is for scores in bits. Raises: ValueError: there
        is no score.
        """
        found = np.sort(np.asarray(scores, np.float64))
        if not len(found) or not np.isfinite(found).all():
            raise ValueError("A tail needs scores, and finite ones.")
        last = min(max(int(len(found) * _SHARE), _LEAST), len(found))
        beyond = float(found[-last])
        slope = max(float(found[-last:].mean()) - beyond, least)
        steps = min(len(found), _MOST)
        kept = found[np.linspace(0, len(found) - 1, steps).round().astype(np.int64)]
        return cls(kept, beyond, float(slope))

    def share(self, score: npt.ArrayLike) -> Floats:
        """Return the share of quiet events that reach each score, [n]; it falls with the score."""
        reach, past = self._reach(score)
        found: Floats = reach * np.exp(-past) / len(self.scores)
        return found

    def bits(self, score: npt.ArrayLike) -> Floats:
        """Return -log2 of the share [n], also where that is too small a number."""
        reach, past = self._reach(score)
        found: Floats = past / np.log(2.0) - np.log2(reach / len(self.scores))
        return found + 0.0  # no -0.0

    def _reach(self, score: npt.ArrayLike) -> tuple[Floats, Floats]:
        """Return how many scores reach each, at most to the tail, and its slopes beyond that."""
        score = np.asarray(score, np.float64)
        reach = len(self.scores) - np.searchsorted(
            self.scores, np.minimum(score, self.beyond), side="left"
        )
        return reach.astype(np.float64), np.maximum(score - self.beyond, 0.0) / self.slope

    def z(self, score: npt.ArrayLike) -> Floats:
        """Return z of each score [n], see `z_of_share`."""
        return z_of_share(self.share(score))

    def dump(self) -> tuple[dict[str, float], Floats]:
        """Return settings and scores for `restore`."""
        return {"beyond": self.beyond, "slope": self.slope}, self.scores

    @classmethod
    def restore(cls, told: Mapping[str, Any], scores: npt.NDArray[Any]) -> "Tail":
        """Return what `dump` gave. Raises: KeyError, TypeError, ValueError if it is not that."""
        made = cls(scores, float(told["beyond"]), float(told["slope"]))
        fits = scores.ndim == 1 and len(scores) > 0 and scores.dtype == np.float64
        if not fits or not np.isfinite(scores).all() or (np.diff(scores) < 0).any():
            raise ValueError("the tail of scores")
        if not np.isfinite([made.beyond, made.slope]).all() or made.slope <= 0:
            raise ValueError("the tail of scores")
        return made


def z_of_share(share: npt.ArrayLike) -> Floats:
    """Return the normal quantile z [n] of shares: a share of 0.00135 lies 3 deviations out."""
    from scipy.special import ndtri

    within = np.clip(np.asarray(share, np.float64), _RAREST, 1.0 - _COMMON)
    z: Floats = -ndtri(within)
    return z
