"""Records of one line each, fields between separators under a header: decoded by way of JSON.

Zeek's TSV, W3C logs and plain comma separated tables. A line becomes the JSON object that the same
tool would have written, and JsonDecoder does the rest: so both forms of a log give the same rows.
"""

from collections.abc import Iterator, Sequence
from typing import ClassVar, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from graphad.decoders.delimited_kernel import (
    BOOL,
    CLOCK,
    EPOCH,
    LIST,
    MOMENT,
    NUMBER,
    ROOM,
    TEXT,
    write_objects,
)
from graphad.decoders.json_decoder import Fields, Finish, JsonDecoder
from graphad.parse import PLACE, REJECTS, Decoded, Options

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]

__all__ = [
    "BOOL", "CLOCK", "EPOCH", "LIST", "MAX_NAME", "MOMENT", "NUMBER", "TEXT", "Delimited", "Header",
    "Layout",
]  # fmt: skip

MAX_COLUMNS = 4096
MAX_NAME = 128  # bytes of a column's name
PIECE = 1 << 25  # bytes of objects that are decoded at once, about
_ASKED = 20  # lines that may say what all are
_BOM = b"\xef\xbb\xbf"
_LF, _CR = 10, 13


class Header(NamedTuple):
    """What the lines under a header are made of.

    A cell that is `unset` says nothing, one that is `empty` is an empty text or list. `kinds` has
    TEXT, NUMBER, BOOL or EPOCH of each column, + LIST for several between `inner`; MOMENT is two
    cells under one name, a date and a time, and CLOCK a time of the day `date`. `said` are the
    members that every object begins with, as JSON. If `escapes`, \\xNN stands for a byte.
    """

    names: tuple[str, ...]
    kinds: tuple[int, ...]
    separator: int
    inner: int = 44
    unset: bytes = b"-"
    empty: bytes = b""
    said: str = ""
    escapes: bool = False
    date: str = ""


class Layout(Protocol):
    """What a format's lines are: which ones are headers, and what those say."""

    mark: ClassVar[int]  # first byte of a header's lines, -1 if there are none such

    def read(self, line: str) -> None:
        """Take in a header's line."""
        ...

    def header(self, first: str) -> Header | str | None:
        """Return the header of the lines from `first` on, or why that can't be said.

        None if `first` is itself the header. Asked of some more lines if `first` doesn't say it.
        """
        ...

    def state(self) -> object:
        """Return what the headers so far said, as JSON's types."""
        ...

    def restore(self, state: object) -> None:
        """Go on from there. Raises: ValueError: it is no such state."""
        ...


class _Columns(NamedTuple):
    """A header as arrays: texts of all columns in one, each one's end."""

    texts: Bytes
    ends: Ints
    kinds: Ints


def _columns(header: Header) -> _Columns:
    """Return `"name":` of each column, behind the members that every object has."""
    import json

    texts = [header.said]
    for name, kind in zip(header.names, header.kinds, strict=True):
        begun = f'"{header.date} ' if kind == CLOCK else ""
        texts.append(f"{json.dumps(name, ensure_ascii=False)}:{begun}")
    encoded = [text.encode("utf-8", "backslashreplace") for text in texts]
    ends = np.cumsum([len(text) for text in encoded])
    return _Columns(
        np.frombuffer(b"".join(encoded) + bytes(1), np.uint8), ends.astype(np.int64),
        np.array([0, *header.kinds], np.int64),
    )  # fmt: skip


class _Pieces:
    """Objects, one a line, decoded as they come: few bytes may stand under much longer names."""

    def __init__(self, decoder: JsonDecoder) -> None:
        self.decoder = decoder
        self._waiting: list[memoryview] = []
        self._size = 0  # bytes that wait
        self._parts: list[Decoded] = []

    def add(self, objects: memoryview) -> None:
        """Take some more; many sections of few lines are decoded together."""
        if self._waiting and self._size + len(objects) > PIECE:
            self._decode()
        self._waiting.append(objects)
        self._size += len(objects)

    def _decode(self) -> None:
        some = self._waiting
        data = some[0] if len(some) == 1 else b"\n".join(some)
        self._parts.append(self.decoder.decode(data, False))
        self._waiting, self._size = [], 0

    def decoded(self) -> Decoded:
        """Return the rows of all."""
        if self._waiting or not self._parts:
            self._decode()
        parts = self._parts
        if len(parts) == 1:
            return parts[0]
        begin = np.cumsum([0, *(part.read for part in parts[:-1])]).tolist()
        raw, rejects = (
            pa.concat_tables(map(_later, tables, begin), promote_options="default")
            for tables in ([part.raw for part in parts], [part.rejects for part in parts])
        )
        return Decoded(
            sum(part.read for part in parts), raw.unify_dictionaries().combine_chunks(), rejects
        )


