"""Marks and allow rules by themselves: patterns, journal lines, expiry."""

import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphad import marks
from graphad.errors import GraphadError
from graphad.marks import Allow, Link, Mark, Undo, matches

LINK = Link("process", "/bin/sh", "launch", "process", "/usr/bin/curl", "curl <url>", "web1")


@given(pattern=st.text("ab*[?.\n", max_size=8), text=st.text("ab*[?.\n", max_size=12))
def test_a_star_is_any_text_and_nothing_else_is_special(pattern: str, text: str) -> None:
    regex = ".*".join(re.escape(part) for part in pattern.split("*"))
    assert matches(pattern, text) == bool(re.fullmatch(regex, text, re.DOTALL))


def test_a_pattern_of_many_stars_takes_no_time() -> None:
    assert not matches("a*" * 2000 + "b", "a" * 100_000)


def allow(**changed: str | None) -> Allow:
    given = {"src_type": "process", "src": "/bin/*", "action": "launch", "dst_type": "process",
             "dst": "*", "host": None}  # fmt: skip
    return Allow("allow-1", 1, reason="x", **{**given, **changed})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changed", "covered"),
    [
        ({}, True), ({"host": "web1"}, True), ({"host": "web2"}, False), ({"action": "*"}, True),
        ({"action": "read"}, False), ({"src_type": "*"}, True), ({"src_type": "file"}, False),
        ({"src": "/bin/bash"}, False), ({"dst": "/usr/*/curl"}, True), ({"dst": "curl"}, False),
    ],
)  # fmt: skip
def test_a_rule_covers_what_all_its_parts_match(
    changed: dict[str, str | None], covered: bool
) -> None:
    assert allow(**changed).covers(LINK) == covered


@given(
    reason=st.text(max_size=30), until=st.none() | st.integers(0, 10), now=st.integers(0, 10),
    undone=st.none() | st.integers(0, 10),
)  # fmt: skip
def test_lines_give_the_entries_and_what_became_of_them(
    reason: str, until: int | None, now: int, undone: int | None
) -> None:
    made = Mark("mark-1", 1, "benign", "path-1", "host", reason, [LINK], "me", until)
    entries = [made, *([] if undone is None else [Undo("mark-1", undone)])]
    lines = [msgspec.json.encode(entry) for entry in entries]
    assert all(b"\n" not in line for line in lines)
    read, bad = marks.read([*lines, b'{"kind":"mark","id":"mark', b"\xff", b'{"kind":"new"}'])
    assert (read, bad) == (entries, 3)
    (found,) = marks.standing(read, now)
    assert found.entry == made
    assert found.active == (undone is None and (until is None or now < until))
    assert found.state == (
        "undone" if undone is not None else "active" if found.active else "expired"
    )


def test_reasons_are_kept_as_text() -> None:
    assert marks.clean("a\udcff\x1b[31m\n") == "a\\udcff\x1b[31m\n"
    for bad in ("", " \n", "x" * 4001):
        with pytest.raises(GraphadError):
            marks.clean(bad)


def test_ends_of_rules_are_made_canonical_unless_they_have_a_star() -> None:
    assert marks.end_of_rule(r"process C:\Windows\System32\cmd.exe") == (
        "process", r"%drive%\windows\system32\cmd.exe",
    )  # fmt: skip
    assert marks.end_of_rule("file  /A b/*") == ("file", "/A b/*")
    assert marks.end_of_rule("* *") == ("*", "*")
    for bad in ("", "process", "procces /bin/sh", "process "):
        with pytest.raises(GraphadError):
            marks.end_of_rule(bad)
