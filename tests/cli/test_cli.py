"""The command line, as a user meets it."""

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from graphad.cli import main
from graphad.errors import SchemaError
from graphad.workspace import open_store
from tests.cli.running import run
from tests.toy import hostile

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "sample_logs" / "demo"


@pytest.fixture(scope="module")
def hunted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store in which the demo was hunted with its quiet part as baseline."""
    store = tmp_path_factory.mktemp("hunt") / "store"
    run(
        "hunt", "-s", store, DEMO / "attack.strace.gz", "--baseline", DEMO / "quiet.strace.gz", "-q"
    )
    return store


def test_hunt_finds_the_demo_attack(hunted: Path) -> None:
    found = [json.loads(text) for text in run("findings", "-s", hunted).stdout.splitlines()]
    titles = [finding["title"] for finding in found]
    assert "/tmp/x → x → 127.0.0.1:4444" in titles[0]
    assert found[0]["severity"] is not None
    top = run("paths", "-s", hunted, "--top", 5).stdout.splitlines()
    truth = {
        (row["source"], int(row["line"]))
        for row in csv.DictReader((DEMO / "truth.csv").read_text().splitlines())
    }
    places = {(Path(e["source"]).name, e["line"]) for e in json.loads(top[0])["evidence"]}
    assert places & truth


def test_findings_add_up_and_carry_their_lines(hunted: Path) -> None:
    for text in run("paths", "-s", hunted, "--top", 50).stdout.splitlines():
        finding = json.loads(text)
        assert sum(finding["terms"].values()) == pytest.approx(finding["score"], abs=1e-9)
        by_edge = sum(sum(edge["terms"].values()) for edge in finding["edges"])
        assert by_edge == pytest.approx(finding["score"], abs=1e-9)
        assert len(finding["evidence"]) == len(finding["edges"])
        assert all(proof["text"] for proof in finding["evidence"])
        stamps = [edge["ts"] for edge in finding["edges"]]
        assert stamps == sorted(stamps)


def test_evidence_is_a_table_of_the_store(hunted: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(hunted, copy)
    store = open_store(copy, create=False)
    rows = store.sql(
        """SELECT finding, e.source, e.record, e.line, text, r.line AS real_line
           FROM evidence e LEFT JOIN records r USING (source, record)"""
    ).to_pylist()
    assert all(row["line"] == row["real_line"] for row in rows)
    found = sorted((row["finding"], row["record"], row["line"], row["text"]) for row in rows)
    kept = store.findings()
    assert found == sorted((f.id, e.record, e.line, e.text) for f in kept for e in f.evidence)
    other = open_store(copy)
    for source in other.sources:  # a reader keeps its state while others score, and score again
        other.score(sources=[source.source])
    assert other.manifest.number > store.manifest.number
    assert store.sql("SELECT count(*) AS n FROM evidence").to_pylist() == [{"n": len(rows)}]
    assert len(other.findings()) > len(kept)
    assert not list(other.check())


def test_compact_and_prune(hunted: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(hunted, copy)
    assert "1 segments fewer, 1 left" in run("compact", "-s", copy).stdout
    assert "0 records" in run("prune", "-s", copy, "--before", "2026-01-01").stdout
    shown = run("findings", "-s", copy).stdout
    assert "edges removed" in run("prune", "-s", copy, "--before", "2026-03-07").stdout
    assert open_store(copy).graph().ts.size == 0
    assert run("findings", "-s", copy).stdout == shown  # they carry their lines
    run("prune", "-s", copy, "--before", "soon", code=1)
    run("prune", "-s", copy, code=2)


def test_damaged_findings_are_named(hunted: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(hunted, copy)
    [path] = (copy / open_store(copy).manifest.files["findings"][0].name,)
    path.write_bytes(path.read_bytes().replace(b"path", b"wath", 1))
    with pytest.raises(SchemaError, match=path.name):
        open_store(copy).findings()


def test_explain_shows_terms_and_lines(hunted: Path) -> None:
    [first] = run("findings", "-s", hunted, "--top", 1).stdout.splitlines()
    finding = json.loads(first)
    shown = run("explain", "-s", hunted, finding["id"], "-f", "table").stdout
    assert f"= {finding['score']:.4f} bits" in shown
    for proof in finding["evidence"]:
        assert f"{proof['source']}:{proof['line']}" in shown


def test_a_second_hunt_adds_nothing_and_says_the_same(hunted: Path) -> None:
    before = run("findings", "-s", hunted, "--top", 100).stdout
    doctor = run("doctor", "-s", hunted).stdout.splitlines()[-1]
    run(
        "hunt",
        "-s",
        hunted,
        DEMO / "attack.strace.gz",
        "--baseline",
        DEMO / "quiet.strace.gz",
        "-q",
    )
    assert run("findings", "-s", hunted, "--top", 100).stdout == before
    assert run("doctor", "-s", hunted).stdout.splitlines()[-1] == doctor


def test_hunt_without_a_baseline_says_that_it_only_ranks(tmp_path: Path) -> None:
    result = run("hunt", "-s", tmp_path / "s", DEMO / "attack.strace.gz", "-f", "table", "--top", 3)
    assert "ranked, not calibrated" in result.stdout
    assert "give --baseline" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["hunt", "nowhere.log"], "nowhere.log does not exist."),
        (["findings"], "is no graphad store."),
        (["ingest", "junk.bin"], "is in no format that a parser knows."),
        (["ingest", "empty.log"], "is empty."),
        (["ingest", "junk.bin", "--input-format", "strase"], "Did you mean 'strace'?"),
        (["ingest", "cut.gz", "--input-format", "strace"], None),
    ],
)
def test_bad_input_gets_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], words: str | None
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("junk.bin").write_bytes(bytes(range(256)) * 64)
    Path("empty.log").touch()
    import gzip

    whole = gzip.compress(b"12 1700000000.000001 getpid() = 12\n" * 5000)
    Path("cut.gz").write_bytes(whole[: len(whole) // 2])
    if words is None:
        result = CliRunner().invoke(main, [*arguments, "-q"])
        row = json.loads(result.stdout)
        assert row["rejected"] >= 1
        assert row["read"] == row["used"] + row["ignored"] + row["rejected"]
        return
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 1
    assert words in result.stderr
    assert result.stderr.startswith("graphad: ")
    assert "Traceback" not in result.stderr


def test_usage_errors_exit_2() -> None:
    assert run("hunt", code=2).stderr.startswith("Usage:")


def test_nothing_a_log_contains_reaches_the_terminal_raw(tmp_path: Path) -> None:
    own, log = hostile(tmp_path)
    store = tmp_path / "store"
    options = ["-s", store, "--parsers", own]
    shown = run("hunt", *options, log, "-f", "table", "--all-paths", "--top", 200)
    for text in (shown.stdout, shown.stderr):
        assert not [c for c in text if c != "\n" and (ord(c) < 32 or 127 <= ord(c) < 160)]
        assert not set(text) & set("\u202e\u2066\u200b\u2028\ufeff")
    piped = run("hunt", *options, log, "--all-paths", "--top", 500).stdout
    assert all(isinstance(json.loads(text), dict) for text in piped.splitlines())
    sheet = run("query", "-s", store, "--sql", "SELECT * FROM events", "-f", "csv").stdout
    for row in csv.reader(io.StringIO(sheet)):
        assert not [cell for cell in row if cell[:1] in ("=", "+", "@", "\t", "\r")]


def test_queries_are_listed_and_answer(hunted: Path) -> None:
    names = {
        json.loads(text)["name"]
        for text in run("query", "-s", hunted, "--list").stdout.splitlines()
    }
    assert {
        "process_tree",
        "touched_by",
        "rare_parents",
        "first_seen",
        "rejects",
        "coverage",
    } <= names
    rows = run("query", "-s", hunted, "coverage").stdout.splitlines()
    assert sum(json.loads(row)["records"] for row in rows) > 10_000
    refused = run("query", "-s", hunted, "--sql", "SELECT * FROM read_text('/etc/passwd')", code=1)
    assert refused.stderr.startswith("graphad: ")


def test_standard_input_is_a_log(tmp_path: Path) -> None:
    import gzip

    with gzip.open(DEMO / "attack.strace.gz") as file:
        head = b"".join(file.readlines()[:400])
    done = subprocess.run(
        [sys.executable, "-m", "graphad", "ingest", "-s", str(tmp_path / "s"), "-"],
        input=head, capture_output=True, check=True, cwd=ROOT,
    )  # fmt: skip
    row = json.loads(done.stdout)
    assert row["read"] == 400
    assert row["source"] == "standard input"


def test_a_closed_pipe_is_quiet(hunted: Path) -> None:
    command = f"{sys.executable} -m graphad paths -s {hunted} --top 500 | head -1"
    done = subprocess.run(
        ["/bin/bash", "-c", command], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert json.loads(done.stdout)
    assert done.stderr == ""


def test_a_reader_that_went_away_is_no_error() -> None:
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "graphad", "parsers"]
    try:
        done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, check=False)
    finally:
        os.close(write)
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.parametrize(
    "words",
    [
        ["hunt", "x.log", "--budget", "nan"], ["hunt", "x.log", "--budget", "0"],
        ["ingest", "x.log", "--max-reject-rate", "nan"], ["fit", "--span", "inf"],
        ["ingest", "x.log", "--max-reject-rate", "2"], ["query", "hosts", "--timeout", "nan"],
        ["nightly", "--day", "2026-03-02", "--span", "-1"], ["timeline", "--within", "nan"],
    ],
)  # fmt: skip
def test_numbers_that_are_none_are_refused(words: list[str]) -> None:
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 2
    assert f"Invalid value for '{words[-2]}'" in result.stderr
