"""What follows the stamp in a header: tags of syslog, levels, contexts in brackets, components."""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from graphad.scan.lean import inlined, lean
from graphad.scan.text_values import BLANK, DIGIT, LETTER, closed, has, lower, run_end
from graphad.scan.text_values import NAME as WORD
from graphad.scan.text_words import _among, _packed
from graphad.scan.words import Bytes

Spans: TypeAlias = npt.NDArray[np.int32]

# Parts of a line; each takes two numbers, its start and its end, both 0 where there is none.
HOST, NAME, PID, TID, LEVEL, CONTEXT, MORE, WORDS, PRI, MSGID, DATA, MESSAGE = range(0, 24, 2)
SPANS = 24

LEVELS = _packed(
    "trace debug info information notice warn warning error err crit critical alert emerg fatal "
    "severe fine finer finest config verbose panic log statement detail hint failure".split()
)


@inlined
def word_end(data: Bytes, a: int, b: int) -> int:
    """Return where what has no blank ends."""
    while a < b and not has(data, a, BLANK):
        a += 1
    return a


@lean
def level_end(data: Bytes, a: int, b: int, small: bool) -> int:
    """Return where a level's name ends, -1 if there is none; `small`: in small letters too."""
    end = run_end(data, a, b, LETTER)
    if end - a < 3 or not closed(data, end, b) or not _among(data, a, end, LEVELS):
        return -1
    if small or (65 <= data[a] <= 90):
        return end
    return -1


@lean
def tag(data: Bytes, a: int, b: int, spans: Spans) -> int:
    """Return where the message begins behind `name[pid]: ` or `name: `; -1 if there is no tag."""
    at = a
    while at < b and at - a <= 255 and not has(data, at, BLANK):
        c = data[at]
        if c == 91 or (c == 58 and (at + 1 >= b or has(data, at + 1, BLANK))):
            break
        at += 1
    if at == a or at >= b or (data[at] != 91 and data[at] != 58):
        return -1
    name = at
    if data[at] == 91:
        end = at + 1
        while end < b and end - at <= 64 and data[end] != 93 and not has(data, end, BLANK):
            end += 1
        if end >= b or data[end] != 93:
            return -1
        if end > at + 1:
            spans[PID], spans[PID + 1] = at + 1, end
        at = end + 1
    if at < b and data[at] == 58:
        at += 1
    elif at < b and not has(data, at, BLANK):
        return -1
    spans[NAME], spans[NAME + 1] = a, name
    at = run_end(data, at, b, BLANK)
    if at + 2 < b and data[at] == 60:  # <Info>:
        end = level_end(data, at + 1, b, True)
        if end > 0 and end + 1 < b and data[end] == 62 and data[end + 1] == 58:
            spans[LEVEL], spans[LEVEL + 1] = at + 1, end
            at = run_end(data, end + 2, b, BLANK)
    return at


@lean
def _closing(data: Bytes, a: int, b: int) -> int:
    """Return the bracket that closes the one at `a`, -1 if none does within 300 bytes."""
    depth = 0
    for i in range(a, min(b, a + 300)):
        if data[i] == 91:
            depth += 1
        elif data[i] == 93:
            depth -= 1
            if depth == 0:
                return i
    return -1


