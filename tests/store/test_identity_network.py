"""Connections seen from both ends, and the logons that came through them."""

from pathlib import Path

import numpy as np
import pytest

from graphad.graph import Graph
from graphad.store import Store
from tests.windows_events import (
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
