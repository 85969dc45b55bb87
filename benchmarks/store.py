"""What a store costs beside parsing: opening, committing, compacting, pruning; memory by size.

The records are invented Sysmon events, as in benchmarks.ingest. The plain way to compact is COPY in
DuckDB, of the same files into one; memory is that of ingest in a process of its own.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from benchmarks import harness, ingest
from benchmarks.harness import Options, Row
from graphad.store.segment import SEGMENT

OPENED = """
import sys, time
from graphad.store import Store
import duckdb, pyarrow
duckdb.connect().execute("SELECT 1")
began = time.perf_counter()
store = Store(sys.argv[1])
found = store.connect().execute("SELECT count(*) FROM records").fetchone()
print(time.perf_counter() - began, found[0])
"""


def _ms(function: Callable[[], object], repeat: int = 5) -> float:
    return harness.timed(function, repeat).wall * 1000


def opening(store: Path, records: int) -> Iterable[Row]:
    """Open a store and ask it one thing, in new processes."""
    took = []
    for _ in range(5):
        done = subprocess.run(
            [sys.executable, "-c", OPENED, str(store)], check=True, capture_output=True, text=True,
            cwd=harness.ROOT,
        )  # fmt: skip
        seconds, count = done.stdout.split()
        assert int(count) == records
        took.append(float(seconds) * 1000)
    value = statistics.median(took)
    name = f"open a store of {records:,} records and count them"
    yield Row(name, value, "ms", target=50.0, met=value <= 50.0)


def committing(path: Path, records: int, scratch: Path) -> Iterable[Row]:
    """Ingest one record; beside it the same into an empty store."""
    from graphad.store import Store

    took = {}
    for name, store in (("empty", Store(scratch / "empty")), ("full", Store(path))):
        times = []
        for i in range(6):
            log = scratch / f"{name}-{i}.json"
            ingest.generate(log, 1)
            log.write_bytes(log.read_bytes().replace(b"ws-0", b"ws-%s-%d" % (name.encode(), i)))
            began = time.perf_counter()
            store.ingest(log, parser="windows")
            times.append((time.perf_counter() - began) * 1000)
        took[name] = statistics.median(times[1:])
    yield Row("commit one record into an empty store", took["empty"], "ms")
    yield Row(
        f"commit one record into a store of {records:,}", took["full"], "ms", took["empty"],
        took["empty"] / took["full"],
    )  # fmt: skip


def compacting(scratch: Path, records: int, parts: int) -> Iterable[Row]:
    """Make few segments of many; the plain way copies the same Parquet files."""
    from graphad import database
    from graphad.store import Store

    store = Store(scratch / "parts")
    for part in range(parts):
        log = scratch / "part.json"
        ingest.generate(log, records // parts)
        log.write_bytes(log.read_bytes().replace(b'"ws-', b'"ws-%d-' % part))
        store.ingest(log, parser="windows")
    before = len(store.manifest.files["records"])
    connection = database.connect()
    began = time.perf_counter()
    for table in ("records", "edges", "entities", "counts"):
        files = [str(store.path / f.name) for f in store.manifest.files[table]]
        connection.execute(
            f"COPY (SELECT * FROM read_parquet({files!r})) TO '{scratch}/{table}.parquet' "
            "(FORMAT parquet, COMPRESSION zstd)"
        )
    plain = records / (time.perf_counter() - began)
    began = time.perf_counter()
    store.compact()
    rate = records / (time.perf_counter() - began)
    after = len(store.manifest.files["records"])
    name = f"compact {records:,} records of {before} segments to {after}"
    yield Row(name, rate, "records/s", plain, rate / plain)
    began = time.perf_counter()
    store.prune("2026-01-02")
    rate = records / (time.perf_counter() - began)
    yield Row("prune them all but one day's", rate, "records/s")


def memory(scratch: Path, sizes: Iterable[int]) -> Iterable[Row]:
    """Peak memory of ingest at several sizes of one shape, against the formula of docs/store.md."""
    for records in sizes:
        log = scratch / "size.json"
        ingest.generate(log, records)
        done, peak = ingest.stored("windows", log, scratch, f"{records}.store")
        assert done["read"] == records
        log.unlink()
        workers = max(1, min(8, os.cpu_count() or 1))
        formula = 600 + 200 * workers + 1.7e-3 * min(records, SEGMENT)
        ratio = peak / formula
        name = f"peak memory of ingest, {records:,} records"
        yield Row(name, peak, "MB", formula, ratio, 1.1, ratio <= 1.1)


def measure(options: Options) -> Iterable[Row]:
    """Measure all parts in turn."""
    records = 50_000 if options.quick else 5_000_000
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        log = scratch / "log.json"
        ingest.generate(log, records)
        ingest.stored("windows", log, scratch, "store")
        log.unlink()
        yield from opening(scratch / "store", records)
        yield from committing(scratch / "store", records, scratch)
        yield from compacting(scratch, records // 5, 10 if options.quick else 100)
        yield from memory(scratch, (20_000, 40_000) if options.quick else (2_000_000, 20_000_000))


if __name__ == "__main__":
    sys.exit(harness.main(__doc__, measure))
