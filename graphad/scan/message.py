r"""Rendered messages that repeat the record's fields: the repeated parts become {field}.

A message is cut at its line ends; what stands behind the first colon of a line and equals one of
the record's fields, byte for byte or with the digits of a 0x number in capitals, becomes {path} or
{path!X}. Braces of the text are doubled, as in str.format. So few distinct texts are left.

Most messages have the form of an earlier one: the parts of recent forms are kept, and a message
that consists of the same literals and of its own record's values at the same places has that form.
"""

from typing import NamedTuple

import numpy as np

from graphad.scan.keys import NODE, PATH, PATH_LENGTH, Keys
from graphad.scan.lean import inlined, lean
from graphad.scan.leaves import ITS_FIELD, LEAF, LENGTH, QUOTABLE, SEEN, START, Leaves
from graphad.scan.words import U64, Bits, Bytes, Ints, copy_bytes, first_bit, hash_bytes, same_bytes

PARTS = 160  # of a form at most; the rest of a longer message stays literal
_SETS, _WAYS = 64, 4
_HINTS = 1024
COUNT, CODE = 0, 1  # columns of Forms.known


class Forms(NamedTuple):
    """Recent forms of messages. A part is (field * 2 + capitals, or -1; start; length)."""

    parts: Ints  # [forms, PARTS, 3]
    known: Ints  # [forms, 2] how many parts a form has, 0 if there is none yet; its code
    turn: Ints  # [sets] which form of the set is replaced next
    hint: Ints  # field that the line with a key of this hash repeated last


def new_forms() -> Forms:
    """Return room for forms."""
    return Forms(
        np.empty((_SETS * _WAYS, PARTS, 3), np.int64),
        np.zeros((_SETS * _WAYS, 2), np.int64),
        np.zeros(_SETS, np.int64),
        np.full(_HINTS, -1, np.int64),
    )


@lean
def _same_capitals(data: Bytes, text: int, value: int, length: int) -> bool:
    """Say whether text is 0x and then the value's digits in capitals."""
    if length < 3 or data[text] != 48 or data[text + 1] != 120:
        return False
    if data[value] != 48 or data[value + 1] != 120:
        return False
    for i in range(2, length):
        byte = data[value + i]
        if 97 <= byte <= 122:
            byte -= np.uint8(32)
        if byte != data[text + i]:
            return False
    return True


@inlined
def _repeats(leaves: Leaves, leaf: int, data: Bytes, start: int, length: int) -> int:
    """Return 0 if the text repeats the leaf, 1 if in capitals, else -1."""
    if not leaves.leaf[leaf, QUOTABLE] or leaves.leaf[leaf, LENGTH] != length:
        return -1
    if same_bytes(data, leaves.leaf[leaf, START], data, start, length):
        return 0
    return 1 if _same_capitals(data, start, leaves.leaf[leaf, START], length) else -1


@lean
def _has_form(
    forms: Forms, form: int, leaves: Leaves, record: int, data: Bytes, start: int, length: int
) -> bool:
    at, end = start, start + length
    for part in range(forms.known[form, COUNT]):
        field, literal, size = forms.parts[form, part]
        if field < 0:
            if at + size > end or not same_bytes(data, literal, data, at, size):
                return False
            forms.parts[form, part, 1] = at  # the same bytes, and nearer
        else:
            if leaves.by_field[field >> 1, SEEN] != record:
                return False
            leaf = leaves.by_field[field >> 1, LEAF]
            size = leaves.leaf[leaf, LENGTH]
            if at + size > end or _repeats(leaves, leaf, data, at, size) != (field & 1):
                return False
        at += size
    return bool(at == end)


@inlined
def form_set(data: Bytes, start: int, length: int) -> int:
    """Return the first form of the set to which a message belongs, by how it begins."""
    return np.int64(hash_bytes(data, start, min(length, 12), U64(7))) % _SETS * _WAYS


@lean
def known_form(
    forms: Forms, leaves: Leaves, record: int, data: Bytes, start: int, length: int
) -> int:
    """Return the code of the form that a message has, or -1."""
    first = form_set(data, start, length)
    for form in range(first, first + _WAYS):
        if forms.known[form, COUNT] and _has_form(forms, form, leaves, record, data, start, length):
            return np.int64(forms.known[form, CODE])
    return -1


@lean
def _search(
    forms: Forms,
    leaves: Leaves,
    count: int,
    record: int,
    data: Bytes,
    key: int,
    start: int,
    end: int,
) -> int:
    """Return field * 2 + capitals of a field that data[start:end] repeats, or -1."""
    length = end - start
    place = np.int64(hash_bytes(data, key, start - key, U64(11))) & (_HINTS - 1)
    hint = forms.hint[place]
    if hint >= 0 and leaves.by_field[hint, SEEN] == record:
        found = _repeats(leaves, leaves.by_field[hint, LEAF], data, start, length)
        if found >= 0:
            return 2 * hint + found
    for leaf in range(count):
        found = _repeats(leaves, leaf, data, start, length)
        if found >= 0:
            forms.hint[place] = leaves.leaf[leaf, ITS_FIELD]
            return 2 * leaves.leaf[leaf, ITS_FIELD] + found
    return -1


@lean
def _put_literal(data: Bytes, start: int, end: int, out: Bytes, size: int) -> int:
    for i in range(start, end):
        byte = data[i]
        out[size] = byte
        size += 1
        if byte == 123 or byte == 125:
            out[size] = byte
            size += 1
    return size


@lean
def put_template(
    forms: Forms, keys: Keys, leaves: Leaves, count: int, record: int,
    data: Bytes, breaks: Bits, start: int, length: int, arena: Bytes, used: int,
) -> tuple[int, int]:  # fmt: skip
    """Write a message's template to the arena and remember its form: (bytes used, form).

    The caller sees to the room, and then sets the form's code.
    """
    first = form_set(data, start, length)
    form = first + forms.turn[first // _WAYS]
    forms.turn[first // _WAYS] = (form - first + 1) % _WAYS
    at, end = start, start + length
    literal, parts = start, 0  # where the literal that is not yet written begins
    while at < end and parts < PARTS - 2:
        stop = first_bit(breaks, at)
        line_end = min(stop - 1, end)
        value = at
        while value < line_end and data[value] != 58:
            value += 1
        value += 1
        while value < line_end:
            if data[value] == 32:
                value += 1
            elif data[value] == 92 and data[value + 1] == 116:
                value += 2
            else:
                break
        if line_end - value >= 2:
            field = _search(forms, leaves, count, record, data, at, value, line_end)
            if field >= 0:
                used = _put_literal(data, literal, value, arena, used)
                forms.parts[form, parts] = (-1, literal, value - literal)
                forms.parts[form, parts + 1] = (field, 0, 0)
                parts += 2
                arena[used] = 123
                node = keys.fields[field >> 1, NODE]
                used = copy_bytes(
                    keys.text,
                    keys.nodes[node, PATH],
                    keys.nodes[node, PATH_LENGTH],
                    arena,
                    used + 1,
                )
                if field & 1:
                    arena[used] = 33
                    arena[used + 1] = 88
                    used += 2
                arena[used] = 125
                used += 1
                literal = line_end
        at = stop + 1
    used = _put_literal(data, literal, end, arena, used)
    forms.parts[form, parts] = (-1, literal, end - literal)
    forms.known[form, COUNT] = parts + 1
    return used, form
