"""JSON values: walked and checked to the letter of RFC 8259, nesting bounded, no recursion.

Every function returns where the value ends, or one of the reasons below, which are negative.
Whitespace is blank, tab and CR, and LF too where a record may span lines (`multi`).
"""

import numpy as np

from graphad.scan.lean import inlined, lean
from graphad.scan.words import U64, Bits, Bytes, first_bit

MAX_DEPTH = 64
MAX_NUMBER = 4000  # characters; Python refuses to convert much longer ones
INVALID, TRUNCATED, DEEP, NOT_OBJECT, REPEATED, LONG_NUMBER = -1, -2, -3, -4, -5, -6
NO_ROOM = -9  # not a fault of the record: the arena is too small
REASONS = {
    INVALID: "not JSON",
    TRUNCATED: "the JSON ends too early",
    DEEP: f"JSON nested deeper than {MAX_DEPTH}",
    NOT_OBJECT: "JSON, but not an object",
    REPEATED: "a key that holds an object is repeated",
    LONG_NUMBER: f"a number of more than {MAX_NUMBER} characters",
}


@inlined
def skip_space(data: Bytes, at: int, end: int, multi: bool) -> int:
    """Return the first place from `at` on that is no whitespace."""
    while at < end:
        byte = data[at]
        if byte > 32 or not (byte == 32 or byte == 9 or byte == 13 or (byte == 10 and multi)):
            break
        at += 1
    return at


@lean
def over(at: int, end: int, data: Bytes) -> int:
    """Return why a value can't go on at `at`: the input ends there, or something else stands."""
    return TRUNCATED if at >= end or data[at] == 10 else INVALID


@inlined
def string_end(data: Bytes, stops: Bits, at: int, end: int) -> int:
    """Return where the string whose opening quote stands at `at` ends, past its closing quote."""
    stop = first_bit(stops, at + 1)
    if stop >= end:
        return TRUNCATED
    return stop + 1 if data[stop] == 34 else over(stop, end, data)


@lean
def _digits_end(data: Bytes, at: int, end: int) -> int:
    while at < end and 48 <= data[at] <= 57:
        at += 1
    return at


@lean
def _number_end(data: Bytes, start: int, end: int) -> int:
    at = start + 1 if data[start] == 45 else start
    if at >= end or not 48 <= data[at] <= 57:
        return over(at, end, data)
    at = at + 1 if data[at] == 48 else _digits_end(data, at, end)
    if at < end and data[at] == 46:
        fraction = _digits_end(data, at + 1, end)
        if fraction == at + 1:
            return over(fraction, end, data)
        at = fraction
    if at < end and (data[at] | 32) == 101:
        at += 1
        if at < end and (data[at] == 43 or data[at] == 45):
            at += 1
        exponent = _digits_end(data, at, end)
        if exponent == at:
            return over(at, end, data)
        at = exponent
    return LONG_NUMBER if at - start > MAX_NUMBER else at


@lean
def _word_end(data: Bytes, at: int, end: int, a: int, b: int, c: int) -> int:
    if at + 4 > end:
        return TRUNCATED
    matches = data[at + 1] == a and data[at + 2] == b and data[at + 3] == c
    return at + 4 if matches else INVALID


@lean
def scalar_end(data: Bytes, stops: Bits, at: int, end: int) -> int:
    """Return where the string, number, true, false or null at `at` ends."""
    byte = data[at]
    if byte == 34:
        return string_end(data, stops, at, end)
    if byte == 45 or 48 <= byte <= 57:
        return _number_end(data, at, end)
    if byte == 116:
        return _word_end(data, at, end, 114, 117, 101)
    if byte == 110:
        return _word_end(data, at, end, 117, 108, 108)
    if byte == 102:
        stop = _word_end(data, at, end, 97, 108, 115)
        if stop < 0:
            return stop
        return stop + 1 if stop < end and data[stop] == 101 else over(stop, end, data)
    return over(at, end, data)


@lean
def value_after_key(data: Bytes, stops: Bits, at: int, end: int, multi: bool) -> int:
    """Return where the value of the member whose key should begin at `at` begins."""
    if at >= end or data[at] != 34:
        return over(at, end, data)
    at = string_end(data, stops, at, end)
    if at < 0:
        return at
    at = skip_space(data, at, end, multi)
    if at >= end or data[at] != 58:
        return over(at, end, data)
    return skip_space(data, at + 1, end, multi)


