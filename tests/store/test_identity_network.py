"""Connections seen from both ends, and the logons that came through them."""

import json
from pathlib import Path

import numpy as np
import pytest

from graphad.graph import Graph
from graphad.store import Store
from tests.windows_events import (
    START,
    Event,
    answered,
    began,
    called,
    classes,
    created,
    edges,
    image,
    security,
    write,
)

SERVER = "srv.corp.example"
TO = "10.0.0.5:445"
CALL = called("tool", 7, 10.0, TO)
ANSWER = answered("server", 9, 10.2, TO, host=SERVER)


def graph(folder: Path, *events: Event) -> Graph:
    store = Store(folder / "store")
    store.ingest(write(folder / "a.json", events))
    return store.graph()


def passed(folder: Path, at: float = 10.1, log: str = "conn", **fields: object) -> Path:
    """Write what a sensor saw of the connection."""
    said = {
        "_path": log, "ts": round(START + at, 3), "id.orig_h": "10.0.0.1", "id.orig_p": 50001,
        "id.resp_h": "10.0.0.5", "id.resp_p": 445, "proto": "tcp", "conn_state": "SF",
    }  # fmt: skip
    path = folder / f"{log}.json"
    path.write_text(json.dumps(said | fields) + "\n")
    return path


def seen(folder: Path, *events: Event, **fields: object) -> Graph:
    """Return the graph of what hosts and a sensor tell: in any order, and as slices, the same."""
    logs = [passed(folder, **fields)]  # type: ignore[arg-type]
    logs += [write(folder / "hosts.json", events)] if events else []
    found = []
    for i, order in enumerate((logs, logs[::-1])):
        store = Store(folder / f"store{i}")
        for log in order:
            store.ingest(log)
        found.append(store.graph())
    assert classes(found[0]) == classes(found[1])
    parts = list(store.slices(size=1))
    assert sorted(e for part in parts for e in edges(part)) == sorted(edges(found[1]))
    return found[0]


def lines(graph: Graph) -> set[tuple[str, str, str]]:
    """Return (label, action, label) of edges, a connection's own entities by one letter each."""
    ends = {*graph.src.tolist(), *graph.dst.tolist()}
    sockets = sorted(i for i in ends if graph.types[i] == "socket")
    short = {i: "abc"[n] for n, i in enumerate(sockets)}
    return {
        (short.get(int(s), graph.labels[s]), a, short.get(int(d), graph.labels[d]))
        for s, a, d in zip(graph.src, graph.action, graph.dst, strict=True)
    }


PASSED = {("10.0.0.1", "connect", "a"), ("a", "accept", "10.0.0.5")}
OPENED, TAKEN = (image("tool"), "connect", "a"), ("a", "accept", image("server"))


def test_a_sensor_stands_for_the_end_that_keeps_no_log(tmp_path: Path) -> None:
    for name, events, wanted in (
        ("sensor", (), PASSED), ("client", (CALL,), PASSED | {OPENED}),
        ("server", (ANSWER,), PASSED | {TAKEN}), ("both", (CALL, ANSWER), PASSED | {OPENED, TAKEN}),
    ):  # fmt: skip
        (tmp_path / name).mkdir()
        assert lines(seen(tmp_path / name, *events)) == wanted


@pytest.mark.parametrize(
    ("name", "events", "fields"),
    [
        ("an hour later", [CALL], {"at": 3610.0}),
        ("another port", [CALL], {"id.orig_p": 50002}),
        ("another server", [CALL], {"id.resp_h": "10.0.0.6"}),
        ("two clients", [CALL, called("tool", 7, 10.1, TO, host="twin.corp.example")], {}),
        ("two servers", [ANSWER, answered("server", 9, 10.1, TO, host="twin.corp.example")], {}),
    ],
)
def test_what_a_sensor_saw_of_another(
    tmp_path: Path, name: str, events: list[Event], fields: dict[str, object]
) -> None:
    found = seen(tmp_path, *events, **fields)
    plain = Store(tmp_path / "store0").graph(identity=[])
    sockets = [set(g.ids[g.types == "socket"].tolist()) for g in (found, plain)]
    assert sockets[0] == sockets[1], name


def test_a_logon_through_what_a_sensor_saw(tmp_path: Path) -> None:
    """The client keeps no log: address → connection → session → payload."""
    found = seen(tmp_path, LOGON, RUN)
    steps = [("10.0.0.1", "connect"), ("a", "logon")]
    assert {edge[:2] for edge in lines(found)} >= set(steps)


def test_a_host_that_a_sensor_knows_by_its_address(tmp_path: Path) -> None:
    out = called("server", 9, 20.0, "10.0.0.7:80", "10.0.0.5:50100", host=SERVER)
    cleared = security(1102, 30.0, SERVER, SubjectUserName="bob", SubjectDomainName="CORP")
    ssh = {"log": "ssh", "auth_success": True, "id.resp_p": 22}
    found = seen(tmp_path, out, cleared, **ssh)
    hosts = {int(d) for d in found.dst if found.types[d] == "host"}
    assert len(hosts) == 1
    (tmp_path / "two").mkdir()
    twin = called("server", 9, 20.0, "10.0.0.7:80", "10.0.0.5:50100", host="twin.corp.example")
    found = seen(tmp_path / "two", out, twin, cleared, **ssh)
    assert len({int(d) for d in found.dst if found.types[d] == "host"}) == 2


