"""What a whole graph looks like in a few numbers: where on the spectrum its features' energy lies.

Energy is summed over nodes, so their order doesn't matter. Numbers of the graph as a whole come
first: all features taken together, and two signals every graph has, a constant and the logarithm of
the number of neighbours. Then come those of each feature. Features apart say what is unusual of
one kind of node; taken together they say whether neighbours agree, whichever kinds there are.
A second view is how one graph's energy is divided among all features and bands.
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
    square of D^(-1/2) A D^(-1/2)'s eigenvalues; "evenness" is the sum of squared means, 1 if all
    nodes are alike.
    """
    known = _known(batch, order)
    means = sums(batch.features, batch.start) / np.maximum(batch.sizes[:, None], 1.0)
    quotient, shares, local = _spectra(known[:, 3:], order)
    bands = shares.reshape(len(batch), shares.shape[1] * (order + 1))
    each = [quotient, bands, means, np.log1p(local)]
    return np.concatenate([_of_the_whole(batch, known, means, order), *each], axis=1)


def divided_columns(features: int, order: int = ORDER) -> list[Column]:
    """Return what the shares of `whole_and_divided` are of, in order."""
    return [Column("share of all energy", f, b) for f in range(features) for b in range(order + 1)]


def whole_and_divided(batch: GraphBatch, order: int = ORDER) -> tuple[Floats, Floats]:
    """Return the numbers of graphs as a whole, [G, `whole`], and how their energy is divided.

    That is the roots of the shares of all energy by feature and band, [G, F (C + 1)]: roots, for
    their Euclidean distances are then Hellinger's between distributions, up to a factor; bounded,
    and not led by what is rare. All 0 for a graph without energy.
    """
    known = _known(batch, order)
    means = sums(batch.features, batch.start) / np.maximum(batch.sizes[:, None], 1.0)
    bands = band_energies(known[:, 3:], order)
    roots = np.sqrt(_shares(bands.reshape(len(batch), bands.shape[1] * (order + 1))))
    return _of_the_whole(batch, known, means, order), roots


def _known(batch: GraphBatch, order: int) -> Floats:
    """Return the Chebyshev moments of all features together, of both signals, of each feature."""
    near = np.log1p(np.diff(batch.indptr))[:, None]
    signals = np.concatenate([batch.features, np.ones_like(near), near], axis=1)
    found, f = moments(batch, signals, 2 * order + 1), batch.features.shape[1]
    together = found[:, :f].sum(axis=1, keepdims=True)
    return np.concatenate([together, found[:, f:], found[:, :f]], axis=1)


def _spectra(known: Floats, order: int) -> tuple[Floats, Floats, Floats]:
    """Return Rayleigh quotients [G, S], shares of bands [G, S, C + 1] and x'Lx of S signals."""
    # x'Lx = x'x + x'(L - I)x; rounding may leave a trace below 0.
    local = np.maximum(known[..., 0] + known[..., 1], 0.0)
    return ratio(local, known[..., 0], 2.0), _shares(band_energies(known, order)), local


def _of_the_whole(batch: GraphBatch, known: Floats, means: Floats, order: int) -> Floats:
    """Return the numbers of graphs as a whole, [G, `whole`]."""
    quotient, shares, _ = _spectra(known[:, :3], order)
    sizes = batch.sizes[:, None].astype(np.float64)
    per_node = 1.0 / np.maximum(sizes, 1.0)
    near = sums(np.log1p(np.diff(batch.indptr))[:, None], batch.start) * per_node
    back = sums(batch.normalised[:, None] ** 2, batch.indptr[batch.start]) * per_node
    return np.concatenate(
        [
            quotient,
            shares.reshape(len(batch), 3 * (order + 1)),
            np.log1p(sizes),
            np.log1p(batch.edges[:, None]),
            near,
            known[:, 2:3, 0] * per_node,
            back,
            (means**2).sum(axis=1, keepdims=True),
        ],
        axis=1,
    )


def _shares(bands: Floats) -> Floats:
    """Return shares of energy [.., bands], 0 where there is none."""
    total = bands.sum(axis=-1, keepdims=True)
    found: Floats = ratio(bands, np.broadcast_to(total, bands.shape), 1.0)
    return found
