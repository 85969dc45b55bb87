"""Where the tokens of strace's output end, and copies of many spans of bytes at once."""

import numpy as np
import numpy.typing as npt

from graphad.jit import kernel

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]


@kernel
def number_end(data: Bytes, a: int, b: int) -> int:
    """Return the end of the decimal digits that begin at `a`."""
    while a < b and 48 <= data[a] <= 57:
        a += 1
    return a


@kernel
def word_end(data: Bytes, a: int, b: int) -> int:
    """Return the end of the ASCII letters, digits and underscores that begin at `a`."""
    while a < b:
        c = data[a]
        if not (97 <= c <= 122 or 48 <= c <= 57 or c == 95 or 65 <= c <= 90):
            break
        a += 1
    return a


@kernel
def string_end(data: Bytes, a: int, b: int) -> int:
    r"""Return the end of the "string" that begins at `a`, \ taking its next byte; -1 if open."""
    a += 1
    while a < b:
        c = data[a]
        if c == 34:
            return a + 1
        if c == 92:
            a += 1
        a += 1
    return -1


@kernel
def decoration_end(data: Bytes, a: int, b: int) -> int:
    """Return the end of the <name> of a descriptor that begins at `a`; -1 if there is none.

    It follows a letter or a digit. A path may hold one <...>, as devices do; what is no path may
    hold "->" too.
    """
    c = data[a - 1] if a > 0 else 0
    if not (97 <= c <= 122 or 48 <= c <= 57 or c == 95 or 65 <= c <= 90):
        return -1
    a += 1
    path = a < b and data[a] == 47
    while a < b:
        c = data[a]
        if c == 62:
            return a + 1
        if c == 60:
            a += 1
            while a < b and data[a] != 62:
                if data[a] == 60:
                    return -1
                a += 1
        elif c == 45 and not path and a + 1 < b and data[a + 1] == 62:
            a += 1
        a += 1
    return -1


@kernel
def copy_spans(data: Bytes, start: Ints, end: Ints, offsets: Ints, out: Bytes) -> None:
    """Copy the bytes [start, end) of each of N spans to out, from offsets [N] on."""
    for i in range(len(start)):
        to = offsets[i]
        for at in range(start[i], end[i]):
            out[to] = data[at]
            to += 1


@kernel
def intern_spans(
    data: Bytes, start: Ints, end: Ints, seed: np.uint64, table: Ints, ids: Ints, first: Ints
) -> int:
    """Number the distinct texts of N spans from 0, in order of first use; return how many.

    `table` is all -1 and its length a power of two above N. Fills ids [N] and first [distinct], the
    span that each text was first seen in. Equal bytes are compared, never only their hashes; the
    seed keeps who writes a log from choosing what collides.
    """
    mask = len(table) - 1
    found = 0
    for i in range(len(start)):
        a, b = start[i], end[i]
        h = seed ^ np.uint64(b - a)
        for at in range(a, b):
            h = (h ^ np.uint64(data[at])) * np.uint64(0x9E3779B97F4A7C15)
            h ^= h >> np.uint64(29)
        slot = np.int64(h & np.uint64(mask))
        while True:
            other = table[slot]
            if other < 0:
                table[slot] = found
                first[found] = i
                ids[i] = found
                found += 1
                break
            j = first[other]
            same = end[j] - start[j] == b - a
            if same:
                for k in range(b - a):
                    if data[start[j] + k] != data[a + k]:
                        same = False
                        break
            if same:
                ids[i] = other
                break
            slot = (slot + 1) & mask
    return found
