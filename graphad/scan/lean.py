"""Kernels that own no memory: they only read and write arrays they are given.

numba counts references to every array a kernel touches, with atomic instructions, even to those it
merely passes on. In a kernel called a hundred times a record that is most of the cost, so these are
compiled without it. Such a kernel must not create an array, nor return one.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from graphad import jit

F = TypeVar("F", bound=Callable[..., Any])


def lean(function: F) -> F:
    """Compile `function` as `jit.kernel` does, without reference counts."""
    options = {"cache": jit.cache_folder() is not None, "nogil": True, "_nrt": False}
    compiled: F = jit.numba.njit(**options)(function)
    return compiled
