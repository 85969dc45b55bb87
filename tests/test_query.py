"""Query headers, parameters, and what SQL of others may do: nothing but read the store."""

import os
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from graphad import query_run
from graphad.errors import QueryError, UnknownName
from graphad.files import folder, folders
from graphad.query import Parameter, Query, Value, load, names
from graphad.query_run import locked

TOP = """-- Hosts with the most events
-- of one action.
--   action          what they did
--   limit = 20      rows to return
--   share = 0.5
--   user = null     whose
SELECT $action || 'x' AS a, $share AS s, $user AS u LIMIT $limit -- not $this
"""


def rows(sql: str, **values: Value) -> list[dict[str, object]]:
    with duckdb.connect() as connection:
        found: list[dict[str, object]] = Query.parse("q", sql).run(connection, values).to_pylist()
    return found


def test_header() -> None:
    query = Query.parse("top", TOP)
    assert query.help == "Hosts with the most events of one action."
    assert query.parameters == (
        Parameter("action", str, True, None, "what they did"),
        Parameter("limit", int, False, 20, "rows to return"),
        Parameter("share", float, False, 0.5, ""),
        Parameter("user", str, False, None, "whose"),
    )


def test_values_are_typed_and_stay_values() -> None:
    hostile = "'); DROP TABLE edges; --"
    assert rows(TOP, action=hostile, share="0.25", limit="1") == [
        {"a": hostile + "x", "s": 0.25, "u": None}
    ]
    assert rows(TOP, action="a", limit=0) == []


@pytest.mark.parametrize(
    ("values", "error", "words"),
    [
        ({}, QueryError, "needs action"),
        ({"action": None}, QueryError, "needs action"),
        ({"action": "a", "limit": "ten"}, QueryError, "'limit' is a whole number, not 'ten'"),
        ({"action": "a", "limit": 1.5}, QueryError, "whole number"),
        ({"action": "a", "share": "half"}, QueryError, "'share' is a number"),
        ({"action": "\udc80"}, QueryError, "Unicode"),
        ({"action": "a", "limit": -1}, QueryError, "Query 'q' failed"),
        ({"acton": "a"}, UnknownName, "Did you mean 'action'"),
    ],
)
def test_wrong_values(values: dict[str, Value], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        rows(TOP, **values)


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("SELECT $x", "declare and use x"),
        ("--   x   unused\nSELECT 1", "declare and use x"),
        ("--   x\n--   x\nSELECT $x", "declare and use x"),
        ("--   X!   bad\nSELECT 1", "declares no parameter"),
        ("-- nothing", "one SELECT"),
        ("SELECT 1; SELECT 2", "one SELECT"),
        ("DROP TABLE edges", "one SELECT"),
        ("SELEC 1", "is wrong"),
    ],
)
def test_wrong_files(sql: str, words: str) -> None:
    with pytest.raises(QueryError, match=words):
        Query.parse("q", sql)


def test_folders_and_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine, theirs = tmp_path / "mine", tmp_path / "theirs"
    for place, answer in ((mine, 1), (theirs, 2)):
        place.mkdir()
        (place / "same.sql").write_text(f"SELECT {answer} AS n")
    (tmp_path / "outside.sql").write_text("SELECT 3")
    monkeypatch.setenv("GRAPHAD_QUERIES", os.pathsep.join([str(theirs), "", "relative"]))
    places = folders("queries", [mine])
    assert places == [mine, theirs, folder("queries")]
    assert {"same", "process_tree", "coverage"} <= set(names(places))
    assert load("same", places).sql == "SELECT 1 AS n"
    (mine / "odd.sql").write_bytes(b"-- \xff\nSELECT 1")
    with pytest.raises(QueryError, match=r"odd\.sql cannot be read"):
        load("odd", places)
    for name in ("../outside", "proces_tree", ""):
        with pytest.raises(UnknownName):
            load(name, places)


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    """Return a small store's catalog, and beside the store a file that no one may read."""
    store = tmp_path / "sto're"
    store.mkdir()
    quoted = str(store).replace("'", "''")
    with duckdb.connect(str(store / "catalog.duckdb")) as connection:
        connection.sql(f"COPY (SELECT 7 AS n) TO '{quoted}/part.parquet'")
        connection.sql(f"CREATE VIEW parts AS FROM read_parquet('{quoted}/part.parquet')")
        connection.sql("CREATE TABLE sources AS SELECT 1 AS source")
        connection.sql(f"COPY (SELECT 8 AS n) TO '{tmp_path}/outside.parquet'")
    return store / "catalog.duckdb"


