"""Compiled kernels are kept where only this user can write, apart for each version of the code."""

import stat
from pathlib import Path

import pytest

from graphad import jit


def test_the_cache_is_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = jit.cache_folder()
    assert folder is not None
    assert folder.is_relative_to(tmp_path)
    folder.chmod(0o755)
    assert jit.cache_folder() == folder
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_without_a_private_folder_there_is_no_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "graphad").write_text("a file in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert jit.cache_folder() is None


def test_other_sources_have_another_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = jit.cache_folder()
    monkeypatch.setattr(jit, "_sources", lambda: "0" * 16)
    assert folder is not None
    assert jit.cache_folder() == folder.parent / ("0" * 16)


def test_a_compilation_is_told_and_a_second_call_is_not() -> None:
    told: list[int] = []
    end = jit.when_compiling(lambda: told.append(1))
    try:
        one = jit.numba.njit(lambda x: x + 1)
        assert one(1) == 2
        assert told
        before = len(told)
        assert one(2) == 3
        assert len(told) == before
    finally:
        end()
    assert jit.numba.njit(lambda x: x + 2)(1) == 3
    assert len(told) == before
