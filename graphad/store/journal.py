"""What people said about findings: lines of JSON that are appended and never edited.

No manifest names the journal, so nothing that rewrites the store can lose it. An entry counts when
its line is whole JSON; as no beginning of an object is, an append that was cut off says nothing.
"""

import os
from pathlib import Path

from graphad.errors import GraphadError
from graphad.store.manifest import sync_folder

FILE = "journal/marks.ndjson"


def append(store: Path, entry: bytes) -> None:
    """Add one line, and return when it is on disk; the caller holds the store's lock.

    A torn last line is ended first, so that it is never glued to this one. What could not be
    written whole is taken back. Raises: GraphadError if it cannot be written.
    """
    if b"\n" in entry:
        raise ValueError("An entry is one line.")
    path = store / FILE
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
        handle = os.open(path, flags, 0o600)
        try:
            size = os.fstat(handle).st_size
            torn = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
            try:
                _write(handle, b"\n" * torn + entry + b"\n")
                os.fsync(handle)
            except OSError:
                os.ftruncate(handle, size)
                raise
        finally:
            os.close(handle)
        sync_folder(path.parent)
        sync_folder(store)
    except OSError as error:
        raise GraphadError(f"{path} cannot be written: {error.strerror or error}.") from error


def _write(handle: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(handle, left) :]


def lines(store: Path) -> list[bytes]:
    """Return the lines, oldest first, a torn one as it is. Raises: GraphadError: unreadable."""
    path = store / FILE
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        with os.fdopen(handle, "rb") as stream:
            return [line for line in stream.read().split(b"\n") if line]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise GraphadError(f"{path} cannot be read: {error.strerror or error}.") from error
