"""Los Alamos' data sets: what each file's lines give."""

from pathlib import Path

import pytest

from graphad import formats
from graphad.store import Store
from tests.told import edge_rows

SAMPLES = Path(__file__).parents[2] / "sample_logs" / "lanl"
H, U, S, NO, YES = "host", "user", "socket", "failure", "success"
LINES = {
    "proc": "1,U7@DOM1,C21,P16,Start\n2,C21$@DOM1,C21,P25,Start\n3,U7@DOM1,C21,P16,End\n",
    "flows": "1,9,C21,N10471,C5,N46,6,3,144\n2,0,C22,N1,C5,445,6,1,60\n",
    "dns": "31,C21,C5\n35,C22,C5\n",
}
ROWS = {
    "auth": [
        (1.0, H, "c21", "logon", U, "u7@dom1", YES), (1.0, U, "u7@dom1", "logon", H, "c5", YES),
        (2.0, H, "c21", "logon", U, "u8@dom1", NO), (2.0, U, "u8@dom1", "logon", H, "c21", NO),
        (3.0, H, "c21", "logon", U, "u7@dom1", YES),
        (4.0, H, "c21", "logon", U, "c5$@dom1", YES), (4.0, U, "c5$@dom1", "access", H, "c2", YES),
        (5.0, U, "u7@dom1", "access", U, "c5$@dom1", YES),
    ],
    "proc": [
        (1.0, U, "u7@dom1", "start", "process", "p16", None),
        (2.0, U, "c21$@dom1", "start", "process", "p25", None),
    ],
    "flows": [
        (1.0, H, "c21", "connect", S, "c5:n46", None), (1.0, S, "c5:n46", "accept", H, "c5", None),
        (2.0, H, "c22", "connect", S, "c5:445", None), (2.0, S, "c5:445", "accept", H, "c5", None),
    ],
    "dns": [
        (31.0, H, "c21", "resolve", "domain", "c5", None),
        (35.0, H, "c22", "resolve", "domain", "c5", None),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", ROWS)
def test_edges_of_a_file(tmp_path: Path, name: str) -> None:
    store = Store(tmp_path / "s")
    log = SAMPLES / "auth.txt"
    if name in LINES:
        log = tmp_path / f"{name}.txt"
        log.write_text(LINES[name])
    [done] = store.ingest(log)
    assert (done.format, done.rejected) == ("lanl", 0)
    assert edge_rows(store) == ROWS[name]
    first = store.sql("SELECT min(ts) AS ts, any_value(channel) AS c FROM records").to_pylist()[0]
    assert (first["ts"].year, first["c"]) == (1970, name)


def test_flows_of_the_later_data_set(tmp_path: Path) -> None:
    store = Store(tmp_path / "s")
    log = tmp_path / "netflow.txt"
    log.write_text(
        "118781,5580,Comp7,Comp8,17,Port05507,Port46272,0,755065,0,1042329018\n"
        "118783,58,Comp1,Comp2,6,Port1,443,9,10,900,4000\n"
    )
    store.ingest(log)
    found = [row[1:6] for row in edge_rows(store)]
    assert found[2:] == [
        (H, "comp1", "connect", S, "comp2:443"), (S, "comp2:443", "accept", H, "comp2"),
    ]  # fmt: skip


def test_a_line_of_another_file_is_rejected(tmp_path: Path) -> None:
    log = tmp_path / "a.txt"
    log.write_text("?\n1,C21,C5\n1,C21\n2,C22,C5\n2,C22,C5,4\n")
    [done] = (store := Store(tmp_path / "s")).ingest(log, parser="lanl")
    assert (done.read, done.used, done.rejected) == (5, 2, 3)
    found = store.sql("SELECT record, reason FROM rejects ORDER BY record").to_pylist()
    assert [tuple(row.values()) for row in found] == [
        (1, "1 cells, the header has 3"), (3, "2 cells, the header has 3"),
        (5, "4 cells, the header has 3"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text", ["1,2,3\n", "1,C1,C2\nid,name,age\n2,x,y\n", "time,src,dst\n1,C1,C2\n", ""]
)
def test_what_is_not_lanl_s(text: str) -> None:
    assert formats.load_all()["lanl"].sniff(text.encode()) < formats.SURE
