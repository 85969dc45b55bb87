"""Tables as logs: CSV, TSV, NDJSON and Parquet become edges by one SELECT that the user writes.

The SELECT sees one table, `raw`: the columns record, offset, length, line, and one text column a
field, under its own name (see docs/mapping.md). What a decoder hands on has two columns a field
that the mapping names: one kept under a name that is free in a store, and a hidden `_map…`, which
the mapping reads. So no name of a field can disturb the mapping or the store.
"""

import re
from collections.abc import Sequence
from typing import ClassVar

import duckdb

from graphad import schema
from graphad.database import SHUT, connect
from graphad.decoders.tabular_csv import Csv
from graphad.decoders.tabular_json import Ndjson
from graphad.decoders.tabular_parquet import Parquet
from graphad.decoders.tabular_raw import PLACES
from graphad.errors import QueryError
from graphad.parse import PLACE, Decoded, Decoder, Lines, Parser
from graphad.query import quoted_name

DELIMITERS = b",;\t|"
_FIRST = re.compile(rb"(?:\xef\xbb\xbf)?(?:\s*\n)?")


def table_parser(mapping_sql: str, name: str = "table", ignore: str = "NULL") -> Parser:
    """Return the parser of tables that a mapping makes: one SELECT of schema.MAPPING from `raw`.

    `ignore` is an SQL expression over `raw`: the rule that leaves out a record without edges, or
    NULL. Columns that a table lacks are NULL. Raises: QueryError: it is not one SELECT, names what
    `raw` doesn't have, or lacks a column of schema.MAPPING.
    """
    statement = _select(mapping_sql)
    needed, types = _bind(statement, ())
    if ignore != "NULL":
        rule = f"SELECT ({ignore}\n)::VARCHAR FROM raw"  # noqa: S608  (the user's own SQL)
        needed, _ = _bind(rule, needed)
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
    r"(?: not found| does not exist| in EXCLUDE| referenced that exists|\n|$)",
    re.DOTALL,
)
_HINT = "See docs/mapping.md."


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0]


def _select(sql: str) -> str:
    """Return the one SELECT that a text holds."""
    with connect(config=SHUT) as connection:
        try:
            statements = connection.extract_statements(sql)
        except duckdb.Error as error:
            message = f"The mapping is not SQL: {_first_line(error)}."
            raise QueryError(message, hint=_HINT) from error
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise QueryError("A mapping is one SELECT and nothing else.", hint=_HINT)
    return re.sub(r";\s*(--[^\n]*\s*)*\Z", "", statements[0].query)


# Names that DuckDB answers by itself where a table has no such column.
_ANSWERED = re.compile(r"\b(user|current_user|session_user|current_(?:catalog|database|schema))\b")
_LITERAL = re.compile(r"'(?:[^']|'')*'|--[^\n]*")


def _bind(select: str, known: Sequence[str]) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return the fields that a SELECT names, after the `known`, and its columns with their types.

    DuckDB says which column it misses; each round gives it one more, until the SELECT binds.
    """
    named = _ANSWERED.findall(_LITERAL.sub("", select.lower()))
    needed = list(dict.fromkeys([*known, *named]))
    with connect(config=SHUT) as connection:
        while True:
            columns = [f"{quoted_name(name)} BIGINT" for name in PLACE.names]
            columns += [f"{quoted_name(name)} VARCHAR" for name in needed]
            connection.execute(f"CREATE OR REPLACE TEMP TABLE raw ({', '.join(columns)})")
            try:
                found = connection.sql(f"SELECT * FROM ({select}\n)")  # noqa: S608
            except duckdb.BinderException as error:
                absent = _ABSENT.search(str(error))
                name = absent[1].replace('""', '"') if absent else ""
                if name and name.lower() not in {n.lower() for n in needed} | PLACES:
                    needed.append(name)
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
        value = _taken_as(column, quoted_name(name), types[name])
        if column.name.endswith("_label"):  # as if it were left out
            value = f"coalesce({value}, {column.name[:3]}_key::VARCHAR)"
        columns.append(f"{value} AS {column.name}")
    hidden = ", ".join(f"raw._map{i} AS {quoted_name(name)}" for i, name in enumerate(needed))
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
    places = ", ".join(f"raw.{quoted_name(name)}" for name in PLACE.names)
    inner = ", ".join(filter(None, [places, hidden]))
    return mapping, f"(SELECT ({ignore}\n)::VARCHAR FROM (SELECT {inner}))"  # noqa: S608


def _taken_as(column: schema.Column, name: str, kind: str) -> str:
    if column.kind == "int":
        return f"try_cast({name} AS BIGINT)"
    if column.kind == "text":  # an empty key identifies nothing
        return f"nullif(try_cast({name} AS VARCHAR), '')"
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

    def state(self) -> object:
        """Return the kind of table and what its decoder remembers."""
        kind = self._kind
        if isinstance(kind, Csv):
            return {"csv": kind.state(), "delimiter": kind.delimiter}
        return {"ndjson": kind.state()} if isinstance(kind, Ndjson) else None

    def restore(self, state: object) -> None:
        """Go on with such a table. Raises: ValueError if it is none."""
        if not isinstance(state, dict) or not {"csv", "ndjson"} & set(state):
            raise ValueError("no state of a table")
        if "csv" in state:
            self._kind = Csv(self.needed, int(state.get("delimiter", 0)))
            self._kind.restore(state["csv"])
        else:
            self._kind = Ndjson(self.needed)
            self._kind.restore(state["ndjson"])

    def cut(self, data: bytes | bytearray | memoryview, last: bool) -> int:
        """Return the bytes of `data` that are whole records."""
        if self._kind is None:
            self._kind = detect(bytes(data), last, self.needed)
        return self._kind.cut(data, last) if self._kind else 0

    def decode(self, data: bytes | memoryview, last: bool) -> Decoded:
        """Return a row for each record, in text columns."""
        if self._kind is None:
            self._kind = detect(bytes(data), True, self.needed)
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
    start = _FIRST.match(head)
    assert start
    text = head[start.end() : start.end() + 4096].lstrip()
    if text[:1] == b"{":
        return Ndjson(needed)
    if re.match(rb"\[\s*[{\]]", text):
        return Lines(lambda line: "the file is one JSON array; make it one object a line")
    end = head.find(b"\n", start.end())
    if end < 0 and not last:
        return None
    bare = re.sub(rb'"[^"]*"?', b"", head[start.end() : end if end >= 0 else None])
    return Csv(needed, max(DELIMITERS, key=lambda d: bare.count(bytes([d]))))
