"""The fields of the record that is being read, and how the others are kept as JSON text."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from graphad.jit import kernel
from graphad.scan.keys import Keys
from graphad.scan.strings import hex_digit
from graphad.scan.words import Bytes, copy_bytes

STRING, JSON, NULL = 0, 1, 2  # kinds of a value in a text column; more in timestamps.py
INTEGER = 3  # kind of a JSON number in an int column


class Leaves(NamedTuple):
    """Fields of one record, in the order in which they came; arrays are reused for each record."""

    field: npt.NDArray[np.int64]
    kind: npt.NDArray[np.int64]
    start: npt.NDArray[np.int64]  # of the value, without quotes
    length: npt.NDArray[np.int64]
    raw: npt.NDArray[np.int64]  # [L, 2] start and length of the value, or of its list element
    index: npt.NDArray[np.int64]  # in its list; -1 if it stands in none
    value: npt.NDArray[np.int64]  # of a number or time
    rest: npt.NDArray[np.int64]
    quotable: npt.NDArray[np.bool_]  # a message may refer to it
    of_field: npt.NDArray[np.int64]  # [F] leaf of a field ...
    seen_field: npt.NDArray[np.int64]  # [F] ... in this record
    of_column: npt.NDArray[np.int64]  # [C] leaf that fills a column ...
    seen_column: npt.NDArray[np.int64]  # [C] ... in this record


@kernel
def new_leaves(fields: int, columns: int) -> Leaves:
    """Return room for one record's fields."""
    return Leaves(
        np.zeros(fields + 1, np.int64),
        np.zeros(fields + 1, np.int64),
        np.zeros(fields + 1, np.int64),
        np.zeros(fields + 1, np.int64),
        np.zeros((fields + 1, 2), np.int64),
        np.zeros(fields + 1, np.int64),
        np.zeros(fields + 1, np.int64),
        np.zeros(fields + 1, np.int64),
        np.zeros(fields + 1, np.bool_),
        np.zeros(fields, np.int64),
        np.full(fields, -1, np.int64),
        np.zeros(columns, np.int64),
        np.full(columns, -1, np.int64),
    )


@kernel
def room(arena: Bytes, used: int, more: int) -> Bytes:
    """Return the arena if it has room for `more` bytes past `used`, else a larger copy."""
    if used + more <= len(arena):
        return arena
    larger = np.empty(2 * (used + more), np.uint8)
    larger[:used] = arena[:used]
    return larger


@kernel
def _put_number(out: Bytes, at: int, number: int) -> int:
    scale = 1
    while scale * 10 <= number:
        scale *= 10
    while scale > 0:
        out[at] = 48 + number // scale % 10
        at += 1
        scale //= 10
    return at


@kernel
def _special(point: int) -> bool:
    """Say whether a path needs a backslash before this character of a key: . [ or backslash."""
    return point == 46 or point == 91 or point == 92


@kernel
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


@kernel
def put_attribute(
    keys: Keys, node: int, index: int, data: Bytes, key: int, key_length: int,
    raw: int, raw_length: int, first: bool, arena: Bytes, used: int,
) -> tuple[Bytes, int]:  # fmt: skip
    """Append `"path":value` to the attributes: (arena, bytes used).

    The path is that of the node, then [index] unless it is below 0, then the key unless its
    length is below 0.
    """
    path = keys.path[node, 1]
    arena = room(arena, used, path + 3 * max(key_length, 0) + raw_length + 40)
    arena[used] = 123 if first else 44
    arena[used + 1] = 34
    used = copy_bytes(keys.text, keys.path[node, 0], path, arena, used + 2)
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
    return arena, copy_bytes(data, raw, raw_length, arena, used + 2)
