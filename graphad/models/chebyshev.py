"""Chebyshev polynomials of a graph's Laplacian, applied to the features of its nodes.

With L = I - D^(-1/2) A D^(-1/2), whose eigenvalues lie in [0, 2], the argument is L - I. A filter
with coefficients c multiplies what a signal has at frequency l by sum_k c_k T_k(l - 1). Source:
Defferrard et al., Convolutional Neural Networks on Graphs with Fast Localized Spectral Filtering,
NeurIPS 2016. An isolated node has L_ii = 0, so that a row of L sums up alike everywhere; or
L_ii = 1, as PyG has it.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from graphad.jit import vectorised
from graphad.models.graph_batch import GraphBatch

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Numbers = npt.NDArray[Any]  # float32 or float64


def terms(batch: GraphBatch, x: Numbers, depth: int, *, isolated: float = 0.0) -> Numbers:
    """Return T_0 x .. T_(depth-1) x of signals x [N, F], [N, depth, F]; float32 if x is.

    isolated: L_ii of nodes without an edge, 0 or 1. T_1 = L - I, T_k = 2 (L - I) T_(k-1) - T_(k-2).

    Raises:
        ValueError: depth is below 1, or x has not N rows.
    """
    if depth < 1:
        raise ValueError("depth must be at least 1.")
    x = _signals(batch, x)
    out = np.empty((len(x), depth, x.shape[1]), dtype=x.dtype)
    weight = batch.normalised.astype(x.dtype)
    own = x.dtype.type(isolated - 1.0)
    _terms(batch.start, batch.indptr, batch.indices, weight, own, x, out)
    return out


def combined(batch: GraphBatch, g: Numbers, *, isolated: float = 0.0) -> Numbers:
    """Return sum_k T_k g_k of signals g [N, depth, F], [N, F]: what carries gradients back.

    T_k is symmetric, so this is the adjoint of `terms`. Source: Clenshaw's recurrence.

    Raises:
        ValueError: g has not N rows.
    """
    scratch = np.array(_signals(batch, g))
    out = np.empty((g.shape[0], g.shape[2]), dtype=scratch.dtype)
    weight = batch.normalised.astype(scratch.dtype)
    own = scratch.dtype.type(isolated - 1.0)
    _combined(batch.start, batch.indptr, batch.indices, weight, own, scratch, out)
    return out


def moments(batch: GraphBatch, x: Numbers, count: int) -> Floats:
    """Return the Chebyshev moments x'T_j x of each graph and signal, j < count, [G, F, count].

    They tell how a signal's energy spreads over frequencies: x'p(L)x is their sum weighted by the
    coefficients of p. T_k T_l = (T_(k+l) + T_|k-l|) / 2, so half as many terms are enough. An
    isolated node has L_ii = 0.

    Raises:
        ValueError: count is below 1, or x has not N rows.
    """
    if count < 1:
        raise ValueError("count must be at least 1.")
    x = _signals(batch, x).astype(np.float64)
    depth = count // 2 + 1
    products = np.zeros((len(batch), 2 * depth, x.shape[1]))
    for first, end in pieces(batch.start):
        part = batch if end - first == len(batch) else batch.take(np.arange(first, end))
        t = terms(part, x[batch.start[first] : batch.start[end]], depth)
        _products(part.start, t, products[first:end])
    found = 2.0 * products
    found[:, 2::2] -= products[:, :1]
    found[:, 3::2] -= products[:, 1:2]
    found[:, :2] = products[:, :2]
    return found[:, :count].transpose(0, 2, 1)


def pieces(start: Any, most: int = 4096) -> list[tuple[int, int]]:
    """Return ranges of graphs with about so many nodes each, at least one graph in each.

    What is made of one range then stays in the cache.

    >>> pieces(np.array([0, 2, 3, 9, 9]), 4)
    [(0, 2), (2, 3), (3, 4)]
    """
    found, first = [], 0
    while first < len(start) - 1:
        fits = int(np.searchsorted(start, start[first] + most, side="right")) - 1
        end = max(fits, first + 1)
        found.append((first, end))
        first = end
    return found


def coefficients(kernel: Callable[[Floats], Floats], depth: int, points: int = 64) -> Floats:
    """Return the Chebyshev coefficients [depth] of a kernel of frequencies in [0, 2].

    c_k = (2 - [k = 0]) / N sum_m cos(k t_m) g(cos t_m + 1), t_m = (m + 1/2) pi / N: interpolation
    at N points, at least depth of them. A polynomial below that degree is met exactly.
    """
    n = max(points, depth)
    t = (np.arange(n) + 0.5) * np.pi / n
    c: Floats = np.cos(np.outer(np.arange(depth), t)) @ kernel(np.cos(t) + 1.0) * (2.0 / n)
    c[0] /= 2.0
    return c


def response(theta: npt.ArrayLike, frequency: npt.ArrayLike) -> Floats:
    """Return by what a filter of coefficients theta [K] multiplies each frequency.

    >>> response([0.0, 1.0], [0.0, 2.0])
    array([-1.,  1.])
    """
    at = np.asarray(frequency, dtype=np.float64) - 1.0
    found = np.polynomial.chebyshev.chebval(at, np.asarray(theta, dtype=np.float64))
    return np.asarray(found, dtype=np.float64)


def _signals(batch: GraphBatch, x: Numbers) -> Numbers:
    if len(x) != batch.start[-1]:
        raise ValueError("There must be a row of signals for each node.")
    kind = np.float32 if x.dtype == np.float32 else np.float64
    return np.ascontiguousarray(x, dtype=kind)


@vectorised
def _terms(
    start: Ints, indptr: Ints, indices: Ints, weight: Numbers, own: float, x: Numbers, out: Numbers
) -> None:
    """Fill out [N, K, F]; graph by graph, so that one stays in the cache from term to term."""
    depth, wide = out.shape[1], out.shape[2]
    for g in range(len(start) - 1):
        for u in range(start[g], start[g + 1]):
            for f in range(wide):
                out[u, 0, f] = x[u, f]
        for k in range(1, depth):
            twice = weight.dtype.type(1.0 if k == 1 else 2.0)
            for u in range(start[g], start[g + 1]):
                to = out[u, k]
                if indptr[u] == indptr[u + 1]:
                    for f in range(wide):
                        to[f] = twice * own * out[u, k - 1, f]
                else:
                    for f in range(wide):
                        to[f] = 0.0
                for e in range(indptr[u], indptr[u + 1]):
                    w, near = twice * weight[e], out[indices[e], k - 1]
                    for f in range(wide):
                        to[f] -= w * near[f]
                if k > 1:
                    for f in range(wide):
                        to[f] -= out[u, k - 2, f]


@vectorised
def _combined(
    start: Ints, indptr: Ints, indices: Ints, weight: Numbers, own: float, b: Numbers, out: Numbers
) -> None:
    """Fill out [N, F] from b [N, K, F], which becomes b_k = g_k + 2 (L - I) b_(k+1) - b_(k+2)."""
    depth, wide = b.shape[1], b.shape[2]
    for g in range(len(start) - 1):
        for back in range(depth):
            k = depth - 1 - back
            twice = weight.dtype.type(1.0 if k == 0 else 2.0)
            for u in range(start[g], start[g + 1]):
                to = b[u, k]
                if k + 1 < depth:
                    if indptr[u] == indptr[u + 1]:
                        for f in range(wide):
                            to[f] += twice * own * b[u, k + 1, f]
                    for e in range(indptr[u], indptr[u + 1]):
                        w, near = twice * weight[e], b[indices[e], k + 1]
                        for f in range(wide):
                            to[f] -= w * near[f]
                if k + 2 < depth:
                    for f in range(wide):
                        to[f] -= b[u, k + 2, f]
        for u in range(start[g], start[g + 1]):
            for f in range(wide):
                out[u, f] = b[u, 0, f]


@vectorised
def _products(start: Ints, t: Floats, out: Floats) -> None:
    """Add up T_k x T_k x and T_k x T_(k+1) x of each graph, out [G, 2 K, F]; the last one is 0."""
    depth, wide = t.shape[1], t.shape[2]
    for g in range(len(start) - 1):
        for u in range(start[g], start[g + 1]):
            for k in range(depth):
                for f in range(wide):
                    out[g, 2 * k, f] += t[u, k, f] * t[u, k, f]
                if k + 1 < depth:
                    for f in range(wide):
                        out[g, 2 * k + 1, f] += t[u, k, f] * t[u, k + 1, f]
