"""Why a record or process is not found: ranks, paths and gaps against a slow count."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from graphad import why
from graphad.errors import UnknownName
from graphad.models.calibration import Calibration
from graphad.why_seen import processes, record_at
from graphad.workspace import Workspace, open_store
from tests.marked import hunted
from tests.models.naive_paths import all_paths


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return hunted(tmp_path_factory.mktemp("why"))


@pytest.fixture(scope="module")
def window(store: Workspace) -> why.Window:
    return why.window(store, start=1_700_000_300_000_000)


def test_ranks_and_paths_are_those_of_a_slow_count(window: why.Window) -> None:
    graph, bits = window.graph, window.bits
    distinct = {}
    for e in range(len(graph)):
        distinct[int(window.label[e])] = float(bits[e])
    arrays = graph.src.tolist(), graph.dst.tolist(), graph.ts.tolist()
    every = {
        length: list(all_paths(*arrays, length, mask=window.mask.tolist())) for length in (1, 2, 3)
    }
    events = [e for e in range(len(graph)) if graph.record[e] > 385]
    for e in events:
        told = window.event(e)
        assert told.rank == 1 + sum(other > bits[e] for other in distinct.values())
        assert told.links == len(distinct)
        assert sum(told.terms.values()) == told.bits == bits[e]
        for length in (1, 2, 3):
            using = [sum(bits[x] for x in path) for path in every[length] if e in path]
            found = next((p for p in told.paths if p.length == length), None)
            assert (found.score if found else None) == max(using, default=None)
            if found is not None:
                best: dict[tuple[int, ...], float] = {}
                for path in every[length]:
                    names = tuple(window.label[list(path)].tolist())
                    best[names] = max(best.get(names, 0.0), sum(bits[x] for x in path))
                assert found.rank == 1 + sum(other > found.score for other in best.values())
                assert len(found.path) == length
    assert len(events) >= 4


def test_what_is_missing_reaches_the_threshold_and_no_less_does(window: why.Window) -> None:
    z = [path.z for path in window.event(0).paths]
    quiet = Calibration.fit(
        np.array([max(z) + 0.5]), blocks=100, days=1.0, budget_per_day=1.0, seed=0
    )
    judged = why.Window(
        window.store, window.detector, quiet, window.model, window.graph, window.inside
    )
    for path in judged.event(0).paths:
        assert path.threshold == quiet.threshold
        assert path.missing_z == pytest.approx(quiet.threshold - path.z)
        assert (path.missing_z or 0) > 0
        if path.missing_bits is None:
            top = window.detector.z(path.length, np.array([path.score + 1e6]))[0]
            assert top < quiet.threshold
        else:
            score = np.array(
                [path.score + path.missing_bits, path.score + path.missing_bits - 1e-5]
            )
            reached, less = window.detector.z(path.length, score)
            assert reached >= quiet.threshold > less
    below = Calibration.fit(np.array([min(z) - 1]), blocks=9, days=1.0, budget_per_day=9.0, seed=0)
    judged = why.Window(
        window.store, window.detector, below, window.model, window.graph, window.inside
    )
    assert {(p.missing_z, p.missing_bits) for p in judged.event(0).paths} == {(0.0, 0.0)}


def test_how_often_the_fit_saw_a_link(window: why.Window, store: Workspace) -> None:
    graph = store.graph()
    for e in range(len(window.graph)):
        told = window.event(e) if e > len(window.graph) - 5 else None
        if told is None:
            continue
        same = [
            x for x in range(len(graph))
            if why._words(graph, x) == why._words(window.graph, e)
        ]  # fmt: skip
        assert (told.history.seen, told.history.host_days) == (len(same), 1)
        assert (told.history.src, told.history.dst) == (True, True)


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (1, "read: its events, from 2023-11-14T22:13:20.000000Z on, are outside"),
        (3, "no flow of information; rules that left records out: idle (130)"),
        (395, "rejected: "), (396, "not there: the source has no such record; it has 395"),
        (0, "not there"), (391, "read: 1 event in the window"),
    ],
)  # fmt: skip
def test_what_became_of_a_record(window: why.Window, record: int, words: str) -> None:
    answer = why.why_record(window, 1, record)
    assert words in answer.fate
    assert bool(answer.events) == answer.fate.startswith("read: 1 event")
    assert record_at(window.store, 1, max(record, 1)) == min(max(record, 1), 395)


def test_a_process_by_key_and_name(window: why.Window) -> None:
    full = why.why_process(window, "/bin/evil")
    assert [e.link for e in full.events] == [e.link for e in why.why_process(window, "evil").events]
    assert {e.record for e in full.events} == {393, 394}
    bits = [event.bits for event in full.events]
    assert all(a >= b for a, b in pairwise(bits))
    one = why.why_process(window, "evil", "h", limit=1)
    assert (len(one.events), one.more) == (1, 1)
    assert one.events[0] == full.events[0]
    with pytest.raises(UnknownName, match=r"process is called 'evi'"):
        why.why_process(window, "evi")
    with pytest.raises(UnknownName):
        why.why_process(window, "evil", "other")


def test_a_process_by_its_pid(tmp_path: Path) -> None:
    samples = Path(__file__).parents[1] / "sample_logs"
    store = open_store(tmp_path / "s")
    store.ingest([samples / "windows", samples / "auditd"])
    for name, program in (
        ("5200", r"C:\Users\carla\AppData\Local\Temp\up.exe"), ("871", "/usr/bin/kmod"),
        ("winword.exe", r"C:\Program Files\Office\WINWORD.EXE"),
    ):  # fmt: skip
        ids = processes(store, name, None)
        labels = {
            row["label"]
            for row in store.sql("SELECT id, label FROM entities").to_pylist()
            if row["id"] in ids
        }
        assert labels == {program}
    for name, host in (("87", None), ("C", None), ("5200", "elsewhere")):
        with pytest.raises(UnknownName):
            processes(store, name, host)


def test_a_source_by_number_path_or_end(store: Workspace) -> None:
    path = store.sources[0].path
    assert [why.source_number(store, name) for name in ("1", path, "a.log")] == [1, 1, 1]
    for bad in ("2", ".log", "b.log"):
        with pytest.raises(UnknownName):
            why.source_number(store, bad)


def test_a_marked_link_says_so(tmp_path: Path) -> None:
    store = hunted(tmp_path)
    rule = store.allow("process /bin/evil", "write", "file *", "x")
    answer = why.why_process(why.window(store), "evil")
    told = {event.link.split()[2]: (event.bits, event.marks) for event in answer.events}
    assert told["write"] == (0.0, [rule.id])
    assert told["/tmp/x" if "/tmp/x" in told else "read"][0] > 0
