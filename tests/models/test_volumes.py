"""Predictions and adjusted chances by their definitions, and how often what they say is wrong."""

from collections.abc import Iterable
from itertools import combinations
from random import Random

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from graphad.models import volumes
from graphad.models.volumes import Prediction, furthest, holm

days = st.lists(st.integers(1, 10**7), min_size=2, max_size=20)
chances = st.lists(st.floats(1e-9, 1.0), min_size=1, max_size=6)


def by_hand(days: list[int], now: float, level: float) -> tuple[float, float, float]:
    """Return low, high, chance of Student's prediction; scipy's t, all else written out."""
    logs = [float(np.log(n)) for n in days]
    mean = sum(logs) / len(logs)
    variance = sum((x - mean) ** 2 for x in logs) / (len(logs) - 1)
    error = (max(variance, len(days) / sum(days)) * (1 + 1 / len(days))) ** 0.5
    t = stats.t(len(logs) - 1)
    half = t.ppf(1 - level / 2) * error
    return (
        float(np.exp(mean - half)), float(np.exp(mean + half)),
        float(2 * t.sf(abs(np.log(now) - mean) / error)),
    )  # fmt: skip


def predicted(days: Iterable[float], now: float, level: float) -> Prediction:
    """Return the prediction of one thing."""
    found = volumes.predicted(np.array(list(days), float)[:, None], np.array([float(now)]), level)
    return Prediction(*(float(values[0]) for values in found))  # type: ignore[arg-type]


@given(days, st.integers(1, 10**7))
def test_a_prediction_is_students(counts: list[int], now: int) -> None:
    found = predicted(counts, now, 0.05)
    assert found[1:] == pytest.approx(by_hand(counts, now, 0.05), rel=1e-6)
    assert found.usual == pytest.approx(stats.gmean(counts))
    # The ends of the interval are as likely as the level.
    if found.low > 0.5:
        assert predicted(counts, float(found.low), 0.05).chance == pytest.approx(0.05)
        assert predicted(counts, float(found.high), 0.05).chance == pytest.approx(0.05)


@given(st.data(), st.integers(1, 5), st.integers(3, 6))
def test_each_thing_is_held_against_its_own_days(
    data: st.DataObject, things: int, number: int
) -> None:
    count = st.integers(1, 10**7)
    lists = [data.draw(st.lists(count, min_size=2, max_size=number)) for _ in range(things)]
    now = [data.draw(count) for _ in lists]
    table = np.full((number, things), np.nan)
    for i, mine in enumerate(lists):
        table[data.draw(st.permutations(range(number)))[: len(mine)], i] = mine
    found = volumes.predicted(table, np.array(now, float), 0.05)
    for i, mine in enumerate(lists):
        alone = predicted(mine, now[i], 0.05)
        assert [float(v[i]) for v in found] == pytest.approx(list(alone), rel=1e-9)


def test_the_furthest_day_is_that_of_the_definition() -> None:
    draw = np.random.default_rng(6)
    table = np.exp(draw.normal(7.0, 0.4, (6, 4))).round().astype(np.float64)
    table[1, 2] = table[:, 3] = np.nan
    table[2:5, 3] = 700, 900, 2000
    slow = min(
        by_hand([int(n) for j, n in enumerate(mine) if j != d and n == n], mine[d], 0.5)[2]
        for mine in table.T.tolist() for d in range(6) if mine[d] == mine[d]
    )  # fmt: skip
    assert furthest(table) == pytest.approx(slow)
    assert furthest(table[draw.permutation(6)][:, [2, 0, 3, 1]]) == furthest(table)


@given(days, st.integers(0, 10**7), st.randoms(), st.integers(1, 1000))
def test_order_says_nothing_and_scale_only_as_events_are_few(
    counts: list[int], now: int, random: Random, times: int
) -> None:
    first = predicted(counts, now, 0.01)
    shuffled = list(counts)
    random.shuffle(shuffled)
    assert predicted(shuffled, now, 0.01) == first
    assume(now)
    larger = predicted([n * times for n in counts], now * times, 0.01)
    assert larger.chance <= first.chance * (1 + 1e-6)
    if np.log(counts).var(ddof=1) > 1 / np.mean(counts):
        assert larger.chance == pytest.approx(first.chance, rel=1e-6)
        assert larger.usual / times == pytest.approx(first.usual)


def test_no_events_are_half_a_one_and_equal_days_are_not_certain() -> None:
    same = [400.0] * 10
    assert predicted(same, 0, 0.01) == predicted(same, 0.5, 0.01)
    found = predicted(same, 420, 0.01)
    assert found.chance > 0.3  # a day of independent events has 400 ± 20
    assert 320 < found.low < 350 < 450 < found.high < 500


def closed(chances: list[float], weights: list[float], level: float) -> list[bool]:
    """Reject what each set of hypotheses it is in rejects by Bonferroni's weighted inequality."""
    every = range(len(chances))
    sets = [set(some) for size in every for some in combinations(every, size + 1)]
    # As chance / weight against level / sum: what rounds alike on both sides.
    wrong = [
        any(chances[i] / weights[i] * sum(weights[j] for j in some) <= level for i in some)
        for some in sets
    ]
    return [all(w for some, w in zip(sets, wrong, strict=True) if i in some) for i in every]


@given(chances, st.data())
def test_adjusted_chances_are_those_of_the_closed_test(
    found: list[float], data: st.DataObject
) -> None:
    share, size = st.sampled_from([0.25, 1.0, 3.0]), len(found)
    weights = data.draw(st.lists(share, min_size=size, max_size=size))
    adjusted = holm(np.array(found), np.array(weights))
    # Levels on either side of each adjusted chance, where an answer changes.
    for level in [0.05, *(adjusted * (1 - 1e-9)), *(adjusted * (1 + 1e-9))]:
        assume(level < 1)
        assert (adjusted <= level).tolist() == closed(found, weights, level)


@given(chances, st.randoms())
def test_the_order_of_what_is_asked_says_nothing(found: list[float], random: Random) -> None:
    order = list(range(len(found)))
    random.shuffle(order)
    first = holm(np.array(found), np.ones(len(found)))
    again = holm(np.array(found)[order], np.ones(len(found)))
    assert again == pytest.approx(first[order])


@pytest.mark.parametrize("count", [2, 4, 10])
def test_a_further_day_is_as_often_outside_as_the_level_says(count: int) -> None:
    draw = np.random.default_rng(count)
    of, outside = 4000, 0
    for _ in range(of):
        logs = draw.normal(9.0, 0.3, count + 1)
        found = predicted(np.exp(logs[:-1]), float(np.exp(logs[-1])), 0.05)
        outside += bool(found.chance < 0.05)
    assert stats.binomtest(outside, of, 0.05).pvalue > 0.001
