"""Scores of events: the worked example of the notes on APE, brute force, exact sums."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphad.models import metrics
from graphad.models.embedding_scores import Scores, log2_sum, starts
from graphad.models.value_noise import Noise, draw

VECTORS = np.array(
    [[1.0, 0.0], [0.5, -0.5], [0.8, 0.2], [-0.4, 0.6], [0.6, -0.1], [0.0, 1.0]], np.float64
)
WEIGHTS = np.array([[0.0, 1.2, 0.7], [1.2, 0.0, 0.0], [0.7, 0.0, 0.0]])
START = np.array([0, 2, 4, 6])
EVENTS = np.array(list(product((0, 1), repeat=3)))
S = [1.38, 0.96, -0.06, -0.48, 0.605, 0.01, -0.355, -0.95]
P = [0.329147, 0.216265, 0.077984, 0.051239, 0.151639, 0.083639, 0.058062, 0.032025]
TRAINING = np.array([[0, 0, 0]] * 4 + [[0, 0, 1]] * 2 + [[1, 1, 1]] * 3 + [[1, 0, 1]])


def example(factor: float = 1.0) -> Scores:
    return Scores(VECTORS, np.zeros(6), np.triu(WEIGHTS, 1) * factor, START)


def test_the_scores_of_the_worked_example() -> None:
    s = -example().score(EVENTS)
    assert s == pytest.approx(S, abs=1e-6)
    z = np.exp(s).sum()
    assert (z, np.log(z)) == (pytest.approx(12.076363, abs=1e-6), pytest.approx(2.49125, abs=1e-6))
    assert np.exp(s) / z == pytest.approx(P, abs=1e-6)


def test_the_ranking_of_the_worked_example() -> None:
    scores = -np.log(P)
    normal, abnormal = [0, 1, 7, 5], [2, 3, 6]
    labels = np.repeat([False, True], [4, 3])
    found = scores[normal + abnormal]
    assert metrics.roc_auc(found, labels) == pytest.approx(0.75)
    assert metrics.average_precision(found, labels) == pytest.approx(0.638889, abs=1e-6)


def test_conditionals_are_shares_of_whole_events() -> None:
    bits = example(1.0 / np.log(2.0)).conditional(EVENTS)
    for e, event in enumerate(EVENTS):
        for i in range(3):
            same = np.delete(EVENTS, i, axis=1) == np.delete(event, i)
            share = P[e] / np.array(P)[same.all(axis=1)].sum()
            assert 2.0 ** -bits[e, i] == pytest.approx(share, abs=1e-5)


def test_noise_of_the_worked_example() -> None:
    counts = np.array([6.0, 4, 7, 3, 4, 6])
    plain = Noise.of(counts, np.array([2, 2, 2]), 1.0, 0.0)
    assert np.exp(plain.log_p) == pytest.approx(counts / 10)
    soft = Noise.of(counts, np.array([2, 2, 2]), 0.75, 0.0)
    wanted = [0.575444, 0.424556, 0.653729, 0.346271, 0.424556, 0.575444]
    assert np.exp(soft.log_p) == pytest.approx(wanted, abs=1e-6)
    means = plain.log_p[EVENTS + START[:3]].mean(axis=1)
    told = [-0.594597, -0.459442, -0.87703, -0.741875, -0.729752, -0.594597, -1.012185, -0.87703]
    assert means == pytest.approx(told, abs=1e-6)


def test_drawn_noise_has_the_probability_that_is_told() -> None:
    noise = Noise.of(np.array([50.0, 3, 1, 0, 7, 900, 2]), np.array([4, 3]), 0.75, 0.1)
    state, found = np.array([9], np.uint64), np.zeros(7)
    for _ in range(40_000):
        found[draw(state, noise.keep, noise.other, 0, 4)] += 1
        found[draw(state, noise.keep, noise.other, 4, 3)] += 1
    assert found / 40_000 == pytest.approx(np.exp(noise.log_p), abs=0.01)


def test_replaced_values_have_the_frequencies_of_the_noise() -> None:
    """Equation 9 of the notes: one type, drawn evenly, is replaced in an event of the training."""
    noise = Noise.of(np.array([6.0, 4, 7, 3, 4, 6]), np.array([2, 2, 2]), 1.0, 0.0)
    generator, state = np.random.default_rng(4), np.array([3], np.uint64)
    found = np.zeros(8)
    for _ in range(40_000):
        event = TRAINING[generator.integers(10)].copy()
        i = int(generator.integers(3))
        event[i] = draw(state, noise.keep, noise.other, START[i], 2) - START[i]
        found[event @ [4, 2, 1]] += 1
    told = [0.253333, 0.226667, 0.04, 0.08, 0.066667, 0.153333, 0.04, 0.14]
    assert found / 40_000 == pytest.approx(told, abs=0.01)


@st.composite
def models(draw_: st.DrawFn) -> tuple[Scores, np.ndarray]:
    generator = np.random.default_rng(draw_(st.integers(0, 2**31)))
    m, d = draw_(st.integers(1, 12)), draw_(st.sampled_from([1, 3, 16, 64]))
    arity = generator.integers(1, 9, m)
    size = int(arity.sum())
    made = Scores.on_grid(
        generator.normal(0, draw_(st.sampled_from([0.1, 1.0, 30.0])), (size, d)),
        generator.normal(0, 20, size), generator.uniform(0, 4, (m, m)), starts(arity),
    )  # fmt: skip
    return made, generator.integers(0, arity, (draw_(st.integers(1, 40)), m))


@given(models())
def test_whatever_the_order_the_sum_is_the_same(drawn: tuple[Scores, np.ndarray]) -> None:
    scores, codes = drawn
    whole = scores.score(codes)
    assert [scores.one(row) for row in scores.ids(codes).tolist()] == whole.tolist()
    halves = np.concatenate([scores.score(codes[:7]), scores.score(codes[7:])])
    assert halves.tolist() == whole.tolist()
    order = np.random.default_rng(len(codes)).permutation(len(codes))
    assert scores.score(codes[order]).tolist() == whole[order].tolist()
    single, pairs = scores.parts(codes)
    for e in range(len(codes)):
        terms = [*single[e], *pairs[e]]
        assert scores.origin + sum(terms) == whole[e] == scores.origin + sum(reversed(terms))
        halved = sum(t / 2 for t in pairs[e])
        assert scores.origin + halved + sum(single[e]) + halved == whole[e]


@given(models())
def test_conditionals_sum_to_one(drawn: tuple[Scores, np.ndarray]) -> None:
    scores, codes = drawn
    for i in range(codes.shape[1]):
        values = np.arange(scores.start[i + 1] - scores.start[i])
        every = np.repeat(codes[:1], len(values), axis=0)
        every[:, i] = values
        assert np.exp2(-scores.conditional(every)[:, i]).sum() == pytest.approx(1.0)


def test_turning_and_stretching_vectors_changes_nothing() -> None:
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    turned = Scores(VECTORS @ turn, np.zeros(6), np.triu(WEIGHTS, 1), START)
    assert turned.score(EVENTS) == pytest.approx(example().score(EVENTS))
    stretched = Scores(VECTORS * 3, np.zeros(6), np.triu(WEIGHTS, 1) / 9, START)
    assert stretched.score(EVENTS) == pytest.approx(example().score(EVENTS))


def test_the_grid_is_near_what_it_was_given() -> None:
    made = Scores.on_grid(VECTORS, np.linspace(-9, 9, 6), WEIGHTS, START)
    plain = Scores(VECTORS, np.linspace(-9, 9, 6), np.triu(WEIGHTS, 1), START)
    assert made.score(EVENTS) == pytest.approx(plain.score(EVENTS), abs=1e-3)


def test_large_bits_do_not_overflow() -> None:
    assert log2_sum(np.array([5000.0, 5000.0])).item() == 5001.0
