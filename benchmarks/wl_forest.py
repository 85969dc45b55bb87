"""The baseline a deep model must beat: counts of Weisfeiler-Lehman labels, and a random forest.

A node's label of hop h is its own of hop h - 1 and the multiset of its neighbours'. Labels are
hashes of 64 bits, so no vocabulary is shared between graphs to score and graphs to learn from.
Source: Shervashidze et al., Weisfeiler-Lehman Graph Kernels, JMLR 12, 2011. Settings are those our
notes on RQGNN were measured with (section 8): 2 hops, labels in at least 5 graphs, 500 trees.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from graphad.models.graph_batch import GraphBatch

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]
Bools = npt.NDArray[np.bool_]

HOPS = 2
LEAST = 5  # graphs that a label must be in
TREES = 500
NEIGHBOURS = 5
GRAM = 3


def mixed(numbers: npt.ArrayLike) -> Hashes:
    """Return numbers scattered over 64 bits, one to one: the finaliser of SplitMix64."""
    x = np.asarray(numbers).astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def wl_labels(batch: GraphBatch, labels: Ints, hops: int = HOPS) -> list[Hashes]:
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


@dataclass
class LabelCounts:
    """Counts of the labels of all hops in each graph, as columns of a sparse matrix."""

    hops: int = HOPS
    least: int = LEAST
    known_: Hashes = field(default_factory=lambda: np.zeros(0, np.uint64))

    def fit(self, batch: GraphBatch, labels: Ints) -> "LabelCounts":
        """Take the labels that are in enough graphs."""
        graph = np.repeat(np.arange(len(batch)), batch.sizes)
        seen = [
            np.unique(np.stack([hop, graph.astype(np.uint64)]), axis=1)[0]
            for hop in wl_labels(batch, labels, self.hops)
        ]
        values, graphs = np.unique(np.concatenate(seen), return_counts=True)
        self.known_ = values[graphs >= self.least]
        return self

    def counts(self, batch: GraphBatch, labels: Ints) -> Any:
        """Return the counts [G, labels + 1]; the last column is of labels that aren't known."""
        graph = np.repeat(np.arange(len(batch)), batch.sizes)
        hops = wl_labels(batch, labels, self.hops)
        return _counted(self.known_, np.tile(graph, len(hops)), np.concatenate(hops), len(batch))


@dataclass
class WlForest:
    """Scores graphs by the share of trees that call them abnormal; learns from labelled ones."""

    trees: int = TREES
    seed: int = 0
    counts_: LabelCounts = field(default_factory=LabelCounts)
    forest_: Any = None

    def fit(self, batch: GraphBatch, labels: Ints, abnormal: Bools) -> "WlForest":
        """Learn from graphs whose nodes have labels [N]; needs scikit-learn."""
        from sklearn.ensemble import RandomForestClassifier

        self.counts_.fit(batch, labels)
        self.forest_ = RandomForestClassifier(
            self.trees, min_samples_leaf=2, class_weight="balanced_subsample",
            random_state=self.seed, n_jobs=1,
        )  # fmt: skip
        self.forest_.fit(self.counts_.counts(batch, labels), abnormal)
        return self

    def score(self, batch: GraphBatch, labels: Ints) -> Floats:
        """Return the scores [G]."""
        found: Floats = self.forest_.predict_proba(self.counts_.counts(batch, labels))[:, 1]
        return found


@dataclass
class WlNeighbours:
    """Scores graphs by how far their counts are from the nearest quiet graphs'; needs no label."""

    neighbours: int = NEIGHBOURS
    counts_: LabelCounts = field(default_factory=lambda: LabelCounts(least=1))
    quiet_: Any = None

    def fit(self, batch: GraphBatch, labels: Ints) -> "WlNeighbours":
        """Remember quiet graphs."""
        self.quiet_ = unit(self.counts_.fit(batch, labels).counts(batch, labels))
        return self

    def score(self, batch: GraphBatch, labels: Ints) -> Floats:
        """Return the mean distances [G] to the nearest ones."""
        return far(unit(self.counts_.counts(batch, labels)), self.quiet_, self.neighbours)


@dataclass
class GramNeighbours:
    """The same of runs of n calls of one process: its traces need no graph.

    After Forrest et al., A Sense of Self for Unix Processes, IEEE S&P 1996.
    """

    n: int = GRAM
    neighbours: int = NEIGHBOURS
    known_: Hashes = field(default_factory=lambda: np.zeros(0, np.uint64))
    quiet_: Any = None

    def fit(self, calls: Sequence[Sequence[Ints]]) -> "GramNeighbours":
        """Remember the calls of quiet traces, of each by process."""
        self.known_ = np.unique(np.concatenate([self._grams(one) for one in calls]))
        self.quiet_ = unit(self.counts(calls))
        return self

    def score(self, calls: Sequence[Sequence[Ints]]) -> Floats:
        """Return the mean distances [G] to the nearest ones."""
        return far(unit(self.counts(calls)), self.quiet_, self.neighbours)

    def counts(self, calls: Sequence[Sequence[Ints]]) -> Any:
        """Return the counts [G, known + 1] of runs; the last column is of unknown ones."""
        grams = [self._grams(one) for one in calls]
        row = np.repeat(np.arange(len(calls)), [len(one) for one in grams])
        found = np.concatenate([*grams, np.zeros(0, np.uint64)])
        return _counted(self.known_, row, found, len(calls))

    def _grams(self, processes: Sequence[Ints]) -> Hashes:
        """Return the hashed runs of all processes; one of fewer calls is one run."""
        found = [np.zeros(0, np.uint64)]
        for calls in processes:
            width = min(self.n, len(calls))
            total = np.zeros(len(calls) - width + 1 if width else 0, np.uint64)
            for place in range(width):
                total = mixed(total + mixed(calls[place : place + len(total)]))
            found.append(total)
        return np.concatenate(found)


def far(one: Any, quiet: Any, neighbours: int) -> Floats:
    """Return the mean distances of rows of unit length to the nearest quiet ones, 1 - cosine."""
    near = (one @ quiet.T).toarray()
    k = min(neighbours, near.shape[1])
    found: Floats = 1.0 - np.sort(near, axis=1)[:, ::-1][:, :k].mean(axis=1)
    return found


def _counted(known: Hashes, row: Ints, hashes: Hashes, rows: int) -> Any:
    """Return how often each row has each known hash; the last column is of the others."""
    at = np.searchsorted(known, hashes)
    there = at < len(known)
    there[there] = known[at[there]] == hashes[there]
    col = np.where(there, at, len(known))
    shape = (rows, len(known) + 1)
    return sparse.coo_matrix((np.ones(len(row)), (row, col)), shape=shape).tocsr()


def unit(counts: Any) -> Any:
    """Return the roots of rows of counts divided by their sums; a row of zeros stays so.

    Their cosines are of shares of labels, whatever a graph's size.
    """
    total = np.asarray(counts.sum(axis=1))[:, 0]
    return sparse.diags(1.0 / np.sqrt(np.maximum(total, 1.0))) @ counts.sqrt()