@lean
def value_end(data: Bytes, stops: Bits, at: int, end: int, multi: bool, depth: int) -> int:
    """Return where the value at `at`, inside `depth` others, ends."""
    objects = U64(0)  # bit i: the container i levels up is an object, not an array
    level = 0
    while True:
        if at >= end:
            return TRUNCATED
        byte = data[at]
        if byte == 123 or byte == 91:
            if depth + level >= MAX_DEPTH:
                return DEEP
            at = skip_space(data, at + 1, end, multi)
            if at < end and data[at] == byte + 2:
                at += 1
            else:
                level += 1
                objects = (objects << U64(1)) | U64(byte == 123)
                if byte == 123:
                    at = value_after_key(data, stops, at, end, multi)
                    if at < 0:
                        return at
                continue
        else:
            at = scalar_end(data, stops, at, end)
            if at < 0:
                return at
        while True:  # a value has ended: what holds it goes on, or ends too
            if level == 0:
                return at
            at = skip_space(data, at, end, multi)
            if at >= end:
                return TRUNCATED
            byte = data[at]
            if byte == 44:
                at = skip_space(data, at + 1, end, multi)
                if objects & U64(1):
                    at = value_after_key(data, stops, at, end, multi)
                    if at < 0:
                        return at
                break
            if byte != (125 if objects & U64(1) else 93):
                return over(at, end, data)
            objects >>= U64(1)
            level -= 1
            at += 1


@lean
def _is_name(data: Bytes, at: int, end: int, text: bool) -> bool:
    """Say whether "@Name", or if `text` "#text", stands at `at`, quotes included."""
    if at + 7 > end or data[at] != 34 or data[at + 6] != 34:
        return False
    if text:
        return bool(
            data[at + 1] == 35 and data[at + 2] == 116 and data[at + 3] == 101
            and data[at + 4] == 120 and data[at + 5] == 116
        )  # fmt: skip
    return bool(
        data[at + 1] == 64 and data[at + 2] == 78 and data[at + 3] == 97
        and data[at + 4] == 109 and data[at + 5] == 101
    )  # fmt: skip


@lean
def named_text(
    data: Bytes, stops: Bits, at: int, end: int, multi: bool
) -> tuple[int, int, int, int, int]:
    """Read {"@Name": name, "#text": text} at `at`: (its end, name start, end, text start, end).

    The end is -1 if anything else stands there, be it valid or not.
    """
    none = (-1, 0, 0, 0, 0)
    if at >= end or data[at] != 123:
        return none
    at = skip_space(data, at + 1, end, multi)
    if not _is_name(data, at, end, False):
        return none
    name = value_after_key(data, stops, at, end, multi)
    if name < 0 or name >= end or data[name] != 34:
        return none
    name_end = string_end(data, stops, name, end)
    if name_end < 0:
        return none
    at = skip_space(data, name_end, end, multi)
    if at >= end or data[at] != 44:
        return none
    at = skip_space(data, at + 1, end, multi)
    if not _is_name(data, at, end, True):
        return none
    text = value_after_key(data, stops, at, end, multi)
    if text < 0 or text >= end or data[text] != 34:
        return none
    text_end = string_end(data, stops, text, end)
    if text_end < 0:
        return none
    at = skip_space(data, text_end, end, multi)
    if at >= end or data[at] != 125:
        return none
    return at + 1, name + 1, name_end - 1, text + 1, text_end - 1


@lean
def bracket_end(data: Bytes, at: int, end: int) -> int:
    """Return where the brackets that open at `at` are closed, whatever is between; else `end`.

    What begins with no bracket ends with its line.
    """
    if data[at] != 123:
        while at < end and data[at] != 10:
            at += 1
        return at
    depth, quoted, escaped = 0, False, False
    while at < end:
        byte = data[at]
        at += 1
        if quoted:
            if escaped:
                escaped = False
            elif byte == 92:
                escaped = True
            elif byte == 34:
                quoted = False
        elif byte == 34:
            quoted = True
        elif byte == 123 or byte == 91:
            depth += 1
        elif byte == 125 or byte == 93:
            depth -= 1
            if depth == 0:
                return at
    return np.int64(end)
