"""How soon attacks are found, how near in time findings come to them, and if severity tells harm.

demo: the recorded days of demo_variants. The path detector fits and calibrates on the first quiet
days; the other quiet days and each day with an attack are scored. An attack is all of one day's.
AIT: alerts of three testbeds (ait-ads), of which the event detector learns what comes before the
first attack, by alert and host. An attack is each step that caused alerts; exfiltration over DNS,
which ran before as well, is left out.

All figures are those of `graphad evaluate`. Baseline of PATE: the plain way, -log2 of how often
such a launch (parent, program) or alert (alert, host) was there in the quiet part, add-one
smoothed, each launch or alert by itself. AIT needs captures in $GRAPHAD_DATA and is left out where
they are absent.
"""

import csv
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from math import log2
from pathlib import Path

import numpy as np

import graphad
from benchmarks import captures, harness
from benchmarks.harness import Options, Row
from benchmarks.path_quality_demo import DATA, Days
from graphad.cli.show import judged
from graphad.decoders.tabular_columns import columns_parser
from graphad.evaluate import Judged, Report, evaluate, read_truth
from graphad.evaluate_moments import of_store
from graphad.workspace import Workspace

LEFT_OUT = "dnsteal"
COLUMNS = ("name", "host")
FIGURES = {  # as told by `graphad evaluate`: their unit
    "detection_rate": "of attacks",
    "false_alarms_per_day": "alarms a day",
    "seconds_to_first_alert": "s",
    "seconds_to_detect_median": "s, of the detected",
    "seconds_to_detect_p90": "s, of the detected",
    "seconds_to_detect_median_of_all": "s, of all",
    "detected_within_1m": "of attacks",
    "detected_within_1h": "of attacks",
    "detected_within_1d": "of attacks",
    "pate": "area",
    "pate_step": "area",
    "pate_f1": "F1",
    "severity_gamma": "gamma",
    "severity_gamma_low": "gamma",
    "severity_gamma_high": "gamma",
}


def rows(name: str, report: Report, plain: Report, seed: int) -> Iterator[Row]:
    """Return the figures that there are, and what findings of each severity hold."""
    for figure, unit in FIGURES.items():
        value = report[figure].value
        if value is None:
            continue
        base = plain[figure].value if figure in ("pate", "pate_step") else None
        ratio = value / base if base else None
        if figure.startswith("detect"):
            unit = f"of {report[figure].whole:g} attacks"
        yield Row(f"{name}: {figure}", value, unit, base, ratio, seed=seed)
    for level in report.severities:
        if level.share is not None:
            unit = f"hits of {level.findings} findings, {level.incidents} incidents"
            yield Row(f"{name}: {level.severity} findings", level.share, unit, seed=seed)


def demo(options: Options, scratch: Path) -> Iterator[Row]:
    """Judge all days that the fit did not see together."""
    store = graphad.open(scratch / "demo")
    days = Days(store, options.quick)
    merged = scratch / "days.csv"
    with merged.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["source", "line", "label"])
        for day in days.attacks:
            with (DATA / day / "truth.csv").open(newline="") as each:
                table.writerows([row["source"], row["line"], day] for row in csv.DictReader(each))
    known = read_truth(merged)
    moments = of_store(store, known)
    scored = [*days.quiet, *days.attacks.values()]
    plain = evaluate(list(_launches(store, days, scored)), known, moments=moments)
    for seed in range(1 if options.quick else options.seeds):
        model = store.fit(sources=days.fitted, settings={"seed": seed}, budget=1.0)
        found = [
            finding for source in scored
            for finding in store.score(model=model, sources=[source]).findings
        ]  # fmt: skip
        report = evaluate(judged(found), known, days=len(scored), moments=moments)
        yield from rows("demo, path", report, plain, seed)


