"""Compaction changes files, and nothing that anyone can ask the store."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad import schema
from graphad.store import Store, segment
from graphad.store import compact as compaction
from tests.toy import toy, write


def everything(store: Store) -> dict[str, list[dict[str, Any]]]:
    """Return all that the store's tables hold, counts summed as everyone sums them."""
    found = {
        table: store.sql(f"SELECT * FROM {table} ORDER BY ALL").to_pylist()
        for table in schema.TABLES
        if table not in ("counts", "entities")
    }
    found["counts"] = store.past().to_pylist()
    found["entities"] = store.sql("SELECT * FROM entities ORDER BY id").to_pylist()
    return found


def filled(folder: Path, sizes: list[int]) -> Store:
    """Return a store with one segment for each size; every seventh line is a reject."""
    store = Store(folder / "store")
    first = 0
    for i, size in enumerate(sizes):
        log = write(folder / f"{i}.log", first, first + size)
        with log.open("a") as out:
            out.write("nonsense\n" * (size // 7))
        store.ingest(log, parser=toy)
        first += size
    return store


def segments(store: Store) -> int:
    return len(store.manifest.files.get("records", ()))


def test_many_become_one(tmp_path: Path) -> None:
    store = filled(tmp_path, [50, 3, 200, 7])
    before, graph = everything(store), store.graph()
    pinned = Store(tmp_path / "store")
    assert store.compact() == 3
    assert segments(store) == 1
    assert everything(store) == before
    assert (store.graph().ts == graph.ts).all()
    assert list(store.graph().names) == list(graph.names)
    assert everything(pinned) == before  # who opened it before still reads the old files
    assert not list(store.check())
    assert store.compact() == 0


@settings(max_examples=8, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 60), min_size=1, max_size=7), limit=st.sampled_from([20, 80, 400])
)
def test_any_sizes(tmp_path_factory: pytest.TempPathFactory, sizes: list[int], limit: int) -> None:
    folder = tmp_path_factory.mktemp("compact")
    store = filled(folder, sizes)
    before, count = everything(store), segments(store)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compaction, "SEGMENT", limit)
        fewer = store.compact()
        assert segments(store) == count - fewer
        assert everything(store) == before
        assert store.compact() == 0 or segments(store) < count - fewer
    store.ingest(write(folder / "more.log", 1000, 1010), parser=toy)
    assert len(everything(store)["edges"]) > len(before["edges"])


def test_a_full_disk_leaves_the_store_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = filled(tmp_path, [30, 30])
    before = everything(store)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(segment, "sync_folder", full)
    with pytest.raises(Exception, match="No space left"):
        store.compact()
    monkeypatch.undo()
    assert everything(Store(tmp_path / "store")) == before
    assert store.compact() == 1
    assert everything(store) == before


CHILD = """
import sys
from graphad.store import Store
Store(sys.argv[1]).compact()
"""


def test_killed_at_any_moment(tmp_path: Path) -> None:
    store = filled(tmp_path, [400] * 6)
    before = everything(store)
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    for attempt in range(6):
        command = [sys.executable, "-c", CHILD, str(tmp_path / "store")]
        child = subprocess.Popen(command, env=environment)
        try:
            child.wait(0.4 + 0.15 * attempt)
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGKILL)
            child.wait()
        assert everything(Store(tmp_path / "store")) == before
    final = Store(tmp_path / "store")
    final.compact()
    assert segments(final) == 1
    assert everything(final) == before
