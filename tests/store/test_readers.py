"""Readers neither block a writer nor are blocked, and each sees one state of the store."""

import shutil
import subprocess
import sys
import threading
from pathlib import Path

import duckdb
import pytest

from graphad.database import SAFE
from graphad.store import Store
from tests.store.test_prune import day, log
from tests.toy import toy, write

COUNT = "SELECT count(*)::BIGINT, sum(record)::BIGINT FROM records"


def catalog(store: Path) -> Path:
    [path] = store.glob("catalog-*.duckdb")
    return path


def foreign(path: Path) -> duckdb.DuckDBPyConnection:
    """Return a connection as any DuckDB client would open one."""
    return duckdb.connect(str(path), read_only=True, config=dict(SAFE))


def change(store: Store, folder: Path, number: int) -> None:
    """Commit something, of another kind each time."""
    if number % 4 == 3:
        store.compact()
    elif number % 4 == 2:
        store.ingest(folder / "0.log", parser=toy, replace=True)
    else:
        store.ingest(write(folder / f"{number}.log", 50 * number, 50 * number + 40), parser=toy)


def test_a_reader_is_open_for_the_whole_of_many_commits(tmp_path: Path) -> None:
    store = Store(tmp_path / "s")
    store.ingest(write(tmp_path / "0.log", 0, 40), parser=toy)
    ours, theirs = Store(store.path), foreign(catalog(store.path))
    connection = ours.connect()
    expected = connection.execute(COUNT).fetchall()
    running = connection.cursor()
    running.execute("SELECT * FROM records, range(2000)")  # in the middle of its answer
    assert running.fetchone()
    for number in range(1, 12):
        change(store, tmp_path, number)
        assert connection.execute(COUNT).fetchall() == expected
        assert theirs.execute(COUNT).fetchall() == expected
        assert [tuple(row.values()) for row in ours.sql(COUNT).to_pylist()] == expected
    assert running.fetchone()
    fresh = foreign(catalog(store.path)).execute(COUNT).fetchall()
    assert fresh == store.connect().execute(COUNT).fetchall() != expected
    ours.refresh()
    assert ours.connect().execute(COUNT).fetchall() == fresh
    connection.close()
    theirs.close()


def test_readers_of_other_processes_see_whole_commits(tmp_path: Path) -> None:
    """Each commit here adds 40 records to a multiple of 40; no reader sees another number."""
    store = Store(tmp_path / "s")
    store.ingest(write(tmp_path / "0.log", 0, 40), parser=toy)
    code = f"""
import sys
from graphad.store import Store
store = Store({str(store.path)!r})
print("ready", flush=True)
while not sys.stdin.readline():
    pass
for _ in range(15):
    store.refresh()
    [row] = store.sql("SELECT count(*) AS n, count(DISTINCT source) AS s FROM records").to_pylist()
    assert row["n"] == 40 * row["s"], row
print("fine", flush=True)
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        child.stdin.write("go\n")
        child.stdin.flush()
        for n in range(1, 10):
            store.ingest(write(tmp_path / f"{n}.log", 50 * n, 50 * n + 40), parser=toy)
        assert child.stdout.readline() == "fine\n"


def test_a_catalog_is_found_wherever_the_store_is_moved_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path / "it's here")
    store.ingest(write(tmp_path / "0.log", 0, 40), parser=toy)
    expected = store.connect().execute(COUNT).fetchall()
    moved = tmp_path / 'moved to "there"'
    shutil.move(store.path, moved)
    for where in (tmp_path, moved, Path("/")):
        monkeypatch.chdir(where)
        with foreign(catalog(moved)) as connection:
            assert connection.execute(COUNT).fetchall() == expected
    monkeypatch.chdir(moved)
    with foreign(Path(catalog(moved).name)) as connection:
        assert connection.execute(COUNT).fetchall() == expected
    with duckdb.connect(config=dict(SAFE)) as other:  # attached, it must be told
        other.execute("SET VARIABLE graphad_store = ?", [str(moved)])
        name = str(catalog(moved)).replace("'", "''")
        other.execute(f"ATTACH '{name}' AS logs (READ_ONLY)")
        assert other.execute(COUNT.replace("records", "logs.records")).fetchall() == expected


def test_views_list_exactly_the_committed_files(tmp_path: Path) -> None:
    store = Store(tmp_path / "s")
    store.ingest(write(tmp_path / "0.log", 0, 40), parser=toy)
    stray = store.path / "records" / "000099.parquet"
    shutil.copy(store.path / store.manifest.files["records"][0].name, stray)
    for connection in (Store(store.path).connect(), foreign(catalog(store.path))):
        assert connection.execute("SELECT count(*) FROM records").fetchone() == (40,)
        connection.close()
    store.ingest(write(tmp_path / "1.log", 100, 110), parser=toy)
    assert not stray.exists()


def test_an_attached_catalog_in_its_place_needs_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path / "s")
    store.ingest(write(tmp_path / "0.log", 0, 40), parser=toy)
    with duckdb.connect(config=dict(SAFE)) as other:
        other.execute(f"ATTACH '{catalog(store.path)}' AS logs (READ_ONLY)")
        assert other.execute("SELECT count(*) FROM logs.records").fetchone() == (40,)


def test_a_lost_catalog_is_written_again(tmp_path: Path) -> None:
    store = Store(tmp_path / "s")
    store.ingest(write(tmp_path / "0.log", 0, 40), parser=toy)
    catalog(store.path).unlink()
    number = store.manifest.number
    assert store.publish() == catalog(store.path)
    assert store.manifest.number == number


def test_threads_read_while_one_writes(tmp_path: Path) -> None:
    store = Store(tmp_path / "s")
    store.ingest(write(tmp_path / "0.log", 0, 40), parser=toy)
    seen: list[int] = []
    ended = threading.Event()

    def read() -> None:
        mine = Store(store.path)
        while not ended.is_set():
            mine.refresh()
            [row] = mine.sql("SELECT count(*)::BIGINT AS n FROM records").to_pylist()
            seen.append(row["n"])

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(1, 6):
        store.ingest(write(tmp_path / f"{number}.log", 50 * number, 50 * number + 40), parser=toy)
    ended.set()
    reader.join()
    assert seen == sorted(seen)
    assert set(seen) <= {40 * n for n in range(1, 7)}


def test_what_readers_hold_is_kept_for_days_not_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from graphad.store import store as module

    store = Store(tmp_path / "s")
    for n in range(3):
        store.ingest(log(tmp_path / f"{n}.log", [90_000 * n + i for i in range(9)]), parser=toy)
    reader = Store(store.path)
    store.compact()
    store.prune(day(1))
    assert reader.sql("SELECT 1 FROM records").num_rows == 27
    monkeypatch.setattr(module, "KEPT", -1)
    store.ingest(write(tmp_path / "z.log", 0, 3), parser=toy)
    named = {file.name for files in store.manifest.files.values() for file in files}
    there = {p.relative_to(store.path).as_posix() for p in store.path.glob("*/*.parquet")}
    assert there == named
    assert len(list((store.path / "manifests").iterdir())) <= 2
