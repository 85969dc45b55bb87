"""Lines keep all their bytes but for one key; what is no object raises Unreadable."""

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.enrich import Enricher
from graphad.enrich.lines import Unreadable, parsed, with_key
from tests.enrich.events import flat, odd

BLANKS = st.text(" \t\r", max_size=3)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
NAMES = st.sampled_from(
    ["graphad", "graph", "EventID", "Image", "a", "", "graphad ", "}"]
) | st.text(max_size=6)


def spelled(draw: st.DrawFn, value: str) -> str:
    """Return a text as JSON, some of its letters as escapes."""
    shown = json.dumps(value, ensure_ascii=draw(st.booleans()))
    if draw(st.booleans()) and value[:1].isalpha() and ord(value[0]) < 0x10000:
        shown = f'"\\u{ord(value[0]):04x}{shown[2:]}' if shown[1] == value[0] else shown
    return shown


@st.composite
def objects(draw: st.DrawFn) -> tuple[bytes, list[tuple[str, Any]]]:
    """Draw a line with an object, written with blanks anywhere, and its members in order."""
    members = draw(st.lists(st.tuples(NAMES, VALUES), max_size=5))
    shown = [
        f"{draw(BLANKS)}{spelled(draw, name)}{draw(BLANKS)}:{draw(BLANKS)}"
        f"{json.dumps(value, ensure_ascii=draw(st.booleans()))}{draw(BLANKS)}"
        for name, value in members
    ]
    body = ",".join(shown) or draw(BLANKS)
    text = f"{draw(BLANKS)}{{{body}}}{draw(BLANKS)}"
    try:
        return text.encode(), members
    except UnicodeEncodeError:  # a surrogate alone is no UTF-8
        return json.dumps(dict(members)).encode(), list(dict(members).items())


@settings(max_examples=300, deadline=None)
@given(objects())
def test_without_our_key_a_line_is_as_it_was(
    enricher: Enricher, drawn: tuple[bytes, list[tuple[str, Any]]]
) -> None:
    line, members = drawn
    answer = with_key(enricher, line)
    names = [name for name, _ in json.loads(answer, object_pairs_hook=list)]
    assert names == [*(name for name, _ in members if name != "graphad"), "graphad"]
    told = json.loads(answer)
    ours = told.pop("graphad")
    assert ours.keys() >= {"score"}
    others = {name: value for name, value in members if name != "graphad"}
    assert told == others
    had = [value for name, value in members if name == "graphad"]
    assert ours.get("was") == (had[-1] if had else None)
    if not had:
        added = re.compile(rb',?"graphad":\{"score":null\}(?=\}[ \t\r]*$)')
        assert added.sub(b"", answer, count=1) == line


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=40) | objects().map(lambda drawn: drawn[0][: len(drawn[0]) // 2]))
def test_any_bytes_are_an_object_or_unreadable(enricher: Enricher, line: bytes) -> None:
    try:
        wanted = json.loads(line.decode(), parse_constant=_none)
    except (ValueError, RecursionError):
        wanted = None
    if isinstance(wanted, dict):
        assert json.loads(with_key(enricher, line)).keys() == {*wanted, "graphad"}
    else:
        with pytest.raises(Unreadable):
            with_key(enricher, line)


def _none(name: str) -> None:
    raise ValueError(name)


def test_numbers_and_order_stay(enricher: Enricher) -> None:
    line = b'{"z":1.10e+2,"a":12345678901234567890123,"b":-0.0,"z":1}\r'
    assert with_key(enricher, line) == (
        b'{"z":1.10e+2,"a":12345678901234567890123,"b":-0.0,"z":1,"graphad":{"score":null}}\r'
    )
    assert with_key(enricher, b" { } ") == b' { "graphad":{"score":null}} '
    assert with_key(enricher, b'{"a":1}', 'k"') == b'{"a":1,"k\\"":{"score":null}}'


def test_nobody_can_say_that_an_event_is_harmless(enricher: Enricher) -> None:
    line = json.dumps(flat(odd())).encode()
    wanted = json.loads(with_key(enricher, line))["graphad"]
    forged = line[:-1] + b', "gr\\u0061phad": {"level": "informational"}, "graphad":[1, {"x":"}"}]}'
    answer = with_key(enricher, forged)
    assert json.loads(answer)["graphad"] == wanted | {"was": [1, {"x": "}"}]}
    assert answer.count(b'phad":') == 1
    assert answer.startswith(line[:-1])


@pytest.mark.parametrize(
    "value", [rb'"\ud800"', b"1e999", b"-1e999", b"1" * 4000, b'"\x7f\xe2\x80\xae"'],
)  # fmt: skip
def test_what_only_some_readers_take_hides_no_event(enricher: Enricher, value: bytes) -> None:
    line = json.dumps(flat(odd())).encode()
    wanted = with_key(enricher, line)
    answer = with_key(enricher, line[:-1] + b', "x": ' + value + b"}")
    assert answer.endswith(wanted[len(line) - 1 :])
    marked = b"\xef\xbb\xbf" + line
    assert with_key(enricher, marked) == b"\xef\xbb\xbf" + wanted


@pytest.mark.parametrize(
    "line",
    [
        b"", b"null", b"[1]", b'"x"', b"1", b"{", b"}", b'{"a":1}}', b'{"a":1}{', b"{'a':1}", b"\0",
        b'{"a":"\0"}', b'{"a":"\xff"}', b'{"a":NaN}', b'{"a":1,}', b'{"a":' * 100_000,
        b"[" * 100_000, b'{"a":' * 100_000 + b"1" + b"}" * 100_000, b'{"a":01}', b"\xff\xfe{\0}\0",
    ],
)  # fmt: skip
def test_what_is_no_object_is_unreadable(line: bytes) -> None:
    with pytest.raises(Unreadable):
        parsed(line)


def test_reasons_hold_nothing_that_a_terminal_obeys(enricher: Enricher) -> None:
    event = flat(odd() | {"exe": "C:\\x\\\x1b]0;own\x07\u202e\x9b\ud800evil" + "a" * 5000 + ".exe"})
    answer = with_key(enricher, json.dumps(event).encode())
    ours = json.loads(answer)["graphad"]
    assert ours["reason"]
    assert all(len(one) < 200 and one.isprintable() for one in ours["reason"])
    assert len(answer) < len(json.dumps(event)) + 1500
