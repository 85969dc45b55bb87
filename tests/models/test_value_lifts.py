"""Biases are lifted until values are as likely as they were: by enumeration and by an optimiser."""

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from graphad.models import value_lifts
from graphad.models.embedding_scores import Scores, starts
from graphad.models.entity_embedding import EntityEmbedding
from graphad.models.event_values import pools, shares, value_counts
from graphad.models.value_lifts import lifts
from tests.models.embedding_cases import EVENTS, TRAINED, example
from tests.models.test_embedding_scores import made
from tests.models.test_pair_steadiness import ARITY as SIZES
from tests.models.test_pair_steadiness import drifting

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

NONE = np.zeros(0, np.int64)


def every(scores: Scores) -> Ints:
    """All types."""
    return np.arange(len(scores.weights))


def lifted(scores: Scores, codes: Ints) -> Scores:
    lift = lifts(scores, codes, every(scores), NONE)
    return replace(scores, bias=scores.bias + lift / np.log(2.0))


def by_enumeration(scores: Scores, codes: Ints, but: Ints = NONE) -> Floats:
    """How often each value is expected: of P of whole events, all of them enumerated."""
    arity = np.diff(scores.start)
    every = np.array(list(product(*(range(a) for a in arity))))
    joint = np.exp2(-scores.score(every)).reshape(arity)
    total = np.zeros(int(arity.sum()))
    for event in codes:
        for i, begin in enumerate(scores.start[:-1]):
            company = tuple(slice(None) if j == i else event[j] for j in range(len(event)))
            if begin + event[i] in but:
                continue
            left = [a for a in range(arity[i]) if begin + a not in but]
            total[begin + np.array(left)] += joint[company][left] / joint[company][left].sum()
    return total


