"""Bits of relations against counting by hand; order, updates, without oneself, kept and damaged."""

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.errors import ModelError, NotFitted
from graphad.models.relation_counts import RelationCounts
from graphad.models.relations import Relations

Said = list[tuple[str, str, str]]  # event, type, value, each a line of its own

SAID = st.lists(
    st.tuples(st.sampled_from("ABC"), st.sampled_from(["ip", "user"]), st.sampled_from("xyz")),
    min_size=1, max_size=25,
)  # fmt: skip


def relations(said: Said, ts: int = 0) -> Relations:
    events = sorted({e for e, _, _ in said})
    nodes = sorted({(t, v) for _, t, v in said}, reverse=True)  # any order will do
    n = np.arange(len(said))
    return Relations(
        n + ts, np.array([events.index(e) for e, _, _ in said], np.int64), n,
        np.array([nodes.index((t, v)) for _, t, v in said], np.int64), events, nodes,
    )  # fmt: skip


def lines_of(said: Said) -> Counter[str]:
    """Return how often each event was seen, by the type that it had most often."""
    per = Counter((e, t) for e, t, _ in said)
    return Counter({e: max(c for (a, _), c in per.items() if a == e) for e, _ in per})


def slow(said: Said, one: tuple[str, str, str]) -> tuple[float, float]:
    """Return the bits of a relation by the ones that were seen."""
    e, t, v = one
    seen, lines = Counter(said), lines_of(said)
    n = sum(c for (a, b, _), c in seen.items() if (a, b) == (e, t))
    d = len({w for (a, b, w) in seen if (a, b) == (e, t)})
    if not lines[e]:
        return 0.0, 0.0
    relation = -np.log2(max(seen[one], d) / (n + d)) if n else -np.log2(1 / (lines[e] + 1))
    value = 0.0
    if not any((b, w) == (t, v) for _, b, w in seen):
        k = len({w for _, b, w in seen if b == t})
        whole = sum(c for (_, b, _), c in seen.items() if b == t)
        value = -np.log2(max(k, 1) / max(whole + k, 1))
    return relation, value


@settings(max_examples=150, deadline=None)
@given(SAID, SAID)
def test_bits_are_those_of_counting_by_hand(said: Said, later: Said) -> None:
    model = RelationCounts().fit(relations(said))
    found = model.score(relations(later))
    for one, terms, known in zip(later, found.terms, found.known, strict=True):
        assert tuple(terms) == pytest.approx(slow(said, one), abs=1e-9)
        assert known == said.count(one)
    assert found.bits == pytest.approx(found.terms.sum(axis=1))
    assert (found.terms >= -1e-12).all()
    unseen = RelationCounts("unseen").fit(relations(said)).score(relations(later)).bits
    events = {e for e, _, _ in said}
    assert unseen.tolist() == [float(one not in said and one[0] in events) for one in later]


@settings(max_examples=100, deadline=None)
@given(SAID, st.sampled_from("ABCD"))
def test_events_by_themselves_are_counted_too(said: Said, event: str) -> None:
    model, lines = RelationCounts().fit(relations(said)), lines_of(said)
    whole = sum(lines.values()) + len(lines)
    share = (lines[event] or len(lines)) / whole
    assert model.score_events([event]) == pytest.approx(-np.log2(share))
    assert RelationCounts("unseen").fit(relations(said)).score_events([event]) == (not lines[event])
    if not lines[event]:
        return
    rest = lines - Counter([event])
    whole = sum(rest.values()) + len(rest)
    share = (rest[event] or len(rest)) / max(whole, 1)
    told = -np.log2(share) if share else 0.0
    assert model.score_events([event], inside=True) == pytest.approx(told)


@settings(max_examples=60, deadline=None)
@given(SAID, st.integers(0, 24))
def test_what_was_counted_is_judged_by_the_others(said: Said, number: int) -> None:
    number %= len(said)
    rest = said[:number] + said[number + 1 :]
    if not any(e == said[number][0] for e, _, _ in rest):
        return  # of events that were seen once there is nothing to be judged by
    lines = [Counter(b for a, b, _ in part if a == said[number][0]) for part in (said, rest)]
    if max(lines[0].values()) - 1 != max(lines[1].values()):
        return  # another type of value tells how often the event was
    inside = RelationCounts().fit(relations(said)).score(relations(said), inside=True)
    alone = RelationCounts().fit(relations(rest)).score(relations([said[number]]))
    assert inside.terms[number] == pytest.approx(alone.terms[0])


