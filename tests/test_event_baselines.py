"""Simple scores of events against their definitions, written slowly."""

from collections import Counter
from collections.abc import Callable
from math import log
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.event_baselines import Conditional, Independent, NeverSeen, RarestPair, Scorer
from benchmarks.event_outliers import TREES, Ecod, IsolationForest, path_length
from graphad.graph import Ints

ALL: list[Callable[[], Scorer]] = [
    Independent, NeverSeen, Conditional, RarestPair, IsolationForest, Ecod
]  # fmt: skip
Events = tuple[Ints, Ints, Ints]  # train, test, arity


@st.composite
def events(draw: Any, least_types: int = 1) -> Events:
    """Draw what to train on, what to score and arities; values may be unseen in training."""
    arity = draw(st.lists(st.integers(1, 5), min_size=least_types, max_size=4))
    row = st.tuples(*(st.integers(0, size - 1) for size in arity))
    parts = (draw(st.lists(row, min_size=1, max_size=n)) for n in (30, 10))
    train, test = (np.array(part, np.int64).reshape(-1, len(arity)) for part in parts)
    return train, test, np.array(arity)


def p(train: Ints, arity: Ints, i: int, value: int) -> float:
    """Return the smoothed frequency of a value."""
    return float((sum(row[i] == value for row in train) + 1) / (len(train) + arity[i]))


def together(train: Ints, i: int, a: int, j: int, b: int) -> int:
    return sum(row[i] == a and row[j] == b for row in train)


@given(events())
def test_independent_frequencies_are_a_product(drawn: Events) -> None:
    train, test, arity = drawn
    slow = [-sum(log(p(train, arity, i, v)) for i, v in enumerate(row)) for row in test]
    assert Independent().fit(train, arity).score(test) == pytest.approx(slow)


@given(events())
def test_a_tuple_never_seen_is_above_all_seen_ones(drawn: Events) -> None:
    train, test, arity = drawn
    seen = {tuple(row) for row in train.tolist()}
    unseen = np.array([tuple(row) not in seen for row in test.tolist()])
    scores = NeverSeen().fit(train, arity).score(test)
    inner = Independent().fit(train, arity).score(test)
    worst = sum(-log(min(p(train, arity, i, v) for v in range(n))) for i, n in enumerate(arity))
    assert (scores[~unseen] == inner[~unseen]).all()
    assert scores[unseen] == pytest.approx(inner[unseen] + worst + 1)


@given(events(least_types=2))
def test_conditional_counts_are_a_mean_over_ordered_pairs(drawn: Events) -> None:
    train, test, arity = drawn
    slow = []
    for row in test:
        terms = []
        for i, a in enumerate(row):
            for j, b in enumerate(row):
                if i != j:
                    n = together(train, i, a, j, b) + p(train, arity, j, b)
                    terms.append(-log(n / (sum(r[i] == a for r in train) + 1)))
        slow.append(sum(terms) / len(terms))
    assert Conditional().fit(train, arity).score(test) == pytest.approx(slow)


@given(events(least_types=2))
def test_the_rarest_pair_is_the_least_likely_one(drawn: Events) -> None:
    train, test, arity = drawn
    slow = []
    for row in test:
        terms = []
        for j in range(len(row)):
            for i in range(j):
                both = p(train, arity, i, row[i]) * p(train, arity, j, row[j])
                n = together(train, i, row[i], j, row[j])
                terms.append(-log((n + both) / (len(train) + 1)))
        slow.append(max(terms))
    assert RarestPair().fit(train, arity).score(test) == pytest.approx(slow)


def depth(forest: IsolationForest, tree: int, x: Any, node: int = 0, level: int = 0) -> float:
    """Return h(x) of one tree, by going down it."""
    feature = forest.feature_[tree, node]
    if feature < 0:
        return float(forest.depth_[tree, node])
    right = x[feature] >= forest.cut_[tree, node]
    return depth(forest, tree, x, 2 * node + 1 + bool(right), level + 1)


@settings(max_examples=10, deadline=None)
@given(events())
def test_a_forest_scores_by_mean_depth(drawn: Events) -> None:
    train, test, arity = drawn
    forest = IsolationForest().fit(train, arity, 3)
    for row, score in zip(test, forest.score(test), strict=True):
        x = [forest.tables_[i][v] for i, v in enumerate(row)]
        mean = sum(depth(forest, tree, x) for tree in range(TREES)) / TREES
        slow = 2 ** (-mean / forest.unit_) if len(train) > 1 else 1.0
        assert score == pytest.approx(slow)


