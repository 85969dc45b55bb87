"""The analyst's commands: query, show of an entity, tree, timeline."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from graphad.workspace import open_store
from tests.cli.running import run
from tests.cli.test_cli import DEMO, ROOT
from tests.toy import hostile


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store of the demo's attack."""
    path = tmp_path_factory.mktemp("desk") / "store"
    run("ingest", "-s", path, DEMO / "attack.strace.gz", "-q")
    return path


@pytest.fixture(scope="module")
def nasty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store whose programs and files have hostile names."""
    folder = tmp_path_factory.mktemp("nasty")
    own, log = hostile(folder)
    run("ingest", "-s", folder / "store", log, "--parsers", own, "--input-format", "toy", "-q")
    return folder / "store"


def lines(*arguments: object) -> list[dict[str, object]]:
    """Return what a command prints as NDJSON."""
    return [json.loads(text) for text in run(*arguments, "-f", "ndjson").stdout.splitlines()]


def clean(text: str) -> None:
    """Check that nothing but ink and line ends is in a text."""
    assert text
    for letter in text:
        assert letter == "\n" or letter.isprintable(), hex(ord(letter))
    assert "\u202e" not in text


def test_help_of_the_command_and_of_a_query() -> None:
    assert "process_tree --host web1" in run("query", "--help").stdout
    told = run("query", "process_tree", "--help").stdout
    assert told.startswith("graphad query process_tree: The processes of one host as a tree")
    assert "--host          host, as the log names it  required" in told
    assert "--depth         generations to show  [12]" in told
    assert run("query", "process_tree", "-h").stdout == told
    assert "No query is called" in run("query", "proces_tree", "-h", code=1).stderr


def test_the_list_says_what_there_is(tmp_path: Path) -> None:
    (tmp_path / "mine.sql").write_text("-- My own.\n--   n   a number\nSELECT $n AS n")
    listed = {row["name"]: row for row in lines("query", "--list", "--queries", tmp_path)}
    assert len(listed) >= 25
    assert listed["mine"] == {"name": "mine", "parameters": "--n …", "help": "My own."}
    assert listed["process_tree"]["parameters"] == "--host … [--root …] [--depth 12] [--limit 1000]"
    assert all(row["help"] for row in listed.values())


def test_parameters_and_limits_of_queries(store: Path, tmp_path: Path) -> None:
    rows = lines("query", "-s", store, "touched_by", "--process=curl", "--limit", 2)
    assert len(rows) == 2
    for words, told in [
        (["touched_by"], "needs process"),
        (["touched_by", "--process"], "--process has no value"),
        (["touched_by", "curl"], "'curl' is no parameter"),
        (["touched_by", "--process", "a", "--process", "b"], "given twice"),
        (["touched_by", "--process", "a", "--timeout-s", "1"], "No parameter of query touched_by"),
        (["coverage", "--sql", "SELECT 1"], "not both"),
        (["coverage", "--memory", "lots"], "not a size"),
        (["--sql", "SELECT * FROM read_csv('/etc/passwd')"], "disabled"),
        (["--sql", "SELECT sum(hash(a.range + b.range)) FROM range(1000000) a, range(1000000) b",
          "--timeout", "0.3"], "stopped after 0.3 s"),
    ]:  # fmt: skip
        assert told in run("query", "-s", store, *words, code=1).stderr
    assert "is no graphad store" in run("query", "-s", tmp_path / "x", "hosts", code=1).stderr


def test_a_running_query_can_be_interrupted(store: Path) -> None:
    sql = "SELECT sum(hash(a.range + b.range)) FROM range(1000000) a, range(1000000) b"
    process = subprocess.Popen(
        [sys.executable, "-m", "graphad", "query", "-s", str(store), "--sql", sql],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
        # A shell's background jobs ignore SIGINT, and so would their children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    try:
        # It takes hours; wait until it has begun to compute, which takes CPU time.
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            ticks = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
            if sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK") > 2.5:
                break
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        out, error = process.communicate(timeout=90)
    finally:
        process.kill()
        process.communicate()
    assert (process.returncode, out, error.strip()) == (130, "", "graphad: interrupted.")


def test_tree(store: Path) -> None:
    rows = lines("tree", "-s", store)
    assert rows == lines(
        "query", "-s", store, "process_tree", "--host", open_store(store).host(None)
    )
    shown = run("tree", "-s", store, "-f", "table").stdout.splitlines()
    assert len(shown) == len(rows)
    for line, row in zip(shown, rows, strict=True):
        name = str(row["process"]).strip()
        assert line[25:].startswith("  " * int(str(row["depth"])) + name)
        assert line.endswith(f"[{row['id']}]")
    one = lines("tree", "-s", store, "--root", rows[-1]["id"])
    assert [row["id"] for row in one] == [rows[-1]["id"]]
    cut = run("tree", "-s", store, "-f", "table", "--limit", 2)
    assert "2 rows; there may be more" in cut.stderr
    assert (
        "No host is called 'nowhere'"
        in run("tree", "-s", store, "--host", "nowhere", code=1).stderr
    )


def test_timeline(store: Path) -> None:
    rows = lines("timeline", "-s", store, "--limit", 30)
    assert len(rows) == 30
    shown = run("timeline", "-s", store, "--limit", 30, "-f", "table").stdout.splitlines()
    for line, row in zip(shown, rows, strict=True):
        assert (
            f"{row['src_type']} {row['src']} —{row['action']}→ {row['dst_type']} {row['dst']}"
            in line
        )
    since = lines("timeline", "-s", store, "--since", rows[20]["ts"])
    assert since[0]["ts"] == rows[20]["ts"]
    around = lines("timeline", "-s", store, "--around", "127.0.0.1:4444")
    assert all("127.0.0.1:4444" in (row["src"], row["dst"]) for row in around)
    assert "is no time" in run("timeline", "-s", store, "--since", "now-ish", code=1).stderr


def test_show_an_entity(store: Path) -> None:
    [told] = lines("show", "-s", store, "127.0.0.1:4444")
    assert told["type"] == "socket"
    shown = run("show", "-s", store, "-f", "table", told["id"]).stdout  # may begin with a minus
    assert shown.startswith(f"socket 127.0.0.1:4444  [{told['id']}]\n")
    assert "What came to it\n  ←connect— 1 process, once, " in shown
    near = told["neighbours"]
    assert isinstance(near, list)
    process = next(one for one in near if one["type"] == "process")
    tree = run("show", "-s", store, "-f", "table", process["id"]).stdout
    assert "Who started it, and what it started" in tree
    assert f"[{process['id']}]" in tree
    assert "127.0.0.1:4444" in tree
    assert (
        json.loads(run("show", "-s", store, "-f", "json", process["id"]).stdout)["id"]
        == process["id"]
    )
    assert "fits several entities" in run("show", "-s", store, "/usr", code=1).stderr
    assert "No entity is 'no such'" in run("show", "-s", store, "no such", code=1).stderr
    assert "No incident is called" in run("show", "-s", store, "incident-0", code=1).stderr


def test_hostile_names_stay_on_their_lines(nasty: Path) -> None:
    rows = lines("timeline", "-s", nasty)
    for command in (["tree", "--limit", 5], ["timeline"], ["query", "neighbours", "--entity"]):
        if command[0] == "query":
            command = [*command, rows[-1]["src_id"]]
        told = run(command[0], "-s", nasty, *command[1:], "-f", "table").stdout
        clean(told)
    assert len(run("timeline", "-s", nasty, "-f", "table").stdout.splitlines()) == len(rows)
    for row in rows[-5:]:
        clean(run("show", "-s", nasty, row["dst_id"], "-f", "table").stdout)
        csv = run("query", "-s", nasty, "timeline", "--entity", row["dst_id"], "-f", "csv").stdout
        clean(csv)