def flows(graph: Graph) -> int:
    """Return how many connections lead from the process that opened them to one that took them."""
    taken = {int(s) for s, a in zip(graph.src, graph.action, strict=True) if a == "accept"}
    return sum(
        a == "connect" and int(d) in taken for a, d in zip(graph.action, graph.dst, strict=True)
    )


def test_both_ends_meet_in_the_connection(tmp_path: Path) -> None:
    found = graph(tmp_path, CALL, ANSWER)
    assert edges(found) == [
        (image("tool"), "connect", TO), (TO, "accept", image("server")),
    ]  # fmt: skip
    assert found.dst[0] == found.src[1]
    src, dst = found.told  # each end is judged by the name its own log gave
    assert (found.names[dst[0]], found.names[src[1]]) == (TO, "10.0.0.1:*")
    assert found.subset(np.array([1])).told == (src[1:], found.told[1][1:])
    assert flows(Store(tmp_path / "store").graph(identity=["process"])) == 0


@pytest.mark.parametrize(
    ("name", "events"),
    [
        ("an hour later", [CALL, ANSWER | {"TimeCreated": "2026-03-02 11:00:10.200"}]),
        ("another port", [CALL, answered("server", 9, 10.2, TO, "10.0.0.1:50002", host=SERVER)]),
        ("through a translator", [CALL, answered("server", 9, 10.2, TO, "10.9.9.9:50001",
                                                 host=SERVER)]),
        ("two networks", [CALL, called("tool", 7, 10.1, TO, host="twin.corp.example"), ANSWER]),
        ("one side only", [CALL, called("tool", 7, 10.1, TO)]),
        ("both on one host, of another address", [CALL, answered("server", 9, 10.2, TO)]),
    ],
)  # fmt: skip
def test_what_only_looks_like_one(tmp_path: Path, name: str, events: list[Event]) -> None:
    assert flows(graph(tmp_path, *events)) == 0, name


def test_each_connection_is_its_own(tmp_path: Path) -> None:
    """Who talked to a server later did not get what another sent it before."""
    more = [
        event
        for i in range(3)
        for event in (
            called(f"tool{i}", 70 + i, 20.0 * i, TO, f"10.0.0.1:{60000 + i}"),
            answered("server", 9, 20.0 * i + 0.1, TO, f"10.0.0.1:{60000 + i}", host=SERVER),
        )
    ]
    found = graph(tmp_path, *more)
    assert flows(found) == 3
    assert len(set(found.dst[found.action == "connect"].tolist())) == 3


def test_a_host_with_itself(tmp_path: Path) -> None:
    to, near = "127.0.0.1:80", "127.0.0.1:50001"
    found = graph(
        tmp_path, called("tool", 7, 10.0, to, near), answered("server", 9, 10.0, to, near)
    )
    assert flows(found) == 1


def test_nothing_is_taken_before_it_was_opened(tmp_path: Path) -> None:
    """The server's stamps are cut to the second."""
    early = answered("server", 9, 9.0, TO, host=SERVER)
    found = graph(tmp_path, CALL, early)
    assert [edge[1] for edge in edges(found)] == ["connect", "accept"]
    assert found.ts[0] == found.ts[1]


LOGON = security(
    4624, 11.0, SERVER, TargetUserName="bob", TargetDomainName="CORP", TargetLogonId="0x5000",
    LogonType=3, IpAddress="::ffff:10.0.0.1", IpPort="50001",
)  # fmt: skip
RUN = created("payload", 33, 12.0, host=SERVER, SubjectLogonId="0x5000")


def test_a_logon_leads_from_host_to_host(tmp_path: Path) -> None:
    found = graph(tmp_path, began("tool", 7, 0.0), CALL, LOGON, RUN)
    at = [int(found.src[found.action == "connect"][0])]
    assert found.labels[at[0]] == image("tool")
    for action in ("connect", "logon", "start"):  # tool → connection → session → payload
        at = [int(d) for s, a, d in zip(found.src, found.action, found.dst, strict=True)
              if int(s) == at[0] and a == action]  # fmt: skip
        assert len(at) == 1
    assert found.labels[at[0]] == image("payload")


def test_a_logon_by_one_of_two_connections_is_by_none(tmp_path: Path) -> None:
    again = called("tool", 7, 60.0, "10.0.0.6:445")
    found = graph(tmp_path, CALL, again, LOGON | {"TimeCreated": "2026-03-02 10:01:05.000"})
    logged_on = {int(s) for s, a in zip(found.src, found.action, strict=True) if a == "logon"}
    assert not logged_on & set(found.dst[found.action == "connect"].tolist())


def test_files_in_any_order(tmp_path: Path) -> None:
    events = [began("tool", 7, 0.0), CALL, ANSWER, LOGON, RUN]
    wanted = classes(graph(tmp_path, *events))
    store = Store(tmp_path / "parts")
    for i, event in enumerate(reversed(events)):
        store.ingest(write(tmp_path / f"{i}.json", [event]), parser="windows")
    assert classes(store.graph()) == wanted
