"""How often the values of types occur, and which of them stand for others that are rare."""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from graphad.models.embedding_scores import starts

Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]


def checked(codes: npt.ArrayLike, arity: npt.ArrayLike) -> tuple[Ints, Ints]:
    """Return codes [n, m], contiguous, and arity [m] of their types as int64.

    Raises: ValueError: they aren't whole numbers of such shapes, or a code is not one of its type.
    """
    found, sizes = np.asarray(codes), np.asarray(arity)
    if any(a.size and a.dtype.kind not in "iu" for a in (found, sizes)):
        raise ValueError("Codes and arity must be whole numbers.")
    found, sizes = found.astype(np.int64, copy=False), sizes.astype(np.int64)
    if found.ndim != 2 or sizes.ndim != 1 or found.shape[1] != len(sizes) or not len(sizes):
        raise ValueError("Codes must be [n, m] and arity [m], m at least 1.")
    if (sizes < 1).any() or (found < 0).any() or (found >= sizes).any():
        raise ValueError("Each code must be at least 0 and below the arity of its type.")
    return np.ascontiguousarray(found), sizes


def value_counts(codes: Ints, arity: Ints) -> Floats:
    """Return how often each value occurs, [A], those of a type side by side."""
    return np.concatenate(
        [np.bincount(codes[:, i], minlength=a).astype(np.float64) for i, a in enumerate(arity)]
    )


def pools(counts: Floats, arity: Ints) -> Ints:
    """Return which values among all [A] are code 0 of a type and rarer than a value in the mean.

    >>> pools(np.array([1.0, 3.0, 2.0, 2.0, 1.0]), np.array([2, 3])).tolist()
    [0]
    """
    first = starts(arity)[:-1]
    return first[counts[first] * arity < np.add.reduceat(counts, first)]


def shares(counts: Floats, arity: Ints) -> Floats:
    """Return the share of each value [A] within its type; one never seen counts half an event.

    >>> shares(np.array([3.0, 0.0, 2.0]), np.array([2, 1])).round(3).tolist()
    [0.857, 0.143, 1.0]
    """
    known = np.maximum(counts, 0.5)
    found: Floats = known / np.add.reduceat(known, starts(arity)[:-1]).repeat(arity)
    return found


def rarest(counts: Floats, arity: Ints, pooled: Ints) -> Floats:
    """Return the share within its type of the rarest known value of each pool's type [P].

    counts [A]; pooled [P] as `pools` has them. A value that was never seen isn't known.

    >>> rarest(np.array([1.0, 3.0, 0.0, 4.0]), np.array([4]), np.array([0])).tolist()
    [0.375]
    """
    found = np.ones(len(pooled))
    for k, place in enumerate(np.searchsorted(starts(arity), pooled).tolist()):
        mine = counts[pooled[k] : pooled[k] + arity[place]]
        known = mine[1:][mine[1:] > 0]  # not empty, or code 0 weren't rarer than the mean
        found[k] = known.min() / mine.sum()
    return found
