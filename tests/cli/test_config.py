"""Settings from files and the environment: which counts, and what is refused."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from graphad.cli import main
from tests.cli.running import run


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder, with no settings but those of a test."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    (tmp_path / "home" / "graphad").mkdir(parents=True)
    return tmp_path


def shown(*arguments: str) -> dict[str, tuple[object, str]]:
    """Return value and origin of each setting of `nightly`."""
    lines = run(*arguments, "config", "show", "--origin", "-f", "ndjson").stdout.splitlines()
    rows = [json.loads(line) for line in lines]
    return {
        row["key"]: (row["value"], row["origin"]) for row in rows if row["command"] == "nightly"
    }


def test_the_nearest_setting_counts(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = place / "home" / "graphad" / "config.toml"
    home.write_text('store = "far"\nbudget = 3\n[nightly]\nlearn-days = 3\nkeep-days = 30\n')
    (place / "graphad.toml").write_text('[nightly]\nkeep-days = 40\ndetector = ["path", "event"]\n')
    (place / "other.toml").write_text("[nightly]\nkeep-days = 50\n")
    assert shown() == {
        "store": ("far", str(home)),
        "budget": ("3", str(home)),
        "learn-days": ("3", str(home)),
        "keep-days": ("40", "graphad.toml"),
        "detector": (["path", "event"], "graphad.toml"),
    }
    assert shown("--config", "other.toml")["keep-days"] == ("50", "other.toml")
    assert "detector" not in shown("--config", "other.toml")
    monkeypatch.setenv("GRAPHAD_NIGHTLY_KEEP_DAYS", "60")
    monkeypatch.setenv("GRAPHAD_STORE", "variable")
    assert shown()["keep-days"] == ("60", "GRAPHAD_NIGHTLY_KEEP_DAYS")
    assert shown()["store"] == ("variable", "GRAPHAD_STORE")


def test_commands_take_their_settings(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "graphad.toml").write_text('store = "mine"\n')
    assert "mine: no store here" in run("doctor").stdout
    monkeypatch.setenv("GRAPHAD_STORE", "variable")
    assert "variable: no store here" in run("doctor").stdout
    assert "flag: no store here" in run("doctor", "-s", "flag").stdout


def test_a_setting_for_all_goes_to_those_that_can_take_it(place: Path) -> None:
    (place / "graphad.toml").write_text('detector = ["path", "event"]\nlogs = "/dump/*.log"\n')
    lines = run("config", "show", "-f", "ndjson").stdout.splitlines()
    found = {(row["command"], row["key"]) for row in map(json.loads, lines)}
    assert found == {("nightly", "detector"), ("nightly", "logs")}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("keep-dys = 3", "sets 'keep-dys', which no command has. Did you mean 'keep-days'?"),
        ("[nightly]\nkeep = 3", "sets 'nightly.keep', which no command has"),
        ("[nigtly]\nkeep-days = 3", "sets '[nigtly]', which no command has"),
        ("[nightly]\nkeep-days = 'x'", "sets 'nightly.keep-days' to 'x', which it cannot be"),
        ("[nightly]\nkeep-days = 0", "which it cannot be"),
        ("[nightly]\nkeep-days = [3]", "which it cannot be"),
        ("[nightly]\nalerts = 'yes'", "which it cannot be"),
        ("[nightly]\ndetector = ['paths']", "It is one of path, event"),
        ("format = 'wav'", "sets 'format' to 'wav', which it cannot be"),
        ("store = ", "cannot be read"),
        ("parsers = ['.']", "from which code is run"),
        ("[ingest]\nmapping = 'x.sql'", "from which code is run"),
    ],
)
def test_what_nothing_understands_is_an_error(place: Path, text: str, said: str) -> None:
    (place / "graphad.toml").write_text(text)
    result = CliRunner().invoke(main, ["models"])
    assert result.exit_code == 1
    assert said in result.stderr
    assert "graphad.toml" in result.stderr


def test_a_file_that_is_named_is_trusted_and_must_be_there(place: Path) -> None:
    (place / "graphad.toml").write_text(f"parsers = [{str(place)!r}]\n")
    (place / "own.py").write_text("raise RuntimeError('read')\n")
    assert "own.py" in run("--config", "graphad.toml", "parsers", code=1).stderr
    assert "is no file" in run("--config", "none.toml", "parsers", code=1).stderr
