"""Every sink against the nasty corpus and arbitrary text."""

import csv
import html
import io
import json
import unicodedata
from collections.abc import Callable
from xml.etree import ElementTree

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.console import Console
from rich.table import Table
from rich.text import Text

from graphad import sanitize
from tests.nasty import CORPUS

ANY = st.text(st.characters(codec=None, categories=None), max_size=60) | st.sampled_from(CORPUS)
JSON = st.recursive(
    ANY | st.integers() | st.none() | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY, inner, max_size=3),
    max_leaves=6,
)
CHECKED = settings(max_examples=150, deadline=None)
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\0", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def unsafe(text: str) -> list[str]:
    """Return what may not reach a reader; slow, from Unicode's own tables."""
    bad = []
    for character in text:
        code = ord(character)
        nothing = code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF
        tag = 0xE0000 <= code <= 0xE0FFF or 0xFE00 <= code <= 0xFE0F
        if nothing or tag or unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp"):
            bad.append(character)
    return bad


def corpus(function: Callable[[str], None]) -> Callable[[str], None]:
    """Run a test on each nasty string."""
    return pytest.mark.parametrize("text", CORPUS, ids=lambda text: ascii(text)[:30])(function)


def test_all_of_unicode_that_has_no_ink_is_escaped() -> None:
    for code in range(0x110000):
        character = chr(code)
        if unsafe(character):
            assert sanitize.terminal(character).isascii(), hex(code)
            assert not unsafe(sanitize.terminal(character)), hex(code)


def test_readable_text_is_left_alone() -> None:
    for text in ("C:\\Windows\\x", "grüße 日本語 😀", "a b", "\\x1b", "e\u0301", "\u00a0"):
        assert sanitize.terminal(text) == text


def test_escapes_are_spelled_out() -> None:
    got = sanitize.terminal("\x1b]0;a\x07\x9b\u202e\U000e0041\udcff\r\n\t")
    assert got == r"\x1b]0;a\x07\x9b\u202e\U000e0041\udcff\r\n\t"


@corpus
def test_terminal_corpus(text: str) -> None:
    assert not unsafe(sanitize.terminal(text))


@given(ANY)
@CHECKED
def test_terminal_is_one_safe_line_and_stable(text: str) -> None:
    shown = sanitize.terminal(text)
    assert not unsafe(shown)
    assert len(shown.splitlines()) <= 1
    assert sanitize.terminal(shown) == shown
    shown.encode("utf-8")


@corpus
def test_log_line_is_one_bounded_line(text: str) -> None:
    line = sanitize.log_line(text, 80)
    assert not unsafe(line)
    assert sanitize.cells(line) <= 80
    assert len(line) <= 5 * 80


@corpus
def test_rich_table_shows_text_and_nothing_else(text: str) -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, color_system=None, width=80)
    table = Table("field", "value")
    table.add_row("x", Text(sanitize.terminal(text)))
    console.print(table)
    printed = out.getvalue()
    assert not unsafe(printed.replace("\n", ""))
    if "[bold" in text:
        assert "[bold red]" in printed


@corpus
def test_csv_cell_corpus(text: str) -> None:
    cell = sanitize.csv_cell(text)
    assert isinstance(cell, str)
    assert not unsafe(cell)
    assert not cell.lstrip().startswith(FORMULA)


@given(st.lists(ANY, min_size=1, max_size=4))
@CHECKED
@example(["\u200b=1", " +1", "\uff1d1"])
def test_csv_rows_keep_their_cells(row: list[str]) -> None:
    out = io.StringIO(newline="")
    cells = [sanitize.csv_cell(text) for text in row]
    csv.writer(out, quoting=csv.QUOTE_ALL).writerow(cells)
    rows = list(csv.reader(io.StringIO(out.getvalue(), newline="")))
    assert rows == [cells]
    assert not any(cell.lstrip().startswith(FORMULA) for cell in rows[0])


def test_csv_numbers_stay_numbers() -> None:
    for value in (-1, -1.5, True, None, float("-inf")):
        assert sanitize.csv_cell(value) is value
    assert sanitize.csv_cell("-1.5") == "'-1.5"


@pytest.mark.parametrize(
    "text", ["=1", "+1", "-1", "@x", "\t=1", "\rx", "\0x", " =1", "\uff1d1", "\ufe661", "\u200b=1"]
)
def test_csv_formula_gets_an_apostrophe(text: str) -> None:
    assert str(sanitize.csv_cell(text)).startswith("'")


@given(ANY)
@CHECKED
@example("</script><img src=x onerror=alert(1)>")
@example("\" onmouseover='x'")
def test_html_reads_back_as_the_visible_text(text: str) -> None:
    escaped = sanitize.html(text)
    assert not set("<>\"'") & set(escaped)
    assert not unsafe(escaped)
    assert html.unescape(escaped) == sanitize.terminal(text)


@given(JSON)
@CHECKED
@example({"</script>": ["<!--", "\u2028", "\ud800"]})
def test_json_island_is_inert_and_reads_back(obj: object) -> None:
    island = sanitize.json_island(obj)
    assert island.isascii()
    assert island.isprintable()
    assert not set("<>&") & set(island)
    again = json.loads(island)
    assert sanitize.json_island(again) == island
    if isinstance(obj, str):
        assert again == sanitize.terminal(obj)


def test_json_island_refuses_what_json_has_not() -> None:
    with pytest.raises(ValueError, match="JSON"):
        sanitize.json_island({"score": float("nan")})
    with pytest.raises(TypeError):
        sanitize.json_island({"x": object()})


@given(ANY)
@CHECKED
@example("a\r\n\tb")
@example("]]>")
@example("\x00\x1b\ufffe\udcff")
def test_xml_parses_back(text: str) -> None:
    document = f'<a b="{sanitize.xml(text)}">{sanitize.xml(text)}</a>'
    element = ElementTree.fromstring(document)
    assert element.get("b") == sanitize.xml_legal(text)
    assert (element.text or "") == sanitize.xml_legal(text)
    written = ElementTree.Element("a")
    written.text = sanitize.xml_legal(text)
    ElementTree.fromstring(ElementTree.tostring(written))


def dot_unquote(token: str) -> str:
    """Read a quoted DOT id character by character; fail if it ends early or late."""
    assert token[0] == '"'
    out, at = "", 1
    while token[at] != '"':
        if token[at] == "\\":
            assert token[at + 1] in '\\"'
            at += 1
        out += token[at]
        at += 1
    assert at == len(token) - 1
    return out


@given(ANY)
@CHECKED
@example('a"];b[label="')
@example("trailing\\")
@example('\\"')
def test_dot_id_is_one_token(text: str) -> None:
    assert dot_unquote(sanitize.dot_id(text)) == sanitize.terminal(text)


@given(ANY.map(sanitize.terminal), st.integers(0, 40))
@CHECKED
@example("日本語", 4)
@example("日本語", 5)
@example("日本語", 6)
@example("abc", 1)
@example("e" + "\u0301" * 300, 3)
def test_shorten_fits(text: str, width: int) -> None:
    short = sanitize.shorten(text, width)
    assert sanitize.cells(short) <= width
    assert len(short) <= 5 * width + 5
    if sanitize.cells(text) > width > 0:
        assert short.endswith("…")
        assert sanitize.cells(short) >= width - 1
    elif width and not any(map(unicodedata.combining, text)) and len(text) <= width:
        assert short == text


def test_cells_counts_wide_and_combining() -> None:
    assert [sanitize.cells(t) for t in ("abc", "日本", "e\u0301", "", "😀")] == [3, 4, 1, 0, 2]
