"""The fields of one audit line: into the slots of its event, the others into JSON.

    fields = { word | key "=" value | "msg='" fields "'" | GROUP SEPARATOR }
    value  = '"' text '"' | "{" text "}" | anything but a space

A word alone is free text; "old" and "new" belong to the key after them, as old kernels wrote login
records. Punctuation around values ("," ")" "(") is not kept, nor is how a value was quoted where
that says nothing: quotes stay only around what would be taken for something else without them, such
as a file called ABCD or (null).
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from graphad.scan import auditd_keys as k
from graphad.scan.auditd_keys import field_of, name_type_of, word8
from graphad.scan.auditd_lines import number
from graphad.scan.auditd_text import BARE, BRACED, QUOTED, is_hex, put_json
from graphad.scan.lean import inlined, lean
from graphad.scan.strings import hex_digit
from graphad.scan.words import U64, Bytes, Ints, same_bytes

MAX_KEYS = 512  # of a line; what follows is kept as one text
MAX_PATHS = 64  # of an event; the others are only kept
MAX_ARGS = 1 << 16


class Event(NamedTuple):
    """What the lines of one event said; reused for the next."""

    slots: Ints  # [SLOTS, 3] start, end, how it was written; start -1: nothing
    numbers: Ints  # [NUMBERS]; -1 (RETURNED: NO_NUMBER): nothing
    paths: Ints  # [MAX_PATHS, 5] start, end, how written, name type, item
    args: Ints  # [MAX_ARGS, 4] number << 32 | chunk, start, end, how written
    counts: Ints  # [COUNTS]
    keys: Ints  # [MAX_KEYS, 2] those of a line
    words: Ints  # [MAX_KEYS, 2] free words of a line
    lines: Ints  # [EVENT_LINES] lines of one kind
    kinds: Ints  # [EVENT_LINES] kinds of its lines
    codes: Bytes  # decoded hexadecimal
    texts: Bytes  # the same as text


# Places in `counts`. ODD: an argument isn't plain; CURRENT: path of this line, or -1.
PATHS, ARGUMENTS, ODD, CURRENT, COUNTS = range(5)
NO_NUMBER = -(2**62)


@inlined
def _comma(out: Bytes, size: int, first: int) -> int:
    if size > first:
        out[size] = 44
        size += 1
    return size


@inlined
def put_key(data: Bytes, a: int, b: int, out: Bytes, size: int, first: int) -> int:
    """Write a key of a JSON object whose inside begins at `first`."""
    size = _comma(out, size, first)
    out[size] = 34
    size = put_json(data, a, b, out, size + 1)
    out[size] = 34
    out[size + 1] = 58
    return size + 2


@lean
def put_value(data: Bytes, a: int, b: int, form: int, out: Bytes, size: int) -> int:
    """Write a value as a JSON string."""
    out[size] = 34
    size += 1
    keep = form == QUOTED and (is_hex(data, a, b) or (b > a and data[a] == 40))
    if keep:
        out[size] = 92
        out[size + 1] = 34
        size += 2
    size = put_json(data, a, b, out, size)
    if keep:
        out[size] = 92
        out[size + 1] = 34
        size += 2
    out[size] = 34
    return size + 1


@lean
def _put_repeated(data: Bytes, a: int, b: int, times: int, out: Bytes, size: int, first: int) -> int:
    """Write a key that the object has already: with # and a number."""
    size = put_key(data, a, b, out, size, first) - 2
    out[size] = 35
    size += 1
    digits, rest = 1, times // 10
    while rest:
        digits += 1
        rest //= 10
    for i in range(digits):
        out[size + digits - 1 - i] = 48 + times % 10
        times //= 10
    size += digits
    out[size] = 34
    out[size + 1] = 58
    return size + 2


@lean
def value_end(data: Bytes, at: int, end: int) -> tuple[int, int, int, int]:
    """Return (start, end, how written, where it goes on) of a value."""
    if at < end and (data[at] == 34 or data[at] == 123):
        close = 34 if data[at] == 34 else 125
        past = at + 1
        while past < end and data[past] != close:
            past += 1
        if past < end and close == 34:
            return at + 1, past, QUOTED, past + 1
        if past < end:
            return at, past + 1, BRACED, past + 1
    past = at
    opened = False
    while past < end and data[past] != 32 and data[past] != 29:
        opened = opened or data[past] == 40
        past += 1
    b = past
    if b > at and data[b - 1] == 44:
        b -= 1
    if b > at and data[b - 1] == 41 and not opened:
        b -= 1
    return at, b, BARE, past


@lean
def _hex_number(data: Bytes, a: int, b: int) -> int:
    """Return a number of at most 16 hexadecimal digits, wrapped to 64 bits; NO_NUMBER if none."""
    if not 1 <= b - a <= 16:
        return NO_NUMBER
    value = U64(0)
    for at in range(a, b):
        digit = hex_digit(np.int64(data[at]))
        if digit < 0:
            return NO_NUMBER
        value = (value << U64(4)) | U64(digit)
    return np.int64(value)


