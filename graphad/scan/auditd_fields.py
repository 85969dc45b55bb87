"""The fields of one audit line: into the slots of its event, the others into JSON.

    fields = { word | key "=" value | "msg='" fields "'" | GROUP SEPARATOR }
    value  = '"' text '"' | "{" text "}" | anything but a space

A word alone is free text; "old" and "new" belong to the key after them, as old kernels wrote login
records. Punctuation around values ("," ")" "(") is not kept, nor is how a value was quoted where
that says nothing: quotes stay only around what would be taken for something else without them, such
as a file called ABCD or (null).
"""

import numpy as np

from graphad.scan import auditd_keys as k
from graphad.scan.auditd_event import (
    COUNT_AT,
    CURRENT,
    KEY_AT,
    MAX_KEYS,
    MAX_RUN,
    NO_NUMBER,
    NUMBER_AT,
    PATH_AT,
    SEEN,
    WORD_AT,
)
from graphad.scan.auditd_keys import field_of, name_type_of, word8
from graphad.scan.auditd_runs import PAST, keep_run, opens_run, put_run, seen_place, slot_of
from graphad.scan.auditd_text import BARE, QUOTED, is_hex, put_utf8, unhex
from graphad.scan.auditd_values import (
    hex_number,
    put_comma,
    put_key,
    put_plain,
    put_repeated,
    put_value,
    trimmed,
    value_end,
    whole_number,
)
from graphad.scan.auditd_words import look, next_blank, next_byte, next_equals_or_blank, put_json
from graphad.scan.lean import inlined, lean
from graphad.scan.words import U64, Bytes, Ints, same_bytes, trailing_zeros


@lean
def _arguments(data: Bytes, a: int, end: int, event: Ints) -> int:
    """Take a0= to a3= of a system call if they stand together; return their end, or -1."""
    at = a
    zero = one = two = 0
    for i in range(4):
        if at + 4 > end or data[at] != 97 or data[at + 1] != 48 + i or data[at + 2] != 61:
            return -1
        past = next_blank(data, at + 3, end)
        value = hex_number(data, at + 3, past)
        if value == NO_NUMBER or (i < 3 and (past >= end or data[past] != 32)):
            return -1
        zero, one, two = (one, two, value) if i < 3 else (zero, one, two)
        at = past + 1
    event[NUMBER_AT + k.A0], event[NUMBER_AT + k.A1], event[NUMBER_AT + k.A2] = zero, one, two
    event[3 * k.ARGS], event[3 * k.ARGS + 1] = a, at - 1
    return at - 1


@inlined
def _take(event: Ints, slot: int, a: int, b: int, form: int) -> bool:
    if event[3 * slot] >= 0:
        return False
    event[3 * slot], event[3 * slot + 1], event[3 * slot + 2] = a, b, form
    return True


@inlined
def _take_number(
    data: Bytes, field: int, a: int, b: int, kind: int, event: Ints, machines: Ints
) -> bool:
    place = field - k.NUMBER
    if place == k.ARCH:
        if event[NUMBER_AT + k.ARCH] < 0:
            value = hex_number(data, a, b)
            for i in range(len(machines)):
                if machines[i, k.CALLS] == value:
                    event[NUMBER_AT + k.ARCH] = i
        return False
    if place == k.FLAGS:
        if kind == k.OPENAT2 and event[NUMBER_AT + k.FLAGS] < 0 and b - a <= 18:
            value = 0
            for at in range(a, b):
                value = value * 8 + np.int64(data[at] & 7)
            event[NUMBER_AT + k.FLAGS] = value
        return False
    value = whole_number(data, a, b)
    if value < 0 or event[NUMBER_AT + place] >= 0 or (place == k.TARGET) != (kind == k.OBJECT):
        return False
    if place == k.CALL:
        arch = event[NUMBER_AT + k.ARCH]
        if arch < 0 or value >= k.CALLS or machines[arch, value] < 0:
            return False
        event[NUMBER_AT + k.FAMILY] = machines[arch, value]
    event[NUMBER_AT + place] = value
    return True


@inlined
def take_field(
    data: Bytes, key: U64, a: int, b: int, form: int, kind: int, event: Ints,
    machines: Ints,
) -> bool:  # fmt: skip
    """Give a field to its event; return whether a column holds all of it, so that JSON needn't."""
    field = field_of(key)
    if field < 0:
        return False
    if kind == k.PATH:
        at = event[COUNT_AT + CURRENT]
        if at >= 0:
            if field == k.NAME:
                if form == QUOTED or data[a] != 40:  # (null)
                    (
                        event[PATH_AT + 5 * at],
                        event[PATH_AT + 5 * at + 1],
                        event[PATH_AT + 5 * at + 2],
                    ) = a, b, form
            elif field == k.NAME_TYPE:
                event[PATH_AT + 5 * at + 3] = name_type_of(word8(data, a, b))
            elif field == k.ITEM:
                event[PATH_AT + 5 * at + 4] = max(0, whole_number(data, a, b))
        return False
    if kind == k.MODULE:
        if field == k.NAME:
            _take(event, k.MODULE_NAME, a, b, form)
        return False
    if kind == k.SOCKADDR:
        if field == k.SADDR:
            _take(event, k.SADDR, a, b, form)
        return False
    if kind == k.TYPED and field == k.DATA:
        field = k.COMMAND
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
                event[NUMBER_AT + k.RETURNED] = -value if minus else value
        return taken
    if form != QUOTED and (
        field == k.EXE or field == k.FOLDER or field == k.ACCOUNT or field == k.COMMAND
    ):
        return not is_hex(data, a, b)  # as it was written stays in JSON
    return True


