"""What a quiet period would have raised is looked for where findings are."""

import weakref
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pytest

from graphad import incidents, judge
from graphad.detectors.path import PathDetector
from graphad.graph import Graph
from graphad.nightly.learn import CleanWindow
from graphad.nightly.leftout import LeftOut
from graphad.store import Store
from graphad.workspace import Workspace
from graphad.workspace_window import StoreWindow
from tests.windows_events import Event, answered, began, called, write

SERVER = "srv.corp.example"


def quiet(calls: int) -> list[Event]:
    """Return events of a workstation, and of a server that it calls so often."""
    events = [began("tool", 7, 1.0), began("server", 9, 2.0), began("other", 11, 3.0)]
    for i in range(calls):
        near = f"10.0.0.1:{50_001 + i}"
        events.append(called("tool", 7, 10.0 + i, "10.0.0.5:445", near))
        events.append(answered("server", 9, 10.2 + i, "10.0.0.5:445", near, host=SERVER))
    return events


def test_paths_that_cross_hosts_are_in_the_reference(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    store.ingest(write(tmp_path / "a.json", quiet(3)))
    graph = store.graph()
    past = store.past()
    known = past.filter(pc.equal(past["action"], "launch"))  # so that calls are surprising
    detector = PathDetector().fit(known, [graph])
    paths = detector.score(graph)
    crossing = [
        float(z)
        for z, events, length in zip(paths.z, paths.events, paths.length, strict=True)
        if len(set(graph.host[events[:length]])) > 1
    ]
    assert crossing
    maxima, blocks, _ = judge.quiet_reference(detector, [graph])
    best = judge.incident_maxima(paths, graph, crossing=True)
    assert best
    assert set(best) <= set(crossing)
    assert set(best) <= set(maxima.tolist())
    apart = [graph.subset(np.flatnonzero(graph.host == host)) for host in sorted(set(graph.host))]
    alone = [z for part in apart for z in judge.incident_maxima(detector.score(part), part)]
    assert sorted(maxima.tolist()) == sorted([*alone, *best])
    assert blocks >= len(maxima)


@pytest.mark.parametrize("odd", [2.0, -99.0])
def test_a_quiet_period_has_the_incidents_that_its_findings_form(
    tmp_path: Path, odd: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (judge, incidents):
        monkeypatch.setattr(module, "ODD", odd)
    store = Store(tmp_path / "store")
    samples = Path(__file__).parents[1] / "sample_logs"
    store.ingest([samples / "auditd" / "raw.log", samples / "windows" / "flat.json"])
    store.ingest(write(tmp_path / "a.json", quiet(3)))
    graph = store.graph()
    detector = PathDetector().fit(store.past(), [graph])
    most = 1
    for part, paths in detector.hourly(graph):
        found = judge.to_findings(store, part, paths, "m")
        best: dict[str, float] = {}
        for finding in found:
            best.setdefault(finding.incident, finding.standing)
        assert judge.incident_maxima(paths, part) == sorted(best.values(), reverse=True)
        assert [f.rank for f in found] == list(range(1, len(found) + 1))
        assert [f.standing for f in found] == sorted((f.standing for f in found), reverse=True)
        most = max(most, *(f.programs for f in found))
    assert (most > 1) == (odd < 0)


def test_paths_that_differ_have_ids_that_differ(tmp_path: Path) -> None:
    store = Workspace(tmp_path / "store")
    store.ingest(write(tmp_path / "a.json", quiet(3)))
    found = store.hunt().findings
    crossing = [f for f in found if len({edge.host for edge in f.edges}) > 1]
    assert crossing
    assert len({finding.id for finding in found}) == len(found)


def test_of_a_large_window_one_slice_is_held_at_a_time(tmp_path: Path) -> None:
    store = Workspace(tmp_path / "store")
    samples = Path(__file__).parents[1] / "sample_logs"
    store.ingest([samples / "auditd" / "raw.log", samples / "windows" / "flat.json"])
    store.ingest(write(tmp_path / "a.json", quiet(30)))
    nothing = LeftOut([], np.empty(0, np.int64))
    windows = [StoreWindow(store, 0, 2**60), CleanWindow(store, 0, 2**60, nothing)]

    def watched(window: StoreWindow) -> Iterator[Graph]:
        parts, count = window.graphs(unit_s=1), 0
        while (part := next(parts, None)) is not None:
            kept, count = weakref.ref(part), count + 1
            given = [part]
            del part
            yield given.pop()
            assert kept() is None, "somebody holds a slice while the next one is made"
        assert count > 5

    for window in windows:
        window.slice_events = 10
        detector = PathDetector().fit(store.past(), watched(window))
        judge.quiet_reference(detector, watched(window))
