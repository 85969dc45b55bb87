"""Searches that share slices find what each finds alone, and every slice is made once."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from graphad.detect import Search
from graphad.detect_search import best, sought
from graphad.files import folder
from graphad.graph import Graph
from graphad.store import Store
from graphad.workspace import Workspace

LOGS = folder("parsers").parent / "sample_logs"


def blank(number: int) -> Graph:
    """Return a graph without events that is known by a number."""
    ints, texts = np.empty(0, np.int64), np.empty(0, object)
    entities = dict.fromkeys(("types", "names", "labels", "details", "shapes"), texts)
    events = dict.fromkeys(("src", "dst", "ts", "source", "record", "ordinal"), ints)
    told: Any = {"ids": ints, "action": texts, "host": texts, **entities, **events}
    return Graph(**told, collapsed=number)


def counting(sent: list[int]) -> Search:
    """Return a search that notes what it is sent, and finds nothing."""
    last: Graph | None = None
    while (part := (yield)) is not None:
        sent.append(part.collapsed)
        last = part
    if last is None:
        raise ValueError("no graph")
    return last, None  # type: ignore[return-value]


def test_each_slice_goes_to_all_before_the_next_is_made() -> None:
    said: list[Any] = []

    def made() -> Iterator[Graph]:
        for number in range(3):
            said.append(f"made {number}")
            yield blank(number)

    found, reading = sought([counting(said), counting(said)], made())
    assert said == ["made 0", 0, 0, "made 1", 1, 1, "made 2", 2, 2]
    assert [one.graph.collapsed for one in found] == [2, 2]
    assert reading >= 0
    assert sought([], [])[0] == []
    with pytest.raises(ValueError, match="no graph"):
        best(counting([]), [])


@pytest.mark.parametrize("size", [10**9, 300])
def test_models_score_a_window_as_each_does_alone(
    tmp_path: Path, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Workspace(tmp_path / "store")
    store.ingest([LOGS / "demo"])
    names = [
        store.fit(settings={"span_s": 60.0, "max_length": 3}),
        store.fit(detector="event"),
        store.fit(detector="window", settings={"of": "host"}),
        store.fit(settings={"max_length": 2}),  # needs the whole window
    ]
    alone = []
    for name in names:
        copy = Workspace(shutil.copytree(store.path, tmp_path / name))
        alone.append(copy.score(model=name, now=0, slice_events=size))
    read: list[str] = []
    for way in ("graph", "slices"):
        plain = getattr(Store, way)

        def noted(self: Store, *given: Any, plain: Any = plain, way: str = way, **more: Any) -> Any:
            read.append(way)
            return plain(self, *given, **more)

        monkeypatch.setattr(Store, way, noted)
    together, reading = store.score_each(names, now=0, slice_events=size)
    assert read == (["graph"] if size > 10**8 else ["slices", "graph"])
    assert reading > 0
    for one, other in zip(together, alone, strict=True):
        assert (one.model, one.exact, one.notes) == (other.model, other.exact, other.notes)
        # Findings of a store join the incidents of those before.
        first, second = (
            [msgspec.to_builtins(replaced(f)) for f in hunt.findings] for hunt in (one, other)
        )
        assert first == second
        assert first
    assert ["held in memory" in " ".join(one.notes) for one in together] == [
        False, False, False, size < 10**8,
    ]  # fmt: skip


def replaced(finding: Any) -> Any:
    return msgspec.structs.replace(finding, incident="")
