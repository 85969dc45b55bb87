"""Scores a window in slices: the paths of all events, with the events of one slice in memory.

Each slice is searched with the last span of what came before, in which every path that goes on into
it lies, and with the events of the best paths so far. So the paths of what is in memory are always
paths of the window, and the best so far among them: what is not the best of what was seen by now
isn't so later. Labels and entities are told anew from what they are, so nothing has to be numbered
alike over slices.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from graphad.detect import Search
from graphad.detectors.path import PathDetector
from graphad.graph import Graph, joined

Bools = npt.NDArray[np.bool_]


def path_search(
    detector: PathDetector,
    covered: Callable[[Graph], Bools | None] = lambda graph: None,
    *,
    inside: bool = False,
    hosts: Iterable[str] | None = None,
    types: Iterable[str] | None = None,
) -> Search:
    """Return a search for the paths that `detector.score` gives for all events.

    It is sent graphs that follow each other in time; no time is in two. covered: says of a graph
    which events count 0 bits, see PathDetector.score, as inside, hosts and types.

    Raises:
        ValueError: no graph, or several that cannot be scored apart (`slice_s`) or overlap.
    """
    hosts = None if hosts is None else list(hosts)
    types = None if types is None else list(types)
    held: Graph | None = None
    exact, last = True, None
    while (part := (yield)) is not None:
        if held is None:
            graph = part
        elif detector.slice_s is None:
            raise ValueError("Slices need a span, and lengths that were scaled by a fit.")
        else:
            if len(part) and last is not None and part.ts[0] <= last:
                raise ValueError("A slice begins before the one before it has ended.")
            graph, held = joined([held, part]), None  # which is not needed twice
        paths = detector.score(
            graph, inside=inside, covered=covered(graph), hosts=hosts, types=types
        )
        detector.forget()
        exact = exact and paths.exact
        last = int(graph.ts[-1]) if len(graph) else None
        mine = np.zeros(len(graph), bool)
        mine[paths.events[paths.events >= 0]] = True
        small = paths.within(mine)
        kept = mine
        if last is not None and detector.span_us is not None:
            kept = mine | (graph.ts >= last - detector.span_us)
        held, best = graph.subset(kept).used(), graph.subset(mine).used()
        del graph, part, kept  # the next slice is made while we hold these
    if held is None:
        raise ValueError("There is no graph to score.")
    return best, replace(small, exact=exact)
