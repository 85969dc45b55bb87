"""A file is written whole or not at all, for its owner alone, over nothing."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from graphad.errors import GraphadError
from graphad.export import output


def test_a_new_file_is_the_owners_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        output.write(tmp_path / "a", [b"1", b"2"])
    finally:
        os.umask(before)
    assert (tmp_path / "a").read_bytes() == b"12"
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_nothing_is_replaced_unless_asked(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    with pytest.raises(GraphadError, match="--clobber"):
        output.write(path, [b"new"])
    assert path.read_bytes() == b"old"
    output.write(path, [b"new"], clobber=True)
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize("clobber", [False, True])
def test_links_folders_and_pipes_are_refused(tmp_path: Path, clobber: bool) -> None:
    (tmp_path / "target").write_bytes(b"keep")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    (tmp_path / "loose").symlink_to(tmp_path / "nothing")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "loose", "folder", "pipe"):
        with pytest.raises(GraphadError, match="no regular file"):
            output.write(tmp_path / name, [b"x"], clobber=clobber)
    assert (tmp_path / "target").read_bytes() == b"keep"
    assert not (tmp_path / "nothing").exists()


def test_places_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(GraphadError, match="no folder"):
        output.write(tmp_path / "no" / "a", [b""])
    with pytest.raises(GraphadError, match="cannot be written"):
        output.write(Path(f"{tmp_path}/a\0b"), [b""])
    with pytest.raises(GraphadError, match="cannot be written"):
        output.write(tmp_path / ("x" * 300), [b""])


def test_a_fault_half_way_leaves_nothing(tmp_path: Path) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"half"
        raise GraphadError("no more")

    with pytest.raises(GraphadError, match="no more"):
        output.write(tmp_path / "a", pieces())
    (tmp_path / "b").write_bytes(b"old")
    with pytest.raises(GraphadError, match="no more"):
        output.write(tmp_path / "b", pieces(), clobber=True)
    assert (tmp_path / "b").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["b"]


def test_who_comes_in_between_wins(tmp_path: Path) -> None:
    path = tmp_path / "a"

    def pieces() -> Iterator[bytes]:
        path.write_bytes(b"other")
        yield b"mine"

    with pytest.raises(GraphadError, match="--clobber"):
        output.write(path, pieces())
    assert path.read_bytes() == b"other"
