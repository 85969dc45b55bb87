"""journald's export format: whole rows, the same as its JSON, and entries however they are cut."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.decoders.text_journal import Decoder, entries
from graphad.parse import Options
from graphad.store import Store

SAMPLE = Path(__file__).parents[2] / "sample_logs" / "journal_export" / "journal.export"
ROWS = [
    (1, "address 192.0.2.17", "logon", "user anna", "success"),
    (1, "user anna", "logon", "host web-1", "success"),
    (2, "user anna", "start", "task /usr/bin/less /etc/shadow", "success"),
    (2, "user anna", "access", "user root", "success"),
    (4, "user root", "start", "task /usr/local/bin/backup", None),
    (5, "address 203.0.113.9", "logon", "user admin", "failure"),
    (6, "user anna", "access", "user root", "success"),
]
EVENTS = """
    SELECT record, src_type || ' ' || src AS a, action, dst_type || ' ' || dst AS b, outcome
    FROM events WHERE dst_type <> 'template' ORDER BY record, ordinal"""
NAMES = st.sampled_from(["MESSAGE", "_PID", "__CURSOR", "A_1"])
VALUES = st.binary(max_size=30) | st.sampled_from([b"", b"a\n\nB=c\n\n", b"\x00\x01", b"x=y"])
ENTRIES = st.lists(st.dictionaries(NAMES, VALUES, min_size=1, max_size=3), max_size=5)


def export(fields: dict[str, bytes]) -> bytes:
    """Return an entry as journald writes it: what is no text in one line, with its length."""
    lines = b""
    for name, value in fields.items():
        plain = all(byte >= 32 or byte == 9 for byte in value) and not value.endswith(b"\r")
        lines += name.encode() + (
            b"=" + value + b"\n"
            if plain
            else b"\n" + len(value).to_bytes(8, "little") + value + b"\n"
        )
    return lines + b"\n"


def test_each_entry_says_this(tmp_path: Path) -> None:
    store = Store(tmp_path / "s")
    [done] = store.ingest(SAMPLE)
    assert (done.format, done.read, done.used) == ("journal_export", 6, 6)
    assert [tuple(row.values()) for row in store.sql(EVENTS).to_pylist()] == ROWS


def test_its_json_says_the_same(tmp_path: Path) -> None:
    log = tmp_path / "journal.json"
    lines = [json.dumps(entry.fields) for entry in entries(SAMPLE.read_bytes(), True)]
    log.write_text("\n".join(lines) + "\n")
    store = Store(tmp_path / "s")
    [done] = store.ingest(log)
    assert (done.format, done.read, done.used) == ("text", 6, 6)
    assert [tuple(row.values()) for row in store.sql(EVENTS).to_pylist()] == ROWS


@settings(max_examples=100, deadline=None)
@given(ENTRIES)
def test_entries_are_read_back(wanted: list[dict[str, bytes]]) -> None:
    data = b"".join(map(export, wanted))
    found = list(entries(data, True))
    texts = [
        {name: value.decode("utf-8", "backslashreplace") for name, value in fields.items()}
        for fields in wanted
    ]
    assert [entry.fields for entry in found] == texts
    assert not any(entry.reason for entry in found)
    assert [data[entry.start : entry.end] + b"\n" for entry in found] == list(map(export, wanted))


@settings(max_examples=40, deadline=None)
@given(ENTRIES, st.integers(1, 80))
def test_no_cut_matters(wanted: list[dict[str, bytes]], size: int) -> None:
    data = b"".join(map(export, wanted))
    decoder = Decoder(Options())
    found, start = 0, 0
    for end in range(size, len(data) + size, size):
        whole = decoder.cut(data[start:end], False)
        found += sum(1 for _ in entries(data[start : start + whole], False))
        start += whole
    assert start == len(data)
    assert found == len(wanted)


@pytest.mark.parametrize(
    ("tail", "reason"),
    [
        (b"MESSAGE\n\xff\xff\x00\x00\x00\x00\x00\x00cut", "the entry ends within a field"),
        (b"no field at all\n\n", "a line is no field of a journal's entry"),
        (b"MESSAGE\n" + b"\xff" * 8 + b"x\n\n", "a line is no field of a journal's entry"),
    ],
)
def test_damage_is_rejected_and_costs_its_entry_only(
    tail: bytes, reason: str, tmp_path: Path
) -> None:
    log = tmp_path / "journal.export"
    log.write_bytes(
        SAMPLE.read_bytes() + tail + (SAMPLE.read_bytes() if tail[-1:] == b"\n" else b"")
    )
    store = Store(tmp_path / "s")
    [done] = store.ingest(log)
    assert (done.read, done.rejected) == (13 if tail[-1:] == b"\n" else 7, 1)
    assert store.sql("SELECT record, reason FROM rejects").to_pylist() == [
        {"record": 7, "reason": reason}
    ]


def test_rows_stand_where_their_entries_do(tmp_path: Path) -> None:
    store = Store(tmp_path / "s")
    store.ingest(SAMPLE)
    text = SAMPLE.read_bytes()
    rows = store.sql('SELECT "offset", length, line FROM records ORDER BY record').to_pylist()
    for row in rows:
        assert text[row["offset"] :].startswith(b"__CURSOR=")
        assert row["line"] == text.count(b"\n", 0, row["offset"]) + 1
        assert text[row["offset"] + row["length"] :].startswith(b"\n")
