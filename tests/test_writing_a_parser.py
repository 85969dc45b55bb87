"""docs/writing-a-parser.md, followed word by word in an empty folder."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[1] / "docs" / "writing-a-parser.md").read_text()


def files(folder: Path) -> None:
    """Write each file that the page shows, a name in backticks and then its content."""
    for name, content in re.findall(r"^`([\w./-]+)`:\n\n```\w*\n(.*?)^```$", PAGE, re.M | re.S):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def run(folder: Path, line: str) -> str:
    """Run a command of the page."""
    found = re.fullmatch(r'graphad ((?:[^"]|"[^"]*")*)', line)
    assert found, line
    words = [word.strip('"') for word in re.findall(r'"[^"]*"|\S+', found[1])]
    done = subprocess.run(
        [sys.executable, "-m", "graphad", *words], cwd=folder, capture_output=True, text=True,
        check=True, env={"PYTHONPATH": str(Path(__file__).parents[1]), "HOME": str(Path.home())},
    )  # fmt: skip
    return done.stdout


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """Return the folder, and what each command of the page printed."""
    folder = tmp_path_factory.mktemp("page")
    files(folder)
    commands = re.findall(r"^    (graphad .*)$", PAGE, re.M)
    assert len(commands) == 4
    return folder, {line: run(folder, line) for line in commands}


def test_the_parser_is_listed(followed: tuple[Path, dict[str, str]]) -> None:
    listed = [json.loads(row) for row in followed[1]["graphad parsers --parsers mine"].splitlines()]
    [own] = [row for row in listed if row["name"] == "xferlog"]
    assert own["yields"] == "file, address, user: read, create, delete, logon"


def test_the_dry_run_shows_what_the_page_shows(followed: tuple[Path, dict[str, str]]) -> None:
    shown = json.loads(followed[1]["graphad ingest --dry-run --parsers mine xfer.log"])
    [block] = re.findall(r"```json\n(.*?)```", PAGE, re.S)
    assert shown["events"] == [json.loads(line) for line in block.splitlines()]
    counts = [shown[name] for name in ("read", "used", "ignored", "rejected")]
    assert (shown["format"], counts) == ("xferlog", [4, 4, 0, 0])


def test_the_events_are_in_the_store(followed: tuple[Path, dict[str, str]]) -> None:
    [query] = [line for line in followed[1] if line.startswith("graphad query")]
    rows = [json.loads(line) for line in followed[1][query].splitlines()]
    assert len(rows) == 8
    assert {"src": "bert", "action": "delete", "dst": "/srv/ftp/in/old.png"} in rows


def test_the_test_of_the_page_passes(
    followed: tuple[Path, dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = followed[0]
    monkeypatch.setenv("GRAPHAD_PARSERS", str(folder / "mine"))
    sample = folder / "sample_logs" / "xferlog" / "xfer.log"
    sample.parent.mkdir(parents=True, exist_ok=True)
    sample.write_bytes((folder / "xfer.log").read_bytes())
    path = folder / "tests" / "parsers" / "test_xferlog.py"
    space: dict[str, object] = {"__file__": str(path), "__name__": "page"}
    exec(compile(path.read_text(), str(path), "exec"), space)  # our own page
    tests = [value for name, value in space.items() if name.startswith("test_")]
    assert len(tests) == 2
    for number, test in enumerate(tests):
        (tmp_path / str(number)).mkdir()
        test(tmp_path / str(number))  # type: ignore[operator]


def test_the_files_that_the_page_names_exist() -> None:
    root = Path(__file__).parents[1]
    named = re.findall(r"`((?:graphad|parsers|docs)/[\w/]+\.py)`", PAGE)
    assert len(named) > 5
    missing = {name for name in named if not (root / name).is_file()}
    assert missing <= {"parsers/xferlog.py"}
