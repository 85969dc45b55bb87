"""Each query against a tiny store: whole answers."""

from contextlib import suppress
from datetime import datetime, timedelta

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad import schema
from graphad.errors import QueryError
from graphad.files import folder
from graphad.query import Value, create_views, load, names
from graphad.query_macros import create_macros

DAY = datetime(2024, 5, 3)
QUERIES = [folder("queries")]
REQUIRED: dict[str, dict[str, Value]] = {
    "ancestry": {"process": "1"},
    "file_history": {"file": "passwd"},
    "neighbours": {"entity": "2"},
    "reachable": {"entity": "5"},
    "talked_to": {"address": "203"},
    "traced_back": {"entity": "6"},
    "process_tree": {"host": "web"},
    "touched_by": {"process": "bash"},
}
TYPES = {
    "text": "VARCHAR", "int": "BIGINT", "float": "DOUBLE", "time": "TIMESTAMP", "bool": "BOOLEAN",
}  # fmt: skip

# id, type, host, key, label, name, detail
ENTITIES: list[tuple[object, ...]] = [
    (1, "process", "web", "1/1", "/usr/sbin/sshd", "sshd", "sshd -D"),
    (2, "process", "web", "2/2", "/bin/bash", "bash", "-bash"),
    (3, "process", "web", "3/3", "/usr/bin/curl", "curl", "curl http://203.0.113.7/x"),
    (-4, "process", "web", "4/4", "/tmp/x", "x", ""),
    (5, "file", "web", "/etc/passwd", "", "/etc/passwd", None),
    (6, "socket", None, "203.0.113.7:443", "203.0.113.7:443", "203.0.113.7:443", None),
    (7, "process", "db", "7/7", "/usr/sbin/sshd", "sshd", "sshd -D"),
    (8, "process", "db", "8/8", "/bin/bash", "bash", "-bash"),
    (9, "process", "web", "9/9", "/usr/sbin/cron", "cron", "cron"),
]
# record, hours after DAY, host, src, dst, action; the record's number is its line
EDGES: list[tuple[int, float, str, int, int, str]] = [
    (1, 0.0, "db", 7, 8, "launch"),
    (2, 0.1, "web", 1, 2, "launch"),
    (3, 1.0, "web", 5, 2, "read"),
    (4, 1.1, "web", 5, 2, "read"),
    (5, 1.2, "web", 2, 3, "launch"),
    (6, 30.0, "web", 2, -4, "launch"),
    (7, 30.1, "web", -4, 6, "connect"),
    (8, 30.2, "web", 9, 2, "signal"),
    (9, 30.3, "web", 3, -4, "fork"),  # x has a parent already
]


def empty() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    tables = schema.TABLES | {"sources": schema.SOURCES, "findings": schema.FINDINGS}
    for name, columns in tables.items():
        shape = ", ".join(f'"{column.name}" {TYPES[column.kind]}' for column in columns)
        connection.sql(f"CREATE TABLE {name} ({shape})")
    create_views(connection)
    create_macros(connection)
    return connection


def at(hours: float) -> datetime:
    return DAY + timedelta(hours=hours)


@pytest.fixture(scope="module")
def store() -> duckdb.DuckDBPyConnection:
    connection = empty()
    connection.executemany(
        "INSERT INTO entities (id, type, host, key, label, name, detail) VALUES (?,?,?,?,?,?,?)",
        ENTITIES,
    )
    for record, hours, host, src, dst, action in EDGES:
        connection.execute(
            "INSERT INTO edges VALUES (1, ?, 0, ?, ?, ?, ?, ?, 'success')",
            [record, at(hours), host, src, dst, action],
        )
        connection.execute(
            "INSERT INTO records (source, record, line, ts, host) VALUES (1, ?, ?, ?, ?)",
            [record, record, at(hours), host],
        )
    connection.execute(
        "INSERT INTO sources VALUES (1, '/log/a', 'strace', 'd', 99, 12, 9, 0, 3, 9, NULL, NULL),"
        " (2, '/log/b', 'json', 'e', 99, 8, 7, 0, 1, 0, NULL, NULL)"
    )
    connection.execute(
        "INSERT INTO rejects VALUES (1, 12, 12, 120, 7, 'cut off'), (1, 10, 10, 100, 5, 'cut off'),"
        " (1, 11, 11, 110, 9, 'no time'), (2, 3, 3, 30, 4, 'cut off')"
    )
    return connection


