"""Who sends and who receives: transition probabilities and the scores a random walk gives.

Source: Dong et al., GID, 2016: X = A Y, Y = A^T X with restart, mutual reinforcement as in hubs
and authorities. In the log domain an edge's surprise is -ln X(u) - ln A(u,v) - ln Y(v), in nats.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

Ints = npt.NDArray[np.integer[Any]]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Csr = Any  # scipy.sparse.csr_array; scipy has no types


@dataclass(frozen=True)
class WalkScores:
    """Sender scores x and receiver scores y, [size], largest 1; steps taken and their last change.

    `change` is the L1 change of x plus that of y, each summing to 1, in the last step.
    """

    x: Floats
    y: Floats
    steps: int
    change: float


def transition(src: Ints, dst: Ints, n: Floats, size: int, shrinkage: float = 0.0) -> Csr:
    """Return A [size, size], A(u,v) = n(u,v) / (n(u) + shrinkage), where n(u) = sum n(u,.).

    Shape: src, dst, n [E], ids below size, counts > 0; repeated pairs are summed. Rows without
    out-edges stay zero. Shrinkage 0 is the paper; 10 keeps one-off senders from looking certain.
    The result doesn't depend on the order of the rows.

    Raises:
        ValueError: a count isn't positive and finite, an id isn't in range, or shrinkage < 0.

    >>> transition(np.array([0, 0]), np.array([1, 2]), np.array([3.0, 1.0]), 3).toarray()[0]
    array([0.  , 0.75, 0.25])
    """
    src, dst, n = np.asarray(src), np.asarray(dst), np.asarray(n, dtype=np.float64)
    if not (np.isfinite(n).all() and (n > 0).all()):
        raise ValueError("Counts must be positive and finite.")
    if shrinkage < 0 or not np.isfinite(shrinkage):
        raise ValueError("shrinkage must not be negative.")
    for ids in (src, dst):
        if ids.size and (ids.min() < 0 or ids.max() >= size):
            raise ValueError(f"Ids must lie in [0, {size}).")
    order = np.lexsort((n, dst, src))
    src, dst, n = src[order], dst[order], n[order]
    begins = np.flatnonzero(np.diff(src, prepend=-1) | np.diff(dst, prepend=-1))
    counts = np.add.reduceat(n, begins) if len(n) else n
    rows, columns = src[begins], dst[begins]
    totals = np.bincount(rows, weights=counts, minlength=size)
    values = counts / (totals[rows] + shrinkage)
    ptr = np.zeros(size + 1, dtype=np.int64)
    np.cumsum(np.bincount(rows, minlength=size), out=ptr[1:])
    return sparse.csr_array((values, columns.astype(np.int64), ptr), shape=(size, size))


def sender_receiver(A: Csr, c: float = 0.2, tol: float = 1e-10, max_steps: int = 200) -> WalkScores:
    """Return sender and receiver scores: the leading singular vectors of (1-c) A + c/N, max 1.

    Shape: A [N, N] with entries >= 0. The restart c makes every score positive and the result
    independent of the start; a bigger c converges faster and flattens. The restart matrix is never
    built: a step costs two sparse products.
    Source: gid, equations (5) to (8). The singular vectors are those of the matrix with restart.

    Raises:
        ValueError: c is not inside (0, 1), or A isn't square or has negative entries.
    """
    size = A.shape[0]
    if not 0.0 < c < 1.0:
        raise ValueError("c must lie inside (0, 1): without a restart scores can be zero.")
    if A.shape[0] != A.shape[1] or (A.data < 0).any():
        raise ValueError("A must be square, with no negative entry.")
    if size == 0:
        return WalkScores(np.empty(0), np.empty(0), 0, 0.0)
    transposed = A.T.tocsr()
    x = y = np.full(size, 1.0 / size)
    steps, change = 0, np.inf
    while steps < max_steps and change >= tol:
        # x and y sum to 1, so the restart adds the same c / N to every entry.
        new_x = (1.0 - c) * (A @ y) + c / size
        new_x /= new_x.sum()
        new_y = (1.0 - c) * (transposed @ new_x) + c / size
        new_y /= new_y.sum()
        change = float(np.abs(new_x - x).sum() + np.abs(new_y - y).sum())
        x, y = new_x, new_y
        steps += 1
    return WalkScores(x / x.max(), y / y.max(), steps, change)


@dataclass(frozen=True)
class EdgeSurprise:
    """Surprise of E edges in nats, in its three parts; each part is >= 0 (no part is -0.0)."""

    sender: Floats
    link: Floats
    receiver: Floats

    @property
    def total(self) -> Floats:
        """Return -ln (X(u) A(u,v) Y(v)), [E]."""
        return self.sender + self.link + self.receiver


def edge_surprise(x: Floats, a: Floats, y: Floats) -> EdgeSurprise:
    """Return -ln x, -ln a and -ln y: x the senders', y the receivers' score, a the transition.

    Shape: all [E], each in (0, 1], one an edge (look them up with `link` and `seen_or_least`).
    Source: gid, equations (9) and (10).

    Raises:
        ValueError: a value is not in (0, 1].

    >>> float(edge_surprise(np.array([1.0]), np.array([0.5]), np.array([1.0])).total[0])
    0.6931471805599453
    """
    parts = []
    for name, values in (("sender", x), ("link", a), ("receiver", y)):
        values = np.asarray(values, dtype=np.float64)
        if not ((values > 0) & (values <= 1)).all():
            raise ValueError(f"Every {name} value must lie in (0, 1].")
        parts.append(np.abs(np.log(values)))
    return EdgeSurprise(*parts)


def link(seen: Floats, total: Floats, share: Floats, shrinkage: float = 10.0) -> Floats:
    """Return A(u,v) = (n(u,v) + a b_v) / (n(u) + a), which is positive for unseen edges too.

    Shape: seen n(u,v), total n(u), share b_v, all [E]. b_v is the share of all events of the
    fitting pair of types that go to v (see `target_share`); a = shrinkage > 0.
    Source: gid, pitfall 3.

    Raises:
        ValueError: shrinkage or a share is not positive, or seen exceeds total.

    >>> link(np.array([0.0]), np.array([10.0]), np.array([0.1])).tolist()
    [0.05]
    """
    seen, total, share = (np.asarray(v, dtype=np.float64) for v in (seen, total, share))
    if not shrinkage > 0:
        raise ValueError("shrinkage must be positive: unseen edges need it.")
    if (seen < 0).any() or (seen > total).any() or not ((share > 0) & (share <= 1)).all():
        raise ValueError("Counts must satisfy 0 <= seen <= total, shares lie in (0, 1].")
    value: Floats = (seen + shrinkage * share) / (total + shrinkage)
    # Rounding may carry a certain edge just past 1.
    return np.minimum(value, 1.0)


def target_share(count: Floats, group: Ints, pseudo: float = 1.0) -> Floats:
    """Return (n_v + pseudo) / (total + pseudo (V + 1)): each target's share within its group.

    Shape: count [V] events that reach v by its group's pair of types, group [V] >= 0; returns [V].
    One more, unseen target a group gets the rest, pseudo / (total + pseudo (V + 1)), so that
    nothing has share zero.

    >>> target_share(np.array([2.0, 0.0]), np.array([0, 0])).tolist()
    [0.6, 0.2]
    """
    count = np.asarray(count, dtype=np.float64)
    if not pseudo > 0 or (count < 0).any():
        raise ValueError("pseudo must be positive and counts not negative.")
    if len(count) == 0:
        return count
    total = np.bincount(group, weights=count)
    kinds = np.bincount(group)
    share: Floats = (count + pseudo) / (total + pseudo * (kinds + 1))[group]
    return share


def seen_or_least(score: Floats, seen: Bools, kind: Ints) -> Floats:
    """Return scores where unseen vertices have the smallest seen score of their kind.

    Shape: score [N] (ignored where not seen), seen [N], kind [N] >= 0 entity type. A kind of which
    none was seen gets the smallest seen score of all; with none seen at all, 1.

    >>> seen_or_least(np.array([0.5, 0.0, 0.2]), np.array([True, False, True]), np.array([0, 0, 1]))
    array([0.5, 0.5, 0.2])
    """
    score, seen, kind = np.asarray(score), np.asarray(seen, dtype=bool), np.asarray(kind)
    if len(score) == 0:
        return score.astype(np.float64)
    overall = float(score[seen].min()) if seen.any() else 1.0
    least = np.full(int(kind.max()) + 1, np.inf)
    np.minimum.at(least, kind[seen], score[seen])
    least[np.isinf(least)] = overall
    return np.where(seen, score, least[kind]).astype(np.float64)
