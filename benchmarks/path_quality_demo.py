"""How well the path detector finds the recorded attacks of benchmarks/demo_variants.

It fits on the first quiet days, its threshold from the last third of their hours, and scores each
other quiet day and each day with an attack by itself. The truth is used only to judge. A finding is
a hit if at least half of its edges are the attack's; an incident is a true one if its best finding
is a hit ("by any finding": if one of its findings is). Incidents are ranked by their best finding.

A process is one that was launched, an attack's if the launch is. Its score is that of the best
finding it is on; those on none come last, and among equals the attack's come last. The plain way
ranks processes by -log2 of how often their parent's name launched theirs on the quiet days of the
fit, add-one smoothed.
"""

import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import log2
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

import graphad
from benchmarks import harness
from benchmarks.harness import Options, Row
from graphad.evaluate import read_truth
from graphad.findings import Finding, incidents
from graphad.graph import Graph
from graphad.models import metrics
from graphad.truth import Truth
from graphad.workspace import Workspace

DATA = Path(__file__).parent / "demo_variants" / "data"
BUDGETS = 1, 5, 10
FITTED = 12  # quiet days, of all
MODES: tuple[Literal["default", "paper"], ...] = "default", "paper"
NOBODY = Truth("line", {})

Pair = tuple[str, str]


@dataclass(frozen=True)
class Launches:
    """The launched processes of one day: ids, names of (parent, child), and which are an attack."""

    ids: list[int]
    pairs: list[Pair]
    attack: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Found:
    """What one scored day gave.

    `best` are the z of the incidents, falling; `true` and `true_any` say which are attacks, by
    their best finding and by any. `scores` are those of the launched processes.
    """

    best: list[float]
    true: list[bool]
    true_any: list[bool]
    scores: npt.NDArray[np.float64]


class Rarity:
    """The plain way: how seldom a parent's name launches a child's, in bits."""

    def __init__(self, pairs: Iterable[Pair]) -> None:
        self.pairs = Counter(pairs)
        self.parents: Counter[str] = Counter()
        for (parent, _), count in self.pairs.items():
            self.parents[parent] += count
        self.children = len({child for _, child in self.pairs})

    def bits(self, pair: Pair) -> float:
        """Return -log2 (n(parent, child) + 1) / (n(parent) + children + 1).

        >>> Rarity([("sh", "ls"), ("sh", "ls"), ("sh", "cp")]).bits(("sh", "nc"))
        2.584962500721156
        """
        every = self.parents[pair[0]] + self.children + 1
        return log2(every) - log2(self.pairs[pair] + 1)


def launches(store: Workspace, graph: Graph, truth: Truth) -> Launches:
    """Return the launched processes of a day's graph."""
    rows = store.sql("SELECT source, record, line FROM records").to_pydict()
    line = dict(zip(zip(rows["source"], rows["record"], strict=True), rows["line"], strict=True))
    paths = {source.source: source.path for source in store.sources}
    found: dict[int, tuple[Pair, bool]] = {}
    for e in np.flatnonzero(graph.action == "launch").tolist():
        parent, child, source = int(graph.src[e]), int(graph.dst[e]), int(graph.source[e])
        place = paths[source], line[source, int(graph.record[e])], None
        attack = bool(truth.parts([place], (), "", 0, 0))
        found[int(graph.ids[child])] = (graph.names[parent], graph.names[child]), attack
    return Launches(
        list(found),
        [pair for pair, _ in found.values()],
        np.array([attack for _, attack in found.values()], np.bool_),
    )


def hit(finding: Finding, truth: Truth) -> bool:
    """Return whether at least half of a finding's edges are the attack's."""
    edges = [(proof.source, proof.line, None) for proof in finding.evidence]
    return bool(truth.parts(edges, (), finding.host, 0, 0))


def judged(findings: Sequence[Finding], truth: Truth, processes: Sequence[int]) -> Found:
    """Return what findings, best first, are worth."""
    best, true, true_any = [], [], []
    for incident in incidents(findings):
        best.append(incident[0].standing)
        true.append(hit(incident[0], truth))
        true_any.append(any(hit(finding, truth) for finding in incident))
    place = {process: at for at, process in enumerate(processes)}
    scores = np.full(len(processes), -np.inf)
    for finding in findings:
        for entity in finding.entities:
            at = place.get(_signed(entity.id))
            if at is not None:
                scores[at] = max(scores[at], finding.standing)
    return Found(best, true, true_any, scores)


def _signed(digits: str) -> int:
    value = int(digits, 16)
    return value - (1 << 64) if value >= 1 << 63 else value


def first(flags: Sequence[bool]) -> int | None:
    """Return the place, from 1, of the first true one; None without."""
    return next((n for n, flag in enumerate(flags, 1) if flag), None)


class Days:
    """The recorded days in a store: sources of the quiet ones, and of the attacks by name."""

    def __init__(self, store: Workspace, quick: bool) -> None:
        logs = sorted((DATA / "quiet").glob("*.strace.gz"))
        names = sorted(path.parent.name for path in DATA.glob("*/truth.csv"))
        fitted = FITTED
        if quick:
            logs, names, fitted = logs[:6], names[::5], 4
        if len(logs) <= fitted or not names:
            raise FileNotFoundError(f"{DATA} lacks days; record them: see demo_variants/record.py")
        attacks = [DATA / name / "attack.strace.gz" for name in names]
        done = store.ingest([*logs, *attacks])
        numbers = [one.source for one in done]
        self.fitted = numbers[:fitted]
        self.quiet = numbers[fitted : len(logs)]
        self.attacks = dict(zip(names, numbers[len(logs) :], strict=True))
        self.truth = {name: read_truth(DATA / name / "truth.csv") for name in names}
        launched = launches(store, store.graph(sources=self.fitted), NOBODY)
        self.rarity = Rarity(launched.pairs)
        self.launches = {
            name: launches(store, store.graph(sources=[source]), self.truth[name])
            for name, source in self.attacks.items()
        }


