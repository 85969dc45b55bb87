"""Scoring a window slice by slice against scoring it at once: seconds, CPU and peak memory.

Invented Sysmon records of twenty hosts over ten days: trees of processes that load, write and
connect, names by Zipf. The first day is fitted on, the others are scored, each way in a process of
its own; the findings must be the same, byte for byte.
"""

import datetime
import json
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from benchmarks import harness
from benchmarks.harness import Options, Row
from graphad.workspace import open_store

START = datetime.datetime(2026, 1, 5, tzinfo=datetime.UTC)
DAYS, HOSTS, LIVE = 10, 20, 30
SPAN = 600.0
SCORE = """
import hashlib, sys
import msgspec
from graphad.workspace import open_store
store, since, size = open_store(sys.argv[1], create=False), sys.argv[2], int(sys.argv[3])
found = store.score(start=since, slice_events=size, now=0, detector=sys.argv[4])
assert found.exact
print(len(found.findings), hashlib.sha256(msgspec.json.encode(found.findings)).hexdigest())
"""


def _guid(host: int, number: int) -> str:
    return f"{{00000000-{host:04d}-0000-0000-{number:012d}}}"


def generate(target: Path, records: int, seed: int) -> None:
    """Write Sysmon records in the order of their times."""
    g = np.random.default_rng(seed)
    step = DAYS * 86_400e3 / records  # ms
    host_of = g.integers(0, HOSTS, records)
    kinds = g.choice([1, 11, 7, 13, 3], records, p=[0.1, 0.3, 0.25, 0.25, 0.1])
    # Ever rarer names; what is past a thousand is new each time, as temporary files are not.
    name = np.minimum(g.zipf(1.3, records), 5000)
    program = np.minimum(g.zipf(1.6, records), 300)
    parent = g.integers(0, LIVE, records)
    live: list[list[tuple[str, int, str]]] = [
        [(_guid(h, 0), 4, "C:\\Windows\\init.exe")] for h in range(HOSTS)
    ]
    with target.open("wb") as out:
        for i in range(records):
            h, kind = int(host_of[i]), int(kinds[i])
            mine = live[h]
            guid, pid, image = mine[int(parent[i]) % len(mine)]
            at = START + datetime.timedelta(milliseconds=round(i * step))
            record: dict[str, object] = {
                "EventID": kind, "Channel": "Microsoft-Windows-Sysmon/Operational",
                "Hostname": f"ws-{h:02d}", "UtcTime": f"{at:%Y-%m-%d %H:%M:%S}."
                f"{at.microsecond // 1000:03d}",
            }  # fmt: skip
            n = int(name[i])
            if kind == 1:
                child = _guid(h, i + 1), 1000 + i % 60_000, f"C:\\Apps\\app{program[i]}.exe"
                record |= {
                    "ProcessGuid": child[0], "ProcessId": str(child[1]), "Image": child[2],
                    "CommandLine": f"app{program[i]} --task {n}", "ParentProcessGuid": guid,
                    "ParentProcessId": str(pid), "ParentImage": image,
                }  # fmt: skip
                mine.append(child)
                if len(mine) > LIVE:
                    mine.pop(1)
            else:
                record |= {"ProcessGuid": guid, "ProcessId": str(pid), "Image": image}
                record |= {
                    11: {"TargetFilename": f"C:\\ProgramData\\cache\\item-{n}.dat"},
                    7: {"ImageLoaded": f"C:\\Windows\\System32\\lib{n % 700}.dll"},
                    13: {"EventType": "SetValue", "TargetObject": f"HKLM\\SOFTWARE\\V\\Key{n}"},
                    3: {"Protocol": "tcp", "Initiated": "true", "SourceIp": f"10.0.0.{h}",
                        "SourcePort": str(40_000 + i % 20_000), "DestinationIp":
                        f"10.1.{n // 256 % 256}.{n % 256}", "DestinationPort": "443"},
                }[kind]  # fmt: skip
            out.write(json.dumps(record).encode() + b"\n")


def prepared(folder: Path, records: int, seed: int = 0) -> Path:
    """Return a store of the records with a model of each detector, fitted on their first day."""
    log, store = folder / "sysmon.json", folder / "store"
    generate(log, records, seed)
    opened = open_store(store)
    opened.ingest(log)
    log.unlink()
    opened.fit(end="2026-01-06", settings={"span_s": SPAN})
    opened.fit(end="2026-01-06", detector="event")
    return store


def scored(store: Path, size: int, detector: str, scratch: Path) -> tuple[str, harness.Child]:
    """Return what was found, as a digest, and what it took."""
    result = scratch / "result"
    with result.open("w") as out:
        took = harness.child(
            [sys.executable, "-c", SCORE, str(store), "2026-01-06", str(size), detector],
            stdout=out, cwd=harness.ROOT,
        )  # fmt: skip
    return result.read_text(), took


def measure(options: Options) -> Iterable[Row]:
    """Measure a window at once, then in slices of ever fewer events."""
    records = 100_000 if options.quick else 3_500_000
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        store = prepared(scratch, records)
        for detector in ("path", "event"):
            yield from _measured(store, records, detector, scratch)


def _measured(store: Path, records: int, detector: str, scratch: Path) -> Iterable[Row]:
    scored(store, records, detector, scratch)  # kernels are compiled
    whole, once = scored(store, 10 * records, detector, scratch)
    label = f"{detector}: {records:,} records at once"
    yield Row(label, once.wall, "s")
    yield Row(f"{label}, CPU", once.cpu, "s")
    yield Row(f"{label}, peak memory", once.peak_mb, "MB")
    for parts in (4, 16):
        found, took = scored(store, records // parts, detector, scratch)
        assert found == whole, "slices find something else"
        label = f"{detector}: {records:,} records in slices of {records // parts:,}"
        yield Row(label, took.wall, "s", once.wall, once.wall / took.wall)
        yield Row(f"{label}, CPU", took.cpu, "s", once.cpu, once.cpu / took.cpu)
        yield Row(f"{label}, peak memory", took.peak_mb, "MB", once.peak_mb,
                  once.peak_mb / took.peak_mb)  # fmt: skip


if __name__ == "__main__":
    sys.exit(harness.main(__doc__, measure))
