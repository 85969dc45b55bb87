"""The event detector: how unlikely the values of an event are in each other's company.

Events are the rows of a table whose columns you name. Source: Chen et al., APE, IJCAI 2016 (arXiv
1608.07502); what differs by default and why is in docs/event.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from graphad.detect import MARK, Doubt, Unit, load_model, save_model
from graphad.detectors.event_columns import (
    Bools,
    Column,
    Floats,
    Ints,
    clock_columns,
    clock_words,
    codes_of,
    times,
    whole,
)
from graphad.errors import ModelError, NotFitted, SchemaError
from graphad.models.embedding_scores import Scores

ORIGIN = "origin"  # the term that makes the median event of training score 0
NOVEL = "first seen"  # the term of a value that was never seen before
_TAKEN = frozenset({ORIGIN, NOVEL, MARK})


def term_of(column: str) -> str:
    """Return what the term of a column is called, which is no other term's name.

    >>> term_of("user"), term_of("origin")
    ('user', 'origin_')
    """
    return f"{column}_" if column.rstrip("_") in _TAKEN else column


@dataclass(frozen=True)
class Scored:
    """E scored events in the table's order: score [E] bits, and which values [E, m] are new.

    novelty [E]: bits of the most telling value that was never seen before, 0 without one.
    """

    score: Floats
    first: Bools
    novelty: Floats


@dataclass(frozen=True)
class Explanation:
    """Why an event has its score: terms add up to it exactly; doubts, the largest first."""

    score: float
    terms: dict[str, float]
    doubts: list[Doubt]

    @property
    def culprit(self) -> Doubt:
        """Return the value that is least likely in the company of the others."""
        return self.doubts[0]


@dataclass
class EventDetector:
    """Scores rows by how unlikely their values are together, in bits above the median row.

    columns: those that count; time: the column of times, for order, hour and weekday; numbers:
    columns to cut into quantiles (columns of floats are anyway); least: a value seen less often
    counts as rare. mode "paper": the published training.
    """

    name: ClassVar[str] = "event"
    unit: ClassVar[Unit] = "event"

    columns: Sequence[str] = ()
    time: str | None = None
    numbers: Sequence[str] = ()
    least: int = 5
    mode: Literal["default", "paper"] = "default"
    seed: int = 0
    columns_: list[Column] = field(default_factory=list, repr=False)
    model_: Any = field(default=None, repr=False)

    def fit(self, past: pa.Table) -> "EventDetector":
        """Learn from a table of quiet time. Raises: SchemaError: a column isn't there; no rows."""
        from graphad.models.entity_embedding import EntityEmbedding

        past, moments = self._ordered(past)
        if not len(past):
            raise SchemaError("There is no event to fit on.")
        if not self.columns:
            raise SchemaError("No columns are named.", hint="Name those that count.")
        self.columns_ = [
            Column.of(n, whole(past[n]), n in self.numbers or _is_float(past[n]))
            for n in self.columns
        ]
        for column in self.columns_:
            if column.edges is not None and not len(column.edges):
                raise SchemaError(f"Column {column.name!r} holds no numbers.")
        self.columns_ += [
            Column(name, {}, {}) for name in clock_columns(moments) if name not in self.columns
        ]
        words = self._words(past, moments)
        for column, mine, least in zip(self.columns_, words, self._leasts(), strict=True):
            column.learn(mine, least)
        codes, _ = codes_of(self.columns_, words)
        make = EntityEmbedding.paper if self.mode == "paper" else EntityEmbedding
        self.model_ = make(seed=self.seed).fit(codes, self._arity())
        return self

    def update(self, day: pa.Table) -> "EventDetector":
        """Learn one more day: what is known moves little, what is new freely."""
        self._fitted()
        day, moments = self._ordered(day)
        if len(day):
            words = self._words(day, moments)
            for column, mine, least in zip(self.columns_, words, self._leasts(), strict=True):
                column.count(mine, least)
            codes, _ = codes_of(self.columns_, words)
            self.model_.update(codes, self._arity())
        return self

    def score(self, events: pa.Table) -> Scored:
        """Score each row; changes nothing."""
        self._fitted()
        self._check(events)
        codes, first = codes_of(self.columns_, self._words(events, self._moments(events)))
        bits = -np.log2([column.novelty for column in self.columns_])
        return Scored(self.scores.score(codes), first, (first * bits).max(axis=1, initial=0.0))

    def explain(self, events: pa.Table, row: int, likely: int = 3) -> Explanation:
        """Explain one row: each column's bits, and how likely its value is given the others.

        Raises: ValueError: there is no such row.
        """
        if not 0 <= row < len(events):
            raise ValueError(f"There is no row {row} in a table of {len(events)}.")
        return self.explain_all(events.slice(row, 1), likely)[0]

    def explain_all(self, events: pa.Table, likely: int = 3) -> list[Explanation]:
        """Explain all rows, see `explain`; `likely`: how many values instead are told."""
        self._fitted()
        self._check(events)
        words = self._words(events, self._moments(events))
        codes, first = codes_of(self.columns_, words)
        scores = self.scores
        total = scores.score(codes)
        single, pairs = scores.parts(codes)
        doubts: list[list[Doubt]] = [[] for _ in range(len(events))]
        terms: list[dict[str, float]] = [{ORIGIN: scores.origin} for _ in doubts]
        for i, (column, mine) in enumerate(zip(self.columns_, words, strict=True)):
            own = single[:, i] + pairs[:, (scores.places == i).any(axis=1)].sum(axis=1) / 2.0
            bits, best, share = scores.likeliest(codes, i, likely)
            names, said = column.named(), mine.to_pylist()
            for row, word in enumerate(said):
                terms[row][term_of(column.name)] = float(own[row])
                instead = zip(best[row].tolist(), share[row].tolist(), strict=True)
                others = [(names[a], chance) for a, chance in instead]
                doubts[row].append(
                    Doubt(column.name, word, float(bits[row]), others, bool(first[row, i]))
                )
        return [
            Explanation(float(score), parts, sorted(mine, key=lambda doubt: -doubt.bits))
            for score, parts, mine in zip(total, terms, doubts, strict=True)
        ]

    @property
    def scores(self) -> Scores:
        """Return what scores codes."""
        self._fitted()
        found: Scores = self.model_.scores
        return found

    def save(self, folder: Path) -> None:
        """Write the fitted model."""
        save_model(folder, self.name, *self.dump())

    @classmethod
    def load(cls, folder: Path) -> "EventDetector":
        """Return a model that `save` wrote. Raises: ModelError."""
        return cls.restore(folder, *load_model(folder, cls.name))

    def dump(self) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]], dict[str, list[str]]]:
        """Return settings, arrays and texts for `restore`."""
        self._fitted()
        told, tensors = self.model_.dump()
        settings: dict[str, Any] = {
            "columns": list(self.columns), "time": self.time, "numbers": list(self.numbers),
            "least": self.least, "mode": self.mode, "seed": self.seed, "model": told, "coded": [],
        }  # fmt: skip
        arrays = {f"model:{name}": array for name, array in tensors.items()}
        texts = {}
        for i, column in enumerate(self.columns_):
            about, parts, words = column.dump()
            settings["coded"].append(about)
            arrays |= {f"{i}:{name}": array for name, array in parts.items()}
            texts[str(i)] = words
        return settings, arrays, texts

    @classmethod
    def restore(
        cls, folder: Path, settings: dict[str, Any], arrays: dict[str, npt.NDArray[Any]],
        texts: dict[str, list[str]],
    ) -> "EventDetector":  # fmt: skip
        """Return what `dump` gave, of a model in a folder. Raises: ModelError."""
        from graphad.models.entity_embedding import EntityEmbedding

        made = cls()
        made.columns_ = restored(folder, settings, arrays, texts)
        try:
            for name in ("columns", "time", "numbers", "least", "mode", "seed"):
                setattr(made, name, settings[name])
            tensors = {n.removeprefix("model:"): a for n, a in arrays.items() if n[:6] == "model:"}
            made.model_ = EntityEmbedding.restore(settings["model"], tensors)
        except (KeyError, TypeError) as error:
            raise ModelError(f"{folder} does not fit this version of graphad.") from error
        if made._arity().tolist() != made.model_.arity_.tolist():
            raise ModelError(f"{folder} is damaged: its columns and its embeddings differ.")
        return made

    def _fitted(self) -> None:
        if self.model_ is None:
            raise NotFitted(self.name)

    def _arity(self) -> Ints:
        return np.array([column.arity for column in self.columns_], np.int64)

    def _check(self, table: pa.Table) -> None:
        wanted = [*self.columns, *([self.time] if self.time else [])]
        missing = [name for name in wanted if name not in table.column_names]
        if missing:
            raise SchemaError(
                f"The table has no column {', '.join(missing)}.",
                hint=f"It has {', '.join(table.column_names)}.",
            )

    def _moments(self, table: pa.Table) -> list[int | None]:
        return times(whole(table[self.time])) if self.time else [None] * len(table)

    def _ordered(self, table: pa.Table) -> tuple[pa.Table, list[int | None]]:
        """Return rows by time, those without one first, and their times."""
        self._check(table)
        moments = self._moments(table)
        if not self.time:
            return table, moments
        order = sorted(range(len(moments)), key=lambda i: (moments[i] is not None, moments[i] or 0))
        return table.take(pa.array(order, pa.int64())), [moments[i] for i in order]

    def _words(self, table: pa.Table, moments: Sequence[int | None]) -> list[pa.Array]:
        named = len(self.columns)
        found = [column.words(whole(table[column.name])) for column in self.columns_[:named]]
        return found + [clock_words(column.name, moments) for column in self.columns_[named:]]

    def _leasts(self) -> list[int]:
        """Return from how often on a value of each column isn't rare; no hour is ever rare."""
        named = len(self.columns)
        return [self.least] * named + [1] * (len(self.columns_) - named)


def restored(
    folder: Path, settings: dict[str, Any], arrays: dict[str, npt.NDArray[Any]],
    texts: dict[str, list[str]],
) -> list[Column]:  # fmt: skip
    """Return the columns of a saved model. Raises: ModelError."""
    try:
        return [
            Column.restore(
                told,
                {name: arrays[f"{i}:{name}"] for name in ("codes", "seen", "edges")},
                texts[str(i)],
            )
            for i, told in enumerate(settings["coded"])
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{folder} is damaged: {error}.") from error


def _is_float(column: pa.ChunkedArray) -> bool:
    return bool(pa.types.is_floating(column.type))
