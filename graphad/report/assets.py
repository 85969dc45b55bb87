"""What others wrote that goes into a page: files of this folder, their versions and digests."""

import hashlib
from pathlib import Path

import msgspec

from graphad.errors import GraphadError

FOLDER = Path(__file__).parent / "assets"


class File(msgspec.Struct):
    """A file as it is in the package of the registry."""

    origin: str = msgspec.field(name="from")
    sha256: str


class Asset(msgspec.Struct):
    """A package that files were taken from; integrity: of the registry's archive."""

    package: str
    version: str
    licence: str
    registry: str
    integrity: str
    files: dict[str, File]


def manifest() -> list[Asset]:
    """Return what is vendored."""
    return msgspec.json.decode((FOLDER / "manifest.json").read_bytes(), type=list[Asset])


def scripts() -> dict[str, str]:
    """Return the vendored scripts by file name.

    Raises: GraphadError: one is not what the manifest says; it would run in the reader's browser.
    """
    found = {}
    for asset in manifest():
        for name, file in asset.files.items():
            data = (FOLDER / name).read_bytes()
            if hashlib.sha256(data).hexdigest() != file.sha256:
                raise GraphadError(
                    f"{FOLDER / name} is not {asset.package} {asset.version}.",
                    hint="Install graphad anew.",
                )
            if name.endswith(".js"):
                found[name] = data.decode()
    return found