@lean
def _bracket(data: Bytes, a: int, b: int, spans: Spans) -> bool:
    """Note what stands in brackets: a level, a process id, or a context; False: a message."""
    if a >= b:
        return False
    colon = a
    while colon < b and data[colon] != 58:
        colon += 1
    at = colon + 1 if colon < b else a  # core:error
    end = level_end(data, at, b, True)
    if end == b and spans[LEVEL + 1] == 0:
        spans[LEVEL], spans[LEVEL + 1] = at, b
        if at > a:
            spans[MORE], spans[MORE + 1] = a, colon
        return True
    at = a
    if b - a > 4 and lower(data, a) == 112 and data[a + 1] == 105 and data[a + 2] == 100:
        at = a + 4  # pid 12:tid 34
    end = run_end(data, at, b, DIGIT)
    if end > at and end - at < 11 and spans[PID + 1] == 0:
        if end == b or data[end] == 45 or (at > a and data[end] == 58):
            spans[PID], spans[PID + 1] = at, end
            if at > a and end + 5 < b and run_end(data, end + 5, b, DIGIT) == b:
                spans[TID], spans[TID + 1] = end + 5, b
            return True
    c = data[a]
    if not (has(data, a, WORD) or c == 47 or c == 45) or spans[CONTEXT + 1] > 0:
        return False
    if word_end(data, a, b) < b:  # a thread's name may have blanks; [client 192.0.2.1] is said
        if spans[LEVEL + 1] == 0 or (b - a > 7 and data[a] == 99 and data[a + 6] == 32):
            return False
    spans[CONTEXT], spans[CONTEXT + 1] = a, b
    at = b
    while at > a and has(data, at - 1, DIGIT):
        at -= 1
    if at < b and at - 1 > a and data[at - 1] == 64:  # thread:class@line
        first = at - 1
        while first > a and data[first - 1] != 58:
            first -= 1
        if first < at - 1:
            spans[NAME], spans[NAME + 1] = first, at - 1
    return True


@inlined
def _colon(data: Bytes, at: int, b: int) -> int:
    """Return where a colon between blanks ends, -1 if there is none."""
    at = run_end(data, at, b, BLANK)
    return at + 1 if at + 1 < b and data[at] == 58 and has(data, at + 1, BLANK) else -1


@lean
def _component(data: Bytes, at: int, b: int, spans: Spans, spaces: int, dashed: bool) -> int:
    """Return where what follows a component begins, -1 if there is none at `at`."""
    end = at
    while end < b and end - at <= 160 and not has(data, end, BLANK):
        c = data[end]
        if c == 58 and (end + 1 >= b or has(data, end + 1, BLANK)):
            break
        if not (
            has(data, end, WORD) or c == 46 or c == 36 or c == 45 or c == 47 or c == 58 or c == 64
            or c == 91 or c == 93 or c == 40 or c == 41 or c == 35 or c == 42
        ):  # fmt: skip
            return -1
        end += 1
    if end == at or end >= b or not (has(data, at, LETTER) or data[at] == 95):
        return -1
    past = -1
    if data[end] == 58:
        past = end + 1
    elif end + 2 < b and data[end + 1] == 45 and data[end + 2] == 32:
        past = end + 3
    elif end + 5 < b and data[end + 1] == 42 and data[end + 5] == 45:  # chrome.exe *64 -
        past = end + 6
    elif _colon(data, end, b) > 0:  # o.s.b.Application      : Started
        past = _colon(data, end, b)
    elif spaces > 3 and end + 1 < b and has(data, end + 1, BLANK):  # columns
        past = end + 1
    elif end + 1 < b and data[end + 1] == 91:  # a dotted name, then a context
        dots = 0
        for i in range(at, end):
            dots += 1 if data[i] == 46 else 0
        past = end if dots else -1
    if past < 0 or (dashed and past == end + 1 and data[end] != 58):
        return -1
    if data[end - 1] == 93:  # name[pid]
        open_ = end - 1
        while open_ > at and data[open_] != 91:
            open_ -= 1
        if run_end(data, open_ + 1, b, DIGIT) == end - 1 and spans[PID + 1] == 0:
            spans[PID], spans[PID + 1] = open_ + 1, end - 1
            end = open_
    spans[NAME], spans[NAME + 1] = at, end
    return past


@lean
def _pids(data: Bytes, at: int, b: int, spans: Spans) -> int:
    """Return where a level begins behind one or two numbers; -1 if that isn't so."""
    first = run_end(data, at, b, DIGIT)
    if first == at or first - at > 10 or first >= b:
        return -1
    if data[first] == 35:  # 123#456:
        second = run_end(data, first + 1, b, DIGIT)
        if second == first + 1 or second >= b or data[second] != 58:
            return -1
        spans[PID], spans[PID + 1] = at, first
        spans[TID], spans[TID + 1] = first + 1, second
        return second + 1
    past = run_end(data, first, b, BLANK)
    second = run_end(data, past, b, DIGIT)
    if past == first:
        return -1
    if spans[LEVEL + 1] > 0:  # 4242 --- [main]
        if past + 3 < b and data[past] == 45 and data[past + 1] == 45 and data[past + 2] == 45:
            spans[PID], spans[PID + 1] = at, first
            return past + 3
        return -1
    two = second > past and second < b and has(data, second, BLANK)
    level = run_end(data, second, b, BLANK) if two else past
    letter = two and level + 1 < b and has(data, level, LETTER) and data[level + 1] == 32
    if level_end(data, level, b, False) < 0 and not letter:
        return -1
    spans[PID], spans[PID + 1] = at, first
    if two:
        spans[TID], spans[TID + 1] = past, second
    if letter:  # D WindowManager:
        spans[LEVEL], spans[LEVEL + 1] = level, level + 1
        return level + 1
    return level


