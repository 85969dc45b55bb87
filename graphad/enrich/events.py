"""Scores single events by one kind of a saved event model: numpy alone, and arrays of its own.

Nothing in a Scorer changes once it is made, so threads and forked processes may share it.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from graphad.detectors.event import restored
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
from graphad.incidents import ODD
from graphad.models.embedding_scores import Scores
from graphad.models.pair_counts import PairCounts
from graphad.models.tails import Tail, z_of_share

_SELDOM = 0.05  # share of events with a new value up to which one is telling
_TELLING = 1.0  # bits of a value that is told
_MOST = 3  # reasons


class Enriched(NamedTuple):
    """The score of one event in bits above the median event, and the columns never seen so."""

    score: float
    first_seen: tuple[str, ...]


class Weighed(NamedTuple):
    """What a score is worth: z, and the share of quiet events of its kind that reach it, or None.

    reasons: column, value, bits; bits are None for a value never seen before.
    """

    score: float
    z: float | None
    share: float | None
    reasons: tuple[tuple[str, str, float | None], ...]


class Shares:
    """What `Tail.share` and `Tail.z` say of one score at a time, ten times as fast."""

    def __init__(self, tail: Tail) -> None:
        self._scores: list[float] = tail.scores.tolist()
        self._beyond, self._slope = tail.beyond, tail.slope
        size = len(self._scores)
        self._past = size - bisect_left(self._scores, tail.beyond)
        shares = np.arange(size + 1) / size
        self._shares: list[float] = shares.tolist()
        self._z: list[float] = z_of_share(shares).tolist()

    def of(self, score: float) -> tuple[float, float]:
        """Return the share of quiet events that reach a score, and its z."""
        if score > self._beyond:
            past = np.exp(-((score - self._beyond) / self._slope))
            share = float(self._past * past / len(self._scores))
            return share, float(z_of_share(share))
        reach = len(self._scores) - bisect_left(self._scores, score)
        return self._shares[reach], self._z[reach]


class Scorer:
    """Scores events of one kind; the same numbers that `EventDetector.score` gives."""

    def __init__(
        self, columns: list[Column], scores: Scores, named: int, time: str | None,
        tail: Tail | None,
    ) -> None:  # fmt: skip
        """Take what a model learned; the first `named` columns are the event's own."""
        self.columns, self.scores, self.time = columns, scores, time
        self._shares = None if tail is None else Shares(tail)
        self.named, self.clocked = columns[:named], columns[named:]
        self.start: list[int] = scores.start[:-1].tolist()
        # The hour and the weekday are looked up as 0 and 1, which no column of a table is called.
        keys: list[Any] = [c.name for c in self.named] + [CLOCK.index(c.name) for c in self.clocked]
        self._look = [
            (key, c.name, c.edges is not None, c.word, c.codes.get, at)
            for key, c, at in zip(keys, columns, self.start, strict=True)
        ]
        # What is made at first use is made now: a thread or a fork shall find it there.
        scores.one(self.start)
        self._novel = z_of_share([column.novelty for column in columns]).tolist()

    @classmethod
    def restore(
        cls, path: Path, settings: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]],
        texts: Mapping[str, list[str]], tail: Mapping[str, Any] | None,
    ) -> "Scorer":  # fmt: skip
        """Return the scorer of what a model was saved as; tail: settings of a store's model.

        Raises: KeyError, TypeError, ValueError, IndexError or AttributeError if it is damaged.
        """
        columns = restored(path, dict(settings), dict(arrays), dict(texts))
        learned = settings["model"]["learned"]
        tensors = {n.removeprefix("model:"): a for n, a in arrays.items() if n[:6] == "model:"}
        vectors, bias, weights, counts, arity = (
            tensors[name] for name in ("vectors", "bias", "weights", "counts", "arity")
        )
        counted = PairCounts.restore(tensors, arity, counts)
        steady = tensors.get("steady", np.ones(weights.shape))  # older models have none,
        lifted = bias + tensors.get("lift", np.zeros_like(bias))  # nor this
        scores = Scores.learned(
            (vectors, lifted, weights), steady, arity, counts, counted,
            float(learned["pair_weight"]), float(learned["origin"]),
        )  # fmt: skip
        sizes = [column.arity for column in columns]
        if scores.start.tolist() != np.cumsum([0, *sizes]).tolist():
            raise ValueError("its columns and its embeddings differ")
        held = None if tail is None else Tail.restore(tail, arrays["tail"])
        return cls(columns, scores, len(settings["columns"]), settings["time"], held)

    def score(self, event: Mapping[str, Any]) -> Enriched:
        """Score one event by its column names; one that is not there is a missing value.

        Raises: TypeError: it is no mapping.
        """
        if type(event) is not dict and not isinstance(event, Mapping):
            raise TypeError(f"An event is a mapping of columns to values, not {type(event)}.")
        told: Mapping[Any, Any] = event
        if self.clocked:
            told = {**event, **dict(enumerate(clock(microseconds_of(event.get(self.time or "")))))}
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
        return Enriched(self.scores.one(ids), tuple(first))

    def score_batch(self, events: pa.Table | Iterable[Mapping[str, Any]]) -> Floats:
        """Score a table, or rows given as mappings; returns [n] bits."""
        if not isinstance(events, pa.Table):
            return np.array([self.score(event).score for event in events], np.float64)
        words = [c.words(_column(events, c.name)) for c in self.named]
        if self.clocked:
            moments = times(_column(events, self.time or ""))
            words += [clock_words(c.name, moments) for c in self.clocked]
        return self.scores.score(codes_of(self.columns, words)[0])

    def number(self, column: int, word: str) -> int:
        """Return the number of a word of a column among the values of all columns.

        A word never seen before has the one of the column's rare words, minus all there are: it is
        negative.
        """
        found = self.columns[column].codes.get(word, -1)
        if found >= 0:
            return self.start[column] + found
        return self.start[column] - (0 if word == MISSING else int(self.scores.start[-1]))

    def weigh(self, numbers: Sequence[int], words: Sequence[str]) -> Weighed:
        """Weigh an event by the numbers and words of its columns.

        z is that of the oddest thing to tell: of its score, or of a value never seen before.
        """
        size = int(self.scores.start[-1])
        ids = [n if n >= 0 else n + size for n in numbers]
        new = [i for i, n in enumerate(numbers[: len(self.named)]) if n < 0]
        score = self.scores.one(ids)
        told = [
            (self.columns[i].name, words[i], None)
            for i in sorted(new, key=lambda i: self.columns[i].novelty)
            if self.columns[i].novelty <= _SELDOM
        ]
        if self._shares is None:
            return Weighed(score, None, None, tuple(told[:_MOST]))
        share, z = self._shares.of(score)
        reasons: list[tuple[str, str, float | None]] = list(told)
        if z >= ODD:
            known = {name for name, _, _ in told}
            reasons += [one for one in self._doubts(ids, words) if one[0] not in known]
        for i in new:
            z = max(z, self._novel[i])
        return Weighed(score, z, share, tuple(reasons[:_MOST]))

    def _doubts(self, ids: Sequence[int], words: Sequence[str]) -> list[tuple[str, str, float]]:
        """Return columns with their words and their parts of the score, the largest first."""
        codes = np.array(ids, np.int64)[None] - self.scores.start[:-1]
        single, pairs = self.scores.parts(codes)
        share = np.array([(self.scores.places == i).any(axis=1) for i in range(len(ids))])
        bits = (single[0] + share @ pairs[0] / 2.0).tolist()
        order = sorted(range(len(ids)), key=lambda i: -bits[i])
        return [(self.columns[i].name, words[i], bits[i]) for i in order if bits[i] >= _TELLING]


def _column(events: pa.Table, name: str) -> pa.Array:
    if name in events.column_names:
        return whole(events[name])
    return pa.nulls(len(events), pa.string())
