"""How often a night warns of drift where there is none, and how soon where there is.

Each day is compared with a model of earlier days of the same installation, as `graphad nightly`
does. Quiet days: invented Sysmon days of ten hosts (benchmarks.nightly) after two weeks of them,
recorded days (benchmarks/demo_variants), and days of one OTRF lab after those it was fitted on,
attacks included. An invented day of a host is log-normal about 300 events, by a deviation of 0.2 of
its own and one of 0.1 that all hosts share, and half of that on weekends.
Shifts: the same hosts with something new from one day on, and days of another OTRF lab. The plain
ways: the Kolmogorov-Smirnov test of the same scores at 5 %, and more incidents with an alert than
the budget. Intervals are Clopper and Pearson's, 95 %, as if days were independent; invented days
that share a model are not quite, and those of a lab are not.
"""

import json
import math
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from scipy.stats import beta

import graphad
from benchmarks import captures, harness
from benchmarks.harness import Options, Row
from benchmarks.nightly import FIRST, host_day
from benchmarks.path_quality_demo import DATA
from graphad.nightly.drift import compared, drifted
from graphad.nightly.state import Night
from graphad.workspace import Workspace

BUDGET = 10.0  # incidents with an alert a day
SETTINGS = {"span_s": 3600.0}
WHATS = "scores", "entities", "hosts", "volumes"
LABS = "theshire", "mordor", "workstation5", "workstation6"
EVENTS = 300  # median of a host's working day
OWN, SHARED, WEEKEND = 0.2, 0.1, 0.5  # deviations of logarithms; share of a working day
_MOVED = 2  # the host that moves when one does

Event = dict[str, object]


class Seen(NamedTuple):
    """What one day gave: drifts, what they name, what could be compared, plain ways."""

    drifts: list[str]
    names: set[str]
    able: set[str]
    plain_ks: bool
    plain_budget: bool


def seen(store: Workspace, model: str, day: date) -> Seen:
    """Compare a day of a store with those of a model."""
    told = compared(store, Night(day.isoformat()), model)
    drifts = drifted(told)
    names = {
        str(one["name"] if what == "volumes" else one[0])
        for what in drifts for one in told[what].get("moved", [])
    }  # fmt: skip
    found = store.score(model=model, start=day, end=day + timedelta(days=1))
    alerts = len({one.incident for one in found.findings if one.alert})
    scores = told.get("scores", {})
    plain = bool(scores) and scores["chance"] < 0.05
    able = {what for what in WHATS if told.get(what)}
    return Seen(drifts, names, able, plain, alerts > BUDGET)


def interval(hits: int, of: int) -> tuple[float, float]:
    """Return Clopper and Pearson's 95 % interval of a share.

    >>> [round(end, 3) for end in interval(0, 10)]
    [0.0, 0.308]
    """
    low = float(beta.ppf(0.025, hits, of - hits + 1)) if hits else 0.0
    return low, float(beta.ppf(0.975, hits + 1, of - hits)) if hits < of else 1.0


def quiet_rows(name: str, days: Sequence[Seen]) -> Iterator[Row]:
    """Return the share of quiet days on which each warns, with its interval in the unit."""
    every: list[tuple[str, list[bool]]] = [("any", [bool(one.drifts) for one in days])]
    every += [(what, [what in one.drifts for one in days if what in one.able]) for what in WHATS]
    every.append(("plain KS at 5 %", [one.plain_ks for one in days if "scores" in one.able]))
    every.append(("plain alerts above budget", [one.plain_budget for one in days]))
    for what, flags in every:
        if flags:
            low, high = interval(sum(flags), len(flags))
            yield Row(f"{name}: false warnings, {what}", sum(flags) / len(flags),
                      f"of {len(flags)} days ({low:.3f} to {high:.3f})")  # fmt: skip
        else:
            yield Row(f"{name}: days that can be judged, {what}", 0, f"of {len(days)} days")


