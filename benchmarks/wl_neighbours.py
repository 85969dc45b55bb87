"""A baseline without labels: the nearest quiet graphs by counts of Weisfeiler-Lehman labels."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from graphad.models.graph_batch import GraphBatch
from graphad.models.wl_labels import LabelCounts

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

NEIGHBOURS = 5


@dataclass
class WlNeighbours:
    """Scores graphs by how far their counts are from the nearest quiet graphs'; needs no label.

    Distance is the cosine of the roots of counts: of shares of labels, whatever a graph's size.
    """

    neighbours: int = NEIGHBOURS
    counts_: LabelCounts = field(default_factory=lambda: LabelCounts(least=1))
    quiet_: Any = None

    def fit(self, batch: GraphBatch, labels: Ints) -> "WlNeighbours":
        """Remember quiet graphs."""
        self.quiet_ = unit(self.counts_.fit(batch, labels).counts(batch, labels))
        return self

    def score(self, batch: GraphBatch, labels: Ints) -> Floats:
        """Return the mean distances [G] to the nearest ones."""
        near = (unit(self.counts_.counts(batch, labels)) @ self.quiet_.T).toarray()
        k = min(self.neighbours, near.shape[1])
        found: Floats = 1.0 - np.sort(near, axis=1)[:, ::-1][:, :k].mean(axis=1)
        return found


def unit(counts: Any) -> Any:
    """Return the roots of rows of counts divided by their sums; a row of zeros stays so."""
    total = np.asarray(counts.sum(axis=1))[:, 0]
    return sparse.diags(1.0 / np.sqrt(np.maximum(total, 1.0))) @ counts.sqrt()
