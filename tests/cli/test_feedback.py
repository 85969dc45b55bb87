"""Marks and reasons, as a user meets them."""

import json
import re
import shlex
import shutil
from pathlib import Path

import pytest

from graphad.cli import main
from graphad.store import journal
from tests.cli.running import run
from tests.marked import hunted
from tests.nasty import CORPUS


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hunted(tmp_path_factory.mktemp("marked")).path


@pytest.fixture
def store(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "store"))


def test_mark_score_unmark(store: Path) -> None:
    first = json.loads(run("paths", "-s", store, "--top", 1).stdout)
    done = run("mark", "-s", store, first["id"], "benign", "--reason", "a test")
    name = done.stdout.strip()
    assert "next graphad score or hunt" in done.stderr
    run("score", "-s", store)
    shown = json.loads(run("explain", "-s", store, first["id"]).stdout)
    assert shown["score"] < first["score"]
    assert sum(shown["terms"].values()) == shown["score"]
    assert shown["terms"]["mark"] < 0
    assert shown["marks"] == [{"id": name, "verdict": "benign", "reason": "a test"}]
    assert (
        f"benign, {name}: a test" in run("explain", "-s", store, first["id"], "-f", "table").stdout
    )
    run("unmark", "-s", store, name[:8])
    run("score", "-s", store)
    again = json.loads(run("explain", "-s", store, first["id"]).stdout)
    assert again == first


def test_marks_lists_all_of_them(store: Path) -> None:
    first = json.loads(run("paths", "-s", store, "--top", 1).stdout)
    arguments = ("--scope", "fleet", "--until", "2999-01-01", "--reason", "red team")
    bad = run("mark", "-s", store, first["incident"], "malicious", *arguments).stdout.strip()
    rule = run("allow", "-s", store, "--src", "process /bin/p*", "--action", "*", "--dst", "* *",
               "--reason", "routine")  # fmt: skip
    assert "distinct links that the store has seen" in rule.stderr
    run("unmark", "-s", store, rule.stdout.strip())
    rows = [json.loads(text) for text in run("marks", "-s", store).stdout.splitlines()]
    assert [(r["id"], r["verdict"], r["state"], r["scope"]) for r in rows] == [
        (bad, "malicious", "active", "fleet"), (rule.stdout.strip(), "allow", "undone", "fleet"),
    ]  # fmt: skip
    assert rows[0]["until"] == "2999-01-01T00:00:00.000000Z"
    assert "on any host" in rows[0]["covers"]
    assert rows[0]["target"] == first["incident"]
    assert "3 entries in the journal" in run("doctor", "-s", store).stdout
    with (store / journal.FILE).open("ab") as file:
        file.write(b'{"kind":"ma')
    assert "1 line of the journal cannot be read" in run("marks", "-s", store).stderr
    assert "1 line of the journal cut off" in run("doctor", "-s", store).stdout


@pytest.mark.parametrize("text", CORPUS)
def test_reasons_are_shown_safely(store: Path, text: str) -> None:
    first = json.loads(run("paths", "-s", store, "--top", 1).stdout)
    reason = "why " + text[:1000]
    run("mark", "-s", store, first["id"], "benign", "--reason", reason)
    [row] = [json.loads(line) for line in run("marks", "-s", store).stdout.splitlines()]
    assert row["reason"] == reason.encode("utf-8", "backslashreplace").decode()
    for shown in (
        run("marks", "-s", store, "-f", "table").stdout,
        run("explain", "-s", store, first["id"], "-f", "table").stdout,
    ):
        lines = shown.split("\n")
        assert all(line.isprintable() for line in lines if line.isascii())
        assert not any(c in shown for c in "\x1b\r\x00\x07\u202e\u2028")


def test_wrong_use_is_told(store: Path) -> None:
    told = run("mark", "-s", store, "path-x", "benign", "--reason", "x", code=1).output
    assert "No finding or incident is called" in told
    run("mark", "-s", store, "path-x", "evil", "--reason", "x", code=2)
    run("mark", "-s", store, "path-x", "benign", code=2)
    run("unmark", "-s", store, "mark-x", code=1)
    run("allow", "-s", store, "--src", "x", "--action", "read", "--dst", "file *", "--reason", "x",
        code=1)  # fmt: skip
    run("why", "-s", store, code=2)
    run("why", "-s", store, "--event", "a.log", code=2)
    run("why", "-s", store, "--process", "evil", "--line", 3, code=2)
    run("why", "-s", store, "--event", "b.log:3", code=1)
    run("why", "-s", store, "--event", "a.log", "--line", 3, "--model", "path-x", code=1)
    assert not journal.lines(store)


def test_why(store: Path) -> None:
    by_line = json.loads(run("why", "-s", store, "--event", "a.log", "--line", 394).stdout)
    by_record = json.loads(run("why", "-s", store, "--event", "a.log:394").stdout)
    assert by_line == by_record
    [event] = by_record["events"]
    assert event["link"] == "process /bin/evil write file /data/loot"
    assert {"length", "score", "z", "rank", "last", "missing_bits"} <= event["paths"][0].keys()
    shown = run("why", "-s", store, "--process", "evil", "-f", "table").stdout
    for word in ("seen 1 time in the fit", "distinct ones", "not calibrated", "length 2: best"):
        assert word in shown
    assert json.loads(run("why", "-s", store, "--process", "evil", "-f", "json").stdout)["events"]


def test_the_commands_of_the_docs_exist() -> None:
    text = (Path(__file__).parents[2] / "docs" / "feedback.md").read_text()
    shown = [shlex.split(line)[1:] for line in text.splitlines() if line.startswith("graphad ")]
    assert {words[0] for words in shown} == {"mark", "unmark", "marks", "allow", "why"}
    for name, *words in shown:
        command = main.commands[name]
        known = {option for one in command.params for option in one.opts}
        assert {word for word in words if word.startswith("--")} <= known
        command.make_context(name, words)


def test_the_fields_of_the_docs_are_those_of_an_answer(store: Path) -> None:
    text = (Path(__file__).parents[2] / "docs" / "feedback.md").read_text()
    answer = json.loads(run("why", "-s", store, "--event", "a.log:394").stdout)
    event, path = answer["events"][0], answer["events"][0]["paths"][0]
    table = text[text.index("| `fate`") : text.index("A source is its number")]
    told = set(re.findall(r"`(?:paths\.)?([a-z_]+)`", table))
    every = answer.keys() | event.keys() | path.keys() | event["history"].keys()
    assert told <= every
    skipped = {"asked", "model", "events", "more", "source", "record", "ts", "link", "length",
               "path", "same_command", "host_days", "src", "dst"}  # fmt: skip
    assert every - skipped <= told
