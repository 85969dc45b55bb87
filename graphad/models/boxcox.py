"""Box-Cox: makes surprise of paths of different lengths comparable, as z.

Sums grow with length, so long paths always look worse; after a power transform per length they
are near normal and are compared by z. Source: Dong et al., GID, 2016; Box and Cox, JRSS B 26,
1964. All values are divided by their geometric mean first, which changes neither the best power
nor z and keeps large powers from overflowing.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import optimize

from graphad.errors import ModelError

Floats = npt.NDArray[np.float64]

LEAST = 20
BOUNDS = (-10.0, 10.0)
EPS = 1e-12
FLAT = 1e-9  # relative spread below which values count as equal


def transform(q: Floats, lam: float) -> Floats:
    """Return (q^lam - 1) / lam, or ln q if lam is 0; q > 0, any shape.

    >>> transform(np.array([2.0]), 1.0).tolist(), transform(np.array([1.0]), 0.0).tolist()
    ([1.0], [0.0])
    """
    logs = np.log(np.asarray(q, dtype=np.float64))
    if lam == 0.0:
        return logs
    # expm1 keeps the digits when lam ln q is small.
    with np.errstate(over="ignore"):
        value: Floats = np.expm1(lam * logs) / lam
    return value


def llf(q: Floats, lam: float) -> float:
    """Return the Box-Cox log-likelihood of lam: (lam-1) sum ln q - n/2 ln var(transform(q)).

    Shape: q [n] > 0, not all equal (then inf). Stable for large q and lam.
    """
    logs = np.log(np.asarray(q, dtype=np.float64))
    n, level = len(logs), logs.mean()
    # Dividing q by g scales the transform by g^-lam; in logs its variance falls by 2 lam ln g.
    spread = _log_variance(logs - level, lam) + 2.0 * lam * level
    return float((lam - 1.0) * n * level - n / 2.0 * spread)


def _log_variance(logs: Floats, lam: float) -> float:
    """Return ln var of the transform of exp(logs), without overflow for any lam."""
    powers = lam * logs
    with np.errstate(divide="ignore"):
        if np.abs(powers).max() < 1.0:
            return float(np.log(np.var(logs if lam == 0.0 else np.expm1(powers) / lam)))
        top = powers.max()
        return float(2.0 * (top - np.log(abs(lam))) + np.log(np.var(np.exp(powers - top))))


def fit_lambda(q: Floats, bounds: tuple[float, float] = BOUNDS) -> float:
    """Return the power with the largest likelihood within bounds.

    Shape: q [n] > 0, at least two different. The likelihood has one peak in nearly all cases; a
    grid finds its neighbourhood first so that a second one does no harm.

    Raises:
        ValueError: a value is not positive and finite, all are equal, or bounds are not ordered.
    """
    q = np.asarray(q, dtype=np.float64)
    if not (np.isfinite(q).all() and (q > 0).all()):
        raise ValueError("Box-Cox needs positive, finite values.")
    if len(q) < 2 or q.min() == q.max():
        raise ValueError("Box-Cox needs at least two different values.")
    if not bounds[0] < bounds[1]:
        raise ValueError("bounds must be (low, high) with low < high.")
    scaled = np.exp(np.log(q) - np.log(q).mean())
    # Sorted, so that the sums, and with them the last bit, don't depend on the order.
    scaled.sort()
    grid = np.linspace(*bounds, 41)
    values = [llf(scaled, lam) for lam in grid]
    at = int(np.argmax(values))
    low, high = grid[max(at - 1, 0)], grid[min(at + 1, len(grid) - 1)]
    found = optimize.minimize_scalar(
        lambda lam: -llf(scaled, lam), bounds=(low, high), method="bounded", options={"xatol": 1e-9}
    )
    # The bounded search never tries the ends themselves.
    best = max([(-float(found.fun), float(found.x)), (values[at], float(grid[at]))])
    return best[1]


@dataclass(frozen=True)
class BoxCox:
    """A fitted transform: z(q) = (B((q + shift) / scale; lam) - mean) / sd.

    scale is the geometric mean of the n values it was fitted on; mean and sd are those of the
    transformed, scaled values (median and 1.4826 MAD if robust). sd 0 means all were equal: z is
    then 0 for them (gid, pitfall 7) and grows with q beyond. `borrowed_from` names the length whose
    power is used.
    """

    lam: float
    mean: float
    sd: float
    scale: float
    n: int
    shift: float = 0.0
    robust: bool = False
    borrowed_from: int | None = None

    @classmethod
    def fit(
        cls,
        q: Floats,
        *,
        lam: float | None = None,
        bounds: tuple[float, float] = BOUNDS,
        robust: bool = False,
        borrowed_from: int | None = None,
    ) -> "BoxCox":
        """Fit on q [n] >= 0, n >= 1; lam, if given, is not fitted. All equal (to 1e-9): sd 0.

        If some q is 0 a shift of 1e-12 is added to all (gid, pitfall 4).

        Raises:
            ValueError: q is empty, negative or not finite.
        """
        q = np.sort(np.asarray(q, dtype=np.float64))
        if len(q) == 0 or not np.isfinite(q).all() or q[0] < 0:
            raise ValueError("Box-Cox needs at least one value, none negative, all finite.")
        shift = EPS if q[0] == 0 else 0.0
        q = q + shift
        scale = float(np.exp(np.log(q).mean()))
        if _flat(q):
            power = 1.0 if lam is None else lam
            return cls(power, 0.0, 0.0, scale, len(q), shift, robust, borrowed_from)
        power = fit_lambda(q, bounds) if lam is None else lam
        b = transform(q / scale, power)
        with np.errstate(over="ignore", invalid="ignore"):
            mean, sd = float(b.mean()), float(b.std())
        if not np.isfinite(sd):  # a borrowed power that this range of q can't take
            return cls.fit(q - shift, lam=0.0, robust=robust, borrowed_from=borrowed_from)
        if robust:
            median = float(np.median(b))
            mad = 1.4826 * float(np.median(np.abs(b - median)))
            # More than half equal: the MAD says nothing, the ordinary spread still does.
            mean, sd = (median, mad) if mad > 0 else (mean, sd)
        return cls(power, mean, sd, scale, len(q), shift, robust, borrowed_from)

    def z(self, q: Floats) -> Floats:
        """Return z for q >= 0, any shape; finite, and never falling in q. If sd is 0: q - scale.

        Beyond the range in which the power can be computed z stops growing (1e300).
        """
        q = np.asarray(q, dtype=np.float64)
        if self.sd == 0.0:
            apart = q + self.shift - self.scale
            return np.where(np.abs(apart) <= FLAT * self.scale, 0.0, apart)
        b = transform(np.maximum(q + self.shift, EPS) / self.scale, self.lam)
        return np.clip((b - self.mean) / self.sd, -1e300, 1e300)

    def to_json(self) -> dict[str, Any]:
        """Return a dict of plain numbers for `from_json`."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "BoxCox":
        """Return what `to_json` wrote.

        Raises:
            ModelError: a field is missing, unknown or no number.
        """
        try:
            made = cls(**data)
            numbers = [made.lam, made.mean, made.sd, made.scale, made.shift]
            good = np.isfinite(np.array(numbers, dtype=np.float64)).all()
        except (TypeError, ValueError) as e:
            raise ModelError(f"Box-Cox parameters are damaged: {e}.") from e
        if not (good and made.sd >= 0 and made.scale > 0 and made.n >= 1):
            raise ModelError("Box-Cox parameters are out of range.")
        return made


