"""Metrics against their definitions, written slowly."""

from fractions import Fraction
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.models import metrics
from graphad.models.metrics import Bools, Floats

# Few distinct scores, so that there are ties.
RANKINGS = st.lists(st.tuples(st.integers(0, 4), st.booleans()), max_size=6)


def arrays(ranking: list[tuple[int, bool]]) -> tuple[Floats, Bools]:
    return (
        np.array([score for score, _ in ranking], dtype=np.float64),
        np.array([label for _, label in ranking], dtype=np.bool_),
    )


def orders(ranking: list[tuple[int, bool]]) -> list[list[bool]]:
    """Return the labels in every order that the scores allow."""
    found = []
    for order in permutations(ranking):
        scores = [score for score, _ in order]
        if scores == sorted(scores, reverse=True):
            found.append([label for _, label in order])
    return found


@settings(max_examples=60, deadline=None)
@given(RANKINGS)
def test_average_precision(ranking: list[tuple[int, bool]]) -> None:
    hits = sum(label for _, label in ranking)
    total, before = Fraction(0), 0
    for threshold in sorted({score for score, _ in ranking}, reverse=True):
        chosen = [label for score, label in ranking if score >= threshold]
        total += Fraction(sum(chosen), len(chosen)) * (sum(chosen) - before)
        before = sum(chosen)
    found = metrics.average_precision(*arrays(ranking))
    assert found == (pytest.approx(float(total / hits)) if hits else None)


@settings(max_examples=60, deadline=None)
@given(RANKINGS)
def test_roc_auc(ranking: list[tuple[int, bool]]) -> None:
    pairs = [(a, b) for a, x in ranking if x for b, y in ranking if not y]
    won = sum(1.0 if a > b else 0.5 if a == b else 0.0 for a, b in pairs)
    found = metrics.roc_auc(*arrays(ranking))
    assert found == (pytest.approx(won / len(pairs)) if pairs else None)


@settings(max_examples=60, deadline=None)
@given(RANKINGS, st.integers(1, 7))
def test_precision_at(ranking: list[tuple[int, bool]], k: int) -> None:
    found = metrics.precision_at(*arrays(ranking), k)
    if k > len(ranking):
        assert found is None
    else:
        shares = [sum(order[:k]) / k for order in orders(ranking)]
        assert found == pytest.approx(sum(shares) / len(shares))


@settings(max_examples=60, deadline=None)
@given(RANKINGS)
def test_reads_to_first_hit(ranking: list[tuple[int, bool]]) -> None:
    found = metrics.reads_to_first_hit(*arrays(ranking))
    if not any(label for _, label in ranking):
        assert found is None
    else:
        assert found == max(order.index(True) + 1 for order in orders(ranking))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=12))
def test_matthews_is_the_correlation(pairs: list[tuple[bool, bool]]) -> None:
    table = [sum(pair == cell for pair in pairs) for cell in
             ((True, True), (True, False), (False, False), (False, True))]  # fmt: skip
    found = metrics.matthews(*table)
    if len({a for a, _ in pairs}) < 2 or len({b for _, b in pairs}) < 2:
        assert found is None
    else:
        a, b = np.array(pairs, dtype=np.float64).T
        assert found == pytest.approx(np.corrcoef(a, b)[0, 1])


def test_known_ranking() -> None:
    scores, labels = np.array([4.0, 3.0, 2.0, 1.0]), np.array([False, True, True, False])
    assert metrics.average_precision(scores, labels) == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert metrics.roc_auc(scores, labels) == 0.5
    assert metrics.reads_to_first_hit(scores, labels) == 2


def test_bad_input_is_refused() -> None:
    one, two = np.array([1.0]), np.array([True, False])
    with pytest.raises(ValueError, match="one length"):
        metrics.roc_auc(one, two)
    with pytest.raises(ValueError, match="NaN"):
        metrics.average_precision(np.array([np.nan]), np.array([True]))
    with pytest.raises(ValueError, match="at least 1"):
        metrics.precision_at(one, np.array([True]), 0)


@given(RANKINGS)
def test_macro_f1_is_the_mean_of_both_kinds(ranking: list[tuple[int, bool]]) -> None:
    scores, labels = arrays(ranking)
    decided = scores >= 2
    found = []
    for kind in (True, False):
        tp = sum(d == kind and t == kind for d, t in zip(decided, labels, strict=True))
        fp = sum(d == kind and t != kind for d, t in zip(decided, labels, strict=True))
        fn = sum(d != kind and t == kind for d, t in zip(decided, labels, strict=True))
        found.append(Fraction(2 * tp, 2 * tp + fp + fn) if tp + fp + fn else Fraction(0))
    assert metrics.macro_f1(decided, labels) == pytest.approx(float(sum(found) / 2))


@given(RANKINGS)
def test_no_cut_is_better_than_the_best(ranking: list[tuple[int, bool]]) -> None:
    scores, labels = arrays(ranking)
    best = metrics.best_cut(scores, labels)
    reached = metrics.macro_f1(scores >= best, labels)
    for cut in (-1.0, 0.5, 1.5, 2.5, 3.5, 5.0):
        assert metrics.macro_f1(scores >= cut, labels) <= reached + 1e-12
        if cut > best:  # of equal ones the highest, for the order of scores
            tied = (scores >= cut).sum() < (scores >= best).sum()
            assert not tied or metrics.macro_f1(scores >= cut, labels) < reached


def test_a_cut_lies_between_and_holds_for_neighbouring_floats() -> None:
    labels = np.array([True, False])
    assert metrics.best_cut(np.array([3.0, 1.0]), labels) == 2.0
    close = np.array([np.nextafter(1.0, 2.0), 1.0])
    assert metrics.best_cut(close, labels) == close[0]
    assert metrics.best_cut(np.array([1.0, 1.0]), np.array([False, False])) == np.inf
    assert metrics.best_cut(np.array([np.inf, 1.0]), labels) == np.inf


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.booleans()), max_size=12))
def test_auc_gain(items: list[tuple[int, int, bool]]) -> None:
    labels = np.array([label for *_, label in items], np.bool_)
    scores = [np.array([item[way] for item in items], np.float64) for way in (0, 1)]
    found = metrics.auc_gain(scores[0], scores[1], labels)
    hits, misses = np.flatnonzero(labels), np.flatnonzero(~labels)
    if not len(hits) or not len(misses):
        assert found is None
        return
    # By its definition: the mean over pairs of hit and miss, and the variance over each.
    won = [
        np.array([[(s[h] > s[m]) + (s[h] == s[m]) / 2 for m in misses] for h in hits])
        for s in scores
    ]
    gain = won[1] - won[0]
    parts = [gain.mean(axis=1), gain.mean(axis=0)]
    variance = sum(np.var(p, ddof=1) / len(p) if len(p) > 1 else np.var(p) for p in parts)
    assert found == pytest.approx((gain.mean(), float(np.sqrt(variance))))
    before, after = (metrics.roc_auc(s, labels) for s in scores)
    assert before is not None
    assert after is not None
    assert found is not None
    assert found[0] == pytest.approx(after - before)


def test_auc_gain_has_about_the_error_that_it_says() -> None:
    pick, gains, errors = np.random.default_rng(0), [], []
    labels = np.arange(400) >= 200
    for _ in range(300):
        common = pick.normal(0.8 * labels, 1.0)
        found = metrics.auc_gain(common + pick.normal(0, 1, 400), common, labels)
        assert found is not None
        gains.append(found[0])
        errors.append(found[1])
    assert np.std(gains) == pytest.approx(np.mean(errors), rel=0.15)
