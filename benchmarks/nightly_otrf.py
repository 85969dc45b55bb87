"""How nights of real records go: the OTRF captures laid as a run of nights, and as one large day.

Nights as docs/nightly.md has them, by the command: paths and events, everything else as it is if
not given. First a run of nights (see otrf_nights), each judged by models of the nights before and
only then learned: what it found, whether attacks that are known of it are in an alert, what it
warned of. Then one of them killed with -9 at random moments and repeated; one whose captures come
back on the two nights after, with processes of their own; and a large day of two labs at once,
judged by the same day before. What is the attacker's is weak truth, see otrf_truth.
"""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import captures, harness, otrf_nights, otrf_truth
from benchmarks.harness import Child, Options, Row
from benchmarks.nightly import FIRST
from benchmarks.quality_lab import Incident, incidents
from graphad.findings import Finding
from graphad.nightly import state
from graphad.workspace import Workspace

DETECTORS = "path", "event"
LABS = 2  # that run at once on the large day
KILLS = 6
BACK = 2  # nights on which an attack comes back
_DRIFT = re.compile(r"(scores|shares|volumes)\b.* have drifted|budget .* no longer holds")
_SILENT = re.compile(r"host (\S+) is silent")
_EMPTY = re.compile(r"did not come|was run for|no event")


@dataclass
class Told:
    """What a night gave: what it cost, its state, its findings as they were then, its words."""

    cost: Child
    night: state.Night
    findings: list[Finding]
    out: bytes
    words: list[str]

    def seconds(self, *stages: str) -> float:
        """Return what stages took, by the first word of their names."""
        return sum(
            stage.seconds for name, stage in self.night.stages.items() if name.split()[0] in stages
        )

    @property
    def warnings(self) -> list[str]:
        """Return what it warned of."""
        return [w.partition("warning: ")[2] for w in self.words if "warning: " in w]


def command(store: Path, day: date, logs: Path) -> list[str]:
    """Return the command of a night."""
    detectors = [word for name in DETECTORS for word in ("--detector", name)]
    return [sys.executable, "-m", "graphad", "nightly", "-s", str(store), "--day",
            day.isoformat(), *detectors, "-f", "ndjson", str(logs)]  # fmt: skip


def night(store: Path, day: date, logs: Path) -> Told:
    """Run a night and return what it gave."""
    out, words = store.with_suffix(".out"), store.with_suffix(".words")
    with out.open("wb") as stdout, words.open("wb") as stderr:
        try:
            cost = harness.child(command(store, day, logs), stdout=stdout, stderr=stderr)
        except subprocess.CalledProcessError as error:
            error.add_note(words.read_text())
            raise
    known, _ = state.load(store, day.isoformat())
    wanted = {name for names in known.findings.values() for name in names}
    found = [one for one in Workspace(store).findings() if one.id in wanted]
    return Told(cost, known, found, out.read_bytes(), words.read_text().splitlines())


def outcome(store: Path) -> dict[str, Any]:
    """Return all that nights leave which does not tell of time."""
    opened = Workspace(store, create=False)
    nights = [json.loads(path.read_bytes()) for path in sorted((store / state.FOLDER).glob("*-*"))]
    for one in nights:
        for stage in one["stages"].values():
            stage["seconds"] = 0.0
    return {
        "nights": nights, "findings": opened.findings(),
        "models": sorted((one.model, one.start, one.end) for one in opened.models()),
        "sources": [one.digest for one in opened.sources], "counts": opened.past().to_pylist(),
        "damaged": [*opened.check(), *opened.damaged()],
    }  # fmt: skip


class Truth:
    """What of a store is the attackers', by capture."""

    def __init__(self, store: Path, home: Path) -> None:
        opened = Workspace(store, create=False)
        graph = opened.graph()
        self.labels = otrf_truth.label(opened, graph, home)
        self.attackers = otrf_truth.attackers(self.labels, graph)

    def judged(self, found: list[Finding]) -> list[Incident]:
        """Return incidents, best first, with the captures whose attack they hold."""
        return incidents(found, self.labels, self.attackers)

    def told(self, one: Told) -> set[str]:
        """Return the captures among a night's logs of which an attack is known."""
        return {otrf_truth.capture_of(path) for path in one.night.files} & self.labels.told


