"""Beta wavelets: fixed band-pass filters of a graph's frequencies, which split a feature's energy.

W_p(l) = (l/2)^p (1 - l/2)^(C - p) / (2 B(p + 1, C - p + 1)), p = 0..C. Source: Tang et al.,
Rethinking Graph Neural Networks for Anomaly Detection, ICML 2022 (BWGNN). They are polynomials of
order C, so C + 1 Chebyshev terms give them exactly. They sum to (C + 1) / 2 at every frequency.
"""

from functools import cache
from math import comb

import numpy as np
import numpy.typing as npt

from graphad.models.chebyshev import coefficients

Floats = npt.NDArray[np.float64]


def beta_kernel(p: int, order: int, frequency: npt.ArrayLike) -> Floats:
    """Return W_p of frequencies in [0, 2]; `order` is C. Raises: ValueError: p not within 0..C.

    >>> beta_kernel(0, 2, [0.0, 2.0])
    array([1.5, 0. ])
    """
    if not 0 <= p <= order:
        raise ValueError("p must be within 0 and the order.")
    half = np.asarray(frequency, dtype=np.float64) / 2.0
    # 1 / B(p + 1, C - p + 1) is (C + 1) times the number of ways to choose p of C.
    found: Floats = (order + 1) * comb(order, p) / 2.0 * half**p * (1.0 - half) ** (order - p)
    return found


def beta_coefficients(order: int, depth: int | None = None) -> Floats:
    """Return the Chebyshev coefficients [C + 1, depth] of all beta wavelets of an order C.

    depth: C + 1 if not given; fewer terms approximate them, more are 0.
    """
    deep = order + 1 if depth is None else depth
    found = [
        coefficients(lambda at, p=p: beta_kernel(p, order, at), deep)  # type: ignore[misc]
        for p in range(order + 1)
    ]
    return np.array(found)


def band_energies(moments: Floats, order: int) -> Floats:
    """Return the energy |W_p(L) x|^2 of signals in each band, [.., C + 1].

    moments: their Chebyshev moments [.., 2 C + 1]. x'W_p(L)^2 x is linear in them, so no filtered
    signal is made.
    """
    return np.maximum(moments @ _squares(order).T, 0.0)


@cache
def _squares(order: int) -> Floats:
    """Return the Chebyshev coefficients [C + 1, 2 C + 1] of the squares of all wavelets."""
    squares = [
        coefficients(lambda at, p=p: beta_kernel(p, order, at) ** 2, 2 * order + 1)  # type: ignore[misc]
        for p in range(order + 1)
    ]
    return np.array(squares)
