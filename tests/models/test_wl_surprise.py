"""Bits of labels: by counting spelled labels, in any order, without oneself, kept and damaged."""

from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.errors import ModelError, NotFitted
from graphad.models.graph_batch import GraphBatch
from graphad.models.metrics import roc_auc
from graphad.models.wl_labels import LabelSets
from graphad.models.wl_surprise import LabelSurprise
from tests.models.graph_cases import Drawn, drawn_graphs
from tests.models.planted_graphs import planted
from tests.models.test_wl_forest import spelled

Ints = npt.NDArray[np.int64]


def views(drawn: Drawn, seed: int) -> Ints:
    """Return coarse and fine labels of nodes, [2, N]."""
    fine = np.random.default_rng(seed).integers(0, 4, len(drawn.features))
    return np.stack([fine // 2, fine])


def sets(batch: GraphBatch, labels: npt.ArrayLike) -> LabelSets:
    return LabelSets.of(batch, labels, 1)


def words(drawn: Drawn, labels: Ints, hops: int) -> list[set[Any]]:
    """Return the distinct labels of each graph, spelled."""
    graph = np.repeat(np.arange(len(drawn.sizes)), drawn.sizes)
    found: list[set[Any]] = [set() for _ in drawn.sizes]
    for number, view in enumerate(labels):
        for hop, row in enumerate(spelled(drawn, view, hops)):
            for g, label in zip(graph, row, strict=True):
                found[g].add((number, hop, repr(label)))
    return found


@settings(max_examples=60, deadline=None)
@given(drawn_graphs(), drawn_graphs(), st.integers(0, 2), st.integers(0, 12), st.integers(0, 99))
def test_scores_are_those_of_counted_labels(
    quiet: Drawn, other: Drawn, hops: int, usual: int, seed: int
) -> None:
    if len(quiet.sizes) < 2:
        return
    labels = [views(d, seed + i) for i, d in enumerate((quiet, other))]
    model = LabelSurprise(usual).fit(LabelSets.of(quiet.batch(), labels[0], hops))
    told = [words(d, one, hops) for d, one in zip((quiet, other), labels, strict=True)]
    met, m = Counter(w for row in told[0] for w in row), len(quiet.sizes)

    def powers(row: set[Any], inside: int) -> list[float]:
        return [-(np.log2((met[w] - inside + 0.5) / (m - inside + 1)) ** 4) for w in row]

    own = [abs(np.mean(powers(row, 1))) for row in told[0] if row]
    mean = np.mean(own) if own else 0.0
    for drawn, given_, rows, inside in (
        (other, labels[1], told[1], 0), (quiet, labels[0], told[0], 1),
    ):  # fmt: skip
        slow = []
        for row in rows:
            whole = sum(abs(p) for p in powers(row, inside)) + usual * mean
            slow.append((whole / max(len(row) + usual, 1)) ** 0.25)
        sets = LabelSets.of(drawn.batch(), given_, hops)
        score = model.score(sets, inside=bool(inside))
        assert score == pytest.approx(np.array(slow), abs=1e-9)
        start, each = model.parts(sets, inside=bool(inside))
        nodes = sets.divided(each)
        graph = np.repeat(np.arange(len(drawn.sizes)), drawn.sizes)
        total = start + np.bincount(graph, nodes.sum(axis=0), len(drawn.sizes))
        assert total == pytest.approx(score, abs=1e-9)
        assert (nodes >= 0).all()
        assert nodes.shape == (2 * (hops + 1), len(graph))


@settings(max_examples=40, deadline=None)
@given(drawn_graphs(), st.integers(0, 99))
def test_neither_the_order_of_nodes_nor_that_of_graphs_matters(drawn: Drawn, seed: int) -> None:
    if len(drawn.sizes) < 2:
        return
    labels = views(drawn, seed)
    batch = drawn.batch()
    model = LabelSurprise().fit(sets(batch, labels))
    order = np.random.default_rng(seed).permutation(len(batch))
    nodes = np.concatenate([np.arange(batch.start[g], batch.start[g + 1]) for g in order])
    again = LabelSurprise().fit(sets(batch.take(order), labels[:, nodes]))
    assert again.dump()[0] == model.dump()[0]
    for name, array in model.dump()[1].items():
        np.testing.assert_array_equal(again.dump()[1][name], array)
    np.testing.assert_array_equal(
        model.score(sets(batch.take(order), labels[:, nodes])),
        model.score(sets(batch, labels))[order],
    )


def test_a_graph_of_the_fit_is_judged_by_the_others() -> None:
    batch, _ = planted(12, 0.0, 3)
    labels = batch.features.argmax(axis=1)
    model = LabelSurprise(usual=0).fit(sets(batch, labels))
    one = np.arange(batch.start[5], batch.start[6])
    rest = np.setdiff1d(np.arange(len(labels)), one)
    others = LabelSurprise(usual=0).fit(sets(batch.take(np.delete(np.arange(12), 5)), labels[rest]))
    alone = others.score(sets(batch.take([5]), labels[one]))
    assert model.score(sets(batch, labels), inside=True)[5] == pytest.approx(alone[0])


def test_planted_graphs_are_found() -> None:
    quiet, _ = planted(300, 0.0, 0)
    later, odd = planted(200, 0.3, 1)
    model = LabelSurprise().fit(sets(quiet, quiet.features.argmax(axis=1)))
    found = roc_auc(model.score(sets(later, later.features.argmax(axis=1))), odd)
    assert found is not None
    assert found > 0.95


def test_graphs_without_nodes_have_usual_bits() -> None:
    quiet, _ = planted(10, 0.0, 0)
    model = LabelSurprise().fit(sets(quiet, quiet.features.argmax(axis=1)))
    nothing = GraphBatch.of([0], [], [], np.zeros((0, 3)))
    score = model.score(sets(nothing, np.zeros(0, np.int64)))
    assert score == pytest.approx(model.usual_**0.25)


def test_it_is_the_same_after_dump_and_restore_and_damage_is_an_error() -> None:
    quiet, _ = planted(10, 0.0, 0)
    labels = sets(quiet, quiet.features.argmax(axis=1))
    model = LabelSurprise().fit(labels)
    told, arrays = model.dump()
    again = LabelSurprise.restore(told, arrays)
    np.testing.assert_array_equal(again.score(labels), model.score(labels))
    bad: list[tuple[dict[str, Any], dict[str, Any]]] = [
        (told | {"usual": -1}, arrays), (told | {"graphs_": 1}, arrays), ({}, arrays),
        (told | {"usual_": -1.0}, arrays), (told, arrays | {"known": arrays["known"][::-1]}),
        (told, arrays | {"met": arrays["met"] * 0}), (told, arrays | {"met": arrays["met"][1:]}),
        (told, {"known": arrays["known"]}), (told, arrays | {"met": arrays["met"] + 100}),
        (told | {"graphs_": "many"}, arrays),
    ]  # fmt: skip
    for settings_, held in bad:
        with pytest.raises(ModelError):
            LabelSurprise.restore(settings_, held)


def test_errors_are_clear() -> None:
    batch, _ = planted(1, 0.0, 0)
    with pytest.raises(ValueError, match="two quiet graphs"):
        LabelSurprise().fit(sets(batch, np.zeros(len(batch.features), np.int64)))
    with pytest.raises(NotFitted):
        LabelSurprise().score(sets(batch, np.zeros(len(batch.features), np.int64)))
    with pytest.raises(NotFitted):
        LabelSurprise().dump()
    with pytest.raises(ValueError, match="usual"):
        LabelSurprise(usual=-1)
