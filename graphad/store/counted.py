"""How often what happened in a window (schema.COUNTS), of whole days or from its edges.

The names of tens of millions of edges would take gigabytes, so edges are grouped by numbers that
stand for what is known of an entity, and named only then.
"""

import duckdb
import pyarrow as pa

from graphad.store.views import entities_of

_SUMS = """
    SELECT day, host, src_type, src_name, action, dst_type, dst_name, shape,
           sum(n)::BIGINT AS n, bit_or(hours)::BIGINT AS hours
    FROM counts c WHERE {} GROUP BY ALL ORDER BY ALL"""
_SAME = " AND ".join(
    f"t.{name} IS NOT DISTINCT FROM w.{name}" for name in ("type", "name", "shape")
)
_REACHED = "(SELECT * FROM entities_said SEMI JOIN reached USING (id))"
# Made one after another of `chosen`, the window's edges.
_TABLES = {
    "reached": "SELECT src AS id FROM chosen UNION SELECT dst FROM chosen",
    "met": f"SELECT id, type, name, shape FROM ({entities_of(_REACHED)})",
    "words": """
        SELECT row_number() OVER () AS code, type, name, shape
        FROM (SELECT DISTINCT type, name, shape FROM met)""",
    "coded": f"SELECT id, code FROM met t JOIN words w ON {_SAME}",
    "few": """
        SELECT date_trunc('day', ts)::TIMESTAMP AS day, host, s.code AS src, action,
               d.code AS dst, count(*) AS n, bit_or(1::BIGINT << hour(ts)::BIGINT) AS hours
        FROM chosen e JOIN coded s ON s.id = e.src JOIN coded d ON d.id = e.dst GROUP BY ALL""",
}
_NAMED = """
    SELECT day, host, s.type AS src_type, s.name AS src_name, action,
           d.type AS dst_type, d.name AS dst_name,
           CASE WHEN d.type = 'process' AND action IN ('launch', 'exec')
                THEN coalesce(d.shape, '') ELSE '' END AS shape,
           sum(n)::BIGINT AS n, bit_or(hours)::BIGINT AS hours
    FROM few JOIN words s ON s.code = src JOIN words d ON d.code = dst GROUP BY ALL ORDER BY ALL"""


def summed(connection: duckdb.DuckDBPyConnection, condition: str) -> pa.Table:
    """Return the counts of days, by a condition on the store's table `counts` c."""
    return connection.sql(_SUMS.format(condition)).to_arrow_table()


def counted(connection: duckdb.DuckDBPyConnection, condition: str) -> pa.Table:
    """Return the counts of edges `e` of a condition; the connection is of no use for more."""
    connection.execute("SET preserve_insertion_order = false")  # in order, more is held at once
    connection.execute(f"CREATE TEMP VIEW chosen AS SELECT * FROM edges e WHERE {condition}")
    for table, rows in _TABLES.items():
        connection.execute(f"CREATE TEMP TABLE {table} AS {rows}")
    for table in ("reached", "met"):
        connection.execute(f"DROP TABLE {table}")
    return connection.sql(_NAMED).to_arrow_table()
