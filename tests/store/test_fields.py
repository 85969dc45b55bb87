"""What records say in fields, for each event of a graph: as plain SQL tells it."""

from pathlib import Path

import numpy as np
import pytest

from graphad.store import Store

SAMPLES = Path(__file__).parents[2] / "sample_logs"
FIELDS = ("user", "logon_type", "exe", "no_such_field", "channel")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    made = Store(tmp_path_factory.mktemp("fields") / "store")
    made.ingest([SAMPLES / "windows", SAMPLES / "auditd"])
    return made


def test_fields_are_those_of_the_records_behind_events(store: Store) -> None:
    graph = store.graph(fields=FIELDS)
    records = store.sql("SELECT * FROM records").to_pylist()
    by_place = {(row["source"], row["record"]): row for row in records}
    places = list(zip(graph.source.tolist(), graph.record.tolist(), strict=True))
    for name in FIELDS:
        expected = [by_place[place].get(name) or None for place in places]
        assert graph.fields[name].to_pylist() == expected
    assert any(graph.fields["user"].to_pylist())


def test_a_part_of_a_graph_keeps_its_fields(store: Store) -> None:
    graph = store.graph(fields=["user"])
    whole = graph.fields["user"].to_pylist()
    some = [i for i in range(len(graph)) if i % 3 == 1]
    assert graph.subset(np.array(some)).fields["user"].to_pylist() == [whole[i] for i in some]
    late = graph.ts > graph.ts[len(graph) // 2]
    assert graph.subset(late).fields["user"].to_pylist() == [
        word for word, keep in zip(whole, late, strict=True) if keep
    ]


def test_without_fields_none_are_read(store: Store) -> None:
    assert store.graph().fields == {}


def test_an_empty_window_has_empty_fields(store: Store) -> None:
    graph = store.graph(start=0, end=1, fields=FIELDS)
    assert {name: len(texts) for name, texts in graph.fields.items()} == dict.fromkeys(FIELDS, 0)
