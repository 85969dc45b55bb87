from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.models import rayleigh_layers as layers
from graphad.models.rayleigh import energy
from graphad.models.rayleigh_layers import (
    Entry,
    Sizes,
    fresh,
    logits,
    product,
    rayleigh_pooled,
)
from graphad.models.rayleigh_scores import Arrays, Form, Scale, Scores, graph_numbers
from tests.models.graph_cases import Drawn, drawn_graphs, laplacian

Floats = npt.NDArray[np.float64]
PAPER = Form(6, True, "energy", False, steered=True, mean=False, isolated=1.0, scaled=False)
FORMS = [
    PAPER,
    Form(6, False, "profile", True, steered=False, mean=False, isolated=0.0, scaled=True),
    Form(4, False, "quotient", True, steered=True, mean=True, isolated=0.0, scaled=True),
    Form(3, False, "energy", True, steered=False, mean=True, isolated=0.0, scaled=True),
    Form(1, True, "none", True, steered=False, mean=False, isolated=0.0, scaled=True),
]
HIDDEN, WIDTH = 5, 2


def made(form: Form, numbers: int, seed: int = 0) -> Arrays:
    """Return parameters of which none is 0, batch normalisation among them."""
    random = np.random.default_rng(seed)
    p = fresh(form, Sizes(3, numbers, HIDDEN, WIDTH), "trained", random)
    for name in ("theta_bias", "gain", "shift", "average", "variance"):
        p[name] = random.uniform(0.5, 1.5, p[name].shape).astype(np.float32)
    return p


def leaky(x: Any) -> Any:
    return np.where(x > 0, x, 0.01 * x)


def slow(drawn: Drawn, p: Arrays, form: Form, numbers: Floats) -> Floats:
    """Return logits [G, 2] by the formulas of the notes, graph by graph, dense, in float64."""
    p = {name: a.astype(np.float64) for name, a in p.items()}  # more digits than theirs

    def dense(x: Any, name: str) -> Any:
        return x @ p[f"w{name}"] + p[f"b{name}"]

    found = []
    for a, x, r in zip(drawn.adjacency(), drawn.signals(), numbers, strict=True):
        if form.encoder:
            x = leaky(dense(leaky(dense(x, "1")), "2"))
        hat = laplacian(a, form.isolated) - np.eye(len(a))
        t = [x, hat @ x]
        while len(t) < form.depth:
            t.append(2 * hat @ t[-1] - t[-2])
        filtered = [
            sum(t[k] @ p["theta"][j, k] for k in range(form.depth)) + p["theta_bias"][j]
            for j in range(WIDTH)
        ]
        h = leaky(dense(leaky(dense(np.concatenate(filtered, axis=1), "3")), "4"))
        if not form.steered:
            fused = h.sum(axis=0)
        else:
            s = leaky(dense(leaky(dense(r, "8")), "9"))
            fused = sum((row * (row @ s) for row in h), np.zeros(HIDDEN))
        if form.mean and len(h):
            fused = fused / len(h)
        if form.branch != "none":
            inner = dense(r, "5")
            known = leaky(dense(leaky(inner) if form.inner else inner, "6"))
            fused = np.concatenate([fused, known])
        fused = (fused - p["average"]) / np.sqrt(p["variance"] + 1e-5) * p["gain"] + p["shift"]
        found.append(dense(fused, "7"))
    return np.array(found).reshape(-1, 2)


@settings(max_examples=50, deadline=None)
@given(drawn_graphs(least=1), st.sampled_from(FORMS))
def test_both_networks_are_the_formulas(drawn: Drawn, form: Form) -> None:
    batch = drawn.batch()
    numbers = graph_numbers(batch, form.branch)
    scale = Scale.of(batch, numbers, False)
    p = made(form, numbers.shape[1])
    expected = slow(drawn, p, form, numbers)
    nodes, of_graphs = (torch.from_numpy(a) for a in (scale.nodes(batch), scale.graphs(numbers)))
    entry = Entry(nodes, of_graphs, batch.start, batch)
    found = logits({name: torch.from_numpy(a) for name, a in p.items()}, form, entry)
    size = 1e-4 * (1 + np.abs(expected).max())
    np.testing.assert_allclose(found, expected, atol=size)
    scores = Scores.folded(form, p, scale)
    total, of_graph, of_nodes = scores.parts(batch)
    np.testing.assert_allclose(total, expected[:, 1] - expected[:, 0], atol=2 * size)
    added = [of_nodes[a:b].sum() for a, b in zip(batch.start, batch.start[1:], strict=False)]
    np.testing.assert_allclose(of_graph + added, total, atol=size)
    for g in range(len(batch)):  # alone as in any batch
        np.testing.assert_allclose(scores.score(batch.take([g])), total[g], atol=size)


