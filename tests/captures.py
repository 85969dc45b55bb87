"""Where real captures lie, packed; absent in most places."""

import os
import tarfile
from functools import cache
from pathlib import Path

import pytest


def captures() -> Path:
    """Return the folder of packed captures, which may not be there."""
    return Path(os.environ.get("GRAPHAD_DATA") or Path(__file__).parents[2] / "shared" / "data")


@cache
def unpacked(name: str, ending: str) -> bytes:
    """Return the one file of a packed capture whose name ends so; skips where it is absent."""
    path = captures() / f"{name}.tar.xz"
    if not path.is_file():
        pytest.skip("the captures are not here: set GRAPHAD_DATA")
    with tarfile.open(path) as packed:
        [member] = (m for m in packed if m.name.endswith(ending))
        inner = packed.extractfile(member)
        assert inner is not None
        return inner.read()


@cache
def members(name: str, ending: str) -> dict[str, bytes]:
    """Return the files of a packed capture whose names end so; none where it is absent."""
    path = captures() / f"{name}.tar.xz"
    if not path.is_file():
        return {}
    found: dict[str, bytes] = {}
    with tarfile.open(path) as packed:
        for member in packed:
            inner = packed.extractfile(member) if member.name.endswith(ending) else None
            if inner is not None:
                found[member.name] = inner.read()
    return found
