"""Tables as logs: what was written is read back, at its place, however the bytes arrive."""

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from graphad.decoders.tabular import Tabular, detect
from graphad.decoders.tabular_csv import MAX_COLUMNS, MAX_QUOTED, Csv
from graphad.decoders.tabular_json import MAX_DEPTH, record
from graphad.decoders.tabular_raw import as_text, named
from graphad.parse import PLACE, Decoder

CHECKED = settings(max_examples=60, deadline=None)

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
CELLS = st.sampled_from(["", '"', '""', 'a"b', ",", "\n", "\r\n", "\r", ";x\t|", "é😀"]) | TEXT
NAMES = st.lists(TEXT.map(lambda t: f"c{t}".strip()), min_size=1, max_size=5, unique_by=str.lower)
CHUNKS = st.lists(st.integers(1, 40), min_size=1, max_size=8)
NOISE = st.lists(
    st.sampled_from([b'"', b'""', b",", b"\n", b"\r\n", b"a", b"\xff", b'","', b"{", b'{"a":1}'])
    | st.binary(max_size=4),
    max_size=40,
).map(b"".join)


class Read:
    """What a decoder gives for a source that arrives in chunks, counted from its start."""

    def __init__(
        self, data: bytes, chunks: Sequence[int] = (1 << 30,), decoder: Decoder | None = None
    ) -> None:
        self.decoder = decoder or Tabular()
        self.read = 0
        self.ignored: dict[str, int] = {}
        self.rows: list[dict[str, Any]] = []
        self.rejects: list[dict[str, Any]] = []
        held, at, done, turn = b"", 0, 0, 0
        while at < len(data):
            step = chunks[turn % len(chunks)]
            held, at, turn = held + data[at : at + step], at + step, turn + 1
            last = at >= len(data)
            whole = self.decoder.cut(held, last)
            assert 0 <= whole <= len(held)
            if whole:
                self._take(data, done, held[:whole], last)
            done, held = done + whole, held[whole:]
        self._take(data, done, b"", True)
        assert held == b""
        assert self.read == len(self.rows) + len(self.rejects) + sum(self.ignored.values())

    def _take(self, data: bytes, done: int, block: bytes, last: bool) -> None:
        decoded = self.decoder.decode(block, last)
        start = {"record": self.read, "offset": done, "line": data.count(b"\n", 0, done)}
        for table, rows in ((decoded.raw, self.rows), (decoded.rejects, self.rejects)):
            table.validate(full=True)
            for row in table.to_pylist():
                rows.append(row | {name: row[name] + n for name, n in start.items()})
        self.read += decoded.read
        for rule, n in decoded.ignored.items():
            self.ignored[rule] = self.ignored.get(rule, 0) + n

    def fields(self) -> list[dict[str, Any]]:
        hidden = {*PLACE.names, "_missing"}
        return [{k: v for k, v in row.items() if k not in hidden} for row in self.rows]


def csv_bytes(rows: Sequence[Sequence[str]], **options: Any) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, **options).writerows(rows)
    return text.getvalue().encode()


@CHECKED
@given(
    NAMES.flatmap(
        lambda names: st.tuples(
            st.just(names), st.lists(st.lists(CELLS, min_size=len(names), max_size=len(names)))
        )
    ),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.booleans(),
    CHUNKS,
)
def test_csv_is_read_back(
    table: tuple[list[str], list[list[str]]], quoting: int, mark: bool, chunks: list[int]
) -> None:
    names, rows = table
    data = (b"\xef\xbb\xbf" if mark else b"") + csv_bytes([names, *rows], quoting=quoting)
    kind = detect(data, True)
    assume(isinstance(kind, Csv) and kind.delimiter == ord(","))  # no name is full of others
    read = Read(data, chunks)
    want = [dict(zip(names, (c or None for c in row), strict=True)) for row in rows]
    assert read.fields() == want
    assert read.ignored == {"header": 1}
    for row, cells in zip(read.rows, rows, strict=True):
        raw = data[row["offset"] : row["offset"] + row["length"]]
        assert next(csv.reader(io.StringIO(raw.decode(), newline=""))) == cells
        assert row["line"] == data.count(b"\n", 0, row["offset"])
    assert [row["record"] for row in read.rows] == list(range(1, len(rows) + 1))


