"""Units judged by how the energy of their entities' features lies in the spectrum (RQGNN)."""

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from graphad.detectors.window_features import FEATURES, add_by_type
from graphad.detectors.window_models import Told, Training, UnitModel
from graphad.models.graph_batch import GraphBatch
from graphad.models.rayleigh_network import RayleighNetwork
from graphad.models.spectral_one_class import SpectralOneClass

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

SPECTRUM = "the spectrum as a whole"


class Spectra(UnitModel):
    """One-class: how far a unit's spectra lie from those of quiet ones; 1 is the median."""

    kind = "rayleigh one-class"
    measure = "times usual"
    slope = 0.1
    of = SpectralOneClass
    model: SpectralOneClass

    @classmethod
    def fit(
        cls, batch: GraphBatch, attack: Bools, most: int, training: Training
    ) -> tuple["Spectra", Floats]:
        """Remember the spectra of the graphs that are no attack."""
        calm = batch.take(np.flatnonzero(~attack)) if attack.any() else batch
        model = SpectralOneClass(most=most).fit(calm)
        assert model.told_ is not None
        return cls(model), model.told_

    def score(self, batch: GraphBatch, inside: bool) -> Floats:
        """Return the scores [G]."""
        return self.model.score(batch, inside=inside)

    def told(self, batch: GraphBatch, inside: bool) -> Told:
        """Return what features and bands add."""
        rows = self.model.parts(batch, inside=inside)
        titles = [column.title(FEATURES) for column in self.model.columns]
        return Told([dict(zip(titles, row.tolist(), strict=True)) for row in rows], None)


class Network(UnitModel):
    """Supervised: the log-odds of an attack by a Rayleigh network."""

    kind = "rayleigh supervised"
    measure = "log-odds"
    slope = 0.1
    of = RayleighNetwork
    published: ClassVar[bool] = False
    model: RayleighNetwork

    @classmethod
    def fit(
        cls, batch: GraphBatch, attack: Bools, most: int, training: Training
    ) -> tuple["Network", Floats]:
        """Train a network; quiet scores are of the graphs that its training did not see."""
        model = RayleighNetwork.paper() if cls.published else RayleighNetwork()

        def told(epoch: int, found: tuple[float, float]) -> None:
            if training.progress is not None:
                words = f"training: epoch {epoch + 1} of {model.epochs}, loss {found[0]:.3f}"
                training.progress(words)

        model.fit(batch, attack, told, checkpoint=training.checkpoint)
        calm = model.unseen(attack)
        return cls(model), np.sort(model.score(batch.take(calm)))

    def score(self, batch: GraphBatch, inside: bool) -> Floats:
        """Return the scores [G]."""
        return self.model.score(batch)

    def told(self, batch: GraphBatch, inside: bool) -> Told:
        """Return what each node adds."""
        _, branch, nodes = self.model.parts(batch)
        parts: list[dict[str, float]] = [{SPECTRUM: float(one)} for one in branch]
        add_by_type(parts, batch, nodes)
        return Told(parts, nodes)


class Published(Network):
    """The network as the authors' code has it."""

    kind = "rayleigh as published"
    published = True
