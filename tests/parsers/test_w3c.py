"""W3C logs: requests to IIS and CloudFront, and what Windows' firewall let pass."""

from pathlib import Path

import pytest

from graphad import formats
from graphad.parse import Options
from graphad.store import Store
from tests.captures import unpacked
from tests.told import claim_rows, edge_rows

SAMPLES = Path(__file__).parents[2] / "sample_logs"
A, S, F, U = "address", "socket", "file", "user"
NO, YES = "failure", "success"


def test_requests(tmp_path: Path) -> None:
    store = Store(tmp_path / "s")
    [done] = store.ingest(SAMPLES / "w3c" / "iis.log")
    it, me = "203.0.113.9", "10.0.0.21"
    assert edge_rows(store) == [
        (1.0, F, "/shop/index.aspx", "read", A, it, YES),
        (2.0, A, it, "write", F, "/aspnet_client/x.aspx", NO),
        (3.0, F, "/owa/", "read", A, me, NO), (3.0, A, me, "logon", U, "corp\\anna", NO),
        (5.0, F, "/a.gif", "read", A, it, YES),
    ]  # fmt: skip
    hosts = store.sql("SELECT host, count(*) AS n FROM edges GROUP BY 1 ORDER BY 1").to_pylist()
    assert [tuple(row.values()) for row in hosts] == [("10.0.0.81", 1), ("WEB1", 4)]
    assert store.sources[0].ignored == {"header line": 8, "no method is named": 1}
    assert (done.read, done.rejected) == (13, 0)


def test_a_header_with_tabs_below_it(tmp_path: Path) -> None:
    log = tmp_path / "edge.log"
    names = "date time x-edge-location c-ip cs-method cs(Host) cs-uri-stem sc-status cs(User-Agent)"
    cells = "2026-03-02 10:00:07 FRA50 203.0.113.10 GET d1.example /logo.png 200 Mozilla%20(X11)"
    log.write_text(f"#Version: 1.0\n#Fields: {names}\n" + cells.replace(" ", "\t") + "\n")
    store = Store(tmp_path / "s")
    [done] = store.ingest(log)
    assert done.format == "w3c"
    assert edge_rows(store) == [(7.0, F, "/logo.png", "read", A, "203.0.113.10", YES)]


def test_the_firewall(tmp_path: Path) -> None:
    store = Store(tmp_path / "s")
    store.ingest(SAMPLES / "pfirewall")
    me, it = "10.0.0.21", "10.0.0.5"
    assert edge_rows(store) == [
        (1.0, A, me, "connect", S, f"{it}:445", YES), (1.0, S, f"{it}:445", "accept", A, it, YES),
        (2.0, A, it, "connect", S, f"{me}:137", YES), (2.0, S, f"{me}:137", "accept", A, me, YES),
        (3.0, A, "203.0.113.7", "connect", S, f"{me}:3389", NO),
        (4.0, A, me, "connect", A, it, YES),
    ]  # fmt: skip
    assert ("flow", f"{it}:445", f"{me}:50001", f"{it}:445") in claim_rows(store)
    assert store.sources[0].ignored == {
        "header line": 4, "blank line": 1, "a connection ended, or records were lost": 2
    }  # fmt: skip


def test_the_firewall_s_clock_is_the_host_s(tmp_path: Path) -> None:
    store = Store(tmp_path / "s")
    berlin = Options(timezone="Europe/Berlin", host="ws21")
    store.ingest(SAMPLES / "pfirewall", options=berlin)
    found = store.sql("SELECT ts, local_time, host, pid FROM records ORDER BY record LIMIT 1")
    [row] = found.to_pylist()
    assert (row["ts"].hour, row["local_time"].hour, row["host"], row["pid"]) == (9, 10, "ws21", 4)


HEAD = "#Fields: date time c-ip cs-method cs-uri-stem sc-status\n"
ROW = "2026-03-02 10:00:01 10.0.0.1 GET /a 200\n"


@pytest.mark.parametrize(
    ("text", "used", "reasons"),
    [
        (HEAD + ROW, 1, []),
        (ROW + HEAD + ROW, 1, ["no #Fields line before it"]),
        (HEAD + ROW + ROW[:25], 1, ["2 cells, the header has 5"]),
        (HEAD + ROW[:-1] + " more\n", 0, ["6 cells, the header has 5"]),
        (HEAD + "2026-03-02 25:00:01 10.0.0.1 GET /a 200\n", 0, ["no time"]),
        (HEAD + "- - 10.0.0.1 GET /a 200\n", 0, ["no time"]),
        (HEAD.replace("date ", "") + ROW.replace("2026-03-02 ", ""), 0, ["no time"]),
        ("#Date: 2026-03-02 10:00:00\n" + HEAD.replace("date ", "") + ROW[11:], 1, []),
    ],
)
def test_headers(tmp_path: Path, text: str, used: int, reasons: list[str]) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(text.encode())
    store = Store(tmp_path / "s")
    [done] = store.ingest(log, parser="w3c")
    assert done.used == used
    assert done.read == len(text.splitlines()) == done.used + done.ignored + done.rejected
    found = store.sql("SELECT reason FROM rejects ORDER BY record").to_pylist()
    assert [row["reason"] for row in found] == reasons
    assert not used or edge_rows(store)[-1][0] == 1.0


@pytest.mark.parametrize(
    ("ending", "name", "used"),
    [
        ("iis6.log", "w3c", 12), ("iis10.log", "w3c", 1), ("iis_without_date.log", "w3c", 11),
        ("iis7_owa.log", "w3c", 3), ("windows_firewall.log", "pfirewall", 11),
    ],
)  # fmt: skip
def test_captures(tmp_path: Path, ending: str, name: str, used: int) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(unpacked("textlogs", f"/{ending}"))
    [done] = Store(tmp_path / "s").ingest(log)
    assert (done.format, done.used, done.rejected) == (name, used, 0)


def test_what_is_neither() -> None:
    known = formats.load_all()
    for text in (
        b"#Fields: name age\nbob 7\n",
        b"# a comment on cs-method\n",
        b"",
        HEAD[1:].encode(),
    ):
        assert known["w3c"].sniff(text) == known["pfirewall"].sniff(text) == 0.0
