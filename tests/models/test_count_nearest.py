"""Distances to the nearest counts: worked values, the slow definition, what damage does."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphad.errors import ModelError, NotFitted
from graphad.models.count_nearest import CountNearest, Difference
from graphad.models.event_counts import EventCounts
from graphad.models.relations import Relations

Window = dict[str, int]


def counts(windows: list[Window]) -> EventCounts:
    """Return counts of windows given by name."""
    names = sorted({name for one in windows for name in one})
    of = [
        (w, names.index(name))
        for w, one in enumerate(windows)
        for name, n in one.items()
        for _ in range(n)
    ]
    lines = np.array(of, np.int64).reshape(-1, 2)
    return EventCounts.of(lines[:, 0], lines[:, 1], names, len(windows))


def distance(a: Window, b: Window, weight: dict[str, float]) -> float:
    """Return the distance by its definition."""
    names = a.keys() | b.keys()
    off = sum(abs(a.get(n, 0) - b.get(n, 0)) * weight[n] for n in names)
    most = sum(max(a.get(n, 0), b.get(n, 0)) * weight[n] for n in names)
    return off / most if most else 0.0


def slow(quiet: list[Window], test: Window, idf: bool) -> float:
    """Return the distance to the nearest quiet window, one by one."""
    names = {name for one in [*quiet, test] for name in one}
    met = {name: max(sum(name in one for one in quiet), 1) for name in names}
    weight = {n: np.log10((1 + len(quiet)) / met[n]) if idf else 1.0 for n in names}
    return min(distance(one, test, weight) for one in quiet)


QUIET: list[Window] = [{"E1": 3, "E2": 1}, {"E1": 2}]


def test_worked_values() -> None:
    test: Window = {"E1": 2, "E3": 1}
    one = dict.fromkeys(("E1", "E2", "E3"), 1.0)
    assert [distance(q, test, one) for q in QUIET] == pytest.approx([0.6, 1 / 3], abs=1e-6)
    model = CountNearest().fit(counts(QUIET))
    assert model.score(counts([test])) == pytest.approx([0.333333], abs=1e-6)
    assert CountNearest(new_events=True).fit(counts(QUIET)).score(counts([test])) == pytest.approx(
        [1.333333], abs=1e-6
    )
    assert model.explain(counts([test]), 0) == [Difference("E3", 1, 0)]


windows = st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 5), min_size=1, max_size=4)


@given(st.lists(windows, min_size=1, max_size=12), st.lists(windows, min_size=1), st.booleans())
def test_distances_are_those_of_the_definition(
    quiet: list[Window], test: list[Window], idf: bool
) -> None:
    model = CountNearest(idf=idf).fit(counts(quiet))
    assert model.score(counts(test)) == pytest.approx([slow(quiet, t, idf) for t in test])
    assert model.score(counts(quiet)) == pytest.approx(np.zeros(len(quiet)), abs=1e-9)
    fresh = CountNearest(idf=idf, new_events=True).fit(counts(quiet))
    known = {name for one in quiet for name in one}
    more = [float(not set(t) <= known) for t in test]
    assert fresh.score(counts(test)) == pytest.approx(model.score(counts(test)) + more)
    far, near = model.nearest(counts(test))
    assert model.learned_ is not None
    for t, one, row in zip(test, far, near, strict=True):
        told = model.learned_.take([row])
        held = {model.events_[e]: int(c) for e, c in zip(told.event, told.count, strict=True)}
        weight = dict(zip("abcdef", model._weights(model._codes("abcdef")), strict=True))
        assert distance(held, t, weight) == pytest.approx(one)
        off = model.explain(counts([t]), 0)
        assert {d.event for d in off} == {
            n for n in held.keys() | t.keys() if held.get(n) != t.get(n)
        }


@given(st.lists(windows, min_size=1, max_size=8), st.lists(windows, min_size=1, max_size=4))
def test_what_was_saved_scores_the_same(quiet: list[Window], test: list[Window]) -> None:
    model = CountNearest(idf=True, new_events=True).fit(counts(quiet))
    again = CountNearest.restore(*model.dump())
    np.testing.assert_array_equal(again.score(counts(test)), model.score(counts(test)))


def test_damage_is_told() -> None:
    told, arrays = CountNearest().fit(counts([*QUIET, {"E2": 4, "E9": 2}])).dump()

    def wrong(told: dict[str, Any], arrays: dict[str, Any]) -> None:
        with pytest.raises(ModelError, match="damaged"):
            CountNearest.restore(told, arrays)

    for name, array in arrays.items():
        wrong(told, {n: a for n, a in arrays.items() if n != name})
        wrong(told, arrays | {name: array.astype(float)})
        wrong(told, arrays | {name: array - 7})
        wrong(told, arrays | {name: array[:-1]})
    wrong(told, arrays | {"event": arrays["event"] + 2})
    wrong(told, arrays | {"count": arrays["count"] * np.array([9, 1, 1, 1, 1])})
    wrong(told | {"settings": {"idf": 3}}, arrays)
    wrong(told | {"settings": {"ifd": True}}, arrays)
    wrong(told | {"learned": {"events": ["a"] * 3, "windows": 3}}, arrays)
    wrong(told | {"learned": {"events": ["E1", "E2", "E9"], "windows": 1}}, arrays)
    wrong({}, arrays)


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(NotFitted):
        CountNearest().score(counts(QUIET))
    with pytest.raises(ValueError, match="at least one"):
        CountNearest().fit(counts([]))
    with pytest.raises(ValueError, match="not there"):
        EventCounts.of([0, 2], [0, 0], ["a"], 2)


def test_windows_of_lines() -> None:
    lines = Relations(
        np.array([0, 9, 10, 35]), np.array([0, 1, 1, 1]), np.zeros(0, int), np.zeros(0, int),
        ["a", "b"], [],
    )  # fmt: skip
    found, number = EventCounts.of_windows(lines, 10)
    assert number.tolist() == [0, 1, 3]
    assert found.start.tolist() == [0, 2, 3, 4]
    assert found.event.tolist() == [0, 1, 1, 1]
    assert found.take([2, 0]).event.tolist() == [1, 0, 1]
    assert found.take(number == 0).count.tolist() == [1, 1]


def test_joined_counts_are_those_of_each_part() -> None:
    one = EventCounts.of([0, 0, 1], [1, 0, 1], ["b", "a"], 2)
    two = EventCounts.of([0, 1, 1], [0, 1, 1], ["c", "a"], 3)
    whole = EventCounts.joined([one, two, EventCounts.joined([])])
    assert len(whole) == 5
    told = []
    for part in (one, two):
        for w in range(len(part)):
            mine = part.take([w])
            told.append({part.events[e]: c for e, c in zip(mine.event, mine.count, strict=True)})
    for w, wanted in enumerate(told):
        mine = whole.take([w])
        assert {whole.events[e]: c for e, c in zip(mine.event, mine.count, strict=True)} == wanted
        assert (np.diff(mine.event) > 0).all()
