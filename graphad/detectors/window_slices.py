"""Scores a window of units in slices, with the graph of one slice in memory."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from graphad.detect import Paths, Search
from graphad.graph import Graph, joined

if TYPE_CHECKING:
    from graphad.detectors.window import WindowDetector

Bools = npt.NDArray[np.bool_]


def unit_search(
    detector: "WindowDetector", covered: Callable[[Graph], Bools | None], **only: Any
) -> Search:
    """Return a search for what `detector.score` finds among the units of all slices.

    It is sent graphs that follow each other in time, in which no unit is cut.

    Raises:
        ValueError: there is no graph.
    """
    held: Graph | None = None
    best: Paths | None = None
    while (part := (yield)) is not None:
        found = detector.score(part, covered=covered(part), **only)
        detector.forget()
        if held is None or best is None:
            graph, every = part, found
        else:
            graph = joined([held, part])
            every = _both(best, replace(found, events=_shifted(found, len(held))))
        order = np.lexsort((np.arange(len(every)), -every.score, -every.z))[: detector.top]
        best = every.take(order)
        mine = np.zeros(len(graph), bool)
        mine[best.events[best.events >= 0]] = True
        best = best.within(mine)
        held = graph.subset(np.flatnonzero(mine)).used()
        del graph, part  # the next slice is made while we hold these
    if held is None or best is None:
        raise ValueError("There is no graph to score.")
    return held, best


def _shifted(paths: Paths, by: int) -> npt.NDArray[np.int64]:
    return np.where(paths.events >= 0, paths.events + by, -1)


def _both(one: Paths, two: Paths) -> Paths:
    """Return the paths of both."""
    assert one.stories is not None
    assert two.stories is not None
    return replace(
        one, score=np.concatenate([one.score, two.score]), z=np.concatenate([one.z, two.z]),
        length=np.concatenate([one.length, two.length]),
        events=np.concatenate([one.events, two.events]),
        terms=np.concatenate([one.terms, two.terms]), stories=one.stories + two.stories,
    )  # fmt: skip