def ask(
    connection: duckdb.DuckDBPyConnection, name: str, **values: Value
) -> list[tuple[object, ...]]:
    answer = load(name, QUERIES).run(connection, values)
    return [tuple(row.values()) for row in answer.to_pylist()]


def test_events_show_both_ends_and_the_place(store: duckdb.DuckDBPyConnection) -> None:
    row = store.sql("SELECT * FROM events WHERE record = 3").to_arrow_table().to_pylist()
    assert row == [
        {
            "ts": at(1.0), "host": "web", "action": "read", "outcome": "success",
            "src_id": 5, "src_type": "file", "src": "/etc/passwd", "src_name": "/etc/passwd",
            "src_detail": None, "dst_id": 2, "dst_type": "process", "dst": "/bin/bash",
            "dst_name": "bash", "dst_detail": "-bash", "source": 1, "record": 3, "ordinal": 0,
            "path": "/log/a", "line": 3,
        }
    ]  # fmt: skip


def test_an_edge_without_its_entities_is_shown() -> None:
    connection = empty()
    connection.execute("INSERT INTO edges VALUES (1, 1, 0, NULL, 'web', 1, 2, 'read', NULL)")
    events = connection.sql("SELECT src_id, src, path FROM events").fetchall()
    assert events == [(1, None, None)]


def test_process_tree(store: duckdb.DuckDBPyConnection) -> None:
    x = (at(30.0), "    /tmp/x", "", 2, -4, "/log/a", 6)
    below_bash = [
        (at(0.1), "  /bin/bash", "-bash", 1, 2, "/log/a", 2),
        (at(1.2), "    /usr/bin/curl", "curl http://203.0.113.7/x", 2, 3, "/log/a", 5),
        x,
    ]
    assert ask(store, "process_tree", host="web") == [
        (at(0.1), "/usr/sbin/sshd", "sshd -D", 0, 1, None, None),
        *below_bash,
        (at(30.2), "/usr/sbin/cron", "cron", 0, 9, None, None),
    ]
    assert ask(store, "process_tree", host="web", root="-4") == [
        (at(30.0), "/tmp/x", "", 0, -4, "/log/a", 6)
    ]
    both = ask(store, "process_tree", host="web", root="SSHD")
    assert both[1:] == below_bash
    assert len(ask(store, "process_tree", host="web", root="s")) == 4 + 1  # sshd, bash, cron match
    assert len(ask(store, "process_tree", host="web", depth="2")) == 3
    assert ask(store, "process_tree", host="nowhere") == []


def test_process_tree_ends_on_a_cycle() -> None:
    connection = empty()
    connection.execute(
        "INSERT INTO entities (id, type, host, label) VALUES (1, 'process', 'h', 'a'),"
        " (2, 'process', 'h', 'b')"
    )
    connection.execute(
        "INSERT INTO edges VALUES (1, 1, 0, NULL, 'h', 1, 2, 'launch', NULL),"
        " (1, 2, 0, NULL, 'h', 2, 1, 'launch', NULL)"
    )
    # Who was born later is no parent: ids are used again.
    for root, tree in (("1", ["a"]), ("2", ["b", "  a"]), (None, ["b", "  a"])):
        rows = ask(connection, "process_tree", host="h", root=root, depth=1000)
        assert [row[1] for row in rows] == tree


def test_touched_by(store: duckdb.DuckDBPyConnection) -> None:
    bash = ("/bin/bash", 2, "web")
    assert ask(store, "touched_by", process="bash", host="web") == [
        (*bash, "read", "file", "/etc/passwd", 2, at(1.0), at(1.1), "/log/a", 3),
        (*bash, "launch", "process", "/usr/bin/curl", 1, at(1.2), at(1.2), "/log/a", 5),
        (*bash, "launch", "process", "/tmp/x", 1, at(30.0), at(30.0), "/log/a", 6),
    ]
    assert ask(store, "touched_by", process="-4") == [
        ("/tmp/x", -4, "web", "connect", "socket", "203.0.113.7:443", 1, at(30.1), at(30.1),
         "/log/a", 7),
    ]  # fmt: skip
    assert len(ask(store, "touched_by", process="", limit=4)) == 4


