"""Units judged by how the energy of their entities' features lies in the spectrum (RQGNN)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from graphad.detectors.window_features import FEATURES
from graphad.detectors.window_models import Arrays, Told, Training
from graphad.detectors.window_wl import add_by_type
from graphad.models.graph_batch import GraphBatch
from graphad.models.rayleigh_network import RayleighNetwork
from graphad.models.spectral_one_class import SpectralOneClass

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

SPECTRUM = "the spectrum as a whole"


@dataclass
class Spectra:
    """One-class: how far a unit's spectra lie from those of quiet ones; 1 is the median."""

    kind: ClassVar[str] = "rayleigh one-class"
    measure: ClassVar[str] = "times usual"
    slope: ClassVar[float] = 0.1

    model: SpectralOneClass

    @classmethod
    def fit(cls, batch: GraphBatch, attack: Bools, most: int, training: Training) -> "Spectra":
        """Remember the spectra of the graphs that are no attack."""
        calm = batch.take(np.flatnonzero(~attack)) if attack.any() else batch
        return cls(SpectralOneClass(most=most).fit(calm))

    @property
    def quiet(self) -> Floats:
        """Return scores of quiet graphs, each by a model that had not seen it."""
        assert self.model.told_ is not None
        return self.model.told_

    def score(self, batch: GraphBatch, inside: bool) -> Floats:
        """Return the scores [G]."""
        return self.model.score(batch, inside=inside)

    def told(self, batch: GraphBatch, inside: bool) -> Told:
        """Return the scores and what features and bands add."""
        rows = self.model.parts(batch, inside=inside)
        titles = [column.title(FEATURES) for column in self.model.columns]
        parts = [dict(zip(titles, row.tolist(), strict=True)) for row in rows]
        return Told(self.score(batch, inside), parts, None)

    def dump(self) -> tuple[dict[str, Any], Arrays]:
        """Return settings and arrays for `restore`."""
        return self.model.dump()

    @classmethod
    def restore(cls, told: Mapping[str, Any], arrays: Mapping[str, Any]) -> "Spectra":
        """Return what `dump` gave. Raises: ModelError."""
        return cls(SpectralOneClass.restore(told, arrays))


@dataclass
class Network:
    """Supervised: the log-odds of an attack by a Rayleigh network."""

    kind: ClassVar[str] = "rayleigh supervised"
    measure: ClassVar[str] = "log-odds"
    slope: ClassVar[float] = 0.1

    model: RayleighNetwork
    quiet: Floats
    published: ClassVar[bool] = False

    @classmethod
    def fit(cls, batch: GraphBatch, attack: Bools, most: int, training: Training) -> "Network":
        """Train a network; quiet scores are of the graphs that its training did not see."""
        model = RayleighNetwork.paper() if cls.published else RayleighNetwork()

        def told(epoch: int, found: tuple[float, float]) -> None:
            if training.progress is not None:
                words = f"training: epoch {epoch + 1} of {model.epochs}, loss {found[0]:.3f}"
                training.progress(words)

        model.fit(batch, attack, told, checkpoint=training.checkpoint)
        calm = model.unseen(attack)
        return cls(model, np.sort(model.score(batch.take(calm))))

    def score(self, batch: GraphBatch, inside: bool) -> Floats:
        """Return the scores [G]."""
        return self.model.score(batch)

    def told(self, batch: GraphBatch, inside: bool) -> Told:
        """Return the scores, and what each node adds."""
        score, branch, nodes = self.model.parts(batch)
        parts: list[dict[str, float]] = [{SPECTRUM: float(one)} for one in branch]
        add_by_type(parts, batch, nodes)
        return Told(score, parts, nodes)

    def dump(self) -> tuple[dict[str, Any], Arrays]:
        """Return settings and arrays for `restore`."""
        told, arrays = self.model.dump()
        return told, arrays | {"quiet": self.quiet}

    @classmethod
    def restore(cls, told: Mapping[str, Any], arrays: Mapping[str, Any]) -> "Network":
        """Return what `dump` gave. Raises: ModelError; ValueError."""
        quiet = arrays["quiet"]
        if quiet.dtype != np.float64 or quiet.ndim != 1 or not np.isfinite(quiet).all():
            raise ValueError("its quiet scores")
        held = {name: array for name, array in arrays.items() if name != "quiet"}
        return cls(RayleighNetwork.restore(told, held), quiet)


class Published(Network):
    """The network as the authors' code has it."""

    kind: ClassVar[str] = "rayleigh as published"
    published: ClassVar[bool] = True
