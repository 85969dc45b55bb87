from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.models.graph_losses import adjusted_loss, class_weights, focal_loss, focal_terms

LOGITS = torch.tensor([[2.0, -1.0], [0.3, 0.4], [-0.5, 1.5]], dtype=torch.float64)
LABELS = torch.tensor([0, 0, 1])
WEIGHTS = torch.from_numpy(class_weights(90, 10))


def test_worked_example() -> None:
    np.testing.assert_allclose(WEIGHTS, [0.207258, 1.792742], atol=6e-7)
    terms = focal_terms(LOGITS, LABELS)
    entropy = [[0.126928, 0.313262], [0.554355, 0.913015], [0.474077, 0.201413]]
    np.testing.assert_allclose(focal_terms(LOGITS, LABELS, 0.0), entropy, atol=6e-7)
    expected = [[0.005224, 0.043691], [0.153895, 0.422940], [0.109975, 0.015693]]
    np.testing.assert_allclose(terms, expected, atol=6e-7)
    weighted = (WEIGHTS[LABELS][:, None] * terms).sum(dim=1)
    np.testing.assert_allclose(weighted, [0.010138, 0.119554, 0.225291], atol=6e-7)
    assert float(focal_loss(LOGITS, LABELS, WEIGHTS)) == pytest.approx(0.118328, abs=6e-7)
    chance = torch.softmax(LOGITS, dim=1)[:, 1]
    np.testing.assert_allclose(chance, [0.047426, 0.524979, 0.880797], atol=6e-7)


@pytest.mark.parametrize(
    ("normal", "abnormal", "beta", "expected"),
    [
        (25476 * 0.7, 2294 * 0.7, 0.999, [0.888, 1.112]),
        (36625 * 0.7, 3140 * 0.7, 0.999, [0.941, 1.059]),
        (25941 * 0.7, 1568 * 0.7, 0.9999, [0.221, 1.779]),
        (38345 * 0.7, 1643 * 0.7, 0.9999, [0.209, 1.791]),
        (7, 0, 0.999, [2, 0]),
    ],
)
def test_class_weights_of_the_notes(
    normal: float, abnormal: float, beta: float, expected: list[float]
) -> None:
    found = class_weights(int(normal), int(abnormal), beta)
    np.testing.assert_allclose(found, expected, atol=6e-4)


def test_a_logit_far_off_keeps_its_whole_factor() -> None:
    far = torch.tensor([[0.0, -120.0]], requires_grad=True)
    terms = focal_terms(far, torch.tensor([1]))
    assert float(terms[0, 1].detach()) == 120.0  # the factor is 1, not 0
    terms.sum().backward()
    assert float(far.grad[0, 1]) == pytest.approx(-1.0)


def slow(z: float, t: bool, gamma: float) -> float:
    q = 1 / (1 + np.exp(-z))
    return float((1 - q) ** gamma * -np.log(q) if t else q**gamma * -np.log(1 - q))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-9, 9), st.floats(-9, 9), st.booleans()), min_size=1, max_size=5),
    st.sampled_from([0.0, 1.0, 1.5, 2.0]),
)
def test_losses_are_their_definitions(rows: list[Any], gamma: float) -> None:
    z = torch.tensor([row[:2] for row in rows], dtype=torch.float64)
    y = torch.tensor([int(row[2]) for row in rows])
    each = [[slow(a, not label, gamma), slow(b, label, gamma)] for a, b, label in rows]
    np.testing.assert_allclose(focal_terms(z, y, gamma), each, atol=1e-12)
    weights = torch.tensor([0.25, 1.75], dtype=torch.float64)
    mean = np.mean([(0.25, 1.75)[row[2]] * sum(e) for row, e in zip(rows, each, strict=True)])
    assert float(focal_loss(z, y, weights, gamma)) == pytest.approx(mean, abs=1e-12)
    odds = [np.array([90 * np.exp(a), 10 * np.exp(b)]) for a, b, _ in rows]
    entropy = np.mean(
        [-np.log(o[int(row[2])] / o.sum()) for o, row in zip(odds, rows, strict=True)]
    )
    counts = torch.tensor([90.0, 10.0], dtype=torch.float64)
    assert float(adjusted_loss(z, y, counts)) == pytest.approx(entropy, abs=1e-12)
