"""EVTX logs: whole rows, damage of every kind, and the captures against the library and JSON."""

import io
import json
import struct
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import graphad
from graphad.decoders.evtx_chunks import CHUNK_BYTES, FILE_BYTES, patched, pieces, walk
from graphad.decoders.evtx_decode import HUGE, NONE, TORN, UNREAD, EvtxDecoder
from graphad.decoders.json_rebuild import rebuild
from graphad.errors import ParseError
from graphad.formats import load_all
from graphad.parse import Decoded, Options
from graphad.rawlines import rebuild_binary
from graphad.scan.evtx_nesting import largest
from graphad.store import Store
from tests import evtx_sample
from tests.evtx_writer import Event, chunk, event, header, log, nested

EVTX = load_all()["evtx"]
SOME = [event(n, 4634, {"TargetLogonId": hex(n), "Note": "x" * (n % 7 * 9)}) for n in range(1, 40)]
LOG = log(SOME[:20], SOME[20:30], SOME[30:])


def decode(data: bytes) -> Decoded:
    return EvtxDecoder(Options()).decode(data, True)


def numbers(done: Decoded) -> list[int]:
    """Return the numbers that the log gave to the records."""
    return [line + 1 for line in done.raw["line"].to_pylist()]


def rejects(done: Decoded) -> list[tuple[int, str]]:
    return [(row["line"] + 1, row["reason"]) for row in done.rejects.to_pylist()]


def is_accounted_for(data: bytes, done: Decoded) -> None:
    assert done.read == done.raw.num_rows + done.rejects.num_rows
    places = done.raw.select(["record", "offset", "length"]).to_pylist()
    places += done.rejects.select(["record", "offset", "length"]).to_pylist()
    places.sort(key=lambda place: place["record"])
    assert [place["record"] for place in places] == list(range(done.read))
    end = 0
    for place in places:
        assert end <= place["offset"]
        end = place["offset"] + place["length"]
    assert end <= len(data)


def records_at(data: bytes) -> list[tuple[int, int, int]]:
    """Return offset, size and number of each record, found byte by byte: the slow way."""
    found, at = [], 0
    while at + 28 <= len(data):
        size, number = struct.unpack_from("<IQ", data, at + 4)
        end = at + size
        if data[at : at + 4] == b"**\0\0" and data[end - 4 : end] == data[at + 4 : at + 8] != b"":
            found.append((at, size, number))
            at = end
        else:
            at += 1
    return found


def test_the_sample_is_what_its_script_writes() -> None:
    assert evtx_sample.SAMPLE.read_bytes() == evtx_sample.sample()


def test_a_whole_row() -> None:
    data = evtx_sample.sample()
    row = {k: v for k, v in decode(data).raw.to_pylist()[1].items() if v is not None}
    shape, attrs = row.pop("shape"), json.loads(row.pop("attrs"))
    at = data.find(b"**\0\0" + data[row["offset"] + 4 : row["offset"] + 8] + bytes([102]))
    assert row == {
        "record": 1, "offset": at, "length": row["length"], "line": 101,
        "ts": datetime(2026, 3, 2, 9, 14, 5, 101000),
        "event_time": datetime(2026, 3, 2, 9, 14, 5, 101000),
        "host": "ws-07.corp.example", "code": "4688", "channel": "Security",
        "provider": "Microsoft-Windows-Security-Auditing", "event_number": 102,
        "logger_pid": 4, "logger_tid": 44, "user": "carla", "user_domain": "CORP",
        "logon_id": "0x3f2a1", "pid": 0x1068, "parent_exe": evtx_sample.WORD,
        "target_pid": 0x10D8, "target_exe": evtx_sample.SHELL,
        "command_line": "powershell.exe -nop -w hidden -File up.ps1",
    }  # fmt: skip
    assert attrs["Event.System.Security"] is None
    assert json.loads(shape)[0] == ["Event.System.Provider.#attributes.Name", "provider", "s"]


