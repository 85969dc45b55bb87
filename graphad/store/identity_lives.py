"""Processes known by a pid, and logon sessions: whose life each event falls into."""

from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from graphad.models.lives import NEVER, Spans, alive, clusters
from graphad.store.united import SAME, Ints, Uniting, keep, mixed

_AGE = 10 * 366 * 86_400  # seconds; nothing runs for longer, so an older birth is made up
_STARTING = 120_000_000  # us from a host's start until its log has said so
_SYSTEM = ("0x3e4", "0x3e5", "0x3e7")  # logon ids that the system's own sessions always have

# Processes that their source tells from all others, one row each, and what is known of them. A
# process that is said to have had two pids is left out: somebody lies, or cloned a machine.
_KNOWN = f"""
SELECT entity, place, min(value) AS pid, coalesce(
           min(ts) FILTER (kind = 'birth'),
           min(epoch_us(born)) FILTER (epoch_us(born) BETWEEN ts - {_AGE}000000 AND ts),
           min(ts)) AS born,
       min(ts) FILTER (kind = 'birth') IS NOT NULL AS exactly,
       min(ts) FILTER (kind = 'death') AS ended, max(label) AS label,
       max(detail) FILTER (kind = 'birth') AS detail
FROM claimed WHERE kind IN ('process', 'birth', 'death')
GROUP BY entity, place HAVING count(DISTINCT value) < 2
"""
_PROGRAM = r"nullif(regexp_extract(lower({}), '[^\\/]+$'), '')"
# Processes that began with no more than a pid, and those of _KNOWN they may be: of the same pid and
# program, or, where the pid was not logged, of the same path and command line, in which Sysmon
# doubles percent signs. Of many that began alike in one second none can be told from the others.
_PAIRS = f"""
SELECT k.entity, b.number, abs(k.born - b.born) AS apart, true AS by_pid
FROM known k JOIN began b ON k.place = b.place AND k.pid = b.pid
WHERE abs(k.born - b.born) <= CASE WHEN k.exactly THEN {SAME} ELSE 2 * {SAME} END
  AND coalesce({_PROGRAM.format("k.label")} = b.program, true)
UNION ALL
SELECT k.entity, b.number, abs(k.born - b.born), false
FROM (SELECT * FROM known WHERE pid IS NULL AND exactly QUALIFY 8 >= count(*) OVER (
          PARTITION BY place, lower(label), detail, born // 1000000)) k
JOIN began b ON k.place = b.place AND lower(k.label) = lower(b.label)
    AND replace(k.detail, '%%', '%') = replace(b.detail, '%%', '%')
WHERE abs(k.born - b.born) <= {SAME}
"""


def processes(connection: duckdb.DuckDBPyConnection, work: Uniting) -> None:
    """Give each event whose process is known by its pid the process that then had it."""
    pids = connection.execute(
        """SELECT id, coalesce(p.place, e.host) AS place, split_part(key, ':', 2) AS pid,
                  nullif(lower(regexp_extract(key, '(?s)^pid:[^:]*:(.*)$', 1)), '') AS program
           FROM met e LEFT JOIN places p ON p.host = e.host
           WHERE type = 'process' AND starts_with(key, 'pid:') ORDER BY id"""
    ).fetchall()
    if not pids:
        return
    table = _lives(connection, pids)
    if not len(table["born"]):
        return
    codes: dict[Any, int] = {}
    of = np.array([codes.setdefault((row[1], row[2]), len(codes)) for row in pids], np.int64)
    programs: dict[Any, int] = {None: -1}
    program = np.array([programs.setdefault(row[3], len(programs) - 1) for row in pids], np.int64)
    spans = Spans(
        np.array([codes[one] for one in table["of"]], np.int64),
        table["born"],
        table["ended"],
        np.array(
            [programs.setdefault(one, len(programs) - 1) for one in table["program"]], np.int64
        ),
    )
    spans = _ends(connection, spans, table, codes, programs)
    places = np.searchsorted(work.graph.ids, np.array([row[0] for row in pids], np.int64))
    ends, which = work.ends_at(places)
    found, begun = alive(spans, of[which], work.ts[work.events(ends)], program[which], SAME)
    there = found >= 0
    used, where = np.unique(found[there], return_inverse=True)
    stands = [
        work.entity(table["entity"][i], "process", table["label"][i], table["detail"][i])
        for i in used.tolist()
    ]
    work.move(ends[there], np.array(stands, np.int64)[where], tell=True)
    work.lived[ends[there]] = True
    # Whoever had the pid after a known process had ended is not who had it before.
    lost = ~there & (begun >= 0)
    _part(work, "process", ends[lost], places[which[lost]], spans.born[begun[lost]])


