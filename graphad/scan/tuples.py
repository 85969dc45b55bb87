"""Distinct rows of a few integer columns."""

import numpy as np
import numpy.typing as npt

from graphad.jit import kernel
from graphad.scan.words import U64, Ints, mix


@kernel
def distinct_rows(columns: Ints, seed: U64) -> tuple[Ints, npt.NDArray[np.int32]]:
    """Return (first row [D] of each distinct one, number [N] of each row's) of columns [K, N].

    The numbers count from 0 in the order of first rows. A secret seed keeps others from aiming
    rows at one slot.
    """
    count, rows = columns.shape
    size = 16
    while size < 2 * rows:
        size *= 2
    slots = np.full(size, -1, np.int32)
    first = np.empty(rows, np.int64)
    number = np.empty(rows, np.int32)
    found = 0
    for row in range(rows):
        h = seed
        for k in range(count):
            h = mix(h ^ U64(columns[k, row]), U64(0xE7037ED1A0B428DB))
        slot = np.int64(h & U64(size - 1))
        while True:
            known = np.int64(slots[slot])
            if known < 0:
                slots[slot] = found
                first[found] = row
                number[row] = found
                found += 1
                break
            same = True
            for k in range(count):
                if columns[k, first[known]] != columns[k, row]:
                    same = False
                    break
            if same:
                number[row] = known
                break
            slot = (slot + 1) & (size - 1)
    return first[:found].copy(), number


def ranked(keys: Ints, seed: U64) -> tuple[Ints, Ints]:
    """Return (first row [D] of each distinct key, number [N] of each row's), in key order.

    As np.unique with return_index and return_inverse, by hashing: only distinct keys are sorted.
    """
    first, number = distinct_rows(keys[np.newaxis], seed)
    order = np.argsort(keys[first])
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return first[order], rank[number]


@kernel
def extents(number: npt.NDArray[np.int32], at: Ints, count: int) -> tuple[Ints, Ints, Ints]:
    """Return (row of the first moment, of the last, rows) of each number below `count` [N].

    Every number occurs. Of equal moments the first row counts.
    """
    first = np.full(count, -1, np.int64)
    last = np.full(count, -1, np.int64)
    rows = np.zeros(count, np.int64)
    for row in range(len(number)):
        k = number[row]
        rows[k] += 1
        if first[k] < 0 or at[row] < at[first[k]]:
            first[k] = row
        if last[k] < 0 or at[row] > at[last[k]]:
            last[k] = row
    return first, last, rows