def test_edges_of_the_sample(tmp_path: Path) -> None:
    store = Store(tmp_path / "s")
    [done] = store.ingest(evtx_sample.SAMPLE)
    assert (done.format, done.read, done.used, done.ignored, done.rejected) == ("evtx", 10, 9, 1, 0)
    rows = store.sql("SELECT * FROM events ORDER BY record, ordinal").to_pylist()
    assert [(r["line"], r["src"], r["action"], r["dst"]) for r in rows] == [
        (101, evtx_sample.WORD, "launch", evtx_sample.SHELL),
        (101, evtx_sample.SHELL, "exec", evtx_sample.SHELL),
        (102, evtx_sample.WORD, "launch", evtx_sample.SHELL),
        (102, evtx_sample.SHELL, "exec", evtx_sample.SHELL),
        (102, "0x3f2a1", "start", evtx_sample.SHELL),
        (103, "powershell.exe", "exec", "powershell.exe"),
        (104, evtx_sample.SHELL, "resolve", "cdn.files.example"),
        (105, evtx_sample.SHELL, "install", "up"), (106, "up", "connect", "cdn.files.example"),
        (107, "C:\\ProgramData\\up.exe", "install", "updsvc"),
        (107, evtx_sample.SID, "install", "updsvc"),
        (108, "services.exe", "change", "Updater"),
        (110, "CORP\\carla", "change", "ws-07.corp.example"),
    ]  # fmt: skip


def test_every_field_is_kept() -> None:
    from evtx import PyEvtxParser

    data = evtx_sample.sample()
    library = [json.loads(r["data"]) for r in PyEvtxParser(io.BytesIO(data)).records_json() if r]
    assert [rebuild(row) for row in decode(data).raw.to_pylist()] == library


def test_a_record_without_a_time_has_its_heads() -> None:
    data = log([SOME[0]._replace(xml=SOME[0].xml._replace(content=SOME[0].xml.content[1:]))])
    [row] = decode(data).raw.to_pylist()
    assert row["ts"] == datetime(2026, 3, 2, 9, 14, 5, 101000)


@pytest.mark.parametrize("size", [FILE_BYTES, CHUNK_BYTES, 100_000, len(LOG)])
def test_blocks_make_no_difference(size: int) -> None:
    decoder = EvtxDecoder(Options())
    held, seen, found = b"", 0, []
    for at in range(0, len(LOG) + 1, size):
        held += LOG[at : at + size]
        whole = decoder.cut(held, at + size > len(LOG))
        rows = decoder.decode(held[:whole], False).raw.select(["offset", "line"]).to_pylist()
        found += [(seen + row["offset"], row["line"] + 1) for row in rows]
        seen, held = seen + whole, held[whole:]
    assert held == b""
    assert found == [(at, number) for at, _, number in records_at(LOG)]


def broken(data: bytes, at: int, new: bytes) -> bytes:
    return data[:at] + new + data[at + len(new) :]


def test_a_damaged_record_takes_no_other_with_it() -> None:
    places = records_at(LOG)
    at, _, number = places[4]
    done = decode(broken(LOG, at, b"\xff" * 24))
    assert numbers(done) == [n for _, _, n in places if n != number]
    assert rejects(done) == [(0, NONE)]
    done = decode(broken(LOG, at + 24, b"\xff" * 30))
    assert numbers(done) == [n for _, _, n in places if n != number]
    assert rejects(done) == [(number, UNREAD)]
    done = decode(broken(LOG, at, b"**\0\0\0\4\0\0"))  # a size that leads into the next record
    assert numbers(done) == [n for _, _, n in places if n != number]
    assert rejects(done) == [(number, TORN)]


@pytest.mark.parametrize(
    "change",
    [
        (FILE_BYTES, b"NotChunk"),  # the chunk's name
        (FILE_BYTES + 24, b"\xff" * 32),  # its numbers and free space
        (FILE_BYTES + 52, b"\1\2\3\4"),  # the checksum of its records
        (FILE_BYTES + 124, b"\1\2\3\4"),  # that of its header
        (0, b"\xff" * 64),  # the file's header
        (40, b"\0\0\0\0"),  # how many chunks there are
    ],
)
def test_damaged_headers_lose_no_record(change: tuple[int, bytes]) -> None:
    done = decode(broken(LOG, *change))
    assert numbers(done) == list(range(1, 40))
    assert {reason for _, reason in rejects(done)} <= {NONE}


