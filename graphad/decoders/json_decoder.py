"""Decodes JSON records into columns by a table that says which key path fills which column.

One record a line; or records in an array, pretty-printed or one behind the other, told from the
first bytes. What has no column is kept in `attrs`, and `shape` says where each column's value
stood, so that json_rebuild.py gives back the record, equal to what json.loads made of it.
"""

import functools
import re
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import pyarrow as pa

from graphad import schema
from graphad.parse import PLACE, REJECTS, Decoded, Options, arrow_type

# Path and column of each field; keys joined by dots, a backslash before a dot of a key itself;
# `[].name` for an element {"@Name": name, "#text": value} of a list. Of fields for one column, the
# first one gets it.
Fields = Sequence[tuple[str, str]]
Finish = Callable[[pa.Table, Options], pa.Table]

REST = "time_rest"  # column for what a time has past the microsecond
_KINDS = {column.name: column.kind for column in schema.RECORDS}


def shape_kind(kind: int) -> str:
    """Return how a shape's text calls a kind of value: one letter, or t and the form of a time."""
    return "sjnidxXf"[kind] if kind < 8 else f"t{kind}"


class _Table:
    """The fields of a parser, compiled."""

    def __init__(self, fields: Fields) -> None:
        from graphad.scan import json_block, keys

        holds = {"text": keys.TEXT, "int": keys.INT, "time": keys.TIME}
        self.names = list(dict.fromkeys(column for _, column in fields))
        kinds = {name: _KINDS[name] for name in self.names}
        self.texts = [n for n in self.names if kinds[n] == "text" and n != "message"]
        self.numbers = [n for n in self.names if kinds[n] in ("int", "time")]
        if any(kinds[n] == "time" for n in self.names):
            self.numbers.append(REST)
        self.columns = [*self.texts, "attrs", "message", "shape"]
        self.paths: list[tuple[str, str, str]] = []  # before the index, behind it; the column
        paths = []
        for path, column in fields:
            start, listed, name = path.partition("[].")
            kind = keys.MESSAGE if column == "message" else holds[kinds[column]]
            group = self.texts if kind == keys.TEXT else self.numbers
            place = group.index(column) if kind != keys.MESSAGE else 0
            rest = self.numbers.index(REST) if kind == keys.TIME else -1
            steps = (step.replace("\\.", ".") for step in re.split(r"(?<!\\)\.", start))
            parts = (*steps, name) if listed else tuple(steps)
            paths.append(
                keys.Path(parts, bool(listed), kind, self.names.index(column), place, rest)
            )
            self.paths.append((start, f".{name}" if listed else "", column))
        self.reader = json_block.Reader(
            keys.build_keys(paths), len(self.names), len(self.texts), len(self.numbers)
        )

    def describe(self, words: Sequence[int]) -> str:
        """Return the text of a shape: a JSON list of [path, column, kind]."""
        import json

        found = []
        for word in words:
            start, name, column = self.paths[word >> 48]
            index = ((word >> 24) & 0xFFFFFF) - 1
            path = start if index < 0 else f"{start}[{index}]{name}"
            found.append([path, column, shape_kind(word & 0xFFFFFF)])
        return json.dumps(found, separators=(",", ":"), ensure_ascii=False)


@functools.lru_cache(16)
def _table(fields: tuple[tuple[str, str], ...]) -> _Table:
    """Return the compiled fields; that takes longer than to decode a small source."""
    return _Table(fields)


