"""How fast logs become a store, against plain parsers that give the same columns.

Sysmon: the OTRF captures' Sysmon records, replicated over time and hosts (each copy has its own
host name and its own hour) to at least a million records; where the captures are absent, generated
ones. strace: the demo's recording, replicated over process ids. Memory is that of a process of its
own.
"""

import functools
import gzip
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from benchmarks import captures, harness
from benchmarks.harness import Options, Row

CHILD = """
from graphad.cli.memory import give_back
give_back()  # as the command does
import sys, time
from graphad.store import Store
start = time.perf_counter()
store = Store(sys.argv[1])
[done] = store.ingest(sys.argv[2], parser=sys.argv[3])
print(done.read, done.used, done.ignored, done.rejected, done.edges, time.perf_counter() - start)
"""


def replicate(source: Path, target: Path, records: int) -> int:
    """Write copies of a file of Sysmon records, each of another host and hour; return the count."""
    text = source.read_bytes()
    lines = text.count(b"\n")
    hosts = sorted(set(re.findall(rb'"(?:Hostname|Computer|computer_name)": ?"([^"]+)"', text)))
    copies = -(-records // lines)
    with target.open("wb") as out:
        for copy in range(copies):
            made = text
            for host in hosts:
                made = made.replace(b'"' + host + b'"', b'"%s-%d"' % (host, copy // 24))
            hour = b"%02d" % (copy % 24)
            made = re.sub(rb'("UtcTime": ?"\d{4}-\d\d-\d\d )\d\d', rb"\g<1>" + hour, made)
            out.write(made)
    return copies * lines


def generate(target: Path, records: int) -> int:
    """Write invented Sysmon records, three kinds in turn."""
    import json

    with target.open("wb") as out:
        for i in range(records):
            pid = 1000 + i // 40
            common = {
                "Channel": "Microsoft-Windows-Sysmon/Operational", "Hostname": f"ws-{i % 50}",
                "UtcTime": f"2026-01-{1 + i // 86_400_00 % 28:02d} {i // 3600 % 24:02d}:"
                f"{i // 60 % 60:02d}:{i % 60:02d}.{i % 1000:03d}",
                "ProcessGuid": f"{{00000000-0000-0000-0000-{pid:012d}}}", "ProcessId": str(pid),
                "Image": f"C:\\Windows\\System32\\app{pid % 97}.exe",
            }  # fmt: skip
            special: dict[str, object] = {
                0: {"EventID": 13, "EventType": "SetValue", "Details": "DWORD (0x00000001)",
                    "TargetObject": f"HKLM\\SOFTWARE\\Vendor\\Key{i % 4001}"},
                1: {"EventID": 11, "TargetFilename": f"C:\\ProgramData\\cache\\item{i % 7001}.dat"},
                2: {"EventID": 7, "ImageLoaded": f"C:\\Windows\\System32\\lib{i % 301}.dll",
                    "Hashes": "SHA256=" + f"{i % 301:064X}", "Signed": "true"},
            }[i % 3]  # fmt: skip
            out.write(json.dumps(common | special).encode() + b"\n")
    return records


def plain_windows(path: Path) -> tuple[int, float]:
    """Return the records and seconds of the plain parser, without writing."""
    from benchmarks import plain_windows as plain

    start = time.perf_counter()
    read = plain.parse(path)
    return read, time.perf_counter() - start


def stored(kind: str, log: Path, scratch: Path, name: str) -> tuple[dict[str, float], float]:
    """Ingest in a process of its own; return its figures and its peak memory in MB."""
    result = scratch / "result"
    with result.open("w") as out:
        done = harness.child(
            [sys.executable, "-c", CHILD, str(scratch / name), str(log), kind],
            stdout=out, cwd=harness.ROOT,
        )  # fmt: skip
    values = [float(v) for v in result.read_text().split()]
    names = ("read", "used", "ignored", "rejected", "edges", "seconds")
    return dict(zip(names, values, strict=True)), done.peak_mb


def windows(options: Options, scratch: Path) -> Iterable[Row]:
    """Sysmon JSON into the store."""
    wanted = 100_000 if options.quick else 1_000_000
    log = scratch / "sysmon.json"
    home = None if options.quick else captures.unpack("otrf-windows", scratch)
    if home is not None:
        captures.json_lines(home, scratch / "once.json")
        records = replicate(scratch / "once.json", log, wanted)
    else:
        records = generate(log, wanted)
    kind = "OTRF" if home is not None else "generated"
    sample = scratch / "sample.json"
    with log.open("rb") as whole, sample.open("wb") as part:
        for line, _ in zip(whole, range(100_000), strict=False):
            part.write(line)
    read, seconds = plain_windows(sample)
    plain = read / seconds
    name = f"plain parser of Sysmon JSON ({kind})"
    yield Row(name, plain, "records/s", target=70_000, met=plain >= 70_000)
    stored("windows", sample, scratch, "warm.store")
    done, peak = stored("windows", log, scratch, "sysmon.store")
    assert done["read"] == done["used"] + done["ignored"] + done["rejected"] == records
    rate = done["read"] / done["seconds"]
    name = f"Sysmon JSON ({kind}) into the store"
    yield Row(name, rate, "records/s", plain, rate / plain, 300_000, rate >= 300_000)
    yield Row("the same, ratio", rate / plain, "times", target=5.0, met=rate >= 5.0 * plain)
    yield Row("bytes read", log.stat().st_size / done["seconds"] / 1e6, "MB/s")
    yield Row(f"peak memory, {records:,} records", peak, "MB")
    if home is not None:  # copies repeat what names are made of; a new day does not
        for what, holding in (("Sysmon JSON", captures.SYSMON), ("all channels as JSON", b"")):
            captures.json_lines(home, scratch / "once.json", holding)
            done, _ = stored("windows", scratch / "once.json", scratch, f"{what}.store")
            yield Row(f"{what} (OTRF, {done['read']:,.0f} records, each once) into the store",
                      done["read"] / done["seconds"], "records/s")  # fmt: skip
    if not options.quick:
        log.unlink()
        peaks = {}
        for made in (1_000_000, 2_000_000, 10_000_000):
            generate(log, made)
            done, peaks[made] = stored("windows", log, scratch, f"{made}.store")
            rate = made / done["seconds"]
            name = f"Sysmon JSON ({made:,} generated) into the store"
            yield Row(name, rate, "records/s", target=300_000, met=rate >= 300_000)
            if made < 10_000_000:
                yield Row(f"peak memory, {made:,} generated", peaks[made], "MB")
        # From the second segment on one is closed while blocks of the next are decoded.
        grown = peaks[10_000_000] / peaks[2_000_000]
        name = "peak memory, 10,000,000 generated, against 2,000,000"
        yield Row(name, peaks[10_000_000], "MB", peaks[2_000_000], grown, 1.25, grown <= 1.25)
        log.unlink()


def strace(options: Options, scratch: Path) -> Iterable[Row]:
    """strace: the scanner alone, against the plain parser, then all the way into the store."""
    from benchmarks import plain_strace
    from graphad.scan import strace as scanner

    demo = harness.ROOT / "sample_logs" / "demo"
    once = b"".join(gzip.decompress(path.read_bytes()) for path in sorted(demo.glob("*.strace.gz")))
    copies = 2 if options.quick else 20
    made = [
        re.sub(rb"^(\d+) ", lambda m, c=copy: b"%d " % (int(m[1]) + 100_000 * c), once, flags=re.M)  # type: ignore[misc]
        for copy in range(copies)
    ]
    text = b"".join(made)
    lines = text.count(b"\n")
    part = once[: once.rfind(b"\n", 0, 2_000_000) + 1]
    start = time.perf_counter()
    plain_strace.plain_scan(part)
    plain = part.count(b"\n") / (time.perf_counter() - start)
    scanner.scan(part)
    took = harness.timed(lambda: scanner.scan(text))
    rate = lines / took.wall
    name = "strace scanning, one core"
    yield Row(name, rate, "lines/s", plain, rate / plain, 1_000_000, rate >= 1_000_000)
    yield Row("the same, ratio", rate / plain, "times", target=8.0, met=rate >= 8.0 * plain)
    log = scratch / "demo.strace"
    log.write_bytes(text)
    done, peak = stored("strace", log, scratch, "strace.store")
    yield Row("strace into the store", done["read"] / done["seconds"], "lines/s")
    yield Row(f"peak memory, {lines:,} lines", peak, "MB")


def hunt(options: Options, scratch: Path) -> Iterable[Row]:
    """The first command of the README, cold (kernels not compiled yet) and warm."""
    demo = harness.ROOT / "sample_logs" / "demo"
    cache = scratch / "cache"
    environment = os.environ | {"XDG_CACHE_HOME": str(cache)}
    for name in ("cold", "warm"):
        words = ["-m", "graphad", "hunt", "-q", "-s", str(scratch / name), str(demo)]
        start = time.perf_counter()
        _run(words, environment)
        yield Row(f"graphad hunt sample_logs/demo, {name}", time.perf_counter() - start, "s")
    for name, words in (
        ("graphad --help", ["-m", "graphad", "--help"]),
        ("import graphad", ["-c", "import graphad"]),
    ):
        took = harness.timed(functools.partial(_run, words, os.environ), 5)
        yield Row(name, took.wall, "s", target=0.5, met=took.wall < 0.5)


def _run(words: Sequence[str], environment: Mapping[str, str]) -> None:
    subprocess.run(
        [sys.executable, *words], check=True, stdout=subprocess.DEVNULL, env=environment,
        cwd=harness.ROOT,
    )  # fmt: skip


def measure(options: Options) -> Iterable[Row]:
    """Measure all parts in turn."""
    with tempfile.TemporaryDirectory() as scratch:
        for part in (hunt, strace, windows):
            if part is hunt and options.quick:
                continue
            yield from part(options, Path(scratch))


if __name__ == "__main__":
    sys.exit(harness.main(__doc__, measure))
