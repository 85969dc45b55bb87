"""Blocks mapped together give what they give one by one."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.parse import PLACE, REJECTS, Decoded, Options, Parser
from graphad.store import ingest
from graphad.store.manifest import Manifest
from graphad.store.mapper import Mapper, Run
from graphad.store.store import Store
from tests.store.test_related import KEY, ROW, SAMPLES, TOY, WINDOWS, decoded_of

BLOCK = st.tuples(st.lists(ROW, max_size=8), st.booleans(), st.booleans(), st.integers(0, 2))


def with_rejects(decoded: Decoded, n: int) -> Decoded:
    """Return a block with so many rejects and a blank line behind its rows."""
    places = range(decoded.read, decoded.read + n)
    rows = [dict.fromkeys(PLACE.names, i) | {"reason": f"bad {i}"} for i in places]
    rejects = pa.Table.from_pylist(rows, REJECTS)
    return Decoded(decoded.read + n + 1, decoded.raw, rejects, {"blank line": 1})


def rows_by_block(run: Run) -> list[dict[str, list[dict[str, Any]]]]:
    """Return what stands in each table for each block, in order, records as of the block."""
    found: list[dict[str, list[dict[str, Any]]]] = [{} for _ in run.parts]
    for name, table in run.tables.items():
        block_of = run.block_of(name)
        assert np.all(np.diff(block_of) >= 0)
        for block, row in zip(block_of.tolist(), table.to_pylist(), strict=True):
            if "record" in row:
                row["record"] -= int(run.starts()[block])
            told = {key: value for key, value in row.items() if value is not None}
            found[block].setdefault(name, []).append(told)
    return found


def check(parser: Parser, blocks: list[Decoded]) -> None:
    [together] = Mapper(parser, KEY).run(blocks)
    alone = [run for one in blocks for run in Mapper(parser, KEY).run([one])]
    assert together.parts == [run.parts[0] for run in alone]
    for mine, run in zip(rows_by_block(together), alone, strict=True):
        assert mine == rows_by_block(run)[0]


@settings(max_examples=80, deadline=None)
@given(blocks=st.lists(BLOCK, min_size=1, max_size=5))
def test_any_blocks(blocks: list[tuple[list[dict[str, Any]], bool, bool, int]]) -> None:
    check(TOY, [with_rejects(decoded_of(*block[:3]), block[3]) for block in blocks])


def test_claims_and_clocks_of_windows_events() -> None:
    blocks = []
    for name in ("flat", "xml", "flat", "winlogbeat", "array", "xml"):
        data = (SAMPLES / f"{name}.json").read_bytes()
        decoder = WINDOWS.decoder(Options())
        decoder.cut(data, True)
        blocks += [decoder.decode(data, True), decoder.decode(b"", True)]
    check(WINDOWS, blocks)
    [run] = Mapper(WINDOWS, KEY).run(blocks)
    assert {"records", "edges", "entities", "aliases"} <= set(run.tables)


def test_an_index_that_is_null_is_one_of_its_dictionary_still() -> None:
    """Else Arrow reads at any place in memory when it joins dictionaries a second time."""
    data = b'{"EventID": 1, "Image": "a"}\n{"EventID": 1, "User": "b"}\n'
    decoder = WINDOWS.decoder(Options())
    decoder.cut(data, True)
    raw = decoder.decode(data, True).raw
    coded = [c.combine_chunks() for c in raw.columns if pa.types.is_dictionary(c.type)]
    assert any(column.null_count for column in coded)
    for column in coded:
        indices = np.frombuffer(column.indices.buffers()[1], np.int32)[: len(column)]
        assert indices.min() >= 0
        assert indices.max() < len(column.dictionary)


@pytest.mark.parametrize(
    "other",
    [
        {"ts": None},  # the time stands only in what the mapping makes
        {"odd": pa.array(["x"])},  # goes to attrs
        {"pid": pa.array(["1"])},  # another type
        {"record": pa.array([7], pa.int64())},  # a record that the block doesn't have
        {"record": pa.array([-1], pa.int64())},  # one that began in a block before
    ],
)
def test_blocks_that_differ_are_mapped_apart(other: dict[str, Any]) -> None:
    row = dict.fromkeys(ROW.wrapped_strategy.mapping, None) | {  # type: ignore[attr-defined]
        "ts": 0, "host": "h", "action": "read", "exe": "e", "file_path": "f", "pid": 3,
    }  # fmt: skip
    usual = decoded_of([row], False, False)
    raw = usual.raw
    for name, values in other.items():
        raw = raw.drop_columns([name]) if name in raw.column_names else raw
        raw = raw if values is None else raw.append_column(name, values)
    assert len(Mapper(TOY, KEY).run([usual, usual])) == 1
    runs = Mapper(TOY, KEY).run([usual, Decoded(1, raw), usual])
    assert [len(run.parts) for run in runs] == [1, 1, 1]
    assert runs[0].parts[0].used == runs[2].parts[0].used == 1


def stored(folder: Path, logs: Path, monkeypatch: pytest.MonkeyPatch, small: int) -> Store:
    """Return a store of logs in which only blocks up to a size are mapped together."""
    with monkeypatch.context() as patch:
        patch.setattr(ingest, "SMALL", small)
        patch.setattr("secrets.token_hex", lambda n: "ab" * n)
        store = Store(folder)
        done = store.ingest(logs)
    assert all(one.read == one.used + one.ignored + one.rejected for one in done)
    return store


def test_a_store_is_the_same_to_the_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tails, lost blocks, a source that goes on in another one, two formats, empty ones."""
    logs = tmp_path / "logs"
    logs.mkdir()
    flat, xml = ((SAMPLES / f"{name}.json").read_bytes() for name in ("flat", "xml"))
    line = flat.splitlines(keepends=True)[0]
    made = {
        "a.json": flat, "b.json": flat.rstrip(b"\n"), "c.json": b"", "d.json": xml,
        "e.json": line + flat, "f.json": line + flat + xml.rstrip(b"\n"),
        "g.json": b"{bad}\n" + line, "j.json": line,
        "h.json": line * 3 + b'{"a', "i.json": line + b"x" * (17 << 20) + b"\n" + flat,
    }  # fmt: skip
    for name, data in made.items():
        (logs / name).write_bytes(data)
    auditd = SAMPLES.parent / "auditd"
    (logs / "bb.log").write_bytes(next(f for f in sorted(auditd.iterdir())).read_bytes())
    one = stored(tmp_path / "one", logs, monkeypatch, -1)
    many = stored(tmp_path / "many", logs, monkeypatch, 1 << 20)
    files = sorted(f.relative_to(one.path) for f in one.path.rglob("*.parquet"))
    assert files == sorted(f.relative_to(many.path) for f in many.path.rglob("*.parquet"))
    assert len(files) > 6
    manifests: list[Manifest] = [store.manifest for store in (one, many)]
    assert msgspec.json.encode(manifests[0].sources) == msgspec.json.encode(manifests[1].sources)
    for file in files:
        mine, theirs = (pq.read_table(store.path / file) for store in (one, many))
        assert mine.equals(theirs), file
