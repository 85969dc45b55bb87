"""JSON records to columns, in one compiled pass over a block of bytes.

Each record's fields are looked up by their path. Those with a column of their own are interned
(text) or converted (whole numbers, times) at once, while their bytes are still in the cache; the
others are kept, as JSON text, in the record's attributes. What a record looked like, field by
field, is its shape, and is interned too. No Python object is made for a record.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from graphad.scan.intern import Distinct, code_of
from graphad.scan.json_record import put_leaf, read_object
from graphad.scan.json_values import (
    INVALID,
    NO_ROOM,
    NOT_OBJECT,
    bracket_end,
    skip_space,
    value_end,
)
from graphad.scan.keys import COLUMN, HOLDS, MESSAGE, PLACE, REST, TEXT, Keys
from graphad.scan.lean import inlined, lean
from graphad.scan.leaves import (
    INDEX,
    ITS_FIELD,
    JSON,
    KIND,
    LEAF,
    LENGTH,
    NULL,
    PAST,
    SEEN,
    START,
    VALUE,
    Leaves,
)
from graphad.scan.message import CODE, Forms, known_form, put_template
from graphad.scan.words import U64, Bits, Bytes, Ints, same_bytes, store64

ATTRS, TEMPLATE, SHAPE = 0, 1, 2  # text columns after those of the fields
_SORT_SHAPES = 512  # past so many shapes in a block, the order of keys no longer tells two apart


ROWS, BAD, BLANK, AT, RECORD, LINE, COUNTED, USED, STAMP = range(9)  # places in the state
DONE, NEED_ROWS, NEED_ENTRIES, NEED_ARENA = range(4)  # what scan_json returns
_RECORD, _START, _LENGTH, _LINE, _REASON = range(5)  # rows of places and bad_places


class Rows(NamedTuple):
    """Columns to fill, one place a record, and a place more for each reject."""

    codes: npt.NDArray[np.int32]  # [text columns + 3, room]; -1: nothing there
    numbers: Ints  # [number columns, room]
    filled: npt.NDArray[np.bool_]  # [number columns, room]
    places: Ints  # [4, room]: record, first byte, bytes, line
    bad_places: Ints  # [5, room]: the same, and the reason


class Scratch(NamedTuple):
    """Memory that is reused for each record."""

    leaves: Leaves
    forms: Forms
    nodes: Ints  # [MAX_DEPTH] objects being read
    seen: Ints  # [N] stamp of the record that met a node last
    words: Ints  # [F + 1] a shape
    trail: Ints  # see trail.py


@lean
def _sort(words: Ints, count: int) -> None:
    for i in range(1, count):
        word = words[i]
        j = i - 1
        while j >= 0 and words[j] > word:
            words[j + 1] = words[j]
            j -= 1
        words[j + 1] = word


@inlined
def _agree(leaves: Leaves, a: int, b: int, data: Bytes) -> bool:
    """Say whether two fields can share a column: they read the same."""
    length = leaves.leaf[a, LENGTH]
    return bool(
        leaves.leaf[a, KIND] == leaves.leaf[b, KIND]
        and leaves.leaf[b, LENGTH] == length
        and same_bytes(data, leaves.leaf[a, START], data, leaves.leaf[b, START], length)
    )


@inlined
def _claim_columns(keys: Keys, leaves: Leaves, count: int, stamp: int) -> None:
    """Give each column to the field that goes first among those that would fill it."""
    for leaf in range(count):
        kind = leaves.leaf[leaf, KIND]
        if kind < 0 or kind == NULL:
            continue
        field = leaves.leaf[leaf, ITS_FIELD]
        column = keys.fields[field, COLUMN]
        taken = leaves.by_column[column, SEEN] == stamp
        if not taken or field < leaves.leaf[leaves.by_column[column, LEAF], ITS_FIELD]:
            leaves.by_column[column, SEEN] = stamp
            leaves.by_column[column, LEAF] = leaf


@inlined
def _fill_row(
    keys: Keys, leaves: Leaves, count: int, row: int, data: Bytes, rows: Rows, distinct: Distinct,
    words: Ints, seed: U64, arena: Bytes, used: int, empty: int,
) -> tuple[int, int, int]:  # fmt: skip
    """Fill a row's columns: (words of its shape, leaf of its message or -1, bytes used)."""
    fields, message = 0, -1
    for leaf in range(count):
        field, kind = leaves.leaf[leaf, ITS_FIELD], leaves.leaf[leaf, KIND]
        holds, place = keys.fields[field, HOLDS], keys.fields[field, PLACE]
        holder = leaves.by_column[keys.fields[field, COLUMN], LEAF]
        mine = kind == NULL or (
            kind >= 0 and (holder == leaf or _agree(leaves, holder, leaf, data))
        )
        past = leaves.leaf[leaf, PAST]
        if mine and past > 0:  # only one time of a record can keep its last digits
            rest = keys.fields[field, REST]
            mine = holder == leaf and not rows.filled[rest, row]
            if mine:
                rows.numbers[rest, row] = past
                rows.filled[rest, row] = True
        if not mine:
            used = put_leaf(keys, leaves, leaf, data, used == empty, arena, used)
            continue
        words[fields] = (field << 48) | ((leaves.leaf[leaf, INDEX] + 1) << 24) | kind
        fields += 1
        if kind == NULL or holder != leaf:
            continue
        if holds == TEXT:
            start, length = leaves.leaf[leaf, START], leaves.leaf[leaf, LENGTH]
            rows.codes[place, row] = code_of(
                distinct, data, start, length, place, kind == JSON, count, True, seed
            )
        elif holds == MESSAGE:
            message = leaf
        else:
            rows.numbers[place, row] = leaves.leaf[leaf, VALUE]
            rows.filled[place, row] = True
    return fields, message, used