def naive_csv(data: bytes, limit: int) -> list[list[bytes] | None]:
    """Return each record's cells, None for a stray quote's line; quadratic and byte by byte."""
    records: list[list[bytes] | None] = []
    at = 0
    while at < len(data):
        cells, cell, i, quoted, fresh = [], bytearray(), at, False, True
        while i < len(data):
            byte = data[i : i + 1]
            if quoted and data[i : i + 2] == b'""':
                cell, i = cell + b'"', i + 1
            elif quoted and byte == b'"':
                quoted = False
            elif quoted:
                cell += byte
            elif byte == b'"' and fresh:
                quoted = True
            elif byte == b",":
                cells.append(bytes(cell))
                cell = bytearray()
            elif byte == b"\n":
                break
            else:
                cell += byte
            fresh = not quoted and byte == b","
            i += 1
        far = b"\n" in data[at:i] and len(data[at : i + 1]) > limit
        if quoted or far:
            records.append(None)
            at = (data.find(b"\n", at) + 1) or len(data)
        else:
            if cell.endswith(b"\r") and data[i - 1 : i] == b"\r":
                del cell[-1:]
            records.append([*cells, bytes(cell)])
            at = i + 1
    return records


@CHECKED
@given(NOISE, CHUNKS, st.integers(1, 30) | st.just(MAX_QUOTED))
@example(b'a","\n' * 9, [3], 20)
@example(b'"x,"y\nz\n"\n""\n', [1], MAX_QUOTED)
def test_csv_is_split_as_by_the_slow_splitter(noise: bytes, chunks: list[int], limit: int) -> None:
    data = b"k,l\n" + noise
    read = Read(data, chunks, Csv(limit=limit))
    want: list[dict[str, str | None]] = []
    stray = 0
    for cells in naive_csv(data, limit)[1:]:
        stray += cells is None
        if cells and len(cells) == 2:
            texts = [cell.decode("utf-8", "backslashreplace") or None for cell in cells]
            want.append(dict(zip("kl", texts, strict=True)))
    assert read.fields() == want
    assert sum("quote" in row["reason"] for row in read.rejects) == stray


@CHECKED
@given(NOISE, CHUNKS)
def test_any_bytes_are_accounted_for_and_no_chunk_matters(noise: bytes, chunks: list[int]) -> None:
    for data in (noise, b'{"a":1}\n' + noise, b"PAR1" + noise):
        one, many = Read(data), Read(data, chunks)
        assert (one.rows, one.rejects) == (many.rows, many.rejects)
        assert (one.read, one.ignored) == (many.read, many.ignored)
        for row in [*one.rows, *one.rejects]:
            end = row["offset"] + row["length"]
            assert end == len(data) or data[end : end + 2] == b"\r\n" or data[end] == 10 or (
                data[:4] == b"PAR1" or data[end:] == b"\r"
            )  # fmt: skip