def _launches(store: Workspace, days: Days, scored: list[int]) -> Iterator[Judged]:
    """Return each launch of the scored days, by how seldom its parent launched its program."""
    told = store.sql("SELECT source, record, line FROM records").to_pydict()
    places = zip(told["source"], told["record"], strict=True)
    line = dict(zip(places, told["line"], strict=True))
    paths = {source.source: source.path for source in store.sources}
    graph = store.graph(sources=scored)
    for e in np.flatnonzero(graph.action == "launch").tolist():
        source, record = int(graph.source[e]), int(graph.record[e])
        pair = graph.names[int(graph.src[e])], graph.names[int(graph.dst[e])]
        yield Judged(
            str(e), days.rarity.bits(pair), None, graph.host[e], int(graph.ts[e]), int(graph.ts[e]),
            [(paths[source], line[source, record], record)],
        )  # fmt: skip


def split(alerts: Path, folder: Path) -> tuple[Path, Path, Path]:
    """Write the alerts before the first attack, those from it on, and their truth, in time order.

    Raises: ValueError: there is no attack, or nothing before it.
    """
    with alerts.open(encoding="utf-8", newline="") as file:
        told = [row for row in csv.DictReader(file) if row["event_label"] != LEFT_OUT]
    told.sort(key=lambda row: int(row["time"]))
    first = next((n for n, row in enumerate(told) if row["event_label"] != "-"), 0)
    if not first:
        raise ValueError(f"{alerts} has no attack, or nothing before it")
    made = [folder / f"{alerts.stem}.{part}.csv" for part in ("before", "after", "truth")]
    for path, part in zip(made[:2], (told[:first], told[first:]), strict=True):
        with path.open("w", newline="") as out:
            table = csv.writer(out)
            table.writerow(["time", *COLUMNS])
            table.writerows([row["time"], *(row[name] for name in COLUMNS)] for row in part)
    with made[2].open("w", newline="") as out:
        table = csv.writer(out)
        table.writerow(["source", "line", "label"])
        table.writerows(
            [made[1].name, line, row["event_label"]]
            for line, row in enumerate(told[first:], 2) if row["event_label"] != "-"
        )  # fmt: skip
    return made[0], made[1], made[2]


def ait(options: Options, scratch: Path) -> Iterator[Row]:
    """Judge what comes from the first attack on, of each testbed."""
    home = captures.unpack("ait-ads", scratch)
    if home is None:
        print("No captures; set GRAPHAD_DATA for the part AIT.", file=sys.stderr)
        return
    logs = sorted(home.rglob("*_alerts.txt"))
    for log in logs[:1] if options.quick else logs:
        name = log.name.partition("_")[0]
        before, after, truth = split(log, scratch)
        known = read_truth(truth)
        for seed in range(1 if options.quick else options.seeds):
            store = Workspace(scratch / f"{name}.{seed}")
            found = store.hunt(
                [after], [before], top=1000, detector="event",
                settings={"columns": COLUMNS, "time": "time", "seed": seed},
                parser=columns_parser(COLUMNS, "time", None),
            ).findings  # fmt: skip
            moments, length = of_store(store, known), store.scored_days()
            report = evaluate(judged(found), known, days=length, moments=moments)
            plain = evaluate(list(_alerts(before, after)), known, moments=moments)
            yield from rows(f"AIT {name}, event", report, plain, seed)


def _alerts(before: Path, after: Path) -> Iterator[Judged]:
    """Return each alert by how seldom such a one was there before."""
    counts: Counter[tuple[str, ...]] = Counter()
    with before.open(newline="") as file:
        counts.update(tuple(row[name] for name in COLUMNS) for row in csv.DictReader(file))
    every = log2(counts.total() + len(counts) + 1)
    with after.open(newline="") as file:
        for line, row in enumerate(csv.DictReader(file), 2):
            bits = every - log2(counts[tuple(row[name] for name in COLUMNS)] + 1)
            us = int(row["time"]) * 1_000_000
            edges = [(str(after), line, line - 1)]
            yield Judged(str(line), bits, None, row["host"], us, us, edges)


def measure(options: Options) -> Iterable[Row]:
    """Judge both."""
    with tempfile.TemporaryDirectory() as scratch:
        yield from demo(options, Path(scratch))
        yield from ait(options, Path(scratch))


if __name__ == "__main__":
    sys.exit(harness.main(__doc__, measure))