class Dump:
    """Nights laid in a folder: which captures each has, and where its logs are."""

    def __init__(self, folder: Path, blocks: Mapping[date, list[Path]]) -> None:
        self.folder, self.blocks = folder, list(blocks.items())

    def day(self, number: int) -> date:
        """Return the day of a night."""
        return FIRST + timedelta(days=number)

    def logs(self, number: int) -> Path:
        """Return the logs of a night, written at its first call."""
        folder = self.folder / self.day(number).isoformat()
        if not folder.is_dir():
            self.again(number, number, folder, 0)
        return folder

    def again(self, block: int, number: int, folder: Path, copy: int) -> int:
        """Write the captures of one night as logs of another; return bytes written."""
        day, archives = self.blocks[block]
        return otrf_nights.lay(dict.fromkeys(archives, day), self.day(number), folder, copy)


def go_on(dump: Dump, store: Path, done: list[Told], until: int) -> None:
    """Run the nights after those that are done."""
    for number in range(len(done), until):
        done.append(night(store, dump.day(number), dump.logs(number)))


def of_nights(dump: Dump, store: Path, home: Path, done: list[Told]) -> Iterator[Row]:
    """Repeat the last night, and tell of all."""
    last = len(done) - 1
    again = night(store, dump.day(last), dump.logs(last))
    same = again.out == done[-1].out and again.night == done[-1].night
    yield Row("a second run of the last night prints the same, and changes nothing", same, "yes",
              target=1, met=same)  # fmt: skip
    yield Row("a second run of the last night", again.cost.wall, "s")
    truth = Truth(store, home)
    stored = Workspace(store)
    seen = stored.sql("SELECT day::DATE::VARCHAR, count(DISTINCT host) FROM counts GROUP BY 1")
    hosts = dict(zip(*(column.to_pylist() for column in seen.columns), strict=True))
    for number, one in enumerate(done, 1):
        name = f"night {number:02d}"
        yield Row(f"{name}: hosts", hosts[one.night.day], "hosts")
        yield from _of_night(name, one, truth)
    yield from _of_all(done, truth)
    bytes_ = stored.parquet_bytes()
    records = sum(one.records for one in stored.sources)
    size = sum(bytes_[name] for name in ("records", "edges", "entities"))
    yield Row("nights: stored", size / records, "bytes/record")
    kept = sum((store / f.name).stat().st_size for f in stored.manifest.files["findings"])
    yield Row("nights: findings that are kept", kept / 1e6, "MB")


def _of_night(name: str, one: Told, truth: Truth) -> Iterator[Row]:
    ingest = one.night.stages["ingest"].told
    yield Row(f"{name}: records", ingest["read"], "records")
    yield Row(f"{name}: whole command", one.cost.wall, "s")
    yield Row(f"{name}: whole command, CPU", one.cost.cpu, "CPU s")
    yield Row(f"{name}: findings", len(one.findings), "findings")
    yield Row(f"{name}: incidents", len({f.incident for f in one.findings}), "incidents")
    hit, of, true, judged, alarms = alarmed(one, truth)
    yield Row(f"{name}: incidents with an alert", alarms, "incidents")
    if of:
        yield Row(f"{name}: attacks in an alarm ({len(hit)} of {of})", len(hit) / of, "share")
    if judged:
        yield Row(f"{name}: alarms that are attacks ({true} of {judged})", true / judged, "share")
    for what, count in said(one.warnings).items():
        if count:
            yield Row(f"{name}: warnings, {what}", count, "warnings")


class Alarmed(NamedTuple):
    """Attacks in an alarm; how many are known; true alarms, judged ones and all."""

    hit: set[str]
    of: int
    true: int
    judged: int
    alarms: int


def alarmed(one: Told, truth: Truth, detector: str | None = None) -> Alarmed:
    """Return what of a night is in an alarm.

    An alarm is an incident one of whose findings is an alert. It is true if one of its findings is
    an attack's, and judged where anything is told at all.
    """
    found = [f for f in one.findings if detector in (None, f.model.partition("-")[0])]
    raised = {f.incident for f in found if f.alert}
    every = truth.judged([f for f in found if f.incident in raised])
    told = truth.told(one)
    judged = [incident for incident in every if incident.captures & truth.labels.told]
    hit = set().union(*(incident.hits for incident in judged)) & told
    return Alarmed(hit, len(told), sum(bool(i.hits) for i in judged), len(judged), len(every))


