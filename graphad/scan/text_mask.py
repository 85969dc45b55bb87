"""Masks the variable parts of text: bytes in, the same text with `<type>` for each value out.

    Accepted password for root from 192.0.2.7 port 4022 ssh2
    Accepted password for <user> from <ip> port <num> ssh2

No mask takes in a blank or leaves one out, so that a text has as many words as before. A `<` that
the text itself has before a small letter or a star is doubled; so a mask is never mistaken.
"""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from graphad.scan.lean import inlined, lean
from graphad.scan.text_values import (
    BLANK,
    CLASSES,
    DIGIT,
    HEX,
    LETTER,
    NAME,
    OPENING,
    STOP,
    account_end,
    clock_end,
    closed,
    date_end,
    has,
    hex_end,
    ip_end,
    ipv6_end,
    lower,
    number_end,
    pairs_end,
    path_end,
    run_end,
    url_end,
    uuid_end,
)
from graphad.scan.text_words import domain_end, numbered_end, unit_kind, user_end
from graphad.scan.words import Bytes

Ints: TypeAlias = npt.NDArray[np.int64]

TYPES = (
    "url", "email", "account", "uuid", "ipv6", "ip", "port", "mac", "path", "hex", "block", "id",
    "time", "size", "duration", "num", "version", "domain", "user", "value",
)  # fmt: skip
(
    URL, EMAIL, ACCOUNT, UUID, IPV6, IP, PORT, MAC, PATH, HEXADECIMAL, BLOCK, ID, TIME, SIZE,
    DURATION, NUM, VERSION, DOMAIN, USER, VALUE,
) = range(len(TYPES))  # fmt: skip
MOST = 200  # values of one text that are told; what follows is masked all the same
# Columns of a value: its first byte, the byte after its last, its type, and the same of its key.
START, END, TYPE, KEY, KEY_END = range(5)


def _named() -> tuple[Bytes, Ints]:
    texts = [f"<{name}>".encode() for name in TYPES]
    ends = np.cumsum([0, *map(len, texts)])
    return np.frombuffer(b"".join(texts), np.uint8), ends.astype(np.int64)


MASKS, MASK_ENDS = _named()
ROOM = max(map(len, TYPES)) + 2  # bytes a mask may be longer than a value, which has one


@lean
def _digit_first(data: Bytes, a: int, b: int) -> tuple[int, int]:
    """Return (end, type) of the value that begins with this decimal digit; -1 if there is none."""
    end = ip_end(data, a, b)
    if end > 0:
        return end, IP
    plain = run_end(data, a, b, DIGIT)
    if plain == b or has(data, plain, BLANK):
        return plain, NUM
    end = uuid_end(data, a, b)
    if end > 0:
        return end, UUID
    end, count = pairs_end(data, a, b)
    if end > 0:
        return end, MAC if count == 6 else HEXADECIMAL
    if data[plain] == 58 or has(data, plain, HEX):
        end = ipv6_end(data, a, b)
        if end > 0:
            return end, IPV6
    end = clock_end(data, a, b)
    if end > 0:
        return end, TIME
    end = date_end(data, a, b)
    if end > 0:
        return end, TIME
    end = domain_end(data, a, b)
    if end > 0:
        return end, DOMAIN
    end = hex_end(data, a, b, 8)
    if end > 0:
        return end, HEXADECIMAL
    end, dots = number_end(data, a, b)
    if closed(data, end, b):
        return end, VERSION if dots > 1 else NUM
    if dots < 2:
        end, unit = unit_kind(data, end, b)
        if unit:
            return end, SIZE if unit == 1 else DURATION
    return -1, -1


@lean
def _letter_first(data: Bytes, a: int, b: int) -> tuple[int, int]:
    """The same for a letter."""
    if lower(data, a) == 118 and a + 1 < b and has(data, a + 1, DIGIT):  # v6.1.7601
        end, dots = number_end(data, a + 1, b)
        if dots and closed(data, end, b):
            return end, VERSION
    word = run_end(data, a, b, NAME)
    if word < b:
        c = data[word]
        if c == 58:
            end = url_end(data, a, b)
            if end > 0:
                return end, URL
            if word == a + 1:
                end = path_end(data, a, b)
                if end > 0:
                    return end, PATH
            if has(data, a, HEX):
                end, count = pairs_end(data, a, b)
                if end > 0:
                    return end, MAC if count == 6 else HEXADECIMAL
                end = ipv6_end(data, a, b)
                if end > 0:
                    return end, IPV6
        elif c == 45 or c == 46 or c == 43 or c == 64 or c == 37:
            if c == 45 and has(data, a, HEX):
                end = uuid_end(data, a, b)
                if end > 0:
                    return end, UUID
                end, count = pairs_end(data, a, b)
                if end > 0:
                    return end, MAC if count == 6 else HEXADECIMAL
            end = url_end(data, a, b)
            if end > 0:
                return end, URL
            end, mail = account_end(data, a, b)
            if end > 0:
                return end, EMAIL if mail else ACCOUNT
            end = domain_end(data, a, b)
            if end > 0:
                return end, DOMAIN
    if has(data, a, HEX):
        end = hex_end(data, a, b, 8)
        if end > 0:
            return end, HEXADECIMAL
    end = numbered_end(data, a, b)
    if end > 0:
        block = end - a > 4 and data[a] == 98 and data[a + 1] == 108 and data[a + 3] == 95
        return end, BLOCK if block else ID
    return -1, -1


