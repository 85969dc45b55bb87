import tracemalloc
from dataclasses import replace
from itertools import combinations, product

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ortho_group

from graphad.models.embedding_scores import Scores, log2_sum, starts
from graphad.models.event_values import value_counts
from graphad.models.metrics import average_precision, roc_auc
from graphad.models.pair_bits import PairBits
from graphad.models.pair_counts import PairCounts
from tests.models.embedding_cases import BITS, EVENTS, VECTORS, WEIGHTS, example, likelihood

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

S = np.array([1.38, 0.96, -0.06, -0.48, 0.605, 0.01, -0.355, -0.95])
BEGIN = np.array([0, 2, 4])
GRID = 1e-4  # bits that an event of the worked example may be off by


def counted(seed: int, arity: Ints, weight: float = 0.25) -> PairBits | None:
    """Bits of some pairs of types of made-up events; none for every third seed."""
    draw, every = np.random.default_rng(seed), list(combinations(range(len(arity)), 2))
    if seed % 3 == 0 or not every:
        return None
    chosen = draw.permutation(every)[: 1 + seed % 5]
    codes = draw.integers(0, arity, (int(draw.integers(0, 80)), len(arity)))
    pairs = PairCounts.of(codes, chosen, arity)
    return PairBits.of(pairs, value_counts(codes, arity), starts(arity), weight)


def made(seed: int, m: int, d: int, large: float = 1.0) -> tuple[Scores, Ints]:
    """Random scores of m types, and 60 events."""
    draw = np.random.default_rng(seed)
    arity = draw.integers(1, 12, m)
    values, start = int(arity.sum()), starts(arity)
    v, b = draw.normal(0, large, (values, d)), draw.normal(0, 3 * large, values)
    w = np.maximum(draw.normal(1, 1, (m, m)), 0.0)
    table = Scores.on_grid(v, b, w, start, counted(seed, arity, min(large, 1.0)))
    origin = float(np.rint(draw.normal(0, 9) * 1024) / 1024)
    return replace(table, origin=origin), draw.integers(0, arity, (60, m))


shapes = (st.integers(0, 2**32), st.integers(1, 20), st.sampled_from([1, 2, 7, 16, 64]),
          st.sampled_from([1e-3, 0.3, 1.0, 20.0]))  # fmt: skip


def test_worked_table() -> None:
    three = np.array([likelihood(e + BEGIN, VECTORS, np.zeros(6), WEIGHTS) for e in EVENTS])
    np.testing.assert_allclose(three, S, atol=1e-12)
    p = np.exp(S) / np.exp(S).sum()
    expected = [0.329147, 0.216265, 0.077984, 0.051239, 0.151639, 0.083639, 0.058062, 0.032025]
    np.testing.assert_allclose(p, expected, atol=5e-7)
    found = -example().score(EVENTS)
    np.testing.assert_allclose(found, BITS * S, atol=GRID)
    chance = np.exp2(found) / np.exp2(found).sum()
    np.testing.assert_allclose(chance, expected, rtol=GRID)
    bits = log2_sum(found) - found
    nats = [1.11125, 1.53125, 2.55125, 2.97125, 1.88625, 2.48125, 2.84625, 3.44125]
    np.testing.assert_allclose(bits / BITS, nats, atol=GRID)
    np.testing.assert_allclose(-np.log(p), nats, atol=5e-7)
    assert np.exp(S).sum() == pytest.approx(12.076363, abs=5e-7)


def test_worked_table_to_six_digits() -> None:
    # Without the grid, which rounds the weights: the sums themselves.
    plain = Scores(VECTORS, np.zeros(6), np.triu(WEIGHTS, 1), starts(np.array([2, 2, 2])))
    np.testing.assert_allclose(-plain.score(EVENTS), S, atol=1e-12)


def test_worked_ranking() -> None:
    # 000, 001, 111, 101 are normal; 010, 011, 110 are not.
    chosen = [0, 1, 7, 5, 2, 3, 6]
    labels = np.array([False] * 4 + [True] * 3)
    found = example().score(EVENTS)[chosen]
    assert roc_auc(found, labels) == pytest.approx(0.75)
    assert average_precision(found, labels) == pytest.approx(0.638889, abs=5e-7)


