"""Graphs side by side: the features of their nodes, and one block-diagonal adjacency.

Graphs are undirected: an edge counts in both directions, whichever way it is given. Parallel edges
add up their weights. Self loops are dropped, as scipy's and PyG's Laplacians do, so a node with no
other edge is isolated. A graph may have no edge, one node or none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from graphad.models.codes import changes

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

LARGEST = 1e9  # of a feature, so that its square fits the float32 of a network


@dataclass(frozen=True)
class GraphBatch:
    """G graphs with N nodes of F features in all; those of a graph have consecutive numbers.

    start [G + 1]: where the nodes of each graph begin; features [N, F]; indptr [N + 1], indices
    and weight [Z]: A by rows, each undirected edge twice, columns rising; degree [N]: row sums.
    """

    start: Ints
    features: Floats
    indptr: Ints
    indices: Ints
    weight: Floats
    degree: Floats

    @classmethod
    def of(
        cls, sizes: npt.ArrayLike, src: npt.ArrayLike, dst: npt.ArrayLike, features: npt.ArrayLike,
        weight: npt.ArrayLike | None = None,
    ) -> "GraphBatch":  # fmt: skip
        """Return graphs of `sizes` [G] nodes with edges src, dst [E] among all N nodes.

        Shape: features [N, F], finite, none beyond 1e9; weight [E], at least 0, 1 if not given; an
        edge of weight 0 is none.

        Raises:
            ValueError: shapes don't fit, an edge leaves its graph, or a number is out of range.
        """
        sizes, src, dst = _whole(sizes), _whole(src), _whole(dst)
        x = np.array(features, dtype=np.float64)
        w = np.ones(len(src)) if weight is None else np.array(weight, dtype=np.float64)
        n = int(sizes.sum())
        if (sizes < 0).any() or x.ndim != 2 or len(x) != n:
            raise ValueError("features must have one row for each node that sizes count.")
        if not src.shape == dst.shape == w.shape:
            raise ValueError("src, dst and weight must be of one length.")
        if len(src) and (min(src.min(), dst.min()) < 0 or max(src.max(), dst.max()) >= n):
            raise ValueError("An edge names a node that is not there.")
        if not (np.abs(x) <= LARGEST).all():
            raise ValueError("Features must be finite and at most 1e9; take logarithms of counts.")
        if not (np.isfinite(w).all() and (w >= 0).all()):
            raise ValueError("Weights must be finite and not negative.")
        graph = np.repeat(np.arange(len(sizes)), sizes)
        if (graph[src] != graph[dst]).any():
            raise ValueError("An edge joins two graphs.")
        u, v, a = _rows(src, dst, w, n)
        degree = np.bincount(u, weights=a, minlength=n).astype(np.float64)
        if not np.isfinite(degree).all():
            raise ValueError("Weights are too large to be added up.")
        indptr = np.concatenate([[0], np.cumsum(np.bincount(u, minlength=n))]).astype(np.int64)
        return cls(_starts(sizes), x, indptr, v, a, degree)

    @classmethod
    def joined(cls, batches: Sequence["GraphBatch"]) -> "GraphBatch":
        """Return all graphs of some batches, in order. Raises: ValueError: none, or F differs."""
        if len({b.features.shape[1] for b in batches}) != 1:
            raise ValueError("Batches to join must be there and have the same features.")
        before = np.cumsum([0, *(len(b.features) for b in batches)])[:-1]
        edges = np.cumsum([0, *(len(b.indices) for b in batches)])[:-1]
        starts = [b.start[:-1] + n for b, n in zip(batches, before, strict=True)]
        rows = [b.indptr[:-1] + e for b, e in zip(batches, edges, strict=True)]
        last = batches[-1]
        return cls(
            np.concatenate([*starts, [before[-1] + last.start[-1]]]).astype(np.int64),
            np.concatenate([b.features for b in batches]),
            np.concatenate([*rows, [edges[-1] + last.indptr[-1]]]).astype(np.int64),
            np.concatenate([b.indices + n for b, n in zip(batches, before, strict=True)]),
            np.concatenate([b.weight for b in batches]),
            np.concatenate([b.degree for b in batches]),
        )

    def take(self, graphs: npt.ArrayLike) -> "GraphBatch":
        """Return some graphs by their numbers, in the order given; one may come twice."""
        chosen = _whole(graphs)
        nodes, begin = ranges(self.start[chosen], self.start[chosen + 1])
        edges, first = ranges(self.indptr[nodes], self.indptr[nodes + 1])
        shift = np.repeat(begin[:-1] - self.start[chosen], np.diff(begin))
        moved = np.repeat(shift, np.diff(first))
        return GraphBatch(
            begin, self.features[nodes], first, self.indices[edges] + moved,
            self.weight[edges], self.degree[nodes],
        )  # fmt: skip

    def __len__(self) -> int:
        """Return G."""
        return len(self.start) - 1

    @property
    def sizes(self) -> Ints:
        """Return how many nodes each graph has, [G]."""
        return np.diff(self.start)

    @property
    def graph(self) -> Ints:
        """Return in which graph each node is, [N]."""
        return np.repeat(np.arange(len(self)), self.sizes)

    @property
    def edges(self) -> Ints:
        """Return how many pairs of nodes each graph joins, [G]."""
        return np.diff(self.indptr[self.start]) // 2

    @cached_property
    def normalised(self) -> Floats:
        """Return the entries [Z] of D^(-1/2) A D^(-1/2)."""
        root = np.sqrt(np.where(self.degree > 0, self.degree, 1.0))
        # One root at a time: their product may be too small or too large for a float.
        found: Floats = self.weight / np.repeat(root, np.diff(self.indptr)) / root[self.indices]
        return found


def ranges(begin: Ints, end: Ints) -> tuple[Ints, Ints]:
    """Return the numbers of all half-open ranges one after another, and where each starts [n + 1].

    >>> ranges(np.array([5, 0]), np.array([7, 1]))
    (array([5, 6, 0]), array([0, 2, 3]))
    """
    start = _starts(end - begin)
    return np.arange(start[-1]) + np.repeat(begin - start[:-1], np.diff(start)), start


def _starts(sizes: Ints) -> Ints:
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)


def _whole(numbers: npt.ArrayLike) -> Ints:
    """Return whole numbers [n] as int64. Raises: ValueError: they are something else."""
    made = np.asarray(numbers)
    if made.ndim != 1 or (made.size and made.dtype.kind not in "iu"):
        raise ValueError("Sizes, ends of edges and numbers of graphs are whole, in one row.")
    return made.astype(np.int64)


def _rows(src: Ints, dst: Ints, w: Floats, n: int) -> tuple[Ints, Ints, Floats]:
    """Return rows, columns and sums of A + A^T without its diagonal, in order."""
    kept = (src != dst) & (w > 0)
    src, dst, w = src[kept], dst[kept], w[kept]
    low, high = np.minimum(src, dst), np.maximum(src, dst)
    # Heaviest last among parallel ones, so that the order of edges doesn't change their sum.
    order = np.lexsort((w, high, low))
    low, high, w = low[order], high[order], w[order]
    at = np.flatnonzero(changes(low, high))
    with np.errstate(over="ignore"):
        total = np.add.reduceat(w, at) if len(at) else w
    low, high = low[at], high[at]
    u, v, a = np.concatenate([low, high]), np.concatenate([high, low]), np.tile(total, 2)
    order = np.argsort(u * max(n, 1) + v, kind="stable")
    return u[order], v[order], a[order]
