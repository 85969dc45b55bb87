"""PATE: precision and recall over time that count how near to an attack a finding is.

Time is cut into steps. A step is called at a threshold if a span of that score or more covers it.
Called steps of an attack count fully, those of a buffer before and after it in part: the less, the
farther. Steps of an attack that are not called are misses; where another part of it is called, they
weigh less the later they are. For each threshold there is one precision and recall; the figure is
the area under their curve, averaged over the sizes of the buffers.

Source: Ghorbani, Reinders, Tax, PATE: Proximity-Aware Time series anomaly Evaluation, KDD 2024
(arXiv 2405.12096); the weights are those of the authors' program, version of 2024. Ours, as scores
here are of spans and not of every step: what no span covers is called at no threshold, so that the
curve ends at the recall of all spans and what it does not reach counts nothing (there, its last
point calls everything); buffers are not cut where the series begins or ends; several timelines
(hosts) are summed; where several separate parts of one attack are called, coverage is all of them
(there, the first); and the rule "step", see `area`.

Steps of an attack run from a to n, both counted in, L = n - a + 1, centre m = (a + n) / 2. The
buffer after it ends at e, that before it begins at s, see `_zones`. The weight of a called step x
is 1 in the attack, (e - x) / (e - m) after it, and before it (x - s) / (m - s) if some step of the
attack is called too, else 0; the rest of 1 counts as a false call. With c > 0 steps called, a
missed step x weighs 1 up to a + c, then 1 - (c + 1) (x - a - c / 2) / (L (L - 1) / 2). With none
called it weighs 1.
"""

import heapq
import itertools
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

import numpy as np

from graphad.models.metrics import Floats, Ints

_FAR = 1 << 60  # steps from 0: sums of two and of a buffer stay far from overflow
_BEFORE, _WITHIN, _AFTER, _OUTSIDE = range(4)

Rule = Literal["trapezoid", "step"]


class Timeline(NamedTuple):
    """What is on one clock, such as a host's: steps from and to, both counted in.

    attacks [A, 2] in any order; those that touch or overlap are one. spans [N, 2] with scores [N],
    higher is more anomalous.
    """

    attacks: Ints
    spans: Ints
    scores: Floats


class Curve(NamedTuple):
    """Precision and recall [K] at each distinct score [K], falling."""

    thresholds: Floats
    precision: Floats
    recall: Floats


class _Pieces(NamedTuple):
    """Disjoint runs of called steps [P], rising: from, to (counted in), their threshold's place."""

    first: Ints
    last: Ints
    rank: Ints


def pate(
    timelines: Sequence[Timeline],
    early: Sequence[int],
    late: Sequence[int],
    rule: Rule = "trapezoid",
) -> float | None:
    """Return the mean area under the curve over all pairs of buffers before and after, in steps.

    None without an attack or a buffer, 0 without a span. Range: 0 to 1. O(E L (N log N + A)).
    Raises: ValueError: as `curve`.
    """
    found = [area(one, rule) for one in _curves(timelines, early, late)]
    return float(np.mean(found)) if found else None


def f1(timelines: Sequence[Timeline], early: Sequence[int], late: Sequence[int]) -> float | None:
    """Return the mean F1 over the pairs of buffers, all spans being called whatever their score.

    PATE-F1 of the paper, for decisions. None, 0, range and errors are as for `pate`.
    """
    found = []
    for one in _curves(timelines, early, late):
        p, r = (float(x[-1]) if len(x) else 0.0 for x in one[1:])
        found.append(2.0 * p * r / (p + r) if p + r else 0.0)
    return float(np.mean(found)) if found else None


def area(curve: Curve, rule: Rule = "trapezoid") -> float:
    """Return the area under a curve. Points whose recall is less than one before are left out.

    "trapezoid" joins the points by lines from recall 0, precision 1 on, as published: one bad span
    over everything still gets about a half. "step" is the mean precision over the recall, as
    `metrics.average_precision`, and gives nothing away.
    """
    kept = curve.recall >= np.maximum.accumulate(curve.recall)
    recall = np.concatenate([[0.0], curve.recall[kept]])
    precision = np.concatenate([[1.0], curve.precision[kept]])
    height = precision[1:] if rule == "step" else (precision[1:] + precision[:-1]) / 2.0
    return float((np.diff(recall) * height).sum())


def curve(timelines: Sequence[Timeline], early: int, late: int) -> Curve | None:
    """Return precision and recall for buffers of `early` steps before and `late` after attacks.

    None without an attack.
    Raises: ValueError: a score is NaN, a span or an attack ends before it begins or is 2^60 steps
    from 0 or more, a buffer is negative or as large, or shapes do not fit.
    """
    return next(iter(_curves(timelines, [early], [late])), None)


