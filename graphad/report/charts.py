"""The geometry of a report's pictures: when, where and how surprising its findings are.

All is in px of a picture WIDE wide; the template draws it. Pictures of time share one axis.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from graphad.findings import Finding
from graphad.incidents import microseconds
from graphad.judge import rfc3339
from graphad.report.axis import Axis
from graphad.sanitize import shorten, terminal
from graphad.schema import SEVERITIES

WIDE, LEFT, RIGHT = 1000, 170, 12
TALL, TOP, FOOT = 150, 10, 34  # of a plot, and the room below it
ROW = 18  # of the heat map
HOSTS = 40  # of the heat map
CELL = 3  # px within which points are one
BINS = 40  # of a distribution


@dataclass(frozen=True)
class Tick:
    """A mark on an axis."""

    at: float
    text: str


@dataclass(frozen=True)
class Threshold:
    """The standing from which on a model's findings are alerts."""

    at: float
    standing: float
    model: str


@dataclass(frozen=True)
class Point:
    """Findings of about the same time and standing."""

    x: float
    y: float
    alert: bool
    count: int
    best: Finding


@dataclass(frozen=True)
class Plot:
    """Scores over time of one detector."""

    points: list[Point]
    ticks: list[Tick]
    thresholds: list[Threshold]


@dataclass(frozen=True)
class Bar:
    """How many findings have a z of [low, high)."""

    x: float
    width: float
    y: float
    height: float
    low: float
    high: float
    count: int
    alerts: int


@dataclass(frozen=True)
class Histogram:
    """How the scores of one detector are distributed; the vertical axis is logarithmic."""

    bars: list[Bar]
    ticks: list[Tick]
    counts: list[Tick]
    thresholds: list[Threshold]


@dataclass(frozen=True)
class Cell:
    """What there is of a host in one stretch of time; level 0: nothing but records, 5: the most."""

    x: float
    width: float
    level: int
    findings: int
    incidents: int
    alerts: int
    records: int
    start: str
    end: str
    best: Finding | None


@dataclass(frozen=True)
class Row:
    """A host of the heat map."""

    host: str
    label: str
    y: float
    cells: list[Cell]


def x_of(axis: Axis, ts: int) -> float:
    """Return where a moment of the axis is drawn."""
    at = axis.at(ts)
    assert at is not None, "the axis is made of the moments that are drawn"
    return LEFT + at * (WIDE - LEFT - RIGHT) / max(len(axis.starts), 1)


def times(axis: Axis, most: int = 7) -> list[Tick]:
    """Return the marks of the time axis: at most so many, the first of each gap preferred."""
    count = len(axis.starts)
    step = -(-count // most) if count else 1
    ticks = []
    for i in range(0, count, step):
        text = rfc3339(axis.starts[i])
        told = text[:16].replace("T", " ") if "T" in text else text
        ticks.append(Tick(x_of(axis, axis.starts[i]), told))
    return ticks


def gaps(axis: Axis) -> list[float]:
    """Return where stretches of time are left out."""
    return [x_of(axis, axis.starts[i]) for i in axis.breaks()]


def nice(low: float, high: float, most: int = 5) -> list[float]:
    """Return round numbers within [low, high], evenly spaced.

    >>> nice(0.2, 9.7), nice(3.0, 3.0)
    ([2.0, 4.0, 6.0, 8.0], [3.0])
    """
    if not high > low:
        return [low]
    raw = (high - low) / most
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * m for m in (1, 2, 5, 10) if power * m >= raw * 0.999)
    first = math.ceil(low / step)
    return [i * step for i in range(first, math.floor(high / step) + 1)]


def number(value: float) -> str:
    """Return a number for a mark.

    >>> number(2.0), number(0.25), number(120000.0)
    ('2', '0.25', '120,000')
    """
    return f"{value:,.3f}".rstrip("0").rstrip(".")


def _extent(found: Sequence[Finding], thresholds: Mapping[str, float]) -> tuple[float, float]:
    values = [f.standing for f in found if math.isfinite(f.standing)]
    values += [z for z in thresholds.values() if math.isfinite(z)]
    low, high = min(values, default=0.0), max(values, default=1.0)
    pad = (high - low) * 0.04 or 0.5
    return low - pad, high + pad


