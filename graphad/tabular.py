"""Tables as logs: CSV, TSV, NDJSON and Parquet become edges by one SELECT that the user writes.

The SELECT sees one table, `raw`: the columns record, offset, length, line, and one text column a
field, under its own name (see docs/mapping.md). What a decoder hands on has two columns a field
that the mapping names: one kept under a name that is free in a store, and a hidden `_map…`, which
the mapping reads. So no name of a field can disturb the mapping or the store.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, TypeAlias

import duckdb
import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from graphad import schema
from graphad.errors import QueryError
from graphad.jit import kernel
from graphad.parse import PLACE, REJECTS, Decoded, Decoder, Lines, Options, Parser, whole_lines

Bytes: TypeAlias = npt.NDArray[np.uint8]
Ints: TypeAlias = npt.NDArray[np.int64]

MAX_QUOTED = 1024 * 1024  # bytes of a CSV record of several lines; a longer one is a stray quote
MAX_COLUMNS = 4096  # of a CSV header
MAX_DEPTH = 100  # of arrays and objects in one another in a JSON record
MAX_CELLS = 32 * 1024 * 1024  # of a block of NDJSON; rarer fields go to `more_fields` beyond
MAX_TABLE = 4 * 1024 * 1024 * 1024  # bytes of a Parquet file in memory
DELIMITERS = b",;\t|"
_BOM = b"\xef\xbb\xbf"
_LF, _CR, _QUOTE = 10, 13, 34

# Fields called so get a `_`: in a mapping, and in a store, where another type or meaning has them.
_PLACES = frozenset(PLACE.names)
_TAKEN = _PLACES | {c.name for c in schema.RECORDS if c.kind != "text"} | {"attrs", "shape"}


def table_parser(mapping_sql: str, name: str = "table", ignore: str = "NULL") -> Parser:
    """Return the parser of tables that a mapping makes: one SELECT of schema.MAPPING from `raw`.

    `ignore` is an SQL expression over `raw`: the rule that leaves out a record without edges, or
    NULL. Columns that a table lacks are NULL. Raises: QueryError: it is not one SELECT, names what
    `raw` doesn't have, or lacks a column of schema.MAPPING.
    """
    statement = _select(mapping_sql)
    needed, types = _bind(statement, ())
    if ignore != "NULL":
        needed, _ = _bind(f"SELECT ({ignore}\n)::VARCHAR FROM raw", needed)
    mapping, rule = _wrapped(statement, types, ignore, needed)
    return Parser(
        name=name,
        about="a table (CSV, TSV, NDJSON or Parquet), through a mapping of the user's",
        sniff=lambda head: 0.0,  # only a user knows what a table means
        decoder=lambda options: Tabular(needed),
        mapping=mapping,
        ignore=rule,
        reject="'the mapping gives no edge' || coalesce('; the table lacks ' || _missing, '')",
    )


# --- the mapping ------------------------------------------------------------------------------

_ABSENT = re.compile(
    r'(?:Referenced column|have a column named|Column) "(.*?)"'
    r"(?: not found| does not exist| in EXCLUDE|\n|$)",
    re.DOTALL,
)
_HINT = "See docs/mapping.md."


def _connection() -> duckdb.DuckDBPyConnection:
    off = dict.fromkeys(
        ("autoinstall_known_extensions", "autoload_known_extensions", "enable_external_access",
         "python_enable_replacements"), "false",
    )  # fmt: skip
    return duckdb.connect(":memory:", config={**off, "threads": "1"})


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0]


def _select(sql: str) -> str:
    """Return the one SELECT that a text holds."""
    with _connection() as connection:
        try:
            statements = connection.extract_statements(sql)
        except duckdb.Error as error:
            message = f"The mapping is not SQL: {_first_line(error)}."
            raise QueryError(message, hint=_HINT) from error
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise QueryError("A mapping is one SELECT and nothing else.", hint=_HINT)
    return re.sub(r";\s*(--[^\n]*\s*)*\Z", "", statements[0].query)


def _bind(select: str, known: Sequence[str]) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return the fields that a SELECT names, after the `known`, and its columns with their types.

    DuckDB says which column it misses; each round gives it one more, until the SELECT binds.
    """
    needed = list(known)
    with _connection() as connection:
        while True:
            fields = ", ".join(f"NULL::VARCHAR AS {_quoted(name)}" for name in needed)
            empty = ", ".join(f"0::BIGINT AS {_quoted(name)}" for name in PLACE.names)
            connection.execute(
                f"CREATE OR REPLACE TEMP TABLE raw AS SELECT {empty}{', ' if needed else ''}{fields}"
            )
            try:
                found = connection.sql(f"SELECT * FROM ({select}\n)")
            except duckdb.BinderException as error:
                absent = _ABSENT.search(str(error))
                if absent and absent[1].lower() not in {n.lower() for n in needed} | _PLACES:
                    needed.append(absent[1])
                    continue
                raise _unbound(error) from error
            except duckdb.Error as error:
                raise _unbound(error) from error
            return tuple(needed), dict(zip(found.columns, map(str, found.types), strict=True))


