"""Surprise of links: tails and rates against their definitions, written slowly."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphad.models.surprise import Tails, rate_bits, rates, share_bits

members = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from([0.0, 0.5, 1.0, 1.25, 7.0]), st.integers(1, 9)),
    max_size=30,
)


def naive(found: list[tuple[int, float, int]], group: int, bits: float) -> float:
    return float(sum(w for g, b, w in found if g == group and b >= bits))


@given(members, st.integers(-1, 4), st.sampled_from([0.0, 0.4, 0.5, 1.0, 6.0, 7.0, 9.0]))
def test_tails_are_sums(found: list[tuple[int, float, int]], group: int, bits: float) -> None:
    columns = [np.array([m[i] for m in found]) for i in range(3)]
    tails = Tails.of(
        columns[0].astype(np.int64), columns[1].astype(float), columns[2].astype(float), 4
    )
    got = tails.at(np.array([group]), np.array([bits]))[0]
    assert got == naive(found, group, bits)


@given(members.filter(bool), st.permutations(range(30)))
def test_the_order_of_members_does_not_matter(
    found: list[tuple[int, float, int]], order: list[int]
) -> None:
    other = [found[i] for i in order if i < len(found)]
    asked = np.repeat(np.arange(4), 3), np.tile(np.array([0.0, 1.0, 7.0]), 4)
    one, two = (
        Tails.of(
            np.array([m[0] for m in some], np.int64), np.array([m[1] for m in some]),
            np.array([m[2] for m in some], float), 4,
        )
        for some in (found, other)
    )  # fmt: skip
    assert np.array_equal(one.at(*asked), two.at(*asked))


def test_shares_by_hand() -> None:
    bits = share_bits(np.array([3.0, 0.0]), np.array([10.0, 0.0]), np.array([0.1, 0.25]), 10.0)
    assert bits == pytest.approx([-np.log2(4.0 / 20.0), 2.0])


@given(st.floats(1e-9, 1e9), st.floats(1e-9, 1e9))
def test_rarer_is_never_less_surprising(one: float, other: float) -> None:
    low, high = sorted((one, other))
    bits = rate_bits(np.array([low, high]))
    assert bits[0] >= bits[1] > 0


def test_rates_by_hand() -> None:
    kind = Tails.of(np.array([0, 0, 0]), np.array([1.0, 2.0, 9.0]), np.array([5.0, 3.0, 1.0]), 1)
    sender = Tails.of(np.array([0, 1, 1]), np.array([1.0, 2.0, 9.0]), np.array([5.0, 3.0, 1.0]), 2)
    zero, two = np.zeros(1), np.array([2.0])
    group = np.array([0], np.int64)
    # 4 of the kind's weight lie at 2 bits or more: 4.5 in 101 hours; none of them is this sender's.
    common = 4.5 / 101.0
    got = rates(two, zero, (kind, group, 100.0), (sender, group, np.array([20.0])), 5.0)
    assert got == pytest.approx([max(common, 5.0 * common / 25.0)])
    # The other sender made them all in the 4 hours it was active in.
    other = np.array([1], np.int64)
    got = rates(two, zero, (kind, group, 100.0), (sender, other, np.array([4.0])), 5.0)
    assert got == pytest.approx([(4.0 + 5.0 * common) / 9.0])
    # Without the link's own part there are 3 left.
    one = np.ones(1)
    got = rates(two, one, (kind, group, 100.0), (sender, other, np.array([4.0])), 5.0)
    assert got == pytest.approx([(3.0 + 5.0 * 3.5 / 101.0) / 8.0])
