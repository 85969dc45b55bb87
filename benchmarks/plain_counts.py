"""The plain way: how seldom a parent launches such a child, by counting launches.

`names` counts programs, `commands` programs with their masked command lines. -log2 of
(n(parent, child) + 1) / (n(parent) + children + 1), over launches of the past.
"""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from graphad.graph import Graph


class Launch(NamedTuple):
    """A process's first launch in a graph: its entity, its parent's and its own name, its shape."""

    entity: int
    event: int
    parent: str
    child: str
    shape: str


def launches(graph: Graph) -> list[Launch]:
    """Return the first launch of each process, in time order."""
    found: dict[int, Launch] = {}
    for e in np.flatnonzero(graph.action == "launch"):
        u, v = int(graph.src[e]), int(graph.dst[e])
        found.setdefault(
            v, Launch(v, int(e), graph.names[u], graph.names[v], graph.shapes[v] or "")
        )
    return list(found.values())


class Plain:
    """Counts of launches."""

    def __init__(self, past: Iterable[Launch], with_command: bool) -> None:
        self.with_command = with_command
        self.pairs: Counter[tuple[str, ...]] = Counter()
        self.parents: Counter[str] = Counter()
        for launch in past:
            self.pairs[self._key(launch)] += 1
            self.parents[launch.parent] += 1
        self.children = len({key[1:] for key in self.pairs})

    def _key(self, launch: Launch) -> tuple[str, ...]:
        shape = (launch.shape,) if self.with_command else ()
        return (launch.parent, launch.child, *shape)

    def score(self, found: Iterable[Launch]) -> npt.NDArray[np.float64]:
        """Return the bits of launches."""
        return np.array(
            [
                -np.log2(
                    (self.pairs[self._key(one)] + 1)
                    / (self.parents[one.parent] + self.children + 1)
                )
                for one in found
            ]
        )