def _unbound(error: Exception) -> QueryError:
    hint = f"It may use the table raw and DuckDB's functions. {_HINT}"
    return QueryError(f"The mapping does not work: {_first_line(error)}.", hint=hint)


def _wrapped(
    select: str, types: dict[str, str], ignore: str, needed: tuple[str, ...]
) -> tuple[str, str]:
    """Return mapping and rule so that they read hidden columns and give what a store takes."""
    given = {name.lower(): name for name in types}
    columns = []
    for column in schema.MAPPING:
        name = given.get(column.name)
        if name is None:
            if not column.meaning.startswith("?"):
                raise QueryError(f"The mapping selects no {column.name!r}.", hint=_HINT)
            continue
        columns.append(f"{_taken_as(column, _quoted(name), types[name])} AS {column.name}")
    hidden = ", ".join(f"raw._map{i} AS {_quoted(name)}" for i, name in enumerate(needed))
    fields = ", ".join(filter(None, ['record, "offset", length, line', hidden]))
    kinds = ", ".join(f"'{kind}'" for kind in schema.ENTITY_TYPES)
    actions = ", ".join(f"'{action}'" for action in schema.ACTIONS)
    mapping = f"""
        WITH raw AS (SELECT {fields} FROM raw)
        SELECT * FROM (SELECT {", ".join(columns)} FROM ({select}\n))
        WHERE src_type IN ({kinds}) AND dst_type IN ({kinds}) AND action IN ({actions})
          AND record IN (SELECT record FROM raw)"""  # noqa: S608  (the user's own SQL)
    if ignore == "NULL":
        return mapping, ignore
    places = ", ".join(f"raw.{_quoted(name)}" for name in PLACE.names)
    inner = ", ".join(filter(None, [places, hidden]))
    return mapping, f"(SELECT ({ignore}\n)::VARCHAR FROM (SELECT {inner}))"  # noqa: S608


def _taken_as(column: schema.Column, name: str, kind: str) -> str:
    if column.kind != "time":
        return f"try_cast({name} AS {'BIGINT' if column.kind == 'int' else 'VARCHAR'})"
    if kind == "TIMESTAMP WITH TIME ZONE":
        return f"{name} AT TIME ZONE 'UTC'"
    if kind == "VARCHAR":  # by way of TIMESTAMPTZ, since TIMESTAMP drops the offset of a text
        return f"try_cast({name} AS TIMESTAMPTZ) AT TIME ZONE 'UTC'"
    if kind == "DATE" or kind.startswith("TIMESTAMP"):
        return f"try_cast({name} AS TIMESTAMP)"
    hint = "Numbers become times by make_timestamp(microseconds) and make_timestamp_ms()."
    raise QueryError(f"The mapping's ts is of type {kind}, not a time.", hint=hint)


