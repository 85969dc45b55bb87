"""The benchmark of evaluate: where alerts are cut, their truth, and which figures are told."""

import csv
from pathlib import Path

import pytest

from benchmarks import evaluation as benchmark
from graphad.evaluate import Judged, evaluate, read_truth

HEADER = "time,name,ip,host,short,time_label,event_label\n"


def alerts(folder: Path, *rows: str) -> Path:
    path = folder / "x_alerts.txt"
    path.write_text(HEADER + "".join(f"{row}\n" for row in rows))
    return path


def test_alerts_are_cut_at_the_first_attack(tmp_path: Path) -> None:
    log = alerts(
        tmp_path, "30,scan,1,h,S,a,scan", "10,old,1,h,S,f,-", "20,dns,1,h,S,f,dnsteal",
        "40,new,1,g,S,f,-", "50,crack,1,h,S,a,crack",
    )  # fmt: skip
    before, after, truth = benchmark.split(log, tmp_path)
    assert before.read_text().split() == ["time,name,host", "10,old,h"]
    assert after.read_text().split() == ["time,name,host", "30,scan,h", "40,new,g", "50,crack,h"]
    with truth.open(newline="") as file:
        told = [(row["source"], row["line"], row["label"]) for row in csv.DictReader(file)]
    assert told == [(after.name, "2", "scan"), (after.name, "4", "crack")]
    plain = list(benchmark._alerts(before, after))
    assert [(one.start, one.host, one.edges[0][1]) for one in plain] == [
        (30_000_000, "h", 2), (40_000_000, "g", 3), (50_000_000, "h", 4),
    ]  # fmt: skip
    assert evaluate(plain, read_truth(truth)).hits == 2


def test_nothing_to_learn_or_find_is_no_measure(tmp_path: Path) -> None:
    for row in ("10,old,1,h,S,f,-", "10,scan,1,h,S,a,scan"):
        with pytest.raises(ValueError, match="no attack, or nothing before it"):
            benchmark.split(alerts(tmp_path, row), tmp_path)


def test_figures_without_a_value_are_left_out(tmp_path: Path) -> None:
    truth = tmp_path / "truth.csv"
    truth.write_text("host,start,end\nh,1970-01-01,1970-01-02\n")
    known = read_truth(truth)
    hit = Judged("f", 2.0, True, "h", 0, 60_000_000, severity="high")
    report, plain = evaluate([hit], known), evaluate([hit], known)
    told = {row.name: row for row in benchmark.rows("x", report, plain, 0)}
    assert "x: severity_gamma" not in told
    assert "x: false_alarms_per_day" not in told
    assert told["x: seconds_to_detect_median"].value == 60.0
    assert (told["x: pate"].baseline, told["x: pate"].ratio) == (told["x: pate"].value, 1.0)
    assert told["x: high findings"].value == 1.0
