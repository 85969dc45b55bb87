"""The benchmark of drift: its intervals, its labs, and what its shifts add to a day."""

import json
from pathlib import Path

import numpy as np
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


def test_days_vary_and_weekends_are_half_of_it() -> None:
    days = [[benchmark.amount(seed, host, n) for n in range(7)]
            for seed in range(40) for host in range(10)]  # fmt: skip
    logs = np.log(np.array(days))
    assert np.exp(logs.mean(axis=0)) == pytest.approx([150] * 2 + [300] * 5, rel=0.07)
    every = (benchmark.OWN**2 + benchmark.SHARED**2) ** 0.5
    assert logs.std(axis=0) == pytest.approx([every] * 7, rel=0.15)
    by_seed = logs.reshape(40, 10, 7).mean(axis=1)
    shared = (benchmark.SHARED**2 + benchmark.OWN**2 / 10) ** 0.5
    assert float(by_seed.std(axis=0).mean()) == pytest.approx(shared, rel=0.15)


def test_shifts_add_what_they_say(tmp_path: Path) -> None:
    def day(kind: str) -> dict[str, list[int]]:
        log = benchmark.write(tmp_path, 5, 0, 4, kind)
        events = [json.loads(line) for line in log.read_text().splitlines()]
        found: dict[str, list[int]] = {}
        for one in events:
            found.setdefault(one["Hostname"], []).append(one["EventID"])
        return found

    plain = {host: len(mine) for host, mine in day("").items()}
    assert plain == {f"ws-{host:03d}": benchmark.amount(0, host, 5) for host in range(4)}
    twice = {host: 2 * n for host, n in plain.items()}
    found = {kind: day(kind) for kind in benchmark.SHIFTS}
    counts = {kind: {h: len(mine) for h, mine in one.items()} for kind, one in found.items()}
    assert counts["twice the volume"] == twice
    assert counts["new agent everywhere"] == {h: n + -(-n // 4) for h, n in plain.items()}
    assert counts["one host only"] == plain | {"ws-002": twice["ws-002"]}
    assert counts["one host, five times"] == plain | {"ws-002": 5 * plain["ws-002"]}
    names = found["new entity type"]
    assert {h: mine.count(22) for h, mine in names.items()} == {
        h: -(-n // 2) for h, n in plain.items()
    }


def test_days_until_a_warning_are_of_the_runs_that_warned() -> None:
    calm = Seen([], set(), {"hosts", "volumes"}, False, False)
    warned = Seen(["hosts"], {"a"}, {"hosts", "scores"}, True, False)
    rows = {row.name: row for row in benchmark.shift_rows("x", [[calm, warned], [calm] * 2], {"a"})}
    any_ = rows["x: until warned, any"]
    assert (any_.value, any_.unit) == (2, "days, median; 1 of 2 runs within 2")
    assert rows["x: until warned, entities"].value == 0
    named = rows["x: names what moved"]
    assert (named.value, named.unit) == (1, "of 1 warned days")
    quiet = {row.name: row for row in benchmark.quiet_rows("q", [calm, warned])}
    assert quiet["q: false warnings, hosts"].value == 0.5
    assert quiet["q: false warnings, scores"].unit.startswith("of 1 days")
    assert quiet["q: false warnings, volumes"].value == 0.0
    assert quiet["q: days that can be judged, entities"].value == 0
