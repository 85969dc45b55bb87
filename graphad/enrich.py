"""Adds a score to events as they pass, in a process of yours.

Needs neither torch nor numba nor a store: a saved event model, numpy and pyarrow. An Enricher never
changes, so threads may share one.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from graphad.detect import load_model, of_kind
from graphad.detectors.event import EventDetector, restored
from graphad.detectors.event_columns import (
    CLOCK,
    MISSING,
    Column,
    Floats,
    clock,
    clock_words,
    codes_of,
    microseconds_of,
    times,
    whole,
)
from graphad.errors import ModelError, UnknownName
from graphad.models.embedding_scores import Scores, starts
from graphad.models.pair_bits import PairBits
from graphad.models.pair_counts import PairCounts


class Enriched(NamedTuple):
    """The score of one event in bits above the median event, and the columns never seen so."""

    score: float
    first_seen: tuple[str, ...]


class Enricher:
    """Scores events by a saved event model; the same numbers that `EventDetector.score` gives."""

    def __init__(self, columns: list[Column], scores: Scores, named: int, time: str | None) -> None:
        """Take what a model learned, as `load` does; the first `named` columns are a table's."""
        self._scores, self._time = scores, time
        self._named, self._clocked = columns[:named], columns[named:]
        # The hour and the weekday are looked up as 0 and 1, which no column of a table is called.
        keys: list[Any] = [c.name for c in self._named] + [
            CLOCK.index(c.name) for c in self._clocked
        ]
        self._look = [
            (key, c.name, c.edges is not None, c.word, c.codes.get, at)
            for key, c, at in zip(keys, columns, scores.start[:-1].tolist(), strict=True)
        ]

    @classmethod
    def load(cls, folder: str | Path, kind: str | None = None) -> "Enricher":
        """Return the enricher of a saved event model.

        kind: of the events to score, if the model is of a store's events; docs/event.md has the
        columns of each. Raises: ModelError; UnknownName: no such kind is in the model.
        """
        path = Path(folder)
        settings, arrays, texts = load_model(path, EventDetector.name)
        try:
            if "kinds" in settings:
                kinds = settings["kinds"]
                if kind is None and len(kinds) > 1:
                    raise UnknownName(
                        f"{path} has several kinds of events.",
                        hint=f"Name one: {', '.join(kinds)}.",
                    )
                name = next(iter(kinds)) if kind is None else kind
                if name not in kinds:
                    raise UnknownName.among("kind of events", name, kinds)
                settings = kinds[name]["model"]
                arrays, texts = of_kind(name, arrays), of_kind(name, texts)
            columns = restored(path, settings, arrays, texts)
            learned = settings["model"]["learned"]
            tensors = {n.removeprefix("model:"): a for n, a in arrays.items() if n[:6] == "model:"}
            vectors, bias, weights, counts, arity = (
                tensors[name] for name in ("vectors", "bias", "weights", "counts", "arity")
            )
            counted = PairCounts.restore(tensors, arity, counts)
            weight, start = float(learned["pair_weight"]), starts(arity)
            pairs = PairBits.of(counted, counts, start, weight) if len(counted) else None
            scores = Scores.folded(vectors, bias, weights, start, pairs, float(learned["origin"]))
            sizes = [column.arity for column in columns]
            if scores.start.tolist() != np.cumsum([0, *sizes]).tolist():
                raise ValueError("its columns and its embeddings differ")
            return cls(columns, scores, len(settings["columns"]), settings["time"])
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise ModelError(f"{path} is damaged: {error}.") from error

    def score(self, event: Mapping[str, Any]) -> Enriched:
        """Score one event by its column names; one that is not there is a missing value.

        Raises: TypeError: it is no mapping.
        """
        if type(event) is not dict and not isinstance(event, Mapping):
            raise TypeError(f"An event is a mapping of columns to values, not {type(event)}.")
        told: Mapping[Any, Any] = event
        if self._clocked:
            told = {**event, **dict(enumerate(clock(microseconds_of(event.get(self._time or "")))))}
        ids: list[int] = []
        first: list[str] = []
        for key, name, number, word, code, at in self._look:
            value = told.get(key)
            if number or type(value) is not str:
                value = word(value)
            found = code(value, -1)
            if found < 0:
                if value != MISSING:  # nothing is not a new value
                    first.append(name)
                found = 0
            ids.append(at + found)
        return Enriched(self._scores.one(ids), tuple(first))

    def score_batch(self, events: pa.Table | Iterable[Mapping[str, Any]]) -> Floats:
        """Score a table, or rows given as mappings; returns [n] bits."""
        if not isinstance(events, pa.Table):
            return np.array([self.score(event).score for event in events], np.float64)
        words = [c.words(self._column(events, c.name)) for c in self._named]
        if self._clocked:
            moments = times(self._column(events, self._time or ""))
            words += [clock_words(c.name, moments) for c in self._clocked]
        return self._scores.score(codes_of([*self._named, *self._clocked], words)[0])

    def _column(self, events: pa.Table, name: str) -> pa.Array:
        if name in events.column_names:
            return whole(events[name])
        return pa.nulls(len(events), pa.string())
