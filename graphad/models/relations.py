"""Relations in lines of logs: which kind of event is told of which component, host, user, address.

A line has one event (its template, or the first column of a table) and any number of nodes, each a
value of a type. Each pair of them is a relation. Source: Li et al., GLAD: Content-aware Dynamic
Graphs for Log Anomaly Detection, ICKG 2023; nodes are told apart by type and value, not by value
alone (5.4 of our notes).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Relations:
    """L lines with R relations, lines in order of time, relations in order of lines.

    ts [L] us; event [L] by `events`; line [R]; node [R] by `nodes`; events: names; nodes: (type,
    value), each once.
    """

    ts: Ints
    event: Ints
    line: Ints
    node: Ints
    events: Sequence[str]
    nodes: Sequence[tuple[str, str]]

    def __post_init__(self) -> None:
        """Refuse what does not hang together. Raises: ValueError."""
        if self.ts.shape != self.event.shape or self.line.shape != self.node.shape:
            raise ValueError("Lines have a time and an event, relations a line and a node.")
        for codes, size in (
            (self.event, len(self.events)), (self.line, len(self.ts)), (self.node, len(self.nodes)),
        ):  # fmt: skip
            if len(codes) and not 0 <= codes.min() <= codes.max() < size:
                raise ValueError("A line, event or node is named that is not there.")
        if (np.diff(self.ts) < 0).any() or (np.diff(self.line) < 0).any():
            raise ValueError("Lines must be in order of time, relations in order of lines.")

    def __len__(self) -> int:
        """Return R."""
        return len(self.line)

    @property
    def of_event(self) -> Ints:
        """Return the event of each relation [R]."""
        return self.event[self.line]

    def take(self, lines: npt.ArrayLike) -> "Relations":
        """Return some lines, a mask or rising numbers, with their relations; names stay."""
        kept = np.zeros(len(self.ts), bool)
        kept[np.asarray(lines)] = True
        mine = kept[self.line]
        place = np.cumsum(kept) - 1
        return replace(
            self, ts=self.ts[kept], event=self.event[kept], line=place[self.line[mine]],
            node=self.node[mine],
        )  # fmt: skip


def joined(parts: Sequence[Relations]) -> Relations:
    """Return the lines of all parts in order of time, those of a part in its order."""
    events = sorted({name for part in parts for name in part.events})
    nodes = sorted({node for part in parts for node in part.nodes})
    of_event = {name: i for i, name in enumerate(events)}
    of_node = {node: i for i, node in enumerate(nodes)}
    none = np.zeros(0, np.int64)
    ts, event, line, node, before = [none], [none], [none], [none], 0
    for part in parts:
        place = np.array([of_event[name] for name in part.events], np.int64)
        where = np.array([of_node[one] for one in part.nodes], np.int64)
        ts.append(part.ts)
        event.append(place[part.event] if len(part.event) else none)
        node.append(where[part.node] if len(part.node) else none)
        line.append(part.line + before)
        before += len(part.ts)
    whole = np.concatenate(ts)
    order = np.argsort(whole, kind="stable")
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    lines = place[np.concatenate(line)]
    by = np.argsort(lines, kind="stable")
    return Relations(
        whole[order], np.concatenate(event)[order], lines[by], np.concatenate(node)[by], events,
        nodes,
    )  # fmt: skip
