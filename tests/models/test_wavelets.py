import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from graphad.models.chebyshev import moments, response
from graphad.models.wavelets import band_energies, beta_coefficients, beta_kernel
from tests.models.graph_cases import Drawn, drawn_graphs, laplacian


@pytest.mark.parametrize(
    ("order", "p", "polynomial"),
    [
        (2, 0, (1.5, -1.5, 0.375)),
        (2, 1, (0, 1.5, -0.75)),
        (2, 2, (0, 0, 0.375)),
        (3, 0, (2, -3, 1.5, -0.25)),
        (3, 1, (0, 3, -3, 0.75)),
        (3, 2, (0, 0, 1.5, -0.75)),
        (3, 3, (0, 0, 0, 0.25)),
    ],
)
def test_worked_example_kernels(order: int, p: int, polynomial: tuple[float, ...]) -> None:
    at = np.linspace(0, 2, 9)
    expected = np.polynomial.polynomial.polyval(at, polynomial)
    np.testing.assert_allclose(beta_kernel(p, order, at), expected, atol=1e-12)
    np.testing.assert_allclose(response(beta_coefficients(order)[p], at), expected, atol=1e-12)
    whole = at**p * (2 - at) ** (order - p) / 2**order
    np.testing.assert_allclose(
        expected, whole / (2 * special.beta(p + 1, order - p + 1)), atol=1e-12
    )


@given(st.integers(0, 8))
def test_bands_sum_up_to_a_constant(order: int) -> None:
    at = np.linspace(0, 2, 21)
    total = sum(beta_kernel(p, order, at) for p in range(order + 1))
    np.testing.assert_allclose(total, (order + 1) / 2)
    longer = beta_coefficients(order, order + 3)
    np.testing.assert_allclose(longer[:, order + 1 :], 0, atol=1e-12)


def test_a_band_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match="p must be"):
        beta_kernel(3, 2, [0.0])


@settings(max_examples=60, deadline=None)
@given(drawn_graphs(), st.integers(1, 4))
def test_band_energies_are_those_of_the_spectrum(drawn: Drawn, order: int) -> None:
    found = band_energies(moments(drawn.batch(), drawn.features, 2 * order + 1), order)
    assert found.shape == (len(drawn.sizes), 3, order + 1)
    for g, (a, x) in enumerate(zip(drawn.adjacency(), drawn.signals(), strict=True)):
        frequency, u = np.linalg.eigh(laplacian(a))
        gain = np.array([beta_kernel(p, order, frequency) for p in range(order + 1)])
        energy = (gain**2) @ (u.T @ x) ** 2
        np.testing.assert_allclose(found[g], energy.T, atol=1e-9)


@settings(max_examples=40, deadline=None)
@given(drawn_graphs(), st.integers(0, 9))
def test_the_order_of_nodes_does_not_matter(drawn: Drawn, seed: int) -> None:
    found, other = (
        band_energies(moments(d.batch(), d.features, 7), 3) for d in (drawn, drawn.permuted(seed))
    )
    np.testing.assert_allclose(other, found, atol=1e-9)
