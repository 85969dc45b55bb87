"""The frame of an EVTX log: chunks of 64 KiB, and in each a chain of records.

A file has a header of 4 KiB, then chunks that each hold the names and templates their records use.
A record begins with `**`, its size, id and time, and ends with its size again. What is damaged is
found here, so that no record is lost because of another one.

Source: Windows XML Event Log (EVTX), format as described by the libevtx project.
"""

import functools
import struct
import zlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

FILE = b"ElfFile\0"
CHUNK = b"ElfChnk\0"
FILE_BYTES = 4096
CHUNK_BYTES = 65536
FIRST = 512  # where a chunk's first record begins
HEAD_BYTES = 24  # of a record, before its XML
LEAST = HEAD_BYTES + 4  # bytes of a record that holds nothing: its head and its size again
_MARK = b"**\0\0"
_HEAD = struct.Struct("<4sIQQ")
_ENDS = struct.Struct("<II")  # at 48 of a chunk's header: free space, checksum of the records


class Record(NamedTuple):
    """Where a record lies in its chunk, its number in the log, and its time: 100 ns from 1601."""

    offset: int
    size: int
    number: int
    filetime: int


_RECORD = functools.partial(tuple.__new__, Record)  # as Record._make, in a third of its time


class Found(NamedTuple):
    """What a chunk holds: whole records in their order, torn ones, and stretches that are none."""

    records: list[Record]
    gaps: list[Record]  # with the number 0 if it is not even the beginning of one
    whole: bool  # header and chain agree, so that any reader finds the same
    refused: Sequence[Record] = ()  # whole, but not to be read


def pieces(data: memoryview, all_of_it: bool) -> Iterator[tuple[int, int, Found | None]]:
    """Return (start, end, what is found) of each piece of `data`; a file's header holds nothing.

    A piece is a file's header, a chunk, or a stretch of anything else. Only the first CHUNK_BYTES
    from a piece's start decide where it ends, so that a log is divided in the same way however it
    is read. Without `all_of_it`, ends before a piece that may go on, and does not say what is found
    in a sound chunk.
    """
    at = 0
    while at < len(data):
        part = bytes(data[at : at + CHUNK_BYTES])
        head = part.startswith(FILE)
        size = FILE_BYTES if head else CHUNK_BYTES
        if len(part) < size and not all_of_it:
            return
        part = part[:size]
        if not all_of_it and _unbroken(part):
            yield at, at + size, None
            at += size
            continue
        found = None if head else walk(part)
        end = _end(part, found)
        if end < len(part) and found is not None:
            found = walk(part[:end])
        yield at, at + end, found
        at += end


def _unbroken(part: bytes) -> bool:
    """Say whether a chunk's records follow each other up to its end, without looking into them."""
    if not part.startswith(CHUNK) or len(part) < CHUNK_BYTES:
        return False
    from graphad.scan.evtx_chain import MOST, chain

    free, _ = _free(part)
    end, out = free or len(part), np.empty((MOST, 4), np.uint64)
    sound = chain(np.frombuffer(part, np.uint8), FIRST, end, out)
    return end == (int(out[sound - 1, :2].sum()) if sound else FIRST)


def _end(part: bytes, found: Found | None) -> int:
    """Return where the first piece of `part` ends."""
    ends = []
    if part.startswith(CHUNK):
        assert found is not None
        if not found.gaps:
            return len(part)
        # Bytes are missing, if another chunk begins behind the place where the chain breaks.
        ends.append(part.find(CHUNK, found.gaps[0].offset))
    else:
        ends += [part.find(CHUNK, 1), part.find(FILE, 1)]
    begun = [end for end in ends if end > 0]
    if begun:
        return min(begun)
    for cut in range(7, 0, -1):
        if len(part) == CHUNK_BYTES and part.endswith((CHUNK[:cut], FILE[:cut])):
            return len(part) - cut
    return len(part)


