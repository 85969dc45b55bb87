"""Sequences as graphs: a node for each call (or template), an edge where one came after another.

System calls of a trace, or templates of the log lines of a session.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from benchmarks.graph_families import Family
from graphad.models.graph_batch import GraphBatch

Ints = npt.NDArray[np.int64]
Names = npt.NDArray[np.object_]

COLUMNS = 48  # calls with a column of their own; the others share one


class Traces(NamedTuple):
    """Graphs of traces; of each its kind [G] and its calls in order, by process; [] if unknown."""

    graphs: Family
    kind: Names
    calls: list[list[Ints]]

    def take(self, chosen: Ints) -> "Traces":
        """Return some of them."""
        calls = [self.calls[g] for g in chosen] if self.calls else []
        return Traces(self.graphs.take(chosen), self.kind[chosen], calls)


def transitions(calls: Sequence[Ints], known: Ints) -> Family:
    """Return the graph of each sequence; none is abnormal yet.

    known: calls with a column, in order; a node's feature is the logarithm of how often it was
    called, the weight of an edge that of how often both came together.
    """
    graph = np.repeat(np.arange(len(calls)), [len(one) for one in calls])
    call = np.concatenate([*calls, np.zeros(0, np.int64)]).astype(np.int64)
    base = int(call.max(initial=0)) + 1
    keys, node, often = np.unique(graph * base + call, return_inverse=True, return_counts=True)
    kinds = keys % base
    together = graph[1:] == graph[:-1]
    pairs, count = np.unique(
        np.stack([node[:-1][together], node[1:][together]]), axis=1, return_counts=True
    )
    order = np.argsort(known)
    at = np.searchsorted(known, kinds, sorter=order)
    column = np.full(len(kinds), len(known))
    inside = at < len(known)
    at = order[at[inside]]
    column[inside] = np.where(known[at] == kinds[inside], at, len(known))
    features = np.zeros((len(keys), len(known) + 1))
    features[np.arange(len(keys)), column] = np.log1p(often)
    sizes = np.bincount(keys // base, minlength=len(calls))
    batch = GraphBatch.of(sizes, pairs[0], pairs[1], features, np.log1p(count))
    return Family(batch, kinds, np.zeros(len(calls), bool))


def commonest(calls: Iterable[Ints], most: int = COLUMNS) -> Ints:
    """Return the calls that are in most sequences, the commonest first."""
    each = [np.unique(one) for one in calls]
    values, often = np.unique(np.concatenate([*each, np.zeros(0, np.int64)]), return_counts=True)
    found: Ints = values[np.lexsort((values, -often))][:most].astype(np.int64)
    return found
