"""Random batches of graphs, and what is spectral about them, written with dense matrices."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from graphad.models.graph_batch import GraphBatch

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# The paw of our notes on RQGNN, 13.1: edges 0-1, 0-2, 1-2, 2-3.
PAW_SRC, PAW_DST = np.array([0, 0, 1, 2]), np.array([1, 2, 2, 3])
PAW_X = np.array([[1.0, 1.0], [-1.0, 0.0], [2.0, 0.0], [0.5, 1.0]])
PAW = GraphBatch.of([4], PAW_SRC, PAW_DST, PAW_X)


class Drawn(NamedTuple):
    """What a batch is made from."""

    sizes: Ints
    src: Ints
    dst: Ints
    weight: Floats
    features: Floats

    def batch(self) -> GraphBatch:
        return GraphBatch.of(self.sizes, self.src, self.dst, self.features, self.weight)

    def adjacency(self) -> list[Floats]:
        """Return the dense adjacency of each graph: symmetric, no loops, parallel edges added."""
        n = int(self.sizes.sum())
        a = np.zeros((n, n))
        for u, v, w in zip(self.src, self.dst, self.weight, strict=True):
            if u != v:
                a[u, v] += w
                a[v, u] += w
        ends = np.cumsum(self.sizes)
        return [a[e - s : e, e - s : e] for s, e in zip(self.sizes, ends, strict=True)]

    def signals(self) -> list[Floats]:
        ends = np.cumsum(self.sizes)
        return [self.features[e - s : e] for s, e in zip(self.sizes, ends, strict=True)]

    def permuted(self, seed: int) -> "Drawn":
        """Return the same graphs with their nodes and edges in another order, ends swapped."""
        r = np.random.default_rng(seed)
        before = np.cumsum(self.sizes) - self.sizes
        old = np.concatenate([r.permutation(s) + b for s, b in zip(self.sizes, before, strict=True)]
                             or [np.zeros(0, np.int64)]).astype(np.int64)  # fmt: skip
        new = np.argsort(old)
        order = r.permutation(len(self.src))
        src, dst = new[self.src[order]], new[self.dst[order]]
        return Drawn(self.sizes, dst, src, self.weight[order], self.features[old])


@st.composite
def drawn_graphs(draw: Any, least: int = 0, most: int = 4, features: int = 3) -> Drawn:
    """Draw graphs, some empty, with loops, parallel edges, isolated nodes and constant features."""
    sizes = draw(st.lists(st.integers(0, 7), min_size=least, max_size=most))
    edges, at = [], 0
    for size in sizes:
        if size:
            end = st.integers(at, at + size - 1)
            weight = st.sampled_from([1.0, 1.0, 0.25, 7.0, 0.0])
            edges += draw(st.lists(st.tuples(end, end, weight), max_size=12))
        at += size
    number = st.sampled_from([0.0, 1.0, 1.0, -1.0, 0.5, 2.25])
    rows = draw(st.lists(st.tuples(*[number] * features), min_size=at, max_size=at))
    src, dst, w = (np.array(c) for c in zip(*edges, strict=True)) if edges else np.zeros((3, 0))
    return Drawn(
        np.array(sizes, np.int64), src.astype(np.int64), dst.astype(np.int64),
        w.astype(np.float64), np.array(rows, np.float64).reshape(at, features),
    )  # fmt: skip


def laplacian(a: Floats, isolated: float = 0.0) -> Floats:
    """Return I - D^(-1/2) A D^(-1/2), with L_ii = isolated where a node has no edge."""
    d = a.sum(axis=1)
    made = np.diag(np.where(d > 0, 1.0, isolated))
    for u in range(len(a)):
        for v in range(len(a)):
            if a[u, v] > 0:
                made[u, v] -= a[u, v] / np.sqrt(d[u] * d[v])
    return made


def polynomial(a: Floats, k: int, isolated: float = 0.0) -> Floats:
    """Return T_k(L - I), by eigenvalues."""
    at, u = np.linalg.eigh(laplacian(a, isolated) - np.eye(len(a)))
    found: Floats = u @ np.diag(np.cos(k * np.arccos(np.clip(at, -1, 1)))) @ u.T
    return found


def polynomials(drawn: Drawn, k: int, isolated: float = 0.0) -> Floats:
    """Return T_k(L - I) of all graphs, block-diagonal."""
    n = len(drawn.features)
    made, at = np.zeros((n, n)), 0
    for a in drawn.adjacency():
        made[at : at + len(a), at : at + len(a)] = polynomial(a, k, isolated)
        at += len(a)
    return made