def test_rare_parents(store: duckdb.DuckDBPyConnection) -> None:
    assert ask(store, "rare_parents") == [
        ("bash", "curl", 1, 1, 1, at(1.2), "curl http://203.0.113.7/x", "/log/a", 5),
        ("bash", "x", 1, 1, 1, at(30.0), "/tmp/x", "/log/a", 6),
        ("sshd", "bash", 2, 2, 2, at(0.0), "-bash", "/log/a", 1),
    ]
    assert len(ask(store, "rare_parents", at_most=1)) == 2


def test_first_seen(store: duckdb.DuckDBPyConnection) -> None:
    x = ("x", at(30.0), 1, 1, "web", "/tmp/x", "/log/a", 6)
    cron = ("cron", at(30.2), 1, 0, "web", "cron", "/log/a", 8)
    assert ask(store, "first_seen") == [x, cron]
    assert ask(store, "first_seen", since="2024-05-04T06:06:00") == [cron]
    everything = ask(store, "first_seen", days="2")
    assert [row[0] for row in everything] == ["bash", "sshd", "curl", "x", "cron"]
    assert everything[0] == ("bash", at(0.0), 2, 2, "db", "-bash", "/log/a", 1)
    with pytest.raises(QueryError, match=r"first_seen.*yesterday"):
        ask(store, "first_seen", since="yesterday")


def test_rejects(store: duckdb.DuckDBPyConnection) -> None:
    assert ask(store, "rejects") == [
        ("/log/a", "strace", "cut off", 2, 16.667, 10, 100, 5),
        ("/log/a", "strace", "no time", 1, 8.333, 11, 110, 9),
        ("/log/b", "json", "cut off", 1, 12.5, 3, 30, 4),
    ]
    assert [row[0] for row in ask(store, "rejects", source="/b")] == ["/log/b"]


def test_coverage_shows_gaps(store: duckdb.DuckDBPyConnection) -> None:
    assert ask(store, "coverage") == [
        ("db", at(0), 1, 1, 1, False),
        ("web", at(0), 1, 1, 1, False),
        ("web", at(1), 1, 3, 3, False),
        ("web", at(2), 28, 0, 0, True),
        ("web", at(30), 1, 4, 4, False),
    ]
    assert len(ask(store, "coverage", host="db")) == 1


@pytest.mark.parametrize("name", names(QUERIES))
def test_an_empty_store_gives_no_rows(name: str) -> None:
    query = load(name, QUERIES)
    assert query.run(empty(), REQUIRED.get(name)).num_rows == 0
    assert query.help
    assert all(parameter.meaning for parameter in query.parameters)


TIMES = ("since", "until")  # what is no time is refused


@settings(max_examples=4, deadline=None)
@given(text=st.one_of(st.just("'); DROP TABLE edges; --"), st.just("\x00'\"$1"), st.text()))
def test_values_are_never_sql(store: duckdb.DuckDBPyConnection, text: str) -> None:
    def tables() -> list[tuple[object, ...]]:
        found = store.sql("SELECT table_name FROM duckdb_tables() ORDER BY 1").fetchall()
        return [*found, *store.sql("SELECT count(*), sum(dst) FROM edges").fetchall()]

    before = tables()
    for name in names(QUERIES):
        query = load(name, QUERIES)
        for parameter in query.parameters:
            values = {**REQUIRED.get(name, {}), parameter.name: text}
            if parameter.kind is str and parameter.name not in TIMES:
                query.run(store, values)
            else:
                with suppress(QueryError):  # what is no number or time is refused
                    query.run(store, values)
    assert tables() == before


@pytest.mark.parametrize("odd", [10**40, -1, "nan", "-inf"])
def test_odd_numbers_are_answered_or_refused(store: duckdb.DuckDBPyConnection, odd: Value) -> None:
    for name in names(QUERIES):
        query = load(name, QUERIES)
        for parameter in query.parameters:
            if parameter.kind is not str:
                with suppress(QueryError):
                    query.run(store, {**REQUIRED.get(name, {}), parameter.name: odd})
