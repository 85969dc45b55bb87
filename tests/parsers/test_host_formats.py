"""Every sample of the host formats: recognised, whole rows, and what was left out by rule."""

from pathlib import Path

import pytest

from graphad import formats
from tests.parsers import told_rows as rows
from tests.parsers.host_rows import IGNORED, ROWS

PARSERS = formats.load_all()


@pytest.mark.parametrize("sample", sorted(ROWS))
def test_rows_of_a_sample(sample: str, tmp_path: Path) -> None:
    store = rows.ingested(rows.SAMPLES / sample, tmp_path / "s")
    assert store.sources[0].format == sample.partition("/")[0]
    told = [
        f"{at[:-3]} {src} | {action} | {dst}" for at, src, action, dst, _, _ in rows.edges(store)
    ]
    assert told == ROWS[sample].strip("\n").split("\n")
    assert rows.ignored(store) == IGNORED[sample]
    assert store.sources[0].rejected == 0


def test_only_one_parser_is_sure_of_a_sample() -> None:
    for sample in sorted(ROWS):
        head = (rows.SAMPLES / sample).read_bytes()[:65536]
        sure = [name for name, parser in PARSERS.items() if parser.sniff(head) > 0.9]
        assert sure == [sample.partition("/")[0]]


def test_forms_of_spade_tell_the_same() -> None:
    json, dot, csv = (
        ROWS[f"{name}/graph.{end}"]
        for name, end in (("spade", "json"), ("spade_dot", "dot"), ("spade_csv", "csv"))
    )
    assert json == dot == csv


def test_forms_of_procmon_tell_the_same() -> None:
    assert ROWS["procmon/log.csv"] == ROWS["procmon_xml/log.xml"]


def test_claims_of_ecar(tmp_path: Path) -> None:
    store = rows.ingested(rows.SAMPLES / "ecar" / "events.json", tmp_path / "s")
    claims = store.sql(
        """SELECT kind, label, value, far FROM (
               SELECT a.kind, e.label, a.value, a.far FROM aliases a JOIN entities e
                   ON e.id = a.entity) ORDER BY ALL"""
    ).to_pylist()
    program = r"\Device\HarddiskVolume1\Windows\System32\cmd.exe"
    assert [tuple(row.values()) for row in claims] == [
        ("address", "WS-21.corp.example", "192.0.2.21", None),
        ("birth", program, "4100", None),
        ("connect", "203.0.113.80:443", "192.0.2.21:50111", "203.0.113.80:443"),
        ("death", program, "4100", None),
        ("sid", "CORP\\dana", "S-1-5-21-1-2-3-1104", None),
    ]


def test_times_of_ecar(tmp_path: Path) -> None:
    line = (rows.SAMPLES / "ecar" / "events.json").read_text().splitlines()[1]
    texts = ['"2019-09-17T13:24:12.05-04:00"', '"2019-09-17T17:24:12.05Z"', "1568741052050"]
    texts.append('"1568741052050"')
    log = tmp_path / "times.json"
    given = '"2024-05-03T06:00:01.000-04:00"'
    assert given in line
    log.write_text("".join(line.replace(given, text) + "\n" for text in [*texts, '"soon"', "7"]))
    store = rows.ingested(log, tmp_path / "s", "ecar")
    times = store.sql("SELECT DISTINCT epoch_us(ts) AS us FROM edges").to_pylist()
    assert times == [{"us": 1_568_741_052_050_000}]
    assert store.sql("SELECT reason FROM rejects").to_pylist() == [{"reason": "no time"}] * 2


def test_outcomes_are_one_word(tmp_path: Path) -> None:
    logon = (rows.SAMPLES / "ocsf" / "events.json").read_text().splitlines()[9]
    assert '"status":"Success"' in logon
    forms = ['"status":"Success"', '"status":"Failure"', '"status_id":2', '"status":"Unknown"']
    log = tmp_path / "logons.json"
    log.write_text("".join(logon.replace('"status":"Success"', form) + "\n" for form in forms))
    store = rows.ingested(log, tmp_path / "s", "ocsf")
    told = store.sql("SELECT record, min(outcome) AS o FROM edges GROUP BY ALL ORDER BY record")
    assert told["o"].to_pylist() == ["success", "failure", "failure", None]
