"""Baselines without labels: the nearest quiet graphs by counts of labels or of runs of calls."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from graphad.models.codes import Hashes, mixed
from graphad.models.graph_batch import GraphBatch
from graphad.models.wl_labels import LabelCounts

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

NEIGHBOURS = 5
GRAM = 3


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
