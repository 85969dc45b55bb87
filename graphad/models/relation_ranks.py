"""Scores of relations put beside those of quiet time: p-values, ranks of two models, windows.

What a score is held against is always a reference of quiet, held-out time, never the other scores
that are judged, so an edge's rank doesn't depend on its neighbours. Source: the conformal p-value
of Vovk, Gammerman, Shafer, Algorithmic Learning in a Random World, 2005; our notes on GLAD, 12.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from graphad.models.tails import Tail

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def conformal(reference: Floats, scores: Floats) -> Floats:
    """Return (1 + reference scores that reach it) / (1 + all of them) of each score [n].

    >>> conformal(np.array([0.1, 0.2, 0.3, 0.4]), np.array([0.35, 0.9])).tolist()
    [0.4, 0.2]
    """
    rising = np.sort(reference)
    reach = len(rising) - np.searchsorted(rising, scores, "left")
    found = (1.0 + reach) / (1.0 + len(rising))
    return found.astype(np.float64)


def rank_average(tails: Sequence[Tail], scores: Sequence[Floats]) -> Floats:
    """Return -log2 of the mean share [n] of quiet scores that reach each score, over the models.

    tails: of each model's quiet scores; beyond those shares fall on, so that what is unlike all of
    them still has an order.
    """
    shares = [tail.share(one) for tail, one in zip(tails, scores, strict=True)]
    mean = np.stack(shares).mean(axis=0).astype(np.float64)
    found: Floats = -np.log2(np.maximum(mean, 1e-300))
    return found


def window_means(window: Ints, scores: Floats, highest: int = 3) -> tuple[Ints, Floats]:
    """Return the windows' numbers [W], rising, and the means [W] of their highest scores.

    >>> number, mean = window_means(np.array([7, 7, 7, 9]), np.array([1.0, 5.0, 3.0, 2.0]), 2)
    >>> number.tolist(), mean.tolist()
    ([7, 9], [4.0, 2.0])
    """
    order = np.lexsort((-scores, window))
    number, start = np.unique(window[order], return_index=True)
    place = np.arange(len(order)) - np.repeat(start, np.diff(np.append(start, len(order))))
    kept = order[place < highest]
    at = np.searchsorted(number, window[kept])
    count = np.bincount(at, minlength=len(number))
    found: Floats = np.bincount(at, scores[kept], len(number)) / np.maximum(count, 1)
    return number, found
