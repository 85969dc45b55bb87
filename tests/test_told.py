"""What Python readers tell becomes rows, whatever they tell."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad import formats
from graphad.decoders.json_rebuild import rebuild
from graphad.decoders.told import MAPPING, Thing, Told, micros, number, rows, stamp, trimmed
from graphad.decoders.told_decode import RecordDecoder, StoryDecoder
from graphad.parse import PLACE, Options
from graphad.store import Store

SAMPLES = Path(__file__).parents[1] / "sample_logs"
TELLING = {name: p for name, p in formats.load_all().items() if p.mapping == MAPPING}


def places(n: int) -> pa.Table:
    return pa.table({name: list(range(n)) for name in PLACE.names}, schema=PLACE)


def test_rows_of_what_records_say() -> None:
    a, b = Thing("process", "p:1", "sh"), Thing("file", "/x", None, None)
    told = [
        Told(
            5,
            "web",
            [(a, "write", b), (b, "read", a)],
            [None, 9],
            {"pid": 7, "extra": "lone \ud800"},
        ),
        Told(rule="left out"),
        Told(reason="broken"),
    ]
    table = rows(places(3), told, Options(host="here"))
    assert table["host"].to_pylist() == ["web", "here", "here"]
    assert table["pid"].to_pylist() == [7, None, None]
    assert table["extra"].to_pylist() == ["lone \ufffd", None, None]
    assert table["_rule"].to_pylist() == [None, "left out", None]
    assert table["_reason"].to_pylist() == [None, None, "broken"]
    [first, second] = table["_edges"].to_pylist()[0]
    assert (first["action"], first["ordinal"], first["dst_key"]) == ("write", 0, "/x")
    assert (second["action"], second["ordinal"], second["dst_label"]) == ("read", 1, "sh")
    assert (first["ts"], second["ts"]) == (None, datetime(1970, 1, 1, 0, 0, 0, 9))
    assert table["_edges"].to_pylist()[1:] == [[], []]


@given(st.one_of(st.integers(), st.floats(), st.text(), st.none(), st.booleans(), st.binary()))
def test_numbers_and_times_never_raise_and_stay_in_range(value: object) -> None:
    found = number(value)
    assert found is None or -(1 << 63) <= found < 1 << 63
    for time in (micros(value), micros(value, 1), micros(value, 10**9), stamp(value)):
        assert time is None or 0 < time < 253_402_300_800_000_000


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=8,
)


def _paths(record: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [at] if at else []
    inner: dict[Any, Any] = record if isinstance(record, dict) else {}
    if isinstance(record, list):
        inner = dict(enumerate(record))
    for key, value in inner.items():
        found += _paths(value, (*at, key))
    return found


def _samples(name: str) -> list[Any]:
    records: list[Any] = []
    for path in sorted((SAMPLES / name).iterdir()):
        text = path.read_text()
        try:
            whole = json.loads(text)
            records += whole if isinstance(whole, list) else [whole]
        except ValueError:
            records += [json.loads(line) for line in text.splitlines() if line[:1] == "{"]
    return records


JSONS = sorted(
    name for name, p in TELLING.items() if isinstance(p.decoder(Options()), RecordDecoder)
)


@pytest.mark.parametrize("name", JSONS)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_any_value_anywhere_is_read(name: str, data: st.DataObject) -> None:
    """A reader raises for no JSON, and what it tells becomes rows."""
    records = _samples(name)
    record = json.loads(json.dumps(data.draw(st.sampled_from(records))))
    *way, last = data.draw(st.sampled_from(_paths(record)))
    at = record
    for key in way:
        at = at[key]
    at[last] = data.draw(JSON)
    decoder: Any = TELLING[name].decoder(Options())
    told = [decoder.read(one) for one in (record, *records[:3])]
    rows(places(len(told)), told, Options())
    if isinstance(decoder, StoryDecoder):
        json.dumps(decoder.world.state())


@pytest.mark.parametrize("name", JSONS)
def test_every_field_is_kept(name: str, tmp_path: Path) -> None:
    store = Store(tmp_path / "s")
    store.ingest(sorted((SAMPLES / name).iterdir()), parser=name)
    stored = store.sql("SELECT * FROM records ORDER BY source, record").to_pylist()
    assert [rebuild(row) for row in stored] == _samples(name)


def test_keys_with_dots_and_backslashes_are_read_as_they_are() -> None:
    seen: list[Any] = []

    def read(record: Any) -> Told:
        seen.append(record)
        return Told(rule="seen")

    record = {"a.b": {"c.d": 1}, "e[0]": "x\\y", "f\\g": None, "": 0}
    decoder = RecordDecoder(read, Options())
    decoder.decode(json.dumps(record).encode() + b"\n", True)
    assert seen == [record]


@pytest.mark.parametrize("name", sorted(TELLING))
def test_a_state_is_all_that_is_remembered(name: str, tmp_path: Path) -> None:
    """Half a sample, then the rest from the state, tells what the whole does."""
    decoder: Any = TELLING[name].decoder(Options())
    if not hasattr(decoder, "world"):
        pytest.skip("it remembers nothing")
    for path in sorted((SAMPLES / name).iterdir()):
        data = path.read_bytes()
        middle = data.find(b"\n", len(data) // 2) + 1
        whole: Any = TELLING[name].decoder(Options())
        whole.cut(data, True)
        once = whole.decode(data, True).raw["_edges"].to_pylist()
        first: Any = TELLING[name].decoder(Options())
        middle = first.cut(data[:middle], False)
        begun = first.decode(data[:middle], False).raw["_edges"].to_pylist()
        rest: Any = TELLING[name].decoder(Options())
        rest.restore(json.loads(json.dumps(first.state())))
        assert begun + rest.decode(data[middle:], True).raw["_edges"].to_pylist() == once
        for broken in (None, 5, [], [True, None], [True, [1]], {"a": 1}):
            with pytest.raises(ValueError, match=r"no state|unpack"):
                TELLING[name].decoder(Options()).restore(broken)  # type: ignore[attr-defined]


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graphad.decoders.told.MAX_STATE", 1000)
    known: dict[str, list[Any]] = {str(n): ["x" * 50, None] for n in range(100)}
    kept = trimmed(known)
    assert list(kept) == [str(n) for n in range(100 - len(kept), 100)]
    assert 5 <= len(kept) <= 11
    assert len(known) == 100


def test_a_store_says_why_there_is_no_relation(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text('{"datum": {"Event": {"subject": {"UUID": "x"}}}}\n{"datum": 5}\n[1]\n{"datum"')
    store = Store(tmp_path / "s")
    [done] = store.ingest(log, parser="cdm")
    assert done.read == 4
    assert done.rejected == 3
    assert done.ignored == 1
