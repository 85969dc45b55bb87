"""Headers of text logs: where the stamp, host, component, process, level and message of a line are.

    line   = ["<" number ">" ["1 "]] [words] stamp rest
    rest   = host tag message                        syslog, RFC 3164, or with an ISO stamp
           | host app procid msgid data message      syslog, RFC 5424
           | request                                 an access log: the words are its client
           | { level | "[" context "]" | pids | "-" } [component] message
           | "|" component "|" pid "|" message
           | date node stamp node kind component level message     supercomputers

Which it is, the line's own form says and nothing else: not its file, nor the lines before it. A
line without a stamp has no header.
"""

import numpy as np
import numpy.typing as npt

from graphad.jit import kernel
from graphad.scan.lean import inlined, lean
from graphad.scan.text_rest import (
    CONTEXT,
    DATA,
    HOST,
    LEVEL,
    MESSAGE,
    MSGID,
    NAME,
    PID,
    PRI,
    SPANS,
    WORDS,
    Spans,
    general,
    level_end,
    tag,
    word_end,
)
from graphad.scan.text_stamps import ACCESS, EPOCH, SYSLOG, T_BETWEEN, read_stamp
from graphad.scan.text_values import BLANK, DIGIT, has, run_end
from graphad.scan.words import Bytes, Ints

# What a header is. From HEADED on there is a stamp.
BLANK_LINE, NO_STAMP, TOO_LONG = 0, 1, 2
HEADED, RFC3164, RFC5424, REQUEST, FIELDS, CLUSTER, JSON = range(3, 10)
MAX_LINE = 16 * 1024 * 1024
_WORDS_BEFORE = 6  # words that may stand before a stamp, if they look like parts of a header
_FAR = 200  # bytes in which it must begin


@lean
def _before(data: Bytes, a: int, b: int) -> bool:
    """Say whether a word before a stamp may be part of a header: no word of a sentence is."""
    if b - a > 80:
        return False
    c = data[b - 1]
    if c == 44 or c == 59 or c == 33 or c == 63 or c == 40:
        return False
    if c == 58:
        return b - a == 1
    if b - a == 1:
        return True
    for i in range(a, b):  # letters alone make a sentence
        if not has(data, i, DIGIT) and not (97 <= data[i] <= 122 or data[i] == 39):
            return True
        if has(data, i, DIGIT):
            return True
    return b - a <= 5  # http, https, h2, ws: the protocol in front


@lean
def find_stamp(data: Bytes, a: int, b: int) -> tuple[int, int, int, int]:
    """Return (start, end, microseconds, flags) of a line's stamp, end -1 if it has none."""
    at = a
    for word in range(_WORDS_BEFORE + 1):
        if at >= b or at - a > _FAR:
            break
        past = at
        c = data[past]
        if c == 91 or c == 40 or (c == 35 and word == 0):
            past += 1
        if has(data, past, DIGIT) or 65 <= data[past] <= 122:
            end, us, flags = read_stamp(data, past, b)
            if end > 0 and (word == 0 or end >= b or not has(data, end - 1, BLANK)):
                return past, end, us, flags
        end = at
        while end < b and not has(data, end, BLANK):
            end += 1
        if end == at or not _before(data, at, end):
            break
        at = run_end(data, end, b, BLANK)
        if word == 0 and at > end + 1:
            break
    return a, -1, 0, 0


@inlined
def _set(spans: Spans, what: int, a: int, b: int) -> None:
    if b > a:
        spans[what], spans[what + 1] = a, b


@lean
def _data_end(data: Bytes, a: int, b: int) -> int:
    r"""Return where RFC 5424's structured data end, in which \] is no end; -1 if they do not."""
    if a < b and data[a] == 45:
        return a + 1
    at = a
    while at < b and data[at] == 91:
        quoted = False
        at += 1
        while at < b:
            c = data[at]
            if c == 92 and quoted:
                at += 1
            elif c == 34:
                quoted = not quoted
            elif c == 93 and not quoted:
                break
            at += 1
        if at >= b:
            return -1
        at += 1
    return at if at > a else -1


