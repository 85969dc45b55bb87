"""Connections: what one end opened and the other took is one thing, and logons came through it."""

from bisect import bisect_left, bisect_right
from operator import itemgetter
from typing import Any

import duckdb
import numpy as np

from graphad.models.lives import clusters
from graphad.store.expressions import SEED
from graphad.store.united import Ints, Uniting, mixed

_CLOCKS = 30_000_000  # us by which the clocks of two hosts may differ, and a record be late
_LOGON = 120_000_000  # us after which no system lends a port again that just served a connection

# What is said of connections whose near end is told by both who opened and who took it, or by a
# logon that came through it.
_SAID = """
SELECT c.kind, c.value, c.far, c.place, c.entity, c.ts, c.source, c.record
FROM claimed c SEMI JOIN w ON w.source = c.source AND w.record = c.record
SEMI JOIN met ON met.id = c.entity
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
    for some in opened.values():
        some.sort()
    for i, one in enumerate(kind):
        if one != "caller":
            continue
        some = opened.get(value[i], [])
        first = bisect_left(some, ts[i] - _LOGON, key=itemgetter(0))
        after = bisect_right(some, ts[i] + _CLOCKS, key=itemgetter(0))
        if after - first == 1:  # of two it came through none that we could name
            some[first][1].append(i)
    told: list[tuple[int, ...]] = []
    for some in opened.values():
        for began_at, members in some:
            if not _crosses([(kind[i], place[i], value[i], far[i]) for i in members]):
                continue
            socket = min(entity[i] for i in members if kind[i] == "connect")
            caller = min((entity[i] for i in members if kind[i] == "accept"), default=0)
            salt = int(mixed(np.array([began_at]), np.array([caller]))[0])
            told += [
                (source[i], record[i], entity[i], kind[i] == "connect", socket, salt, began_at)
                for i in members
            ]
    if told:
        _put(work, told)


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
    graph, size = work.graph, len(work.graph)
    source, record, entity, opened, socket, salt, begin = np.array(told, np.int64).T
    # Where in the graph each record is; one may give several events.
    number = coded_pairs(source, record, graph.source, graph.record)
    place = np.full(int(number[0].max()) + 1, -1, np.int64)
    place[number[0]] = np.arange(len(told))
    events = np.flatnonzero(number[1] >= 0)
    said = place[number[1][events]]
    was = np.where(opened[said] == 1, graph.dst[events], graph.src[events])
    mine = graph.ids[was] == entity[said]
    events, said = events[mine], said[mine]
    found = mixed(socket[said], salt[said])
    labels = graph.labels[np.searchsorted(graph.ids, socket[said])]
    added = [
        work.entity(one, "socket", label)
        for one, label in zip(found.tolist(), labels.tolist(), strict=True)
    ]
    ends = np.where(opened[said] == 1, events + size, events)
    work.move(ends, np.array(added, np.int64), tell=False)
    # Nothing is taken before it was opened, whatever clocks and stamps cut to seconds say.
    ts = graph.ts.copy()
    ts[events] = np.where(opened[said] == 1, ts[events], np.maximum(ts[events], begin[said]))
    work.ts = ts


def coded_pairs(a: Ints, b: Ints, other_a: Ints, other_b: Ints) -> tuple[Ints, Ints]:
    """Return numbers of pairs (a, b) [N], and of other pairs [M], -1 for those not among them."""
    from graphad.scan.tuples import distinct_rows

    both = np.stack([np.concatenate([a, other_a]), np.concatenate([b, other_b])])
    _, number = distinct_rows(both, SEED)
    mine, others = number[: len(a)].astype(np.int64), number[len(a) :].astype(np.int64)
    return mine, np.where(others <= mine.max(initial=-1), others, -1)
