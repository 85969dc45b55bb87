"""Processes and sessions that logs name differently are one, and those that only look alike not."""

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.errors import UnknownName
from graphad.graph import Graph
from graphad.store import Store
from graphad.store.united import SAME, repeated
from tests.windows_events import (
    HOST,
    Event,
    began,
    called,
    classes,
    created,
    edges,
    exited,
    guid,
    image,
    security,
    sysmon,
    write,
)


def graph(folder: Path, *events: Event, rules: list[str] | None = None) -> Graph:
    store = Store(folder / "store")
    store.ingest(write(folder / "a.json", events))
    return store.graph(identity=rules)


def callers(graph: Graph, port: int) -> list[str]:
    """Return the id of the process behind each connection to a port, in time order."""
    return [
        str(graph.ids[s])
        for s, a, d in zip(graph.src, graph.action, graph.dst, strict=True)
        if a == "connect" and graph.labels[d].endswith(f":{port}")
    ]


LAUNCH = [
    (image("boss"), "launch", image("tool")),
    (image("tool"), "exec", image("tool")),
]


@pytest.mark.parametrize("late", [0.0, 0.004, -0.9])  # some logs cut their stamps to the second
def test_a_launch_in_two_logs_is_one(tmp_path: Path, late: float) -> None:
    told = began("tool", 4711, 1.9), created("tool", 4711, 1.9 + late)
    found = graph(tmp_path, *told)
    assert edges(found) == LAUNCH
    assert found.collapsed == 2
    assert set(found.details[found.dst].tolist()) == {"tool /run"}
    apart = Store(tmp_path / "store").graph(identity=[])
    assert len(apart) == 4
    assert len(set(apart.dst.tolist())) == 2


def test_two_launches_stay_two(tmp_path: Path) -> None:
    for name, other in {
        "later": created("tool", 4711, 4.0),
        "of another pid": created("tool", 4712, 1.0),
        "of another program": created("mole", 4711, 1.0),
        "on another host": created("tool", 4711, 1.0, host="ws2.corp.example"),
    }.items():
        folder = tmp_path / name
        folder.mkdir()
        found = graph(folder, began("tool", 4711, 1.0), other)
        assert found.collapsed == 0, name
        assert len(set(found.dst.tolist())) == 2, name


def test_where_sysmon_kept_no_pid_the_command_line_tells(tmp_path: Path) -> None:
    told = began("tool", 0, 1.0) | {"CommandLine": "tool %%TEMP%%"}
    del told["ProcessId"]
    same = created("tool", 4711, 1.0) | {"CommandLine": "tool %TEMP%"}
    seen = called("tool", 4711, 5.0, "10.0.0.9:443")
    found = graph(tmp_path, told, same, seen)
    assert edges(found) == [*LAUNCH, (image("tool"), "connect", "10.0.0.9:443")]
    # Two alike within a second: nobody knows which is which.
    (tmp_path / "two").mkdir()
    twin = told | {"ProcessGuid": guid("twin", 1.0), "UtcTime": told["UtcTime"]}
    assert graph(tmp_path / "two", told, twin, same).collapsed == 0


def test_what_a_pid_did_belongs_to_who_had_it_then(tmp_path: Path) -> None:
    found = graph(
        tmp_path,
        called("tool", 7, -50.0, "10.0.0.9:1"),  # before anything is known
        began("tool", 7, 0.0), called("tool", 7, 10.0, "10.0.0.9:2"), exited("tool", 7, 20.0),
        called("tool", 7, 30.0, "10.0.0.9:3"),  # of a process that nobody saw begin
        created("tool", 7, 40.0), called("tool", 7, 50.0, "10.0.0.9:4"),
        called("mole", 7, 60.0, "10.0.0.9:5"),  # not the program that began then
    )  # fmt: skip
    ids = [one for port in range(1, 6) for one in callers(found, port)]
    assert len(set(ids)) == 5
    launched = {str(found.ids[d]) for d in found.dst[found.action == "launch"]}
    assert launched == {ids[1], ids[3]}


def test_two_programs_that_had_a_pid_at_once_are_told_apart_in_every_store(tmp_path: Path) -> None:
    """Which of the two comes first once hung on the store's key."""
    told = [created(program, 8, 12.0) for program in ("mole", "tool")]
    told += [called(program, 8, 15.0, f"10.0.0.9:{port}") for port, program in
             enumerate(("mole", "tool"), 1)]  # fmt: skip
    for number in range(6):
        folder = tmp_path / str(number)
        folder.mkdir()
        found = graph(folder, *told)
        begun = {found.labels[d]: str(found.ids[d]) for d in found.dst[found.action == "launch"]}
        ids = [one for port in (1, 2) for one in callers(found, port)]
        assert ids == [begun[image("mole")], begun[image("tool")]]


