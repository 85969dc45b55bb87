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

_FEW = 1024  # inputs of an expression that are looked up one by one; more are asked at once
_REMEMBERED = 64 * 1024 * 1024  # bytes of answers held at most
_LONGEST = 4096  # bytes of one that is held at most
_OVERHEAD = 250  # bytes that Python needs for one besides its texts, about
_BLOCK = "_block"  # the name under which a row's block is one of its numbers
_ABSENT = np.iinfo(np.int64).min  # stands for NULL among a column's numbers
_TYPES = {column.name: arrow_type(column.kind) for column in schema.RECORDS}
SEED = np.uint64(int.from_bytes(os.urandom(8), "little"))
# What needs no DuckDB: NULL, or a column, without one value, in small letters.
_SIMPLE = re.compile(r"(lower\()?(nullif\()?(\w+)(?(2), '([^']*)'\))(?(1)\))")


class Columns:
    """The columns of blocks of `sizes` rows, also as numbers: equal numbers mean equal values."""

    def __init__(self, raw: pa.Table, sizes: Sequence[int] = ()) -> None:
        self.raw = raw
        self.block_of: Rows = np.repeat(np.arange(len(sizes)), sizes)
        self.apart = [_BLOCK] if len(sizes) > 1 else []  # what keeps the rows of blocks apart
        self._numbers: dict[str, Rows] = {_BLOCK: self.block_of}
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
        if pa.types.is_integer(values.type) and not lower and without is None:
            return values.cast(pa.string())
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


class Answers:
    """What expressions gave for values seen before, of all blocks. Safe to share between threads.

    To plan a query takes longer than to run it, and most of what a block asks for was asked before.
    """

    def __init__(self) -> None:
        self._known: dict[str, dict[tuple[object, ...], str | None]] = {}
        self._size = 0

    def of(self, sql: str) -> dict[tuple[object, ...], str | None]:
        """Return what is known of an expression, by the values of its columns."""
        return self._known.setdefault(sql, {})

    def add(self, sql: str, given: tuple[object, ...], found: str | None) -> None:
        """Remember an answer; when that would be too many, all others are forgotten."""
        size = _OVERHEAD + sum(len(v) for v in (*given, found) if isinstance(v, str))
        if size > _LONGEST:
            return
        if self._size + size > _REMEMBERED:
            self._known, self._size = {}, 0
        self._size += size
        self.of(sql)[given] = found


class _Asked:
    """An expression at rows of a block: its distinct inputs, and which of them need be asked."""

    def __init__(
        self, block: Columns, expression: Expression, rows: Rows, answers: Answers
    ) -> None:
        self.sql, self.names = expression.sql, expression.columns
        first, self.which = block.distinct(self.names, rows)
        self.given = block.given(self.names, first)
        self.first = first
        self.new = np.arange(len(first))
        self.found: pa.Array = None  # the answers, if there are many inputs
        self.values: list[tuple[object, ...]] = []  # all inputs, if they are few
        self.known: list[str | None] = []
        if len(first) <= _FEW:
            self.values = list(
                zip(*(column.to_pylist() for column in self.given.columns), strict=True)
            )
            there = answers.of(self.sql)
            self.known = [there.get(value) for value in self.values]
            missing = [i for i, value in enumerate(self.values) if value not in there]
            self.new = np.array(missing, np.int64)
            if missing:
                self.given = self.given.take(pa.array(self.new))

    @property
    def rows(self) -> Rows:
        """The rows of the block that stand for what is new."""
        rows: Rows = self.first[self.new]
        return rows

    def told(self, found: pa.Array, answers: Answers) -> None:
        """Take the answers to what is new."""
        if not self.values:
            self.found = found
            return
        for i, value in zip(self.new.tolist(), found.to_pylist(), strict=True):
            self.known[i] = value
            answers.add(self.sql, self.values[i], value)

    def values_at(self, part: slice) -> pa.Array:
        """Return the values at some of the rows, when all is known."""
        found = pa.array(self.known, pa.string()) if self.values else self.found
        return found.take(pa.array(self.which[part]))


def evaluate(
    block: Columns, asked: Sequence[tuple[Expression, Rows]],
    connection: duckdb.DuckDBPyConnection, answers: Answers,
) -> list[pa.Array]:  # fmt: skip
    """Return the values of expressions at rows of the block, with one query for all of them."""
    found = [expression.simply(block, rows) for expression, rows in asked]
    same: dict[str, list[int]] = {}  # places of an expression that is asked for more than once
    for i, (expression, rows) in enumerate(asked):
        if found[i] is None and len(rows):
            same.setdefault(expression.sql, []).append(i)
        elif found[i] is None:
            found[i] = pa.nulls(0, pa.string())
    left = [
        _Asked(block, asked[at[0]][0], np.concatenate([asked[i][1] for i in at]), answers)
        for at in same.values()
    ]
    _ask_new([one for one in left if len(one.new)], connection, answers)
    for one, at in zip(left, same.values(), strict=True):
        begun = 0
        for i in at:
            size = len(asked[i][1])
            found[i] = one.values_at(slice(begun, begun + size))
            begun += size
    return found


def _ask_new(
    new: Sequence[_Asked], connection: duckdb.DuckDBPyConnection, answers: Answers
) -> None:
    """Ask DuckDB for what is new."""
    if not new:
        return
    longest = max(len(one.new) for one in new)
    columns: dict[str, pa.Array] = {"nothing": pa.nulls(longest)}
    parts = []
    # Key, label and detail of an end are often made of the same columns at the same rows: given
    # once, what they have in common is worked out once.
    given: dict[tuple[tuple[str, ...], bytes], int] = {}
    for i, one in enumerate(new):
        at = given.setdefault((tuple(one.names), one.rows.tobytes()), i)
        parts.append(f"({with_prefix(one.sql, f'c{at}_')})::VARCHAR AS v{i}")
        if at == i:
            for name, column in zip(one.names, one.given.columns, strict=False):
                padding = pa.nulls(longest - len(one.new), column.type)
                columns[f"c{i}_{name}"] = pa.concat_arrays([*column.chunks, padding])
    query = f"SELECT {', '.join(parts)} FROM given"
    found = ask(connection, query, pa.table(columns))
    for i, one in enumerate(new):
        one.told(found[f"v{i}"].combine_chunks().slice(0, len(one.new)), answers)


def ask(connection: duckdb.DuckDBPyConnection, sql: str, given: pa.Table) -> pa.Table:
    """Return what a query over one table, called `given`, finds."""
    connection.register("given", given)
    try:
        return connection.sql(sql).to_arrow_table()
    finally:
        connection.unregister("given")
