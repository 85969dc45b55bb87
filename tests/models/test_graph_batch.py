from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.models.graph_batch import GraphBatch
from tests.models.graph_cases import Drawn, drawn_graphs


def dense(batch: GraphBatch) -> Any:
    n = len(batch.features)
    a = np.zeros((n, n))
    for u in range(n):
        for e in range(batch.indptr[u], batch.indptr[u + 1]):
            a[u, batch.indices[e]] = batch.weight[e]
    return a


def same(one: GraphBatch, other: GraphBatch) -> None:
    for name in ("start", "features", "indptr", "indices", "weight", "degree", "normalised"):
        a, b = getattr(one, name), getattr(other, name)
        assert a.dtype == b.dtype, name
        np.testing.assert_array_equal(a, b, err_msg=name)


@settings(max_examples=80, deadline=None)
@given(drawn_graphs())
def test_rows_are_the_symmetric_adjacency(drawn: Drawn) -> None:
    batch = drawn.batch()
    a = dense(batch)
    at = 0
    for one, edges, size in zip(drawn.adjacency(), batch.edges, drawn.sizes, strict=True):
        np.testing.assert_allclose(a[at : at + size, at : at + size], one)
        assert edges == np.count_nonzero(np.triu(one))
        at += size
    assert np.count_nonzero(a) == len(batch.indices)  # nothing between graphs, no zero kept
    np.testing.assert_array_equal(a, a.T)
    np.testing.assert_allclose(batch.degree, a.sum(axis=1))
    np.testing.assert_array_equal(batch.sizes, drawn.sizes)
    assert batch.graph.tolist() == [g for g, size in enumerate(drawn.sizes) for _ in range(size)]
    rows = np.repeat(np.arange(len(a)), np.diff(batch.indptr))
    assert (np.diff(rows * max(len(a), 1) + batch.indices) > 0).all()  # columns rise, none twice


@settings(max_examples=60, deadline=None)
@given(drawn_graphs(least=1), st.data())
def test_taken_and_joined_graphs_are_the_same(drawn: Drawn, data: st.DataObject) -> None:
    batch = drawn.batch()
    same(GraphBatch.joined([batch.take([g]) for g in range(len(batch))]), batch)
    chosen = data.draw(st.lists(st.integers(0, len(batch) - 1)))
    taken = batch.take(np.array(chosen, np.int64))
    assert len(taken) == len(chosen)
    for i, g in enumerate(chosen):
        same(taken.take([i]), batch.take([g]))
    assert taken.start[-1] == len(taken.features)


@settings(max_examples=60, deadline=None)
@given(drawn_graphs(), st.integers(0, 9))
def test_the_order_of_edges_and_ends_changes_no_bit(drawn: Drawn, seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(drawn.src))
    other = drawn._replace(
        src=drawn.dst[order], dst=drawn.src[order], weight=drawn.weight[order] / 3.0
    )
    same(other.batch(), drawn._replace(weight=drawn.weight / 3.0).batch())


def test_extreme_weights_keep_their_proportions() -> None:
    for w in (5e-324, 1e-300, 1e300):
        batch = GraphBatch.of([3], [0, 1], [1, 2], np.zeros((3, 1)), [w, w])
        np.testing.assert_allclose(batch.normalised, np.full(4, np.sqrt(0.5)), rtol=1e-9)


GOOD: dict[str, Any] = {
    "sizes": [2, 1],
    "src": [0],
    "dst": [1],
    "features": np.zeros((3, 1)),
    "weight": [1.0],
}


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"sizes": [2, 2]}, "one row for each node"),
        ({"sizes": [4, -1]}, "one row for each node"),
        ({"features": np.zeros(3)}, "one row for each node"),
        ({"sizes": [2.0, 1.0]}, "whole"),
        ({"src": [0.5]}, "whole"),
        ({"src": [[0]]}, "whole"),
        ({"src": [0, 1]}, "one length"),
        ({"weight": [1.0, 1.0]}, "one length"),
        ({"dst": [3]}, "not there"),
        ({"dst": [-1]}, "not there"),
        ({"dst": [2]}, "joins two graphs"),
        ({"features": np.array([[0.0], [np.nan], [0.0]])}, "finite"),
        ({"features": np.full((3, 1), 2e9)}, "logarithms"),
        ({"weight": [np.inf]}, "Weights"),
        ({"weight": [-1.0]}, "Weights"),
        ({"src": [0, 1], "dst": [1, 0], "weight": [1e308, 1e308]}, "too large"),
    ],
)
def test_what_makes_no_sense_is_refused(changed: dict[str, Any], told: str) -> None:
    GraphBatch.of(**GOOD)
    with pytest.raises(ValueError, match=told):
        GraphBatch.of(**(GOOD | changed))


def test_no_graph_at_all() -> None:
    batch = GraphBatch.of([], [], [], np.zeros((0, 2)))
    assert len(batch) == len(batch.edges) == 0
    same(batch.take([]), batch)
    with pytest.raises(ValueError, match="to join"):
        GraphBatch.joined([])
    with pytest.raises(ValueError, match="same features"):
        GraphBatch.joined([batch, GraphBatch.of([], [], [], np.zeros((0, 1)))])
    with pytest.raises(IndexError):
        batch.take([0])


def test_what_is_given_stays_as_it_was() -> None:
    x = np.ones((2, 1))
    batch = GraphBatch.of([2], [0], [1], x)
    x[0] = 5.0
    assert batch.features[0] == 1.0
