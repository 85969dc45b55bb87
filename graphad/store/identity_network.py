"""Connections: what one end opened and the other took is one thing, and logons came through it.

So is what a sensor on the way saw of it: it says which address talked to which, not who there did.
"""

from bisect import bisect_left, bisect_right
from operator import itemgetter
from typing import Any

import duckdb
import numpy as np

from graphad.graph import Graph
from graphad.models.lives import clusters
from graphad.store.expressions import SEED
from graphad.store.united import Ints, Uniting, mixed

_CLOCKS = 30_000_000  # us by which the clocks of two hosts may differ, and a record be late
# Whether a connection is where an edge of such a record ends (1) or begins (0).
_ENDS = {"connect": (1,), "accept": (0,), "caller": (0,), "flow": (1, 0)}
_LOGON = 120_000_000  # us after which no system lends a port again that just served a connection

TOLD = "('connect', 'accept', 'caller', 'flow')"
# Connections whose near end is told by two sides: who opened it, who took it or had a logon that
# came through it, and who saw it pass.
TWO_SIDED = """bool_or(kind IN ('connect', 'flow')) OVER (PARTITION BY value)
    AND bool_or(kind <> 'flow') OVER (PARTITION BY value)
    AND bool_or(kind <> 'connect') OVER (PARTITION BY value)"""
# Most connections are opened before our eyes and taken elsewhere: those are left out first.
_SAID = f"""
SELECT c.kind, c.value, c.far, c.place, c.entity, c.ts, c.source, c.record
FROM claimed c SEMI JOIN w ON w.source = c.source AND w.record = c.record
SEMI JOIN met ON met.id = c.entity
WHERE kind IN {TOLD} AND (kind <> 'connect' OR value IN (
    SELECT value FROM claimed WHERE kind IN {TOLD} AND kind <> 'connect'))
QUALIFY {TWO_SIDED}
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
        began = began or [ts[i] for i in members if kind[i] == "flow"]
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
            socket = min(entity[i] for i in members if kind[i] in ("connect", "flow"))
            caller = min((entity[i] for i in members if kind[i] == "accept"), default=0)
            salt = int(mixed(np.array([began_at]), np.array([caller]))[0])
            told += [
                (source[i], record[i], entity[i], from_, socket, salt, began_at)
                for i in members
                for from_ in _ENDS[kind[i]]
            ]
    if told:
        _put(work, told)


def _runs(keys: list[Any], at: Ints, gap: int) -> Ints:
    codes: dict[Any, int] = {}
    return clusters(np.array([codes.setdefault(k, len(codes)) for k in keys], np.int64), at, gap)


def _crosses(told: list[tuple[str, str, str, str | None]]) -> bool:
    """Say whether a connection was told from two sides: of two hosts, or of one with itself.

    A sensor is a side too, which stands for the one that keeps no log.
    """
    opened = {place for kind, place, _, _ in told if kind == "connect"}
    taken = {place for kind, place, _, _ in told if kind in ("accept", "caller")}
    seen = any(kind == "flow" for kind, *_ in told)
    if len(opened) > 1 or not (opened or (seen and taken)):
        return False  # the same addresses on two networks, or no host tells of it
    if taken - opened:
        return len(taken - opened) == 1
    near = {value.rpartition(":")[0] for kind, _, value, _ in told if kind == "connect"}
    to = {(far or "").rpartition(":")[0] for kind, _, _, far in told if kind == "connect"}
    return seen if not taken else near == to


def _put(work: Uniting, told: list[tuple[int, ...]]) -> None:
    """Move the ends of what was told: (source, record, entity, opened, socket, salt, begin)."""
    graph, size = work.graph, len(work.graph)
    source, record, entity, opened, socket, salt, begin = np.array(told, np.int64).T
    # Where in the graph each record is: one may give several events, and have both ends told of it.
    events, said = (np.concatenate(parts) for parts in zip(*(
        _events_of(graph, source, record, np.flatnonzero(opened == end)) for end in (0, 1)
    ), strict=True))  # fmt: skip
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
    late = opened[said] == 0
    ts[events[late]] = np.maximum(ts[events[late]], begin[said[late]])
    work.ts = ts


def _events_of(graph: Graph, source: Ints, record: Ints, told: Ints) -> tuple[Ints, Ints]:
    """Return (events of records, which of `told` each is of): one of `told` for each record."""
    if not len(told):
        return told, told
    number = coded_pairs(source[told], record[told], graph.source, graph.record)
    place = np.full(int(number[0].max()) + 1, -1, np.int64)
    place[number[0]] = told
    events = np.flatnonzero(number[1] >= 0)
    return events, place[number[1][events]]


def coded_pairs(a: Ints, b: Ints, other_a: Ints, other_b: Ints) -> tuple[Ints, Ints]:
    """Return numbers of pairs (a, b) [N], and of other pairs [M], -1 for those not among them."""
    from graphad.scan.tuples import distinct_rows

    both = np.stack([np.concatenate([a, other_a]), np.concatenate([b, other_b])])
    _, number = distinct_rows(both, SEED)
    mine, others = number[: len(a)].astype(np.int64), number[len(a) :].astype(np.int64)
    return mine, np.where(others <= mine.max(initial=-1), others, -1)