def test_a_stray_quote_costs_its_line_only() -> None:
    good = b"anna,1\n" * (MAX_QUOTED // 7 + 2)
    data = b'user,n\nbj\xc3\xb6rn,"2\n' + good
    for chunks in ([len(data)], [100_000], [MAX_QUOTED + 20, 9, len(data)]):
        read = Read(data, chunks)
        assert len(read.rows) == good.count(b"\n")
        (lost,) = read.rejects
        assert (lost["record"], lost["offset"], lost["length"], lost["line"]) == (1, 7, 9, 1)
        assert "not closed within 1 MiB" in lost["reason"]


@pytest.mark.parametrize("short", [2, 1, 0])
def test_a_quoted_record_may_have_a_mebibyte(short: int) -> None:
    body = b"x" * 99 + b"\n"
    long = b'"' + (body * (MAX_QUOTED // 100 + 1))[: MAX_QUOTED - 3 - short] + b'"\n'
    assert len(long) == MAX_QUOTED - short
    for size, extra in ((len(long), 0), (len(long) + 1 + short, 1)):
        data = b"k\n" + long[:1] + b"y" * (size - len(long)) + long[1:] + b"last\n"
        read = Read(data, [65_536])
        assert (len(read.rejects) > 0) == (extra == 1)
        assert read.rows[-1]["k"] == "last"


def test_quotes_that_keep_each_other_open_are_read_in_linear_time() -> None:
    lines = 500_000  # each line is in quotes from whichever state it begins: 10**11 steps if naive
    read_header = b"k,l\n"
    decoder = Csv()
    data = read_header + b'a","\n' * lines
    assert decoder.cut(data, False) < len(data)
    decoded = decoder.decode(data, True)
    assert (decoded.read, decoded.rejects.num_rows) == (lines + 1, lines)


def test_rows_of_another_width_are_rejected_and_blank_lines_ignored() -> None:
    read = Read(b"a;b\r\n1;2\r\n\r\n1;2;3\r\n;\r\n1")
    assert read.fields() == [{"a": "1", "b": "2"}, {"a": None, "b": None}]
    assert [(r["offset"], r["length"], r["line"], r["reason"]) for r in read.rejects] == [
        (12, 5, 3, "3 cells, the header has 2"),
        (22, 1, 5, "1 cells, the header has 2"),
    ]
    assert read.ignored == {"header": 1, "blank line": 1}
    wide = Read(b"," * MAX_COLUMNS + b"\n1,2\n")
    assert [r["reason"] for r in wide.rejects] == ["the header has more than 4096 columns"]


def test_bytes_that_are_no_utf8_survive() -> None:
    read = Read(b"a,b\n\xff,\xc3\xa9\n\xc3,\n")
    assert read.fields() == [{"a": r"\xff", "b": "é"}, {"a": r"\xc3", "b": None}]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT | st.integers(min_value=2**64, max_value=2**80),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)  # fmt: skip


@CHECKED
@given(
    st.lists(st.dictionaries(TEXT.map(lambda t: f"c{t}"), VALUES, min_size=1), min_size=1),
    st.booleans(),
    CHUNKS,
)
def test_ndjson_is_read_back(
    objects: list[dict[str, Any]], ascii_only: bool, chunks: list[int]
) -> None:
    data = b"".join(json.dumps(o, ensure_ascii=ascii_only).encode() + b"\n" for o in objects)
    read = Read(data, chunks)
    assert not read.rejects
    found = []
    for row, one in zip(read.rows, objects, strict=True):
        raw = data[row["offset"] : row["offset"] + row["length"]]
        assert json.loads(raw) == one
        assert row["line"] == row["record"]
        fields = record(raw)
        assert isinstance(fields, dict)
        for name, text in fields.items():
            if isinstance(one[name], str) or text is None:
                assert text == one[name]
            else:
                assert json.loads(text) == one[name]
        found.append({name: text for name, text in fields.items() if text is not None})
    order = dict.fromkeys(name for one in objects for name in one)
    assume(len({name.lower() for name in order}) == len(order))  # else numbered, block by block
    assert [{k: v for k, v in row.items() if v is not None} for row in read.fields()] == found


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (b'{"a":1.50,"b":-0,"c":1e400}', {"a": "1.50", "b": "-0", "c": "1e400"}),
        (b'{"a":1,"a":"2"}', {"a": "2"}),
        (b'{"a":' + b"7" * 5000 + b"}", {"a": "7" * 5000}),
        (b'{"a":{"b":[1, 2.0]}}', {"a": '{"b":[1, 2.0]}'}),
        (b'{"a":"\xff","b":["\xff"]}', {"a": r"\xff", "b": r'["\\xff"]'}),
        (rb'{"a":"\x22\ud800\\ud800"}', {"a": r"\x22\ud800\ud800"}),
        (rb'{"a":"\ud83d\ude00"}', {"a": "😀"}),
        (b'{"a":"' + b"[" * 500 + b'"}', {"a": "[" * 500}),
        (b'{"a":' + b"[" * 101 + b"]" * 101 + b"}", f"nested deeper than {MAX_DEPTH}"),
        (b"[1]", "the line is no JSON object"),
        (b'{"a":NaN}', "the line is no valid JSON"),
        (b'{"a":[1,,2]}', "the line is no valid JSON"),
        (b'{"a":1}{', "the line is no valid JSON"),
        (b'{"a":1', "the line is no valid JSON"),
    ],
)
def test_json_values_are_as_written(line: bytes, found: dict[str, str] | str) -> None:
    assert record(line) == found


