"""How good a ranking is against the truth, and how good a decision is.

Scores [N] are float64, higher is more anomalous, none is NaN; labels [N] are bool, true for what
should rank high. Equal scores have no order among them, and every metric says what it does then.
A metric without a denominator is None, never 0.
"""

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Bools: TypeAlias = NDArray[np.bool_]
Ints: TypeAlias = NDArray[np.int64]


def _steps(scores: Floats, labels: Bools) -> tuple[Ints, Ints]:
    """Return items and hits in each group of equal scores, the highest score first."""
    if len(scores) != len(labels) or np.isnan(scores).any():
        raise ValueError("scores and labels must be of one length, and no score NaN")
    values, group = np.unique(scores, return_inverse=True)
    items = np.bincount(group, minlength=len(values))[::-1]
    hits = np.bincount(group, weights=labels, minlength=len(values))[::-1]
    return items.astype(np.int64), hits.astype(np.int64)


def average_precision(scores: Floats, labels: Bools) -> float | None:
    """Return the mean precision over the hits; None without a hit.

    sum over distinct thresholds of (recall - recall before) * precision; equal scores enter
    together, so their order cannot matter. Range: 0 to 1. O(N log N).
    Source: Manning, Raghavan, Schütze, Introduction to Information Retrieval, 2008, section 8.4.

    >>> average_precision(np.array([3.0, 2.0, 1.0]), np.array([True, False, True]))
    0.8333333333333333
    """
    items, hits = _steps(scores, labels)
    if not hits.sum():
        return None
    precision = hits.cumsum() / items.cumsum()
    return float((precision * hits).sum() / hits.sum())


def roc_auc(scores: Floats, labels: Bools) -> float | None:
    """Return the chance that a hit scores above a miss, a tie counting half.

    None without both a hit and a miss. Range: 0 to 1; 0.5 is chance. O(N log N).
    Source: Hanley and McNeil, Radiology 143, 1982 (the Mann-Whitney statistic).

    >>> roc_auc(np.array([3.0, 2.0, 1.0]), np.array([True, False, True]))
    0.5
    """
    items, hits = _steps(scores, labels)
    misses = items - hits
    pairs = int(hits.sum()) * int(misses.sum())
    if not pairs:
        return None
    below = misses.sum() - misses.cumsum()
    return float((hits * (below + misses / 2)).sum() / pairs)


def auc_gain(before: Floats, after: Floats, labels: Bools) -> tuple[float, float] | None:
    """Return how much `roc_auc` grows from one score of the same items to another, and its error.

    The standard error counts that both rank the same items. None without both a hit and a miss.
    Source: DeLong, DeLong, Clarke-Pearson, Biometrics 44, 1988, equations 4 to 7.

    >>> auc_gain(np.array([1.0, 2, 3, 4]), np.array([1.0, 2, 4, 3]), np.arange(4) % 2 == 0)
    (0.25, 0.3535533905932738)
    """
    _steps(before, labels)
    _steps(after, labels)
    if not labels.any() or labels.all():
        return None
    hits, misses = zip(_placements(before, labels), _placements(after, labels), strict=True)
    gains = hits[1] - hits[0], misses[1] - misses[0]
    error = math.sqrt(sum(gain.var() / max(len(gain) - 1, 1) for gain in gains))
    return float(gains[0].mean()), error


def _placements(scores: Floats, labels: Bools) -> tuple[Floats, Floats]:
    """Return the share of misses below each hit and of hits above each miss, ties counting half."""
    found = []
    for mine, theirs, sign in (
        (scores[labels], scores[~labels], 1),
        (scores[~labels], scores[labels], -1),
    ):
        other = np.sort(sign * theirs)
        below = np.searchsorted(other, sign * mine, "left")
        within = np.searchsorted(other, sign * mine, "right")
        found.append((below + within) / (2.0 * len(other)))
    return found[0], found[1]


def precision_at(scores: Floats, labels: Bools, k: int) -> float | None:
    """Return the share of hits among the k best; None if there are fewer than k.

    Where equal scores straddle place k, it is the expectation over their orders. Range: 0 to 1.

    >>> precision_at(np.array([3.0, 2.0, 2.0]), np.array([True, False, True]), 2)
    0.75
    """
    if k < 1:
        raise ValueError("k must be at least 1")
    items, hits = _steps(scores, labels)
    if items.sum() < k:
        return None
    taken = np.clip(k - (items.cumsum() - items), 0, items)
    return float((hits * taken / items).sum() / k)


def reads_to_first_hit(scores: Floats, labels: Bools) -> int | None:
    """Return how many findings are read, best first, up to and with the first hit; None without.

    Among equal scores hits are read last: nobody is promised luck. Range: 1 to N.

    >>> reads_to_first_hit(np.array([3.0, 2.0, 2.0]), np.array([False, False, True]))
    3
    """
    items, hits = _steps(scores, labels)
    found = np.flatnonzero(hits)
    if not len(found):
        return None
    first = found[0]
    return int(items[:first].sum() + items[first] - hits[first] + 1)


def matthews(tp: int, fp: int, tn: int, fn: int) -> float | None:
    """Return Matthews' correlation of decision and truth; None if a row or column is empty.

    (tp tn - fp fn) / sqrt((tp+fp)(tp+fn)(tn+fp)(tn+fn)). Range: -1 to 1; 0 is chance.
    Source: Matthews, Biochimica et Biophysica Acta 405, 1975.

    >>> matthews(tp=2, fp=0, tn=5, fn=0)
    1.0
    """
    product = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    return (tp * tn - fp * fn) / math.sqrt(product) if product else None


def macro_f1(decided: Bools, labels: Bools) -> float:
    """Return the mean of the F1 of hits and that of misses; a kind with neither counts 0.

    F1 = 2 tp / (2 tp + fp + fn). Range: 0 to 1. Source: Manning, Raghavan, Schütze, section 13.6.

    >>> macro_f1(np.array([True, False, False]), np.array([True, True, False]))
    0.6666666666666666
    """
    found = []
    for kind in (False, True):
        both = int(((decided == kind) & (labels == kind)).sum())
        either = int((decided == kind).sum() + (labels == kind).sum())
        found.append(2.0 * both / either if either else 0.0)
    return sum(found) / 2.0


def best_cut(scores: Floats, labels: Bools) -> float:
    """Return the score from which on to call a hit so that macro F1 is best.

    Halfway between the scores on both sides; of equal ones the highest; +inf if nothing should be.
    Raises: ValueError: as `average_precision`.
    """
    items, hits = _steps(scores, labels)
    values = np.unique(scores)[::-1]
    taken, right = np.concatenate([[0], items.cumsum()]), np.concatenate([[0], hits.cumsum()])
    n, positive = len(labels), int(labels.sum())
    missed = positive - right
    of_hits = 2.0 * right / np.maximum(taken + positive, 1)
    left = (n - taken) - missed  # rightly not called
    of_misses = 2.0 * left / np.maximum(2 * n - taken - positive, 1)
    at = int(np.argmax(of_hits + of_misses))
    if at == 0:
        return float("inf")
    top = float(values[at - 1])
    below = float(values[at]) if at < len(values) else top
    middle = top / 2 + below / 2
    return middle if below < middle <= top else top
