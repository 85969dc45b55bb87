"""Flow logs of virtual networks: what a record gives, and which fields it has."""

from pathlib import Path

import pytest

from graphad import formats
from graphad.store import Store
from tests.told import claim_rows, edge_rows

SAMPLE = Path(__file__).parents[2] / "sample_logs" / "vpcflow" / "flows.log"
A, S, NO, YES = "address", "socket", "failure", "success"
ME, IT = "10.0.0.21", "10.0.0.5"
FLOW = [
    (1.0, A, ME, "connect", S, f"{IT}:445", YES), (1.0, S, f"{IT}:445", "accept", A, IT, YES),
]  # fmt: skip


def test_edges(tmp_path: Path) -> None:
    store = Store(tmp_path / "s")
    [done] = store.ingest(SAMPLE)
    assert (done.format, done.read, done.rejected) == ("vpcflow", 6, 0)
    assert edge_rows(store) == [
        *FLOW, (2.0, A, "203.0.113.7", "connect", S, f"{ME}:3389", NO),
        (3.0, A, ME, "connect", A, IT, YES),
    ]  # fmt: skip
    assert store.sources[0].ignored == {
        "header line": 1, "no traffic, or records were lost": 1,
        "the way back of a connection, whose other way is a record of its own": 1,
    }  # fmt: skip
    assert claim_rows(store) == [
        ("flow", f"{ME}:3389", "203.0.113.7:51000", f"{ME}:3389"),
        ("flow", f"{IT}:445", f"{ME}:50001", f"{IT}:445"),
    ]


def test_without_names_the_fields_are_version_2_s(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text("\n".join(SAMPLE.read_text().splitlines()[1:3]))
    store = Store(tmp_path / "s")
    [done] = store.ingest(log)
    assert (done.format, done.read, done.used) == ("vpcflow", 2, 1)
    assert edge_rows(store) == FLOW


@pytest.mark.parametrize(("flags", "kinds"), [(2, "cc"), (18, ""), (19, ""), (16, "cc")])
def test_flags_say_who_began(tmp_path: Path, flags: int, kinds: str) -> None:
    """In whatever order the fields are named; both ports are lent ones."""
    log = tmp_path / "a.log"
    log.write_text(
        "start tcp-flags srcaddr dstaddr srcport dstport protocol\n"
        f"1772445601 {flags} {ME} {IT} 50001 50002 6\n"
        f"1772445601 {ME} {IT} 50001 50002 6\n"
    )
    store = Store(tmp_path / "s")
    [done] = store.ingest(log)
    assert (done.format, done.rejected) == ("vpcflow", 1)
    assert len(edge_rows(store)) == len(kinds)


def test_what_is_no_flow_log() -> None:
    sniff = formats.load_all()["vpcflow"].sniff
    for text in ("version start end\n", "2 a b c\n", "srcaddr dstaddr start: none\n", ""):
        assert sniff(text.encode()) < formats.SURE
