"""Rayleigh quotients: how fast the features of a graph vary along its edges.

x'Lx / x'x with L = I - D^(-1/2) A D^(-1/2): 0 if a feature goes with the root of the degree, 2 if
neighbours are opposites; it is the mean frequency of the feature's energy. Source: Dong et al.,
Rayleigh Quotient Graph Neural Networks for Graph-level Anomaly Detection, ICLR 2024 (RQGNN), whose
code leaves x'Lx undivided. Isolated nodes add nothing to x'Lx and their squares to x'x. A graph
without a node, or whose feature is 0, has the quotient 0.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from graphad.jit import vectorised
from graphad.models.graph_batch import GraphBatch

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Numbers = npt.NDArray[Any]  # float32 or float64


def energy(batch: GraphBatch) -> Floats:
    """Return x'Lx of each graph and feature, [G, F].

    sum over undirected edges of A_uv (x_u / sqrt(d_u) - x_v / sqrt(d_v))^2: sparse, never below 0.
    For features that are 0 or 1 by the kind of a node it counts nodes, less those joined alike.
    """
    root = np.sqrt(np.where(batch.degree > 0, batch.degree, 1.0))
    out = np.zeros((len(batch), batch.features.shape[1]))
    _energy(batch.start, batch.indptr, batch.indices, batch.weight, root, batch.features, out)
    return out


def power(batch: GraphBatch) -> Floats:
    """Return x'x of each graph and feature, [G, F]."""
    return sums(batch.features**2, batch.start)


def quotient(batch: GraphBatch) -> Floats:
    """Return the Rayleigh quotient of each graph and feature, [G, F]. Range: 0 to 2.

    >>> from graphad.models.graph_batch import GraphBatch
    >>> quotient(GraphBatch.of([2], [0], [1], [[1.0, 1.0], [1.0, -1.0]]))
    array([[0., 2.]])
    """
    return ratio(energy(batch), power(batch), 2.0)


def ratio(part: Floats, whole: Floats, most: float) -> Floats:
    """Return part / whole, at most `most`; 0 where the whole is 0."""
    divided = np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
    return np.minimum(divided, most)


def sums(values: Numbers, start: Ints) -> Numbers:
    """Return the sums of rows values [N, F] that belong to each graph, [G, F], 0 if it has none.

    Rows are added up in their order, so that a graph has the same sums in any batch.
    """
    values = np.ascontiguousarray(values)
    out = np.zeros((len(start) - 1, values.shape[1]), dtype=values.dtype)
    _sums(values, start, out)
    return out


@vectorised
def _energy(
    start: Ints, indptr: Ints, indices: Ints, weight: Floats, root: Floats, x: Floats, out: Floats
) -> None:
    for g in range(len(start) - 1):
        for u in range(start[g], start[g + 1]):
            for e in range(indptr[u], indptr[u + 1]):
                v = indices[e]
                if v > u:
                    # Shares of the roots of weights, which are as near 1 as weights are even.
                    a, b = np.sqrt(weight[e]) / root[u], np.sqrt(weight[e]) / root[v]
                    for f in range(x.shape[1]):
                        off = a * x[u, f] - b * x[v, f]
                        out[g, f] += off * off


@vectorised
def _sums(values: Numbers, start: Ints, out: Numbers) -> None:
    for g in range(len(start) - 1):
        for u in range(start[g], start[g + 1]):
            for f in range(values.shape[1]):
                out[g, f] += values[u, f]
