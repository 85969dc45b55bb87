"""What audit fields are found by: the bytes that end keys and values, 64 at once."""

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from graphad.jit import kernel
from graphad.scan.lean import lean
from graphad.scan.words import U64, Bytes, Ints, copy64, trailing_zeros

_VECTOR = ir.VectorType(ir.IntType(8), 64)
_WORD = ir.IntType(64)


def _splat(byte: int) -> Any:
    return ir.Constant(_VECTOR, [byte] * 64)


@intrinsic
def look(typing_context: Any, array: Any, at: Any) -> Any:
    """Return four words for the 64 bytes from `at` on, bit i for byte i.

    The equals signs; spaces and control characters; quotation marks; what JSON has to escape.
    """
    result = types.UniTuple(types.uint64, 4)

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        address = builder.bitcast(builder.gep(data, [args[1]]), _VECTOR.as_pointer())
        vector = builder.load(address)
        vector.align = 1

        def word(bits: Any) -> Any:
            return builder.bitcast(bits, _WORD)

        quote = builder.icmp_unsigned("==", vector, _splat(34))
        awkward = builder.or_(quote, builder.icmp_unsigned("==", vector, _splat(92)))
        awkward = builder.or_(awkward, builder.icmp_unsigned("<", vector, _splat(32)))
        words = [
            word(builder.icmp_unsigned("==", vector, _splat(61))),
            word(builder.icmp_unsigned("<", vector, _splat(33))),
            word(quote),
            word(awkward),
        ]
        return cgutils.pack_array(builder, words)

    return result(array, types.int64), code


@intrinsic
def _line_feeds(typing_context: Any, array: Any, at: Any) -> Any:
    """Return which of the 64 bytes from `at` on are line feeds."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        address = builder.bitcast(builder.gep(data, [args[1]]), _VECTOR.as_pointer())
        vector = builder.load(address)
        vector.align = 1
        return builder.bitcast(builder.icmp_unsigned("==", vector, _splat(10)), _WORD)

    return types.uint64(array, types.int64), code


@kernel
def find_line_feeds(data: Bytes, first: int, last: int, out: Ints) -> int:
    """Write where line feeds are in [first, last) of padded data; return how many there are.

    What `out` has no room for is only counted.
    """
    found = 0
    for at in range(first, last, 64):
        bits = _line_feeds(data, at)
        if last - at < 64:
            bits &= (U64(1) << U64(last - at)) - U64(1)
        while bits:
            if found < len(out):
                out[found] = at + trailing_zeros(bits)
            found += 1
            bits &= bits - U64(1)
    return found


@lean
def put_json(data: Bytes, a: int, b: int, out: Bytes, size: int) -> int:
    """Write the inside of a JSON string; 64 bytes after `b`, and after the end, may be touched."""
    while a < b:
        awkward = look(data, a)[3]
        length = min(64, b - a)
        good = min(length, trailing_zeros(awkward))
        copy64(data, a, out, size)
        size += good
        a += good
        if good < length:
            size = _put_escaped(data[a], out, size)
            a += 1
    return size


@lean
def _put_escaped(byte: int, out: Bytes, size: int) -> int:
    out[size] = 92
    if byte >= 32:
        out[size + 1] = byte
        return size + 2
    out[size + 1] = 117
    out[size + 2] = out[size + 3] = 48
    out[size + 4] = 48 + (byte >> 4)
    digit = byte & 15
    out[size + 5] = digit + (48 if digit < 10 else 87)
    return size + 6


@lean
def next_blank(data: Bytes, at: int, end: int) -> int:
    """Return the first space or control character from `at` on, `end` if there is none before."""
    while at < end:
        step = trailing_zeros(look(data, at)[1])
        if step < 64:
            return min(at + step, end)
        at += 64
    return end


@lean
def next_equals_or_blank(data: Bytes, at: int, end: int) -> int:
    """Return the first equals sign, space or control character; `end` if there is none before."""
    while at < end:
        equals, blank, _, _ = look(data, at)
        step = trailing_zeros(equals | blank)
        if step < 64:
            return min(at + step, end)
        at += 64
    return end


@lean
def next_byte(data: Bytes, at: int, end: int, byte: int) -> int:
    """Return where a byte stands first; `end` if there is none before."""
    while at < end and data[at] != byte:
        at += 1
    return at
