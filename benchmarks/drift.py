"""How often drift is told where there is none, and whether it is where there is, and what moved.

Made up: days of Sysmon events over twenty hosts (benchmarks/nightly.py), a model of the first six,
quiet days after them, then days in which something changed. Beside it, on the same hours and the
same counts, what one would do without thinking of how many tests that are: Kolmogorov and Smirnov's
test of the hours' best z, and a chi-squared test of the entities' types, both at 5 %.

Recorded: the Windows captures of $GRAPHAD_DATA, a model of a lab's first days; later days of it,
each with other attacks, and all days of the labs it never saw.
"""

import json
import random
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import binomtest, chi2_contingency, ks_2samp

from benchmarks import captures, harness, nightly
from benchmarks.harness import Options, Row
from graphad.models.drift import budget_test
from graphad.nightly import drift
from graphad.nightly.state import Night
from graphad.workspace import Workspace

Event = dict[str, object]
REFERENCE, QUIET = 6, 12  # days
HOSTS, EVENTS = 20, 960  # events of a host's day
BUDGET = 10.0
RATE = 0.05  # of days without drift, most that may be warned of
LAB, ITS_FIRST = "theshire.local", "2020-09-17"  # the lab with most days; the last that is learned


def agent(event: Event, draw: random.Random) -> Event:
    """Let a program that is new everywhere do a tenth of what happens."""
    if draw.random() < 0.1:
        log = f"C:\\ProgramData\\agent\\{draw.randrange(10**6)}.log"
        image = "C:\\Program Files\\Agent\\agent.exe"
        event |= {"EventID": 11, "Image": image, "TargetFilename": log}
    return event


def odd(event: Event, draw: random.Random) -> Event:
    """Let one event of fifty touch what was never touched."""
    if draw.random() < 0.02:
        event |= {"EventID": 11, "TargetFilename": f"C:\\Users\\x{draw.randrange(10**6)}.dat"}
    return event


def names(event: Event, draw: random.Random) -> Event:
    """Let a third of what happens be questions for names, which were not logged before."""
    if draw.random() < 0.33:
        event |= {"EventID": 22, "QueryName": f"srv{draw.randrange(40)}.corp.example"}
    return event


def same(event: Event, _: random.Random) -> Event:
    """Change nothing."""
    return event


# What happens, to how many times the events, to which hosts, and a word of what should be named.
SHIFTS: dict[str, tuple[Callable[[Event, random.Random], Event], int, range, str]] = {
    "a new agent on all hosts": (agent, 1, range(HOSTS), "scores"),
    "one event of 50 touches what is new": (odd, 1, range(HOSTS), ""),
    "a kind of entity not logged before": (names, 1, range(HOSTS), "domain"),
    "one host does twelve times as much": (same, 12, range(3, 4), "ws-003"),
    "twice as much of everything": (same, 2, range(HOSTS), ""),
}


def write(
    path: Path, number: int, seed: int, events: int, hosts: int,
    shift: tuple[Callable[[Event, random.Random], Event], int, range, str] | None = None,
) -> None:  # fmt: skip
    """Write a day of all hosts."""
    midnight = datetime.combine(
        nightly.FIRST + timedelta(days=number), datetime.min.time(), tzinfo=UTC
    )
    with path.open("w") as out:
        for host in range(hosts):
            draw = random.Random(f"{seed} {number} {host}")
            change, times = (same, 1) if shift is None or host not in shift[2] else shift[:2]
            for event in nightly._host(draw, host, number, midnight, events * times):
                out.write(json.dumps(change(event, draw)) + "\n")


def plain(store: Workspace, model: str, day: int) -> tuple[bool, bool]:
    """Return whether the two plain tests warn of a day."""
    detector, calibration, _ = store.model(model)
    night = Night(_day(day))
    maxima, _, _ = drift._maxima(store, detector, night)
    assert calibration is not None
    quiet = np.array(calibration.maxima)
    by_scores = len(maxima) > 0 and bool(ks_2samp(quiet, maxima).pvalue < RATE)
    first, last = Night(_day(0)).begin, Night(_day(REFERENCE - 1)).begin
    columns = ("src_type", "dst_type")
    before = drift._counted(store, first, last, columns)
    now = drift._counted(store, night.begin, night.begin, columns)
    kinds = sorted(before | now)
    table = np.array([[held.get(kind, 0) for kind in kinds] for held in (before, now)])
    return by_scores, bool(chi2_contingency(table).pvalue < RATE)


def _day(number: int) -> str:
    return (nightly.FIRST + timedelta(days=number)).isoformat()


