"""What a graph tells of its text columns, against what its arrays have."""

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphad.detectors.path_terms import _named, _shaped
from graphad.graph import Graph, coded, dictionary, positions
from tests.detectors.test_path import graph_of

GRAPH = graph_of([("Pa", "Fx", 1), ("Pb", "Fy", 2), ("Pa", "Fz", 3)])
WORDS = st.sampled_from(["", "a", "b", "a b", "żółw", None])


def with_texts(column: str, texts: list[str | None]) -> Graph:
    size = len(getattr(GRAPH, column))
    changed: dict[str, Any] = {column: np.array((texts * size)[:size], object)}
    return replace(GRAPH, **changed)


@given(st.lists(WORDS, min_size=1, max_size=5), st.sampled_from(["types", "action", "shapes"]))
def test_encoded_columns_say_what_the_arrays_do(texts: list[str | None], column: str) -> None:
    graph = with_texts(column, texts)
    told = getattr(graph, column).tolist()
    assert graph.encoded(column).to_pylist() == told
    assert graph.encoded(column) is graph.encoded(column)
    words = [*graph.encoded(column).dictionary.to_pylist(), None]
    assert [words[i] for i in positions(graph.encoded(column))] == told
    for some in (set(), {"a"}, {"a", "b", "żółw"}, {"not there"}):
        assert graph.said(column, some).tolist() == [text in some for text in told]


def test_a_changed_graph_is_encoded_anew() -> None:
    assert set(GRAPH.encoded("types").to_pylist()) == {"process", "file"}
    other = replace(GRAPH, types=np.full(len(GRAPH.types), "user", object))
    assert set(other.encoded("types").to_pylist()) == {"user"}
    assert other.are(["user"]).all()
    assert not other.are(["process"]).any()
    assert GRAPH.are(["process"]).any()


@given(
    st.lists(st.tuples(st.sampled_from(["file", "x y"]), WORDS, WORDS), min_size=5, max_size=5),
    st.lists(st.integers(0, 4), unique=True).map(sorted),
)
def test_names_and_shapes_of_entities_are_coded_as_if_one_by_one(
    told: list[tuple[str, str | None, str | None]], entities: list[int]
) -> None:
    types, names, shapes = (np.array(texts, object) for texts in zip(*told, strict=True))
    graph = replace(GRAPH, types=types, names=names, shapes=shapes)
    some = np.array(entities, np.int64)
    code, ends = _named(graph, some)
    expected, words = coded([f"{types[i]} {names[i]}" for i in entities])
    assert code.tolist() == expected.tolist()
    assert ends == words
    code, ends = _shaped(graph, some)
    expected, words = coded(["", *(shapes[i] or "" for i in entities)])
    assert code.tolist() == expected.tolist()
    assert ends == words


@pytest.mark.parametrize(
    "column",
    [
        pa.chunked_array([], pa.string()),
        pa.chunked_array([pa.array(["a", None]), pa.array(["b", "a"])]),
        pa.chunked_array([pa.array(["a", "b"]).dictionary_encode()]),
    ],
)
def test_a_dictionary_has_what_the_column_has(column: pa.ChunkedArray) -> None:
    found = dictionary(column)
    assert isinstance(found, pa.DictionaryArray)
    assert found.to_pylist() == column.to_pylist()
    assert len(set(found.dictionary.to_pylist())) == len(found.dictionary)
