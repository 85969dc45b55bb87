"""What each hour of each host would raise by itself, of events that are one at a time."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from graphad.detect import Paths
from graphad.graph import Graph
from graphad.models.codes import changes

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MOST = 50  # odd events of an hour of a host that are looked at when it is counted


def oddest_of_hours(
    graph: Graph, event: Ints, host: Ints, hour: Ints, score: Floats, z: Floats, term: str
) -> Iterator[tuple[Graph, Paths]]:
    """Yield the oddest events of each hour of each host, best first, with the whole graph.

    event, host, hour, score, z [N]: of odd events: place in the graph, host by number, hours since
    1970; term: what their scores are called.
    """
    if not len(event):
        return
    order = np.lexsort((event, -score, -z, hour, host))
    begins = np.flatnonzero(changes(hour[order], host[order]))
    for begin, end in zip(begins, [*begins[1:], len(order)], strict=True):
        at = order[begin : min(end, begin + MOST)]
        one = np.ones(len(at), np.int64)
        bits = score[at][:, None, None]
        yield graph, Paths(score[at], z[at], one, event[at][:, None], bits, (term,), ())
