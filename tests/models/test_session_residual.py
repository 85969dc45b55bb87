"""What is left of a window outside of the usual directions: worked values and the definition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphad.models.session_residual import SessionResidual

ROWS = np.array([[1, 0, 0], [2, 0.1, 0], [3, -0.1, 0.2], [4, 0.1, -0.1], [5, 0.2, 0.05]])


def test_worked_values() -> None:
    model = SessionResidual.fit(ROWS, 1)
    assert model.values == pytest.approx([11.006884, 0.015009, 0.002606], abs=1e-6)
    assert model.score(np.array([[2.0, 1.0, 0.0], [2.0, 0.1, 0.0]])) == pytest.approx(
        [0.907408, 0.003044], abs=1e-6
    )
    assert model.threshold == pytest.approx(0.209513, abs=1e-6)


@given(st.integers(1, 4), st.integers(2, 12), st.integers(0, 99))
def test_scores_are_those_of_the_definition(k: int, windows: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    quiet, test = random.normal(size=(windows, 5)), random.normal(size=(3, 5))
    model = SessionResidual.fit(quiet, k)
    # The projector onto the span of the first directions, by the eigenvectors of X'X.
    _, vectors = np.linalg.eigh(quiet.T @ quiet)
    p = vectors[:, ::-1][:, : min(k, windows)]
    told = [float(np.sum(((np.eye(5) - p @ p.T) @ y) ** 2)) for y in test]
    assert model.score(test) == pytest.approx(told, abs=1e-9)
    if windows <= k:  # quiet windows are spanned altogether
        assert model.score(quiet) == pytest.approx(np.zeros(windows), abs=1e-9)


def test_what_makes_no_sense_is_refused() -> None:
    for quiet, k in ((np.zeros((0, 3)), 1), (ROWS, 0)):
        with pytest.raises(ValueError, match="at least"):
            SessionResidual.fit(quiet, k)
    assert SessionResidual.fit(np.zeros((3, 2)), 1).threshold == 0.0
