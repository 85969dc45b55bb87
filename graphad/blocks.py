"""Cuts a stream into blocks of whole records, and remembers where each begins."""

import io
from collections.abc import Callable, Iterator
from typing import BinaryIO, NamedTuple

import numpy as np

from graphad.errors import ParseError
from graphad.parse import MAX_RECORD, Decoder
from graphad.reading import DAMAGED, Bomb

BLOCK = 32 * 1024 * 1024  # bytes read at once
WHOLE = 2 * 1024 * 1024 * 1024  # bytes of a file that must be read as one


class Block(NamedTuple):
    """Whole records, one after another."""

    data: bytes | memoryview
    offset: int  # of the first byte in the source
    line: int  # on which it begins, from 1
    last: bool = False  # nothing more is to be decoded
    lost: str = ""  # why these bytes are one reject and are not to be decoded
    tail: bool = False  # a log that grows may yet change what this is


_EMPTY = memoryview(b"")
_STEP = 1 << 20
_LITTLE = 1 << 18  # bytes that are read before room for a whole block is made


def blocks(
    stream: BinaryIO,
    decoder: Decoder,
    seen: Callable[[memoryview], None],
    offset: int = 0,
    line: int = 1,
    size: int = BLOCK,
) -> Iterator[Block]:
    """Return the blocks of a stream: whole records, then what is left at its end, the tail.

    The first block of the tail, and no other, is the last one to decode; mostly it is empty. `seen`
    gets every byte once: a block's before it is returned, the tail's after its first block is.
    `offset` and `line` are those of the stream's first byte in its source.

    A record longer than MAX_RECORD becomes a lost block up to its line's end; so does what follows
    the point where a damaged stream can no longer be read. Memory: two blocks and one record.
    """
    held = _EMPTY
    skipping, why = 0, ""  # bytes of a record already dropped
    ended, damage = False, ""
    lines = getattr(decoder, "lines", True)  # else its records stand on none
    while not ended:
        # At least what is held, so that a file read as one is copied few times.
        buffer, got, damage = _filled(stream, held, max(size, len(held)))
        held, chunk = buffer[: len(held) + got], buffer[len(held) : len(held) + got]
        ended = bool(damage) or not got
        if skipping:
            end = _first_line_end(chunk)
            if not end:
                seen(chunk)
                skipping, held = skipping + got, _EMPTY
                continue
            seen(chunk[:end])
            skipping += end
            yield Block(b"", offset, line, lost=f"{why};{skipping}")
            offset, line, held, skipping = offset + skipping, line + 1, chunk[end:], 0
        whole = decoder.cut(held, False) if held else 0
        if whole:
            seen(held[:whole])
            yield Block(held[:whole], offset, line)
            if lines:
                line += _line_ends(held[:whole])
            offset += whole
            held = held[whole:]
        limit = WHOLE if getattr(decoder, "whole", False) else MAX_RECORD
        if len(held) > limit:
            skipping, why = len(held), f"longer than {limit >> 20} MiB"
            seen(held)
            held = _EMPTY
    whole = decoder.cut(held, True) if held else 0
    yield Block(held[:whole], offset, line, last=True, tail=True)
    seen(held)
    lost = skipping or len(held) - whole
    if lost:  # too long and without an end, or what the decoder would not have even as its last
        if lines:
            line += _line_ends(held[:whole])
        reason = why if skipping else "the last record is unfinished"
        yield Block(b"", offset + whole, line, lost=f"{reason};{lost}", tail=True)
    if damage:
        yield Block(b"", offset + whole + lost, line, lost=f"{damage};0", tail=True)


def _line_ends(data: memoryview) -> int:
    """Return how many line feeds there are; in steps, or the comparison's result fills memory."""
    array = np.frombuffer(data, np.uint8)
    return sum(
        int(np.count_nonzero(array[at : at + _STEP] == 10)) for at in range(0, len(array), _STEP)
    )


def _first_line_end(data: memoryview) -> int:
    """Return where the first line ends, past its line feed; 0 if none does."""
    for at in range(0, len(data), _STEP):
        found = bytes(data[at : at + _STEP]).find(b"\n") + 1
        if found:
            return at + found
    return 0


def _filled(stream: BinaryIO, held: memoryview, most: int) -> tuple[memoryview, int, str]:
    """Return (what is held and up to so many bytes more, how many more, why not all, if so).

    For what a little room holds no more is asked of the system, which has to clear it.
    """
    got, damage, full = 0, "", True
    buffer = held
    for room in sorted({min(most, _LITTLE), most} if len(held) < _LITTLE else {most}):
        if not full:
            break
        larger = np.empty(len(held) + room, np.uint8).data
        larger[: len(buffer)] = buffer
        more, damage = _read(stream, larger[len(buffer) :])
        got += more
        buffer = larger[: len(held) + got]
        full = not damage and got == room
    return buffer, got, damage


def _read(stream: BinaryIO, buffer: memoryview) -> tuple[int, str]:
    """Fill the buffer, less only at the end: (bytes read, why it can't be read further, if so)."""
    got = 0
    while got < len(buffer):
        try:
            # At most one read below, so that what came before a damaged place is not lost.
            if isinstance(stream, io.BufferedIOBase):
                more = stream.readinto1(buffer[got:])
            else:
                part = stream.read(len(buffer) - got)
                more = len(part)
                buffer[got : got + more] = part
        except Bomb as error:
            return got, str(error)
        except (*DAMAGED, ParseError) as error:
            return got, f"the data are damaged from here on: {error or 'they end early'}"
        if not more:
            break
        got += more
    return got, ""