def measured(store: Workspace, days: Days, settings: Mapping[str, Any]) -> Iterable[Row]:
    """Fit and score every day under some settings."""
    mode, seed = settings["mode"], settings["seed"]
    model = store.fit(sources=days.fitted, settings=dict(settings), budget=1.0)
    calibration = store.model(model)[1]
    limits = {b: replace(calibration, budget_per_day=float(b)).threshold for b in BUDGETS}
    alarms = []
    for source in days.quiet:
        found = judged(store.score(model=model, sources=[source]).findings, NOBODY, [])
        alarms.append(found.best)
    attacks = {
        name: judged(
            store.score(model=model, sources=[source]).findings, days.truth[name],
            days.launches[name].ids,
        )
        for name, source in days.attacks.items()
    }  # fmt: skip
    for row in rows(days, attacks, alarms, limits):
        yield replace(row, name=f"{mode}: {row.name}", seed=seed)


def rows(
    days: Days,
    attacks: Mapping[str, Found],
    alarms: Sequence[Sequence[float]],
    limits: Mapping[int, float],
) -> Iterable[Row]:
    """Return all figures of one fitted model."""
    n = len(attacks)
    for budget, limit in limits.items():
        alerted = sum(
            any(true and z >= limit for true, z in zip(f.true, f.best, strict=True))
            for f in attacks.values()
        )
        yield Row(f"found by alerts, budget {budget}/day", alerted, f"of {n} attacks")
    for k in BUDGETS:
        for what, ranks in (
            ("", [first(f.true) for f in attacks.values()]),
            (", by any finding", [first(f.true_any) for f in attacks.values()]),
        ):
            within = sum(rank is not None and rank <= k for rank in ranks)
            yield Row(f"found among the first {k} incidents{what}", within, f"of {n} attacks")
    for budget, limit in limits.items():
        count = [sum(z >= limit for z in best) for best in alarms]
        yield Row(
            f"alarms a quiet day, budget {budget}/day", statistics.fmean(count),
            f"alarms, mean of {len(count)} days", target=float(budget),
            met=statistics.fmean(count) <= budget,
        )  # fmt: skip
        wrong = [
            sum(z >= limit and not true for true, z in zip(f.true_any, f.best, strict=True))
            for f in attacks.values()
        ]
        yield Row(f"false alarms a day with an attack, budget {budget}/day",
                  statistics.fmean(wrong), f"alarms, mean of {n} days")  # fmt: skip
    yield from process_rows(days, attacks)
    for name, found in attacks.items():
        yield Row(f"{name}: first true incident", first(found.true) or 0, "rank, 0 is none")


def process_rows(days: Days, attacks: Mapping[str, Found]) -> Iterable[Row]:
    """Compare how processes are ranked with the plain way."""
    sides: dict[str, list[tuple[float, float]]] = {"AP": [], "AUC": [], "reads": []}
    within: dict[int, list[tuple[bool, bool]]] = {k: [] for k in BUDGETS}
    total = positives = 0
    for name, found in attacks.items():
        launched = days.launches[name]
        plain = np.array([days.rarity.bits(pair) for pair in launched.pairs])
        both = [np.maximum(found.scores, -1e300), plain]
        total, positives = total + len(plain), positives + int(launched.attack.sum())
        for what, metric in (
            ("AP", metrics.average_precision),
            ("AUC", metrics.roc_auc),
            ("reads", metrics.reads_to_first_hit),
        ):
            ours, theirs = (metric(scores, launched.attack) for scores in both)
            if ours is None or theirs is None:
                raise ValueError(f"{name} has no attack process")
            sides[what].append((ours, theirs))
        for k, pairs in within.items():
            pairs.append((sides["reads"][-1][0] <= k, sides["reads"][-1][1] <= k))
    n, what = len(attacks), f"mean of {len(attacks)} days, {positives} of {total} processes"
    for name in ("AP", "AUC"):
        ours, theirs = (statistics.fmean(side) for side in zip(*sides[name], strict=True))
        yield Row(f"processes, {name}", ours, what, theirs, ours / theirs)
    ours, theirs = (statistics.median(side) for side in zip(*sides["reads"], strict=True))
    yield Row("processes read until the first true one", ours, f"median of {n} days", theirs,
              theirs / ours)  # fmt: skip
    for k, pairs in within.items():
        a, b = (sum(side) for side in zip(*pairs, strict=True))
        yield Row(f"found among the first {k} processes", a, f"of {n} attacks", b,
                  a / b if b else None)  # fmt: skip


def measure(options: Options) -> Iterable[Row]:
    """Read all days once, then measure each mode with each seed."""
    with tempfile.TemporaryDirectory() as folder:
        store = graphad.open(Path(folder) / "store")
        days = Days(store, options.quick)
        for seed in range(1 if options.quick else options.seeds):
            for mode in MODES:
                yield from measured(store, days, {"mode": mode, "seed": seed})


if __name__ == "__main__":
    sys.exit(harness.main(__doc__, measure))