def said(warnings: Iterable[str]) -> dict[str, int]:
    """Return how many warnings there are of each kind.

    >>> said(["host A is silent, it had", "shares of hosts have drifted (stability)"])
    {'shares': 1, 'silent hosts': 1}
    """
    found: dict[str, int] = {}
    for text in warnings:
        drift = _DRIFT.search(text)
        what = (drift[1] or "budget") if drift else "silent hosts" if _SILENT.search(text) else (
            "absent" if _EMPTY.search(text) else "other"
        )  # fmt: skip
        found[what] = found.get(what, 0) + 1
    return found


def _of_all(done: list[Told], truth: Truth) -> Iterator[Row]:
    later = [one for one in done if one.night.judges.get("path")]
    for detector in (None, *DETECTORS):
        name = f"nights, {detector or 'paths and events'}"
        parts = [alarmed(one, truth, detector) for one in later]
        hit, of = sum(len(one.hit) for one in parts), sum(one.of for one in parts)
        true, judged = sum(one.true for one in parts), sum(one.judged for one in parts)
        yield Row(f"{name}: attacks in an alarm ({hit} of {of})", hit / max(of, 1), "share")
        yield Row(f"{name}: alarms that are attacks ({true} of {judged})", true / max(judged, 1),
                  "share")  # fmt: skip
        budget = 10 if detector is None else 10 / len(DETECTORS)
        rate = sum(one.alarms for one in parts) / max(len(later), 1)
        yield Row(f"{name}: alarms a night", rate, f"incidents, mean of {len(later)} nights",
                  target=budget, met=rate <= budget)  # fmt: skip
    kinds: dict[str, int] = {}
    for one in done:
        for what in said(one.warnings):
            kinds[what] = kinds.get(what, 0) + 1
    for what, nights in sorted(kinds.items()):
        yield Row(f"nights that warn: {what}", nights, f"of {len(done)} nights")
    events = sum(one.night.stages["ingest"].told["events"] for one in done)
    for stage in ("ingest", "judge", "drift", "learn"):
        took = sum(one.seconds(stage) for one in done)
        yield Row(f"nights, all: {stage}", events / took, "events/s")
    wall = sum(one.cost.wall for one in done)
    yield Row("nights, all: whole commands", events / wall, "events/s")
    cpu = sum(one.cost.cpu for one in done)
    yield Row("nights, all: whole commands by CPU time", events / cpu, "events/CPU s")
    yield Row("nights: peak memory", max(one.cost.peak_mb for one in done), "MB")


def kills(dump: Dump, number: int, before: Path, seed: int, times: int) -> Iterator[Row]:
    """Kill a night at random moments of it, repeat it, and compare with an undisturbed one."""
    logs, draw = dump.logs(number), random.Random(seed)
    whole = before.with_name("whole")
    shutil.copytree(before, whole)
    began = time.monotonic()
    undisturbed = night(whole, dump.day(number), logs)
    seconds = time.monotonic() - began
    wanted, equal, killed = outcome(whole), 0, 0
    for _ in range(times):
        copy = before.with_name("killed")
        shutil.copytree(before, copy)
        killed += stopped(command(copy, dump.day(number), logs), draw.uniform(0.0, seconds))
        again = night(copy, dump.day(number), logs)
        equal += again.out == undisturbed.out and outcome(copy) == wanted
        shutil.rmtree(copy)
    records = undisturbed.night.stages["ingest"].told["read"]
    yield Row(f"night of {records:,} records: killed before its end", killed, f"of {times}",
              seed=seed)  # fmt: skip
    yield Row("ends as if undisturbed, and prints the same", equal, f"of {times}", target=times,
              met=equal == times, seed=seed)  # fmt: skip
    shutil.rmtree(whole)


def stopped(words: list[str], after: float) -> bool:
    """Run a command and kill it with -9 after so many seconds; return whether that ended it."""
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as one:
        try:
            one.wait(after)
        except subprocess.TimeoutExpired:
            os.kill(one.pid, signal.SIGKILL)
        return one.wait() == -signal.SIGKILL


