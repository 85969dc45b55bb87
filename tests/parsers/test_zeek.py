"""Zeek's logs: what each gives, TSV and JSON alike, and headers of every kind."""

import gzip
import json
from pathlib import Path

import pytest

from graphad import formats
from graphad.store import Store
from tests.captures import members
from tests.told import claim_rows, edge_rows

SAMPLES = Path(__file__).parents[2] / "sample_logs" / "zeek"
HEAD = "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n"
DNS = "#path\tdns\n#fields\tts\tid.orig_h\tquery\n#types\ttime\taddr\tstring\n"
WIDE = "the header's separator is not one byte"
ROW = "1772445600.500000\t10.0.0.1\twww.example\n"


def ingested(folder: Path, text: str | bytes, name: str = "a.log") -> Store:
    log = folder / name
    log.write_bytes(text if isinstance(text, bytes) else text.encode())
    store = Store(folder / f"{name}.store")
    [done] = store.ingest(log)
    assert done.format == "zeek"
    assert done.read == done.used + done.ignored + done.rejected
    return store


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = Store(tmp_path_factory.mktemp("zeek") / "s")
    store.ingest(SAMPLES / "logs.log")
    return store


A, S, F, D, U, H = "address", "socket", "file", "domain", "user", "host"
ME, NO, YES = "10.0.0.21", "failure", "success"
PLANS = r"\\files\plans" + "\\"
ROWS = {
    "conn": [
        (0.125, A, ME, "connect", S, "10.0.0.5:445", None),
        (0.125, S, "10.0.0.5:445", "accept", A, "10.0.0.5", None),
        (1.5, A, ME, "connect", S, "10.0.0.9:3389", NO),
        (2.000001, A, ME, "connect", S, "10.0.0.2:53", None),
        (2.000001, S, "10.0.0.2:53", "accept", A, "10.0.0.2", None),
        (3.25, A, "fd00::21", "connect", S, "[fd00::80]:443", None),
        (3.25, S, "[fd00::80]:443", "accept", A, "fd00::80", None),
        (4.75, A, ME, "connect", A, "10.0.0.5", None),
    ],
    "dns": [
        (2.000001, A, ME, "resolve", D, "files.corp.example", YES),
        (2.5, A, ME, "resolve", D, "nowhere.example", NO),
    ],
    "http": [
        (5.5, A, ME, "connect", D, "updates.example", YES),
        (5.5, F, "http://updates.example/tool.exe", "read", A, ME, YES),
        (6.5, A, ME, "connect", D, "203.0.113.7", NO),
        (6.5, A, ME, "write", F, "http://203.0.113.7/gate.php", NO),
    ],
    "ssl": [(3.5, A, "fd00::21", "connect", D, "mail.example", YES)],
    "ssh": [
        (7.5, A, ME, "logon", H, "10.0.0.30", NO), (8.5, A, ME, "logon", H, "10.0.0.30", YES),
    ],
    "kerberos": [
        (9.5, A, ME, "logon", U, "anna@corp.example", YES),
        (10.5, A, ME, "logon", U, "anna@corp.example", NO),
        (10.5, U, "anna@corp.example", "access", "service", "cifs/files.corp.example", NO),
    ],
    "ntlm": [
        (11.5, A, ME, "logon", U, "corp\\anna", YES),
        (11.5, H, "ws21", "logon", U, "corp\\anna", YES),
    ],
    "smb_files": [
        (12.5, F, PLANS + r"q1\budget.xlsx", "read", A, ME, None),
        (13.5, F, PLANS + r"q1\budget.xlsx", "rename", F, PLANS + r"q1\budget.locked", None),
        (13.5, A, ME, "rename", F, PLANS + r"q1\budget.locked", None),
        (14.5, A, ME, "delete", F, PLANS + r"q1\notes.txt", None),
    ],
    "smb_mapping": [
        (11.75, F, r"\\files\plans", "read", A, ME, None),
        (11.875, A, ME, "connect", "pipe", r"\\files\ipc$", None),
    ],
    "dce_rpc": [(15.5, A, ME, "access", "service", "svcctl.createservicew", None)],
    "files": [
        (5.75, A, "203.0.113.7", "write", F, "tool.exe", None),
        (5.75, F, "tool.exe", "read", A, ME, None),
    ],
    "rdp": [
        (16.5, A, ME, "logon", H, "10.0.0.9", None),
        (16.5, U, "anna", "logon", H, "10.0.0.9", None),
    ],
    "ftp": [
        (17.5, F, "ftp://203.0.113.9/pub/a.zip", "read", A, ME, YES),
        (18.5, A, ME, "write", F, "ftp://203.0.113.9/dump.bin", NO),
    ],
    "smtp": [
        (19.5, U, "bill@bank.example", "send", U, "anna@corp.example", None),
        (19.5, U, "bill@bank.example", "send", U, "bob@corp.example", None),
    ],
    "dhcp": [], "weird": [],
    "tunnel": [(21.5, A, ME, "connect", A, "198.51.100.4", None)],
}  # fmt: skip


