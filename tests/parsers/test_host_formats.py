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
