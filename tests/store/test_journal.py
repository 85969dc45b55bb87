"""The journal: whatever happens while a line is added, all others stay, and none is half there."""

import os
import signal
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.errors import GraphadError
from graphad.store import Store, journal
from graphad.store.lock import writing
from tests.toy import toy, write

ENTRIES = st.lists(
    st.dictionaries(st.text(max_size=5), st.text(max_size=20), max_size=3), min_size=1, max_size=5
)


def whole(store: Path) -> list[object]:
    """Return the lines that are JSON."""
    found = []
    for line in journal.lines(store):
        try:
            found.append(msgspec.json.decode(line))
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
    return found


@settings(max_examples=60, deadline=None)
@given(entries=ENTRIES, cut=st.integers(0, 200), last=st.text(max_size=20))
def test_a_torn_line_is_no_entry_and_is_never_glued(
    tmp_path_factory: pytest.TempPathFactory, entries: list[dict[str, str]], cut: int, last: str
) -> None:
    store = tmp_path_factory.mktemp("journal")
    ends = []
    for entry in entries:
        journal.append(store, msgspec.json.encode(entry))
        ends.append((store / journal.FILE).stat().st_size)
    size = max(ends[-1] - cut, 0)
    os.truncate(store / journal.FILE, size)
    # A line is whole once its last byte before the end of line is there.
    kept = [entry for entry, end in zip(entries, ends, strict=True) if end - 1 <= size]
    assert whole(store) == kept
    journal.append(store, msgspec.json.encode({"last": last}))
    assert whole(store) == [*kept, {"last": last}]


@pytest.mark.parametrize("share", [0, 1, 7, 11, 12])
def test_a_kill_in_the_middle_of_an_append_loses_nothing(tmp_path: Path, share: int) -> None:
    Store(tmp_path / "s")
    journal.append(tmp_path / "s", b'{"n":1}')
    real = os.write
    child = os.fork()
    if not child:

        def torn(handle: int, data: bytes) -> int:
            real(handle, data[:share])
            os.kill(os.getpid(), signal.SIGKILL)
            return 0

        try:
            with writing(tmp_path / "s"):
                os.write = torn  # type: ignore[assignment]
                journal.append(tmp_path / "s", b'{"cut":"me"}')
        finally:
            os._exit(9)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    with writing(tmp_path / "s"):  # the lock died with its holder
        journal.append(tmp_path / "s", b'{"n":2}')
    cut = [{"cut": "me"}] if share == 12 else []
    assert whole(tmp_path / "s") == [{"n": 1}, *cut, {"n": 2}]


def test_what_cannot_be_written_whole_is_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal.append(tmp_path, b'{"n":1}')
    before = (tmp_path / journal.FILE).read_bytes()
    real = os.write

    def full(handle: int, data: bytes) -> int:
        if len(data) < 8:
            raise OSError(28, "No space left on device")
        return real(handle, data[:5])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(GraphadError, match="No space left"):
            journal.append(tmp_path, b'{"n":"two"}')
    assert (tmp_path / journal.FILE).read_bytes() == before


def test_a_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("mine")
    (tmp_path / "journal").mkdir()
    (tmp_path / journal.FILE).symlink_to(tmp_path / "other")
    with pytest.raises(GraphadError, match="cannot be written"):
        journal.append(tmp_path, b"{}")
    with pytest.raises(GraphadError, match="cannot be read"):
        journal.lines(tmp_path)
    assert (tmp_path / "other").read_text() == "mine"


def test_an_entry_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="one line"):
        journal.append(tmp_path, b"{}\n{}")
    assert not journal.lines(tmp_path)


def test_nothing_that_rewrites_the_store_touches_it(tmp_path: Path) -> None:
    store = Store(tmp_path / "s")
    for i in range(3):
        store.ingest(write(tmp_path / f"{i}.log", 9 * i, 9 * i + 9), parser=toy)
    journal.append(store.path, b'{"n":1}')
    before = (store.path / journal.FILE).read_bytes()
    store.compact()
    store.prune("2023-11-15")
    store.ingest(tmp_path / "1.log", parser=toy, replace=True)
    assert (store.path / journal.FILE).read_bytes() == before
    assert (store.path / journal.FILE).stat().st_mode & 0o077 == 0
