"""Connections: what one end opened and the other took is one thing, and logons came through it."""

from typing import Any

import duckdb
import numpy as np

from graphad.models.lives import clusters
from graphad.store.united import Ints, Uniting, mixed

_CLOCKS = 30_000_000  # us by which the clocks of two hosts may differ, and a record be late
_LOGON = 120_000_000  # us after which no system lends a port again that just served a connection

# What is said of connections whose near end is told by both who opened and who took it, or by a
# logon that came through it.
_SAID = """
SELECT c.kind, c.value, c.far, c.place, c.entity, c.ts, c.source, c.record
FROM claimed c SEMI JOIN w ON w.source = c.source AND w.record = c.record
WHERE kind IN ('connect', 'accept', 'caller')
QUALIFY bool_or(kind = 'connect') OVER (PARTITION BY value)
    AND bool_or(kind <> 'connect') OVER (PARTITION BY value)
ORDER BY ALL
"""


def connections(connection: duckdb.DuckDBPyConnection, work: Uniting) -> None:
    """Put one entity for each connection at the ends of what opened it, took it and came by it."""
    rows = connection.execute(_SAID).fetchall()
    if not rows:
        return
    kind, value, far, place, entity, ts, source, record = map(list, zip(*rows, strict=True))
    time = np.array(ts, np.int64)
    ends_told = [i for i, k in enumerate(kind) if k != "caller"]
    number = _runs([(value[i], far[i]) for i in ends_told], time[ends_told], _CLOCKS)
    runs: dict[int, list[int]] = {}
    for i, run in zip(ends_told, number.tolist(), strict=True):
        runs.setdefault(run, []).append(i)
    opened: dict[str, list[tuple[int, list[int]]]] = {}
    for members in runs.values():
        began = [ts[i] for i in members if kind[i] == "connect"]
        if began:
            opened.setdefault(value[members[0]], []).append((min(began), members))
    for i, one in enumerate(kind):
        if one != "caller":
            continue
        near = [run for run in opened.get(value[i], ()) if -_CLOCKS <= ts[i] - run[0] <= _LOGON]
        if len(near) == 1:  # of two it came through none that we could name
            near[0][1].append(i)
    said: list[int] = []
    named: list[tuple[int, int, int, int]] = []  # row, its connection's socket, salt, begin
    for some in opened.values():
        for began_at, members in some:
            if not _crosses([(kind[i], place[i], value[i], far[i]) for i in members]):
                continue
            socket = min(entity[i] for i in members if kind[i] == "connect")
            caller = min((entity[i] for i in members if kind[i] == "accept"), default=0)
            salt = int(mixed(np.array([began_at]), np.array([caller]))[0])
            said += members
            named += [(i, socket, salt, began_at) for i in members]
    if not said:
        return
    _put(work, [(source[i], record[i], entity[i], kind[i] == "connect", *rest)
                for i, *rest in named])  # fmt: skip


def _runs(keys: list[Any], at: Ints, gap: int) -> Ints:
    codes: dict[Any, int] = {}
    return clusters(np.array([codes.setdefault(k, len(codes)) for k in keys], np.int64), at, gap)


def _crosses(told: list[tuple[str, str, str, str | None]]) -> bool:
    """Say whether a connection was told from both sides: of two hosts, or of one with itself."""
    opened = {place for kind, place, _, _ in told if kind == "connect"}
    taken = {place for kind, place, _, _ in told if kind != "connect"}
    if len(opened) != 1 or not taken:
        return False  # the same addresses on two networks
    if taken != opened:
        return len(taken - opened) == 1
    near = {value.rpartition(":")[0] for kind, _, value, _ in told if kind == "connect"}
    to = {(far or "").rpartition(":")[0] for kind, _, _, far in told if kind == "connect"}
    return near == to


def _put(work: Uniting, told: list[tuple[int, ...]]) -> None:
    """Move the ends of what was told: (source, record, entity, opened, socket, salt, begin)."""
    graph = work.graph
    events: dict[tuple[int, int], list[int]] = {}
    wanted = {(row[0], row[1]) for row in told}
    sources = np.isin(graph.record, np.array([r for _, r in wanted], np.int64))
    for e in np.flatnonzero(sources).tolist():
        key = int(graph.source[e]), int(graph.record[e])
        if key in wanted:
            events.setdefault(key, []).append(e)
    ts = graph.ts.copy()
    size = len(graph)
    for source, record, entity, opened, socket, salt, begin in told:
        found = int(mixed(np.array([socket]), np.array([salt]))[0])
        at = int(np.searchsorted(graph.ids, socket))
        label = graph.labels[at]
        for e in events.get((source, record), ()):
            end = e + size if opened else e
            was = graph.dst[e] if opened else graph.src[e]
            if graph.ids[was] != entity:
                continue
            work.move(np.array([end]), np.array([work.entity(found, "socket", label)]), tell=False)
            # Nothing is taken before it was opened; clocks and stamps cut to seconds say so.
            ts[e] = ts[e] if opened else max(ts[e], begin)
    work.ts = ts