def test_a_log_cut_off_anywhere_gives_what_is_whole() -> None:
    for end in (FILE_BYTES, FILE_BYTES + 100, FILE_BYTES + 3000, len(LOG) - CHUNK_BYTES + 2000):
        done = decode(LOG[:end])
        whole = [n for at, size, n in records_at(LOG) if at + size <= end]
        assert numbers(done) == whole
        is_accounted_for(LOG[:end], done)


def test_lost_bytes_move_no_later_chunk() -> None:
    places = records_at(LOG)
    at, _, number = places[10]
    for lost in (1, 8, 3000):
        data = LOG[: at + 30] + LOG[at + 30 + lost :]
        done = decode(data)
        gone = {n for a, size, n in places if a < at + 30 + lost and a + size > at + 30}
        assert number in gone
        assert set(numbers(done)) >= {n for _, _, n in places if n > 20}
        assert set(numbers(done)) == {n for *_, n in places} - gone
        is_accounted_for(data, done)


def test_what_is_left_from_before_a_log_was_cleared_is_not_of_it() -> None:
    old, new = chunk(SOME[:20]), chunk([])
    assert decode(header(1) + new[:512] + old[512:]).read == 0
    few = chunk(SOME[30:32])
    [free] = struct.unpack_from("<I", few, 48)
    assert numbers(decode(header(1) + few[:free] + old[free:])) == [31, 32]


def test_a_chunk_whose_header_lags_behind_gives_the_records_that_follow() -> None:
    few, all_of_them = chunk(SOME[:3]), chunk(SOME[:6])
    lagging = broken(few[:512], 124, b"\1\2\3\4") + all_of_them[512:]
    assert numbers(decode(header(1) + lagging)) == [1, 2, 3, 4, 5, 6]


def test_a_chunk_forged_inside_a_record_forges_no_event() -> None:
    forged = chunk([event(7, 1102, {"SubjectUserName": "nobody"})])[:2000].decode("latin-1")
    data = log([*SOME[:3], event(4, 1, {"Binary": forged}), *SOME[4:6]])
    # What the text holds as UTF-16 letters is put there as the bytes themselves.
    wide, narrow = forged.encode("utf-16-le"), forged.encode("latin-1")
    data = data.replace(wide, narrow + b"\0" * (len(wide) - len(narrow)))
    done = decode(data)
    assert numbers(done) == [1, 2, 3, 4, 5, 6] or numbers(done) == [1, 2, 3, 5, 6]
    assert "nobody" not in {row.get("user") for row in done.raw.to_pylist()}


def test_patched_chunks_keep_places() -> None:
    part = chunk(SOME[:9])
    found = walk(part)
    assert found.whole
    made, order = patched(part, [found.records[2], found.records[3], found.records[7]])
    again = walk(made[: struct.unpack_from("<I", made, 48)[0]])
    assert [r and r.number for r in order] == [None, 3, 4, None, 8]
    assert [r.number for r in again.records if r.number] == [3, 4, 8]


def test_a_record_that_would_grow_without_end_is_refused() -> None:
    small, bomb = nested(1, 3, 3), nested(2, 14, 9)
    data = header(1) + small + bomb + chunk(SOME[2:5])
    done = decode(data)
    assert numbers(done) == [1, 3, 4, 5]
    assert rejects(done) == [(2, HUGE)]
    long = nested(3, 1, 2000, "x" * 20_000)  # no nesting, but one value used again and again
    assert rejects(decode(header(1) + long)) == [(3, HUGE)]


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 5), st.integers(0, 4), st.text("abc", max_size=9))
def test_no_record_grows_larger_than_was_worked_out(levels: int, uses: int, leaf: str) -> None:
    part = nested(1, levels, uses, leaf)
    [record] = walk(part).records
    places = (np.array([n], np.int64) for n in (0, record.offset + 24, record.size - 28))
    [most] = largest(np.frombuffer(part, np.uint8), *places)
    [row] = decode(header(1) + part).raw.to_pylist()
    assert row["attrs"].count(leaf) * 2 * len(leaf) <= most if leaf else most > 0


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_mutated_logs_are_accounted_for(draw: st.DataObject) -> None:
    data = bytearray(log(SOME[:6], SOME[6:9]))
    used = [FILE_BYTES, FILE_BYTES + 512 + 3000]
    for _ in range(draw.draw(st.integers(1, 6))):
        at = draw.draw(st.integers(0, len(data) - 1) | st.integers(*used))
        new = draw.draw(st.binary(max_size=12) | st.sampled_from([b"ElfChnk\0", b"**\0\0", b"\0"]))
        if draw.draw(st.booleans()):
            data[at : at + len(new)] = new
        else:
            data[at : at + draw.draw(st.integers(0, 200))] = new
    done = decode(bytes(data))
    is_accounted_for(bytes(data), done)
    view = memoryview(bytes(data))
    assert [a for a, *_ in pieces(view, True)][1:] == [b for _, b, _ in pieces(view, True)][:-1]


