"""One writer at a time: a lock that names its holder and dies with it."""

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from graphad.errors import GraphadError


@contextmanager
def writing(store: Path) -> Iterator[None]:
    """Hold the store's lock. Raises: GraphadError that names the process which holds it."""
    path = store / "lock"
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(handle, 200).decode("utf-8", "replace").strip() or "another process"
            raise GraphadError(
                f"{store} is being written by {holder}.", hint="Wait for it."
            ) from error
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)
        yield
    finally:
        os.close(handle)
