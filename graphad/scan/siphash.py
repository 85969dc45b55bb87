"""SipHash-2-4, the keyed hash behind entity ids, over a whole column of strings at once.

Source: Aumasson and Bernstein, SipHash: a fast short-input PRF, INDOCRYPT 2012. Without the key
nobody can aim two entities at one id.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from graphad.jit import kernel
from graphad.scan.words import load64

U64 = np.uint64


@kernel
def _rotate(x: U64, bits: U64) -> U64:
    return (x << bits) | (x >> (U64(64) - bits))


@kernel
def _round(v0: U64, v1: U64, v2: U64, v3: U64) -> tuple[U64, U64, U64, U64]:
    v0 += v1
    v2 += v3
    v1 = _rotate(v1, U64(13)) ^ v0
    v3 = _rotate(v3, U64(16)) ^ v2
    v0 = _rotate(v0, U64(32))
    v2 += v1
    v0 += v3
    v1 = _rotate(v1, U64(17)) ^ v2
    v3 = _rotate(v3, U64(21)) ^ v0
    v2 = _rotate(v2, U64(32))
    return v0, v1, v2, v3


@kernel
def _word(data: npt.NDArray[np.uint8], start: int, end: int) -> U64:
    word = U64(0)
    for i in range(start, end):
        word |= U64(data[i]) << U64(8 * (i - start))
    return word


@kernel
def _column(
    data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64], k0: U64, k1: U64
) -> npt.NDArray[np.uint64]:
    out = np.empty(len(offsets) - 1, np.uint64)
    for row in range(len(out)):
        start, end = offsets[row], offsets[row + 1]
        v0 = k0 ^ U64(0x736F6D6570736575)
        v1 = k1 ^ U64(0x646F72616E646F6D)
        v2 = k0 ^ U64(0x6C7967656E657261)
        v3 = k1 ^ U64(0x7465646279746573)
        whole = start + (end - start) // 8 * 8
        for at in range(start, whole, 8):
            word = load64(data, at)
            v3 ^= word
            v0, v1, v2, v3 = _round(v0, v1, v2, v3)
            v0, v1, v2, v3 = _round(v0, v1, v2, v3)
            v0 ^= word
        word = _word(data, whole, end) | (U64((end - start) & 0xFF) << U64(56))
        v3 ^= word
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
        v0 ^= word
        v2 ^= U64(0xFF)
        for _ in range(4):
            v0, v1, v2, v3 = _round(v0, v1, v2, v3)
        out[row] = v0 ^ v1 ^ v2 ^ v3
    return out


def siphash(column: pa.Array, key: bytes) -> npt.NDArray[np.int64]:
    """Return the 64-bit hash of each string of a column [N] without nulls, under a 16-byte key."""
    if len(key) != 16:
        raise ValueError("a SipHash key has 16 bytes")
    column = column.cast(pa.large_binary())
    _, offsets, data = column.buffers()
    at = np.frombuffer(offsets, np.int64)[column.offset : column.offset + len(column) + 1]
    held = np.frombuffer(data, np.uint8) if data is not None else np.empty(0, np.uint8)
    k0, k1 = np.frombuffer(key, "<u8")
    found: npt.NDArray[np.uint64] = _column(held, at, k0, k1)
    return found.view(np.int64)
