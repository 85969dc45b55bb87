"""Known attacks as events of a graph: by lines, records, entities, windows, and marks."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graphad.graph import Graph
from graphad.labels import Labels
from graphad.truth import Truth, read_truth
from graphad.workspace import Workspace

DEMO = Path(__file__).parents[1] / "sample_logs" / "demo"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    made = Workspace(tmp_path_factory.mktemp("labels") / "store")
    made.ingest([DEMO])
    return made


@pytest.fixture(scope="module")
def graph(store: Workspace) -> Graph:
    return store.graph()


def lines_of(store: Workspace) -> dict[tuple[int, int], set[int]]:
    """Return the lines by which each record is known: its own and the one it began in."""
    rows = store.sql("SELECT source, record, line, begun FROM records").to_pylist()
    line = {(row["source"], row["record"]): row["line"] for row in rows}
    return {
        (row["source"], row["record"]): {
            row["line"], line.get((row["source"], row["begun"]), row["line"])
        }
        for row in rows
    }  # fmt: skip


def test_lines_are_found_where_they_lie(store: Workspace, graph: Graph) -> None:
    labels = Labels(store, read_truth(DEMO / "truth.csv"))
    assert labels
    assert not labels.unmatched
    with (DEMO / "truth.csv").open() as file:
        told = {int(row["line"]) for row in csv.DictReader(file)}
    attack = next(s.source for s in store.sources if s.path.endswith("attack.strace.gz"))
    known = lines_of(store)
    slow = [
        source == attack and bool(known[source, record] & told)
        for source, record in zip(graph.source.tolist(), graph.record.tolist(), strict=True)
    ]
    found = labels.events(graph)
    np.testing.assert_array_equal(found, slow)
    assert found.any()
    assert not found.all()
    part = np.flatnonzero(found)[:3]
    np.testing.assert_array_equal(labels.events(graph.subset(part)), [True, True, True])


def truth(tmp_path: Path, text: str) -> Truth:
    (tmp_path / "t.csv").write_text(text)
    return read_truth(tmp_path / "t.csv")


def test_records_entities_and_windows(store: Workspace, graph: Graph, tmp_path: Path) -> None:
    attack = next(s for s in store.sources if s.path.endswith("attack.strace.gz"))
    record = int(graph.record[graph.source == attack.source][7])
    labels = Labels(store, truth(tmp_path, f"source,record,label\nattack.strace.gz,{record},x\n"))
    np.testing.assert_array_equal(
        labels.events(graph), (graph.source == attack.source) & (graph.record == record)
    )
    labels = Labels(
        store, truth(tmp_path, "entity,label\n/tmp/x,x\nnobody,x\n/etc/passwd,benign\n")
    )
    tool = np.flatnonzero(graph.labels == "/tmp/x")
    slow = np.isin(graph.src, tool) | np.isin(graph.dst, tool)
    assert slow.any()
    np.testing.assert_array_equal(labels.events(graph), slow)
    span = "2026-03-06T14:00:00Z,2026-03-06T15:00:00Z"
    for host in ("localhost", ""):
        labels = Labels(store, truth(tmp_path, f"host,start,end\n{host},{span}\n"))
        hour = (graph.ts >= 1_772_805_600_000_000) & (graph.ts < 1_772_809_200_000_000)
        assert hour.any()
        np.testing.assert_array_equal(labels.events(graph), hour)
    labels = Labels(store, truth(tmp_path, f"host,start,end\nelsewhere,{span}\n"))
    assert not labels.events(graph).any()


def test_findings_marked_malicious_count(tmp_path: Path, graph: Graph) -> None:
    store = Workspace(tmp_path / "store")
    store.ingest([DEMO])
    best = store.hunt(settings={"max_length": 2}).findings[0]
    none = Labels(store, None, store.findings(), store.marks())
    assert not none
    assert not none.events(graph).any()
    mark = store.mark(best.id, "malicious", "it is")
    store.mark(store.findings()[5].id, "benign", "it is not")
    labels = Labels(store, None, store.findings(), store.marks())
    assert labels
    found = labels.events(graph)
    proofs: set[Any] = {(proof.number, proof.record) for proof in best.evidence}
    at = set(zip(graph.source[found].tolist(), graph.record[found].tolist(), strict=True))
    assert at
    assert at <= proofs
    assert Labels(store, None, [], store.marks()).lost == (mark.id,)
    store.unmark(mark.id)
    assert not Labels(store, None, store.findings(), store.marks())


def test_sources_that_are_not_there_are_told(store: Workspace, tmp_path: Path) -> None:
    labels = Labels(store, truth(tmp_path, "source,line,label\nother.log,3,attack\n"))
    assert labels.unmatched == ("other.log",)
    assert not labels


def test_a_mark_whose_finding_is_lost_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Workspace(tmp_path / "store")
    store.ingest([DEMO])
    mark = store.mark(store.hunt(settings={"max_length": 2}).findings[0].id, "malicious", "it is")
    monkeypatch.setattr(Workspace, "findings", lambda self: [])
    store.fit(settings={"of": "tree"}, detector="window")
    said = f"1 mark labels nothing, as what was marked is no longer kept: {mark.id}"
    assert store.model(None, "window")[0].regime.endswith(said)
    many = Labels(store)
    many.lost = ("a", "b", "c", "d")
    assert many.told_lost.startswith("4 marks label nothing")
    assert many.told_lost.endswith(": a, b, c ...")
