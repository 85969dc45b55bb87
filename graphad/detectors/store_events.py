"""The event detector over a store: a model for each kind of events, findings of all together.

Scores of different kinds spread differently, so what is compared is how seldom quiet events of the
same kind reach a score (models/tails.py). A value that was never seen before is a finding of its
own, as rare as such values have been.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from graphad.detect import Paths, Search, Unit, Window, load_model, of_kind, save_model
from graphad.detectors.event import ORIGIN, EventDetector
from graphad.detectors.event_columns import MISSING
from graphad.detectors.event_kinds import FIELDS, KINDS, Kind, events_of, table_kind
from graphad.detectors.event_odd import Odd, joined, odd_rows, stories
from graphad.detectors.event_rows import Rows, rows_of
from graphad.detectors.event_stories import Scoring, told
from graphad.detectors.hours import oddest_of_hours
from graphad.errors import GraphadError, ModelError, NotFitted
from graphad.graph import Graph
from graphad.models.tails import Tail, z_of_share

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

LEAST = 50  # rows of a kind that a model is made of
HELD = 0.1  # last share of the rows, whose scores say how often quiet events reach one


@dataclass(frozen=True)
class Learned:
    """What is known of one kind: its model, the tail of its scores, how many rows it learned."""

    model: EventDetector
    tail: Tail
    rows: int


@dataclass
class StoreEventDetector:
    """Scores the events of a graph by how unlikely what their records say is, kind by kind.

    columns: not the kinds of a graph, but the fields of a table's records, those in `numbers` cut
    into quantiles; time: what a table calls its times, for an Enricher alone. least, mode, seed:
    see EventDetector. top: findings.
    """

    name: ClassVar[str] = "event"
    unit: ClassVar[Unit] = "event"

    mode: Literal["default", "paper"] = "default"
    top: int = 1000
    columns: tuple[str, ...] = ()
    time: str = "ts"
    numbers: tuple[str, ...] = ()
    least: int = 5
    seed: int = 0
    learned_: dict[str, Learned] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        """Refuse a time that is a column. Raises: GraphadError."""
        if self.time in self.columns:
            raise GraphadError(
                f"{self.time!r} cannot be the time and a column.",
                hint="Hour and weekday are columns by themselves.",
            )

    @property
    def fields(self) -> tuple[str, ...]:
        """Return the fields of records that graphs must have."""
        return tuple(self.columns) or FIELDS

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """Return the kinds of events."""
        return (table_kind(self.columns),) if self.columns else KINDS

    def learn(self, window: Window) -> "StoreEventDetector":
        """Fit on the graphs of a window's parts."""
        return self.fit(window.graphs(self.fields))

    def fit(self, graphs: Iterable[Graph]) -> "StoreEventDetector":
        """Learn from graphs of quiet time. Raises: GraphadError: too few events of every kind."""
        self.learned_ = {}
        tables = self._tables(graphs)
        for name in self.columns:
            if not any(
                pc.any(pc.not_equal(table[name], MISSING)).as_py() for table in tables.values()
            ):
                raise GraphadError(
                    f"No record says anything in a field {name!r}: it is missing in all of them.",
                    hint="Leave it out, or write its name as the table does.",
                )
        self.learned_ = {
            name: self._fitted(table) for name, table in tables.items() if len(table) >= LEAST
        }
        if not self.learned_:
            raise GraphadError(
                f"No kind of events has {LEAST} distinct ones to learn from.",
                hint="Fit on a longer window; of a table name the columns: --columns.",
            )
        return self

    def update(self, window: Window) -> "StoreEventDetector":
        """Learn a further window: what is known moves little, new kinds and values freely.

        This detector changes; one that was saved before stays as it was.
        """
        if not self.learned_:
            raise NotFitted(self.name)
        tables = self._tables(window.graphs(self.fields))
        for name, table in tables.items():
            if name in self.learned_:
                self.learned_[name] = self._updated(self.learned_[name], table)
            elif len(table) >= LEAST:
                self.learned_[name] = self._fitted(table)
        return self

    @property
    def learned(self) -> dict[str, int]:
        """Return how many rows of each kind were learned."""
        return {name: one.rows for name, one in self.learned_.items()}

    @property
    def regime(self) -> str:
        """Return nothing: there is no choice."""
        return ""

    @property
    def agreement(self) -> dict[str, float]:
        """Return the rank correlation of scores with exact likelihoods, on samples, by kind."""
        found = {name: one.model.model_.agreement_ for name, one in self.learned_.items()}
        return {name: round(value, 4) for name, value in found.items() if value is not None}

    def _tables(self, graphs: Iterable[Graph]) -> dict[str, pa.Table]:
        """Return the rows of each kind that there is, in time order."""
        parts: dict[str, list[pa.Table]] = {}
        for graph in graphs:
            for number, rows in self.rows(graph):
                parts.setdefault(self.kinds[number].name, []).append(self.table(rows))
        found = {}
        for name, some in parts.items():
            whole = pa.concat_tables(some)
            order = np.argsort(whole[self.time].cast(pa.int64()).to_numpy(), kind="stable")
            found[name] = whole.take(pa.array(order))
        return found

    def _fitted(self, table: pa.Table) -> Learned:
        model = EventDetector(
            columns=table.column_names[:-1], time=self.time, numbers=self.numbers,
            least=self.least, mode=self.mode, seed=self.seed,
        ).fit(table)  # fmt: skip
        scores = model.score(table.slice(len(table) - _held(table))).score
        return Learned(model, Tail.fit(scores), len(table))

    def _updated(self, one: Learned, table: pa.Table) -> Learned:
        model = one.model.update(table)
        scores = model.score(table.slice(len(table) - _held(table))).score
        tail = Tail.fit(np.concatenate([one.tail.scores, scores]))
        return Learned(model, tail, one.rows + len(table))

    def score(
        self, graph: Graph, *, inside: bool = False, covered: Bools | None = None,
        hosts: Iterable[str] | None = None, types: Iterable[str] | None = None,
    ) -> Paths:  # fmt: skip
        """Return the events that stand out most, each as it was on one day and host once.

        hosts, types, inside: see Detector; nothing is seen for the first time inside of what was
        learned. Covered events are left out.
        """
        rows = dict(self.rows(graph, self.chosen(graph, covered, hosts, types)))
        found = stories(self.odd(rows))
        names = [kind.name for kind in self.kinds]
        learned = {
            number: self.scoring(number, self.table(one))
            for number, one in rows.items()
            if names[number] in self.learned_
        }
        notes = self.notes({n: len(one) for n, one in rows.items() if n not in learned})
        return told(found.take(found.order[: self.top]), names, learned, notes)

    @property
    def slice_s(self) -> int | None:
        """Return 3600: events are counted by the hour."""
        return 3600

    def search(
        self, covered: Callable[[Graph], Bools | None] = lambda graph: None, *,
        inside: bool = False, hosts: Iterable[str] | None = None,
        types: Iterable[str] | None = None,
    ) -> Search:  # fmt: skip
        """Return a search for the findings of all slices, see event_slices."""
        from graphad.detectors.event_slices import event_search

        return event_search(self, covered, hosts=hosts, types=types)

    def hourly(self, graph: Graph) -> Iterator[tuple[Graph, Paths]]:
        """Yield the oddest events of each hour of each host, with the whole graph."""
        odd = self.odd(dict(self.rows(graph)))
        yield from oddest_of_hours(graph, odd.event, odd.host, odd.hour, odd.score, odd.z, ORIGIN)

    def crossing(self, graph: Graph) -> Iterator[tuple[Graph, Paths]]:
        """Yield nothing: an event is of one host."""
        yield from ()

    def z_of(self, kind: str, length: int, score: float) -> float:
        """Return the z of a finding of a kind, had it this score; 0 for a kind not learned."""
        name, _, column = kind.partition(":")
        if name not in self.learned_:
            return 0.0
        tail = self.learned_[name].tail
        if column:
            return float(z_of_share(2.0**-score))
        return float(tail.z(np.array([score]))[0])

    def save(self, folder: Path) -> None:
        """Write the fitted model."""
        if not self.learned_:
            raise NotFitted(self.name)
        names = ("mode", "top", "columns", "time", "numbers", "least", "seed")
        settings: dict[str, Any] = {name: getattr(self, name) for name in names} | {"kinds": {}}
        arrays: dict[str, npt.NDArray[Any]] = {}
        texts: dict[str, list[str]] = {}
        for name, one in self.learned_.items():
            about, parts, words = one.model.dump()
            told, scores = one.tail.dump()
            settings["kinds"][name] = {"model": about, "tail": told, "rows": one.rows}
            arrays |= {f"{name}/{key}": part for key, part in parts.items()}
            arrays[f"{name}/tail"] = scores
            texts |= {f"{name}/{key}": part for key, part in words.items()}
        save_model(folder, self.name, settings, arrays, texts)

    @classmethod
    def load(cls, folder: Path) -> "StoreEventDetector":
        """Return a model that `save` wrote. Raises: ModelError."""
        settings, arrays, texts = load_model(folder, cls.name)
        try:
            kinds = settings.pop("kinds")
            for name in ("columns", "numbers"):
                settings[name] = tuple(settings[name])
            made = cls(**settings)
            for name, told in kinds.items():
                parts, words = of_kind(name, arrays), of_kind(name, texts)
                tail = Tail.restore(told["tail"], parts["tail"])
                model = EventDetector.restore(folder, told["model"], parts, words)
                made.learned_[name] = Learned(model, tail, int(told["rows"]))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ModelError(f"{folder} does not fit this version of graphad.") from error
        return made

    def chosen(
        self, graph: Graph, covered: Bools | None, hosts: Iterable[str] | None,
        types: Iterable[str] | None,
    ) -> Bools:  # fmt: skip
        """Return which events [E] are to be scored."""
        chosen = graph.among(hosts, types)
        return chosen if covered is None else chosen & ~covered

    def rows(self, graph: Graph, chosen: Bools | None = None) -> Iterator[tuple[int, Rows]]:
        """Yield the rows of each kind, by number, that has events; chosen [E]: of these alone."""
        for number, events in enumerate(events_of(graph, self.kinds)):
            mine = events if chosen is None else events[chosen[events]]
            if len(mine):
                yield number, rows_of(graph, mine, self.kinds[number].columns)

    def odd(self, rows: dict[int, Rows]) -> Odd:
        """Return the rows of kinds that were learned, scored. Raises: NotFitted."""
        if not self.learned_:
            raise NotFitted(self.name)
        found = []
        for number, mine in rows.items():
            one = self.learned_.get(self.kinds[number].name)
            if one is not None:
                found += odd_rows(number, one.model, one.tail, self.table(mine), mine)
        return joined(found)

    def table(self, rows: Rows) -> pa.Table:
        """Return the table of rows, its times called as this detector's models call them."""
        return rows.table.rename_columns([*rows.table.column_names[:-1], self.time])

    def scoring(self, number: int, table: pa.Table) -> Scoring:
        """Return what tells of rows of a kind that was learned."""
        one = self.learned_[self.kinds[number].name]
        return Scoring(one.model, one.rows, table)

    def notes(self, left: Mapping[int, int]) -> tuple[str, ...]:
        """Return a note on rows of kinds that were not learned, if there are any."""
        names = [f"{rows:,} {self.kinds[number].name}" for number, rows in sorted(left.items())]
        return (f"no model for events of some kinds: {', '.join(names)}",) if names else ()


def _held(table: pa.Table) -> int:
    """Return how many of the last rows are to say how often quiet events reach a score."""
    return min(max(int(len(table) * HELD), LEAST), len(table))
