"""Distances of distributions by their definitions, and how often drift is told where none is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.models.drift import (
    binned,
    budget_test,
    chance,
    distance,
    stability,
    stability_by_chance,
    wasserstein,
)
from graphad.nightly import drift as nightly

values = st.lists(st.integers(-20, 20).map(lambda n: n / 4), min_size=1, max_size=30).map(np.array)


def below(values: np.ndarray, at: float) -> float:
    return float(sum(value <= at for value in values) / len(values))


@settings(max_examples=60, deadline=None)
@given(values, values)
def test_distances_are_those_of_the_definitions(one: np.ndarray, other: np.ndarray) -> None:
    every = sorted({*one, *other})
    gaps = [abs(below(one, at) - below(other, at)) for at in every]
    assert distance(one, other) == pytest.approx(max(gaps))
    area = sum(gap * (b - a) for gap, a, b in zip(gaps, every, every[1:], strict=False))
    assert wasserstein(one, other) == pytest.approx(area)
    assert distance(one, one) == wasserstein(one, one) == 0.0
    assert distance(one, other) == distance(other, one)


def test_chance_is_that_of_scipy() -> None:
    from scipy.stats import ks_2samp

    draw = np.random.default_rng(1)
    for shift in (0.0, 0.2, 0.5):
        one, other = draw.normal(size=300), draw.normal(shift, size=200)
        wanted = ks_2samp(one, other, method="exact").pvalue
        assert chance(one, other) == pytest.approx(wanted, rel=0.15, abs=1e-4)


def test_ranges_hold_all_and_are_equally_full() -> None:
    draw = np.random.default_rng(2)
    one, other = draw.normal(size=500), draw.normal(size=100)
    first, second = binned(one, other)
    assert (first.sum(), second.sum(), len(first)) == (500, 100, 10)
    assert np.ptp(first) <= 1
    assert [counts.tolist() for counts in binned(np.ones(50), np.ones(50))] == [[0, 50]] * 2
    assert [counts.tolist() for counts in binned(np.ones(1), np.zeros(1))] == [[1], [1]]


def test_stability_is_as_defined() -> None:
    p, q = np.array([30.0, 70.0, 0.0]), np.array([50.0, 40.0, 10.0])
    slow = 0.0
    for a, b in zip(p, q, strict=True):
        a, b = (a + 0.5) / 101.5, (b + 0.5) / 101.5
        slow += (b - a) * np.log(b / a)
    assert stability(p, q) == pytest.approx(slow)
    assert stability(p, q) == pytest.approx(stability(q, p))


def told(quiet: np.ndarray, day: np.ndarray) -> bool:
    """Say whether a night would warn of these scores."""
    found = nightly._scores(quiet, day)
    return any("scores of" in text for text in nightly.warnings("path", {"scores": found}))


def test_no_drift_is_seldom_told_and_a_shift_always() -> None:
    draw = np.random.default_rng(3)
    wrong = missed = small = 0
    for _ in range(400):
        quiet, day = draw.gumbel(size=600), draw.gumbel(size=120)
        wrong += told(quiet, day)
        missed += not told(quiet, day + 1.0)
        # So many hours tell a shift that is too small to matter.
        small += told(draw.gumbel(size=6000), draw.gumbel(size=3000) + 0.1)
    assert wrong <= 2
    assert missed == 0
    assert small == 0


def test_the_index_without_drift_is_what_chance_gives() -> None:
    draw = np.random.default_rng(4)
    p = np.full(10, 0.1)
    found = [
        (stability(one, other), stability_by_chance(one, other))
        for one, other in zip(
            draw.multinomial(600, p, 2000).astype(float),
            draw.multinomial(120, p, 2000).astype(float),
            strict=True,
        )
    ]
    index, chances = np.array(found).T
    assert index.mean() == pytest.approx(chances.mean(), rel=0.08)


def naive(alarms: list[int], budget: float) -> bool:
    """Return what Wald's test decides first, None-like False if the budget or nothing."""
    ratio = 1.0
    for count in alarms:
        ratio *= 2.0**count * np.exp(-budget)
        if ratio >= 99:
            return True
        if ratio <= 1 / 99:
            return False
    return False


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 8), max_size=6), st.sampled_from([0.5, 2.0]))
def test_the_budget_is_tested_as_wald_says(alarms: list[int], budget: float) -> None:
    first = next(
        (i for i in range(1, len(alarms) + 1) if budget_test(alarms[:i], budget).exceeded
         or budget_test(alarms[:i], budget).days == 0),
        0,
    )  # fmt: skip
    if first:
        assert budget_test(alarms[:first], budget).exceeded == naive(alarms[:first], budget)
    else:
        assert not naive(alarms, budget)


def test_a_budget_that_holds_is_seldom_doubted_and_twice_as_many_soon() -> None:
    draw = np.random.default_rng(4)
    doubted = sum(
        any(budget_test(list(days[:i]), 10.0).exceeded for i in range(1, 31))
        for days in draw.poisson(10.0, (100, 30))
    )
    assert doubted <= 10  # of 100 months
    late = [
        next(i for i in range(1, 31) if budget_test(list(days[:i]), 10.0).exceeded)
        for days in draw.poisson(20.0, (100, 30))
    ]
    assert np.mean(late) < 3
    calm = [*[20] * 4, *[5] * 4]
    assert budget_test(calm[:4], 10.0).exceeded
    assert not budget_test(calm, 10.0).exceeded
