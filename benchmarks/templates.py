"""Templates of text logs: as right as drain3 line by line, and how much faster.

Accuracy on the loghub samples in $GRAPHAD_DATA, whose headers are taken off, against drain3 with
its defaults, given every line, without masks and with ours. The similarity that we use was chosen
on these same logs. Speed on logs made by this script: from bytes to a template for each line on two
cores, against drain3 given each line with four masks in regular expressions, without any, and with
the same masks (benchmarks/plain_masks.py).
"""

import csv
import io
import random
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from drain3.drain import Drain

from benchmarks import captures, harness, plain_masks
from benchmarks.harness import Options, Row
from benchmarks.template_accuracy import grouping_accuracy, parsing_accuracy
from graphad.decoders.strace_decode import line_ends
from graphad.models.templates import Templates
from graphad.scan import text_distinct, text_head
from graphad.scan import text_rest as rest

Ints = npt.NDArray[np.int64]

NEAR = 0.005  # of plain drain3's accuracy
REPETITIVE, RICH = 15.0, 2.0  # times drain3 per line
BLOCK = 2 << 20  # bytes that one thread takes at once
ENOUGH = 800_000.0  # lines/s on two cores
FOUR = [
    (re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.])"), "<IP>"),
    (re.compile(r"\b(?:[0-9a-f]{2,}:){3,}[0-9a-f]{2,}\b"), "<ID>"),
    (re.compile(r"\b0x[0-9a-f]+\b"), "<HEX>"),
    (re.compile(r"(?<![A-Za-z0-9])[-+]?\d+(?![A-Za-z0-9])"), "<NUM>"),
]


class Rate(NamedTuple):
    """Lines a second of wall clock and of CPU."""

    wall: float
    cpu: float


def masked(data: bytes, headers: bool) -> tuple[list[str], Ints]:
    """Return the distinct masked messages of lines, and which one each line has; on two threads."""
    parts, at = [], 0
    while at < len(data):
        end = data.find(b"\n", at + BLOCK) + 1 or len(data)
        parts.append(data[at:end])
        at = end

    def work(part: bytes) -> tuple[list[bytes], Ints]:
        start, end = line_ends(part)
        array = np.frombuffer(part + bytes(64), np.uint8)
        if headers:
            n = len(start)
            spans = np.empty((n, rest.SPANS), np.int32)
            kind, us, flags = np.empty(n, np.uint8), np.empty(n, np.int64), np.empty(n, np.int64)
            text_head.heads(array, start, end, kind, us, flags, spans)
            start = spans[:, rest.MESSAGE].astype(np.int64)
            end = spans[:, rest.MESSAGE + 1].astype(np.int64)
        found = text_distinct.mask(array, start, end, values=False)
        return found.texts(), found.which

    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(work, parts))
    number: dict[bytes, int] = {}
    which = []
    for texts, of in results:
        places = np.array([number.setdefault(text, len(number)) for text in texts], np.int64)
        which.append(places[of] if len(of) else of)
    return [text.decode("utf-8", "replace") for text in number], np.concatenate(which)


def ours(data: bytes, headers: bool = True) -> tuple[Templates, Ints, int]:
    """Return templates, the template of each line, and how many distinct masked lines there are."""
    lines, which = masked(data, headers)
    found = Templates().learn(lines)
    return found, np.array(found.of(lines), np.int64)[which], len(lines)


def plain(lines: Iterable[str]) -> tuple[list[int], dict[int, str]]:
    """Return drain3's cluster of each line, and the clusters' templates at the end."""
    miner = Drain()
    numbers = [miner.add_log_message(line)[0].cluster_id for line in lines]
    return numbers, {c.cluster_id: c.get_template() for c in miner.clusters}


def accuracy(folder: Path) -> Iterator[Row]:
    """Yield the accuracies on one loghub sample after another."""
    for path in sorted(folder.rglob("*_structured.csv")):
        name = path.name.partition("_2k")[0]
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        lines = [row["Content"].replace("\n", " ") for row in rows]
        groups, texts = ([row[key] for row in rows] for key in ("EventId", "EventTemplate"))
        found, which, _ = ours("\n".join(lines).encode(), headers=False)
        distinct, of = masked("\n".join(lines).encode(), headers=False)
        by_plain = [plain(lines), plain([distinct[i] for i in of.tolist()])]
        grouped = [grouping_accuracy(numbers, groups) for numbers, _ in by_plain]
        parsed = [parsing_accuracy([told[n] for n in numbers], texts) for numbers, told in by_plain]
        value = grouping_accuracy(which.tolist(), groups)
        best = max(grouped)
        yield Row(
            f"{name}: grouping accuracy", value, "share", best, None, best - NEAR,
            value >= best - NEAR,
        )  # fmt: skip
        yield Row(f"{name}: grouping, drain3 without masks", grouped[0], "share")
        yield Row(f"{name}: grouping, drain3 with our masks", grouped[1], "share")
        mine = parsing_accuracy([found.shown[n] for n in which.tolist()], texts)
        yield Row(f"{name}: parsing accuracy", mine, "share", max(parsed), None)
        yield Row(f"{name}: templates", float(len(found)), "count", float(len(set(groups))))


