"""Box-Cox: makes the surprise of paths of different lengths comparable.

Source: Box and Cox, An Analysis of Transformations, 1964; Dong et al., GID, equations (11) to
(13). B(q; L) = (q^L - 1)/L, ln q at L = 0; L maximises the likelihood; z = (B - mean)/sd.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

TINY = 1e-12  # surprise of what is certain; keeps q above zero
BOUNDS = (-10.0, 10.0)
FLAT = 1e-12  # relative spread below which scores are all equal


def transform(q: Floats, lam: float) -> Floats:
    """Return B(q; lam) for q > 0."""
    logs = np.log(q)
    # expm1 keeps its digits where lam is near zero.
    made: Floats = logs if lam == 0.0 else np.expm1(lam * logs) / lam
    return made


def llf(q: Floats, lam: float) -> float:
    """Return the log-likelihood of lam given q [n] > 0, without its constant (GID (12))."""
    variance = float(np.var(transform(q, lam)))
    if variance <= 0.0:
        return -np.inf
    return float((lam - 1.0) * np.log(q).sum() - len(q) / 2.0 * np.log(variance))


def fit_lambda(q: Floats, bounds: tuple[float, float] = BOUNDS) -> float:
    """Return the lam in bounds of the highest likelihood. q is scaled by its geometric mean."""
    from scipy.optimize import minimize_scalar

    q = np.maximum(q, TINY)
    q = q / np.exp(np.log(q).mean())
    # The likelihood can have more than one top at the edges: look at a grid, then refine.
    grid = np.linspace(*bounds, 41)
    best = int(np.argmax([llf(q, lam) for lam in grid]))
    low, high = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    found = minimize_scalar(
        lambda lam: -llf(q, lam), bounds=(low, high), method="bounded", options={"xatol": 1e-9}
    )
    return float(found.x)


@dataclass(frozen=True)
class BoxCox:
    """A fitted transform: lam, centre and spread of B, the scale q is divided by, and n fitted on.

    spread 0 means that all scores were equal: then z is 0 for them and grows with the bits beyond.
    """

    lam: float
    mean: float
    sd: float
    scale: float
    n: int

    def z(self, q: Floats) -> Floats:
        """Return z of scores q [P]; strictly rising in q where sd > 0."""
        q = np.maximum(np.asarray(q, np.float64), TINY)
        if self.sd <= 0.0:
            equal = np.isclose(q, self.scale, rtol=1e-9, atol=1e-9)
            flat: Floats = np.where(equal, 0.0, q - self.scale)
            return flat
        made: Floats = (transform(q / self.scale, self.lam) - self.mean) / self.sd
        return made


def fit(q: Floats, lam: float | None = None, *, robust: bool = False) -> BoxCox:
    """Return the transform fitted to scores q [n], n > 0; with `lam` given, only its centre and spread.

    robust: median and 1.4826 MAD in place of mean and population standard deviation, for
    references that may hold attacks.
    """
    q = np.maximum(np.asarray(q, np.float64), TINY)
    if q.max() - q.min() <= FLAT * q.max():
        return BoxCox(1.0, 0.0, 0.0, float(q.mean()), len(q))
    scale = float(np.exp(np.log(q).mean()))
    lam = fit_lambda(q) if lam is None else lam
    b = transform(q / scale, lam)
    mean, sd = float(b.mean()), float(b.std())
    if robust:
        centre = float(np.median(b))
        spread = 1.4826 * float(np.median(np.abs(b - centre)))
        mean, sd = (centre, spread) if spread > 0.0 else (mean, sd)
    return BoxCox(lam, mean, sd, scale, len(q))


def fit_lengths(
    scores: Mapping[int, Floats], *, least: int = 20, robust: bool = False
) -> dict[int, BoxCox]:
    """Return a transform for each length that has scores.

    A length with fewer than `least` scores takes lam of the nearest length that has enough (the
    shorter one of two), or 0 where none has; its centre and spread are its own, and with a single
    score those of the nearest length, stretched in proportion to the length (GID section 6).
    """
    ample = [r for r, q in scores.items() if len(q) >= least and np.ptp(q) > FLAT * np.max(q)]
    fitted = {r: fit(scores[r], robust=robust) for r in ample}
    for r, q in sorted(scores.items()):
        if r in fitted or not len(q):
            continue
        near = min(ample, key=lambda other: (abs(other - r), other), default=None)
        if len(q) < 2 and near is not None:
            twin = fitted[near]
            fitted[r] = BoxCox(twin.lam, twin.mean, twin.sd, twin.scale * r / near, len(q))
        else:
            fitted[r] = fit(q, 0.0 if near is None else fitted[near].lam, robust=robust)
    return dict(sorted(fitted.items()))
