"""What is left out of counts and graphs is what a loop over them leaves out."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.nightly.learn import CleanWindow, divided
from graphad.nightly.leftout import LeftOut, Row, left_out
from graphad.nightly.state import DAY
from graphad.workspace import Workspace
from tests.nightly import days

NAMES = ("day", "host", "src_type", "src_name", "action", "dst_type", "dst_name", "shape")
rows = st.tuples(
    st.sampled_from([0, DAY]), st.sampled_from(["a", "b'"]), st.just("process"),
    st.sampled_from(["p", "q"]), st.sampled_from(["launch", "write"]), st.just("process"),
    st.sampled_from(["x", "é\n"]), st.sampled_from(["", "-c N"]),
)  # fmt: skip


def naive(counted: list[Row], left: set[Row]) -> list[Row]:
    """Return the rows that stay: a launch goes by its shape too, all else without."""
    gone = {row if row[4] == "launch" else (*row[:-1], "") for row in left}
    return [row for row in counted if (row if row[4] == "launch" else (*row[:-1], "")) not in gone]


@settings(max_examples=15, deadline=None)
@given(st.sets(rows), st.sets(rows))
def test_counts_are_left_out_as_a_loop_does(counted: set[Row], left: set[Row]) -> None:
    table = pa.table(
        {
            name: pa.array(
                [row[i] for row in sorted(counted)], pa.timestamp("us") if not i else pa.string()
            )
            for i, name in enumerate(NAMES)
        }
    )
    table = table.append_column("n", pa.array(range(len(table)), pa.int64()))
    table = table.append_column("hours", pa.array([1] * len(table), pa.int64()))
    found = LeftOut(sorted(left), np.empty(0, np.int64)).counts(table)
    assert found.column_names == table.column_names
    assert found["n"].to_pylist() == [
        sorted(counted).index(row) for row in naive(sorted(counted), left)
    ]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Return a store of four days, the last two judged, with the attack several times on each."""
    folder = tmp_path_factory.mktemp("left")
    made = Workspace(folder / "store")
    logs: list[str] = []
    for number in range(4):
        more = [t for hour in (3, 9, 13) for t in days.attack(number, hour=hour)]
        logs += days.write(folder, number, *(more if number > 1 else []), hosts=days.HOSTS[1:])
    made.ingest(logs, parser=days.parser)
    path = {"span_s": 3600.0, "max_length": 3}
    made.fit(end=days.day(2), settings=path, budget=10.0)
    for number in (2, 3):
        made.score(start=days.day(number), end=days.day(number + 1))
    return made


def span(store: Workspace) -> tuple[int, int]:
    return days.seconds(0) * 1_000_000, days.seconds(4) * 1_000_000


def labels(window: CleanWindow) -> list[tuple[str, str, str, int]]:
    graph = window.graph()
    return [
        (graph.labels[u], action, graph.labels[v], int(ts) // DAY)
        for u, v, action, ts in zip(graph.src, graph.dst, graph.action, graph.ts, strict=True)
    ]


def test_graphs_and_counts_leave_out_the_same(store: Workspace) -> None:
    begin, end = span(store)
    fit, held, findings = left_out(store, begin, end)
    assert findings > 0
    whole = store.graph(begin, end)
    for left in (fit, held):
        window = CleanWindow(store, begin, end, left)
        counted = window.counts()
        graph = window.graph()
        assert sum(counted["n"].to_pylist()) == len(graph) == len(whole) - left.events(whole).sum()
        gone = {(row[0], row[3], row[4], row[6]) for row in left.rows}
        names: list[Any] = [
            (int(ts) // DAY * DAY, whole.names[u], action, whole.names[v])
            for u, v, action, ts in zip(whole.src, whole.dst, whole.action, whole.ts, strict=True)
        ]
        hosts = {row[1] for row in left.rows}
        slow = [
            name in gone and host in hosts for name, host in zip(names, whole.host, strict=True)
        ]
        if len(hosts) == 1:
            assert slow == left.events(whole).tolist()


def test_the_attack_is_in_no_fit_and_in_what_calibrates_until_it_is_marked(
    store: Workspace,
) -> None:
    begin, end = span(store)
    fit, held, _ = left_out(store, begin, end)
    told = ("/etc/keys.db", "read", "/srv/drop.bin")
    assert told not in {row[:3] for row in labels(CleanWindow(store, begin, end, fit))}
    calm = [row[:3] for row in labels(CleanWindow(store, begin, end, held))]
    assert calm.count(told) == 2 * 3
    every, _, _ = left_out(store, begin, end, alerted=True)
    assert not every


def test_what_is_marked_malicious_is_in_neither(store: Workspace) -> None:
    begin, end = span(store)
    best = next(f for f in store.findings() if any(e.key == "/etc/keys.db" for e in f.entities))
    mark = store.mark(best.id, "malicious", "an attack", scope="fleet")
    for alerted in (False, True):
        for left in left_out(store, begin, end, alerted=alerted)[:2]:
            found = labels(CleanWindow(store, begin, end, left))
            assert ("/etc/keys.db", "read", "/srv/drop.bin") not in {row[:3] for row in found}
    store.unmark(mark.id)
    assert not left_out(store, begin, end)[1]


def test_windows_are_divided_at_days(store: Workspace) -> None:
    begin, end = span(store)
    assert divided(store, begin, end) == days.seconds(3) * 1_000_000
    middle = divided(store, begin, begin + 2 * DAY)  # two days: by their hours, as a fit does
    assert (middle - begin) / DAY == pytest.approx(4 / 3, abs=0.05)


def test_graphs_of_a_fit_may_be_of_its_last_days_alone(store: Workspace) -> None:
    begin, end = span(store)
    none = LeftOut([], np.empty(0, np.int64))
    window = CleanWindow(store, begin, end, none, recent=begin + 2 * DAY)
    assert window.graph().ts.min() >= begin + 2 * DAY
    assert window.counts().to_pylist() == store.past(begin, end).to_pylist()
    sliced = CleanWindow(store, begin, end, left_out(store, begin, end)[0])
    sliced.slice_events = 100
    parts = list(sliced.graphs())
    whole = CleanWindow(store, begin, end, sliced.left).graph()
    assert len(parts) > 2
    assert sum(len(part) for part in parts) == len(whole)


def test_a_benign_mark_is_learned(store: Workspace) -> None:
    begin, end = span(store)
    before = left_out(store, begin, end)[0]
    for finding in store.findings():
        if finding.alert and any(entity.key == "/etc/keys.db" for entity in finding.entities):
            store.mark(finding.id, "benign", "the keys are turned", scope="fleet")
    after = left_out(store, begin, end)[0]
    keys = {row for row in before.rows if "/etc/keys.db" in row}
    assert keys
    assert not keys & set(after.rows)
