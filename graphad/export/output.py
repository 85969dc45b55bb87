"""Writes what leaves a store: whole or not at all, for its owner alone, over nothing."""

import errno
import os
import secrets
import stat
import sys
from collections.abc import Iterable
from pathlib import Path

from graphad.errors import GraphadError
from graphad.store.manifest import sync_folder


def write(path: Path, data: Iterable[bytes], *, clobber: bool = False) -> None:
    """Write a file of some pieces at once, mode 0600; `-` is standard output.

    Raises: GraphadError: there is something already (unless `clobber`, and then only a regular
        file is replaced), or it cannot be written; then all is as it was.
    """
    if str(path) == "-":
        sys.stdout.flush()
        for piece in data:
            sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()
        return
    check(path, clobber)
    aside = path.with_name(f".{path.name[:100]}.{secrets.token_hex(6)}.tmp")
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(aside, flags, 0o600), "wb") as file:
            for piece in data:
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        if clobber:
            aside.replace(path)
        else:
            _name(aside, path)
        sync_folder(path.parent)
    except FileExistsError as error:
        raise _taken(path) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise GraphadError(f"{path} cannot be written: {reason}.") from error
    finally:
        aside.unlink(missing_ok=True)


def _name(aside: Path, path: Path) -> None:
    """Give a file its name, where none is."""
    try:
        os.link(aside, path)  # unlike a rename it fails where something came in between
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS):
            raise
        check(path, False)  # a file system without hard links
        aside.replace(path)


def check(path: Path, clobber: bool) -> None:
    """Check that a file may be written there. Raises: GraphadError."""
    if str(path) == "-":
        return
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        if not path.parent.is_dir():
            raise GraphadError(f"{path.parent} is no folder.") from None
        return
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise GraphadError(f"{path} cannot be written: {reason}.") from error
    if not stat.S_ISREG(mode):
        raise GraphadError(f"{path} is no regular file.", hint="Name another one.")
    if not clobber:
        raise _taken(path)


def _taken(path: Path) -> GraphadError:
    return GraphadError(f"{path} is there already.", hint="Replace it with --clobber.")
