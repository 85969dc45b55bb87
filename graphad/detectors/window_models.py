"""The models that judge units: what they have in common, and which one it is to be.

With enough units that people called attacks a model learns to tell them from the others
(supervised); else it learns what quiet units are like (one-class).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from graphad.models.graph_batch import GraphBatch

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Arrays = dict[str, npt.NDArray[Any]]
Family = Literal["wl", "rayleigh"]
Regime = Literal["one-class", "supervised"]

LABELLED = 5  # attacks from which a model can learn


class Told(NamedTuple):
    """What scores of G graphs are made of.

    parts: of each graph by name, they add up to its score; nodes [N]: what each node adds, which is
    not all of a score where some of it is no node's; None if nodes have no part of their own.
    """

    parts: list[dict[str, float]]
    nodes: Floats | None


@dataclass(frozen=True)
class Training:
    """Where a long training keeps what it has, so that it can go on, and whom it tells."""

    checkpoint: Path | None = None
    progress: Callable[[str], None] | None = None


@dataclass
class UnitModel(ABC):
    """Scores graphs of units; high is odd. Made of a model of graphs, which is what is kept."""

    kind: ClassVar[str]
    measure: ClassVar[str]  # what a score is counted in
    slope: ClassVar[float]  # of the tail of quiet scores, at least
    of: ClassVar[type[Any]]  # the model of graphs

    model: Any

    @classmethod
    @abstractmethod
    def fit(
        cls, batch: GraphBatch, attack: Bools, most: int, training: Training
    ) -> tuple["UnitModel", Floats]:
        """Learn from graphs, of which some may be attacks.

        Also returns the scores of quiet graphs, each by what had not seen it.
        """

    @abstractmethod
    def score(self, batch: GraphBatch, inside: bool) -> Floats:
        """Return the scores [G]; inside: the fit has counted these graphs."""

    @abstractmethod
    def told(self, batch: GraphBatch, inside: bool) -> Told:
        """Return what scores are made of."""

    def dump(self) -> tuple[dict[str, Any], Arrays]:
        """Return settings and arrays for `restore`."""
        told, arrays = self.model.dump()
        return told, arrays

    @classmethod
    def restore(cls, told: Mapping[str, Any], arrays: Mapping[str, Any]) -> "UnitModel":
        """Return what `dump` gave. Raises: ModelError."""
        return cls(cls.of.restore(told, arrays))


def kinds(mode: Literal["default", "paper"]) -> dict[tuple[Family, Regime], type[UnitModel]]:
    """Return the models there are, by family and regime; the paper's is a network of its own."""
    from graphad.detectors.window_rayleigh import Network, Published, Spectra
    from graphad.detectors.window_wl import Forest, OneClass

    network = Published if mode == "paper" else Network
    return {
        ("wl", "one-class"): OneClass,
        ("wl", "supervised"): Forest,
        ("rayleigh", "one-class"): Spectra,
        ("rayleigh", "supervised"): network,
    }


def regime(attacks: int, units: int) -> tuple[Regime, str]:
    """Return how units are to be learned, and why, in words.

    attacks, units: how many are called attacks, and how many there are.
    """
    if not attacks:
        return "one-class", "no unit is labelled an attack"
    of = f"labelled attacks: {attacks:,} of {units:,} units"
    if attacks >= LABELLED and attacks < units:
        return "supervised", of
    return "one-class", f"{of}, left out, as learning from them takes {LABELLED}"
