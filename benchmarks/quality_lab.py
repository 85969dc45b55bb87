"""Part (b) of path_quality: all OTRF captures in one store, each attack among everything else."""

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from benchmarks import captures, otrf_truth
from benchmarks.harness import Options, Row
from benchmarks.plain_counts import Plain, launches
from graphad.detectors.path_terms import MODES
from graphad.findings import Finding
from graphad.graph import Graph
from graphad.workspace import Workspace

BUDGETS = (1, 5, 10)  # incidents a day
SHARES = (1 / 3, 0.4, 0.5, 0.6, 2 / 3)  # of the captures, earliest first, to learn from
RECALL, PRECISION = 0.7, 0.5  # asked for at the last of them


@dataclass
class Incident:
    """What is judged of one: its day, the captures it lies in, those whose attack it holds."""

    z: float
    day: str
    captures: set[str]
    hits: set[str]


def incidents(
    found: list[Finding], labels: otrf_truth.Labels, attackers: dict[str, set[str]]
) -> list[Incident]:
    """Return incidents, best first. A path is a hit if at least half of its edges are attacks'."""
    made: dict[str, Incident] = {}
    for finding in found:
        places = [otrf_truth.capture_of(proof.source) for proof in finding.evidence]
        attack = [
            bool({finding.entities[edge.src].id, finding.entities[edge.dst].id} & attackers[place])
            for edge, place in zip(finding.edges, places, strict=True)
        ]
        held = made.setdefault(
            finding.incident, Incident(finding.standing, finding.start[:10], set(), set())
        )
        held.captures |= set(places)
        if 2 * sum(attack) >= len(attack):
            held.hits |= {place for place, bad in zip(places, attack, strict=True) if bad}
    return sorted(made.values(), key=lambda one: -one.z)


def of_each_day(ranked: list[Incident], budget: int) -> list[Incident]:
    """Return the best incidents of each day."""
    read: Counter[str] = Counter()
    kept = []
    for one in ranked:
        if read[one.day] < budget:
            read[one.day] += 1
            kept.append(one)
    return kept