@settings(max_examples=60, deadline=None)
@given(SAID, SAID, st.randoms())
def test_neither_order_nor_cuts_matter(said: Said, more: Said, random: Any) -> None:
    whole = RelationCounts().fit(relations(said + more))
    parts = RelationCounts().fit(relations(said)).update(relations(more, len(said)))
    shuffled = said + more
    random.shuffle(shuffled)
    mixed = RelationCounts().fit(relations(shuffled))
    for other in (parts, mixed):
        assert (other.events, other.nodes) == (whole.events, whole.nodes)
        np.testing.assert_array_equal(other.pairs, whole.pairs)
        np.testing.assert_array_equal(other.count, whole.count)
    np.testing.assert_array_equal(parts.first, whole.first)


def test_surprisal_is_that_of_the_notes() -> None:
    said = [("E", "ip", "a"), ("E", "ip", "a"), ("F", "ip", "b"), ("F", "ip", "c")]
    model = RelationCounts("surprisal").fit(relations(said))
    found = model.score(relations([("E", "ip", "a"), ("E", "ip", "b")])).bits * np.log(2)
    assert found == pytest.approx([0.090972, 3.135494], abs=1e-6)


def test_what_is_new_each_time_is_not_odd_and_what_never_changed_is() -> None:
    said = [("login", "pid", str(i)) for i in range(200)]
    said += [("login", "user", "abc"[i % 3]) for i in range(200)]
    model = RelationCounts().fit(relations(said))
    pid, user, old = model.score(
        relations([("login", "pid", "new"), ("login", "user", "eve"), ("login", "user", "a")])
    ).bits
    assert pid <= 2.0 + 1e-9  # one for the relation, one for the value
    assert user > 10
    assert old < 2


def test_it_says_since_when_and_what_is_usual() -> None:
    said = [("E", "user", "a")] * 3 + [("E", "user", "b"), ("E", "ip", "z"), ("F", "user", "c")]
    model = RelationCounts().fit(relations(said, 100))
    found = model.score(relations([("E", "user", "b"), ("E", "user", "c")]))
    assert found.since.tolist() == [103, 0]
    assert model.usual("E", "user") == [("a", 3), ("b", 1)]
    assert model.usual("E", "user", 1) == [("a", 3)]
    assert model.usual("E", "port") == model.usual("G", "user") == []
    assert [model.seen(e, t) for e, t in (("E", "user"), ("E", "port"), ("D", "user"))] == [4, 0, 0]
    assert [model.knows(e) for e in ("D", "E", "F", "G")] == [False, True, True, False]


def test_it_is_the_same_after_dump_and_restore_and_damage_is_an_error() -> None:
    said = [("E", "user", "a"), ("E", "ip", "z"), ("F", "user", "c")]
    model = RelationCounts().fit(relations(said))
    told, arrays, texts = model.dump()
    again = RelationCounts.restore(told, arrays, texts)
    np.testing.assert_array_equal(
        again.score(relations(said)).terms, model.score(relations(said)).terms
    )
    bad: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = [
        ({"form": "poem"}, arrays, texts), ({}, arrays, texts),
        (told, arrays | {"pairs": arrays["pairs"][::-1]}, texts),
        (told, arrays | {"pairs": arrays["pairs"] + 9}, texts),
        (told, arrays | {"pairs": arrays["pairs"].astype(float)}, texts),
        (told, arrays | {"count": arrays["count"] * 0}, texts),
        (told, arrays | {"count": arrays["count"][1:]}, texts),
        (told, arrays | {"first": arrays["first"][1:]}, texts),
        (told, arrays, texts | {"events": texts["events"][::-1]}),
        (told, arrays, texts | {"nodes": [1, 2, 3]}), (told, arrays, {"events": []}),
        (told, {name: a[:0] for name, a in arrays.items()}, texts),
    ]  # fmt: skip
    for one in bad:
        with pytest.raises(ModelError):
            RelationCounts.restore(*one)


def test_errors_are_clear() -> None:
    none = relations([("E", "user", "a")]).take(np.zeros(1, bool))
    with pytest.raises(ValueError, match="no relation"):
        RelationCounts().fit(none)
    with pytest.raises(NotFitted):
        RelationCounts().score(none)
    with pytest.raises(NotFitted):
        RelationCounts().dump()
    model = RelationCounts().fit(relations([("E", "user", "a")]))
    assert len(model.score(none).bits) == 0


def test_relations_have_to_hang_together() -> None:
    good: dict[str, Any] = {
        "ts": np.array([1, 2]), "event": np.array([0, 0]), "line": np.array([0, 1]),
        "node": np.array([0, 0]), "events": ["E"], "nodes": [("ip", "a")],
    }  # fmt: skip
    made = Relations(**good)
    assert len(made.take([1])) == 1
    assert made.take([1]).ts.tolist() == [2]
    for change in (
        {"ts": np.array([2, 1])}, {"event": np.array([0, 1])}, {"line": np.array([1, 0])},
        {"node": np.array([0, 1])}, {"node": np.array([0])}, {"event": np.array([0])},
        {"line": np.array([0, 2])},
    ):  # fmt: skip
        with pytest.raises(ValueError, match=r"\."):
            Relations(**(good | change))