def shift_rows(name: str, runs: Sequence[Sequence[Seen]], moved: set[str]) -> Iterator[Row]:
    """Return days until a warning; runs: the days from the shift on, in order, of each seed."""
    most = max(map(len, runs))
    ways: dict[str, Callable[[Seen], bool]] = {
        "any": lambda one: bool(one.drifts), "plain KS at 5 %": lambda one: one.plain_ks,
        "plain alerts above budget": lambda one: one.plain_budget,
    }  # fmt: skip
    ways |= {what: lambda one, what=what: what in one.drifts for what in WHATS}  # type: ignore[misc]
    for what, warned in ways.items():
        first = [next((n for n, one in enumerate(r, 1) if warned(one)), 0) for r in runs]
        found = [n for n in first if n]
        unit = f"days, median; {len(found)} of {len(runs)} runs within {most}"
        yield Row(f"{name}: until warned, {what}", statistics.median(found) if found else 0, unit)
    if moved:
        said = [one.names for run in runs for one in run if one.drifts]
        right = sum(bool(moved & names) for names in said)
        yield Row(f"{name}: names what moved", right, f"of {len(said)} warned days")


def _extra(seed: int, host: int, number: int, kind: str, base: list[Event]) -> list[Event]:
    """Return what a shift adds to the day of a host."""
    if kind == "twice the volume":
        return list(host_day(Random(f"more {seed} {number} {host}"), host, number + 500,
                             _midnight(number), len(base)))  # fmt: skip
    if kind in _ONE and host != _MOVED:
        return []
    base = base * _ONE.get(kind, 1)
    share = {"new agent everywhere": 4, "new entity type": 2}.get(kind, 1)
    new: list[Event] = []
    for i, old in enumerate(base[::share]):
        event = {k: old[k] for k in ("Channel", "Hostname", "UtcTime")}
        event |= {"ProcessGuid": f"{{{host:08x}-{number:04x}-0000-0001-{host:012x}}}",
                  "ProcessId": "700", "Image": "C:\\Program Files\\Agent\\agent.exe"}  # fmt: skip
        if kind == "new entity type":
            event |= {"EventID": 22, "QueryName": f"n{i % 40}.example.com", "QueryStatus": "0",
                      "QueryResults": "-"}  # fmt: skip
        else:
            event |= {"EventID": 11,
                      "TargetFilename": f"C:\\ProgramData\\agent\\q{i % 50}.bin"}  # fmt: skip
        new.append(event)
    return new


_ONE = {"one host only": 1, "one host, five times": 4}  # times its events, on top of them
SHIFTS: Mapping[str, set[str]] = {
    "new agent everywhere": {"file", "process"}, "twice the volume": set(),
    "one host only": {f"ws-{_MOVED:03d}"}, "new entity type": {"domain"},
    "one host, five times": {f"ws-{_MOVED:03d}"},
}  # fmt: skip


def amount(seed: int, host: int, number: int) -> int:
    """Return how many events an invented day of a host has, before a shift."""
    own, shared = (
        Random(f"{what} {seed} {number}").gauss(0.0, by)
        for what, by in ((f"own {host}", OWN), ("shared", SHARED))
    )
    usual = EVENTS * (WEEKEND if (FIRST + timedelta(days=number)).weekday() > 4 else 1.0)
    return round(usual * math.exp(own + shared))


def _midnight(number: int) -> datetime:
    return datetime.combine(FIRST + timedelta(days=number), datetime.min.time(), UTC)


def write(folder: Path, number: int, seed: int, hosts: int, kind: str = "") -> Path:
    """Write an invented day, with a shift if one is named."""
    log = folder / f"{number:03d}.json"
    with log.open("w") as out:
        for host in range(hosts):
            draw = Random(f"{seed} {number} {host}")
            events = amount(seed, host, number)
            base: list[Event] = list(host_day(draw, host, number, _midnight(number), events))
            more = _extra(seed, host, number, kind, base) if kind else []
            for event in sorted([*base, *more], key=lambda one: str(one["UtcTime"])):
                out.write(json.dumps(event) + "\n")
    return log


