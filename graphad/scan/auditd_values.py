"""Keys and values of audit fields: where they end, what number they are, how JSON has them."""

import numpy as np

from graphad.scan.auditd_event import NO_NUMBER
from graphad.scan.auditd_text import BARE, BRACED, QUOTED, is_hex
from graphad.scan.auditd_words import next_blank, next_byte, put_json
from graphad.scan.lean import inlined, lean
from graphad.scan.strings import hex_digit
from graphad.scan.words import U64, Bytes, copy64


@inlined
def put_comma(out: Bytes, size: int, first: int) -> int:
    """Write a comma unless the object's inside has only begun."""
    if size > first:
        out[size] = 44
        size += 1
    return size


@inlined
def put_key(data: Bytes, a: int, b: int, out: Bytes, size: int, first: int) -> int:
    """Write a key of a JSON object whose inside begins at `first`."""
    size = put_comma(out, size, first)
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


@inlined
def put_plain(
    data: Bytes, a: int, b: int, value: int, past: int, form: int, out: Bytes, size: int, first: int
) -> int:
    """Write a key and a value of at most 64 bytes each, in which JSON has nothing to escape."""
    size = put_comma(out, size, first)
    out[size] = 34
    copy64(data, a, out, size + 1)
    size += 1 + b - a
    out[size] = 34
    out[size + 1] = 58
    if form == QUOTED:
        return put_value(data, value, past, form, out, size + 2)
    out[size + 2] = 34
    copy64(data, value, out, size + 3)
    size += 3 + past - value
    out[size] = 34
    return size + 1


@lean
def put_repeated(data: Bytes, a: int, b: int, times: int, out: Bytes, size: int, first: int) -> int:
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
        past = next_byte(data, at + 1, end, close)
        if past < end and close == 34:
            return at + 1, past, QUOTED, past + 1
        if past < end:
            return at, past + 1, BRACED, past + 1
    past = next_blank(data, at, end)
    return at, trimmed(data, at, past), BARE, past


@inlined
def trimmed(data: Bytes, at: int, b: int) -> int:
    """Return where a bare value ends without the comma or bracket that follows it in old logs."""
    if b > at and data[b - 1] == 44:
        b -= 1
    if b > at and data[b - 1] == 41 and next_byte(data, at, b, 40) == b:
        b -= 1
    return b


@lean
def hex_number(data: Bytes, a: int, b: int) -> int:
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
    value = np.int64(0)
    for at in range(a, b):
        digit = np.int64(data[at]) - 48
        if not 0 <= digit <= 9:
            return -1
        value = value * 10 + digit
    return value
