"""Small tables: what goes in comes out, whatever it is."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad import database
from graphad.store.tables import fill

TEXT = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
WHOLE = st.none() | st.integers(-(2**63), 2**63 - 1)
ROWS = st.lists(st.tuples(TEXT, WHOLE, TEXT), max_size=6)


@pytest.mark.parametrize("temporary", [True, False])
@settings(max_examples=60, deadline=None)
@given(rows=ROWS)
def test_a_table_holds_its_rows(temporary: bool, rows: list[tuple[Any, ...]]) -> None:
    connection = database.connect()
    columns = {"path": "VARCHAR", "read": "BIGINT", "x": "VARCHAR"}
    for some in (rows[:1], rows):  # the second one takes the place of the first
        fill(connection, "t", columns, some, temporary=temporary)
        assert connection.execute("SELECT path, read, x FROM t").fetchall() == some
    made = connection.execute("SELECT temporary FROM duckdb_tables() WHERE table_name = 't'")
    assert made.fetchall() == [(temporary,)]
