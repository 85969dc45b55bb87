"""The machine words that the byte scanners are made of: unaligned loads, bit counts, 64 at once.

numba has no vector types, so these few are written as LLVM instructions. None checks bounds: the
caller says what it has checked. They compile to AVX-512, AVX2 or NEON, whichever the machine has.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from graphad.scan.lean import lean

Bytes = npt.NDArray[np.uint8]
Bits = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]
U64 = np.uint64

_BYTE, _WORD, _WIDE = ir.IntType(8), ir.IntType(64), ir.IntType(128)
_VECTOR = ir.VectorType(_BYTE, 64)


def _address(context: Any, builder: Any, array_type: Any, array: Any, at: Any) -> Any:
    data = context.make_array(array_type)(context, builder, array).data
    return builder.gep(data, [at])


def _splat(byte: int) -> Any:
    return ir.Constant(_VECTOR, [byte] * 64)


@intrinsic  # type: ignore[misc]
def load64(typing_context: Any, array: Any, at: Any) -> Any:
    """Return the 8 bytes of `array` from `at` on as one word; at + 8 must not pass its end."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        address = _address(context, builder, signature.args[0], args[0], args[1])
        word = builder.load(builder.bitcast(address, _WORD.as_pointer()))
        word.align = 1
        return word

    return types.uint64(array, types.int64), code


@intrinsic  # type: ignore[misc]
def mix(typing_context: Any, a: Any, b: Any) -> Any:
    """Return the two halves of the 128-bit product of two words, xor-ed."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        wide = builder.mul(builder.zext(args[0], _WIDE), builder.zext(args[1], _WIDE))
        high = builder.trunc(builder.lshr(wide, ir.Constant(_WIDE, 64)), _WORD)
        return builder.xor(builder.trunc(wide, _WORD), high)

    return types.uint64(types.uint64, types.uint64), code


@intrinsic  # type: ignore[misc]
def trailing_zeros(typing_context: Any, word: Any) -> Any:
    """Return how many low bits of a word are 0; 64 if all are."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), code


@intrinsic  # type: ignore[misc]
def classify(typing_context: Any, array: Any, at: Any) -> Any:
    r"""Return five words for the 64 bytes from `at` on, bit i for byte i.

    Quotes; backslashes; control characters; n or r; the others that may follow a backslash.
    """
    result = types.UniTuple(types.uint64, 5)

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        address = _address(context, builder, signature.args[0], args[0], args[1])
        vector = builder.load(builder.bitcast(address, _VECTOR.as_pointer()))
        vector.align = 1

        def among(characters: bytes) -> Any:
            found = builder.icmp_unsigned("==", vector, _splat(characters[0]))
            for byte in characters[1:]:
                found = builder.or_(found, builder.icmp_unsigned("==", vector, _splat(byte)))
            return builder.bitcast(found, _WORD)

        control = builder.icmp_unsigned("<", vector, _splat(0x20))
        words = [
            among(b'"'), among(b"\\"), builder.bitcast(control, _WORD), among(b"nr"),
            among(b"/bftu"),
        ]  # fmt: skip
        return cgutils.pack_array(builder, words)

    return result(array, types.int64), code


@lean
def first_bit(bits: Bits, start: int) -> int:
    """Return the first place from `start` on whose bit is set. There must be one."""
    block = start >> 6
    word = bits[block] >> U64(start & 63)
    if word:
        return start + trailing_zeros(word)
    block += 1
    while bits[block] == U64(0):
        block += 1
    return (block << 6) + trailing_zeros(bits[block])


@lean
def word_at(data: Bytes, start: int, length: int) -> U64:
    """Return up to 7 bytes of data as one word."""
    word = U64(0)
    for i in range(length):
        word |= U64(data[start + i]) << U64(8 * i)
    return word


@lean
def hash_bytes(data: Bytes, start: int, length: int, seed: U64) -> U64:
    """Return a 64-bit hash of some bytes; a secret seed keeps others from aiming collisions.

    Source: the folded multiply of Wang Yi's wyhash.
    """
    a, b = U64(0xA0761D6478BD642F), U64(0xE7037ED1A0B428DB)
    h = seed ^ (U64(length) * b)
    at, end = start, start + length
    while at + 16 <= end:
        h = mix(load64(data, at) ^ a, load64(data, at + 8) ^ h)
        at += 16
    low, high = U64(0), U64(0)
    if at + 8 <= end:
        low = load64(data, at)
        at += 8
        if length >= 8:
            high = load64(data, end - 8)
    elif length >= 8:
        low = load64(data, end - 8)
    else:
        low = word_at(data, at, end - at)
    return mix(low ^ a ^ h, high ^ b ^ seed)


@lean
def same_bytes(a: Bytes, start: int, b: Bytes, other: int, length: int) -> bool:
    """Say whether a[start:start+length] equals b[other:other+length]."""
    at = 0
    while at + 8 <= length:
        if load64(a, start + at) != load64(b, other + at):
            return False
        at += 8
    if at < length:
        if length >= 8:
            return bool(load64(a, start + length - 8) == load64(b, other + length - 8))
        while at < length:
            if a[start + at] != b[other + at]:
                return False
            at += 1
    return True


@lean
def copy_bytes(data: Bytes, start: int, length: int, out: Bytes, at: int) -> int:
    """Copy bytes into `out` and return where they end there."""
    for i in range(length):
        out[at + i] = data[start + i]
    return at + length
