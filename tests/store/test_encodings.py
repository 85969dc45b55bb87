"""What is written is what was given, however it is encoded; texts that repeat get a dictionary."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad import schema
from graphad.store import encodings
from graphad.store.segment import Writer

TEXT = st.one_of(st.none(), st.sampled_from(["", "a", "b" * 50]), st.text(max_size=8))


def table(texts: Sequence[str | None], coded: bool, start: int = 0) -> pa.Table:
    """Return edges whose actions are these texts."""
    n = len(texts)
    action = pa.array(texts, pa.string())
    return pa.table(
        {
            "ts": pa.array(range(start, start + n), pa.timestamp("us")),
            "src": pa.array(range(n), pa.int64()),
            "dst": pa.array([7] * n, pa.int64()),
            "action": action.dictionary_encode() if coded else action,
        }
    )


def written(folder: Path, groups: list[pa.Table]) -> Path:
    """Write each table as row groups of one file."""
    folder.mkdir(exist_ok=True)
    with ThreadPoolExecutor(1) as pool:
        writer = Writer(folder, "edges", 1, pool)
        for group in groups:
            writer.add(group)
            writer.flush()
        file = writer.close()
    assert file is not None
    assert file.rows == sum(group.num_rows for group in groups)
    return folder / file.name


def encoded(path: Path, name: str) -> set[str]:
    """Return the encodings of a column in the first row group."""
    found = pq.read_metadata(path)
    at = found.schema.names.index(name)
    return set(found.row_group(0).column(at).encodings)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.lists(TEXT, min_size=1, max_size=40), st.booleans()), min_size=1, max_size=4
    )
)
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, groups: list[tuple[list[str | None], bool]]
) -> None:
    path = written(tmp_path_factory.mktemp("s"), [table(texts, coded) for texts, coded in groups])
    found = pq.read_table(path)
    wanted = [text for texts, _ in groups for text in texts]
    assert found["action"].cast(pa.string()).to_pylist() == wanted
    assert found["src"].to_pylist() == [i for texts, _ in groups for i in range(len(texts))]
    assert set(found.column_names) == {c.name for c in schema.TABLES["edges"]}


@pytest.mark.parametrize("coded", [False, True])
def test_texts_that_repeat_get_a_dictionary_and_others_do_not(tmp_path: Path, coded: bool) -> None:
    often = written(tmp_path / "often", [table(["read", "write"] * 500, coded)])
    seldom = written(tmp_path / "seldom", [table([f"text {i}" for i in range(1000)], coded)])
    assert "RLE_DICTIONARY" in encoded(often, "action")
    assert "RLE_DICTIONARY" not in encoded(seldom, "action")
    assert "RLE_DICTIONARY" not in encoded(often, "src")


def test_a_dictionary_counts_only_what_occurs_in_it(tmp_path: Path) -> None:
    names = pa.array([f"text {i}" for i in range(1000)])
    some = pa.DictionaryArray.from_arrays(pa.array([1, 2] * 500, pa.int32()), names)
    rows = table(["x"] * 1000, True).set_column(3, "action", some)
    assert "RLE_DICTIONARY" in encoded(written(tmp_path, [rows]), "action")


@pytest.mark.parametrize("first", [False, True])
def test_a_text_that_many_rows_share_is_not_spread_out_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: bool
) -> None:
    monkeypatch.setattr(encodings, "_ROOM", 10_000)
    plain = table([f"text {i}" for i in range(100)], first)
    heavy = table(["a" * 1000] * 99 + ["b"], True)
    path = written(tmp_path, [plain, heavy])
    assert pq.read_table(path)["action"].cast(pa.string()).to_pylist() == (
        [f"text {i}" for i in range(100)] + ["a" * 1000] * 99 + ["b"]
    )
    assert pq.read_metadata(path).num_row_groups > 10
