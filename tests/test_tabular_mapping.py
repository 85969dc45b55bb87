"""A user's SELECT over a table: what it may say, what it sees, and the example of the page."""

import csv
import datetime
import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from graphad.decoders.tabular import table_parser
from graphad.errors import QueryError
from graphad.parse import Options, Parser
from graphad.store.mapper import Mapper, Run

ROOT = Path(__file__).parent.parent
SAMPLES = ROOT / "sample_logs" / "table"

EDGE = (
    "SELECT record, {ts} AS ts, 'h' AS host, 'user' AS src_type, {user} AS src_key,"
    " 'logon' AS action, 'host' AS dst_type, 'h' AS dst_key FROM raw"
)
WHEN = "TIMESTAMP '2024-05-02 00:00:00'"


def mapped(parser: Parser, data: bytes) -> Run:
    decoder = parser.decoder(Options())
    decoder.cut(data, True)
    [run] = Mapper(parser, bytes(16)).run([decoder.decode(data, True)])
    return run


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("", "one SELECT"),
        ("SELECT 1; SELECT 2", "one SELECT"),
        ("CREATE TABLE x (a INT)", "one SELECT"),
        ("SELEC record", "not SQL"),
        ("SELECT nofun(record) FROM raw", "nofun"),
        ("SELECT record FROM others", "others"),
        ("SELECT record FROM read_csv('/etc/passwd')", "does not work"),
        ("WITH q AS (SELECT record FROM raw) SELECT b FROM q", '"b"'),
        ("SELECT record FROM raw", "selects no 'ts'"),
        (EDGE.format(ts="5", user="u"), "INTEGER, not a time"),
    ],
)
def test_a_mapping_that_cannot_work_is_refused(sql: str, says: str) -> None:
    with pytest.raises(QueryError) as caught:
        table_parser(sql)
    assert says in str(caught.value)
    assert caught.value.hint
    assert "\n" not in str(caught.value)


def test_a_mapping_sees_fields_by_their_names() -> None:
    """Names that a store has for something else, in another case, odd, or not there at all."""
    sql = EDGE.format(
        ts="ts",
        user='coalesce(nowhere, concat_ws(\'/\', pid, raw.LINE_, "a""b", _id, message, user_2))',
    )
    parser = table_parser(f"-- a comment\n{sql}; -- another\n")
    data = b'TS,Pid,line,"a""b",_id,message,user,User\n2024-05-02T02:00:00+02:00,7,l,q,i,m,u,v\n'
    tables = mapped(parser, data).tables
    assert tables["edges"]["ts"].to_pylist() == [datetime.datetime(2024, 5, 2)]
    assert "7/l/q/i/m/v" in tables["entities"]["key"].to_pylist()
    assert json.loads(tables["records"]["attrs"][0].as_py()) == {
        "TS_": "2024-05-02T02:00:00+02:00", "Pid_": "7", "line_": "l", 'a"b': "q", "id_": "i",
        "User_2": "v",
    }  # fmt: skip
    assert tables["records"]["message"].to_pylist() == ["m"]


def test_ignored_and_rejected_records_say_why() -> None:
    parser = table_parser(
        EDGE.format(ts=WHEN, user="account"),
        ignore="CASE WHEN kind = 'debug' THEN 'debug' END -- noise",
    )
    run = mapped(parser, b"kind,n\ndebug,1\nlogon,2\n")
    assert run.parts[0].ignored == {"header": 1, "debug": 1}
    assert run.tables["rejects"]["reason"].to_pylist() == [
        "the mapping gives no edge; the table lacks account"
    ]
    with pytest.raises(QueryError):
        table_parser(EDGE.format(ts=WHEN, user="u"), ignore="nofun(x)")


def test_edges_that_no_store_could_hold_are_left_out() -> None:
    data = b"u,k\na,logon\nb,frobnicate\n"
    sql = EDGE.replace("'logon'", "k").format(ts=WHEN, user="u")
    [part] = mapped(table_parser(sql), data).parts
    assert (part.read, part.used, part.rejected) == (3, 1, 1)
    astray = EDGE.replace("record,", "record + 7 AS record,").format(ts=WHEN, user="u")
    assert mapped(table_parser(astray), data).parts[0].used == 0


def test_a_label_that_is_empty_is_the_key() -> None:
    sql = EDGE.replace("'logon'", "l AS src_label, 'logon'").format(ts=WHEN, user="u")
    entities = mapped(table_parser(sql), b"u,l\na,\nb,Bob\n").tables["entities"]
    labels = dict(zip(entities["key"].to_pylist(), entities["label"].to_pylist(), strict=True))
    assert labels == {"a": "a", "b": "Bob", "h": "h"}


def section(page: str, mark: str) -> str:
    return page.split(f"```{mark}\n", 1)[1].split("```", 1)[0]


def test_the_example_of_the_page(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "mapping.md").read_text(encoding="utf-8")
    sql = (SAMPLES / "mapping.sql").read_text(encoding="utf-8")
    assert section(page, "sql") == sql
    text = (SAMPLES / "logons.csv").read_bytes()
    for line in text.decode().splitlines()[:2]:
        assert f"    {line}\n" in page
    names = next(csv.reader([text.decode().split("\n", 1)[0]]))
    rows = [row for row in csv.reader(io.StringIO(text.decode(), newline="")) if len(row) == 8]
    columns = {n: [row[i] for row in rows[1:]] for i, n in enumerate(names)}
    pq.write_table(pa.table(columns), tmp_path / "logons.parquet")
    want = [
        tuple(cell.strip() for cell in line.strip("| ").split("|"))
        for line in page.split("| ts | host |", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    ]
    for path, read, rejected in (
        (SAMPLES / "logons.csv", 9, 3),
        (SAMPLES / "logons.ndjson", 8, 3),
        (tmp_path / "logons.parquet", 6, 2),
    ):
        run = mapped(table_parser(sql), path.read_bytes())
        [part] = run.parts
        assert (part.read, part.used, part.rejected) == (read, len(want), rejected)
        assert part.read == part.used + part.rejected + sum(part.ignored.values())
        entities = run.tables["entities"]
        key = dict(zip(entities["id"].to_pylist(), entities["key"].to_pylist(), strict=True))
        found = [
            (str(e["ts"]), e["host"], key[e["src"]], e["action"], key[e["dst"]], e["outcome"])
            for e in run.tables["edges"].to_pylist()
        ]
        assert found == want