@lean
def value_at(data: Bytes, a: int, b: int, start: int) -> tuple[int, int]:
    """Return (end, type) of the value at a place in a text that begins at `start`; -1 if none."""
    c = data[a]
    if a > start and has(data, a - 1, NAME):
        return -1, -1
    if a > start and data[a - 1] == 64 and has(data, a, HEX):  # an object's hash
        end = hex_end(data, a, b, 5)
        if end > 0:
            return end, HEXADECIMAL
    if has(data, a, DIGIT):
        return _digit_first(data, a, b)
    if has(data, a, LETTER):
        return _letter_first(data, a, b)
    if c == 45 or c == 43:
        if a + 1 < b and has(data, a + 1, DIGIT) and (a == start or has(data, a - 1, OPENING)):
            end, dots = number_end(data, a + 1, b)
            if dots < 2 and closed(data, end, b) and not (end < b and data[end] == 45):
                return end, NUM
    elif c == 47 or c == 92 or c == 126:
        if a == start or has(data, a - 1, OPENING):
            end = path_end(data, a, b)
            if end > 0:
                return end, PATH
    elif c == 58 and (a == start or has(data, a - 1, OPENING)):
        end = ipv6_end(data, a, b)
        if end > 0:
            return end, IPV6
    return -1, -1


@inlined
def _key_end(data: Bytes, a: int, b: int, start: int) -> int:
    """Return where a key ends that = follows; -1 if there is none."""
    if a > start and not has(data, a - 1, OPENING) and data[a - 1] != 38 and data[a - 1] != 63:
        return -1
    at = a
    while at < b and at - a < 40 and (
        has(data, at, DIGIT | LETTER) or data[at] == 95 or data[at] == 45 or data[at] == 46
    ):  # fmt: skip
        at += 1
    if at >= b or data[at] != 61 or (at + 1 < b and (data[at + 1] == 61 or data[at + 1] == 126)):
        return -1
    return at


@inlined
def _put(out: Bytes, size: int, kind: int) -> int:
    for i in range(MASK_ENDS[kind], MASK_ENDS[kind + 1]):
        out[size] = MASKS[i]
        size += 1
    return size


@inlined
def _note(values: Ints, count: int, start: int, end: int, kind: int, key: int, key_end: int) -> int:
    if count < MOST:
        values[count, START], values[count, END], values[count, TYPE] = start, end, kind
        values[count, KEY], values[count, KEY_END] = key, key_end
    return count + 1


@lean
def mask_text(
    data: Bytes, a: int, b: int, out: Bytes, size: int, values: Ints, count: int
) -> tuple[int, int]:
    """Write the masked text of data[a:b] to `out` from `size` on and its values behind `count`.

    Returns both as they are then. `out` needs ROOM times the bytes of the text; `values` is
    [MOST, 5], and of a text that has more the rest is masked but not told.
    """
    at = a
    before = 0  # 1 if the word before is "user", 2 if it is "for", 3 if it is "port"
    while at < b:
        first = at == a or not has(data, at - 1, NAME)
        c = data[at]
        if not first or has(data, at, BLANK):
            out[size] = c
            size += 1
            at += 1
            continue
        opens = at == a or has(data, at - 1, OPENING)
        if 0 < before < 3 and has(data, at, NAME) and opens:
            end = user_end(data, at, b, before == 2)
            if end > 0:
                count = _note(values, count, at, end, USER, 0, 0)
                size = _put(out, size, USER)
                at, before = end, 0
                continue
        if has(data, at, LETTER):
            word, plain = _plain_word(data, at, b)
            if plain and not (at > a and data[at - 1] == 64):
                before = _word(data, at, word, before)
                for i in range(at, word):
                    out[size] = data[i]
                    size += 1
                at = word
                continue
            key = _key_end(data, at, b, a)
            if key > 0:
                for i in range(at, key + 1):
                    out[size] = data[i]
                    size += 1
                past, end, kind = _value(data, key + 1, b)
                if end > past:
                    if past > key + 1:
                        out[size] = 34
                        size += 1
                    count = _note(values, count, past, end, kind, at, key)
                    size = _put(out, size, kind)
                at = max(end, key + 1)
                before = 0
                continue
        end, kind = value_at(data, at, b, a)
        if end > 0:
            if before == 3 and kind == NUM:
                kind = PORT
            count = _note(values, count, at, end, kind, 0, 0)
            size = _put(out, size, kind)
            at, before = end, 0
            host = kind == IP or kind == DOMAIN or kind == IPV6
            if host and at + 1 < b and data[at] == 58 and has(data, at + 1, DIGIT):
                end = run_end(data, at + 1, b, DIGIT)
                if end - at <= 6 and closed(data, end, b):
                    out[size] = 58
                    count = _note(values, count, at + 1, end, PORT, 0, 0)
                    size = _put(out, size + 1, PORT)
                    at = end
            continue
        if c == 60 and at + 1 < b and (97 <= data[at + 1] <= 122 or data[at + 1] == 42):
            out[size] = 60
            size += 1
        word = run_end(data, at, b, NAME)
        before = _word(data, at, word, before)
        end = max(at + 1, word)
        for i in range(at, end):
            out[size] = data[i]
            size += 1
        at = end
    return size, count


