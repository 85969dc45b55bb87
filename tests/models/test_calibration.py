import json
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.errors import ModelError
from graphad.models.calibration import Calibration

maxima = st.lists(st.integers(-5, 5).map(float), max_size=30)


@settings(max_examples=150, deadline=None)
@given(maxima, st.integers(0, 20), st.integers(1, 20), st.integers(1, 30))
def test_counts_are_those_of_the_definition(
    found: list[float], empty: int, days: int, budget: int
) -> None:
    blocks = max(len(found) + empty, 1)
    c = Calibration.fit(np.array(found), blocks=blocks, days=days, budget_per_day=budget)
    for score in np.arange(-6.0, 7.0, 0.5):
        reach = sum(m >= score for m in found)
        assert c.p_value(score) == (1 + reach) / (1 + blocks)
        rate = Fraction(blocks, days) * Fraction(1 + reach, 1 + blocks)
        assert c.expected_per_day(score) == pytest.approx(float(rate))
        # The threshold parts the scores within the budget from the others.
        if c.supported:
            assert (score >= c.threshold) == (rate <= budget)
    assert c.smallest_rate == pytest.approx(c.expected_per_day(1e9))
    assert c.supported == (Fraction(blocks, days * (1 + blocks)) <= budget)


@settings(max_examples=60, deadline=None)
@given(maxima, st.floats(-9, 9), st.floats(-9, 9))
def test_higher_scores_are_never_more_common(found: list[float], a: float, b: float) -> None:
    c = Calibration.fit(np.array(found), blocks=40, days=3)
    low, high = sorted((a, b))
    assert c.p_value(low) >= c.p_value(high) > 0
    assert c.expected_per_day(low) >= c.expected_per_day(high)


def test_the_threshold_is_the_smallest_such_score() -> None:
    c = Calibration.fit(np.array([5.0, 4.0, 4.0, 1.0]), blocks=9, days=10, budget_per_day=0.2)
    # 9 blocks in 10 days: a rate of (1 + c) 0.09, so one block may reach it.
    assert c.threshold == np.nextafter(4.0, np.inf)
    assert c.expected_per_day(c.threshold) <= 0.2 < c.expected_per_day(4.0)


def test_empty_blocks_may_be_left_out_or_given() -> None:
    left_out = Calibration.fit(np.array([3.0, 1.0]), blocks=10, days=2)
    given_ = Calibration.fit(np.array([-np.inf, 3.0, -np.inf, 1.0]), blocks=10, days=2)
    assert left_out.maxima == given_.maxima == (3.0, 1.0)
    assert left_out.threshold == given_.threshold == -np.inf


def test_a_short_reference_claims_little() -> None:
    c = Calibration.fit(np.array([2.0] * 20), blocks=24, days=1, budget_per_day=0.5)
    assert not c.supported
    assert c.threshold == np.nextafter(2.0, np.inf)
    assert c.smallest_rate == 24 / 25
    assert c.severity(1e9) == "medium"


def test_severity_follows_the_rate() -> None:
    found = np.arange(1.0, 4001.0)
    c = Calibration.fit(found, blocks=4799, days=200)
    expected = {
        4000.5: "critical",  # 1 / 200
        4000.0: "critical",  # 2 / 200
        3999.0: "high",
        3982.0: "high",  # 19 blocks reach it: 20 / 200
        3981.0: "medium",
        3802.0: "medium",
        3801.0: "low",
        2002.0: "low",
        2001.0: "informational",
        1000.0: "informational",
    }
    assert {s: c.severity(s) for s in expected} == expected


def test_false_alarms_meet_the_budget_on_average() -> None:
    g = np.random.default_rng(5)
    blocks, days, budget, alarms = 240, 10.0, 3.0, 0
    rounds = 400
    for _ in range(rounds):
        # Exchangeable: the reference's blocks and the next day's are drawn alike, with ties.
        drawn = np.round(g.standard_t(3, blocks + 24), 1)
        c = Calibration.fit(drawn[:blocks], blocks=blocks, days=days, budget_per_day=budget)
        alarms += int((drawn[blocks:] >= c.threshold).sum())
    rate = alarms / rounds
    # Ties make it conservative; 4 standard errors above the budget would be a fault.
    assert budget * 0.75 < rate < budget + 4 * (budget / rounds) ** 0.5


def test_interval_covers_the_true_threshold() -> None:
    g = np.random.default_rng(6)
    truth = -np.log(3.0 / 24)  # exponential maxima: 3 of 24 blocks a day exceed it
    covered = 0
    for seed in range(60):
        drawn = g.exponential(size=480)
        c = Calibration.fit(drawn, blocks=480, days=20, budget_per_day=3, seed=seed)
        low, high = c.interval
        assert low is not None
        assert high is not None
        assert low <= high
        covered += low <= truth <= high
    assert 48 <= covered <= 60  # 90 % of 60 is 54


def test_interval_is_seeded_and_has_no_end_where_most_blocks_are_empty() -> None:
    found = np.random.default_rng(0).normal(size=100)
    one, same, other = (
        Calibration.fit(found, blocks=200, days=8, budget_per_day=2, seed=s) for s in (1, 1, 2)
    )
    assert one == same
    assert one.threshold == other.threshold
    sparse = Calibration.fit(np.array([1.0]), blocks=100, days=4, budget_per_day=10)
    assert sparse.threshold == -np.inf
    assert sparse.interval == (None, None)


def test_json_round_trip_and_damage() -> None:
    c = Calibration.fit(np.array([0.1, 7.25]), blocks=3, days=0.125, budget_per_day=2, seed=9)
    text = json.dumps(c.to_json(), allow_nan=False)
    assert Calibration.from_json(json.loads(text)) == c
    damages: tuple[dict[str, Any], ...] = (
        {"blocks": 1},
        {"days": 0},
        {"maxima": "x"},
        {"interval": 3},
    )
    for damage in damages:
        with pytest.raises(ModelError):
            Calibration.from_json(c.to_json() | damage)
    with pytest.raises(ModelError):
        Calibration.from_json({})


def test_bad_input_is_refused() -> None:
    good: dict[str, Any] = {"blocks": 3, "days": 1.0}
    for found in (np.array([np.nan]), np.array([np.inf]), np.ones((1, 1))):
        with pytest.raises(ValueError, match="Block maxima"):
            Calibration.fit(found, **good)
    with pytest.raises(ValueError, match="every block"):
        Calibration.fit(np.ones(4), **good)
    with pytest.raises(ValueError, match="positive"):
        Calibration.fit(np.ones(3), blocks=3, days=0.0)
    with pytest.raises(ValueError, match="NaN"):
        Calibration.fit(np.ones(3), **good).p_value(float("nan"))