@lean
def whole_number(data: Bytes, a: int, b: int) -> int:
    """Return a number of at most 18 digits that is written as short as it can be; else -1."""
    if not 1 <= b - a <= 18 or (data[a] == 48 and b - a > 1):
        return -1
    for at in range(a, b):
        if not 48 <= data[at] <= 57:
            return -1
    return number(data, a, b)


@lean
def _arguments(data: Bytes, a: int, end: int, event: Event) -> int:
    """Take a0= to a3= of a system call if they stand together; return their end, or -1."""
    at = a
    for i in range(4):
        if at + 4 > end or data[at] != 97 or data[at + 1] != 48 + i or data[at + 2] != 61:
            return -1
        past = at + 3
        while past < end and data[past] != 32:
            past += 1
        value = _hex_number(data, at + 3, past)
        if value == NO_NUMBER:
            return -1
        if i < 3:
            event.numbers[k.A0 + i] = value
        at = past + 1
    event.slots[k.ARGS, 0], event.slots[k.ARGS, 1] = a, at - 1
    return at - 1


@inlined
def _take(event: Event, slot: int, a: int, b: int, form: int) -> bool:
    if event.slots[slot, 0] >= 0:
        return False
    event.slots[slot, 0], event.slots[slot, 1], event.slots[slot, 2] = a, b, form
    return True


@lean
def _take_number(
    data: Bytes, field: int, a: int, b: int, kind: int, event: Event, machines: k.Machines
) -> bool:
    place = field - k.NUMBER
    if place == k.ARCH:
        if event.numbers[k.ARCH] < 0:
            value = _hex_number(data, a, b)
            for i in range(len(machines.arch)):
                if machines.arch[i] == value:
                    event.numbers[k.ARCH] = i
        return False
    if place == k.FLAGS:
        if kind == k.OPENAT2 and event.numbers[k.FLAGS] < 0 and b - a <= 18:
            value = 0
            for at in range(a, b):
                value = value * 8 + np.int64(data[at] & 7)
            event.numbers[k.FLAGS] = value
        return False
    value = whole_number(data, a, b)
    if value < 0 or event.numbers[place] >= 0 or (place == k.TARGET) != (kind == k.OBJECT):
        return False
    if place == k.CALL:
        arch = event.numbers[k.ARCH]
        if arch < 0 or value >= k.CALLS or machines.family[arch, value] < 0:
            return False
        event.numbers[k.FAMILY] = machines.family[arch, value]
    event.numbers[place] = value
    return True


@lean
def take_field(
    data: Bytes, key: U64, a: int, b: int, form: int, kind: int, event: Event,
    machines: k.Machines,
) -> bool:  # fmt: skip
    """Give a field to its event; return whether a column holds all of it, so that JSON needn't."""
    field = field_of(key)
    if field < 0:
        return False
    if kind == k.PATH:
        at = event.counts[CURRENT]
        if at >= 0:
            if field == k.NAME:
                if form == QUOTED or data[a] != 40:  # (null)
                    event.paths[at, 0], event.paths[at, 1], event.paths[at, 2] = a, b, form
            elif field == k.NAME_TYPE:
                event.paths[at, 3] = name_type_of(word8(data, a, b))
            elif field == k.ITEM:
                event.paths[at, 4] = max(0, whole_number(data, a, b))
        return False
    if kind == k.MODULE:
        if field == k.NAME:
            _take(event, k.MODULE_NAME, a, b, form)
        return False
    if kind == k.SOCKADDR:
        if field == k.SADDR:
            _take(event, k.SADDR, a, b, form)
        return False
    if kind == k.CWD and field != k.FOLDER:
        return False
    if k.NUMBER <= field < k.NAME:
        return _take_number(data, field, a, b, kind, event, machines)
    if kind == k.OBJECT or kind == k.OPENAT2 or field >= k.SLOTS or field == k.SADDR:
        return False
    if field == k.ARGS or b == a or (b - a == 1 and data[a] == 63):  # ?
        return False
    if form == BARE and data[a] == 40:  # (null) and (none)
        return False
    taken = _take(event, field, a, b, form)
    if not taken or field == k.EXIT:
        if taken and b - a < 12:
            minus = data[a] == 45
            value = whole_number(data, a + minus, b)
            if value >= 0:
                event.numbers[k.RETURNED] = -value if minus else value
        return taken
    if form != QUOTED and (
        field == k.EXE or field == k.FOLDER or field == k.ACCOUNT or field == k.COMMAND
    ):
        return not is_hex(data, a, b)  # as it was written stays in JSON
    return True


