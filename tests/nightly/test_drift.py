"""A day that is unlike those that judge it is told, with what has moved."""

import math
from collections import Counter
from pathlib import Path

import pytest

from graphad.nightly import drift
from graphad.nightly.drift import compared, drifted, warnings
from graphad.nightly.state import Night
from graphad.workspace import Workspace
from tests.nightly import days


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, str]:
    """Return a store of three days, the last of which differs, and a model of the first two."""
    folder = tmp_path_factory.mktemp("drift")
    made = Workspace(folder / "store")
    logs = [log for number in range(2) for log in days.write(folder, number)]
    text = "\n".join(days.lines(2, ("alpha", "delta"), an_hour=5)).replace("/var/", "/new/")
    (folder / "odd.log").write_text(text.replace(" read ", " write ") + "\n")
    made.ingest([*logs, folder / "odd.log"], parser=days.parser)
    path = {"span_s": 3600.0, "max_length": 3}
    return made, made.fit(end=days.day(2), settings=path, budget=10.0)


def counted(folder: Workspace, first: int, last: int) -> dict[str, int]:
    """Return events by host of whole days, from the graph."""
    graph = folder.graph(days.day(first), days.day(last + 1))
    hosts = graph.host.tolist()
    return {host: hosts.count(host) for host in set(hosts)}


def test_a_shift_is_told_with_what_moved(store: tuple[Workspace, str]) -> None:
    folder, model = store
    told = compared(folder, Night(days.day(2).isoformat()), model)
    before, now = counted(folder, 0, 1), counted(folder, 2, 2)
    hosts = {name: (a, b) for name, a, b in told["hosts"]["moved"]}
    for name, (a, b) in hosts.items():
        assert a == pytest.approx(before.get(name, 0) / sum(before.values()))
        assert b == pytest.approx(now.get(name, 0) / sum(now.values()))
    assert "delta" in hosts
    slow = 0.0
    for name in before.keys() | now.keys():
        p = (before.get(name, 0) + 0.5) / (sum(before.values()) + 2)
        q = (now.get(name, 0) + 0.5) / (sum(now.values()) + 2)
        slow += (q - p) * math.log(q / p)
    assert told["hosts"]["stability"] == pytest.approx(slow)
    one, other = (counted(folder, day, day) for day in range(2))
    usual = 0.0
    for name in before.keys() | now.keys():
        p = (one.get(name, 0) + 0.5) / (sum(one.values()) + 2)
        q = (other.get(name, 0) + 0.5) / (sum(other.values()) + 2)
        usual += (q - p) * math.log(q / p)
    assert told["hosts"]["usual"] == pytest.approx(usual)
    said = warnings("path", told)
    assert any("shares of hosts have drifted" in text and "delta 0.0 % to" in text for text in said)
    assert any(text.startswith("scores of path have drifted") for text in said)


def test_a_day_of_the_same_is_not(store: tuple[Workspace, str], tmp_path: Path) -> None:
    folder, model = store
    folder.ingest(days.write(tmp_path, 3), parser=days.parser)
    told = compared(folder, Night(days.day(3).isoformat()), model)
    assert warnings("path", told) == []
    assert told["scores"]["distance"] < 0.3


def test_counts_are_those_of_the_events(store: tuple[Workspace, str]) -> None:
    folder = store[0]
    first, last = (Night(days.day(number).isoformat()).begin for number in (0, 2))
    found = drift._counted(folder, first, first, last)
    assert all(set(by_day) == {first, last} for by_day in found.values())
    for number, moment in ((0, first), (2, last)):
        graph = folder.graph(days.day(number), days.day(number + 1))
        ends = Counter(graph.types[at] for side in (graph.src, graph.dst) for at in side)
        assert found["all"][moment] == {"": len(graph)}
        assert found["host"][moment] == Counter(graph.host.tolist())
        assert found["type"][moment] == ends


def test_days_that_differ_as_much_anyway_are_not_warned_of() -> None:
    hosts = {"stability": 0.6, "usual": 0.7, "moved": [["a", 0.1, 0.5]]}
    assert drifted({"hosts": hosts}) == []
    assert drifted({"hosts": hosts | {"usual": 0.5}}) == ["hosts"]
    assert drifted({"hosts": hosts | {"stability": 0.2, "usual": 0.0}}) == []
