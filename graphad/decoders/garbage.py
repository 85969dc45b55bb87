"""Puts off the search for garbage while many short-lived objects are made, none in a circle."""

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_waiting = 0  # threads that put it off
_was_on = False


@contextmanager
def put_off() -> Iterator[None]:
    """Have no garbage looked for meanwhile; what nothing refers to is freed at once all the same.

    The last of the threads that do so turns it on again, if it was on.
    """
    global _waiting, _was_on
    with _lock:
        if not _waiting:
            _was_on = gc.isenabled()
            gc.disable()
        _waiting += 1
    try:
        yield
    finally:
        with _lock:
            _waiting -= 1
            if not _waiting and _was_on:
                gc.enable()