def invented(options: Options) -> Iterator[Row]:
    """Judge invented days: quiet ones, then each shift, days apart from the others."""
    fitted, quiet, shifted, hosts = (7, 3, 1, 4) if options.quick else (14, 8, 2, 10)
    days: list[Seen] = []
    runs: dict[str, list[list[Seen]]] = {kind: [] for kind in SHIFTS}
    for seed in range(1 if options.quick else options.seeds):
        with tempfile.TemporaryDirectory() as scratch:
            folder, number = Path(scratch), fitted + quiet
            store = graphad.open(folder / "store")
            logs = [write(folder, n, seed, hosts) for n in range(number)]
            for kind in SHIFTS:
                logs += [write(folder, number + n, seed, hosts, kind) for n in range(shifted)]
                number += shifted
            store.ingest(logs)
            model = store.fit(end=FIRST + timedelta(days=fitted), settings=SETTINGS, budget=BUDGET)
            every = [seen(store, model, FIRST + timedelta(days=n)) for n in range(fitted, number)]
        days += every[:quiet]
        for place, kind in enumerate(SHIFTS):
            begin = quiet + shifted * place
            runs[kind].append(every[begin : begin + shifted])
    yield from quiet_rows("invented", days)
    for kind, moved in SHIFTS.items():
        yield from shift_rows(kind, runs[kind], moved)


def _days(store: Workspace) -> list[date]:
    rows = store.sql("SELECT DISTINCT ts::DATE AS day FROM edges ORDER BY day").to_pydict()
    return list(rows["day"])


def recorded(options: Options) -> Iterator[Row]:
    """Judge the recorded quiet days, the first two thirds fitted."""
    logs = sorted((DATA / "quiet").glob("*.strace.gz"))
    with tempfile.TemporaryDirectory() as scratch:
        store = graphad.open(Path(scratch) / "store")
        store.ingest(logs[:6] if options.quick else logs)
        days = _days(store)
        cut = days[len(days) * 2 // 3]
        model = store.fit(end=cut, settings=SETTINGS, budget=BUDGET)
        yield from quiet_rows("recorded", [seen(store, model, day) for day in days if day >= cut])


def lab_of(hosts: Iterable[str | None]) -> str:
    """Return the lab that most hosts belong to, "" if none.

    >>> lab_of(["MORDORDC.theshire.local", "a.theshire.local", "WORKSTATION5", None])
    'theshire'
    """
    said = [(host or "").lower() for host in hosts]
    # By the domain where there is one: names of hosts come back in other labs.
    most = {lab: sum(f".{lab}." in host or host == lab for host in said) for lab in LABS}
    best = max(LABS, key=lambda lab: most[lab])
    return best if most[best] else ""


def otrf(options: Options) -> Iterator[Row]:
    """Judge days of OTRF labs: later ones of the lab that was fitted on, and other labs' days."""
    with tempfile.TemporaryDirectory() as scratch:
        home = captures.unpack("otrf-windows", Path(scratch))
        if home is None:
            return
        logs = sorted(home.glob("**/atomic/**/*.zip"))
        store = graphad.open(Path(scratch) / "store")
        store.ingest(logs[::8] if options.quick else logs)
        rows: dict[str, list[Any]] = store.sql(
            "SELECT ts::DATE AS day, list(host) AS hosts FROM edges GROUP BY day ORDER BY day"
        ).to_pydict()
        lab = dict(zip(rows["day"], map(lab_of, rows["hosts"]), strict=True))
        home_lab = max(LABS, key=list(lab.values()).count)
        own = [day for day in lab if lab[day] == home_lab]
        fitted, later = own[: len(own) // 2], own[len(own) // 2 :]
        at = ", ".join(f"'{day}'" for day in fitted)
        yield from _labs(store, lab, home_lab, fitted, later, at)


def _labs(
    store: Workspace, lab: Mapping[date, str], home: str, fitted: Sequence[date],
    later: Sequence[date], at: str,
) -> Iterator[Row]:  # fmt: skip
    mine = store.sql(f"SELECT DISTINCT source FROM edges WHERE ts::DATE IN ({at})").to_pydict()
    model = store.fit(
        start=fitted[0], end=fitted[-1] + timedelta(days=1), sources=mine["source"],
        settings=SETTINGS, budget=BUDGET,
    )  # fmt: skip
    yield from quiet_rows(f"OTRF {home}, {len(fitted)} days fitted",
                          [seen(store, model, day) for day in later])  # fmt: skip
    for other in LABS:
        strange = [day for day in lab if lab[day] == other]
        if other != home and strange:
            run = [seen(store, model, day) for day in strange]
            yield from shift_rows(f"OTRF {home} to {other}", [run], set())


def measure(options: Options) -> Iterator[Row]:
    """Judge all days."""
    yield from invented(options)
    yield from recorded(options)
    yield from otrf(options)


if __name__ == "__main__":
    sys.exit(harness.main(__doc__, measure, seeds=5))
