"""Scans a block of strace's output: bytes in, one row of numbers and spans a line out.

The grammar, as `strace -f -ttt` with any of -y, -yy, -T, -x and -s writes it (strace 4.15 to 6):

    line   = [ "[pid" spaces pid "] " | pid spaces ] seconds "." microseconds " " body
    body   = name "(" args ")" spaces "= " rest
           | name "(" args [" "] ("<unfinished ...>" | "<detached ...>")
           | "<... " [name " "] "resumed>" args ")" spaces "= " rest
           | "--- " signal [" " info] " ---"
           | "+++ " end " +++"
    rest   = result [" " error " (" message ")"] [" <" seconds "." microseconds ">"]

`args` ends at the first ")" that spaces and "= " follow, outside of "strings" and of the <names> of
descriptors. benchmarks/plain_strace.py says the same in regular expressions; tests hold the two
together.
"""

from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from graphad.jit import kernel
from graphad.scan.strace_tokens import decoration_end, number_end, string_end, word_end

Bytes: TypeAlias = npt.NDArray[np.uint8]
Ints: TypeAlias = npt.NDArray[np.int64]
Spans: TypeAlias = npt.NDArray[np.int32]

# What a line is. From BAD on it is rejected.
BLANK, CALL, UNFINISHED, RESUMED, SIGNAL, END, DETACHED, NOTE = range(8)
BAD, TIME_OF_DAY, NO_STAMP, OTHER_FORM, TOO_LONG = range(8, 13)

# Columns of `Lines.spans`; each text takes two, its start and its end, both 0 where there is none.
NAME, ARGS, RESULT, ERROR, MESSAGE, FD_NAME, RESULT_NAME = range(0, 14, 2)
SPANS = 14

# Bits of a line's form, which with its columns gives back its bytes. Below them the number of
# spaces after the pid, above them the number before "=".
SPACES, BRACKET, PID, DURATION, ERROR_TEXT, CR, TAIL_SPACE, NAMED = (
    0xFF, 1 << 8, 1 << 9, 1 << 10, 1 << 11, 1 << 12, 1 << 13, 1 << 14,
)  # fmt: skip
PADDING = 16

NO_NUMBER = -(2**62)
MAX_LINE = 16 * 1024 * 1024


class Lines(NamedTuple):
    """The lines of a block; N lines."""

    start: Ints  # [N] first byte
    end: Ints  # [N] byte after the last, the line feed left out
    kind: npt.NDArray[np.uint8]  # [N]
    form: Ints  # [N] how it was written, see the bits above and `template`
    pid: Ints  # [N] -1 where the line has none
    stamp: Ints  # [N] microseconds since 1970
    duration: Ints  # [N] microseconds, -1 where the line has none
    fd: Ints  # [N] number that is the first argument, NO_NUMBER where that is none
    value: Ints  # [N] number that the call returned, NO_NUMBER where it returned none
    spans: Spans  # [N, SPANS] texts


def scan(data: bytes) -> Lines:
    """Return the lines of a block, which is less than 2 GiB long."""
    codes = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(codes == 10)
    if len(codes) and codes[-1] != 10:
        ends = np.append(ends, len(codes))
    n = len(ends)
    starts = np.zeros(n, np.int64)
    starts[1:] = ends[:-1] + 1
    form, pid, stamp, duration, fd, value = np.empty((6, n), np.int64)
    lines = Lines(
        starts, ends.astype(np.int64), np.zeros(n, np.uint8), form, pid, stamp, duration, fd, value,
        np.zeros((n, SPANS), np.int32),
    )  # fmt: skip
    # Padding lets the kernel look a few bytes ahead without asking each time.
    _scan(np.concatenate([codes, np.zeros(32, np.uint8)]), *lines)
    return lines


@kernel
def _scan(
    data: Bytes, start: Ints, end: Ints, kind: npt.NDArray[np.uint8], form: Ints, pid: Ints,
    stamp: Ints, duration: Ints, fd: Ints, value: Ints, spans: Spans,
) -> None:  # fmt: skip
    for i in range(len(start)):
        form[i], pid[i], stamp[i], duration[i] = 0, -1, 0, -1
        fd[i], value[i] = NO_NUMBER, NO_NUMBER
        a, b = start[i], end[i]
        if b > a and data[b - 1] == 13:
            b -= 1
            form[i] |= CR
        if b - a > MAX_LINE:
            kind[i] = TOO_LONG
            continue
        kind[i], form[i], pid[i], stamp[i], at = _prefix(data, a, b, form[i])
        if kind[i] == NOTE:
            spans[i, MESSAGE], spans[i, MESSAGE + 1] = a, b
        if kind[i] != CALL:
            continue
        kind[i], form[i], duration[i], fd[i], value[i] = _body(data, at, b, form[i], spans[i])