def plot(found: Sequence[Finding], thresholds: Mapping[str, float], axis: Axis) -> Plot:
    """Return the score time line of findings of one detector, given its models' thresholds."""
    low, high = _extent(found, thresholds)

    def y_of(standing: float) -> float:
        return TOP + (high - min(max(standing, low), high)) / (high - low) * TALL

    cells: dict[tuple[int, int, bool], list[Finding]] = defaultdict(list)
    for finding in found:
        x, y = x_of(axis, microseconds(finding.start)), y_of(finding.standing)
        cells[int(x / CELL), int(y / CELL), bool(finding.alert)].append(finding)
    points = []
    for (_, _, alert), mine in sorted(cells.items()):
        best = max(mine, key=lambda f: (f.standing, f.id))
        x, y = x_of(axis, microseconds(best.start)), y_of(best.standing)
        points.append(Point(x, y, alert, len(mine), best))
    points.sort(key=lambda point: point.alert)  # alerts are drawn over the others
    return Plot(
        points,
        [Tick(y_of(z), number(z)) for z in nice(low, high)],
        [Threshold(y_of(z), z, m) for m, z in sorted(thresholds.items()) if math.isfinite(z)],
    )


def histogram(found: Sequence[Finding], thresholds: Mapping[str, float]) -> Histogram:
    """Return the distribution of the standing of findings of one detector."""
    low, high = _extent(found, thresholds)
    width = (high - low) / BINS
    counts, alerts = [0] * BINS, [0] * BINS
    for finding in found:
        place = min(max((finding.standing - low) / width, 0), BINS - 1)
        at = int(place) if math.isfinite(place) else 0
        counts[at] += 1
        alerts[at] += bool(finding.alert)
    decades = max(math.ceil(math.log10(max(*counts, 1) + 0.5)), 1)
    px = (WIDE - LEFT - RIGHT) / BINS

    def y_of(count: int) -> float:  # one finding is seen: the axis begins at a half
        return TOP + TALL * (1 - math.log10(2 * count) / (decades + math.log10(2)))

    def x_at(standing: float) -> float:
        return LEFT + (standing - low) / width * px

    bars = [
        Bar(
            LEFT + i * px, px, y_of(n), TOP + TALL - y_of(n),
            low + i * width, low + (i + 1) * width, n, alerts[i],
        )
        for i, n in enumerate(counts) if n
    ]  # fmt: skip
    return Histogram(
        bars,
        [Tick(x_at(z), number(z)) for z in nice(low, high, 10)],
        [Tick(y_of(10**d), f"{10**d:,}") for d in range(decades + 1)],
        [Threshold(x_at(z), z, m) for m, z in sorted(thresholds.items()) if math.isfinite(z)],
    )


def levels(found: Sequence[Finding]) -> dict[str, int]:
    """Return how dark findings are drawn, 1 to 5, by id.

    By severity where anything is calibrated; else by the fifth of its detector's findings that
    one's z is in, the best fifth darkest.
    """
    if any(f.severity for f in found):
        return {f.id: 1 + SEVERITIES.index(f.severity) if f.severity else 1 for f in found}
    by_detector: dict[str, list[Finding]] = defaultdict(list)
    for finding in found:
        by_detector[finding.detector].append(finding)
    level: dict[str, int] = {}
    for mine in by_detector.values():
        mine.sort(key=lambda f: (f.standing, f.id))
        level |= {f.id: 1 + 5 * i // len(mine) for i, f in enumerate(mine)}
    return level


def heat(
    found: Sequence[Finding], records: Mapping[tuple[str, int], int], axis: Axis
) -> tuple[list[Row], int]:
    """Return the heat map, hosts with the most severe findings first, and how many are left out.

    records: how many a host has in each stretch, by (host, column).
    """
    level = levels(found)
    cells: dict[tuple[str, int], list[Finding]] = defaultdict(list)
    for finding in found:
        column = axis.column(microseconds(finding.start))
        assert column is not None
        cells[finding.host, column].append(finding)
    worst: dict[str, tuple[int, int, float]] = {host: (0, 0, 0.0) for host, _ in records}
    for finding in found:
        one = (int(bool(finding.alert)), level[finding.id], finding.standing)
        worst[finding.host] = max(worst.get(finding.host, one), one)
    ranked = sorted(worst, key=lambda host: ([-value for value in worst[host]], host))
    rows = []
    for y, host in enumerate(ranked[:HOSTS]):
        mine = [
            _cell(axis, column, cells.get((host, column), []), records.get((host, column), 0),
                  level)
            for column in range(len(axis.starts))
            if (host, column) in cells or (host, column) in records
        ]  # fmt: skip
        rows.append(Row(host, shorten(terminal(host), 24), TOP + y * ROW, mine))
    return rows, len(ranked) - len(rows)


def _cell(
    axis: Axis, column: int, found: list[Finding], records: int, level: Mapping[str, int]
) -> Cell:
    start = axis.starts[column]
    return Cell(
        x=x_of(axis, start),
        width=(WIDE - LEFT - RIGHT) / len(axis.starts),
        level=max((level[f.id] for f in found), default=0),
        findings=len(found),
        incidents=len({f.incident for f in found}),
        alerts=sum(bool(f.alert) for f in found),
        records=records,
        start=rfc3339(start),
        end=rfc3339(start + axis.length),
        best=max(found, key=lambda f: (level[f.id], f.standing, f.id), default=None),
    )
