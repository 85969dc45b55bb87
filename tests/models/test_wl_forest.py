"""Weisfeiler-Lehman counts against labels spelled out, and the two baselines on planted graphs."""

from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.graph_families import FAMILIES, KINDS, made
from benchmarks.wl_neighbours import WlNeighbours, unit
from graphad.errors import ModelError, NotFitted
from graphad.models.codes import mixed
from graphad.models.graph_batch import GraphBatch
from graphad.models.metrics import roc_auc
from graphad.models.rayleigh import quotient
from graphad.models.wl_forest import WlForest
from graphad.models.wl_labels import LabelCounts, wl_labels
from tests.models.graph_cases import Drawn, drawn_graphs
from tests.models.planted_graphs import planted

Ints = npt.NDArray[np.int64]


def spelled(drawn: Drawn, kinds: Ints, hops: int) -> list[list[Any]]:
    """Return the labels of each hop as nested tuples, by neighbours in order."""
    found: list[list[Any]] = [list(kinds)]
    adjacency, before = drawn.adjacency(), np.cumsum(drawn.sizes) - drawn.sizes
    for _ in range(hops):
        own, made = found[-1], list[Any]()
        for a, first in zip(adjacency, before, strict=True):
            for u in range(len(a)):
                near = sorted(repr(own[first + v]) for v in np.flatnonzero(a[u]))
                made.append((own[first + u], tuple(near)))
        found.append(made)
    return found


@settings(max_examples=80, deadline=None)
@given(drawn_graphs(), st.integers(0, 3), st.integers(0, 99))
def test_labels_are_equal_where_spelled_ones_are(drawn: Drawn, hops: int, seed: int) -> None:
    kinds = np.random.default_rng(seed).integers(0, 2, len(drawn.features))
    found = wl_labels(drawn.batch(), kinds, hops)
    slow = spelled(drawn, kinds, hops)
    assert len(found) == hops + 1
    for hashed, told in zip(found, slow, strict=True):
        pairs = set(zip(hashed.tolist(), map(repr, told), strict=True))
        assert len(pairs) == len(set(hashed.tolist())) == len({name for _, name in pairs})


@settings(max_examples=50, deadline=None)
@given(drawn_graphs(), drawn_graphs(), st.integers(1, 3))
def test_counts_are_of_labels_in_enough_graphs(one: Drawn, other: Drawn, least: int) -> None:
    kinds = [np.arange(len(d.features)) % 2 for d in (one, other)]
    model = LabelCounts(hops=1, least=least).fit(one.batch(), kinds[0])
    slow = []
    for drawn, kind in zip((one, other), kinds, strict=True):
        graph = np.repeat(np.arange(len(drawn.sizes)), drawn.sizes)
        rows = [Counter[str]() for _ in drawn.sizes]
        for hop, labels in enumerate(spelled(drawn, kind, 1)):
            for g, label in zip(graph, labels, strict=True):
                rows[g][f"{hop} {label}"] += 1
        slow.append(rows)
    seen = Counter(label for row in slow[0] for label in row)
    known = {label for label, graphs in seen.items() if graphs >= least}
    for drawn, kind, rows in zip((one, other), kinds, slow, strict=True):
        found = model.counts(drawn.batch(), kind).toarray()
        assert found.shape == (len(drawn.sizes), len(known) + 1)
        for line, row in zip(found, rows, strict=True):
            assert sorted(line[:-1][line[:-1] > 0]) == sorted(
                n for label, n in row.items() if label in known
            )
            assert line[-1] == sum(n for label, n in row.items() if label not in known)


def test_mixing_loses_nothing_and_scatters() -> None:
    found = mixed(np.arange(100_000))
    assert len(np.unique(found)) == 100_000
    bits = (found[:, None] >> np.arange(64, dtype=np.uint64)) & np.uint64(1)
    assert np.abs(bits.mean(axis=0) - 0.5).max() < 0.01


def test_neighbours_are_the_nearest_by_brute_force() -> None:
    quiet, _ = planted(30, 0.0, 0)
    later, _ = planted(20, 0.3, 1)
    kinds = [b.features.argmax(axis=1) for b in (quiet, later)]
    model = WlNeighbours(neighbours=3).fit(quiet, kinds[0])
    rows = [
        model.counts_.counts(b, k).toarray() for b, k in zip((quiet, later), kinds, strict=True)
    ]
    for row, score in zip(rows[1], model.score(later, kinds[1]), strict=True):
        far = [1 - np.sqrt(row / row.sum() * q / q.sum()).sum() for q in rows[0]]
        assert score == pytest.approx(np.mean(sorted(far)[:3]))
    nothing = GraphBatch.of([0], [], [], np.zeros((0, 3)))
    assert unit(model.counts_.counts(nothing, np.zeros(0, np.int64))).sum() == 0


def test_planted_graphs_are_found() -> None:
    pytest.importorskip("sklearn", reason="the forest is scikit-learn's")
    learn, truth = planted(200, 0.3, 0)
    later, labels = planted(150, 0.3, 1)
    kinds = [b.features.argmax(axis=1) for b in (learn, later)]
    forest = WlForest(trees=50).fit(learn, kinds[0], truth)
    found = roc_auc(forest.score(later, kinds[1]), labels)
    assert found is not None
    assert found > 0.95
    again = WlForest(trees=50).fit(learn, kinds[0], truth).score(later, kinds[1])
    np.testing.assert_array_equal(again, forest.score(later, kinds[1]))


