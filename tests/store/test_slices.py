"""A window's graph in slices is the window's graph, whatever is united across their borders."""

import os
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from graphad.errors import SchemaError, UnknownName
from graphad.graph import ALL, Graph, joined
from graphad.store import Store, window_copy
from graphad.store.slices import cuts
from tests.windows_events import (
    HOST,
    Event,
    answered,
    began,
    called,
    created,
    exited,
    guid,
    image,
    security,
    sysmon,
    write,
)

FIELDS = ("user", "exe", "no_such_field", ALL)
SERVER = "srv.corp.example"
TO = "10.0.0.5:445"


@pytest.fixture(autouse=True, scope="module")
def groups() -> Iterator[None]:
    """Join fields to few edges at once, so that there are several times of some records."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(window_copy, "EDGES", 7)
        yield


def rows(graph: Graph) -> list[tuple[Any, ...]]:
    """Return all that a graph says of each event."""
    columns = ("ids", "types", "names", "labels", "details", "shapes")
    ends = [
        getattr(graph, name)[at].tolist() for at in (graph.src, graph.dst, *graph.told)
        for name in columns
    ]  # fmt: skip
    of_event = ("ts", "action", "host", "source", "record", "ordinal")
    return list(zip(*(getattr(graph, n).tolist() for n in of_event), *ends, strict=True))


def check(store: Store, sizes: list[int], **window: Any) -> int:
    """Compare the slices with the whole; return the most slices there were."""
    whole, most = store.graph(**window, fields=FIELDS), 0
    for size, unit_s in zip(sizes, cycle((1, 7))):
        parts = list(store.slices(**window, size=size, unit_s=unit_s, fields=FIELDS))
        units = [unit for part in parts for unit in set((part.ts // (unit_s * 1_000_000)).tolist())]
        assert len(units) == len(set(units)), "a unit of time is cut"
        together = joined(parts)
        assert rows(together) == rows(whole) == [row for part in parts for row in rows(part)]
        assert together.collapsed == whole.collapsed
        for name in FIELDS:
            said = [text for part in parts for text in part.fields[name].to_pylist()]
            assert said == whole.fields[name].to_pylist()
        for part in parts:
            used = np.concatenate([part.src, part.dst, *part.told])
            assert np.array_equal(np.unique(used), np.arange(len(part.ids)))
        most = max(most, len(parts))
    return most


def logon(port: int, at: float, user: str, luid: str = "0x5000") -> Event:
    name, _, domain = user.partition("@")
    return security(
        4624, at, SERVER, TargetUserName=name, TargetDomainName=domain, TargetLogonId=luid,
        LogonType=3, IpAddress="10.0.0.1", IpPort=str(port),
    )  # fmt: skip


def wrote(program: str, pid: int, at: float, host: str = HOST, **more: Any) -> Event:
    return sysmon(
        11, at, host, ProcessGuid=guid(f"{program}{pid}", 0.0), ProcessId=str(pid),
        Image=image(program), TargetFilename=f"C:\\{program}.txt", **more,
    )  # fmt: skip


MADE: dict[str, Callable[[str, int, float], Event]] = {
    "began": began,
    "began, no pid": lambda program, pid, at: {
        k: v for k, v in began(program, pid, at).items() if k != "ProcessId"
    },
    "created": created,
    "created again": lambda program, pid, at: created(program, pid, at + 0.9),
    "exited": exited,
    "called": lambda program, pid, at: called(program, pid, at, TO, f"10.0.0.1:{50000 + pid}"),
    "answered": lambda program, pid, at: answered(
        "server", pid, at - 1.3, TO, f"10.0.0.1:{50000 + pid}", host=SERVER
    ),
    "logon": lambda program, pid, at: logon(
        50000 + pid, at, {"tool": "bob@CORP", "mole": "bob@corp.example"}[program]
    ),
    "bare": lambda program, pid, at: logon(50000 + pid, at, "bob@"),
    "system": lambda program, pid, at: logon(50000 + pid, at, "SYSTEM@NT AUTHORITY", "0x3e7"),
    "ran": lambda program, pid, at: created(
        program, pid, at, host=SERVER, SubjectLogonId="0x5000", SubjectUserName="bob",
        SubjectDomainName="CORP",
    ),
    "wrote": wrote,
    "wrote, short": lambda program, pid, at: wrote(program, pid, at, "WS1"),
    "boot": lambda program, pid, at: security(4608, at),
    "late clock": lambda program, pid, at: wrote(program, pid, at, off=-4.0),
}  # fmt: skip
TOLD = st.tuples(
    st.sampled_from(sorted(MADE)), st.sampled_from(["tool", "mole"]), st.integers(7, 8),
    st.integers(0, 40),
)  # fmt: skip


def made(told: list[tuple[str, str, int, int]]) -> list[Event]:
    return [MADE[kind](program, pid, float(at)) for kind, program, pid, at in told]


@settings(max_examples=8, deadline=None)
@given(told=st.lists(TOLD, min_size=1, max_size=25, unique=True), window=st.booleans())
@example(
    told=[("began", "tool", 7, 5), ("created", "tool", 7, 6), ("called", "tool", 7, 9),
          ("answered", "tool", 7, 10), ("logon", "tool", 7, 11), ("bare", "tool", 7, 30)],
    window=False,
)  # fmt: skip
def test_slices_are_the_window(
    tmp_path_factory: pytest.TempPathFactory, told: list[tuple[str, str, int, int]], window: bool
) -> None:
    folder = tmp_path_factory.mktemp("slices")
    store = Store(folder / "store")
    store.ingest(write(folder / "a.json", made(told)), parser="windows")
    sizes = [1, 4, 1000]
    if window:
        check(store, sizes, start="2026-03-02T10:00:07Z", end="2026-03-02T10:00:31Z")
    else:
        check(store, sizes)


def test_all_that_is_united_at_once(tmp_path: Path) -> None:
    """Every kind of event, often, with clocks to correct and hosts of two names."""
    told = [
        (kind, program, pid, at)
        for kind in MADE
        for program, pid in (("tool", 7), ("mole", 8))
        for at in range(pid, 300, 150 if kind == "boot" else 17)
    ]
    store = Store(tmp_path / "store")
    events = made(told)
    half = len(events) // 2
    store.ingest(write(tmp_path / "a.json", events[:half]), parser="windows")
    store.ingest(write(tmp_path / "b.json", events[half:]), parser="windows")
    whole = store.graph()
    assert whole.collapsed > 10
    taken = set(whole.src[whole.action == "accept"].tolist())
    assert taken & set(whole.dst[whole.action == "connect"].tolist())
    assert len(whole) != len(store.graph(identity=[]))
    assert check(store, [3, 40]) > 50
    assert check(store, [40], sources=[2]) > 3
    assert check(store, [40], identity=["process", "connection"]) > 10
    assert check(store, [40], identity=[]) > 10


def test_moments_count_the_window(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    store.ingest(
        write(tmp_path / "a.json", made([("wrote", "tool", 7, at) for at in (1, 1, 2, 9)]))
    )
    second, events = store.moments()
    assert (second - second[0]).tolist() == [0, 1, 8]
    assert events.tolist() == [2, 1, 1]
    second, events = store.moments(start="2026-03-02T10:00:02Z", end="2026-03-02T10:00:09Z")
    assert events.tolist() == [1]


def test_an_empty_window_is_one_empty_slice(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    assert [len(part) for part in store.slices(size=3)] == [0]
    store.ingest(write(tmp_path / "a.json", made([("wrote", "tool", 7, 1)])))
    [part] = store.slices(start="2027-01-01", size=3)
    assert len(part) == len(part.ids) == 0
    with pytest.raises(UnknownName, match="proces"):
        list(store.slices(identity=["proces"], size=3))


@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(1, 9)), unique_by=lambda row: row[0]),
    st.integers(1, 20),
)
def test_cuts_make_slices_that_are_full_but_not_too_full(
    rows: list[tuple[int, int]], size: int
) -> None:
    rows.sort()
    second = np.array([row[0] for row in rows], np.int64)
    events = np.array([row[1] for row in rows], np.int64)
    begins = cuts(second, events, size)
    held: list[list[tuple[int, int]]] = [[]]
    for row in rows:
        if row[0] in begins:
            held.append([])
        held[-1].append(row)
    assert len(held) == len(begins) + 1
    for one, following in zip(held, [*held[1:], []], strict=True):
        full = sum(n for _, n in one)
        assert full <= size or len(one) == 1
        assert not following or full + following[0][1] > size


def without(event: Event, *fields: str) -> Event:
    return {name: value for name, value in event.items() if name not in fields}


@pytest.mark.parametrize("late", [0.9, 0.2, -0.6])
def test_a_repeat_in_another_slice(tmp_path: Path, late: float) -> None:
    """What was given out already may be what a later event repeats, and the other way round."""
    store = Store(tmp_path / "store")
    told = [began("tool", 7, 15.5), created("tool", 7, 15.5 + late)]
    around = [wrote("mole", 8, float(at)) for at in range(10, 22)]
    store.ingest(write(tmp_path / "a.json", told + around), parser="windows")
    assert store.graph().collapsed == 2
    assert check(store, [1, 2, 3]) == 12


def test_what_is_said_of_a_process_elsewhere_in_the_window(tmp_path: Path) -> None:
    """Only its child's record, in another slice, tells its command line."""
    child = began("tool", 7, 1.0, ParentCommandLine="boss /x")
    store = Store(tmp_path / "store")
    store.ingest(write(tmp_path / "a.json", [child, called("boss", 100, 40.0, TO)]))
    whole = store.graph()
    assert whole.details[whole.src[-1]] == "boss /x"
    assert check(store, [1]) == 2


