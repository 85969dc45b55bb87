"""Connections are in UTC, silent, and reach for nothing."""

import duckdb
import pytest

from graphad import database


def test_no_progress_bar_among_the_data() -> None:
    # DuckDB draws one on stdout by itself once a query has run for two seconds.
    connection = database.connect()
    assert connection.sql("SELECT current_setting('enable_progress_bar')").fetchall() == [(False,)]


def test_shut_connections_read_no_file_and_caller() -> None:
    rows = [1, 2, 3]
    assert rows
    connection = database.connect(config=database.SHUT)
    for sql in ("SELECT * FROM read_text('/etc/passwd')", "SELECT * FROM rows", "INSTALL httpfs"):
        with pytest.raises(duckdb.Error):
            connection.sql(sql).fetchall()
    assert connection.sql("SELECT current_setting('TimeZone')").fetchall() == [("UTC",)]