class Delimited:
    """Decodes lines of a layout by a table of fields, as JsonDecoder does."""

    parallel: ClassVar[bool] = False  # a header holds for the blocks that follow

    def __init__(self, layout: Layout, fields: Fields, options: Options, finish: Finish) -> None:
        self.layout = layout
        self._json = JsonDecoder(fields, options, finish)
        self._json.restore(False)
        self._begun = False  # the byte order mark is behind

    def state(self) -> object:
        """Return what the layout remembers, and whether the first line is behind."""
        return {"layout": self.layout.state(), "begun": self._begun}

    def restore(self, state: object) -> None:
        """Go on below such headers. Raises: ValueError if that is no state of this layout."""
        if not isinstance(state, dict) or not {"layout", "begun"} <= set(state):
            raise ValueError("no state of a log under headers")
        self.layout.restore(state["layout"])
        self._begun = bool(state["begun"])

    def cut(self, data: bytes | bytearray | memoryview, last: bool) -> int:
        """Return where the last whole line ends."""
        if last:
            return len(data)
        array = np.frombuffer(data, np.uint8)
        for start in range(max(0, len(array) - 65536), -65536, -65536):
            found = np.flatnonzero(array[max(0, start) : start + 65536] == _LF)
            if len(found):
                return int(max(0, start) + found[-1] + 1)
        return 0

    def decode(self, data: bytes | memoryview, last: bool) -> Decoded:
        """Return a row for each line of as many cells as its header has."""
        text = np.frombuffer(data, np.uint8)
        starts, ends, offsets = _lines(text)
        if not self._begun and bytes(text[:3]) == _BOM:
            starts[0] += len(_BOM)
        self._begun = self._begun or len(text) > 0
        blank = ends <= starts
        marked = np.zeros(len(starts), bool)
        if self.layout.mark >= 0 and len(starts):
            marked = ~blank & (text[np.minimum(starts, len(text) - 1)] == self.layout.mark)
        headers = int(marked.sum())
        found = _Pieces(self._json)
        taken: list[Ints] = []
        lost: list[tuple[int, str]] = []
        begin = 0
        for stop in [*np.flatnonzero(marked).tolist(), len(starts)]:
            lines = begin + np.flatnonzero(~blank[begin:stop])
            headers += self._section(text, starts, ends, lines, found, taken, lost)
            if stop < len(starts):
                self.layout.read(_line(text, starts[stop], ends[stop]))
            begin = stop + 1
        place = {
            "record": np.arange(len(starts)), "offset": offsets, "length": ends - offsets,
            "line": np.arange(len(starts)),
        }  # fmt: skip
        done = found.decoded()
        of = np.concatenate(taken) if taken else np.empty(0, np.int64)
        ignored = {"header line": headers, "blank line": int(blank.sum())}
        return Decoded(
            len(starts),
            _placed(done.raw, place, of),
            _rejected(done.rejects, place, of, lost),
            {rule: count for rule, count in ignored.items() if count},
        )

    def _section(
        self, text: Bytes, starts: Ints, ends: Ints, lines: Ints,
        found: _Pieces, taken: list[Ints], lost: list[tuple[int, str]],
    ) -> int:  # fmt: skip
        """Turn lines under one header into objects; return how many of them were the header."""
        if not len(lines):
            return 0
        header: Header | str | None = ""
        own = 0
        for at, i in enumerate(lines[:_ASKED].tolist()):
            header = self.layout.header(_line(text, starts[i], ends[i]))
            if header is None:
                own, lines = 1, np.delete(lines, at)
                header = self.layout.header("")
            if not isinstance(header, str):
                break
        if header is None or isinstance(header, Header):
            header = _checked(header)
        if isinstance(header, str):
            lost += [(i, header) for i in lines.tolist()]
            return own
        cells = np.zeros(len(lines), np.int64)
        for objects in objects_of(text, starts[lines], ends[lines], header, cells):
            found.add(objects)
        width = len(header.names)
        good = cells == width
        taken.append(lines[good])
        lost += [
            (i, f"{n} cells, the header has {width}")
            for i, n in zip(lines[~good].tolist(), cells[~good].tolist(), strict=True)
        ]
        return own


