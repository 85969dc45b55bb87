"""How fast the host and provenance formats are ingested, in records a CPU second.

The samples' records are repeated with digits of their numbers and names drawn anew (a seed a run),
so that dictionaries and remembered entities grow; what that breaks is ignored or rejected, which
costs less, so the share that is used stands beside each figure. CPU is user and system time of all
threads; a first ingest of the sample, not counted, compiles and plans.
"""

import random
import re
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from benchmarks import harness
from benchmarks.harness import Options, Row

SAMPLES = harness.ROOT / "sample_logs"
LINES = {
    "cdm": "trace.cdm20.json", "ecar": "events.json", "streamspot": "letters.tsv",
    "camflow": "provenance.json", "spade_dot": "graph.dot", "procmon": "log.csv",
    "osquery": "results.log", "falco": "alerts.json", "tetragon": "events.json",
    "tracee": "events.json", "ecs": "documents.json", "ocsf": "events.json",
}  # fmt: skip
# The last digits of what a quote ends, and of a number that is no time, class or activity.
_VARIED = re.compile(rb'(?<=[a-z/\\._-])(\d{1,3})(?=")|(?<="pid":)(\d+)')


def varied(sample: Path, count: int, seed: int) -> bytes:
    """Return so many lines: the sample's in order, over and over, each time with other digits."""
    luck = random.Random(seed)
    lines = [line for line in sample.read_bytes().split(b"\n") if line.strip()]
    found = [
        _VARIED.sub(lambda match: b"%d" % luck.randrange(1, 256), lines[n % len(lines)])
        if n >= len(lines)
        else lines[n]
        for n in range(count)
    ]
    return b"\n".join(found) + b"\n"


def measure(options: Options) -> Iterable[Row]:
    """Ingest each format's lines into a store of its own."""
    from graphad.store import Store

    count = 2_000 if options.quick else 40_000
    for seed in range(1 if options.quick else options.seeds):
        with tempfile.TemporaryDirectory() as scratch:
            for name, file in LINES.items():
                store = Store(Path(scratch) / name)
                store.ingest(SAMPLES / name / file, parser=name)
                log = Path(scratch) / f"{name}.log"
                log.write_bytes(varied(SAMPLES / name / file, count, seed))
                start = time.process_time()
                [done] = store.ingest(log, parser=name)
                seconds = time.process_time() - start
                if done.read != done.used + done.ignored + done.rejected:
                    raise AssertionError(f"{name} loses records")
                share = 100 * done.used / done.read
                yield Row(
                    f"{name}: {done.edges} edges", done.read / seconds,
                    f"records a CPU second, {share:.0f} % used", seed=seed,
                )  # fmt: skip


if __name__ == "__main__":
    sys.exit(harness.main(__doc__, measure))
