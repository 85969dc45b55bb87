"""Which findings are one incident."""

import networkx as nx
from hypothesis import given
from hypothesis import strategies as st

from graphad.findings import Edge, Entity, Evidence, Finding, joined, merge


@given(st.lists(st.lists(st.integers(0, 12), max_size=4), max_size=12))
def test_joined_are_the_connected_parts(telling: list[list[int]]) -> None:
    graph = nx.Graph()
    graph.add_nodes_from(("path", i) for i in range(len(telling)))
    graph.add_edges_from((("path", i), ("event", e)) for i, es in enumerate(telling) for e in es)
    first: dict[int, int] = {}
    for part in nx.connected_components(graph):
        paths = [i for kind, i in part if kind == "path"]
        first |= dict.fromkeys(paths, min(paths, default=0))
    assert joined(telling) == [first[i] for i in range(len(telling))]


def finding(name: str, *steps: tuple[str, str, str, float], hour: str = "10") -> Finding:
    """Return a finding of steps (from, action, to, bits); names with a dot are processes."""
    names = [steps[0][0], *(step[2] for step in steps)]
    entities = [Entity(n, "process" if "." in n else "file", n, n) for n in names]
    edges = [
        Edge(i, i + 1, step[1], f"2026-01-01T{hour}:00:00Z", {"sender": step[3]})
        for i, step in enumerate(steps)
    ]
    bits = sum(step[3] for step in steps)
    proofs = [Evidence("a.log", hash((name, i)) % 10**9, 1) for i in range(len(steps))]
    return Finding(
        id=f"path-{name}", detector="path", unit="path", score=bits, z=bits, p_value=None,
        severity=None, alert=None, host="h", start="", end="", count=1, title="",
        entities=entities, edges=edges, terms={"sender": bits}, evidence=proofs, model="m",
    )  # fmt: skip


def groups(findings: list[Finding]) -> list[str]:
    merge(findings)
    return [f.incident.removeprefix("incident-") for f in findings]


def test_what_one_process_does_in_one_way_within_an_hour_is_one() -> None:
    many = [finding(str(i), ("office.exe", "write", f"key{i}", 30.0)) for i in range(4)]
    assert groups(many) == ["0"] * 4
    other = finding("x", ("other.exe", "write", "key0", 30.0))
    deleted = finding("y", ("office.exe", "delete", "key0", 30.0))
    later = finding("z", ("office.exe", "write", "key0", 30.0), hour="11")
    assert groups([*many, other, deleted, later]) == ["0"] * 4 + ["x", "y", "z"]


def test_a_routine_step_in_common_joins_nothing() -> None:
    a = finding("a", ("services.exe", "launch", "a.exe", 2.0), ("a.exe", "write", "f", 30.0))
    b = finding("b", ("services.exe", "launch", "b.exe", 2.0), ("b.exe", "write", "g", 30.0))
    assert groups([a, b]) == ["a", "b"]


def test_what_a_file_gives_is_no_burst() -> None:
    a = finding("a", ("lib", "load", "a.exe", 30.0))
    b = finding("b", ("lib", "load", "b.exe", 30.0))
    assert groups([a, b]) == ["a", "b"]
