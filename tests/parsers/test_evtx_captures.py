"""EVTX captures: every record accounted for, and the same as the library and JSON have it."""

import io
import struct
import tarfile
from collections.abc import Iterator
from typing import Any

import pytest

from graphad.decoders.evtx_decode import EvtxDecoder
from graphad.decoders.windows_decode import windows_decoder
from graphad.parse import Decoded, Options
from tests.captures import captures


def members(name: str, *endings: str) -> Iterator[tuple[str, bytes]]:
    """Return path and content of the files of a packed capture whose names end so."""
    path = captures() / f"{name}.tar.xz"
    if not path.is_file():
        pytest.skip("the captures are not here: set GRAPHAD_DATA")
    with tarfile.open(path) as packed:
        for member in packed:
            inner = packed.extractfile(member) if member.name.endswith(endings) else None
            if inner is not None:
                yield member.name, inner.read()


def decode(data: bytes) -> Decoded:
    decoder = EvtxDecoder(Options())
    assert decoder.cut(data, True) == len(data)
    return decoder.decode(data, True)


def live_records(data: bytes) -> tuple[list[int], bool]:
    """Return the numbers of the records that the chunk headers lead to, and if all is well."""
    found: list[int] = []
    well = True
    for start in range(4096, len(data), 65536):
        part = data[start : start + 65536]
        if part[:8] != b"ElfChnk\0":
            well &= not any(part)
            continue
        [free] = struct.unpack_from("<I", part, 48)
        at = 512
        while at < free:
            size, number = struct.unpack_from("<IQ", part, at + 4)
            if part[at : at + 4] != b"**\0\0" or not 28 <= size <= free - at:
                well = False
                break
            found.append(number)
            at += size
    return found, well


def library_numbers(data: bytes) -> list[int]:
    from evtx import PyEvtxParser

    found: list[int] = []
    records = PyEvtxParser(io.BytesIO(data), 1).records_json()
    while True:
        try:
            record = next(records)
        except StopIteration:
            return found
        except RuntimeError:
            continue
        assert record is not None
        found.append(record["event_record_id"])


@pytest.mark.parametrize(("name", "damaged"), [("evtx", 4), ("atomic-evtx-4cats", 0)])
def test_every_record_is_accounted_for(name: str, damaged: int) -> None:
    files = bad = 0
    for path, data in members(name, ".evtx"):
        done = decode(data)
        assert done.read == done.raw.num_rows + done.rejects.num_rows, path
        numbers = [line + 1 for line in done.raw["line"].to_pylist()]
        refused = {line + 1 for line in done.rejects["line"].to_pylist()}
        wanted, well = live_records(data)
        if well:
            assert numbers == wanted == library_numbers(data), path
        assert well == (done.rejects.num_rows == 0), path
        # A torn record of which the library makes something is refused, but none is overlooked.
        assert set(library_numbers(data)) <= set(numbers) | refused, path
        files += 1
        bad += not well
    assert files > 200
    assert bad == damaged


def rows_by_number(rows: list[dict[str, Any]]) -> dict[int, dict[str, Any]]:
    return {row["event_number"]: row for row in rows}


def json_rows(data: bytes) -> list[dict[str, Any]]:
    decoder = windows_decoder(Options())
    decoder.cut(data, True)
    rows: list[dict[str, Any]] = decoder.decode(data, True).raw.to_pylist()
    return rows


PLACES = {"record", "offset", "length", "line", "shape", "attrs", "time_rest"}


def test_columns_are_those_of_the_same_events_as_json() -> None:
    found = dict(members("evtx", ".evtx", ".json"))
    compared = 0
    for path, data in found.items():
        told = found.get(path.removesuffix(".evtx") + ".json")
        if "sigma" not in path or not path.endswith(".evtx") or told is None:
            continue
        mine, theirs = rows_by_number(decode(data).raw.to_pylist()), rows_by_number(json_rows(told))
        assert mine.keys() == theirs.keys(), path
        for number, row in mine.items():
            for column in (row.keys() | theirs[number].keys()) - PLACES:
                a, b = row.get(column), theirs[number].get(column)
                if isinstance(a, str):  # who made the JSON cut blanks off, and edited a name
                    a, b = a.rstrip().lower(), str(b).rstrip().lower()
                assert a == b, (path, number, column)
            compared += 1
    assert compared > 100


def test_numbers_and_times_are_those_of_another_tools_json() -> None:
    names = ("ts", "code", "channel", "provider", "host", "pid", "parent_pid", "target_pid",
             "src_ip", "src_port", "dst_ip", "dst_port", "logger_pid")  # fmt: skip
    held: dict[tuple[str, ...], dict[int, dict[str, Any]]] = {}
    compared = 0
    for path, data in members("atomic-evtx-4cats", ".evtx", ".json"):
        *folders, file = path.replace("/json/", "/").split("/")
        key = (*folders, file.rpartition(".")[0])
        rows = decode(data).raw.to_pylist() if path.endswith(".evtx") else json_rows(data)
        kept = {n: {c: r.get(c) for c in names} for n, r in rows_by_number(rows).items()}
        other = held.pop(key, None)
        if other is None:
            held[key] = kept
            continue
        mine, theirs = (kept, other) if path.endswith(".evtx") else (other, kept)
        assert mine.keys() >= theirs.keys(), path  # that tool lost some
        assert all(mine[number] == row for number, row in theirs.items()), path
        compared += len(theirs)
    assert compared > 20_000
