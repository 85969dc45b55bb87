"""How fast EVTX logs become rows and a store, against a plain parser of the same records.

The captures' chunks, written again and again into one log; where they are absent, chunks of
invented events. The plain parser gives json.loads what the evtx library makes of a record, and
fills the columns by look-ups. Small files: a chunk of 16 invented events each, all different.
"""

import json
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from benchmarks import captures, harness
from benchmarks.harness import Options, Row
from benchmarks.ingest import stored
from graphad import schema
from graphad.decoders.evtx_decode import EvtxDecoder
from graphad.decoders.windows_fields import FIELDS
from graphad.parse import Options as Said
from graphad.parse import arrow_type

HEADER, CHUNK = 4096, 65536
KINDS = {column.name: column.kind for column in schema.RECORDS}
SYSTEM = {p.removeprefix("Event.System."): c for p, c in FIELDS if p.startswith("Event.System.")}
DATA = {
    p.removeprefix("Event.EventData."): c for p, c in FIELDS if p.startswith("Event.EventData.")
}
BATCH = 2_000
TARGET = 60_000


def captured(folder: Path) -> list[bytes]:
    """Return the chunks of the captures; none where they are absent."""
    home = captures.unpack("evtx", folder)
    chunks = []
    for path in sorted(home.rglob("*.evtx")) if home else []:
        data = path.read_bytes()
        for at in range(HEADER, len(data) - CHUNK + 1, CHUNK):
            if data[at : at + 8] == b"ElfChnk\0":
                chunks.append(data[at : at + CHUNK])
    return chunks


def invented(count: int = 64, each: int = 36) -> list[bytes]:
    """Return chunks of invented events, three kinds in turn; no two of them happen at once."""
    from tests.evtx_writer import chunk, event

    began = datetime(2026, 3, 2, 6)
    chunks = []
    for first in range(0, count * each, each):
        events = []
        host = f"ws-{first // each % 50:02d}.corp.example"
        for i in range(first, first + each):
            path = f"C:\\Windows\\System32\\app{i % 97}.exe"
            by = {"ProcessId": hex(1000 + i), "ProcessName": path, "SubjectUserName": "carla",
                  "SubjectDomainName": "CORP", "SubjectLogonId": "0x3f2a1"}  # fmt: skip
            code, more = (
                (4688, {"NewProcessId": hex(5000 + i), "NewProcessName": path}),
                (4663, {"ObjectType": "File", "ObjectName": f"C:\\share\\item{i}.dat",
                        "AccessMask": "0x2"}),
                (5379, {"TargetName": f"store{i % 13}", "ClientProcessId": str(1000 + i)}),
            )[i % 3]  # fmt: skip
            time = (began + timedelta(seconds=i)).isoformat() + ".101000Z"
            events.append(event(i + 1, code, by | more, host=host, time=time))
        chunks.append(chunk(events))
    return chunks


def records(path: Path) -> Iterator[dict[str, Any]]:
    """Return the records of a log as the library has them, its errors left out."""
    from evtx import PyEvtxParser

    found = PyEvtxParser(str(path), 1, indent=False).records_json()
    while True:
        try:
            record: Any = next(found)
        except StopIteration:
            return
        except RuntimeError:
            continue
        yield record


def put(row: dict[str, Any], fields: Any, columns: dict[str, str], before: str = "") -> None:
    """Set the columns of a row that an object's fields fill."""
    for name, value in fields.items() if isinstance(fields, dict) else ():
        if isinstance(value, dict):
            put(row, value, columns, f"{before}{name}.")
        elif value is not None and before + name in columns:
            row.setdefault(columns[before + name], value)


def number(value: Any) -> int | None:
    try:
        return int(value, 0) if isinstance(value, str) else int(value)
    except (ValueError, TypeError):
        return None


