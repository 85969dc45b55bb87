"""Rows of codes as single numbers, which sort and compare many times faster."""

from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]

GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2^64 by the golden ratio
_ROOM = 2**62


def packed(*columns: Ints) -> Ints:
    """Return one number a row: in the order of the rows, and equal for equal rows.

    Shape: columns of codes >= 0, all [N]; returns [N], below 2**62.

    >>> packed(np.array([1, 0, 1]), np.array([0, 7, 0])).tolist()
    [8, 7, 8]
    """
    key, size = np.zeros(len(columns[0]), np.int64), 1
    for column in columns:
        wide = int(column.max()) + 1 if len(column) else 1
        if size * wide >= _ROOM:
            held, key = np.unique(key, return_inverse=True)
            key, size = key.ravel().astype(np.int64), len(held)
        key *= wide
        key += column
        size *= wide
    return key


def changes(*columns: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Return where any of sorted columns [N] differs from the row before; true for the first row.

    >>> changes(np.array([1, 1, 1, 2]), np.array([5, 5, 6, 6])).tolist()
    [True, False, True, True]
    """
    new = np.zeros(len(columns[0]), bool)
    new[:1] = True
    for column in columns:
        new[1:] |= column[1:] != column[:-1]
    return new


def mixed(numbers: npt.ArrayLike) -> Hashes:
    """Return numbers scattered over 64 bits, one to one: a step of SplitMix64."""
    return scattered(np.atleast_1d(np.asarray(numbers)).astype(np.uint64) + GOLDEN)


def scattered(x: Hashes) -> Hashes:
    """Return numbers [N] one to one, each bit depending on all: the finaliser of SplitMix64."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def hashed(rows: npt.ArrayLike) -> Hashes:
    """Return a number of 64 bits for each row of whole numbers [N, P]; equal rows have the same."""
    columns = np.asarray(rows)
    found = np.zeros(len(columns), np.uint64)
    for column in columns.T:
        found = mixed(found + mixed(column))
    return found
