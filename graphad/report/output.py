"""Writes a file for people: whole or not at all, for its owner alone, over nothing by chance."""

import os
import secrets
from pathlib import Path

from graphad.errors import GraphadError


def check(path: Path, clobber: bool) -> None:
    """Raise GraphadError if `write` would refuse `path` as things are; call it before long work."""
    if path.is_symlink():
        raise GraphadError(f"{path} is a symbolic link.", hint="Name the file itself.")
    if path.is_dir():
        raise GraphadError(f"{path} is a folder.", hint="Name a file.")
    if path.exists() and not path.is_file():
        raise GraphadError(f"{path} is no regular file.", hint="Name another one.")
    if path.exists() and not clobber:
        raise GraphadError(f"{path} is there already.", hint="Write over it: --clobber.")
    if not path.parent.is_dir():
        raise GraphadError(f"{path.parent} is no folder.")


def write(path: Path, data: bytes, clobber: bool = False) -> None:
    """Write a file with mode 0600 so that at any instant it is there whole, or as it was.

    Raises: GraphadError: it is there and `clobber` is false, is a link or no file, or cannot be
    written; then nothing has changed.
    """
    check(path, clobber)
    aside = path.with_name(f".{path.name[:100]}.{secrets.token_hex(6)}.tmp")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    try:
        with os.fdopen(os.open(aside, flags, 0o600), "wb") as file:
            os.fchmod(file.fileno(), 0o600)  # whatever the umask
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if clobber:
            check(path, clobber)
            aside.replace(path)
        else:
            _claim(aside, path)
    except OSError as error:
        raise GraphadError(f"{path} cannot be written: {error.strerror or error}.") from error
    finally:
        aside.unlink(missing_ok=True)


def _claim(aside: Path, path: Path) -> None:
    """Give a file its name unless somebody else has taken that since."""
    try:
        os.link(aside, path)
    except FileExistsError:
        check(path, clobber=False)
        raise
    except OSError:  # a file system without hard links
        check(path, clobber=False)
        aside.replace(path)
