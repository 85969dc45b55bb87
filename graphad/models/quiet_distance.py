"""How far rows of numbers lie from quiet ones, in units of how quiet ones vary together.

Numbers are centred by medians, scaled by median deviations and clipped, so that a few attacks among
quiet rows move little and no number counts without bound. Their covariance is shrunk towards equal
spread by as much as its own uncertainty asks for: Ledoit and Wolf, A Well-Conditioned Estimator for
Large-Dimensional Covariance Matrices, J. Multivariate Analysis 88, 2004. Under it the distance is
taken either to the middle of quiet rows (Mahalanobis') or to the nearest few, which lets quiet rows
be of many sorts: after Ramaswamy et al., Efficient Algorithms for Mining Outliers from Large Data
Sets, SIGMOD 2000.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

FARTHEST = 8.0  # spreads that a number may lie off
_LEAST_SPREAD = 0.02  # of a number: quotients and shares are of order 1
_CELLS = 2**22  # numbers at a time, so that memory stays bounded
_ROWS = 512  # explained at a time, likewise
_SAME = 1e-9  # distance of a row from itself


@dataclass(frozen=True)
class QuietDistance:
    """Distances from M quiet rows of P numbers.

    center, spread [P]; whitening [P, P]: W with W W' the inverse covariance; quiet [M, P]: quiet
    rows, scaled; neighbours: how many are near, 0 for the distance to the middle.
    """

    center: Floats
    spread: Floats
    whitening: Floats
    quiet: Floats
    neighbours: int

    @classmethod
    def of(cls, p: Floats, neighbours: int) -> "QuietDistance":
        """Return the distances from quiet rows p [M, P], at least one."""
        center, spread = np.median(p, axis=0), spreads(p)
        quiet = np.clip((p - center) / spread, -FARTHEST, FARTHEST)
        size, vectors = np.linalg.eigh(shrunk_covariance(quiet))
        return cls(center, spread, vectors / np.sqrt(size), quiet, neighbours)

    def scaled(self, p: Floats) -> Floats:
        """Return rows [n, P] in spreads from the center."""
        z: Floats = np.clip((p - self.center) / self.spread, -FARTHEST, FARTHEST)
        return z

    def distances(self, p: Floats, inside: bool = False) -> Floats:
        """Return the distances [n] of rows [n, P]; inside: of quiet rows, none to itself."""
        y = self.scaled(p) @ self.whitening
        if self.neighbours:
            return Nearest(self.quiet @ self.whitening, self.neighbours).distances(y, inside)
        norm: Floats = np.sqrt((y**2).sum(axis=1))
        return norm

    def parts(self, p: Floats, inside: bool = False) -> Floats:
        """Return what each number adds to the distance, [n, P]; they add up to it.

        A number that makes up for another may take away.
        """
        found = np.empty(p.shape)
        whitened = Nearest(self.quiet @ self.whitening, self.neighbours)
        for begin in range(0, len(p), _ROWS):
            z = self.scaled(p[begin : begin + _ROWS])
            off = z[:, None]
            if self.neighbours:
                off = off - self.quiet[whitened.nearest(z @ self.whitening, inside)[0]]
            part = off * (off @ self.whitening @ self.whitening.T)
            found[begin : begin + _ROWS] = _shared(part)
        return found


@dataclass(frozen=True)
class Nearest:
    """Euclidean distances from quiet rows [M, P] as they are: the mean of the nearest few."""

    quiet: Floats
    neighbours: int

    def distances(self, y: Floats, inside: bool = False) -> Floats:
        """Return the distances [n] of rows [n, P]; inside: of quiet rows, none to itself."""
        far: Floats = self.nearest(y, inside)[1].mean(axis=1)
        return far

    def parts(self, y: Floats, inside: bool = False) -> Floats:
        """Return what each number adds to the distance, [n, P], at least 0; they add up to it."""
        found = np.empty(y.shape)
        for begin in range(0, len(y), _ROWS):
            some = y[begin : begin + _ROWS]
            found[begin : begin + _ROWS] = _shared(
                (some[:, None] - self.quiet[self.nearest(some, inside)[0]]) ** 2
            )
        return found

    def nearest(self, y: Floats, inside: bool = False) -> tuple[Ints, Floats]:
        """Return numbers and distances [n, k] of the nearest quiet rows, in no order.

        inside: one quiet row that is the same is left out, as it is the row itself.
        """
        k = min(self.neighbours + inside, len(self.quiet))
        size = (self.quiet**2).sum(axis=1)
        step = max(_CELLS // (len(self.quiet) + k * y.shape[1]), 1)
        near, far = np.empty((len(y), k), np.int64), np.empty((len(y), k))
        for begin in range(0, len(y), step):
            some = slice(begin, begin + step)
            rough = size - 2.0 * y[some] @ self.quiet.T  # in the order of the distances
            found = np.argpartition(rough, k - 1, axis=1)[:, :k]
            off = y[some, None] - self.quiet[found]
            near[some], far[some] = found, np.sqrt((off**2).sum(axis=2))
        if not inside or k < 2:
            return near, far
        own = np.where(far.min(axis=1) < _SAME, far.argmin(axis=1), far.argmax(axis=1))
        kept = np.arange(k) != own[:, None]
        return near[kept].reshape(len(y), k - 1), far[kept].reshape(len(y), k - 1)


def _shared(squares: Floats) -> Floats:
    """Return parts [n, P] of the mean of k roots of sums of squares [n, k, P]."""
    far = np.sqrt(np.maximum(squares.sum(axis=2, keepdims=True), 0.0))
    each = np.divide(squares, far, out=np.zeros_like(squares), where=far > 0)
    found: Floats = each.mean(axis=1)
    return found


def spreads(p: Floats) -> Floats:
    """Return the spread [P] of numbers [M, P]: by medians, or the standard deviation if that's 0.

    At least 0.02, so that what never varied counts once it does, yet not without bound.
    """
    off = 1.4826 * np.median(np.abs(p - np.median(p, axis=0)), axis=0)
    return np.maximum(np.where(off > 0, off, p.std(axis=0)), _LEAST_SPREAD)


def shrunk_covariance(z: Floats) -> Floats:
    """Return the covariance [P, P] of rows [M, P] about 0, shrunk towards equal spread.

    (1 - a) S + a m I with m the mean of S's diagonal and a = min(b / d, 1): d is how far S is from
    m I, b how uncertain S is. Rows that are all 0 have the covariance I.
    """
    n, width = z.shape
    s = z.T @ z / n
    mean = float(np.trace(s)) / max(width, 1)
    if mean <= 0:
        return np.eye(width)
    apart = float(((s - mean * np.eye(width)) ** 2).sum())
    unsure = (float(((z**2).sum(axis=1) ** 2).sum()) / n - float((s**2).sum())) / n
    a = min(max(unsure / apart, 1e-3), 1.0) if apart > 0 else 1.0  # never quite singular
    found: Floats = (1.0 - a) * s + a * mean * np.eye(width)
    return found
