"""What every benchmark shares: options, timing, memory, and one way to print a row.

A script defines `measure(options) -> rows` and ends with
`sys.exit(harness.main(__doc__, measure))`. Run it from the root of the repository:
`python -m benchmarks.NAME --quick --json --seeds 3`.
"""

import argparse
import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple, TextIO

ROOT = Path(__file__).parent.parent
ONE_CORE = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
PACKAGES = ("numpy", "duckdb", "pyarrow", "numba", "scipy", "torch")


@dataclass(frozen=True)
class Row:
    """One measured figure.

    `baseline` is the plain way's value in the same run on the same input, `ratio` how many times
    better we are, `target` what was asked of the ratio or else of the value, `met` if it was
    reached (None without a target).
    """

    name: str
    value: float
    unit: str
    baseline: float | None = None
    ratio: float | None = None
    target: float | None = None
    met: bool | None = None
    seed: int | None = None


@dataclass(frozen=True)
class Options:
    """What all benchmarks understand: a small run, NDJSON out, and how many seeds."""

    quick: bool
    json: bool
    seeds: int


class Times(NamedTuple):
    """Median seconds of wall clock and of CPU (user and system, all threads)."""

    wall: float
    cpu: float


class Child(NamedTuple):
    """What one process took: seconds of wall clock and of CPU, and its peak memory in MB (10^6)."""

    wall: float
    cpu: float
    peak_mb: float


class Spread(NamedTuple):
    """Smallest, median and largest."""

    low: float
    median: float
    high: float


def compare(
    name: str, value: float, unit: str, baseline: float, target: float, *, seed: int | None = None
) -> Row:
    """Return the row of a rate against the plain way's rate; `target` is for their ratio."""
    ratio = value / baseline
    return Row(name, value, unit, baseline, ratio, target, ratio >= target, seed)


def timed(function: Callable[[], object], repeat: int = 3) -> Times:
    """Return the median times of `repeat` calls, none of them warmed up.

    Raises: ValueError: `repeat` is not at least 1.
    """
    if repeat < 1:
        raise ValueError("repeat must be at least 1")
    wall, cpu = [], []
    for _ in range(repeat):
        began, used = time.perf_counter(), time.process_time()
        function()
        wall.append(time.perf_counter() - began)
        cpu.append(time.process_time() - used)
    return Times(statistics.median(wall), statistics.median(cpu))


def spread(values: Sequence[float]) -> Spread:
    """Return how far values of several seeds or runs lie apart.

    Raises: ValueError: there is none.

    >>> spread([3.0, 1.0, 2.0])
    Spread(low=1.0, median=2.0, high=3.0)
    """
    if not values:
        raise ValueError("there are no values")
    return Spread(min(values), statistics.median(values), max(values))


# Linux keeps a process's peak memory over exec, so a child begins with that of whoever forked it.
# This small process, not a big benchmark, forks it.
_LAUNCHER = """
import os, sys, time
began = time.perf_counter()
pid = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ)
_, status, used = os.wait4(pid, 0)
wall = time.perf_counter() - began
with os.fdopen(int(sys.argv[1]), "w") as out:
    print(wall, used.ru_utime + used.ru_stime, used.ru_maxrss, os.waitstatus_to_exitcode(status),
          file=out)
"""


def child(command: Sequence[str], **options: Any) -> Child:
    """Return what a command took; its own children count once they ended and were waited for.

    Memory under about 10 MB is not told apart: that is the launcher's. `options` are Popen's.

    Raises: subprocess.CalledProcessError: it failed.
    """
    read, write = os.pipe()
    with os.fdopen(read) as result:
        launcher = [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(write), *command]
        try:
            done = subprocess.run(launcher, pass_fds=(write,), check=False, **options)
        finally:
            os.close(write)
        words = result.read().split()
    if not words:  # the launcher itself failed: there is no such program
        raise subprocess.CalledProcessError(done.returncode, list(command))
    wall, cpu, kib, code = (float(word) for word in words)
    if code:
        raise subprocess.CalledProcessError(int(code), list(command))
    return Child(wall, cpu, kib * 1024 / 1e6)


def on_one_core(module: str) -> None:
    """Start a benchmark anew unless linear algebra has one thread.

    Threads count as CPU time without making it faster; they are set at start.
    """
    if any(os.environ.get(name) != value for name, value in ONE_CORE.items()):
        command = [sys.executable, "-m", f"benchmarks.{module}", *sys.argv[1:]]
        sys.exit(subprocess.run(command, env=os.environ | ONE_CORE, check=False).returncode)


def machine() -> dict[str, str]:
    """Return where a figure was measured: commit (with + if changed since), machine, versions."""
    facts = {
        "commit": _commit(),
        "cpu": _first_value(Path("/proc/cpuinfo"), "model name") or platform.processor(),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1e9:.0f} GB",
        "python": platform.python_version(),
    }
    for name in PACKAGES:
        try:
            facts[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return facts


def _commit() -> str:
    def git(*words: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(ROOT), *words], capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    try:
        return git("rev-parse", "--short", "HEAD") + ("+" if git("status", "--porcelain") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _first_value(file: Path, key: str) -> str:
    if not file.is_file():
        return ""
    for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == key:
            return value.strip()
    return ""


def report(rows: Iterable[Row], as_json: bool, out: TextIO) -> bool:
    """Print rows with where they were measured; return whether every target was met.

    NDJSON is printed row by row, a table when all are there.
    """
    facts = machine()
    shown, met = [], True
    if not as_json:
        print(" · ".join(f"{name} {value}" for name, value in facts.items()), file=out)
    for row in rows:
        met = met and row.met is not False
        if as_json:
            print(json.dumps(asdict(row) | {"machine": facts}), file=out, flush=True)
        else:
            shown.append([_cell(value) for value in asdict(row).values()])
    if shown:
        header = list(asdict(Row("", 0.0, "")))
        widths = [max(map(len, column)) for column in zip(header, *shown, strict=True)]
        for line in [header, *shown]:
            cells = [
                cell.ljust(width) if i in (0, 2) else cell.rjust(width)
                for i, (cell, width) in enumerate(zip(line, widths, strict=True))
            ]
            print("  ".join(cells).rstrip(), file=out)
    return met


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "NO"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return str(value)


def main(
    about: str | None,
    measure: Callable[[Options], Iterable[Row]],
    argv: Sequence[str] | None = None,
    *,
    seeds: int = 3,
) -> int:
    """Run a benchmark from its command line; return 0, or 1 if a target was missed in a full run.

    A quick run is too small to judge a target by. `seeds` is how many there are if none are asked.
    """
    parser = argparse.ArgumentParser(description=(about or "").strip().partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a small run, seconds not minutes")
    parser.add_argument("--json", action="store_true", help="print NDJSON, one row a line")
    parser.add_argument("--seeds", type=int, default=seeds, metavar="N", help="seeds 0 to N-1")
    given = parser.parse_args(argv)
    if given.seeds < 1:
        parser.error("--seeds must be at least 1")
    options = Options(given.quick, given.json, given.seeds)
    met = report(measure(options), options.json, sys.stdout)
    return 0 if met or options.quick else 1
