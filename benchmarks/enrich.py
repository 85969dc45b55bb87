"""How fast the enricher adds scores: by the API, through a pipe, one by one, and for long.

Events are whole Sysmon records as winlogbeat writes them, 1 kB each: programs, files, keys and
addresses by Zipf's law, and in a fifth of the events a value that no other event has. The baseline
does all but score: it decodes each line with msgspec and adds a key that never changes.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any

import numpy as np

from benchmarks import harness
from benchmarks.harness import Options, Row

RATE, LATENCY, START = 25_000, 5.0, 2.0  # targets: events/s a core, ms, s
SIZE = 1_000  # bytes of an event
FIRST = datetime(2026, 3, 2, tzinfo=UTC)
_SYSTEM = "C:\\Windows\\System32\\"
_CODES, _SHARES = (1, 3, 7, 10, 11, 12, 13, 22), (4, 6, 20, 20, 8, 16, 22, 4)

BASELINE = """
import os, sys, msgspec
decode = msgspec.json.Decoder().decode
rest = b""
while data := os.read(0, 65536):
    *lines, rest = (rest + data).split(b"\\n")
    out = []
    for line in lines:
        if type(decode(line)) is dict:
            end = line.rindex(b"}")
            line = b'%b,"graphad":{"score":0.0}%b' % (line[:end], line[end:])
        out.append(line + b"\\n")
    data = memoryview(b"".join(out))
    while data:
        data = data[os.write(1, data):]
