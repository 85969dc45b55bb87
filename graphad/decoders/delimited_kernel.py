r"""Lines of cells written as JSON objects, in compiled code; delimited.py says what a header is.

Source: Zeek's ASCII and JSON writers, logging/writers/ascii/ and util.cc, for what \xNN means.
"""

import numpy as np
import numpy.typing as npt

from graphad.jit import kernel
from graphad.scan.lean import lean
from graphad.scan.strings import hex_digit
from graphad.scan.words import Bytes, Ints

Flags = npt.NDArray[np.uint8]

TEXT, NUMBER, BOOL, EPOCH, LIST = 0, 1, 2, 3, 4  # what a cell holds; LIST is added to the others
MOMENT, CLOCK = 8, 9  # a date and, behind a separator, a time; a time whose date the name ends with
ROOM = 64  # bytes that a cell may take besides its name and six for each of its own
_QUOTE, _BACKSLASH, _COMMA, _MINUS, _DOT, _ZERO = 34, 92, 44, 45, 46, 48
_LAST = 253_402_300_800  # seconds to the year 10000
_DIGITS = 15  # of a number that is kept as one; Zeek has none that are longer


@lean
def _put(out: Bytes, at: int, byte: int) -> int:
    """Write a character of a JSON string."""
    if byte in (_QUOTE, _BACKSLASH):
        out[at] = _BACKSLASH
        out[at + 1] = byte
        return at + 2
    if byte < 32:
        out[at], out[at + 1] = _BACKSLASH, 117
        out[at + 2] = out[at + 3] = _ZERO
        low = byte & 15
        out[at + 4], out[at + 5] = 48 + (byte >> 4), low + (48 if low < 10 else 87)
        return at + 6
    out[at] = byte
    return at + 1


@lean
def _put_text(text: Bytes, at: int, end: int, escapes: bool, out: Bytes, used: int) -> int:
    """Write a cell as a JSON string.

    An escaped control character but \b, \t, \n, \f and \r stays escaped, as in Zeek's own JSON.
    """
    out[used] = _QUOTE
    used += 1
    while at < end:
        byte = np.int64(text[at])
        if escapes and byte == _BACKSLASH and at + 1 < end:
            if text[at + 1] == _BACKSLASH:
                at += 1
            elif at + 3 < end and text[at + 1] == 120:
                high, low = hex_digit(np.int64(text[at + 2])), hex_digit(np.int64(text[at + 3]))
                value = high * 16 + low
                shown = 8 <= value <= 10 or 12 <= value <= 13 or (value >= 32 and value != 127)
                if high >= 0 and low >= 0 and shown:
                    byte = value
                    at += 3
        used = _put(out, used, byte)
        at += 1
    out[used] = _QUOTE
    return used + 1


@lean
def _digits_end(text: Bytes, at: int, end: int) -> int:
    while at < end and 48 <= text[at] <= 57:
        at += 1
    return at


@lean
def _is_number(text: Bytes, at: int, end: int) -> bool:
    """Say whether a cell is a number as JSON writes it, of no more digits than a float keeps."""
    if at < end and text[at] == _MINUS:
        at += 1
    whole = _digits_end(text, at, end)
    if whole == at or (text[at] == _ZERO and whole > at + 1) or whole - at > _DIGITS:
        return False
    at = whole
    if at < end and text[at] == _DOT:
        past = _digits_end(text, at + 1, end)
        if past == at + 1:
            return False
        at = past
    if at < end and (text[at] | 32) == 101:
        at += 1
        if at < end and (text[at] == 43 or text[at] == _MINUS):
            at += 1
        past = _digits_end(text, at, end)
        if past == at or past - at > 3:
            return False
        at = past
    return at == end


@lean
def _put_digits(out: Bytes, at: int, value: int, count: int, after: int) -> int:
    """Write a number in so many digits, and one character behind it."""
    for i in range(count - 1, -1, -1):
        out[at + i] = 48 + value % 10
        value //= 10
    out[at + count] = after
    return at + count + 1


