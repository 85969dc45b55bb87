"""A seeded sample of distinct simple paths of each length, to see how their scores are spread.

If there are few walks all are looked at. Else walks are drawn event by event, guided by weights
summed backwards over the events; those that visit an instance twice or exceed the span are
dropped, and those of equal labels count once. A draw takes each first label alike and then, at an
instance, each next label alike, however often it recurs there (weighed by the walks that can
follow). So a routine of 100,000 instances is about as likely as a path seen once; the chances are
nearly, not exactly, equal: of a sequence's instances, those that time does not allow are missing.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from graphad.models.path_edges import GRID, prepared
from graphad.models.path_ways import Ways
from graphad.models.walk_moments import walk_sums

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_TRIES = 4  # walks drawn for each path wanted, at most
_FIRST = 5  # and, in quarters, at first


@dataclass(frozen=True)
class Sample:
    """score [S] of distinct simple paths; `whole` if they are all there are.

    walks: how many were looked at, or drawn; paths: how many of them were simple and within the
    span, copies included. error and sd_error: standard errors of the scores' mean and of their
    standard deviation, 0 if whole. They take the S as drawn independently, and do not cover that
    chances are only nearly equal.
    """

    score: Floats
    whole: bool
    error: float
    sd_error: float
    walks: int
    paths: int


def sample_paths(
    src: Ints,
    dst: Ints,
    ts: Ints,
    cost: Floats,
    label: Ints,
    *,
    length: int,
    size: int = 20_000,
    seed: int = 0,
    strict: bool = False,
    span: int | None = None,
    mask: Bools | None = None,
) -> Sample:
    """Return scores of distinct simple paths of `length` events: all, or up to `size` at random.

    As sample_lengths for this length alone, which costs nearly as much as for all up to it.

    Raises:
        ValueError: as sample_lengths.

    >>> ids = np.arange(3)
    >>> found = sample_paths(ids, ids + 1, ids, np.ones(3), ids, length=2)
    >>> found.score.tolist(), found.whole
    ([2.0, 2.0], True)
    """
    return sample_lengths(
        src, dst, ts, cost, label, lengths=[length], size=size, seed=seed, strict=strict,
        span=span, mask=mask,
    )[length]  # fmt: skip


def sample_lengths(
    src: Ints,
    dst: Ints,
    ts: Ints,
    cost: Floats,
    label: Ints,
    *,
    lengths: Sequence[int],
    size: int = 20_000,
    seed: int = 0,
    strict: bool = False,
    span: int | None = None,
    mask: Bools | None = None,
) -> dict[int, Sample]:
    """Return for each length scores of distinct simple paths: all, or up to `size` at random.

    Shape: all [E], as in path_search. All are returned, even more than `size`, if there are at
    most 4 * size walks. A label sequence scores what its best instance does (of those drawn). The
    same seed gives the same sample; numbers of instances, and which other lengths are asked for,
    don't matter.

    Raises:
        ValueError: as `prepared`, or a length or size is below 1.
    """
    if not lengths or min(lengths) < 1 or size < 1:
        raise ValueError("length and size must be at least 1.")
    e = prepared(src, dst, ts, cost, label, mask)
    most = _TRIES * size
    longest = max(lengths)
    walks = walk_sums(e.src, e.dst, e.ts, np.ones(len(e)), e.n, longest, strict, float(most))
    if not walks[0]:
        return {r: Sample(np.empty(0), True, 0.0, 0.0, 0, 0) for r in lengths}
    limit = -1 if span is None else span
    wanted = sorted(set(lengths))
    drawn = [r for r in wanted if walks[r - 1] > most]
    ways = Ways(e, strict, max(drawn, default=0))

    def sampled(r: int) -> Sample:
        if r not in drawn:
            return _judged(*ways.every(r, limit, int(walks[r - 1])), True, size)
        g = np.random.default_rng([seed, r])
        score, names = ways.draw(r, limit, g.random((_FIRST * size // 4, r)))
        if len(_distinct(score, names)) < size:
            more = ways.draw(r, limit, g.random((most - len(score), r)))
            score, names = np.concatenate([score, more[0]]), np.concatenate([names, more[1]])
        return _judged(score, names, False, size)

    with ThreadPoolExecutor(2) as pool:
        return dict(zip(wanted, pool.map(sampled, wanted), strict=True))


def _judged(score: Ints, names: Ints, whole: bool, size: int) -> Sample:
    found = _distinct(score, names)
    walks, paths = len(score), int((score >= 0).sum())
    if not whole:
        found = found[:size]
    if whole or len(found) == 0:
        return Sample(found, whole, 0.0, 0.0, walks, paths)
    apart = found - found.mean()
    variance = float((apart**2).mean())
    error = float(np.sqrt(variance / len(found)))
    # By the delta method: var of the variance is (m4 - m2^2) / n, and sd is its root.
    fourth = float((apart**4).mean())
    sd_error = 0.0
    if variance > 0:
        sd_error = float(np.sqrt(max(fourth - variance**2, 0.0) / (4 * variance * len(found))))
    return Sample(found, whole, error, sd_error, walks, paths)


def _distinct(score: Ints, names: Ints) -> Floats:
    """Return the best score of each label sequence, in the order of first appearance."""
    kept = score >= 0
    score, names = score[kept], names[kept]
    if len(score) == 0:
        return np.empty(0)
    _, first, group = np.unique(names, axis=0, return_index=True, return_inverse=True)
    best = np.zeros(len(first), dtype=np.int64)
    np.maximum.at(best, group.ravel(), score)
    found: Floats = best[np.argsort(first)] / GRID
    return found
