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

from graphad.detect import Unit, load_model, save_model
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


@dataclass(frozen=True)
class Scored:
    """E scored events in the table's order: score [E] bits, and which values [E, m] are new.

    novelty [E]: bits of the most telling value that was never seen before, 0 without one.
    """

    score: Floats
    first: Bools
    novelty: Floats


@dataclass(frozen=True)
class Doubt:
    """One value of an event, given the others: bits = -log2 P(value | others), exactly.

    likely: what would have been, with its probability. Source: equation 12 of our notes on APE.
    """

    column: str
    value: str
    bits: float
    likely: list[tuple[str, float]]
    first_seen: bool


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
        self.columns_ += [Column(name, {}, {}) for name in clock_columns(moments)]
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
        """Explain one row: each column's bits, and how likely its value is given the others."""
        self._fitted()
        self._check(events)
        one = events.slice(row, 1)
        words = self._words(one, self._moments(one))
        codes, first = codes_of(self.columns_, words)
        scores = self.scores
        single, pairs = scores.parts(codes)
        terms = {ORIGIN: scores.origin}
        for i, column in enumerate(self.columns_):
            halves = pairs[0, (scores.places == i).any(axis=1)].sum() / 2.0
            terms[column.name] = float(single[0, i] + halves)
        doubts, bits = [], scores.conditional(codes)[0]
        for i, (column, mine) in enumerate(zip(self.columns_, words, strict=True)):
            logits = scores.logits(codes, i)[0]
            share = np.exp2(logits - logits.max())
            share /= share.sum()
            names, best = column.named(), np.argsort(-share, kind="stable")[:likely]
            doubts.append(
                Doubt(
                    column.name, mine[0].as_py(), float(bits[i]),
                    [(names[a], float(share[a])) for a in best], bool(first[0, i]),
                )
            )  # fmt: skip
        doubts.sort(key=lambda doubt: -doubt.bits)
        return Explanation(float(scores.score(codes)[0]), terms, doubts)

    @property
    def scores(self) -> Scores:
        """Return what scores codes."""
        self._fitted()
        found: Scores = self.model_.scores
        return found

    def save(self, folder: Path) -> None:
        """Write the fitted model."""
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
        save_model(folder, self.name, settings, arrays, texts)

    @classmethod
    def load(cls, folder: Path) -> "EventDetector":
        """Return a model that `save` wrote. Raises: ModelError."""
        from graphad.models.entity_embedding import EntityEmbedding

        settings, arrays, texts = load_model(folder, cls.name)
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
