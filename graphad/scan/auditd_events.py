"""Events of audit lines as columns: each event's lines are read, and its texts interned.

The lines of an event are taken in an order of their own (SYSCALL first, PATH by item), so that the
order in which they came changes nothing but the places.
"""

import numpy as np
import numpy.typing as npt

from graphad.jit import kernel
from graphad.scan import auditd_keys as k
from graphad.scan.auditd_command import end_arguments, take_arguments, take_title
from graphad.scan.auditd_event import (
    CODE,
    COUNT_AT,
    CURRENT,
    DESTINATION,
    FILE,
    KIND_AT,
    LINE_AT,
    MAX_PATHS,
    NEW_FILE,
    NUMBER_AT,
    PATH_AT,
    PATHS,
    TEXT_AT,
    TEXT_COUNT,
    TEXT_END,
    TEXTS,
    WORKING,
    add_text,
    clear,
)
from graphad.scan.auditd_fields import put_fields
from graphad.scan.auditd_lines import BODY, FIRST, HEAD, HEADS
from graphad.scan.auditd_objects import (
    UNIX,
    access_of,
    choose_files,
    put_address,
    put_file,
    put_slot,
)
from graphad.scan.auditd_text import BARE, put_number
from graphad.scan.auditd_values import put_key, put_value
from graphad.scan.intern import Distinct, code_of
from graphad.scan.lean import inlined, lean
from graphad.scan.words import U64, Bytes, Ints, copy_bytes

# Rows of `numbers` after those of auditd_keys. The ends count from the column's first byte; LENGTH:
# from the first byte of an event to the end of the last line that follows on.
SOURCE_PORT, DESTINATION_PORT, ACCESS, KIND, LENGTH, ATTRS_END, ARGS_END = range(
    k.NUMBERS, k.NUMBERS + 7
)
NUMBERS = k.NUMBERS + 7
# Rows of `lines` after those of auditd_lines: where a line is in the text, its kind, where it is in
# the log, and the next line of its event, or -1.
START, END, TYPE_ID, OFFSET, LINE_LENGTH, NEXT = range(HEADS, HEADS + 6)
LINE_ROWS = HEADS + 6

ROW, ATTRS, ARENA, ARGS = range(4)  # places in the state
DONE, NEED_ENTRIES, NEED_ATTRS, NEED_ARENA, NEED_ARGS = range(5)


