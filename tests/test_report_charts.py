"""The axis and the pictures of a report, against counts made one finding at a time."""

import math
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.findings import Finding
from graphad.incidents import grouped, microseconds, settle
from graphad.report import charts
from graphad.report.axis import FEW, HOUR, MOST, Axis, axis
from graphad.schema import SEVERITIES
from tests.report_store import plenty

MOMENTS = st.lists(
    st.one_of(
        st.integers(-(2**62), 2**62), st.integers(1_700_000_000_000_000, 1_700_100_000_000_000)
    ),
    max_size=150,
)  # fmt: skip


@given(MOMENTS, st.integers(-(2**62), 2**62))
@settings(max_examples=150)
def test_an_axis_holds_each_moment_and_no_empty_stretch(moments: list[int], other: int) -> None:
    made = axis(moments)
    assert len(made.starts) <= MOST
    assert list(made.starts) == sorted(set(made.starts))
    for ts in [*moments, other]:  # the slow way: look at every stretch
        held = [i for i, start in enumerate(made.starts) if start <= ts < start + made.length]
        assert made.column(ts) == (held[0] if held else None)
        assert (ts in moments) <= bool(held)
    used = {made.column(ts) for ts in moments}
    assert used == set(range(len(made.starts)))
    places = [made.at(ts) for ts in sorted(moments)]
    assert places == sorted(places, key=lambda at: -1.0 if at is None else at)
    assert made.unit


@pytest.mark.parametrize(
    ("hours", "unit"),
    [(FEW + 1, "1 hour"), (MOST, "1 hour"), (MOST + 1, "2 hours"), (24 * 60, "1 day"),
     (24 * 300, "7 days")],
)  # fmt: skip
def test_hours_are_taken_where_they_fit(hours: int, unit: str) -> None:
    assert axis(range(0, hours * HOUR, HOUR)).unit == unit


def test_breaks_are_where_stretches_were_left_out() -> None:
    made = axis([0, HOUR, 5 * HOUR, 6 * HOUR, 9 * HOUR])
    assert made.breaks() == [2, 4]
    assert len(charts.gaps(made)) == 2
    assert axis([]).starts == ()


@given(st.floats(-1e3, 1e3), st.floats(1e-3, 1e6), st.integers(2, 12))
@settings(max_examples=60)
def test_marks_are_round_within_and_even(begin: float, span: float, most: int) -> None:
    low = begin * span
    found = charts.nice(low, low + span, most)
    assert len(found) <= most + 1
    assert all(low - 1e-9 * span <= x <= low + span * (1 + 1e-9) for x in found)
    steps = [b - a for a, b in pairwise(found)]
    assert all(math.isclose(step, steps[0], rel_tol=1e-6) for step in steps)
    if steps:
        power = 10.0 ** math.floor(math.log10(steps[0] * 1.0001))
        assert any(math.isclose(steps[0], m * power, rel_tol=1e-6) for m in (1, 2, 5, 10))


@pytest.fixture(scope="module")
def found() -> list[Finding]:
    made = plenty(400)
    settle(grouped(made), {}, [], 0)
    return made


def span_of(found: list[Finding]) -> Axis:
    return axis(microseconds(f.start) for f in found)


def test_points_stand_for_all_findings_and_higher_is_more_surprising(found: list[Finding]) -> None:
    made = charts.plot(found, {"m": 8.0}, span_of(found))
    assert sum(point.count for point in made.points) == len(found)
    assert sum(p.count for p in made.points if p.alert) == sum(bool(f.alert) for f in found)
    by_z = sorted(made.points, key=lambda point: point.best.z)
    assert all(a.y >= b.y for a, b in pairwise(by_z))
    by_time = sorted(made.points, key=lambda point: microseconds(point.best.start))
    assert all(a.x <= b.x for a, b in pairwise(by_time))
    for point in made.points:
        assert charts.LEFT <= point.x <= charts.WIDE - charts.RIGHT
        assert charts.TOP <= point.y <= charts.TOP + charts.TALL
    line = made.thresholds[0].at
    assert all((point.y <= line) == point.alert for point in made.points)


