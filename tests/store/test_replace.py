"""Replacing parses a log anew, and leaves nothing of what was there before."""

import dataclasses
from pathlib import Path
from typing import Any

from graphad.parse import Parser
from graphad.store import Store
from tests.store.test_compact import everything
from tests.toy import toy, write

assert isinstance(toy.mapping, str)
BETTER = dataclasses.replace(toy, mapping=toy.mapping.replace("'h' AS host", "'better' AS host"))


def shown(store: Store) -> dict[str, list[dict[str, Any]]]:
    """Return all tables, sources by their path's name and entities by what they are."""
    names = {s.source: Path(s.path).name for s in store.sources}
    ids = {
        row["id"]: (row["type"], row["host"], row["key"])
        for row in store.sql("SELECT * FROM entities").to_pylist()
    }
    found = everything(store)
    for rows in found.values():
        for row in rows:
            if "source" in row:
                row["source"] = names.get(row["source"], row["source"])
            for end in ("src", "dst", "id"):
                if end in row:
                    row[end] = ids[row[end]]
        rows.sort(key=repr)
    return found


def fresh(folder: Path, logs: list[tuple[Path, Parser]]) -> dict[str, list[dict[str, Any]]]:
    """Return what a new store of some logs shows."""
    store = Store(folder)
    for log, parser in logs:
        store.ingest(log, parser=parser)
    return shown(store)


def test_only_that_source_changes(tmp_path: Path) -> None:
    a, b = write(tmp_path / "a.log", 0, 40), write(tmp_path / "b.log", 20, 70)
    store = Store(tmp_path / "store")
    store.ingest([a, b], parser=toy)  # both in one segment
    [done] = store.ingest(a, parser=BETTER, replace=True)
    assert (done.note, done.read) == ("", 40)
    assert shown(store) == fresh(tmp_path / "other", [(a, BETTER), (b, toy)])
    assert not list(store.check())
    [again] = store.ingest(a, parser=BETTER)
    assert again.note == "already there"


def test_a_grown_log_is_replaced_as_a_whole(tmp_path: Path) -> None:
    log = write(tmp_path / "a.log", 0, 30)
    store = Store(tmp_path / "store")
    store.ingest(log, parser=toy)
    write(log, 0, 50)
    store.ingest(log, parser=toy)
    assert [s.continues for s in store.sources] == [None, 1]
    write(log, 0, 60)  # it has grown once more
    store.ingest(log, parser=BETTER, replace=True)
    assert len(store.sources) == 1
    assert shown(store) == fresh(tmp_path / "other", [(log, BETTER)])
    write(log, 0, 65)
    [grown] = store.ingest(log, parser=BETTER)
    assert (grown.note, grown.read) == ("resumed", 5)


def test_copies_and_new_logs_in_one_run(tmp_path: Path) -> None:
    a, copy = write(tmp_path / "a.log", 0, 30), write(tmp_path / "copy.log", 0, 30)
    new = write(tmp_path / "new.log", 100, 110)
    store = Store(tmp_path / "store")
    store.ingest(a, parser=toy)
    done = store.ingest([copy, a, new], parser=BETTER, replace=True)
    assert [one.note for one in done] == ["", "already there", ""]
    assert shown(store) == fresh(tmp_path / "other", [(copy, BETTER), (new, BETTER)])


def test_an_older_copy_keeps_what_continues_it(tmp_path: Path) -> None:
    old, log = write(tmp_path / "old.log", 0, 30), write(tmp_path / "a.log", 0, 30)
    store = Store(tmp_path / "store")
    store.ingest(log, parser=toy)
    write(log, 0, 45)
    store.ingest(log, parser=toy)
    store.ingest(old, parser=BETTER, replace=True)
    hosts = store.sql("SELECT host, count(*) AS n FROM edges GROUP BY 1 ORDER BY 1").to_pylist()
    assert hosts == [{"host": "better", "n": 20}, {"host": "h", "n": 10}]
    numbers = store.sql("SELECT source, record FROM records ORDER BY record").to_pylist()
    assert [row["record"] for row in numbers] == list(range(1, 46))
    write(log, 0, 50)
    assert store.ingest(log, parser=toy)[0].read == 5
