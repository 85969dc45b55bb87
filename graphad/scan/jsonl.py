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
from graphad.scan.json_record import put_leaf, read_object
from graphad.scan.json_values import (
    INVALID,
    MAX_DEPTH,
    NOT_OBJECT,
    bracket_end,
    skip_space,
    value_end,
)
from graphad.scan.keys import MESSAGE, TEXT, Keys
from graphad.scan.leaves import JSON, NULL, Leaves, new_leaves, room
from graphad.scan.message import Forms, known_form, new_forms, put_template, template_size
from graphad.scan.words import U64, Bits, Bytes

ATTRS, TEMPLATE, SHAPE = 0, 1, 2  # text columns after those of the fields
_SORT_SHAPES = 512  # past so many shapes in a block, the order of keys no longer tells two apart


class Scanned(NamedTuple):
    """What a block holds: `rows` rows, `bad` rejects; rows is -1 if there was no room for them."""

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
def _sort(words: Ints, count: int) -> None:
    for i in range(1, count):
        word = words[i]
        j = i - 1
        while j >= 0 and words[j] > word:
            words[j + 1] = words[j]
            j -= 1
        words[j + 1] = word


@kernel
def _agree(leaves: Leaves, a: int, b: int, data: Bytes) -> bool:
    """Say whether two fields can share a column: they read the same."""
    if leaves.kind[a] != leaves.kind[b] or leaves.length[a] != leaves.length[b]:
        return False
    for i in range(leaves.length[a]):
        if data[leaves.start[a] + i] != data[leaves.start[b] + i]:
            return False
    return True


@kernel
def _claim_columns(keys: Keys, leaves: Leaves, count: int, record: int) -> None:
    """Give each column to the field that goes first among those that would fill it."""
    for leaf in range(count):
        if leaves.kind[leaf] < 0 or leaves.kind[leaf] == NULL:
            continue
        column = keys.column[leaves.field[leaf]]
        holder = leaves.of_column[column]
        taken = leaves.seen_column[column] == record
        if not taken or leaves.field[leaf] < leaves.field[holder]:
            leaves.seen_column[column] = record
            leaves.of_column[column] = leaf


@kernel
def _fill_row(
    keys: Keys, leaves: Leaves, count: int, row: int, data: Bytes, codes: npt.NDArray[np.int32],
    numbers: Ints, filled: npt.NDArray[np.bool_], distinct: Distinct, words: Ints, seed: U64,
    arena: Bytes, used: int, empty: int,
) -> tuple[int, int, Bytes, int]:  # fmt: skip
    """Fill a row's columns: (words of its shape, leaf of its message or -1, arena, bytes used)."""
    fields, message = 0, -1
    for leaf in range(count):
        field = leaves.field[leaf]
        kind = leaves.kind[leaf]
        holds, place = keys.holds[field], keys.place[field]
        holder = leaves.of_column[keys.column[field]]
        mine = kind == NULL or (
            kind >= 0 and (holder == leaf or _agree(leaves, holder, leaf, data))
        )
        rest = leaves.rest[leaf]
        if mine and rest > 0 and holder == leaf:
            mine = keys.rest[field] >= 0 and not filled[keys.rest[field], row]
            if mine:
                numbers[keys.rest[field], row] = rest
                filled[keys.rest[field], row] = True
        elif rest > 0:
            mine = False
        if not mine:
            arena, used = put_leaf(keys, leaves, leaf, data, used == empty, arena, used)
            continue
        words[fields] = (field << 48) | ((leaves.index[leaf] + 1) << 24) | kind
        fields += 1
        if kind == NULL or holder != leaf:
            continue
        if holds == TEXT:
            codes[place, row] = code_of(
                distinct, data, leaves.start[leaf], leaves.length[leaf], place, kind == JSON, seed
            )
        elif holds == MESSAGE:
            message = leaf
        else:
            numbers[place, row] = leaves.value[leaf]
            filled[place, row] = True
    return fields, message, arena, used


@kernel
def _fill_message(
    keys: Keys, leaves: Leaves, count: int, record: int, leaf: int, forms: Forms, data: Bytes,
    breaks: Bits, distinct: Distinct, column: int, longest: int, seed: U64, arena: Bytes, used: int,
) -> tuple[int, Bytes, int]:  # fmt: skip
    """Return (code of a message's template, arena, bytes used)."""
    start, length = leaves.start[leaf], leaves.length[leaf]
    code = known_form(forms, leaves, record, data, start, length)
    if code >= 0:
        return code, arena, used
    arena = room(arena, used, 2 * length + longest)
    end, form = put_template(
        forms, keys, leaves, count, record, data, breaks, start, length, arena, used
    )
    before = distinct.counts[0]
    code = code_of(distinct, arena, used, end - used, column, False, seed)
    forms.code[form] = code
    return code, arena, (end if distinct.counts[0] > before else used)


@kernel
def _fill_shape(
    distinct: Distinct, words: Ints, fields: int, column: int, seed: U64, arena: Bytes, used: int
) -> tuple[int, Bytes, int]:
    """Return (code of a shape, arena, bytes used)."""
    if distinct.counts[1 + column] > _SORT_SHAPES:
        _sort(words, fields)
    start = (used + 7) & ~7
    arena = room(arena, start, 8 * fields)
    arena[start : start + 8 * fields].view(np.int64)[:] = words[:fields]
    before = distinct.counts[0]
    code = code_of(distinct, arena, start, 8 * fields, column, True, seed)
    return code, arena, (start + 8 * fields if distinct.counts[0] > before else used)


