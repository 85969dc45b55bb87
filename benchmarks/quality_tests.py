"""Part (a) of path_quality: Atomic Red Team tests, each judged with others as its baseline.

A capture is one test on one host; its root process is named, and what descends from it is the
attack. Captures are dealt into five parts by seed; each part is scored by a model of the other
four, which hold other attacks: a dirty baseline, as baselines are. What is read is what `graphad
findings` prints: the fullest path of each incident, best first.
"""

import csv
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks import captures
from benchmarks.harness import Options, Row
from benchmarks.plain_counts import Launch, Plain, launches
from graphad.detectors.path import PathDetector
from graphad.detectors.path_terms import MODES
from graphad.findings import Finding, fullest, incidents
from graphad.graph import Graph
from graphad.judge import to_findings
from graphad.models import metrics
from graphad.schema import id_text
from graphad.store import Store

PARTS = 5
FIRST, THIRD, AP, AUC = 0.9, 0.99, 0.85, 0.97  # asked of the default
QUICK = 25  # captures of a quick run


@dataclass
class Capture:
    """One test: its sources, its events, its launches and which of them are the attack."""

    sources: list[int]
    graph: Graph
    launches: list[Launch]
    attack: set[int]


@dataclass
class Reading:
    """What reading the captures in the order of scores costs, and pooled scores of processes."""

    reads: list[float] = field(default_factory=list)
    paths: list[float] = field(default_factory=list)  # the same where every path is read
    hits: dict[int, int] = field(default_factory=dict)
    scores: list[float] = field(default_factory=list)
    labels: list[bool] = field(default_factory=list)


def load(store: Store) -> list[Capture]:
    """Return the captures whose root process is named and seen."""
    where = {source.source: str(Path(source.path).parent) for source in store.sources}
    graph = store.graph()
    homes = np.array([where[int(s)] for s in graph.source], object)
    connection = store.connect()
    try:
        rows = connection.execute(
            "SELECT source, record, pid FROM records WHERE code = '1' AND pid > 0"
        ).fetchall()
    finally:
        connection.close()
    pids = {(source, record): pid for source, record, pid in rows}
    found = []
    for home in sorted(set(where.values())):
        part = graph.subset(np.flatnonzero(homes == home))
        roots = _roots(Path(home))
        attack = _descendants(part, roots, pids)
        if attack:
            sources = [number for number, name in where.items() if name == home]
            found.append(Capture(sources, part, launches(part), attack))
    return found


def _roots(home: Path) -> list[tuple[int, int]]:
    """Return (process id, UTC microseconds) of the tests run in a capture."""
    found = []
    for path in sorted(home.glob("*.csv")):
        with path.open(encoding="utf-8-sig", newline="") as file:
            for row in csv.DictReader(file):
                if row.get("ProcessId", "").isdecimal():
                    moment = datetime.strptime(row["Execution Time (UTC)"], "%Y-%m-%dT%H:%M:%SZ")
                    stamp = round(moment.replace(tzinfo=UTC).timestamp() * 1e6)
                    found.append((int(row["ProcessId"]), stamp))
    return found


def _descendants(
    graph: Graph, roots: list[tuple[int, int]], pids: dict[tuple[int, int], int]
) -> set[int]:
    """Return the root processes, each the launch of its id nearest in time, and all they launch."""
    begun = [int(e) for e in np.flatnonzero(graph.action == "launch")]
    attack: set[int] = set()
    for pid, stamp in roots:
        near = [
            e for e in begun if pids.get((int(graph.source[e]), int(graph.record[e]))) == pid
        ]  # fmt: skip
        if near:
            attack.add(int(graph.dst[min(near, key=lambda e: abs(int(graph.ts[e]) - stamp))]))
    for e in begun:
        if int(graph.src[e]) in attack:
            attack.add(int(graph.dst[e]))
    return attack


def place(scores: npt.NDArray[np.float64], attack: npt.NDArray[np.bool_]) -> float:
    """Return how many processes are read until the first true one; of equal ones half are read.

    >>> place(np.array([3.0, 5.0, 5.0]), np.array([False, True, False]))
    1.5
    """
    best, others = scores[attack].max(), scores[~attack]
    return float(1 + (others > best).sum() + 0.5 * (others == best).sum())


def pointed(findings: Iterable[Finding]) -> list[str]:
    """Return the processes that findings point to, in the order in which they are read.

    A path points to the process behind its most surprising event: the one that was launched, or
    that acted.
    """
    order: dict[str, None] = {}
    for finding in findings:
        edge = finding.edges[finding.rarest]
        u, v = finding.entities[edge.src], finding.entities[edge.dst]
        order.setdefault(v.id if v.type == "process" else u.id)
    return list(order)


def until(read: Sequence[str], attack: set[str], missed: float) -> float:
    """Return how many processes are read until one of an attack; `missed` where none is.

    >>> until(["a", "b", "c"], {"c", "b"}, 9.0), until(["a"], {"c"}, 9.0)
    (2.0, 9.0)
    """
    return next((float(k) for k, process in enumerate(read, 1) if process in attack), missed)


