"""NDJSON as a table: one object a line, each field's value as the text that the line has for it."""

import json
import re
from collections.abc import Sequence
from typing import Any, ClassVar

import msgspec
import numpy as np
import pyarrow as pa

from graphad.decoders.tabular_raw import raw, rejects
from graphad.parse import PLACE, Decoded, whole_lines

MAX_DEPTH = 100  # of arrays and objects in one another
MAX_CELLS = 32 * 1024 * 1024  # of a block; the rarest fields go to `more_fields` beyond
_BOM = b"\xef\xbb\xbf"
_OBJECT = msgspec.json.Decoder(dict[str, Any])
_STRING = msgspec.json.Decoder(str)
_WRITTEN = msgspec.json.Decoder(dict[str, msgspec.Raw])

# What JSON forbids, but logs have: \xNN, and halves of surrogate pairs. Whole escapes match first.
_ESCAPE = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    r"|(\\u[dD][89a-fA-F][0-9a-fA-F]{2}|\\x)|\\.",
    re.DOTALL,
)
_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"?|[^\[\]{}"]+', re.DOTALL)


class Ndjson:
    """Decodes one JSON object a line: strings as text, the rest as written, null as NULL."""

    parallel: ClassVar[bool] = False

    def __init__(self, needed: Sequence[str] = ()) -> None:
        self.needed = needed
        self._begun = False

    def state(self) -> object:
        """Return whether the first line is behind, which may begin with a byte order mark."""
        return self._begun

    def restore(self, state: object) -> None:
        """Go on behind it."""
        self._begun = bool(state)

    def cut(self, data: bytes | bytearray | memoryview, last: bool) -> int:
        """Return where the last whole line of `data` ends."""
        return len(data) if last else bytes(data).rfind(b"\n") + 1

    def decode(self, data: bytes | memoryview, last: bool) -> Decoded:
        """Return a row for each object."""
        numbers: list[int] = []
        offsets: list[int] = []
        lengths: list[int] = []
        lost: list[tuple[int, int, int, int, str]] = []
        fields: dict[str, tuple[list[int], list[str | None]]] = {}
        number, blank, offset = -1, 0, 0
        for number, whole in enumerate(whole_lines(bytes(data))):
            line = whole.removesuffix(b"\r")
            start, length = offset, len(line)
            offset += len(whole) + 1
            if not self._begun:
                line, self._begun = line.removeprefix(_BOM), True
            if not line.strip():
                blank += 1
                continue
            found = record(line)
            if isinstance(found, str):
                lost.append((number, start, length, number, found))
                continue
            row = len(numbers)
            numbers.append(number)
            offsets.append(start)
            lengths.append(length)
            for name, value in found.items():
                if name not in fields:
                    fields[name] = [], []
                rows, values = fields[name]
                rows.append(row)
                values.append(value)
        at = dict(zip(PLACE.names, (numbers, offsets, lengths, numbers), strict=True))
        return Decoded(
            number + 1,
            raw(at, _columns(fields, len(numbers), self.needed), self.needed),
            rejects(lost),
            {"blank line": blank} if blank else {},
        )


def record(line: bytes) -> dict[str, str | None] | str:
    """Return an object's fields as text, or why the line is rejected.

    >>> record(b'{"a": 1.50, "b": [1, {}], "c": "x", "d": null, "a": 123456789012345678901}')
    {'a': '123456789012345678901', 'b': '[1, {}]', 'c': 'x', 'd': None}
    """
    if line.count(b"[") + line.count(b"{") > MAX_DEPTH and _depth(line) > MAX_DEPTH:
        return f"nested deeper than {MAX_DEPTH}"
    try:
        return _fields(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass
    text = line.decode("utf-8", "backslashreplace")
    mended = _ESCAPE.sub(lambda escape: f"\\{escape[0]}" if escape[1] else escape[0], text)
    try:
        written = _WRITTEN.decode(mended.encode())  # also takes numbers that no type can hold
        return {name: _text(bytes(value)) for name, value in written.items()}
    except msgspec.ValidationError:
        return "the line is no JSON object"
    except msgspec.DecodeError:
        return "the line is no valid JSON"


def _fields(line: bytes) -> dict[str, str | None]:
    fields = _OBJECT.decode(line)
    written: dict[str, msgspec.Raw] = {}
    for name, value in fields.items():
        if value is None or type(value) is str:
            continue
        written = written or _WRITTEN.decode(line)
        fields[name] = bytes(written[name]).decode()
    return fields


def _text(value: bytes) -> str | None:
    if value.startswith(b'"'):
        return _STRING.decode(value)
    return None if value == b"null" else value.decode()


def _depth(line: bytes) -> int:
    depth = deepest = 0
    for byte in _STRINGS.sub(b"", line):
        depth += 1 if byte in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _columns(
    fields: dict[str, tuple[list[int], list[str | None]]], rows: int, needed: Sequence[str]
) -> dict[str, pa.Array]:
    """Return a column a field; if these were too many cells, one for all of the rarest fields."""
    kept = list(fields)
    if len(kept) * rows > MAX_CELLS:
        asked = {name.lower() for name in needed}
        kept.sort(key=lambda name: (name.lower() not in asked, -len(fields[name][0])))
        kept = kept[: max(1, MAX_CELLS // rows)]
        more: dict[int, dict[str, str | None]] = {}
        for name in fields.keys() - set(kept):
            for row, value in zip(*fields[name], strict=True):
                more.setdefault(row, {})[name] = value
        texts: list[str | None] = [
            json.dumps(more[row], ensure_ascii=False, sort_keys=True) for row in sorted(more)
        ]
        fields = {name: fields[name] for name in kept}
        spare = "more_fields"
        while spare in fields:
            spare += "_"
        fields[spare] = sorted(more), texts
    return {name: _spread(*fields[name], rows) for name in fields}


def _spread(rows: list[int], values: list[str | None], count: int) -> pa.Array:
    """Return a column of `count` rows which has `values` in `rows`."""
    column = pa.array(values, pa.string())
    if len(rows) == count:
        return column
    at = np.full(count, -1, np.int64)
    at[rows] = np.arange(len(rows))
    return column.take(pa.array(at, mask=at < 0))
