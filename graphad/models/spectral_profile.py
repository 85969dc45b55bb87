"""What a whole graph looks like in a few numbers: where on the spectrum its features' energy lies.

Energy is summed over nodes, so their order doesn't matter. Numbers of the graph as a whole come
first: all features taken together, and two signals every graph has, a constant and the logarithm of
the number of neighbours. Then come those of each feature. Features apart say what is unusual of
one kind of node; taken together they say whether neighbours agree, whichever kinds there are.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from graphad.models.chebyshev import moments
from graphad.models.graph_batch import GraphBatch
from graphad.models.rayleigh import ratio, sums
from graphad.models.wavelets import band_energies

Floats = npt.NDArray[np.float64]

ORDER = 3  # of the beta wavelets: four bands
_TOGETHER = ("all features", "the constant", "log neighbours")


class Column(NamedTuple):
    """What a number of a profile says: of which signal or feature, and of which band."""

    measure: str
    of: str | int | None = None
    band: int | None = None

    def title(self, names: Sequence[str]) -> str:
        """Return it in words.

        >>> Column("energy share", 0, 2).title(["file"])
        'energy share of file in band 3'
        """
        words = self.measure
        if self.of is not None:
            words += f" of {self.of if isinstance(self.of, str) else names[self.of]}"
        return words if self.band is None else f"{words} in band {self.band + 1}"


def columns(features: int, order: int = ORDER) -> list[Column]:
    """Return what the numbers of a profile of so many features say, in order; P of them."""
    bands, each = range(order + 1), range(features)
    return [
        *(Column("Rayleigh quotient", name) for name in _TOGETHER),
        *(Column("energy share", name, band) for name in _TOGETHER for band in bands),
        Column("log nodes"),
        Column("log edges"),
        Column("mean", "log neighbours"),
        Column("mean square", "log neighbours"),
        Column("return in two steps"),
        Column("evenness", "all features"),
        *(Column("Rayleigh quotient", f) for f in each),
        *(Column("energy share", f, band) for f in each for band in bands),
        *(Column("mean", f) for f in each),
        *(Column("log energy", f) for f in each),
    ]


def whole(order: int = ORDER) -> int:
    """Return how many numbers are of the graph as a whole; they come first."""
    return len(columns(0, order))


def profile(batch: GraphBatch, order: int = ORDER) -> Floats:
    """Return the profiles [G, P] of graphs. An empty graph's is 0.

    "return in two steps" is the mean chance of a random walk to be back after two steps, the mean
    square of L - I's eigenvalues; "evenness" is the sum of squared means, 1 if all nodes are alike.
    """
    f = batch.features.shape[1]
    near = np.log1p(np.diff(batch.indptr))[:, None]
    signals = np.concatenate([batch.features, np.ones_like(near), near], axis=1)
    known = _together(moments(batch, signals, 2 * order + 1), f)
    # x'Lx = x'x + x'(L - I)x; rounding may leave a trace below 0.
    total, local = known[..., 0], np.maximum(known[..., 0] + known[..., 1], 0.0)
    quotient = ratio(local, total, 2.0)
    shares = _shares(band_energies(known, order))
    sizes = batch.sizes[:, None].astype(np.float64)
    per_node = 1.0 / np.maximum(sizes, 1.0)
    means = sums(signals, batch.start) * per_node
    back = sums(batch.normalised[:, None] ** 2, batch.indptr[batch.start]) * per_node
    g = len(batch)
    return np.concatenate(
        [
            quotient[:, :3],
            shares[:, :3].reshape(g, 3 * (order + 1)),
            np.log1p(sizes),
            np.log1p(batch.edges[:, None]),
            means[:, f + 1 :],
            total[:, 2:3] * per_node,
            back,
            (means[:, :f] ** 2).sum(axis=1, keepdims=True),
            quotient[:, 3:],
            shares[:, 3:].reshape(g, f * (order + 1)),
            means[:, :f],
            np.log1p(local[:, 3:]),
        ],
        axis=1,
    )


def _together(values: Floats, features: int) -> Floats:
    """Return values [G, F + 2, J] with the sum over features first, and features last."""
    alone = values[:, :features]
    return np.concatenate([alone.sum(axis=1, keepdims=True), values[:, features:], alone], axis=1)


def _shares(bands: Floats) -> Floats:
    """Return shares of energy [.., bands], 0 where there is none."""
    total = bands.sum(axis=-1, keepdims=True)
    found: Floats = ratio(bands, np.broadcast_to(total, bands.shape), 1.0)
    return found
