"""Process Monitor: hostile XML, clocks without dates, and processes that use an id again."""

import time
from pathlib import Path

import pytest

from graphad.decoders.procmon import Procmon, XmlDecoder, element, elements
from graphad.parse import Options
from tests.parsers import told_rows as rows

XML = (rows.SAMPLES / "procmon_xml" / "log.xml").read_text("utf-8-sig")
HEADER = "Time of Day,Process Name,PID,Operation,Path,Result,Detail"


def test_what_stands_in_an_element() -> None:
    data = b"<event><A_b>x &lt; y</A_b><Date___Time>1</Date___Time><C><D>deep</D></C></event>"
    assert element(data) == {"A b": "x < y", "Date & Time": "1", "C": ""}


@pytest.mark.parametrize(
    "data",
    [
        b'<!DOCTYPE e [<!ENTITY a "x">]><event><A>&a;</A></event>',
        b'<!DOCTYPE e SYSTEM "file:///etc/passwd"><event/>',
        b"<event><A>&undefined;</A></event>",
        b"<event><A></event>",
        b"<event>" + b"<a>" * 40 + b"</a>" * 40 + b"</event>",
        b"<event>\xff\xfe</event>",
        b"",
    ],
)
def test_hostile_xml_is_one_reject(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"well formed|declares|too deep"):
        element(data)


def test_entities_are_never_expanded(tmp_path: Path) -> None:
    bomb = '<!DOCTYPE p [<!ENTITY a "xxxxxxxx"><!ENTITY b "&a;&a;&a;&a;">]>'
    log = tmp_path / "bomb.xml"
    log.write_text(XML.replace("<procmon>", f"{bomb}<procmon>").replace("inv.vbs", "&b;", 1))
    store = rows.ingested(log, tmp_path / "s", "procmon_xml")
    [source] = store.sources
    assert source.rejected == 2
    assert store.sql("SELECT reason FROM rejects ORDER BY record").to_pylist() == [
        {"reason": "neither an event nor a process"},
        {"reason": "not well formed: undefined entity"},
    ]
    assert store.sql(
        "SELECT count(*) AS n FROM entities WHERE label LIKE '%xxxx%'"
    ).to_pylist() == [{"n": 0}]


def test_junk_between_elements_hides_none(tmp_path: Path) -> None:
    log = tmp_path / "junk.xml"
    log.write_text(XML.replace("</event>\n", "</event>\n<event><PID>\n", 1))
    store = rows.ingested(log, tmp_path / "s", "procmon_xml")
    [source] = store.sources
    whole = rows.ingested(rows.SAMPLES / "procmon_xml" / "log.xml", tmp_path / "t")
    # The open element swallows the one behind it, and no other.
    assert source.rejected == 1
    assert source.read == whole.sources[0].read


def test_open_elements_take_no_time(tmp_path: Path) -> None:
    start = time.process_time()
    assert list(elements(b"<event>" * 300_000 + b"<process></process>")) == [
        (2_100_000, 2_100_019, b"process")
    ]
    assert list(elements(b"<event><process>" * 100_000)) == []
    blank = b"<procmon>" + b" \n" * 200_000 + b"x"
    decoded = XmlDecoder(Procmon(Options()), Options()).decode(blank, True)
    assert decoded.raw["_reason"].to_pylist() == ["neither an event nor a process"]
    assert time.process_time() - start < 5


def times(lines: list[str], options: Options) -> list[int | None]:
    world = Procmon(options)
    world.read(HEADER)
    return [world.read(f'"{line}",a.exe,5,ReadFile,C:\\x,SUCCESS,').ts for line in lines]


def test_clocks_without_a_date_go_on_past_midnight() -> None:
    found = times(["11:59:59.5 PM", "12:00:00.0000005 AM", "23:59:58,25"], Options())
    assert found == [86_399_500_000, 86_400_000_000, 86_400_000_000 + 86_398_250_000]


def test_a_clock_is_the_hosts() -> None:
    [found] = times(["1:00:00.0 PM"], Options(timezone="Asia/Tokyo", year=2024))
    assert found == 1_704_081_600_000_000


def test_an_id_that_is_used_again_is_another_process() -> None:
    world = Procmon(Options())
    world.read(HEADER)
    keys = []
    for line in (
        '1:00:00.0 PM,a.exe,5,Process Create,C:\\b.exe,SUCCESS,"PID: 9, Command line: b"',
        '1:00:00.1 PM,b.exe,9,Process Start,,SUCCESS,"Parent PID: 5, Command line: b"',
        "1:00:00.2 PM,b.exe,9,ReadFile,C:\\x,SUCCESS,",
        '1:00:00.3 PM,a.exe,5,Process Create,C:\\b.exe,SUCCESS,"PID: 9, Command line: b"',
        "1:00:00.4 PM,b.exe,9,ReadFile,C:\\x,SUCCESS,",
    ):
        keys.append([edge[2].key for edge in world.read(line).edges][-1:])
    assert keys == [["pid:9"], [], ["pid:9"], ["9#2"], ["9#2"]]