@kernel
def read_events(
    data: Bytes, lines: Ints, events: Ints, order: Ints, kinds: Ints, names: Bytes, machines: Ints,
    event: Ints, scratch: Bytes, codes: npt.NDArray[np.int32], numbers: Ints, distinct: Distinct,
    attrs: Bytes, arena: Bytes, args: Bytes, state: Ints, seed: U64,
) -> int:  # fmt: skip
    """Fill the rows of the events in `order` from state[ROW] on; return what there's too little of.

    With more of it, it goes on from there. kinds [2, K + 1]: the class of each kind and where its
    name begins in `names`; codes [TEXTS, N], numbers [NUMBERS, N].
    """
    while state[ROW] < len(order):
        row = state[ROW]
        first = events[FIRST, order[row]]
        size = np.int64(1024)
        line = first
        while line >= 0:
            size += lines[END, line] - lines[START, line] + 64
            line = lines[NEXT, line]
        if distinct.counts[0] + TEXTS > len(distinct.entries):
            return NEED_ENTRIES
        if state[ATTRS] + 7 * size > len(attrs):
            return NEED_ATTRS
        if state[ARENA] + 14 * size > len(arena):
            return NEED_ARENA
        if state[ARGS] + size > len(args):
            return NEED_ARGS
        clear(event, len(scratch) // 3)
        present = _sort_kinds(lines, first, event)
        _read_event(data, lines, first, present, kinds, names, machines, event, scratch, numbers,
                    attrs, state)  # fmt: skip
        _fill_row(data, kinds, names, present, event, scratch, numbers, row)
        at, end = event[3 * k.ARGS], event[3 * k.ARGS + 1]
        if at >= 0:
            state[ARGS] = copy_bytes(data, at, end - at, args, state[ARGS])
        numbers[ARGS_END, row] = state[ARGS]
        likely = event[NUMBER_AT + k.PID] * 5 + (event[NUMBER_AT + k.FAMILY] & k.FAMILY_BITS)
        for i in range(event[COUNT_AT + TEXT_COUNT]):
            at = TEXT_AT + 3 * i
            column, start, length = event[at], event[at + 1], event[at + 2] - event[at + 1]
            end = copy_bytes(scratch, start, length, arena, state[ARENA])
            before = distinct.counts[0]
            codes[column, row] = code_of(
                distinct, arena, state[ARENA], length, column, True, likely, False, seed
            )
            if distinct.counts[0] > before:  # only what is new stays there
                state[ARENA] = end
        state[ROW] += 1
    return DONE


@lean
def _sort_kinds(lines: Ints, first: int, event: Ints) -> int:
    """Note the kinds of an event's lines, each once, in their order; return how many there are."""
    present = 0
    line = first
    while line >= 0:
        kind = lines[TYPE_ID, line]
        i = present
        while i > 0 and event[KIND_AT + i - 1] > kind:
            i -= 1
        if i == 0 or event[KIND_AT + i - 1] != kind:
            for j in range(present, i, -1):
                event[KIND_AT + j] = event[KIND_AT + j - 1]
            event[KIND_AT + i] = kind
            present += 1
        line = lines[NEXT, line]
    return present


@inlined
def _read_event(
    data: Bytes, lines: Ints, first: int, present: int, kinds: Ints, names: Bytes, machines: Ints,
    event: Ints, scratch: Bytes, numbers: Ints, attrs: Bytes, state: Ints,
) -> None:  # fmt: skip
    size = state[ATTRS]
    begin = size
    attrs[size] = 123
    size += 1
    inside = size
    numbers[LENGTH, state[ROW]], size = _put_places(lines, first, attrs, size)
    for turn in range(2 * present):  # the system call first
        kind = event[KIND_AT + turn % present]
        group = kinds[0, kind]
        if (group == k.SYSCALL) == (turn < present) and group != k.END:
            size = _read_kind(data, lines, first, kind, group, kinds, names, machines, event,
                              scratch, attrs, size, inside)  # fmt: skip
    if size == inside:
        size = begin
    else:
        attrs[size] = 125
        size += 1
    state[ATTRS] = numbers[ATTRS_END, state[ROW]] = size


@lean
def _put_places(lines: Ints, first: int, attrs: Bytes, size: int) -> tuple[int, int]:
    """Return the length of the lines that follow on from the first; write where others are."""
    last, line = first, lines[NEXT, first]
    while line >= 0 and lines[OFFSET, line] == lines[OFFSET, last] + lines[LINE_LENGTH, last] + 1:
        last, line = line, lines[NEXT, line]
    begin = lines[OFFSET, first]
    length = lines[OFFSET, last] + lines[LINE_LENGTH, last] - begin
    if line < 0:
        return length, size
    for c in b'"lines":[':
        attrs[size] = c
        size += 1
    while line >= 0:
        last = line
        start = lines[OFFSET, line]
        line = lines[NEXT, line]
        while (
            line >= 0 and lines[OFFSET, line] == lines[OFFSET, last] + lines[LINE_LENGTH, last] + 1
        ):
            last, line = line, lines[NEXT, line]
        attrs[size] = 91
        size = put_number(start - begin, attrs, size + 1)
        attrs[size] = 44
        size = put_number(lines[OFFSET, last] + lines[LINE_LENGTH, last] - start, attrs, size + 1)
        attrs[size] = 93
        attrs[size + 1] = 44
        size += 2
    attrs[size - 1] = 93
    return length, size


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


@inlined
def _read_kind(
    data: Bytes, lines: Ints, first: int, kind: int, group: int, kinds: Ints, names: Bytes,
    machines: Ints, event: Ints, scratch: Bytes, attrs: Bytes, size: int, inside: int,
) -> int:  # fmt: skip
    """Read all lines of one kind and write what is left of them."""
    found = 0
    line = first
    while line >= 0:
        if lines[TYPE_ID, line] == kind:
            event[LINE_AT + found] = line
            found += 1
        line = lines[NEXT, line]
    if group == k.PATH and found <= MAX_PATHS:
        for i in range(1, found):
            line = event[LINE_AT + i]
            item = _item(data, lines[BODY, line], lines[END, line])
            j = i
            while j > 0:
                other = event[LINE_AT + j - 1]
                if _item(data, lines[BODY, other], lines[END, other]) <= item:
                    break
                event[LINE_AT + j] = other
                j -= 1
            event[LINE_AT + j] = line
    begin = size
    size = put_key(names, kinds[1, kind], kinds[1, kind + 1], attrs, size, inside)
    if found > 1:
        attrs[size] = 91
        size += 1
    empty = True
    for i in range(found):
        line = event[LINE_AT + i]
        start, end = lines[BODY, line], lines[END, line]
        if end > start and data[end - 1] == 13:
            end -= 1
        if i:
            attrs[size] = 44
            size += 1
        attrs[size] = 123
        size += 1
        field = size
        if lines[HEAD, line] > lines[START, line] + 1:  # what syslog wrote before it
            for c in b'"prefix":':
                attrs[size] = c
                size += 1
            size = put_value(data, lines[START, line], lines[HEAD, line] - 1, BARE, attrs, size)
            if size > field:
                empty = False
        if group == k.EXECVE:
            size = take_arguments(data, start, end, event, attrs, size, field)
        elif group == k.PROCTITLE:
            size = take_title(data, start, end, event, scratch, attrs, size, field)
        else:
            event[COUNT_AT + CURRENT] = -1
            if group == k.PATH and event[COUNT_AT + PATHS] < MAX_PATHS:
                event[COUNT_AT + CURRENT] = event[COUNT_AT + PATHS]
                for c in range(5):
                    event[PATH_AT + 5 * (event[COUNT_AT + PATHS]) + c] = 0
                event[COUNT_AT + PATHS] += 1
            size = _rest(data, start, end, group, event, scratch, machines, attrs, size, field)
        empty = empty and size == field
        attrs[size] = 125
        size += 1
    if found > 1:
        attrs[size] = 93
        size += 1
    if group == k.EXECVE:
        size = end_arguments(data, event, scratch, size, begin)
    return begin if empty and found == 1 else size


@lean
def _rest(
    data: Bytes, start: int, end: int, group: int, event: Ints, scratch: Bytes, machines: Ints,
    attrs: Bytes, size: int, field: int,
) -> int:  # fmt: skip
    """Write the fields of a line, which may follow a field that is there already."""
    if size == field:
        return put_fields(data, start, end, group, event, scratch, machines, attrs, size)
    attrs[size] = 44
    past = put_fields(data, start, end, group, event, scratch, machines, attrs, size + 1)
    return size if past == size + 1 else past


@inlined
def _fill_row(
    data: Bytes, kinds: Ints, names: Bytes, present: int, event: Ints, scratch: Bytes,
    numbers: Ints, row: int,
) -> None:  # fmt: skip
    start = at = event[COUNT_AT + TEXT_END]
    for i in range(present):
        kind = event[KIND_AT + i]
        if kinds[0, kind] == k.END and present > 1:
            continue
        if at > start:
            scratch[at] = 32
            at += 1
        at = copy_bytes(names, kinds[1, kind], kinds[1, kind + 1] - kinds[1, kind], scratch, at)
    add_text(event, CODE, at)
    for one, other in ((k.LOGIN_ID, k.LOGIN), (k.UID, k.USER)):
        if event[3 * other] < 0:
            for i in range(3):
                event[3 * other + i] = event[3 * one + i]
    one, two = choose_files(event)
    if one < 0 and event[3 * k.MODULE_NAME] >= 0:
        one = MODULE
    for column in range(TEXTS):
        slot = k.FOLDER if column == WORKING else column
        at = event[COUNT_AT + TEXT_END]
        if column <= k.USER or column == WORKING:
            if event[3 * slot] >= 0:
                add_text(event, column, put_slot(data, slot, event, scratch, at))
        elif column == FILE and one == MODULE:
            add_text(event, FILE, put_slot(data, k.MODULE_NAME, event, scratch, at))
        elif (column == FILE and one >= 0) or (column == NEW_FILE and two >= 0):
            path = one if column == FILE else two
            folder = k.DIR if column == FILE else k.DIR2
            add_text(event, column, put_file(data, path, folder, event, scratch, at))
    numbers[SOURCE_PORT, row] = numbers[DESTINATION_PORT, row] = numbers[KIND, row] = -1
    numbers[ACCESS, row] = access_of(event)
    if event[3 * k.SADDR] >= 0:
        start = event[COUNT_AT + TEXT_END]
        at, port, kind = put_address(data, event, scratch, start)
        family = event[NUMBER_AT + k.FAMILY] & k.FAMILY_BITS
        there = family == k.ACCEPT or family == k.RECEIVE or family == k.BIND
        numbers[KIND, row] = kind
        if at > start:
            column = FILE if kind == UNIX else k.ADDRESS if there else DESTINATION
            add_text(event, column, at)
            if port >= 0:
                numbers[SOURCE_PORT if there else DESTINATION_PORT, row] = port
    for i in range(k.NUMBERS):
        numbers[i, row] = event[NUMBER_AT + i]


MODULE = MAX_PATHS  # chosen as the file: the module that was loaded
