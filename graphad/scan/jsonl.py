"""JSON records to columns, in one compiled pass over a block of bytes.

Each record's fields are looked up by their path. Those with a column of their own are interned
(text) or converted (whole numbers, times) at once, while their bytes are still in the cache; the
others are kept, as JSON text, in the record's attributes. What a record looked like, field by
field, is its shape, and is interned too. No Python object is made for a record.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from graphad.jit import kernel
from graphad.scan.intern import Distinct, Ints, code_of, new_distinct, with_room
from graphad.scan.json_values import (
    DEEP,
    INVALID,
    MAX_DEPTH,
    NOT_OBJECT,
    REPEATED,
    TRUNCATED,
    bracket_end,
    named_text,
    over,
    scalar_end,
    skip_space,
    string_end,
    value_end,
)
from graphad.scan.keys import INT, MESSAGE, TEXT, TIME, Keys, find_key
from graphad.scan.leaves import (
    INTEGER,
    JSON,
    NULL,
    STRING,
    Leaves,
    new_leaves,
    put_attribute,
    room,
)
from graphad.scan.message import Forms, known_form, new_forms, put_template, template_size
from graphad.scan.timestamps import DECIMAL, FILETIME, from_filetime, read_int, read_time
from graphad.scan.words import U64, Bits, Bytes

ATTRS, TEMPLATE, SHAPE = 0, 1, 2  # text columns after those of the fields
_SORT_SHAPES = 512  # past so many shapes, order no longer tells two apart
_FILETIME_DIGITS = 18


class Scanned(NamedTuple):
    """What a block holds. `rows` rows and `bad` rejects are filled; -1 rows: it needs more room."""

    rows: int
    bad: int
    blank: int
    codes: npt.NDArray[np.int32]  # [text columns + 3, room]; -1: nothing there
    numbers: Ints  # [number columns, room]
    filled: npt.NDArray[np.bool_]  # [number columns, room]
    places: Ints  # [4, room]: record, first byte, bytes, line
    bad_places: Ints  # [5, room]: the same, and the reason
    distinct: Distinct
    arena: Bytes


@kernel
def _sort_words(words: Ints, count: int) -> None:
    for i in range(1, count):
        word = words[i]
        j = i - 1
        while j >= 0 and words[j] > word:
            words[j + 1] = words[j]
            j -= 1
        words[j + 1] = word


@kernel
def _convert(
    keys: Keys, field: int, data: Bytes, at: int, end: int, quoted: bool
) -> tuple[int, int, int]:
    """Return (kind, value, rest) of a value; kind -1 if its column can't hold it."""
    holds = keys.holds[field]
    start = at + 1 if quoted else at
    length = end - at - 2 if quoted else end - at
    if not quoted and data[at] == 110:
        return NULL, 0, 0
    if holds == TEXT:
        return (STRING if quoted else JSON), 0, 0
    if holds == MESSAGE:
        return (STRING if quoted else -1), 0, 0
    if holds == INT:
        kind, value = read_int(data, start, length)
        if quoted or kind < 0:
            return kind, value, 0
        return (INTEGER if kind == DECIMAL else -1), value, 0
    if quoted:
        return read_time(data, start, length)
    if length == _FILETIME_DIGITS:
        kind, value = read_int(data, start, length)
        if kind == DECIMAL and value > 0:
            value, rest = from_filetime(value)
            return FILETIME, value, rest
    return -1, 0, 0


@kernel
def _same_leaf(leaves: Leaves, a: int, b: int, data: Bytes) -> bool:
    """Say whether two leaves can share a column."""
    if leaves.kind[a] != leaves.kind[b] or leaves.length[a] != leaves.length[b]:
        return False
    for i in range(leaves.length[a]):
        if data[leaves.start[a] + i] != data[leaves.start[b] + i]:
            return False
    return True


@kernel
def _add_leaf(
    keys: Keys, leaves: Leaves, count: int, record: int, field: int, index: int,
    data: Bytes, at: int, end: int, raw: int, raw_end: int, multi: bool,
) -> tuple[int, int, int]:  # fmt: skip
    """Add a field as leaf `count`: (leaves now, first and last leaf that moved to the attributes).

    The new leaf itself moved if its kind is not what its column holds, or the column is taken by a
    field that goes before it.
    """
    quoted = data[at] == 34
    kind, value, rest = _convert(keys, field, data, at, end, quoted)
    leaf = count
    leaves.field[leaf] = field
    leaves.kind[leaf] = kind
    leaves.start[leaf] = at + 1 if quoted else at
    leaves.length[leaf] = end - at - 2 if quoted else end - at
    leaves.raw[leaf, 0] = raw
    leaves.raw[leaf, 1] = raw_end - raw
    leaves.index[leaf] = index
    leaves.value[leaf] = value
    leaves.rest[leaf] = rest
    leaves.alive[leaf] = kind >= 0
    leaves.quotable[leaf] = quoted or (kind == INTEGER)
    if keys.holds[field] == MESSAGE:
        leaves.quotable[leaf] = False
    if multi and kind == JSON and (data[at] == 123 or data[at] == 91):
        leaves.alive[leaf] = False
    moved = -1
    if leaves.seen_field[field] == record:
        old = leaves.of_field[field]
        if index >= 0:  # a list may name a field twice: the second stays in the list
            leaves.alive[leaf] = False
            leaves.quotable[leaf] = False
            return count + 1, leaf, leaf
        leaves.quotable[old] = False
        if leaves.alive[old]:
            leaves.alive[old] = False
            moved = old
            column = keys.column[field]
            if leaves.seen_column[column] == record and leaves.of_column[column] == old:
                leaves.seen_column[column] = -1
    leaves.seen_field[field] = record
    leaves.of_field[field] = leaf
    if not leaves.alive[leaf]:
        return count + 1, (leaf if moved < 0 else moved), leaf
    if kind == NULL:
        return count + 1, moved, moved
    column = keys.column[field]
    if rest > 0:
        extra = keys.rest[field]
        spare = extra >= 0 and leaves.seen_column[len(leaves.seen_column) - 1] != record
        if not spare:
            leaves.alive[leaf] = False
            return count + 1, (leaf if moved < 0 else moved), leaf
    if leaves.seen_column[column] == record and leaves.alive[leaves.of_column[column]]:
        holder = leaves.of_column[column]
        if _same_leaf(leaves, holder, leaf, data):
            return count + 1, moved, moved
        if leaves.field[holder] < field:
            leaves.alive[leaf] = False
            return count + 1, (leaf if moved < 0 else moved), leaf
        leaves.alive[holder] = False
        moved = holder if moved < 0 else moved
        leaves.of_column[column] = leaf
        return count + 1, moved, holder
    leaves.seen_column[column] = record
    leaves.of_column[column] = leaf
    return count + 1, moved, moved