def measure(options: Options) -> Iterable[Row]:
    """Hunt through the merged captures in each mode; without a baseline, as there is none."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = captures.unpack("otrf-windows", Path(scratch))
        if folder is None:
            return
        store = Workspace(Path(scratch) / "store")
        logs = sorted(folder.rglob("atomic/**/*.zip"))
        store.ingest(logs[::12] if options.quick else logs)
        plain = _alone(store.path, "plain").path
        graph = store.graph()
        labels = otrf_truth.label(store, graph, folder)
        attackers = otrf_truth.attackers(labels, graph)
        told = labels.told
        yield Row("lab: captures", len(labels.entities), "captures")
        yield Row("lab: of them with a told attack", len(told), "captures")
        yield Row("lab: of them by a typed command", len(labels.by_command), "captures")
        for seed in range(1 if options.quick else options.seeds):
            for mode in MODES[: 1 if options.quick else None]:
                alone = _alone(plain, f"{mode} {seed}")
                yield from _mode(alone, labels, attackers, mode, seed)
            yield from events(_alone(plain, f"events {seed}"), labels, attackers, seed)
        for of, model in ((of, model) for of in ("host", "tree") for model in ("wl", "rayleigh")):
            alone = _alone(plain, f"{of} {model}")
            found = alone.hunt(settings={"of": of, "model": model}, detector="window").findings
            ranked = incidents(found, labels, attackers)
            yield from _rows(f"window detector, {of}, {model}", ranked, labels, None)
        for with_command in (False, True):
            yield from _plain(graph, labels, with_command)
        for share, budget in (
            *((0.5, b) for b in BUDGETS[:-1]),
            *((s, BUDGETS[-1]) for s in SHARES),
        ):
            alone = _alone(plain, f"{share:.2f} {budget}")
            yield from _calibrated(alone, labels, attackers, share, budget)


def _alone(path: Path, name: str) -> Workspace:
    """Return a copy of a store: findings of a store join incidents that others found before."""
    copy = path.with_name(name)
    shutil.copytree(path, copy)
    return Workspace(copy)


def _calibrated(
    store: Workspace, labels: otrf_truth.Labels, attackers: dict[str, set[str]], share: float,
    budget: int,
) -> Iterable[Row]:  # fmt: skip
    """Fit and calibrate on an earlier share of the captures, attacks and all; alarms on the rest.

    An alarm is an incident one of whose paths reaches the threshold; as everywhere here it is true
    if one of all its paths is an attack's, and judged where anything is told at all.
    """
    order = sorted(store.sources, key=lambda source: (source.start or 0, source.source))
    cut = round(len(order) * share)
    early, late = ([s.source for s in part] for part in (order[:cut], order[cut:]))
    days = {s.source: (s.start or 0) // 86_400_000_000 for s in order}
    told = {otrf_truth.capture_of(s.path) for s in order[cut:]} & labels.told
    judged = {s.source for s in order[cut:] if otrf_truth.capture_of(s.path) in told}
    active = len({days[number] for number in judged})
    found = store.score(model=store.fit(sources=early, budget=float(budget)), sources=late).findings
    raised = {f.incident for f in found if f.alert}
    every = incidents([f for f in found if f.incident in raised], labels, attackers)
    alarms = [one for one in every if one.captures & labels.told]
    true = [one for one in alarms if one.hits]
    hit = set().union(*(one.hits for one in true)) & told
    name = f"lab, default, after {share:.0%} of it, budget {budget}"
    rate = (len(alarms) - len(true)) / max(active, 1)
    yield Row(
        f"{name}: false alarms a day", rate, f"alarms, mean of {active} days", target=budget,
        met=rate <= budget,
    )  # fmt: skip
    last = budget == BUDGETS[-1]
    for what, few, of, least in (
        ("attacks in an alarm", len(hit), len(told), RECALL),
        ("alarms that are attacks", len(true), len(alarms), PRECISION),
    ):
        part = few / max(of, 1)
        yield Row(
            f"{name}: {what} ({few} of {of})", part, "share", target=least if last else None,
            met=part >= least if last else None,
        )  # fmt: skip


def _plain(graph: Graph, labels: otrf_truth.Labels, with_command: bool) -> Iterable[Row]:
    """Rank launches by counts, each kind of launch a day one thing to read."""
    found = launches(graph)
    scores = Plain(found, with_command).score(found)
    made: dict[tuple[str, ...], Incident] = {}
    for one, score in zip(found, scores, strict=True):
        capture = labels.capture[one.event]
        day = str(int(graph.ts[one.event]) // 86_400_000_000)
        shape = one.shape if with_command else ""
        held = made.setdefault(
            (day, one.parent, one.child, shape), Incident(float(score), day, set(), set())
        )
        held.captures.add(capture)
        if one.entity in labels.entities[capture]:
            held.hits.add(capture)
    ranked = sorted(made.values(), key=lambda one: -one.z)
    yield from _rows(f"plain, {'commands' if with_command else 'names'}", ranked, labels, None)


def _mode(
    store: Workspace,
    labels: otrf_truth.Labels,
    attackers: dict[str, set[str]],
    mode: str,
    seed: int,
) -> Iterable[Row]:
    found = store.hunt(settings={"mode": mode, "seed": seed}).findings
    yield from _rows(mode, incidents(found, labels, attackers), labels, seed)


def events(
    store: Workspace, labels: otrf_truth.Labels, attackers: dict[str, set[str]], seed: int
) -> Iterable[Row]:
    """Rank by the event detector. What has no process (logons, services) cannot be a hit here."""
    found = store.hunt(settings={"seed": seed}, detector="event").findings
    yield from _rows("event detector", incidents(found, labels, attackers), labels, seed)


def _rows(
    mode: str, ranked: list[Incident], labels: otrf_truth.Labels, seed: int | None
) -> Iterable[Row]:
    told = labels.told
    name = f"lab, {mode}"
    yield Row(f"{name}: incidents", len(ranked), "incidents", seed=seed)
    for budget in BUDGETS:
        read = of_each_day(ranked, budget)
        hit = set().union(*(one.hits for one in read)) & told
        judged = [one for one in read if one.captures & told]
        true = sum(bool(one.hits) for one in judged)
        last = mode == "default" and budget == BUDGETS[-1]
        recall, precision = len(hit) / len(told), true / max(len(judged), 1)
        yield Row(
            f"{name}: attacks in the {budget} first of each day ({len(hit)} of {len(told)})",
            recall, "recall", target=RECALL if last else None,
            met=recall >= RECALL if last else None, seed=seed,
        )  # fmt: skip
        yield Row(
            f"{name}: of the {budget} first of each day, attacks ({true} of {len(judged)} judged)",
            precision, "precision", target=PRECISION if last else None,
            met=precision >= PRECISION if last else None, seed=seed,
        )  # fmt: skip
