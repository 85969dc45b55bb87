"""`score` in slices keeps the findings that `score` of the whole window keeps, byte for byte."""

import shutil
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from graphad.detectors.path import PathDetector
from graphad.files import folder
from graphad.graph import Graph
from graphad.store import Store
from graphad.workspace import Hunt, Workspace
from graphad.workspace_search import paths_wanted
from graphad.workspace_window import StoreWindow
from tests.windows_events import answered, began, called, security, sysmon, write

LOGS = folder("parsers").parent / "sample_logs"
SERVER, TO = "srv.corp.example", "10.0.0.5:445"


def ndjson(store: Path, copy: Path, **options: Any) -> tuple[bytes, Hunt]:
    """Return what `score` finds, and keeps, in a copy of a store."""
    shutil.copytree(store, copy)
    opened = Workspace(copy)
    found = opened.score(now=0, **options)
    kept = opened.findings()
    incidents = [msgspec.json.encode(one) for one in opened.incidents(tags=False)]
    lines = [msgspec.json.encode(one) for one in (*found.findings, *kept)]
    return b"\n".join([*lines, *incidents]), found


def check(store: Path, folder: Path, sizes: list[int], **options: Any) -> Hunt:
    whole, found = ndjson(store, folder / "whole", **options)
    for size in sizes:
        part, hunt = ndjson(store, folder / f"in-{size}", slice_events=size, **options)
        assert part == whole
        assert (hunt.exact, hunt.notes, hunt.model) == (found.exact, [], found.model)
    for one in folder.iterdir():
        shutil.rmtree(one)
    return found


