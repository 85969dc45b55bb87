"""How seldom quiet events reach a score: counts, an exponential tail, and z."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.models.tails import Tail, z_of_share

SCORES = st.lists(
    st.floats(-50, 50, allow_nan=False).map(lambda x: round(x * 64) / 64), min_size=1, max_size=300
)


def test_below_the_tail_shares_are_counts() -> None:
    scores = np.arange(1000) / 10.0
    tail = Tail.fit(scores)
    assert tail.beyond == 90.0
    for score in (-1.0, 0.0, 0.05, 33.3, 89.95, 90.0):
        assert tail.share(score) == (scores >= score).mean()


def test_beyond_it_they_fall_by_the_mean_excess() -> None:
    tail = Tail.fit(np.arange(1000) / 10.0)
    assert tail.slope == pytest.approx(np.arange(100).mean() / 10.0)  # 4.95
    assert tail.share(90.0 + 4.95) == pytest.approx(0.1 / math.e)
    assert tail.share(90.0 + 49.5) == pytest.approx(0.1 * math.exp(-10))


def test_bits_are_of_the_share_and_go_on_where_that_is_too_small_a_number() -> None:
    tail = Tail.fit(np.arange(1000) / 10.0)
    scores = np.array([-1.0, 33.3, 90.0, 94.0, 300.0])
    assert tail.bits(scores) == pytest.approx(-np.log2(tail.share(scores)))
    assert tail.bits(1e6) == pytest.approx(np.log2(10) + (1e6 - 90) / tail.slope / np.log(2))
    assert not np.signbit(tail.bits(-1.0))


def test_a_bit_more_is_at_most_half_as_likely_however_few_scores_there_are() -> None:
    tail = Tail.fit(np.zeros(3))
    assert tail.share(0.0) == 1.0
    assert tail.share(1.0) == pytest.approx(0.5)
    assert tail.share(10.0) == pytest.approx(2.0**-10)


@pytest.mark.parametrize(("share", "z"), [(0.5, 0.0), (0.0013498980316301, 3.0), (0.841344746, -1)])
def test_z_is_the_normal_quantile(share: float, z: float) -> None:
    assert z_of_share(share) == pytest.approx(z, abs=1e-6)


def test_z_is_finite_for_every_share() -> None:
    assert np.isfinite(z_of_share([0.0, 1e-320, 1.0])).all()


@settings(max_examples=60, deadline=None)
@given(scores=SCORES, asked=st.lists(st.floats(-99, 99), min_size=2, max_size=30))
def test_shares_never_rise_and_the_order_of_scores_says_nothing(
    scores: list[float], asked: list[float]
) -> None:
    tail = Tail.fit(np.array(scores))
    share = tail.share(np.sort(asked))
    assert (np.diff(share) <= 0).all()
    assert (np.diff(tail.z(np.sort(asked))) >= 0).all()
    again = Tail.fit(np.array(scores)[np.random.default_rng(0).permutation(len(scores))])
    assert np.array_equal(again.share(np.sort(asked)), share)


def test_many_scores_are_kept_by_rank_and_say_nearly_the_same() -> None:
    scores = np.random.default_rng(0).gamma(2.0, 3.0, 50_000)
    tail = Tail.fit(scores)
    assert len(tail.scores) == 2_000
    for score in (0.5, 3.0, 8.0):
        assert tail.share(score) == pytest.approx((scores >= score).mean(), abs=1e-3)


def test_what_was_dumped_is_restored_and_damage_is_noticed() -> None:
    tail = Tail.fit(np.arange(50.0))
    told, scores = tail.dump()
    again = Tail.restore(told, scores)
    assert np.array_equal(again.share(np.arange(99.0)), tail.share(np.arange(99.0)))
    bad: list[tuple[dict[str, float], np.ndarray]] = [
        (told, scores[::-1]), (told, scores[:0]), (told, scores.astype(np.float32)),
        (told | {"slope": 0.0}, scores), (told | {"beyond": math.nan}, scores),
    ]  # fmt: skip
    for settings_, array in bad:
        with pytest.raises(ValueError, match="tail"):
            Tail.restore(settings_, array)
    with pytest.raises(KeyError):
        Tail.restore({}, scores)


@pytest.mark.parametrize("scores", [[], [1.0, math.nan], [math.inf]])
def test_no_scores_give_no_tail(scores: list[float]) -> None:
    with pytest.raises(ValueError, match="scores"):
        Tail.fit(np.array(scores))
