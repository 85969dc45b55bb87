"""What a whole graph looks like in a few numbers: where on the spectrum its features' energy lies.

Of each feature: the Rayleigh quotient, the share of its energy in each band of the beta wavelets,
its mean over nodes and the logarithm of x'Lx (RQGNN's, which grows with the graph); of the graph:
the logarithms of its nodes and edges. Numbers of all nodes alike, so their order doesn't matter.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from graphad.models.graph_batch import GraphBatch
from graphad.models.rayleigh import energy, power, ratio, sums
from graphad.models.wavelets import band_energies

Floats = npt.NDArray[np.float64]

ORDER = 3  # of the beta wavelets: four bands


class Column(NamedTuple):
    """What a number of a profile says: of which feature, and of which band (None: of all)."""

    measure: str
    feature: int | None = None
    band: int | None = None

    def title(self, names: Sequence[str]) -> str:
        """Return it in words.

        >>> Column("energy share", 0, 2).title(["file"])
        'energy share of file in band 3'
        """
        words = self.measure
        if self.feature is not None:
            words += f" of {names[self.feature]}"
        return words if self.band is None else f"{words} in band {self.band + 1}"


def columns(features: int, order: int = ORDER) -> list[Column]:
    """Return what the numbers of a profile of so many features say, in order; P of them."""
    each = range(features)
    return [
        *(Column("Rayleigh quotient", f) for f in each),
        *(Column("energy share", f, band) for f in each for band in range(order + 1)),
        *(Column("mean", f) for f in each),
        *(Column("log energy", f) for f in each),
        Column("log nodes"),
        Column("log edges"),
    ]


def profile(batch: GraphBatch, order: int = ORDER) -> Floats:
    """Return the profiles [G, P] of graphs. An empty graph's is 0."""
    local, whole = energy(batch), power(batch)
    sizes = batch.sizes[:, None].astype(np.float64)
    means = sums(batch.features, batch.start) / np.maximum(sizes, 1.0)
    bands = band_energies(batch, order).reshape(len(batch), -1)
    return np.concatenate(
        [
            ratio(local, whole, 2.0),
            bands,
            means,
            np.log1p(local),
            np.log1p(sizes),
            np.log1p(batch.edges[:, None]),
        ],
        axis=1,
    )