def _curves(
    timelines: Sequence[Timeline], early: Sequence[int], late: Sequence[int]
) -> Iterator[Curve]:
    """Yield the curve of each pair of buffers, none without an attack."""
    if any(not 0 <= size < _FAR for size in (*early, *late)):
        raise ValueError("a buffer must be 0 steps or more, and less than 2^60")
    for one in timelines:
        _check(one)
    scores = np.concatenate([np.zeros(0), *(one.scores for one in timelines)])
    thresholds = np.unique(scores)[::-1]
    called, missed = np.zeros(len(thresholds)), np.zeros(len(thresholds))
    read = []
    for one in timelines:
        rank = len(thresholds) - 1 - np.searchsorted(thresholds[::-1], one.scores)
        attacks, pieces = _runs(one.attacks), _pieces(one.spans, rank)
        _add(called, pieces.rank, (pieces.last - pieces.first + 1).astype(np.float64))
        _misses(attacks, pieces, missed)
        if len(attacks):
            read.append((attacks, pieces))
    called, missed = called.cumsum(), missed.cumsum()
    for e, d in itertools.product(early, late) if read else ():
        true = np.zeros(len(thresholds))
        for attacks, pieces in read:
            _calls(attacks, pieces, e, d, true)
        true = true.cumsum()
        with np.errstate(invalid="ignore"):
            precision = np.where(called > 0, np.minimum(true / called, 1.0), 0.0)
            recall = np.where(true + missed > 0, true / (true + missed), 0.0)
        yield Curve(thresholds, precision, recall)


def _check(one: Timeline) -> None:
    for pairs in (one.attacks, one.spans):
        if pairs.ndim != 2 or pairs.shape[1] != 2 or not np.issubdtype(pairs.dtype, np.integer):
            raise ValueError("attacks and spans must be pairs of whole numbers")
        if (pairs[:, 1] < pairs[:, 0]).any():
            raise ValueError("an attack or a span ends before it begins")
        if len(pairs) and (pairs.min() <= -_FAR or pairs.max() >= _FAR):
            raise ValueError("an attack or a span is too far from step 0")
    if one.scores.shape != (len(one.spans),) or np.isnan(one.scores).any():
        raise ValueError("there must be one score for each span, and none NaN")


def _add(total: Floats, rank: Ints, amount: Floats) -> None:
    """Add amounts from their ranks on: `total` is of differences. Ranks past its end never come."""
    total += np.bincount(rank, weights=amount, minlength=len(total) + 1)[: len(total)]


def _runs(attacks: Ints) -> Ints:
    """Return attacks in order, those that touch or overlap as one, [A, 2].

    >>> _runs(np.array([[7, 9], [1, 3], [4, 5]])).tolist()
    [[1, 5], [7, 9]]
    """
    order = attacks[np.argsort(attacks[:, 0], kind="stable")]
    if not len(order):
        return order
    reach = np.maximum.accumulate(order[:, 1])
    begins = np.flatnonzero(np.concatenate([[True], order[1:, 0] > reach[:-1] + 1]))
    ends = np.concatenate([begins[1:], [len(order)]]) - 1
    return np.stack([order[begins, 0], reach[ends]], axis=1)


def _pieces(spans: Ints, rank: Ints) -> _Pieces:
    """Return the covered steps as runs of the best rank on them. O(N log N)."""
    order = np.argsort(spans[:, 0], kind="stable")
    first, last, ranks = spans[order, 0].tolist(), spans[order, 1].tolist(), rank[order].tolist()
    edges = np.unique(np.concatenate([spans[:, 0], spans[:, 1] + 1])).tolist()
    open_: list[tuple[int, int]] = []  # (rank, last step), the best first
    at, rows = 0, []
    for begin, after in itertools.pairwise(edges):
        while at < len(first) and first[at] == begin:
            heapq.heappush(open_, (ranks[at], last[at]))
            at += 1
        while open_ and open_[0][1] < begin:
            heapq.heappop(open_)
        if open_:
            rows.append((begin, after - 1, open_[0][0]))
    return _Pieces(*np.array(rows, np.int64).reshape(-1, 3).T)


def _cut(pieces: _Pieces, cuts: Ints) -> _Pieces:
    """Return pieces none of which holds both a cut and the step before it. cuts [C], rising."""
    low = np.searchsorted(cuts, pieces.first, "right")
    parts = np.searchsorted(cuts, pieces.last, "right") - low + 1
    owner = np.repeat(np.arange(len(parts)), parts)
    place = np.arange(len(owner)) - np.repeat(parts.cumsum() - parts, parts)
    first, last = pieces.first[owner], pieces.last[owner]
    if len(cuts):
        inner, further = place > 0, place < parts[owner] - 1
        first = np.where(inner, cuts[np.maximum(low[owner] + place - 1, 0)], first)
        following = cuts[np.minimum(low[owner] + place, len(cuts) - 1)]
        last = np.where(further, following - 1, last)
    return _Pieces(first, last, pieces.rank[owner])


