"""Texts of one column, compared in place."""

import numpy as np
import numpy.typing as npt

from graphad.jit import kernel
from graphad.scan.words import Bytes, Ints, same_bytes


@kernel
def differ(data: Bytes, ends: Ints, rows: Ints, others: Ints) -> npt.NDArray[np.bool_]:
    """Say for each pair of rows whether their texts differ.

    Row i of a column has the bytes ends[i] to ends[i + 1] of `data`.
    """
    found = np.empty(len(rows), np.bool_)
    for i in range(len(rows)):
        a, b = rows[i], others[i]
        start, other = ends[a], ends[b]
        length = ends[a + 1] - start
        found[i] = length != ends[b + 1] - other or not same_bytes(data, start, data, other, length)
    return found
