"""Pruning leaves just what is young enough, in every table."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.errors import GraphadError
from graphad.store import Store
from tests.store.test_compact import everything
from tests.toy import line, toy

DAY = 86_400
START = 1_700_006_400  # a midnight


def log(path: Path, seconds: list[int]) -> Path:
    """Write lines of the toy format at some seconds past START, and a reject."""
    lines = [f"{START + s} {line(i).split(maxsplit=1)[1]}" for i, s in enumerate(seconds)]
    path.write_text("\n".join([*lines, "nonsense"]) + "\n")
    return path


def day(number: int) -> str:
    return datetime.fromtimestamp(START + number * DAY, UTC).date().isoformat()


@settings(max_examples=12, deadline=None)
@given(
    logs=st.lists(
        st.lists(st.integers(0, 5 * DAY), min_size=1, max_size=25), min_size=1, max_size=3
    ),
    first=st.integers(0, 6),
)
def test_what_stays_is_what_young_logs_alone_would_give(
    tmp_path_factory: pytest.TempPathFactory, logs: list[list[int]], first: int
) -> None:
    folder = tmp_path_factory.mktemp("prune")
    store = Store(folder / "store")
    for i, seconds in enumerate(logs):
        store.ingest(log(folder / f"{i}.log", sorted(seconds)), parser=toy)
    before = everything(store)
    limit = datetime.fromtimestamp(START + first * DAY, UTC).replace(tzinfo=None)
    live = {s.source for s in store.sources if (s.end or 0) >= (START + first * DAY) * 1_000_000}

    def young(row: dict[str, Any]) -> bool:
        return row["ts"] >= limit if row["ts"] is not None else row["source"] in live

    expected = {
        "edges": [row for row in before["edges"] if young(row)],
        "records": [row for row in before["records"] if young(row)],
        "rejects": [row for row in before["rejects"] if row["source"] in live],
        "counts": [row for row in before["counts"] if row["day"] >= limit],
    }
    ids = {row[end] for row in expected["edges"] for end in ("src", "dst")}
    expected["entities"] = [row for row in before["entities"] if row["id"] in ids]
    records, edges = store.prune(day(first))
    after = everything(store)
    for table, rows in expected.items():
        assert after[table] == rows, table
    assert records == len(before["records"]) - len(after["records"])
    assert edges == len(before["edges"]) - len(after["edges"])
    assert not list(store.check())
    assert store.prune(day(first)) == (0, 0)
    again = store.ingest(folder / "0.log", parser=toy)
    assert again[0].note == "already there"


def test_only_whole_days(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    with pytest.raises(GraphadError, match="no day"):
        store.prune("2026-01-01T10:00:00Z")
