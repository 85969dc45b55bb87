"""One writer at a time: a lock that names its holder and dies with it."""

import fcntl
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from graphad.errors import GraphadError

_AGAIN = 0.1  # seconds between two tries


@contextmanager
def writing(store: Path, patience_s: float = 0.0) -> Iterator[None]:
    """Hold the store's lock, after waiting for it so many seconds at most.

    Raises: GraphadError that names the process which holds it.
    """
    path = store / "lock"
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        until = time.monotonic() + patience_s
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() < until:
                    time.sleep(_AGAIN)
                    continue
                holder = os.pread(handle, 200, 0).decode("utf-8", "replace").strip()
                raise GraphadError(
                    f"{store} is being written by {holder or 'another process'}.",
                    hint="Wait for it.",
                ) from error
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)
        yield
    finally:
        os.close(handle)
