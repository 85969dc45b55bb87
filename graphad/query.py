"""Queries: questions to a store, kept as .sql files, and SQL that an analyst types.

A query's first comment lines are its help. A comment line `--   name = default   meaning` declares
a parameter; without a default it is required. The default says the type: a whole number, a number,
or text; `null` is text that may be left out. SQL refers to it as `$name` and never sees its text.

A query sees the tables of `schema.TABLES`, `sources` and `findings`, one row of `entities` an id,
the views `events`, `places`, `logons` and `births`, and the macros of `query_macros`.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import duckdb
import pyarrow as pa

from graphad.errors import QueryError, UnknownName

Value: TypeAlias = int | float | str | None

_KINDS = {int: "a whole number", float: "a number", str: "Unicode text"}

# Edges with names for their ends and the place in the log they come from. The joins are outer ones:
# an edge whose entity or record was lost is shown without it, not hidden.
EVENTS = """
SELECT e.ts, e.host, e.action, e.outcome,
       e.src AS src_id, s.type AS src_type, coalesce(nullif(s.label, ''), s.key) AS src,
       s.name AS src_name, s.detail AS src_detail,
       e.dst AS dst_id, d.type AS dst_type, coalesce(nullif(d.label, ''), d.key) AS dst,
       d.name AS dst_name, d.detail AS dst_detail,
       e.source, e.record, e.ordinal, f.path, r.line
FROM edges e
LEFT JOIN entities s ON s.id = e.src
LEFT JOIN entities d ON d.id = e.dst
LEFT JOIN sources f ON f.source = e.source
LEFT JOIN records r ON r.source = e.source AND r.record = e.record
"""

_PARAMETER = re.compile(r"(?P<name>[a-z]\w*)(?:\s*=\s*(?P<default>\S+))?(?:\s{2,}(?P<meaning>.*))?")


def create_views(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the view `events` over the tables or views edges, entities, sources and records."""
    connection.sql(f"CREATE OR REPLACE VIEW events AS {EVENTS}")


@dataclass(frozen=True)
class Parameter:
    """One parameter of a query."""

    name: str
    kind: type[int] | type[float] | type[str]
    required: bool
    default: Value
    meaning: str

    def read(self, value: Value) -> Value:
        """Return `value`, which may be text from a command line, as this parameter's type.

        Raises: QueryError: it is not a value of that type.
        """
        if value is None:
            if self.required:
                raise QueryError(f"Parameter {self.name!r} has no value.", hint=self.meaning)
            return None
        try:
            text = str(value).encode().decode()  # a command line may hold what is not Unicode
            return self.kind(text)
        except ValueError:
            raise QueryError(
                f"Parameter {self.name!r} is {_KINDS[self.kind]}, not {value!r}.", hint=self.meaning
            ) from None


@dataclass(frozen=True)
class Query:
    """A question to a store: its help, its parameters and its SQL."""

    name: str
    help: str
    parameters: tuple[Parameter, ...]
    sql: str

    @classmethod
    def parse(cls, name: str, sql: str) -> "Query":
        """Return the query that the text of a .sql file holds.

        Raises: QueryError: it is not one SELECT, or its header does not declare just the
            parameters that it uses.
        """
        words, parameters = [], []
        for line in sql.splitlines():
            if not line.startswith("--"):
                break
            text = line[2:].rstrip()
            if not text.startswith("   "):
                words.append(text.strip())
                continue
            found = _PARAMETER.fullmatch(text.strip())
            if found is None:
                raise QueryError(
                    f"Query {name!r} has a header line that declares no parameter: {text.strip()}",
                    hint="Write `--   name = default   meaning`.",
                )
            parameters.append(_parameter(**found.groupdict()))
        used = one_select(f"Query {name!r}", sql).named_parameters
        declared = [parameter.name for parameter in parameters]
        odd = sorted({p for p in declared if declared.count(p) > 1} | set(declared) ^ set(used))
        if odd:
            raise QueryError(
                f"Query {name!r} must declare and use {', '.join(odd)}.",
                hint="Its header and its SQL differ.",
            )
        return cls(name, " ".join(words).strip(), tuple(parameters), sql)

    def values(self, given: Mapping[str, Value]) -> dict[str, Value]:
        """Return a value for each parameter: the given ones, checked, and the defaults.

        Raises: QueryError: one is missing, or of another type. UnknownName: there is none such.
        """
        known = {parameter.name: parameter for parameter in self.parameters}
        for name in given:
            if name not in known:
                raise UnknownName.among(f"parameter of query {self.name}", name, known)
        missing = [p.name for p in self.parameters if p.required and given.get(p.name) is None]
        if missing:
            raise QueryError(
                f"Query {self.name!r} needs {', '.join(missing)}.",
                hint=f"See graphad query {self.name} --help.",
            )
        return {p.name: p.read(given.get(p.name, p.default)) for p in self.parameters}

    def run(
        self, connection: duckdb.DuckDBPyConnection, given: Mapping[str, Value] | None = None
    ) -> pa.Table:
        """Return the answer, in the query's own order.

        Raises: QueryError: the values or the SQL are wrong. UnknownName: no parameter is called so.
        """
        values = self.values(given or {})
        try:
            return connection.sql(self.sql, params=values).to_arrow_table()
        except duckdb.Error as error:
            raise QueryError(f"Query {self.name!r} failed: {told(error)}") from error


def _parameter(name: str, default: str | None, meaning: str | None) -> Parameter:
    if default is None or default.lower() == "null":
        return Parameter(name, str, default is None, None, meaning or "")
    for kind in (int, float):
        try:
            return Parameter(name, kind, False, kind(default), meaning or "")
        except ValueError:
            continue
    return Parameter(name, str, False, default, meaning or "")


def names(folders: Iterable[Path]) -> list[str]:
    """Return the names of all queries in the folders, sorted."""
    return sorted({file.stem for folder in folders for file in folder.glob("*.sql")})


def load(name: str, folders: Iterable[Path]) -> Query:
    """Return the query called so, of the first folder that has one.

    Raises: UnknownName: none is called so. QueryError: its file is wrong.
    """
    folders = list(folders)
    known = names(folders)
    if name not in known:  # also keeps paths such as ../x out
        raise UnknownName.among("query", name, known)
    file = next(file for folder in folders if (file := folder / f"{name}.sql").is_file())
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise QueryError(f"{file} cannot be read: {error}.") from error
    return Query.parse(name, text)


def one_select(what: str, sql: str) -> duckdb.Statement:
    """Return the one SELECT that SQL is. Raises: QueryError: it is anything else, or wrong."""
    try:
        statements = duckdb.extract_statements(sql.encode().decode())  # a command line may lie
    except (duckdb.Error, UnicodeEncodeError) as error:
        raise QueryError(f"{what} is wrong: {told(error)}") from error
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise QueryError(f"{what} must be one SELECT.")
    return statements[0]


def told(error: Exception) -> str:
    """Return the first line of what an error says."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def quoted(text: str) -> str:
    """Return text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def quoted_name(name: str) -> str:
    """Return the name of a column as SQL."""
    return '"' + name.replace('"', '""') + '"'


def size_times(size: str, factor: int) -> str:
    """Return a size such as 512MB, multiplied.

    >>> size_times("1.5 GB", 4)
    '6.0GB'
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]i?B)\s*", size)
    if found is None:
        raise QueryError(f"{size!r} is not a size.", hint="Write it like 512MB or 2GB.")
    return f"{float(found[1]) * factor:.1f}{found[2]}"
