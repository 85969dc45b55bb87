"""Several searches through one window: each part of it is read once and sent to all of them."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from graphad.detect import Paths, Search
from graphad.graph import Graph


@dataclass
class Found:
    """What a search found: the graph of its events, its paths, and how long it took itself [s]."""

    graph: Graph
    paths: Paths
    seconds: float


def sought(searches: Sequence[Search], slices: Iterable[Graph]) -> tuple[list[Found], float]:
    """Send slices to searches, each slice to all before the next; return what they found.

    Beside it the seconds that were spent on making the slices.

    Raises:
        ValueError: there is no slice, or as a search says.
    """
    took = [0.0] * len(searches)
    began = time.monotonic()
    for search in searches:
        next(search)
    for part in slices:
        for i, search in enumerate(searches):
            sent = time.monotonic()
            search.send(part)
            took[i] += time.monotonic() - sent
        del part  # the next one is made while we hold no slice
    found: list[Found] = []
    for i, search in enumerate(searches):
        sent = time.monotonic()
        try:
            search.send(None)
        except StopIteration as end:
            graph, paths = end.value
        found.append(Found(graph, paths, took[i] + time.monotonic() - sent))
    return found, time.monotonic() - began - sum(one.seconds for one in found)


def best(search: Search, slices: Iterable[Graph]) -> tuple[Graph, Paths]:
    """Return what one search finds in slices, and the graph of that. Raises: as `sought`."""
    (found,), _ = sought([search], slices)
    return found.graph, found.paths
