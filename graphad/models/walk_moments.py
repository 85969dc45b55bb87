"""Sums over all time-respecting walks of each length, exactly, without listing one of them.

A walk scores S, the product of its edges' weights. Sums of products are carried along the events
in time order, so 4e22 walks cost no more than one. From N, sum S^l, sum S^2l and sum ln S follows
the Box-Cox likelihood of the scores of all walks. It is of walks, which may visit a vertex twice
and count each instance of a routine: the detector fits distinct simple paths (path_sample), and
this tells how good its sums are. Source: GID section 3.6; the recurrence is the usual sum-product.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from graphad.jit import kernel
from graphad.models.path_edges import prepared

Ints = npt.NDArray[np.int64]
Small = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]

_NEAR_ZERO = 1e-6  # powers this small are taken as 0: their sums would cancel


@dataclass(frozen=True)
class Moments:
    """What is known of the scores S of all walks of one length.

    Their number, the mean of ln S and its variance; power, square: the means of S^lam and of
    S^(2 lam), where S is divided by its geometric mean.
    """

    walks: float
    log_mean: float
    log_variance: float
    power: float
    square: float


def moments(
    src: Ints, dst: Ints, ts: Ints, weight: Floats, *, length: int, lam: float, strict: bool = False
) -> Moments | None:
    """Return the moments of the scores of all walks of `length` edges; None if there is none.

    Shape: all [E]; ts never falls, weight > 0. Walks go forward in time (strict: times rise) and
    use no self loop. Weights are divided by their mean over walks first, so that sums stay small.

    Raises:
        ValueError: as `prepared`, or a weight is not positive and finite, or length is below 1.
    """
    weight = np.asarray(weight, dtype=np.float64)
    if length < 1:
        raise ValueError("length must be at least 1.")
    if not (np.isfinite(weight).all() and (weight > 0).all()):
        raise ValueError("Every weight must be positive and finite.")
    e = prepared(src, dst, ts, np.zeros(len(weight)), np.asarray(src))
    logs = np.log(weight)
    if len(logs):
        logs -= (level := logs.mean())
    count, total, _ = _log_sums(e.src, e.dst, e.ts, logs, e.n, length, strict)
    if not count:
        return None
    mean = total / count
    logs -= mean / length
    # Near their mean the squares no longer cancel.
    _, off, squares = _log_sums(e.src, e.dst, e.ts, logs, e.n, length, strict)
    sums = [
        walk_sums(e.src, e.dst, e.ts, np.exp(p * lam * logs), e.n, length, strict, np.inf)[-1]
        for p in (1, 2)
    ]
    variance = max(squares / count - (off / count) ** 2, 0.0)
    return Moments(count, mean + length * level, variance, sums[0] / count, sums[1] / count)


def walk_llf(
    src: Ints, dst: Ints, ts: Ints, weight: Floats, *, length: int, lam: float, strict: bool = False
) -> float:
    """Return the Box-Cox log-likelihood of lam for the scores of all walks of `length` edges.

    As boxcox.llf of the scores, listed; nan if there is no walk, inf if all are equal.
    """
    m = moments(src, dst, ts, weight, length=length, lam=lam, strict=strict)
    if m is None:
        return float("nan")
    if abs(lam) < _NEAR_ZERO:
        variance = m.log_variance
    else:
        variance = max(m.square - m.power**2, 0.0) / lam**2
    with np.errstate(divide="ignore"):
        spread = float(np.log(variance)) + 2.0 * lam * m.log_mean
    return (lam - 1.0) * m.walks * m.log_mean - m.walks / 2.0 * spread


@kernel
def walk_sums(
    src: Small, dst: Small, ts: Ints, weight: Floats, n: int, length: int, strict: bool,
    enough: float,
) -> Floats:  # fmt: skip
    """Return [length]: the sum over all walks of r + 1 edges of the product of their weights.

    Stops early, with what it has, once every sum exceeds `enough`. Self loops are passed over.
    """
    state = np.zeros(n * length)  # of a vertex: walks that end there, by length
    total = np.zeros(length)
    at = 0
    while at < len(src):
        end = at + 1
        while end < len(src) and ts[end] == ts[at]:
            end += 1
        # Longest first, nothing of this time can follow itself; shortest first, all can.
        for turn in range(length):
            r = length - 1 - turn if strict else turn
            for e in range(at, end):
                if src[e] != dst[e]:
                    before = 1.0 if r == 0 else state[src[e] * length + r - 1]
                    value = before * weight[e]
                    total[r] += value
                    state[dst[e] * length + r] += value
        at = end
        if total.min() > enough:
            break
    return total


@kernel
def _log_sums(
    src: Small, dst: Small, ts: Ints, logs: Floats, n: int, length: int, strict: bool
) -> tuple[float, float, float]:
    """Return (number, sum of ln S, sum of its square) of all walks of `length` edges."""
    state = np.zeros((n, length, 3))
    total = np.zeros(3)
    at = 0
    while at < len(src):
        end = at + 1
        while end < len(src) and ts[end] == ts[at]:
            end += 1
        # Longest first, nothing of this time can follow itself; shortest first, all can.
        for turn in range(length):
            r = length - 1 - turn if strict else turn
            for e in range(at, end):
                if src[e] == dst[e]:
                    continue
                count, one, two = 1.0, 0.0, 0.0
                if r > 0:
                    before = state[src[e], r - 1]
                    count, one, two = before[0], before[1], before[2]
                c = logs[e]
                two += 2.0 * c * one + count * c * c
                one += count * c
                after = state[dst[e], r]
                after[0] += count
                after[1] += one
                after[2] += two
                if r == length - 1:
                    total[0] += count
                    total[1] += one
                    total[2] += two
        at = end
    return total[0], total[1], total[2]
