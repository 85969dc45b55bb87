import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.models.chebyshev import coefficients, combined, moments, pieces, response, terms
from graphad.models.graph_batch import GraphBatch
from tests.models.graph_cases import (
    PAW,
    PAW_DST,
    PAW_SRC,
    PAW_X,
    Drawn,
    drawn_graphs,
    laplacian,
    polynomial,
    polynomials,
)

Floats = npt.NDArray[np.float64]

THETA = np.array([0.5, -0.3, 0.2, 0.1, -0.05, 0.02])
LONE = GraphBatch.of([5], PAW_SRC, PAW_DST, [[1.0], [-1.0], [2.0], [0.5], [3.0]])


def test_worked_example_terms_and_filter() -> None:
    x = PAW_X[:, :1]
    found = terms(PAW, x, 6)[:, :, 0].T
    expected = [
        [1.000000, -1.000000, 2.000000, 0.500000],
        [-0.316497, -1.316497, -0.288675, -1.154701],
        [0.552199, 1.552199, 0.666667, -0.166667],
        [-1.780033, 0.219967, -1.237108, 0.384900],
        [0.237929, 1.237929, 0.162678, 1.595156],
        [0.409278, -0.590722, -1.809853, -0.572745],
    ]
    np.testing.assert_allclose(found, expected, atol=6e-7)
    output = [0.523675, 0.153675, 1.051894, 0.510354]
    np.testing.assert_allclose(THETA @ found, output, atol=6e-7)
    frequency, u = np.linalg.eigh(laplacian(Drawn(
        np.array([4]), PAW_SRC, PAW_DST, np.ones(4), PAW_X).adjacency()[0]))  # fmt: skip
    np.testing.assert_allclose(frequency, [0, 0.771286, 1.5, 1.728714], atol=6e-7)
    gain = response(THETA, frequency)
    np.testing.assert_allclose(gain, [0.83, 0.40491, 0.185, 0.263423], atol=6e-7)
    np.testing.assert_allclose(u @ (gain * (u.T @ x[:, 0])), THETA @ found, atol=1e-12)


@pytest.mark.parametrize(("isolated", "last"), [(1.0, 0.75), (0.0, 2.49)])
def test_worked_example_isolated_node(isolated: float, last: float) -> None:
    found = np.einsum("nkf,k->n", terms(LONE, LONE.features, 6, isolated=isolated), THETA)
    np.testing.assert_allclose(found, [0.523675, 0.153675, 1.051894, 0.510354, last], atol=6e-7)


@pytest.mark.parametrize(
    ("rate", "expected"),
    [
        (1.0, [0.465760, -0.415821, 0.099878, -0.016311, 0.002014, -0.000199]),
        (2.0, [0.308508, -0.430539, 0.186478, -0.057582, 0.013723, -0.002599]),
    ],
)
def test_worked_example_coefficients(rate: float, expected: list[float]) -> None:
    found = coefficients(lambda at: np.exp(-rate * at), 6, points=6)
    np.testing.assert_allclose(found, expected, atol=6e-7)


@settings(max_examples=60, deadline=None)
@given(drawn_graphs(), st.integers(1, 7), st.sampled_from([0.0, 1.0]))
def test_terms_are_polynomials_of_the_dense_laplacian(
    drawn: Drawn, depth: int, isolated: float
) -> None:
    found = terms(drawn.batch(), drawn.features, depth, isolated=isolated)
    assert found.shape == (len(drawn.features), depth, 3)
    for k in range(depth):
        slow = polynomials(drawn, k, isolated) @ drawn.features
        np.testing.assert_allclose(found[:, k], slow, atol=1e-9)


@settings(max_examples=60, deadline=None)
@given(drawn_graphs(), st.integers(1, 7), st.sampled_from([0.0, 1.0]), st.integers(0, 99))
def test_combined_is_the_adjoint_of_terms(
    drawn: Drawn, depth: int, isolated: float, seed: int
) -> None:
    batch = drawn.batch()
    g = np.random.default_rng(seed).normal(size=(len(drawn.features), depth, 3))
    kept = g.copy()
    found = combined(batch, g, isolated=isolated)
    np.testing.assert_array_equal(g, kept)
    dense = [polynomials(drawn, k, isolated) @ g[:, k] for k in range(depth)]
    np.testing.assert_allclose(found, np.sum(dense, axis=0), atol=1e-8)
    forward = terms(batch, drawn.features, depth, isolated=isolated)
    assert (forward * g).sum() == pytest.approx((drawn.features * found).sum(), abs=1e-8)


@settings(max_examples=60, deadline=None)
@given(drawn_graphs(), st.integers(1, 8))
def test_moments_are_quadratic_forms(drawn: Drawn, count: int) -> None:
    found = moments(drawn.batch(), drawn.features, count)
    assert found.shape == (len(drawn.sizes), 3, count)
    for g, (a, x) in enumerate(zip(drawn.adjacency(), drawn.signals(), strict=True)):
        for j in range(count):
            slow = np.diag(x.T @ polynomial(a, j) @ x)
            np.testing.assert_allclose(found[g, :, j], slow, atol=1e-9)


def test_combined_is_the_finite_difference() -> None:
    g = np.random.default_rng(1).normal(size=(5, 6, 1))
    slope, step = np.zeros(5), 1e-6
    for u in range(5):
        near = [LONE.features + sign * step * np.eye(5)[:, u : u + 1] for sign in (1, -1)]
        up, down = ((np.tanh(terms(LONE, x, 6)) * g).sum() for x in near)
        slope[u] = (up - down) / (2 * step)
    inner = g * (1 - np.tanh(terms(LONE, LONE.features, 6)) ** 2)
    np.testing.assert_allclose(combined(LONE, inner)[:, 0], slope, atol=1e-7)


@settings(max_examples=40, deadline=None)
@given(drawn_graphs(least=1), st.integers(0, 99))
def test_a_graph_has_the_same_bits_in_any_batch(drawn: Drawn, seed: int) -> None:
    batch = drawn.batch()
    for kind in ("float32", "float64"):
        x = batch.features.astype(kind)
        whole = terms(batch, x, 5)
        assert whole.dtype == kind
        for g in np.random.default_rng(seed).permutation(len(batch)):
            nodes = slice(batch.start[g], batch.start[g + 1])
            np.testing.assert_array_equal(terms(batch.take([g]), x[nodes], 5), whole[nodes])


def test_coefficients_meet_a_polynomial_exactly() -> None:
    theta = np.array([0.3, -2.0, 0.0, 1.5])
    np.testing.assert_allclose(
        coefficients(lambda at: response(theta, at), 6), [*theta, 0, 0], atol=1e-12
    )


def test_wrong_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="count"):
        moments(PAW, PAW_X, 0)
    with pytest.raises(ValueError, match="depth"):
        terms(PAW, PAW_X, 0)
    with pytest.raises(ValueError, match="each node"):
        terms(PAW, PAW_X[:3], 2)
    with pytest.raises(ValueError, match="each node"):
        combined(PAW, np.zeros((3, 2, 1)))


def test_pieces_cover_all_graphs_once() -> None:
    start = np.concatenate([[0], np.cumsum(np.random.default_rng(0).integers(0, 9, 200))])
    found = pieces(start, 16)
    assert [a for a, _ in found] == [0, *(b for _, b in found[:-1])]
    assert found[-1][1] == 200
    assert all(start[b] - start[a] <= 16 or b == a + 1 for a, b in found)
    assert pieces(np.array([0])) == []