def test_expected_values_by_enumeration() -> None:
    found = example().expected(TRAINED, np.ones(10), np.arange(3), NONE)
    np.testing.assert_allclose(found, by_enumeration(example(), TRAINED), atol=1e-9)
    twice = example().expected(EVENTS[:3], np.array([2.0, 1.0, 3.0]), np.arange(3), NONE)
    repeated = by_enumeration(example(), EVENTS[:3].repeat([2, 1, 3], axis=0))
    np.testing.assert_allclose(twice, repeated, atol=1e-9)
    one = example().expected(TRAINED, np.ones(10), np.array([1]), NONE)
    np.testing.assert_array_equal(one, np.where(np.arange(6) // 2 == 1, found, 0.0))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 4))
def test_expected_values_with_counts_of_pairs(seed: int, m: int) -> None:
    scores, codes = made(seed, m, 3, 0.3)
    arity = np.diff(scores.start)
    if arity.prod() > 2000:
        return
    found = scores.expected(codes, np.ones(len(codes)), every(scores), NONE)
    np.testing.assert_allclose(np.add.reduceat(found, scores.start[:-1]), len(codes))
    np.testing.assert_allclose(found, by_enumeration(scores, codes), rtol=1e-6, atol=1e-9)
    some = scores.start[:-1][arity > 1]
    found = scores.expected(codes, np.ones(len(codes)), every(scores), some)
    assert not found[some].any()
    np.testing.assert_allclose(found, by_enumeration(scores, codes, some), rtol=1e-6, atol=1e-9)


def test_the_model_then_has_the_marginals_of_training() -> None:
    # Events of a model whose weights are then taken back, two by half and one wholly.
    draw = np.random.default_rng(0)
    arity = np.array([3, 4, 2])
    v, b = draw.normal(0, 1, (9, 4)), draw.normal(0, 0.5, 9)
    w = np.array([[0, 0.6, 0.4], [0.6, 0, 0.8], [0.4, 0.8, 0]])
    space = np.array(list(product(range(3), range(4), range(2))))
    whole = Scores.on_grid(v, b, w, starts(arity))
    chance = np.exp2(-whole.score(space))
    codes = space[draw.choice(len(space), 20_000, p=chance / chance.sum())]
    seen = value_counts(codes, arity)
    less = Scores.on_grid(v, b, w * [[0, 0.5, 0.0], [0.5, 0, 0.5], [0.0, 0.5, 0]], starts(arity))
    before, after = (by_enumeration(s, codes) for s in (less, lifted(less, codes)))
    assert np.abs(before - seen).max() > 1000
    assert np.abs(after - seen).max() < 50
    # What is right is left: here no pair counts for less.
    assert np.abs(lifts(whole, codes, np.arange(3), NONE)).max() < 0.1


@pytest.mark.parametrize("place", range(3))
def test_many_steps_are_the_best_of_a_slow_optimiser(
    place: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(value_lifts, "_STEPS", 500)
    monkeypatch.setattr(value_lifts, "_EACH", 1)
    found = lifts(example(), TRAINED, np.array([place]), NONE)
    assert not np.delete(found, [2 * place, 2 * place + 1]).any()
    mine = slice(2 * place, 2 * place + 2)

    def loss(lift: Floats) -> float:
        """Minus ln likelihood of the values of a type, and of lifts by the prior."""
        bias = example().bias.copy()
        bias[mine] += lift / np.log(2.0)
        bits = replace(example(), bias=bias).conditional(TRAINED)[:, place].sum()
        return float(bits * np.log(2.0) - 0.5 * (lift - np.exp(lift)).sum())

    best = minimize(loss, np.zeros(2), method="Nelder-Mead", options={"xatol": 1e-8}).x
    np.testing.assert_allclose(found[mine], best, atol=1e-4)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32))
def test_each_step_makes_training_likelier(seed: int) -> None:
    scores, codes = made(seed, 3, 4, 1.0)

    def told(steps: int) -> float:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(value_lifts, "_STEPS", steps)
            patch.setattr(value_lifts, "_EACH", 1)
            lift = lifts(scores, codes, every(scores), NONE).astype(np.float64)
        bits = replace(scores, bias=scores.bias + lift / np.log(2.0)).conditional(codes).sum()
        return float(0.5 * (lift - np.exp(lift)).sum() - bits * np.log(2.0))

    gains = np.diff([told(steps) for steps in range(6)])
    assert (gains > -1e-3).all()  # lifts are float32


def test_values_apart_from_company_have_their_frequency() -> None:
    # Without weights the model is one of frequencies, whatever its biases were.
    draw = np.random.default_rng(1)
    codes: Ints = draw.integers(0, [2, 5], (3000, 2)) ** 2 % np.array([3, 7])
    arity = np.array([3, 7])
    none = Scores.on_grid(draw.normal(0, 1, (10, 2)), draw.normal(0, 2, 10), np.zeros((2, 2)),
                          starts(arity))  # fmt: skip
    found = np.exp2(lifted(none, codes).bias)
    found /= np.add.reduceat(found, [0, 3]).repeat(arity)
    known = value_counts(codes, arity) > 0
    np.testing.assert_allclose(found[known], shares(value_counts(codes, arity), arity)[known],
                               atol=5e-3)  # fmt: skip


def test_what_is_fixed_stays_and_what_was_never_seen_is_finite() -> None:
    codes = TRAINED[TRAINED[:, 1] == 0].repeat(10, axis=0)  # the second value of B is in none
    found = lifts(example(), codes, np.arange(3), np.array([4]))
    assert found.dtype == np.float32
    assert found[4] == 0.0
    assert abs(found[5]) < 1e-6  # of its type there is no other
    assert -5.0 < found[3] < 0.0 < found[2]
    assert not lifts(example(), TRAINED[:0], np.arange(3), NONE).any()


def test_events_are_taken_evenly_and_types_of_many_values_are_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[tuple[int, float, list[int]]] = []
    plain = Scores.expected

    def expected(self: Scores, codes: Ints, times: Floats, places: Ints, but: Ints) -> Floats:
        asked.append((len(codes), float(times.sum()), places.tolist()))
        return plain(self, codes, times, places, but)

    monkeypatch.setattr(Scores, "expected", expected)
    lifts(example(), EVENTS.repeat(5000, axis=0), np.array([0, 2]), NONE)
    assert asked == [(8, 20_000.0, [0, 2])] * 4
    asked.clear()
    wide = Scores.on_grid(
        np.ones((23, 2)), np.zeros(23), np.ones((2, 2)), starts(np.array([2, 21]))
    )
    found = lifts(wide, np.zeros((419, 2), np.int64), np.arange(2), NONE)
    assert asked == [(1, 419.0, [0])] * 4
    assert found[:2].all()
    assert not found[2:].any()
    lifts(wide, np.zeros((420, 2), np.int64), np.arange(2), NONE)
    assert asked[-1] == (1, 420.0, [0, 1])


@pytest.fixture(scope="module")
def fitted() -> EntityEmbedding:
    return EntityEmbedding(epochs=4).fit(drifting(6000, 0), SIZES)


def off(model: EntityEmbedding, codes: Ints) -> float:
    """The largest share of events by which a value is expected more or less often than it is."""
    pooled = pools(value_counts(codes, SIZES), SIZES)
    expected = model.scores.expected(codes, np.ones(len(codes)), np.arange(4), pooled)
    seen = value_counts(codes, SIZES)
    seen[pooled] = 0.0
    return float(np.abs(expected - seen).max() / len(codes))


def test_a_fit_has_the_frequencies_of_its_events(fitted: EntityEmbedding) -> None:
    codes = drifting(6000, 0)
    without = EntityEmbedding.restore(*fitted.dump())
    without.lift_ = np.zeros(int(SIZES.sum()), np.float32)
    assert off(without, codes) > 0.03
    assert off(fitted, codes) < 0.01
    again = EntityEmbedding(epochs=4).fit(codes, SIZES)
    assert again.lift_ is not None
    assert fitted.lift_ is not None
    assert again.lift_.tobytes() == fitted.lift_.tobytes()


def test_an_update_keeps_lifts_and_an_older_model_has_none(fitted: EntityEmbedding) -> None:
    told, arrays = fitted.dump()
    copy = EntityEmbedding.restore(told, arrays)
    copy.update(drifting(500, 7), SIZES + np.array([0, 1, 2, 0]))
    assert copy.lift_ is not None
    assert fitted.lift_ is not None
    np.testing.assert_array_equal(copy.lift_[[8, 19, 20]], 0.0)  # new: the last way, two users
    np.testing.assert_array_equal(np.delete(copy.lift_, [8, 19, 20]), fitted.lift_)
    older = EntityEmbedding.restore(told, {n: a for n, a in arrays.items() if n != "lift"})
    assert older.lift_ is not None
    assert not older.lift_.any()
    older.lift_ = fitted.lift_
    codes = drifting(50, 1)
    assert older.score(codes).tobytes() == fitted.score(codes).tobytes()


@pytest.mark.parametrize("way", [{"weights": False}, {"steady": False}, {"bias": False}])
def test_only_types_are_lifted_whose_pairs_count_for_less(
    way: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    less = np.ones((4, 4))
    less[0, 1] = less[1, 0] = 0.5
    monkeypatch.setattr("graphad.models.entity_embedding.steadiness", lambda *_: less)
    codes = drifting(6000, 0)
    model = EntityEmbedding(epochs=1).fit(codes, SIZES)
    assert model.lift_ is not None
    months, _, users, programs = np.split(model.lift_, starts(SIZES)[1:-1])
    assert months.any()
    assert not users.any()
    assert not programs.any()
    without = EntityEmbedding(epochs=1, **way).fit(codes, SIZES)
    assert without.lift_ is not None
    assert not without.lift_.any()
