from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.models.entity_embedding import EntityEmbedding
from graphad.models.event_values import value_counts
from graphad.models.pair_counts import PairCounts
from graphad.models.pair_steadiness import entropies, steadiness

Ints = npt.NDArray[np.int64]

MONTH, WAY, USER, PROGRAM = range(4)
ARITY = np.array([6, 2, 10, 10])


def drifting(events: int, seed: int) -> Ints:
    """Month, way, user, program: the first two follow time, a user has three programs.

    Each sixth of the events is of one month; the way of contact is the first until half of the
    time, but for a tenth, and then the second.
    """
    draw = np.random.default_rng(seed)
    time = np.arange(events) / events
    way = ((time > 0.5) ^ (draw.random(events) < 0.1)).astype(np.int64)
    user = draw.integers(0, 10, events)
    program = (user + draw.integers(0, 3, events)) % 10
    return np.stack([(time * 6).astype(np.int64), way, user, program], axis=1)


def information(codes: Ints, i: int, j: int) -> float:
    """The mean over ten parts of sum p(a, b) log2 p(a, b) / p(a) p(b)."""
    total = 0.0
    for part in range(10):
        rows = [r for k, r in enumerate(codes.tolist()) if k * 10 // len(codes) == part]
        both = Counter((row[i], row[j]) for row in rows)
        first, second = Counter(row[i] for row in rows), Counter(row[j] for row in rows)
        for (a, b), n in both.items():
            total += n / len(rows) * np.log2(n * len(rows) / (first[a] * second[b])) / 10
    return total


def test_what_two_columns_owe_to_time_is_taken_from_them() -> None:
    codes = drifting(6000, 0)
    found = steadiness(codes, 0)
    assert found[MONTH, WAY] < 0.1
    np.testing.assert_array_equal(found, found.T)
    np.testing.assert_array_equal(found.diagonal(), 1.0)
    assert found[USER, PROGRAM] > 0.95
    dealt = codes[np.random.default_rng([0, 3]).permutation(len(codes))]  # as `steadiness` does
    timed, mixed = (information(c, MONTH, WAY) for c in (codes, dealt))
    assert found[MONTH, WAY] == pytest.approx(timed / mixed)
    assert found.tobytes() == steadiness(codes, 0).tobytes()


@pytest.mark.parametrize("seed", range(5))
def test_an_order_without_meaning_takes_nothing(seed: int) -> None:
    codes = drifting(6000, seed)[np.random.default_rng(seed).permutation(6000)]
    found = steadiness(codes, seed)
    assert (found == 1.0).mean() > 0.8  # by chance a pair may seem to differ, but not by much
    assert found.min() > 0.5
    assert (steadiness(drifting(199, seed), seed) == 1.0).all()
    assert (steadiness(np.zeros((0, 3), np.int64), seed) == 1.0).all()
    assert (steadiness(np.zeros((500, 3), np.int64), seed) == 1.0).all()


def test_many_events_are_sampled_in_their_order() -> None:
    codes = drifting(200_000, 1)
    found = steadiness(codes, 0)
    assert found[MONTH, WAY] < 0.1
    assert found[USER, PROGRAM] > 0.95


@settings(max_examples=40, deadline=None)
@given(st.integers(10, 200), st.lists(st.integers(1, 9), min_size=1, max_size=3),
       st.integers(0, 2**32))  # fmt: skip
def test_entropies_by_hand(events: int, sizes: list[int], seed: int) -> None:
    codes = np.random.default_rng(seed).integers(0, sizes, (events, len(sizes)))
    wanted = []
    for part in range(10):
        rows = [tuple(r) for k, r in enumerate(codes.tolist()) if k * 10 // events == part]
        p = np.array(list(Counter(rows).values())) / len(rows)
        wanted.append(-(p * np.log2(p)).sum())
    np.testing.assert_allclose(entropies(*codes.T), wanted, atol=1e-12)


@pytest.fixture(scope="module")
def fitted() -> EntityEmbedding:
    return EntityEmbedding(epochs=4).fit(drifting(6000, 0), ARITY)


def company(model: EntityEmbedding, code: list[int]) -> float:
    """The bits that month and way have together."""
    single, pairs = model.scores.parts(np.array([code]))
    assert single.sum() + pairs.sum() + model.scores.origin == model.score(np.array([code]))[0]
    return abs(float(pairs[0, model.scores.places.tolist().index([MONTH, WAY])]))


def test_a_pair_that_time_makes_says_little(fitted: EntityEmbedding) -> None:
    plain = EntityEmbedding(epochs=4, steady=False).fit(drifting(6000, 0), ARITY)
    assert plain.steady_ is not None
    assert (plain.steady_ == 1.0).all()
    odd = [0, 1, 3, 3]
    assert company(plain, odd) > 1.0
    assert company(fitted, odd) < company(plain, odd) / 4
    assert fitted.score(np.array([[0, 0, 3, 8]])) > fitted.score(np.array([[0, 0, 3, 3]])) + 2.0


def test_weights_count_by_what_training_says(fitted: EntityEmbedding) -> None:
    assert fitted.parameters_ is not None
    steady = steadiness(drifting(6000, 0)[:-600], 0)  # the last tenth was held out
    assert fitted.steady_ is not None
    np.testing.assert_array_equal(fitted.steady_, steady)
    weights = np.triu(fitted.parameters_.weights * steady, 1)
    np.testing.assert_allclose(fitted.scores.weights, weights / np.log(2), atol=1e-3)


def test_counts_of_pairs_count_by_it_too(fitted: EntityEmbedding) -> None:
    assert fitted.steady_ is not None
    codes = drifting(6000, 0)
    model = EntityEmbedding.restore(*fitted.dump())
    model.pairs_ = PairCounts.of(codes, [[MONTH, WAY], [USER, PROGRAM]], ARITY)
    model.counts_, model.pair_weight_ = value_counts(codes, ARITY), 1.0
    event = np.array([[0, 1, 3, 8]])
    bits = model.scores.parts(event)[1] - model.embedded.parts(event)[1]
    at = [model.scores.places.tolist().index(pair) for pair in ([MONTH, WAY], [USER, PROGRAM])]
    model.steady_ = np.ones((4, 4))
    whole = model.scores.parts(event)[1] - model.embedded.parts(event)[1]
    shares = fitted.steady_[[MONTH, USER], [WAY, PROGRAM]]
    np.testing.assert_allclose(bits[0, at], shares * whole[0, at], atol=1e-3)


@pytest.mark.parametrize("way", [{"steady": False}, {"weights": False}])
def test_without_weights_every_pair_counts_whole(way: dict[str, Any]) -> None:
    model = EntityEmbedding(epochs=1, **way).fit(drifting(600, 0), ARITY)
    assert model.steady_ is not None
    assert (model.steady_ == 1.0).all()
    published = EntityEmbedding.paper(epochs=1).fit(drifting(600, 0), ARITY)
    assert published.steady_ is not None
    assert (published.steady_ == 1.0).all()


def test_an_update_keeps_it_and_an_older_model_has_none(fitted: EntityEmbedding) -> None:
    told, arrays = fitted.dump()
    copy = EntityEmbedding.restore(told, arrays)
    copy.update(drifting(500, 7), ARITY)
    np.testing.assert_array_equal(copy.steady_, fitted.steady_)
    older = EntityEmbedding.restore(told, {n: a for n, a in arrays.items() if n != "steady"})
    assert older.steady_ is not None
    assert (older.steady_ == 1.0).all()
    assert older.score(drifting(50, 1)).tobytes() != fitted.score(drifting(50, 1)).tobytes()
