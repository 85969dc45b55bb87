"""How large incidents get: real captures, one by one and all in one store.

Reads the OTRF archives from $GRAPHAD_DATA (or ../shared/data beside the checkout). Each is one
attack of a minute or two on up to three hosts. Alone, nothing says what is usual, so findings are
only ranked. In one store, hosts and long-lived processes are the same over many captures: an
incident that holds events of several has either followed one attacker or swallowed strangers.
"""

import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks import captures, harness
from benchmarks.harness import Options, Row
from graphad.errors import GraphadError
from graphad.incident_graph import Incident
from graphad.workspace import Workspace

TOP = 1000  # paths of each length, with all archives in one store


def processes(incident: Incident) -> int:
    """Return how many processes stand at its telling events."""
    ends = {end for e in incident.events if e.telling for end in (e.src, e.dst)}
    return sum(incident.entities[end].type == "process" for end in ends)


def sources(incident: Incident) -> set[str]:
    """Return which logs its telling events are from."""
    return {event.evidence.source for event in incident.events if event.telling}


def sizes(name: str, found: Sequence[Sequence[Incident]]) -> Iterable[Row]:
    """Return rows on the incidents of several hunts."""
    share = [max(i.paths for i in one) / sum(i.paths for i in one) for one in found]
    yield Row(f"{name}: incidents a hunt, median", statistics.median(map(len, found)), "incidents")
    yield Row(f"{name}: share of all paths in the largest, median", statistics.median(share), "")
    every = sorted(processes(i) for one in found for i in one)
    for part, words in ((0.5, "median"), (0.9, "90th percentile"), (1.0, "largest")):
        at = min(int(part * len(every)), len(every) - 1)
        yield Row(f"{name}: processes an incident, {words}", every[at], "processes")


def alone(logs: Sequence[Path], scratch: Path) -> Iterable[Row]:
    """Hunt in each archive by itself."""
    found = []
    crossing = moves = 0
    for number, log in enumerate(logs):
        store = Workspace(scratch / f"{number}.store")
        try:
            store.hunt([log])
        except GraphadError as error:
            print(f"{log.name}: {error}", file=sys.stderr)
            continue
        found.append(store.incidents())
        moved = "lateral_movement" in log.parts
        moves += moved
        crossing += moved and any(len(i.hosts) > 1 for i in found[-1])
    yield from sizes("archives alone", found)
    yield Row("archives of lateral movement", moves, "archives")
    yield Row("... with an incident over several hosts", crossing, "archives")


def together(logs: Sequence[Path], scratch: Path) -> Iterable[Row]:
    """Hunt in all archives at once."""
    store = Workspace(scratch / "all.store")
    findings = len(store.hunt(list(logs), top=TOP).findings)
    start = time.process_time()
    found = store.incidents()
    seconds = time.process_time() - start
    yield Row("one store: findings", findings, "findings")
    yield from sizes("one store", [found])
    spans = Counter(len(sources(incident)) for incident in found)
    for count, incidents in sorted(spans.items()):
        yield Row(f"one store: incidents with events of {count} archives", incidents, "incidents")
    yield Row("incidents built and described", seconds / findings * 1e6, "CPU us a finding")


def measure(options: Options) -> Iterable[Row]:
    """Measure incidents on the OTRF archives."""
    with tempfile.TemporaryDirectory() as folder:
        home = captures.unpack("otrf-windows", Path(folder))
        if home is None:
            print("otrf-windows is absent; set GRAPHAD_DATA.", file=sys.stderr)
            return
        logs = sorted(p for p in home.glob("**/*.zip") if "_metadata" not in p.parts)
        logs = logs[::12] if options.quick else logs
        yield from alone(logs, Path(folder))
        yield from together(logs, Path(folder))


if __name__ == "__main__":
    sys.exit(harness.main(__doc__, measure))
