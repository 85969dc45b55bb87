from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from graphad.models.boxcox import fit_lambda
from graphad.models.walk_moments import moments, walk_llf


def walk_scores(
    src: Sequence[int],
    dst: Sequence[int],
    ts: Sequence[int],
    weight: Sequence[float],
    length: int,
    strict: bool,
) -> list[float]:
    """Return the product of weights of every walk, one by one."""
    walks = [[e] for e in range(len(src)) if src[e] != dst[e]]
    for _ in range(length - 1):
        walks = [
            [*walk, e]
            for walk in walks
            for e in range(len(src))
            if src[e] == dst[walk[-1]] and src[e] != dst[e]
            if ts[e] > ts[walk[-1]] or (not strict and ts[e] == ts[walk[-1]])
        ]
    return [float(np.prod([weight[e] for e in walk])) for walk in walks]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 6), st.floats(1e-4, 50.0)),
        min_size=1,
        max_size=10,
    ),
    st.integers(1, 4),
    st.booleans(),
    st.sampled_from([-2.0, -0.3, 0.0, 1e-9, 0.05, 1.0]),
)
def test_moments_are_those_of_all_walks(
    events: list[tuple[int, int, int, float]], length: int, strict: bool, lam: float
) -> None:
    src, dst, ts, weight = zip(*sorted(events, key=lambda e: e[2]), strict=True)
    scores = np.array(walk_scores(src, dst, ts, weight, length, strict))
    arrays = (np.array(src), np.array(dst), np.array(ts), np.array(weight))
    found = moments(*arrays, length=length, lam=lam, strict=strict)
    if not len(scores):
        assert found is None
        assert np.isnan(walk_llf(*arrays, length=length, lam=lam, strict=strict))
        return
    assert found is not None
    logs = np.log(scores)
    relative = np.exp(logs - logs.mean())
    assert found.walks == len(scores)
    assert found.log_mean == pytest.approx(logs.mean(), abs=1e-9)
    assert found.log_variance == pytest.approx(logs.var(), abs=1e-9)
    assert found.power == pytest.approx((relative**lam).mean(), rel=1e-9)
    assert found.square == pytest.approx((relative ** (2 * lam)).mean(), rel=1e-9)


@pytest.mark.parametrize("length", [1, 2, 3, 4])
@pytest.mark.parametrize("strict", [False, True])
def test_likelihood_is_that_of_the_listed_walks(length: int, strict: bool) -> None:
    g = np.random.default_rng(5)
    size = 60
    src, dst = g.integers(0, 12, size), g.integers(0, 12, size)
    ts, weight = np.sort(g.integers(0, 40, size)), np.exp(-g.gamma(2.0, 2.0, size))
    scores = np.array(walk_scores(src.tolist(), dst.tolist(), ts.tolist(), weight.tolist(), length,
                                  strict))  # fmt: skip
    assert len(scores) > 20
    powers = np.linspace(-0.5, 0.5, 21)
    found = [walk_llf(src, dst, ts, weight, length=length, lam=p, strict=strict) for p in powers]
    expected = [stats.boxcox_llf(p, scores) for p in powers]
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-4)
    best = fit_lambda(scores)
    peak = walk_llf(src, dst, ts, weight, length=length, lam=best, strict=strict)
    assert peak >= max(found) - 1e-4


def test_more_walks_than_can_be_listed() -> None:
    # 40 rungs of 10 parallel events: 10^r for each place to begin.
    src = np.repeat(np.arange(40), 10)
    found = moments(src, src + 1, src, np.full(400, 1e-9), length=30, lam=2.0)
    assert found is not None
    assert found.walks == pytest.approx(11 * 10.0**30)
    assert found.log_mean == pytest.approx(30 * np.log(1e-9))
    assert found.power == pytest.approx(1.0)


def test_bad_input_is_refused() -> None:
    two = np.arange(2)
    with pytest.raises(ValueError, match="length"):
        moments(two, two + 1, two, np.ones(2), length=0, lam=1.0)
    for bad in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="weight"):
            moments(two, two + 1, two, np.array([1.0, bad]), length=1, lam=1.0)
    assert moments(two[:0], two[:0], two[:0], np.ones(0), length=1, lam=1.0) is None
