r"""CSV as RFC 4180 has it, with any delimiter, and with a place for each record.

A quote opens a cell only at its start and is text elsewhere, as in Python's csv. Lines end with LF
or CRLF. Bytes that are no UTF-8 become \xNN.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import ClassVar, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from graphad.decoders.tabular_raw import as_text, named, raw, rejects
from graphad.jit import kernel
from graphad.parse import PLACE, Decoded

Bytes: TypeAlias = npt.NDArray[np.uint8]
Ints: TypeAlias = npt.NDArray[np.int64]
Shorts: TypeAlias = npt.NDArray[np.int32]

MAX_QUOTED = 1024 * 1024  # bytes of a record of several lines; a longer one is a stray quote
MAX_COLUMNS = 4096  # of a header
BOM = b"\xef\xbb\xbf"
_LF, _CR, _QUOTE = 10, 13, 34
_STRAY = f"a quote opens in this line and is not closed within {MAX_QUOTED >> 20} MiB"
_WIDE = f"the header has more than {MAX_COLUMNS} columns"


class Csv:
    """Decodes CSV; the first record is the header."""

    parallel: ClassVar[bool] = False

    def __init__(
        self, needed: Sequence[str] = (), delimiter: int = ord(","), limit: int = MAX_QUOTED
    ) -> None:
        self.needed = needed
        self.delimiter = delimiter
        self.limit = limit
        self.names: list[str] = []
        self._state = np.zeros(3, np.int64)
        self._mark = b""  # what came before state[2], to notice that the data are others
        self._cut = self._decoded = False  # the byte order mark is behind

    def state(self) -> object:
        """Return the header's cells, and whether the first line is behind."""
        return {"names": self.names, "begun": self._decoded}

    def restore(self, state: object) -> None:
        """Go on below that header. Raises: ValueError if it is none."""
        if not isinstance(state, dict) or not isinstance(state.get("names"), list):
            raise ValueError("no state of a CSV decoder")
        self.names = [str(name) for name in state["names"]]
        self._cut = self._decoded = bool(state.get("begun"))

    def cut(self, data: bytes | bytearray | memoryview, last: bool) -> int:
        """Return the bytes of `data` that are whole records. Linear over calls with more data."""
        if last:
            return len(data)
        data = bytes(data)
        skip = len(BOM) if not self._cut and data.startswith(BOM) else 0
        seen = skip + int(self._state[2])
        if data[seen - len(self._mark) : seen] != self._mark:
            self._state[:] = 0
        lines = np.frombuffer(data, np.uint8)[skip : max(skip, data.rfind(b"\n") + 1)]
        none = np.empty(0, np.int64), np.empty(0, np.uint8)
        fixed = self.delimiter, self.limit, len(data) - skip, False
        whole, _ = _records(lines, *fixed, self._state, *none)
        start = skip + whole
        seen = start + int(self._state[2])
        self._mark = data[max(start, seen - 64) : seen]
        self._cut = self._cut or whole > 0
        return start if whole else 0

    def decode(self, data: bytes | memoryview, last: bool) -> Decoded:
        """Return a row for each record of as many cells as the header has."""
        data = bytes(data)
        skip = len(BOM) if not self._decoded and data.startswith(BOM) else 0
        self._decoded = self._decoded or bool(data)
        text = np.frombuffer(data, np.uint8)[skip:]
        newlines = np.flatnonzero(text == _LF)
        starts = np.empty(len(newlines) + 1, np.int64)
        flags = np.empty(len(newlines) + 1, np.uint8)
        state = np.zeros(3, np.int64)
        fixed = self.delimiter, self.limit, len(text), True
        _, read = _records(text, *fixed, state, starts, flags)
        starts, stray = starts[:read], flags[:read] == 1
        ends = np.append(starts[1:], len(text))[:read]
        ends = ends - (text[ends - 1] == _LF)
        ends -= (ends > starts) & (text[ends - 1] == _CR)
        place = np.stack(
            [np.arange(read), starts + skip, ends - starts, np.searchsorted(newlines, starts)]
        )
        if skip and read:
            place[1:3, 0] += (-skip, skip)  # the first record begins with the mark
        blank = (ends == starts) & ~stray
        rows = np.flatnonzero(~stray & ~blank)
        ignored = {"blank line": int(blank.sum())} if blank.any() else {}
        if not self.names and len(rows):
            self.names = self._header(text[starts[rows[0]] : ends[rows[0]]])
            ignored["header"] = 1
            rows = rows[1:]
        width = len(self.names)
        found = np.zeros(len(rows), np.int64)
        columns: list[pa.Array] = [pa.nulls(0, pa.string())] * width
        if width <= MAX_COLUMNS:
            found, columns = _columns(text, starts[rows], ends[rows], self.delimiter, width)
        fits = found == width
        lost = [(int(i), _STRAY) for i in np.flatnonzero(stray)]
        for i, cells in zip(rows[~fits].tolist(), found[~fits].tolist(), strict=True):
            lost.append((i, f"{cells} cells, the header has {width}" if cells else _WIDE))
        at = dict(zip(PLACE.names, place[:, rows[fits]], strict=True))
        fields = dict(zip(named(self.names, frozenset()), columns, strict=True))
        return Decoded(
            read,
            raw(at, fields, self.needed),
            rejects((*place[:, i].tolist(), why) for i, why in sorted(lost)),
            ignored,
        )

    def _header(self, text: Bytes) -> list[str]:
        """Return the header's cells, up to one more than are allowed."""
        out, bounds = np.empty(len(text), np.uint8), np.zeros(len(text) + 3, np.int64)
        found = np.zeros(1, np.int64)
        one = np.zeros(1, np.int64), np.full(1, len(text), np.int64)
        _cells(text, *one, self.delimiter, len(text) + 2, out, bounds, found)
        ends = bounds[: min(found[0], MAX_COLUMNS + 1) + 1].tolist()
        cells = [out[i:j].tobytes() for i, j in pairwise(ends)]
        return [cell.decode("utf-8", "backslashreplace").strip() for cell in cells]


