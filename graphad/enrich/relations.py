"""Scores the relations of one row of a table by a saved relation model, by dictionaries alone.

The same numbers that `RelationCounts.score` gives; models/relation_counts.py has the formulas.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from graphad.detect import WITH, of_kind
from graphad.enrich.events import Shares, Weighed
from graphad.enrich.fields import Place, text
from graphad.errors import GraphadError
from graphad.incidents import ODD
from graphad.models.relation_counts import ALPHA, RelationCounts
from graphad.models.tails import Tail

EVENT = "event"  # the type of what is odd by itself
_APART = "\x1f"
_MOST = 3  # reasons


class RelationPlan:
    """Reads rows by the names of their columns, the event first, and weighs their relations."""

    kind = "relation"

    def __init__(
        self, columns: tuple[str, ...], counts: RelationCounts, tails: Mapping[str, Tail]
    ) -> None:
        self._columns, self._form = columns, counts.form
        self._tails = {kind: Shares(tail) for kind, tail in tails.items()}
        self._places = [Place.of("/" + name) for name in columns]
        kinds = [name.partition(_APART)[0] for name in counts.nodes]
        types = {kind: i for i, kind in enumerate(sorted(set(kinds)))}
        of = np.array([types[kind] for kind in kinds], np.int64)
        size = len(types)
        key = counts.pairs[:, 0] * size + of[counts.pairs[:, 1]]
        shape = len(counts.events), size
        n = np.bincount(key, counts.count, shape[0] * size).astype(np.int64).reshape(shape)
        d = np.bincount(key, minlength=shape[0] * size).reshape(shape)
        lines = n.max(axis=1).tolist()
        self._types, self._n, self._d = types, n.tolist(), d.tolist()
        self._of_type, self._values = n.sum(axis=0).tolist(), np.bincount(of).tolist()
        self._lines, self._whole = lines, sum(lines) + len(lines)
        self._events = {name: i for i, name in enumerate(counts.events)}
        self._nodes = {name: i for i, name in enumerate(counts.nodes)}
        self._stride = len(counts.nodes)
        pairs = (counts.pairs @ np.array([self._stride, 1])).tolist()
        self._pairs = dict(zip(pairs, counts.count.tolist(), strict=True))

    @classmethod
    def restore(
        cls, settings: Mapping[str, Any], arrays: dict[str, npt.NDArray[Any]],
        texts: dict[str, list[str]],
    ) -> "RelationPlan":  # fmt: skip
        """Return the plan of what a model was saved as.

        Raises: GraphadError: it reads lines of text; else as `Scorer.restore`.
        """
        columns, model = tuple(settings["columns"]), settings["model"]
        if model not in ("surprisal", "counts", "unseen"):
            raise GraphadError(
                f"A relation model {model!r} judges windows or sessions, not single events.",
                hint="Fit one with --model surprisal.",
            )
        if not columns:
            raise GraphadError(
                "A relation model of text logs reads lines, not events.",
                hint="Fit one on a table: graphad fit --detector relation --columns EVENT,COLUMN,…",
            )
        counts = RelationCounts.restore(
            settings["counts"], of_kind("counts", arrays), of_kind("counts", texts)
        )
        scores = of_kind("tail", arrays)
        tails = {
            kind: Tail.restore(about, scores[str(number)])
            for number, (kind, about) in enumerate(sorted(settings["tails"].items()))
        }
        return cls(columns, counts, tails)

    def words(self, event: Mapping[str, Any], data: Mapping[str, Any]) -> tuple[str, ...] | None:
        """Return what a row says in the columns, None if it doesn't name its event."""
        found = tuple(text(_value(event, place)) for place in self._places)
        return found if found[0] else None

    def weigh(self, words: tuple[str, ...]) -> Weighed:
        """Return what the oddest relation of a row is worth, or its event by itself."""
        told = [(EVENT, words[0], self.alone(words[0]))]
        told += [
            (name, value, self.bits(words[0], name, value))
            for name, value in zip(self._columns[1:], words[1:], strict=True)
            if value
        ]
        weighed = []
        for kind, value, bits in told:
            tail = self._tails.get(kind)
            if tail is not None and bits > 0:
                share, z = tail.of(bits)
                weighed.append((z, bits, share, kind, value))
        if not weighed:
            return Weighed(0.0, 0.0, 1.0, ())
        weighed.sort(key=lambda one: (-one[0], -one[1]))
        z, score, share, _, _ = weighed[0]
        reasons = tuple(
            (kind if kind == EVENT else WITH + kind, value, bits)
            for one, bits, _, kind, value in weighed[:_MOST]
            if one >= ODD
        )
        return Weighed(score, z, share, reasons)

    def bits(self, event: str, kind: str, value: str) -> float:
        """Return the bits of a relation, those of its value included."""
        e = self._events.get(event, -1)
        if e < 0:  # of an event that was never seen nothing else is odd
            return 0.0
        t, node = self._types.get(kind, -1), self._nodes.get(f"{kind}{_APART}{value}", -1)
        m = self._pairs.get(e * self._stride + node, 0) if node >= 0 else 0
        n, d = (self._n[e][t], self._d[e][t]) if t >= 0 else (0, 0)
        values = self._values[t] if t >= 0 else 0
        if self._form == "unseen":
            return float(m == 0)
        if self._form == "surprisal":
            return -math.log2(min((m + ALPHA) / (n + ALPHA * max(values, 1)), 1.0))
        share = max(m, d, 1) / max(n + d, 1) if n > 0 else 1.0 / (self._lines[e] + 1.0)
        new = 0.0
        if node < 0:
            of_type = self._of_type[t] if t >= 0 else 0
            new = -math.log2(max(values, 1) / max(of_type + values, 1))
        return -math.log2(share) + new

    def alone(self, event: str) -> float:
        """Return the bits of an event by itself."""
        e = self._events.get(event, -1)
        m = self._lines[e] if e >= 0 else 0
        if self._form == "unseen":
            return float(m == 0)
        return math.log2(max(self._whole, 1) / max(m if m > 0 else len(self._events), 1))


def _value(event: Mapping[str, Any], place: Place) -> Any:
    found = event.get(place.dotted)
    return place.find(event, event) if found is None else found
