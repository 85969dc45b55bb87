"""Finds inputs and streams them: folders, globs, archives, compressed files, standard input.

Nothing is ever extracted to disk, and a stream that expands too far is cut off and says so.
"""

import bz2
import glob
import gzip
import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import zstandard

from graphad.errors import ParseError

HEAD = 64 * 1024  # bytes that sniffing looks at
MAX_RATIO = 200  # a stream that expands further than this, past GRACE bytes, is a bomb
STEP = 64 * 1024  # bytes decompressed at once
GRACE = 64 * 1024 * 1024

# What a damaged or hostile compressed stream raises when it is read.
DAMAGED = (EOFError, OSError, zlib.error, lzma.LZMAError, zstandard.ZstdError, zipfile.BadZipFile)


class Bomb(ParseError):
    """A compressed stream expands beyond all reason."""


@dataclass(frozen=True)
class Input:
    """One stream of log bytes: a file, a member of an archive, or standard input."""

    path: str  # as the user knows it; a member is `archive.zip!member`
    open: Callable[[], BinaryIO]  # decompressed, from the first byte
    again: bool = True  # open gives the same bytes each time


class _Stream(io.RawIOBase):
    """The bytes of another stream, which is closed with it."""

    def __init__(self, inner: BinaryIO) -> None:
        self.inner = inner
        self.count = 0  # bytes read so far

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]
        data = self.take(len(view))
        view[: len(data)] = data
        self.count += len(data)
        return len(data)

    def take(self, size: int) -> bytes:
        """Return up to `size` of the inner stream's bytes, none at its end."""
        return self.inner.read(size)

    def close(self) -> None:
        self.inner.close()
        super().close()


class _Guarded(_Stream):
    """Decompressed bytes, cut off once they are too many for what they came from."""

    def __init__(self, inner: BinaryIO, source: _Stream) -> None:
        super().__init__(inner)
        self.source = source

    def take(self, size: int) -> bytes:
        # read1, not read: of a stream that is damaged further on, what came before is kept.
        data: bytes = self.inner.read1(min(size, STEP))  # type: ignore[attr-defined]
        count = self.count + len(data)
        if count > GRACE and count > MAX_RATIO * self.source.count:
            raise Bomb(f"The compressed data expand more than {MAX_RATIO} times.")
        return data

    def close(self) -> None:
        super().close()
        self.source.close()


def _decompressor(head: bytes) -> Callable[[BinaryIO], BinaryIO] | None:
    if head.startswith(b"\x1f\x8b"):
        return lambda raw: cast(BinaryIO, gzip.GzipFile(fileobj=raw))
    if head.startswith(b"\x28\xb5\x2f\xfd"):
        return lambda raw: zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(
            raw, read_across_frames=True
        )
    if head.startswith(b"\xfd7zXZ\x00"):
        return lambda raw: cast(BinaryIO, lzma.LZMAFile(raw))
    if head.startswith(b"BZh") and head[4:10] == b"1AY&SY":
        return lambda raw: cast(BinaryIO, bz2.BZ2File(raw))
    return None


def decompressed(raw: BinaryIO) -> BinaryIO:
    """Return the stream that `raw` holds compressed, or its own bytes; one layer, guarded."""
    buffered = io.BufferedReader(cast(io.RawIOBase, raw), 1 << 20)
    opener = _decompressor(buffered.peek(16)[:16])
    if opener is None:
        return cast(BinaryIO, buffered)
    counted = _Stream(cast(BinaryIO, buffered))
    inner = opener(cast(BinaryIO, io.BufferedReader(counted, 1 << 18)))
    return cast(BinaryIO, io.BufferedReader(_Guarded(inner, counted), 1 << 20))


def skip(stream: BinaryIO, count: int) -> None:
    """Read on past `count` bytes, or to the end if there are fewer."""
    if count and stream.seekable():
        stream.seek(count, io.SEEK_CUR)
        return
    while count and (got := len(stream.read(min(count, 1 << 20)))):
        count -= got


def _open_file(path: Path) -> BinaryIO:
    return decompressed(cast(BinaryIO, path.open("rb", buffering=0)))


def _zip_member(path: Path, name: str) -> BinaryIO:
    try:
        return decompressed(cast(BinaryIO, _ZipMember(path, name)))
    except (RuntimeError, NotImplementedError) as error:  # encrypted, or an unknown method
        raise ParseError(f"{path}!{name} cannot be read: {error}.") from error


