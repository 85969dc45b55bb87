"""SQL expressions over the columns of a block, computed for the distinct values that occur."""

import os
import re
from collections.abc import Sequence
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from graphad import schema
from graphad.parse import arrow_type
from graphad.relations import columns_of, with_prefix
from graphad.store.mapped import Rows

_ABSENT = np.iinfo(np.int64).min  # stands for NULL among a column's numbers
_TYPES = {column.name: arrow_type(column.kind) for column in schema.RECORDS}
SEED = np.uint64(int.from_bytes(os.urandom(8), "little"))
# What needs no DuckDB: NULL, or a column, without one value, in small letters.
_SIMPLE = re.compile(r"(lower\()?(nullif\()?(\w+)(?(2), '([^']*)'\))(?(1)\))")


class Columns:
    """The columns of one block, also as numbers: equal numbers mean equal values."""

    def __init__(self, raw: pa.Table) -> None:
        self.raw = raw
        self._numbers: dict[str, Rows] = {}
        self._columns: dict[str, Any] = {}

    def column(self, name: str) -> Any:
        """Return a column of schema.RECORDS, NULL throughout if the block has none."""
        if name not in self._columns:
            there = name in self.raw.column_names
            self._columns[name] = (
                self.raw[name].combine_chunks()
                if there
                else pa.nulls(self.raw.num_rows, _TYPES[name])
            )
        return self._columns[name]

    def known(self, name: str) -> npt.NDArray[np.bool_]:
        """Say of each row whether it has a value in a column."""
        found: npt.NDArray[np.bool_] = self.numbers(name) != _ABSENT
        return found

    def numbers(self, name: str) -> Rows:
        """Return a column's values as numbers."""
        if name not in self._numbers:
            self._numbers[name] = self._coded(self.column(name))
        return self._numbers[name]

    def _coded(self, column: Any) -> Rows:
        if pa.types.is_timestamp(column.type):  # of a time only whether there is one counts
            column = column.is_valid()
        if pa.types.is_dictionary(column.type):
            column = column.indices
        elif not pa.types.is_integer(column.type):
            column = column.dictionary_encode().indices
        filled = column.cast(pa.int64()).fill_null(_ABSENT)
        numbers: Rows = filled.to_numpy(zero_copy_only=False)
        return numbers

    def distinct(
        self, names: Sequence[str], rows: Rows | None = None
    ) -> tuple[Rows, npt.NDArray[np.int32]]:
        """Return (rows that stand for all, which of them each row equals) in some columns."""
        from graphad.scan.tuples import distinct_rows

        size = self.raw.num_rows if rows is None else len(rows)
        columns = np.zeros((max(1, len(names)), size), np.int64)
        for i, name in enumerate(names):
            columns[i] = self.numbers(name) if rows is None else self.numbers(name)[rows]
        first, number = distinct_rows(columns, SEED)
        return (first if rows is None else rows[first]), number

    def given(self, names: Sequence[str], rows: Rows) -> pa.Table:
        """Return columns of some rows, texts plain, times all the same."""
        at = pa.array(rows)
        columns = {}
        for name in names:
            column = self.column(name).take(at)
            if pa.types.is_dictionary(column.type):
                column = column.cast(pa.string())
            elif pa.types.is_timestamp(column.type):
                column = pc.if_else(column.is_valid(), pa.scalar(0, column.type), column)
            columns[name] = column
        return pa.table(columns) if columns else pa.table({"nothing": np.zeros(len(rows))})


class Expression:
    """An SQL expression over columns of schema.RECORDS, which gives text."""

    def __init__(self, sql: str) -> None:
        self.sql = sql
        self.columns = columns_of([sql])
        simple = _SIMPLE.fullmatch(sql)
        self._simple = simple if simple and simple[3] in (*self.columns, "NULL") else None

    def simply(self, block: Columns, rows: Rows) -> pa.Array | None:
        """Return its values at some rows if that takes no SQL, else None."""
        if self._simple is None:
            return None
        lower, _, name, without = self._simple.groups()
        if name == "NULL":
            return pa.nulls(len(rows), pa.string())
        values = block.given([name], rows)[name].combine_chunks()
        if values.type != pa.string():
            return None
        if without is not None:
            same = pc.fill_null(pc.equal(values, without), False)
            values = pc.if_else(same, pa.scalar(None, pa.string()), values)
        if not lower:
            return values
        # DuckDB knows other letters beyond ASCII than Arrow does.
        if not pc.all(pc.string_is_ascii(values)).as_py():
            return None
        return pc.ascii_lower(values)


def evaluate(
    block: Columns, asked: Sequence[tuple[Expression, Rows]], connection: duckdb.DuckDBPyConnection
) -> list[pa.Array]:
    """Return the values of expressions at rows of the block, with one query for all of them."""
    found = [expression.simply(block, rows) for expression, rows in asked]
    left = [i for i, values in enumerate(found) if values is None]
    if not left:
        return found
    # A key is often its label in small letters: the label is then worked out for both.
    lowered = [i for i in left if i + 1 in left and _is_lowered(asked[i], asked[i + 1])]
    left = [i for i in left if i not in lowered]
    distinct = {i: block.distinct(asked[i][0].columns, asked[i][1]) for i in left}
    longest = max(len(first) for first, _ in distinct.values())
    columns: dict[str, pa.Array] = {"nothing": pa.nulls(longest)}
    for i, (first, _) in distinct.items():
        names = asked[i][0].columns
        for name, column in zip(names, block.given(names, first).columns, strict=False):
            padding = pa.nulls(longest - len(first), column.type)
            columns[f"c{i}_{name}"] = pa.concat_arrays([*column.chunks, padding])
    parts = [f"({with_prefix(asked[i][0].sql, f'c{i}_')})::VARCHAR AS v{i}" for i in left]
    small = "".join(f", lower(v{i + 1}) AS v{i}" for i in lowered)
    query = f"SELECT *{small} FROM (SELECT {', '.join(parts)} FROM given)"
    answers = ask(connection, query, pa.table(columns))
    distinct |= {i: distinct[i + 1] for i in lowered}
    for i, (_, which) in distinct.items():
        found[i] = answers[f"v{i}"].combine_chunks().take(pa.array(which))
    return found


def _is_lowered(key: tuple[Expression, Rows], label: tuple[Expression, Rows]) -> bool:
    return key[1] is label[1] and key[0].sql == f"lower({label[0].sql})"


def ask(connection: duckdb.DuckDBPyConnection, sql: str, given: pa.Table) -> pa.Table:
    """Return what a query over one table, called `given`, finds."""
    connection.register("given", given)
    try:
        return connection.sql(sql).to_arrow_table()
    finally:
        connection.unregister("given")
