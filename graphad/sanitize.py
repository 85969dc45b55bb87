r"""Text from logs made safe to show, one function a sink.

Attackers write the logs. Nothing they write may move a cursor, forge a line, break a cell or start
a formula: what a reader can't see is shown as an escape (`\x1b`, `\u202e`). A backslash is left
alone, so a log that spells out `\x1b` looks the same as one that holds the byte; both are harmless.

Rich needs no function: what it prints is `rich.text.Text(terminal(text))`, never markup.
"""

import html as _html
import json
import math
import re
import unicodedata
from typing import Any

# Controls (C0, DEL, C1), line and paragraph separators, bidirectional marks, everything of no
# width or no ink that can hide or join text (soft hyphen, fillers, joiners, variation selectors,
# tags), surrogates and non-characters. The tests compare it with all of Unicode.
_INVISIBLE = (
    "\x00-\x1f\x7f-\x9f\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160"
    "\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufdd0-\ufdef"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\U000110bd\U000110cd\U00013430-\U0001345f"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    + "".join(
        f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(0x10000, 0x110000, 0x10000)
    )
)
_HIDDEN = re.compile(f"[{_INVISIBLE}]")
_XML_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_SHORT = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}
_FORMULA = frozenset("=+-@\u2212")
_COMBINING_MAX = 4  # marks kept on one letter: no script needs more, and more can cover other lines


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    code = ord(character)
    if code < 0x100:
        return _SHORT.get(character) or f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def terminal(text: str) -> str:
    r"""Return `text` on one line, with everything that has no ink shown as an escape.

    >>> print(terminal("\x1b]0;pwn\x07 a\u202eb\n"))
    \x1b]0;pwn\x07 a\u202eb\n
    """
    if text.isascii() and text.isprintable():
        return text
    return _HIDDEN.sub(_escape, text)


def log_line(text: str, limit: int = 2000) -> str:
    """Return `text` for one line of our own log or of stderr: escaped, at most `limit` cells."""
    # Cut first, so that a line of a gigabyte is not escaped for nothing.
    return shorten(terminal(text[: _COMBINING_MAX * limit + 1]), limit)


def csv_cell(value: object) -> object:
    """Return `value` as a cell that no spreadsheet computes; numbers, booleans, None untouched.

    Text is made visible first; then a leading `= + - @`, full-width and other compatibility forms
    included, gets a `'` before it. The writer still has to quote.
    Source: OWASP ASVS 5.0, requirement 1.2.10.

    >>> csv_cell("=cmd|' /C calc'!A0"), csv_cell(-1.5)
    ("'=cmd|' /C calc'!A0", -1.5)
    """
    if value is None or isinstance(value, (bool, int, float)):
        return value
    raw = str(value)
    if raw.isascii() and raw.isprintable() and raw[:1] not in "=+-@ ":
        return raw
    text = terminal(raw)
    # Spreadsheets may trim blanks, and some drop the controls that are visible to us.
    first = _HIDDEN.sub("", raw).lstrip()[:1]
    if raw[:1] in ("\t", "\r", "\0") or unicodedata.normalize("NFKC", first)[:1] in _FORMULA:
        return f"'{text}"
    return text


def html(text: str) -> str:
    r"""Return `text` for HTML content or a quoted attribute.

    >>> print(html("<b>'x'\x1b"))
    &lt;b&gt;&#x27;x&#x27;\x1b
    """
    return _html.escape(terminal(text), quote=True)