def repetitive(n: int, luck: random.Random) -> bytes:
    """Return n syslog lines of six kinds."""
    out = io.StringIO()
    for i in range(n):
        pid, port = luck.randrange(1000, 32000), luck.randrange(1024, 65000)
        ip = f"{luck.randrange(1, 224)}.{luck.randrange(256)}.{luck.randrange(256)}.{i % 256}"
        body = (
            f"sshd[{pid}]: Failed password for invalid user u{i % 97} from {ip} port {port} ssh2",
            f"sshd[{pid}]: Received disconnect from {ip}: 11: Bye Bye [preauth]",
            f"sshd[{pid}]: Accepted publickey for deploy from {ip} port {port} ssh2",
            f"CRON[{pid}]: pam_unix(cron:session): session opened for user root by (uid=0)",
            f"kernel: [{i}.{pid}] eth0: link up, {port} Mbps, lpa 0x{port:x}",
            f"systemd[1]: session-{pid}.scope: Consumed {i % 900}ms CPU time.",
        )[luck.randrange(6)]
        out.write(f"Dec 10 {i // 3600 % 24:02d}:{i // 60 % 60:02d}:{i % 60:02d} web-1 {body}\n")
    return out.getvalue().encode()


def rich(n: int, luck: random.Random) -> bytes:
    """Return n lines of 500 kinds in which words vary that no mask knows."""
    words = ["".join(luck.choices("abcdefghijklmnopqrstuvwxyz", k=luck.randrange(3, 10)))
             for _ in range(4000)]  # fmt: skip
    kinds = [[luck.choice(words) for _ in range(luck.randrange(5, 14))] for _ in range(500)]
    out = io.StringIO()
    for i in range(n):
        kind = luck.randrange(500)
        said = list(kinds[kind])
        if kind % 4:
            for place in (len(said) - 1, len(said) // 2):
                said[place] = luck.choice(words)
        out.write(
            f"Dec 10 {i // 3600 % 24:02d}:{i // 60 % 60:02d}:{i % 60:02d} web-1 app[{i % 999}]: "
            f"{' '.join(said)} 10.0.{i % 256}.{kind % 256} took {i % 500}\n"
        )
    return out.getvalue().encode()


def messages(data: bytes) -> list[str]:
    """Return what follows the headers of syslog lines."""
    return [line.split(": ", 1)[1] for line in data.decode().splitlines()]


def with_four(line: str) -> str:
    """Return a line masked as one configures drain3."""
    for pattern, mask in FOUR:
        line = pattern.sub(mask, line)
    return line


def with_same(line: str) -> str:
    """Return a line with our masks, by regular expressions."""
    return plain_masks.mask(line.encode())[0].decode()


def speed(name: str, data: bytes, plain_lines: int, target: float, enough: float) -> Iterator[Row]:
    """Yield the rates of a log, ours on all of it, drain3's on its first lines."""
    lines = messages(data)[:plain_lines]
    n = data.count(b"\n")
    masked(data[:100_000], True)  # compiles
    found: list[tuple[Templates, Ints, int]] = []
    mine = harness.timed(lambda: found.append(ours(data)), repeat=3)
    templates, _, distinct = found[0]
    yield Row(f"{name}: distinct masked lines", distinct / n, "share")
    yield Row(f"{name}: templates", float(len(templates)), "count")
    value = Rate(n / mine.wall, n / mine.cpu)
    yield Row(
        f"{name}: lines, two threads", value.wall, "lines/s", None, None, enough or None,
        value.wall >= enough if enough else None,
    )  # fmt: skip
    for how, change in (("four masks", with_four), ("no masks", str), ("our masks", with_same)):
        few = lines if change is not with_same else lines[: max(1, plain_lines // 10)]
        times = harness.timed(lambda f=few, c=change: plain(map(c, f)), repeat=1)  # type: ignore[misc]
        wall, cpu = len(few) / times.wall, len(few) / times.cpu
        row = f"{name}: against drain3 with {how}"
        if change is with_four:
            yield harness.compare(f"{row}, wall", value.wall, "lines/s", wall, target)
        else:
            yield Row(f"{row}, wall", value.wall, "lines/s", wall, value.wall / wall)
        yield Row(f"{row}, CPU", value.cpu, "lines/cpu-s", cpu, value.cpu / cpu)


def measure(options: Options) -> Iterator[Row]:
    """Yield all rows."""
    with tempfile.TemporaryDirectory() as folder:
        logs = captures.unpack("textlogs", Path(folder))
        if logs is None:
            print("textlogs is absent; set GRAPHAD_DATA.", file=sys.stderr)
        else:
            yield from accuracy(logs)
    n = 100_000 if options.quick else 1_000_000
    few = n // 10
    luck = random.Random(7)
    yield from speed("repetitive", repetitive(n, luck), few, REPETITIVE, ENOUGH)
    yield from speed("rich", rich(n // 4, luck), few, RICH, 0)


def main(argv: Sequence[str] | None = None) -> int:
    """Run it."""
    return harness.main(__doc__, measure, argv)


if __name__ == "__main__":
    sys.exit(main())
