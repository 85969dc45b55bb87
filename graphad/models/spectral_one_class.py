"""How unlike quiet graphs a graph's spectrum is; no label is needed.

Two distances, of the numbers of the graph as a whole and of those of each feature, each in units of
the median quiet graph; the score is the larger one, so that many usual numbers of features don't
drown what is unusual of the whole; it is scaled so that the median quiet graph's is 1. Units are
honest: each quiet graph is measured by distances that were learned without it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from graphad.errors import ModelError, NotFitted
from graphad.models.graph_batch import GraphBatch
from graphad.models.quiet_distance import FARTHEST, QuietDistance
from graphad.models.spectral_profile import Column, columns, profile, whole

Floats = npt.NDArray[np.float64]

_FOLDS = 5
_BLOCKS = ("whole", "each")
_ARRAYS = ("center", "spread", "whitening", "quiet")


@dataclass
class SpectralOneClass:
    """Scores graphs by how unlike quiet ones their spectra are; high is abnormal, 1 is usual.

    method: distance to the nearest quiet graphs, `neighbours` of them, or to the middle of all,
    "density"; most: quiet graphs that are remembered, evenly over those given.
    """

    method: Literal["neighbours", "density"] = "neighbours"
    neighbours: int = 5
    most: int = 4096
    blocks_: dict[str, QuietDistance] | None = field(default=None, repr=False)
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
        p = profile(batch.take(some) if len(some) < len(batch) else batch)
        fold = np.arange(len(p)) % min(_FOLDS, len(p))
        far = np.empty((len(p), len(_BLOCKS)))
        for number in range(fold.max() + 1):
            far[fold == number] = _distances(self._learned(p[fold != number]), p[fold == number])
        middle = np.median(far, axis=0)
        units = np.where(middle > 0, middle, 1.0)
        units *= np.median((far / units).max(axis=1)) or 1.0  # so that 1 is the median of the score
        self.units_ = float(units[0]), float(units[1])
        self.told_ = np.sort((far / units).max(axis=1))
        self.blocks_, self.features_ = self._learned(p), batch.features.shape[1]
        return self

    def score(self, batch: GraphBatch) -> Floats:
        """Return the scores [G]. Raises: NotFitted; ValueError: graphs have other features."""
        blocks, p = self._profiles(batch)
        found: Floats = (_distances(blocks, p) / self.units_).max(axis=1)
        return found

    def parts(self, batch: GraphBatch) -> Floats:
        """Return what each number of the profile adds to the score, [G, P], in order of `columns`.

        They add up to it; those of the smaller distance are 0.
        """
        blocks, p = self._profiles(batch)
        larger = (_distances(blocks, p) / self.units_).argmax(axis=1)
        cut = whole()
        found = np.zeros(p.shape)
        mine = [np.flatnonzero(larger == i) for i in range(2)]
        found[mine[0], :cut] = blocks["whole"].parts(p[mine[0], :cut]) / self.units_[0]
        found[mine[1], cut:] = blocks["each"].parts(p[mine[1], cut:]) / self.units_[1]
        return found

    @property
    def columns(self) -> list[Column]:
        """Return what the numbers of a profile say, P of them."""
        return columns(self.features_)

    def dump(self) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
        """Return settings and arrays for `restore`."""
        if self.blocks_ is None or self.told_ is None:
            raise NotFitted("spectral one-class")
        names = ("method", "neighbours", "most")
        settings = {name: getattr(self, name) for name in names}
        learned = {"units": list(self.units_), "features": self.features_}
        arrays = {
            f"{block}_{name}": getattr(self.blocks_[block], name)
            for block in _BLOCKS
            for name in _ARRAYS
        }
        return {"settings": settings, "learned": learned}, arrays | {"told": self.told_}

    @classmethod
    def restore(cls, told: Mapping[str, Any], arrays: Mapping[str, Any]) -> "SpectralOneClass":
        """Return what `dump` gave. Raises: ModelError if it doesn't hang together."""
        try:
            made, learned = cls(**told["settings"]), told["learned"]
            a, b = learned["units"]
            made.units_, made.features_ = (float(a), float(b)), int(learned["features"])
            made.blocks_ = {
                block: QuietDistance(
                    **{name: arrays[f"{block}_{name}"] for name in _ARRAYS}, neighbours=made._near()
                )
                for block in _BLOCKS
            }
            made.told_ = arrays["told"]
            if len(arrays) != 1 + len(_BLOCKS) * len(_ARRAYS) or not made._whole():
                raise ValueError("shapes or values")
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise ModelError(f"The spectral one-class model is damaged: {error}.") from error
        return made

    def _whole(self) -> bool:
        """Return whether all that was learned is of the right shapes, and finite."""
        if self.blocks_ is None or self.told_ is None:
            return False
        if not (0 <= self.features_ < 10**5 and all(0 < u < np.inf for u in self.units_)):
            return False
        m, widths = len(self.told_), (whole(), len(self.columns) - whole())
        for d, width in zip(self.blocks_.values(), widths, strict=True):
            shapes = [getattr(d, name).shape for name in _ARRAYS]
            if shapes != [(width,), (width,), (width, width), (m, width)]:
                return False
        told = [getattr(d, name) for d in self.blocks_.values() for name in _ARRAYS] + [self.told_]
        if any(a.dtype != np.float64 or not np.isfinite(a).all() for a in told):
            return False
        good = all(
            (d.spread > 0).all() and (np.abs(d.quiet) <= FARTHEST).all()
            for d in self.blocks_.values()
        )
        rising = self.told_.shape == (m,) and (np.diff(self.told_) >= 0).all()
        return bool(good and rising and 2 <= m <= self.most and (self.told_ >= 0).all())

    def _near(self) -> int:
        return self.neighbours if self.method == "neighbours" else 0

    def _learned(self, p: Floats) -> dict[str, QuietDistance]:
        parts = p[:, : whole()], p[:, whole() :]
        return {
            block: QuietDistance.of(part, self._near())
            for block, part in zip(_BLOCKS, parts, strict=True)
        }

    def _profiles(self, batch: GraphBatch) -> tuple[dict[str, QuietDistance], Floats]:
        if self.blocks_ is None:
            raise NotFitted("spectral one-class")
        if batch.features.shape[1] != self.features_:
            raise ValueError(f"Graphs must have {self.features_} features.")
        return self.blocks_, profile(batch)


def _distances(blocks: dict[str, QuietDistance], p: Floats) -> Floats:
    """Return the distances [G, 2] of profiles [G, P]."""
    cut = whole()
    both = blocks["whole"].distances(p[:, :cut]), blocks["each"].distances(p[:, cut:])
    return np.stack(both, axis=1)
