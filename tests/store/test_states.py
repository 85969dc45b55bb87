"""A grown log is read on from its settled end; from its start, if what was remembered is gone."""

from pathlib import Path
from typing import Any

import pytest

from graphad.errors import SchemaError
from graphad.store import Store
from tests.parsers.test_contract import told

SAMPLE = Path(__file__).parents[2] / "sample_logs" / "strace" / "named.strace"
TEXT = SAMPLE.read_bytes()
CUT = TEXT.index(b"\n", len(TEXT) // 3) + 9  # in the middle of a line


@pytest.fixture
def once(tmp_path: Path) -> dict[str, Any]:
    store = Store(tmp_path / "once")
    store.ingest(SAMPLE)
    return told(store)


def begun(folder: Path) -> tuple[Store, Path]:
    """Return a store that has the first part of a log, and the log, which has grown."""
    log = folder / "a.strace"
    log.write_bytes(TEXT[:CUT])
    store = Store(folder / "s")
    store.ingest(log)
    log.write_bytes(TEXT)
    return store, log


def test_only_what_is_new_is_read(tmp_path: Path, once: dict[str, Any]) -> None:
    store, log = begun(tmp_path)
    settled = store.sources[0].settled
    assert settled is not None
    assert settled.bytes == TEXT.rindex(b"\n", 0, CUT) + 1
    assert store.sources[0].records == settled.records + 1  # the half line is a record for now
    [done] = store.ingest(log)
    assert done.note == "resumed"
    assert done.read == TEXT[settled.bytes :].count(b"\n")
    assert told(store) == once
    [state] = store.manifest.files["states"]  # the first one is no longer named
    assert store.sources[1].settled is not None
    assert store.sources[1].settled.state == state.name


def test_a_log_with_nothing_left_over_has_no_tail(tmp_path: Path) -> None:
    store = Store(tmp_path / "s")
    store.ingest(SAMPLE)
    [source] = store.sources
    assert source.settled is not None
    assert source.settled.records == source.records
    assert source.settled.digest == source.digest
    assert len(store.manifest.files["records"]) == 1


def test_without_its_state_it_is_read_anew(tmp_path: Path, once: dict[str, Any]) -> None:
    store, log = begun(tmp_path)
    with store._changing() as change:
        change.files["states"] = []
    [done] = store.ingest(log)
    assert (done.note, done.read) == ("", TEXT.count(b"\n"))
    assert told(store) == once
    assert [s.source for s in store.sources] == [2]


def test_a_damaged_state_is_an_error(tmp_path: Path) -> None:
    store, log = begun(tmp_path)
    [file] = store.manifest.files["states"]
    path = store.path / file.name
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    assert list(store.check()) == [f"{path} is damaged"]
    with pytest.raises(SchemaError, match="is damaged"):
        store.ingest(log)


@pytest.mark.parametrize(
    "state", [None, [], {}, {"records": 1}, {"things": [1]}, "x", {"records": "x", "things": []}]
)
def test_a_state_that_is_none_is_refused(state: object) -> None:
    from graphad.formats import load_all
    from graphad.parse import Options

    decoder = load_all()["strace"].decoder(Options())
    with pytest.raises(ValueError, match=r"."):
        decoder.restore(state)  # type: ignore[attr-defined]