def objects_of(
    text: Bytes, starts: Ints, ends: Ints, header: Header, cells: Ints
) -> Iterator[memoryview]:
    """Yield the lines that have as many cells as their header as objects, one a line.

    In pieces of at most about PIECE bytes. `cells` [N] gets how many cells each line has.
    """
    columns = _columns(header)
    widest = int(columns.ends[-1]) + ROOM * len(header.names) + 8
    unset, empty = (np.frombuffer(some + b"\0", np.uint8) for some in (header.unset, header.empty))
    at = 0
    size = 2 * int((ends - starts).sum()) + len(starts) * min(widest, 4096)
    while at < len(starts):
        # A line takes six bytes for each of its own at most, and its names.
        longest = 6 * int(ends[at] - starts[at]) + widest
        out = np.empty(max(min(size, PIECE), longest), np.uint8)
        at, used = write_objects(
            text, starts, ends, at, header.separator, header.inner, unset, empty,
            columns.texts, columns.ends, columns.kinds, header.escapes, out, cells,
        )  # fmt: skip
        if used:
            yield out[: used - 1].data  # without the last line feed


def _checked(header: Header | None) -> Header | str:
    """Return the header, or why it is none that is used: names come back with each line."""
    if header is None or len(header.names) > MAX_COLUMNS:
        return f"the header has more than {MAX_COLUMNS} columns"
    if any(len(name.encode("utf-8", "backslashreplace")) > MAX_NAME for name in header.names):
        return f"the header has a name of more than {MAX_NAME} bytes"
    return header


def _lines(text: Bytes) -> tuple[Ints, Ints, Ints]:
    """Return where lines start and end, without CR and LF, and where they start in the block."""
    newlines = np.flatnonzero(text == _LF)
    ends = newlines if not len(text) or text[-1] == _LF else np.append(newlines, len(text))
    starts = np.concatenate([np.zeros(1, np.int64), newlines + 1])[: len(ends)]
    carriage = (ends > starts) & (text[np.maximum(ends - 1, 0)] == _CR) if len(ends) else ends > 0
    return starts.copy(), ends - carriage, starts


def _line(text: Bytes, start: int, end: int) -> str:
    return text[start:end].tobytes().decode("utf-8", "backslashreplace")


def _later(rows: pa.Table, records: int) -> pa.Table:
    """Return rows whose record numbers begin later."""
    at = rows.schema.get_field_index("record")
    return rows.set_column(at, "record", pa.array(rows["record"].to_numpy() + records))


def _placed(raw: pa.Table, place: dict[str, Ints], of: Ints) -> pa.Table:
    """Return rows with the places of the lines they were made of."""
    at = of[raw["record"].to_numpy()]
    for name, values in place.items():
        raw = raw.set_column(raw.schema.get_field_index(name), name, pa.array(values[at]))
    return raw


def _rejected(
    told: pa.Table, place: dict[str, Ints], of: Ints,
    lost: Sequence[tuple[int, str]],
) -> pa.Table:  # fmt: skip
    """Return the rejects in the order of their lines."""
    rows = list(
        zip(of[told["record"].to_numpy()].tolist(), told["reason"].to_pylist(), strict=True)
    )
    rows = sorted([*rows, *lost])
    at = np.array([row[0] for row in rows], np.int64)
    columns = [pa.array(place[name][at]) for name in PLACE.names]
    return pa.Table.from_arrays(
        [*columns, pa.array([r[1] for r in rows], pa.string())], schema=REJECTS
    )
