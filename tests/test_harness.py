"""The benchmark harness: what it prints, and that it measures the child and not itself."""

import io
import json
import subprocess
import sys
from collections.abc import Iterable

import pytest

from benchmarks import harness
from benchmarks.harness import Options, Row


def rows(options: Options) -> Iterable[Row]:
    for seed in range(options.seeds):
        yield harness.compare("scan strace", 2_000_000.0, "lines/s", 125_000.0, 8.0, seed=seed)
    yield Row("start", 0.25, "s", target=0.2, met=False)


def test_ndjson(capsys: pytest.CaptureFixture[str]) -> None:
    assert harness.main("About.", rows, ["--quick", "--json", "--seeds", "2"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    where = found[0].pop("machine")
    assert found[0] == {
        "name": "scan strace", "value": 2e6, "unit": "lines/s", "baseline": 125_000.0,
        "ratio": 16.0, "target": 8.0, "met": True, "seed": 0,
    }  # fmt: skip
    assert [row["seed"] for row in found] == [0, 1, None]
    assert {"commit", "cpu", "cores", "memory", "python", "duckdb"} <= set(where)


def test_a_missed_target_fails_a_full_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert harness.main("About.", rows, ["--seeds", "1"]) == 1
    head, *table = capsys.readouterr().out.splitlines()
    assert head.startswith("commit ")
    assert table == [
        "name             value  unit     baseline  ratio  target  met  seed",
        "scan strace  2,000,000  lines/s   125,000     16       8  yes     0",
        "start             0.25  s               -      -     0.2   NO     -",
    ]


def test_no_rows_is_only_a_header() -> None:
    out = io.StringIO()
    assert harness.report([], False, out)
    assert len(out.getvalue().splitlines()) == 1


def test_wrong_options() -> None:
    with pytest.raises(SystemExit, match="2"):
        harness.main("About.", rows, ["--seeds", "0"])
    with pytest.raises(ValueError, match="repeat"):
        harness.timed(lambda: None, 0)
    with pytest.raises(ValueError, match="no values"):
        harness.spread([])


def test_timed_calls_so_often() -> None:
    calls: list[int] = []
    times = harness.timed(lambda: calls.append(1), repeat=5)
    assert len(calls) == 5
    assert min(times) >= 0


def test_a_child_is_measured_alone() -> None:
    ballast = b"x" * 300_000_000  # resident, ours, not the child's
    small = harness.child([sys.executable, "-S", "-c", "pass"])
    assert small.peak_mb < 100 < len(ballast) / 1e6
    big = harness.child([sys.executable, "-S", "-c", "x = b'x' * 200_000_000; sum(range(100000))"])
    assert 200 < big.peak_mb < 300
    assert big.cpu > 0
    assert big.wall > 0


def test_a_failed_child_raises() -> None:
    with pytest.raises(subprocess.CalledProcessError) as found:
        harness.child([sys.executable, "-S", "-c", "raise SystemExit(7)"])
    assert found.value.returncode == 7
    with pytest.raises(subprocess.CalledProcessError):
        harness.child(["/nonexistent/program"], stderr=subprocess.DEVNULL)


def test_a_script_says_how_many_seeds_it_takes_by_itself() -> None:
    asked = []

    def measure(options: harness.Options) -> list[harness.Row]:
        asked.append(options.seeds)
        return []

    for argv, seeds in (([], 5), (["--seeds", "2"], 5), ([], 3)):
        assert harness.main("About.", measure, argv, seeds=seeds) == 0
    assert asked == [5, 2, 3]
