"""Gamma against all pairs, and its interval against draws made one by one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.models import metrics
from graphad.models.metrics import Bools, Ints
from graphad.models.ordinal import gamma, interval, pairs

graded = st.lists(st.tuples(st.integers(-2, 3), st.booleans()), max_size=14)


def arrays(rows: list[tuple[int, bool]]) -> tuple[Ints, Bools]:
    return np.array([g for g, _ in rows], np.int64), np.array([h for _, h in rows], np.bool_)


def naive(rows: list[tuple[int, bool]]) -> tuple[int, int]:
    """Return pairs with the hit above and below, each pair looked at."""
    hits, misses = ([g for g, hit in rows if hit is kind] for kind in (True, False))
    return sum(h > m for h in hits for m in misses), sum(h < m for h in hits for m in misses)


@settings(max_examples=150, deadline=None)
@given(graded)
def test_gamma_is_that_of_all_pairs(rows: list[tuple[int, bool]]) -> None:
    grades, labels = arrays(rows)
    above, below = naive(rows)
    assert pairs(grades, labels) == (above, below)
    found = gamma(grades, labels)
    assert found == ((above - below) / (above + below) if above + below else None)
    assert gamma(7 * grades + 3, labels) == found
    turned = gamma(-grades, labels)
    assert turned == (None if found is None else -found)
    if len(set(grades.tolist())) == len(rows) and found is not None:  # no ties
        auc = metrics.roc_auc(grades.astype(np.float64), labels)
        assert auc is not None
        assert found == pytest.approx(2 * auc - 1)


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.integers(5, 9)), min_size=1, max_size=9)
)
def test_the_interval_is_that_of_drawn_groups(rows: list[tuple[int, bool, int]]) -> None:
    grades, labels = arrays([(g, h) for g, h, _ in rows])
    groups = np.array([x for _, _, x in rows])
    found = interval(grades, labels, groups, draws=40, seed=3, level=0.8)
    names, values = sorted(set(groups.tolist())), []
    rng = np.random.default_rng(3)
    for times in rng.multinomial(len(names), [1 / len(names)] * len(names), size=40):
        drawn = [
            (g, h) for name, n in zip(names, times, strict=True) for _ in range(n)
            for g, h, x in rows if x == name
        ]  # fmt: skip
        above, below = naive(drawn)
        if above + below:
            values.append((above - below) / (above + below))
    assert found.defined == len(values)
    if len(values) < 20:
        assert found.low is found.high is None
    else:
        assert (found.low, found.high) == pytest.approx(tuple(np.quantile(values, [0.1, 0.9])))


def test_groups_widen_the_interval() -> None:
    rng = np.random.default_rng(1)
    grades = np.repeat(rng.integers(0, 4, 30), 20)
    labels = np.repeat(rng.random(30) < 0.4, 20)
    alone = interval(grades, labels, np.arange(600))
    together = interval(grades, labels, np.repeat(np.arange(30), 20))
    assert None not in (*alone, *together)
    widths = [float(x.high or 0) - float(x.low or 0) for x in (alone, together)]
    assert widths[1] > 2 * widths[0]
    assert interval(grades, labels, np.arange(600)) == alone
    assert interval(grades, labels, np.arange(600), seed=1) != alone


def test_the_interval_covers_what_it_should() -> None:
    """Of 200 samples of a known gamma, about 95 % of the intervals hold it."""
    rng = np.random.default_rng(2)
    chance = np.array([0.1, 0.3, 0.5, 0.8])
    above = sum(chance[i] * (1 - chance[j]) for i in range(4) for j in range(i))
    below = sum(chance[i] * (1 - chance[j]) for j in range(4) for i in range(j))
    held = 0
    for seed in range(200):
        grades = rng.integers(0, 4, 120)
        found = interval(
            grades, rng.random(120) < chance[grades], np.arange(120), draws=200, seed=seed
        )
        assert found.low is not None
        assert found.high is not None
        held += found.low <= (above - below) / (above + below) <= found.high
    assert 0.88 <= held / 200 <= 0.99


def test_wrong_input_is_refused() -> None:
    one, two = np.array([1]), np.array([1, 2])
    yes = np.array([True])
    with pytest.raises(ValueError, match="one length"):
        gamma(two, yes)
    with pytest.raises(ValueError, match="one length"):
        interval(one, yes, two)
    with pytest.raises(ValueError, match="level"):
        interval(one, yes, one, level=1.0)
    with pytest.raises(ValueError, match="draws"):
        interval(one, yes, one, draws=0)
    assert interval(one[:0], yes[:0], one[:0]) == (None, None, 0)
    assert interval(one, yes, one) == (None, None, 0)
