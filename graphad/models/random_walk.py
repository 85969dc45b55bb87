"""Who normally sends and who normally receives: mutual reinforcement with restart.

Source: Dong et al., GID, arXiv 1608.02639; the equations (4) to (8) of the project's notes on it.
X and Y are, up to scale, the leading left and right singular vectors of A' = (1-c) A + c R, where
every entry of R is 1/N; with c > 0 they are unique and positive (Perron and Frobenius).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class WalkScores:
    """Sender score x [N] and receiver score y [N], both in (0, 1] with maximum 1."""

    x: Floats
    y: Floats
    steps: int
    change: float  # L1 change of x plus that of y in the last step


def transition(src: Ints, dst: Ints, n: Floats, size: int, shrinkage: float = 0.0) -> Any:
    """Return A_s(u, v) = n(u, v) / (n(u) + shrinkage) as a CSR matrix [size, size].

    Shape: src, dst, n [E]; repeated pairs add up; a row without events stays zero. shrinkage = 0
    is the paper's A; more of it keeps a sender with a single event from looking certain.
    """
    counts = sparse.csr_matrix((np.asarray(n, np.float64), (src, dst)), shape=(size, size))
    counts.sum_duplicates()
    counts.sort_indices()
    sent = np.asarray(counts.sum(axis=1)).ravel()
    scale = np.divide(1.0, sent + shrinkage, out=np.zeros(size), where=sent > 0)
    return sparse.diags_array(scale) @ counts


def sender_receiver(
    a: Any, c: float = 0.2, tol: float = 1e-10, max_steps: int = 200
) -> WalkScores:
    """Return sender and receiver scores of a transition matrix A [N, N].

    c is the restart probability, 0 < c < 1. Cost O(non-zeros) a step; R is never built.

    Raises:
        ValueError: c is out of range, or A is empty or not square.
    """
    size = a.shape[0]
    if not 0.0 < c < 1.0:
        raise ValueError("the restart probability must lie between 0 and 1")
    if size == 0 or a.shape[1] != size:
        raise ValueError("the transition matrix must be square and not empty")
    back = a.T.tocsr()
    x = np.full(size, 1.0 / size)
    y = np.full(size, 1.0 / size)
    steps, change = 0, np.inf
    while change >= tol and steps < max_steps:
        new_x = (1.0 - c) * (a @ y) + c / size * y.sum()
        new_x /= new_x.sum()
        new_y = (1.0 - c) * (back @ new_x) + c / size * new_x.sum()
        new_y /= new_y.sum()
        change = float(np.abs(new_x - x).sum() + np.abs(new_y - y).sum())
        x, y, steps = new_x, new_y, steps + 1
    return WalkScores(x / x.max(), y / y.max(), steps, change)
