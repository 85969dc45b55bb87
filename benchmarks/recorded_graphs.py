"""Recorded runs as graphs, through the store: each is a host's hour of the window detector.

record_scenarios moves nothing: here each run is moved to an hour of its own, all are ingested into
one store, and the detector's own functions make units, features and the rarity of names, which is
counted over the runs that are learned from alone.
"""

import csv
import gzip
import random
import re
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.call_graphs import Names, Traces
from benchmarks.graph_families import Family
from graphad.detectors.window_features import (
    FEATURES,
    Rarity,
    counted,
    names_of,
    nodes_of,
)
from graphad.detectors.window_units import Units, units
from graphad.graph import Graph
from graphad.models.graph_batch import GraphBatch
from graphad.store import Store
from sample_logs.record import shifted

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

START = datetime(2026, 3, 2, tzinfo=UTC)
_CALL = re.compile(rb"(?m)^(\d+) +\d+\.\d+ ([a-z]\w*)\(")


class Recorded:
    """Runs in the order of their units: kind, attack, kinds of work [G], calls by process."""

    def __init__(self, folder: Path, scratch: Path) -> None:
        with (folder / "truth.csv").open(newline="") as file:
            self.truth = list(csv.DictReader(file))
        logs = [
            gzip.decompress((folder / f"{row['run']}.strace.gz").read_bytes()) for row in self.truth
        ]
        whole = scratch / "runs.strace"
        rounds = [log.splitlines(keepends=True) for log in logs]
        whole.write_bytes(b"".join(shifted(rounds, START, random.Random(0))))
        store = Store(scratch / "store")
        store.ingest([whole])
        self.graph: Graph = store.graph()
        self.units: Units = units(self.graph, "host", 3600)
        if len(self.units) != len(logs):
            raise ValueError(f"{len(logs)} runs are {len(self.units)} hours.")
        self.kind: Names = np.array([row["kind"] for row in self.truth], object)
        self.attack: Bools = np.array([row["attack"] == "1" for row in self.truth])
        self.work = [frozenset(row["work"].split()) for row in self.truth]
        self.calls = called(logs)

    def traces(self, learned: Ints) -> Traces:
        """Return all runs as graphs; names are as rare as the learned runs [n] say."""
        inside = np.zeros(len(self.units), bool)
        inside[learned] = True
        rarity = Rarity.fit([counted(self.graph, self.units.take(learned))], len(learned))
        names = names_of(self.graph)
        order, made, kinds = [], [], []
        for those in (True, False):
            mine = np.flatnonzero(inside == those)
            nodes = nodes_of(self.graph, self.units.take(mine), rarity.of(names, those))
            order.append(mine)
            made.append(
                GraphBatch.of(nodes.sizes, nodes.src, nodes.dst, nodes.features, nodes.weight)
            )
            kinds.append(labels(nodes.features))
        family = Family(
            GraphBatch.joined(made), np.concatenate(kinds), self.attack[np.concatenate(order)]
        )
        back = np.argsort(np.concatenate(order))
        return Traces(family.take(back), self.kind, self.calls)


def labels(features: npt.NDArray[np.float64]) -> Ints:
    """Return a label of each node [N] by its type and by which actions it was in."""
    there = features[:, : len(FEATURES) - 3] > 0
    weight = np.random.default_rng(0).integers(1, 2**40, there.shape[1])
    found: Ints = (there * weight).sum(axis=1).astype(np.int64)
    return found


def called(logs: list[bytes]) -> list[list[Ints]]:
    """Return the calls of each process of each log in order, by number of their names."""
    number: dict[bytes, int] = {}
    found = []
    for log in logs:
        by: dict[bytes, list[int]] = {}
        for pid, name in _CALL.findall(log):
            by.setdefault(pid, []).append(number.setdefault(name, len(number)))
        found.append([np.array(calls, np.int64) for calls in by.values()])
    return found
