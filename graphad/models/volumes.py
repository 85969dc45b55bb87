"""Whether a further day has as many events as those before it, and how to ask it of many things."""

from math import exp, log, sqrt
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special

Floats = npt.NDArray[np.float64]

_NONE = 0.5  # events that none is taken for, as its logarithm is asked for


class Prediction(NamedTuple):
    """What one further day is expected to have, and how likely it is to be as far off.

    usual: geometric mean of the days; low, high: ends of the prediction interval; all in events.
    """

    usual: float
    low: float
    high: float
    chance: float


def predicted(days: Floats, now: float, level: float) -> Prediction:
    """Compare the count of a day with those of days like it, by Student's t on logarithms.

    Shape: days [D], two at least, all above 0; now: 0 or more. level: chance of one further day to
    lie outside of low to high. If days are log-normal and independent, chance and level hold for
    any D, two included. The variance of logarithms is taken to be no less than that of independent
    events, 1 / mean: days that happened to be equal do not make the next one certain.
    Source: Hahn and Meeker, Statistical Intervals, 1991, chapter 4.

    >>> predicted(np.array([90.0, 100.0, 110.0]), 500.0, 0.05).chance < 0.01
    True
    """
    logs = np.log(np.sort(days))  # sorted, so that the order of days changes no last digit
    center, freedom = float(logs.mean()), len(days) - 1
    variance = max(float(logs.var(ddof=1)), 1.0 / float(days.mean()))
    error = sqrt(variance * (1.0 + 1.0 / len(days)))
    off = (log(max(now, _NONE)) - center) / error
    half = float(special.stdtrit(freedom, 1.0 - level / 2.0)) * error
    # Of two days the interval may end beyond what a float holds.
    low, high = (exp(min(max(center + side, -700.0), 700.0)) for side in (-half, half))
    return Prediction(exp(center), low, high, 2.0 * float(special.stdtr(freedom, -abs(off))))


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
