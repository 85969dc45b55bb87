"""Distinct byte strings: a code for each one of a column, and the texts that the codes stand for.

One open-addressing table serves all columns of a block. Equal hashes are not enough: the bytes are
compared, so a collision costs time and never truth. The hash has a secret seed.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from graphad.jit import kernel
from graphad.scan.lean import inlined, lean
from graphad.scan.strings import hex_digit
from graphad.scan.words import U64, Bytes, Ints, copy_bytes, hash_bytes, same_bytes

# Columns of Distinct.entries: hash; first byte in the buffer of its column; bytes; 2 * column, + 1
# if it is JSON text itself and not the inside of a JSON string; code
HASH, START, LENGTH, OWNER, CODE = range(5)
LIKELY = 32


class Distinct(NamedTuple):
    """The table. counts[0] is how many entries there are, counts[1 + c] the codes of column c."""

    slots: npt.NDArray[np.int32]  # entry, or -1
    entries: Ints  # [slots / 2, 5]
    counts: Ints
    recent: npt.NDArray[np.int32]  # [columns, LIKELY] entry, or -1


def new_distinct(columns: int, size: int = 1 << 15) -> Distinct:
    """Return an empty table. `size`: slots, a power of two."""
    return Distinct(
        np.full(size, -1, np.int32),
        np.empty((size // 2, 5), np.int64),
        np.zeros(columns + 1, np.int64),
        np.full((columns, LIKELY), -1, np.int32),
    )


def empty_again(table: Distinct) -> None:
    """Forget all entries."""
    table.slots[:] = -1
    table.recent[:] = -1
    table.counts[:] = 0


def larger(table: Distinct, more: int) -> Distinct:
    """Return the table with room for at least `more` entries more."""
    used = int(table.counts[0])
    size = 2 * len(table.slots)
    while used + more > size // 2:
        size *= 2
    found = new_distinct(len(table.counts) - 1, size)
    found.entries[:used] = table.entries[:used]
    found.counts[:] = table.counts
    _fill_slots(found)
    return found


@lean
def _fill_slots(table: Distinct) -> None:
    mask = len(table.slots) - 1
    for entry in range(table.counts[0]):
        slot = table.entries[entry, HASH] & mask
        while table.slots[slot] >= 0:
            slot = (slot + 1) & mask
        table.slots[slot] = entry


@lean
def _look_up(
    table: Distinct, data: Bytes, start: int, length: int, column: int, owner: int, likely: int,
    moving: bool, seed: U64,
) -> int:  # fmt: skip
    salt = U64(owner) * U64(0x9E3779B97F4A7C15)
    wanted = np.int64(hash_bytes(data, start, length, seed ^ salt))
    mask = len(table.slots) - 1
    slot = wanted & mask
    while True:
        entry = np.int64(table.slots[slot])
        if entry < 0:
            break
        if (
            table.entries[entry, HASH] == wanted
            and table.entries[entry, LENGTH] == length
            and table.entries[entry, OWNER] == owner
            and same_bytes(data, table.entries[entry, START], data, start, length)
        ):
            table.recent[column, likely] = entry
            if moving:
                table.entries[entry, START] = start
            return np.int64(table.entries[entry, CODE])
        slot = (slot + 1) & mask
    entry = table.counts[0]
    code = table.counts[1 + column]
    table.counts[0] += 1
    table.counts[1 + column] += 1
    table.slots[slot] = entry
    table.recent[column, likely] = entry
    table.entries[entry, HASH] = wanted
    table.entries[entry, START] = start
    table.entries[entry, LENGTH] = length
    table.entries[entry, OWNER] = owner
    table.entries[entry, CODE] = code
    return np.int64(code)


@inlined
def code_of(
    table: Distinct, data: Bytes, start: int, length: int, column: int, raw: bool, likely: int,
    moving: bool, seed: U64,
) -> int:  # fmt: skip
    """Return the code of some bytes in a column, a new one if they are new there.

    The caller has made room. All bytes of one column lie in the same buffer. likely: a number that
    records of the same form share; what it went with last in this column is tried first. moving:
    these bytes stay where they are, so that the entry may point to them: they are nearer than its
    first ones.
    """
    owner = 2 * column + (1 if raw else 0)
    likely %= LIKELY
    guess = np.int64(table.recent[column, likely])
    if (
        guess >= 0
        and table.entries[guess, LENGTH] == length
        and table.entries[guess, OWNER] == owner
        and same_bytes(data, table.entries[guess, START], data, start, length)
    ):
        if moving:
            table.entries[guess, START] = start
        return np.int64(table.entries[guess, CODE])
    return _look_up(table, data, start, length, column, owner, likely, moving, seed)


@lean
def utf8_length(data: Bytes, at: int, end: int) -> int:
    """Return how many bytes the well-formed UTF-8 character at `at` has; 0 if there is none.

    Source: The Unicode Standard, table 3-7.
    """
    first = np.int64(data[at])
    if first < 0x80:
        return 1
    if first < 0xC2 or first > 0xF4:
        return 0
    more = 1 if first < 0xE0 else (2 if first < 0xF0 else 3)
    if at + more >= end:
        return 0
    low, high = np.int64(0x80), np.int64(0xBF)
    if first == 0xE0:
        low = np.int64(0xA0)
    elif first == 0xED:
        high = np.int64(0x9F)
    elif first == 0xF0:
        low = np.int64(0x90)
    elif first == 0xF4:
        high = np.int64(0x8F)
    second = np.int64(data[at + 1])
    if second < low or second > high:
        return 0
    for i in range(2, more + 1):
        if (data[at + i] & 0xC0) != 0x80:
            return 0
    return more + 1


@lean
def _four_hex(data: Bytes, at: int) -> int:
    value = 0
    for i in range(at, at + 4):
        value = value * 16 + hex_digit(np.int64(data[i]))
    return value


@lean
def _put_character(out: Bytes, size: int, point: int) -> int:
    if point < 0x80:
        out[size] = point
        return size + 1
    if point < 0x800:
        out[size] = 0xC0 | (point >> 6)
        out[size + 1] = 0x80 | (point & 63)
        return size + 2
    if point < 0x10000:
        out[size] = 0xE0 | (point >> 12)
        out[size + 1] = 0x80 | ((point >> 6) & 63)
        out[size + 2] = 0x80 | (point & 63)
        return size + 3
    out[size] = 0xF0 | (point >> 18)
    out[size + 1] = 0x80 | ((point >> 12) & 63)
    out[size + 2] = 0x80 | ((point >> 6) & 63)
    out[size + 3] = 0x80 | (point & 63)
    return size + 4


@lean
def _put_escape(data: Bytes, at: int, end: int, out: Bytes, size: int) -> tuple[int, int]:
    """Write what the escape at `at` stands for; return where it ends and the new size."""
    letter = data[at + 1]
    if letter != 117:
        byte = letter
        if letter == 110:
            byte = np.uint8(10)
        elif letter == 116:
            byte = np.uint8(9)
        elif letter == 114:
            byte = np.uint8(13)
        elif letter == 98:
            byte = np.uint8(8)
        elif letter == 102:
            byte = np.uint8(12)
        out[size] = byte
        return at + 2, size + 1
    point = _four_hex(data, at + 2)
    if 0xD800 <= point < 0xDC00 and at + 12 <= end and data[at + 6] == 92 and data[at + 7] == 117:
        low = _four_hex(data, at + 8)
        if 0xDC00 <= low < 0xE000:
            point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00)
            return at + 12, _put_character(out, size, point)
    if 0xD800 <= point < 0xE000:  # half a pair is no character: it stays as it was written
        for i in range(6):
            out[size + i] = data[at + i]
        return at + 6, size + 6
    return at + 6, _put_character(out, size, point)


@lean
def _put_invalid(byte: int, raw: bool, out: Bytes, size: int) -> int:
    """Write a byte that is no UTF-8: as backslash, x, two digits; in JSON text as U+FFFD."""
    if raw:
        return _put_character(out, size, 0xFFFD)
    out[size] = 92
    out[size + 1] = 120
    for i in range(2):
        digit = (byte >> (4 - 4 * i)) & 15
        out[size + 2 + i] = digit + (48 if digit < 10 else 87)
    return size + 4


@lean
def _put_text(source: Bytes, at: int, end: int, raw: bool, out: Bytes, size: int) -> int:
    while at < end:
        byte = source[at]
        if byte == 92 and not raw:
            at, size = _put_escape(source, at, end, out, size)
        elif byte < 0x80:
            out[size] = byte
            size += 1
            at += 1
        else:
            length = utf8_length(source, at, end)
            if length == 0:
                size = _put_invalid(np.int64(byte), raw, out, size)
                at += 1
            else:
                size = copy_bytes(source, at, length, out, size)
                at += length
    return size


@kernel
def texts(
    table: Distinct, data: Bytes, arena: Bytes, first_in_arena: int
) -> tuple[Bytes, Ints, Ints]:
    """Return the decoded texts of all entries: (bytes, ends by column and code, first of a column).

    Entry with code c of a column stands at place p = first[column] + c and has the bytes
    ends[p] to ends[p + 1]. Columns from `first_in_arena` on have their bytes in `arena`; the last
    column holds no text, so its entries stay empty here.
    """
    entries, used = table.entries, table.counts[0]
    columns = len(table.counts) - 1
    first = np.zeros(columns + 1, np.int64)
    for column in range(columns):
        first[column + 1] = first[column] + table.counts[1 + column]
    order = np.empty(used, np.int64)
    total = 16
    for entry in range(used):
        order[first[entries[entry, OWNER] >> 1] + entries[entry, CODE]] = entry
        total += entries[entry, LENGTH]
    out = np.empty(total * 2, np.uint8)
    ends = np.zeros(used + 1, np.int64)
    size = 0
    for place in range(used):
        entry = order[place]
        owner = entries[entry, OWNER]
        at = entries[entry, START]
        end = at + (entries[entry, LENGTH] if owner >> 1 < columns - 1 else 0)
        raw = (owner & 1) == 1
        inside = owner >> 1 >= first_in_arena
        need = size + 4 * (end - at) + 8  # an invalid byte becomes four
        if need > len(out):
            more = np.empty(need * 2, np.uint8)
            more[:size] = out[:size]
            out = more
        if inside:
            size = _put_text(arena, at, end, raw, out, size)
        else:
            size = _put_text(data, at, end, raw, out, size)
        ends[place + 1] = size
    return out, ends, first


def validity(codes: npt.NDArray[np.int32]) -> tuple[Bytes, Ints]:
    """Return Arrow's bit maps [columns, bytes] of the codes that are not -1, and how many are -1.

    Bytes are a multiple of 64, so that each column's map is aligned.
    """
    columns, rows = codes.shape
    there = codes >= 0
    bits = np.zeros((columns, (rows + 511) // 512 * 64), np.uint8)
    bits[:, : (rows + 7) // 8] = np.packbits(there, axis=1, bitorder="little")
    return bits, rows - np.count_nonzero(there, axis=1)
