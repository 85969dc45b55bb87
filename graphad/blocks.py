"""Cuts a stream into blocks of whole records, and remembers where each begins."""

from collections.abc import Callable, Iterator
from typing import BinaryIO, NamedTuple

from graphad.errors import ParseError
from graphad.parse import MAX_RECORD, Decoder
from graphad.reading import DAMAGED, Bomb

BLOCK = 32 * 1024 * 1024  # bytes read at once
WHOLE = 2 * 1024 * 1024 * 1024  # bytes of a file that must be read as one


class Block(NamedTuple):
    """Whole records, one after another."""

    data: bytes
    offset: int  # of the first byte in the source
    line: int  # on which it begins, from 1
    last: bool
    lost: str = ""  # why these bytes are one reject and are not to be decoded


STRADDLES = "its first part was ingested before the rest was written"


def blocks(
    stream: BinaryIO,
    decoder: Decoder,
    seen: Callable[[bytes], None],
    known: int = 0,
    size: int = BLOCK,
) -> Iterator[Block]:
    """Return the blocks of a stream, the last one marked; `seen` gets every byte once.

    A record longer than MAX_RECORD becomes a lost block up to its line's end; so does what follows
    the point where a damaged stream can no longer be read. No block reaches over byte `known`, up
    to which the source was ingested before. Memory: two blocks and one record.
    """
    held = bytearray()
    offset, line = 0, 1
    skipping, why = 0, ""  # bytes of a record already dropped
    taken = 0
    ended, damage = False, ""
    while not ended:
        chunk, damage = _read(stream, min(size, known - taken) if taken < known else size)
        taken += len(chunk)
        if chunk:
            seen(chunk)
        ended = bool(damage) or not chunk
        if skipping:
            end = chunk.find(b"\n") + 1
            broken = bool(end)
            if not broken:
                end = len(chunk)
                if not ended:
                    skipping += end
                    continue
            skipping += end
            yield Block(b"", offset, line, False, f"{why};{skipping}")
            offset, line, held = offset + skipping, line + broken, bytearray(chunk[end:])
            skipping = 0
        else:
            held += chunk
        whole = decoder.cut(held, ended) if held else 0
        if whole:
            yield Block(bytes(held[:whole]), offset, line, ended and whole == len(held))
            line += held.count(b"\n", 0, whole)
            offset += whole
            del held[:whole]
        limit = WHOLE if getattr(decoder, "whole", False) else MAX_RECORD
        if len(held) > limit:
            skipping, held, why = len(held), bytearray(), f"longer than {limit >> 20} MiB"
        elif held and taken == known:
            skipping, held, why = len(held), bytearray(), STRADDLES
    if held:  # the decoder would not have it, even as its last
        yield Block(b"", offset, line, False, f"the last record is unfinished;{len(held)}")
        offset += len(held)
    if damage:
        yield Block(b"", offset, line, False, f"{damage};0")
    yield Block(b"", offset, line, True)


def _read(stream: BinaryIO, size: int) -> tuple[bytes, str]:
    """Return up to `size` bytes, fewer only at the end, and why it can't be read further, if so."""
    parts: list[bytes] = []
    left = size
    damage = ""
    while left and not damage:
        try:
            part = stream.read1(left) if hasattr(stream, "read1") else stream.read(left)
        except Bomb as error:
            part, damage = b"", str(error)
        except (*DAMAGED, ParseError) as error:
            part, damage = b"", f"the data are damaged from here on: {error or 'they end early'}"
        if not part:
            break
        parts.append(part)
        left -= len(part)
    return b"".join(parts), damage
