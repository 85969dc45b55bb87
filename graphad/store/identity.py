"""Who is who: entities that several logs, or one log at several times, name differently.

Rules over the claims in `aliases` (schema.ALIASES), applied when a graph is built: better rules
never rewrite segments, and the order of ingest does not matter. docs/identity.md explains each.
"""

from collections.abc import Iterable

import duckdb
import pyarrow as pa

from graphad.errors import UnknownName
from graphad.store import identity_lives, identity_names, identity_network
from graphad.store.claims import QUARTER
from graphad.store.united import Uniting, keep

RULES = ("clock", "host", "process", "session", "user", "connection")
AGREE, LEAST = 0.95, 5  # share of a source's records, and how many, that must show one offset
MOST = 26 * 4  # quarters of an hour: zones reach 14 hours, a clock of twelve hours adds 12


def chosen(rules: Iterable[str] | None) -> frozenset[str]:
    """Return the rules to apply: all if None. Raises: UnknownName: there is none such."""
    found = frozenset(RULES if rules is None else rules)
    for name in sorted(found - set(RULES)):
        raise UnknownName.among("identity rule", name, RULES)
    return found


def prepare(connection: duckdb.DuckDBPyConnection, rules: frozenset[str]) -> dict[str, str]:
    """Create what the rules read; return the name that stands for each host of the store.

    `places` (host, place): equal places are one host. `claimed`: aliases with their place, times
    as they would be by the event's own clock. `timed`: edges likewise. `owned`: aliases that are
    an address of a host or the SID of an account.
    """
    stands = identity_names.hosts(connection) if "host" in rules else {}
    clocks = _clocks(connection) if "clock" in rules else []
    names = {"host": list(stands), "place": list(stands.values())}
    sources, hosts, shifts = zip(*clocks, strict=True) if clocks else ((), (), ())
    offsets = {"source": sources, "host": hosts, "shift": shifts}
    kinds = {"source": pa.int64(), "host": pa.string(), "place": pa.string(), "shift": pa.int64()}
    for table, columns in (("places", names), ("clocks", offsets)):
        typed = {name: pa.array(values, kinds[name]) for name, values in columns.items()}
        keep(connection, table, pa.table(typed))
    near, far = (_own_loopback(f"a.{name}") for name in ("value", "far"))
    connection.execute(
        f"""CREATE TEMP VIEW claimed AS
           SELECT a.* REPLACE (epoch_us(a.ts) + coalesce(c.shift, 0) AS ts,
                               epoch_us(a.last) + coalesce(c.shift, 0) AS last,
                               {near} AS value, {far} AS far),
                  coalesce(p.place, a.host) AS place
           FROM aliases a LEFT JOIN places p ON p.host = a.host
           LEFT JOIN clocks c ON a.logged AND c.source = a.source AND c.host = a.host"""
    )
    timed = "SELECT * FROM edges"
    if clocks:
        timed = """SELECT e.* REPLACE (e.ts + to_microseconds(coalesce(r.shift, 0)) AS ts)
            FROM edges e LEFT JOIN (
                SELECT r.source, r.record, c.shift FROM records r JOIN clocks c USING (source, host)
                WHERE r.ts = r.event_time) r USING (source, record)"""
    connection.execute(f"CREATE TEMP VIEW timed AS {timed}")
    connection.execute(
        """CREATE TEMP VIEW owned AS
           SELECT DISTINCT kind, entity, value FROM aliases WHERE kind IN ('address', 'sid')"""
    )
    return stands


def _own_loopback(end: str) -> str:
    """Return SQL for an end of a connection: on the loopback it is the host's own."""
    return f"""CASE WHEN a.kind IN {identity_network.TOLD}
        AND (starts_with({end}, '127.') OR starts_with({end}, '[::1]'))
        THEN coalesce(p.place, a.host) || '|' || {end} ELSE {end} END"""


def apply(
    connection: duckdb.DuckDBPyConnection, work: Uniting, rules: frozenset[str],
    stands: dict[str, str],
) -> Uniting:  # fmt: skip
    """Unite what is one entity by the rules; `prepare` was called before.

    The connection has the window's edges in the table `w` and their entities in `met`.
    """
    if not len(work.graph):
        return work
    if "host" in rules:
        identity_names.unite_hosts(connection, work, stands)
        identity_names.unite_addressed(connection, work)
    if "process" in rules:
        identity_lives.processes(connection, work)
    if "session" in rules:
        identity_lives.sessions(connection, work)
    if "user" in rules:
        identity_names.unite_users(connection, work)
    if "connection" in rules:
        identity_network.connections(connection, work)
    return work


def _clocks(connection: duckdb.DuckDBPyConnection) -> list[tuple[int, str, int]]:
    """Return (source, host, us to add to its stamps) where a log's stamps are off by a zone.

    Nearly all records of the source and host that tell both times must agree.
    """
    return connection.execute(
        f"""SELECT source, host, -try_cast(value AS BIGINT) * {QUARTER} AS shift
            FROM (SELECT *, sum(n) OVER (PARTITION BY source, host) AS total
                  FROM (SELECT source, host, value, sum(n) AS n FROM aliases
                        WHERE kind = 'clock' GROUP BY ALL))
            WHERE n >= {LEAST} AND n >= {AGREE} * total
                AND abs(shift) BETWEEN 1 AND {MOST * QUARTER} ORDER BY ALL"""
    ).fetchall()