def test_a_distribution_counts_each_finding_where_its_z_is(found: list[Finding]) -> None:
    made = charts.histogram(found, {"m": 8.0})
    assert sum(bar.count for bar in made.bars) == len(found)
    for bar in made.bars:
        inside = [f for f in found if bar.low <= f.z < bar.high]
        assert abs(len(inside) - bar.count) <= 1  # a z on the edge may be rounded to either side
        assert abs(sum(bool(f.alert) for f in inside) - bar.alerts) <= 1
    tall = {bar.count: bar.height for bar in made.bars}
    counts = sorted(tall)
    assert all(tall[a] < tall[b] for a, b in pairwise(counts))
    # The axis is logarithmic: from 1 to 10 is as far as from 10 to 100.
    one, ten, hundred = (next(t.at for t in made.counts if t.text == text)
                         for text in ("1", "10", "100"))  # fmt: skip
    assert one - ten == pytest.approx(ten - hundred)
    assert made.counts[-1].at == pytest.approx(charts.TOP)
    half = charts.TOP + charts.TALL  # where the axis begins
    assert half - one == pytest.approx((one - ten) * math.log10(2))
    assert sum(bar.alerts for bar in made.bars) == sum(bool(f.alert) for f in found)
    assert tall.get(1, charts.TOP + charts.TALL - one) == pytest.approx(
        charts.TOP + charts.TALL - one
    )


def test_no_threshold_is_drawn_where_any_score_is_an_alert(found: list[Finding]) -> None:
    assert charts.histogram(found[:3], {"m": -math.inf}).thresholds == []
    assert charts.plot(found[:3], {"m": -math.inf}, span_of(found)).thresholds == []


def test_scores_that_are_all_one_or_no_number_are_drawn() -> None:
    made = plenty(3)
    for one in made:
        one.z = 4.0
    assert [bar.count for bar in charts.histogram(made, {}).bars] == [3]
    made[0].z = math.inf
    assert sum(bar.count for bar in charts.histogram(made, {}).bars) == 3
    assert len(charts.plot(made, {}, span_of(made)).points) >= 2


def test_a_heat_map_counts_what_each_host_has_in_each_stretch(found: list[Finding]) -> None:
    span = span_of(found)
    records = {("ws1.corp.example", 0): 70, ("quiet", 1): 3}
    rows, more = charts.heat(found, records, span)
    assert more == 0
    assert {row.host for row in rows} == {f.host for f in found} | {"quiet"}
    assert rows[-1].host == "quiet"
    told = {(row.host, cell.start): cell for row in rows for cell in row.cells}
    slow: Counter[tuple[str, int]] = Counter()
    for f in found:
        column = next(i for i, s in enumerate(span.starts)
                      if s <= microseconds(f.start) < s + span.length)  # fmt: skip
        slow[f.host, column] += 1
    for (host, column), count in slow.items():
        mine = [f for f in found if f.host == host
                and span.column(microseconds(f.start)) == column]  # fmt: skip
        cell = told[host, mine_start(span, column)]
        assert cell.findings == count
        assert cell.incidents == len({f.incident for f in mine})
        assert cell.alerts == sum(bool(f.alert) for f in mine)
        assert cell.level == max(1 + SEVERITIES.index(f.severity or "") for f in mine)
    assert sum(cell.findings for cell in told.values()) == len(found)
    assert told["ws1.corp.example", mine_start(span, 0)].records == 70
    quiet = told["quiet", mine_start(span, 1)]
    assert (quiet.level, quiet.records, quiet.best) == (0, 3, None)


def mine_start(span: Axis, column: int) -> str:
    from graphad.judge import rfc3339

    return rfc3339(span.starts[column])


def test_too_many_hosts_are_left_out_from_the_end() -> None:
    made = plenty(100)
    for i, one in enumerate(made):
        one.host, one.severity, one.alert = f"h{i:03d}", None, None
        one.z = float(i)
    rows, more = charts.heat(made, {}, span_of(made))
    assert (len(rows), more) == (charts.HOSTS, 100 - charts.HOSTS)
    assert rows[0].host == "h099"


def test_without_severities_a_fifth_of_a_detector_has_each_level() -> None:
    made = plenty(50)
    for one in made:
        one.severity = None
    made[7].detector = "window"
    level = charts.levels(made)
    assert level[made[7].id] == 1
    others = [f for f in made if f is not made[7]]
    assert set(Counter(level[f.id] for f in others).values()) <= {9, 10}
    for a, b in pairwise(sorted(others, key=lambda f: f.z)):
        assert level[a.id] <= level[b.id]
