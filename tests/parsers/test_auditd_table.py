"""Audit events in a table are those of the lines that auditd wrote."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.decoders.auditd_table import AuditdRows, lines_of
from graphad.parse import Options
from graphad.store import Store
from tests.told import edge_rows

SAMPLE = Path(__file__).parents[2] / "sample_logs" / "sentinel_auditd" / "events.csv"
HEADER = ["Computer", "mssg_id", "AuditdMessage"]
CALL = "arch=c000003e syscall=59 success=yes exit=0 items=0 ppid=5 pid=9 auid=7 uid=7 ses=4"
SAID = repr([{"SYSCALL": [*CALL.split(), 'comm="id"', 'exe="/usr/bin/id"']}, {"CWD": ['cwd="/"']}])


def table(folder: Path, *rows: list[str]) -> Path:
    path = folder / "log.csv"
    with path.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([HEADER, *rows])
    return path


def test_a_table_says_what_its_lines_do(tmp_path: Path) -> None:
    with SAMPLE.open(newline="") as file:
        lines = [line for row in csv.DictReader(file) for line in lines_of(dict(row))]
    (tmp_path / "audit.log").write_text("".join(line + "\n" for line in lines))
    stores = []
    for log in (SAMPLE, tmp_path / "audit.log"):
        stores.append(Store(tmp_path / f"{log.name}.store"))
        stores[-1].ingest(log)
    assert [one.sources[0].format for one in stores] == ["sentinel_auditd", "auditd"]
    assert edge_rows(stores[0]) == edge_rows(stores[1]) != []


@pytest.mark.parametrize(
    ("row", "wanted"),
    [
        (["h", "1772446000.001:1", ""], "no list of audit records"),
        (["h", "1772446000.001:1", "[[[["], "no list of audit records"),
        (["h", "1772446000.001:1", "(" * 90_000], "no list of audit records"),
        (["h", "1772446000.001:1", "[{'SYSCALL': 'x'}, {'no kind': ['x']}]"],
         "no list of audit records"),
        (["h", "soon", SAID], "no number of an event"),
        (["h", "999999999999.001:1", SAID],
         "its time is not seconds.milliseconds, or not in the years 1970 to 9999"),
        (["h", "1772446000.001:1", repr([{"PATH": ["item=0"]}] * 4096)], "the event is too long"),
        (["h", "1772446000.001:7", SAID], "a row before has the event of this number"),
    ],
)  # fmt: skip
def test_what_is_no_event_is_rejected(row: list[str], wanted: str, tmp_path: Path) -> None:
    store = Store(tmp_path / "s")
    before = ["h", "1772446000.001:7", SAID]
    [done] = store.ingest(table(tmp_path, before, row, ["i", *before[1:]]))
    assert (done.read, done.used, done.rejected) == (4, 2, 1)
    assert store.sql("SELECT record, reason FROM rejects").to_pylist() == [
        {"record": 3, "reason": wanted}
    ]


def test_no_field_begins_a_line_of_its_own() -> None:
    forged = "x\ntype=LOGIN msg=audit(1.0:2): ses=1\u2028y"
    row = {"Computer": "a b", "mssg_id": "1.0:1", "AuditdMessage": json.dumps([{"CWD": [forged]}])}
    assert lines_of(row) == [
        "type=CWD msg=audit(1.0:1): x type=LOGIN msg=audit(1.0:2): ses=1 y"
    ]  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(st.recursive(st.one_of(st.text(max_size=8), st.integers(), st.none()),
                    lambda inner: st.one_of(st.lists(inner, max_size=3),
                                            st.dictionaries(st.text(max_size=6), inner)),
                    max_leaves=8))  # fmt: skip
def test_any_list_gives_lines_or_a_reason(said: Any) -> None:
    for text in (repr(said), json.dumps(said), said):
        found = lines_of({"mssg_id": "1.0:1", "AuditdMessage": text})
        assert isinstance(found, str) or all(one.count("\n") == 0 for one in found)


def test_processes_outlive_blocks() -> None:
    data = SAMPLE.read_bytes()
    end = data.index(b"\n2,") + 1
    decoders = [AuditdRows(Options()) for _ in range(3)]
    for one in decoders:
        assert one.cut(data, True) == len(data)
    whole = decoders[0].decode(data, True)
    first = decoders[1].decode(data[:end], False)
    with pytest.raises(ValueError, match="no state"):
        decoders[2].restore({"table": None})
    decoders[2].restore(decoders[1].state())
    second = decoders[2].decode(data[end:], True)
    parents = [one.raw["parent_guid"].to_pylist() for one in (whole, first, second)]
    assert parents[1] + parents[2] == parents[0]
    assert [one.read for one in (whole, first, second)] == [4, 3, 1]
