"""The path detector's measure on recorded attacks: its truth, its plain way, how it counts."""

import csv
import gzip
from collections import Counter
from fractions import Fraction
from math import log2
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import path_quality_demo as demo
from benchmarks.demo_variants import attacks, world
from benchmarks.demo_variants import record as variants
from graphad.findings import Edge, Entity, Evidence, Finding
from graphad.truth import read_truth
from sample_logs import record

DEMO = Path(__file__).parent.parent / "sample_logs" / "demo"
NAMES = sorted(attacks.ATTACKS)
recorded = pytest.mark.skipif(not demo.DATA.is_dir(), reason="the variants are not recorded here")


def lines_of(path: Path) -> list[bytes]:
    with gzip.open(path) as file:
        return file.read().splitlines(keepends=True)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_truth_of_the_demo_is_what_its_recorder_derives(tmp_path: Path) -> None:
    lines = lines_of(DEMO / "attack.strace.gz")
    found = record.truth(lines, record.REQUEST, record.SHELL, record.STEPS)
    record.write_truth(tmp_path / "truth.csv", "attack.strace.gz", found)
    assert (tmp_path / "truth.csv").read_bytes() == (DEMO / "truth.csv").read_bytes()


LOG = b"""\
1   1.000000 execve("/bin/sh", ["sh", "-c", "evil"], 0x1 /* 1 var */) = 0
1   1.000001 vfork( <unfinished ...>
2   1.000002 vfork( <unfinished ...>
3   1.000003 execve("/bin/ls", ["ls"], 0x1 /* 1 var */ <unfinished ...>
1   1.000004 <... vfork resumed>) = 2
3   1.000005 <... execve resumed>) = 0
2   1.000006 <... vfork resumed>) = 3
4   1.000007 execve("/bin/ls", ["ls"], 0x1 /* 1 var */) = 0
3   1.000008 execve("/bin/no", ["no"], 0x1 /* 1 var */) = -1 ENOENT (No such file or directory)
3   1.000009 exit_group(0) = ?
"""


def test_truth_follows_forks_that_are_told_of_late() -> None:
    entry: record.Steps = [("entry", rb'execve\(.*"evil"')]
    steps: record.Steps = [("run", rb"execve\("), ("fork", rb"vfork\(")]
    found = list(record.truth(LOG.splitlines(keepends=True), [], entry, steps))
    assert found == [(1, "entry"), (5, "fork"), (6, "run"), (7, "fork")]


def test_what_a_process_did_before_it_was_taken_over_is_not_the_attack() -> None:
    log = b"1 1.0 execve(a) = 0\n1 1.1 vfork() = 2\n2 1.2 execve(b) = 0\n1 1.3 dup2(bad) = 0\n"
    log += b"2 1.4 execve(c) = 0\n1 1.5 execve(d) = 0\n"
    steps: record.Steps = [("run", rb"execve\(")]
    found = list(record.truth(log.splitlines(), [], [("entry", rb"dup2\(bad")], steps))
    assert found == [(4, "entry"), (6, "run")]


def test_a_written_log_depends_on_its_lines_alone(tmp_path: Path) -> None:
    for name in ("a", "b"):
        record.write_log(tmp_path / name, [b"one\n", b"two\n"])
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert lines_of(tmp_path / "a") == [b"one\n", b"two\n"]


def test_every_hour_that_an_attack_names_is_recorded() -> None:
    for attack in attacks.ATTACKS.values():
        rounds = {*attack.visits, *attack.prepare, *attack.work}
        assert rounds
        assert rounds <= set(range(variants.ROUNDS))
        assert bool(attack.work) == bool(attack.prepare.keys() & attack.work.keys())


@recorded
@pytest.mark.parametrize("name", NAMES)
def test_truth_of_a_variant(name: str) -> None:
    lines = lines_of(demo.DATA / name / "attack.strace.gz")
    rows = rows_of(demo.DATA / name / "truth.csv")
    assert {row["source"] for row in rows} == {f"{name}/attack.strace.gz"}
    entry = [*variants.ENTRY, *(variants.POISONED if attacks.ATTACKS[name].work else [])]
    found = list(record.truth(lines, variants.REQUEST, entry, variants.STEPS))
    assert [(int(row["line"]), row["label"]) for row in rows] == found
    labels = Counter(row["label"] for row in rows)
    assert labels["entry"] >= 1
    assert labels["run"] + labels["write"] >= 1
    # What brings the loot out is the attack's, whoever is asked for it.
    assert any(
        b"payment.key>" in lines[n - 1] or b"not a real key" in lines[n - 1] for n, _ in found
    )
    assert 10 <= len(rows) <= len(lines) / 20


