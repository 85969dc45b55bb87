"""A copy of a window in scratch, from which its slices are read.

A day's segments follow the files that it came in, and a slice has a little of each; so reading one
from the store reads nearly all of the day, and of every other day what is said of entities. The
copy is made once: edges with what is asked of their records, and what is said of their entities.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import duckdb

from graphad.query import quoted
from graphad.store.fields import expression
from graphad.store.graphs import FIELD, PLACED

EDGES = 1_500_000  # whose records' fields are joined to them at once


def copy(
    connection: duckdb.DuckDBPyConnection, window: str, fields: Sequence[str], folder: Path
) -> None:
    """Copy a window into a folder, and have `timed` and `said` be that; `prepare` came before.

    `timed` then has the place of each edge's source, see PLACED, and a text for each field, see
    graphs.read; `said` is entities_said, of entities that the window has.
    """
    path = folder / "window.duckdb"
    connection.execute(f"ATTACH {quoted(str(path))} AS copied")
    # Removed at once, so it takes no room however we end; where that can't be, with the folder.
    with suppress(OSError):
        path.unlink()
    edges = _edges(window, fields, "false")
    connection.execute(f"CREATE TABLE copied.timed AS {edges}")
    for some in _groups(connection, window) if fields else ["true"]:
        connection.execute(f"INSERT INTO copied.timed {_edges(window, fields, some)}")
    connection.execute("DROP VIEW timed")
    connection.execute("CREATE TEMP VIEW timed AS SELECT * FROM copied.timed")
    connection.execute(
        """CREATE TABLE copied.said AS SELECT * FROM entities_said SEMI JOIN (
               SELECT src AS id FROM timed UNION SELECT dst FROM timed) USING (id)"""
    )
    connection.execute("CREATE TEMP VIEW said AS SELECT * FROM copied.said")


def _edges(window: str, fields: Sequence[str], records: str) -> str:
    """Return SQL for the edges of a window, of records by a condition on (source, record)."""
    found = f"""SELECT ts, host, src, dst, action, source, place, record, ordinal
                FROM ({PLACED}) e WHERE {window} AND {records}"""
    if not fields:
        return found
    said = (f"{expression(name)}::VARCHAR AS {FIELD}{i}" for i, name in enumerate(fields))
    return f"""SELECT * FROM ({found}) LEFT JOIN (
                   SELECT source, record, {", ".join(said)} FROM records r WHERE {records}
               ) USING (source, record)"""


def _groups(connection: duckdb.DuckDBPyConnection, window: str) -> Iterator[str]:
    """Yield conditions on (source, record) that part a window's records by about so many EDGES.

    Joined at once, the fields of a day's records would take as much memory as there is.
    """
    sources = connection.execute(
        f"""SELECT source, min(record), max(record), count(*) FROM timed e
            WHERE {window} GROUP BY source ORDER BY source"""
    ).fetchall()
    few: list[int] = []
    held = 0
    for source, first, last, edges in sources:
        if edges > EDGES:
            for at in range(first, last + 1, EDGES):
                yield f"source = {source} AND record >= {at} AND record < {at + EDGES}"
            continue
        if held + edges > EDGES:
            yield f"source IN ({', '.join(map(str, few))})"
            few, held = [], 0
        few.append(source)
        held += edges
    if few:
        yield f"source IN ({', '.join(map(str, few))})"
