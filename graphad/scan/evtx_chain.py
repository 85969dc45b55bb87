"""The chain of an EVTX chunk's records, followed in one pass."""

import numpy as np
import numpy.typing as npt

from graphad.scan.lean import lean
from graphad.scan.words import Bytes

LEAST = 28  # bytes of a record that holds nothing
OFFSET, SIZE, NUMBER, FILETIME = 0, 1, 2, 3  # columns of a row
MOST = 65536 // LEAST + 1


@lean
def _number(data: Bytes, at: int, size: int) -> int:
    """Return the whole number of `size` bytes, the last one the highest; as int64."""
    value = np.int64(0)
    for i in range(size):
        value |= np.int64(data[at + i]) << np.int64(8 * i)
    return value  # type: ignore[return-value]


@lean
def follow(data: Bytes, at: int, end: int, rows: npt.NDArray[np.int64]) -> int:
    """Write a row [offset, size, number, time] for each sound record from `at` on; return how many.

    Sound: it has the mark, its size leads to no place behind `end`, and stands at its end again.
    rows: [MOST, 4].
    """
    count = 0
    while at + LEAST <= end:
        if data[at] != 42 or data[at + 1] != 42 or data[at + 2] != 0 or data[at + 3] != 0:
            break
        size = _number(data, at + 4, 4)
        if size < LEAST or size > end - at or _number(data, at + size - 4, 4) != size:
            break
        rows[count, OFFSET] = at
        rows[count, SIZE] = size
        rows[count, NUMBER] = _number(data, at + 8, 8)
        rows[count, FILETIME] = _number(data, at + 16, 8)
        count += 1
        at += size
    return count
