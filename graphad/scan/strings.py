r"""Where JSON strings end: one pass over a block, 64 bytes a step.

A quote ends a string if an even number of backslashes stands before it. A control character or a
backslash before something that may not follow it ends it too, as a fault. All of these become bits
of one map, so a walker that stands in a string jumps to the next bit and looks what it met.

Source for the bit trick that finds escaped characters: Langdale and Lemire, Parsing gigabytes of
JSON per second, VLDB Journal 2019, section 3.1.1.
"""

import numpy as np

from graphad.jit import kernel
from graphad.scan.lean import lean
from graphad.scan.words import U64, Bits, Bytes, classify, trailing_zeros

_EVEN = U64(0x5555555555555555)


@lean
def hex_digit(byte: int) -> int:
    """Return what a hexadecimal digit stands for; -1 if it is none."""
    if 48 <= byte <= 57:
        return byte - 48
    byte |= 32
    return byte - 87 if 97 <= byte <= 102 else -1


@lean
def _four_digits(data: Bytes, start: int) -> bool:
    if start + 4 > len(data):
        return False
    for i in range(start, start + 4):  # noqa: SIM110 (a compiled loop)
        if hex_digit(np.int64(data[i])) < 0:
            return False
    return True


@kernel
def map_strings(data: Bytes) -> tuple[Bits, Bits]:
    r"""Return two bit maps over a block, bit i of word w for byte 64w + i.

    `stops`: unescaped quotes, control characters, faulty escapes, and all places past the end.
    `breaks`: the n of each escape \n and the r of each \r.
    """
    blocks = len(data) // 64
    stops = np.empty(blocks + 3, np.uint64)
    breaks = np.empty(blocks + 3, np.uint64)
    tail = np.zeros(64, np.uint8)
    for i in range(blocks * 64, len(data)):
        tail[i - blocks * 64] = data[i]
    carry = U64(0)  # 1 if the block before ended with a backslash that escapes
    for block in range(blocks + 1):
        if block < blocks:
            quote, backslash, control, line, other = classify(data, block * 64)
        else:
            quote, backslash, control, line, other = classify(tail, 0)
        escaped = carry
        if backslash:
            open_ = backslash & ~carry
            follows = (open_ << U64(1)) | carry
            odd_starts = open_ & ~_EVEN & ~follows
            ends = odd_starts + open_
            carry = U64(1) if ends < odd_starts else U64(0)
            escaped = (_EVEN ^ (ends << U64(1))) & follows
        else:
            carry = U64(0)
        fault = escaped & ~(quote | backslash | line | other)
        candidates = escaped & other
        while candidates:
            bit = trailing_zeros(candidates)
            at = block * 64 + bit
            candidates &= candidates - U64(1)
            if at < len(data) and data[at] == 117 and not _four_digits(data, at + 1):
                fault |= U64(1) << U64(bit)
        stops[block] = (quote & ~escaped) | control | fault
        breaks[block] = line & escaped
    stops[blocks + 1 :] = ~U64(0)
    breaks[blocks + 1 :] = ~U64(0)
    return stops, breaks