def _lives(connection: duckdb.DuckDBPyConnection, pids: list[Any]) -> dict[str, Any]:
    """Return the lives of the pids that are asked for, those that two logs tell of once.

    of: (place, pid); born, ended: us; entity: id; program, label, detail.
    """
    asked = sorted({(row[1], row[2]) for row in pids})
    places, ids = (pa.array([row[i] for row in asked], pa.string()) for i in (0, 1))
    keep(connection, "asked", pa.table({"place": places, "pid": ids}))
    began = _began(connection)
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE known AS SELECT * FROM ({_KNOWN}) k
            WHERE EXISTS (SELECT 1 FROM asked a WHERE a.place = k.place AND a.pid = k.pid)
               OR pid IS NULL AND EXISTS (
                SELECT 1 FROM began b
                WHERE b.place = k.place AND lower(b.label) = lower(k.label))
            QUALIFY row_number() OVER (
                PARTITION BY place, pid, coalesce(pid, entity::VARCHAR), born // 1000000
                ORDER BY exactly DESC, born, label, detail, entity) = 1"""
    )
    pairs = connection.execute(_PAIRS).fetchall()
    known = connection.execute(
        f"""SELECT entity, place, pid, born, ended, {_PROGRAM.format("label")}, label, detail
            FROM known ORDER BY born, label, detail, entity, place"""
    ).fetchall()
    joined = _matched(pairs)
    pid_of = {entity: began[number][1] for number, entity in joined.items()}
    rows = [
        ((place, pid or pid_of[entity]), born, ended, entity, *rest)
        for entity, place, pid, born, ended, *rest in known
        if pid is not None or entity in pid_of
    ]
    rows += [
        ((place, pid), born, None, int(mixed(np.array([entity]), np.array([born]))[0]), *rest)
        for number, (place, pid, born, entity, *rest) in enumerate(began)
        if number not in joined
    ]
    names = ("of", "born", "ended", "entity", "program", "label", "detail")
    found: dict[str, Any] = {name: [row[i] for row in rows] for i, name in enumerate(names)}
    found["born"] = np.array(found["born"], np.int64)
    found["ended"] = np.array([NEVER if e is None else e for e in found["ended"]], np.int64)
    return found


def _began(connection: duckdb.DuckDBPyConnection) -> list[Any]:
    """Return births of which no more than the pid is told, each once, in the table `began` too."""
    rows = connection.execute(
        f"""SELECT place, value AS pid, ts, entity, {_PROGRAM.format("label")} AS program,
                   label, detail
            FROM claimed SEMI JOIN asked a ON a.place = claimed.place AND a.pid = value
            WHERE kind = 'pid birth'
            ORDER BY place, pid, ts, program, label, detail, entity"""
    ).fetchall()
    codes: dict[Any, int] = {}
    of = np.array([codes.setdefault((r[0], r[1], r[4]), len(codes)) for r in rows], np.int64)
    number = clusters(of, np.array([row[2] for row in rows], np.int64), SAME).tolist()
    once: dict[int, Any] = {}
    for run, row in zip(number, rows, strict=True):
        once.setdefault(run, row)  # the first of each, for they are in order
    # Ids come last in every order: they hang on the store's key, and who is who must not.
    began = sorted(once.values(), key=lambda r: tuple(map(str, (*r[:3], *r[4:], r[3]))))
    kinds = (pa.string(), pa.string(), pa.int64(), pa.int64(), *[pa.string()] * 3)
    names = ("place", "pid", "born", "entity", "program", "label", "detail")
    columns = {
        name: pa.array([row[i] for row in began], kind)
        for i, (name, kind) in enumerate(zip(names, kinds, strict=True))
    }
    keep(connection, "began", pa.table(columns | {"number": np.arange(len(began))}))
    return began


def _matched(pairs: list[Any]) -> dict[int, int]:
    """Return {number of a birth: entity}: with a pid the nearest on both sides, else the only ones.

    A birth that is as near to two others is nobody's.
    """
    found: dict[int, int] = {}
    taken: set[int] = set()
    for by_pid in (True, False):
        mine = [(e, b, apart) for e, b, apart, how in pairs if how == by_pid]
        mine = [(e, b, apart) for e, b, apart in mine if b not in found and e not in taken]
        near: dict[tuple[int, int], list[tuple[int, int]]] = {}
        for entity, birth, apart in mine:
            near.setdefault((0, entity), []).append((apart if by_pid else 0, birth))
            near.setdefault((1, birth), []).append((apart if by_pid else 0, entity))
        best = {key: sorted(some)[:2] for key, some in near.items()}
        for entity, birth, _ in mine:
            one, other = best[0, entity], best[1, birth]
            alone = all(len(some) == 1 or some[0][0] < some[1][0] for some in (one, other))
            if alone and one[0][1] == birth and other[0][1] == entity:
                found[birth] = entity
                taken.add(entity)
    return found


def _ends(
    connection: duckdb.DuckDBPyConnection, spans: Spans, table: dict[str, Any],
    codes: dict[Any, int], programs: dict[Any, int],
) -> Spans:  # fmt: skip
    """Return the lives, ended by what the log of pids says, and by boots of their hosts."""
    deaths = connection.execute(
        f"""SELECT place, value, ts, {_PROGRAM.format("label")} FROM claimed
            SEMI JOIN asked a ON a.place = claimed.place AND a.pid = value
            WHERE kind = 'pid death'"""
    ).fetchall()
    ended = spans.ended.copy()
    if deaths:
        at = np.array([row[2] for row in deaths], np.int64)
        of = np.array([codes.get((row[0], row[1]), -1) for row in deaths], np.int64)
        program = np.array(
            [programs.setdefault(row[3], len(programs) - 1) for row in deaths], np.int64
        )
        life, _ = alive(spans, of, at, program, SAME)
        np.minimum.at(ended, life[life >= 0], at[life >= 0])
    _boots(connection, [place for place, _ in table["of"]], spans.born, ended)
    return spans._replace(ended=ended)


def _boots(
    connection: duckdb.DuckDBPyConnection, places: list[str], born: Ints, ended: Ints
) -> None:
    """End lives at the next start of their host, which is told of a little after it began."""
    boots: dict[str, list[int]] = {}
    for place, ts in connection.execute(
        "SELECT DISTINCT place, ts FROM claimed WHERE kind = 'boot' ORDER BY ALL"
    ).fetchall():
        boots.setdefault(place, []).append(ts)
    for place, times in boots.items():
        mine = np.flatnonzero(np.array([one == place for one in places], bool))
        moments = np.array([*times, NEVER], np.int64)
        after = moments[np.searchsorted(moments, born[mine] + _STARTING)]
        ended[mine] = np.minimum(ended[mine], after)


def sessions(connection: duckdb.DuckDBPyConnection, work: Uniting) -> None:
    """Tell sessions apart whose logon id was used again after a start of the host."""
    rows = connection.execute(
        """SELECT place, value, ts, min(entity) AS entity FROM claimed
           WHERE kind = 'logon' AND NOT list_contains(?, value) GROUP BY ALL ORDER BY ALL""",
        [list(_SYSTEM)],
    ).fetchall()
    of_place: dict[Any, int] = {}
    of = np.array([of_place.setdefault(row[:2], len(of_place)) for row in rows], np.int64)
    ts = np.array([row[2] for row in rows], np.int64)
    _, first = np.unique(clusters(of, ts, SAME), return_index=True)
    again = np.flatnonzero(np.bincount(of[first], minlength=1) > 1)
    if not len(again):
        return
    first = first[np.isin(of[first], again)]
    spans = Spans(of[first], ts[first], np.full(len(first), NEVER), np.full(len(first), -1))
    asked = connection.execute(
        """SELECT id, coalesce(p.place, e.host) AS place, key
           FROM met e LEFT JOIN places p ON p.host = e.host WHERE type = 'session' ORDER BY id"""
    ).fetchall()
    asked = [row for row in asked if of_place.get(row[1:], -1) in again]
    if not asked:
        return
    places = np.searchsorted(work.graph.ids, np.array([row[0] for row in asked], np.int64))
    ends, which = work.ends_at(places)
    group = np.array([of_place[row[1:]] for row in asked], np.int64)[which]
    found, _ = alive(spans, group, work.ts[work.events(ends)], np.full(len(ends), -1), SAME)
    there = found >= 0
    _part(work, "session", ends[there], places[which[there]], spans.born[found[there]])


def _part(work: Uniting, kind: str, ends: Ints, entity: Ints, since: Ints) -> None:
    """Put a part of an entity, from a moment on, at some ends."""
    if not len(ends):
        return
    pairs, where = np.unique(np.stack([entity, since]), axis=1, return_inverse=True)
    ids = mixed(work.graph.ids[pairs[0]], pairs[1])
    graph = work.graph
    added = [
        work.entity(int(one), kind, graph.labels[i], graph.details[i])
        for one, i in zip(ids, pairs[0].tolist(), strict=True)
    ]
    work.move(ends, np.array(added, np.int64)[where.ravel()], tell=False)
