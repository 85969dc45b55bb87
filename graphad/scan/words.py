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

from graphad.scan.lean import inlined, lean

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


@intrinsic
def load64(typing_context: Any, array: Any, at: Any) -> Any:
    """Return the 8 bytes of `array` from `at` on as one word; at + 8 must not pass its end."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        address = _address(context, builder, signature.args[0], args[0], args[1])
        word = builder.load(builder.bitcast(address, _WORD.as_pointer()))
        word.align = 1
        return word

    return types.uint64(array, types.int64), code


@intrinsic
def store64(typing_context: Any, array: Any, at: Any, word: Any) -> Any:
    """Set the 8 bytes of `array` from `at` on; at + 8 must not pass its end."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        address = _address(context, builder, signature.args[0], args[0], args[1])
        stored = builder.store(args[2], builder.bitcast(address, _WORD.as_pointer()))
        stored.align = 1
        return context.get_dummy_value()

    return types.void(array, types.int64, types.uint64), code


@intrinsic
def mix(typing_context: Any, a: Any, b: Any) -> Any:
    """Return the two halves of the 128-bit product of two words, xor-ed."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        wide = builder.mul(builder.zext(args[0], _WIDE), builder.zext(args[1], _WIDE))
        high = builder.trunc(builder.lshr(wide, ir.Constant(_WIDE, 64)), _WORD)
        return builder.xor(builder.trunc(wide, _WORD), high)

    return types.uint64(types.uint64, types.uint64), code


@intrinsic
def trailing_zeros(typing_context: Any, word: Any) -> Any:
    """Return how many low bits of a word are 0; 64 if all are."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), code


@intrinsic
def differ64(typing_context: Any, a: Any, start: Any, b: Any, other: Any) -> Any:
    """Return a word whose bit i says whether a[start + i] and b[other + i] differ, for 64 bytes."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        vectors = []
        for i in (0, 2):
            address = _address(context, builder, signature.args[i], args[i], args[i + 1])
            vectors.append(builder.load(builder.bitcast(address, _VECTOR.as_pointer())))
            vectors[-1].align = 1
        return builder.bitcast(builder.icmp_unsigned("!=", *vectors), _WORD)

    return types.uint64(a, types.int64, b, types.int64), code


@intrinsic
def copy64(typing_context: Any, data: Any, start: Any, out: Any, at: Any) -> Any:
    """Copy 64 bytes."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        source, target = (
            _address(context, builder, signature.args[i], args[i], args[i + 1]) for i in (0, 2)
        )
        vector = builder.load(builder.bitcast(source, _VECTOR.as_pointer()))
        vector.align = 1
        builder.store(vector, builder.bitcast(target, _VECTOR.as_pointer())).align = 1
        return context.get_dummy_value()

    return types.void(data, types.int64, out, types.int64), code


@intrinsic
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


@inlined
def first_bit(bits: Bits, start: int) -> int:
    """Return the first place from `start` on whose bit is set; there must be one before the end."""
    block, shift = start >> 6, U64(start & 63)
    # The 64 bits from `start` on; in two steps, for a shift by 64 is no shift.
    word = (bits[block] >> shift) | ((bits[block + 1] << U64(1)) << (U64(63) - shift))
    if word:
        return start + trailing_zeros(word)
    block += 1
    while bits[block] == U64(0):
        block += 1
    return (block << 6) + trailing_zeros(bits[block])


@inlined
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


@inlined
def same_bytes(a: Bytes, start: int, b: Bytes, other: int, length: int) -> bool:
    """Say whether a[start:start+length] equals b[other:other+length]."""
    at = 0
    while length - at > 64:
        if differ64(a, start + at, b, other + at):
            return False
        at += 64
    if start + at + 64 <= len(a) and other + at + 64 <= len(b):  # most often: no loop, one branch
        rest = length - at
        return rest == 0 or (differ64(a, start + at, b, other + at) << U64(64 - rest)) == U64(0)
    while at < length:
        if a[start + at] != b[other + at]:
            return False
        at += 1
    return True


@inlined
def copy_bytes(data: Bytes, start: int, length: int, out: Bytes, at: int) -> int:
    """Copy bytes into `out` and return where they end there. What follows there may change."""
    done = 0
    while length - done > 64:
        copy64(data, start + done, out, at + done)
        done += 64
    if start + done + 64 <= len(data) and at + done + 64 <= len(out):
        copy64(data, start + done, out, at + done)
    else:
        for i in range(done, length):
            out[at + i] = data[start + i]
    return at + length