@kernel
def _prefix(data: Bytes, a: int, b: int, form: int) -> tuple[int, int, int, int, int]:
    """Return kind (CALL: the body is still to be read), form, pid, stamp and where the body is."""
    at, pid = a, -1
    while at < b and (data[at] == 32 or (9 <= data[at] <= 13)):
        at += 1
    if at == b:
        return BLANK, form, pid, 0, at
    if _starts(data, a, b, b"strace: "):  # such as "strace: Process 7 attached"
        return NOTE, form, pid, 0, at
    at = a
    spaces = 0
    if _starts(data, a, b, b"[pid "):
        at = a + 4
        while at < b and data[at] == 32 and spaces < 255:
            at += 1
            spaces += 1
        digits = number_end(data, at, b)
        if not (1 <= digits - at <= 10 and digits + 1 < b):
            return OTHER_FORM, form, pid, 0, at
        if data[digits] != 93 or data[digits + 1] != 32:
            return OTHER_FORM, form, pid, 0, at
        pid = _number(data, at, digits)
        form |= BRACKET | PID | spaces
        at = digits + 2
    else:
        digits = number_end(data, at, b)
        if 1 <= digits - at <= 10 and digits < b and data[digits] == 32:
            past = digits
            while past < b and data[past] == 32 and spaces < 255:
                past += 1
                spaces += 1
            pid = _number(data, at, digits)
            form |= PID | spaces
            at = past
    # A number may only start with 0 if it is 0, or it could not be written again.
    digits = number_end(data, at, b)
    if 1 <= digits - at <= 2 and digits < b and data[digits] == 58:
        return TIME_OF_DAY, form, pid, 0, at
    if not 9 <= digits - at <= 10 or data[at] == 48 or digits + 8 > b:
        return NO_STAMP, form, pid, 0, at
    past = number_end(data, digits + 1, b)
    if data[digits] != 46 or past - digits != 7 or past >= b or data[past] != 32:
        return NO_STAMP, form, pid, 0, at
    stamp = _number(data, at, digits) * 1_000_000 + _number(data, digits + 1, past)
    if form & PID:
        first = a
        if form & BRACKET:
            first = a + 4 + (form & SPACES)
        if data[first] == 48 and pid > 0:
            return NO_STAMP, form, pid, 0, at
        if data[first] == 48 and 48 <= data[first + 1] <= 57:
            return NO_STAMP, form, pid, 0, at
    return CALL, form, pid, stamp, past + 1


@kernel
def _body(data: Bytes, a: int, b: int, form: int, spans: Spans) -> tuple[int, int, int, int, int]:
    """Return kind, form, duration, first number among the arguments, number returned."""
    if _starts(data, a, b, b"--- ") and b - a >= 9 and _ends(data, a, b, b" ---"):
        past = a + 4
        while past < b - 4 and data[past] != 32:
            past += 1
        if past == a + 4:
            return OTHER_FORM, form, -1, NO_NUMBER, NO_NUMBER
        spans[NAME], spans[NAME + 1] = a + 4, past
        if past < b - 4:
            spans[ARGS], spans[ARGS + 1] = past + 1, b - 4
            form |= NAMED
        return SIGNAL, form, -1, NO_NUMBER, NO_NUMBER
    if _starts(data, a, b, b"+++ ") and b - a >= 9 and _ends(data, a, b, b" +++"):
        spans[RESULT], spans[RESULT + 1] = a + 4, b - 4
        return END, form, -1, NO_NUMBER, NO_NUMBER
    kind = CALL
    if _starts(data, a, b, b"<... "):
        kind = RESUMED
        at = a + 5
        past = word_end(data, at, b)
        if _starts(data, past, b, b" resumed>") and past > at:
            spans[NAME], spans[NAME + 1] = at, past
            form |= NAMED
            at = past + 9
        elif _starts(data, at, b, b"resumed>"):
            at += 8
        else:
            return OTHER_FORM, form, -1, NO_NUMBER, NO_NUMBER
    else:
        at = word_end(data, a, b)
        if at == a or at >= b or data[at] != 40:
            return OTHER_FORM, form, -1, NO_NUMBER, NO_NUMBER
        spans[NAME], spans[NAME + 1] = a, at
        at += 1
        tail = 0
        if _ends(data, at, b, b"<unfinished ...>"):
            kind, tail = UNFINISHED, 16
        elif _ends(data, at, b, b"<detached ...>"):
            kind, tail = DETACHED, 14
        if tail:
            past = b - tail
            if past > at and data[past - 1] == 32:
                past -= 1
                form |= TAIL_SPACE
            spans[ARGS], spans[ARGS + 1] = at, past
            return kind, form, -1, _first(data, at, past, spans), NO_NUMBER
    spans[ARGS] = at
    while True:  # to the end of the arguments
        if at >= b:
            return OTHER_FORM, form, -1, NO_NUMBER, NO_NUMBER
        c = data[at]
        if c == 34:
            at = string_end(data, at, b)
            if at < 0:
                return OTHER_FORM, form, -1, NO_NUMBER, NO_NUMBER
            continue
        if c == 60:
            at = max(at + 1, decoration_end(data, at, b))
            continue
        if c == 41:
            past = at + 1
            while past < b and data[past] == 32 and past <= at + 255:
                past += 1
            if past + 1 < b and data[past] == 61 and data[past + 1] == 32:
                break
        at += 1
    spans[ARGS + 1] = at
    form |= (past - at - 1) << PADDING
    number = NO_NUMBER
    if kind == CALL:
        number = _first(data, spans[ARGS], at, spans)
    form, duration, value = _rest(data, past + 2, b, form, spans)
    return kind, form, duration, number, value


