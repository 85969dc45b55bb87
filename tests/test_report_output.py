"""Files for people: whole or not at all, for their owner alone, over nothing by chance."""

import os
from pathlib import Path

import pytest

from graphad.errors import GraphadError
from graphad.report import output


def test_a_file_is_for_its_owner_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        output.write(tmp_path / "a", b"x")
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "a").read_bytes() == b"x"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_nothing_is_written_over_unless_it_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    path.chmod(0o644)
    with pytest.raises(GraphadError, match="is there already"):
        output.write(path, b"new")
    assert path.read_bytes() == b"old"
    output.write(path, b"new", clobber=True)
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("clobber", [False, True])
def test_a_link_a_folder_and_a_device_are_refused(tmp_path: Path, clobber: bool) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"theirs")
    (tmp_path / "link").symlink_to(target)
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "dangling", "folder", "pipe", "none/file"):
        with pytest.raises(GraphadError):
            output.write(tmp_path / name, b"new", clobber)
    assert target.read_bytes() == b"theirs"
    assert sorted(os.listdir(tmp_path)) == ["dangling", "folder", "link", "pipe", "target"]


def test_one_that_comes_between_is_not_written_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    link = os.link

    def late(src: Path, dst: Path) -> None:
        path.write_bytes(b"theirs")
        link(src, dst)

    monkeypatch.setattr(os, "link", late)
    with pytest.raises(GraphadError, match="is there already"):
        output.write(path, b"new")
    assert path.read_bytes() == b"theirs"
    assert os.listdir(tmp_path) == ["a"]


def test_where_no_hard_link_can_be_made_it_is_renamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(src: Path, dst: Path) -> None:
        raise PermissionError(1, "no hard links here")

    monkeypatch.setattr(os, "link", none)
    output.write(tmp_path / "a", b"x")
    assert (tmp_path / "a").read_bytes() == b"x"
    assert os.listdir(tmp_path) == ["a"]


def test_a_full_disk_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(GraphadError, match="No space left"):
        output.write(path, b"new", clobber=True)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a"]