def test_a_guid_tells_when_its_process_began(tmp_path: Path) -> None:
    """No launch was logged, yet what the pid did long before Sysmon's first word is its."""
    seen = sysmon(11, 500.0, ProcessGuid=guid("tool", 0.5), ProcessId="7", Image=image("tool"),
                  TargetFilename="C:\\x.txt")  # fmt: skip
    found = graph(
        tmp_path, called("tool", 7, -9.0, "10.0.0.9:1"), called("tool", 7, 9.0, "10.0.0.9:2"), seen
    )
    before, after = callers(found, 1)[0], callers(found, 2)[0]
    assert before != after == str(found.ids[found.src[found.action == "create"][0]])


def test_a_start_of_the_host_ends_its_processes(tmp_path: Path) -> None:
    boot = security(4608, 600.0)
    found = graph(
        tmp_path, began("tool", 7, 0.0), called("tool", 7, 9.0, "10.0.0.9:1"), boot,
        called("tool", 7, 900.0, "10.0.0.9:2"),
    )  # fmt: skip
    assert callers(found, 1) != callers(found, 2)


def test_a_pid_that_two_guids_claim_unites_neither(tmp_path: Path) -> None:
    liar = began("tool", 7, 0.0)
    found = graph(tmp_path, liar, liar | {"ProcessId": "8"}, called("tool", 7, 9.0, "10.0.0.9:1"))
    others = {str(found.ids[d]) for d in found.dst[found.action != "connect"]}
    assert callers(found, 1)[0] not in others


@pytest.mark.parametrize("off", [-4.0, -16.0, 8.0])
def test_a_log_stamped_by_a_clock_without_zone(tmp_path: Path, off: float) -> None:
    told = [began(f"tool{i}", 50 + i, 10.0 * i, off=off) for i in range(6)]
    same = [created(f"tool{i}", 50 + i, 10.0 * i + off * 3600) for i in range(6)]
    found = graph(tmp_path, *told, *same)
    assert found.collapsed == 12
    assert len(found) == 12
    store = Store(tmp_path / "store")
    assert store.graph(identity={"process", "host"}).collapsed == 0
    # The window counts times as they were.
    assert len(store.graph(start="2026-03-02T10:00:00Z", end="2026-03-02T10:00:15Z")) == 4


def test_a_clock_that_its_records_contradict_is_not_corrected(tmp_path: Path) -> None:
    told = [began(f"tool{i}", 50 + i, 10.0 * i, off=-4.0 if i % 2 else 8.0) for i in range(12)]
    same = [created(f"tool{i}", 50 + i, 10.0 * i - 4 * 3600) for i in range(12)]
    found = graph(tmp_path, *told, *same)
    assert found.collapsed == 0
    few = [began(f"tool{i}", 50 + i, 10.0 * i, off=-4.0) for i in range(4)]
    (tmp_path / "few").mkdir()
    assert graph(tmp_path / "few", *few, *same).collapsed == 0


def logon(luid: str, at: float, user: str = "bob", **more: Any) -> Event:
    return security(
        4624, at, TargetUserName=user, TargetDomainName="CORP", TargetLogonId=luid, LogonType=3,
        IpAddress="10.0.0.1", **more,
    )  # fmt: skip


def test_a_logon_id_used_again_is_another_session(tmp_path: Path) -> None:
    first = created("tool", 7, 5.0, SubjectLogonId="0x5000")
    second = created("tool", 8, 9000.0, SubjectLogonId="0x5000")
    found = graph(tmp_path, logon("0x5000", 0.0), first, logon("0x5000", 8000.0), second)
    opened = [int(d) for d in found.dst[found.action == "logon"]]
    ran = [int(s) for s in found.src[found.action == "start"]]
    assert len(ran) == len(set(ran)) == 2
    assert set(opened) == set(ran)
    one = Store(tmp_path / "store").graph(identity={"process"})
    assert len(set(one.src[one.action == "start"].tolist())) == 1


def test_rules_are_known_by_name(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="proces"):
        Store(tmp_path / "store").graph(identity=["proces"])