def test_worked_conditional() -> None:
    p = np.exp(S).reshape(2, 2, 2)
    found = example().conditional(EVENTS)
    for e, event in enumerate(EVENTS):
        for i in range(3):
            one = p[tuple(event)] / p.sum(axis=i)[tuple(np.delete(event, i))]
            assert found[e, i] == pytest.approx(-np.log2(one), abs=GRID)


@settings(max_examples=60, deadline=None)
@given(*shapes)
def test_every_way_of_adding_gives_the_same_bits(seed: int, m: int, d: int, large: float) -> None:
    scores, codes = made(seed, m, d, large)
    whole, draw = scores.score(codes), np.random.default_rng(seed)
    assert np.isfinite(whole).all()
    order = draw.permutation(len(codes))
    np.testing.assert_array_equal(scores.score(codes[order]), whole[order])
    cut = int(draw.integers(0, len(codes)))
    halves = [scores.score(codes[:cut]), scores.score(codes[cut:])]
    np.testing.assert_array_equal(np.concatenate(halves), whole)
    one = [scores.one(row) for row in scores.ids(codes).tolist()]
    np.testing.assert_array_equal(one, whole)
    np.testing.assert_array_equal([scores.score(row[None])[0] for row in codes[:5]], whole[:5])
    single, pair = scores.parts(codes)
    parts = np.concatenate([np.full((len(codes), 1), scores.origin), single, pair], axis=1)
    total = np.zeros(len(codes))
    for column in draw.permutation(parts.shape[1]):
        total = total + parts[:, column]
    np.testing.assert_array_equal(total, whole)
    np.testing.assert_array_equal(parts.sum(axis=1), whole)


@settings(max_examples=30, deadline=None)
@given(*shapes)
def test_the_grid_is_near_what_it_was_given(seed: int, m: int, d: int, large: float) -> None:
    draw = np.random.default_rng(seed)
    arity = draw.integers(1, 6, m)
    v, b = draw.normal(0, large, (arity.sum(), d)), draw.normal(0, large, arity.sum())
    w = np.triu(draw.uniform(0, 2, (m, m)), 1)
    pairs = counted(seed, arity)
    scores = Scores.on_grid(v, b, w, starts(arity), pairs)
    codes = draw.integers(0, arity, (20, m))
    exact = np.array([-likelihood(row, v, b, w) for row in scores.ids(codes)])
    exact += pairs.each(codes).sum(axis=1) if pairs else 0.0
    # A step of what w v.v may sum to in absolute terms, and a little for what is tiny.
    size = m**2 * d * max(np.abs(v).max(), 1) ** 2 * max(w.max(), 1) + m * np.abs(b).max() + 1
    size += 2 * pairs.most if pairs else 0.0
    np.testing.assert_allclose(scores.score(codes), exact, atol=size * 2.0**-15)
    assert np.abs(scores.bias - b).max() < size * 2.0**-25
    assert np.abs(scores.vectors - v).max() < max(large, 1) * size**0.5 * 2.0**-16
    assert (scores.weights >= 0).all()
    assert not np.tril(scores.weights).any()


@settings(max_examples=40, deadline=None)
@given(*shapes[:3])
def test_what_changes_nothing(seed: int, m: int, d: int) -> None:
    draw = np.random.default_rng(seed)
    arity = draw.integers(1, 6, m)
    start = starts(arity)
    v, b = draw.normal(0, 0.5, (start[-1], d)), draw.normal(0, 1, start[-1])
    both = np.triu(draw.uniform(0, 2, (m, m)), 1)
    both += both.T
    codes = draw.integers(0, arity, (20, m))
    plain = Scores.on_grid(v, b, both, start).score(codes)
    near = m**2 * d * np.abs(v).max() ** 2 * 2.0**-9 + 1e-6

    order = draw.permutation(m)
    rows = np.concatenate([np.arange(start[i], start[i + 1]) for i in order])
    moved = Scores.on_grid(v[rows], b[rows], both[np.ix_(order, order)], starts(arity[order]))
    np.testing.assert_array_equal(moved.score(codes[:, order]), plain)

    turn = ortho_group.rvs(d, random_state=seed % 2**32) if d > 1 else np.array([[-1.0]])
    turned = Scores.on_grid(v @ turn, b, both, start).score(codes)
    np.testing.assert_allclose(turned, plain, atol=near)
    scaled = Scores.on_grid(3.0 * v, b, both / 9.0, start).score(codes)
    np.testing.assert_allclose(scaled, plain, atol=9 * near)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 4), st.sampled_from([1, 3, 16]))
