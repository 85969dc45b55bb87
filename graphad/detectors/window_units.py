"""Which events of a graph make one whole: a host's hour, a process tree, a logon session.

A process tree is of the first ancestor that the graph knows; what happened between processes of two
trees is of the tree of who acted. A session is what its processes did, those they started among
them. Events that no process acted in, or of processes that no session is known of, are in no unit.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from graphad.graph import Graph

Ints = npt.NDArray[np.int64]
UnitKind = Literal["host", "tree", "session"]

_BIRTHS = ("launch", "fork", "exec")


@dataclass(frozen=True)
class Units:
    """U parts of a graph; the events of each are side by side, in order of time.

    event [K] positions in the graph; start [U + 1]: where the events of each unit begin; root [U]:
    the entity a tree or session is of, -1 for a host's time; host [U]; begin [U] us, of its first
    event or of its stretch of time.
    """

    event: Ints
    start: Ints
    root: Ints
    host: "npt.NDArray[np.object_]"
    begin: Ints

    def __len__(self) -> int:
        """Return U."""
        return len(self.root)

    def events(self, unit: int) -> Ints:
        """Return the events of one unit."""
        return self.event[self.start[unit] : self.start[unit + 1]]

    @property
    def unit(self) -> Ints:
        """Return which unit each of its events is of, [K]."""
        return np.repeat(np.arange(len(self)), np.diff(self.start))

    def take(self, chosen: Ints) -> "Units":
        """Return some units, in the order given."""
        events = [self.events(int(u)) for u in chosen]
        sizes = [len(one) for one in events]
        return Units(
            np.concatenate([*events, np.empty(0, np.int64)]).astype(np.int64),
            np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
            self.root[chosen], self.host[chosen], self.begin[chosen],
        )  # fmt: skip


def units(graph: Graph, kind: UnitKind = "host", slice_s: int = 3600) -> Units:
    """Return the units of a graph, by their first event. Raises: ValueError: slice_s is below 1."""
    if slice_s < 1:
        raise ValueError("slice_s must be at least a second.")
    if kind == "host":
        host, _ = graph.hosts
        step = graph.ts // (slice_s * 1_000_000)
        _, first, unit = np.unique(
            np.stack([host, step]), axis=1, return_index=True, return_inverse=True
        )
        made = _grouped(graph, np.arange(len(graph)), unit.ravel(), np.full(len(first), -1))
        begin = made.begin // (slice_s * 1_000_000) * slice_s * 1_000_000
        return Units(made.event, made.start, made.root, made.host, begin)
    root = roots(graph)
    if kind == "session":
        root = _sessions(graph, root)
    process = graph.are({"process"})
    actor = np.where(process[graph.src], graph.src, np.where(process[graph.dst], graph.dst, -1))
    if kind == "session":  # what opens a session and starts its first process belongs to it
        session = graph.are({"session"})
        opened = np.where(
            session[graph.src], graph.src, np.where(session[graph.dst], graph.dst, -1)
        )
        of = np.where(opened >= 0, opened, np.where(actor >= 0, root[actor], -1))
    else:
        of = np.where(actor >= 0, root[actor], -1)
    events = np.flatnonzero(of >= 0)
    found, unit = np.unique(of[events], return_inverse=True)
    return _grouped(graph, events, unit.ravel(), found)


def roots(graph: Graph) -> Ints:
    """Return the first ancestor of each process [N], itself if nothing started it; -1 for others.

    An entity is started once, by the first that did.
    """
    process = graph.are({"process"})
    above = np.arange(len(graph.ids))  # an ancestor of each, by which its root is found

    def root(n: int) -> int:
        while above[n] != n:
            above[n] = above[above[n]]
            n = int(above[n])
        return n

    started = np.zeros(len(above), bool)
    for e in _births(graph, process):
        u, v = int(graph.src[e]), int(graph.dst[e])
        if not started[v] and root(u) != v:  # a descendant of its own did not start it
            started[v] = True
            above[v] = u
    return np.array([root(n) if process[n] else -1 for n in range(len(above))], np.int64)


def _births(graph: Graph, process: npt.NDArray[np.bool_]) -> Iterator[int]:
    births = np.isin(graph.action.astype(str), _BIRTHS)
    births &= process[graph.src] & process[graph.dst] & (graph.src != graph.dst)
    yield from np.flatnonzero(births).tolist()


def _sessions(graph: Graph, root: Ints) -> Ints:
    """Return the session of each process [N]: its own, else that of its nearest known ancestor."""
    session, process = graph.are({"session"}), graph.are({"process"})
    found = np.full(len(graph.ids), -1)
    starts = session[graph.src] & process[graph.dst]
    for e in np.flatnonzero(starts).tolist():
        if found[graph.dst[e]] < 0:
            found[graph.dst[e]] = graph.src[e]
    for e in _births(graph, process):
        if found[graph.dst[e]] < 0:
            found[graph.dst[e]] = found[graph.src[e]]
    return np.where(process & (found < 0) & (root >= 0), found[root], found)


def _grouped(graph: Graph, events: Ints, unit: Ints, root: Ints) -> Units:
    """Return units of events [K], ascending, by their numbers; each has one at least."""
    order = np.argsort(unit, kind="stable")
    size = np.bincount(unit, minlength=len(root))
    first = np.concatenate([[0], np.cumsum(size)[:-1]]).astype(np.int64)
    lead = events[order][first] if len(root) else np.empty(0, np.int64)
    by = np.argsort(lead, kind="stable")
    place = np.empty(len(by), np.int64)
    place[by] = np.arange(len(by))
    order = np.argsort(place[unit], kind="stable")
    start = np.concatenate([[0], np.cumsum(size[by])]).astype(np.int64)
    lead = lead[by]
    return Units(events[order], start, root[by], graph.host[lead], graph.ts[lead])
