"""Relations that did not occur, to learn from beside those that did.

An end of a true relation is replaced: the event with a chance of D_event / (D_event + D_node), D
the sums of weights of their edges. By default another of the same type takes its place, half of
them drawn as often as they occur in training, and no pair that occurs anywhere in training is
taken; in the authors' code any node of the window that is not adjacent. Source: Li et al., GLAD,
ICKG 2023, equation 9 of our notes, after Zheng et al., AddGraph, IJCAI 2019.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from graphad.models.relation_graph import WindowGraphs

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_TRIES = 8
_WIDEST = 4096  # tokens of a window that may have false edges of the paper's kind
_CELLS = 2**22  # so many choices are made at once


def first_replaced(first: Floats, second: Floats) -> Floats:
    """Return the chance that the first end is replaced, by the degrees of both ends.

    >>> first_replaced(np.array([6.0]), np.array([1.0])).round(6).tolist()
    [0.857143]
    """
    return first / (first + second)


@dataclass(frozen=True)
class TypedNegatives:
    """What false relations are drawn from: those of the training, by type.

    events: how many there are; seen: pairs event * nodes + node, rising, of V nodes; lines of each
    event [E], of each node [V]; kind [V]: the type of a node.
    """

    seen: Ints
    of_event: Floats
    of_node: Floats
    kind: Ints

    @classmethod
    def of(cls, event: Ints, node: Ints, kind: Ints, events: int) -> "TypedNegatives":
        """Return it for the relations [R] of the training; kind [V]: the type of each node."""
        nodes = len(kind)
        return cls(
            np.unique(event * nodes + node),
            np.bincount(event, minlength=events).astype(np.float64),
            np.bincount(node, minlength=nodes).astype(np.float64), kind,
        )  # fmt: skip

    def draw(
        self, random: np.random.Generator, event: Ints, node: Ints, first: Floats
    ) -> tuple[Ints, Ints, Bools]:
        """Return a false relation for each true one [n], and where there is one.

        first: the chance that the event is replaced. Where all tries gave true pairs there is none.
        """
        n = len(event)
        swap = random.random(n) < first
        made_event, made_node, good = event.copy(), node.copy(), np.zeros(n, bool)
        for _ in range(_TRIES):
            left = np.flatnonzero(~good)
            if not len(left):
                break
            frequent = random.random(len(left)) < 0.5
            at = random.random(len(left))
            zero = np.zeros(len(self.of_event), np.int64)
            some_event = _drawn(self.of_event, zero, np.zeros(len(left), np.int64), at, frequent)
            some_node = _drawn(self.of_node, self.kind, self.kind[node[left]], at, frequent)
            made_event[left] = np.where(swap[left], some_event, event[left])
            made_node[left] = np.where(swap[left], node[left], some_node)
            key = made_event[left] * len(self.kind) + made_node[left]
            place = np.minimum(np.searchsorted(self.seen, key), len(self.seen) - 1)
            good[left] = self.seen[place] != key
        return made_event, made_node, good


def _drawn(lines: Floats, kind: Ints, wanted: Ints, at: Floats, frequent: Bools) -> Ints:
    """Return one [n] of each kind that is wanted, by lines where `frequent`, else evenly.

    at: numbers in [0, 1) that choose. Only what occurs at all is taken.
    """
    order = np.argsort(kind, kind="stable")
    order = order[lines[order] > 0]
    found = np.empty(len(wanted), np.int64)
    for weight, mine in ((lines[order], frequent), (np.ones(len(order)), ~frequent)):
        end = np.cumsum(weight)
        low = np.searchsorted(kind[order], wanted[mine], "left")
        high = np.searchsorted(kind[order], wanted[mine], "right")
        before = np.where(low > 0, end[low - 1], 0.0)
        target = before + at[mine] * (end[high - 1] - before)
        place = np.searchsorted(end, target, "right")
        found[mine] = order[np.clip(place, low, high - 1)]
    return found


def not_adjacent(graphs: WindowGraphs, window: int) -> Bools:
    """Return which tokens [n, n] of a window are neither adjacent nor the same."""
    a, b = graphs.start[window], graphs.start[window + 1]
    free = ~np.eye(b - a, dtype=bool)
    mine = (graphs.src >= a) & (graphs.src < b)
    src, dst = graphs.src[mine] - a, graphs.dst[mine] - a
    free[src, dst] = free[dst, src] = False
    return free


def window_negatives(
    random: np.random.Generator, graphs: WindowGraphs, weight: Floats
) -> tuple[Ints, Ints, Bools]:
    """Return a false edge [M] for each true one, by tokens, and where there is one, as the paper.

    An end that is adjacent to every other node is always the one replaced; if both are, there is no
    false edge. Nor is there one in a window of more than 4,096 tokens; the authors drop those.
    """
    degree = graphs.degrees(weight)
    src, dst = graphs.src.copy(), graphs.dst.copy()
    good = np.zeros(len(src), bool)
    chance = random.random(len(src)) < first_replaced(degree[src], degree[dst])
    edge_window = np.searchsorted(graphs.start, graphs.src, "right") - 1
    cuts = np.searchsorted(edge_window, np.arange(len(graphs.number) + 1))
    for w in range(len(graphs.number)):
        a, n = graphs.start[w], graphs.start[w + 1] - graphs.start[w]
        if n > _WIDEST:
            continue
        free = not_adjacent(graphs, w)
        for low in range(cuts[w], cuts[w + 1], max(_CELLS // n, 1)):
            mine = slice(low, min(low + max(_CELLS // n, 1), cuts[w + 1]))
            i, j = graphs.src[mine] - a, graphs.dst[mine] - a
            # The first is replaced by one that is not adjacent to the second, and the other way.
            for_first, for_second = free[j].any(axis=1), free[i].any(axis=1)
            first = (chance[mine] & for_first) | ~for_second
            open_ = np.where(first[:, None], free[j], free[i])
            pick = (random.random(open_.shape) * open_).argmax(axis=1)
            src[mine] = np.where(first, pick, i) + a
            dst[mine] = np.where(first, j, pick) + a
            good[mine] = for_first | for_second
    return src, dst, good