# --- from a file to `raw` ---------------------------------------------------------------------


class Tabular:
    """Decodes a table of the kind that its first bytes show."""

    parallel: ClassVar[bool] = False  # what a CSV row means is said in the first block

    def __init__(self, needed: Sequence[str] = ()) -> None:
        self.needed = tuple(needed)
        self._kind: Decoder | None = None

    @property
    def whole(self) -> bool:
        """Whether the file must be given as one block: it is Parquet, or may yet be."""
        return self._kind is None or isinstance(self._kind, Parquet)

    def cut(self, data: bytes | bytearray | memoryview, last: bool) -> int:
        """Return the bytes of `data` that are whole records."""
        if self._kind is None:
            self._kind = detect(bytes(data), last, self.needed)
        return self._kind.cut(data, last) if self._kind else 0

    def decode(self, data: bytes, last: bool) -> Decoded:
        """Return a row for each record, in text columns."""
        if self._kind is None:
            self._kind = detect(data, True, self.needed)
        assert self._kind is not None
        return self._kind.decode(data, last)


def detect(head: bytes, last: bool, needed: Sequence[str] = ()) -> Decoder | None:
    """Return the decoder for a file that begins so, or None if `head` is too short to say.

    The delimiter of a CSV is the one most frequent in its first line, outside of quotes.
    """
    if head[:4] == b"PAR1":
        return Parquet(needed)
    if not last and len(head) < 4:
        return None
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return Lines(lambda line: "the file is in UTF-16; make it UTF-8")
    text = head.removeprefix(_BOM).lstrip()
    if text[:1] == b"{":
        return Ndjson(needed)
    if re.match(rb"\[\s*[{\]]", text):
        return Lines(lambda line: "the file is one JSON array; make it one object a line")
    line, end, _ = text.partition(b"\n")
    if not end and not last:
        return None
    bare = re.sub(rb'"[^"]*"?', b"", line)
    return Csv(needed, max(DELIMITERS, key=lambda d: bare.count(bytes([d]))))


def named(fields: Iterable[str], taken: frozenset[str] = _PLACES) -> list[str]:
    """Return fields' names, none empty, taken or twice; DuckDB takes `A` and `a` for the same.

    >>> named(["user", "", "line", "User"])
    ['user', 'column_2', 'line_', 'User_2']
    """
    names: dict[str, str] = {}
    for number, field in enumerate(fields, 1):
        base = name = field or f"column_{number}"
        while name.lower() in taken:
            base = name = f"{name}_"
        count = 1
        while name.lower() in names:
            count += 1
            name = f"{base}_{count}"
        names[name.lower()] = name
    return list(names.values())


def _raw(
    place: Mapping[str, Any], fields: Mapping[str, pa.Array], needed: Sequence[str]
) -> pa.Table:
    """Return rows of `raw`: their place, the fields as they are kept, and as a mapping sees them."""
    columns = {name: pa.array(place[name], pa.int64()) for name in PLACE.names}
    rows = len(columns["record"])
    kept = named((f"{n.lstrip('_')}_" if n.startswith("_") else n for n in fields), _TAKEN)
    columns |= zip(kept, fields.values(), strict=True)
    seen = dict(zip(named(fields), fields.values(), strict=True))
    by_name = {name.lower(): column for name, column in seen.items()}
    for i, name in enumerate(needed):
        columns[f"_map{i}"] = by_name.get(name.lower(), pa.nulls(rows, pa.string()))
    missing = ", ".join(name for name in needed if name.lower() not in by_name)
    columns["_missing"] = pa.array([missing or None], pa.string()).take(pa.array(np.zeros(rows, int)))
    return pa.table(columns)


def _rejects(rows: Iterable[tuple[int, int, int, int, str]]) -> pa.Table:
    names = REJECTS.names
    return pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in rows], REJECTS)


