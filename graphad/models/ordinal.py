"""Whether an ordered grade rises with what it should rise with: Goodman and Kruskal's gamma.

Grades [N] are whole numbers, the worst highest; labels [N] are bool. Findings of one incident are
far from independent, so what is drawn anew for the interval are groups [N], each with all it has.
"""

from typing import NamedTuple

import numpy as np

from graphad.models.metrics import Bools, Floats, Ints

_AT_ONCE = 1 << 22  # counts of drawn groups held at a time


class Interval(NamedTuple):
    """Bounds, None where fewer than half of the draws have a value, and how many draws had one."""

    low: float | None
    high: float | None
    defined: int


def pairs(grades: Ints, labels: Bools) -> tuple[int, int]:
    """Return how many pairs of a hit and a miss have the hit above, and the miss above.

    Pairs of one grade are neither.
    Raises: ValueError: they are not of one length.

    >>> pairs(np.array([3, 1, 2]), np.array([True, False, False]))
    (2, 0)
    """
    above, below = _pairs(_table(grades, labels)[None].astype(np.float64))
    return round(float(above[0])), round(float(below[0]))


def gamma(grades: Ints, labels: Bools) -> float | None:
    """Return (above - below) / (above + below) of `pairs`; None if there is no such pair.

    Range: -1 (every hit below every miss) to 1; 0 is no order. Without ties it is 2 AUC - 1.
    O(N log N).
    Source: Goodman and Kruskal, Journal of the American Statistical Association 49, 1954.

    >>> gamma(np.array([3, 1, 2, 1]), np.array([True, True, False, False]))
    0.3333333333333333
    """
    above, below = pairs(grades, labels)
    return (above - below) / (above + below) if above + below else None


def interval(
    grades: Ints, labels: Bools, groups: Ints, *, level: float = 0.95, draws: int = 1000,
    seed: int = 0,
) -> Interval:  # fmt: skip
    """Return the percentile bootstrap interval of gamma, whole groups being drawn.

    groups [N] are whole numbers, equal for what belongs together. Draws without a value are left
    out. Where no pair of the data is out of order, nor is one of any draw: the interval is 1 to 1,
    however few pairs there are. Source: Efron and Tibshirani, An Introduction to the Bootstrap,
    1993, chapter 13; Davison and Hinkley, Bootstrap Methods, 1997, section 3.8, for groups.
    Raises: ValueError: as `pairs`; level is not within 0 and 1; draws is not at least 1.
    """
    if not 0.0 < level < 1.0 or draws < 1:
        raise ValueError("level must be within 0 and 1, draws at least 1")
    shape = _table(grades, labels).shape
    if len(groups) != len(grades):
        raise ValueError("grades, labels and groups must be of one length")
    if not len(groups):
        return Interval(None, None, 0)
    names, group = np.unique(groups, return_inverse=True)
    cell = np.unique(grades, return_inverse=True)[1] + labels * shape[1]
    tables: Floats = np.zeros((len(names), shape[0] * shape[1]))
    np.add.at(tables, (group, cell), 1.0)
    rng, found = np.random.default_rng(seed), []
    each = max(_AT_ONCE // len(names), 1)
    for begin in range(0, draws, each):
        size = min(each, draws - begin)
        drawn = rng.multinomial(len(names), np.full(len(names), 1.0 / len(names)), size=size)
        above, below = _pairs((drawn.astype(np.float64) @ tables).reshape(size, *shape))
        some = above + below > 0
        found.append((above - below)[some] / (above + below)[some])
    values = np.concatenate(found)
    if 2 * len(values) < draws:
        return Interval(None, None, len(values))
    low, high = np.quantile(values, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    return Interval(float(low), float(high), len(values))


def _table(grades: Ints, labels: Bools) -> Floats:
    """Return how many misses and hits there are of each grade, the lowest first, [2, K]."""
    if grades.shape != labels.shape or grades.ndim != 1:
        raise ValueError("grades and labels must be of one length")
    values, place = np.unique(grades, return_inverse=True)
    counts = [np.bincount(place[labels == kind], minlength=len(values)) for kind in (False, True)]
    return np.array(counts, np.float64)


def _pairs(tables: Floats) -> tuple[Floats, Floats]:
    """Return pairs with the hit above and with the miss above, of tables [B, 2, K]."""
    misses, hits = tables[:, 0], tables[:, 1]
    above = (hits * (misses.cumsum(axis=1) - misses)).sum(axis=1)
    below = (misses * (hits.cumsum(axis=1) - hits)).sum(axis=1)
    return above, below
