"""Which findings are one incident, and which id it has."""

import copy
from itertools import combinations

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.findings import Finding, is_telling, joined
from graphad.incidents import (
    BIRTHS,
    ODD,
    Act,
    Known,
    acts,
    count_programs,
    grouped,
    is_peer,
    rank,
    settle,
)
from tests.sample_findings import entity, finding, partition, paths


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 12), max_size=4), max_size=12))
def test_joined_are_the_connected_parts(telling: list[list[int]]) -> None:
    graph = nx.Graph()
    graph.add_nodes_from(("path", i) for i in range(len(telling)))
    graph.add_edges_from((("path", i), ("event", e)) for i, es in enumerate(telling) for e in es)
    first: dict[int, int] = {}
    for part in nx.connected_components(graph):
        of_part = [i for kind, i in part if kind == "path"]
        first |= dict.fromkeys(of_part, min(of_part, default=0))
    assert joined(telling) == [first[i] for i in range(len(telling))]


def naive(found: list[Finding]) -> set[frozenset[str]]:
    """Return the parts, by comparing every telling event with every other one."""
    every = [(f.id, act) for f in found for act in acts(f)]
    told = [(i, act) for i, act in every if act.telling]
    born = {a.dst for _, a in told if a.action in BIRTHS and a.dst_type == "process"}
    wires, sessions = set(), set()
    for one in found:
        path = acts(one)
        for i, act in enumerate(path):
            if i + 1 < len(path) and path[i + 1].action in ("accept", "logon"):
                near = path[i + 1].ts - act.ts <= 120_000_000
                if act.action == "connect" and act.dst_type == "socket" and act.network and near:
                    wires.add(act.dst)
            if act.action == "logon" and act.src_type in ("socket", "address"):
                sessions |= {act.dst} if act.dst_type == "session" else set()

    def answers(process: object, act: Act) -> bool:
        acting = act.src if act.src_type == "process" else act.dst
        return process == acting or process in born

    def one_matter(a: Act, b: Act) -> bool:
        if a.record == b.record:
            return True
        both = {a.src, a.dst} & {b.src, b.dst}
        same_way = a.src == b.src and a.src_type == "process" and a.action == b.action
        if same_way and a.ts // 3_600_000_000 == b.ts // 3_600_000_000:
            return True
        types = {a.src: a.src_type, a.dst: a.dst_type}
        return any(
            (p in sessions or (types[p] == "process" and answers(p, a) and answers(p, b)))
            and abs(a.ts - b.ts) <= (86_400_000_000 if p in born else 60_000_000)
            for p in both
        )

    graph = nx.Graph()
    graph.add_nodes_from(f.id for f in found)
    graph.add_edges_from((i, j) for (i, a), (j, b) in combinations(told, 2) if one_matter(a, b))
    graph.add_edges_from(
        (i, j)
        for (i, a), (j, b) in combinations(every, 2)
        if wires & {a.src, a.dst} & {b.src, b.dst} and abs(a.ts - b.ts) <= 120_000_000
    )
    return {frozenset(part) for part in nx.connected_components(graph)}


@settings(max_examples=300, deadline=None)
@given(paths(), st.data())
def test_programs_are_those_at_telling_events_of_odd_findings(
    found: list[Finding], data: st.DataObject
) -> None:
    for one in found:
        one.z = data.draw(st.sampled_from([ODD - 0.1, ODD, 5.0]))
    groups = grouped(found)
    before = {one.id: one.programs for one in found}
    changed = count_programs(groups)
    for group in groups:
        for one in group:
            names = {
                other.entities[end].name
                for other in group
                if other.z >= ODD and (other.host, other.start[:13]) == (one.host, one.start[:13])
                for edge in other.edges
                if is_telling(sum(edge.terms.values()), other.score, len(other.edges))
                for end in (edge.src, edge.dst)
                if other.entities[end].type == "process"
            }
            assert one.programs == max(len(names), 1)
            assert one.standing >= one.z
            assert (one in changed) == (one.programs != before[one.id])
    again = data.draw(st.permutations(found))
    assert count_programs(grouped(again)) == []


@settings(max_examples=1000, deadline=None)
@given(paths())
def test_merging_is_the_rules_taken_literally(found: list[Finding]) -> None:
    settle(grouped(found), {}, [], 0)
    assert partition(found) == naive(found)


@settings(deadline=None)
@given(paths(), st.randoms())
def test_the_order_of_findings_means_nothing(found: list[Finding], random: object) -> None:
    shuffled = copy.deepcopy(found)
    getattr(random, "shuffle")(shuffled)  # noqa: B009
    settle(grouped(found), {}, [], 0)
    settle(grouped(shuffled), {}, [], 0)
    assert {f.id: f.incident for f in found} == {f.id: f.incident for f in shuffled}
    # Each finding is in one incident, and the best of them names it.
    for group in partition(found):
        best = min((f for f in found if f.id in group), key=lambda f: (-f.z, -f.score, f.id))
        assert best.incident == best.id.replace("path", "incident")