@inlined
def _fill_message(
    keys: Keys, scratch: Scratch, count: int, stamp: int, leaf: int, data: Bytes, breaks: Bits,
    distinct: Distinct, column: int, seed: U64, arena: Bytes, used: int,
) -> tuple[int, int]:  # fmt: skip
    """Return (code of a message's template, bytes used)."""
    leaves, forms = scratch.leaves, scratch.forms
    start, length = leaves.leaf[leaf, START], leaves.leaf[leaf, LENGTH]
    code = known_form(forms, leaves, stamp, data, start, length)
    if code >= 0:
        return code, used
    end, form = put_template(
        forms, keys, leaves, count, stamp, data, breaks, start, length, arena, used
    )
    before = distinct.counts[0]
    code = code_of(distinct, arena, used, end - used, column, False, count, False, seed)
    forms.known[form, CODE] = code
    return code, (end if distinct.counts[0] > before else used)


@inlined
def _fill_shape(
    distinct: Distinct, words: Ints, fields: int, column: int, seed: U64, arena: Bytes, used: int
) -> tuple[int, int]:
    """Return (code of a shape, bytes used)."""
    if distinct.counts[1 + column] > _SORT_SHAPES:
        _sort(words, fields)
    for i in range(fields):
        store64(arena, used + 8 * i, U64(words[i]))
    before = distinct.counts[0]
    code = code_of(distinct, arena, used, 8 * fields, column, True, fields, False, seed)
    return code, (used + 8 * fields if distinct.counts[0] > before else used)


@inlined
def _fill(
    keys: Keys, scratch: Scratch, count: int, row: int, stamp: int, data: Bytes, breaks: Bits,
    rows: Rows, distinct: Distinct, texts: int, seed: U64, arena: Bytes, used: int, empty: int,
) -> int:  # fmt: skip
    """Fill all columns of a row whose attributes begin at `empty`; return the bytes used."""
    _claim_columns(keys, scratch.leaves, count, stamp)
    fields, message, used = _fill_row(
        keys, scratch.leaves, count, row, data, rows, distinct, scratch.words, seed, arena, used,
        empty,
    )  # fmt: skip
    if used > empty:
        arena[used] = 125
        used += 1
        before = distinct.counts[0]
        code = code_of(
            distinct, arena, empty, used - empty, texts + ATTRS, True, count, False, seed
        )
        rows.codes[texts + ATTRS, row] = code
        used = used if distinct.counts[0] > before else empty
    if message >= 0:
        code, used = _fill_message(
            keys, scratch, count, stamp, message, data, breaks, distinct, texts + TEMPLATE, seed,
            arena, used,
        )  # fmt: skip
        rows.codes[texts + TEMPLATE, row] = code
    code, used = _fill_shape(distinct, scratch.words, fields, texts + SHAPE, seed, arena, used)
    rows.codes[texts + SHAPE, row] = code
    return used


