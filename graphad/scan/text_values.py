"""Values that a line of text is made of: where an address, a path, a number ... ends.

Each function is given the first byte `a` of a word and the end `b` of the line, and returns the
byte after the value, or -1 if there is none. benchmarks/plain_masks.py says the same in regular
expressions; tests hold the two together.
"""

import numpy as np

from graphad.scan.lean import inlined, lean
from graphad.scan.words import Bytes

DIGIT, LETTER, HEX, NAME, BLANK = 1, 2, 4, 8, 16  # NAME: letters, digits and the underscore
STOP = 32  # ends a path, a URL, an unquoted value
OPENING = 64  # may stand before a path or a key
LONGEST = 253  # bytes of a name of a domain or an account: no more are looked at, again and again


def _classes() -> Bytes:
    found = np.zeros(256, np.uint8)
    for code in range(256):
        c = chr(code)
        if c.isascii() and c.isdigit():
            found[code] |= DIGIT | HEX | NAME
        if c.isascii() and c.isalpha():
            found[code] |= LETTER | NAME
        if code >= 128:  # letters of other alphabets
            found[code] |= NAME
        if c in "abcdefABCDEF":
            found[code] |= HEX
        if c == "_":
            found[code] |= NAME
        if c in " \t\r\v\f":
            found[code] |= BLANK | STOP | OPENING
        if c in "\"'<>)]},;|`":
            found[code] |= STOP
        if c in "\"'=([{,:;`>|":
            found[code] |= OPENING
    return found


CLASSES = _classes()


@inlined
def has(data: Bytes, at: int, what: int) -> bool:
    """Say whether a byte is of one of some classes."""
    return (CLASSES[data[at]] & what) != 0


@lean
def run_end(data: Bytes, a: int, b: int, what: int) -> int:
    """Return where the bytes of some classes end."""
    while a < b and (CLASSES[data[a]] & what) != 0:
        a += 1
    return a


@inlined
def closed(data: Bytes, at: int, b: int) -> bool:
    """Say whether a word may end here."""
    return at >= b or (CLASSES[data[at]] & NAME) == 0


@inlined
def lower(data: Bytes, at: int) -> int:
    """Return a letter as a small one."""
    c = np.int64(data[at])
    return c | 32 if 65 <= c <= 90 else c


@lean
def uuid_end(data: Bytes, a: int, b: int) -> int:
    """8-4-4-4-12 hexadecimal digits."""
    if b - a < 36:
        return -1
    for i in range(36):
        if i == 8 or i == 13 or i == 18 or i == 23:
            if data[a + i] != 45:
                return -1
        elif (CLASSES[data[a + i]] & HEX) == 0:
            return -1
    return a + 36 if closed(data, a + 36, b) else -1


@lean
def pairs_end(data: Bytes, a: int, b: int) -> tuple[int, int]:
    """Return where pairs of hexadecimal digits with one separator end, and how many there are."""
    at, count, separator = a, 0, 0
    while at + 2 <= b and has(data, at, HEX) and has(data, at + 1, HEX):
        count += 1
        if count > 64:
            return -1, 0
        at += 2
        if at + 2 >= b or (data[at] != 58 and data[at] != 45):
            break
        if not (has(data, at + 1, HEX) and has(data, at + 2, HEX)):
            break
        if separator and data[at] != separator:
            return -1, 0
        separator = np.int64(data[at])
        at += 1
    if count < 6 or not closed(data, at, b) or (at < b and data[at] == separator):
        return -1, 0
    return at, count


