"""The scanner agrees with regular expressions on every column of every line."""

import gzip
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.plain_strace import Plain, plain_scan
from graphad.scan import strace
from graphad.scan.strace_columns import Texts, fill_actors
from graphad.scan.strace_idle import KEEPS, MAPS, OPENS, idle_calls
from tests.captures import unpacked

ROOT = Path(__file__).parents[2]
SAMPLES = [path.read_bytes() for path in sorted((ROOT / "sample_logs/strace").iterdir())]
LINES = [line for sample in SAMPLES for line in sample.splitlines()]
TOKENS = [
    b'"', b"<", b">", b"->", b")", b") = ", b"= ", b"= -1 E (", b" ", b"\\", b"\n", b"\r", b"0",
    b"9", b"\xff", b"\0", b":", b".", b"/", b"--- ", b" ---", b"+++ ", b" +++", b"[pid ", b"(",
    b"<0.000001>", b" <unfinished ...>", b" <detached ...>", b"resumed>", b"<... ", b"strace: ",
]  # fmt: skip


def scanned(data: bytes) -> list[Plain]:
    lines = strace.scan(data)
    rows = []
    for row, kind in enumerate(lines.kind.tolist()):
        if kind == strace.BLANK or kind >= strace.BAD:
            rows.append(Plain(kind))
            continue
        spans = lines.spans[row].tolist()
        pairs = zip(spans[::2], spans[1::2], strict=True)
        texts = [data[start:end] if end else None for start, end in pairs]
        form, pid, stamp, duration, fd, value = (
            int(getattr(lines, name)[row]) for name in Plain._fields[1:7]
        )
        rows.append(Plain(kind, form, pid, stamp, duration, fd, value, *texts))
    return rows


@pytest.mark.parametrize("sample", SAMPLES)
def test_samples(sample: bytes) -> None:
    assert scanned(sample) == plain_scan(sample)


def test_demo() -> None:
    data = gzip.decompress((ROOT / "sample_logs/demo/attack.strace.gz").read_bytes())
    assert scanned(data) == plain_scan(data)


def test_capture() -> None:
    data = unpacked("provmark-spade-strace", "/a.strace")
    found = scanned(data)
    assert found == plain_scan(data)
    assert Counter(row.kind for row in found) == {
        strace.CALL: 9339, strace.UNFINISHED: 732, strace.RESUMED: 732, strace.SIGNAL: 43,
        strace.END: 45,
    }  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    line = bytearray(draw(st.sampled_from(LINES)))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(line)))
        gone = draw(st.sampled_from([0, 0, 1, 2, 5]))
        line[at : at + gone] = draw(st.sampled_from(TOKENS))
    return bytes(line)


@settings(deadline=None, max_examples=300)
@given(st.lists(mutated(), max_size=8))
def test_mutated_lines(lines: list[bytes]) -> None:
    data = b"\n".join(lines)
    assert scanned(data) == plain_scan(data)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.sampled_from([*TOKENS, b"read(", b"1772445600.000100 ", b"7 "])))
def test_soup(tokens: list[bytes]) -> None:
    data = b"".join(tokens)
    assert scanned(data) == plain_scan(data)


def test_one_line_by_hand() -> None:
    line = b'7 1772445600.000100 read(3</a b>, "x) = 1", 4) = 5<pipe:[1->2]> <1.000020>'
    assert scanned(line) == [
        Plain(
            strace.CALL, strace.PID | 1 | strace.DURATION | 1 << strace.PADDING, 7,
            1772445600000100, 1000020, 3, 5, b"read", b'3</a b>, "x) = 1", 4',
            b"5<pipe:[1->2]>", None, None, b"/a b", b"pipe:[1->2]",
        )
    ]  # fmt: skip


def test_reasons() -> None:
    lines = [
        b"", b"strace: Process 3 attached", b"7 12:00:00 a() = 0", b"words",
        b"7 1772445600.0 a()", b"1772445600.000001 a(", b"[pid x] 1772445600.000001 a() = 0",
    ]  # fmt: skip
    assert strace.scan(b"\n".join(lines)).kind.tolist() == [
        strace.BLANK, strace.NOTE, strace.TIME_OF_DAY, strace.NO_STAMP, strace.NO_STAMP,
        strace.OTHER_FORM, strace.OTHER_FORM,
    ]  # fmt: skip


def test_a_line_over_the_limit_is_rejected() -> None:
    line = b"1772445600.000001 a(" + b"x" * strace.MAX_LINE + b") = 0\n"
    assert strace.scan(line + b"1772445600.000001 a() = 0").kind.tolist() == [
        strace.TOO_LONG, strace.CALL,
    ]  # fmt: skip


@settings(deadline=None, max_examples=50)
@given(st.lists(st.text(max_size=6).map(str.encode), max_size=30))
def test_texts_become_columns(texts: list[bytes]) -> None:
    spans = np.zeros((len(texts), 2), np.int32)
    data = b"."
    for row, text in enumerate(texts):
        spans[row] = len(data), len(data) + len(text)
        data += text
    if texts:
        spans[-1] = 0  # none
    columns, rows = Texts(data, spans), np.arange(len(texts))
    expected = [*(text.decode() for text in texts[:-1]), None][: len(texts)]
    assert columns.plain(0, rows).to_pylist() == expected
    encoded = columns.dictionary(0, rows)
    assert encoded.to_pylist() == expected
    assert len(set(encoded.dictionary.to_pylist())) == len(encoded.dictionary)
    assert isinstance(encoded, pa.DictionaryArray)
    names, ids = columns.distinct(0)
    assert [names[i].decode() for i in ids] == [text or "" for text in expected]


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.integers(0, 3), max_size=20),
    st.lists(st.tuples(st.integers(0, 20), st.integers(0, 3)), max_size=10),
)
def test_actors_are_carried_forward(group: list[int], changes: list[tuple[int, int]]) -> None:
    changes.sort(key=lambda change: change[0])
    row, of = (np.array([c[i] for c in changes], np.int64) for i in (0, 1))
    expected = [
        max((i for i, c in enumerate(changes) if c[0] <= at and c[1] == g), default=-1)
        for at, g in enumerate(group)
    ]
    assert fill_actors(np.array(group, np.int64), 4, row, of).tolist() == expected


def test_idle_calls() -> None:
    lines = [
        b'openat(AT_FDCWD</a>, "x", O_RDONLY) = 3</a/x>',  # the first folder shown
        b'openat(AT_FDCWD</a>, "x", O_RDONLY) = 3</a/x>',
        b'openat(AT_FDCWD</b>, "x", O_RDONLY) = 3</b/x>',  # another folder
        b'openat(AT_FDCWD</b>, "x", O_WRONLY|O_CREAT, 0666) = 3</b/x>',
        b'open("x", O_RDONLY) = 3',  # without a name: to be remembered
        b"close(3</b/x>) = 0",
        b"close(3) = 0",
        b"mmap(NULL, 8192, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f",
        b"mmap(NULL, 8192, PROT_READ, MAP_PRIVATE, 3</a>, 0) = 0x7f",
    ]
    data = b"\n".join(b"7 1772445600.000001 " + line for line in lines)
    family = np.array([OPENS] * 5 + [KEEPS] * 2 + [MAPS] * 2, np.int8)
    spans = strace.scan(data).spans
    codes = np.frombuffer(data, np.uint8)
    idle = idle_calls(codes, spans, family, np.zeros(len(lines), np.int64), 1)
    assert idle.tolist() == [False, True, False, False, False, True, False, True, False]
