"""The manifest: the one authority on what a store holds.

Immutable JSON files, one a commit; CURRENT names the one that counts, with its digest, and is
replaced by an atomic rename. Whatever no manifest names does not exist for a reader.
"""

import hashlib
import os
import time
from pathlib import Path

import msgspec

from graphad import schema
from graphad.errors import SchemaError


class File(msgspec.Struct, omit_defaults=True):
    """One committed file."""

    name: str  # relative to the store, with `/`
    rows: int
    bytes: int
    sha256: str
    start: int | None = None  # first and last time in it, us
    end: int | None = None
    version: int = 1  # of the schema that it was written by


class Settled(msgspec.Struct, omit_defaults=True):
    """The beginning of a source that no growth can change, and what was counted up to there.

    What follows it, a line without an end or records that were still open, is the source's tail.
    """

    bytes: int
    line: int  # on which the next record begins
    digest: str  # SHA-256 of these bytes
    state: str = ""  # file of decoders' states, if this source's decoder remembers anything
    records: int = 0
    read: int = 0
    used: int = 0
    ignored: dict[str, int] = {}
    rejected: int = 0
    edges: int = 0
    start: int | None = None
    end: int | None = None


COUNTED = ("records", "read", "used", "ignored", "rejected", "edges", "start", "end")


class Source(msgspec.Struct, omit_defaults=True):
    """One ingested stream of bytes, known by its content."""

    source: int
    path: str
    format: str
    digest: str
    bytes: int
    head: str  # SHA-256 of its first head_bytes
    head_bytes: int
    records: int = 0  # in the whole content, those of the source it continues counted in
    read: int = 0
    used: int = 0
    ignored: dict[str, int] = {}
    rejected: int = 0
    edges: int = 0
    continues: int | None = None  # source of which this is the grown remainder
    start: int | None = None
    end: int | None = None
    settled: Settled | None = None  # None: it must be read from its start to be continued
    same_as: int | None = None  # source that has all its records
    alone: bool = True  # each record was decoded by itself
    first_record: int | None = None  # first one that has a time, by which copies are found ...
    first_time: int | None = None
    first_length: int | None = None
    first_host: str | None = None  # ... and its time, length and host

    def settle(self, at: Settled) -> None:
        """Note in `at` what has been counted so far."""
        for name in COUNTED:
            setattr(at, name, getattr(self, name))
        at.ignored = dict(self.ignored)

    def cut_tail(self) -> None:
        """Forget the tail: another source has what became of it."""
        assert self.settled is not None
        for name in ("bytes", "digest", *COUNTED):
            setattr(self, name, getattr(self.settled, name))
        self.ignored = dict(self.settled.ignored)


class Manifest(msgspec.Struct):
    """Everything a store holds after one commit."""

    version: int = schema.VERSION
    number: int = 0
    key: str = ""  # hex, of the keyed hash behind entity ids
    next_source: int = 1
    next_segment: int = 1
    files: dict[str, list[File]] = {}
    sources: list[Source] = []
    collisions: int = 0


def sync_folder(folder: Path) -> None:
    """Make renames in a folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_atomic(path: Path, data: bytes) -> None:
    """Write a file so that at any instant it is there whole, or not at all."""
    aside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with aside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def load(store: Path) -> Manifest:
    """Return the current manifest. Raises: SchemaError if it is damaged, missing or too new."""
    try:
        name, digest = (store / "CURRENT").read_text().split()
    except FileNotFoundError as error:
        raise SchemaError(
            f"{store} is no graphad store.", hint="Make one: graphad ingest."
        ) from error
    except (ValueError, UnicodeDecodeError) as error:
        raise SchemaError(f"{store}/CURRENT is damaged.", hint="See graphad doctor.") from error
    path = store / "manifests" / name
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SchemaError(f"{path} cannot be read.", hint="See graphad doctor.") from error
    if hashlib.sha256(data).hexdigest() != digest:
        raise SchemaError(f"{path} is damaged.", hint="See graphad doctor.")
    try:
        version = msgspec.json.decode(data, type=dict[str, msgspec.Raw]).get("version", b"0")
        if int(bytes(version)) > schema.VERSION:
            raise SchemaError(
                f"{store} has version {int(bytes(version))}; this graphad reads up to "
                f"{schema.VERSION}.",
                hint="Use a newer graphad.",
            )
        return msgspec.json.decode(data, type=Manifest)
    except (msgspec.DecodeError, ValueError) as error:
        raise SchemaError(f"{path} is damaged: {error}.", hint="See graphad doctor.") from error


def sweep(store: Path, current: Manifest, seconds: float) -> None:
    """Remove manifests that were not committed, and those committed longer ago than `seconds`."""
    for path in (store / "manifests").iterdir():
        number = int(path.stem) if path.suffix == ".json" and path.stem.isdecimal() else None
        old = path.stat().st_mtime < time.time() - seconds
        if number is None or number > current.number or (old and number < current.number):
            path.unlink()


def named(store: Path, current: Manifest) -> set[str]:
    """Return the files that the manifests name which are still there."""
    found = [current]
    for path in (store / "manifests").glob("*.json"):
        try:
            found.append(msgspec.json.decode(path.read_bytes(), type=Manifest))
        except (OSError, msgspec.DecodeError):
            continue  # it names nothing that can be read
    return {file.name for one in found for files in one.files.values() for file in files}


def commit(store: Path, manifest: Manifest) -> None:
    """Make `manifest` the store's current one. Its files must be there and synced."""
    manifest.version = schema.VERSION
    data = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
    name = f"{manifest.number:06d}.json"
    write_atomic(store / "manifests" / name, data)
    write_atomic(store / "CURRENT", f"{name} {hashlib.sha256(data).hexdigest()}\n".encode())
