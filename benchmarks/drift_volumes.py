"""How often counts of events are wrongly told to have drifted, and which changes are told.

Counts alone, no logs: two weeks of invented days and one more, of hosts whose days are log-normal
by a deviation of their own and half of it shared by all, half as many on weekends, and of five
types that share all events by weights which vary as much. Noise of heavier tails (Student's t with
3 degrees of freedom, of the same deviation) breaks what the test assumes. Then days of the DARPA
1998 connections, each after up to two weeks of them: a host is what connects, only normal
connections are taken, then all. The plain way warns if any count is more than twice or less than
half of the mean of its learned days. Intervals are Clopper and Pearson's, 95 %.
"""

import sys
import tempfile
from collections.abc import Iterator, Mapping
from datetime import date
from itertools import product
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt

from benchmarks import captures, harness
from benchmarks.drift import interval
from benchmarks.harness import Options, Row
from graphad.nightly.state import DAY, microseconds
from graphad.nightly.volumes import LEVEL, Counts, Kind, compared

LEARNED = 14
MONDAY = 4 * DAY
TODAY = {"working day": LEARNED, "weekend": LEARNED + 5}
USUAL = 3000.0  # median events of a host's working day
TYPES = np.array([0.4, 0.3, 0.15, 0.1, 0.05])
PLAIN = 2.0
CHANGES = {"all twice": 2.0, "one host twice": 2.0, "one host 5 times": 5.0}

Floats = npt.NDArray[np.float64]


def days(draw: np.random.Generator, hosts: int, deviation: float, heavy: bool) -> Floats:
    """Return the events of hosts [D, H] of a month from a Monday on."""

    def noise(*shape: int) -> Floats:
        found = draw.standard_t(3, shape) / 3**0.5 if heavy else draw.normal(size=shape)
        return np.asarray(deviation * found, np.float64)

    number = LEARNED + 7
    weekend = np.arange(number) % 7 > 4
    usual = np.where(weekend, USUAL / 2, USUAL)[:, np.newaxis]
    return np.round(usual * np.exp(noise(number, hosts) + noise(number, 1) / 2))


def counted(
    draw: np.random.Generator, hosts: Floats, deviation: float, today: int
) -> dict[Kind, Counts]:
    """Return the counts of two weeks of days [D, H] and of a day after them."""
    numbers = [*range(today - LEARNED, today), today]
    found: dict[Kind, dict[int, dict[str, int]]] = {"all": {}, "type": {}, "host": {}}
    for number in numbers:
        day, total = MONDAY + number * DAY, int(hosts[number].sum())
        share = TYPES * np.exp(draw.normal(0.0, deviation / 2, len(TYPES)))
        types = np.round(2 * total * share / share.sum())
        found["all"][day] = {"": total}
        found["type"][day] = {f"t{i}": int(n) for i, n in enumerate(types) if n}
        found["host"][day] = {f"h{i}": int(n) for i, n in enumerate(hosts[number]) if n}
    return dict(found)


def plain(learned: Mapping[Kind, Counts], day: int) -> bool:
    """Say whether any count is twice or half of the mean of its learned days that have it."""
    for by_day in learned.values():
        before = [held for other, held in by_day.items() if other != day]
        for name, n in by_day.get(day, {}).items():
            own = [held[name] for held in before if name in held]
            mean = sum(own) / len(own) if own else n
            if not mean / PLAIN <= n <= mean * PLAIN:
                return True
    return False


def _row(name: str, told: int, wrong: int, of: int, limit: float | None = None) -> Row:
    low, high = interval(told, of)
    return Row(name, told / of, f"of {of} days ({low:.4f} to {high:.4f})", baseline=wrong / of,
               target=limit, met=None if limit is None else low <= limit)  # fmt: skip


def invented(options: Options) -> Iterator[Row]:
    """Judge invented days: as they are, and with each change."""
    for hosts, deviation, heavy, (kind, today) in product(
        (10, 200), (0.1, 0.2, 0.4), (False, True), TODAY.items()
    ):
        of = 20 if options.quick else 1000 if hosts == 10 else 300
        draw = np.random.default_rng([hosts, round(100 * deviation), heavy, today])
        at = f"{hosts} hosts, deviation {deviation}, {'t' if heavy else 'normal'}, {kind}"
        told = dict.fromkeys(["nothing", *CHANGES], 0)
        wrong = dict.fromkeys(told, 0)
        for _ in range(of):
            quiet = days(draw, hosts, deviation, heavy)
            for change in told:
                moved = quiet.copy()
                which = slice(None) if change == "all twice" else slice(1)
                moved[today, which] *= CHANGES.get(change, 1.0)
                learned, day = counted(draw, moved, deviation, today), MONDAY + today * DAY
                told[change] += compared(learned, day)["told"] > 0
                wrong[change] += plain(learned, day)
        yield _row(f"{at}: false warnings", told["nothing"], wrong["nothing"], of,
                   None if heavy else LEVEL)  # fmt: skip
        for change in CHANGES:
            yield _row(f"{at}: {change}", told[change], wrong[change], of)


def connections(log: Path, attacks: bool) -> dict[Kind, Counts]:
    """Return counts of all and of what connects, by day, of DARPA's connections."""
    connection = duckdb.connect()
    rows = connection.execute(
        """SELECT strptime(column2, '%m/%d/%Y-%H:%M')::DATE AS day, column0, count(*)
           FROM read_csv($log, header = false) WHERE $attacks OR column3 = '-'
           GROUP BY ALL ORDER BY ALL""",
        {"log": str(log), "attacks": attacks},
    ).fetchall()
    connection.close()
    found: dict[Kind, dict[int, dict[str, int]]] = {"all": {}, "host": {}}
    for day, host, n in rows:
        at = microseconds(day)
        found["host"].setdefault(at, {})[host] = n
        found["all"].setdefault(at, {"": 0})[""] += n
    return dict(found)


def darpa() -> Iterator[Row]:
    """Judge each day of June 1998 after those before it."""
    with tempfile.TemporaryDirectory() as scratch:
        home = captures.unpack("darpa98-edges", Path(scratch))
        if home is None:
            return
        [log] = home.glob("**/*.csv")
        normal, every = (connections(log, attacks) for attacks in (False, True))
    for name, counts in (("normal connections", normal), ("attacks too", every)):
        told, naive, which = 0, 0, list[str]()
        of = 0
        for day in sorted(counts["all"]):
            window = {
                kind: {d: held for d, held in by_day.items() if day - LEARNED * DAY <= d <= day}
                for kind, by_day in counts.items()
            }
            found = compared(window, day)
            if not found:
                continue
            of += 1
            naive += plain(window, day)
            if found["told"]:
                told += 1
                which.append(str(date.fromordinal(date(1970, 1, 1).toordinal() + day // DAY)))
        yield _row(f"DARPA 1998, {name}", told, naive, of)
        for text in which:
            moment = microseconds(date.fromisoformat(text))
            share = 1 - normal["all"][moment][""] / every["all"][moment][""]
            yield Row(f"DARPA 1998, {name}: told of {text}", share, "of that day are attacks")


def measure(options: Options) -> Iterator[Row]:
    """Judge invented and recorded days."""
    yield from invented(options)
    yield from darpa()


if __name__ == "__main__":
    sys.exit(harness.main(__doc__, measure))