@lean
def ipv6_end(data: Bytes, a: int, b: int) -> int:
    """An IPv6 address, with `::` or of eight groups, and some digit in it."""
    at, groups, size, double, digits = a, 0, 0, 0, 0
    if at < b and data[at] == 58:
        if at + 1 >= b or data[at + 1] != 58:
            return -1
    while at < b:
        if has(data, at, HEX):
            size += 1
            if has(data, at, DIGIT):
                digits += 1
            if size > 4:
                return -1
            at += 1
        elif data[at] == 58:
            if size:
                groups += 1
            if groups > 8:
                return -1
            size = 0
            if at + 1 < b and data[at + 1] == 58:
                double += 1
                at += 2
                if at < b and data[at] == 58:
                    return -1
            elif at + 1 < b and has(data, at + 1, HEX):
                at += 1
            else:
                break  # a colon after the address
        else:
            break
    if size:
        groups += 1
    if digits == 0 or double > 1 or not closed(data, at, b):
        return -1
    if double == 1:
        return at if 1 <= groups <= 7 else -1
    return at if groups == 8 else -1


@lean
def ip_end(data: Bytes, a: int, b: int) -> int:
    """Four numbers up to 255 and no fifth."""
    at = a
    for group in range(4):
        if group:
            if at >= b or data[at] != 46:
                return -1
            at += 1
        value, count = 0, 0
        while at < b and has(data, at, DIGIT) and count < 4:
            value = value * 10 + np.int64(data[at]) - 48
            count += 1
            at += 1
        if count == 0 or count > 3 or value > 255:
            return -1
    if not closed(data, at, b) or (at + 1 < b and data[at] == 46 and has(data, at + 1, DIGIT)):
        return -1
    return at


@lean
def clock_end(data: Bytes, a: int, b: int) -> int:
    """H:MM:SS or HH:MM:SS, with a fraction and a zone or not."""
    at = run_end(data, a, b, DIGIT)
    if at == a or at > a + 2:
        return -1
    for _ in range(2):
        if at + 3 > b or data[at] != 58 or run_end(data, at + 1, b, DIGIT) != at + 3:
            return -1
        at += 3
    if at + 1 < b and (data[at] == 46 or data[at] == 44) and has(data, at + 1, DIGIT):
        at = run_end(data, at + 1, b, DIGIT)
    if at < b and data[at] == 90:
        at += 1
    elif at + 4 < b and (data[at] == 43 or data[at] == 45):
        past = run_end(data, at + 1, b, DIGIT)
        if past == at + 5:
            at = past
        elif past == at + 3 and data[past] == 58:
            if run_end(data, past + 1, b, DIGIT) == past + 3:
                at = past + 3
    return at if closed(data, at, b) and not (at < b and data[at] == 58) else -1


@lean
def date_end(data: Bytes, a: int, b: int) -> int:
    """YYYY-MM-DD with -, / or ., one digit allowed for the last two; with T and a time or not."""
    at = run_end(data, a, b, DIGIT)
    if at != a + 4 or at >= b:
        return -1
    separator = data[at]
    if separator != 45 and separator != 47 and separator != 46:
        return -1
    past = run_end(data, at + 1, b, DIGIT)
    if past == at + 1 or past > at + 3 or past >= b or data[past] != separator:
        return -1
    at = run_end(data, past + 1, b, DIGIT)
    if at == past + 1 or at > past + 3:
        return -1
    if at < b and data[at] == 84:
        return clock_end(data, at + 1, b)
    if at + 1 < b and data[at] == separator and has(data, at + 1, DIGIT):
        return -1
    return at if closed(data, at, b) else -1


@lean
def hex_end(data: Bytes, a: int, b: int, least: int) -> int:
    """0x and digits, or at least so many hexadecimal digits, a decimal one and a letter among."""
    if a + 2 < b and data[a] == 48 and (data[a + 1] == 120 or data[a + 1] == 88):
        at = run_end(data, a + 2, b, HEX)
        return at if at > a + 2 and closed(data, at, b) else -1
    at = a
    digits, letters = 0, 0
    while at < b and has(data, at, HEX):
        if has(data, at, DIGIT):
            digits += 1
        else:
            letters += 1
        at += 1
    return at if at - a >= least and digits and letters and closed(data, at, b) else -1


