from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.models.embedding_choice import MIXES, Mix, altered_pairs, choose
from graphad.models.embedding_scores import Scores, starts
from graphad.models.entity_embedding import EntityEmbedding
from tests.models.planted_events import planted

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

ARITY = np.array([60, 100, 200, 400, 50])


def independent(events: int, seed: int, power: float = 1.2) -> Ints:
    """Events whose columns have nothing to do with each other, heavy-tailed."""
    pick = np.random.default_rng(seed)
    columns = []
    for size in ARITY:
        chance = 1.0 / np.arange(1, size + 1) ** power
        columns.append(pick.choice(size, events, p=chance / chance.sum()))
    return np.stack(columns, axis=1)


def tables(embedded: Floats, plain: Floats, arity: Ints) -> Callable[[Mix], Scores]:
    """Scores that add up two biases, each as much as a mix says."""
    d, m = np.zeros((len(plain), 1)), len(arity)
    return lambda mix: Scores.on_grid(
        d, mix[0] * embedded + mix[1] * plain, np.zeros((m, m)), starts(arity)
    )


@pytest.mark.parametrize("seed", range(3))
def test_frequencies_count_where_columns_are_independent(seed: int) -> None:
    model = EntityEmbedding(seed=seed).fit(independent(1500, seed), ARITY)
    assert model.mix_[1] > 0


def test_frequencies_count_where_habits_drifted() -> None:
    # Who ran what in training says nothing of the held-out events: each user got another program.
    pick = np.random.default_rng(0)
    user = pick.integers(0, 30, 4000)
    other = np.arange(30)[::-1]
    program = np.where(np.arange(4000) < 3500, user, other[user])
    also = np.minimum(pick.geometric(0.3, 4000), 20) - 1
    codes = np.stack([user, program, also], axis=1)
    model = EntityEmbedding(held=0.125).fit(codes, np.array([30, 30, 20]))
    assert model.mix_[1] > 0
    steady = codes.copy()
    steady[:, 1] = user
    assert EntityEmbedding(held=0.125).fit(steady, np.array([30, 30, 20])).mix_ == (1.0, 0.0)


@pytest.mark.parametrize("seed", range(3))
def test_planted_structure_keeps_the_embeddings_alone(seed: int) -> None:
    codes, arity = planted(12_000, seed)
    assert EntityEmbedding(seed=seed).fit(codes, arity).mix_ == (1.0, 0.0)
    assert EntityEmbedding(seed=seed, choose=False).fit(codes, arity).mix_ == (1.0, 0.0)


def test_what_tells_apart_best_wins() -> None:
    codes = independent(3000, 5)
    trained, held = codes[:2000], codes[2000:]
    counts = np.concatenate([np.bincount(codes[:, i], minlength=a) for i, a in enumerate(ARITY)])
    good, bad = np.log2(counts + 1.0), np.random.default_rng(0).normal(0, 9, len(counts))
    for embedded, plain, wanted in (
        (good, 0 * good, (1.0, 0.0)), (good, good, (1.0, 0.0)), (good, bad, (1.0, 0.0)),
        (bad, good, (0.0, 1.0)), (-good, good, (0.5, 1.0)), (0 * good, good, (1.0, 0.25)),
    ):  # fmt: skip
        # Where two mixes do as well, the one with more of the embeddings is kept.
        assert choose(tables(embedded, plain, ARITY), trained, held, ARITY, 0) == wanted


def test_few_events_choose_nothing() -> None:
    codes = independent(40, 1)

    def never(mix: Mix) -> Scores:
        raise AssertionError(mix)

    for held in (codes, codes[:0]):
        assert choose(never, codes[:0], held, ARITY, 0) == MIXES[0]
    ones = np.zeros((500, 3), np.int64)
    assert choose(never, ones, ones, np.array([1, 1, 1]), 0) == MIXES[0]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 30), min_size=1, max_size=5), st.integers(0, 300),
       st.integers(0, 300), st.integers(0, 2**32))  # fmt: skip
def test_altered_copies_are_new_and_differ_in_one_value(
    sizes: list[int], before: int, after: int, seed: int
) -> None:
    arity, pick = np.array(sizes), np.random.default_rng(seed)
    trained = pick.integers(0, arity, (before, len(sizes)))
    held = pick.integers(0, arity, (after, len(sizes)))
    usual, altered = altered_pairs(trained, held, arity, seed)
    assert usual.shape == altered.shape
    known = {tuple(row) for row in np.concatenate([trained, held]).tolist()}
    later = {tuple(row) for row in held.tolist()}
    assert {tuple(row) for row in usual.tolist()} <= later
    assert len({tuple(row) for row in usual.tolist()}) == len(usual)
    assert not {tuple(row) for row in altered.tolist()} & known
    assert ((usual != altered).sum(axis=1) == 1).all()
    assert ((altered >= 0) & (altered < arity)).all()
    fresh = later - {tuple(row) for row in trained.tolist()}
    if len(fresh) >= 50:
        assert {tuple(row) for row in usual.tolist()} <= fresh
    again = altered_pairs(trained, held, arity, seed)
    np.testing.assert_array_equal(again[1], altered)


def test_only_so_many_pairs_are_looked_at() -> None:
    codes = independent(9000, 2, power=0.5)
    usual, altered = altered_pairs(codes[:100], codes[100:], ARITY, 0)
    assert len(usual) == len(altered) == 4000
    assert len(np.unique(usual, axis=0)) == 4000
    changed = (usual != altered).sum(axis=0) / 4000
    np.testing.assert_allclose(changed, 0.2, atol=0.03)  # any type, evenly
