"""Suricata's EVE JSON: what each event gives."""

from pathlib import Path

import pytest

from graphad import formats
from graphad.store import Store
from tests.captures import unpacked
from tests.told import claim_rows, edge_rows

SAMPLES = Path(__file__).parents[2] / "sample_logs" / "suricata"
A, S, F, D, U = "address", "socket", "file", "domain", "user"
ME, IT, NO, YES = "10.0.0.21", "203.0.113.7", "failure", "success"
ROWS = {
    "flow": [  # when it began, not when it was logged
        (1.5, A, ME, "connect", S, f"{IT}:80", None), (1.5, S, f"{IT}:80", "accept", A, IT, None),
        (3.5, A, ME, "connect", S, "10.0.0.9:3389", NO), (4.5, A, ME, "connect", A, IT, None),
    ],
    "dns": [
        (5.5, A, ME, "resolve", D, "updates.example", None),
        (6.5, A, ME, "resolve", D, "c2.example", None),
    ],
    "http": [
        (7.5, A, ME, "connect", D, "updates.example", YES),
        (7.5, F, "http://updates.example/tool.exe", "read", A, ME, YES),
        (8.5, A, ME, "connect", D, "updates.example", NO),
        (8.5, A, ME, "write", F, "http://updates.example/gate.php", NO),
    ],
    "fileinfo": [
        (9.5, A, IT, "write", F, "http://updates.example/tool.exe", None),
        (9.5, F, "http://updates.example/tool.exe", "read", A, ME, None),
    ],
    "alert": [(10.5, A, ME, "connect", S, f"{IT}:80", None)],
    "tls": [(11.5, A, ME, "connect", D, "mail.example", None)],
    "smb": [(12.5, F, r"\\files\plans\q1\budget.xlsx", "read", A, ME, None)],
    "krb5": [(13.5, A, ME, "logon", U, "anna@corp.example", YES)],
    "smtp": [(14.5, U, "bill@bank.example", "send", U, "anna@corp.example", None)],
    "ftp": [(15.5, F, f"ftp://{IT}/pub/a.zip", "read", A, ME, None)],
    "dhcp": [], "stats": [],
}  # fmt: skip


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = Store(tmp_path_factory.mktemp("suricata") / "s")
    store.ingest(SAMPLES)
    return store


@pytest.mark.parametrize("kind", ROWS)
def test_edges_of_an_event(sample: Store, kind: str) -> None:
    assert edge_rows(sample, f"r.channel = '{kind}'") == ROWS[kind]


def test_what_gives_no_edge_and_what_is_claimed(sample: Store) -> None:
    assert sample.sources[0].ignored == {
        "dns: an answer, whose question is a record of its own": 1,
        "dhcp: says who has which address, see aliases": 1, "stats: state of the sensor": 1,
    }  # fmt: skip
    assert claim_rows(sample) == [
        ("address", None, ME, None),
        ("flow", "10.0.0.9:3389", f"{ME}:50002", "10.0.0.9:3389"),
        ("flow", f"{IT}:80", f"{ME}:50001", f"{IT}:80"),
    ]


def test_what_is_no_event_is_rejected(tmp_path: Path) -> None:
    log = tmp_path / "eve.json"
    log.write_text('{"event_type": "flow"}\n{"timestamp": "2026-03-02T10:00:00+0000"}\n{"a\n')
    [done] = (store := Store(tmp_path / "s")).ingest(log, parser="suricata")
    assert (done.read, done.rejected) == (3, 3)
    found = store.sql("SELECT reason FROM rejects ORDER BY record").to_pylist()
    assert [row["reason"] for row in found] == [
        "no time",
        "no event_type",
        "the JSON ends too early",
    ]


@pytest.mark.parametrize(
    "text", ['{"event_type": "click", "timestamp": 1}\n', '[{"event_type":"flow"}]', "{}", ""]
)
def test_what_is_not_suricata_s(text: str) -> None:
    assert formats.load_all()["suricata"].sniff(text.encode()) < formats.SURE


def test_a_capture(tmp_path: Path) -> None:
    log = tmp_path / "eve.json"
    log.write_bytes(unpacked("textlogs", "eve.json"))
    [done] = Store(tmp_path / "s").ingest(log)
    assert (done.format, done.rejected) == ("suricata", 0)
    assert done.used > 2500
