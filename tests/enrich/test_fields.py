"""The mapping file: ours reads what it should, and one of the user's own is checked."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphad.detectors.event_kinds import KINDS
from graphad.enrich import Enricher
from graphad.enrich.fields import OWN, Fields, Place, text
from graphad.enrich.words import KINDS as OURS
from graphad.errors import GraphadError, UnknownName
from tests.enrich.conftest import Made
from tests.enrich.events import Event, flat, odd

MINE = """
[[shape]]
name = "mine"
code = [["/what"]]
[shape.fields]
exe = ["proc.image"]
user = ["who"]
parent_exe = ["proc.by"]
command_line = ["proc.line"]
[[shape.event]]
codes = ["started"]
kind = "launch"
"""


def test_a_file_of_ones_own_maps_other_names(
    made: Made, enricher: Enricher, tmp_path: Path
) -> None:
    (tmp_path / "mine.toml").write_text(MINE)
    mine = Enricher.load(made.model, "launch", fields=tmp_path / "mine.toml")
    one = odd()
    event: Event = {
        "what": "started", "who": one["user"],
        "proc": {"image": one["exe"], "by": one["parent_exe"], "line": one["command_line"]},
    }  # fmt: skip
    wanted = Enricher.load(made.model, "launch").judge(flat(one))
    assert wanted.score is not None
    assert mine.judge(event) == wanted
    dotted = {"what": "started", "who": one["user"]} | {
        f"proc.{name}": value for name, value in event["proc"].items()
    }
    assert mine.judge(dotted) == wanted
    assert mine.judge(event | {"what": "ended"}).score is None
    assert mine.judge(flat(one)).score is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("[[shape]]", "[shape]"), "must hold"), (('kind = "launch"', 'kind = "lunch"'), "lunch"),
        (('kind = "launch"', 'sort = "launch"'), "sort"), (("codes", "code"), "code"),
        (('["who"]', '"who"'), "list of places"), (('name = "mine"', ""), "name"),
        (('name = "mine"', 'name = "mine"\nkey = 1'), "key"), (("[[shape]]", "]"), "no TOML"),
        (('kind = "launch"', 'kind = "launch"\nfrom = { exe = "image" }'), "image"),
        (('kind = "launch"', 'kind = "launch"\nwhen = { image = ["a"] }'), "image"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_an_error(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    assert change[0] in MINE
    (tmp_path / "mine.toml").write_text(MINE.replace(*change, 1))
    with pytest.raises((GraphadError, UnknownName), match=said):
        Fields.read(tmp_path / "mine.toml")


def test_no_file_and_no_text_are_errors(tmp_path: Path) -> None:
    with pytest.raises(GraphadError, match="cannot be read"):
        Fields.read(tmp_path / "none.toml")
    (tmp_path / "mine.toml").write_bytes(b"\xff")
    with pytest.raises(GraphadError, match="no TOML"):
        Fields.read(tmp_path / "mine.toml")


def test_our_kinds_have_the_columns_of_the_detector() -> None:
    columns = {kind.name: set(kind.columns) for kind in KINDS}
    for kind, (_, ours) in OURS.items():
        assert set(ours) == columns[kind]
    rules = [r for s in Fields.read().shapes for some in s.rules.values() for r in some]
    assert {rule.kind for rule in rules} == set(OURS)
    assert OWN.read_text().isascii() or "…" in OWN.read_text()


SCALARS: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
)


@given(st.recursive(SCALARS, lambda i: st.lists(i, max_size=3) | st.dictionaries(st.text(), i)))
def test_any_value_is_text(value: object) -> None:
    said = text(value)
    assert isinstance(said, str)
    if isinstance(value, str):
        assert said == value


def test_places_are_found_nested_and_flat() -> None:
    place = Place.of("/a.b")
    assert place.find({"a": {"b": 1}}, {}) == 1
    assert place.find({"a.b": 2}, {}) == 2
    assert place.find({"a": {"b": None}, "a.b": 3}, {}) == 3
    assert place.find({"a": [1]}, {"a": {"b": 4}}) is None
    assert Place.of("a.b").find({}, {"a": {"b": 4}}) == 4