class JsonDecoder:
    """Decodes JSON by a table of fields; `finish` fills what no field alone can say."""

    parallel: ClassVar[bool] = True

    def __init__(self, fields: Fields, options: Options, finish: Finish) -> None:
        self.fields, self.options, self.finish = fields, options, finish
        self._shapes: dict[bytes, str] = {}
        self._multi: bool | None = None  # records may span lines
        self._state: Any = None
        self._scanned = 0  # bytes of the next block that cut has seen already

    def state(self) -> object:
        """Return whether records may span lines: the first bytes said so."""
        return self._multi

    def restore(self, state: object) -> None:
        """Go on with records of that form."""
        if not isinstance(state, bool):
            raise ValueError("no state of a JSON decoder")
        self._multi = state

    def cut(self, data: bytes | bytearray | memoryview, last: bool) -> int:
        """Return how many bytes of `data` are whole records. Each byte is looked at once."""
        if self._multi is None:
            self._multi = spans_lines(bytes(data[:65536]), last and len(data) <= 65536)
        if last:
            return len(data)
        if not self._multi:
            return _last_line_end(data)
        import numpy as np

        from graphad.scan import framing

        if self._state is None or len(data) < self._scanned:
            self._state, self._scanned = np.zeros(4, np.int64), 0
        self._state[framing.CUT] = 0
        framing.scan_frames(np.frombuffer(data, np.uint8), self._scanned, self._state)
        found = int(self._state[framing.CUT])
        self._scanned = len(data) - found
        return found

    def decode(self, data: bytes | memoryview, last: bool) -> Decoded:
        """Return the rows and rejects of a block."""
        import numpy as np

        from graphad.scan import intern, json_values

        table = _table(tuple(self.fields))
        multi = self._multi
        if multi is None:
            multi = self._multi = spans_lines(bytes(data[:65536]), len(data) <= 65536)
        array = np.frombuffer(data, np.uint8)
        found = table.reader.read(array, _expected_lines(data), multi)
        rows, bad = found.rows, found.bad
        arrays: dict[str, pa.Array] = {
            name: pa.array(found.filled.places[i, :rows]) for i, name in enumerate(PLACE.names)
        }
        texts, ends, first = intern.texts(found.distinct, array, found.arena, len(table.texts))
        coded = found.filled.codes[:, :rows]
        bits, nulls = intern.validity(coded)
        np.maximum(coded, 0, out=coded)  # where dictionaries are joined Arrow looks up nulls too
        shapes = self._shape_texts(table, found)
        table.reader.give_back(found)
        for i, name in enumerate(table.columns):
            if first[i] == first[i + 1]:
                continue
            if name == "shape":
                values = shapes
            else:
                offsets = ends[first[i] : first[i + 1] + 1]
                start, stop = int(offsets[0]), int(offsets[-1])
                values = pa.StringArray.from_buffers(
                    len(offsets) - 1,
                    pa.py_buffer((offsets - start).astype(np.int32)),
                    pa.py_buffer(texts[start:stop]),
                )
            codes = pa.py_buffer(coded[i])
            held = pa.py_buffer(bits[i]) if nulls[i] else None
            indices = pa.Array.from_buffers(pa.int32(), rows, [held, codes], int(nulls[i]))
            arrays[name] = pa.DictionaryArray.from_arrays(indices, values, safe=False)
        for i, name in enumerate(table.numbers):
            filled = found.filled.filled[i, :rows]
            if filled.any():
                numbers = pa.array(found.filled.numbers[i, :rows], mask=~filled)
                arrays[name] = numbers.cast(arrow_type(_KINDS[name]))
        rejects = [pa.array(found.filled.bad_places[i, :bad]) for i in range(4)]
        reasons = [
            json_values.REASONS[reason] for reason in found.filled.bad_places[4, :bad].tolist()
        ]
        blank = found.blank
        return Decoded(
            rows + bad + blank,
            self.finish(pa.table(arrays), self.options),
            pa.table([*rejects, pa.array(reasons, pa.string())], REJECTS),
            {"blank line": blank} if blank else {},
        )

    def _shape_texts(self, table: _Table, found: Any) -> pa.Array:
        """Return the texts of a block's shapes, in the order of their codes."""
        import numpy as np

        from graphad.scan import intern

        distinct = found.distinct
        used = int(distinct.counts[0])
        texts = []
        owners = distinct.entries[:used, intern.OWNER] >> 1
        for entry in np.flatnonzero(owners == len(table.columns) - 1).tolist():
            start, length = distinct.entries[entry, intern.START : intern.LENGTH + 1].tolist()
            raw = found.arena[start : start + length].tobytes()
            text = self._shapes.get(raw)
            if text is None:
                text = table.describe(np.frombuffer(raw, np.int64).tolist())
                if len(self._shapes) < 100_000:
                    self._shapes[raw] = text
            texts.append(text)
        return pa.array(texts, pa.string())


def _expected_lines(data: bytes | memoryview) -> int:
    """Return about how many lines there are, from the first MiB; there may be more."""
    sample = bytes(data[: 1 << 20])
    return sample.count(b"\n") * len(data) // max(1, len(sample)) * 5 // 4 + 64


def _last_line_end(data: bytes | bytearray | memoryview) -> int:
    """Return where the last whole line ends."""
    if not isinstance(data, memoryview):
        return data.rfind(b"\n") + 1
    size, end = 65536, len(data)
    while end:
        start = max(0, end - size)
        found = bytes(data[start:end]).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end, size = start, size * 2
    return 0


def spans_lines(head: bytes, whole: bool) -> bool:
    """Say from its first bytes whether a source's records may span lines.

    They may in an array of objects, in a pretty-printed object and where one object follows another
    on a line. A damaged first line of one that has a record a line doesn't mislead: there the
    second line begins with a brace.

    >>> spans_lines(b'[\\n  {', False), spans_lines(b'{"a": 1}\\n{', False)
    (True, False)
    >>> spans_lines(b'{\\n  "a": 1', False), spans_lines(b'{"a": 1}{', False)
    (True, True)
    """
    import numpy as np

    from graphad.scan.json_values import bracket_end

    head = head.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n")
    if head.startswith(b"["):
        rest = head[1:].lstrip(b" \t\r\n")
        return rest[:1] in (b"{", b"]") or (not rest and whole)
    if not head.startswith(b"{"):
        return False
    line, _, rest = head.partition(b"\n")
    line = line.rstrip(b" \t\r")
    end = bracket_end(np.frombuffer(line, np.uint8), 0, len(line))
    if end < len(line):
        return line[end:].lstrip(b" \t\r,").startswith(b"{")
    return not line.endswith(b"}") and rest.lstrip(b" \t\r\n")[:1] == b'"'