@lean
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


@lean
def _line_start(data: Bytes, at: int) -> int:
    """Return where a line begins, past blanks and a byte order mark."""
    end = len(data)
    if at + 2 < end and data[at] == 239 and data[at + 1] == 187 and data[at + 2] == 191:
        at += 3
    return skip_space(data, at, end, False)


@lean
def _line_ends(data: Bytes, start: int, end: int) -> int:
    count = 0
    for i in range(start, end):
        count += data[i] == 10
    return count


@inlined
def _place(places: Ints, at: int, record: int, start: int, length: int, line: int) -> None:
    places[_RECORD, at] = record
    places[_START, at] = start
    places[_LENGTH, at] = length
    places[_LINE, at] = line


@lean
def _fault_end(data: Bytes, start: int, multi: bool) -> tuple[int, int]:
    """Return where to go on behind a faulty record, and where the record ends."""
    end = len(data)
    if multi:
        after = bracket_end(data, start, end)
    else:
        after = start
        while after < end and data[after] != 10:
            after += 1
    last = after
    while last > start and (data[last - 1] == 13 or data[last - 1] == 10):
        last -= 1
    return after, last


@lean
def scan_json(
    data: Bytes, stops: Bits, breaks: Bits, keys: Keys, scratch: Scratch, texts: int, margin: int,
    multi: bool, rows: Rows, distinct: Distinct, arena: Bytes, state: Ints, seed: U64,
) -> int:  # fmt: skip
    """Read the JSON records of a block from where `state` says, until it ends or memory does.

    texts: how many text columns the fields have. margin: bytes of the arena that a record may need
    besides four times its own. multi: records may span lines and stand in arrays; else each line
    is one. seed: secret of the hash. Returns DONE, or what has to grow before the next call.
    """
    end = len(data)
    at, record, line = state[AT], state[RECORD], state[LINE]
    need = DONE
    while True:
        if multi:
            at = _separators_end(data, at)
            if at >= end:
                break
            line += _line_ends(data, state[COUNTED], at)
            state[COUNTED] = at
        else:
            if at >= end:
                break
            at = _line_start(data, at)
            if at >= end or data[at] == 10:
                state[BLANK] += 1
                record += 1
                line += 1
                at += 1
                continue
        row, bad, used = state[ROWS], state[BAD], state[USED]
        if row >= rows.places.shape[1] or bad >= rows.places.shape[1]:
            need = NEED_ROWS
            break
        if distinct.counts[0] + len(keys.fields) + 3 > len(distinct.entries):
            need = NEED_ENTRIES
            break
        start, empty, count = at, used, 0
        state[STAMP] += 1
        if data[at] == 123:
            stop, count, used = read_object(
                keys, scratch.leaves, scratch.nodes, scratch.seen, scratch.trail, state[STAMP],
                data, stops, at, multi, arena, used,
            )  # fmt: skip
        else:
            stop = value_end(data, stops, at, end, multi, 0)
            if stop >= 0:
                stop = NOT_OBJECT
        if stop == NO_ROOM or (stop >= 0 and used + 4 * (stop - start) + margin > len(arena)):
            need = NEED_ARENA
            break
        after = stop
        if stop >= 0 and not multi:
            after = skip_space(data, stop, end, False)
            if after < end and data[after] != 10:
                stop = INVALID
        if stop < 0:
            after, last = _fault_end(data, start, multi)
            _place(rows.bad_places, bad, record, start, last - start, line)
            rows.bad_places[_REASON, bad] = stop
            state[BAD] += 1
        else:
            state[USED] = _fill(
                keys, scratch, count, row, state[STAMP], data, breaks, rows, distinct, texts, seed,
                arena, used, empty,
            )  # fmt: skip
            _place(rows.places, row, record, start, stop - start, line)
            state[ROWS] += 1
        record += 1
        at = max(after, start + 1)
        if not multi:
            at = after + 1
            line += 1
    state[AT], state[RECORD], state[LINE] = at, record, line
    return need