@lean
def _put_epoch(text: Bytes, at: int, end: int, out: Bytes, used: int) -> int:
    """Write seconds since 1970 as an ISO 8601 time in UTC; -1 if that is not what the cell is.

    Source: Howard Hinnant, chrono-compatible low-level date algorithms.
    """
    whole = _digits_end(text, at, end)
    if whole == at or whole - at > 12:
        return -1
    seconds = 0
    for i in range(at, whole):
        seconds = seconds * 10 + np.int64(text[i]) - 48
    digits = end - whole - 1
    if seconds >= _LAST or digits == 0 or digits > 9:
        return -1
    if digits > 0 and (text[whole] != _DOT or _digits_end(text, whole + 1, end) != end):
        return -1
    days, second = seconds // 86_400 + 719_468, seconds % 86_400
    era = days // 146_097
    of_era = days - era * 146_097
    year_of_era = (of_era - of_era // 1460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    march = (5 * of_year + 2) // 153
    month = march + 3 if march < 10 else march - 9
    year = year_of_era + era * 400 + (1 if month <= 2 else 0)
    out[used] = _QUOTE
    used = _put_digits(out, used + 1, year, 4, _MINUS)
    used = _put_digits(out, used, month, 2, _MINUS)
    used = _put_digits(out, used, of_year - (153 * march + 2) // 5 + 1, 2, 84)
    used = _put_digits(out, used, second // 3600, 2, 58)
    used = _put_digits(out, used, second // 60 % 60, 2, 58)
    used = _put_digits(out, used, second % 60, 2, 90)
    if digits > 0:
        out[used - 1] = _DOT
        for i in range(whole + 1, end):
            out[used] = text[i]
            used += 1
        out[used] = 90
        used += 1
    out[used] = _QUOTE
    return used + 1


@lean
def _put_value(
    text: Bytes, at: int, end: int, kind: int, escapes: bool, out: Bytes, used: int
) -> int:
    """Write one value as its kind, as a text if it is none such."""
    if kind == NUMBER and _is_number(text, at, end):
        for i in range(at, end):
            out[used] = text[i]
            used += 1
        return used
    if kind == EPOCH:
        past = _put_epoch(text, at, end, out, used)
        if past > 0:
            return past
    if kind == BOOL and end == at + 1 and (text[at] == 84 or text[at] == 70):
        word = (116, 114, 117, 101, 0) if text[at] == 84 else (102, 97, 108, 115, 101)
        for byte in word:
            if byte:
                out[used] = byte
                used += 1
        return used
    if kind == CLOCK:  # the name has opened the text
        past = _put_text(text, at, end, escapes, out, used - 1)
        out[used - 1] = 32
        return past
    return _put_text(text, at, end, escapes, out, used)


@lean
def _equals(text: Bytes, at: int, end: int, mark: Bytes) -> bool:
    """Say whether a cell is the mark, behind which a NUL stands."""
    if end - at != len(mark) - 1:
        return False
    for i in range(end - at):  # noqa: SIM110 (a compiled loop)
        if text[at + i] != mark[i]:
            return False
    return True


@lean
def _put_list(
    text: Bytes, at: int, end: int, inner: int, kind: int, unset: Bytes, escapes: bool,
    out: Bytes, used: int,
) -> int:  # fmt: skip
    """Write a cell of several values as a JSON array."""
    out[used] = 91
    used += 1
    begin = at
    while at < end:
        stop = at
        while stop < end and text[stop] != inner:
            stop += 1
        if at > begin:
            out[used] = _COMMA
            used += 1
        if _equals(text, at, stop, unset):
            for byte in (110, 117, 108, 108):
                out[used] = byte
                used += 1
        else:
            used = _put_value(text, at, stop, kind, escapes, out, used)
        at = stop + 1
    out[used] = 93
    return used + 1


@kernel
def write_objects(
    text: Bytes, starts: Ints, ends: Ints, line: int, separator: int, inner: int, unset: Bytes,
    empty: Bytes, names: Bytes, name_ends: Ints, kinds: Ints, escapes: bool, out: Bytes,
    cells: Ints,
) -> tuple[int, int]:  # fmt: skip
    """Write lines from `line` on as objects, one a line: (line to go on with, bytes written).

    `names` are the members of every object and `"name":` of each column, `name_ends` [C + 1] where
    each ends, `kinds` [C + 1] likewise. `cells` [N] gets how many cells each line has; one that
    has not C of them gives no object. It stops before a line for which `out` may be too small.
    """
    used, width = 0, len(kinds) - 1
    while line < len(starts):
        at, end = starts[line], ends[line]
        if used + 6 * (end - at) + name_ends[-1] + ROOM * width + 8 > len(out):
            break
        before, found, first = used, 0, True
        out[used] = 123
        used += 1
        for i in range(name_ends[0]):
            out[used] = names[i]
            used += 1
            first = False
        while True:
            stop = at
            while stop < end and text[stop] != separator:
                stop += 1
            found += 1
            middle = stop
            if found <= width and kinds[found] == MOMENT and stop < end:
                stop += 1
                while stop < end and text[stop] != separator:
                    stop += 1
            if found <= width and stop > at and not _equals(text, at, stop, unset):
                if not first:
                    out[used] = _COMMA
                    used += 1
                first = False
                for i in range(name_ends[found - 1], name_ends[found]):
                    out[used] = names[i]
                    used += 1
                kind = kinds[found]
                several = LIST <= kind < MOMENT
                if kind != CLOCK and _equals(text, at, stop, empty):
                    out[used] = 91 if several else _QUOTE
                    out[used + 1] = 93 if several else _QUOTE
                    used += 2
                elif kind == MOMENT and middle < stop:
                    past = _put_text(text, at, middle, escapes, out, used)
                    used = _put_text(text, middle + 1, stop, escapes, out, past - 1)
                    out[past - 1] = 32
                elif several:
                    used = _put_list(text, at, stop, inner, kind - LIST, unset, escapes, out, used)
                else:
                    used = _put_value(text, at, stop, kind, escapes, out, used)
            if stop >= end:
                break
            at = stop + 1
        cells[line] = found
        if found == width:
            out[used] = 125
            out[used + 1] = 10
            used += 2
        else:
            used = before
        line += 1
    return line, used
