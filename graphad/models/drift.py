"""How far a day lies from the days that are the reference: distributions, shares, false alarms."""

from collections.abc import Sequence
from math import exp, log
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

BINS = 10
_SMOOTHING = 0.5  # added to each bin, so that an empty one says little instead of everything
_LEAST = 5.0  # expected in a bin
_RISK = 0.01  # of a sequential test, on either side
_DOUBLED = 2.0  # times the budget, what the test is to tell from the budget


def distance(reference: Floats, day: Floats) -> float:
    """Return the Kolmogorov-Smirnov statistic: the largest gap between distribution functions.

    Shape: reference [R], day [D], neither empty. Range: 0 to 1.

    >>> distance(np.array([1.0, 2.0]), np.array([2.0, 3.0]))
    0.5
    """
    first, second, every = _sorted(reference, day)
    return float(np.abs(_below(first, every) - _below(second, every)).max())


def chance(reference: Floats, day: Floats) -> float:
    """Return how likely a Kolmogorov-Smirnov statistic at least as large is without any drift.

    By its limit for many values, with Stephens' correction for few; of values that are not
    independent, as the hours of one host, it comes out too small.
    Source: Stephens, Use of the Kolmogorov-Smirnov statistics, JRSS B 32, 1970.
    """
    n = np.sqrt(len(reference) * len(day) / (len(reference) + len(day)))
    x = float((n + 0.12 + 0.11 / n) * distance(reference, day))
    if x < 0.2:  # the series below converges slowly there, and the answer is 1
        return 1.0
    terms = (2.0 * (-1.0) ** (k - 1) * exp(-2.0 * (k * x) ** 2) for k in range(1, 101))
    return min(max(sum(terms), 0.0), 1.0)


def wasserstein(reference: Floats, day: Floats) -> float:
    """Return the area between both distribution functions, in the unit of the values.

    >>> wasserstein(np.array([0.0, 1.0]), np.array([5.0, 6.0]))
    5.0
    """
    first, second, every = _sorted(reference, day)
    gap = np.abs(_below(first, every) - _below(second, every))
    return float((gap[:-1] * np.diff(every)).sum())


def stability(reference: Floats, day: Floats) -> float:
    """Return the population stability index of counts: the sum of (p - q) ln(p / q).

    Shape: reference, day [B], counts of the same bins. What it is without drift says
    `stability_by_chance`; above 0.1 is commonly called a moderate shift, above 0.25 a large one.

    >>> stability(np.array([10.0, 10.0]), np.array([10.0, 10.0]))
    0.0
    """
    p, q = (
        (counts + _SMOOTHING) / (counts.sum() + _SMOOTHING * len(counts))
        for counts in (reference, day)
    )
    return float(((q - p) * np.log(q / p)).sum())


def stability_by_chance(reference: Floats, day: Floats) -> float:
    """Return what `stability` is without drift, on average: (B - 1) (1 / R + 1 / D).

    R, D: the sums of the counts. To first order the index is chi-squared, of so many degrees.

    >>> stability_by_chance(np.array([10.0, 10.0]), np.array([2.0, 2.0]))
    0.3
    """
    return float((len(reference) - 1) * (1.0 / reference.sum() + 1.0 / day.sum()))


def binned(reference: Floats, day: Floats) -> tuple[Floats, Floats]:
    """Return how many values of both lie in each of up to ten ranges, equally full in reference.

    There are fewer where ten would not hold five values each, and of equal values one.
    """
    bins = int(min(BINS, max(len(reference), 1) // _LEAST, max(len(day), 1) // _LEAST))
    cuts = np.unique(np.quantile(reference, np.arange(1, max(bins, 1)) / max(bins, 1)))
    first, second = (
        np.bincount(np.searchsorted(cuts, values, side="right"), minlength=len(cuts) + 1)
        for values in (reference, day)
    )
    return first.astype(np.float64), second.astype(np.float64)


class Sequential(NamedTuple):
    """Where a sequential test stands: evidence in nats; `exceeded` if the budget no longer holds.

    days: since the last decision that it does.
    """

    evidence: float
    exceeded: bool
    days: int


def budget_test(alarms: Sequence[float], budget: float) -> Sequential:
    """Return Wald's test of days' alarms: whether their rate is rather twice the budget.

    alarms [D]: of the days in order, taken as Poisson. When the budget is found to hold the test
    begins anew; when it is found exceeded, it stays so until the evidence is gone. Either finding
    is wrong in at most 1 of 100 runs between two decisions.
    Source: Wald, Sequential Analysis, 1947, section 3.
    """
    upper, lower = log((1 - _RISK) / _RISK), log(_RISK / (1 - _RISK))
    evidence, exceeded, days = 0.0, False, 0
    for count in alarms:
        evidence = min(evidence + count * log(_DOUBLED) - (_DOUBLED - 1) * budget, upper)
        days += 1
        if evidence >= upper:
            exceeded = True
        elif evidence <= lower or (exceeded and evidence <= 0.0):
            evidence, exceeded, days = 0.0, False, 0
    return Sequential(evidence, exceeded, days)


def _sorted(reference: Floats, day: Floats) -> tuple[Floats, Floats, Floats]:
    return np.sort(reference), np.sort(day), np.sort(np.concatenate([reference, day]))


def _below(values: Floats, at: Floats) -> Floats:
    """Return the share of sorted values that are at most each of `at`."""
    found: Floats = np.searchsorted(values, at, side="right") / len(values)
    return found
