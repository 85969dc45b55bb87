"""Tables by the names of their columns: no row lost, times of any kind, hostile names."""

import json
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.decoders.tabular_columns import columns_parser, type_of
from graphad.detectors.event_columns import microseconds_of
from graphad.errors import QueryError
from graphad.store import Store


def ingested(folder: Path, text: str, columns: list[str], time: str, name: str = "t.csv") -> Store:
    (folder / name).write_text(text)
    store = Store(folder / "store")
    store.ingest(folder / name, parser=columns_parser(columns, time))
    return store


def events(store: Store) -> list[dict[str, object]]:
    found: list[dict[str, object]] = store.sql(
        "SELECT * FROM events ORDER BY source, record"
    ).to_pylist()
    return found


def test_each_row_is_an_event_and_keeps_all_its_fields(tmp_path: Path) -> None:
    text = "ts,user,program,dst_ip\n2026-11-22T10:00:00Z,bob,nc,10.0.0.1\n1795341601,,ls,\n"
    store = ingested(tmp_path, text, ["user", "program", "dst_ip"], "ts")
    found = events(store)
    assert [(e["src_type"], e["src"], e["dst_type"], e["dst"]) for e in found] == [
        ("user", "bob", "address", "10.0.0.1"),
        ("user", "(none)", "address", "(none)"),
    ]
    assert [str(e["ts"]) for e in found] == ["2026-11-22 10:00:00", "2026-11-22 10:00:01"]
    graph = store.graph(fields=["user", "program", "dst_ip"])
    assert {n: t.to_pylist() for n, t in graph.fields.items()} == {
        "user": ["bob", None], "program": ["nc", "ls"], "dst_ip": ["10.0.0.1", None],
    }  # fmt: skip


def test_a_row_without_a_time_is_a_counted_reject(tmp_path: Path) -> None:
    text = "when,user\nyesterday,bob\n2026-11-22,eve\n,carl\n1e30,dave\n"
    store = ingested(tmp_path, text, ["user"], "when")
    (source,) = store.sources
    assert (source.read, source.used, source.rejected) == (5, 1, 3)  # one is the header
    lines = store.sql("SELECT line FROM rejects ORDER BY line")["line"].to_pylist()
    assert lines == [2, 4, 5]


@settings(max_examples=15, deadline=None)
@given(
    moment=st.one_of(
        st.integers(0, 10**17), st.floats(0, 1e12, allow_nan=False),
        st.datetimes(min_value=datetime(1980, 1, 1)).map(
            lambda t: t.isoformat()
        ),
    )
)  # fmt: skip
def test_times_are_read_as_an_enricher_reads_them(
    tmp_path_factory: pytest.TempPathFactory, moment: object
) -> None:
    expected = microseconds_of(moment)
    folder = tmp_path_factory.mktemp("times")
    store = ingested(folder, json.dumps({"t": moment, "u": "x"}) + "\n", ["u"], "t", "t.ndjson")
    found = store.graph().ts.tolist()
    assert expected is not None
    assert len(found) == 1
    assert abs(found[0] - expected) <= max(1, abs(expected) * 1e-12)


def test_a_field_that_a_table_lacks_is_none_and_never_the_database_user(tmp_path: Path) -> None:
    text = "ts,program\n2026-11-22T10:00:00Z,nc\n"
    store = ingested(tmp_path, text, ["user", "program"], "ts")
    assert events(store)[0]["src"] == "(none)"


@pytest.mark.parametrize(
    "name", ['a"b', "a b", "select", "x'; DROP TABLE raw", "ä/~1", "Line", "_x"]
)
def test_odd_names_of_columns(tmp_path: Path, name: str) -> None:
    row = {"ts": "2026-11-22T10:00:00Z", name: "v", "other": "w"}
    store = ingested(tmp_path, json.dumps(row) + "\n", [name, "other"], "ts", "t.ndjson")
    assert (events(store)[0]["src"], events(store)[0]["dst"]) == ("v", "w")
    graph = store.graph(fields=[name, "other", "absent"])
    found = [graph.fields[n].to_pylist() for n in (name, "other", "absent")]
    assert found == [["v"], ["w"], [None]]


def test_the_host_is_that_of_a_column(tmp_path: Path) -> None:
    text = "ts,hostname,user\n2026-11-22T10:00:00Z,ws1,bob\n2026-11-22T10:00:00Z,,eve\n"
    store = ingested(tmp_path, text, ["hostname", "user"], "ts")
    assert [e["host"] for e in events(store)] == ["ws1", "table"]


@pytest.mark.parametrize(
    ("name", "kind"),
    [("userName", "user"), ("src_ip", "address"), ("SourceIP", "address"), ("zip", "template"),
     ("Computer", "host"), ("parent-process", "process"), ("", "template")],
)  # fmt: skip
def test_types_by_name(name: str, kind: str) -> None:
    assert type_of(name) == kind


def test_a_mapping_that_names_user_means_the_column(tmp_path: Path) -> None:
    from graphad.decoders.tabular import table_parser

    sql = """SELECT record, make_timestamp(t::BIGINT) AS ts, 'h' AS host, 'user' AS src_type,
             coalesce(user, 'nobody') AS src_key, 'access' AS action, 'host' AS dst_type,
             'h' AS dst_key FROM raw"""
    for name, text in (("a.csv", "t,user\n1,bob\n"), ("b.csv", "t,account\n1,bob\n")):
        (tmp_path / name).write_text(text)
        store = Store(tmp_path / f"{name}-store")
        store.ingest(tmp_path / name, parser=table_parser(sql))
        assert events(store)[0]["src"] == ("bob" if name == "a.csv" else "nobody")


def test_no_column_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(QueryError):
        columns_parser([], "ts")
