"""How unlikely a relation is by counts: whether this event normally occurs with this value.

An event that was seen n times with values of a type, d of them distinct, has another one next with
probability d / (n + d), and one that it had m times with max(m, d) / (n + d). So an event that has
a new process id each time says nothing by that, and one that always had the same three users does.
A value that no event had adds bits of its own by the same rule; so has an event that is new.
Source: Witten and Bell, The Zero-Frequency Problem, IEEE Trans. Information Theory 37(4), 1991,
method C. "surprisal" is the plainer form of our notes on GLAD (11, iii),
-log2((m + 0.1) / (n(e) + 0.1 K)), and "unseen" has a bit for what was never seen, else nothing.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from graphad.errors import ModelError, NotFitted
from graphad.models.codes import packed
from graphad.models.relations import Relations

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

TERMS = ("relation", "value")
Form = Literal["counts", "surprisal", "unseen"]
ALPHA = 0.1  # of surprisal
_APART = "\x1f"  # of a type and a value


class Bits(NamedTuple):
    """What relations are worth: terms [R, 2] by TERMS, which add up to their bits.

    known [R]: how often each was seen; since [R]: when first [us], 0 if it was not. Of an event
    that was never seen nothing else is odd: its relations have no bits.
    """

    terms: Floats
    known: Ints
    since: Ints

    @property
    def bits(self) -> Floats:
        """Return the sums of terms [R]."""
        found: Floats = self.terms.sum(axis=1)
        return found


class _Sums(NamedTuple):
    """What counts add up to; the last event, type and node are those that were never seen.

    n, d [E + 1, T + 1]: values of a type that an event had, and distinct ones; of_type, values
    [T + 1]: the same of all events; lines [E + 1]: how often an event was seen, by the type that it
    had most often; node [V + 1]: how often a node was.
    """

    n: Ints
    d: Ints
    of_type: Ints
    values: Ints
    lines: Ints
    node: Ints


@dataclass
class RelationCounts:
    """Counts relations that were seen.

    events [E]: names; nodes [V]: type and value, joined. pairs [P, 2]: event and node, rising;
    count [P]; first [P] us.
    """

    form: Form = "counts"
    events: list[str] = field(default_factory=list, repr=False)
    nodes: list[str] = field(default_factory=list, repr=False)
    pairs: Ints = field(default_factory=lambda: np.zeros((0, 2), np.int64), repr=False)
    count: Ints = field(default_factory=lambda: np.zeros(0, np.int64), repr=False)
    first: Ints = field(default_factory=lambda: np.zeros(0, np.int64), repr=False)
    _made: tuple[Ints, _Sums, list[str], Ints] | None = field(
        default=None, init=False, repr=False, compare=False
    )

    def fit(self, found: Relations) -> "RelationCounts":
        """Count relations. Raises: ValueError: there is none."""
        fresh = RelationCounts(self.form).update(found)
        self.events, self.nodes, self._made = fresh.events, fresh.nodes, None
        self.pairs, self.count, self.first = fresh.pairs, fresh.count, fresh.first
        return self

    def update(self, found: Relations) -> "RelationCounts":
        """Count further relations; what was counted stays. Raises: ValueError: there is none."""
        if not len(found):
            raise ValueError("There is no relation to learn from.")
        met_events = [found.events[e] for e in np.unique(found.of_event)]
        names = _joined(found.nodes)
        met_nodes = [names[n] for n in np.unique(found.node)]
        events = sorted({*self.events, *met_events})
        nodes = sorted({*self.nodes, *met_nodes})
        old = np.stack(
            [_place(self.events, events)[self.pairs[:, 0]],
             _place(self.nodes, nodes)[self.pairs[:, 1]]], axis=1,
        ) if len(self.pairs) else self.pairs  # fmt: skip
        new = np.stack(
            [_place(found.events, events)[found.of_event], _place(names, nodes)[found.node]], axis=1
        )
        ts = np.concatenate([self.first, found.ts[found.line]])
        amount = np.concatenate([self.count, np.ones(len(found), np.int64)])
        both = np.concatenate([old, new])
        _, at, which = np.unique(packed(*both.T), return_index=True, return_inverse=True)
        self.events, self.nodes, self.pairs = events, nodes, both[at]
        self.count = np.bincount(which, amount, len(at)).astype(np.int64)
        self.first = np.full(len(at), np.iinfo(np.int64).max)
        np.minimum.at(self.first, which, ts)
        return self

    def score(self, found: Relations, *, inside: bool = False) -> Bits:
        """Return the bits of relations; inside: these were counted, each is judged by the others.

        Raises: NotFitted.
        """
        sums, types, _ = self._known
        names = _joined(found.nodes)
        event = _place(found.events, self.events)[found.of_event]
        node = _place(names, self.nodes)[found.node]
        kinds = _place([kind for kind, _ in found.nodes], types)
        kind = kinds[found.node] if len(found) else np.zeros(0, np.int64)
        at, there = self._at(event, node)
        known = np.where(there, self.count[at], 0)
        less = int(inside)
        once = (known == 1) & inside
        m = np.maximum(known - less, 0)
        n = np.maximum(sums.n[event, kind] - less, 0)
        d = sums.d[event, kind] - once
        lines = np.maximum(sums.lines[event] - less, 0)
        of_node = np.maximum(sums.node[node] - less, 0)
        of_type = np.maximum(sums.of_type[kind] - less, 0)
        values = sums.values[kind] - ((sums.node[node] == 1) & inside)
        terms = np.zeros((len(found), len(TERMS)))
        if self.form == "unseen":
            terms[:, 0] = (m == 0) & (lines > 0)
        elif self.form == "surprisal":
            share = (m + ALPHA) / (n + ALPHA * np.maximum(values, 1))
            terms[:, 0] = np.where(lines > 0, -np.log2(np.minimum(share, 1.0)), 0.0)
        else:
            # What was seen is no odder than what was not: of ports that are new each time, all are.
            share = np.maximum(np.maximum(m, d), 1) / np.maximum(n + d, 1)
            # An event that never had a value of this type: that is what's new about it.
            share = np.where(n > 0, share, 1.0 / (lines + 1.0))
            terms[:, 0] = np.where(lines > 0, -np.log2(share), 0.0)
            odd = np.maximum(values, 1) / np.maximum(of_type + values, 1)
            terms[:, 1] = np.where((of_node > 0) | (lines == 0), 0.0, -np.log2(odd))
        return Bits(terms, known, np.where(there, self.first[at], 0))

    def score_events(self, names: Sequence[str], *, inside: bool = False) -> Floats:
        """Return the bits [n] of events by themselves: how seldom each was, or that it never was.

        inside: one of each was counted, and does not count. Raises: NotFitted.
        """
        lines = self._known[0].lines
        event = _place(names, self.events)
        m = np.maximum(lines[event] - inside, 0)
        distinct = len(self.events) - ((lines[event] == 1) & inside)
        whole = lines.sum() - inside + distinct
        if self.form == "unseen":
            fresh: Floats = (m == 0).astype(np.float64)
            return fresh
        found: Floats = np.log2(np.maximum(whole, 1) / np.maximum(np.where(m > 0, m, distinct), 1))
        return found

    def usual(self, event: str, kind: str, most: int = 5) -> list[tuple[str, int]]:
        """Return the values of a type that an event had most often, and how often."""
        _, types, type_of = self._known
        if not self.knows(event) or kind not in types:
            return []
        e, t = bisect_left(self.events, event), types.index(kind)
        low, high = np.searchsorted(self.pairs[:, 0], [e, e + 1])
        mine = np.arange(low, high)
        mine = mine[type_of[self.pairs[mine, 1]] == t]
        best = mine[np.argsort(-self.count[mine], kind="stable")][:most]
        return [
            (self.nodes[self.pairs[i, 1]].partition(_APART)[2], int(self.count[i])) for i in best
        ]

    def knows(self, event: str) -> bool:
        """Return whether an event was ever seen."""
        at = bisect_left(self.events, event)
        return at < len(self.events) and self.events[at] == event

    def seen(self, event: str, kind: str) -> int:
        """Return how often an event was seen with a value of a type."""
        sums, types, _ = self._known
        if not self.knows(event) or kind not in types:
            return 0
        return int(sums.n[bisect_left(self.events, event), types.index(kind)])

    def dump(self) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]], dict[str, list[str]]]:
        """Return settings, arrays and texts for `restore`."""
        if not len(self.pairs):
            raise NotFitted("relation")
        arrays = {"pairs": self.pairs, "count": self.count, "first": self.first}
        return {"form": self.form}, arrays, {"events": self.events, "nodes": self.nodes}

    @classmethod
    def restore(
        cls, told: Mapping[str, Any], arrays: Mapping[str, Any], texts: Mapping[str, Any]
    ) -> "RelationCounts":
        """Return what `dump` gave. Raises: ModelError if it doesn't hang together."""
        try:
            if told["form"] not in ("counts", "surprisal", "unseen"):
                raise ValueError("its form")
            made = cls(
                told["form"], texts["events"], texts["nodes"], arrays["pairs"], arrays["count"],
                arrays["first"],
            )  # fmt: skip
            for names in (made.events, made.nodes):
                if not all(isinstance(name, str) for name in names) or names != sorted(set(names)):
                    raise ValueError("its names")
            p, size = made.pairs, (len(made.events), len(made.nodes))
            if any(a.dtype != np.int64 for a in (p, made.count, made.first)) or not len(p):
                raise ValueError("types")
            if p.shape != (len(p), 2) or made.count.shape != made.first.shape != (len(p),):
                raise ValueError("shapes")
            if made.count.shape != (len(p),) or made.count.min() < 1:
                raise ValueError("counts")
            if p.min() < 0 or (p.max(axis=0) >= size).any() or not _rising(p):
                raise ValueError("pairs")
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise ModelError(f"The counts of relations are damaged: {error}.") from error
        return made

    def _at(self, event: Ints, node: Ints) -> tuple[Ints, npt.NDArray[np.bool_]]:
        """Return where pairs are, and whether they are there."""
        size = len(self.nodes) + 1
        keys, wanted = self.pairs[:, 0] * size + self.pairs[:, 1], event * size + node
        at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        return at, keys[at] == wanted

    @property
    def _known(self) -> tuple[_Sums, list[str], Ints]:
        """Return sums, the types in order, and the type of each node."""
        if not len(self.pairs):
            raise NotFitted("relation")
        if self._made is None or self._made[0] is not self.pairs:
            told = [name.partition(_APART)[0] for name in self.nodes]
            types = sorted(set(told))
            of = _place(told, types)
            e, t = len(self.events) + 1, len(types) + 1
            key = self.pairs[:, 0] * t + of[self.pairs[:, 1]]
            n = np.bincount(key, self.count, e * t).reshape(e, t).astype(np.int64)
            d = np.bincount(key, minlength=e * t).reshape(e, t).astype(np.int64)
            node = np.bincount(self.pairs[:, 1], self.count, len(self.nodes) + 1).astype(np.int64)
            values = np.bincount(of, minlength=t).astype(np.int64)
            sums = _Sums(n, d, n.sum(axis=0), values, n.max(axis=1), node)
            self._made = self.pairs, sums, types, of
        return self._made[1:]


def _joined(nodes: Sequence[tuple[str, str]]) -> list[str]:
    return [f"{kind}{_APART}{value}" for kind, value in nodes]


def _place(names: Sequence[str], known: Sequence[str]) -> Ints:
    """Return the place of each name among known ones, their number if it is not there."""
    found = pc.index_in(pa.array(names, pa.string()), pa.array(known, pa.string()))
    made: Ints = found.fill_null(len(known)).to_numpy(zero_copy_only=False).astype(np.int64)
    return made


def _rising(pairs: Ints) -> bool:
    before, after = pairs[:-1], pairs[1:]
    up = (before[:, 0] < after[:, 0]) | (
        (before[:, 0] == after[:, 0]) & (before[:, 1] < after[:, 1])
    )
    return bool(up.all())
