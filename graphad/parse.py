"""Parsers: how a log becomes records and edges.

A parser decodes bytes into rows of `raw` (columns of `schema.RECORDS`) and maps those to edges with
SQL. Every record ends in one of three places: it gives edges, a named rule ignores it, or it is
rejected with a reason. A parser is a file in `parsers/` that sets `parser = Parser(...)`.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

import pyarrow as pa

from graphad import schema
from graphad.relations import Relations

MAX_RECORD = 16 * 1024 * 1024  # bytes; a longer record is rejected

_ARROW = {
    "text": pa.string(), "int": pa.int64(), "float": pa.float64(), "bool": pa.bool_(),
    "time": pa.timestamp("us"),
}  # fmt: skip


def arrow_type(kind: str) -> pa.DataType:
    """Return the Arrow type of a column kind."""
    return _ARROW[kind]


# record, offset and line count from the block's first record, byte and line, from 0.
PLACE = pa.schema([(name, pa.int64()) for name in ("record", "offset", "length", "line")])
REJECTS = PLACE.append(pa.field("reason", pa.string()))
# A column of `raw` in which a decoder may write down what records claim, see docs/identity.md.
CLAIMS = "_claims"


@dataclass(frozen=True)
class Options:
    """What the user said about a log that the log doesn't say itself."""

    timezone: str = "UTC"  # of time stamps without one
    year: int | None = None  # of time stamps without one
    host: str | None = None  # of records without one


@dataclass
class Decoded:
    """One block, decoded.

    `raw` has PLACE's columns and any of schema.RECORDS', text may be dictionary-encoded (under
    nulls too, indices must lie in the dictionary: Arrow looks them up when it joins two). A column
    of another name is kept in `attrs`, or only serves the mapping if its name begins with `_`.
    read = rows of raw + rows of rejects + sum of ignored.
    """

    read: int
    raw: pa.Table
    rejects: pa.Table = field(default_factory=REJECTS.empty_table)
    ignored: dict[str, int] = field(default_factory=dict)


class Decoder(Protocol):
    """Turns the blocks of one source into rows of `raw`.

    One that remembers something from block to block should also have what Remembering has: then a
    log that has grown is read on from where it ended. Else it is parsed anew as a whole.

    One of a log without lines sets `lines = False`; then `line` counts from a block's line 1.
    """

    parallel: ClassVar[bool]  # decode may run for several blocks at once

    def cut(self, data: bytes | bytearray | memoryview, last: bool) -> int:
        """Return how many bytes of `data`, from its first, are whole records; 0 if not one is.

        Called for the blocks in order, from one thread. At the `last`, an unfinished record counts
        as whole.
        """
        ...

    def decode(self, data: bytes | memoryview, last: bool) -> Decoded:
        """Return the rows of a block that `cut` ended. Never raises for what a log contains.

        Called once with `last`, for what is left at the end, mostly nothing: records still open
        end there. Places in `raw` count from the block's first record, byte and line; those of a
        record that began in an earlier block are negative.
        """
        ...


class Remembering(Decoder, Protocol):
    """A decoder that can be stopped, and another one made to go on from there."""

    def state(self) -> object:
        """Return all it remembers of the blocks so far as JSON's types, None if that is nothing.

        Called before the `last` block is decoded.
        """
        ...

    def restore(self, state: object) -> None:
        """Remember that, before the first block. Raises: ValueError if it is no such state."""
        ...


@dataclass(frozen=True)
class Parser:
    """One log format.

    `sniff(head)` says from a source's first 64 KiB how sure it is, 0 to 1.
    `mapping` selects `schema.MAPPING`'s columns from `raw`, one row an edge; a record may give
    several. Or it is Relations, which is faster; then `ignore` and `reject` may not use `record`,
    and of `ts` only whether it is NULL. `ignore` is an SQL expression over `raw`: the name of the
    rule by which a record that gives no edge is left out, or NULL, and then it is rejected with the
    reason `reject` gives.
    """

    name: str
    about: str
    sniff: Callable[[bytes], float]
    decoder: Callable[[Options], Decoder]
    mapping: str | Relations
    ignore: str = "NULL"
    reject: str = "'no rule says what this record means'"
    binary: bool = False  # records are no text; evidence shows the JSON their rows were made of
    last_resort: bool = False  # asked only if no other parser is sure
    yields: str = ""  # actions and kinds of things, if the mapping doesn't name them


class Lines:
    """Decodes one record a line by a function from the line to its columns, or to a reason.

    The plain way, for formats that need no more, and the oracle of those that have a scanner.
    `decode_line(text)` returns a dict of columns, or a string: why the line is rejected.
    """

    parallel: ClassVar[bool] = True

    def __init__(self, decode_line: Callable[[str], dict[str, object] | str]) -> None:
        self.decode_line = decode_line

    def cut(self, data: bytes | bytearray | memoryview, last: bool) -> int:
        """Return where the last whole line of `data` ends."""
        return len(data) if last else bytes(data).rfind(b"\n") + 1

    def decode(self, data: bytes | memoryview, last: bool) -> Decoded:
        """Return a row for each line."""
        rows: list[dict[str, object]] = []
        rejects: list[dict[str, object]] = []
        blank = number = offset = 0
        for number, line in enumerate(whole_lines(bytes(data))):
            place = {"record": number, "offset": offset, "length": len(line), "line": number}
            offset += len(line) + 1
            if not line.strip():
                blank += 1
                continue
            found = self.decode_line(line.decode("utf-8", "backslashreplace"))
            if isinstance(found, str):
                rejects.append(place | {"reason": found})
            else:
                rows.append(place | found)
        read = len(rows) + len(rejects) + blank
        ignored = {"blank line": blank} if blank else {}
        return Decoded(read, table(rows), pa.Table.from_pylist(rejects, REJECTS), ignored)


def whole_lines(data: bytes) -> list[bytes]:
    """Return the lines of `data` without their LF; a last line without one counts too.

    >>> whole_lines(b"a\\n\\nb")
    [b'a', b'', b'b']
    """
    lines = data.split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    return lines


def table(rows: Iterable[dict[str, object]]) -> pa.Table:
    """Return rows of `raw` as a table: PLACE's columns and those that occur in a row."""
    rows = list(rows)
    types = {c.name: arrow_type(c.kind) for c in schema.RECORDS}
    names = dict.fromkeys(name for row in rows for name in row if name not in PLACE.names)
    return pa.Table.from_pylist(
        rows, pa.schema([*PLACE, *((name, types.get(name, pa.string())) for name in names)])
    )


def matching(pattern: str) -> Callable[[Options], Decoder]:
    """Return a decoder of lines by a regular expression whose groups are named after columns."""
    compiled = re.compile(pattern)
    numbers = {c.name for c in schema.RECORDS if c.kind == "int"} & set(compiled.groupindex)

    def decode_line(text: str) -> dict[str, object] | str:
        found = compiled.fullmatch(text.rstrip("\r"))
        if not found:
            return "the line has another form"
        row: dict[str, object] = dict(found.groupdict())
        for name in numbers:
            value = found[name]
            if value is not None:
                if not value.isdecimal() or len(value) > 18:
                    return f"{name} is no number"
                row[name] = int(value)
        return row

    return lambda options: Lines(decode_line)