@lean
def mask_client(data: Bytes, a: int, b: int, out: Bytes, values: Ints) -> tuple[int, int]:
    """Do the same for what an access log has before its stamp: address, identity and user."""
    at, size, count, word = a, 0, 0, 0
    while at < b:
        if has(data, at, BLANK):
            word += 1
            out[size] = data[at]
            size += 1
            at += 1
            continue
        end = at
        while end < b and not has(data, end, BLANK):
            end += 1
        if end - at == 1 and data[at] == 45:
            out[size] = 45
            size += 1
        else:
            found, kind = value_at(data, at, b, a)
            if word > 0 or found != end:
                kind = DOMAIN if word == 0 else USER
            count = _note(values, count, at, end, kind, 0, 0)
            size = _put(out, size, kind)
        at = end
    return size, count


@inlined
def _plain_word(data: Bytes, a: int, b: int) -> tuple[int, bool]:
    """Return where a word ends, and whether it can be neither a value nor a key: most are so."""
    at, underscore, hexadecimal = a, False, HEX
    while at < b and has(data, at, NAME):
        hexadecimal &= CLASSES[data[at]]
        underscore = underscore or data[at] == 95
        at += 1
    if underscore or (hexadecimal and at - a >= 8):
        return at, False
    if at < b:
        c = data[at]
        if c == 61 or c == 58 or c == 45 or c == 46 or c == 43 or c == 64 or c == 37:
            return at, at + 1 >= b or has(data, at + 1, BLANK)
    return at, not (lower(data, a) == 118 and at > a + 1 and has(data, a + 1, DIGIT))


@inlined
def _word(data: Bytes, at: int, end: int, before: int) -> int:
    """Return what the next word is told by: 1 if this one is "user", 2 if "for", 3 if "port"."""
    if end == at:
        keeps = data[at] == 58 or data[at] == 34 or data[at] == 39
        return before if before == 1 and keeps else 0
    if end - at == 4 and lower(data, at) == 117 and lower(data, at + 1) == 115:
        return 1 if lower(data, at + 2) == 101 and lower(data, at + 3) == 114 else 0
    if end - at == 4 and lower(data, at) == 112 and lower(data, at + 1) == 111:
        return 3 if lower(data, at + 2) == 114 and lower(data, at + 3) == 116 else 0
    if end - at == 3 and lower(data, at) == 102 and lower(data, at + 1) == 111:
        return 2 if lower(data, at + 2) == 114 else 0
    return 0


@inlined
def _value(data: Bytes, a: int, b: int) -> tuple[int, int, int]:
    """Return (start, end, type) of what = is followed by; start = end if that is no value."""
    if a >= b:
        return a, a, VALUE
    if data[a] == 34:
        end = a + 1
        while end < b and data[end] != 34:
            end += 1
        found, kind = value_at(data, a + 1, b, a + 1) if end > a + 1 else (-1, -1)
        blanks = False
        for i in range(a + 1, end):
            blanks = blanks or has(data, i, BLANK)
        if end >= b or blanks or end == a + 1:
            return a, a, VALUE
        return a + 1, end, kind if found == end else VALUE
    found, kind = value_at(data, a, b, a)
    if found > 0:
        return a, found, kind
    if not (has(data, a, NAME) or data[a] == 45 or data[a] == 46 or data[a] == 47):
        return a, a, VALUE
    end = a
    while end < b and not has(data, end, STOP) and data[end] != 38 and data[end] != 40:
        end += 1
    return a, end, VALUE
