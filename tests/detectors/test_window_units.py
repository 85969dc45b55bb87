"""Parts of a graph that are judged as a whole: each event in one unit, the right one."""

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.detectors.window_units import roots, units
from graphad.graph import Graph
from tests.detectors.event_graphs import HOUR, START, Event, graph

NAMES = [f"p{i}" for i in range(6)]
PROCESS = st.sampled_from(NAMES).map(lambda n: ("process", n))
OTHER = st.sampled_from([("file", "/f"), ("session", "s1"), ("session", "s2"), ("user", "u")])
TIMES = st.integers(0, 40).map(lambda i: START + i * HOUR // 4)
EVENTS = st.one_of(
    st.builds(Event, TIMES, PROCESS, st.sampled_from(["launch", "fork", "access"]), PROCESS,
              st.sampled_from(["a", "b"]), st.just({}), st.none(), st.none()),
    st.builds(Event, TIMES, PROCESS, st.just("write"), OTHER, st.just("a"), st.just({}), st.none(),
              st.none()),
    st.builds(Event, TIMES, st.sampled_from([("session", "s1"), ("session", "s2")]),
              st.just("start"), PROCESS, st.just("a"), st.just({}), st.none(), st.none()),
    st.builds(Event, TIMES, st.just(("user", "u")), st.just("logon"), OTHER, st.just("b"),
              st.just({}), st.none(), st.none()),
)  # fmt: skip
GRAPHS = st.lists(EVENTS, min_size=1, max_size=25).map(graph)


def parents(made: Graph) -> dict[int, int]:
    """Return who started each process, one event after another; no one is its own ancestor."""
    found: dict[int, int] = {}
    for e in range(len(made)):
        u, v = int(made.src[e]), int(made.dst[e])
        if made.action[e] not in ("launch", "fork", "exec") or u == v:
            continue
        if made.types[u] != "process" or made.types[v] != "process" or v in found:
            continue
        above = u
        while above in found:
            above = found[above]
        if above != v:
            found[v] = u
    return found


@settings(max_examples=200, deadline=None)
@given(made=GRAPHS)
def test_roots_are_the_first_ancestors(made: Graph) -> None:
    known = parents(made)
    found = roots(made)
    for n in range(len(made.ids)):
        if made.types[n] != "process":
            assert found[n] == -1
            continue
        above = n
        while above in known:
            above = known[above]
        assert found[n] == above


@settings(max_examples=200, deadline=None)
@given(made=GRAPHS, kind=st.sampled_from(["host", "tree", "session"]), hours=st.integers(1, 5))
def test_units_hold_each_event_once_in_order(made: Graph, kind: str, hours: int) -> None:
    found = units(made, kind, hours * 3600)  # type: ignore[arg-type]
    assert len(set(found.event.tolist())) == len(found.event)
    firsts = [int(found.events(u)[0]) for u in range(len(found))]
    assert firsts == sorted(firsts)
    for u in range(len(found)):
        mine = found.events(u)
        assert (np.diff(mine) > 0).all()
        assert found.host[u] == made.host[mine[0]]
    assert np.array_equal(found.unit, np.repeat(np.arange(len(found)), np.diff(found.start)))
    some = np.arange(len(found))[::-2]
    taken = found.take(some)
    assert [taken.events(i).tolist() for i in range(len(some))] == [
        found.events(int(u)).tolist() for u in some
    ]


@settings(max_examples=100, deadline=None)
@given(made=GRAPHS, hours=st.integers(1, 5))
def test_hosts_are_divided_by_time(made: Graph, hours: int) -> None:
    slow: dict[tuple[str, int], list[int]] = defaultdict(list)
    for e in range(len(made)):
        slow[made.host[e], int(made.ts[e]) // (hours * HOUR)].append(e)
    found = units(made, "host", hours * 3600)
    assert [found.events(u).tolist() for u in range(len(found))] == list(slow.values())
    assert found.begin.tolist() == [step * hours * HOUR for _, step in slow]
    assert (found.root == -1).all()


@settings(max_examples=100, deadline=None)
@given(made=GRAPHS)
def test_trees_are_of_who_acted(made: Graph) -> None:
    root = roots(made)
    slow: dict[int, list[int]] = defaultdict(list)
    for e in range(len(made)):
        for end in (int(made.src[e]), int(made.dst[e])):
            if made.types[end] == "process":
                slow[int(root[end])].append(e)
                break
    found = units(made, "tree")
    assert [found.events(u).tolist() for u in range(len(found))] == list(slow.values())
    assert found.root.tolist() == list(slow)


def test_a_session_has_what_its_processes_started() -> None:
    made = graph(
        [
            Event(START, ("user", "u"), "logon", ("session", "s1")),
            Event(START + 1, ("session", "s1"), "start", ("process", "shell")),
            Event(START + 2, ("process", "shell"), "launch", ("process", "vi")),
            Event(START + 3, ("process", "vi"), "write", ("file", "/f")),
            Event(START + 4, ("process", "daemon"), "write", ("file", "/f")),
            Event(START + 5, ("session", "s2"), "start", ("process", "other")),
        ]
    )
    found = units(made, "session")
    assert [found.events(u).tolist() for u in range(len(found))] == [[0, 1, 2, 3], [5]]
    assert [made.names[n] for n in found.root] == ["s1", "s2"]


def test_nobody_is_an_ancestor_of_its_own() -> None:
    births = [("w", "u"), ("v", "w"), ("u", "v")]  # the last one closes a circle
    made = graph(
        [
            Event(START + i, ("process", a), "launch", ("process", b))
            for i, (a, b) in enumerate(births)
        ]
    )
    assert {made.names[n] for n in roots(made)} == {"v"}


def test_an_empty_graph_has_no_unit() -> None:
    made = graph([Event(START, ("user", "u"), "logon", ("host", "h"))])
    for kind in ("host", "tree", "session"):
        assert len(units(made.subset(np.empty(0, np.int64)), kind)) == 0
    assert len(units(made, "tree")) == 0
    with pytest.raises(ValueError, match="at least a second"):
        units(made, "host", 0)