def test_claims_are_facts_that_sql_sees(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    store.ingest(write(tmp_path / "a.json", [began("tool", 7, 0.5), created("tool", 7, 0.5)]))
    rows = store.sql(
        "SELECT kind, host, value, label, detail, born IS NOT NULL, n, record FROM aliases "
        "ORDER BY kind, value"
    ).to_pylist()
    assert [tuple(row.values()) for row in rows] == [
        ("birth", HOST, "7", image("tool"), "tool /run", False, 1, 1),
        ("pid birth", HOST, "7", image("tool"), "tool /run", False, 1, 2),
        ("process", HOST, "100", image("boss"), None, True, 1, 1),
        ("process", HOST, "7", image("tool"), None, True, 1, 1),
    ]


def test_a_claim_spans_all_that_say_it(tmp_path: Path) -> None:
    seen = [
        sysmon(11, at, ProcessGuid=guid("tool", 1.0), ProcessId="7", Image=image("tool"),
               TargetFilename="C:\\x")
        for at in (9.0, 4.0, 12.0, 5.0)
    ]  # fmt: skip
    store = Store(tmp_path / "store")
    store.ingest(write(tmp_path / "a.json", seen))
    rows = store.sql("SELECT kind, record, n, epoch(last - ts) AS s FROM aliases").to_pylist()
    assert [tuple(row.values()) for row in rows] == [("process", 2, 4, 8.0)]


def test_claims_go_with_their_source_and_their_day(tmp_path: Path) -> None:
    def kinds(store: Store) -> list[str]:
        rows = store.sql("SELECT kind FROM aliases ORDER BY 1").to_pylist()
        return [row["kind"] for row in rows]

    store = Store(tmp_path / "store")
    day = 86_400.0
    old = write(tmp_path / "old.json", [created("tool", 7, 1.0)])
    new = write(
        tmp_path / "new.json", [exited("tool", 7, day), called("tool", 7, 5.0, "10.0.0.9:1")]
    )
    store.ingest([old, new])
    before = kinds(store)
    store.ingest(old, replace=True)
    assert kinds(store) == before == ["address", "connect", "pid birth", "pid death"]
    store.compact()
    assert kinds(store) == before
    store.prune("2026-03-03")
    assert kinds(store) == ["pid death"]
    assert not list(store.check())


@given(
    st.lists(
        st.tuples(
            st.integers(0, 1), st.integers(0, 1), st.sampled_from("rw"), st.integers(0, 6),
            st.booleans(),
        ),
        max_size=12,
    )
)  # fmt: skip
def test_what_another_log_tells_too(events: list[tuple[int, int, str, int, bool]]) -> None:
    src, dst, action, ts, borrowed = zip(*events, strict=True) if events else ((),) * 5
    at = np.array(ts, np.int64) * (SAME // 2)
    found = repeated(
        np.array(src, np.int64), np.array(dst, np.int64), np.array(action, object), at,
        np.array(borrowed, bool),
    )  # fmt: skip
    assert found.tolist() == [
        one[4]
        and any(one[:3] == other[:3] and abs(one[3] - other[3]) <= 2 and not other[4]
                for other in events)
        for one in events
    ]  # fmt: skip


@settings(max_examples=15, deadline=None)
@given(
    events=st.lists(
        st.tuples(
            st.sampled_from(["began", "created", "exited", "called"]),
            st.sampled_from(["tool", "mole"]), st.integers(7, 8), st.integers(0, 30),
        ),
        min_size=1, max_size=14,
    ),
    order=st.randoms(use_true_random=False),
)  # fmt: skip
def test_no_order_and_no_cut_changes_who_is_who(
    tmp_path_factory: pytest.TempPathFactory, events: list[tuple[str, str, int, int]], order: Random
) -> None:
    folder = tmp_path_factory.mktemp("order")
    made: dict[str, Callable[[str, int, float], Event]] = {
        "began": began, "created": created, "exited": exited,
        "called": lambda program, pid, at: called(program, pid, at, f"10.0.0.9:{at + 1:.0f}"),
    }  # fmt: skip
    told = [made[kind](program, pid, at) for kind, program, pid, at in sorted(set(events))]
    once = Store(folder / "once")
    once.ingest(write(folder / "once.json", told))
    order.shuffle(told)
    parts = Store(folder / "parts")
    for i, event in enumerate(told):
        parts.ingest(write(folder / f"{i}.json", [event]), parser="windows")
    wanted = classes(once.graph())
    assert classes(parts.graph()) == wanted
    parts.compact()
    assert classes(parts.graph()) == wanted


def test_whatever_a_log_claims_a_graph_is_built(tmp_path: Path) -> None:
    """Values that are wrong, absurd or of another kind, in every field that a claim reads."""
    luck = Random(3)
    honest = [
        began("tool", 7, 1.0, off=-4.0), created("tool", 7, 1.0), exited("tool", 7, 2.0),
        called("tool", 7, 1.5, "10.0.0.9:1"), logon("0x5000", 3.0, IpPort="50001"),
        security(4608, 4.0), sysmon(5, 5.0, ProcessGuid=guid("tool", 1.0), ProcessId="7"),
    ]  # fmt: skip
    absurd: list[Any] = [
        None, "", "-", 0, -1, 2**63, 1e300, True, [], {}, "x" * 5000, "{}", "\x00", "\ud800",
        "0x7fffffffffffffff", "9999-12-31 23:59:59.999", "1601-01-01 00:00:00", "S-1-5-21-",
        "{ffffffff-ffff-ffff-ffff-ffffffffffff}", "'); DROP TABLE aliases; --", ":", "\\", "@",
    ]  # fmt: skip
    events = []
    for _ in range(400):
        event = dict(luck.choice(honest))
        for field in luck.sample(sorted(event), luck.randint(1, 3)):
            if field not in ("EventID", "Channel"):
                event[field] = luck.choice(absurd)
        events.append(event)
    store = Store(tmp_path / "store")
    [done] = store.ingest(write(tmp_path / "a.json", [*honest, *events]), parser="windows")
    assert done.read == 407 == done.used + done.ignored + done.rejected
    found = store.graph()
    assert len(found) + found.collapsed == len(store.graph(identity=[])) > 100
