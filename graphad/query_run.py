"""Runs queries of others on a store: locked down, bounded in time, memory and rows."""

from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import TypeVar

import duckdb
import pyarrow as pa

from graphad.errors import QueryError
from graphad.query import one_select, quoted, size_times, told

Answer = TypeVar("Answer")
TIMEOUT_S = 60.0
MEMORY = "1GB"
ROWS = 100_000  # of an answer to SQL that people type


def locked(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    *,
    memory: str = MEMORY,
    threads: int = 2,
    scratch: Path | None = None,
) -> duckdb.DuckDBPyConnection:
    """Return `connection` with everything outside `folder` closed to it, for good.

    Files of `folder` stay readable, and by COPY writable too: SQL of others goes through
    `run_sql`. DuckDB spills to `scratch` up to four times `memory`, if one is given. The order
    matters: directories are allowed before access is shut, and the lock comes last.
    """
    # No parameters are possible in SET; str() of a number and a doubled quote are safe.
    settings = {
        "TimeZone": "'UTC'",
        "memory_limit": quoted(memory),
        "threads": str(int(threads)),
        "max_temp_directory_size": "'0KiB'" if scratch is None else quoted(size_times(memory, 4)),
        "python_enable_replacements": "false",
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "allow_community_extensions": "false",
        "allowed_directories": f"[{quoted(str(folder.resolve()))}]",
        "enable_external_access": "false",
        "lock_configuration": "true",
    }
    if scratch is not None:
        connection.sql(f"SET temp_directory = {quoted(str(scratch.resolve()))}")
    for name, value in settings.items():
        connection.sql(f"SET {name} = {value}")
    return connection


def bounded(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    work: Callable[[], Answer],
    *,
    timeout_s: float = TIMEOUT_S,
    memory: str = MEMORY,
    threads: int = 2,
) -> Answer:
    """Return what `work` does with a connection, locked down to a folder, within `timeout_s`.

    Raises: QueryError: it took too long or too much, or the size is none. KeyboardInterrupt: at
    once, whatever DuckDB is at.
    """
    size_times(memory, 1)
    with TemporaryDirectory(prefix="graphad-") as scratch:
        try:
            locked(connection, folder, memory=memory, threads=threads, scratch=Path(scratch))
        except duckdb.Error as error:
            raise QueryError(f"{memory} of memory cannot be had: {told(error)}") from error
        running: Future[Answer] = Future()

        def run() -> None:
            try:
                running.set_result(work())
            except BaseException as error:
                running.set_exception(error)

        # In a thread of its own: DuckDB need not look for signals, so this one waits for them.
        thread = Thread(target=run, daemon=True)
        try:
            thread.start()
            return running.result(timeout_s)
        except TimeoutError as error:
            raise QueryError(
                f"The query was stopped after {timeout_s:g} s.",
                hint="Ask for less, or allow more time.",
            ) from error
        except duckdb.Error as error:
            raise QueryError(f"The SQL failed: {told(error)}") from error
        finally:
            # Again and again: between two statements it cannot be interrupted.
            while thread.is_alive() and not running.done():
                connection.interrupt()
                thread.join(0.02)


def run_sql(
    connection: duckdb.DuckDBPyConnection,
    sql: str,
    *,
    folder: Path,
    timeout_s: float = TIMEOUT_S,
    memory: str = MEMORY,
    threads: int = 2,
    rows: int = ROWS,
) -> pa.Table:
    """Return what one SELECT of an analyst gives, at most `rows` rows of it.

    It sees what `connection` has and files below `folder`, nothing else, writes nothing, and is
    stopped after `timeout_s`. `memory` bounds DuckDB, not the answer: only `rows` bounds that. The
    connection stays locked.

    Raises: QueryError: it is not one SELECT, is wrong, reaches outside, or takes too much.
    """
    # Only a SELECT: COPY could write into an allowed folder, EXPLAIN ANALYZE COPY too.
    one_select("The SQL", sql)

    def ask() -> pa.Table:
        # The limit is part of the plan: an open Arrow stream could not be interrupted.
        return connection.sql(sql).limit(rows).to_arrow_table()

    return bounded(connection, folder, ask, timeout_s=timeout_s, memory=memory, threads=threads)
