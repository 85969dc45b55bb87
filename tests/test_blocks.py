"""Blocks hold each byte once, whatever the size of what is read at a time."""

import io
from typing import BinaryIO, cast
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.blocks import blocks
from graphad.parse import Lines, whole_lines


@settings(max_examples=300, deadline=None)
@given(
    data=st.binary(max_size=200).map(lambda b: b.replace(b"\x01", b"\n")),
    size=st.integers(1, 50),
    offset=st.integers(0, 60),
    little=st.integers(1, 60),
)
def test_blocks_are_the_lines(data: bytes, size: int, offset: int, little: int) -> None:
    with patch("graphad.blocks._LITTLE", little):
        check_lines(data, size, offset)


def check_lines(data: bytes, size: int, offset: int) -> None:
    seen: list[bytes] = []
    decoder = Lines(lambda text: {"action": text})
    at, line, settled = offset, 7, -1
    found = []
    for block in blocks(
        io.BytesIO(data), decoder, lambda b: seen.append(bytes(b)), offset, 7, size
    ):
        assert (block.offset, block.line) == (at, line)
        assert block.last == block.tail
        if block.tail:  # not seen yet: what the digest of the settled part is taken of
            settled = len(b"".join(seen))
        assert not block.lost
        assert block.data == data[at - offset : at - offset + len(block.data)]
        line += bytes(block.data).count(b"\n")
        at += len(block.data)
        found.append(block)
    assert b"".join(seen) == data
    assert at == offset + len(data)
    assert [block.last for block in found] == [False] * (len(found) - 1) + [True]
    assert settled == data.rfind(b"\n") + 1
    total = sum(decoder.decode(block.data, block.last).read for block in found if block.data)
    assert total == (len(whole_lines(data)) if data else 0)


class Broken(io.RawIOBase):
    """Gives some bytes and then fails."""

    def __init__(self, data: bytes) -> None:
        self.data = io.BytesIO(data)

    def read(self, size: int = -1) -> bytes:
        found = self.data.read(size)
        if not found:
            raise OSError("torn")
        return found


def test_what_is_behind_damage_is_a_tail() -> None:
    decoder = Lines(lambda text: {"action": text})
    stream = cast(BinaryIO, Broken(b"one\ntwo\nthr"))
    first, rest, damage = blocks(stream, decoder, lambda _: None)
    assert (bytes(first.data), first.tail) == (b"one\ntwo\n", False)
    assert (bytes(rest.data), rest.tail, rest.last, rest.line) == (b"thr", True, True, 3)
    assert damage.tail
    assert damage.lost == "the data are damaged from here on: torn;0"
