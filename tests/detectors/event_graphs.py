"""Graphs of events by hand, for tests of the event detector."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from graphad.detectors.event_kinds import FIELDS
from graphad.graph import Graph

START = 1_790_000_000_000_000 // 86_400_000_000 * 86_400_000_000  # us, a midnight
SECOND, HOUR = 1_000_000, 3_600_000_000


class Event(NamedTuple):
    """One event: its ends as (type, name), and what its record says."""

    ts: int
    src: tuple[str, str]
    action: str
    dst: tuple[str, str]
    host: str = "ws1"
    said: dict[str, str] = {}  # noqa: RUF012
    shape: str | None = None  # of the destination
    record: int | None = None


def graph(events: Sequence[Event], fields: Sequence[str] = FIELDS) -> Graph:
    """Return the graph of events, put in order of time; each has a record of its own by default."""
    events = sorted(events, key=lambda e: e.ts)
    met = {(*e.src, None) for e in events} | {(*e.dst, e.shape) for e in events}
    ends = sorted(met, key=lambda end: tuple(str(part) for part in end))
    place = {end: i for i, end in enumerate(ends)}

    def texts(values: Sequence[Any]) -> Any:
        return np.fromiter(values, object, len(values))

    made = Graph(
        ids=np.arange(len(ends), dtype=np.int64),
        types=texts([kind for kind, _, _ in ends]),
        names=texts([name for _, name, _ in ends]),
        labels=texts([name for _, name, _ in ends]),
        details=texts([None for _ in ends]),
        shapes=texts([shape for _, _, shape in ends]),
        src=np.array([place[(*e.src, None)] for e in events], np.int64),
        dst=np.array([place[(*e.dst, e.shape)] for e in events], np.int64),
        ts=np.array([e.ts for e in events], np.int64),
        action=texts([e.action for e in events]),
        host=texts([e.host for e in events]),
        source=np.ones(len(events), np.int64),
        record=np.array([i if e.record is None else e.record for i, e in enumerate(events)]),
        ordinal=np.arange(len(events), dtype=np.int64),
    )  # fmt: skip
    said = {
        name: pa.array([e.said.get(name) for e in events], pa.string()).dictionary_encode()
        for name in fields
    }
    return replace(made, fields=said)


def office(days: int, seed: int, first_day: int = 0) -> list[Event]:
    """Return days of launches and connections of two groups of users, each with its programs."""
    draw = np.random.default_rng(seed)
    events = []
    for day in range(first_day, first_day + days):
        for i in range(600):
            group = int(draw.integers(0, 2))
            user = f"{('clerk', 'dev')[group]}{draw.integers(0, 5)}"
            program = f"/bin/{('word', 'gcc')[group]}{min(int(draw.zipf(1.7)), 8)}"
            ts = START + day * 24 * HOUR + int(draw.integers(0, 24 * 3600)) * SECOND
            host = f"ws{draw.integers(1, 3)}"
            said = {"user": user}
            if i % 3:
                parent = ("process", f"/bin/shell{group}")
                events.append(
                    Event(ts, parent, "launch", ("process", program), host, said, f"{program} <x>")
                )
            else:
                port = (443, 22)[group]
                end = ("socket", f"10.0.{group}.{draw.integers(1, 4)}:{port}")
                events.append(Event(ts, ("process", program), "connect", end, host, said))
    return events


def odd(day: int) -> Event:
    """Return the launch of one group's program by a user of the other."""
    ts = START + day * 24 * HOUR + 12 * HOUR
    said = {"user": "clerk1"}
    program = "/bin/gcc1"
    return Event(
        ts, ("process", "/bin/shell1"), "launch", ("process", program), "ws1", said,
        f"{program} <x>",
    )  # fmt: skip


class Kept:
    """A window that has one graph."""

    scratch = progress = later = None

    def __init__(self, found: Graph) -> None:
        self.found = found

    def graph(self, fields: tuple[str, ...] = ()) -> Graph:
        """Return it; its records say all that kinds ask for."""
        return self.found

    def graphs(self, fields: tuple[str, ...] = (), unit_s: int = 3600) -> Iterator[Graph]:
        """Return it as its only part."""
        yield self.found

    def counts(self) -> pa.Table:
        """Fail: events are not learned from counts."""
        raise AssertionError

    def attacks(self, graph: Graph) -> None:
        """Return nothing: none is known."""