def comes_back(dump: Dump, number: int, store: Path, home: Path) -> Iterator[Row]:
    """Run a night, and the two after it with its captures once more among their own."""
    done: list[Told] = []
    for later in range(1 + BACK):
        logs = store.with_name(f"back-{later}")
        dump.again(number + later, number + later, logs, 0)
        if later:
            dump.again(number, number + later, logs, later)
        done.append(night(store, dump.day(number + later), logs))
    truth = Truth(store, home)
    mine = truth.told(done[0])
    first: set[str] = set()
    for later, one in enumerate(done):
        ranked = truth.judged(one.findings)
        hit = alarmed(one, truth).hit & mine
        first = first or hit
        name = f"the same {len(mine)} attacks, night {later + 1}"
        yield Row(f"{name}: in an alarm ({len(hit)})", len(hit) / max(len(mine), 1), "share")
        yield Row(f"{name}: of those that were on night 1 ({len(hit & first)} of {len(first)})",
                  len(hit & first) / max(len(first), 1), "share")  # fmt: skip
        place = next((n for n, i in enumerate(ranked, 1) if i.hits & mine), 0)
        yield Row(f"{name}: place of the first", place, f"of {len(ranked)} incidents")


def large(blocks: Mapping[date, list[Path]], folder: Path, labs: int) -> Iterator[Row]:
    """Run two nights of all captures at once, in several labs; return what the second cost."""
    archives = {archive: day for day, of in blocks.items() for archive in of}
    for number in range(2):
        logs = folder / f"large-{number}"
        day = FIRST + timedelta(days=number)
        size = sum(otrf_nights.lay(archives, day, logs, number, lab) for lab in range(labs))
        one = night(folder / "large", day, logs)
        shutil.rmtree(logs)
    told = one.night.stages["ingest"].told
    events, records = told["events"], told["read"]
    name = f"large day of {records:,} records, {size / records:,.0f} bytes each"
    judged = one.seconds("ingest", "judge")
    yield Row(f"{name}: ingest, path search and event scoring", events / judged, "events/s")
    for stage, of in one.night.stages.items():
        yield Row(f"{name}: {stage}", events / max(of.seconds, 1e-3), "events/s")
        yield Row(f"{name}: {stage}, seconds", of.seconds, "s")
    yield Row(f"{name}: ingest, records", records / one.seconds("ingest"), "records/s")
    yield Row(f"{name}: whole command", one.cost.wall, "s")
    yield Row(f"{name}: whole command, CPU", one.cost.cpu, "CPU s")
    yield Row(f"{name}: peak memory", one.cost.peak_mb, "MB")
    stored = Workspace(folder / "large")
    sizes = stored.parquet_bytes()
    kept = sum(sizes[table] for table in ("records", "edges", "entities"))
    yield Row(f"{name}: stored", kept / sum(s.records for s in stored.sources), "bytes/record")
    alarms = len({f.incident for f in one.findings if f.alert})
    yield Row(f"{name}: incidents with an alert", alarms, "incidents")


def measure(options: Options) -> Iterator[Row]:
    """Run all of it, or with --quick a few nights and kills of few captures."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        home = captures.unpack("otrf-windows", folder)
        if home is None:
            print("otrf-windows is absent; set GRAPHAD_DATA.", file=sys.stderr)
            return
        first = Workspace(folder / "as-it-was")
        archives = sorted(home.rglob("atomic/**/*.zip"))
        first.ingest(archives[::8] if options.quick else archives)
        blocks = otrf_nights.blocks(first.sources)
        if options.quick:
            blocks = dict(list(blocks.items())[:5])
        dump = Dump(folder / "dump", blocks)
        sizes = [len(of) for of in blocks.values()]
        most = max(range(1, len(sizes) - BACK), key=lambda n: sizes[n])
        real = max(range(1, min(4, len(sizes))), key=lambda n: sizes[n])
        yield from large(blocks, folder, 1 if options.quick else LABS)
        store, done = folder / "store", list[Told]()
        go_on(dump, store, done, real)
        shutil.copytree(store, folder / "before-killed")
        for seed in range(1 if options.quick else options.seeds):
            yield from kills(dump, real, folder / "before-killed", seed, 2 if options.quick else
                             KILLS // options.seeds)  # fmt: skip
        go_on(dump, store, done, most)
        shutil.copytree(store, folder / "before-back")
        yield from comes_back(dump, most, folder / "before-back", home)
        go_on(dump, store, done, len(blocks))
        yield from of_nights(dump, store, home, done)


if __name__ == "__main__":
    sys.exit(harness.main(__doc__, measure))
