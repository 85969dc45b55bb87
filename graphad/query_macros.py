"""Views and table macros for every query and for SQL that people type, most of walks in the graph.

    births    child, parent, ts, source, record, ordinal: what made each process first
    logons    one row a record that tells of a logon
    places    source, record, path, line: where records lie in their logs

A walk goes forward in time and keeps one row an entity, so it cannot explode: `reach` and `origins`
hold for each entity the best moment only (DuckDB's USING KEY), and a process has one birth.

    ancestors(start, generations := 100)     who started a process, and who started that
    descendants(start, generations := 100)   what a process started, and what that did
    reach(start, hops := 4, since := NULL, until := NULL)     where its information could flow
    origins(start, hops := 4, since := NULL, until := NULL)   from where some could flow to it
    utc(moment)                              a time as TIMESTAMP, in UTC if it names no zone

`start` is an entity id; since and until are times, text or TIMESTAMP, of a window [since, until).
All give the start itself too, in row 0.

`ancestors`, `descendants`: (id, generation, parent, ts, source, record, ordinal): who made it, when
and the event that says so, NULL if nothing was seen to. A link whose parent was itself born later
is not followed: ids of processes are used again. So these walks end whatever a log says.

`reach`: (id, hop, ts, via): the earliest moment at which information of `start` could be there
within so many hops, each no earlier than the one before, in how many, and from whom it came last.
`origins` likewise: the latest moment at which it could leave for `start`, and to whom.
"""

import duckdb

# Where records lie in their logs.
_PLACES = """
SELECT r.source, r.record, f.path, r.line FROM records r LEFT JOIN sources f USING (source)
"""

# One row a record that tells of a logon: who from where to which session; failed if it says so.
_LOGONS = """
SELECT any_value(ts) AS ts, any_value(w.host) AS host,
       coalesce(min(label) FILTER (type = 'address'),
                min(label) FILTER (type = 'host' AND NOT there)) AS origin,
       coalesce(min(label) FILTER (type = 'user' AND there), min(label) FILTER (type = 'user'))
           AS account,
       min(id) FILTER (type = 'session' AND there) AS session_id,
       bool_or(outcome IS NOT DISTINCT FROM 'failure') AS failed, source, record
FROM (
    SELECT source, record, ts, host, outcome, src AS id, false AS there
    FROM edges WHERE action = 'logon'
    UNION ALL
    SELECT source, record, ts, host, outcome, dst, true FROM edges WHERE action = 'logon'
) w
LEFT JOIN (SELECT id, type, coalesce(nullif(label, ''), key) AS label FROM entities) n USING (id)
GROUP BY source, record
"""

BIRTHS = ("launch", "fork", "exec")  # what makes a process of another one

# A plain cast would drop an offset, and one to TIMESTAMPTZ would take the session's zone.
_UTC = r"""utc(moment) AS
    CASE WHEN regexp_matches(CAST(moment AS VARCHAR),
                             ':\d\d[\d.]*\s*([Zz]|[+-]\d\d(:?\d\d){0,2})$')
         THEN CAST(CAST(moment AS VARCHAR) AS TIMESTAMPTZ) AT TIME ZONE 'UTC'
         ELSE CAST(CAST(moment AS VARCHAR) AS TIMESTAMP) END"""

_ORDER = "ts, source, record, ordinal"

# A process has one birth: the first event in which another process made it.
_BIRTHS = f"""
SELECT dst AS child, first.src AS parent, first.ts, first.source, first.record, first.ordinal
FROM (
    SELECT dst, arg_min({{'src': src, 'ts': ts, 'source': source, 'record': record,
                         'ordinal': ordinal}}, ({_ORDER})) AS first
    FROM edges
    WHERE action IN {BIRTHS} AND src <> dst
      AND src IN (SELECT id FROM entities WHERE type = 'process')
      AND dst IN (SELECT id FROM entities WHERE type = 'process')
    GROUP BY dst
)
"""