def _columns(
    text: Bytes, starts: Ints, ends: Ints, delimiter: int, width: int
) -> tuple[Ints, list[pa.Array]]:
    """Return how many cells each record has, and the columns of those with `width` cells."""
    most = min(len(starts), len(text) // max(width, 1) + 1) + 1  # rows of `width` cells
    out, bounds = np.empty(len(text), np.uint8), np.zeros(most * width + 1, np.int64)
    found = np.zeros(len(starts), np.int64)
    rows = _cells(text, starts, ends, delimiter, width, out, bounds, found)
    try:
        text.tobytes().decode()
        valid = True
    except UnicodeDecodeError:
        valid = False
    sizes = np.diff(bounds[: rows * width + 1]).reshape(rows, width)
    columns = []
    for column in range(width):
        at = np.zeros(rows + 1, np.int32)
        np.cumsum(sizes[:, column], out=at[1:])
        data = np.empty(at[-1], np.uint8)
        _gather(out, bounds, width, column, at, data)
        filled = pa.py_buffer(np.packbits(sizes[:, column] > 0, bitorder="little"))
        buffers = [filled, pa.py_buffer(at), pa.py_buffer(data)]
        kind = pa.string() if valid else pa.binary()
        columns.append(as_text(pa.Array.from_buffers(kind, rows, buffers)))
    return found, columns


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
    data: Bytes, delimiter: int, limit: int, size: int, final: bool,
    state: Ints, starts: Ints, stray: Bytes,
) -> tuple[int, int]:  # fmt: skip
    """Find the records in whole lines; return how many bytes they are, and how many records.

    A record ends with the first line that ends outside quotes. If that is further than `limit`, or
    not there at all, its first line alone is a `stray` record. `size` is the bytes there are, with
    an unfinished line; `final` says that no more will come.

    `state` (end of the first line, start of the last one found to end outside quotes, end of the
    last one looked at) makes it linear, over calls too: a line is looked at once as the first of a
    record and once as a later one, and what is found of later ones serves every earlier start.
    """
    start = count = 0
    first, closing, checked = state[0], state[1], state[2]
    stop = len(data)
    while start < stop:
        quoted = first > start  # known from the call before
        if not quoted:
            first, quoted = _line(data, start, stop, delimiter, False)
        end = first
        if quoted:
            end = checked if closing >= first else -1
            checked = max(checked, first)
            while end < 0 and checked < stop and checked - start <= limit:
                at = checked
                checked, quoted = _line(data, at, stop, delimiter, True)
                if not quoted:
                    closing = at
                    end = checked
            if end < 0 and not final and size - start <= limit:
                break
            quoted = end < 0 or end - start > limit
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
def _gather(out: Bytes, bounds: Ints, width: int, column: int, at: Shorts, data: Bytes) -> None:
    """Write one column's cells one after another, to where `at` says that they begin."""
    for row in range(len(at) - 1):
        start = bounds[row * width + column]
        for i in range(at[row], at[row + 1]):
            data[i] = out[start + i - at[row]]
