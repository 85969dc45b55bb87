"""The relation detector on the command line, as a user meets it."""

import json
import re
from pathlib import Path

import pytest

from tests.cli.running import run
from tests.detectors.test_relation import ODD, logons

pytest.importorskip("drain3", reason="templates are found by drain3")


@pytest.fixture(scope="module")
def hunted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store in which a day of logs was judged by eight quiet ones."""
    folder = tmp_path_factory.mktemp("relations")
    (folder / "quiet.log").write_text("\n".join(logons(8)) + "\n")
    (folder / "today.log").write_text("\n".join(sorted(logons(1, 9) + ODD)) + "\n")
    run(
        "hunt", "-s", folder / "store", folder / "today.log", "--baseline", folder / "quiet.log",
        "--detector", "relation", "-q",
    )  # fmt: skip
    return folder


def test_the_odd_logon_comes_first_with_its_line(hunted: Path) -> None:
    first = json.loads(run("findings", "-s", hunted / "store").stdout.splitlines()[0])
    assert first["unit"] == first["detector"] == "relation"
    assert first["severity"] is not None
    assert sum(first["terms"].values()) == pytest.approx(first["score"])
    proof = first["evidence"][0]
    lines = (hunted / "today.log").read_text().splitlines()
    assert proof["text"] == lines[proof["line"] - 1]
    assert proof["text"] in ODD


def test_it_is_told_in_words(hunted: Path) -> None:
    shown = run("findings", "-s", hunted / "store", "-f", "table", "--top", 3).stdout
    assert re.search(r"(user eve|path /etc/shadow|ip 203.0.113.9): never in \d+; ", shown)
    assert "was never seen with it; likely: " in shown
    assert "bits" in shown
    one = json.loads(run("findings", "-s", hunted / "store").stdout.splitlines()[0])
    told = run("explain", "-s", hunted / "store", one["id"], "-f", "table").stdout
    assert "score: " in told
    assert "relations" in run("incidents", "-s", hunted / "store", "-f", "json").stdout


def test_models_learn_further_days_and_are_listed(hunted: Path) -> None:
    store = hunted / "store"
    run("fit", "-s", store, "--detector", "relation", "--until", "2026-05-04")
    rows = [json.loads(line) for line in run("models", "-s", store).stdout.splitlines()]
    assert "user" in rows[-1]["learned"]
    out = run("score", "-s", store, "--detector", "relation", "--since", "2026-05-06", code=0)
    assert json.loads(out.stdout.splitlines()[0])["unit"] == "relation"
    simple = ["fit", "-s", store, "--detector", "relation", "--model", "counts"]
    run(*simple, "--until", "2026-05-04")
    assert "goes with --detector window" in run(*simple[:-1], "wl", code=2).output
    numbers = run("fit", "-s", store, "--detector", "relation", "--numbers", "a", code=2).output
    assert "--numbers goes with --detector event" in numbers


def test_tables_are_taken_by_their_columns(tmp_path: Path) -> None:
    rows = ["when,name,host"]
    rows += [f"2026-05-0{1 + i // 60}T{i % 24:02}:00:00Z,n{i % 2},h{i % 2}" for i in range(240)]
    quiet, later = tmp_path / "quiet.csv", tmp_path / "later.csv"
    quiet.write_text("\n".join(rows) + "\n")
    later.write_text("when,name,host\n2026-05-06T03:00:00Z,n0,h1\n")
    out = run(
        "hunt", "-s", tmp_path / "store", later, "--baseline", quiet, "--detector", "relation",
        "--columns", "name,host", "--time", "when",
    )  # fmt: skip
    first = json.loads(out.stdout.splitlines()[0])
    assert first["title"].startswith("host h1: never in ")
    shown = run("findings", "-s", tmp_path / "store", "-f", "table").stdout
    assert "A row said" in shown
