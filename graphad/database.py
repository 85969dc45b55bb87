"""DuckDB connections that never reach out: no downloads, no extensions, no caller's variables."""

from pathlib import Path

import duckdb

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