@settings(max_examples=30, deadline=None)
@given(st.permutations(range(4)), st.sets(st.integers(0, 3)))
def test_order_and_number_of_chunks_are_free(order: list[int], left_out: set[int]) -> None:
    parts: list[list[Event]] = [SOME[i * 9 : i * 9 + 9] for i in range(4)]
    kept = [i for i in order if i not in left_out]
    data = header(1) + b"".join(chunk(parts[i]) for i in kept)
    assert numbers(decode(data)) == [one.number for i in kept for one in parts[i]]


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "evtx", None)
    with pytest.raises(ParseError, match=r"pip install graphad\[evtx\]"):
        EVTX.decoder(Options())


def test_sniff() -> None:
    assert EVTX.sniff(LOG[:65536]) == 1.0
    assert EVTX.sniff(LOG[FILE_BYTES:70000]) == 1.0
    assert EVTX.sniff(b"ElfFile") == EVTX.sniff(b"{}") == EVTX.sniff(b"") == 0.0


def test_findings_show_records_as_json(tmp_path: Path) -> None:
    found = graphad.open(tmp_path / "s").hunt([evtx_sample.SAMPLE]).findings
    proofs = [proof for finding in found for proof in finding.evidence]
    assert proofs
    for proof in proofs:
        assert proof.text is not None
        system = json.loads(proof.text)["Event"]["System"]
        assert system["EventRecordID"] == str(proof.line)


def test_a_grown_log_gives_its_new_chunks(tmp_path: Path) -> None:
    path, store = tmp_path / "grown.evtx", Store(tmp_path / "s")
    path.write_bytes(LOG[:-CHUNK_BYTES])
    [before] = store.ingest(path)
    path.write_bytes(LOG)
    [after] = store.ingest(path)
    assert (before.read, after.read, after.note) == (30, 9, "resumed")
    rows = store.sql('SELECT record, "offset", line FROM records ORDER BY record').to_pylist()
    assert [tuple(row.values()) for row in rows] == [
        (i, at, number) for i, (at, _, number) in enumerate(records_at(LOG), 1)
    ]


def test_evidence_shows_a_records_json(tmp_path: Path) -> None:
    path = tmp_path / "ws-07.evtx"
    path.write_bytes(evtx_sample.sample())
    store = Store(tmp_path / "s")
    store.ingest(path)
    path.unlink()  # the rows are enough
    with store.connect() as connection:
        found = rebuild_binary(store.sources, connection, [(1, 4), (1, 7), (2, 1)])
    assert set(found) == {(1, 4), (1, 7)}
    told: dict[str, Any] = json.loads(found[1, 4])
    assert told["Event"]["EventData"]["QueryName"] == "cdn.files.example"
    assert told["Event"]["System"]["EventRecordID"] == "104"


def test_a_live_log_copied_again_has_each_record_once(tmp_path: Path) -> None:
    """Windows rewrites headers in place, so the bytes differ; the records don't."""
    store = Store(tmp_path / "s")
    at = [event(n, 4634, {"Note": "x" * n}, time=f"2026-03-02T09:14:{n:02d}Z") for n in range(16)]
    copies = [
        log(at[1:6]),  # a chunk that is being filled
        log(at[1:9], at[9:13]),
        log(at[9:13], at[13:16]),  # the first chunk was given up for a new one
    ]
    for number, (data, last) in enumerate(zip(copies, (5, 12, 15), strict=True)):
        copy = tmp_path / f"{number}.evtx"
        copy.write_bytes(data)
        store.ingest(copy)
        lines = store.sql("SELECT line FROM records ORDER BY line")["line"].to_pylist()
        assert lines == list(range(1, last + 1))
