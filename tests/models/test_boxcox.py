import json
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from graphad.errors import ModelError
from graphad.models.boxcox import BoxCox, fit_lambda, fit_lengths, llf, transform

Floats = npt.NDArray[np.float64]

PLAIN = np.array([0.1, 0.2, 0.3, 0.5, 0.8])
R2 = np.array([9.939794, 8.208699, 7.327331, 6.476436, 6.476436, 4.581948, 4.344726])
R3 = np.array([13.803767, 10.821162, 8.926674, 8.208699])

samples = st.lists(st.floats(1e-3, 1e3), min_size=3, max_size=40).filter(
    lambda q: max(q) > 1.001 * min(q)
)


def test_plain_check() -> None:
    found = [llf(PLAIN, lam) for lam in (0, 0.5, 1, 2)]
    np.testing.assert_allclose(found, [7.672600, 7.557444, 6.967734, 4.732971], atol=6e-7)
    assert fit_lambda(PLAIN) == pytest.approx(0.136492, abs=6e-7)
    lam = fit_lambda(PLAIN)
    expected = [-1.975858, -1.444925, -1.110250, -0.661368, -0.219780]
    np.testing.assert_allclose(transform(PLAIN, lam), expected, atol=2e-6)
    expected = [-1.468043, -0.595630, -0.045703, 0.691886, 1.417491]
    np.testing.assert_allclose(BoxCox.fit(PLAIN).z(PLAIN), expected, atol=2e-6)


@pytest.mark.parametrize(
    ("q", "lam", "mean", "sd", "likelihood", "z"),
    [
        (
            R2,
            0.304335,
            2.547463,
            0.487022,
            -4.091551,
            [1.594244, 0.826465, 0.391428, -0.064620, -0.064620, -1.255410, -1.427487],
        ),
        (
            R3,
            -1.745707,
            0.562362,
            0.003325,
            -2.711658,
            [1.386958, 0.453584, -0.622938, -1.217603],
        ),
    ],
)
def test_worked_example(
    q: Floats, lam: float, mean: float, sd: float, likelihood: float, z: list[float]
) -> None:
    fitted = BoxCox.fit(q)
    # The values are given to six digits, so the power is known to about as many.
    assert fitted.lam == pytest.approx(lam, abs=2e-6)
    b = transform(q, fitted.lam)
    assert b.mean() == pytest.approx(mean, abs=2e-6)
    assert b.std() == pytest.approx(sd, abs=6e-7)
    assert llf(q, fitted.lam) == pytest.approx(likelihood, abs=2e-6)
    np.testing.assert_allclose(fitted.z(q), z, atol=2e-6)


def test_worked_example_with_logs() -> None:
    z = BoxCox.fit(R2, lam=0.0).z(R2)
    expected = [1.528759, 0.835803, 0.424476, -0.022549, -0.022549, -1.275711, -1.468229]
    np.testing.assert_allclose(z, expected, atol=2e-6)