def made_up(options: Options, scratch: Path) -> Iterator[Row]:
    """Judge quiet and changed days of made-up installations, one a seed."""
    hosts, events, quiet_days = (8, 240, 3) if options.quick else (HOSTS, EVENTS, QUIET)
    told: dict[str, list[bool]] = {}
    named: dict[str, list[bool]] = {name: [] for name in SHIFTS}
    exceeded = []
    for seed in range(1 if options.quick else options.seeds):
        store = Workspace(scratch / f"{seed}.store")
        total = REFERENCE + quiet_days
        for number in range(total + len(SHIFTS)):
            shift = None if number < total else list(SHIFTS.values())[number - total]
            log = scratch / f"{seed}-{number}.json"
            write(log, number, seed, events, hosts, shift)
            store.ingest([log])
            log.unlink()
        model = store.fit(end=_day(REFERENCE), settings={"span_s": 3600.0}, budget=BUDGET)
        alarms = []
        for number in range(REFERENCE, total + len(SHIFTS)):
            found = drift.compared(store, Night(_day(number)), model)
            said = drift.warnings("path", found)
            by_scores, by_types = plain(store, model, number)
            if number < total:
                for name, value in (
                    ("any warning", bool(said)),
                    ("warning of scores", any("scores of" in text for text in said)),
                    ("warning of entities", any("of entities" in text for text in said)),
                    ("warning of hosts", any("of hosts" in text for text in said)),
                    ("plain test of scores", by_scores),
                    ("plain test of types", by_types),
                ):
                    told.setdefault(name, []).append(value)
                judged = store.score(model=model, start=_day(number), end=_day(number + 1))
                alarms.append(float(len({f.incident for f in judged.findings if f.alert})))
            else:
                name = list(SHIFTS)[number - total]
                word = SHIFTS[name][3]
                told.setdefault(name, []).append(bool(said))
                named[name].append(any(word in text for text in said))
        exceeded.append(budget_test(alarms, BUDGET).exceeded)
        yield Row("quiet days: incidents with an alert a day", float(np.mean(alarms)), "a day",
                  BUDGET, seed=seed)  # fmt: skip
    for name, values in told.items():
        share = float(np.mean(values))
        if name in SHIFTS:
            yield Row(f"{name}: days warned of, of {len(values)}", share, "share")
            if SHIFTS[name][3]:
                right = float(np.mean(named[name]))
                yield Row(f"{name}: {SHIFTS[name][3]} named", right, "share", None, None, 1.0,
                          right == 1.0)  # fmt: skip
            continue
        ours = not name.startswith("plain")
        yield Row(f"quiet days: {name}, {between(values)}", share, "share", None, None,
                  RATE if ours else None, share <= RATE if ours else None)  # fmt: skip
    yield Row(f"quiet runs: budget said exceeded, of {len(exceeded)}", float(np.mean(exceeded)),
              "share", None, None, RATE, float(np.mean(exceeded)) <= RATE)  # fmt: skip


def between(values: list[bool]) -> str:
    """Return how many of how many, and the 95 % interval of their rate."""
    found = binomtest(sum(values), len(values)).proportion_ci(method="exact")
    return f"{sum(values)} of {len(values)}, 95 % of {found.low:.3f} to {found.high:.3f}"


def recorded(options: Options, scratch: Path) -> Iterator[Row]:
    """Judge days of recorded labs by the first days of one of them."""
    folder = captures.unpack("otrf-windows", scratch)
    if folder is None:
        print("otrf-windows is absent; set GRAPHAD_DATA.", file=sys.stderr)
        return
    store = Workspace(scratch / "otrf.store")
    logs = sorted(folder.rglob("*.zip"))
    store.ingest(logs[::6] if options.quick else logs)
    connection = store.connect()
    rows = connection.execute(
        f"""SELECT strftime(ts, '%Y-%m-%d') AS day, max(contains(host, '{LAB}')) AS mine,
                   count(*) AS n FROM edges GROUP BY day ORDER BY day"""
    ).fetchall()
    connection.close()
    lab = [day for day, mine, _ in rows if mine]
    learned = [day for day in lab if day <= ITS_FIRST]
    model = store.fit(
        start=learned[0], end=(datetime.fromisoformat(learned[-1]) + timedelta(days=1)).isoformat(),
        settings={"span_s": 3600.0}, budget=BUDGET,
    )  # fmt: skip
    told: dict[str, list[list[str]]] = {"later days of it": [], "days of other labs": []}
    for day, mine, _ in rows:
        if day not in learned:
            found: dict[str, Any] = drift.compared(store, Night(day), model)
            where = "later days of it" if mine else "days of other labs"
            told[where].append(drift.warnings("path", found))
    for where, said in told.items():
        for what in ("scores", "entities", "hosts"):
            values = [any(f"{what} " in text for text in one) for one in said]
            if values:
                yield Row(f"lab, {where}: warning of {what}, {between(values)}",
                          float(np.mean(values)), "share")  # fmt: skip


def measure(options: Options) -> Iterable[Row]:
    """Yield all rows."""
    with tempfile.TemporaryDirectory() as folder:
        yield from made_up(options, Path(folder))
        yield from recorded(options, Path(folder))


if __name__ == "__main__":
    sys.exit(harness.main(__doc__, measure, seeds=5))