def plain(path: Path) -> int:
    """Parse a log the plain way; return how many records it has."""
    rows: list[dict[str, Any]] = []
    read = 0

    def flush() -> None:
        arrays = {}
        for name in dict.fromkeys(name for row in rows for name in row):
            values = [row.get(name) for row in rows]
            if KINDS[name] == "int":
                arrays[name] = pa.array([number(value) for value in values], pa.int64())
            else:
                texts = [None if value is None else str(value) for value in values]
                arrays[name] = pa.array(texts, pa.string())
                if KINDS[name] == "time":
                    cut = pc.utf8_rtrim(arrays[name], "Z")
                    arrays[name] = pc.utf8_slice_codeunits(cut, 0, 26).cast(arrow_type("time"))
        pa.table(arrays)
        rows.clear()

    for record in records(path):
        event = json.loads(record["data"])["Event"]
        row: dict[str, Any] = {}
        put(row, event.get("System"), SYSTEM)
        put(row, event.get("EventData"), DATA)
        rows.append(row)
        read += 1
        if len(rows) == BATCH:
            flush()
    if rows:
        flush()
    return read


def write(chunks: list[bytes], rounds: int, path: Path) -> None:
    """Write a log of the chunks, so many times over."""
    from tests.evtx_writer import header

    with path.open("wb") as out:
        out.write(header(1))
        for _ in range(rounds):
            out.writelines(chunks)


def decoded(path: Path) -> int:
    """Decode a log in one thread, in blocks; return how many records it has."""
    decoder = EvtxDecoder(Said())
    read = 0
    with path.open("rb") as file:
        while data := file.read(256 * CHUNK):
            read += decoder.decode(data, False).read
    return read


def small(scratch: Path, quick: bool) -> Iterable[Row]:
    """Many files of a chunk each into one store; records of none are in another one."""
    from graphad.store import Store
    from tests.evtx_writer import header

    folder = scratch / "small"
    folder.mkdir()
    files = 100 if quick else 1_600
    for i, part in enumerate(invented(files, 16)):
        (folder / f"{i:05d}.evtx").write_bytes(header(1) + part)
    start = time.perf_counter()
    store = Store(scratch / "small.store")
    done = store.ingest(folder)
    seconds = time.perf_counter() - start
    assert all(one.read == 16 and not one.note for one in done)  # none is taken for a copy
    segments = len(list((store.path / "records").glob("*.parquet")))
    yield Row(f"{files:,} small files: segments", segments, "segments", target=1, met=segments <= 1)
    yield Row(f"{files:,} small files", files / seconds, "files/s")


def measure(options: Options) -> Iterable[Row]:
    """Measure the plain parser, decoding, and ingest of the same log."""
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        found = [] if options.quick else captured(scratch)
        kind = "captures" if found else "invented"
        chunks = found or invented()
        log, once = scratch / "big.evtx", scratch / "once.evtx"
        write(chunks, 1, once)
        write(chunks, 2 if options.quick else 20, log)
        count = plain(once)
        took = harness.timed(lambda: plain(once))
        rate = count / took.wall
        yield Row(f"plain parser of EVTX ({kind})", rate, "records/s")
        decoded(once)
        took = harness.timed(lambda: decoded(once))
        mine = decoded(once) / took.wall
        yield Row(f"EVTX ({kind}) to rows, one thread", mine, "records/s", rate, mine / rate)
        stored("evtx", once, scratch, "warm.store")
        done, peak = stored("evtx", log, scratch, "evtx.store")
        assert done["read"] == done["used"] + done["ignored"] + done["rejected"]
        into = done["read"] / done["seconds"]
        yield Row(
            f"EVTX ({kind}) into the store, {int(done['read']):,} records", into, "records/s", rate,
            into / rate, TARGET, into >= TARGET,
        )  # fmt: skip
        yield Row("bytes read", log.stat().st_size / done["seconds"] / 1e6, "MB/s")
        yield Row("peak memory", peak, "MB")
        yield from small(scratch, options.quick)


if __name__ == "__main__":
    sys.exit(harness.main(__doc__, measure))
