"""P-values, ranks and means of windows, against their definitions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphad.models.relation_ranks import conformal, rank_average, window_means
from graphad.models.tails import Tail

numbers = st.lists(st.integers(0, 9).map(float), min_size=1, max_size=20)


def test_worked_p_values() -> None:
    reference = np.array([0.1, 0.2, 0.3, 0.4])
    assert conformal(reference, np.array([0.35, 0.9])) == pytest.approx([0.4, 0.2], abs=1e-6)


@given(numbers, numbers)
def test_p_values_are_those_of_the_definition(reference: list[float], scores: list[float]) -> None:
    found = conformal(np.array(reference), np.array(scores))
    told = [(1 + sum(r >= s for r in reference)) / (1 + len(reference)) for s in scores]
    assert found == pytest.approx(told)


@given(numbers, numbers, st.lists(st.tuples(*[st.integers(0, 12)] * 2), min_size=1))
def test_ranks_are_among_quiet_scores_alone(
    one: list[float], other: list[float], scores: list[tuple[int, int]]
) -> None:
    tails = [Tail.fit(np.array(one)), Tail.fit(np.array(other))]
    both = np.array(scores, float)
    found = rank_average(tails, [both[:, 0], both[:, 1]])
    for n, (a, b) in enumerate(both):
        alone = rank_average(tails, [np.array([a]), np.array([b])])
        assert alone[0] == found[n]
        up = rank_average(tails, [np.array([a + 1]), np.array([b + 1])])
        assert up[0] >= found[n] >= 0
        if a <= tails[0].beyond and b <= tails[1].beyond:
            share = (np.mean(np.array(one) >= a) + np.mean(np.array(other) >= b)) / 2
            assert found[n] == pytest.approx(-np.log2(share))


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 9))), st.integers(1, 4))
def test_windows_are_the_means_of_their_highest(rows: list[tuple[int, int]], highest: int) -> None:
    window = np.array([w for w, _ in rows], np.int64)
    number, mean = window_means(window, np.array([s for _, s in rows], float), highest)
    assert number.tolist() == sorted(set(window.tolist()))
    for w, m in zip(number.tolist(), mean.tolist(), strict=True):
        best = sorted((s for v, s in rows if v == w), reverse=True)[:highest]
        assert m == pytest.approx(sum(best) / len(best))
