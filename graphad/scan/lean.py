"""Kernels that own no memory: they only read and write arrays they are given.

numba counts references to every array a kernel touches, with atomic instructions, even to those it
merely passes on. In a kernel called a hundred times a record that is most of the cost, so these are
compiled without it. Such a kernel must not create an array, nor return one.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from graphad import jit

F = TypeVar("F", bound=Callable[..., Any])


def _compiled(function: F, inline: bool) -> F:
    compiled: F = jit.numba.njit(
        cache=jit.cache_folder() is not None, nogil=True, forceinline=inline, _nrt=False
    )(function)
    return compiled


def lean(function: F) -> F:
    """Compile `function` as `jit.kernel` does, without reference counts."""
    return _compiled(function, False)


def inlined(function: F) -> F:
    """Compile `function` into each kernel that calls it: a call passes seven words an array."""
    return _compiled(function, True)
