"""Counts of a window, from days and from edges, are what a plain query over all tables says."""

import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.store import Store
from tests.store.plain_counts import COUNTS_SQL
from tests.windows_events import began, created, write

SAMPLES = Path(__file__).parents[2] / "sample_logs"
DAY = 86_400_000_000


def plain(store: Store, condition: str) -> list[dict[str, object]]:
    edges = f"FROM (SELECT * FROM edges e WHERE {condition}) e"
    found: list[dict[str, object]] = store.sql(
        COUNTS_SQL.replace("FROM edges e", edges)
    ).to_pylist()
    return found


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Return a store of several segments that tell of the same entities."""
    made = Store(tmp_path_factory.mktemp("counted") / "store")
    for folder in ("windows", "auditd", "strace"):
        for log in sorted((SAMPLES / folder).iterdir()):
            made.ingest(log)
    return made


def test_counts_of_edges_are_those_of_a_plain_query(store: Store) -> None:
    sources = [one.source for one in store.sources]
    found = store.past(sources=sources).to_pylist()
    assert found == plain(store, "true") == store.past().to_pylist()
    assert found
    for some in (sources[:1], sources[1:3], []):
        condition = store.window(sources=some)
        assert store.past(sources=some).to_pylist() == plain(store, condition)


@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_counts_of_part_of_a_day(store: Store, data: st.DataObject) -> None:
    first, last = (
        store.sql("SELECT epoch_us(min(ts)) a, epoch_us(max(ts)) b FROM edges")
        .to_pylist()[0]
        .values()
    )
    begin = data.draw(st.integers(first - 5, last + 5))
    end = data.draw(st.integers(begin, last + 10))
    host = data.draw(
        st.sampled_from([None, *store.sql("SELECT DISTINCT host FROM edges")["host"].to_pylist()])
    )
    found = store.past(begin, end, host).to_pylist()
    assert found == plain(store, store.window(begin, end, host))
    end = end // DAY * DAY + DAY
    begin = begin // DAY * DAY
    assert store.past(begin, end).to_pylist() == plain(store, store.window(begin, end))


def test_an_entity_that_segments_tell_differently_is_named_once(tmp_path: Path) -> None:
    """The name that is known best counts for all of its events, as in a graph."""
    store = Store(tmp_path / "store")
    for name, event in {"a": created("tool", 7, 2.0), "b": began("tool", 7, 1.0)}.items():
        store.ingest(write(tmp_path / f"{name}.json", [event]))
    whole = store.past(sources=[1, 2]).to_pylist()
    assert whole == plain(store, "true")
    assert all(isinstance(row["day"], datetime.datetime) for row in whole)