@pytest.mark.parametrize("family", FAMILIES)
def test_families_hide_what_is_abnormal_from_sizes(family: str) -> None:
    made_up = made(family, 600, 0.3, 2)
    assert made_up.abnormal.sum() == 180
    batch, odd = made_up.batch, made_up.abnormal
    np.testing.assert_array_equal(batch.features.argmax(axis=1), made_up.kinds)
    assert batch.features.shape[1] == KINDS
    found = roc_auc(batch.sizes.astype(float), odd)
    assert found is not None
    assert abs(found - 0.5) < 0.07
    taken = made_up.take(np.array([5, 3]))
    np.testing.assert_array_equal(taken.batch.features.argmax(axis=1), taken.kinds)
    np.testing.assert_array_equal(taken.abnormal, odd[[5, 3]])
    other = made(family, 600, 0.3, 2)
    np.testing.assert_array_equal(other.batch.features, batch.features)
    mean = quotient(batch).mean(axis=1)
    if family in ("shuffled", "rewired"):  # neighbours differ more
        assert mean[odd].mean() > mean[~odd].mean() * 1.1
    if family == "smoothed":
        assert mean[odd].mean() < mean[~odd].mean() * 0.9


@pytest.fixture(scope="module")
def grown() -> tuple[WlForest, GraphBatch, Ints]:
    """Return a small forest and graphs to score."""
    pytest.importorskip("sklearn", reason="the forest is scikit-learn's")
    learn, truth = planted(120, 0.3, 0)
    later, _ = planted(40, 0.3, 1)
    made = WlForest(trees=20).fit(learn, learn.features.argmax(axis=1), truth)
    return made, later, later.features.argmax(axis=1)


def test_scores_are_those_of_the_library(grown: tuple[WlForest, GraphBatch, Ints]) -> None:
    from sklearn.ensemble import RandomForestClassifier

    forest, later, kinds = grown
    learn, truth = planted(120, 0.3, 0)
    assert forest.counts_ is not None
    theirs = RandomForestClassifier(
        20, min_samples_leaf=2, class_weight="balanced_subsample", random_state=0
    ).fit(forest.counts_.counts(learn, learn.features.argmax(axis=1)), truth)
    told = theirs.predict_proba(forest.counts_.counts(later, kinds))[:, 1]
    assert forest.score(later, kinds) == pytest.approx(told)


def test_parts_add_up_and_are_what_splits_change(
    grown: tuple[WlForest, GraphBatch, Ints],
) -> None:
    forest, later, kinds = grown
    score, origin, parts = forest.parts(later, kinds)
    np.testing.assert_array_equal(score, forest.score(later, kinds))
    assert origin + parts.sum(axis=1) == pytest.approx(score)
    assert forest.counts_ is not None
    assert forest.trees_ is not None
    t, rows = forest.trees_, forest.counts_.counts(later, kinds).toarray()
    for row, mine in zip(rows[:5], parts, strict=False):
        slow = np.zeros(len(row))
        for begin in t.start[:-1]:
            at = begin
            while t.left[at] >= 0:
                down = t.left[at] if row[t.column[at]] <= t.cut[at] else t.right[at]
                slow[t.column[at]] += (t.value[begin + down] - t.value[at]) / 20
                at = begin + down
        assert mine == pytest.approx(slow)


def test_quiet_scores_are_by_trees_that_had_not_seen_the_graph(
    grown: tuple[WlForest, GraphBatch, Ints],
) -> None:
    forest, *_ = grown
    learn, truth = planted(120, 0.3, 0)
    assert forest.quiet_ is not None
    assert len(forest.quiet_) == (~truth).sum()
    seen = forest.score(learn, learn.features.argmax(axis=1))[~truth]
    assert forest.quiet_.mean() > seen.mean()  # outside the fit they look less quiet


def test_a_forest_is_kept_as_numbers_and_damage_is_an_error(
    grown: tuple[WlForest, GraphBatch, Ints],
) -> None:
    forest, later, kinds = grown
    told, arrays = forest.dump()
    again = WlForest.restore(told, arrays)
    np.testing.assert_array_equal(again.score(later, kinds), forest.score(later, kinds))
    circle = arrays["left"].copy()
    circle[circle > 0] = 0
    bad: list[tuple[dict[str, Any], dict[str, Any]]] = [
        (told | {"trees": 21}, arrays), (told | {"trees": "x"}, arrays), ({"leaves": 3}, arrays),
        (told, arrays | {"left": circle}), (told, arrays | {"right": arrays["right"] + 10**6}),
        (told, arrays | {"column": arrays["column"] + 10**6}),
        (told, arrays | {"value": arrays["value"] * 2}),
        (told, arrays | {"cut": arrays["cut"][1:]}),
        (told, arrays | {"known": arrays["known"][::-1]}),
        (told, arrays | {"hop": arrays["start"][1:]}),
        (told, arrays | {"start": arrays["start"][::-1]}), (told, {"left": arrays["left"]}),
        (told, arrays | {"quiet": arrays["quiet"] + 2}), (told, arrays | {"more": arrays["cut"]}),
        (told, arrays | {"left": arrays["left"].astype(float)}),
    ]  # fmt: skip
    for settings_, held in bad:
        with pytest.raises(ModelError):
            WlForest.restore(settings_, held)


def test_errors_are_clear(grown: tuple[WlForest, GraphBatch, Ints]) -> None:
    _, later, kinds = grown
    with pytest.raises(NotFitted):
        WlForest().score(later, kinds)
    with pytest.raises(ValueError, match="both kinds"):
        WlForest().fit(later, kinds, np.zeros(len(later), bool))
    with pytest.raises(ValueError, match="one for each graph"):
        WlForest().fit(later, kinds, np.zeros(3, bool))
    with pytest.raises(ValueError, match="trees"):
        WlForest(trees=0)
