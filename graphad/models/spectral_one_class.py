"""How unlike quiet graphs a graph's spectrum is; no label is needed.

Two distances, each in units of the median quiet graph: of the numbers of the graph as a whole, in
units of how they vary together, and of how its energy is divided among features and bands, to the
nearest quiet graphs. The score is the larger one: a graph is unusual if either is. It is scaled so
that the median quiet graph's is 1. Units are honest: each quiet graph is measured by distances that
were learned without it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from graphad.errors import ModelError, NotFitted
from graphad.models.graph_batch import GraphBatch
from graphad.models.quiet_distance import FARTHEST, Nearest, QuietDistance
from graphad.models.spectral_profile import (
    ORDER,
    Column,
    columns,
    divided_columns,
    whole,
    whole_and_divided,
)

Floats = npt.NDArray[np.float64]

_FOLDS = 5
_ALIKE = 1e-6  # distances below are of graphs that are the same
_ARRAYS = ("center", "spread", "whitening", "quiet", "divided", "told")


class _Seen(NamedTuple):
    """What is seen of graphs: numbers of each as a whole, and how its energy is divided."""

    whole: Floats
    divided: Floats

    @classmethod
    def of(cls, batch: GraphBatch) -> "_Seen":
        return cls(*whole_and_divided(batch))

    def take(self, chosen: npt.NDArray[Any]) -> "_Seen":
        return _Seen(self.whole[chosen], self.divided[chosen])


class _Learned(NamedTuple):
    """Both distances from quiet graphs."""

    whole: QuietDistance
    divided: Nearest

    def distances(self, seen: _Seen, inside: bool = False) -> Floats:
        """Return both distances, [G, 2]; inside: none from a graph itself."""
        whole = self.whole.distances(seen.whole, inside)
        return np.stack([whole, self.divided.distances(seen.divided, inside)], axis=1)


@dataclass
class SpectralOneClass:
    """Scores graphs by how unlike quiet ones their spectra are; high is abnormal, 1 is usual.

    method: whether the first distance is to the nearest quiet graphs, `neighbours` of them, or to
    the middle of all, "density"; most: quiet graphs that are remembered, evenly over those given.
    """

    method: Literal["neighbours", "density"] = "neighbours"
    neighbours: int = 5
    most: int = 4096
    learned_: _Learned | None = field(default=None, repr=False)
    units_: tuple[float, float] = (1.0, 1.0)
    features_: int = 0
    # Scores of the quiet graphs, each learned without it, rising.
    told_: Floats | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Refuse what makes no sense. Raises: ValueError."""
        if self.method not in ("neighbours", "density"):
            raise ValueError("method must be neighbours or density.")
        if not (1 <= self.neighbours <= 1000 and 2 <= self.most <= 10**6):
            raise ValueError("neighbours must be within 1 and 1000, most within 2 and 10^6.")

    def fit(self, batch: GraphBatch) -> "SpectralOneClass":
        """Learn from quiet graphs. Raises: ValueError: there are fewer than two."""
        if len(batch) < 2:
            raise ValueError("A fit needs at least two quiet graphs.")
        some = np.unique(np.linspace(0, len(batch) - 1, self.most).astype(np.int64))
        seen = _Seen.of(batch.take(some) if len(some) < len(batch) else batch)
        n = len(some)
        fold = np.arange(n) % min(_FOLDS, n)
        far = np.empty((n, 2))
        for number in range(fold.max() + 1):
            learned = self._learn(seen.take(fold != number))
            far[fold == number] = learned.distances(seen.take(fold == number))
        # Where most quiet graphs are alike but for rounding, the mean is the unit.
        middle, mean = np.median(far, axis=0), far.mean(axis=0)
        units = np.where(middle > _ALIKE, middle, np.where(mean > _ALIKE, mean, 1.0))
        usual = float(np.median((far / units).max(axis=1)))
        units *= usual if usual > _ALIKE else 1.0  # so that 1 is the median of the score
        self.units_ = float(units[0]), float(units[1])
        self.told_ = np.sort((far / units).max(axis=1))
        self.learned_, self.features_ = self._learn(seen), batch.features.shape[1]
        return self

    def score(self, batch: GraphBatch, *, inside: bool = False) -> Floats:
        """Return the scores [G]; inside: graphs of the fit, none is compared with itself.

        Raises: NotFitted; ValueError: graphs have other features.
        """
        found: Floats = self.distances(batch, inside=inside).max(axis=1)
        return found

    def distances(self, batch: GraphBatch, *, inside: bool = False) -> Floats:
        """Return both distances [G, 2]: as a whole, and of how energy is divided."""
        return self._known(batch).distances(_Seen.of(batch), inside) / self.units_

    def parts(self, batch: GraphBatch, *, inside: bool = False) -> Floats:
        """Return what adds up to the scores, [G, columns]; those of the smaller distance are 0.

        Parts of the whole may be negative: a number that makes up for another takes away.
        """
        learned, seen = self._known(batch), _Seen.of(batch)
        larger = (learned.distances(seen, inside) / self.units_).argmax(axis=1)
        cut = seen.whole.shape[1]
        found = np.zeros((len(batch), cut + seen.divided.shape[1]))
        first, second = larger == 0, larger == 1
        whole = learned.whole.parts(seen.whole[first], inside)
        divided = learned.divided.parts(seen.divided[second], inside)
        found[first, :cut], found[second, cut:] = whole / self.units_[0], divided / self.units_[1]
        return found

    @property
    def columns(self) -> list[Column]:
        """Return what parts are of, in order."""
        return columns(0) + divided_columns(self.features_)

    def dump(self) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
        """Return settings and arrays for `restore`."""
        if self.learned_ is None or self.told_ is None:
            raise NotFitted("spectral one-class")
        names = ("method", "neighbours", "most")
        settings = {name: getattr(self, name) for name in names}
        learned = {"units": list(self.units_), "features": self.features_}
        d, divided = self.learned_.whole, self.learned_.divided.quiet
        found = (d.center, d.spread, d.whitening, d.quiet, divided, self.told_)
        arrays = dict(zip(_ARRAYS, found, strict=True))
        return {"settings": settings, "learned": learned}, arrays

    @classmethod
    def restore(cls, told: Mapping[str, Any], arrays: Mapping[str, Any]) -> "SpectralOneClass":
        """Return what `dump` gave. Raises: ModelError if it doesn't hang together."""
        try:
            made, learned = cls(**told["settings"]), told["learned"]
            a, b = learned["units"]
            made.units_, made.features_ = (float(a), float(b)), int(learned["features"])
            center, spread, whitening, quiet, divided, scores = (arrays[n] for n in _ARRAYS)
            near = made.neighbours if made.method == "neighbours" else 0
            made.learned_ = _Learned(
                QuietDistance(center, spread, whitening, quiet, near),
                Nearest(divided, made.neighbours),
            )
            made.told_ = scores
            if len(arrays) != len(_ARRAYS) or not made._whole([arrays[n] for n in _ARRAYS]):
                raise ValueError("shapes or values")
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise ModelError(f"The spectral one-class model is damaged: {error}.") from error
        return made

    def _whole(self, arrays: list[npt.NDArray[Any]]) -> bool:
        """Return whether all that was learned is of the right shapes, and finite."""
        _, spread, _, quiet, divided, told = arrays
        if not (0 <= self.features_ < 10**6 and all(0 < u < np.inf for u in self.units_)):
            return False
        m, p = len(told), whole()
        shapes = [(p,), (p,), (p, p), (m, p), (m, self.features_ * (ORDER + 1)), (m,)]
        if [a.shape for a in arrays] != shapes or not 2 <= m <= self.most:
            return False
        if any(a.dtype != np.float64 or not np.isfinite(a).all() for a in arrays):
            return False
        good = (spread > 0).all() and (np.abs(quiet) <= FARTHEST).all()
        rising = (np.diff(told) >= 0).all() and (told >= 0).all()
        return bool(good and rising and ((divided >= 0) & (divided <= 1)).all())

    def _learn(self, seen: _Seen) -> _Learned:
        near = self.neighbours if self.method == "neighbours" else 0
        return _Learned(QuietDistance.of(seen.whole, near), Nearest(seen.divided, self.neighbours))

    def _known(self, batch: GraphBatch) -> _Learned:
        if self.learned_ is None:
            raise NotFitted("spectral one-class")
        if batch.features.shape[1] != self.features_:
            raise ValueError(f"Graphs must have {self.features_} features.")
        return self.learned_
