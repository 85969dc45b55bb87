"""The fields of the record that is being read, and how the others are kept as JSON text."""

from typing import NamedTuple

import numpy as np

from graphad.scan.keys import PATH, PATH_LENGTH, Keys
from graphad.scan.lean import inlined, lean
from graphad.scan.strings import hex_digit
from graphad.scan.words import U64, Bytes, Ints, copy_bytes, load64

STRING, JSON, NULL = 0, 1, 2  # kinds of a value in a text column; more in timestamps.py
INTEGER = 3  # kind of a JSON number in an int column


# Columns of Leaves.leaf: its field; kind of its value; where that stands, without quotes; where its
# JSON text stands, or that of its list element; its place in the list, or -1; what a number or time
# is; what a time has past the microsecond; 1 if a message may refer to it
ITS_FIELD, KIND, START, LENGTH, RAW, RAW_LENGTH, INDEX, VALUE, PAST, QUOTABLE = range(10)
SEEN, LEAF = 0, 1  # columns of by_field and by_column: last record that had it, and its leaf there


class Leaves(NamedTuple):
    """Fields of one record, in the order in which they came; reused for each record."""

    leaf: Ints  # [F + 1, 10]
    by_field: Ints  # [F, 2]
    by_column: Ints  # [C, 2] the leaf that fills a column


def new_leaves(fields: int, columns: int) -> Leaves:
    """Return room for one record's fields."""
    return Leaves(
        np.zeros((fields + 1, 10), np.int64),
        np.full((fields, 2), -1, np.int64),
        np.full((columns, 2), -1, np.int64),
    )


@lean
def _put_number(out: Bytes, at: int, number: int) -> int:
    scale = 1
    while scale * 10 <= number:
        scale *= 10
    while scale > 0:
        out[at] = 48 + number // scale % 10
        at += 1
        scale //= 10
    return at


@lean
def _special(point: int) -> bool:
    """Say whether a path needs a backslash before this character of a key: . [ or backslash."""
    return point == 46 or point == 91 or point == 92


@inlined
def _has(word: U64, byte: int) -> U64:
    """Return a word that is 0 only if no byte of `word` is `byte`."""
    apart = word ^ (U64(byte) * U64(0x0101010101010101))
    return (apart - U64(0x0101010101010101)) & ~apart & U64(0x8080808080808080)


@inlined
def _plain_key(data: Bytes, start: int, length: int) -> bool:
    """Say whether a path may have this key as it is."""
    at = 0
    while at + 8 <= length:
        word = load64(data, start + at)
        if _has(word, 46) | _has(word, 91) | _has(word, 92):
            return False
        at += 8
    while at < length:
        if _special(np.int64(data[start + at])):
            return False
        at += 1
    return True


@lean
def _put_key(data: Bytes, start: int, length: int, out: Bytes, size: int) -> int:
    """Write a key, still JSON text, as one step of a path."""
    at, end = start, start + length
    while at < end:
        byte = np.int64(data[at])
        width, point = 1, byte
        if byte == 92:
            width = 2
            point = np.int64(data[at + 1])
            if point == 117:
                width, point = 6, 0
                for i in range(at + 2, at + 6):
                    point = point * 16 + hex_digit(np.int64(data[i]))
            elif point != 92:
                point = 0
        if _special(point):  # the backslash is itself escaped, for this is JSON
            out[size] = 92
            out[size + 1] = 92
            size += 2
        size = copy_bytes(data, at, width, out, size)
        at += width
    return size


@lean
def put_attribute(
    keys: Keys, node: int, index: int, data: Bytes, key: int, key_length: int,
    raw: int, raw_length: int, first: bool, arena: Bytes, used: int,
) -> int:  # fmt: skip
    """Append `"path":value` to the attributes and return the bytes used, -1 if there is no room.

    The path is that of the node, then [index] unless it is below 0, then the key unless its
    length is below 0.
    """
    path = keys.nodes[node, PATH_LENGTH]
    own = raw + raw_length - key if key_length >= 0 else raw_length
    if used + path + 3 * max(key_length, 0) + own + 40 > len(arena):
        return -1
    arena[used] = 123 if first else 44
    if node == 0 and _plain_key(data, key, key_length):  # the record's own bytes will do
        return copy_bytes(data, key - 1, raw + raw_length - key + 1, arena, used + 1)
    arena[used + 1] = 34
    used = copy_bytes(keys.text, keys.nodes[node, PATH], path, arena, used + 2)
    if index >= 0:
        arena[used] = 91
        used = _put_number(arena, used + 1, index)
        arena[used] = 93
        used += 1
    if key_length >= 0:
        if node > 0:
            arena[used] = 46
            used += 1
        used = _put_key(data, key, key_length, arena, used)
    arena[used] = 34
    arena[used + 1] = 58
    return copy_bytes(data, raw, raw_length, arena, used + 2)
