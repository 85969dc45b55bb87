"""Counts of Weisfeiler-Lehman labels: what each node is, and what its neighbours are.

A node's label of hop h is its own of hop h - 1 and the multiset of its neighbours'. Labels are
hashes of 64 bits, so no vocabulary is shared between graphs to score and graphs to learn from.
Source: Shervashidze et al., Weisfeiler-Lehman Graph Kernels, JMLR 12, 2011.
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import sparse

from graphad.models.codes import Hashes, changes, mixed
from graphad.models.graph_batch import GraphBatch

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

HOPS = 2


def wl_labels(batch: GraphBatch, labels: npt.ArrayLike, hops: int = HOPS) -> list[Hashes]:
    """Return the hashed labels [N] of each hop from 0 on; weights of edges don't count."""
    found = [mixed(labels)]
    for hop in range(1, hops + 1):
        own = found[-1]
        scattered = mixed(own)[batch.indices]
        # A sum modulo 2^64 of scattered hashes tells multisets apart, in any order.
        total = np.concatenate([[np.uint64(0)], np.cumsum(scattered, dtype=np.uint64)])
        around = total[batch.indptr[1:]] - total[batch.indptr[:-1]]
        found.append(mixed(mixed(own + np.uint64(hop)) + around))
    return found


class LabelSets(NamedTuple):
    """Which labels of all hops each of G graphs has, once each.

    graphs: G; owner [N]: each node's graph; every: the labels [N] of each hop, of first and of
    further ones told apart; graph, value [L]: each distinct label of each graph, in order.
    """

    graphs: int
    owner: Ints
    every: list[Hashes]
    graph: Ints
    value: Hashes

    @classmethod
    def of(cls, batch: GraphBatch, labels: npt.ArrayLike, hops: int) -> "LabelSets":
        """Return the labels of graphs whose nodes begin with labels [N], or with [V, N] at once."""
        every = [
            of
            for number, view in enumerate(np.atleast_2d(np.asarray(labels)))
            for of in wl_labels(batch, mixed(view) + np.uint64(number), hops)
        ]
        owner = batch.graph
        graph, value = np.tile(owner, len(every)), np.concatenate(every)
        order = np.lexsort((value, graph))
        graph, value = graph[order], value[order]
        first = changes(graph, value)
        return cls(len(batch), owner, every, graph[first], value[first])

    @property
    def sizes(self) -> Ints:
        """Return how many labels each graph has, [G]."""
        return np.bincount(self.graph, minlength=self.graphs).astype(np.int64)

    def divided(self, amount: Floats) -> Floats:
        """Return what each node gets, [V (hops + 1), N], if its graph's labels have amounts [L].

        By its first labels of each hop, then by its second ones; nodes of one label share.
        """
        key = _order(self.graph, self.value)
        found = np.zeros((len(self.every), len(self.owner)))
        for row, of in enumerate(self.every):
            at = np.searchsorted(key, _order(self.owner, of))
            found[row] = amount[at] / np.bincount(at, minlength=len(key))[at]
        return found


def found_in(known: Hashes, value: Hashes) -> Ints:
    """Return at which place of known labels, rising, each label [L] is; -1 if it is not known."""
    if not len(known):
        return np.full(len(value), -1)
    at = np.minimum(np.searchsorted(known, value), len(known) - 1)
    return np.where(known[at] == value, at, -1)


def _order(graph: Ints, value: Hashes) -> npt.NDArray[Any]:
    """Return keys by which labels of graphs are found: by graph, then by label."""
    made = np.empty(len(graph), dtype=[("graph", "<u8"), ("value", "<u8")])
    made["graph"], made["value"] = graph, value
    return made


@dataclass
class LabelCounts:
    """Counts of the labels of all hops in each graph, as columns of a sparse matrix.

    least: graphs that a label must be in; known_ [K]: those that are, rising.
    """

    hops: int = HOPS
    least: int = 1
    known_: Hashes = field(default_factory=lambda: np.zeros(0, np.uint64), repr=False)

    def fit(self, batch: GraphBatch, labels: npt.ArrayLike) -> "LabelCounts":
        """Take the labels that are in enough graphs."""
        graph = batch.graph
        seen = []
        for hop in wl_labels(batch, labels, self.hops):
            order = np.lexsort((graph, hop))
            seen.append(hop[order][changes(hop[order], graph[order])])
        values, graphs = np.unique(np.concatenate(seen), return_counts=True)
        self.known_ = values[graphs >= self.least]
        return self

    def columns(self, batch: GraphBatch, labels: npt.ArrayLike) -> Ints:
        """Return the column of each node's label of each hop, [hops + 1, N]; K if not known."""
        found = []
        for hop in wl_labels(batch, labels, self.hops):
            at = np.searchsorted(self.known_, hop)
            there = at < len(self.known_)
            there[there] = self.known_[at[there]] == hop[there]
            found.append(np.where(there, at, len(self.known_)))
        return np.stack(found)

    def counts(self, batch: GraphBatch, labels: npt.ArrayLike) -> Any:
        """Return the counts [G, K + 1]; the last column is of labels that aren't known."""
        graph = batch.graph
        cols = self.columns(batch, labels)
        row, col = np.tile(graph, len(cols)), cols.ravel()
        shape = (len(batch), len(self.known_) + 1)
        return sparse.coo_matrix((np.ones(len(row)), (row, col)), shape=shape).tocsr()
