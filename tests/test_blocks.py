"""Blocks hold each byte once, whatever the size of what is read at a time."""

import io

from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.blocks import STRADDLES, blocks
from graphad.parse import Lines, whole_lines


@settings(max_examples=300, deadline=None)
@given(
    data=st.binary(max_size=200).map(lambda b: b.replace(b"\x01", b"\n")),
    size=st.integers(1, 50),
    known=st.integers(0, 60),
)
def test_blocks_are_the_lines(data: bytes, size: int, known: int) -> None:
    known = min(known, len(data))
    seen: list[memoryview] = []
    decoder = Lines(lambda text: {"action": text})
    found = list(blocks(io.BytesIO(data), decoder, seen.append, known, size))
    assert b"".join(seen) == data
    at, line, straddled = 0, 1, 0
    for block in found:
        assert (block.offset, block.line) == (at, line)
        if block.lost:
            reason, _, length = block.lost.rpartition(";")
            assert reason == STRADDLES
            straddled += 1
            line += data[at : at + int(length)].count(b"\n")
            at += int(length)
        else:
            assert block.data == data[at : at + len(block.data)]
            line += bytes(block.data).count(b"\n")
            at += len(block.data)
            assert block.offset >= known or at <= known
    assert at == len(data)
    assert straddled == int(known > 0 and data[known - 1 : known] != b"\n")
    rows = [
        decoder.decode(block.data, block.last) for block in found if not block.lost and block.data
    ]
    total = sum(row.read for row in rows)
    if not straddled:
        assert total == (len(whole_lines(data)) if data else 0)
