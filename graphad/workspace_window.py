"""A stretch of a store's time, read as a detector needs it: counts, one graph, or slices."""

from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa

from graphad.graph import HOUR, Bools, Graph
from graphad.labels import Labels
from graphad.store import Store
from graphad.store.store import Moment

HELD_OUT = 1 / 3  # last part of a baseline's active hours, kept from the fit to calibrate on
_HOURS = 6  # active hours, from which on they are what is divided
SLICE_EVENTS = 1_000_000  # a window of more is read in slices, where a detector can


class StoreWindow:
    """The events of a store in [start, end), and of some sources; what was read is kept.

    slice_events: a window of more is read in slices of so many; labels: known attacks; later,
    scratch, progress: see Window.
    """

    labels: Labels | None = None
    later: "StoreWindow | None" = None
    scratch: Path | None = None
    progress: Callable[[str], None] | None = None

    def __init__(
        self, store: Store, start: Moment = None, end: Moment = None,
        sources: list[int] | None = None, slice_events: int = SLICE_EVENTS,
    ) -> None:  # fmt: skip
        self.store, self.start, self.end, self.sources = store, start, end, sources
        self.slice_events = slice_events
        self._read: tuple[tuple[str, ...], Graph] | None = None

    def attacks(self, graph: Graph) -> Bools | None:
        """Return which events [E] of its graph, or of a part, are known attacks."""
        return self.labels.events(graph) if self.labels else None

    @cached_property
    def _moments(self) -> Any:
        return self.store.moments(self.start, self.end, self.sources)

    @property
    def events(self) -> int:
        """Return how many events there are."""
        return int(self._moments[1].sum())

    @property
    def seconds(self) -> Any:
        """Return the seconds [S] since 1970 with events, ascending."""
        return self._moments[0]

    @property
    def large(self) -> bool:
        """Say whether it has more events than should be held at once."""
        mine = self.sources
        most = sum(s.edges for s in self.store.sources if mine is None or s.source in mine)
        return most > self.slice_events and self.events > self.slice_events

    def counts(self) -> pa.Table:
        """Return its counts."""
        # Sources by number, so that a fit on part of a day reads its edges.
        chosen = self.sources
        if chosen is None:
            chosen = [source.source for source in self.store.sources]
        return self.store.past(self.start, self.end, sources=chosen)

    def graph(self, fields: tuple[str, ...] = ()) -> Graph:
        """Return its graph, with fields of the records; the last one is kept."""
        if self._read is None or self._read[0] != fields:
            found = self.store.graph(self.start, self.end, sources=self.sources, fields=fields)
            self._read = fields, found
        return self._read[1]

    def graphs(self, fields: tuple[str, ...] = (), unit_s: int = 3600) -> Iterator[Graph]:
        """Yield its graph in parts that follow each other, in which no unit of time is cut.

        One alone, if it was read already or the window isn't `large`.
        """
        there = self._read is not None and self._read[0] == fields
        if there or not self.large:
            yield self.graph(fields)
            return
        yield from self.store.slices(
            self.start, self.end, self.sources, size=self.slice_events, unit_s=unit_s,
            fields=fields,
        )  # fmt: skip


def split(store: Store, first: int, last: int, sources: list[int] | None) -> int:
    """Return where the held-out part of a window begins; events stand on both sides if they can.

    It is the last third of the hours in which anything happened, not of the clock: a few captures
    with days between them would else leave nearly all events on one side. Within so few hours that
    these don't divide, it is the last third of the events.
    """
    connection = store.connect()
    try:
        events = f"FROM edges e WHERE {store.window(first, last + 1, sources=sources)}"
        hours = [
            int(row[0])
            for row in connection.execute(
                f"SELECT DISTINCT epoch_us(ts) // {HOUR} AS hour {events} ORDER BY hour"
            ).fetchall()
        ]
        begin = round(len(hours) * (1 - HELD_OUT))
        if 0 < begin < len(hours) and len(hours) >= _HOURS:
            return hours[begin] * HOUR
        found = connection.execute(
            f"SELECT quantile_disc(epoch_us(ts), {1 - HELD_OUT}) {events}"
        ).fetchone()
    finally:
        connection.close()
    middle = found[0] if found and found[0] is not None else last + 1
    return int(middle) if middle > first else last + 1
