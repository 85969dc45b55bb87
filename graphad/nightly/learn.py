"""What is learned after a night: a model for tomorrow, of some days, without what was alerted."""

from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa

from graphad import judge
from graphad.detectors import registry
from graphad.errors import GraphadError, SchemaError
from graphad.graph import Graph
from graphad.nightly.leftout import LeftOut
from graphad.store import Store
from graphad.workspace import Workspace
from graphad.workspace_models import TRAINING
from graphad.workspace_window import HELD_OUT, StoreWindow, split

_SPREAD = 2_000_000  # events that the spread of scores needs no more than
_DAYS = 3  # from which on whole days are held out, so that counts need no edges


class CleanWindow(StoreWindow):
    """A window without what is left out.

    recent: graphs, not counts, begin there: the spread of scores needs no more.
    """

    def __init__(
        self, store: Store, start: int, end: int, left: LeftOut, recent: int | None = None
    ) -> None:
        super().__init__(store, start if recent is None else max(start, recent), end)
        self.left, self.counted = left, start

    def counts(self) -> pa.Table:
        """Return its counts; for whole days those the store has, for a part by its edges."""
        return self.left.counts(self.store.past(self.counted, self.end))

    def graph(self, fields: tuple[str, ...] = ()) -> Graph:
        """Return its graph."""
        return self._cleaned(super().graph(fields))

    def graphs(self, fields: tuple[str, ...] = (), unit_s: int = 3600) -> Iterator[Graph]:
        """Yield its graph in parts that follow each other, in which no unit of time is cut."""
        if not self.large:
            yield self.graph(fields)
            return
        parts = self.store.slices(
            self.start, self.end, size=self.slice_events, unit_s=unit_s, fields=fields
        )
        yield from map(self._cleaned, parts)  # holds none while the next one is made

    def _cleaned(self, graph: Graph) -> Graph:
        return graph.subset(~self.left.events(graph)) if self.left else graph


def events_by_day(store: Store, begin: int, end: int) -> dict[int, int]:
    """Return how many events each day has, by its midnight (us), of days that have any."""
    connection = store.connect()
    try:
        rows = connection.execute(
            f"""SELECT epoch_us(day), sum(n)::BIGINT FROM counts c
                WHERE {store.window(begin, end, alias="c").replace("c.ts", "c.day")}
                GROUP BY day ORDER BY day"""
        ).fetchall()
    finally:
        connection.close()
    return {int(day): int(n) for day, n in rows}


def divided(store: Store, begin: int, end: int) -> int:
    """Return where the held-out part of a window of whole days begins: at a day, if it has three.

    It is the last third of the days that have events, of fewer days as `fit` divides a window.
    """
    days = list(events_by_day(store, begin, end))
    if len(days) >= _DAYS:
        return days[-max(round(len(days) * HELD_OUT), 1)]
    return split(store, days[0], end - 1, None)


def learn(
    store: Workspace, detector: str, settings: dict[str, Any], begin: int, end: int,
    left: tuple[LeftOut, LeftOut], budget: float, kept_for: str, stage: Callable[[str], None],
) -> tuple[str, str]:  # fmt: skip
    """Fit a detector on the days [begin, end) that have events, calibrate it; return its id and "".

    If there is too little to learn from: "" and why.

    left: what is left out of the fit, and of the calibration. kept_for: what all that is learned
    depends on; a model may be that of the night before and its calibration another, and the night
    before keeps its own.
    """
    found = registry.made(detector, settings)
    middle = divided(store, begin, end)
    days = events_by_day(store, begin, end)
    window = CleanWindow(store, begin, middle, left[0], _recent(days, middle))
    window.progress = stage
    window.scratch = store.path / "models" / detector / TRAINING
    stage("learning")
    try:
        found.learn(window)
    except SchemaError:  # a store that can't be read is no lack of days
        raise
    except GraphadError as error:
        return "", str(error)
    stage("calibrating")
    held = CleanWindow(store, middle, end, left[1])
    # The window's own ends, not those of its events: a model is of the days up to its end.
    told = {"start": judge.rfc3339(min(days)), "end": judge.rfc3339(end - 1), "parent": None}
    return store._keep(found, held.graphs(found.fields), budget, told, kept_for), ""


def _recent(days: dict[int, int], middle: int) -> int | None:
    """Return the first of the last days before `middle` whose events are enough for the spread."""
    chosen, events = None, 0
    for day in sorted(days, reverse=True):
        if day >= middle:
            continue
        events += days[day]
        if chosen is not None and events > _SPREAD:
            break
        chosen = day
    return chosen


def newest(store: Workspace, detector: str, before: int) -> str:
    """Return the newest model of a detector that learned nothing from a time on, "" if none."""
    moment = judge.rfc3339(before)
    known = [m for m in store.models() if m.detector == detector and m.end and m.end < moment]
    return max(enumerate(known), key=lambda one: (one[1].end, one[0]))[1].model if known else ""