def judge(
    store: Store, found: list[Capture], mode: str, seed: int, parts: list[npt.NDArray[np.int64]]
) -> Reading:
    """Score each part with a detector of the others."""
    reading = Reading(hits={1: 0, 3: 0, 10: 0})
    for part in parts:
        rest = sorted(set(range(len(found))) - set(part.tolist()))
        past = store.past(sources=[s for i in rest for s in found[i].sources])
        whole = store.graph(sources=[s for i in rest for s in found[i].sources])
        detector = PathDetector(mode=mode, seed=seed).fit(past, [whole])  # type: ignore[arg-type]
        for i in part:
            capture = found[int(i)]
            paths = detector.score(capture.graph)
            attack = sorted(capture.attack)
            ids = {id_text(capture.graph.ids[n]) for n in attack}
            missed = float(len(capture.launches) + 1)
            found_ = to_findings(store, capture.graph, paths, f"path-{mode}")
            shown = [fullest(incident) for incident in incidents(found_)]
            reading.reads.append(until(pointed(shown), ids, missed))
            reading.paths.append(until(pointed(found_), ids, missed))
            ends = np.isin(capture.graph.src, attack) | np.isin(capture.graph.dst, attack)
            for k in reading.hits:
                best = zip(paths.events[:k], paths.length[:k], strict=True)
                reading.hits[k] += any(float(np.mean(ends[e[:n]])) >= 0.5 for e, n in best)
            origin = detector.origins(capture.graph)
            reading.scores += [float(origin[one.entity]) for one in capture.launches]
            reading.labels += [one.entity in capture.attack for one in capture.launches]
    return reading


def plain(found: list[Capture], parts: list[npt.NDArray[np.int64]], rule: str) -> Reading:
    """Rank processes by counts of launches, or by the trivial rule."""
    reading = Reading()
    for part in parts:
        rest = sorted(set(range(len(found))) - set(part.tolist()))
        past = [launch for i in rest for launch in found[i].launches]
        counts = Plain(past, rule == "commands")
        harness = max(counts.parents, key=lambda name: counts.parents[name], default="")
        for i in part:
            capture = found[int(i)]
            if rule == "harness":
                scores = np.array([float(one.parent == harness) for one in capture.launches])
            else:
                scores = counts.score(capture.launches)
            attack = np.array([one.entity in capture.attack for one in capture.launches])
            reading.reads.append(place(scores, attack))
            reading.scores += scores.tolist()
            reading.labels += attack.tolist()
    return reading


def rows(name: str, reading: Reading, seed: int, asked: bool) -> Iterable[Row]:
    """Return the rows of one way to rank."""
    reads = np.array(reading.reads)
    scores, labels = np.array(reading.scores), np.array(reading.labels)
    ap, auc = metrics.average_precision(scores, labels), metrics.roc_auc(scores, labels)
    captures_, attacks = len(reads), int(labels.sum())
    for what, value, target in (
        (f"an attack process is read first ({captures_} captures)", (reads < 1.5).mean(), FIRST),
        ("within the first 3", (reads <= 3).mean(), THIRD),
        (f"pooled AP of {len(labels)} processes, {attacks} of attacks", ap or 0.0, AP),
        ("pooled AUC of the same", auc or 0.0, AUC),
    ):
        yield Row(
            f"tests, {name}: {what}", float(value), "share", target=target if asked else None,
            met=bool(value >= target) if asked else None, seed=seed,
        )  # fmt: skip
    yield Row(f"tests, {name}: processes read until a true one, median", float(np.median(reads)),
              "processes", seed=seed)  # fmt: skip
    if reading.paths:
        yield Row(
            f"tests, {name}: within the first 3, every path read, not an incident's fullest",
            float((np.array(reading.paths) <= 3).mean()), "share", seed=seed,
        )  # fmt: skip
    for k, hits in reading.hits.items():
        yield Row(
            f"tests, {name}: a true path among the first {k} ({hits} of {captures_})",
            hits / captures_, "share", seed=seed,
        )  # fmt: skip


def measure(options: Options) -> Iterable[Row]:
    """Judge all captures in each mode and by the plain ways."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = captures.unpack("atomic-evtx-4cats", Path(scratch))
        if folder is None:
            return
        store = Store(Path(scratch) / "store")
        homes = sorted({path.parent for path in folder.rglob("*.evtx")})
        homes = homes[:: len(homes) // QUICK] if options.quick else homes
        store.ingest([log for home in homes for log in sorted(home.glob("*.evtx"))])
        found = load(store)
        for seed in range(1 if options.quick else options.seeds):
            order = np.random.default_rng(seed).permutation(len(found))
            parts = [order[i::PARTS] for i in range(PARTS)]
            for rule in ("names", "commands", "harness"):
                yield from rows(f"plain, {rule}", plain(found, parts, rule), seed, False)
            for mode in MODES[: 1 if options.quick else None]:
                reading = judge(store, found, mode, seed, parts)
                yield from rows(mode, reading, seed, mode == "default")
