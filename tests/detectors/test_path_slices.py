"""A window scored in slices gives what it gives at once."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.detect import Paths
from graphad.detect_search import best
from graphad.detectors.path import PathDetector
from graphad.graph import Graph, joined
from tests.detectors.test_path import counts_of, graph_of

NAMES = ["Pa", "Pb", "Pc", "Fx", "Fy", "Sq", "Ubob"]
EVENTS = st.lists(
    st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES), st.integers(0, 30)),
    min_size=1, max_size=40,
)  # fmt: skip


def cut(graph: Graph, begins: list[int]) -> list[Graph]:
    """Return the graph in parts that begin at some times, each with its own entities alone."""
    at = np.searchsorted(graph.ts, np.array(sorted(begins)))
    ends = [0, *at.tolist(), len(graph)]
    return [graph.subset(np.arange(low, high)).used() for low, high in pairwise(ends)]


def told(graph: Graph, paths: Paths) -> list[tuple[object, ...]]:
    """Return all that is said of paths, events by where they come from, entities by id."""
    rows = []
    for i, length in enumerate(paths.length):
        events = paths.events[i, :length]
        assert (paths.events[i, length:] == -1).all()
        columns = (graph.source, graph.record, graph.ts, graph.ids[graph.src], graph.ids[graph.dst])
        rows.append((
            paths.score[i], paths.z[i], paths.terms[i].tolist(), graph.names[graph.dst[events]]
            .tolist(), *(column[events].tolist() for column in columns),
        ))  # fmt: skip
    return rows


@settings(max_examples=40, deadline=None)
@given(
    events=EVENTS, learned=EVENTS, begins=st.lists(st.integers(0, 31), max_size=6),
    span=st.integers(0, 40), top=st.sampled_from([1, 2, 5, 100]), strict=st.booleans(),
    mode=st.sampled_from(["default", "paper"]), marked=st.booleans(),
    types=st.sampled_from([None, ["process", "file"]]), data=st.data(),
)  # fmt: skip
def test_slices_find_what_the_whole_does(
    events: list[tuple[str, str, int]], learned: list[tuple[str, str, int]], begins: list[int],
    span: int, top: int, strict: bool, mode: str, marked: bool, types: list[str] | None,
    data: st.DataObject,
) -> None:  # fmt: skip
    actions = data.draw(st.lists(st.sampled_from(["read", "launch"]), min_size=len(events),
                                 max_size=len(events)))  # fmt: skip
    past, graph = graph_of(learned), graph_of(events, actions)
    detector = PathDetector(
        mode=mode,  # type: ignore[arg-type]
        max_length=4, top=top, strict=strict, span_s=span / 1e6,
    ).fit(counts_of(past), [past])  # fmt: skip
    if detector.slice_s is None:  # what was learned has no event that a path may use
        return

    def covered(part: Graph) -> np.ndarray[tuple[int], np.dtype[np.bool_]] | None:
        return part.names[part.dst] == "Fx" if marked else None

    whole = detector.score(graph, covered=covered(graph), types=types)
    given_types = None if types is None else iter(types)
    small, paths = best(detector.search(covered, types=given_types), cut(graph, begins))
    assert told(small, paths) == told(graph, whole)
    assert (paths.exact, paths.used) == (whole.exact, whole.used)
    assert len(small) == len(np.unique(whole.events[whole.events >= 0]))


@given(events=EVENTS, begins=st.lists(st.integers(0, 31), max_size=6))
def test_parts_that_are_joined_are_the_whole(
    events: list[tuple[str, str, int]], begins: list[int]
) -> None:
    graph = graph_of(events)
    again = joined(cut(graph, begins))
    used = graph.used()
    assert set(used.names) == {end for event in events for end in event[:2]}
    for one, other in ((again, used), (used, graph)):
        for name in ("ts", "action", "host", "source", "record", "ordinal"):
            assert getattr(one, name).tolist() == getattr(other, name).tolist()
        for name in ("ids", "types", "names", "labels", "details", "shapes"):
            for end in ("src", "dst"):
                mine, its = (getattr(g, name)[getattr(g, end)].tolist() for g in (one, other))
                assert mine == its
    assert again.told_src is None


def test_what_a_log_told_is_kept_where_only_one_part_has_it() -> None:
    graph = graph_of([("Pa", "Fx", 1), ("Pa", "Fx", 2), ("Pb", "Fy", 3)])
    first, second = cut(graph, [2])
    place = {name: i for i, name in enumerate(second.names)}
    swapped = np.array([place["Pb"], place["Pa"]])
    second = Graph(**(vars(second) | {"told_src": swapped, "told_dst": second.dst}))
    both = joined([first, second])
    src, dst = both.told
    assert both.names[src].tolist() == ["Pa", "Pb", "Pa"]
    assert both.names[dst].tolist() == ["Fx", "Fx", "Fy"]
    alone = both.subset(np.array([1])).used()
    assert alone.names.tolist() == ["Fx", "Pa", "Pb"]
    assert alone.names[alone.told[0]].tolist() == ["Pb"]


@pytest.mark.parametrize(("span", "whole"), [(9, False), (10, True)])
def test_a_path_that_takes_just_the_span_crosses_slices(span: int, whole: bool) -> None:
    graph = graph_of([("Pa", "Fx", 0), ("Pc", "Fy", 9), ("Fx", "Pb", 10)])
    # The first event is common, so by the third it is on no best path.
    past = graph_of([*(("Pa", "Fx", hour * 3_600_000_000) for hour in range(20)), ("Pb", "Fz", 5)])
    detector = PathDetector(top=1, span_s=span / 1e6).fit(counts_of(past), [past])
    _, paths = best(detector.search(), cut(graph, [9, 10]))
    assert (2 in paths.length) == whole


def test_no_more_is_held_than_a_slice_a_span_and_the_best() -> None:
    chain = [(f"P{i % 7}", f"F{i % 5}", i) for i in range(4000)]
    graph = graph_of(chain)
    detector = PathDetector(top=3, max_length=2, span_s=50 / 1e6).fit(counts_of(graph), [graph])
    sizes: list[int] = []

    def covered(part: Graph) -> None:
        sizes.append(len(part))

    best(detector.search(covered), cut(graph, list(range(100, 4000, 100))))
    assert len(sizes) == 40
    assert max(sizes) <= 100 + 51 + 3 * 3


def test_slices_that_cannot_be_scored_apart_are_refused() -> None:
    graph = graph_of([("Pa", "Fx", 1), ("Pa", "Fx", 9)])
    parts = cut(graph, [5])
    fitted = PathDetector(span_s=1.0).fit(counts_of(graph), [graph])
    spanless = PathDetector().fit(counts_of(graph), [graph])
    unscaled = PathDetector(span_s=1.0).fit(counts_of(graph))
    assert [one.slice_s for one in (fitted, spanless, unscaled)] == [1, None, None]
    for detector in (spanless, unscaled):
        assert len(best(detector.search(), [graph])[1]) == 1
        with pytest.raises(ValueError, match="span"):
            best(detector.search(), parts)
    with pytest.raises(ValueError, match="ended"):
        best(fitted.search(), parts[::-1])
    with pytest.raises(ValueError, match="no graph"):
        best(fitted.search(), [])
    with pytest.raises(ValueError, match="at least one"):
        joined([])
