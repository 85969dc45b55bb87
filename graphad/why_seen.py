"""What the store and a fit know of a record, of processes by name, and of a link."""

from typing import Any

import msgspec
import numpy as np

from graphad.detectors.path_names import Names
from graphad.errors import UnknownName
from graphad.graph import Graph
from graphad.judge import rfc3339


class History(msgspec.Struct):
    """How often the fit saw a link: events, those with this command shape, pairs of host and day.

    `src` and `dst` say whether it saw an entity of that name at all.
    """

    seen: int
    same_command: int
    host_days: int
    src: bool
    dst: bool


def history(names: Names | None, src: str, action: str, dst: str, shape: str) -> History:
    """Return how often a fit saw a link; src and dst are "type name".

    host_days is the most of any one command shape, for which of them share a day is not kept.
    """
    if names is None:
        return History(0, 0, 0, False, False)
    place = {word: i for i, word in enumerate(names.vertex)}
    u, v = place.get(src, -1), place.get(dst, -1)
    known = {word: i for i, word in enumerate(names.action)}
    mine = (names.src == u) & (names.dst == v) & (names.act == known.get(action, -1))
    shapes = {word: i for i, word in enumerate(names.shape_text)}
    same = mine & (names.shape == shapes.get(shape, -1))
    return History(
        int(names.n[mine].sum()), int(names.n[same].sum()),
        int(np.max(names.days[mine], initial=0.0)), u >= 0, v >= 0,
    )  # fmt: skip


def fate(store: Any, graph: Graph, source: int, record: int) -> str:
    """Return in words what became of a record that has no event in the window."""
    connection = store.connect()
    try:
        keys = [source, record]
        events = connection.execute(
            "SELECT min(epoch_us(ts)) FROM edges WHERE source = ? AND record = ?", keys
        ).fetchone()
        if events is not None and events[0] is not None:
            when = int(events[0])
            if source in graph.source and graph.ts[0] <= when <= graph.ts[-1]:
                return "read: another record tells the same event, and stands for it"
            return f"read: its events, from {rfc3339(when)} on, are outside the window"
        reject = connection.execute(
            "SELECT reason FROM rejects WHERE source = ? AND record = ?", keys
        ).fetchone()
        if reject is not None:
            return f"rejected: {reject[0]}"
        there = connection.execute(
            "SELECT 1 FROM records WHERE source = ? AND record = ?", keys
        ).fetchone()
    finally:
        connection.close()
    one = next((s for s in store.sources if s.source == source), None)
    if one is None or record < 1 or (there is None and record > one.records):
        last = f"; it has {one.records} records" if one is not None else ""
        return f"not there: the source has no such record{last}"
    if there is None and one.ignored == {}:
        return "not there: pruned, or the source does not hold it"
    rules = ", ".join(f"{rule} ({n:,})" for rule, n in sorted(one.ignored.items()))
    return f"read, but it says of no flow of information; rules that left records out: {rules}"


def record_at(store: Any, source: int, line: int) -> int:
    """Return the record that begins on a line, or on the last one before it.

    Raises: UnknownName: the source has no record there.
    """
    connection = store.connect()
    try:
        found = connection.execute(
            """SELECT arg_max(record, begins) FROM (
                 SELECT record, line AS begins FROM records WHERE source = $source
                 UNION ALL SELECT record, line FROM rejects WHERE source = $source)
               WHERE begins > 0 AND begins <= $line""",
            {"source": source, "line": line},
        ).fetchone()
    finally:
        connection.close()
    if found is None or found[0] is None:
        raise UnknownName(f"Source {source} has no record at line {line}.")
    return int(found[0])


def processes(store: Any, name: str, host: str | None) -> set[int]:
    """Return the ids of processes of a key, pid, path, name, or program name.

    Raises: UnknownName: there is none.
    """
    connection = store.connect()
    try:
        rows = connection.execute(
            r"""SELECT id FROM entities WHERE type = 'process' AND ($host IS NULL OR host = $host)
                AND ($name IN (key, label, name) OR split_part(key, ':', 1) = $pid
                     OR regexp_extract(name, '[^/\\]*$') = lower($name)
                     OR regexp_extract(label, '[^/\\]*$') = $name)""",
            {"name": name, "host": host, "pid": name if name.isdecimal() else None},
        ).fetchall()
        found = {int(row[0]) for row in rows}
        if name.isdecimal():
            found |= _of_pid(connection, name, host)
        known = [] if found else connection.execute(
            "SELECT DISTINCT name FROM entities WHERE type = 'process' ORDER BY ALL LIMIT 1000"
        ).fetchall()  # fmt: skip
    finally:
        connection.close()
    if not found:
        raise UnknownName.among("process", name, [row[0] for row in known][:20])
    return found


def _of_pid(connection: Any, pid: str, host: str | None) -> set[int]:
    """Return the processes that a source tells apart by ids of its own and that had a pid."""
    rows = connection.execute(
        """SELECT DISTINCT entity FROM aliases
           WHERE kind IN ('process', 'birth') AND value = $pid
             AND ($host IS NULL OR host = $host)""",
        {"pid": pid, "host": host},
    ).fetchall()
    return {int(row[0]) for row in rows}