def test_ndjson_of_ever_new_fields_takes_no_square_of_memory() -> None:
    lines = [json.dumps({f"k{i}": i, "user": "anna"}) for i in range(8000)]
    read = Tabular(("USER",)).decode("\n".join(lines).encode(), True).raw
    assert read.num_columns < 8000
    assert set(read["_map0"].to_pylist()) == {"anna"}
    more = [json.loads(text) if text else {} for text in read["more_fields"].to_pylist()]
    for i in (0, 7999):
        kept = read[f"k{i}"][i].as_py() if f"k{i}" in read.column_names else more[i][f"k{i}"]
        assert kept == str(i)


def test_parquet_is_read_as_text() -> None:
    table = pa.table(
        {
            "n": pa.array([1, None], pa.int64()),
            "t": pa.array([0, 1_500_000], pa.timestamp("us", "Europe/Berlin")),
            "tags": [["a", None], []],
            "b": pa.array([b"\xff", b"x"]),
            "d": pa.array(["x", "y"]).dictionary_encode(),
        }
    )
    sink = io.BytesIO()
    pq.write_table(table, sink)
    data = sink.getvalue()
    read = Read(data, [7])
    zero, later = "1970-01-01 00:00:00.000000Z", "1970-01-01 00:00:01.500000Z"
    assert read.fields() == [
        {"n": "1", "t": zero, "tags": '["a", null]', "b": r"\xff", "d": "x"},
        {"n": None, "t": later, "tags": "[]", "b": "x", "d": "y"},
    ]  # fmt: skip
    assert [(r["record"], r["line"], r["offset"], r["length"]) for r in read.rows] == [
        (0, 0, 0, 0),
        (1, 1, 0, 0),
    ]
    damaged = Read(data[:-9])
    assert [r["reason"].split(":")[0] for r in damaged.rejects] == [
        "the Parquet file is damaged from row 0 on"
    ]
    assert damaged.rejects[0]["length"] == len(data) - 9


def test_text_of_a_string_column_with_wrong_bytes() -> None:
    wrong = pa.Array.from_buffers(pa.string(), 1, pa.array([b"\xff"]).buffers())
    assert as_text(wrong).to_pylist() == [r"\xff"]


@pytest.mark.parametrize(
    ("head", "delimiter"),
    [
        (b"a,b;c,d\n", ","), (b"a;b\n1,2,3\n", ";"), (b"a\tb\n", "\t"), (b"a|b\n", "|"),
        (b'"x;y;z",b\n', ","), (b"one\n", ","), (b"\tname\n", "\t"),
    ],
)  # fmt: skip
def test_delimiter(head: bytes, delimiter: str) -> None:
    kind = detect(head, False)
    assert isinstance(kind, Csv)
    assert chr(kind.delimiter) == delimiter


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("a,b\n1,2\n".encode("utf-16"), "the file is in UTF-16; make it UTF-8"),
        (b'[{"a":1},\n{"a":2}]\n', "the file is one JSON array; make it one object a line"),
    ],
)
def test_what_is_no_table_says_what_to_do(data: bytes, reason: str) -> None:
    assert {row["reason"] for row in Read(data, [5]).rejects} == {reason}


@CHECKED
@given(st.lists(st.sampled_from(["a", "A", "", "a_2", "line", "LINE", "line_", "_x"])))
def test_names_are_free_and_differ(fields: list[str]) -> None:
    names = named(fields)
    lowered = [name.lower() for name in names]
    assert len(set(lowered)) == len(fields)
    assert not set(lowered) & {"", *PLACE.names}