def _kin(name: str, *, up: bool) -> str:
    """Return the macro that follows births from a process, up to parents or down to children."""
    earlier, later = ("n", "w") if up else ("w", "n")
    order = " < ".join(
        f"({', '.join(f'{row}.{column}' for column in _ORDER.split(', '))})"
        for row in (earlier, later)
    )
    # A process that nothing was seen to make has no order: it may be the first, and have children.
    if up:
        step = f"""
        SELECT w.parent, w.generation + 1, n.parent, n.ts, n.source, n.record, n.ordinal
        FROM walk w LEFT JOIN born n ON n.child = w.parent AND {order}
        WHERE w.parent IS NOT NULL AND w.generation < generations"""
    else:
        step = f"""
        SELECT n.child, w.generation + 1, n.parent, n.ts, n.source, n.record, n.ordinal
        FROM walk w JOIN born n ON n.parent = w.id AND (w.record IS NULL OR {order})
        WHERE w.generation < generations"""
    return f"""{name}(start, generations := 100) AS TABLE
    WITH RECURSIVE born AS MATERIALIZED (SELECT * FROM births),
    walk AS (
        SELECT id, 0 AS generation, parent, ts, source, record, ordinal
        FROM (SELECT CAST(start AS BIGINT) AS id) LEFT JOIN born ON child = id
        UNION ALL
        {step}
    )
    SELECT * FROM walk"""


def _flow(name: str, *, forward: bool) -> str:
    """Return the macro that follows events from an entity, forward in time or back.

    A round of the recursion looks only at entities whose moment got better in the round before.
    """
    here, there = ("src", "dst") if forward else ("dst", "src")
    after, better, best, arg = (
        (">=", "<", "min", "arg_min") if forward else ("<=", ">", "max", "arg_max")
    )
    edge = "-infinity" if forward else "infinity"
    # Of several who pass it on at one moment the smallest id is told: answers stay the same.
    return f"""{name}(start, hops := 4, since := NULL, until := NULL) AS TABLE
    WITH RECURSIVE flows AS MATERIALIZED (
        SELECT {here} AS here, {there} AS there, ts FROM edges
        WHERE (since IS NULL OR ts >= utc(since))
          AND (until IS NULL OR ts < utc(until))
          AND src <> dst
    ),
    walk USING KEY (id) AS (
        SELECT CAST(start AS BIGINT) AS id, 0 AS hop, TIMESTAMP '{edge}' AS ts, NULL::BIGINT AS via
        UNION
        SELECT n.id, n.hop, n.ts, n.via
        FROM (
            SELECT id, min(hop) + 1 AS hop, {best}(ts) AS ts, {arg}(via, ts) AS via
            FROM (
                SELECT f.there AS id, min(w.hop) AS hop, f.ts AS ts, min(f.here) AS via
                FROM walk w JOIN flows f ON f.here = w.id AND f.ts {after} w.ts
                WHERE w.hop < hops
                GROUP BY f.there, f.ts
            )
            GROUP BY id
        ) n
        LEFT JOIN recurring.walk r ON r.id = n.id
        WHERE r.id IS NULL OR n.ts {better} r.ts
    )
    SELECT id, hop, CASE WHEN isfinite(ts) THEN ts END AS ts, via FROM walk"""


_VIEWS = {"births": _BIRTHS, "logons": _LOGONS, "places": _PLACES}
_MACROS = (
    _UTC,
    _kin("ancestors", up=True),
    _kin("descendants", up=False),
    _flow("reach", forward=True),
    _flow("origins", forward=False),
)


# Each stands before those that it needs.
_MADE = {
    **{macro.partition("(")[0]: f"MACRO {macro}" for macro in _MACROS[::-1]},
    **{name: f"VIEW {name} AS {sql}" for name, sql in _VIEWS.items()},
}


def create_macros(
    connection: duckdb.DuckDBPyConnection, sql: str | None = None, *, temporary: bool = False
) -> None:
    """Create the views and macros over edges, entities, records and sources; see above.

    sql: only those whose names occur in it, and what these need: to create all takes as long as
    many queries. temporary: for this connection alone, as a database that is only read allows.
    """
    text, needed = (sql or "").lower(), []
    for name, made in _MADE.items():
        if sql is None or name in text:
            needed.append(made)
            text += made
    for made in reversed(needed):
        connection.execute(f"CREATE OR REPLACE {'TEMP ' if temporary else ''}{made}")
