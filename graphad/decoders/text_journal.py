"""journald's export format: entries of fields, read as the JSON lines that journald would write.

A field is NAME=value on a line; one with line feeds or bytes is NAME, a line feed, its length in 8
bytes (little endian), the value and a line feed. A blank line ends an entry.

Source: systemd's Journal Export Format.
"""

import re
from collections.abc import Iterator
from typing import ClassVar, NamedTuple

import msgspec
import pyarrow as pa

from graphad.decoders.text_decode import Decoder as TextDecoder
from graphad.parse import MAX_RECORD, PLACE, REJECTS, Decoded, Options

_NAME = re.compile(rb"[A-Za-z_][A-Za-z0-9_]{0,63}")
_BYTES = 8  # of a length
_ODD = "a line is no field of a journal's entry"
_CUT = "the entry ends within a field"


class Entry(NamedTuple):
    """An entry: its first byte and where it ends, its fields, or why it is none."""

    start: int
    end: int
    fields: dict[str, str]
    reason: str = ""


def entries(data: bytes, last: bool) -> Iterator[Entry]:
    """Return the entries of some bytes; one without its blank line only at the `last`."""
    at, size = 0, len(data)
    while at < size:
        while at < size and data[at] in b"\r\n":  # blank lines between entries
            at += 1
        if at == size:
            return
        entry = _entry(data, at)
        if entry is None:
            if last:
                fields = _fields(data, at, size)
                yield Entry(at, size, fields or {}, "" if fields else _CUT)
            return
        yield entry
        at = entry.end + 1


def _entry(data: bytes, start: int) -> Entry | None:
    """Return the entry that begins here, None if its end is not among the bytes."""
    at, fields, odd = start, dict[str, str](), ""
    while True:
        end = data.find(b"\n", at)
        if end < 0:
            return None
        line = data[at:end].removesuffix(b"\r")
        if not line:
            return Entry(start, at, fields, odd if odd or fields else _ODD)
        name, equals, value = line.partition(b"=")
        if equals and _NAME.fullmatch(name):
            _put(fields, name, value)
            at = end + 1
            continue
        size = int.from_bytes(data[end + 1 : end + 1 + _BYTES], "little")
        if _NAME.fullmatch(line) and size <= MAX_RECORD:
            begin = end + 1 + _BYTES
            at = begin + size + 1
            if at > len(data):
                return None
            if data[at - 1 : at] == b"\n":
                _put(fields, line, data[begin : begin + size])
                continue
        odd, at = _ODD, end + 1


def _fields(data: bytes, start: int, end: int) -> dict[str, str] | None:
    """Return the fields of an entry without its blank line, as the last one of a file may be."""
    entry = _entry(data[start:end].rstrip(b"\n") + b"\n\n", 0)
    return entry.fields if entry is not None and not entry.reason else None


def _put(fields: dict[str, str], name: bytes, value: bytes) -> None:
    """Add a field; of one that is there more than once, all values."""
    key, text = name.decode(), value.decode("utf-8", "backslashreplace")
    fields[key] = f"{fields[key]}\n{text}" if key in fields else text


class Decoder:
    """Decodes journald's export format."""

    parallel: ClassVar[bool] = False

    def __init__(self, options: Options) -> None:
        self.options = options

    def state(self) -> object:
        """Return nothing: an entry says all of itself."""
        return None

    def restore(self, state: object) -> None:
        """Go on at an entry's end. Raises: ValueError if there is something to remember."""
        if state is not None:
            raise ValueError("no state of a journal")

    def cut(self, data: bytes | bytearray | memoryview, last: bool) -> int:
        """Return where the last whole entry ends, past its blank line."""
        if last:
            return len(data)
        end = 0
        for entry in entries(bytes(data), False):
            end = entry.end + 1
        return end

    def decode(self, data: bytes | memoryview, last: bool) -> Decoded:
        """Return a row for each entry, as the parser of text reads it."""
        held = bytes(data)
        found = list(entries(held, last))
        places, line, at = [], 0, 0
        for number, entry in enumerate(found):
            line += held.count(b"\n", at, entry.start)
            at = entry.start
            places.append((number, entry.start, entry.end - entry.start, line))
        good = [number for number, entry in enumerate(found) if not entry.reason]
        lines = b"\n".join(msgspec.json.encode(found[number].fields) for number in good)
        inner = TextDecoder(self.options)
        if lines:
            inner.cut(lines, True)
        read = inner.decode(lines, True)
        raw, rejects = (_placed(rows, places, good) for rows in (read.raw, read.rejects))
        bad = [(*places[n], entry.reason) for n, entry in enumerate(found) if entry.reason]
        lost = [pa.array(column) for column in zip(*bad, strict=True)]
        if lost:
            own = pa.Table.from_arrays(lost, schema=REJECTS)
            rejects = pa.concat_tables([rejects, own]).sort_by("record")
        return Decoded(len(found), raw, rejects, read.ignored)


def _placed(rows: pa.Table, places: list[tuple[int, int, int, int]], good: list[int]) -> pa.Table:
    """Return rows with the places of the entries that they were made of."""
    of = [places[good[number]] for number in rows["record"].to_pylist()]
    for i, name in enumerate(PLACE.names):
        values = pa.array([place[i] for place in of], pa.int64())
        rows = rows.set_column(rows.schema.get_field_index(name), name, values)
    return rows