def walk(part: bytes) -> Found:
    """Return the records of a chunk, or of a stretch that may once have been one.

    A chunk's header says where its free space begins; what lies there is left from before the log
    was cleared or began anew, and is not of this log. Where the header is not to be believed (its
    checksum is wrong), the records that continue the chain are taken too.
    """
    from graphad.scan.evtx_chain import MOST, chain

    free, believed = _free(part)
    at = FIRST if part.startswith(CHUNK) else 0
    end = min(free, len(part)) if free else len(part)
    data, out = np.frombuffer(part, np.uint8), np.empty((MOST, 4), np.uint64)
    records: list[Record] = []
    gaps: list[Record] = []
    while at < end:
        # Sound records, mostly all of them.
        if sound := chain(data, at, end, out):
            records += map(_RECORD, out[:sound].tolist())
            at = records[-1].offset + records[-1].size
            continue
        record = _record(part, at, end)
        if record is None:
            following = _next(part, at + 1, end)
            gaps += _torn(part, at, following)
            at = following
        else:
            records.append(record)
            at += record.size
    whole = believed and not gaps and end == free and len(part) == CHUNK_BYTES
    if free and not believed and not gaps:
        while record := _record(part, at, len(part)):
            if records and record.number != records[-1].number + 1:
                break
            records.append(record)
            at += record.size
    return Found(records, gaps, whole)


def _free(part: bytes) -> tuple[int, bool]:
    """Return where a chunk's free space begins, 0 if it doesn't say, and whether to believe it."""
    if not part.startswith(CHUNK) or len(part) < FIRST:
        return 0, False
    free, _ = _ENDS.unpack_from(part, 48)
    if not FIRST <= free <= CHUNK_BYTES:
        return 0, False
    [told] = struct.unpack_from("<I", part, 124)
    return free, zlib.crc32(part[128:FIRST], zlib.crc32(part[:120])) == told


def _record(part: bytes, at: int, end: int) -> Record | None:
    """Return the record at a place, None if there is none or it isn't whole."""
    if end - at < LEAST or part[at : at + 4] != _MARK:
        return None
    _, size, number, filetime = _HEAD.unpack_from(part, at)
    following = at + size
    if not LEAST <= size <= end - at:
        return None
    again = part[following - 4 : following] == part[at + 4 : at + 8]
    if again or following == end or part[following : following + 4] == _MARK:
        return Record(at, size, number, filetime)
    return None


def _torn(part: bytes, at: int, end: int) -> Iterator[Record]:
    """Return the torn record with which a damaged stretch begins, and what else is in it."""
    if part[at : at + 4] == _MARK and end - at >= LEAST:
        _, size, number, filetime = _HEAD.unpack_from(part, at)
        size = min(max(size, LEAST), end - at)
        yield Record(at, size, number, filetime)
        at += size
    if part.count(0, at, end) < end - at:
        yield Record(at, end - at, 0, 0)


def _next(part: bytes, at: int, end: int) -> int:
    """Return where the next record begins, the end if there is none."""
    while (at := part.find(_MARK, at, end)) >= 0:
        size = int.from_bytes(part[at + 4 : at + 8], "little")
        # Bytes that only look like the beginning seldom have their size at their end.
        if LEAST <= size <= end - at and part[at + size - 4 : at + size] == part[at + 4 : at + 8]:
            return at
        at += 1
    return end


def file_header() -> bytes:
    """Return the header of a file of one chunk."""
    header = struct.pack("<8sQQQIHHHH", FILE, 0, 0, 1, 128, 1, 3, FILE_BYTES, 1)
    header = header.ljust(120, b"\0")
    return (header + struct.pack("<II", 0, zlib.crc32(header))).ljust(FILE_BYTES, b"\0")


def patched(part: bytes, records: list[Record]) -> tuple[bytes, list[Record | None]]:
    """Return a chunk in which these records follow each other, and what a reader finds in it.

    None stands for a record that only fills the space before or between them. Names and templates
    stay where they are. Records that can't be reached so are left out, and with them all behind.
    """
    made = bytearray(part.ljust(CHUNK_BYTES, b"\0")[:CHUNK_BYTES])
    order: list[Record | None] = []
    at = FIRST
    for record in records:
        space = record.offset - at
        if 0 < space < LEAST or space < 0:
            break
        if space:
            # An empty fragment; its size stands at its end as in any record.
            made[at : at + 25] = _HEAD.pack(_MARK, space, 0, 0) + b"\0"
            made[record.offset - 4 : record.offset] = space.to_bytes(4, "little")
            order.append(None)
        order.append(record)
        at = record.offset + record.size
    none = 2**64 - 1  # as last number and last id: a reader stops at the free space instead
    made[:56] = struct.pack("<8sQQQQIIII", CHUNK, 1, none, 1, none, 128, FIRST, at, 0)
    return bytes(made), order