@lean
def _same_before(data: Bytes, event: Event, first: int, count: int) -> int:
    """Return how many keys from `first` up to the last one are the last one."""
    a, b = event.keys[count - 1, 0], event.keys[count - 1, 1]
    same = 0
    for i in range(first, count - 1):
        if event.keys[i, 1] - event.keys[i, 0] == b - a and same_bytes(
            data, event.keys[i, 0], data, a, b - a
        ):
            same += 1
    return same


@lean
def _nested_end(data: Bytes, at: int, end: int) -> int:
    """Return the last quote before the group separator or the end; `at` if there is none."""
    past = at
    while past < end and data[past] != 29:
        past += 1
    while past > at and data[past - 1] != 39:
        past -= 1
    return max(at, past - 1)


@lean
def put_fields(
    data: Bytes, a: int, end: int, kind: int, event: Event, machines: k.Machines, out: Bytes,
    size: int,
) -> int:  # fmt: skip
    """Take the fields of a line and write the inside of a JSON object of those that are left."""
    begin = first = size
    at = a
    keys = scope = words = 0
    bloom = U64(0)
    nested, outer, mark = -1, 0, 0
    login = False
    while True:
        limit = nested if nested >= 0 else end
        while at < limit and (data[at] == 32 or data[at] == 29):
            at += 1
        if at >= limit:
            if nested < 0:
                break
            if size == first:  # nothing was left in msg=''
                size = mark
            else:
                out[size] = 125
                size += 1
            at, nested, first, scope = nested + 1, -1, outer, keys
            bloom = U64(0)
            continue
        start = at
        while at < limit and data[at] != 61 and data[at] != 32 and data[at] != 29:
            at += 1
        if at >= limit or data[at] != 61 or at == start:
            if at == start:  # "=" alone
                at += 1
            if words < MAX_KEYS:
                event.words[words, 0], event.words[words, 1] = start, at
                words += 1
                continue
            event.words[MAX_KEYS - 1, 1] = at  # the rest is one text, as it stands
            continue
        stop = at
        at += 1
        while start < stop and (data[start] == 40 or data[start] == 44):
            start += 1
        key = word8(data, start, stop)
        if key == U64(0x67736D) and nested < 0 and at < limit and data[at] == 39:  # msg='
            close = _nested_end(data, at + 1, end)
            if close > at:
                mark = size
                size = put_key(data, start, stop, out, size, first)
                out[size] = 123
                size += 1
                outer, first, nested, at, scope = begin, size, close, at + 1, keys
                bloom = U64(0)
                continue
        if kind == k.SYSCALL and key == U64(0x3061) and event.slots[k.ARGS, 0] < 0:  # a0
            past = _arguments(data, start, limit, event)
            if past >= 0:
                at = past
                continue
        before = U64(0)
        if words and event.words[words - 1, 1] + 1 == start:
            before = word8(data, event.words[words - 1, 0], event.words[words - 1, 1])
        old = before == U64(0x646C6F)
        value, past, form, at = value_end(data, at, limit)
        if old or before == U64(0x77656E):  # new
            words -= 1
        # The name of a login id only counts beside that id.
        if not old and (login or key != U64(0x44495541)):
            if take_field(data, key, value, past, form, kind, event, machines):
                if key == U64(0x64697561):  # auid: kept if its name takes the column
                    login = True
                continue
        if keys == MAX_KEYS:
            if words == 0:
                words = 1
                event.words[0, 0] = start
            event.words[words - 1, 1] = at
            continue
        event.keys[keys, 0], event.keys[keys, 1] = start, stop
        keys += 1
        times = 0
        if not old:
            bit = U64(1) << ((key ^ (key >> U64(17)) ^ (key >> U64(32))) & U64(63))
            if bloom & bit:
                times = _same_before(data, event, scope, keys)
            bloom |= bit
        if old:
            size = _comma(out, size, first)
            for c in b'"old-':
                out[size] = c
                size += 1
            size = put_json(data, start, stop, out, size)
            out[size] = 34
            out[size + 1] = 58
            size += 2
        elif times:
            size = _put_repeated(data, start, stop, times + 1, out, size, first)
        else:
            size = put_key(data, start, stop, out, size, first)
        size = put_value(data, value, past, form, out, size)
    if login and event.slots[k.LOGIN, 0] >= 0:
        size = _comma(out, size, begin)
        for c in b'"auid":':
            out[size] = c
            size += 1
        login_id, past = event.slots[k.LOGIN_ID, 0], event.slots[k.LOGIN_ID, 1]
        size = put_value(data, login_id, past, BARE, out, size)
    if words:
        size = _comma(out, size, begin)
        for c in b'"text":"':
            out[size] = c
            size += 1
        for i in range(words):
            if i:
                out[size] = 32
                size += 1
            size = put_json(data, event.words[i, 0], event.words[i, 1], out, size)
        out[size] = 34
        size += 1
    return size