@lean
def _fields(data: Bytes, at: int, b: int, spans: Spans) -> int:
    """Read |component|pid|message."""
    end = at + 1
    while end < b and data[end] != 124:
        end += 1
    if end >= b or end - at > 160:
        return at + 1
    spans[NAME], spans[NAME + 1] = at + 1, end
    digits = run_end(data, end + 1, b, DIGIT)
    if digits > end + 1 and digits < b and data[digits] == 124:
        spans[PID], spans[PID + 1] = end + 1, digits
        end = digits
    return end + 1


@lean
def general(data: Bytes, a: int, b: int, spans: Spans, opened: bool) -> int:
    """Read levels, contexts, process ids and the component; return where the message begins."""
    if a < b and data[a] == 124:
        return _fields(data, a, b, spans)
    at, dashes = a, 0
    while at < b:
        before = at
        while at < b and (
            has(data, at, BLANK)
            or ((data[at] == 45 or data[at] == 58 or data[at] == 44 or data[at] == 124)
                and (at + 1 >= b or has(data, at + 1, BLANK)))
        ):  # fmt: skip
            dashes += 1 if data[at] == 45 else 0
            at += 1
        spaces = at - before
        if at >= b:
            break
        c = data[at]
        if c == 91:
            end = _closing(data, at, b)
            if end < 0 or (spans[NAME + 1] > 0 and spans[CONTEXT + 1] > 0):
                return at
            if not _bracket(data, at + 1, end, spans):
                return at
            at = end + 1
            if spans[CONTEXT + 1] == end and at + 2 < b and data[at] == 32 and data[at + 1] == 45:
                return run_end(data, at + 2, b, BLANK)
            continue
        if has(data, at, DIGIT) and spans[PID + 1] == 0:
            end = _pids(data, at, b, spans)
            if end > 0:
                at = end
                continue
        if spans[LEVEL + 1] == 0:
            end = level_end(data, at, b, dashes > 0 or (at > a and data[before - 1] == 44))
            if end > 0:
                spans[LEVEL], spans[LEVEL + 1] = at, end
                at = end
                if at < b and data[at] == 58 and spans[NAME + 1] == 0:
                    return run_end(data, at + 1, b, BLANK)  # LOG:  starting
                continue
            end = word_end(data, at, b)
            past = run_end(data, end, b, BLANK)
            level = level_end(data, past, b, False)
            if level > 0 and spans[MORE + 1] == 0 and past > end and end - at <= 80:
                if level < b and data[level] == 58:  # postgres@postgres FATAL:
                    spans[MORE], spans[MORE + 1] = at, end
                    at = past
                    continue
            if past < b and level < 0 and spans[TID + 1] == 0 and end - at == 6:
                if past + 1 < b and data[past + 1] == 32 and (data[past] == 70 or data[past] == 80):
                    if data[at] == 115 and data[at + 1] == 116 and data[at + 2] == 100:
                        spans[MORE], spans[MORE + 1] = at, end  # stdout F
                        return past + 2
        if spans[NAME + 1] > 0:
            return at
        told = spans[LEVEL + 1] > 0
        if not (told or dashes > 0 or opened):
            return at
        end = _component(data, at, b, spans, spaces if told else 0, not told)
        if end < 0:
            return at
        colon = data[end - 1] == 58
        at = end
        if colon or told:
            at = run_end(data, at, b, BLANK)
            if at + 1 < b and data[at] == 45 and data[at + 1] == 32:
                at = run_end(data, at + 1, b, BLANK)
            if colon or data[at] != 91:
                return at
    return at