def _zones(attacks: Ints, early: int, late: int) -> Ints:
    """Return where zones begin, [A, 4]: the buffer before, the attack, that after, what follows.

    The buffer after an attack ends before the next attack, that before one begins after the buffer
    of the attack before it.
    """
    a, n = attacks.T
    after = np.minimum(n + late + 1, np.concatenate([a[1:], [_FAR * 2]]))
    before = np.maximum(a - early, np.concatenate([[-_FAR * 2], after[:-1]]))
    return np.stack([before, a, n + 1, after], axis=1)


def _calls(attacks: Ints, pieces: _Pieces, early: int, late: int, true: Floats) -> None:
    """Add the weights of called steps."""
    if not len(attacks) or not len(pieces.rank):
        return
    zones = _zones(attacks, early, late)
    pieces = _cut(pieces, zones.ravel())
    place = np.searchsorted(zones.ravel(), pieces.first, "right") - 1
    which, zone = place // 4, np.where(place < 0, _OUTSIDE, place % 4)
    steps = (pieces.last - pieces.first + 1).astype(np.float64)
    # All is counted from its zone's edge, so that far from step 0 nothing is lost in rounding.
    width = attacks[which, 1] - attacks[which, 0]
    here = zone == _WITHIN
    _add(true, pieces.rank[here], steps[here])
    detected = np.full(len(attacks), len(true))  # from which rank on
    np.minimum.at(detected, which[here], pieces.rank[here])
    for kind in (_BEFORE, _AFTER):
        here = zone == kind
        k = which[here]
        if kind == _AFTER:
            end = zones[k, 3] - 1
            gone = (end - pieces.first[here]) + (end - pieces.last[here])
            whole = 2 * (end - attacks[k, 1]) + width[here]
            rank = pieces.rank[here]
        else:
            begin = zones[k, 0]
            gone = (pieces.first[here] - begin) + (pieces.last[here] - begin)
            whole = 2 * (attacks[k, 0] - begin) + width[here]
            rank = np.maximum(pieces.rank[here], detected[k])
        _add(true, rank, steps[here] * (gone / whole))


def _misses(attacks: Ints, pieces: _Pieces, missed: Floats) -> None:
    """Add the weights of attack steps that are not called."""
    if not len(missed):
        return
    missed[0] += float((attacks[:, 1] - attacks[:, 0] + 1).sum())
    if not len(attacks) or not len(pieces.rank):
        return
    zones = _zones(attacks, 0, 0)
    pieces = _cut(pieces, zones.ravel())
    place = np.searchsorted(zones.ravel(), pieces.first, "right") - 1
    inner = (place >= 0) & (place % 4 == _WITHIN)
    which = place[inner] // 4
    pieces = _Pieces(*(column[inner] for column in pieces))
    touched, begins, parts = np.unique(which, return_index=True, return_counts=True)
    for k, low, count in zip(touched, begins, parts, strict=True):
        a, n = int(attacks[k, 0]), int(attacks[k, 1])
        mine = _Pieces(*(column[low : low + count] for column in pieces))
        ranks, left = _misses_of(n - a + 1, mine._replace(first=mine.first - a, last=mine.last - a))
        _add(missed, ranks, np.diff(left, prepend=float(n - a + 1)))


def _misses_of(length: int, pieces: _Pieces) -> tuple[Ints, Floats]:
    """Return at which ranks [J] the weight of an attack's missed steps changes, and to what [J].

    Steps are counted from the attack's first. As coverage only grows, a step is called from one
    rank on and among the first ones, which weigh 1, from one rank on: each piece between two such
    changes adds to a range of ranks.
    """
    ranks, at = np.unique(pieces.rank, return_inverse=True)
    steps = pieces.last - pieces.first + 1
    covered = np.bincount(at, weights=steps, minlength=len(ranks)).cumsum().astype(np.int64)
    cuts = np.unique(np.concatenate([pieces.first, pieces.last + 1, covered + 1]))
    first = np.concatenate([[0], cuts[(cuts > 0) & (cuts < length)]])
    last = np.concatenate([first[1:], [length]]) - 1
    owner = np.searchsorted(pieces.first, first, "right") - 1
    called = np.where((owner >= 0) & (first <= pieces.last[owner]), at[owner], len(ranks))
    until = np.minimum(called, np.searchsorted(covered, first, "left"))  # while it weighs less
    size = (last - first + 1).astype(np.float64)
    sums = []
    for amount in (size, size * ((first + last) / 2.0)):
        gone = np.bincount(until, weights=amount, minlength=len(ranks) + 1)
        sums.append(gone[::-1].cumsum()[::-1][1:])
    count, moment = sums
    whole = max(length * (length - 1) / 2.0, 1.0)
    less = (covered + 1) * (moment - covered / 2.0 * count) / whole
    return ranks, (length - covered) - less