@pytest.mark.parametrize("log", ROWS)
def test_edges_of_a_log(sample: Store, log: str) -> None:
    assert edge_rows(sample, f"r.channel = '{log}'") == ROWS[log]


def test_what_gives_no_edge_is_ignored_by_a_rule(sample: Store) -> None:
    assert sample.sources[0].ignored == {
        "header line": 89, "ssl: no server is named": 1, "ftp: a command without a file": 1,
        "smb_files: closed, or what no flow follows from": 1,
        "files: a certificate of a connection": 1,
        "dhcp: says who has which address, see aliases": 1, "weird: an oddity of the traffic": 1,
    }  # fmt: skip


def test_claims(sample: Store) -> None:
    assert claim_rows(sample) == [
        ("address", "ws21", "10.0.0.21", None), ("address", None, "10.0.0.5", None),
        ("flow", "10.0.0.2:53", "10.0.0.21:50003", "10.0.0.2:53"),
        ("flow", "10.0.0.5:445", "10.0.0.21:50001", "10.0.0.5:445"),
        ("flow", "10.0.0.9:3389", "10.0.0.21:50002", "10.0.0.9:3389"),
        ("flow", "[fd00::80]:443", "[fd00::21]:50004", "[fd00::80]:443"),
    ]  # fmt: skip


def records(store: Store) -> list[dict[str, object]]:
    rows = store.sql(
        """SELECT * EXCLUDE (source, record, "offset", length, line, shape) FROM records
           ORDER BY record"""
    ).to_pylist()
    return [row | {"attrs": json.loads(row["attrs"] or "{}")} for row in rows]


def test_tsv_and_json_say_the_same(sample: Store, tmp_path: Path) -> None:
    other = ingested(tmp_path, (SAMPLES / "logs.json").read_bytes())
    assert edge_rows(other) == edge_rows(sample)
    assert claim_rows(other) == claim_rows(sample)
    assert records(other) == records(sample)


def test_places_are_those_of_the_lines(sample: Store) -> None:
    lines = (SAMPLES / "logs.log").read_bytes().split(b"\n")
    for row in sample.sql('SELECT record, line, "offset", length FROM records').to_pylist():
        assert row["record"] == row["line"]
        before = sum(len(line) + 1 for line in lines[: row["line"] - 1])
        assert (row["offset"], row["length"]) == (before, len(lines[row["line"] - 1]))


def shipped(at: float | int | str, ports: tuple[int, int], dot: str, **more: object) -> object:
    """Return a record as some shipper writes it: with dots or underscores in its keys."""
    ends = zip(("orig_h", "orig_p", "resp_h", "resp_p"),
               ("10.0.0.22", ports[0], "10.0.0.5", ports[1]), strict=True)  # fmt: skip
    return {"ts": at, "uid": "CB", **{f"id{dot}{name}": value for name, value in ends}, **more}


SENSOR = {"@system": "sensor-2", "@proc": "zeek"}
SHIPPED = [
    shipped(1772445630.25, (50001, 445), "_", conn_state="SF", **{"@stream": "conn"}, **SENSOR),
    shipped(1772445631.25, (50002, 53), "_", query="a.example", **{"@stream": "dns"}, **SENSOR),
    shipped("2026-03-02T10:00:40.250000Z", (50003, 80), ".", method="GET", host="a", uri="/"),
    shipped(1772445641250, (50004, 443), ".", server_name="a.example", established=True),
]


