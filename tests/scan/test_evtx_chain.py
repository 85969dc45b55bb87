"""The chain of an EVTX chunk's records against a plain loop, whatever the bytes."""

import struct

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.decoders.evtx_chunks import CHUNK_BYTES, FIRST, pieces
from graphad.scan.evtx_chain import LEAST, MOST, chain
from tests.evtx_writer import chunk, event


def plain(part: bytes, at: int, end: int) -> list[list[int]]:
    """The same, slowly."""
    found = []
    while end - at >= LEAST:
        mark, size, number, time = struct.unpack_from("<4sIQQ", part, at)
        if mark != b"**\0\0" or not LEAST <= size <= end - at:
            break
        if struct.unpack_from("<I", part, at + size - 4)[0] != size:
            break
        found.append([at, size, number, time])
        at += size
    return found


def fast(part: bytes, at: int, end: int) -> list[list[int]]:
    out = np.empty((MOST, 4), np.uint64)
    rows: list[list[int]] = out[: chain(np.frombuffer(part, np.uint8), at, end, out)].tolist()
    return rows


def made(size: int, number: int, time: int) -> bytes:
    body = struct.pack("<4sIQQ", b"**\0\0", size, number, time)
    return body.ljust(size - 4, b"x") + struct.pack("<I", size)


WORD = st.integers(0, 2**64 - 1)
RECORDS = st.lists(st.builds(made, st.integers(LEAST, 90), WORD, WORD), min_size=1, max_size=12)


@settings(deadline=None)  # the first call compiles
@given(RECORDS, st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=3),
       st.integers(0, 30))  # fmt: skip
def test_chains_are_those_of_a_plain_loop(
    records: list[bytes], changes: list[tuple[int, int]], missing: int
) -> None:
    part = bytearray(b"".join(records))
    for at, byte in changes:
        part[at % len(part)] = byte
    end = max(0, len(part) - missing)
    assert fast(bytes(part), 0, end) == plain(bytes(part), 0, end)


def test_a_chunk_full_of_the_smallest_records() -> None:
    part = b"".join(made(LEAST, number, 0) for number in range(MOST))
    assert len(fast(part, 0, len(part))) == MOST


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, CHUNK_BYTES - 1), st.integers(0, 255)), max_size=4))
def test_where_a_log_is_cut_does_not_depend_on_who_asks(changes: list[tuple[int, int]]) -> None:
    """The short way for sound chunks ends them where the long way does."""
    events = [event(i + 1, 4688, {"NewProcessId": hex(i)}) for i in range(3)]
    sound = chunk(events)
    part = bytearray(sound)
    for at, byte in changes:
        part[at % 2 * FIRST + at % 1500] = byte  # where header and records are
    view = memoryview(bytes(part) + sound + sound)
    long = [(start, end) for start, end, _ in pieces(view, True)]
    short = [(start, end) for start, end, _ in pieces(view, False)]
    assert short == long[: len(short)]
    assert len(long) - len(short) <= 1 + (len(view) - short[-1][1]) // CHUNK_BYTES
