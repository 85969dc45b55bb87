"""Edges in lists of structs: what DuckDB unnests of them is what was put in."""

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from graphad.decoders import cloud_decode, told
from graphad.decoders.edge_lists import edge_lists
from graphad.parse import Options

ROWS = 9000  # more than a vector of DuckDB, of which there were faults in the second


def test_queries_see_nulls_as_nulls_and_texts_as_they_were() -> None:
    luck = np.random.default_rng(0)
    labels = [f"l{i}" for i in luck.integers(0, 50, ROWS)]
    details = [None if i % 3 else "a command" for i in luck.integers(0, 9, ROWS)]
    coded = pa.array(labels, pa.string()).dictionary_encode()
    wide = pa.DictionaryArray.from_arrays(coded.indices.cast(pa.int64()), coded.dictionary)
    columns = {"label": wide, "detail": pa.array(details, pa.string()).dictionary_encode()}
    lists = edge_lists(np.arange(0, ROWS + 1, 3, dtype=np.int32), columns)
    raw = pa.table({"record": np.arange(len(lists)), "edges": lists})
    with duckdb.connect() as connection:
        connection.register("raw", raw)
        found = connection.execute(
            "SELECT edge.label, edge.detail FROM (SELECT record, unnest(edges) AS edge FROM raw) "
            "ORDER BY record"
        ).fetchall()
    assert sorted(map(repr, found)) == sorted(map(repr, zip(labels, details, strict=True)))


@pytest.mark.parametrize("of", ["told", "cloud"])
def test_readers_give_no_dictionary_within_lists_that_queries_read(of: str) -> None:
    raw = pa.table({"record": [0]})
    if of == "told":
        one = told.Told(1, "h", [(told.Thing("user", "a"), "logon", told.Thing("host", "b", "B"))])
        edges = told.rows(raw, [one], Options())["_edges"]
    else:
        ends = cloud_decode.Thing("user", "a", "a"), cloud_decode.Thing("host", "b", "B")
        two = cloud_decode.Told(1, "h", edges=[cloud_decode.Edge(ends[0], "logon", ends[1])])
        edges = cloud_decode.with_told(raw, [two], "h")["_edges"]
    kinds = [field.type for field in edges.type.value_type]
    assert not any(pa.types.is_dictionary(kind) for kind in kinds)
    assert edges.to_pylist()[0][0]["dst_label"] == "B"
