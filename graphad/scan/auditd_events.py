"""Events of audit lines as columns: each event's lines are read, and its texts interned.

The lines of an event are taken in an order of their own (SYSCALL first, PATH by item), so that the
order in which they came changes nothing but the places.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from graphad.jit import kernel
from graphad.scan import auditd_keys as k
from graphad.scan.auditd_fields import (
    ARGUMENTS,
    COUNTS,
    CURRENT,
    MAX_ARGS,
    MAX_PATHS,
    NO_NUMBER,
    ODD,
    PATHS,
    Event,
    put_fields,
    put_key,
    put_value,
    value_end,
    whole_number,
)
from graphad.scan.auditd_lines import BODY, FIRST, HEAD, LINES
from graphad.scan.auditd_objects import (
    UNIX,
    access_of,
    choose_files,
    put_address,
    put_file,
    put_slot,
)
from graphad.scan.auditd_text import BARE, QUOTED, is_hex, put_number, put_utf8, put_word, unhex
from graphad.scan.intern import Distinct, code_of
from graphad.scan.lean import lean
from graphad.scan.words import U64, Bytes, Ints, copy_bytes

# Text columns; the first are those of the slots of the same number, up to USER.
CODE, COMMAND_LINE, WORKING, FILE, NEW_FILE, DESTINATION = range(k.USER + 1, k.USER + 7)
TEXTS = k.USER + 7
# Number columns after those of auditd_keys
SOURCE_PORT, DESTINATION_PORT, ACCESS, KIND = range(k.NUMBERS, k.NUMBERS + 4)
ALL_NUMBERS = k.NUMBERS + 4


class Kinds(NamedTuple):
    """Kinds of records in a block: class, rank among the lines of an event, name in `text`."""

    kind: Ints
    rank: Ints
    name: Ints  # [kinds + 1]
    text: Bytes


class Lines(NamedTuple):
    """The lines of a block, and what they belong to."""

    heads: Ints
    start: Ints
    end: Ints
    type: Ints
    offset: Ints  # first byte, as the log has it
    length: Ints
    following: Ints


class Columns(NamedTuple):
    """What is filled, one place an event."""

    codes: npt.NDArray[np.int32]  # [TEXTS, N]
    numbers: Ints  # [ALL_NUMBERS, N]
    attrs_end: Ints  # [N + 1]
    args_end: Ints  # [N + 1]
    length: Ints  # [N] bytes from the first one to the end of the last line that follows on


ROW, ATTRS, ARENA, ARGS = range(4)  # places in the state
DONE, NEED_ENTRIES, NEED_ATTRS, NEED_ARENA, NEED_ARGS = range(5)


@kernel
def read_events(
    data: Bytes, lines: Lines, events: Ints, order: Ints, kinds: Kinds, machines: k.Machines,
    event: Event, columns: Columns, distinct: Distinct, attrs: Bytes, arena: Bytes, args: Bytes,
    state: Ints, seed: U64,
) -> int:  # fmt: skip
    """Fill the rows of the events in `order` from state[ROW] on; return what there's too little of.

    With more of it, it goes on from there.
    """
    while state[ROW] < len(order):
        row = state[ROW]
        number = order[row]
        size = np.int64(0)
        line = events[FIRST, number]
        while line >= 0:
            size += lines.end[line] - lines.start[line] + 64
            line = lines.following[line]
        if distinct.counts[0] + TEXTS > len(distinct.entries):
            return NEED_ENTRIES
        if state[ATTRS] + 7 * size + 1024 > len(attrs):
            return NEED_ATTRS
        if state[ARENA] + 10 * size + 1024 > len(arena):
            return NEED_ARENA
        if state[ARGS] + size > len(args):
            return NEED_ARGS
        _read_event(
            data, lines, events[FIRST, number], events[LINES, number], kinds, machines, event,
            columns, distinct, attrs, arena, args, state, seed,
        )  # fmt: skip
        state[ROW] += 1
    return DONE


@lean
def _read_event(
    data: Bytes, lines: Lines, first: int, count: int, kinds: Kinds, machines: k.Machines,
    event: Event, columns: Columns, distinct: Distinct, attrs: Bytes, arena: Bytes, args: Bytes,
    state: Ints, seed: U64,
) -> None:  # fmt: skip
    row = state[ROW]
    for i in range(k.SLOTS):
        event.slots[i, 0] = -1
    for i in range(k.NUMBERS):
        event.numbers[i] = -1
    event.numbers[k.RETURNED] = NO_NUMBER
    event.numbers[k.A0] = event.numbers[k.A1] = event.numbers[k.A2] = NO_NUMBER
    for i in range(COUNTS):
        event.counts[i] = 0
    event.counts[CURRENT] = -1
    # Its kinds, each once, by rank.
    present = 0
    line = first
    while line >= 0:
        kind = lines.type[line]
        i = present
        while i > 0 and kinds.rank[event.kinds[i - 1]] > kinds.rank[kind]:
            i -= 1
        if i == 0 or event.kinds[i - 1] != kind:
            for j in range(present, i, -1):
                event.kinds[j] = event.kinds[j - 1]
            event.kinds[i] = kind
            present += 1
        line = lines.following[line]
    size = state[ATTRS]
    begin = size
    attrs[size] = 123
    size += 1
    inside = size
    size = _put_places(lines, first, columns, row, attrs, size, inside)
    likely = 0
    for turn in range(2):  # the system call first
        for i in range(present):
            kind = event.kinds[i]
            if (kinds.kind[kind] == k.SYSCALL) == (turn == 0) and kinds.kind[kind] != k.END:
                size = _read_kind(
                    data, lines, first, count, kind, kinds, machines, event, columns, distinct,
                    attrs, arena, state, seed, size, inside,
                )  # fmt: skip
    if size == inside:
        size = begin
    else:
        attrs[size] = 125
        size += 1
    state[ATTRS] = columns.attrs_end[row + 1] = size
    _fill_row(data, kinds, present, event, columns, distinct, arena, args, state, seed)


@lean
def _put_places(
    lines: Lines, first: int, columns: Columns, row: int, attrs: Bytes, size: int, inside: int
) -> int:
    """Note the length of the lines that follow on from the first; write where the others are."""
    last, line = first, lines.following[first]
    while line >= 0 and lines.offset[line] == lines.offset[last] + lines.length[last] + 1:
        last, line = line, lines.following[line]
    begin = lines.offset[first]
    columns.length[row] = lines.offset[last] + lines.length[last] - begin
    if line < 0:
        return size
    for c in b'"lines":[':
        attrs[size] = c
        size += 1
    while line >= 0:
        last = line
        start = lines.offset[line]
        line = lines.following[line]
        while line >= 0 and lines.offset[line] == lines.offset[last] + lines.length[last] + 1:
            last, line = line, lines.following[line]
        attrs[size] = 91
        size = put_number(start - begin, attrs, size + 1)
        attrs[size] = 44
        size = put_number(lines.offset[last] + lines.length[last] - start, attrs, size + 1)
        attrs[size] = 93
        attrs[size + 1] = 44
        size += 2
    attrs[size - 1] = 93
    return size


@lean
def _item(data: Bytes, at: int, end: int) -> int:
    """Return the number after item=, where a PATH line begins with it."""
    while at < end and data[at] == 32:
        at += 1
    value = 0
    at += 5
    while at < end and 48 <= data[at] <= 57 and value < 1 << 40:
        value = value * 10 + np.int64(data[at] - 48)
        at += 1
    return value


@lean
def _read_kind(
    data: Bytes, lines: Lines, first: int, count: int, kind: int, kinds: Kinds,
    machines: k.Machines, event: Event, columns: Columns, distinct: Distinct, attrs: Bytes,
    arena: Bytes, state: Ints, seed: U64, size: int, inside: int,
) -> int:  # fmt: skip
    """Read all lines of one kind and write what is left of them."""
    found = 0
    line = first
    group = kinds.kind[kind]
    while line >= 0:
        if lines.type[line] == kind:
            event.lines[found] = line
            found += 1
        line = lines.following[line]
    if group == k.PATH and found <= MAX_PATHS:
        for i in range(1, found):
            line = event.lines[i]
            item = _item(data, lines.heads[BODY, line], lines.end[line])
            j = i
            while j > 0:
                other = event.lines[j - 1]
                if _item(data, lines.heads[BODY, other], lines.end[other]) <= item:
                    break
                event.lines[j] = other
                j -= 1
            event.lines[j] = line
    begin = size
    size = put_key(kinds.text, kinds.name[kind], kinds.name[kind + 1], attrs, size, inside)
    if found > 1:
        attrs[size] = 91
        size += 1
    empty = True
    for i in range(found):
        line = event.lines[i]
        start, end = lines.heads[BODY, line], lines.end[line]
        if end > start and data[end - 1] == 13:
            end -= 1
        if i:
            attrs[size] = 44
            size += 1
        attrs[size] = 123
        size += 1
        field = size
        if lines.heads[HEAD, line] > lines.start[line]:  # what syslog wrote before it
            for c in b'"prefix":':
                attrs[size] = c
                size += 1
            size = put_value(
                data, lines.start[line], lines.heads[HEAD, line] - 1, BARE, attrs, size
            )
            if size > field:
                empty = False
        if group == k.EXECVE:
            size = _arguments(data, start, end, event, attrs, size, field)
        elif group == k.PROCTITLE:
            size = _title(data, start, end, event, columns, distinct, arena, attrs, size, field,
                          state, seed)  # fmt: skip
        else:
            event.counts[CURRENT] = -1
            if group == k.PATH and event.counts[PATHS] < MAX_PATHS:
                event.counts[CURRENT] = event.counts[PATHS]
                for c in range(5):
                    event.paths[event.counts[PATHS], c] = 0
                event.counts[PATHS] += 1
            size = _rest(data, start, end, group, event, machines, attrs, size, field)
        empty = empty and size == field
        attrs[size] = 125
        size += 1
    if found > 1:
        attrs[size] = 93
        size += 1
    if group == k.EXECVE:
        size = _end_arguments(data, event, columns, distinct, arena, size, begin, state, seed)
    return begin if empty and found == 1 else size


@lean
def _rest(
    data: Bytes, start: int, end: int, group: int, event: Event, machines: k.Machines,
    attrs: Bytes, size: int, field: int,
) -> int:  # fmt: skip
    """Write the fields of a line, which may follow a field that is there already."""
    if size == field:
        return put_fields(data, start, end, group, event, machines, attrs, size)
    attrs[size] = 44
    past = put_fields(data, start, end, group, event, machines, attrs, size + 1)
    return size if past == size + 1 else past


@lean
def _arguments(
    data: Bytes, at: int, end: int, event: Event, attrs: Bytes, size: int, first: int
) -> int:
    """Take the arguments of a line of EXECVE: argc=, a0=, a1_len=, a1[0]=."""
    while at < end:
        while at < end and (data[at] == 32 or data[at] == 29):
            at += 1
        start = at
        while at < end and data[at] != 61 and data[at] != 32:
            at += 1
        stop = at
        if at == start:
            at += start < end
            continue
        if at < end and data[at] == 61:
            value, past, form, at = value_end(data, at + 1, end)
        else:
            value = past = at
            form = BARE
        size = put_key(data, start, stop, attrs, size, first)
        size = put_value(data, value, past, form, attrs, size)
        digits = start + 1
        number = 0
        while digits < stop and 48 <= data[digits] <= 57 and digits < start + 8:
            number = number * 10 + np.int64(data[digits] - 48)
            digits += 1
        if data[start] != 97 or digits == start + 1:
            is_count = stop - start == 4 and data[start + 3] == 99  # argc
            if not is_count or event.counts[ODD] >= 1 << 32:
                event.counts[ODD] |= 1
            else:
                event.counts[ODD] |= (1 + max(0, min(whole_number(data, value, past), 1 << 20))) << 32
            continue
        chunk = 0
        if digits < stop:
            event.counts[ODD] |= 1
            if data[digits] != 91:  # a1_len
                continue
            digits += 1
            while digits < stop and 48 <= data[digits] <= 57 and chunk < 1 << 24:
                chunk = chunk * 10 + np.int64(data[digits] - 48)
                digits += 1
        if form != QUOTED:
            event.counts[ODD] |= 1
        place = event.counts[ARGUMENTS]
        if place == MAX_ARGS:
            event.counts[ODD] |= 1
            continue
        event.args[place, 0] = number << 32 | chunk
        event.args[place, 1], event.args[place, 2], event.args[place, 3] = value, past, form
        if place and event.args[place - 1, 0] >= event.args[place, 0]:
            event.counts[ODD] |= 2
        event.counts[ARGUMENTS] += 1
    return size


@lean
def _sort_args(args: Ints, count: int) -> None:
    """Sort rows by their first number: a heap, for whoever writes a log chooses the order."""
    for phase in range(2):
        size = count
        start = count // 2 - 1 if phase == 0 else count - 1
        for i in range(start, -1, -1):
            root = i
            if phase:
                size = i
                root = 0
                for c in range(4):
                    args[0, c], args[i, c] = args[i, c], args[0, c]
            while 2 * root + 1 < size:
                child = 2 * root + 1
                if child + 1 < size and args[child + 1, 0] > args[child, 0]:
                    child += 1
                if args[child, 0] <= args[root, 0]:
                    break
                for c in range(4):
                    args[root, c], args[child, c] = args[child, c], args[root, c]
                root = child


@lean
def _end_arguments(
    data: Bytes, event: Event, columns: Columns, distinct: Distinct, arena: Bytes, size: int,
    begin: int, state: Ints, seed: U64,
) -> int:  # fmt: skip
    """Make the command line; where it holds all there was, take back what was written."""
    count = event.counts[ARGUMENTS]
    if count == 0:
        return size
    odd = event.counts[ODD]
    if odd & 2:
        _sort_args(event.args, count)
    start = state[ARENA]
    at = start
    i = 0
    while i < count:
        argument = event.args[i, 0] >> 32
        past = 0
        while i < count and event.args[i, 0] >> 32 == argument:
            a, b = event.args[i, 1], event.args[i, 2]
            if event.args[i, 3] != QUOTED and is_hex(data, a, b):
                past = unhex(data, a, b, event.codes, past)
            else:
                past = copy_bytes(data, a, b - a, event.codes, past)
            i += 1
        if at > start:
            arena[at] = 32
            at += 1
        at = put_word(event.codes, 0, past, arena, at)
    put_code(COMMAND_LINE, start, at, columns, distinct, arena, state, seed, count)
    last = event.args[count - 1, 0] >> 32
    whole = odd & 3 == 0 and odd >> 32 == count + 1 and last == count - 1
    return begin if whole else size


@lean
def _title(
    data: Bytes, at: int, end: int, event: Event, columns: Columns, distinct: Distinct,
    arena: Bytes, attrs: Bytes, size: int, first: int, state: Ints, seed: U64,
) -> int:  # fmt: skip
    """Take PROCTITLE: the command line, if no EXECVE told it."""
    while at < end and data[at] == 32:
        at += 1
    start = at
    while at < end and data[at] != 61 and data[at] != 32:
        at += 1
    stop = at
    value, past, form, at = value_end(data, min(at + 1, end), end)
    known = columns.codes[COMMAND_LINE, state[ROW]] >= 0
    kept = True
    if stop < end and stop - start == 9 and not known and (form != BARE or data[value] != 40):
        kept = _put_title(data, value, past, form, event, columns, distinct, arena, state, seed)
    while at < end and (data[at] == 32 or data[at] == 29):
        at += 1
    if kept or at < end:
        size = put_key(data, start, stop, attrs, size, first)
        size = put_value(data, value, past, form, attrs, size)
    if at < end:
        if size > first:
            attrs[size] = 44
            size += 1
        for c in b'"text":':
            attrs[size] = c
            size += 1
        size = put_value(data, at, end, BARE, attrs, size)
    return size


@lean
def _put_title(
    data: Bytes, a: int, b: int, form: int, event: Event, columns: Columns, distinct: Distinct,
    arena: Bytes, state: Ints, seed: U64,
) -> bool:  # fmt: skip
    """Make a command line of a title; return whether it doesn't hold all there was."""
    if form != QUOTED and is_hex(data, a, b):
        past = unhex(data, a, b, event.codes, 0)
    else:
        past = copy_bytes(data, a, b - a, event.codes, 0)
    zeros = past
    while past > 0 and event.codes[past - 1] == 0:
        past -= 1
    kept = zeros != past or past == 0
    several = False
    for i in range(past):
        several = several or event.codes[i] == 0
    start = state[ARENA]
    at, i = start, 0
    if not several:  # a title that the program gave itself is no list of words
        at, whole = put_utf8(event.codes, 0, past, arena, at)
        kept = kept or not whole or form != QUOTED
    else:
        while i <= past:
            stop = i
            while stop < past and event.codes[stop] != 0:
                stop += 1
            if i:
                arena[at] = 32
                at += 1
            _, whole = put_utf8(event.codes, i, stop, arena, at)
            kept = kept or not whole
            at = put_word(event.codes, i, stop, arena, at)
            i = stop + 1
    put_code(COMMAND_LINE, start, at, columns, distinct, arena, state, seed, past)
    return kept


