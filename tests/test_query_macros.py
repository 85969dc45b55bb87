"""Table macros: walks in a graph, against walks that are spelled out."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TypeAlias

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad import schema
from graphad.query_macros import BIRTHS, create_macros
from tests.test_queries import DAY, empty

Edge: TypeAlias = tuple[int, int, int, str]  # source, destination, seconds after DAY, action
Walk: TypeAlias = tuple[int, int, datetime | None, int | None]


def at(seconds: int) -> datetime:
    return DAY + timedelta(seconds=seconds)


@pytest.fixture(scope="module")
def connection() -> duckdb.DuckDBPyConnection:
    return empty()


def fill(connection: duckdb.DuckDBPyConnection, edges: Iterable[Edge], files: set[int]) -> None:
    """Put edges in, each of a record of its own; entities are processes but for `files`."""
    connection.execute("DELETE FROM edges")
    connection.execute("DELETE FROM entities")
    rows = [(i, at(ts), src, dst, action) for i, (src, dst, ts, action) in enumerate(edges)]
    for row in rows:
        connection.execute("INSERT INTO edges VALUES (1, ?, 0, ?, 'h', ?, ?, ?, NULL)", list(row))
    for entity in sorted({end for row in rows for end in row[2:4]}):
        kind = "file" if entity in files else "process"
        connection.execute("INSERT INTO entities (id, type) VALUES (?, ?)", [entity, kind])


def slow_reach(edges: list[Edge], start: int, hops: int, forward: bool) -> list[Walk]:
    """Return what `reach` and `origins` give, by trying every walk."""
    best: dict[int, tuple[int, int, int]] = {}  # the moment, counted as from the start; hop; via
    sign = 1 if forward else -1

    def walk(here: int, hop: int, moment: int | None) -> None:
        for src, dst, ts, _ in edges:
            one, other = (src, dst) if forward else (dst, src)
            late = moment is None or sign * ts >= moment
            if one != here or src == dst or not late or hop == hops:
                continue
            found = (sign * ts, hop + 1, one)
            best[other] = min(best.get(other, found), found)
            walk(other, hop + 1, sign * ts)

    walk(start, 0, None)
    best.pop(start, None)
    rows: list[Walk] = [(id_, hop, at(sign * ts), via) for id_, (ts, hop, via) in best.items()]
    return sorted([(start, 0, None, None), *rows])


def slow_births(edges: list[Edge], files: set[int]) -> dict[int, tuple[int, tuple[int, int]]]:
    """Return the (parent, (ts, record)) of each process that another one made."""
    births: dict[int, tuple[int, tuple[int, int]]] = {}
    for record, (src, dst, ts, action) in enumerate(edges):
        mine = (src, (ts, record))
        if action in BIRTHS and src != dst and not {src, dst} & files:
            births[dst] = min(births.get(dst, mine), mine, key=lambda birth: birth[1])
    return births


def slow_kin(edges: list[Edge], files: set[int], start: int, up: bool) -> list[tuple[int, int]]:
    """Return the (id, generation) that `ancestors` and `descendants` give."""
    births = slow_births(edges, files)

    def earlier(parent: int, child: int) -> bool:
        return parent not in births or births[parent][1] < births[child][1]

    found, here = [(start, 0)], [start]
    for generation in range(1, len(births) + 2):
        if up:
            # A parent that was born later is told of, but not followed.
            here = [births[one][0] for one in here if one in births]
            found += [(one, generation) for one in here]
            below = found[-2][0] if here else start
            here = [one for one in here if earlier(one, below)]
        else:
            here = [c for c, (p, _) in births.items() if p in here and earlier(p, c)]
            found += [(one, generation) for one in here]
    return sorted(found)


edges_of = st.lists(
    st.tuples(
        st.integers(-1, 4), st.integers(-1, 4), st.integers(0, 5),
        st.sampled_from(["read", *BIRTHS]),
    ),
    max_size=9,
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(edges=edges_of, start=st.integers(-1, 4), hops=st.integers(0, 4))
def test_reach_and_origins_are_the_best_of_all_walks(
    connection: duckdb.DuckDBPyConnection, edges: list[Edge], start: int, hops: int
) -> None:
    fill(connection, edges, set())
    for name, forward in (("reach", True), ("origins", False)):
        found = connection.execute(f"FROM {name}(?, ?) ORDER BY id", [start, hops]).fetchall()
        assert found == slow_reach(edges, start, hops, forward)


@settings(max_examples=40, deadline=None)
@given(edges=edges_of, start=st.integers(-1, 4), files=st.sets(st.integers(-1, 4), max_size=2))
def test_ancestors_and_descendants_follow_births(
    connection: duckdb.DuckDBPyConnection, edges: list[Edge], start: int, files: set[int]
) -> None:
    fill(connection, edges, files)
    births = slow_births(edges, files)
    for name, up in (("ancestors", True), ("descendants", False)):
        rows = connection.execute(f"FROM {name}(?) ORDER BY id", [start]).fetchall()
        assert sorted(row[:2] for row in rows) == slow_kin(edges, files, start, up)
        for id_, _, parent, ts, _, record, _ in rows:
            told = births.get(id_)
            if told is None or (up and parent is None):  # unborn, or born after its child
                assert (parent, ts, record) == (None, None, None)
            else:
                assert (parent, ts, record) == (told[0], at(told[1][0]), told[1][1])


def test_windows_and_generations(connection: duckdb.DuckDBPyConnection) -> None:
    fill(connection, [(n, n + 1, n, "launch") for n in range(6)], set())

    def ids(call: str) -> list[int]:
        return [
            row[0] for row in connection.execute(f"SELECT id FROM {call} ORDER BY id").fetchall()
        ]

    assert ids("reach(0)") == [0, 1, 2, 3, 4]
    assert ids("reach(0, 9)") == [0, 1, 2, 3, 4, 5, 6]
    assert ids("reach(2, hops := 9, since := '2024-05-03T00:00:03')") == [2]
    assert ids("reach(2, until := '2024-05-03T00:00:04Z')") == [2, 3, 4]
    assert ids("reach(2, until := TIMESTAMP '2024-05-03 00:00:04')") == [2, 3, 4]
    assert ids("reach(2, since := '2024-05-03T02:00:02+02:00', hops := 1)") == [2, 3]
    assert ids("origins(6, 3)") == [3, 4, 5, 6]
    assert ids("origins(6, 3, '2024-05-03T00:00:05', NULL)") == [5, 6]
    assert ids("descendants(1, 2)") == [1, 2, 3]
    assert ids("ancestors(4, generations := 1)") == [3, 4]
    assert ids("ancestors(77)") == [77]


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata"])
def test_utc_takes_times_as_they_are_meant(zone: str) -> None:
    connection = empty()
    connection.execute(f"SET TimeZone = '{zone}'")
    for text in (
        "2024-05-03T10:00:00", "2024-05-03 10:00", "2024-05-03T10:00:00.000Z",
        "2024-05-03T15:30:00+05:30", "2024-05-03T05:00:00.0-05", "2024-05-03 15:30:00+0530",
    ):  # fmt: skip
        assert connection.execute("SELECT utc(?)", [text]).fetchone() == (at(36_000),), text
    assert connection.execute("SELECT utc('2024-05-03'), utc(NULL)").fetchone() == (DAY, None)
    stamp = "TIMESTAMPTZ '2024-05-03 10:00:00Z'"
    assert connection.execute(f"SELECT utc({stamp})").fetchone() == (at(36_000),)
    with pytest.raises(duckdb.ConversionException):
        connection.execute("SELECT utc('yesterday')").fetchone()


def test_what_time_forbids_is_not_reached(connection: duckdb.DuckDBPyConnection) -> None:
    # 1 wrote to 2 before 0 wrote to 1; an id that was used again is parent of its own parent.
    fill(connection, [(1, 2, 1, "write"), (0, 1, 2, "write")], set())
    assert connection.execute("SELECT id FROM reach(0) ORDER BY id").fetchall() == [(0,), (1,)]
    fill(connection, [(5, 6, 1, "launch"), (6, 5, 2, "launch")], set())
    found = connection.execute("SELECT id, generation, parent FROM ancestors(5)").fetchall()
    assert sorted(found, key=lambda row: row[1]) == [(5, 0, 6), (6, 1, 5), (5, 2, None)]
    assert connection.execute("SELECT count(*) FROM descendants(5)").fetchall() == [(1,)]


def test_many_walks_are_one_row_an_entity(connection: duckdb.DuckDBPyConnection) -> None:
    # 40 layers of 3: 3^40 walks.
    edges = [
        (3 * layer + i, 3 * layer + 3 + j, layer, "write")
        for layer in range(40) for i in range(3) for j in range(3)
    ]  # fmt: skip
    fill(connection, edges, set())
    found = connection.execute("SELECT count(*), max(hop) FROM reach(0, 100)").fetchall()
    assert found == [(1 + 3 * 40, 40)]


def test_temporary_macros_serve_a_database_that_is_only_read() -> None:
    connection = empty()
    create_macros(connection, temporary=True)
    assert connection.execute("SELECT id FROM reach(9)").fetchall() == [(9,)]


def test_only_what_a_query_names_is_made() -> None:
    def made(sql: str) -> set[str]:
        connection = duckdb.connect()
        for name, columns in (schema.TABLES | {"sources": schema.SOURCES}).items():
            shape = ", ".join(f'"{column.name}" VARCHAR' for column in columns)
            connection.sql(f"CREATE TABLE {name} ({shape})")
        create_macros(connection, sql)
        found = connection.execute(
            "SELECT view_name FROM duckdb_views() WHERE NOT internal UNION "
            "SELECT function_name FROM duckdb_functions() WHERE NOT internal"
        ).fetchall()
        return {name for (name,) in found}

    assert made("SELECT count(*) FROM edges") == set()
    assert made("SELECT * FROM places JOIN logons USING (source)") == {"places", "logons"}
    assert made('SELECT * FROM "REACH"(9)') == {"reach", "utc"}
    assert made("SELECT * FROM ancestors(9)") == {"ancestors", "births"}
