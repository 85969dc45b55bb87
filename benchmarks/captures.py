"""Real captures through ingest: every record accounted for, and what a record costs on disk.

Reads packed captures from $GRAPHAD_DATA (or ../shared/data beside the checkout) and unpacks them
into a temporary folder. For each set: formats recognised, records read, used, ignored by rule,
rejected by reason, edges, bytes stored, seconds.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from benchmarks import harness
from benchmarks.harness import Options, Row

SETS = {
    "otrf-windows": "**/*.zip",
    "eqllib-sysmon": "**/sysmon-*.json.gz",
    "provmark-spade-strace": (
        "**/*.strace", "**/sampleResult/*.tar.gz", "**/Logfile.CSV.gz", "**/Logfile.XML.gz",
    ),
    "atomic-evtx-4cats": "**/*.json",
    "cdm-streamspot": ("**/*.json", "**/*.ss"),
    "k8s-tetragon-osquery-ocsf": ("**/tetragon/**/*.json", "**/osquery/*.log", "**/OCSF_*.json",
                                  "**/ocsf_*.json", "**/Windows Events/**/*.json"),
    # What stands behind a colon only tells two of a set apart.
    "cloudtrail": "**/*.[jz]*",
    "k8s-tetragon-osquery-ocsf:k8s": "**/falco-k8s-audit/*.json",
    "msticpy-tables": "**/*.csv",
    "darpa98-edges": "**/*.csv",
    "zeek": "**/*.[gjl]*",
    "textlogs": "**/*.[jl]*",
}  # fmt: skip
BYTES_A_RECORD = 30.0
SYSMON = b'"Microsoft-Windows-Sysmon/Operational"'  # the channel of a record


def data() -> Path | None:
    """Return the folder of packed captures, or None."""
    places = [os.environ.get("GRAPHAD_DATA"), harness.ROOT.parent / "shared" / "data"]
    return next((Path(p) for p in places if p and Path(p).is_dir()), None)


def unpack(name: str, folder: Path) -> Path | None:
    """Unpack one set below `folder`; None where it is absent."""
    name = name.partition(":")[0]
    home = data()
    packed = home / f"{name}.tar.xz" if home else None
    if packed is None or not packed.is_file():
        return None
    target = folder / name
    target.mkdir(exist_ok=True)
    subprocess.run(["tar", "-xJf", str(packed), "-C", str(target)], check=True)
    return target


def json_lines(folder: Path, target: Path, holding: bytes = SYSMON) -> int:
    """Write the records of the OTRF archives that hold a text as one file; return how many."""
    import zipfile

    lines = 0
    with target.open("wb") as out:
        for path in sorted(folder.rglob("*.zip")):
            with zipfile.ZipFile(path) as archive:
                for name in archive.namelist():
                    with archive.open(name) as member:
                        for line in member:
                            if holding in line:
                                out.write(line.rstrip(b"\r\n") + b"\n")
                                lines += 1
    return lines


def one(name: str, logs: list[Path], scratch: Path) -> Iterable[Row]:
    """Ingest one set and return its rows."""
    from graphad.store import Store

    store = Store(scratch / f"{name.replace(':', '-')}.store")
    start = time.perf_counter()
    done = store.ingest(logs)
    seconds = time.perf_counter() - start
    ignored: Counter[str] = Counter()
    for source in store.sources:
        ignored.update(source.ignored)
    fields = ("read", "used", "ignored", "rejected", "edges")
    total = {field: sum(getattr(d, field) for d in done) for field in fields}
    balanced = total["read"] == total["used"] + total["ignored"] + total["rejected"]
    yield Row(f"{name}: inputs", len(done), "inputs")
    formats = Counter(source.format for source in store.sources)
    for format_, count in sorted(formats.items()):
        yield Row(f"{name}: of format {format_}", count, "inputs")
    left_out = sum(d.source is None for d in done)
    yield Row(f"{name}: inputs in no known format, or empty", left_out, "inputs")
    again = sum(d.note == "already there" for d in done)
    yield Row(f"{name}: inputs of a content ingested before", again, "inputs")
    taken = Counter(d.format for d in done if d.source is not None)
    for format_, count in taken.most_common():
        yield Row(f"{name}: taken as {format_}", count, "inputs")
    for field, value in total.items():
        if field == "read":
            yield Row(f"{name}: read", value, "records", met=balanced)
        else:
            yield Row(f"{name}: {field}", value, "edges" if field == "edges" else "records")
    for rule, count in ignored.most_common(8):
        yield Row(f"{name}: ignored, {rule}", count, "records")
    reasons = store.sql("SELECT reason, count(*) AS n FROM rejects GROUP BY reason ORDER BY n DESC")
    for row in reasons.to_pylist():
        yield Row(f"{name}: rejected, {row['reason']}", row["n"], "records")
    sizes = store.parquet_bytes()
    kept = sum(sizes.get(table, 0) for table in ("records", "edges", "entities"))
    each = kept / max(total["read"], 1)
    only_sysmon = name.startswith("otrf Sysmon")
    yield Row(
        f"{name}: stored", each, "bytes a record", target=BYTES_A_RECORD if only_sysmon else None,
        met=each <= BYTES_A_RECORD if only_sysmon else None,
    )  # fmt: skip
    yield Row(f"{name}: ingest", seconds, "s")
    yield Row(f"{name}: rate", total["read"] / seconds, "records/s")


def measure(options: Options) -> Iterable[Row]:
    """Ingest each set into a store of its own."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for name, pattern in SETS.items():
            if options.quick and name != "provmark-spade-strace":
                continue
            home = unpack(name, folder)
            if home is None:
                print(f"{name} is absent; set GRAPHAD_DATA.", file=sys.stderr)
                continue
            patterns = (pattern,) if isinstance(pattern, str) else pattern
            found = {path for one_pattern in patterns for path in home.glob(one_pattern)}
            logs = sorted(p for p in found if "_metadata" not in p.parts and p.stat().st_size)
            yield from one(name, logs, folder)
            if name == "otrf-windows":
                lines = folder / "sysmon.json"
                json_lines(home, lines)
                yield from one("otrf Sysmon records", [lines], folder)


if __name__ == "__main__":
    sys.exit(harness.main(__doc__, measure))
