import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.models.graph_batch import GraphBatch
from graphad.models.spectral_profile import (
    columns,
    divided_columns,
    profile,
    whole,
    whole_and_divided,
)
from graphad.models.wavelets import beta_kernel
from tests.models.graph_cases import Drawn, drawn_graphs, laplacian

Floats = npt.NDArray[np.float64]
ORDER = 2


def slow(a: Floats, x: Floats) -> dict[str, float]:
    """Return the numbers of one graph by their titles, from eigenvalues."""
    n = len(a)
    frequency, u = np.linalg.eigh(laplacian(a)) if n else (np.zeros(0), np.zeros((0, 0)))
    gain = np.array([beta_kernel(p, ORDER, frequency) for p in range(ORDER + 1)])
    degrees = np.array([sum(row > 0) for row in a], dtype=float)
    near = np.log(1 + degrees)
    signals = {
        "all features": x, "the constant": np.ones((n, 1)), "log neighbours": near[:, None],
        **{f"f{i}": x[:, i : i + 1] for i in range(x.shape[1])},
    }  # fmt: skip
    found = {}
    for name, signal in signals.items():
        share = ((u.T @ signal) ** 2).sum(axis=1)  # of energy at each frequency
        total, local = share.sum(), share @ frequency
        found[f"Rayleigh quotient of {name}"] = local / total if total > 1e-12 else 0.0
        bands = gain**2 @ share
        for p in range(ORDER + 1):
            part = bands[p] / bands.sum() if total > 1e-12 else 0.0
            found[f"energy share of {name} in band {p + 1}"] = part
        found[f"mean of {name}"] = signal.mean() if n else 0.0
        found[f"log energy of {name}"] = np.log(1 + local)
    found["log nodes"], found["log edges"] = np.log(1 + n), np.log(1 + np.triu(a > 0).sum())
    found["mean square of log neighbours"] = (near**2).mean() if n else 0.0
    lone = np.sum(degrees == 0)
    back = ((frequency - 1) ** 2).sum() - lone  # an isolated node's walk has nowhere to go
    found["return in two steps"] = back / n if n else 0.0
    found["evenness of all features"] = (x.mean(axis=0) ** 2).sum() if n else 0.0
    return found


@settings(max_examples=80, deadline=None)
@given(drawn_graphs(least=1))
def test_profiles_are_those_of_the_spectrum(drawn: Drawn) -> None:
    found = profile(drawn.batch(), ORDER)
    titles = [c.title(["f0", "f1", "f2"]) for c in columns(3, ORDER)]
    assert found.shape == (len(drawn.sizes), len(titles))
    assert len(set(titles)) == len(titles)
    (of_whole, roots), shares = whole_and_divided(drawn.batch(), ORDER), divided_columns(3, ORDER)
    assert roots.shape == (len(drawn.sizes), len(shares))
    np.testing.assert_array_equal(of_whole, found[:, : whole(ORDER)])
    for g, (a, x) in enumerate(zip(drawn.adjacency(), drawn.signals(), strict=True)):
        frequency, u = np.linalg.eigh(laplacian(a))
        gain = [beta_kernel(p, ORDER, frequency) for p in range(ORDER + 1)]
        energy = np.array([[(w * (u.T @ y)) @ (w * (u.T @ y)) for w in gain] for y in x.T])
        total = energy.sum()
        for root, c in zip(roots[g], shares, strict=True):
            assert isinstance(c.of, int)
            assert c.band is not None
            part = energy[c.of, c.band] / total if total > 1e-12 else 0.0
            np.testing.assert_allclose(root**2, part, atol=1e-7)
    for row, a, x in zip(found, drawn.adjacency(), drawn.signals(), strict=True):
        expected = slow(a, x)
        for title, value in zip(titles, row, strict=True):
            np.testing.assert_allclose(value, expected[title], atol=1e-7, err_msg=title)


@settings(max_examples=40, deadline=None)
@given(drawn_graphs(), st.integers(0, 9))
def test_the_order_of_nodes_does_not_matter(drawn: Drawn, seed: int) -> None:
    found, other = profile(drawn.batch()), profile(drawn.permuted(seed).batch())
    np.testing.assert_allclose(other, found, atol=1e-9)
    roots, moved = (whole_and_divided(d.batch())[1] for d in (drawn, drawn.permuted(seed)))
    np.testing.assert_allclose(moved**2, roots**2, atol=1e-9)


def test_an_empty_graph_has_a_profile_of_zeros() -> None:
    np.testing.assert_array_equal(profile(GraphBatch.of([0], [], [], np.zeros((0, 2)))), 0)
    assert profile(GraphBatch.of([1], [], [], np.zeros((1, 0)))).shape == (1, whole())


def test_numbers_of_the_whole_come_first() -> None:
    for features in (0, 3):
        named = columns(features)
        assert not any(isinstance(c.of, int) for c in named[: whole()])
        assert all(isinstance(c.of, int) for c in named[whole() :])
