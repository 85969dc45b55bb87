"""Small tables of Python's values for queries to join."""

import json
from collections.abc import Iterable, Mapping, Sequence

import duckdb

from graphad.query import quoted


def fill(
    connection: duckdb.DuckDBPyConnection, table: str, columns: Mapping[str, str],
    rows: Iterable[Sequence[object]], *, temporary: bool = True,
) -> None:  # fmt: skip
    """Make a table of a few rows, given the SQL types of its columns.

    They go in as one literal: parameters cost nine times as much, and each makes DuckDB 1.5 import
    pandas, which takes 0.2 s and, if somebody interrupts it, fails ever after unheard.
    """
    typed = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    kind = "TEMP TABLE" if temporary else "TABLE"
    connection.execute(f"CREATE OR REPLACE {kind} {table} ({typed})")
    held = [dict(zip(columns, row, strict=True)) for row in rows]
    if held:
        texts = (quoted(json.dumps(what, ensure_ascii=False)) for what in (held, [dict(columns)]))
        connection.execute(
            f"INSERT INTO {table} SELECT unnest(from_json({', '.join(texts)}), recursive := true)"
        )
