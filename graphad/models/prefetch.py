"""Calling numbers into the processor's cache before they are needed; results stay the same."""

from typing import Any

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

_INT = ir.IntType(32)
_TO_WRITE, _KEEP, _DATA = _INT(1), _INT(3), _INT(1)


@intrinsic
def prefetch(typing_context: Any, array: Any, at: Any) -> Any:
    """Call the element at a flat place of a contiguous array into the cache, to be written.

    A place outside of the array does no harm: nothing is read.
    """

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        address = builder.bitcast(builder.gep(data, [args[1]]), ir.IntType(8).as_pointer())
        kinds = [address.type, _INT, _INT, _INT]
        call = builder.module.declare_intrinsic(
            "llvm.prefetch", kinds[:1], ir.FunctionType(ir.VoidType(), kinds)
        )
        builder.call(call, [address, _TO_WRITE, _KEEP, _DATA])
        return context.get_dummy_value()

    return types.void(array, types.int64), code