@settings(max_examples=30, deadline=None)
@given(drawn_graphs(least=1), st.sampled_from(FORMS), st.integers(0, 9))
def test_the_order_of_nodes_does_not_matter(drawn: Drawn, form: Form, seed: int) -> None:
    batch, other = drawn.batch(), drawn.permuted(seed).batch()
    numbers = graph_numbers(batch, form.branch)
    scores = Scores.folded(form, made(form, numbers.shape[1]), Scale.of(batch, numbers, False))
    found = scores.score(batch)
    np.testing.assert_allclose(scores.score(other), found, atol=1e-4 * (1 + np.abs(found).max()))


@settings(max_examples=20, deadline=None)
@given(drawn_graphs(least=1).filter(lambda d: (d.sizes > 0).all()))
def test_the_paper_form_is_the_plain_network(drawn: Drawn) -> None:
    from benchmarks.plain_rayleigh import PlainNetwork, dense_energy  # PyG takes seconds to import

    batch = drawn.batch()
    p = made(PAPER, 3)
    plain = PlainNetwork(3, HIDDEN, WIDTH, 6, trained=False).take(p).eval()
    with torch.no_grad():
        z = plain(batch).numpy()
    scores = Scores.folded(PAPER, p, Scale.of(batch, energy(batch), False))
    found = scores.score(batch)
    np.testing.assert_allclose(found, z[:, 1] - z[:, 0], atol=1e-3 * (1 + np.abs(found).max()))
    np.testing.assert_allclose(dense_energy(batch), energy(batch), atol=1e-9)


def test_worked_example_pooling() -> None:
    h = torch.tensor([[1.0, 2], [0, -1], [3, 1], [-2, 0.5]], dtype=torch.float64)
    s = torch.tensor([[0.5, -1.0]], dtype=torch.float64)
    found = rayleigh_pooled(h, s, np.array([0, 4]))
    np.testing.assert_allclose(found, [[3.0, -4.25]], atol=1e-12)
    np.testing.assert_allclose(h @ s[0], [-1.5, 1, 0.5, -1.5])
    np.testing.assert_allclose(found[0], h.T @ h @ s[0], atol=1e-12)


@settings(max_examples=25, deadline=None)
@given(drawn_graphs(least=1), st.sampled_from([0.0, 1.0]))
def test_gradients_are_finite_differences(drawn: Drawn, isolated: float) -> None:
    batch = drawn.batch()
    x = torch.from_numpy(drawn.features).requires_grad_()
    rows = torch.arange(len(batch) * 3.0, dtype=torch.float64).reshape(-1, 3).requires_grad_()
    check = torch.autograd.gradcheck
    if len(x):
        assert check(lambda x: layers._Terms.apply(x, batch, 5, isolated), (x,))
        assert check(lambda x: layers._Sums.apply(x, batch.start), (x,))
        assert check(lambda r: layers._Spread.apply(r, batch.start), (rows,))
        assert check(lambda x, r: rayleigh_pooled(x, r, batch.start), (x, rows))


Side = Literal["trained", "beta"]


@given(
    rows=st.integers(0, 70), inner=st.integers(1, 40), outer=st.integers(1, 20),
    learned=st.booleans(), seed=st.integers(0, 99),
)  # fmt: skip
def test_products_and_their_gradients(
    rows: int, inner: int, outer: int, learned: bool, seed: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layers, "_CELLS", 300)  # many parts
        check_products(rows, inner, outer, learned, seed)


def check_products(rows: int, inner: int, outer: int, learned: bool, seed: int) -> None:
    random = np.random.default_rng(seed)
    shapes = (rows, inner), (inner, outer), (outer,), (rows, outer)
    x, w, b, back = (random.normal(size=shape).astype(np.float32) for shape in shapes)
    gx, gw, gb = (torch.from_numpy(a).requires_grad_(learned or a is not x) for a in (x, w, b))
    out = product(gx, gw, gb)
    np.testing.assert_allclose(out.detach(), x @ w + b, rtol=1e-4, atol=1e-4)
    # A gradient that lies in memory by columns, as others may hand it back.
    out.backward(torch.from_numpy(np.asfortranarray(back)))
    assert (gx.grad is not None) == learned
    if learned:
        np.testing.assert_allclose(gx.grad, back @ w.T, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(gw.grad, x.T @ back, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(gb.grad, back.sum(axis=0), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("filters", ["trained", "beta"])
def test_what_a_network_starts_with(filters: Side) -> None:
    p = fresh(PAPER, Sizes(3, 3, 5, 4), filters, np.random.default_rng(0))
    bound = np.sqrt(3 / 3) if filters == "trained" else 1.0
    assert np.abs(p["theta"]).max() <= bound + 1e-6
    assert np.abs(p["w3"]).max() <= 1 / np.sqrt(12)
    if filters == "beta":
        # The wavelets sum to (C + 1) / 2 = 2 at every frequency.
        total = p["theta"].sum(axis=0)
        np.testing.assert_allclose(total[0], 2 * np.eye(3), atol=1e-6)
        np.testing.assert_allclose(total[1:], 0, atol=1e-6)
