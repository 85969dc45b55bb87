"""The benchmark of drift: its intervals, its labs, and what its shifts add to a day."""

import json
from pathlib import Path

import pytest
from scipy.stats import binom

from benchmarks import drift as benchmark
from benchmarks.drift import Seen


@pytest.mark.parametrize(("hits", "of"), [(0, 40), (3, 20), (20, 20)])
def test_an_interval_leaves_as_much_on_either_side(hits: int, of: int) -> None:
    low, high = benchmark.interval(hits, of)
    assert low <= hits / of <= high
    if hits:
        assert binom.sf(hits - 1, of, low) == pytest.approx(0.025)
    if hits < of:
        assert binom.cdf(hits, of, high) == pytest.approx(0.025)


def test_a_lab_is_told_by_its_domain_or_by_a_host_without_one() -> None:
    assert benchmark.lab_of(["WORKSTATION5.theshire.local", "mordordc.theshire.local"]) == (
        "theshire"
    )
    assert benchmark.lab_of(["HR001.mordor.local", None]) == "mordor"
    assert benchmark.lab_of(["WORKSTATION6"]) == "workstation6"
    assert benchmark.lab_of(["elsewhere", None]) == ""


def test_shifts_add_what_they_say(tmp_path: Path) -> None:
    def day(kind: str) -> dict[str, list[int]]:
        log = benchmark.write(tmp_path, 5, 0, 4, 40, kind)
        events = [json.loads(line) for line in log.read_text().splitlines()]
        found: dict[str, list[int]] = {}
        for one in events:
            found.setdefault(one["Hostname"], []).append(one["EventID"])
        return found

    plain = day("")
    assert {len(mine) for mine in plain.values()} == {40}
    assert {len(mine) for mine in day("twice the volume").values()} == {80}
    assert {len(mine) for mine in day("new agent everywhere").values()} == {50}
    assert {host for host, mine in day("one host only").items() if len(mine) == 80} == {"ws-002"}
    assert all(mine.count(22) == 20 for mine in day("new entity type").values())


def test_days_until_a_warning_are_of_the_runs_that_warned() -> None:
    calm, warned = (Seen([], set(), True, False, False), Seen(["hosts"], {"a"}, True, True, False))
    rows = {row.name: row for row in benchmark.shift_rows("x", [[calm, warned], [calm] * 2], {"a"})}
    any_ = rows["x: until warned, any"]
    assert (any_.value, any_.unit) == (2, "days, median; 1 of 2 runs within 2")
    assert rows["x: until warned, entities"].value == 0
    named = rows["x: names what moved"]
    assert (named.value, named.unit) == (1, "of 1 warned days")
    quiet = {row.name: row for row in benchmark.quiet_rows("q", [calm, warned])}
    assert quiet["q: false warnings, hosts"].value == 0.5
    assert quiet["q: false warnings, scores"].value == 0.0