def test_a_log_is_told_by_its_fields_where_nothing_says_it(tmp_path: Path) -> None:
    store = ingested(tmp_path, "".join(json.dumps(record) + "\n" for record in SHIPPED))
    found = store.sql("SELECT channel, host FROM records ORDER BY record").to_pylist()
    assert [tuple(row.values()) for row in found] == [
        ("conn", "sensor-2"), ("dns", "sensor-2"), ("http", "zeek"), ("ssl", "zeek"),
    ]  # fmt: skip
    assert [row[0] for row in edge_rows(store)] == [30.25, 30.25, 31.25, 40.25, 40.25, 41.25]


@pytest.mark.parametrize(
    ("text", "used", "reasons"),
    [
        (HEAD + DNS + ROW + ROW, 2, []),
        (HEAD + DNS + ROW + "#close\t2026\n" + HEAD + DNS + ROW, 2, []),  # joined logs
        (HEAD + DNS.replace("\n", "\r\n") + ROW.replace("\n", "\r\n"), 1, []),
        (ROW + HEAD + DNS + ROW, 1, ["no #fields line before it"]),
        (HEAD + DNS + ROW + ROW[:20], 1, ["2 cells, the header has 3"]),  # cut off
        (HEAD + DNS + ROW[:-1], 1, []),  # the last line has no end
        (HEAD + DNS + "x\t10.0.0.1\ta\n", 0, ["no time"]),
        (HEAD + DNS + "-\t10.0.0.1\ta\n", 0, ["no time"]),
        (HEAD.replace("\\x09", "\\x7c") + (DNS + ROW).replace("\t", "|"), 1, []),
        (HEAD.replace("\\x09", "\\xc3\\xa9") + DNS + ROW, 0, [WIDE]),
        (HEAD + DNS.replace("\tstring", "") + ROW, 0, ["2 types for 3 fields in the header"]),
        (HEAD + DNS.partition("#types")[0] + ROW, 1, []),
        ((HEAD + DNS + ROW).replace("separator ", "separator\t"), 1, []),  # a tab after its name
    ],
)  # fmt: skip
def test_headers(tmp_path: Path, text: str, used: int, reasons: list[str]) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(text.encode())
    store = Store(tmp_path / "s")
    [done] = store.ingest(log, parser="zeek")
    assert done.used == used
    assert done.read == len(text.splitlines()) == done.used + done.ignored + done.rejected
    found = store.sql("SELECT reason FROM rejects ORDER BY record").to_pylist()
    assert [row["reason"] for row in found] == reasons


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (["ts", *(f"f{i}" for i in range(5000))], "the header has more than 4096 columns"),
        (["ts", "x" * 129], "the header has a name of more than 128 bytes"),
        (["ts", "\u00e9" * 65], "the header has a name of more than 128 bytes"),
    ],
)
def test_headers_that_would_fill_memory(tmp_path: Path, names: list[str], reason: str) -> None:
    text = "#path\tx\n#fields\t" + "\t".join(names) + "\n" + "1\n" * 3
    log = tmp_path / "a.log"
    log.write_text(text)
    store = Store(tmp_path / "s")
    [done] = store.ingest(log, parser="zeek")
    assert (done.read, done.rejected) == (5, 3)
    found = store.sql("SELECT DISTINCT reason FROM rejects").to_pylist()
    assert found == [{"reason": reason}]


def test_names_that_are_the_same_or_odd(tmp_path: Path) -> None:
    """Of equal names the last one counts, as of a JSON object's keys."""
    head = HEAD + '#path\tdns\n#fields\tts\tid.orig_h\tquery\tquery\ta"b\tA\ta\tts\n'
    row = "1772445600.5\t10.0.0.1\tx.example\ty.example\t1\t2\t3\t-\n"
    store = ingested(tmp_path, head + row)
    assert [row[5] for row in edge_rows(store)] == ["y.example"]
    [attrs] = store.sql("SELECT attrs FROM records").to_pylist()
    assert {'a"b', "A", "a"} <= set(json.loads(attrs["attrs"]))