# --- CSV --------------------------------------------------------------------------------------


@kernel
def _line(data: Bytes, at: int, stop: int, delimiter: int, quoted: bool) -> tuple[int, bool]:
    """Return where the line at `at` ends, and whether inside quotes, if it began so."""
    opens = not quoted  # a quote here begins a quoted cell
    while at < stop:
        byte = data[at]
        if quoted:
            if byte == _LF:
                return at + 1, True
            if byte == _QUOTE:
                if at + 1 < stop and data[at + 1] == _QUOTE:
                    at += 1
                else:
                    quoted = False
        elif byte == _LF:
            return at + 1, False
        elif byte == _QUOTE and opens:
            quoted, opens = True, False
        else:
            opens = byte == delimiter
        at += 1
    return at, quoted


@kernel
def _records(
    data: Bytes, delimiter: int, size: int, final: bool, state: Ints, starts: Ints, stray: Bytes
) -> tuple[int, int]:
    """Find the records in whole lines; return how many bytes they are, and how many records.

    A record ends with the first line that ends outside quotes. If that is too far, or not there at
    all, its first line alone is a `stray` record. `size` is the bytes there are, with an unfinished
    line; `final` says that no more will come. `state` = (end of the first line, start and end of the
    last line looked at) makes it linear: each line is looked at twice, once as the first of a
    record and once as a later one, and what later ones say serves every earlier start.
    """
    start = count = 0
    first, closing, checked = state
    stop = len(data)
    while start < stop:
        quoted = first > start  # known from the call before
        if not quoted:
            first, quoted = _line(data, start, stop, delimiter, False)
        end = first
        if quoted:
            end = checked if closing >= first else -1
            checked = max(checked, first)
            while end < 0 and checked < stop and checked - start <= MAX_QUOTED:
                at = checked
                checked, quoted = _line(data, at, stop, delimiter, True)
                if not quoted:
                    closing = at
                    end = checked
            if end < 0 and not final and size - start <= MAX_QUOTED:
                break
            quoted = end < 0 or end - start > MAX_QUOTED
            if quoted:
                end = first
        if count < len(starts):
            starts[count] = start
            stray[count] = quoted
        count += 1
        start = first = end
    state[0], state[1], state[2] = first - start, closing - start, max(checked - start, 0)
    return start, count


@kernel
def _cells(
    data: Bytes, starts: Ints, ends: Ints, delimiter: int, width: int,
    out: Bytes, bounds: Ints, found: Ints,
) -> int:  # fmt: skip
    """Write unquoted cells to `out`, their ends to `bounds`, row by row; return how many rows.

    A record of more or fewer than `width` cells gives no row; `found` [records] says how many.
    """
    rows = at = 0
    for record in range(len(starts)):
        i, end, before, cells = starts[record], ends[record], at, 0
        while True:
            if i < end and data[i] == _QUOTE:
                i += 1
                while i < end:
                    if data[i] == _QUOTE:
                        i += 1
                        if i == end or data[i] != _QUOTE:
                            break
                    out[at] = data[i]
                    at += 1
                    i += 1
            while i < end and data[i] != delimiter:
                out[at] = data[i]
                at += 1
                i += 1
            cells += 1
            if cells <= width:
                bounds[rows * width + cells] = at
            if i == end:
                break
            i += 1
        found[record] = cells
        if cells == width:
            rows += 1
        else:
            at = before
            bounds[rows * width] = before
    return rows


@kernel
def _gather(out: Bytes, bounds: Ints, width: int, column: int, at: Ints, data: Bytes) -> None:
    """Write one column's cells one after another, and where each begins."""
    filled = 0
    for row in range(len(at) - 1):
        for i in range(bounds[row * width + column], bounds[row * width + column + 1]):
            data[filled] = out[i]
            filled += 1
        at[row + 1] = filled