@lean
def put_code(
    column: int, start: int, end: int, columns: Columns, distinct: Distinct, arena: Bytes,
    state: Ints, seed: U64, likely: int,
) -> None:  # fmt: skip
    """Give a row the text that stands in the arena; keep it there only if it is new."""
    before = distinct.counts[0]
    code = code_of(distinct, arena, start, end - start, column, True, likely, False, seed)
    columns.codes[column, state[ROW]] = code
    state[ARENA] = end if distinct.counts[0] > before else start


@lean
def _copy_slot(event: Event, one: int, other: int) -> None:
    for i in range(3):
        event.slots[other, i] = event.slots[one, i]


@lean
def _fill_row(
    data: Bytes, kinds: Kinds, present: int, event: Event, columns: Columns, distinct: Distinct,
    arena: Bytes, args: Bytes, state: Ints, seed: U64,
) -> None:  # fmt: skip
    row = state[ROW]
    numbers = event.numbers
    likely = numbers[k.PID] * 5 + (numbers[k.FAMILY] & k.FAMILY_BITS)
    start = at = state[ARENA]
    for i in range(present):
        kind = event.kinds[i]
        if kinds.kind[kind] == k.END and present > 1:
            continue
        if at > start:
            arena[at] = 32
            at += 1
        name = kinds.name[kind]
        at = copy_bytes(kinds.text, name, kinds.name[kind + 1] - name, arena, at)
    put_code(CODE, start, at, columns, distinct, arena, state, seed, numbers[k.CALL])
    if event.slots[k.LOGIN, 0] < 0:
        _copy_slot(event, k.LOGIN_ID, k.LOGIN)
    if event.slots[k.USER, 0] < 0:
        _copy_slot(event, k.UID, k.USER)
    for slot in range(k.USER + 1):
        if event.slots[slot, 0] < 0:
            continue
        start = state[ARENA]
        at = put_slot(data, slot, event, arena, start)
        put_code(slot, start, at, columns, distinct, arena, state, seed, likely)
    if event.slots[k.FOLDER, 0] >= 0:
        start = state[ARENA]
        at = put_slot(data, k.FOLDER, event, arena, start)
        put_code(WORKING, start, at, columns, distinct, arena, state, seed, likely)
    one, two = choose_files(event)
    for column, path, argument in ((FILE, one, k.DIR), (NEW_FILE, two, k.DIR2)):
        if path >= 0:
            start = state[ARENA]
            at = put_file(data, path, argument, event, arena, start)
            put_code(column, start, at, columns, distinct, arena, state, seed, likely)
    if one < 0 and event.slots[k.MODULE_NAME, 0] >= 0:
        start = state[ARENA]
        at = put_slot(data, k.MODULE_NAME, event, arena, start)
        put_code(FILE, start, at, columns, distinct, arena, state, seed, likely)
    columns.numbers[SOURCE_PORT, row] = columns.numbers[DESTINATION_PORT, row] = -1
    columns.numbers[KIND, row] = -1
    columns.numbers[ACCESS, row] = access_of(event)
    if event.slots[k.SADDR, 0] >= 0:
        start = state[ARENA]
        at, port, kind = put_address(data, event, arena, start)
        family = numbers[k.FAMILY] & k.FAMILY_BITS
        there = family == k.ACCEPT or family == k.RECEIVE or family == k.BIND
        columns.numbers[KIND, row] = kind
        if at > start:
            column = FILE if kind == UNIX else k.ADDRESS if there else DESTINATION
            put_code(column, start, at, columns, distinct, arena, state, seed, likely)
            if port >= 0:
                columns.numbers[SOURCE_PORT if there else DESTINATION_PORT, row] = port
    for i in range(k.NUMBERS):
        columns.numbers[i, row] = numbers[i]
    at, end = event.slots[k.ARGS, 0], event.slots[k.ARGS, 1]
    if at >= 0:
        state[ARGS] = copy_bytes(data, at, end - at, args, state[ARGS])
    columns.args_end[row + 1] = state[ARGS]