@settings(max_examples=20, deadline=None)
@given(events())
def test_every_split_of_a_forest_parts_its_events(drawn: Events) -> None:
    train, _, arity = drawn  # 30 events at most: each tree takes all of them
    forest = IsolationForest().fit(train, arity, 1)
    x = np.stack([forest.tables_[i][train[:, i]] for i in range(len(arity))], axis=1)
    height = int(np.ceil(np.log2(max(len(train), 2))))

    def below(tree: int, node: int, rows: Any, level: int) -> int:
        feature = forest.feature_[tree, node]
        if feature < 0:
            alike = len(np.unique(rows, axis=0)) == 1
            assert level == height or alike
            assert forest.depth_[tree, node] == pytest.approx(
                level + path_length(np.array([len(rows)]))[0]
            )
            return len(rows)
        right = rows[:, feature] >= forest.cut_[tree, node]
        assert 0 < right.sum() < len(rows)
        return below(tree, 2 * node + 1, rows[~right], level + 1) + below(
            tree, 2 * node + 2, rows[right], level + 1
        )

    for tree in range(0, TREES, 10):
        assert below(tree, 0, x, 0) == len(train)


def test_a_forest_splits_on_all_types_that_vary() -> None:
    rng = np.random.default_rng(0)
    weight = np.array([0.5, 0.25, 0.15, 0.1])
    codes = np.stack(
        [rng.choice(4, 500, p=weight), np.zeros(500, int), rng.choice(4, 500, p=weight)], 1
    )
    forest = IsolationForest().fit(codes, np.array([4, 1, 4]), 0)
    roots = Counter(forest.feature_[:, 0].tolist())
    assert set(roots) == {0, 2}
    assert 30 < roots[0] < 70


@pytest.mark.parametrize("n", range(2, 40))
def test_path_length_is_that_of_failed_searches(n: int) -> None:
    # Mean over keys' gaps of the depth in a random tree: D(n) = 1 + sum of both sides' shares.
    means = [0.0, 0.0]  # of 0 or 1 external nodes
    for size in range(2, n + 1):
        sides = [k / size * means[k] + (size - k) / size * means[size - k] for k in range(1, size)]
        means.append(1 + sum(sides) / (size - 1))
    # A random tree with n leaves has 2 (H_n - 1) as mean leaf depth; the paper's c(n) is just that.
    assert path_length(np.array([n]))[0] == pytest.approx(means[n])


@given(events())
def test_ecod_multiplies_tails(drawn: Events) -> None:
    train, test, arity = drawn
    tables = [[-log(p(train, arity, i, v)) for v in range(size)] for i, size in enumerate(arity)]
    slow = []
    for row in test:
        sums = [0.0, 0.0, 0.0]
        for i, v in enumerate(row):
            column = [tables[i][value] for value in train[:, i]]
            x, mean = tables[i][v], sum(column) / len(column)
            left = -log((sum(y <= x for y in column) + 1) / (len(train) + 1))
            right = -log((sum(y >= x for y in column) + 1) / (len(train) + 1))
            skew = sum((y - mean) ** 3 for y in column)
            sums[0], sums[1] = sums[0] + left, sums[1] + right
            sums[2] += left if skew < 0 else right
        slow.append(max(sums))
    got = Ecod().fit(train, arity).score(test)
    symmetric = any(abs(skewness(train, tables, i)) < 1e-9 for i in range(len(arity)))
    if not symmetric:  # else the sign is rounding's
        assert got == pytest.approx(slow)


def skewness(train: Ints, tables: list[list[float]], i: int) -> float:
    column = np.array([tables[i][value] for value in train[:, i]])
    return float(((column - column.mean()) ** 3).sum())


@pytest.mark.parametrize("make", ALL)
def test_every_score_is_finite_and_the_same_again(make: Callable[[], Scorer]) -> None:
    rng = np.random.default_rng(1)
    arity = np.array([7, 3, 40])
    train = np.stack([rng.integers(1, size, 400) for size in arity], 1)
    test = np.stack([rng.integers(0, size, 200) for size in arity], 1)  # 0 is unseen
    scores = make().fit(train, arity, 5).score(test)
    assert scores.dtype == np.float64
    assert scores.shape == (200,)
    assert np.isfinite(scores).all()
    assert (make().fit(train, arity, 5).score(test) == scores).all()
    assert (make().fit(train, arity, 5).score(test[::-1])[::-1] == scores).all()


@pytest.mark.parametrize("make", ALL)
def test_an_unseen_value_is_worse_than_a_common_one(make: Callable[[], Scorer]) -> None:
    rng = np.random.default_rng(2)
    weight = np.array([0.0, 0.6, 0.3, 0.1])
    train = np.stack([rng.choice(4, 500, p=weight) for _ in range(3)], 1)
    common, unseen = np.array([[1, 1, 1]]), np.array([[0, 1, 1]])
    model = make().fit(train, np.array([4, 4, 4]), 0)
    assert model.score(unseen)[0] > model.score(common)[0]


@pytest.mark.parametrize("make", ALL)
@pytest.mark.parametrize(
    "codes", [[[0, 3]], [[-1, 0]], [], [[0, 0, 0]]], ids=["large", "negative", "none", "types"]
)
def test_codes_out_of_range_are_refused(make: Callable[[], Scorer], codes: list[Any]) -> None:
    with pytest.raises(ValueError, match="codes"):
        make().fit(np.array(codes, np.int64), np.array([2, 3]), 0)


def test_pairs_of_one_type_are_refused() -> None:
    with pytest.raises(ValueError, match="two types"):
        Conditional().fit(np.array([[0], [1]]), np.array([2]), 0)
