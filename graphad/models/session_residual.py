"""How much of a session or window is outside of the directions in which quiet ones vary.

A window's vector is the sum of the vectors of its events' texts, each as often as it occurs; the
first k right singular vectors of quiet windows span what is usual, and the score is the squared
length of what is left. Source: Yu et al., Try with Simpler: An Evaluation of Improved Principal
Component Analysis in Log-based Anomaly Detection (SemPCA), 2023; the threshold is that of Jackson
and Mudholkar, Technometrics 21, 1979.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_CRITICAL = 3.2905  # the normal quantile of a chance of 0.0005


@dataclass(frozen=True)
class SessionResidual:
    """The usual directions [D, k] of quiet windows; singular values of X'X / W, falling."""

    turn: Floats
    values: Floats

    @classmethod
    def fit(cls, quiet: Floats, k: int = 20) -> "SessionResidual":
        """Learn from the vectors [W, D] of quiet windows, which are not centred.

        Raises: ValueError: there is no window, or k is not positive.
        """
        if not len(quiet) or k < 1:
            raise ValueError("A fit needs a window and a direction at least.")
        _, values, right = np.linalg.svd(quiet, full_matrices=False)
        return cls(np.ascontiguousarray(right[:k].T), values**2 / len(quiet))

    def score(self, windows: Floats) -> Floats:
        """Return |(I - P P') y|^2 of the vectors [W, D] of windows."""
        left = windows - (windows @ self.turn) @ self.turn.T
        found: Floats = (left**2).sum(axis=1)
        return found

    @property
    def threshold(self) -> float:
        """Return the score that a quiet window exceeds with a chance of 0.0005, were all normal.

        0 if quiet windows vary in no further direction, as k of them explain it all.
        """
        one, two, three = (float((self.values[self.turn.shape[1] :] ** i).sum()) for i in (1, 2, 3))
        if one <= 0.0 or two <= 0.0:
            return 0.0
        h = 1.0 - 2.0 * one * three / (3.0 * two**2)
        root = _CRITICAL * np.sqrt(2.0 * two * h**2) / one + 1.0 + two * h * (h - 1.0) / one**2
        return float(one * max(root, 0.0) ** (1.0 / h))
