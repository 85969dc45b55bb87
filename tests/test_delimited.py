"""Lines under headers against a slow decoder of the same lines."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.decoders import delimited
from graphad.decoders.delimited import (
    BOOL,
    CLOCK,
    EPOCH,
    LIST,
    MOMENT,
    NUMBER,
    TEXT,
    Delimited,
    Header,
    objects_of,
)
from graphad.parse import Options

DATE = "2026-03-02"
KEEP = "surrogateescape"  # the scanner, not this step, shows bytes that are no UTF-8
_NUMBER = re.compile(r"-?(0|[1-9]\d{0,14})(\.\d+)?([eE][+-]?\d{1,3})?", re.ASCII)


def slow_text(cell: bytes, escapes: bool) -> str:
    """Return a cell as text: \\xNN is a byte, but what can't be shown stays as it is."""

    def one(found: re.Match[bytes]) -> bytes:
        if found[0] == b"\\\\":
            return b"\\"
        value = int(found[0][2:], 16)
        shown = value in (8, 9, 10, 12, 13) or (value >= 32 and value != 127)
        return bytes([value]) if shown else found[0]

    if escapes:
        cell = re.sub(rb"\\\\|\\x[0-9A-Fa-f]{2}", one, cell)
    return cell.decode("utf-8", KEEP)


def slow_value(cell: bytes, kind: int, escapes: bool) -> object:
    text = cell.decode("utf-8", KEEP)
    if kind == NUMBER and _NUMBER.fullmatch(text):
        return json.loads(text)
    if kind == BOOL and text in ("T", "F"):
        return text == "T"
    if kind == EPOCH and re.fullmatch(r"\d{1,12}(\.\d{1,9})?", text, re.ASCII):
        seconds = text.partition(".")[0]
        if int(seconds) < 253402300800:
            when = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=int(seconds))
            return when.strftime(f"{when.year:04d}-%m-%dT%H:%M:%S") + text[len(seconds) :] + "Z"
    return slow_text(cell, escapes)


def slow_object(line: bytes, header: Header) -> dict[str, object] | int:
    """Return what a line says, or its number of cells if that is not the header's."""
    parts = line.split(bytes([header.separator]))
    cells: list[bytes | tuple[bytes, bytes]] = []
    while parts:
        kind = header.kinds[len(cells)] if len(cells) < len(header.kinds) else TEXT
        cells.append((parts.pop(0), parts.pop(0)) if kind == MOMENT and parts[1:] else parts.pop(0))
    if len(cells) != len(header.names):
        return len(cells)
    found: dict[str, object] = {"_path": "x"} if header.said else {}
    for name, kind, cell in zip(header.names, header.kinds, cells, strict=True):
        if isinstance(cell, tuple):
            found[name] = " ".join(slow_text(one, header.escapes) for one in cell)
            continue
        if cell in (b"", header.unset):
            continue
        if kind == CLOCK:
            found[name] = f"{header.date} {slow_text(cell, header.escapes)}"
            continue
        if cell == header.empty:
            found[name] = [] if LIST <= kind < MOMENT else ""
        elif LIST <= kind < MOMENT:
            some = cell.split(bytes([header.inner]))
            if some[-1] == b"":
                some.pop()  # nothing is behind the last one
            found[name] = [
                None if one == header.unset else slow_value(one, kind - LIST, header.escapes)
                for one in some
            ]
        else:
            found[name] = slow_value(cell, kind, header.escapes)
    return found


_CELLS = st.one_of(
    st.sampled_from(
        [b"-", b"", b"(empty)", b"T", b"F", b"0", b"007", b"-1.5e+09", b"1521911720.613421",
         b"253402300799.5", b"253402300800", b"951782400.0", b"1.", b"a,b", b"-,x,", b"\\x2d",
         b"\\x09\\x01\\\\x41\\x", b"\xc3\xa9\xff", b'"{}[]\\', b"\x01\x1f", b"1,2,-", b"1e9999",
         b"\\xc3\\xa9", b"12345678901234567890"]
    ),
    st.binary(max_size=12).map(lambda b: b.translate(None, b"\n\r\t")),
    st.decimals(0, 999_999_999_999, places=6).map(lambda d: str(d).encode()),
)  # fmt: skip


@settings(max_examples=120, deadline=None)
@given(
    st.lists(st.sampled_from([TEXT, NUMBER, BOOL, EPOCH, LIST, LIST + NUMBER, LIST + BOOL,
                              MOMENT, CLOCK]),
             min_size=1, max_size=5),
    st.data(),
    st.booleans(),
)  # fmt: skip
def test_lines_say_what_a_slow_reading_of_them_says(
    kinds: list[int], data: st.DataObject, escapes: bool
) -> None:
    names = tuple(f'n"{i}\\é' for i in range(len(kinds)))
    header = Header(names, tuple(kinds), 9, 44, b"-", b"(empty)", '"_path":"x"', escapes, DATE)
    row = st.lists(_CELLS, min_size=max(1, len(kinds) - 1), max_size=len(kinds) + 1)
    lines = [b"\t".join(cells) for cells in data.draw(st.lists(row, min_size=1, max_size=4))]
    text = b"\n".join(lines)
    starts = np.cumsum([0, *(len(line) + 1 for line in lines[:-1])])
    ends = starts + [len(line) for line in lines]
    cells = np.zeros(len(lines), np.int64)
    objects = objects_of(np.frombuffer(text, np.uint8), starts, ends, header, cells)
    wanted = [slow_object(line, header) for line in lines]
    found = [
        json.loads(one.decode("utf-8", KEEP))
        for piece in objects
        for one in bytes(piece).split(b"\n")
    ]
    assert found == [one for one in wanted if not isinstance(one, int)]
    assert cells.tolist() == [one if isinstance(one, int) else len(kinds) for one in wanted]


class Plain:
    """Two columns."""

    mark: ClassVar[int] = -1

    def read(self, line: str) -> None:
        raise AssertionError(line)

    def header(self, first: str) -> Header:
        return Header(("ts", "host"), (EPOCH, TEXT), ord(","))

    def state(self) -> object:
        return None

    def restore(self, state: object) -> None:
        assert state is None


def test_pieces_are_one_block(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [b"1772445600.5,a", b"x,b", b"", b"1,2,3", b"1772445601.5,-", b'1772445602.5,"']
    found = []
    for size in (1 << 26, 64):
        monkeypatch.setattr(delimited, "PIECE", size)
        fields = [("ts", "ts"), ("host", "host")]
        decoder = Delimited(Plain(), fields, Options(), lambda raw, options: raw)
        done = decoder.decode(b"\n".join(lines * 3), True)
        rows = done.raw.select(["record", "offset", "length", "line", "ts", "host"]).to_pylist()
        found.append((done.read, rows, done.rejects.to_pylist(), done.ignored))
    assert found[0] == found[1]
    read, rows, rejects, ignored = found[0]
    assert (read, len(rows), len(rejects), ignored) == (18, 12, 3, {"blank line": 3})
    assert [row["line"] for row in rows[:5]] == [0, 1, 4, 5, 6]
    at = sum(len(line) + 1 for line in (lines * 2)[:9])
    wanted = {"record": 9, "offset": at, "length": 5, "line": 9}
    assert rejects[1] == wanted | {"reason": "3 cells, the header has 2"}
