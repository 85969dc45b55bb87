"""The graph of a window as a row of graphs that follow each other in time, one in memory at once.

What is one entity depends on the whole window (docs/identity.md): which account is the only one so
called, which process had an id, who took a connection. So the rules read, for each slice, what the
whole window has of accounts, sessions, processes that are known by an id, connections, and things
of a host with several names; all else is read for the slice alone.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import duckdb
import numpy as np

from graphad.graph import Graph
from graphad.store import graphs, identity
from graphad.store.identity_network import TOLD, TWO_SIDED
from graphad.store.united import SAME, Ints, Loose, Uniting, joined_loose
from graphad.store.views import entities_of
from graphad.store.window_copy import copy

_LIVED = "('process', 'birth', 'death')"
# What the rules read of the window, once for all slices: tables made of what is `said` of its
# entities, and of `w`, its records that tell of connections.
_TABLES = {
    "named": """
        SELECT DISTINCT id, type, host, key FROM said
        WHERE type IN ('user', 'session', 'host') OR type = 'process' AND starts_with(key, 'pid:')
        """,
    "pids": "SELECT DISTINCT split_part(key, ':', 2) AS pid FROM named WHERE type = 'process'",
    # Processes that a mere process id may turn out to be: with such an id, or without any.
    "lived": f"""
        SELECT DISTINCT entity AS id FROM aliases
        WHERE kind IN {_LIVED} AND EXISTS (FROM pids)
          AND (value IS NULL OR value IN (SELECT pid FROM pids))""",
    # Connections whose near end two sides tell of.
    "told": f"""
        SELECT * FROM claimed SEMI JOIN w USING (source, record) WHERE kind IN {TOLD}
        QUALIFY {TWO_SIDED}""",
    # Things of hosts with several names that are there under more than one of them.
    "spelled": """
        SELECT id FROM (SELECT DISTINCT id, type, host, key FROM said) JOIN places USING (host)
        WHERE place IN (SELECT place FROM places GROUP BY place HAVING count(*) > 1)
        QUALIFY count(*) OVER (PARTITION BY type, place, key) > 1""",
    "met": """
        SELECT * FROM named UNION
        SELECT DISTINCT id, type, host, key FROM said
        WHERE id IN (SELECT id FROM spelled UNION SELECT id FROM lived
                     UNION SELECT entity FROM told)""",
    "claims": f"""
        SELECT * FROM told UNION ALL SELECT * FROM claimed
        WHERE kind IN ('boot', 'logon') OR kind IN {_LIVED} AND entity IN (SELECT id FROM lived)
           OR kind IN ('pid birth', 'pid death') AND value IN (SELECT pid FROM pids)""",
}


def moments(connection: duckdb.DuckDBPyConnection, window: str) -> tuple[Ints, Ints]:
    """Return (seconds since 1970 with events of a window, ascending; how many events), both [S].

    `identity.prepare` was called before.
    """
    found = connection.execute(
        f"""SELECT epoch_us(date_trunc('second', e.ts)) // 1000000 AS second, count(*) AS events
            FROM timed e WHERE {window} GROUP BY second ORDER BY second"""
    ).fetchnumpy()
    return found["second"].astype(np.int64), found["events"].astype(np.int64)


def cuts(second: Ints, events: Ints, size: int, unit: int = 1) -> list[int]:
    """Return the seconds with which another slice begins, of at most `size` events each.

    Shape: second, events [S], as `moments` gives them. A unit of so many seconds is never cut,
    whatever it holds.

    >>> cuts(np.array([5, 6, 8, 9]), np.array([2, 1, 9, 3]), 3)
    [8, 9]
    >>> cuts(np.array([5, 6, 8, 9]), np.array([2, 1, 9, 3]), 3, 4)
    [8]
    """
    if len(second):
        fresh = np.flatnonzero(np.diff(second // unit, prepend=-1 - abs(second[0])))
        second, events = second[fresh] // unit * unit, np.add.reduceat(events, fresh)
    total = np.concatenate([[0], np.cumsum(events)])
    begins: list[int] = []
    at = 0
    while True:
        at = max(int(np.searchsorted(total, total[at] + size, side="right")) - 1, at + 1)
        if at >= len(events):
            return begins
        begins.append(int(second[at]))


def sliced(
    connection: duckdb.DuckDBPyConnection,
    window: str,
    rules: frozenset[str],
    size: int,
    unit: int,
    fields: Sequence[str],
    folder: Path,
) -> Iterator[Graph]:
    """Yield graphs of about `size` events whose events, in a row, are those of the window's graph.

    Each has only the entities of its own events, and units of so many seconds are whole. There is
    one at least, which may be empty. fields: of records, as `with_fields` gives them, but ALL;
    folder: for a copy of the window.
    """
    stands = identity.prepare(connection, rules)
    copy(connection, window, fields, folder)
    begins = [second * 1_000_000 for second in cuts(*moments(connection, "true"), size, unit)]
    _know(connection)
    held: list[Loose] = []
    lowest, highest = np.iinfo(np.int64).min, np.iinfo(np.int64).max
    since = lowest
    for begin, end in pairwise([lowest, *begins, highest]):
        # Somewhat more is read: a later event may repeat one of the slice's last second, or be told
        # by it once more.
        terms = ["true"]
        if begin != lowest:
            terms.append(f"ts >= make_timestamp({begin + SAME})")
        if end != highest:
            terms.append(f"ts < make_timestamp({end + SAME})")
        work = Uniting(_read(connection, " AND ".join(terms), fields))
        held.append(identity.apply(connection, work, rules, stands).loose())
        del work
        pool, held = joined_loose(held), []
        ready, rest = _ready(pool, since, end)
        held, since = [rest], end
        found = [ready]
        del pool, ready, rest
        yield found.pop()


def _know(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the tables `met` and `w` for the whole window, and cut what else rules read to it."""
    made = {
        "w": "SELECT DISTINCT source, record FROM timed "
        f"SEMI JOIN (SELECT source, record FROM aliases WHERE kind IN {TOLD}) "
        "USING (source, record)",
        "owners": "SELECT * FROM owned",
    }
    for table, rows in (made | _TABLES).items():
        connection.execute(f"CREATE TEMP TABLE {table} AS {rows}")
    for table in ("named", "pids", "lived", "told", "spelled"):
        connection.execute(f"DROP TABLE {table}")
    for view, table in (("claimed", "claims"), ("owned", "owners")):
        connection.execute(f"DROP VIEW {view}")
        connection.execute(f"CREATE TEMP VIEW {view} AS SELECT * FROM {table}")


def _read(connection: duckdb.DuckDBPyConnection, condition: str, fields: Sequence[str]) -> Graph:
    """Return the graph of some edges, with all the entities in `met` besides its own."""
    part = f"(SELECT * FROM timed WHERE {condition})"
    wanted = f"SELECT src AS id FROM {part} UNION SELECT dst FROM {part} UNION SELECT id FROM met"
    said = f"(SELECT * FROM said SEMI JOIN ({wanted}) USING (id))"
    return graphs.read(connection, part, f"({entities_of(said)})", fields)


def _ready(pool: Loose, since: int, upto: int) -> tuple[Graph, Loose]:
    """Return the graph of the events from `since` to before `upto`, and what the next one needs.

    That are the events from `upto` on, and those before it that may repeat one of them.
    """
    ts = pool.graph.ts
    now = np.flatnonzero((ts >= since) & (ts < upto))
    rest = pool.part(ts >= upto - SAME)
    return pool.once(now, pool.repeated()).used(), rest