@kernel
def _separators_end(data: Bytes, at: int) -> int:
    """Return where the blanks, commas, brackets and byte order marks at `at` end."""
    while at < len(data):
        byte = data[at]
        if byte == 239 and at + 2 < len(data) and data[at + 1] == 187 and data[at + 2] == 191:
            at += 3
        elif byte == 32 or 9 <= byte <= 10 or byte == 13 or byte == 44 or byte == 91 or byte == 93:
            at += 1
        else:
            break
    return at


@kernel
def _line_start(data: Bytes, at: int) -> int:
    """Return where a line begins, past blanks and a byte order mark."""
    end = len(data)
    if at + 2 < end and data[at] == 239 and data[at + 1] == 187 and data[at + 2] == 191:
        at += 3
    return skip_space(data, at, end, False)


@kernel
def _line_ends(data: Bytes, start: int, end: int) -> int:
    count = 0
    for i in range(start, end):
        count += data[i] == 10
    return count


@kernel
def scan_json(
    data: Bytes, stops: Bits, breaks: Bits, keys: Keys, columns: int, texts: int, numbers_: int,
    multi: bool, capacity: int, seed: U64,
) -> Scanned:  # fmt: skip
    """Read the JSON records of a block.

    columns, texts, numbers_: how many columns the keys fill, and how many of them are of text and
    of numbers. multi: records may span lines and stand in arrays; else each line is one record.
    capacity: room for so many rows, and so many rejects. seed: secret of the hash.
    """
    codes = np.full((texts + 3, capacity), -1, np.int32)
    numbers = np.zeros((numbers_, capacity), np.int64)
    filled = np.zeros((numbers_, capacity), np.bool_)
    places = np.empty((4, capacity), np.int64)
    bad_places = np.empty((5, capacity), np.int64)
    distinct = new_distinct(texts + 3, 1 << 13)
    leaves = new_leaves(len(keys.node), columns)
    forms = new_forms()
    nodes = np.zeros(MAX_DEPTH, np.int64)
    seen = np.full(len(keys.parent), -1, np.int64)
    words = np.empty(len(keys.node) + 1, np.int64)
    arena = np.empty(1 << 16, np.uint8)
    longest = template_size(keys, 0)
    used, end = 0, len(data)
    rows, bad, blank, record, line, counted, at = 0, 0, 0, 0, 0, 0, 0
    while True:
        if multi:
            at = _separators_end(data, at)
            if at >= end:
                break
            line += _line_ends(data, counted, at)
            counted = at
        else:
            if at >= end:
                break
            at = _line_start(data, at)
            if at >= end or data[at] == 10:
                blank += 1
                record += 1
                line += 1
                at += 1
                continue
        if rows >= capacity or bad >= capacity:
            rows = -1
            break
        start, empty = at, used
        if data[at] == 123:
            stop, count, arena, used = read_object(
                keys, leaves, nodes, seen, record, data, stops, at, multi, arena, used
            )
        else:
            count = 0
            stop = value_end(data, stops, at, end, multi, 0)
            if stop >= 0:
                stop = NOT_OBJECT
        after = stop
        if stop >= 0 and not multi:
            after = skip_space(data, stop, end, False)
            if after < end and data[after] != 10:
                stop = INVALID
        if stop < 0:
            used = empty
            after = bracket_end(data, start, end) if multi else start
            while not multi and after < end and data[after] != 10:
                after += 1
            last = after
            while last > start and data[last - 1] == 13:
                last -= 1
            bad_places[0, bad] = record
            bad_places[1, bad] = start
            bad_places[2, bad] = last - start
            bad_places[3, bad] = line
            bad_places[4, bad] = stop
            bad += 1
        else:
            distinct = with_room(distinct, count + 3)
            _claim_columns(keys, leaves, count, record)
            fields, message, arena, used = _fill_row(
                keys, leaves, count, rows, data, codes, numbers, filled, distinct, words, seed,
                arena, used, empty,
            )  # fmt: skip
            if used > empty:
                arena = room(arena, used, 1)
                arena[used] = 125
                before = distinct.counts[0]
                code = code_of(
                    distinct, arena, empty, used + 1 - empty, texts + ATTRS, True, seed
                )
                codes[texts + ATTRS, rows] = code
                used = used + 1 if distinct.counts[0] > before else empty
            if message >= 0:
                code, arena, used = _fill_message(
                    keys, leaves, count, record, message, forms, data, breaks, distinct,
                    texts + TEMPLATE, longest, seed, arena, used,
                )  # fmt: skip
                codes[texts + TEMPLATE, rows] = code
            code, arena, used = _fill_shape(
                distinct, words, fields, texts + SHAPE, seed, arena, used
            )
            codes[texts + SHAPE, rows] = code
            places[0, rows] = record
            places[1, rows] = start
            places[2, rows] = stop - start
            places[3, rows] = line
            rows += 1
        record += 1
        at = max(after, start + 1)
        if not multi:
            at = after + 1
            line += 1
    return Scanned(
        rows, bad, blank, codes, numbers, filled, places, bad_places, distinct, arena
    )
