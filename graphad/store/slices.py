"""The graph of a window as a row of graphs that follow each other in time, one in memory at once.

What is one entity depends on the whole window (docs/identity.md): which account is the only one so
called, which process had an id, who took a connection. So the rules read, for each slice, what the
whole window has of accounts, sessions, processes that are known by an id, connections, and things
of a host with several names; all else is read for the slice alone.
"""

from collections.abc import Iterator
from itertools import pairwise

import duckdb
import numpy as np

from graphad.graph import Graph
from graphad.store import graphs, identity
from graphad.store.united import SAME, Ints, Loose, Uniting, joined_loose
from graphad.store.views import entities_of

_TOLD = "('connect', 'accept', 'caller')"
# What the rules read of entities. Every process that a process id may turn out to be is among them.
_MET = f"""
CREATE TEMP TABLE met AS
WITH named AS (SELECT DISTINCT id, type, host, key FROM entities_said SEMI JOIN reached USING (id)),
pids AS (SELECT DISTINCT split_part(key, ':', 2) AS pid FROM named
         WHERE type = 'process' AND starts_with(key, 'pid:')),
several AS (SELECT place FROM places GROUP BY place HAVING count(*) > 1),
spelled AS (SELECT id FROM named JOIN places USING (host) SEMI JOIN several USING (place)
            QUALIFY count(*) OVER (PARTITION BY type, place, key) > 1)
SELECT id, type, host, key FROM named
WHERE type IN ('user', 'session', 'host') OR type = 'process' AND starts_with(key, 'pid:')
   OR id IN (SELECT id FROM spelled)
   OR id IN (SELECT entity FROM aliases WHERE kind IN {_TOLD})
   OR id IN (SELECT entity FROM aliases a WHERE kind IN ('process', 'birth', 'death')
             AND EXISTS (SELECT 1 FROM pids WHERE a.value IS NULL OR a.value = pids.pid))
"""
# Records of the window that tell of connections.
_RECORDS = f"""
CREATE TEMP TABLE w AS
SELECT DISTINCT source, record FROM timed e
SEMI JOIN (SELECT source, record FROM aliases WHERE kind IN {_TOLD}) USING (source, record)
WHERE """


def moments(connection: duckdb.DuckDBPyConnection, window: str) -> tuple[Ints, Ints]:
    """Return (seconds since 1970 with events of a window, ascending; how many events), both [S].

    `identity.prepare` was called before.
    """
    found = connection.execute(
        f"""SELECT epoch_us(date_trunc('second', e.ts)) // 1000000 AS second, count(*) AS events
            FROM timed e WHERE {window} GROUP BY second ORDER BY second"""
    ).fetchnumpy()
    return found["second"].astype(np.int64), found["events"].astype(np.int64)


def cuts(second: Ints, events: Ints, size: int) -> list[int]:
    """Return the seconds with which another slice begins, of at most `size` events each.

    Shape: second, events [S], as `moments` gives them. A second is never cut, whatever it holds.

    >>> cuts(np.array([5, 6, 8, 9]), np.array([2, 1, 9, 3]), 3)
    [8, 9]
    """
    total = np.concatenate([[0], np.cumsum(events)])
    begins: list[int] = []
    at = 0
    while True:
        at = max(int(np.searchsorted(total, total[at] + size, side="right")) - 1, at + 1)
        if at >= len(events):
            return begins
        begins.append(int(second[at]))


def sliced(
    connection: duckdb.DuckDBPyConnection, window: str, rules: frozenset[str], size: int
) -> Iterator[Graph]:
    """Yield graphs of about `size` events whose events, in a row, are those of the window's graph.

    Each has only the entities of its own events. There is one at least, which may be empty.
    """
    stands = identity.prepare(connection, rules)
    begins = [second * 1_000_000 for second in cuts(*moments(connection, window), size)]
    _know(connection, window)
    held: list[Loose] = []
    lowest, highest = np.iinfo(np.int64).min, np.iinfo(np.int64).max
    since = lowest
    for begin, end in pairwise([lowest, *begins, highest]):
        terms = [window]
        if begin != lowest:
            terms.append(f"e.ts >= make_timestamp({begin})")
        if end != highest:
            terms.append(f"e.ts < make_timestamp({end})")
        work = Uniting(_read(connection, " AND ".join(terms)))
        held.append(identity.apply(connection, work, rules, stands).loose())
        del work
        # A later event may repeat one of the last second, or be told by it once more.
        upto = end if end == highest else end - SAME
        ready, rest = _ready(joined_loose(held), since, upto)
        held, since = [rest], upto
        found = [ready]
        del ready, rest
        yield found.pop()


def _know(connection: duckdb.DuckDBPyConnection, window: str) -> None:
    """Create the tables `met` and `w` that the rules read, for the whole window."""
    connection.execute(
        f"""CREATE TEMP TABLE reached AS SELECT src AS id FROM timed e WHERE {window}
            UNION SELECT dst FROM timed e WHERE {window}"""
    )
    connection.execute(_MET)
    connection.execute("DROP TABLE reached")
    connection.execute(_RECORDS + window)


def _read(connection: duckdb.DuckDBPyConnection, condition: str) -> Graph:
    """Return the graph of some edges `e`, with all the entities in `met` besides its own."""
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE part AS
            SELECT e.*, s.digest FROM timed e JOIN sources s USING (source) WHERE {condition}"""
    )
    connection.execute(
        """CREATE OR REPLACE TEMP TABLE wanted AS
           SELECT src AS id FROM part UNION SELECT dst FROM part UNION SELECT id FROM met"""
    )
    said = "(SELECT * FROM entities_said SEMI JOIN wanted USING (id))"
    found = graphs.read(connection, "part", f"({entities_of(said)})")
    connection.execute("DROP TABLE part")
    return found


def _ready(pool: Loose, since: int, upto: int) -> tuple[Graph, Loose]:
    """Return the graph of the events from `since` to before `upto`, and what the next one needs.

    That are the events from `upto` on, and those before it that may repeat one of them.
    """
    ts = pool.graph.ts
    now = np.flatnonzero((ts >= since) & (ts < upto))
    rest = pool.part(ts >= upto - SAME)
    return pool.once(now, pool.repeated()).used(), rest
