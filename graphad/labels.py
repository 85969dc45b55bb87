"""Which events are known attacks: by a CSV file of the truth, and by findings marked malicious."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from graphad.feedback import telling_edges
from graphad.findings import Finding
from graphad.graph import Graph
from graphad.marks import Mark, Standing
from graphad.truth import Truth

if TYPE_CHECKING:
    from graphad.store import Store

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_RECORDS = 2**40  # of a source, more than it can have


class Labels:
    """Tells the events of a store's graphs that are known attacks.

    truth: see graphad.truth; findings, marks: of the store; of findings that are marked malicious
    the telling events count. unmatched: sources that the truth names and the store lacks; lost:
    marks whose finding is no longer kept.
    """

    def __init__(
        self, store: "Store", truth: Truth | None = None, findings: Iterable[Finding] = (),
        marks: Iterable[Standing] = (),
    ) -> None:  # fmt: skip
        self._windows: list[tuple[str, int, int]] = []
        self._entities: set[str] = set()
        keys: set[int] = set()
        self.unmatched: tuple[str, ...] = ()
        if truth is not None:
            keys |= _records(store, truth)
            self._windows, self._entities = truth.windows, truth.entities
            self.unmatched = truth.unmatched(source.path for source in store.sources)
        found, self.lost = _marked(list(findings), marks)
        self._keys = np.array(sorted(keys | found), np.int64)

    @property
    def told_lost(self) -> str:
        """Return in words which marks label nothing."""
        some = ", ".join(self.lost[:3]) + (" ..." if len(self.lost) > 3 else "")
        few = "mark labels" if len(self.lost) == 1 else "marks label"
        return f"{len(self.lost)} {few} nothing, as what was marked is no longer kept: {some}"

    def __bool__(self) -> bool:
        """Return whether anything is labelled."""
        return bool(len(self._keys) or self._windows or self._entities)

    def events(self, graph: Graph) -> Bools:
        """Return which events [E] of a graph are known attacks."""
        found = np.isin(graph.source * _RECORDS + graph.record, self._keys)
        if self._entities:
            named = np.array([label in self._entities for label in graph.labels], bool)
            found |= named[graph.src] | named[graph.dst]
        for host, start, end in self._windows:
            mine = (graph.ts >= start) & (graph.ts < end)
            if host:
                mine &= graph.host == host
            found |= mine
        return found


def _records(store: "Store", truth: Truth) -> set[int]:
    """Return keys of the records that lines or records of the truth are."""
    found: set[int] = set()
    connection = store.connect()
    try:
        for source in store.sources:
            numbers = truth.numbers(source.path)
            if numbers and truth.kind == "line":
                # A call that took a while is logged in two lines; either names it.
                rows = connection.execute(
                    "WITH named AS (SELECT record FROM records WHERE source = $source "
                    "AND line IN (SELECT unnest($lines))) SELECT record FROM named UNION "
                    "SELECT record FROM records WHERE source = $source "
                    "AND begun IN (SELECT record FROM named)",
                    {"source": source.source, "lines": numbers},
                ).fetchall()
                numbers = [row[0] for row in rows]
            found.update(source.source * _RECORDS + number for number in numbers)
    finally:
        connection.close()
    return found


def _marked(
    findings: Sequence[Finding], marks: Iterable[Standing]
) -> tuple[set[int], tuple[str, ...]]:
    """Return keys of the telling records of findings marked malicious, and marks without one."""
    found: set[int] = set()
    lost = []
    for one in marks:
        entry = one.entry
        if not one.active or not isinstance(entry, Mark) or entry.verdict != "malicious":
            continue
        mine = [f for f in findings if entry.target in (f.id, f.incident)]
        if not mine:
            lost.append(entry.id)
        for finding in mine:
            proofs = [finding.evidence[at] for at in telling_edges(finding)]
            found.update(proof.number * _RECORDS + proof.record for proof in proofs)
    return found, tuple(lost)
