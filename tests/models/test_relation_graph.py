"""Graphs of windows: worked values, the slow definition, and false relations."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.models import relation_negatives
from graphad.models.relation_graph import WindowEdges, WindowGraphs, weights
from graphad.models.relation_negatives import (
    TypedNegatives,
    first_replaced,
    not_adjacent,
    window_negatives,
)
from graphad.models.relations import Relations

Line = tuple[int, str, list[tuple[str, str]]]

WORKED: list[Line] = [
    (0, "E1", [("component", "C"), ("ip", "ip1"), ("user", "alice")]),
    (1, "E1", [("component", "C"), ("ip", "ip1"), ("user", "bob")]),
    (2, "E2", [("component", "C"), ("ip", "ip2")]),
]


def relations(lines: list[Line]) -> Relations:
    """Return lines as relations; names are numbered as they come."""
    events = list(dict.fromkeys(event for _, event, _ in lines))
    nodes = list(dict.fromkeys(node for _, _, of in lines for node in of))
    rows = [(n, nodes.index(node)) for n, (_, _, of) in enumerate(lines) for node in of]
    line, node = np.array(rows, np.int64).reshape(-1, 2).T
    ts = np.array([ts for ts, _, _ in lines], np.int64)
    return Relations(
        ts, np.array([events.index(e) for _, e, _ in lines], np.int64), line, node, events, nodes
    )


def one(lines: list[Line]) -> tuple[WindowEdges, WindowGraphs]:
    made = relations(lines)
    edges, _ = WindowEdges.of(made, 10, 10)
    return edges, WindowGraphs.of(edges, len(made.events))


def test_the_worked_graph() -> None:
    edges, graph = one(WORKED)
    assert edges.count.tolist() == [2, 2, 1, 1, 1, 1]
    # Tokens by code: E1 E2 | C ip1 alice bob ip2; the worked order is E1 C ip1 alice bob E2 ip2.
    order = [0, 2, 3, 4, 5, 1, 6]
    assert graph.degrees(edges.count)[order].tolist() == [6, 3, 2, 1, 1, 2, 1]
    off, own = graph.normalised(edges.count)
    x = np.empty(7)
    x[order] = np.arange(1.0, 8.0)
    y = own * x
    np.add.at(y, graph.src, off * x[graph.dst])
    np.add.at(y, graph.dst, off * x[graph.src])
    assert y[order] == pytest.approx(
        [4.613445, 2.610015, 1.436436, 2.267261, 2.767261, 5.435088, 5.949490], abs=1e-6
    )
    assert weights(edges.count)[:1] == pytest.approx([np.log(3.0)])


def test_nodes_of_one_name_are_told_apart_by_type() -> None:
    made = relations([(0, "E", [("ip", "root"), ("user", "root")])])
    edges, _ = WindowEdges.of(made, 10, 10)
    assert len(edges) == 2


lines = st.lists(
    st.tuples(
        st.integers(0, 60), st.sampled_from("ABC"),
        st.lists(st.tuples(st.sampled_from(["t", "u"]), st.sampled_from("xyz")), max_size=3,
                 unique=True),
    ),
    min_size=1, max_size=12,
)  # fmt: skip


@given(lines, st.integers(1, 3))
def test_windows_are_those_of_the_definition(rows: list[Line], steps: int) -> None:
    made = relations(sorted(rows, key=lambda row: row[0]))
    edges, at = WindowEdges.of(made, 10, 10 * steps)
    slow: dict[tuple[int, int, int], int] = {}
    own = {int(made.ts[line]) // 10 for line in made.line}
    for w in own:
        for line, node in zip(made.line.tolist(), made.node.tolist(), strict=True):
            if (w + 1 - steps) * 10 <= made.ts[line] < (w + 1) * 10:
                key = (w, int(made.event[line]), node)
                slow[key] = slow.get(key, 0) + 1
    held = zip(*(a.tolist() for a in (edges.window, edges.event, edges.node)), strict=True)
    assert dict(zip(held, edges.count.tolist(), strict=True)) == slow
    assert (edges.window[at] == made.ts[made.line] // 10).all()
    assert (edges.event[at] == made.of_event).all()
    assert (edges.node[at] == made.node).all()
    graph = WindowGraphs.of(edges, len(made.events))
    assert (graph.vertex[graph.src] == edges.event).all()
    assert (graph.vertex[graph.dst] == edges.node + len(made.events)).all()
    assert (graph.number[graph.window[graph.src]] == edges.window).all()
    assert (graph.window[graph.src] == graph.window[graph.dst]).all()
    tokens = list(zip(graph.window.tolist(), graph.vertex.tolist(), strict=True))
    assert tokens == sorted(set(tokens))


def test_a_window_is_made_of_whole_steps() -> None:
    for step, length in ((0, 10), (10, 5), (10, 15)):
        with pytest.raises(ValueError, match="whole steps"):
            WindowEdges.of(relations(WORKED), step, length)


def test_chances_of_the_ends() -> None:
    edges, graph = one(WORKED)
    degree = graph.degrees(edges.count)
    chance = first_replaced(degree[graph.src], degree[graph.dst])
    # E1-C, E1-ip1, E1-alice, E1-bob, E2-C, E2-ip2
    assert chance[[2, 5, 0]] == pytest.approx([0.857143, 0.666667, 0.666667], abs=1e-6)
    free = not_adjacent(graph, 0)
    assert np.flatnonzero(free[4]).tolist() == [1, 2, 3, 5, 6]  # of alice: E2, C, ip1, bob, ip2


def test_false_edges_of_a_window_are_not_there_and_as_likely_as_they_should() -> None:
    edges, graph = one(WORKED)
    true = set(zip(graph.src.tolist(), graph.dst.tolist(), strict=True))
    random, replaced, ends = np.random.default_rng(0), np.zeros(6), np.zeros(7)
    for _ in range(4000):
        src, dst, good = window_negatives(random, graph, edges.count)
        assert good.all()
        replaced += src != graph.src
        assert ((src != graph.src) ^ (dst != graph.dst)).all()
        assert not true & (set(zip(src, dst, strict=True)) | set(zip(dst, src, strict=True)))
        ends[src[2]] += src[2] != graph.src[2]
    assert replaced / 4000 == pytest.approx([4 / 6, 6 / 8, 6 / 7, 6 / 7, 2 / 5, 2 / 3], abs=0.03)
    assert ends[[1, 2, 3, 5, 6]] / ends.sum() == pytest.approx([0.2] * 5, abs=0.03)


def test_a_complete_window_has_no_false_edge_and_the_next_one_is_right() -> None:
    made = relations([(0, "A", [("t", "x")]), (10, "A", [("t", "x")]), (11, "B", [("t", "y")])])
    edges, _ = WindowEdges.of(made, 10, 10)
    graph = WindowGraphs.of(edges, 2)
    src, dst, good = window_negatives(np.random.default_rng(1), graph, edges.count)
    assert good.tolist() == [False, True, True]
    assert ((graph.window[src] == graph.window[dst])[1:]).all()
    assert (graph.window[src][1:] == 1).all()


def test_a_window_too_wide_has_no_false_edge(monkeypatch: pytest.MonkeyPatch) -> None:
    edges, graph = one(WORKED)
    monkeypatch.setattr(relation_negatives, "_WIDEST", 6)
    assert not window_negatives(np.random.default_rng(0), graph, edges.count)[2].any()


@settings(max_examples=30)
@given(lines, st.integers(0, 99))
def test_typed_false_relations_keep_the_type_and_were_never_seen(rows: list[Line], s: int) -> None:
    made = relations(sorted(rows, key=lambda row: row[0]))
    if not len(made):
        return
    kinds = np.array([sorted("tu").index(kind) for kind, _ in made.nodes])
    drawn_from = TypedNegatives.of(made.of_event, made.node, kinds, len(made.events))
    random = np.random.default_rng(s)
    event, node, good = drawn_from.draw(random, made.of_event, made.node, np.full(len(made), 0.5))
    seen = set(zip(made.of_event.tolist(), made.node.tolist(), strict=True))
    for e, v, fine, v0 in zip(event.tolist(), node.tolist(), good, made.node, strict=True):
        assert ((e, v) not in seen) == fine
        assert kinds[v] == kinds[v0]


def test_half_of_the_false_ends_are_drawn_by_how_often_they_occur() -> None:
    # Node 0 is told of by event 0 alone; 1, 2, 3 of the type by event 1, 97, 2 and 1 times.
    event = np.array([0] + [1] * 100)
    node = np.array([0] + [1] * 97 + [2] * 2 + [3])
    drawn_from = TypedNegatives.of(event, node, np.zeros(4, np.int64), 2)
    n = 6000
    _, made, good = drawn_from.draw(
        np.random.default_rng(0), np.zeros(n, np.int64), np.zeros(n, np.int64), np.zeros(n)
    )
    assert good.all()
    share = np.bincount(made, minlength=4) / n
    # What is drawn again gives up the true pair: shares of 1, 2, 3 given that it isn't 0.
    told = 0.5 * np.array([97, 2, 1]) / 101 + 0.5 / 4
    assert share[1:] == pytest.approx(told / told.sum(), abs=0.02)