def _flat(q: Floats) -> bool:
    return bool(q.max() - q.min() <= FLAT * q.max())


def fit_lengths(
    samples: Mapping[int, Floats],
    *,
    least: int = LEAST,
    bounds: tuple[float, float] = BOUNDS,
    robust: bool = False,
) -> dict[int, BoxCox]:
    """Fit one transform a length; samples maps a length to its q [n].

    A length with fewer than `least` values, or all equal, doesn't fit its own power: it takes that
    of the nearest length that could (the shorter of two), or 1 if none could (then z is a plain
    standard score). Its mean and sd are its own, but a single value has no sd: then those of the
    nearest length serve, with its scale stretched in proportion to the length. Lengths without a
    value are left out. Source: gid, pitfall 7.
    """
    values = {r: np.asarray(q, dtype=np.float64) for r, q in samples.items() if len(q)}
    fitted = {
        r: BoxCox.fit(q, bounds=bounds, robust=robust)
        for r, q in values.items()
        if len(q) >= max(least, 2) and not _flat(q)
    }
    out: dict[int, BoxCox] = {}
    for r in sorted(values):
        if r in fitted:
            out[r] = fitted[r]
            continue
        near = min(fitted, key=lambda other: (abs(other - r), other), default=None)
        if near is not None and len(values[r]) == 1:
            twin = fitted[near]
            out[r] = replace(twin, scale=twin.scale * r / near, n=1, borrowed_from=near)
            continue
        lam = 1.0 if near is None else fitted[near].lam
        out[r] = BoxCox.fit(values[r], lam=lam, robust=robust, borrowed_from=near)
    return out