@kernel
def _rest(data: Bytes, a: int, b: int, form: int, spans: Spans) -> tuple[int, int, int]:
    """Take apart what follows "= "; return form, duration and the number returned."""
    duration = -1
    if b - a >= 11 and data[b - 1] == 62 and data[b - 8] == 46:
        at = b - 9
        while at > a and 48 <= data[at] <= 57 and at > b - 18:
            at -= 1
        whole = b - 8 - at - 1
        exact = whole == 1 or (whole > 1 and data[at + 1] != 48)
        exact = exact and number_end(data, b - 7, b) == b - 1
        if exact and data[at] == 60 and at > a and data[at - 1] == 32:
            duration = _number(data, at + 1, b - 8) * 1_000_000 + _number(data, b - 7, b - 1)
            form |= DURATION
            b = at - 1
    spans[RESULT], spans[RESULT + 1] = a, b
    past = a
    if past < b and data[past] == 45:
        past += 1
    digits = number_end(data, past, b)
    value = NO_NUMBER
    if 1 <= digits - past <= 18:
        value = _number(data, past, digits)
        if past > a:
            value = -value
    if value == -1 or (past < b and past == a and data[past] == 63):
        at = digits if value == -1 else past + 1
        if at + 1 < b and data[at] == 32 and data[at + 1] == 69 and data[b - 1] == 41:
            past = at + 1
            while past < b and (
                65 <= data[past] <= 90 or 48 <= data[past] <= 57 or data[past] == 95
            ):
                past += 1
            if past + 2 < b and data[past] == 32 and data[past + 1] == 40:
                spans[RESULT + 1] = at
                spans[ERROR], spans[ERROR + 1] = at + 1, past
                spans[MESSAGE], spans[MESSAGE + 1] = past + 2, b - 1
                form |= ERROR_TEXT
    elif value >= 0 and past == a and digits < b and data[digits] == 60:
        past = decoration_end(data, digits, b)
        if past > 0:
            spans[RESULT_NAME], spans[RESULT_NAME + 1] = digits + 1, past - 1
    return form, duration, value


@kernel
def _first(data: Bytes, a: int, b: int, spans: Spans) -> int:
    """Return the number that is the first argument; note the name strace gave it."""
    past = number_end(data, a, b)
    number = NO_NUMBER
    if 1 <= past - a <= 10:
        number = _number(data, a, past)
    elif _starts(data, a, b, b"AT_FDCWD"):
        past = a + 8
    if past > a and past < b and data[past] == 60:
        after = decoration_end(data, past, b)
        if after > 0:
            spans[FD_NAME], spans[FD_NAME + 1] = past + 1, after - 1
    return number


@kernel
def _number(data: Bytes, a: int, b: int) -> int:
    number = 0
    for i in range(a, b):
        number = number * 10 + (data[i] - 48)
    return number


@kernel
def _starts(data: Bytes, a: int, b: int, text: bytes) -> bool:
    same = b - a >= len(text)
    i = 0
    while same and i < len(text):
        same = data[a + i] == text[i]
        i += 1
    return same


@kernel
def _ends(data: Bytes, a: int, b: int, text: bytes) -> bool:
    return b - a >= len(text) and _starts(data, b - len(text), b, text)
