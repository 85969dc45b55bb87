from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.models.graph_batch import GraphBatch
from graphad.models.rayleigh import energy, power, quotient, ratio, sums
from tests.models.graph_cases import PAW, PAW_DST, PAW_SRC, PAW_X, Drawn, drawn_graphs, laplacian

Floats = npt.NDArray[np.float64]


def dense(drawn: Drawn, isolated: float = 0.0) -> Floats:
    """Return x'Lx of each graph and feature, by the dense Laplacian."""
    found = [
        np.diag(x.T @ laplacian(a, isolated) @ x)
        for a, x in zip(drawn.adjacency(), drawn.signals(), strict=True)
    ]
    return np.array(found).reshape(len(drawn.sizes), 3)


def test_worked_example() -> None:
    signals = np.column_stack([PAW_X, np.ones(4), np.sqrt([2.0, 2.0, 3.0, 1.0])])
    batch = GraphBatch.of([4], PAW_SRC, PAW_DST, signals)
    np.testing.assert_allclose(energy(batch)[0], [6.095299, 2, 0.212306, 0], atol=6e-7)
    np.testing.assert_allclose(power(batch)[0], [6.25, 2, 4, 8], atol=6e-7)
    np.testing.assert_allclose(quotient(batch)[0], [0.975248, 1, 0.053077, 0], atol=6e-7)


def test_worked_example_spectrum() -> None:
    a = Drawn(np.array([4]), PAW_SRC, PAW_DST, np.ones(4), PAW_X).adjacency()[0]
    frequency, u = np.linalg.eigh(laplacian(a))
    share = (u.T @ PAW_X[:, 0]) ** 2 / 6.25
    np.testing.assert_allclose(share, [0.314282, 0.143064, 0.32, 0.222654], atol=6e-7)
    np.testing.assert_allclose(np.cumsum(share), [0.314282, 0.457346, 0.777346, 1], atol=6e-7)
    area = np.sum(np.diff(frequency) * (1 - np.cumsum(share)[:-1]))
    assert quotient(PAW)[0, 0] == pytest.approx(share @ frequency) == pytest.approx(area)
    full = PAW_X.T @ laplacian(a) @ PAW_X
    np.testing.assert_allclose(full, [[6.095299, 0.028803], [0.028803, 2.0]], atol=6e-7)
    np.testing.assert_allclose(energy(PAW)[0], np.diag(full), atol=1e-12)


def test_worked_example_isolated_node() -> None:
    batch = GraphBatch.of([5], PAW_SRC, PAW_DST, [[1.0], [-1.0], [2.0], [0.5], [3.0]])
    assert energy(batch)[0, 0] == pytest.approx(6.095299, abs=6e-7)
    assert quotient(batch)[0, 0] == pytest.approx(0.399692, abs=6e-7)
    # The other convention adds the square of what isolated nodes have.
    assert energy(batch)[0, 0] + 9.0 == pytest.approx(15.095299, abs=6e-7)
    assert (energy(batch)[0, 0] + 9.0) / power(batch)[0, 0] == pytest.approx(0.989856, abs=6e-7)


def test_worked_example_star_and_weights() -> None:
    kinds = np.eye(2)[[0, 1, 1, 1, 0]]
    star = GraphBatch.of([5], [0, 0, 0, 0], [1, 2, 3, 4], kinds)
    np.testing.assert_allclose(energy(star)[0], [1, 3], atol=1e-12)
    np.testing.assert_allclose(quotient(star)[0], [0.5, 1], atol=1e-12)
    path = GraphBatch.of([3], [0, 1], [1, 2], [[1.0], [2.0], [-1.0]], [2.0, 1.0])
    np.testing.assert_allclose(-path.normalised, [-0.816497] * 2 + [-0.577350] * 2, atol=6e-7)
    assert energy(path)[0, 0] == pytest.approx(5.043415, abs=6e-7)
    assert quotient(path)[0, 0] == pytest.approx(0.840569, abs=6e-7)


@settings(max_examples=80, deadline=None)
@given(drawn_graphs())
def test_energy_is_the_quadratic_form(drawn: Drawn) -> None:
    batch = drawn.batch()
    np.testing.assert_allclose(energy(batch), dense(drawn), atol=1e-10)
    squares = [(x**2).sum(axis=0) for x in drawn.signals()] if len(batch) else np.zeros((0, 3))
    np.testing.assert_allclose(power(batch), squares)
    found = quotient(batch)
    assert ((found >= 0) & (found <= 2)).all()
    for g, row in enumerate(squares):
        slow = [e / s if s else 0.0 for e, s in zip(dense(drawn)[g], row, strict=True)]
        np.testing.assert_allclose(found[g], slow, atol=1e-10)


@settings(max_examples=60, deadline=None)
@given(drawn_graphs(), st.integers(0, 9))
def test_the_order_of_nodes_does_not_matter(drawn: Drawn, seed: int) -> None:
    other = drawn.permuted(seed).batch()
    np.testing.assert_allclose(quotient(other), quotient(drawn.batch()), atol=1e-12)


@settings(max_examples=60, deadline=None)
@given(drawn_graphs(least=1))
def test_a_union_adds_up_and_the_root_of_the_degree_is_still(drawn: Drawn) -> None:
    apart = drawn.batch()
    union = drawn._replace(sizes=np.array([drawn.sizes.sum()])).batch()
    np.testing.assert_allclose(energy(union)[0], energy(apart).sum(axis=0), atol=1e-10)
    mean = ratio(energy(apart).sum(axis=0), power(apart).sum(axis=0), 2.0)
    np.testing.assert_allclose(quotient(union)[0], mean, atol=1e-10)
    still = GraphBatch.of(
        drawn.sizes, drawn.src, drawn.dst, np.sqrt(apart.degree)[:, None], drawn.weight
    )
    np.testing.assert_allclose(energy(still), 0, atol=1e-12)


def test_graphs_with_next_to_nothing() -> None:
    # Empty; one node; one with a loop alone; a pair of opposites, twice joined.
    batch = GraphBatch.of([0, 1, 1, 2], [1, 2, 3], [1, 3, 2], [[3.0], [3.0], [1.0], [-1.0]])
    np.testing.assert_array_equal(energy(batch)[:, 0], [0, 0, 0, 4])
    np.testing.assert_array_equal(quotient(batch)[:, 0], [0, 0, 0, 2])


def test_a_constant_has_the_quotient_0_on_regular_graphs_alone() -> None:
    ring = GraphBatch.of([5], range(5), [1, 2, 3, 4, 0], np.ones((5, 1)))
    assert quotient(ring)[0, 0] == pytest.approx(0, abs=1e-15)
    assert quotient(GraphBatch.of([3], [0, 1], [1, 2], np.ones((3, 1))))[0, 0] > 0.05


@given(st.lists(st.integers(0, 4), max_size=5))
def test_sums_are_of_each_graph(sizes: list[int]) -> None:
    start = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    values = np.random.default_rng(0).normal(size=(start[-1], 2))
    slow = [values[a:b].sum(axis=0) for a, b in pairwise(start)]
    np.testing.assert_allclose(sums(values, start), np.array(slow).reshape(-1, 2), atol=1e-12)
