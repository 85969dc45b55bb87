"""Writes what audit fields say: JSON, decoded hexadecimal, command lines, paths and addresses.

Each function writes to `out` from `size` on and returns the new size; the caller has made room: six
bytes for each byte read, and a few.
"""

import numpy as np

from graphad.scan.intern import utf8_length
from graphad.scan.lean import inlined, lean
from graphad.scan.strings import hex_digit
from graphad.scan.words import Bytes, copy_bytes

# How a value was written
BARE, QUOTED, BRACED = range(3)


@lean
def is_hex(data: Bytes, a: int, b: int) -> bool:
    """Say whether a value can be hexadecimal: pairs of digits, the letters upper case."""
    if a >= b or (b - a) & 1:
        return False
    for i in range(a, b):  # noqa: SIM110 (a compiled loop)
        if not (48 <= data[i] <= 57 or 65 <= data[i] <= 70):
            return False
    return True


@inlined
def _hex_byte(data: Bytes, at: int) -> int:
    return hex_digit(np.int64(data[at])) * 16 + hex_digit(np.int64(data[at + 1]))


@lean
def unhex(data: Bytes, a: int, b: int, out: Bytes, size: int) -> int:
    """Write the bytes that a hexadecimal value stands for."""
    for at in range(a, b - 1, 2):
        out[size] = _hex_byte(data, at)
        size += 1
    return size


@lean
def put_utf8(data: Bytes, a: int, b: int, out: Bytes, size: int) -> tuple[int, bool]:
    r"""Write bytes as text, those that are no UTF-8 as \xNN; say whether there were none."""
    whole = True
    while a < b:
        length = utf8_length(data, a, b)
        if length == 0:
            whole = False
            out[size] = 92
            out[size + 1] = 120
            for i in range(2):
                digit = (np.int64(data[a]) >> (4 - 4 * i)) & 15
                out[size + 2 + i] = digit + (48 if digit < 10 else 87)
            size += 4
            a += 1
        else:
            for i in range(length):
                out[size + i] = data[a + i]
            size += length
            a += length
    return size, whole


@lean
def put_number(value: int, out: Bytes, size: int) -> int:
    """Write a whole number."""
    if value < 0:
        out[size] = 45
        return put_number(-value, out, size + 1)
    digits = 1
    rest = value // 10
    while rest:
        digits += 1
        rest //= 10
    for i in range(digits):
        out[size + digits - 1 - i] = 48 + value % 10
        value //= 10
    return size + digits


@inlined
def _safe(byte: int) -> bool:
    return (
        97 <= byte <= 122
        or 65 <= byte <= 90
        or 43 <= byte <= 58  # + , - . / digits :
        or byte == 95
        or byte == 64
        or byte == 37
        or byte == 61
    )


@lean
def put_word(data: Bytes, a: int, b: int, out: Bytes, size: int) -> int:
    """Write a word of a command line as text, quoted for a shell if need be."""
    plain = a < b
    for at in range(a, b):
        if not _safe(np.int64(data[at])):
            plain = False
            break
    if plain:
        return copy_bytes(data, a, b - a, out, size)
    out[size] = 39
    size += 1
    while a < b:
        if data[a] == 39:
            for c in b"'\"'\"'":
                out[size] = c
                size += 1
            a += 1
            continue
        past = a
        while past < b and data[past] != 39:
            past += 1
        size, _ = put_utf8(data, a, past, out, size)
        a = past
    out[size] = 39
    return size + 1


@lean
def put_path(data: Bytes, a: int, b: int, out: Bytes, size: int, folder: int) -> int:
    """Write a path below what `out` already holds from `folder` to `size`, made short.

    Without // and /./, and with /../ taken back; a path that is absolute replaces the folder. One
    that has no absolute folder stays as it is. Both are text.
    """
    if a < b and data[a] == 47:
        size = folder
    elif size == folder or out[folder] != 47:
        return copy_bytes(data, a, b - a, out, folder)
    if a < b and data[a] != 47:
        out[size] = 47
        size += 1
    size = copy_bytes(data, a, b - a, out, size)
    return shorten(out, folder, size)


@lean
def shorten(out: Bytes, a: int, b: int) -> int:
    """Normalise an absolute path in place and return its end."""
    at, size = a, a
    while at < b:
        while at < b and out[at] == 47:
            at += 1
        past = at
        while past < b and out[past] != 47:
            past += 1
        length = past - at
        if length == 2 and out[at] == 46 and out[at + 1] == 46:
            while size > a and out[size - 1] != 47:
                size -= 1
            size = max(a, size - 1)
        elif length and not (length == 1 and out[at] == 46):
            out[size] = 47
            size += 1
            for i in range(length):
                out[size + i] = out[at + i]
            size += length
        at = past
    if size == a:
        out[a] = 47
        size = a + 1
    return size


@lean
def put_ip4(data: Bytes, at: int, out: Bytes, size: int) -> int:
    """Write the IPv4 address whose 8 digits stand at `at`."""
    for i in range(4):
        if i:
            out[size] = 46
            size += 1
        size = put_number(_hex_byte(data, at + 2 * i), out, size)
    return size


@lean
def put_ip6(data: Bytes, at: int, out: Bytes, size: int) -> int:
    """Write the IPv6 address whose 32 digits stand at `at`; one that maps IPv4 as that.

    Source: RFC 5952, section 4.
    """
    mapped = True
    for i in range(12):
        mapped = mapped and _hex_byte(data, at + 2 * i) == (255 if i >= 10 else 0)
    if mapped:
        return put_ip4(data, at + 24, out, size)
    best, best_length, run = -1, 1, 0
    for i in range(8):
        if _hex_byte(data, at + 4 * i) == 0 and _hex_byte(data, at + 4 * i + 2) == 0:
            run += 1
            if run > best_length:
                best, best_length = i - run + 1, run
        else:
            run = 0
    i = 0
    while i < 8:
        if i == best:
            out[size] = 58
            out[size + 1] = 58
            size += 2
            i += best_length
            continue
        if i and (best < 0 or i != best + best_length):
            out[size] = 58
            size += 1
        value = _hex_byte(data, at + 4 * i) * 256 + _hex_byte(data, at + 4 * i + 2)
        started = False
        for shift in (12, 8, 4, 0):
            digit = (value >> shift) & 15
            if digit or started or shift == 0:
                out[size] = digit + (48 if digit < 10 else 87)
                size += 1
                started = True
        i += 1
    return size