@lean
def _same_before(data: Bytes, event: Ints, first: int, count: int) -> int:
    """Return how many keys from `first` up to the last one are the last one."""
    a, b, word = (
        event[KEY_AT + 3 * (count - 1)],
        event[KEY_AT + 3 * (count - 1) + 1],
        event[KEY_AT + 3 * (count - 1) + 2],
    )
    same = 0
    for i in range(first, count - 1):
        if event[KEY_AT + 3 * i + 2] == word and (
            word != 0
            or (
                event[KEY_AT + 3 * i + 1] - event[KEY_AT + 3 * i] == b - a
                and same_bytes(data, event[KEY_AT + 3 * i], data, a, b - a)
            )
        ):
            same += 1
    return same


@lean
def _nested_end(data: Bytes, at: int, end: int) -> int:
    """Return the last quote before the group separator or the end; that if there is none."""
    limit = past = next_byte(data, at, end, 29)
    while past > at and data[past - 1] != 39:
        past -= 1
    return past - 1 if past > at else limit


@lean
def _put_decoded(data: Bytes, a: int, b: int, scratch: Bytes, out: Bytes, size: int) -> int:
    """Write what a name in hexadecimal says, beside it."""
    for c in b',"name_text":"':
        out[size] = c
        size += 1
    past = unhex(data, a, b, scratch, 0)
    part = len(scratch) // 3
    past, _ = put_utf8(scratch, 0, past, scratch, part)
    size = put_json(scratch, part, past, out, size)
    out[size] = 34
    return size + 1


@inlined
def _short_value(
    data: Bytes, start: int, ahead: int, at: int, limit: int, blank: U64, quote: U64, awkward: U64
) -> tuple[bool, int, int, int]:
    """Find the end of a value that lies within the 64 bytes that `look` saw from `start` on.

    `ahead`: where in them the equals sign is. Return (whether neither key nor value has anything
    that JSON escapes, start, end or -1 if it is another kind of value, how written).
    """
    if ahead >= 62 or at >= limit or data[at] == 123:
        return False, at, -1, BARE
    bare = data[at] != 34
    ends = (blank >> U64(ahead)) >> U64(1) if bare else quote >> U64(ahead + 2)
    value = at if bare else at + 1
    length = trailing_zeros(ends)
    past = value + length
    if not bare and (length == 64 or past >= limit):
        return False, at, -1, BARE
    if bare and past > limit:
        past = limit
    if past - start >= 64:
        return False, at, -1, BARE
    inside = ~(~U64(0) << U64(past - start))
    if not bare:
        inside &= ~(U64(2) << U64(ahead))
    return awkward & inside == U64(0), value, past, BARE if bare else QUOTED


