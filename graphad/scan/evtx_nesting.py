"""How large an EVTX record's XML can become, worked out before anyone writes it.

A record names a template and gives it values; a value may again name a template. A template that
uses such a value ten times, ten levels deep, makes XML of 10^10 parts of a record of 1 KB.
"""

import numpy as np
import numpy.typing as npt

from graphad.scan.lean import lean
from graphad.scan.words import Bytes

Ints = npt.NDArray[np.int64]
DEEPEST = 6  # levels of templates; Windows has two or three
STEPS = 1000  # templates and values looked into in one record
TOO_MUCH = 1 << 40
_INSTANCE, _FRAGMENT, _XML = 0x0C, 0x0F, 0x21
_AT, _END, _DEPTH, _TIMES = 0, 1, 2, 3  # columns of what is still to be looked into


@lean
def _number(data: Bytes, at: int, size: int) -> int:
    value = 0
    for i in range(size):
        value |= np.int64(data[at + i]) << (8 * i)
    return value


@lean
def _count_uses(data: Bytes, at: int, end: int, counts: Ints) -> None:
    """Count how often a template's definition uses each value, at most: counts [256]."""
    counts[:] = 0
    for i in range(at, end - 2):
        if (data[i] == 13 or data[i] == 14) and data[i + 2] == 0:
            counts[data[i + 1]] += 1


@lean
def _push(todo: Ints, held: int, at: int, end: int, depth: int, times: int) -> int:
    """Note what is to be looked into; return how much there is then, more than fits if no room."""
    if held < len(todo):
        todo[held, _AT] = at
        todo[held, _END] = end
        todo[held, _DEPTH] = depth
        todo[held, _TIMES] = times
    return held + 1


@lean
def _size(data: Bytes, base: int, at: int, end: int, todo: Ints, counts: Ints, known: Ints) -> int:
    """Return at most how many bytes the XML has that lies in `at` to `end`.

    known: the template whose uses counts[depth] holds, for each depth.
    """
    limit = min(len(data), base + 65536)
    total, taken = 0, 0
    held = _push(todo, 0, at, min(end, limit), 0, 1)
    while held:
        held -= 1
        taken += 1
        at, end = todo[held, _AT], todo[held, _END]
        depth, times = todo[held, _DEPTH], todo[held, _TIMES]
        if depth == DEEPEST or taken > STEPS:
            return TOO_MUCH
        while at + 4 <= end and data[at] == _FRAGMENT:
            at += 4
        total = min(TOO_MUCH, total + times * max(0, end - at))
        rest = at  # from where on templates may be named in elements
        if at + 10 <= end and data[at] == _INSTANCE:
            place = base + _number(data, at + 6, 4)
            at += 10
            size = _number(data, place + 20, 4) if place + 24 <= limit else limit
            if at == place:
                at += 24 + size
            if at + 4 > end or place + 24 + size > limit:
                continue  # the template or a value lies beyond: this can't be read
            if known[depth] != place:
                _count_uses(data, place + 24, place + 24 + size, counts[depth])
                known[depth] = place
            many = _number(data, at, 4)
            at += 4
            rest = at + 4 * many
            total = min(TOO_MUCH, total + times * size)
            for i in range(many):
                if rest > end:
                    break
                width = _number(data, at + 4 * i, 2)
                uses = min(TOO_MUCH, times * (counts[depth, i] if i < 256 else size))
                if data[at + 4 * i + 2] & 0x7F == _XML:
                    stop = min(rest + width, end)
                    held = _push(todo, held, rest, stop, depth + 1, uses)
                else:
                    total = min(TOO_MUCH, total + uses * width)
                rest += width
        for i in range(rest, end - 9):
            # The place of a template is below 65536.
            if data[i] == _INSTANCE and data[i + 8] == 0 and data[i + 9] == 0:
                held = _push(todo, held, i, end, depth + 1, times)
        if total == TOO_MUCH or held > len(todo):
            return TOO_MUCH
    return total


@lean
def sizes(
    data: Bytes, base: Ints, offset: Ints, length: Ints, out: Ints, todo: Ints, scratch: Ints
) -> None:
    """Write for each record at most how many bytes its XML has.

    base: where its chunk begins; offset, length: its binary XML; all in `data`, all [N] as `out`.
    todo: [STEPS, 4]; scratch: [DEEPEST + 1, 256]. What they hold does not matter.
    """
    known = scratch[DEEPEST]
    known[:] = -1
    for i in range(len(base)):
        end = offset[i] + length[i]
        out[i] = _size(data, base[i], offset[i], end, todo, scratch, known)


def largest(data: Bytes, base: Ints, offset: Ints, length: Ints) -> Ints:
    """Return for each record at most how many bytes its XML has: `sizes` with room to work in."""
    out = np.empty(len(base), np.int64)
    todo = np.empty((STEPS, 4), np.int64)
    sizes(data, base, offset, length, out, todo, np.empty((DEEPEST + 1, 256), np.int64))
    return out
