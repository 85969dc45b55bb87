"""Inputs of every kind, and hostile ones."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from pathlib import Path

import pytest
import zstandard

from graphad.errors import ParseError
from graphad.reading import find
from graphad.store import Store
from tests.toy import toy, write

TEXT = b"1700000000 /bin/a read /x\n" * 3


def read(path: object) -> list[tuple[str, bytes]]:
    found = []
    for one in find([str(path)]):
        with one.open() as stream:
            found.append((one.path.rpartition("/")[2], stream.read()))
    return found


@pytest.mark.parametrize(
    "compress", [gzip.compress, bz2.compress, lzma.compress, zstandard.compress, bytes]
)
def test_compression_is_told_by_content(tmp_path: Path, compress: object) -> None:
    path = tmp_path / "any.name"
    path.write_bytes(compress(TEXT))  # type: ignore[operator]
    assert read(path) == [("any.name", TEXT)]


def test_frames_and_members_follow_each_other(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(gzip.compress(TEXT) + gzip.compress(TEXT))
    assert read(path)[0][1] == TEXT * 2
    path.write_bytes(zstandard.compress(TEXT) + zstandard.compress(TEXT))
    assert read(path)[0][1] == TEXT * 2


def test_archives_are_read_member_by_member(tmp_path: Path) -> None:
    zipped = tmp_path / "a.zip"
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("x/one.log", TEXT)
        archive.writestr("../../two.log.gz", gzip.compress(TEXT))
    assert [data for _, data in read(zipped)] == [TEXT, TEXT]
    packed = tmp_path / "a.tar.gz"
    with tarfile.open(packed, "w:gz") as archive_:
        for name in ("one.log", "/abs/two.log"):
            info = tarfile.TarInfo(name)
            info.size = len(TEXT)
            archive_.addfile(info, io.BytesIO(TEXT))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive_.addfile(link)
    assert [data for _, data in read(packed)] == [TEXT, TEXT]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.tar.gz", "a.zip"]


def test_folders_and_globs(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    for name in ("b.log", "a.log", ".hidden", "sub/c.log"):
        (tmp_path / name).write_bytes(TEXT)
    (tmp_path / "empty").touch()
    Store(tmp_path / "store")
    assert [name for name, _ in read(tmp_path)] == ["a.log", "b.log", "c.log"]
    assert [name for name, _ in read(f"{tmp_path}/*.log")] == ["a.log", "b.log"]


@pytest.mark.parametrize("name", ["none", "*.none"])
def test_what_is_not_there(tmp_path: Path, name: str) -> None:
    with pytest.raises(ParseError, match="does not exist"):
        list(find([tmp_path / name]))


def test_a_damaged_stream_loses_only_its_end(tmp_path: Path) -> None:
    log = write(tmp_path / "a.log", 0, 20_000)
    whole = gzip.compress(log.read_bytes())
    cut = tmp_path / "cut.gz"
    cut.write_bytes(whole[: len(whole) // 2])
    [done] = Store(tmp_path / "s").ingest(cut, parser=toy)
    assert 1000 < done.used < 20_000
    assert done.read == done.used + done.ignored + done.rejected
    assert done.rejected in (1, 2)


def test_a_bomb_is_cut_off(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.gz"
    with gzip.open(bomb, "wb") as file:
        for _ in range(256):
            file.write(b"1700000000 /bin/a read /x\n" * 40_000)
    store = Store(tmp_path / "s")
    [done] = store.ingest(bomb, parser=toy)
    reasons = store.sql("SELECT reason FROM rejects").to_pylist()
    assert reasons[-1]["reason"] == "The compressed data expand more than 200 times."
    assert done.rejected == len(reasons) <= 2  # the line it was cut off in is the other
    assert done.bytes < 100 * 1024 * 1024


def test_a_giant_line_is_one_reject(tmp_path: Path) -> None:
    path = tmp_path / "giant.log"
    with path.open("wb") as file:
        file.write(TEXT)
        for _ in range(40):
            file.write(b"x" * (1 << 20))
        file.write(b"\n" + TEXT)
    store = Store(tmp_path / "s")
    [done] = store.ingest(path, parser=toy)
    assert (done.read, done.used, done.rejected) == (7, 6, 1)
    [row] = store.sql('SELECT line, "offset", length, reason FROM rejects').to_pylist()
    assert row == {
        "line": 4, "offset": len(TEXT), "length": 40 * (1 << 20) + 1,
        "reason": "longer than 16 MiB",
    }  # fmt: skip
    lines = store.sql("SELECT line FROM records ORDER BY line").to_pylist()
    assert [r["line"] for r in lines] == [1, 2, 3, 5, 6, 7]
