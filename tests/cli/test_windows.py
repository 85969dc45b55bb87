"""The window detector on the command line, as a user meets it."""

import json
from pathlib import Path

import pytest

from tests.cli.running import run

DEMO = Path(__file__).parents[2] / "sample_logs" / "demo"


@pytest.fixture(scope="module")
def hunted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store in which the demo's hours were judged by those of its quiet days."""
    store = tmp_path_factory.mktemp("windows") / "store"
    run(
        "hunt", "-s", store, DEMO / "attack.strace.gz", "--baseline", DEMO / "quiet.strace.gz",
        "--detector", "window", "-q",
    )  # fmt: skip
    return store


def test_the_hour_of_the_attack_comes_first(hunted: Path) -> None:
    first = json.loads(run("findings", "-s", hunted).stdout.splitlines()[0])
    assert (first["unit"], first["kind"]) == ("window", "host")
    assert first["start"].startswith("2026-03-06T14")
    assert first["severity"] is not None
    assert any(e["key"] == "/tmp/x" for e in first["entities"])
    assert sum(first["terms"].values()) == pytest.approx(first["score"])
    shares = sum(bits for edge in first["edges"] for bits in edge["terms"].values())
    assert shares == pytest.approx(first["score"])
    assert all(proof["text"] for proof in first["evidence"])


def test_it_is_told_in_words(hunted: Path) -> None:
    shown = run("findings", "-s", hunted, "-f", "table", "--top", 1).stdout
    assert " bits  z " in shown
    assert "localhost for 60 min" in shown
    first = json.loads(run("findings", "-s", hunted).stdout.splitlines()[0])
    told = run("explain", "-s", hunted, first["id"], "-f", "table").stdout
    assert "share" in told
    assert "others" in told
    assert "What makes it odd most is that" in run("incidents", "-s", hunted, "-f", "json").stdout


def test_process_trees_are_units_too(hunted: Path) -> None:
    run("fit", "-s", hunted, "--detector", "window", "--unit", "tree", "--until", "2026-03-06")
    lines = run(
        "score", "-s", hunted, "--detector", "window", "--since", "2026-03-06"
    ).stdout.splitlines()
    assert json.loads(lines[0])["kind"] == "tree"
    assert json.loads(lines[0])["title"].startswith("tree of ")
    model = json.loads(run("models", "-s", hunted).stdout.splitlines()[-1])["model"]
    told = run("update", "-s", hunted, "--model", model, code=1).output
    assert "cannot be updated" in told


def test_labels_are_left_out_or_learned_from(hunted: Path, tmp_path: Path) -> None:
    said = run("score", "-s", hunted, "--detector", "window", "--since", "2026-03-06").stderr
    assert "one-class, wl: no unit is labelled an attack" in said
    fit = ["fit", "-s", hunted, "--detector", "window"]
    known = ["--labels", DEMO / "truth.csv"]
    assert "labelled attacks: 1 of 41 units, left out" in run(*fit, *known).stderr
    short = run(*fit, *known, "--length", 60).stderr
    assert "units, left out" in short
    lines = run("models", "-s", hunted, "-f", "ndjson").stdout.splitlines()
    assert json.loads(lines[-1])["regime"].startswith("one-class, wl: labelled attacks: 1 of ")
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("source,line,label\nnothing.log,3,attack\n")
    assert "no source of this store" in run(*fit, "--labels", wrong, code=1).output
    other = run("fit", "-s", hunted, "--labels", DEMO / "truth.csv", code=2).output
    assert "--labels goes with --detector window" in other
    alone = run(
        "hunt", "-s", tmp_path / "s", DEMO / "attack.strace.gz", "--detector", "window", "-q",
        "--labels", DEMO / "truth.csv", code=1,
    ).output  # fmt: skip
    assert "Labels are of a baseline" in alone