class _ZipMember(_Stream):
    def __init__(self, path: Path, name: str) -> None:
        self.archive = zipfile.ZipFile(path)
        info = self.archive.getinfo(name)
        if info.file_size > GRACE and info.file_size > MAX_RATIO * max(info.compress_size, 1):
            self.archive.close()
            raise Bomb(f"{path}!{name} expands more than {MAX_RATIO} times.")
        super().__init__(cast(BinaryIO, self.archive.open(info)))

    def close(self) -> None:
        super().close()
        self.archive.close()


def _tar_member(path: Path, name: str) -> BinaryIO:
    with _open_file(path) as stream, tarfile.open(fileobj=stream, mode="r|") as archive:
        for member in archive:
            if member.name == name and member.isreg():
                inner = archive.extractfile(member)
                assert inner is not None
                return _Spool.of(inner)
    raise ParseError(f"{path}!{name} is gone.")


class _Spool:
    """A tar member, held in memory up to 64 MiB and in an unnamed file beyond."""

    @staticmethod
    def of(inner: object) -> BinaryIO:
        import shutil
        import tempfile

        spool = tempfile.SpooledTemporaryFile(max_size=64 * 1024 * 1024)  # noqa: SIM115
        shutil.copyfileobj(cast(BinaryIO, inner), cast(BinaryIO, spool), 1 << 20)
        spool.seek(0)
        return decompressed(cast(BinaryIO, _Stream(cast(BinaryIO, spool))))


def _of_file(path: Path) -> Iterator[Input]:
    """Return the inputs a file holds: itself, or the members of an archive."""
    with path.open("rb") as raw:
        head = raw.read(4)
    if head == b"PK\x03\x04" or head == b"PK\x05\x06":
        try:
            with zipfile.ZipFile(path) as archive:
                names = [info.filename for info in archive.infolist() if not info.is_dir()]
        except zipfile.BadZipFile as error:
            raise ParseError(f"{path} is a damaged zip archive: {error}.") from error
        for name in names:
            yield Input(f"{path}!{name}", lambda name=name: _zip_member(path, name))  # type: ignore[misc]
        return
    try:
        with _open_file(path) as stream:
            start = cast(io.BufferedReader, stream).peek(512)[:512]
    except DAMAGED:
        start = b""  # reading it in earnest will say what is wrong
    if start[257:262] == b"ustar":
        with _open_file(path) as stream, tarfile.open(fileobj=stream, mode="r|") as archive:
            names = [member.name for member in archive if member.isreg()]
        for name in names:
            yield Input(f"{path}!{name}", lambda name=name: _tar_member(path, name))  # type: ignore[misc]
        return
    yield Input(str(path), lambda: _open_file(path))


def find(paths: Iterable[str | Path]) -> Iterator[Input]:
    """Return the inputs that `paths` name: files, folders, globs, `-` for standard input.

    Folders are searched through, in the order of their names; hidden files, empty files and stores
    are left out. Raises: ParseError if a path does not exist, cannot be read or holds no file.
    """
    for path in paths:
        if str(path) == "-":
            # An unbuffered twin, since sys.stdin.buffer may be shared with whoever embeds us.
            raw = cast(BinaryIO, io.FileIO(0, closefd=False))
            yield Input("-", lambda raw=raw: decompressed(raw), again=False)  # type: ignore[misc]
            continue
        for file in files(path):
            try:
                yield from _of_file(file)
            except OSError as error:
                raise ParseError(f"{file} cannot be read: {error.strerror}.") from error


def files(path: str | Path) -> Iterator[Path]:
    """Return the files that a path names: itself, those of a folder, or those of a glob, in order.

    Raises: ParseError if it does not exist, cannot be read or holds no file.
    """
    found = [Path(path)]
    if not found[0].exists() and glob.has_magic(str(path)):
        found = sorted(Path(p) for p in glob.glob(str(path), recursive=True))
    if not found or not found[0].exists():
        raise ParseError(f"{path} does not exist.")
    any_file = False
    for one in found:
        for file in _files(one):
            any_file = True
            yield file
    if not any_file:
        raise ParseError(f"{path} holds no log.", hint="Give a file, or a folder with files.")


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    if not path.is_dir():
        raise ParseError(f"{path} is neither a file nor a folder.")
    if (path / "CURRENT").is_file() and (path / "manifests").is_dir():
        return  # a store of ours
    try:
        entries = sorted(path.iterdir())
    except OSError as error:
        raise ParseError(f"{path} cannot be read: {error.strerror}.") from error
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir() and not entry.is_symlink():
            yield from _files(entry)
        elif entry.is_file() and entry.stat().st_size:
            yield entry