@lean
def put_fields(
    data: Bytes, a: int, end: int, kind: int, event: Ints, scratch: Bytes, machines: Ints,
    out: Bytes, size: int,
) -> int:  # fmt: skip
    """Take the fields of a line and write the inside of a JSON object of those that are left."""
    begin = first = size
    at = a
    keys = scope = words = 0
    event[SEEN] += 1
    nested, mark = -1, 0
    login = False
    run, running = -1, False  # the slot of the last run of fields, whether it goes on
    run_at = run_past = run_limit = run_json = run_size = run_keys = run_stop = 0
    while True:
        limit = nested if nested >= 0 else end
        while at < limit and data[at] <= 32:
            at += 1
        if at >= limit:
            running = False
            if nested < 0:
                break
            if size == first:  # nothing was left in msg=''
                size = mark
            else:
                out[size] = 125
                size += 1
            at, nested, first, scope = nested + 1, -1, begin, keys
            event[SEEN] += 1
            continue
        start = at
        equals, blank, quote, awkward = look(data, at)
        ahead = trailing_zeros(equals | blank)
        at = min(at + ahead, limit) if ahead < 64 else next_equals_or_blank(data, at + 64, limit)
        if at >= limit or data[at] != 61 or at == start:
            running = False
            if at == start:  # "=" alone
                at += 1
            if words < MAX_KEYS:
                event[WORD_AT + 2 * words], event[WORD_AT + 2 * words + 1] = start, at
                words += 1
                continue
            event[WORD_AT + 2 * (MAX_KEYS - 1) + 1] = at  # the rest is one text, as it stands
            continue
        stop = at
        seen = start  # what `look` saw 64 bytes from
        at += 1
        while start < stop and (data[start] == 40 or data[start] == 44):
            start += 1
        key = word8(data, start, stop)
        if opens_run(key) and words == 0 and seen == start:
            if run >= 0:
                keep_run(data, run, run_at, run_past, run_limit, event, run_keys, run_stop,
                         run_json, run_size)  # fmt: skip
                run = -1
            slot = slot_of(data, start)
            copied, size = put_run(data, slot, start, limit, event, keys, out, size, first)
            if copied:
                keys += copied
                at = start + event[slot + PAST]
                running = False
                continue
            run, running = slot, True
            run_at = run_past = start
            run_limit, run_keys, run_stop = limit, keys, keys
            run_json = run_size = size + (1 if size > first else 0)
        if key == U64(0x67736D) and nested < 0 and at < limit and data[at] == 39:  # msg='
            running = False
            mark = size
            size = put_key(data, start, stop, out, size, first)
            out[size] = 123
            size += 1
            nested = _nested_end(data, at + 1, end)
            first, at, scope = size, at + 1, keys
            event[SEEN] += 1
            continue
        if kind == k.SYSCALL and key == U64(0x3061) and event[3 * k.ARGS] < 0:  # a0
            past = _arguments(data, start, limit, event)
            if past >= 0:
                at, running = past, False
                continue
        before = U64(0)
        if words and event[WORD_AT + 2 * (words - 1) + 1] + 1 == start:
            before = word8(
                data, event[WORD_AT + 2 * (words - 1)], event[WORD_AT + 2 * (words - 1) + 1]
            )
        old = before == U64(0x646C6F)
        plain, value, past, form = _short_value(data, seen, ahead, at, limit, blank, quote, awkward)
        if past >= 0:
            at = past + 1 if form == QUOTED else past
            if form == BARE:
                past = trimmed(data, value, past)
        else:
            value, past, form, at = value_end(data, at, limit)
        if old or before == U64(0x77656E):  # new
            words -= 1
        # The name of a login id only counts beside that id.
        taken = False
        if not old and (login or key != U64(0x44495541)):
            taken = take_field(data, key, value, past, form, kind, event, machines)
        if running:
            running = plain and field_of(key) < 0 and keys - run_keys < MAX_RUN
        if taken:
            login = login or key == U64(0x64697561)  # auid: kept if its name takes the column
            continue
        if keys == MAX_KEYS:
            running = False
            if words == 0:
                words = 1
                event[WORD_AT + 0] = start
            event[WORD_AT + 2 * (words - 1) + 1] = at
            continue
        if old:
            size = put_comma(out, size, first)
            for c in b'"old-':
                out[size] = c
                size += 1
            size = put_json(data, start, stop, out, size)
            out[size] = 34
            out[size + 1] = 58
            size = put_value(data, value, past, form, out, size + 2)
            continue
        at_key = KEY_AT + 3 * keys
        event[at_key], event[at_key + 1], event[at_key + 2] = start, stop, np.int64(key)
        keys += 1
        times = 0
        place = seen_place(key)
        if event[place] == event[SEEN]:
            times = _same_before(data, event, scope, keys)
        event[place] = event[SEEN]
        if times:
            running = False
            size = put_repeated(data, start, stop, times + 1, out, size, first)
            size = put_value(data, value, past, form, out, size)
        elif plain:
            size = put_plain(data, start, stop, value, past, form, out, size, first)
        else:
            size = put_key(data, start, stop, out, size, first)
            size = put_value(data, value, past, form, out, size)
        if kind == k.PATH and form == BARE and key == U64(0x656D616E) and is_hex(data, value, past):
            size = _put_decoded(data, value, past, scratch, out, size)  # name: readable too
        if running:
            run_past, run_stop, run_size = at, keys, size
    if run >= 0:
        keep_run(data, run, run_at, run_past, run_limit, event, run_keys, run_stop, run_json,
                 run_size)  # fmt: skip
    if login and event[3 * k.LOGIN] >= 0:
        size = put_comma(out, size, begin)
        for c in b'"auid":':
            out[size] = c
            size += 1
        login_id, past = event[3 * k.LOGIN_ID], event[3 * k.LOGIN_ID + 1]
        size = put_value(data, login_id, past, BARE, out, size)
    if words:
        size = put_comma(out, size, begin)
        for c in b'"text":"':
            out[size] = c
            size += 1
        for i in range(words):
            if i:
                out[size] = 32
                size += 1
            size = put_json(data, event[WORD_AT + 2 * i], event[WORD_AT + 2 * i + 1], out, size)
        out[size] = 34
        size += 1
    return size
