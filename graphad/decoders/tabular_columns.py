"""Any table by the names of its columns: each row is an event, without a mapping being written.

What the event detector needs of a row is what its columns say; that a row has two ends is for the
graph. Its first column is the one, its last the other, of the types that their names suggest.
"""

import re
from collections.abc import Sequence

from graphad.decoders.tabular import table_parser
from graphad.decoders.tabular_raw import named
from graphad.errors import QueryError
from graphad.parse import Parser
from graphad.query import quoted, quoted_name

# Which type an entity has that a column of such a name tells.
_TYPES = (
    ("user", r"user|account|login|principal|actor"),
    ("process", r"process|program|exe|image|command|application"),
    ("address", r"ip|addr|address|ipaddress"),
    ("host", r"host|hostname|computer|machine|device|workstation|server"),
    ("domain", r"domain|fqdn|url"),
    ("file", r"file|path|filename"),
    ("service", r"service"),
)
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
NONE = "(none)"


def type_of(column: str) -> str:
    """Return the type of the entities that a column tells, "template" if its name says nothing.

    >>> [type_of(name) for name in ("dst_ip", "UserName", "ProcessPath", "severity")]
    ['address', 'user', 'process', 'template']
    """
    words = [word.lower() for word in _WORD.findall(column)]
    for kind, pattern in _TYPES:
        if any(re.fullmatch(pattern, word) for word in words):
            return kind
    return "template"


def columns_parser(columns: Sequence[str], time: str, host: str | None = None) -> Parser:
    """Return the parser of tables whose rows are events of some columns, at a time.

    host: of rows that have no column for one. Raises: QueryError: no column, or a name that SQL
    cannot have.
    """
    if not columns:
        raise QueryError("No column is named.", hint="Name those that count.")
    places = [name for name in columns if type_of(name) == "host"]
    where = f"nullif({_column(places[0])}, '')" if places else "NULL"
    one, two = (
        f"coalesce(nullif({_column(name)}, ''), {quoted(NONE)})"
        for name in (columns[0], columns[-1])
    )
    # One column is an event of its host.
    kind, other = (type_of(columns[-1]), "two") if len(columns) > 1 else ("host", "host")
    return table_parser(
        f"""SELECT record, ts, host, {quoted(type_of(columns[0]))} AS src_type, one AS src_key,
                   'access' AS action, {quoted(kind)} AS dst_type, {other} AS dst_key
            FROM (SELECT record, {one} AS one, {two} AS two, {_moment(_column(time))} AS ts,
                         coalesce({where}, {quoted(host or "table")}) AS host FROM raw)"""  # noqa: S608
    )


def _column(name: str) -> str:
    return f"raw.{quoted_name(named([name])[0])}"


def _moment(text: str) -> str:
    """Return SQL for the time that a text tells: RFC 3339, or a number as microseconds_of reads."""
    number = f"try_cast(trim({text}) AS DOUBLE)"
    scales = ((1e11, 1e6), (1e14, 1e3), (1e17, 1.0), (1e20, 1e-3))
    cases = " ".join(f"WHEN abs({number}) < {most} THEN {number} * {by}" for most, by in scales)
    return (
        f"coalesce(make_timestamp(round(CASE {cases} END)::BIGINT), "
        f"try_cast(trim({text}) AS TIMESTAMPTZ) AT TIME ZONE 'UTC')"
    )
