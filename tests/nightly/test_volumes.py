"""Counts of a day against those of learned days of its kind: what is asked, what is told."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from graphad.nightly import volumes
from graphad.nightly.state import DAY
from graphad.nightly.volumes import Counts, Kind, compared

MONDAY = 4 * DAY  # 1970-01-05
HOSTS = {f"h{n}": 3000 for n in range(10)}


def learned(hosts: dict[int, dict[str, int]]) -> dict[Kind, Counts]:
    """Return counts of days (from Monday, 0) by host; each event has a process and a file."""
    days = {MONDAY + number * DAY: dict(held) for number, held in hosts.items()}
    sums = {day: sum(held.values()) for day, held in days.items()}
    return {
        "all": {day: {"": n} for day, n in sums.items() if n},
        "type": {day: {"file": n, "process": n} for day, n in sums.items() if n},
        "host": {day: {name: n for name, n in held.items() if n} for day, held in days.items()},
    }


def week(draw: np.random.Generator, deviation: float, days: int = 14) -> dict[int, dict[str, int]]:
    """Return two weeks and more of hosts that differ from day to day, weekends a third of it."""
    return {
        number: {
            host: round(n * np.exp(draw.normal(0, deviation)) / (3 if number % 7 > 4 else 1))
            for host, n in HOSTS.items()
        }
        for number in range(days)
    }


def names(told: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one["kind"], one["name"]) for one in told["moved"]]


def test_a_host_that_doubles_is_told_with_what_is_usual() -> None:
    days = week(np.random.default_rng(1), 0.05, 15)  # the last is a Monday
    assert compared(learned(days), MONDAY + 14 * DAY)["told"] == 0
    days[14]["h2"] *= 2
    told = compared(learned(days), MONDAY + 14 * DAY)
    assert (told["tested"], told["told"], names(told)) == (13, 1, [("host", "h2")])
    one = told["moved"][0]
    mine = np.log([days[n]["h2"] for n in range(12) if n % 7 < 5])
    error = mine.std(ddof=1) * (1 + 1 / 10) ** 0.5
    half = stats.t.ppf(0.995, 9) * error
    assert one["days"] == 10
    assert one["low"] == pytest.approx(np.exp(mine.mean() - half), rel=1e-6)
    assert one["high"] == pytest.approx(np.exp(mine.mean() + half), rel=1e-6)
    # A third of the level is for hosts, a tenth of it for each.
    chance = 2 * stats.t.sf((np.log(one["events"]) - mine.mean()) / error, 9)
    assert one["chance"] == pytest.approx(30 * chance)
    text = volumes.warning(told)
    assert text.startswith(f"volumes have drifted: events of host h2 {one['events']:,}, usually ")


def test_twice_of_everything_is_told_first_of_all() -> None:
    days = week(np.random.default_rng(2), 0.05, 15)
    days[14] = {host: 2 * n for host, n in days[14].items()}
    told = compared(learned(days), MONDAY + 14 * DAY)
    assert names(told)[0] == ("all", "")
    assert told["told"] > len(told["moved"]) == 4
    assert volumes.warning(told).endswith(f"; {told['told'] - 4} more")
    assert "drifted: all events 6" in volumes.warning(told)


def test_weekends_are_held_against_weekends() -> None:
    days = week(np.random.default_rng(3), 0.02, 14)
    for number in (12, 13):  # of 11 and 12 days
        some = {n: held for n, held in days.items() if n <= number}
        told = compared(learned(some), MONDAY + number * DAY)
        assert (told.get("tested", 0), told.get("told", 0)) == ((13, 0) if number == 13 else (0, 0))
    as_on_monday = days | {13: days[0]}
    assert compared(learned(as_on_monday), MONDAY + 13 * DAY)["told"] > 0


def test_what_is_new_or_silent_is_left_to_others() -> None:
    days = week(np.random.default_rng(4), 0.02, 12)
    days[11] = {"new": 900} | days[11] | {"h1": 0}
    told = compared(learned(days), MONDAY + 11 * DAY)
    assert (told["tested"], told["told"]) == (12, 0)
    counts = learned(days)
    types = {day: dict(held) | {"address": 4000} for day, held in counts["type"].items()}
    del types[MONDAY + 11 * DAY]["address"]
    told = compared(counts | {"type": types}, MONDAY + 11 * DAY)
    assert [(one["kind"], one["name"], one["events"]) for one in told["moved"]] == [
        ("type", "address", 0)
    ]
    del types[MONDAY + 2 * DAY]["address"]  # it may be absent, then
    assert compared(counts | {"type": types}, MONDAY + 11 * DAY)["told"] == 0


def test_a_day_as_far_off_as_a_learned_one_is_not_told() -> None:
    days = week(np.random.default_rng(7), 0.02, 15)
    days[14]["h2"] = round(1.7 * days[14]["h2"])
    assert names(compared(learned(days), MONDAY + 14 * DAY)) == [("host", "h2")]
    days[3]["h5"] = 30 * days[3]["h5"]  # another host, once, by far more
    assert compared(learned(days), MONDAY + 14 * DAY)["told"] == 0


def test_trifles_are_not_told() -> None:
    days = {number: dict.fromkeys(HOSTS, 1_000_000) for number in range(12)}
    days[11] = dict.fromkeys(HOSTS, 1_490_000)
    assert compared(learned(days), MONDAY + 11 * DAY)["told"] == 0
    days[11] = dict.fromkeys(HOSTS, 1_510_000)
    assert compared(learned(days), MONDAY + 11 * DAY)["told"] == 13
    few = {number: {"h": 3} for number in range(12)} | {11: {"h": 6}}
    assert compared(learned(few), MONDAY + 11 * DAY)["told"] == 0


def test_too_few_days_say_nothing() -> None:
    days = {number: dict(HOSTS) for number in range(3)}
    days[2] = {host: 50 * n for host, n in HOSTS.items()}
    assert compared(learned(days), MONDAY + 2 * DAY) == {}


@settings(max_examples=50)
@given(st.permutations(range(10)), st.permutations(range(10)), st.integers(0, 99))
def test_the_order_of_hosts_and_of_days_says_nothing(
    hosts: list[int], order: list[int], seed: int
) -> None:
    days = week(np.random.default_rng(seed), 0.1, 15)
    days[14]["h2"] *= 4
    told = compared(learned(days), MONDAY + 14 * DAY)
    renamed = {f"h{n}": f"h{m}" for n, m in enumerate(hosts)}
    working = [n for n in range(12) if n % 7 < 5]
    moved = {b: days[a] for a, b in zip((working[i] for i in order), working, strict=True)}
    other = {
        number: {renamed[name]: n for name, n in held.items()}
        for number, held in (days | moved).items()
    }
    again = compared(learned(dict(reversed(other.items()))), MONDAY + 14 * DAY)
    assert (again["tested"], again["told"]) == (told["tested"], told["told"])
    mine = [one | {"name": renamed.get(one["name"], one["name"])} for one in told["moved"]]
    by_name = {(one["kind"], one["name"]): one for one in again["moved"]}
    if told["told"] <= 4:
        assert {(one["kind"], one["name"]): one for one in mine} == by_name


@settings(max_examples=50)
@given(st.integers(1, 1000), st.integers(0, 99))
def test_all_counts_times_a_number_say_the_same(times: int, seed: int) -> None:
    days = week(np.random.default_rng(seed), 0.2, 15)
    days[14]["h2"] *= 8
    told = compared(learned(days), MONDAY + 14 * DAY)
    larger = {n: {h: c * times for h, c in held.items()} for n, held in days.items()}
    again = compared(learned(larger), MONDAY + 14 * DAY)
    assert names(again) == names(told)
    for one, other in zip(told["moved"], again["moved"], strict=True):
        assert other["chance"] == pytest.approx(one["chance"], rel=1e-6)
        assert other["high"] == pytest.approx(times * one["high"], rel=1e-6)


@pytest.mark.parametrize("common", [0.0, 0.2])
def test_a_night_without_drift_is_seldom_told(common: float) -> None:
    draw = np.random.default_rng(5)
    wrong = 0
    for _ in range(500):
        days = week(draw, 0.2, 15)
        moved = {n: np.exp(draw.normal(0, common)) for n in days}
        days = {n: {h: round(c * moved[n]) for h, c in held.items()} for n, held in days.items()}
        wrong += compared(learned(days), MONDAY + 14 * DAY)["told"] > 0
    assert stats.binomtest(wrong, 500, volumes.LEVEL, alternative="greater").pvalue > 0.01


def test_the_table_of_what_can_be_seen_is_that_of_the_theory() -> None:
    text = (Path(__file__).parents[2] / "docs" / "nightly.md").read_text(encoding="utf-8")
    table = text.partition("| learned days of the kind |")[2].partition("\n\n")[0]
    rows = [re.findall(r"[\d.]+|never", line) for line in table.splitlines()[2:]]
    assert [int(row[0]) for row in rows] == [3, 4, 5, 8, 10, 20]
    for row in rows:
        n = int(row[0])
        cells = iter(row[1:])
        for share in (1 / 3, 1 / 30, 1 / 600):  # of the level
            limit = stats.t.ppf(1 - volumes.LEVEL * share / 2, n - 1) * (1 + 1 / n) ** 0.5
            for deviation in (0.1, 0.2):
                wanted, said = max(volumes.FACTOR, float(np.exp(limit * deviation))), next(cells)
                assert wanted > 1000 if said == "never" else float(f"{wanted:.2g}") == float(said)