def kept(found: list[Finding]) -> dict[str, str]:
    return {f.id: f.incident for f in found}


@settings(deadline=None)
@given(paths(), st.integers(0, 9), st.integers(0, 9), st.randoms())
def test_ids_stay_while_incidents_grow(
    found: list[Finding], first: int, second: int, random: object
) -> None:
    known: list[Known] = []
    before: dict[str, str] = {}
    for commit, size in enumerate((first, max(first, second), len(found)), 1):
        some = copy.deepcopy(found[:size])
        getattr(random, "shuffle")(some)  # noqa: B009
        getattr(random, "shuffle")(known)  # noqa: B009
        now = settle(grouped(some), before, known, commit)
        assert sorted({f.incident for f in some}) == sorted(one.id for one in now)
        since = {one.id: one.since for one in known}
        ids = [name for one in now for name in (one.id, *one.merged)]
        assert len(ids) == len(set(ids))
        assert set(ids) >= {name for one in known for name in (one.id, *one.merged)}
        for one in now:
            held = {before[f.id] for f in some if f.incident == one.id and f.id in before}
            if held:
                assert one.id in held
                assert one.since == since[one.id] == min(since[name] for name in held)
                assert held - {one.id} <= set(one.merged)
            else:
                assert (one.since, one.merged) == (commit, [])
        again = settle(grouped(some), kept(some), now, commit + 1)  # nothing new: nothing changes
        assert again == now
        known, before = now, kept(some)


@settings(deadline=None)
@given(paths(), st.data())
def test_an_incident_that_falls_apart_goes_on_once(
    found: list[Finding], data: st.DataObject
) -> None:
    """Findings may come again with other terms; then what joined them may be gone."""
    names = ["incident-old", "incident-older"]
    before = {f.id: data.draw(st.sampled_from(names)) for f in found if data.draw(st.booleans())}
    known = [Known("incident-old", 5, ["incident-gone"]), Known("incident-older", 3)]
    now = settle(grouped(found), before, known, 9)
    ids = [one.id for one in now]
    assert len(ids) == len(set(ids)) == len(partition(found))
    assert "incident-gone" not in ids
    goes_on = [name for one in now for name in (one.id, *one.merged)]
    for name in set(before.values()):
        assert goes_on.count(name) == 1
        parts: dict[str, int] = {}
        for one in found:
            if before.get(one.id) == name:
                parts[one.incident] = parts.get(one.incident, 0) + 1
        heir = next(one.id for one in now if name in (one.id, *one.merged))
        assert parts[heir] == max(parts.values())


def groups(*found: Finding) -> list[str]:
    settle(grouped(found), {}, [], 0)
    return [f.incident.removeprefix("incident-") for f in found]


def test_what_one_process_does_in_one_way_within_an_hour_is_one() -> None:
    many = [finding(str(i), ("office.exe", "write", f"file {i}", 30, 600 * i)) for i in range(4)]
    other = finding("x", ("other.exe", "write", "file 0", 30, 0))
    deleted = finding("y", ("office.exe", "delete", "file 0", 30, 100))
    later = finding("z", ("office.exe", "write", "file 0", 30, 3700))
    assert groups(*many, other, deleted, later) == ["0"] * 4 + ["x", "y", "z"]


def test_what_one_process_does_without_a_pause_is_one() -> None:
    a = finding("a", ("sed.exe", "create", "file x", 30, 0))
    b = finding("b", ("sed.exe", "chmod", "file x", 30, 60))
    c = finding("c", ("file lib", "read", "sed.exe", 30, 120))
    d = finding("d", ("sed.exe", "delete", "file x", 30, 181))
    assert groups(a, b, c, d) == ["a", "a", "a", "d"]


def test_a_routine_step_in_common_joins_nothing() -> None:
    a = finding("a", ("hub.exe", "launch", "a.exe", 2, 0), ("a.exe", "write", "file x", 30, 1))
    b = finding("b", ("hub.exe", "launch", "b.exe", 2, 0), ("b.exe", "write", "file y", 30, 1))
    assert groups(a, b) == ["a", "b"]


def test_what_a_file_gives_is_no_burst() -> None:
    a = finding("a", ("file lib", "load", "a.exe", 30, 0))
    b = finding("b", ("file lib", "load", "b.exe", 30, 0))
    assert groups(a, b) == ["a", "b"]


def test_a_process_and_its_child_are_one_if_the_launch_was_telling() -> None:
    launch = finding("a", ("shell.exe", "launch", "tool.exe", 30, 0))
    child = finding("b", ("tool.exe", "write", "file x", 30, 5000))
    parent = finding("c", ("shell.exe", "connect", "socket 192.0.2.1:443", 30, 20))
    assert groups(launch, child, parent) == ["a", "a", "a"]
    routine = finding(
        "a", ("shell.exe", "launch", "tool.exe", 1, 0), ("tool.exe", "read", "file z", 30, 1)
    )
    assert groups(routine, child, parent) == ["a", "b", "c"]