def run_sql(
    catalog: Path, sql: str, *, timeout_s: float = 60.0, memory: str = "1GB", rows: int = 100_000
) -> pa.Table:
    with duckdb.connect(str(catalog), read_only=True) as connection:
        return query_run.run_sql(
            connection, sql, folder=catalog.parent, timeout_s=timeout_s, memory=memory, rows=rows
        )


def test_the_store_can_be_read(catalog: Path) -> None:
    assert run_sql(catalog, "FROM parts -- all").to_pylist() == [{"n": 7}]
    assert run_sql(catalog, "FROM range(9) t(n) ORDER BY n DESC", rows=2)["n"].to_pylist() == [8, 7]
    assert run_sql(catalog, "SHOW TABLES")["name"].to_pylist() == ["parts", "sources"]


# conventions: each of these was possible in an open connection. OUT stands for the store's parent.
REACHING = [
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM read_parquet('OUT/outside.parquet')",
    "SELECT * FROM read_parquet('STORE/../outside.parquet')",
    "SELECT * FROM glob('/etc/*')",
    "COPY (SELECT 1) TO 'OUT/copied.csv'",
    "ATTACH 'OUT/attached.duckdb'",
    "EXPORT DATABASE 'OUT/exported'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SET enable_external_access = true",
    "SET lock_configuration = false",
    "RESET memory_limit",
    "SELECT getenv('HOME')",
    "SELECT * FROM frame",
    "SELECT * FROM 'https://example.invalid/x.parquet'",
]


@pytest.mark.parametrize("sql", REACHING)
def test_a_locked_connection_reaches_nothing_outside(catalog: Path, sql: str) -> None:
    frame = pa.table({"secret": [1]})  # SQL must not see the caller's variables
    store, out = catalog.parent, catalog.parent.parent
    sql = sql.replace("OUT", str(out)).replace("STORE", str(store).replace("'", "''"))
    before = sorted(out.iterdir())
    with duckdb.connect(str(catalog), read_only=True) as connection:
        locked(connection, store)
        with pytest.raises(duckdb.Error):
            connection.execute(sql).fetchall()
    with pytest.raises(QueryError):
        run_sql(catalog, sql)
    assert sorted(out.iterdir()) == before
    assert frame.num_rows == 1


@pytest.mark.parametrize(
    "sql",
    [
        "COPY (SELECT 1) TO 'STORE/part.parquet'",
        "EXPLAIN ANALYZE COPY (SELECT 1) TO 'STORE/part.parquet'",
        "EXPORT DATABASE 'STORE/exported'",
        "CREATE TABLE t AS SELECT 1",
        "INSERT INTO sources VALUES (2)",
        "SELECT 1; DROP TABLE sources",
        "",
    ],
)
def test_analysts_write_nothing_in_the_store(catalog: Path, sql: str) -> None:
    store = catalog.parent
    before = {file: file.read_bytes() for file in store.iterdir()}
    with pytest.raises(QueryError, match="must be one SELECT"):
        run_sql(catalog, sql.replace("STORE", str(store).replace("'", "''")))
    assert {file: file.read_bytes() for file in store.iterdir()} == before


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT sum(hash(a.range + b.range)) FROM range(1000000) a, range(1000000) b",
        "SELECT hash(a.range + b.range) h FROM range(1000000) a, range(1000000) b WHERE h < 3",
        "WITH RECURSIVE t(a) AS (SELECT 1 UNION ALL SELECT a + 1 FROM t) SELECT max(a) FROM t",
    ],
)
def test_runaway_sql_is_stopped(catalog: Path, sql: str) -> None:
    with pytest.raises(QueryError, match=r"stopped after 0\.3 s"):
        run_sql(catalog, sql, timeout_s=0.3)


def test_memory_is_bounded(catalog: Path) -> None:
    with pytest.raises(QueryError, match="Out of Memory"):
        run_sql(catalog, "SELECT string_agg(range::VARCHAR) FROM range(20000000)", memory="64MB")
    for size, words in (("much", "not a size"), ("1", "not a size"), ("-1GB", "not a size")):
        with pytest.raises(QueryError, match=words):
            run_sql(catalog, "SELECT 1", memory=size)
    with pytest.raises(QueryError, match="is wrong"):
        run_sql(catalog, "SELECT '\udc80'")