def test_conditional_is_what_brute_force_says(seed: int, m: int, d: int) -> None:
    draw = np.random.default_rng(seed)
    arity = draw.integers(1, 5, m)
    v, b = draw.normal(0, 1, (arity.sum(), d)), draw.normal(0, 1, arity.sum())
    w = draw.uniform(0, 2, (m, m))
    scores = Scores.on_grid(v, b, w, starts(arity), counted(seed, arity, 1.0))
    every = np.array(list(product(*map(range, arity))))
    p = np.exp2(-scores.score(every)).reshape(arity)
    found = scores.conditional(every).reshape(*arity, m)
    for i in range(m):
        np.testing.assert_allclose(found[..., i], -np.log2(p / p.sum(axis=i, keepdims=True)),
                                   atol=1e-9)  # fmt: skip
        np.testing.assert_allclose(np.exp2(-found[..., i]).sum(axis=i), 1.0, rtol=1e-9)
    own = scores.own(every)
    for i in range(m):
        logits = scores.logits(every, i)[np.arange(len(every)), every[:, i]]
        np.testing.assert_allclose(own[:, i], logits, atol=1e-9)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 9))
def test_parts_of_pairs_are_those_of_embeddings_and_of_counts(seed: int, m: int) -> None:
    scores, codes = made(seed, m, 3)
    plain = replace(scores, pairs=None)
    single, both = scores.parts(codes)
    np.testing.assert_array_equal(single, plain.parts(codes)[0])
    expected = plain.parts(codes)[1]
    if scores.pairs:
        places = [tuple(place) for place in scores.places.tolist()]
        for bits, types in zip(
            scores.pairs.each(codes).T, scores.pairs.types.tolist(), strict=True
        ):
            expected[:, places.index(tuple(types))] += bits
    np.testing.assert_array_equal(both, expected)


def test_many_pairs_are_looked_up_in_parts() -> None:
    scores, codes = made(4, 8, 4)
    assert scores.pairs is not None
    many = np.tile(codes, (700, 1))
    assert many.size > 2**17
    np.testing.assert_array_equal(scores.score(many), np.tile(scores.score(codes), 700))


def test_more_events_than_a_chunk() -> None:
    scores, codes = made(3, 5, 16)
    many = np.tile(codes, (200, 1))
    np.testing.assert_array_equal(scores.score(many), np.tile(scores.score(codes), 200))
    np.testing.assert_array_equal(scores.conditional(many[:5000])[-20:],
                                  scores.conditional(many[4980:5000]))  # fmt: skip
    for other in (codes[:0], np.asfortranarray(codes)):
        np.testing.assert_array_equal(scores.score(other), scores.score(codes)[: len(other)])


def test_log2_sum() -> None:
    bits = np.random.default_rng(0).normal(0, 4, (5, 7))
    np.testing.assert_allclose(log2_sum(bits), np.log2(np.exp2(bits).sum(axis=1)), rtol=1e-12)
    np.testing.assert_allclose(log2_sum(np.array([[5000.0, 4999.0], [-5000.0, -5000.0]])),
                               [5000 + np.log2(1.5), -4999.0])  # fmt: skip


@pytest.mark.parametrize("wrong", [[0, 2, 0], [-1, 0, 0], [0, 0, 2**40]])
def test_codes_of_no_value_are_refused(wrong: list[int]) -> None:
    scores, codes = example(), np.array([[0, 0, 0], wrong])
    calls = (scores.score, scores.parts, scores.conditional, scores.normalisers)
    for call in calls:
        with pytest.raises(ValueError, match="code"):
            call(codes)


def test_conditional_of_many_values_stays_small() -> None:
    arity, pick = np.array([100_000, 3]), np.random.default_rng(0)
    v = pick.normal(0, 1, (100_003, 2))
    scores = Scores.on_grid(v, v[:, 0], np.ones((2, 2)), starts(arity))
    codes = pick.integers(0, arity, (300, 2))
    tracemalloc.start()
    total, found = scores.normalisers(codes)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60e6  # all logits at once are 240 MB
    np.testing.assert_array_equal(found, scores.conditional(codes))
    for i in (0, 1):
        np.testing.assert_allclose(total[:9, i], log2_sum(scores.logits(codes[:9], i)), rtol=1e-12)