@pytest.mark.parametrize("host", ["services", "sshd", "explorer", "powershell"])
def test_a_hub_swallows_nothing(host: str) -> None:
    """A long-lived process starts many things over a day; each is an incident of its own."""
    hub = f"{host}.exe"
    day = [
        finding(
            f"{i:02d}", (hub, "launch", f"child{i}.exe", 25, 3700 * i),
            (f"child{i}.exe", "write", f"file {i}", 30, 3700 * i + 1),
        )
        for i in range(20)
    ]  # fmt: skip
    assert len(set(groups(*day))) == 20
    touched = [finding(f"x{i}", (f"tool{i}.exe", "access", hub, 30, 10 * i)) for i in range(20)]
    assert len(set(groups(*day, *touched))) == 40


def test_both_ends_of_a_connection_are_one() -> None:
    wire = "socket 10.0.0.5:445"
    here = finding("a", ("shell.exe", "connect", wire, 30, 0), host="ws")
    across = finding(
        "b", ("shell.exe", "connect", wire, 30, 0), (wire, "accept", "server.exe", 5, 0)
    )
    there = finding("c", (wire, "accept", "server.exe", 30, 100), host="srv")
    assert groups(here, across, there) == ["b", "b", "b"]
    # A broadcast goes to the same address and port every day.
    later = finding("e", (wire, "accept", "other.exe", 30, 9000), host="srv")
    assert groups(across, later) == ["b", "e"]
    routine = finding(
        "d", (wire, "accept", "server.exe", 2, 0), ("server.exe", "write", "file x", 30, 9)
    )
    assert groups(across, routine) == ["b", "b"]
    local = [
        finding("a", ("one.exe", "connect", "socket unix:/run/bus", 30, 0)),
        finding(
            "b", ("two.exe", "connect", "socket unix:/run/bus", 30, 900),
            ("socket unix:/run/bus", "accept", "bus.exe", 5, 900),
        ),
    ]  # fmt: skip
    assert groups(*local) == ["a", "b"]


def test_what_is_done_in_a_session_from_the_network_is_one() -> None:
    came = finding("a", ("address 192.0.2.9", "logon", "session 0x1", 30, 0))
    did = finding("b", ("session 0x1", "start", "tool.exe", 30, 50))
    later = finding("c", ("session 0x1", "start", "other.exe", 30, 4000))  # a desktop, perhaps
    assert groups(came, did, later) == ["a", "a", "c"]
    at_the_screen = finding("a", ("user bob", "logon", "session 0x1", 30, 0))
    assert groups(at_the_screen, did) == ["a", "b"]


def test_two_edges_of_one_record_are_one() -> None:
    a = finding("a", ("shell.exe", "launch", "x.exe", 30, 0, 7))
    b = finding("b", ("file x", "exec", "y.exe", 30, 0, 7))
    assert groups(a, b) == ["a", "a"]


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("socket 10.0.0.5:445", True), ("socket [::1]:53", True), ("socket 10.0.0.7:*", True),
        ("socket unix:/run/a:1", False), ("socket pipe", False), ("address 192.0.2.7", True),
        ("file a:1", False),
    ],
)  # fmt: skip
def test_peers_are_at_an_address(name: str, answer: bool) -> None:
    assert is_peer(entity(name).type, entity(name).key) is answer


def test_two_that_join_keep_the_older_name() -> None:
    old = finding("z", ("a.exe", "write", "file x", 30, 0, 1), z=1)
    new = finding("b", ("b.exe", "write", "file y", 30, 9000, 2), z=9)
    first = settle(grouped([old]), {}, [], 4)
    second = settle(grouped([old, new]), kept([old]), first, 5)
    assert [(one.id, one.since) for one in second] == [("incident-b", 5), ("incident-z", 4)]
    both = finding(
        "c", ("b.exe", "write", "file y", 30, 9000, 2), ("file y", "read", "a.exe", 30, 9000, 1)
    )
    both.edges[1].ts = old.edges[0].ts
    third = settle(grouped([old, new, both]), kept([old, new]), second, 6)
    assert third == [Known("incident-z", 4, ["incident-b"])]
    assert {f.incident for f in (old, new, both)} == {"incident-z"}


def test_findings_are_ranked_by_chance_before_z() -> None:
    first, second, third = (finding(name, ("a", "launch", "b", 1.0, 0, 0)) for name in "xyz")
    first.p_value, first.z = 0.01, 2.0
    second.p_value, second.z = 0.2, 9.0
    third.p_value, third.z = None, 50.0
    assert sorted([third, second, first], key=rank) == [first, second, third]
    second.p_value = 0.01
    assert sorted([third, second, first], key=rank) == [second, first, third]