@settings(max_examples=60, deadline=None)
@given(samples, st.floats(-3, 3).map(lambda lam: round(lam, 3)))
def test_likelihood_is_scipys(q: list[float], lam: float) -> None:
    values = np.array(q)
    assert llf(values, lam) == pytest.approx(stats.boxcox_llf(lam, values), rel=1e-6, abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(samples)
def test_no_power_on_a_fine_grid_is_more_likely(q: list[float]) -> None:
    values = np.array(q)
    lam = fit_lambda(values)
    assert -10 <= lam <= 10
    best = llf(values, lam)
    assert all(llf(values, other) <= best + 1e-6 for other in np.linspace(-10, 10, 401))


@settings(max_examples=60, deadline=None)
@given(samples, st.floats(-5, 5), st.booleans())
def test_z_keeps_the_order_and_has_mean_0_and_sd_1(
    q: list[float], lam: float, robust: bool
) -> None:
    values = np.sort(np.array(q))
    fitted = BoxCox.fit(values, lam=lam, robust=robust)
    z = fitted.z(values)
    assert (np.diff(z) >= 0).all()
    assert np.isfinite(fitted.z(np.array([0.0, 1e-300, 1e300]))).all()
    if not robust and fitted.sd > 1e-6 * abs(fitted.mean):
        assert z.mean() == pytest.approx(0, abs=1e-6)
        assert z.std() == pytest.approx(1, rel=1e-6)


@settings(max_examples=40, deadline=None)
@given(samples, st.sampled_from([0.01, 3.0, 1000.0]))
def test_unit_and_order_do_not_matter(q: list[float], unit: float) -> None:
    values = np.array(q)
    one, other = BoxCox.fit(values), BoxCox.fit(values[::-1] * unit)
    assert other.lam == pytest.approx(one.lam, abs=1e-3)
    np.testing.assert_allclose(other.z(values * unit), one.z(values), atol=1e-2)
    assert BoxCox.fit(values[::-1]) == one


def test_robust_ignores_a_few_attacks() -> None:
    quiet = np.random.default_rng(0).lognormal(2.0, 0.3, 500)
    attacked = np.concatenate([quiet, np.full(20, 200.0)])
    lam = fit_lambda(quiet)
    clean, robust, plain = (
        BoxCox.fit(quiet, lam=lam),
        BoxCox.fit(attacked, lam=lam, robust=True),
        BoxCox.fit(attacked, lam=lam),
    )
    at = np.array([30.0])
    assert abs(robust.z(at) - clean.z(at)) < 0.5
    assert plain.z(at) < robust.z(at) - 1


def test_more_than_half_equal_still_has_a_spread() -> None:
    fitted = BoxCox.fit(np.array([1.0] * 30 + [2.0, 3.0]), lam=1.0, robust=True)
    assert fitted.sd > 0


def test_equal_values_have_z_0() -> None:
    fitted = BoxCox.fit(np.full(50, 2.5))
    assert fitted.z(np.array([2.5, 2.5])).tolist() == [0.0, 0.0]
    assert fitted.z(np.array([3.5]))[0] > 0 > fitted.z(np.array([1.5]))[0]
    assert BoxCox.fit(np.zeros(3)).z(np.zeros(1)).tolist() == [0.0]


def test_a_zero_is_shifted() -> None:
    fitted = BoxCox.fit(np.array([0.0, 1.0, 2.0, 4.0]))
    assert fitted.shift == 1e-12
    assert np.isfinite(fitted.z(np.array([0.0]))).all()


def test_short_lengths_borrow_the_nearest_power() -> None:
    g = np.random.default_rng(1)
    fitted = fit_lengths(
        {
            1: np.full(40, 2.0),
            2: g.lognormal(1, 0.5, 19),
            3: g.lognormal(1, 0.5, 20),
            5: g.gamma(9, 1, 100),
            6: np.array([7.0]),
            7: np.empty(0),
        }
    )
    assert list(fitted) == [1, 2, 3, 5, 6]
    assert [fitted[r].borrowed_from for r in fitted] == [3, 3, None, None, 5]
    assert fitted[2].lam == fitted[3].lam != fitted[5].lam
    assert fitted[2].n == 19
    assert fitted[1].sd == 0
    # A single value has no spread of its own: the neighbour's, stretched.
    assert fitted[6].scale == pytest.approx(fitted[5].scale * 6 / 5)
    assert fitted[6].sd == fitted[5].sd


def test_no_length_with_enough_gives_plain_scores() -> None:
    fitted = fit_lengths({2: np.array([1.0, 2.0, 3.0])})
    np.testing.assert_allclose(
        fitted[2].z(np.array([1.0, 2.0, 3.0])), [-(1.5**0.5), 0, 1.5**0.5], atol=1e-9
    )


def test_the_rule_can_be_switched_off() -> None:
    assert fit_lengths({2: R2}, least=2)[2].lam == pytest.approx(0.304335, abs=2e-6)


def test_json_round_trip_and_damage() -> None:
    fitted = BoxCox.fit(R2)
    text = json.dumps(fitted.to_json())
    assert BoxCox.from_json(json.loads(text)) == fitted
    damages: tuple[dict[str, Any], ...] = (
        {"lam": "x"},
        {"sd": -1.0},
        {"more": 1},
        {"scale": float("nan")},
    )
    for damage in damages:
        with pytest.raises(ModelError):
            BoxCox.from_json(fitted.to_json() | damage)


def test_bad_input_is_refused() -> None:
    for q in ([1.0, -1.0], [-1.0, 2.0], [np.nan, 1.0], [np.inf, 1.0]):
        with pytest.raises(ValueError, match="Box-Cox needs"):
            BoxCox.fit(np.array(q))
    with pytest.raises(ValueError, match="Box-Cox needs"):
        BoxCox.fit(np.empty(0))
    with pytest.raises(ValueError, match="two different"):
        fit_lambda(np.ones(5))
    with pytest.raises(ValueError, match="positive"):
        fit_lambda(np.array([0.0, 1.0]))
    with pytest.raises(ValueError, match="bounds"):
        fit_lambda(PLAIN, bounds=(1.0, 1.0))
