"""Whether a further day has as many events as those before it, and how to ask it of many things."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special

Floats = npt.NDArray[np.float64]

NONE = 0.5  # events that none is taken for, as its logarithm is asked for
_LONGEST = 700.0  # logarithm of what a float surely holds; of two days an interval may be wider


class Prediction(NamedTuple):
    """What one further day is expected to have, and how likely it is to be as far off; each [N].

    usual: geometric mean of the days; low, high: ends of the prediction interval; all in events.
    """

    usual: Floats
    low: Floats
    high: Floats
    chance: Floats


def predicted(days: Floats, now: Floats, level: float) -> Prediction:
    """Compare counts of a day with those of days like it, by Student's t on logarithms.

    Shape: days [D, N] above 0 or NaN, two at least of each N; now [N], 0 or more, or NaN for what
    is not asked and has a chance of NaN. level: chance of one further day to lie outside of low to
    high. If days are log-normal and independent, chance and level hold for any D, two included. The
    variance of logarithms is taken to be no less than that of independent events, 1 / mean: days
    that happened to be equal do not make the next one certain.
    Source: Hahn and Meeker, Statistical Intervals, 1991, chapter 4.

    >>> predicted(np.array([[90.0], [100.0], [110.0]]), np.array([500.0]), 0.05).chance < 0.01
    array([ True])
    """
    days = np.sort(days, axis=0)  # so that the order of days changes no last digit
    number = np.isfinite(days).sum(axis=0)
    logs = np.log(days)
    center = np.nanmean(logs, axis=0)
    variance = np.maximum(np.nanvar(logs, axis=0, ddof=1), 1.0 / np.nanmean(days, axis=0))
    error = np.sqrt(variance * (1.0 + 1.0 / number))
    off = (np.log(np.maximum(now, NONE)) - center) / error
    half = special.stdtrit(number - 1, 1.0 - level / 2.0) * error
    low, high = (np.exp(np.clip(center + s * half, -_LONGEST, _LONGEST)) for s in (-1.0, 1.0))
    return Prediction(np.exp(center), low, high, 2.0 * special.stdtr(number - 1, -np.abs(off)))


def furthest(days: Floats) -> float:
    """Return the smallest chance of any count [D, N] by the other days, three at least of each N.

    Where days are like each other, whatever their distribution, a further day has a smaller one
    only in about 1 of D + 1.
    """
    every = range(len(days))
    return min(
        float(np.nanmin(predicted(np.delete(days, one, axis=0), days[one], 0.5).chance))
        for one in every if np.isfinite(days[one]).any()
    )  # fmt: skip


def holm(chances: Floats, weights: Floats) -> Floats:
    """Return adjusted chances: reject those of at most a level, and it is the family-wise one.

    Shape: chances, weights [H], weights above 0: how the level is divided at first; returns [H].
    Source: Holm, A simple sequentially rejective multiple test procedure, Scand. J. Statist. 6,
    1979, with weights.

    >>> holm(np.array([0.01, 0.04, 0.03]), np.ones(3)).round(3)
    array([0.03, 0.06, 0.06])
    """
    order = np.argsort(chances / weights, kind="stable")
    left = weights[order][::-1].cumsum()[::-1]  # of those not rejected before
    adjusted = np.empty_like(chances)
    adjusted[order] = np.maximum.accumulate(
        np.minimum(chances[order] / weights[order] * left, 1.0)
    )  # fmt: skip
    return adjusted
