"""The event detector on the command line, as a user meets it."""

import json
from pathlib import Path

import pytest

from tests.cli.running import run
from tests.test_workspace_models import day, odd

OPTIONS = ("--detector", "event", "--columns", "user,program,ip", "--time", "ts")


@pytest.fixture(scope="module")
def hunted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store in which a day of a table was judged by the days before."""
    folder = tmp_path_factory.mktemp("events")
    quiet = folder / "quiet"
    quiet.mkdir()
    for n in range(6):
        day(quiet, n)
    run("hunt", "-s", folder / "store", day(folder, 8, odd(8)), "--baseline", quiet, *OPTIONS, "-q")
    return folder / "store"


def test_the_odd_row_comes_first_with_its_line(hunted: Path) -> None:
    first = json.loads(run("findings", "-s", hunted).stdout.splitlines()[0])
    assert (first["detector"], first["unit"], first["kind"]) == ("event", "event", "table")
    assert first["evidence"][0]["text"].endswith(",a1,q1,10.1.0.1")
    assert sum(first["terms"].values()) == first["score"]
    assert first["severity"] is not None
    assert first["doubts"][0]["likely"]


def test_an_explanation_says_what_would_have_been_likely(hunted: Path) -> None:
    first = json.loads(run("findings", "-s", hunted).stdout.splitlines()[0])
    shown = run("explain", "-s", hunted, first["id"], "-f", "table").stdout
    assert "with the rest as it is; likely: " in shown
    assert "user a1: " in shown
    assert f"= {first['score']:.4f} bits" in shown
    listed = run("incidents", "-s", hunted, "-f", "json").stdout
    told = json.loads(listed)[0]["description"]
    assert "with the rest as it is" in told
    assert ". A row said user a1, " in told
    assert "reached" not in told


def test_models_are_listed_updated_and_gone_back_to(hunted: Path) -> None:
    (one,) = json.loads(run("models", "-s", hunted, "-f", "json").stdout)
    assert (one["in_use"], one["calibrated"]) == (True, True)
    two = run("update", "-s", hunted, "--since", "2026-11-09").stdout.strip().splitlines()[0]
    assert two != one["model"]
    assert run("use", "-s", hunted, one["model"][:10]).stdout.strip() == one["model"]
    run("score", "-s", hunted, "--detector", "event", "--since", "2026-11-09", "--fail-on", "low",
        code=4)  # fmt: skip


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--columns", "a", "--time", "t"), "go with --detector event"),
        (("--detector", "event", "--columns", "a"), "--columns and --time go together"),
        (("--detector", "event", "--time", "a"), "--columns and --time go together"),
        (("--detector", "event", "--span", "3"), "--span goes with --detector path"),
        (("--detector", "event", "--unit", "tree"), "--unit goes with --detector window"),
        (("--detector", "window", "--max-length", "3"), "--max-length goes with --detector path"),
        (("--detector", "window", "--mode", "nodoze"), "goes with --detector path"),
        (("--detector", "path", "--model", "wl"), "goes with --detector window"),
        (("--detector", "window", "--model", "counts"), "goes with --detector relation"),
        (("--detector", "event", "--mode", "nodoze"), "goes with --detector path"),
        ((*OPTIONS, "--numbers", "size"), "--numbers names size"),
        ((*OPTIONS, "--input-format", "strace"), "without --mapping"),
    ],
)
def test_options_that_clash_are_errors_of_usage(
    tmp_path: Path, options: tuple[str, ...], words: str
) -> None:
    log = tmp_path / "a.csv"
    log.write_text("ts,user\n")
    assert words in run("hunt", "-s", tmp_path / "s", log, *options, code=2).output


def test_a_hunt_without_a_baseline_ranks(tmp_path: Path) -> None:
    shown = run("hunt", "-s", tmp_path / "s", day(tmp_path, 8, odd(8)), *OPTIONS, "-f", "table")
    assert "ranked, not calibrated" in shown.output
    assert "events in" in shown.output
