"""Follows the chain of an EVTX chunk's records, each of which ends where the next one begins."""

import numpy as np

from graphad.scan.lean import lean
from graphad.scan.words import U64, Bits, Bytes, load64

LEAST = 28  # bytes of a record that holds nothing: its head and its size again
MOST = 65536 // LEAST  # records of a chunk
_MARK = U64(0x2A2A)  # two stars and two zeros: the low half of a record's first 8 bytes


@lean
def chain(part: Bytes, at: int, end: int, out: Bits) -> int:
    """Write offset, size, number and time of each sound record from `at` on; return how many.

    Ends at `end` (which must not be past the end of `part`) or before what is not sound.
    out: [MOST, 4] if `part` has at most 65536 bytes.
    """
    found = 0
    while end - at >= LEAST and found < len(out):
        head = load64(part, at)
        size = np.int64(head >> U64(32))
        if head & U64(0xFFFFFFFF) != _MARK or not LEAST <= size <= end - at:
            break
        if load64(part, at + size - 8) >> U64(32) != U64(size):
            break
        out[found, 0] = U64(at)
        out[found, 1] = U64(size)
        out[found, 2] = load64(part, at + 8)
        out[found, 3] = load64(part, at + 16)
        found += 1
        at += int(size)
    return found
