"""Graph data sets in the text format of TU Dortmund, read from the packed captures.

NAME_A.txt holds edges, both directions, one a line, nodes from 1; NAME_graph_indicator.txt the
graph of each node; NAME_graph_labels.txt and NAME_node_labels.txt labels. Source: Morris et al.,
TUDataset, 2020. Features are the one-hot codes of nodes' labels over the whole set, as in RQGNN.
"""

import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks import captures
from benchmarks.graph_families import Family
from graphad.models.graph_batch import GraphBatch

Ints = npt.NDArray[np.int64]

PACKED = "tu-graphs"


def load(name: str) -> Family | None:
    """Return a set by name; None where it is absent."""
    with tempfile.TemporaryDirectory() as folder:
        unpacked = captures.unpack(PACKED, Path(folder))
        if unpacked is None:
            return None
        return read(next(unpacked.rglob(f"{name}_A.txt")).parent, name)


def read(folder: Path, name: str) -> Family:
    """Return the set whose files lie in a folder; graphs of the rarer label are abnormal.

    Raises: ValueError: nodes of a graph are not side by side, or ends of edges are not there.
    """

    def column(what: str) -> Ints:
        file = folder / f"{name}_{what}.txt"
        return np.loadtxt(file, dtype=np.int64, delimiter=",", ndmin=2)

    graph = column("graph_indicator")[:, 0] - 1
    if (np.diff(graph) < 0).any():
        raise ValueError(f"{name}: the nodes of a graph are not side by side.")
    labels = column("graph_labels")[:, 0]
    _, kinds = np.unique(column("node_labels")[:, 0], return_inverse=True)
    edges = column("A") - 1
    batch = GraphBatch.of(
        np.bincount(graph, minlength=len(labels)), edges[:, 0], edges[:, 1],
        np.eye(kinds.max() + 1)[kinds], np.full(len(edges), 0.5),
    )  # fmt: skip
    values, often = np.unique(labels, return_counts=True)
    return Family(batch, kinds, labels == values[::-1][np.argmin(often[::-1])])
