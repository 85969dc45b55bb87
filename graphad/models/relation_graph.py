"""Windows of lines as graphs of events and the components, hosts, users and addresses they name.

A window w ends with the step that holds time w * step, and reaches back by its length; only what
falls into its last step is judged in it, so each relation is judged once, with all that came before
it in its window. Nodes are told apart by type and value, edges weigh log(1 + lines). Source: Li et
al., GLAD, ICKG 2023, equations 3 and 4 of our notes; the authors' windows don't slide, and their
weights are numbers of lines.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from graphad.models.codes import changes
from graphad.models.relations import Relations

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class WindowEdges:
    """Which event was told of which node in which window, each once: M edges in order.

    window (its number, rising), event, node, count [M]: how many relations gave it.
    """

    window: Ints
    event: Ints
    node: Ints
    count: Floats

    @classmethod
    def of(cls, relations: Relations, step_us: int, length_us: int) -> tuple["WindowEdges", Ints]:
        """Return the edges of all windows, and for each relation [R] the edge it is judged by.

        Raises: ValueError: the step is not positive, or the length is not a multiple of it.
        """
        if step_us < 1 or length_us < step_us or length_us % step_us:
            raise ValueError("A window must be one or more whole steps long.")
        own = relations.ts[relations.line] // step_us
        held = np.unique(own)
        windows, rows = [own], [np.arange(len(relations))]
        for later in range(1, length_us // step_us):
            there = np.isin(own + later, held)  # a window with nothing to judge isn't needed
            windows.append(own[there] + later)
            rows.append(np.flatnonzero(there))
        row = np.concatenate(rows)
        made, at = cls.counted(
            np.concatenate(windows), relations.of_event[row], relations.node[row],
            np.ones(len(row)),
        )  # fmt: skip
        return made, at[: len(relations)]

    @classmethod
    def counted(
        cls, window: Ints, event: Ints, node: Ints, count: Floats
    ) -> tuple["WindowEdges", Ints]:
        """Return the edges of rows in any order, counts summed, and for each row its edge."""
        order = np.lexsort((node, event, window))
        first = changes(window[order], event[order], node[order])
        at = np.empty(len(order), np.int64)
        at[order] = np.cumsum(first) - 1
        kept = order[first]
        total = np.bincount(at, count, minlength=len(kept)).astype(np.float64)
        return cls(window[kept], event[kept], node[kept], total), at

    def __len__(self) -> int:
        """Return M."""
        return len(self.window)

    def between(self, start: int, stop: int) -> "WindowEdges":
        """Return edges start to stop."""
        part = slice(start, stop)
        return WindowEdges(self.window[part], self.event[part], self.node[part], self.count[part])

    def take(self, edges: Ints) -> "WindowEdges":
        """Return some edges, by rising numbers."""
        e = edges
        return WindowEdges(self.window[e], self.event[e], self.node[e], self.count[e])


@dataclass(frozen=True)
class WindowGraphs:
    """Graphs of W windows side by side; T tokens are their nodes, an event or value in one window.

    number [W]: of windows, rising; start [W + 1]: window w has tokens start[w] to start[w + 1];
    vertex [T]: the event, or E + the node, rising in a window; src (of the event), dst (of the
    node) [M]: tokens of edges.
    """

    number: Ints
    start: Ints
    vertex: Ints
    src: Ints
    dst: Ints

    @classmethod
    def of(cls, edges: WindowEdges, events: int) -> "WindowGraphs":
        """Return the graphs of edges."""
        both = np.concatenate([edges.event, events + edges.node])
        number, window = np.unique(edges.window, return_inverse=True)
        window = np.tile(window.ravel(), 2)
        order = np.lexsort((both, window))
        first = changes(window[order], both[order])
        token = np.empty(len(order), np.int64)
        token[order] = np.cumsum(first) - 1
        kept = order[first]
        start = np.searchsorted(window[kept], np.arange(len(number) + 1))
        m = len(edges)
        return cls(number, start, both[kept], token[:m], token[m:])

    @property
    def window(self) -> Ints:
        """Return the place of each token's window [T]."""
        return np.repeat(np.arange(len(self.number)), np.diff(self.start))

    def degrees(self, weight: Floats) -> Floats:
        """Return the sum of the weights [M] of each token's edges [T]."""
        ends = np.concatenate([self.src, self.dst])
        return np.bincount(ends, np.tile(weight, 2), minlength=len(self.vertex)).astype(np.float64)

    def normalised(self, weight: Floats) -> tuple[Floats, Floats]:
        """Return D^-1/2 (W + I) D^-1/2: of each edge [M], of each token with itself [T].

        D are the degrees with 1 for itself. Source: Kipf, Welling, Semi-Supervised Classification
        with Graph Convolutional Networks, ICLR 2017.
        """
        root = 1.0 / np.sqrt(self.degrees(weight) + 1.0)
        return weight * root[self.src] * root[self.dst], root**2


def weights(count: Floats) -> Floats:
    """Return the weights of edges of so many lines: log(1 + count)."""
    return np.log1p(count)
