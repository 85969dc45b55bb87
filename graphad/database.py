"""DuckDB connections that never reach out: no downloads, no extensions, no caller's variables."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import duckdb

from graphad.query import quoted

SAFE = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",
}
SHUT = SAFE | {"enable_external_access": "false"}  # reads and writes no file at all


def connect(
    path: str | Path = ":memory:", config: dict[str, str] | None = None
) -> duckdb.DuckDBPyConnection:
    """Return a connection in UTC."""
    connection = duckdb.connect(str(path), config=dict(SAFE if config is None else SAFE | config))
    connection.execute("SET TimeZone = 'UTC'")  # icu's, so only after it is loaded
    connection.execute("SET enable_progress_bar = false")  # it would go to stdout, among the data
    return connection


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