@lean
def number_end(data: Bytes, a: int, b: int) -> tuple[int, int]:
    """Return where digits with dots between them end, an exponent too, and how many dots."""
    at, dots = run_end(data, a, b, DIGIT), 0
    if at == a:
        return -1, 0
    while at + 1 < b and data[at] == 46 and has(data, at + 1, DIGIT):
        at = run_end(data, at + 1, b, DIGIT)
        dots += 1
    if dots < 2 and at + 1 < b and (data[at] == 101 or data[at] == 69):
        past = at + 1
        if data[past] == 45 or data[past] == 43:
            past += 1
        end = run_end(data, past, b, DIGIT)
        if end > past and closed(data, end, b):
            at = end
    return at, dots


@lean
def url_end(data: Bytes, a: int, b: int) -> int:
    """A scheme, ://, and what follows up to a blank or a quote."""
    at = a
    while at < b and at < a + 16:
        c = data[at]
        if not (has(data, at, DIGIT | LETTER) or c == 43 or c == 45 or c == 46):
            break
        at += 1
    if at == a or at + 3 >= b or data[at] != 58 or data[at + 1] != 47 or data[at + 2] != 47:
        return -1
    end = at + 3
    while end < b:
        c = data[end]
        if has(data, end, BLANK) or c == 34 or c == 39 or c == 60 or c == 62 or c == 96:
            break
        end += 1
    while end > at + 3:
        c = data[end - 1]
        if c == 46 or c == 44 or c == 59 or c == 58 or c == 41 or c == 93 or c == 125:
            end -= 1
        else:
            break
    return end if end > at + 3 else -1


@lean
def path_end(data: Bytes, a: int, b: int) -> int:
    r"""What begins with /x, ~/x, \x, \\x or X:\, up to a blank, quote, bracket or comma."""
    c = data[a]
    at = a
    if c == 47 or c == 126:
        if c == 126:
            at += 1
            if at >= b or data[at] != 47:
                return -1
        if at + 1 >= b or not (has(data, at + 1, NAME) or data[at + 1] == 46 or data[at + 1] == 45):
            return -1
        if has(data, at + 1, DIGIT) and ip_end(data, at + 1, b) > 0:
            return -1
    elif c == 92:
        past = a + 2 if a + 1 < b and data[a + 1] == 92 else a + 1
        if past >= b or not (has(data, past, LETTER) or data[past] == 63 or data[past] == 46):
            return -1
    elif not (has(data, a, LETTER) and a + 2 < b and data[a + 1] == 58 and data[a + 2] == 92):
        return -1
    end = a + 1
    if has(data, a, LETTER):
        end = a + 3
    while end < b and not has(data, end, STOP):
        if data[end] == 58 and (
            end + 1 >= b or has(data, end + 1, BLANK) or has(data, end + 1, DIGIT)
        ):
            break
        end += 1
    while end > a + 2 and (data[end - 1] == 46 or data[end - 1] == 58):
        end -= 1
    return end


@lean
def account_end(data: Bytes, a: int, b: int) -> tuple[int, bool]:
    """Return where name@host ends, and whether it may be an address of mail."""
    at = a
    while at < b and at - a <= LONGEST:
        c = data[at]
        if not (has(data, at, NAME) or c == 46 or c == 37 or c == 43 or c == 45):
            break
        at += 1
    if (
        at == a
        or at - a > LONGEST
        or at + 1 >= b
        or data[at] != 64
        or not has(data, at + 1, DIGIT | LETTER)
    ):
        return -1, False
    if hex_end(data, at + 1, b, 5) > 0 or number_end(data, at + 1, b)[0] > 0:
        return -1, False  # an object and its hash
    at += 1
    start, dot = at, -1
    while at < b:
        if data[at] == 46:
            if at + 1 >= b or not has(data, at + 1, DIGIT | LETTER):
                break
            dot = at
        elif not (has(data, at, DIGIT | LETTER) or data[at] == 45):
            break
        at += 1
        if at - start > LONGEST:
            return -1, False
    if not closed(data, at, b):
        return -1, False
    return at, dot > start and at - dot > 2 and run_end(data, dot + 1, at, LETTER) == at
