"""How good scores of relations are: ranked by edge, and decided by line and by window.

An edge is an event with a value in one window, once however many lines say so. A line's score is
that of its highest relation, a window's the mean of its three highest edges. What is decided is by
the conformal p-value (1 + calibration scores that reach it) / (1 + all of them) <= 0.01; no label
of the test is looked at.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from benchmarks.relation_data import RelationSet
from graphad.models.metrics import average_precision, roc_auc
from graphad.models.relation_graph import WindowEdges
from graphad.models.relation_ranks import conformal, window_means

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

FEWEST = 0.01  # p-value from which on down it's a finding
RATES = (0.001, 0.005)  # false-positive rates at which recall is told
HIGHEST = 3
DRAWS = 100  # of a bootstrap
BLOCKS = 50


class Items(NamedTuple):
    """What is ranked: scores and labels [n], and the window of each, rising."""

    scores: Floats
    attack: Bools
    window: Ints

    def take(self, chosen: npt.NDArray[Any]) -> "Items":
        """Return some, by number or a mask."""
        return Items(self.scores[chosen], self.attack[chosen], self.window[chosen])


@dataclass(frozen=True)
class Judged:
    """Scores of one model: ranked ones of the test, and F1 of lines (None: no lines) and windows.

    windows: those of the test, ranked.
    """

    ranked: Items
    windows: Items
    line_f1: float | None
    window_f1: float


def edges_of(given: RelationSet) -> tuple[WindowEdges, Ints]:
    """Return the edges of all windows, each once, and the edge of each relation [R]."""
    return WindowEdges.of(given.relations, given.step_us, given.step_us)


def judge(given: RelationSet, scores: Floats) -> Judged:
    """Judge the scores of relations [R]; those of the training are not looked at."""
    r = given.relations
    part = given.part[r.line]
    edges, at = edges_of(given)
    window = r.ts[r.line] // given.step_us
    found = {}
    for name, of in (("calibration", part == 1), ("test", part == 2)):
        edge, first = np.unique(at[of], return_inverse=True)
        high = np.full(len(edge), -np.inf)
        np.maximum.at(high, first.ravel(), scores[of])
        bad = np.zeros(len(edge), bool)
        np.logical_or.at(bad, first.ravel(), given.attack[of])
        ranked = Items(high, bad, edges.window[edge])
        line, which = np.unique(r.line[of], return_inverse=True)
        of_line = np.full(len(line), -np.inf)
        np.maximum.at(of_line, which.ravel(), scores[of])
        line_bad = np.zeros(len(line), bool)
        np.logical_or.at(line_bad, which.ravel(), given.attack[of])
        number, mean = window_means(ranked.window, high, HIGHEST)
        held = np.unique(window[of & given.attack])
        windows = Items(mean, np.isin(number, held), number)
        found[name] = ranked, Items(of_line, line_bad, line), windows
    quiet, test = found["calibration"], found["test"]
    by_window = given.by == "window"
    return Judged(
        test[2] if by_window else test[0], test[2],
        None if by_window else f1(quiet[1], test[1]), f1(quiet[2], test[2]),
    )  # fmt: skip


def judge_windows(given: RelationSet, number: Ints, scores: Floats) -> Judged:
    """Judge the scores of windows [W] by their numbers."""
    r = given.relations
    window = r.ts // given.step_us
    bad = np.unique(window[r.line[given.attack]])
    quiet, test = (
        Items(scores[mine], np.isin(number[mine], bad), number[mine])
        for mine in (np.isin(number, window[given.part == part]) for part in (1, 2))
    )
    return Judged(test, test, None, f1(quiet, test))


def f1(quiet: Items, test: Items) -> float:
    """Return the F1 of what the conformal threshold of quiet scores decides."""
    decided = conformal(quiet.scores, test.scores) <= FEWEST
    right = float((decided & test.attack).sum())
    return 2 * right / max(float(decided.sum() + test.attack.sum()), 1.0)


def recall_at(scores: Floats, attack: Bools, rate: float) -> float | None:
    """Return the most recall at a threshold with no more false positives than that rate.

    >>> recall_at(np.array([3.0, 2, 1, 0]), np.array([True, False, True, False]), 0.1)
    0.5
    """
    if not attack.any() or attack.all():
        return None
    quiet = np.sort(scores[~attack])[::-1]
    allowed = int(np.floor(rate * len(quiet) + 1e-9))
    return float((scores[attack] > quiet[allowed]).mean())


def ranking(items: Items) -> dict[str, float]:
    """Return AUC, AP and recall at the rates that are told; what can't be told is left out."""
    found = {"AUC": roc_auc(items.scores, items.attack)}
    found["AP"] = average_precision(items.scores, items.attack)
    for rate in RATES:
        found[f"recall at {rate:.1%} FPR"] = recall_at(items.scores, items.attack, rate)
    return {name: value for name, value in found.items() if value is not None}


class Gain(NamedTuple):
    """By how much one model is better than another: the mean, and 95 % of a paired bootstrap."""

    mean: float
    low: float
    high: float


def gains(ours: list[Items], theirs: list[Items], draws: int = DRAWS) -> dict[str, Gain]:
    """Return by how much ours is better, by metric.

    ours, theirs: of each seed, the same items. Drawn are seeds and, within, blocks of windows that
    follow each other, the same for both.
    """
    random = np.random.default_rng(0)
    held, place = np.unique(ours[0].window, return_inverse=True)
    block = place.ravel() * BLOCKS // max(len(held), 1)
    members = [np.flatnonzero(block == b) for b in np.unique(block)]

    def gain(chosen: Ints, seed: int) -> dict[str, float]:
        one, other = (ranking(side[seed].take(chosen)) for side in (ours, theirs))
        return {name: one[name] - other[name] for name in one.keys() & other.keys()}

    every = np.arange(len(ours[0].scores))
    whole = [gain(every, seed) for seed in range(len(ours))]
    drawn = []
    for _ in range(draws):
        picked = random.integers(0, len(members), len(members))
        chosen = np.concatenate([members[b] for b in picked])
        drawn.append(gain(chosen, int(random.integers(len(ours)))))
    found = {}
    for name in whole[0]:
        low, high = np.quantile([one[name] for one in drawn if name in one], [0.025, 0.975])
        found[name] = Gain(float(np.mean([one[name] for one in whole])), float(low), float(high))
    return found
