"""Units judged by Weisfeiler-Lehman labels of their entities: what they are and do, and around."""

import numpy as np
import numpy.typing as npt

from graphad.detectors.window_features import add_by_type, deeds_of, kinds_of
from graphad.detectors.window_models import Told, Training, UnitModel
from graphad.models.graph_batch import GraphBatch
from graphad.models.wl_forest import WlForest
from graphad.models.wl_one_class import WlOneClass

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

# What a label tells of an entity, by what it is refined from and by hop.
_SEEN = (" types", " neighbours", " actions", " neighbours' actions")
_AROUND = (" actions", " neighbours", " surroundings")
START, MISSING, UNKNOWN = "to begin with", "what is not there", "what was never seen"


class OneClass(UnitModel):
    """One-class: how seldom a quiet unit has labels as rare, or is as unlike all others."""

    kind = "wl one-class"
    measure = "bits"
    slope = float(1.0 / np.log(2.0))
    of = WlOneClass
    model: WlOneClass

    @classmethod
    def fit(
        cls, batch: GraphBatch, attack: Bools, most: int, training: Training
    ) -> tuple["OneClass", Floats]:
        """Learn the labels of the graphs that are no attack."""
        calm = batch.take(np.flatnonzero(~attack)) if attack.any() else batch
        model = WlOneClass().fit(calm, _labels(calm))
        assert model.quiet_ is not None
        return cls(model), model.quiet_

    def score(self, batch: GraphBatch, inside: bool) -> Floats:
        """Return the scores [G]."""
        return self.model.score(batch, _labels(batch), inside=inside)

    def told(self, batch: GraphBatch, inside: bool) -> Told:
        """Return what each node adds."""
        usual, missing, nodes = self.model.parts(batch, _labels(batch), inside=inside)
        parts = [
            {START: float(one), MISSING: float(other)}
            for one, other in zip(usual, missing, strict=True)
        ]
        for words, row in zip(_SEEN, nodes, strict=True):
            add_by_type(parts, batch, row, words)
        return Told(parts, nodes.sum(axis=0))


class Forest(UnitModel):
    """Supervised: the share of trees by which a unit is an attack."""

    kind = "wl supervised"
    measure = "of the trees"
    slope = 0.002
    of = WlForest
    model: WlForest

    @classmethod
    def fit(
        cls, batch: GraphBatch, attack: Bools, most: int, training: Training
    ) -> tuple["Forest", Floats]:
        """Grow a forest on counts of labels; quiet graphs are scored by trees that saw others."""
        model = WlForest().fit(batch, deeds_of(batch.features, True), attack)
        assert model.quiet_ is not None
        return cls(model), model.quiet_

    def score(self, batch: GraphBatch, inside: bool) -> Floats:
        """Return the scores [G]."""
        return self.model.score(batch, deeds_of(batch.features, True))

    def told(self, batch: GraphBatch, inside: bool) -> Told:
        """Return what each node adds: what a label adds is shared by the nodes that have it."""
        labels = deeds_of(batch.features, True)
        _, origin, added = self.model.parts(batch, labels)
        counts = self.model.counts_
        assert counts is not None
        owner = batch.graph
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
        return Told(parts, nodes)


def _labels(batch: GraphBatch) -> npt.NDArray[np.uint64]:
    """Return the labels that nodes begin with, [2, N]: what they are, and what they do besides."""
    x = batch.features
    return np.stack([kinds_of(x).astype(np.uint64), deeds_of(x)])
