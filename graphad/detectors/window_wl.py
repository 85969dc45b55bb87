"""Units judged by Weisfeiler-Lehman labels of their entities: what they are and do, and around."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from graphad.detectors.window_features import ENTITIES, deeds_of, kinds_of
from graphad.detectors.window_models import Arrays, Told, Training
from graphad.models.graph_batch import GraphBatch
from graphad.models.wl_forest import WlForest
from graphad.models.wl_surprise import LabelSurprise

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

# What a label tells of an entity, by what it is refined from and by hop.
_SEEN = (" types", " neighbours", " actions", " neighbours' actions")
_AROUND = (" actions", " neighbours", " surroundings")
START, MISSING, UNKNOWN = "to begin with", "what is not there", "what was never seen"


@dataclass
class Surprise:
    """One-class: the mean bits of a unit's labels, by in how many quiet units each is."""

    kind: ClassVar[str] = "wl one-class"
    measure: ClassVar[str] = "bits a label"
    slope: ClassVar[float] = 0.05

    model: LabelSurprise
    quiet: Floats

    @classmethod
    def fit(cls, batch: GraphBatch, attack: Bools, most: int, training: Training) -> "Surprise":
        """Count the labels of the graphs that are no attack."""
        calm = batch.take(np.flatnonzero(~attack)) if attack.any() else batch
        labels = _labels(calm)
        model = LabelSurprise().fit(calm, labels)
        return cls(model, model.quiet(calm, labels))

    def score(self, batch: GraphBatch, inside: bool) -> Floats:
        """Return the scores [G]."""
        return self.model.score(batch, _labels(batch), inside=inside)

    def told(self, batch: GraphBatch, inside: bool) -> Told:
        """Return the scores, and what each node adds."""
        labels = _labels(batch)
        usual, nodes = self.model.parts(batch, labels, inside=inside)
        parts = [{START: float(one)} for one in usual]
        for words, row in zip(_SEEN, nodes, strict=True):
            add_by_type(parts, batch, row, words)
        return Told(self.model.score(batch, labels, inside=inside), parts, nodes.sum(axis=0))

    def dump(self) -> tuple[dict[str, Any], Arrays]:
        """Return settings and arrays for `restore`."""
        told, arrays = self.model.dump()
        return told, arrays | {"quiet": self.quiet}

    @classmethod
    def restore(cls, told: Mapping[str, Any], arrays: Mapping[str, Any]) -> "Surprise":
        """Return what `dump` gave. Raises: ModelError; ValueError."""
        quiet = arrays["quiet"]
        if quiet.dtype != np.float64 or quiet.ndim != 1 or not np.isfinite(quiet).all():
            raise ValueError("its quiet scores")
        held = {name: array for name, array in arrays.items() if name != "quiet"}
        return cls(LabelSurprise.restore(told, held), quiet)


@dataclass
class Forest:
    """Supervised: the share of trees by which a unit is an attack."""

    kind: ClassVar[str] = "wl supervised"
    measure: ClassVar[str] = "of the trees"
    slope: ClassVar[float] = 0.002

    model: WlForest

    @classmethod
    def fit(cls, batch: GraphBatch, attack: Bools, most: int, training: Training) -> "Forest":
        """Grow a forest on counts of labels."""
        return cls(WlForest().fit(batch, deeds_of(batch.features, True), attack))

    @property
    def quiet(self) -> Floats:
        """Return scores of quiet graphs, each by the trees that had not seen it."""
        assert self.model.quiet_ is not None
        return self.model.quiet_

    def score(self, batch: GraphBatch, inside: bool) -> Floats:
        """Return the scores [G]."""
        return self.model.score(batch, deeds_of(batch.features, True))

    def told(self, batch: GraphBatch, inside: bool) -> Told:
        """Return the scores; what a label adds is shared by the nodes that have it."""
        labels = deeds_of(batch.features, True)
        score, origin, added = self.model.parts(batch, labels)
        counts = self.model.counts_
        assert counts is not None
        owner = np.repeat(np.arange(len(batch)), batch.sizes)
        columns = counts.columns(batch, labels)
        there = np.zeros(added.shape)
        for row in columns:
            np.add.at(there, (owner, row), 1.0)
        share = np.divide(added, there, out=np.zeros_like(added), where=there > 0)
        known = np.arange(added.shape[1]) < added.shape[1] - 1
        parts = [
            {START: origin, MISSING: float(line[(have == 0) & known].sum()),
             UNKNOWN: float(line[-1])}
            for line, have in zip(added, there, strict=True)
        ]  # fmt: skip
        nodes = np.zeros(len(owner))
        for hop, row in enumerate(columns):
            mine = share[owner, row]
            nodes += mine
            add_by_type(parts, batch, np.where(known[row], mine, 0.0), _AROUND[hop])
        return Told(score, parts, nodes)

    def dump(self) -> tuple[dict[str, Any], Arrays]:
        """Return settings and arrays for `restore`."""
        return self.model.dump()

    @classmethod
    def restore(cls, told: Mapping[str, Any], arrays: Mapping[str, Any]) -> "Forest":
        """Return what `dump` gave. Raises: ModelError."""
        return cls(WlForest.restore(told, arrays))


def _labels(batch: GraphBatch) -> npt.NDArray[np.uint64]:
    """Return the labels that nodes begin with, [2, N]: what they are, and what they do besides."""
    x = batch.features
    return np.stack([kinds_of(x).astype(np.uint64), deeds_of(x)])


def add_by_type(
    parts: list[dict[str, float]], batch: GraphBatch, nodes: Floats, words: str = ""
) -> None:
    """Add what nodes [N] add to the parts of their graphs, by the type of entity they are."""
    types = len(ENTITIES) + 1
    owner = np.repeat(np.arange(len(batch)), batch.sizes)
    at = owner * types + kinds_of(batch.features)
    total = np.bincount(at, nodes, len(batch) * types).reshape(len(batch), types)
    names = [*ENTITIES, "other entities"]
    for mine, row in zip(parts, total, strict=True):
        for name, amount in zip(names, row, strict=True):
            if amount:
                mine[name + words] = mine.get(name + words, 0.0) + float(amount)
