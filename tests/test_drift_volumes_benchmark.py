"""The benchmark of counts: its days, its plain way, and what it takes of DARPA's connections."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import drift_volumes as benchmark
from benchmarks.drift_volumes import MONDAY
from graphad.nightly.state import DAY
from graphad.nightly.volumes import Counts, Kind


def test_days_vary_as_they_say() -> None:
    draw = np.random.default_rng(1)
    logs = np.log(np.stack([benchmark.days(draw, 10, 0.2, False) for _ in range(400)]))
    wanted = ([3000.0] * 5 + [1500.0] * 2) * 3
    assert np.exp(logs.mean(axis=(0, 2))) == pytest.approx(wanted, rel=0.03)
    assert logs.std(axis=(0, 2)) == pytest.approx([(0.2**2 + 0.1**2) ** 0.5] * 21, rel=0.1)
    shared = (0.1**2 + 0.2**2 / 10) ** 0.5
    assert logs.mean(axis=2).std(axis=0) == pytest.approx([shared] * 21, rel=0.2)
    heavy = np.stack([benchmark.days(draw, 10, 0.2, True) for _ in range(400)])
    assert np.median(heavy, axis=(0, 2)) == pytest.approx(wanted, rel=0.05)
    far = [(np.abs(np.log(np.maximum(many, 1)) - np.log(wanted)[:, None]) > 1).mean()
           for many in (np.exp(logs), heavy)]  # fmt: skip
    assert far[0] < 1e-4 < 1e-3 < far[1]


def test_counts_add_up() -> None:
    draw = np.random.default_rng(2)
    hosts = benchmark.days(draw, 3, 0.1, False)
    found = benchmark.counted(draw, hosts, 0.1, 19)
    assert sorted(found["all"]) == [MONDAY + number * DAY for number in range(5, 20)]
    for number in range(5, 20):
        day = MONDAY + number * DAY
        total = found["all"][day][""]
        assert sum(found["host"][day].values()) == total == hosts[number].sum()
        assert sum(found["type"][day].values()) == pytest.approx(2 * total, abs=3)


def test_the_plain_way_asks_for_twice_or_half_of_the_mean() -> None:
    def warns(now: dict[str, int]) -> bool:
        counts: dict[Kind, Counts] = {"host": {0: {"a": 80}, 1: {"a": 120, "b": 7}, 2: now}}
        return benchmark.plain(counts, 2)

    assert not warns({"a": 200, "b": 4, "new": 99})
    assert warns({"a": 201, "b": 7})
    assert warns({"a": 49})


def test_normal_connections_are_those_without_a_label(tmp_path: Path) -> None:
    log = tmp_path / "june.csv"
    log.write_text(
        "1.0.0.1,1.0.0.2,06/01/1998-07:55,-\n1.0.0.1,1.0.0.3,06/01/1998-07:56,neptune\n"
        "1.0.0.2,1.0.0.3,06/02/1998-07:56,-\n"
    )
    first = 10378 * DAY  # 1998-06-01
    assert benchmark.connections(log, False) == {
        "all": {first: {"": 1}, first + DAY: {"": 1}},
        "host": {first: {"1.0.0.1": 1}, first + DAY: {"1.0.0.2": 1}},
    }
    assert benchmark.connections(log, True)["host"][first] == {"1.0.0.1": 2}