@recorded
def test_quiet_days_hold_no_attack() -> None:
    logs = sorted((demo.DATA / "quiet").iterdir())
    assert len(logs) == variants.QUIET_DAYS
    entry = variants.ENTRY
    for log in logs:
        lines = lines_of(log)
        assert list(record.truth(lines, variants.REQUEST, entry, variants.STEPS)) == []
        ports = (world.DROP_PORT, world.UDP_PORT, record.C2_PORT, record.TOOL_PORT)
        assert not any(f"htons({port})".encode() in line for line in lines for port in ports)


@recorded
def test_recordings_tell_nothing_of_what_else_the_machine_has() -> None:
    for log in demo.DATA.rglob("*.gz"):
        with gzip.open(log) as file:
            text = file.read()
        for word in (b"dist-packages", b"site-packages", b"/home/", b"/root/"):
            rest = text.replace(b"/srv/shop/home/", b"").replace(b"/root/.curlrc", b"")
            assert word not in rest, log


@recorded
def test_the_recordings_are_small() -> None:
    assert sum(p.stat().st_size for p in demo.DATA.rglob("*") if p.is_file()) < 12e6


names = st.sampled_from("abcd")


@given(st.lists(st.tuples(names, names)), st.tuples(names, names))
def test_rarity_is_the_smoothed_share(pairs: list[demo.Pair], asked: demo.Pair) -> None:
    share = Fraction(
        sum(pair == asked for pair in pairs) + 1,
        sum(parent == asked[0] for parent, _ in pairs) + len({child for _, child in pairs}) + 1,
    )
    assert demo.Rarity(pairs).bits(asked) == pytest.approx(-log2(share))


def finding(name: str, z: float, lines: list[int], incident: str, ids: list[str]) -> Finding:
    entities = [Entity(i, "process", "p", "p") for i in ids]
    return Finding(
        name, "path", "path", z, z, None, None, None, "h", "", "", 1, "", entities,
        [Edge(0, 1, "launch", "2026-01-01T00", {}) for _ in lines], {},
        [Evidence("/d/x/attack.strace.gz", n, n) for n in lines], "m", incident,
    )  # fmt: skip


def test_half_of_the_edges_must_be_the_attack(tmp_path: Path) -> None:
    path = tmp_path / "truth.csv"
    path.write_text("source,line,label\nx/attack.strace.gz,1,run\nx/attack.strace.gz,2,run\n")
    truth = read_truth(path)
    found = [
        finding("a", 9.0, [1, 7, 8], "i", ["0" * 15 + "1", "f" * 16]),  # a third
        finding("b", 8.0, [1, 7], "j", ["0" * 15 + "2"]),
        finding("c", 7.0, [1, 2], "i", ["0" * 15 + "1"]),
    ]
    judged = demo.judged(found, truth, [1, 2, -1, 3])
    assert judged.best == [9.0, 8.0]
    assert judged.true == [False, True]
    assert judged.true_any == [True, True]
    assert judged.scores.tolist() == [9.0, 8.0, 9.0, -np.inf]
    assert demo.judged(found, demo.NOBODY, []).true_any == [False, False]


def test_figures_are_counted_as_they_say() -> None:
    def day(best: list[float], true: list[bool], scores: list[float]) -> demo.Found:
        return demo.Found(best, true, true, np.array(scores))

    known: Any = SimpleNamespace(
        rarity=demo.Rarity([("sh", "ls"), ("sh", "ls"), ("sh", "ls")]),
        launches={
            "early": demo.Launches([1, 2], [("sh", "ls"), ("sh", "nc")], np.array([False, True])),
            "late": demo.Launches([1, 2], [("sh", "nc"), ("sh", "ls")], np.array([False, True])),
        },
    )
    found = {
        "early": day([9.0, 5.0], [True, False], [-np.inf, 9.0]),
        "late": day([9.0] * 5 + [4.0], [False] * 5 + [True], [-np.inf, -np.inf]),
    }
    rows = {
        row.name: row
        for row in demo.rows(known, found, [[9.0, 1.0], []], {1: 8.0, 5: 6.0, 10: 3.0})
    }
    value = {name: row.value for name, row in rows.items()}
    assert [value[f"found by alerts, budget {b}/day"] for b in (1, 5, 10)] == [1, 1, 2]
    assert [value[f"found among the first {k} incidents"] for k in (1, 5, 10)] == [1, 1, 2]
    assert [value[f"alarms a quiet day, budget {b}/day"] for b in (1, 5, 10)] == [0.5, 0.5, 0.5]
    assert value["false alarms a day with an attack, budget 1/day"] == 2.5
    assert (value["early: first true incident"], value["late: first true incident"]) == (1, 6)
    reads = rows["processes read until the first true one"]
    assert (reads.value, reads.baseline) == (1.5, 1.5)
    assert rows["processes, AP"].value == pytest.approx((1 + 0.5) / 2)
    assert rows["processes, AUC"].value == pytest.approx((1 + 0.5) / 2)
    assert rows["processes, AUC"].baseline == pytest.approx(0.5)
