"""Connections are in UTC, silent, and reach for nothing; small tables hold what goes in."""

from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad import database

TEXT = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
WHOLE = st.none() | st.integers(-(2**63), 2**63 - 1)
ROWS = st.lists(st.tuples(TEXT, WHOLE, TEXT), max_size=6)


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


@pytest.mark.parametrize("temporary", [True, False])
@settings(max_examples=60, deadline=None)
@given(rows=ROWS)
def test_a_table_holds_its_rows(temporary: bool, rows: list[tuple[Any, ...]]) -> None:
    connection = database.connect()
    columns = {"path": "VARCHAR", "read": "BIGINT", "x": "VARCHAR"}
    for some in (rows[:1], rows):  # the second one takes the place of the first
        database.fill(connection, "t", columns, some, temporary=temporary)
        assert connection.execute("SELECT path, read, x FROM t").fetchall() == some
    made = connection.execute("SELECT temporary FROM duckdb_tables() WHERE table_name = 't'")
    assert made.fetchall() == [(temporary,)]