def test_a_process_without_an_id_is_known_in_all_slices(tmp_path: Path) -> None:
    kid = began("kid", 9, 30.0, parent="tool", ParentCommandLine="tool /run /zzz")
    store = Store(tmp_path / "store")
    told = [
        without(began("tool", 7, 1.0), "ProcessId"), created("tool", 7, 1.0),
        without(kid, "ParentProcessId") | {"ParentProcessGuid": guid("tool", 1.0)},
        called("tool", 7, 20.0, TO),
    ]  # fmt: skip
    store.ingest(write(tmp_path / "a.json", told))
    whole = store.graph()
    [call] = whole.src[whole.action == "connect"]
    assert whole.details[call] == "tool /run /zzz"
    assert check(store, [1, 2]) == 3


def test_a_host_of_two_names_is_one_in_all_slices(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    told = [
        security(1102, at, host, SubjectUserName="bob", SubjectDomainName="CORP",
                 SubjectLogonId="0x5000")
        for at, host in ((1.0, "WS1"), (9.0, HOST))
    ]  # fmt: skip
    store.ingest(write(tmp_path / "a.json", told), parser="windows")
    whole = store.graph()
    hosts = {int(at) for at in whole.dst if whole.types[at] == "host"}
    assert len(hosts) == 1
    assert check(store, [1]) == 2


@pytest.mark.skipif(os.name != "posix", reason="elsewhere an open file stays")
def test_the_copy_takes_no_room_after_a_kill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path / "store")
    store.ingest(write(tmp_path / "log.json", made([("wrote", "tool", 7, i) for i in range(40)])))
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    for _ in store.slices(size=5):
        assert list(scratch.iterdir())
        assert not list(scratch.rglob("window.duckdb"))
    assert not list(scratch.iterdir())


def test_a_full_temporary_folder_is_no_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path / "store")
    store.ingest(write(tmp_path / "log.json", made([("wrote", "tool", 7, 1)])))

    def full(*_: object) -> None:
        raise duckdb.IOException('Could not write file "x": No space left on device')

    monkeypatch.setattr("graphad.store.slices.copy", full)
    with pytest.raises(SchemaError, match=r"no space left in .*TMPDIR"):
        list(store.slices(size=5))
