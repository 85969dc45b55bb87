"""A dry run says what an ingest would do, and writes nothing."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from graphad import formats
from graphad.errors import UnknownName
from graphad.parse import Parser, matching
from graphad.store import Store
from graphad.store.trial import dry_run

SAMPLES = Path(__file__).parents[2] / "sample_logs"
PARSERS = formats.load_all()


@pytest.mark.parametrize("name", sorted(PARSERS))
def test_it_counts_and_shows_what_an_ingest_would(name: str, tmp_path: Path) -> None:
    paths = sorted(p for p in (SAMPLES / name).iterdir() if p.is_file())
    store = Store(tmp_path / "s")
    done = store.ingest(paths)
    tried = list(dry_run(paths, events=10_000))
    assert [(t.path, t.format, t.read, t.used, t.edges) for t in tried] == [
        (d.path, d.format, d.read, d.used, d.edges) for d in done
    ]
    left_out = [(sum(t.ignored.values()), sum(t.rejected.values())) for t in tried]
    assert left_out == [(d.ignored, d.rejected) for d in done]
    rows = store.sql(
        """SELECT record, e.host, s.type || ' ' || s.label AS src, action,
                  d.type || ' ' || d.label AS dst, outcome
           FROM edges e JOIN entities s ON s.id = src JOIN entities d ON d.id = dst"""
    ).to_pylist()
    shown = [{k: v for k, v in e.items() if k != "ts"} for t in tried for e in t.events]
    assert len(shown) == len(rows)
    ends = {(r["record"], r["host"], r["action"], r["outcome"]) for r in rows}
    assert {(e["record"], e["host"], e["action"], e["outcome"]) for e in shown} == ends
    reasons = store.sql("SELECT DISTINCT reason FROM rejects").to_pylist()
    assert {reason for t in tried for reason in t.rejected} == {row["reason"] for row in reasons}


@pytest.mark.parametrize("name", sorted(PARSERS))
def test_what_a_parser_yields_is_said(name: str) -> None:
    told = formats.yields(PARSERS[name])
    kinds, _, actions = told.partition(": ")
    paths = sorted(p for p in (SAMPLES / name).iterdir() if p.is_file())
    events = [event for one in dry_run(paths, events=10_000) for event in one.events]
    found = {event[end].split(" ", 1)[0] for event in events for end in ("src", "dst")}
    assert found <= set(kinds.split(", "))
    assert {event["action"] for event in events} <= set(actions.split(", "))


def test_what_a_mapping_names_is_what_it_yields() -> None:
    mapping = "SELECT 'user' AS src_type, 'logon' AS action, 'host' AS dst_type, 'x' FROM raw"
    parser = Parser("own", "", lambda head: 1.0, matching("(?P<user>.*)"), mapping)
    assert formats.yields(parser) == "user, host: logon"
    assert formats.yields(Parser("own", "", lambda head: 1.0, matching(""), "FROM raw")) == ""


def test_rejects_have_reason_and_line(tmp_path: Path) -> None:
    log = tmp_path / "trail.json"
    good = (SAMPLES / "cloudtrail" / "lines.json").read_text().splitlines()[0]
    log.write_text(f'{good}\n{{"broken\n{good}\n{{"also\n')
    [tried] = dry_run([log])
    assert (tried.read, tried.used, sum(tried.rejected.values())) == (4, 2, 2)
    assert min(tried.where.values()) == 2
    assert [event["record"] for event in tried.events] == [1, 1, 1, 3, 3, 3]


def test_only_the_first_events_are_shown() -> None:
    [tried] = dry_run([SAMPLES / "cloudtrail" / "lines.json"], events=2)
    assert (len(tried.events), tried.edges) == (2, 19)


def test_what_cannot_be_read_says_why(tmp_path: Path) -> None:
    (tmp_path / "empty.log").write_bytes(b"")
    (tmp_path / "odd.bin").write_bytes(bytes(range(256)) * 9)
    notes = {Path(one.path).name: one.note for one in dry_run(sorted(tmp_path.iterdir()))}
    assert notes == {
        "empty.log": "is empty", "odd.bin": "is in no format that a parser knows",
    }  # fmt: skip
    with pytest.raises(UnknownName):
        list(dry_run([tmp_path], parser="nosuch"))


def test_standard_input_is_tried_too() -> None:
    with (SAMPLES / "cloudtrail" / "delivered.json").open("rb") as log:
        done = subprocess.run(
            [sys.executable, "-m", "graphad", "ingest", "--dry-run", "-"],
            stdin=log, capture_output=True, check=True,
        )  # fmt: skip
    row = json.loads(done.stdout)
    assert (row["source"], row["format"], row["read"]) == ("-", "cloudtrail", 4)
