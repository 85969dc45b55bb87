"""Recording scenarios: what a quick recording leaves, and that sizes and kinds are as planned."""

import csv
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from benchmarks import record_scenarios as bench
from benchmarks.recorded_graphs import Recorded, called, labels
from benchmarks.scenarios.attacks import _SPY, ATTACKS
from benchmarks.scenarios.work import WORK, Place, script
from benchmarks.scenarios.world import Internet, build
from sample_logs.record import serve

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if reason := bench.unable():
        pytest.skip(reason)
    if lacks := [tool for kind in bench.FEW for tool in bench.missing((WORK | ATTACKS)[kind])]:
        pytest.skip(f"{', '.join(lacks)} is not installed")
    out = tmp_path_factory.mktemp("scenarios") / "out"
    assert bench.main([str(out), "--quick"]) == 0
    return out


def test_the_tool_sends_files_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "data").mkdir()
    (tmp_path / "etc/secret.key").write_bytes(b"key")
    (tmp_path / "data/shop.db").write_bytes(bytes(range(256)))
    net = Internet()
    server = serve(0, net.web)
    try:
        tool = _SPY.format(what="data", port=server.getsockname()[1], path="x")
        subprocess.run([sys.executable, "-IS", "-c", tool], cwd=tmp_path, check=True, timeout=30)
    finally:
        server.close()
    assert net.got == [b"key" + bytes(range(256))]


def test_a_quick_recording(recorded: Path) -> None:
    with (recorded / "truth.csv").open(newline="") as file:
        truth = list(csv.DictReader(file))
    assert [row["run"] for row in truth] == [
        f"{k}/{n:03}" for k in sorted(bench.FEW) for n in (0, 1)
    ]
    assert [row["attack"] for row in truth] == ["1", "1", "0", "0"]
    assert {row["work"] for row in truth} == {"text", "text text"}
    files = {
        path.relative_to(recorded).as_posix() for path in recorded.rglob("*") if path.is_file()
    }
    assert files == {"truth.csv", *(f"{row['run']}.strace.gz" for row in truth)}
    assert [path.name for path in recorded.parent.iterdir()] == ["out"]  # nothing staged is left


def test_runs_are_graphs_through_the_store(recorded: Path, tmp_path: Path) -> None:
    found = Recorded(recorded, tmp_path)
    assert found.attack.tolist() == [True, True, False, False]
    assert [len(one) > 10 for one in found.calls] == [True] * 4
    quiet = np.array([2, 3])
    traces = found.traces(quiet)
    assert len(traces.graphs.batch) == 4
    assert (traces.graphs.batch.sizes > 50).all()
    assert len(traces.graphs.kinds) == len(traces.graphs.batch.features)
    rare = traces.graphs.batch.features[:, -1]
    start = traces.graphs.batch.start
    assert rare[: start[2]].mean() > rare[start[2] :].mean()  # the attacks' names were not counted
    np.testing.assert_array_equal(labels(traces.graphs.batch.features), traces.graphs.kinds)


def test_what_is_there_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(SystemExit):
        bench.main([str(tmp_path), "--quick"])
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_recording_that_is_ended_leaves_nothing(tmp_path: Path) -> None:
    if reason := bench.unable():
        pytest.skip(reason)
    out = tmp_path / "out"
    command = [sys.executable, "-m", "benchmarks.record_scenarios", str(out), "--runs", "50"]
    running = subprocess.Popen([*command, "--kinds", "text"], cwd=ROOT)
    end = time.monotonic() + 60
    while not list(tmp_path.glob(".out-*/runs/*/*.gz")) and time.monotonic() < end:
        time.sleep(0.05)
    running.send_signal(signal.SIGTERM)
    assert running.wait(60) == 128 + signal.SIGTERM
    assert list(tmp_path.iterdir()) == []


def test_every_kind_gets_its_runs_and_all_sorts_of_work() -> None:
    kinds = [*WORK, *ATTACKS]
    plan = bench.planned(12, kinds, 3)
    assert sorted((kind, n) for kind, n, _, _ in plan) == sorted(
        (k, n) for k in kinds for n in range(12)
    )
    for kind, _, work, other in plan:
        assert work in WORK
        assert work != other
        assert kind == (other if kind in ATTACKS else work)
    around = {work for kind, _, work, _ in plan if kind == "ransom"}
    assert around == set(WORK)
    assert plan == bench.planned(12, kinds, 3)
    assert plan != bench.planned(12, kinds, 4)


def test_runs_of_a_kind_differ_and_a_seed_repeats_them(tmp_path: Path) -> None:
    def scripts(seed: int) -> list[str]:
        p = Place(random.Random(seed), Internet(), 1, 2)
        return [make(p).script for kind in (WORK | ATTACKS).values() for make in kind.steps]

    assert scripts(1) == scripts(1)
    changed = [a != b for a, b in zip(scripts(1), scripts(2), strict=True)]
    assert sum(changed) > 0.6 * len(changed)
    for n, seed in enumerate((1, 1, 2)):
        build(tmp_path / str(n), random.Random(seed))
    names = [sorted(p.name for p in (tmp_path / n / "data").iterdir()) for n in "012"]
    assert names[0] == names[1] != names[2]


def test_placeholders_of_a_script() -> None:
    p = Place(random.Random(0), Internet(), 80, 81)
    found = script("%name% %name% %word% %number% %web% %x% $1")(p).script.split()
    assert found[0] == found[1]
    assert found[0].split("-")[1].isdigit()
    assert found[2].isalpha()
    assert found[3].isdigit()
    assert found[4:] == ["80", "%x%", "$1"]


def test_sizes_of_a_log() -> None:
    log = b"1 1.0 read(3</a>) = 1 <0.1>\n2 1.0 connect(4<TCP:[1.1.1.1:1->2.2.2.2:2]>) = 0 <0.2>\n"
    log += b"1 1.0 write(3</a>, 4<pipe:[7]>) = 1 <0.1>\n1 1.1 <... read resumed>) = 1 <0.1>\n"
    assert bench.sizes(log) == (4, 2, 2)
    read, connect, write = 0, 1, 2
    assert [one.tolist() for one in called([log])[0]] == [[read, write], [connect]]


def test_told_are_sizes_and_what_they_give_away() -> None:
    runs = [bench.Run(f"{k}/{n}", k, k == "b", "a", n + 10, 3, 5) for k in "ab" for n in range(4)]
    text = "\n".join(bench.told(runs))
    assert "AUC of the number of lines alone: 0.500" in text
    assert "AUC of the number of names alone: 0.500" in text
