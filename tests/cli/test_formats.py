"""`graphad parsers` and `graphad ingest --dry-run`, as a user meets them."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from graphad.cli import main

SAMPLES = Path(__file__).parents[2] / "sample_logs"


def test_parsers_say_what_they_yield() -> None:
    result = CliRunner().invoke(main, ["parsers", "-f", "ndjson"])
    assert result.exit_code == 0, result.output
    rows = {row["name"]: row for row in map(json.loads, result.stdout.splitlines())}
    assert all(row["yields"] for row in rows.values())
    assert "logon" in rows["cloudtrail"]["yields"]


def test_a_dry_run_shows_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    sample = str(SAMPLES / "gcp_audit" / "entries.json")
    result = CliRunner().invoke(main, ["ingest", "--dry-run", sample])
    assert result.exit_code == 0, result.output
    row = json.loads(result.stdout)
    assert (row["format"], row["read"], row["used"], len(row["events"])) == ("gcp_audit", 5, 4, 10)
    assert row["ignored_by"] == {"no entry of the audit log": 1}
    shown = CliRunner().invoke(main, ["ingest", "--dry-run", sample, "-f", "table"]).stdout
    assert "gus@corp" in shown  # tables are cut to the terminal
    assert "no entry of the audit log" in shown
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_of_rejects_exits_3(tmp_path: Path) -> None:
    log = tmp_path / "bad.json"
    log.write_text("{\x1b]0;pwn\x07\n" * 5)
    command = ["ingest", "--dry-run", "--input-format", "cloudtrail", str(log), "-f", "table"]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 3
    assert "first on line" in result.stdout
    assert "\x1b" not in result.output
