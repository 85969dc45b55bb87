"""The one way graphad compiles kernels: nopython, without the GIL, cached for this user alone.

numba's cache files hold machine code, so whoever can write them can run code as us. They live in a
folder only this user can enter ($XDG_CACHE_HOME/graphad), never beside the source. Where no such
folder can be had, kernels compile anew in each process.
"""

import functools
import hashlib
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


def cache_folder() -> Path | None:
    """Return this user's private kernel cache, made if need be; None if it can't be private."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = Path(base) / "graphad" / "kernels" / _sources()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return None
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        return None
    if stat.S_IMODE(found.st_mode) & 0o077:
        folder.chmod(0o700)
    return folder


@functools.cache
def _sources() -> str:
    """Return a digest of every file that kernels are compiled from.

    numba looks at the file of a kernel only, not at those of the kernels it calls, and would go on
    using what was compiled from an older version of them.
    """
    here = Path(__file__).parent
    digest = hashlib.sha256()
    for path in sorted([*here.glob("scan/*.py"), *here.glob("models/*.py"), Path(__file__)]):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


_FOLDER = cache_folder()
if _FOLDER is not None:
    os.environ.setdefault("NUMBA_CACHE_DIR", str(_FOLDER))

import numba as numba  # noqa: E402  (numba reads NUMBA_CACHE_DIR when it is imported)


def when_compiling(tell: Callable[[], None]) -> Callable[[], None]:
    """Have `tell` called each time a kernel is compiled and not read from the cache.

    It may be called in any thread, and must not raise. Returns what ends that.
    """
    from numba.core import event

    class Listener(event.Listener):  # type: ignore[misc]
        def on_start(self, event: object) -> None:
            tell()

        def on_end(self, event: object) -> None:
            """Nothing: what comes next says so itself."""

    listener = Listener()
    event.register("numba:compile", listener)
    return lambda: event.unregister("numba:compile", listener)


_LOOSE = {"reassoc", "contract", "nsz", "arcp", "afn"}


def kernel(function: F) -> F:
    """Compile `function` on its first call; it runs without the GIL."""
    compiled: F = numba.njit(cache=_FOLDER is not None, nogil=True)(function)
    return compiled


def vectorised(function: F) -> F:
    """Compile `function` as `kernel` does, with sums of floats in any order, many lanes at once.

    The same machine gives the same bytes; another kind of processor may round the last bit apart.
    That needs each kernel that such a one calls to be `fused` into it: else the code of the callee
    is another one, which rounds apart, in the process that compiled it than in those that read the
    cache.
    """
    compiled: F = numba.njit(
        cache=_FOLDER is not None, nogil=True, fastmath=_LOOSE, error_model="numpy"
    )(function)
    return compiled


def fused(function: F) -> F:
    """Compile `function` into each `vectorised` kernel that calls it; it must create no array."""
    compiled: F = numba.njit(
        cache=_FOLDER is not None, nogil=True, fastmath=_LOOSE, error_model="numpy",
        forceinline=True, _nrt=False,
    )(function)  # fmt: skip
    return compiled
