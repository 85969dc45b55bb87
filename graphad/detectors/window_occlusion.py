"""Which events make a unit odd: those without which its score would fall most.

A pair of entities with all that happened between them is taken away, and the unit is scored anew.
Tried are the pairs with the rarest names, as taking each away would cost the size of the unit
squared. benchmarks/window_fidelity.py says how faithful this is.
"""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from graphad.detectors.window_units import Units
from graphad.graph import Graph

if TYPE_CHECKING:
    from graphad.detectors.window import WindowDetector

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SHOWN = 6  # pairs that are told of a unit, each by its first event
TRIED = 40
_EVENTS = 100_000  # that are scored anew for a unit; larger ones get fewer tries


def telling_events(
    detector: "WindowDetector", graph: Graph, found: Units, score: Floats, inside: bool
) -> tuple[Ints, Floats]:
    """Return events of each unit [U, SHOWN], -1 padded, and by how much its score falls without.

    The falls [U, SHOWN] come the largest first, each of its pair alone; they don't add up.
    """
    events = np.full((len(found), SHOWN), -1)
    fall = np.zeros((len(found), SHOWN))
    for u in range(len(found)):
        mine = found.events(u)
        first, which = _pairs(graph, mine)
        tried = _rarest(detector, graph, mine[first], max(_EVENTS // len(mine), SHOWN))
        drop = np.zeros(len(tried))
        if len(first) > 1:
            kept = [mine[which != pair] for pair in tried]
            left = _units(graph, found, u, kept)
            drop = score[u] - detector.scored(graph, left, inside)[0]
        order = np.argsort(-drop, kind="stable")[:SHOWN]
        order = order[: max(int((drop[order] > 0).sum()), 1)]
        events[u, : len(order)] = mine[first[tried[order]]]
        fall[u, : len(order)] = np.maximum(drop[order], 0.0)
    return events, fall


def _pairs(graph: Graph, events: Ints) -> tuple[Ints, Ints]:
    """Return the first event [P] of each pair of entities, and the pair of each event [K]."""
    ends = np.stack([graph.src[events], graph.dst[events]])
    _, first, which = np.unique(ends, axis=1, return_index=True, return_inverse=True)
    return first, which.ravel()


def _rarest(detector: "WindowDetector", graph: Graph, events: Ints, most: int) -> Ints:
    """Return which of some events [P] have the rarest names, the rarest first."""
    every = detector.rare(graph)
    rare = np.stack([every[ends[events]] for ends in (graph.src, graph.dst)])
    return np.lexsort((np.arange(len(events)), -rare.sum(axis=0), -rare.max(axis=0)))[
        : min(most, TRIED)
    ]


def _units(graph: Graph, found: Units, u: int, events: list[Ints]) -> Units:
    """Return units of one's kind with other events."""
    many = np.full(len(events), u)
    start = np.concatenate([[0], np.cumsum([len(one) for one in events])]).astype(np.int64)
    return Units(
        np.concatenate(events), start, found.root[many], found.host[many], found.begin[many]
    )
