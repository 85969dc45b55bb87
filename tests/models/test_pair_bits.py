from collections import Counter

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.models.embedding_scores import starts
from graphad.models.event_values import value_counts
from graphad.models.pair_bits import PairBits
from graphad.models.pair_counts import PairCounts

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

TYPES = [[0, 2], [1, 2]]


def made(codes: Ints, arity: Ints, weights: npt.ArrayLike = 1.0) -> PairBits:
    counted = PairCounts.of(codes, TYPES, arity)
    return PairBits.of(counted, value_counts(codes, arity), starts(arity), weights)


def naive(trained: Ints, event: Ints, i: int, j: int) -> float:
    """Minus half the information that either value has on the other, by Witten and Bell."""
    total = 0.0
    for here, there in ((i, j), (j, i)):
        pairs = Counter((int(e[here]), int(e[there])) for e in trained)
        a, b = int(event[here]), int(event[there])
        n_a = sum(int(e[here]) == a for e in trained)
        kinds = len({int(e[there]) for e in trained if e[here] == a})
        share = max(sum(int(e[there]) == b for e in trained), 0.5) / max(len(trained), 1)
        room = 0.3 * max(kinds, 1)
        chance = (pairs[a, b] + room * share) / (n_a + room)
        total -= 0.5 * np.log2(chance / share)
    return total


shapes = (st.lists(st.integers(1, 7), min_size=3, max_size=3), st.integers(0, 40),
          st.integers(0, 2**32))  # fmt: skip


@settings(max_examples=50, deadline=None)
@given(*shapes)
def test_bits_are_what_the_definition_says(sizes: list[int], many: int, seed: int) -> None:
    arity, pick = np.array(sizes), np.random.default_rng(seed)
    # Some values are never seen, and some pairs of those that are.
    trained = pick.integers(0, np.maximum(arity - 1, 1), (many, 3))
    some = pick.integers(0, arity, (30, 3))
    bits = made(trained, arity)
    expected = [[naive(trained, e, i, j) for i, j in TYPES] for e in some]
    found = bits.each(some)
    np.testing.assert_allclose(found, expected, atol=1e-9)
    half = made(trained, arity, 0.5)
    np.testing.assert_allclose(half.each(some), found / 2, atol=1e-9)
    each = made(trained, arity, [0.25, 1.0])
    np.testing.assert_allclose(each.each(some), found * [0.25, 1.0], atol=1e-9)
    assert (bits.bits <= 0).all()
    assert (np.abs(found).sum(axis=1) <= bits.most + 1e-9).all()
    assert (np.diff(bits.keys) > 0).all()
    # Apart and together are the same numbers, and one event alone is as in a batch.
    ids = (some + bits.start[:-1]).T
    apart = bits.level[ids].sum(axis=0)
    together = bits.together(ids).sum(axis=0)
    np.testing.assert_allclose(apart + together, found.sum(axis=1), atol=1e-9)
    np.testing.assert_allclose([bits.one(e) for e in ids.T.tolist()], together, atol=1e-9)


@settings(max_examples=50, deadline=None)
@given(*shapes)
def test_bits_of_all_values_of_a_type(sizes: list[int], many: int, seed: int) -> None:
    arity, pick = np.array(sizes), np.random.default_rng(seed)
    trained, some = pick.integers(0, arity, (many, 3)), pick.integers(0, arity, (20, 3))
    bits = made(trained, arity)
    for place in range(3):
        mine = [q for q, types in enumerate(TYPES) if place in types]
        for value, column in enumerate(bits.of_type(some, place).T):
            other = some.copy()
            other[:, place] = value
            np.testing.assert_allclose(column, bits.each(other)[:, mine].sum(axis=1), atol=1e-9)


def test_rounded_bits_are_on_the_grid() -> None:
    arity, pick = np.array([5, 6, 7]), np.random.default_rng(0)
    bits = made(pick.integers(0, arity, (60, 3)), arity)
    near = bits.rounded(1024.0)
    for before, after in zip((*bits.left, *bits.right, bits.bits),
                             (*near.left, *near.right, near.bits), strict=True):  # fmt: skip
        np.testing.assert_array_equal(after * 1024, np.rint(before * 1024))
    assert near.keys is bits.keys


@pytest.mark.parametrize("weight", [-0.1, 1.1, float("nan"), float("inf")])
def test_a_weight_without_sense_is_refused(weight: float) -> None:
    with pytest.raises(ValueError, match="weight"):
        made(np.zeros((2, 3), np.int64), np.array([1, 1, 1]), weight)
    with pytest.raises(ValueError, match="weight"):
        made(np.zeros((2, 3), np.int64), np.array([1, 1, 1]), [1.0, weight])


def test_company_that_is_always_new_is_expected_to_be_new() -> None:
    # Value 0 of the first type had 50 companions in 100 events, value 1 ever the same.
    arity = np.array([2, 1, 200])
    usual = np.stack([np.arange(200) % 2, np.zeros(200, int), np.zeros(200, int)], axis=1)
    usual[::4, 2] = 1 + np.arange(50)
    bits = made(usual, arity).each(np.array([[0, 0, 150], [1, 0, 150]]))[:, 0]
    assert bits[1] - bits[0] > 2.0


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 3000), st.integers(0, 2**32), st.sampled_from([1, 7, 2**20, 2**40]))
def test_the_table_finds_all_that_is_there_and_nothing_else(
    size: int, seed: int, step: int
) -> None:
    pick = np.random.default_rng(seed)
    # Neighbours, and keys far apart: linear probing must pass over others' slots.
    keys = np.unique(pick.integers(0, 4 * size + 1, size)) * step
    held = dict(zip(keys.tolist(), pick.normal(size=len(keys)).tolist(), strict=True))
    start = np.array([0, 2**31], np.int64)
    values = np.array(list(held.values()), np.float64)
    bits = PairBits(np.zeros((0, 2), np.int64), start, (), (), keys, values)
    asked = np.concatenate([keys, keys + 1, pick.integers(0, 2**62, 50)])
    expected = [held.get(key, 0.0) for key in asked.tolist()]
    np.testing.assert_array_equal(bits.looked_up(asked), expected)
    assert len(bits._slots[0]) <= max(4 * len(keys), 2)
    # One by one as well: each key as an event of two values.
    two = PairBits(np.array([[0, 1]]), start, (), (), keys, values)
    alone = [two.one(divmod(key, 2**31)) for key in asked.tolist()]
    np.testing.assert_array_equal(alone, expected)