"""


def _zipf(draw: random.Random, most: int) -> int:
    return min(int(draw.paretovariate(0.9)), most)


def _data(draw: random.Random, code: int, number: int) -> dict[str, str]:
    """Return the data of an event; every fifth has a value of its own."""
    new = draw.random() < 0.2
    name = f"{number:x}" if new else f"{_zipf(draw, 400)}"
    program = f"{_SYSTEM}program{_zipf(draw, 60)}.exe"
    data = {
        "Image": program, "User": f"CORP\\user{_zipf(draw, 200)}", "ProcessId": str(number % 9999),
        "ProcessGuid": f"{{5770385f-c22a-43e0-bf4c-{draw.randrange(5000):012x}}}",
    }  # fmt: skip
    if code == 1:
        data |= {
            "CommandLine": f"{program} --task {name} /quiet C:\\Data\\{name}\\in.txt",
            "ParentImage": f"{_SYSTEM}program{_zipf(draw, 20)}.exe",
        }
    elif code == 3:
        data |= {
            "DestinationIp": f"10.{_zipf(draw, 200)}.{number % 250 if new else 1}.7",
            "DestinationPort": str(draw.choice([80, 443, 445, 53])), "Protocol": "tcp",
            "Initiated": "true", "SourceIp": "10.0.0.9", "SourcePort": str(49152 + number % 9999),
        }  # fmt: skip
    elif code == 7:
        data["ImageLoaded"] = f"{_SYSTEM}library{name}.dll"
    elif code == 10:
        data["SourceImage"] = data.pop("Image")
        data |= {"TargetImage": f"{_SYSTEM}program{_zipf(draw, 60)}.exe", "GrantedAccess": "0x1400"}
    elif code == 11:
        data["TargetFilename"] = f"C:\\Users\\u{number % 50}\\Documents\\report{name}.docx"
    elif code == 22:
        data["QueryName"] = f"host{name}.example.com"
    else:
        data |= {
            "TargetObject": f"HKLM\\SOFTWARE\\Vendor\\App{name}\\Value",
            "EventType": "SetValue",
        }
    return data


def lines(count: int, seed: int) -> Iterator[bytes]:
    """Yield events of about SIZE bytes."""
    draw = random.Random(seed)
    for number in range(count):
        code = draw.choices(_CODES, _SHARES)[0]
        moment = FIRST + timedelta(seconds=number // 20)
        host, stamp = f"ws-{number % 40:02d}", f"{moment:%Y-%m-%d %H:%M:%S}.000"
        event: dict[str, Any] = {
            "@timestamp": f"{stamp.replace(' ', 'T')}Z",
            "winlog": {
                "event_id": str(code), "channel": "Microsoft-Windows-Sysmon/Operational",
                "provider_name": "Microsoft-Windows-Sysmon", "record_id": number,
                "computer_name": f"{host}.corp.example",
                "event_data": _data(draw, code, number) | {"UtcTime": stamp},
            },
            "agent": {"type": "winlogbeat", "version": "8.15.0", "hostname": host},
            "ecs": {"version": "8.0.0"}, "message": "",
        }  # fmt: skip
        event["message"] = "x" * max(SIZE - len(json.dumps(event)), 0)
        yield json.dumps(event).encode()


def model(folder: Path, count: int, seed: int) -> Path:
    """Return the folder of an event model of so many events."""
    from graphad.workspace import open_store

    log = folder / "past.json"
    log.write_bytes(b"\n".join(lines(count, seed)) + b"\n")
    store = open_store(folder / "store")
    store.ingest([log])
    return folder / "store" / "models" / "event" / store.fit(detector="event")


def by_api(made: Path, events: Sequence[bytes], seed: int) -> Iterable[Row]:
    """Time lines through the library, first with nothing remembered, then again."""
    import msgspec

    from graphad.enrich import Enricher
    from graphad.enrich.lines import with_key

    began = time.process_time()
    enricher = Enricher.load(made)
    yield Row("load a model", time.process_time() - began, "CPU s", seed=seed)
    decode = msgspec.json.Decoder().decode

    def plain() -> None:
        for line in events:
            decode(line)
            end = line.rindex(b"}")
            b'%b,"graphad":{"score":0.0}%b' % (line[:end], line[end:])

    def ours() -> None:
        for line in events:
            with_key(enricher, line)

    base = len(events) / harness.timed(plain).cpu
    for name in ("first", "again"):
        rate = len(events) / harness.timed(ours, 1).cpu
        yield Row(f"API, {name}", rate, "events/CPU s", base, rate / base, RATE, rate >= RATE, seed)
    fresh = Enricher.load(made)
    taken = []
    for line in events[:20_000]:
        start = time.perf_counter_ns()
        with_key(fresh, line)
        taken.append((time.perf_counter_ns() - start) / 1e3)
    for share in (50, 99):
        yield Row(f"API, one event, p{share}", float(np.percentile(taken, share)), "us", seed=seed)
    enricher._results.room, enricher._results.held = 0, {}
    rate = len(events) / harness.timed(ours, 1).cpu
    yield Row("API, no result remembered", rate, "events/CPU s", base, rate / base, seed=seed)


def command(made: Path, *more: str) -> list[str]:
    """Return the command that enriches."""
    return [sys.executable, "-m", "graphad", "enrich", "--model", str(made), *more]


def through_pipe(made: Path, events: Sequence[bytes], folder: Path, seed: int) -> Iterable[Row]:
    """Time whole processes: CPU of the enriching one, less what it takes to start."""
    many, one = folder / "many", folder / "one"
    many.write_bytes(b"\n".join(events) + b"\n")
    one.write_bytes(events[0] + b"\n")

    def rate(args: list[str]) -> float:
        used = []
        for file in (one, many):
            with subprocess.Popen(["cat", str(file)], stdout=subprocess.PIPE) as cat:
                used.append(harness.child(args, stdin=cat.stdout, stdout=subprocess.DEVNULL).cpu)
        return (len(events) - 1) / max(used[1] - used[0], 1e-9)

    base = rate([sys.executable, "-c", BASELINE])
    for flush, target in (("idle", RATE), ("line", None)):
        found = rate(command(made, "--flush", flush))
        met = None if target is None else found >= target
        yield Row(
            f"pipe, flush {flush}", found, "events/CPU s", base, found / base, target, met, seed
        )


@contextmanager
def running(args: Sequence[str]) -> Iterator[tuple[int, IO[bytes], IO[bytes]]]:
    """Run a filter; give its process id, its input and its output."""
    with subprocess.Popen(args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            yield child.pid, child.stdin, child.stdout
        finally:
            child.stdin.close()


def one_by_one(name: str, args: Sequence[str], events: Sequence[bytes], seed: int) -> Iterable[Row]:
    """Time answers to lines that are only sent when the one before was answered."""
    began = time.perf_counter()
    taken = []
    with running(args) as (_, stdin, stdout):
        reader = os.fdopen(os.dup(stdout.fileno()), "rb")
        for line in events:
            start = time.perf_counter()
            stdin.write(line + b"\n")
            reader.readline()
            taken.append(1e3 * (time.perf_counter() - start))
            if len(taken) == 1:
                until = time.perf_counter() - began
        reader.close()
    met = until <= START if name == "pipe" else None
    yield Row(f"{name}, first answer", until, "s", target=START if met is not None else None,
              met=met, seed=seed)  # fmt: skip
    for share in (50, 99):
        found = float(np.percentile(taken[1:], share))
        yield Row(f"{name}, one at a time, p{share}", found, "ms", seed=seed)


def steady(
    name: str, args: Sequence[str], events: Sequence[bytes], rate: int, seconds: float, seed: int
) -> Iterable[Row]:
    """Send events at a rate for some time; time each answer from when its line was due."""
    count = int(rate * seconds)
    step = max(rate // 1000, 1)  # lines that are due each millisecond
    came = np.zeros(count)
    with running(args) as (pid, stdin, stdout):
        stdin.write(events[0] + b"\n")
        while not os.read(stdout.fileno(), 65_536).endswith(b"\n"):
            pass

        def collect() -> None:
            at = 0
            while at < count:
                data = os.read(stdout.fileno(), 1 << 20)
                now, ended = time.perf_counter(), data.count(b"\n")
                came[at : at + ended] = now
                at += ended
                if not data:
                    return

        reader = threading.Thread(target=collect)
        reader.start()
        began, waited = time.perf_counter() + 0.01, _waited(pid)
        rss: list[float] = []
        for first in range(0, count, step):
            if first >= len(rss) * count / 10:
                rss.append(_rss(pid))
            due = began + first / rate
            wait = due - time.perf_counter()
            if wait > 0:
                time.sleep(wait)
            batch = b"".join(
                events[i % len(events)] + b"\n" for i in range(first, min(first + step, count))
            )
            left = memoryview(batch)
            while left:
                left = left[os.write(stdin.fileno(), left) :]
        reader.join()
        rss.append(_rss(pid))
        waited = (_waited(pid) - waited) / (time.perf_counter() - began)
    due_at = began + np.arange(count) // step * step / rate
    late = 1e3 * (came - due_at)
    told = f"{name}, {rate:,} a second for {seconds:g} s"
    for share, target in ((50, None), (99, LATENCY)):
        found = float(np.percentile(late, share))
        judged = target if name == "pipe" else None
        yield Row(f"{told}, p{share}", found, "ms", target=judged,
                  met=None if judged is None else found <= judged, seed=seed)  # fmt: skip
    yield Row(f"{told}, waiting for a core", 100 * waited, "% of the time", seed=seed)
    if name == "pipe":
        for what, at in (("a tenth", 1), ("half", 5)):
            yield Row(f"{told}, memory after {what}", rss[at], "MB", seed=seed)
        half, end = rss[5], rss[-1]
        yield Row(f"{told}, memory at the end", end, "MB", half, end / half, seed=seed)


def _rss(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _waited(pid: int) -> float:
    """Return the seconds in which a process could have run, but others had the cores."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9


def measure(options: Options) -> Iterable[Row]:
    """Measure the API, the pipe's rate, single answers, and steady load."""
    count, seconds = (20_000, 3.0) if options.quick else (100_000, 20.0)
    for seed in range(options.seeds):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            made = model(folder, 5_000 if options.quick else 20_000, seed)
            events = list(lines(count, seed + 1000))
            size = sum(map(len, events)) / len(events)
            yield Row("size of an event", size, "bytes", seed=seed)
            yield from by_api(made, events, seed)
            yield from through_pipe(made, events, folder, seed)
            plain = [sys.executable, "-c", BASELINE]
            for what, args in (("baseline", plain), ("pipe", command(made))):
                yield from one_by_one(what, args, events[:2_000], seed)
                yield from steady(what, args, events, 5_000, seconds, seed)
            yield from steady("pipe", command(made), events, 1_000, 9 * seconds, seed)


if __name__ == "__main__":
    sys.exit(harness.main(__doc__, measure, seeds=1))
