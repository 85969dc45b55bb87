"""Command lines: the arguments of EXECVE, else the title of the process."""

import numpy as np

from graphad.scan.auditd_event import (
    ARG_AT,
    ARGUMENTS,
    COMMAND_LINE,
    COMMANDED,
    COUNT_AT,
    MAX_ARGS,
    ODD,
    TEXT_END,
    add_text,
)
from graphad.scan.auditd_keys import word8
from graphad.scan.auditd_text import BARE, QUOTED, is_hex, put_utf8, put_word, unhex
from graphad.scan.auditd_values import put_key, put_value, value_end, whole_number
from graphad.scan.auditd_words import next_equals_or_blank
from graphad.scan.lean import inlined, lean
from graphad.scan.words import U64, Bytes, Ints, copy_bytes


@lean
def take_arguments(
    data: Bytes, at: int, end: int, event: Ints, attrs: Bytes, size: int, first: int
) -> int:
    """Take the arguments of a line of EXECVE: argc=, a0=, a1_len=, a1[0]=."""
    while at < end:
        while at < end and (data[at] <= 32):
            at += 1
        start = at
        at = next_equals_or_blank(data, at, end)
        stop = at
        if start >= end:
            break
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
            is_count = word8(data, start, stop) == U64(0x63677261)  # argc
            count = whole_number(data, value, past)
            if not is_count or count < 0 or event[COUNT_AT + ODD] >= 1 << 32:
                event[COUNT_AT + ODD] |= 1
            else:
                event[COUNT_AT + ODD] |= (1 + min(count, 1 << 20)) << 32
            continue
        chunk = 0
        if digits < stop:
            event[COUNT_AT + ODD] |= 1
            if data[digits] != 91:  # a1_len
                continue
            digits += 1
            while digits < stop and 48 <= data[digits] <= 57 and chunk < 1 << 24:
                chunk = chunk * 10 + np.int64(data[digits] - 48)
                digits += 1
        if form != QUOTED:
            event[COUNT_AT + ODD] |= 1
        place = event[COUNT_AT + ARGUMENTS]
        if place == MAX_ARGS:
            event[COUNT_AT + ODD] |= 1
            continue
        event[ARG_AT + 4 * place] = number << 32 | chunk
        (
            event[ARG_AT + 4 * place + 1],
            event[ARG_AT + 4 * place + 2],
            event[ARG_AT + 4 * place + 3],
        ) = value, past, form
        if place and event[ARG_AT + 4 * (place - 1)] >= event[ARG_AT + 4 * place]:
            event[COUNT_AT + ODD] |= 2
        event[COUNT_AT + ARGUMENTS] += 1
    return size


@lean
def _sort_args(event: Ints, count: int) -> None:
    """Sort the arguments by number: a heap, for whoever writes a log chooses their order."""
    for phase in range(2):
        size = count
        start = count // 2 - 1 if phase == 0 else count - 1
        for i in range(start, -1, -1):
            root = i
            if phase:
                size = i
                root = 0
                _swap_args(event, 0, i)
            while 2 * root + 1 < size:
                child = 2 * root + 1
                if child + 1 < size and _goes_before(event, child, child + 1):
                    child += 1
                if not _goes_before(event, root, child):
                    break
                _swap_args(event, root, child)
                root = child


@inlined
def _goes_before(event: Ints, one: int, other: int) -> bool:
    """Say whether an argument goes before another: by number, then as they came."""
    a, b = ARG_AT + 4 * one, ARG_AT + 4 * other
    return event[a] < event[b] or (event[a] == event[b] and event[a + 1] < event[b + 1])


@inlined
def _swap_args(event: Ints, one: int, other: int) -> None:
    for c in range(4):
        a, b = ARG_AT + 4 * one + c, ARG_AT + 4 * other + c
        event[a], event[b] = event[b], event[a]


@lean
def end_arguments(data: Bytes, event: Ints, scratch: Bytes, size: int, begin: int) -> int:
    """Make the command line; where it holds all there was, take back what was written."""
    count = event[COUNT_AT + ARGUMENTS]
    if count == 0:
        return size
    odd = event[COUNT_AT + ODD]
    if odd & 2:
        _sort_args(event, count)
    start = at = event[COUNT_AT + TEXT_END]
    i = 0
    while i < count:
        argument = event[ARG_AT + 4 * i] >> 32
        past = 0
        while i < count and event[ARG_AT + 4 * i] >> 32 == argument:
            a, b = event[ARG_AT + 4 * i + 1], event[ARG_AT + 4 * i + 2]
            if event[ARG_AT + 4 * i + 3] != QUOTED and is_hex(data, a, b):
                past = unhex(data, a, b, scratch, past)
            else:
                past = copy_bytes(data, a, b - a, scratch, past)
            i += 1
        if at > start:
            scratch[at] = 32
            at += 1
        at = put_word(scratch, 0, past, scratch, at)
    add_text(event, COMMAND_LINE, at)
    event[COUNT_AT + COMMANDED] = 1
    last = event[ARG_AT + 4 * (count - 1)] >> 32
    whole = odd & 3 == 0 and odd >> 32 == count + 1 and last == count - 1
    return begin if whole else size


@lean
def take_title(
    data: Bytes, at: int, end: int, event: Ints, scratch: Bytes, attrs: Bytes, size: int, first: int
) -> int:
    """Take PROCTITLE: the command line, if no EXECVE told it."""
    while at < end and data[at] <= 32:
        at += 1
    if at >= end:
        return size
    start = at
    at = stop = next_equals_or_blank(data, at, end)
    value = past = at
    form = BARE
    named = stop < end and data[stop] == 61
    if named:
        value, past, form, at = value_end(data, stop + 1, end)
    known = event[COUNT_AT + COMMANDED] > 0
    kept = True
    if named and stop - start == 9 and not known and (form != BARE or data[value] != 40):
        kept = _put_title(data, value, past, form, event, scratch)
    while at < end and (data[at] <= 32):
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
def _put_title(data: Bytes, a: int, b: int, form: int, event: Ints, scratch: Bytes) -> bool:
    """Make a command line of a title; return whether it doesn't hold all there was."""
    if form != QUOTED and is_hex(data, a, b):
        past = unhex(data, a, b, scratch, 0)
    else:
        past = copy_bytes(data, a, b - a, scratch, 0)
    zeros = past
    while past > 0 and scratch[past - 1] == 0:
        past -= 1
    kept = zeros != past or past == 0
    several = False
    for i in range(past):
        several = several or scratch[i] == 0
    at, i = event[COUNT_AT + TEXT_END], 0
    if not several:  # a title that the program gave itself is no list of words
        at, whole = put_utf8(scratch, 0, past, scratch, at)
        kept = kept or not whole or form != QUOTED
    else:
        while i <= past:
            stop = i
            while stop < past and scratch[stop] != 0:
                stop += 1
            if i:
                scratch[at] = 32
                at += 1
            _, whole = put_utf8(scratch, i, stop, scratch, at)
            kept = kept or not whole
            at = put_word(scratch, i, stop, scratch, at)
            i = stop + 1
    add_text(event, COMMAND_LINE, at)
    event[COUNT_AT + COMMANDED] = 1
    return kept