@lean
def _rfc5424(data: Bytes, at: int, b: int, spans: Spans) -> bool:
    """Read HOST APP PROCID MSGID DATA MESSAGE."""
    for what in (HOST, NAME, PID, MSGID):
        at = run_end(data, at, b, BLANK)
        end = word_end(data, at, b)
        if end == at:
            return False
        if end - at > 1 or data[at] != 45:
            _set(spans, what, at, end)
        at = end
    at = run_end(data, at, b, BLANK)
    end = _data_end(data, at, b)
    if end < 0:
        return False
    if end - at > 1:
        _set(spans, DATA, at, end)
    if end + 4 <= b and data[end + 1] == 0xEF and data[end + 2] == 0xBB and data[end + 3] == 0xBF:
        end += 3
    _set(spans, MESSAGE, run_end(data, end + 1, b, BLANK) if end < b else b, b)
    return True


@lean
def _cluster(data: Bytes, at: int, b: int, spans: Spans) -> bool:
    """Read DATE NODE STAMP NODE and then KIND COMPONENT LEVEL or a tag; the stamp before counts."""
    if at + 12 > b or data[at] != 32 or data[at + 5] != 46 or data[at + 8] != 46:
        return False
    if run_end(data, at + 1, b, DIGIT) != at + 5 or data[at + 11] != 32:
        return False
    node = at + 12
    end = word_end(data, node, b)
    if end >= b:
        return False
    stamp, _, flags = read_stamp(data, end + 1, b)
    if stamp < 0 or stamp >= b or data[stamp] != 32:
        return False
    again = word_end(data, stamp + 1, b)
    if again >= b:
        return False
    _set(spans, HOST, node, end)
    at = again + 1
    if flags & SYSLOG:
        message = tag(data, at, b, spans)
        _set(spans, MESSAGE, message if message > 0 else at, b)
        return True
    kind = word_end(data, at, b)
    name = word_end(data, kind + 1, b) if kind < b else b
    level = word_end(data, name + 1, b) if name < b else b
    if level >= b:
        _set(spans, MESSAGE, at, b)
        return True
    _set(spans, CONTEXT, at, kind)
    _set(spans, NAME, kind + 1, name)
    _set(spans, LEVEL, name + 1, level)
    _set(spans, MESSAGE, run_end(data, level, b, BLANK), b)
    return True


@lean
def head(data: Bytes, a: int, b: int, spans: Spans) -> tuple[int, int, int]:
    """Return (kind, microseconds, flags) of a line data[a:b] and note its parts in `spans`."""
    for i in range(SPANS):
        spans[i] = 0
    if run_end(data, a, b, BLANK) == b:
        return BLANK_LINE, 0, 0
    if b - a > MAX_LINE:
        return TOO_LONG, 0, 0
    at, pri, version = a, False, False
    if data[at] == 123 and _object(data, at, b):
        _set(spans, MESSAGE, a, b)
        return JSON, 0, 0
    if data[at] == 60:
        end = run_end(data, at + 1, b, DIGIT)
        if end > at + 1 and end <= at + 4 and end < b and data[end] == 62:
            _set(spans, PRI, at + 1, end)
            at, pri = end + 1, True
            if at + 1 < b and data[at] == 49 and data[at + 1] == 32:
                at, version = at + 2, True
    elif has(data, at, BLANK):
        return _no_stamp(data, a, b, spans)
    start, end, us, flags = find_stamp(data, at, b)
    if end < 0:
        for i in range(SPANS):
            spans[i] = 0
        return _no_stamp(data, a, b, spans)
    opened = start > a and (data[start - 1] == 91 or data[start - 1] == 40)
    closing = opened and end < b and (data[end] == 93 or data[end] == 41)
    past = end + 1 if closing else end
    if flags & ACCESS and closing:
        if start - 1 > at:
            _set(spans, WORDS, at, start - 2)
        _set(spans, MESSAGE, run_end(data, past, b, BLANK), b)
        return REQUEST, us, flags
    if start - (1 if opened else 0) > at and not flags & EPOCH and data[start - 1] != 35:
        _set(spans, WORDS, at, start - (2 if opened else 1))
    if version and _rfc5424(data, past, b, spans):
        return RFC5424, us, flags
    if flags & EPOCH and _cluster(data, past, b, spans):
        return CLUSTER, us, flags
    if spans[WORDS + 1] == 0 and not opened and (flags & SYSLOG or pri or flags & 16):
        if past < b and data[past] == 32:
            message = _host_and_tag(data, past, b, spans, pri, flags)
            if message > 0:
                _set(spans, MESSAGE, message, b)
                return RFC3164, us, flags
    kind = FIELDS if past < b and data[past] == 124 else HEADED
    _set(spans, MESSAGE, general(data, past, b, spans, opened), b)
    return kind, us, flags


