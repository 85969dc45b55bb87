"""A store that an older graphad wrote is read as it is, and becomes a new one as it changes."""

import tarfile
from pathlib import Path

import pytest

from graphad import schema
from graphad.errors import SchemaError
from graphad.workspace import Workspace
from tests.store.test_compact import everything

OLD = Path(__file__).parent / "old"
SAMPLES = Path(__file__).parents[2] / "sample_logs"
# Made of the samples windows/{flat,xml}.json and strace/plain.strace, and of the first 12, then all
# lines of strace/named.strace.
HELD = {
    "version-1": {"records": 74, "edges": 55, "entities": 49, "counts": 53, "rejects": 3},
}


@pytest.fixture(params=sorted(HELD))
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    name: str = request.param
    with tarfile.open(OLD / f"{name}.tar.xz") as packed:
        packed.extractall(tmp_path, filter="data")
    return tmp_path / name


def sizes(store: Workspace) -> dict[str, int]:
    found = everything(store)
    return {table: len(found[table]) for table in HELD["version-1"]}


def test_there_is_one_of_each_version_but_this() -> None:
    assert set(HELD) == {f"version-{n}" for n in range(1, schema.VERSION)}


def test_it_is_read_as_it_is(old: Path) -> None:
    store = Workspace(old)
    assert store.manifest.version < schema.VERSION
    assert sizes(store) == HELD[old.name]
    assert len(store.findings()) == 205
    assert len(store.graph()) == 55
    assert list(store.check()) == []
    columns = store.sql("SELECT * FROM records LIMIT 0").column_names
    assert columns == [c.name for c in schema.TABLES["records"]]


def test_it_becomes_a_new_one(old: Path, tmp_path: Path) -> None:
    store = Workspace(old)
    before = everything(store)
    [known] = store.ingest(SAMPLES / "windows" / "flat.json")
    assert known.note == "already there"
    more = SAMPLES / "windows" / "winlogbeat.json"
    [done] = store.ingest(more)
    assert done.used == 8
    assert store.manifest.version == schema.VERSION
    for table, rows in everything(store).items():
        if table not in ("entities", "counts", "aliases"):
            assert all(row in rows for row in before[table]), table
    after = everything(store)
    store.compact()
    assert everything(store) == after
    versions = {f.version for t in ("records", "edges") for f in store.manifest.files[t]}
    assert versions == {schema.VERSION}
    assert list(store.check()) == []


def test_a_log_of_it_that_grew_is_read_anew(old: Path, tmp_path: Path) -> None:
    """What the decoder remembered was not kept, so the whole log takes the old one's place."""
    text = (SAMPLES / "strace" / "named.strace").read_text()
    log = tmp_path / "grown.strace"
    log.write_text(text + text.splitlines()[-1].replace("1772445600", "1772445699") + "\n")
    store = Workspace(old)
    [done] = store.ingest(log)
    assert done.read == len(text.splitlines()) + 1
    assert sizes(store)["records"] == HELD[old.name]["records"] + 1


def test_a_newer_one_is_refused(old: Path) -> None:
    import hashlib

    store = Workspace(old)
    path = store.path / "manifests" / f"{store.manifest.number:06d}.json"
    data = path.read_bytes().replace(b'"version": 1', b'"version": 99', 1)
    path.write_bytes(data)
    (store.path / "CURRENT").write_text(f"{path.name} {hashlib.sha256(data).hexdigest()}\n")
    with pytest.raises(SchemaError, match="has version 99"):
        Workspace(old)
