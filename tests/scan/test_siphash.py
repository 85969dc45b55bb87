"""SipHash against its published vectors and against Python's own siphash-free definition."""

import struct

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.scan.siphash import siphash

KEY = bytes(range(16))
MASK = 2**64 - 1


def naive(data: bytes, key: bytes) -> int:
    """Return SipHash-2-4 as the paper defines it."""
    k0, k1 = struct.unpack("<QQ", key)
    v = [
        k0 ^ 0x736F6D6570736575,
        k1 ^ 0x646F72616E646F6D,
        k0 ^ 0x6C7967656E657261,
        k1 ^ 0x7465646279746573,
    ]

    def rotate(x: int, b: int) -> int:
        return (x << b | x >> (64 - b)) & MASK

    def rounds(n: int) -> None:
        for _ in range(n):
            v[0] = (v[0] + v[1]) & MASK
            v[1] = rotate(v[1], 13) ^ v[0]
            v[0] = rotate(v[0], 32)
            v[2] = (v[2] + v[3]) & MASK
            v[3] = rotate(v[3], 16) ^ v[2]
            v[0] = (v[0] + v[3]) & MASK
            v[3] = rotate(v[3], 21) ^ v[0]
            v[2] = (v[2] + v[1]) & MASK
            v[1] = rotate(v[1], 17) ^ v[2]
            v[2] = rotate(v[2], 32)

    padded = data + bytes(7 - len(data) % 8) + bytes([len(data) & 0xFF])
    for (word,) in struct.iter_unpack("<Q", padded):
        v[3] ^= word
        rounds(2)
        v[0] ^= word
    v[2] ^= 0xFF
    rounds(4)
    return int(v[0] ^ v[1] ^ v[2] ^ v[3])


@pytest.mark.parametrize(
    ("length", "value"),
    [(0, 0x726FDB47DD0E0E31), (1, 0x74F839C593DC67FD), (15, 0xA129CA6149BE45E5)],
)
def test_published_vectors(length: int, value: int) -> None:
    [found] = siphash(pa.array([bytes(range(length))], pa.binary()), KEY).view("u8")
    assert int(found) == value == naive(bytes(range(length)), KEY)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.binary(max_size=40), min_size=1, max_size=20),
    st.binary(min_size=16, max_size=16),
)
def test_columns_equal_the_definition(texts: list[bytes], key: bytes) -> None:
    column = pa.array([b"padding", *texts], pa.binary()).slice(1)
    assert siphash(column, key).view("u8").tolist() == [naive(text, key) for text in texts]


def test_a_key_has_sixteen_bytes() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        siphash(pa.array([b"x"]), b"short")