def test_marks_and_separators_are_the_header_s(tmp_path: Path) -> None:
    fields = ["ts", "id.orig_h", "id.resp_h", "mailfrom", "rcptto", "subject"]
    types = ["time", "addr", "addr", "string", "set[string]", "string"]
    text = (
        "#separator |\n#set_separator|;\n#empty_field|NIL\n#unset_field|?\n#path|smtp\n"
        f"#fields|{'|'.join(fields)}\n#types|{'|'.join(types)}\n"
        "1772445600.5|10.0.0.1|?|a@x.example|b@x.example;c@x.example|NIL\n"
        "1772445601.5|10.0.0.1|10.0.0.2|a@x.example|NIL|-\n"
    )
    store = ingested(tmp_path, text)
    assert [row[5] for row in edge_rows(store)] == ["b@x.example", "c@x.example"]
    rows = store.sql("SELECT dst_ip, target_user, description FROM records").to_pylist()
    assert [tuple(row.values()) for row in rows] == [
        (None, '["b@x.example","c@x.example"]', ""), ("10.0.0.2", "[]", "-"),
    ]  # fmt: skip


@pytest.mark.parametrize("size", [200, 9000])
def test_a_truncated_gzip_gives_what_is_there(tmp_path: Path, size: int) -> None:
    rows = [f"{1_772_445_600 + i}.5\t10.0.0.1\tw{i * i}.example\n" for i in range(size)]
    whole = HEAD + DNS + "".join(rows)
    packed = gzip.compress(whole.encode())
    log = tmp_path / "dns.log.gz"
    log.write_bytes(packed[: len(packed) // 2])
    store = Store(tmp_path / "s")
    [done] = store.ingest(log)
    assert done.format == "zeek"
    assert size // 9 < done.used < size
    assert done.rejected in (1, 2)  # the cut line, and that the data are damaged


def test_what_is_not_zeek_s_is_not_taken_for_it() -> None:
    sniff = formats.load_all()["zeek"].sniff
    for text in (
        "#fields\tindicator\tindicator_type\nx.example\tIntel::DOMAIN\n", "#!/bin/sh\n", "",
        "#Software: Microsoft Internet Information Services\n#Fields: date time\n",
        '{"EventID": 1, "UtcTime": "2026-03-02"}\n', '{"ts": 1, "msg": "x"}\n', "{" * 999,
        '{"name": "bob"}\n', '{"query": "SELECT 1", "ts": null}\n',
    ):  # fmt: skip
        assert sniff(text.encode()) < formats.SURE, text


def _logs(folder: str) -> dict[str, bytes]:
    found = members("zeek", ".gz")
    if not found:
        pytest.skip("the captures are not here: set GRAPHAD_DATA")
    return {
        Path(name).name.partition(".")[0]: gzip.decompress(data)
        for name, data in found.items()
        if f"/{folder}/" in name
    }


def test_captures_of_both_forms_give_the_same_edges(tmp_path: Path) -> None:
    """The bigger logs are cut after some thousand records; those without times are left out."""
    tsv, other = _logs("zeek-default"), _logs("zeek-json")
    assert set(tsv) == set(other)
    stores = []
    for ending, logs in ((".log", tsv), (".json", other)):
        folder = tmp_path / ending[1:]
        folder.mkdir()
        for name, data in logs.items():
            lines = data.splitlines(keepends=True)
            head = sum(line.startswith(b"#") for line in lines[:20])
            (folder / (name + ending)).write_bytes(b"".join(lines[: head + 3000]))
        store = Store(tmp_path / f"{ending[1:]}.store")
        done = store.ingest(folder)
        assert {one.format for one in done} == {"zeek"}
        assert not sum(one.rejected for one in done)
        stores.append(store)
    assert len(edge_rows(stores[0])) > 7000
    assert edge_rows(stores[0]) == edge_rows(stores[1])
    assert claim_rows(stores[0]) == claim_rows(stores[1])