@pytest.mark.parametrize(
    ("logs", "span", "sizes"),
    [
        (["windows", "auditd", "strace"], 0.5, [20, 40]),
        (["windows", "auditd", "strace"], 86_400.0, [10, 40]),
        (["demo"], 2.0, [700, 5000]),
    ],
)
def test_sample_logs_in_slices(
    tmp_path: Path, logs: list[str], span: float, sizes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Workspace(tmp_path / "store")
    store.ingest([LOGS / name for name in logs])
    store.fit(settings={"span_s": span, "top": 20, "max_length": 4})
    most: list[int] = []
    slices = Store.slices

    def counted(self: Store, *given: Any, **options: Any) -> list[Graph]:
        parts = list(slices(self, *given, **options))
        most.append(len(parts))
        return parts

    monkeypatch.setattr(Store, "slices", counted)
    copies = tmp_path / "copies"
    copies.mkdir()
    found = check(store.path, copies, sizes)
    assert len(found.findings) > 50
    assert most[0] > most[1] > 1
    host = found.findings[0].host
    few = {"hosts": [host, "elsewhere"], "types": ["process", "file"], "top": 500}
    some = check(store.path, copies, sizes[:1], **few)
    assert {finding.host for finding in some.findings} == {host}
    first = check(store.path, copies, sizes[:1], sources=[1], start=0)
    assert {proof.source for f in first.findings for proof in f.evidence} == {store.sources[0].path}


def movement(folder: Path) -> Workspace:
    """Return a store: quiet hours, then a tool on one host reaches another, whose clock is late."""
    quiet = [
        event
        for hour in range(12)
        for event in (
            began("agent", 100 + hour, hour * 3600.0),
            sysmon(11, hour * 3600.0 + 5, ProcessGuid="{0a0b0c0d-0000-0000-0001-000000000001}",
                   ProcessId="4", Image="C:\\Windows\\boss.exe", TargetFilename="C:\\a.log"),
            began("agent", 200 + hour, hour * 3600.0 + 7, host=SERVER),
        )
    ]  # fmt: skip
    at = 13 * 3600.0
    attack = [
        began("tool", 7, at), called("tool", 7, at + 10, TO),
        answered("server", 9, at + 8.5, TO, host=SERVER),  # its clock is behind
        began("server", 9, at - 20, host=SERVER),
        security(4624, at + 11, SERVER, TargetUserName="bob", TargetDomainName="CORP",
                 TargetLogonId="0x5000", LogonType=3, IpAddress="10.0.0.1", IpPort="50001"),
        security(4688, at + 12, SERVER, NewProcessId="0x21", NewProcessName="C:\\payload.exe",
                 ProcessId="0x9", SubjectLogonId="0x5000", CommandLine="payload"),
    ]  # fmt: skip
    store = Workspace(folder / "store")
    store.ingest(write(folder / "quiet.json", quiet), parser="windows")
    store.ingest(write(folder / "attack.json", attack), parser="windows")
    store.fit(sources=[1], settings={"span_s": 60.0})
    return store


def test_a_connection_across_hosts_and_slices(tmp_path: Path) -> None:
    store = movement(tmp_path)
    copies = tmp_path / "copies"
    copies.mkdir()
    found = check(store.path, copies, [1, 2, 3], sources=[2])
    crossing = [f for f in found.findings if len({edge.host for edge in f.edges}) > 1]
    actions = {tuple(edge.action for edge in f.edges) for f in crossing}
    assert ("launch", "connect", "accept") in actions
    assert any({"connect", "logon", "start"} <= set(one) for one in actions)


def test_marks_count_in_slices(tmp_path: Path) -> None:
    store = movement(tmp_path)
    best = store.score(sources=[2], now=0).findings[0]
    store.mark(best.id, "benign", "a drill", now=1)
    whole = store.score(sources=[2], now=2).findings
    assert store.score(sources=[2], now=2, slice_events=2).findings == whole
    assert any("mark" in finding.terms for finding in whole)


def test_without_a_span_the_notes_say_so(tmp_path: Path) -> None:
    store = movement(tmp_path)
    store.fit(sources=[1])
    found = store.score(sources=[2], slice_events=3, now=0)
    [note] = found.notes
    assert "--span" in note
    assert store.score(sources=[2], now=0).notes == []
    assert store.score(sources=[2], slice_events=3, now=0).findings == found.findings


def test_a_model_that_saw_no_path_is_not_sliced(tmp_path: Path) -> None:
    store = movement(tmp_path)
    nothing = write(tmp_path / "none.json", [security(4608, 0.0)])
    store.ingest(nothing, parser="windows")
    detector = store.model()[0]
    detector.lengths_.clear()
    store._keep(detector, [store.graph(sources=[3])], 10.0)
    [note] = store.score(sources=[2], slice_events=3, now=0).notes
    assert "saw no path" in note


def test_paths_wanted_go_by_the_days_with_events() -> None:
    day = 86_400
    assert paths_wanted(np.array([], np.int64)) == 0
    assert paths_wanted(np.array([5, 7])) == 80
    assert paths_wanted(np.array([day - 1, day, 40 * day])) == 240
    assert paths_wanted(np.arange(0, 60 * day, day)) == 4000


def test_a_large_window_is_learned_in_parts(tmp_path: Path) -> None:
    store = Workspace(tmp_path / "store")
    store.ingest([LOGS / "demo" / "quiet.strace.gz"])
    size = 3000
    window = StoreWindow(store, slice_events=size)
    sizes = [len(part) for part in window.graphs()]
    assert len(sizes) > 3
    assert sum(sizes) == window.events
    whole = PathDetector(span_s=60.0, max_length=3).learn(StoreWindow(store))
    parts = PathDetector(span_s=60.0, max_length=3).learn(window)
    assert whole.names_ is not None
    assert parts.names_ is not None
    (arrays, texts), (also, words) = whole.names_.dump(), parts.names_.dump()
    assert texts == words
    assert {k: v.tolist() for k, v in arrays.items()} == {k: v.tolist() for k, v in also.items()}
    graph = store.graph(store.sources[0].start, None)
    for length in (1, 2, 3):
        assert parts.samples_[length]["paths"] > whole.samples_[length]["paths"] / 4
        score = np.quantile(whole.score(graph).score, [0.1, 0.5, 0.9])
        # Samples of parts have what recurs in each more often, so scales differ a little.
        assert np.abs(parts.z(length, score) - whole.z(length, score)).max() < 1.0
