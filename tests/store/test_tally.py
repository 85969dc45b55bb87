"""Entities merged and edges counted on whole numbers, against plain SQL."""

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad import database, schema
from graphad.models.names import canonical, command_shape
from graphad.store import tally
from graphad.store.mapped import CODED, ENTITY
from tests.store.plain_counts import COUNTS_SQL

MERGE_SQL = """
    SELECT id, min(type) AS type, min(host) AS host, min(key) AS key, max(label) AS label,
           max(detail) AS detail, count(DISTINCT key) > 1 AS collides
    FROM said GROUP BY id ORDER BY id"""
TEXT = st.sampled_from(["/bin/a", "/bin/b", "é", "", "x" * 300, "\U00010000", "\uffff"])
SAID = st.tuples(
    st.sampled_from([-(2**63), -1, 0, 7, 2**62, 2**63 - 1]), TEXT, TEXT, st.none() | TEXT
)


def said_table(rows: list[tuple[int, str, str, str | None]]) -> pa.Table:
    """Return rows of ENTITY; type and host follow from the id, as ids do from them."""
    types = ["process" if i % 2 else "address" for i, *_ in rows]
    return pa.table(
        [
            pa.array([row[0] for row in rows], pa.int64()),
            pa.array(types).cast(CODED) if rows else pa.array([], CODED),
            pa.array([f"h{i % 3}" for i, *_ in rows], CODED),
            *(pa.array([row[k] for row in rows], pa.string()) for k in (1, 2, 3)),
        ],
        schema=ENTITY,
    )


@settings(max_examples=150, deadline=None)
@given(rows=st.lists(SAID, min_size=1, max_size=40), cut=st.integers(0, 40), wide=st.booleans())
def test_merge(rows: list[tuple[int, str, str, str | None]], cut: int, wide: bool) -> None:
    said = said_table(rows)
    with pytest.MonkeyPatch.context() as patch:
        if wide:
            patch.setattr(tally, "_NARROW", 0)
        found, collisions = tally.merge([said.slice(0, cut), said.slice(cut)])
    connection = database.connect()
    connection.register("said", said)
    expected = connection.sql(MERGE_SQL).to_arrow_table().to_pylist()
    assert collisions == sum(row.pop("collides") for row in expected)
    for row in expected:
        row["host"] = row["host"] if row["type"] in schema.LOCAL_TYPES else None
    assert found.to_pylist() == expected
    backwards, again = tally.merge([said_table(rows[::-1])])
    assert backwards.to_pylist() == expected
    assert again == collisions


def test_names_and_shapes() -> None:
    rows = [
        (i, f"k{i}", f"/home/u{i % 3}/f{i}", None if i % 2 else f"ls /tmp/{i}") for i in range(20)
    ]
    merged, _ = tally.merge([said_table(rows)])
    for row in tally.name(merged).to_pylist():
        assert row["name"] == canonical(row["type"], row["label"])
        detail = row["detail"]
        assert row["shape"] == (None if detail is None else command_shape(detail))


EDGE = st.tuples(
    st.integers(-2, 3) | st.integers(-(10**6), 10**6),  # hours since 1970
    st.sampled_from(["h1", "h2", "ü"]),
    st.integers(0, 5),
    st.integers(0, 5),
    st.sampled_from(["launch", "exec", "read", "write"]),
)


@settings(max_examples=100, deadline=None)
@given(edges=st.lists(EDGE, min_size=1, max_size=60), seed=st.integers(0, 5))
def test_count(edges: list[tuple[Any, ...]], seed: int) -> None:
    ids = [-5, -1, 0, 3, 2**40, 2**62]
    said: list[tuple[int, str, str, str | None]] = [
        (i, str(i), f"/x/{(n * seed) % 4}", f"run {n % 2}" if n % 3 else None)
        for n, i in enumerate(ids)
    ]
    entities = tally.name(tally.merge([said_table(said)])[0])
    table = pa.table(
        {
            "ts": pa.array([e[0] * 3_600_000_000 + 59 for e in edges], pa.timestamp("us")),
            "host": [e[1] for e in edges],
            "src": [ids[e[2]] for e in edges],
            "dst": [ids[e[3]] for e in edges],
            "action": pa.array([e[4] for e in edges]).dictionary_encode(),
        }
    )
    connection = database.connect()
    connection.register("entities", entities)
    connection.register("edges", table)
    expected = connection.sql(COUNTS_SQL).to_arrow_table()
    found = tally.count(table, entities)
    assert found.to_pylist() == expected.to_pylist()
