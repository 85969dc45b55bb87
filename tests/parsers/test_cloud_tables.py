"""Tables of security products: whole rows, places, and the same events as CSV and as JSON."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.decoders import cloud_carbon_black, cloud_defender, cloud_sentinel
from graphad.decoders.cloud_decode import Tell
from graphad.decoders.cloud_edr import file, process, socket
from graphad.parse import Options
from graphad.schema import ACTIONS, ENTITY_TYPES
from graphad.store import Store
from tests.captures import members

SAMPLES = Path(__file__).parents[2] / "sample_logs"
S = "C:\\Windows\\System32\\"
WORDS = {
    "{S}": S, "{s}": S.lower(), "{PS}": S + "WindowsPowerShell\\v1.0\\powershell.exe",
    "{RUN}": "HKEY_CURRENT_USER\\Software\\Microsoft\\Windows\\CurrentVersion\\Run",
    "{FROM}": "from <ip> port <port> ssh2",
    "{MORE}": "PWD=<path> ; USER=<value> ; COMMAND=<path> <path>",
}  # fmt: skip
# Record, from what, how, to what, outcome.
ROWS = r"""
defender/created.csv
2 | process {PS} | launch | process {S}whoami.exe | None
2 | file {S}whoami.exe | exec | process {S}whoami.exe | None
defender/hunting.csv
2 | process C:\Office\winword.exe | launch | process {PS} | None
2 | file {PS} | exec | process {PS} | None
3 | process {PS} | connect | socket 203.0.113.66:443 | None
4 | process {PS} | create | file C:\Users\ida\up.exe | None
5 | process {PS} | write | registry {RUN}\up | None
6 | module {S}amsi.dll | load | process {PS} | None
7 | process {PS} | inject | process C:\Windows\explorer.exe | None
8 | address 192.0.2.9 | logon | user corp\admin | failure
9 | address 192.0.2.9 | logon | user corp\ida | None
9 | user corp\ida | logon | host desk-7.corp.example | None
10 | socket 192.0.2.9:50777 | accept | process {S}services.exe | None
defender/streamed.json
1 | process {PS} | connect | socket 203.0.113.66:443 | None
2 | process {PS} | rename | file C:\Data\a.locked | None
2 | file C:\Data\a.xlsx | rename | file C:\Data\a.locked | None
carbon_black/cloud.csv
2 | process c:\windows\explorer.exe | launch | process c:\tools\x.exe | None
2 | file c:\tools\x.exe | exec | process c:\tools\x.exe | None
3 | socket 192.0.2.9:50777 | accept | process c:\tools\x.exe | None
4 | process c:\tools\x.exe | access | process {s}lsass.exe | None
5 | process c:\tools\x.exe | create | registry HKLM\Software\X | None
6 | process c:\tools\x.exe | delete | file c:\data\a.xlsx | None
carbon_black/forwarder.json
1 | process c:\office\winword.exe | launch | process {s}cmd.exe | None
1 | file {s}cmd.exe | exec | process {s}cmd.exe | None
2 | process {s}cmd.exe | connect | socket 203.0.113.66:443 | None
2 | process {s}cmd.exe | resolve | domain cdn.files.example | None
3 | process {s}cmd.exe | create | file c:\users\ida\up.exe | None
4 | module {s}amsi.dll | load | process {s}cmd.exe | None
5 | process {s}cmd.exe | inject | process c:\windows\explorer.exe | None
nsg_flows/flows.csv
2 | address 10.0.3.5 | connect | socket 203.0.113.66:443 | success
2 | address 10.0.3.5 | connect | socket 198.51.100.9:443 | success
3 | address 203.0.113.66 | connect | socket 10.0.3.5:22 | failure
4 | address 10.0.3.5 | connect | socket 10.0.3.4:22 | success
security_event/events.csv
2 | process {S}cmd.exe | launch | process {S}whoami.exe | None
2 | file {S}whoami.exe | exec | process {S}whoami.exe | None
2 | session 0x3f2a1 | start | process {S}whoami.exe | None
3 | address 192.0.2.9 | logon | user CORP\admin | failure
sentinel_syslog/syslog.csv
2 | service sudo | write | template jo : TTY=<value> ; {MORE} | success
2 | user jo | start | task /usr/bin/cat /etc/shadow | success
2 | user jo | access | user root | success
3 | service sshd | write | template Accepted publickey for <user> {FROM} | success
3 | address 192.0.2.17 | logon | user jo | success
3 | user jo | logon | host proxy-2 | success
sentinel_auditd/events.csv
2 | address 192.0.2.17 | logon | session 4 | success
2 | user 1001 | logon | session 4 | success
3 | file /usr/bin/curl | exec | process /usr/bin/curl | success
3 | process (unknown) | launch | process /usr/bin/curl | success
4 | file /usr/bin/chmod | exec | process /usr/bin/chmod | success
4 | process (unknown) | launch | process /usr/bin/chmod | success
darpa98/edges.csv
1 | address 192.168.1.5 | connect | address 192.168.1.1 | None
2 | address 203.0.113.9 | connect | address 172.16.112.50 | None
"""


def expected() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    rows: list[str] = []
    text = ROWS
    for short, long in WORDS.items():
        text = text.replace(short, long)
    for line in text.strip().splitlines():
        if " | " in line:
            rows.append(line)
        else:
            rows = found.setdefault(line, [])
    return found


def shown(store: Store) -> list[str]:
    rows = store.sql(
        "SELECT record, src_type || ' ' || src AS a, action, dst_type || ' ' || dst AS b, outcome "
        "FROM events ORDER BY record, ordinal"
    ).to_pylist()
    return [" | ".join(str(v) for v in row.values()) for row in rows]


@pytest.mark.parametrize("name", expected())
def test_each_row_says_this(name: str, tmp_path: Path) -> None:
    store = Store(tmp_path / "s")
    [done] = store.ingest(SAMPLES / name)
    assert done.format == name.partition("/")[0]
    assert shown(store) == expected()[name]


@pytest.mark.parametrize("form", ["csv", "text", "list"])
def test_a_device_has_the_addresses_of_its_adapters_that_are_up(form: str, tmp_path: Path) -> None:
    lines = (SAMPLES / "defender" / "streamed.json").read_text().splitlines()[-2:]
    rows = [json.loads(line)["properties"] for line in lines]
    if form == "list":  # as Log Analytics has it
        rows = [row | {"IPAddresses": json.loads(row["IPAddresses"])} for row in rows]
    log = tmp_path / "log"
    log.write_text("\n".join(map(json.dumps, rows)))
    if form == "csv":
        with log.open("w", newline="") as table:
            writer = csv.DictWriter(table, dict.fromkeys(name for row in rows for name in row))
            writer.writeheader()
            writer.writerows(rows)
    store = Store(tmp_path / "s")
    [done] = store.ingest(log)
    header = form == "csv"
    assert (done.format, done.read, done.ignored) == ("defender", 2 + header, 2 + header)
    said = store.sql("SELECT kind, host, label, value, n FROM aliases ORDER BY value").to_pylist()
    host = "desk-7.corp.example"
    assert [tuple(row.values()) for row in said] == [
        ("address", host, host, "192.0.2.7", 1),
        ("address", host, host, "2001:db8::7", 1),
    ]


@pytest.mark.parametrize("said", ["", "[", "{}", '["a"]', '[{"IPAddress": 5}]', "[null]"])
def test_addresses_that_cannot_be_read_claim_nothing(said: str) -> None:
    row = {"DeviceName": "d", "Timestamp": "2024-05-02T08:00:10Z", "IPAddresses": said}
    told = cloud_defender.tell(row, Options())
    assert (told.claims, told.edges) == ([], [])
    assert told.rule == "network adapter: says which addresses a device has, see aliases"


@pytest.mark.parametrize("form", ["lines", "array", "Results"])
def test_the_same_rows_as_json(form: str, tmp_path: Path) -> None:
    with (SAMPLES / "defender" / "hunting.csv").open(newline="") as table:
        rows = [{k: v for k, v in row.items() if v} for row in csv.DictReader(table)]
    text = {
        "lines": "\n".join(map(json.dumps, rows)),
        "array": json.dumps(rows),
        "Results": json.dumps({"Schema": "x", "Results": rows}, indent=1),
    }[form]
    log = tmp_path / "log.json"
    log.write_text(text)
    store = Store(tmp_path / "s")
    [done] = store.ingest(log)
    assert (done.format, done.read, done.ignored) == ("defender", 10, 1)
    numbered = [f"{int(row.partition(' ')[0]) + 1} {row.partition(' ')[2]}" for row in shown(store)]
    assert numbered == expected()["defender/hunting.csv"]


def test_a_process_is_one_in_both_tables(tmp_path: Path) -> None:
    store = Store(tmp_path / "s")
    store.ingest(sorted((SAMPLES / "defender").iterdir()))
    ids = store.sql(
        "SELECT DISTINCT id, key, detail FROM entities WHERE label LIKE '%powershell.exe' "
        "AND type = 'process'"
    ).to_pylist()
    assert [(row["key"], row["detail"]) for row in ids] == [
        ("5200@1714636860123456", "powershell -enc SQBFAFgA")
    ]


def test_rows_keep_place_and_fields(tmp_path: Path) -> None:
    sample = SAMPLES / "security_event" / "events.csv"
    store = Store(tmp_path / "s")
    store.ingest(sample)
    text = sample.read_bytes()
    rows = store.sql('SELECT "offset", length, line, ts, code, pid, attrs FROM records').to_pylist()
    for row in rows:
        raw = text[row["offset"] : row["offset"] + row["length"]]
        assert raw == text.splitlines()[row["line"] - 1]
    assert [row["code"] for row in rows] == ["4688", "4625", "4690"]
    assert rows[0]["pid"] == 0x888
    assert json.loads(rows[0]["attrs"])["TenantId"] == "t"


def test_cells_over_lines_and_bad_rows_are_placed(tmp_path: Path) -> None:
    sample = (SAMPLES / "sentinel_syslog" / "syslog.csv").read_text().splitlines()
    odd = sample[2].replace("Accepted publickey", '"Accepted\npublickey').replace("ssh2", 'ssh2"')
    log = tmp_path / "log.csv"
    log.write_text("\n".join([sample[0], odd, "1,2", sample[1]]) + "\n")
    store = Store(tmp_path / "s")
    [done] = store.ingest(log)
    assert (done.read, done.used, done.ignored, done.rejected) == (4, 2, 1, 1)
    lines = store.sql("SELECT line FROM records ORDER BY line").to_pylist()
    assert [row["line"] for row in lines] == [2, 5]
    assert store.sql("SELECT line FROM rejects").to_pylist() == [{"line": 4}]


@pytest.mark.parametrize(
    ("found", "key", "label"),
    [
        (process("0x10", "2024-05-02T08:00:00Z", "a", None), "16@1714636800000000", "a"),
        (process("16", "0001-01-01T00:00:00Z", "C:\\A.EXE", None), "pid:16:a.exe", "C:\\A.EXE"),
        (process("16", None, None, None, "{AB}"), "{ab}", "(unknown)"),
        (socket("::ffff:192.0.2.7", "443.0"), "192.0.2.7:443", "192.0.2.7:443"),
        (socket("2001:DB8::1", "22"), "[2001:db8::1]:22", "[2001:db8::1]:22"),
        (socket("192.0.2.7", None), "192.0.2.7", "192.0.2.7"),
        (file("C:\\Users", "A.txt"), "c:\\users\\a.txt", "C:\\Users\\A.txt"),
        (file("/srv", "a"), "/srv/a", "/srv/a"),
        (file("/srv/a", "a"), "/srv/a", "/srv/a"),
    ],
)  # fmt: skip
def test_things_are_named(found: Any, key: str, label: str) -> None:
    assert (found.key, found.label) == (key, label)


def test_what_is_no_thing_is_none() -> None:
    assert process("-", None, "a", "b") is None
    assert process("99999999999999999999999", None, "a", "b") is None
    assert socket("s3.example", "1") is None
    assert file(None, None) is None


TELL: dict[str, Tell] = {
    "defender/hunting.csv": cloud_defender.tell, "defender/created.csv": cloud_defender.tell,
    "carbon_black/cloud.csv": cloud_carbon_black.tell, "nsg_flows/flows.csv": cloud_sentinel.flow,
}  # fmt: skip
CELLS = st.text(max_size=5) | st.sampled_from(
    [
        "-1",
        "1e9",
        "0x",
        "192.0.2.7",
        "::",
        "2024-13-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "\\",
        "/",
    ]
)


@pytest.mark.parametrize("name", TELL)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_cells_raise_nothing(name: str, data: st.DataObject) -> None:
    with (SAMPLES / name).open(newline="") as table:
        row = data.draw(st.sampled_from(list(csv.DictReader(table))))
    for column in data.draw(st.lists(st.sampled_from(sorted(row)), max_size=4)):
        row[column] = data.draw(CELLS)
    told = TELL[name]({k: v for k, v in row.items() if v}, Options())
    assert all(
        edge.action in ACTIONS and {edge.src.type, edge.dst.type} <= set(ENTITY_TYPES)
        and edge.src.key and edge.dst.key
        for edge in told.edges
    )  # fmt: skip
    assert told.edges or told.rule or told.reason


@pytest.mark.parametrize(
    ("ending", "name"),
    [
        ("mde_proc_cs1.csv", "defender"), ("az_net_flows.csv", "nsg_flows"),
        ("host_logons.csv", "security_event"), ("processes_on_host.csv", "security_event"),
        ("sudo_session_test.csv", "sentinel_syslog"), ("syslog_data.csv", "sentinel_syslog"),
        ("linux_events.csv", "sentinel_auditd"),
    ],
)  # fmt: skip
def test_captures_are_recognised_and_used(ending: str, name: str, tmp_path: Path) -> None:
    found = members("msticpy-tables", ending)
    if not found:
        pytest.skip("the captures are not here: set GRAPHAD_DATA")
    log = tmp_path / ending
    log.write_bytes(next(iter(found.values())))
    [done] = Store(tmp_path / "s").ingest(log)
    assert (done.format, done.rejected) == (name, 0)
    if name != "sentinel_auditd":  # of which some events are state of the system
        assert done.read == done.used + 1  # the header


def test_a_nul_in_a_header_is_escaped(tmp_path: Path) -> None:
    """DuckDB takes no NUL in the name of a column."""
    text = (SAMPLES / "nsg_flows" / "flows.csv").read_bytes()
    log = tmp_path / "log.csv"
    log.write_bytes(text.replace(b"TimeGenerated", b"Time\0Generated", 1))
    store = Store(tmp_path / "s")
    [done] = store.ingest(log)
    assert (done.used, done.rejected) == (3, 0)
    kept = store.sql("SELECT attrs FROM records").to_pylist()
    assert all("Time\\x00Generated" in json.loads(row["attrs"]) for row in kept)