@lean
def _object(data: Bytes, a: int, b: int) -> bool:
    """Say whether a line begins as a JSON object does that has a field; it may be cut off."""
    at = run_end(data, a + 1, b, BLANK)
    return at < b and data[at] == 34


@lean
def _no_stamp(data: Bytes, a: int, b: int, spans: Spans) -> tuple[int, int, int]:
    _set(spans, MESSAGE, run_end(data, a, b, BLANK), b)
    return NO_STAMP, 0, 0


@lean
def _host_and_tag(data: Bytes, at: int, b: int, spans: Spans, pri: bool, flags: int) -> int:
    """Return where the message begins behind a host and a tag; -1 if these are none."""
    at = run_end(data, at, b, BLANK)
    end = word_end(data, at, b)
    if end == at or end - at > 255 or data[end - 1] == 58 or level_end(data, at, end, False) > 0:
        return -1
    c = data[at]
    if not (has(data, at, 8) or c == 58) or c == 95:
        return -1
    for i in range(at, end):
        c = data[i]
        if not (has(data, i, 8) or c == 45 or c == 46 or c == 58 or c == 47):
            return -1
    follows = run_end(data, end, b, BLANK)
    message = tag(data, follows, b, spans)
    if message < 0:
        if not flags & SYSLOG and not pri:
            return -1
        _set(spans, HOST, at, end)
        return follows
    sure = flags & (SYSLOG | T_BETWEEN) or pri or spans[PID + 1] > 0
    if not sure:
        spans[NAME], spans[NAME + 1] = 0, 0
        return -1
    _set(spans, HOST, at, end)
    return message


@kernel
def heads(
    data: Bytes, start: Ints, end: Ints, kind: npt.NDArray[np.uint8], us: Ints, flags: Ints,
    spans: npt.NDArray[np.int32],
) -> None:  # fmt: skip
    """Read the header of each line data[start[i]:end[i]] into the other arrays."""
    for i in range(len(start)):
        a, b = start[i], end[i]
        if b > a and data[b - 1] == 13:
            b -= 1
        kind[i], us[i], flags[i] = head(data, a, b, spans[i])


@kernel
def begins(
    kind: npt.NDArray[np.uint8], start: Ints, inside: bool, most: int, first: npt.NDArray[np.bool_]
) -> bool:
    """Say which lines begin a record; return whether the last one is inside of one with a header.

    A line without a header belongs to the record before, if that has one and begins less than
    `most` bytes before. `inside`: so does the first line here, if it has no header.
    """
    begin = start[0] if len(start) else 0
    for i in range(len(start)):
        if kind[i] >= HEADED:
            inside = True
            first[i] = True
        else:
            inside = inside and start[i] - begin < most
            first[i] = not inside
        if first[i]:
            begin = start[i]
    return inside


@kernel
def last_headed(data: Bytes, start: Ints, end: Ints) -> int:
    """Return the last line that has a stamp; -1 if none has."""
    spans = np.zeros(SPANS, np.int32)
    for i in range(len(start) - 1, -1, -1):
        kind, _, _ = head(data, start[i], end[i], spans)
        if kind >= HEADED:
            return i
    return -1


@kernel
def numbers(data: Bytes, start: Ints, end: Ints) -> tuple[Ints, npt.NDArray[np.bool_]]:
    """Return the whole numbers that texts of up to 18 digits make, and which texts are such."""
    values, good = np.zeros(len(start), np.int64), np.zeros(len(start), np.bool_)
    for i in range(len(start)):
        size = end[i] - start[i]
        if 0 < size <= 18 and run_end(data, start[i], end[i], DIGIT) == end[i]:
            good[i] = True
            for j in range(start[i], end[i]):
                values[i] = values[i] * 10 + np.int64(data[j]) - 48
    return values, good