def _visible(value: Any) -> Any:
    if isinstance(value, str):
        return terminal(value)
    if isinstance(value, dict):
        return {terminal(k) if isinstance(k, str) else k: _visible(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_visible(item) for item in value]
    return value


def json_island(obj: Any) -> str:
    r"""Return `obj` as ASCII JSON for `<script type="application/json">`; its texts made visible.

    Raises: ValueError for NaN and infinities, which JSON does not have; TypeError for a value that
    is not text, number, boolean, None, dict, list or tuple.

    >>> print(json_island({"host": "</script>"}))
    {"host":"\u003c/script\u003e"}
    """
    text = json.dumps(_visible(obj), ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    # Outside strings JSON has none of the three, so each may become its escape.
    return text.replace("<", r"\u003c").replace(">", r"\u003e").replace("&", r"\u0026")


def unicode(text: str) -> str:
    r"""Return `text` with lone surrogates spelled out, so that it is Unicode that can be encoded.

    >>> print(unicode("a\udcff"))
    a\udcff
    """
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def _json_escape(match: re.Match[str]) -> str:
    units = match[0].encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[i : i + 4]}" for i in range(0, len(units), 4))


def _plain(value: Any) -> Any:
    """Return a value as JSON has it: no NaN, no infinity, no lone surrogate."""
    if isinstance(value, str):
        return unicode(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {unicode(str(key)): _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    return value


def json_line(obj: Any, indent: int | None = None) -> str:
    r"""Return `obj` as JSON whose every character has ink; read back, texts are as they were.

    What JSON lets through and a terminal obeys (C1 controls, marks of direction) becomes `\uXXXX`.
    NaN and infinities become null; a lone surrogate, which many readers refuse, is spelled out.
    Raises: TypeError for a value that JSON does not have.

    >>> print(json_line({"host": "a\x9b\u202e", "z": float("inf")}))
    {"host":"a\u009b\u202e","z":null}
    """
    separators = (",", ":") if indent is None else (",", ": ")
    text = json.dumps(
        _plain(obj), ensure_ascii=False, allow_nan=False, separators=separators, indent=indent
    )
    if indent is None:
        return text if text.isascii() and text.isprintable() else _HIDDEN.sub(_json_escape, text)
    return "\n".join(_HIDDEN.sub(_json_escape, line) for line in text.split("\n"))


def xml_legal(text: str) -> str:
    """Return `text` with U+FFFD for what XML 1.0 can't hold; for writers that escape themselves."""
    return _XML_ILLEGAL.sub("\ufffd", text)


def xml(text: str) -> str:
    """Return `text` for XML content or a quoted attribute; parsed, it is `xml_legal(text)`."""
    escaped = _html.escape(xml_legal(text), quote=True)
    # As references, else attributes lose them to white-space normalisation.
    return escaped.replace("\t", "&#9;").replace("\n", "&#10;").replace("\r", "&#13;")


def dot_id(text: str) -> str:
    r"""Return `text` as a quoted DOT id that also is safe as a label.

    Backslashes are doubled: one would escape the closing quote or mean a line break in a label.

    >>> print(dot_id('a"]; b\\'))
    "a\"]; b\\"
    """
    escaped = terminal(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _width(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def cells(text: str) -> int:
    """Return how many terminal cells `text` takes: wide characters 2, combining ones 0."""
    return len(text) if text.isascii() else sum(map(_width, text))


def shorten(text: str, width: int) -> str:
    """Return `text`, cut with an ellipsis where it takes more than `width` cells.

    A letter keeps four combining marks at most. `text` is one that `terminal` returned.

    >>> shorten("日本語 log", 6), shorten("log", 6), shorten("log", 0)
    ('日本…', 'log', '')
    """
    if text.isascii():
        if len(text) <= width:
            return text
        return text[: width - 1] + "…" if width > 0 else ""
    kept: list[str] = []
    used = marks = 0
    fits = 0  # characters kept up to the last place that leaves a cell for the ellipsis
    for character in text:
        size = _width(character)
        marks = 0 if size else marks + 1
        if marks > _COMBINING_MAX:
            continue
        used += size
        if used > width:
            return "".join(kept[:fits]) + "…" if width > 0 else ""
        kept.append(character)
        if used < width:
            fits = len(kept)
    return "".join(kept)
