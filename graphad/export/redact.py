r"""Takes out of texts what matches patterns, also where it is written in hex, base64 or escapes.

Matching is RE2's: its time is linear in the text whatever the pattern, which may be anybody's.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc

from graphad.errors import GraphadError
from graphad.rawlines import CUT
from graphad.sanitize import unicode

MARK = "[redacted]"
_OPEN, _CLOSE = "\ue000", "\ue001"  # private use; taken out of the texts before
_STUB = 4  # letters from which on the beginning of a found word, left by a cut, is taken out too
_STUBS = 2000  # found words whose beginnings are looked for
_HEX = re.compile(r"(?<![0-9A-Za-z])[0-9A-Fa-f]{12,}(?![0-9A-Za-z])")
_BASE64 = re.compile(r"(?<![0-9A-Za-z+/_-])[0-9A-Za-z+/_-]{14,}={0,2}")
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2})|([0-7]{3})|([\"\\/]))")
_CUTS = re.compile("…|<cut:")

Span = tuple[int, int]


class Run(NamedTuple):
    """A part of a text that may be another text in hex or base64."""

    start: int
    end: int
    decoded: str


def runs(text: str) -> list[Run]:
    """Return what may be other texts in hex or base64.

    >>> [run.decoded for run in runs("proctitle=636174002F6574632F78 aGVsbG8gdGhlcmU=")]
    ['cat /etc/x', 'hello there']
    """
    found = []
    for match in _HEX.finditer(text):
        digits = match[0][: len(match[0]) // 2 * 2]
        found.append(Run(*match.span(), _shown(bytes.fromhex(digits))))
    for match in _BASE64.finditer(text):
        if _HEX.fullmatch(match[0]):
            continue
        body = match[0].rstrip("=").replace("-", "+").replace("_", "/")
        body = body[: len(body) - (len(body) % 4 == 1)]
        try:
            raw = base64.b64decode(body + "=" * (-len(body) % 4))
        except (binascii.Error, ValueError):
            continue
        wide = raw[1::2].count(0) > len(raw) // 4  # UTF-16, as PowerShell wants it
        decoded = raw[: len(raw) // 2 * 2].decode("utf-16-le", "replace") if wide else _shown(raw)
        found.append(Run(*match.span(), unicode(decoded)))
    return found


def _shown(raw: bytes) -> str:
    return raw.decode("utf-8", "replace").replace("\0", " ").strip()


def unescaped(text: str) -> str:
    r"""Return a text with the escapes of JSON, C and URLs as what they stand for.

    >>> unescaped(r"p\u0061ss\x77%6Frd\"")
    'password"'
    """

    def plain(match: re.Match[str]) -> str:
        code, short, octal, quoted = match.groups()
        if quoted is not None:
            return str(quoted)
        return chr(int(octal, 8) if octal else int(code or short, 16))

    return unicode(unquote(_ESCAPE.sub(plain, text), errors="replace"))


class Redactor:
    """Replaces what matches one of some patterns, in any letter case, by MARK."""

    def __init__(self, patterns: Iterable[str]) -> None:
        """Take patterns in RE2's syntax.

        Raises: GraphadError: one is none, or matches the empty text.
        """
        self.patterns = tuple(f"(?i){pattern}" for pattern in patterns)
        for pattern in self.patterns:
            try:
                marked = self._marked([""], pattern)[0]
            except (pa.ArrowInvalid, UnicodeEncodeError) as error:
                why = str(error).partition(": ")[2] or "it is no Unicode"
                raise GraphadError(
                    f"{pattern[4:]!r} is no pattern: {why}.",
                    hint="Patterns are of RE2's syntax, without look-around and back-references.",
                ) from error
            if marked:
                raise GraphadError(f"{pattern[4:]!r} matches nothing at all, so everywhere.")

    @staticmethod
    def _marked(texts: Sequence[str], pattern: str) -> list[str]:
        column = pa.array(texts, pa.large_string())
        marked = pc.replace_substring_regex(column, pattern, f"{_OPEN}\\0{_CLOSE}")
        found: list[str] = marked.to_pylist()
        return found

    def spans(self, texts: Sequence[str]) -> list[list[Span]]:
        """Return for each text, which has no private-use marks, where patterns match, merged."""
        every: list[list[Span]] = [[] for _ in texts]
        for pattern in self.patterns:
            for i, marked in enumerate(self._marked(texts, pattern)):
                if _OPEN in marked:
                    every[i] += _places(marked)
        return [_merged(found) for found in every]

    def __call__(self, texts: Sequence[str]) -> list[str]:
        """Return texts with all that matches taken out, however it is written."""
        plain = [unicode(t).replace(_OPEN, "\ufffd").replace(_CLOSE, "\ufffd") for t in texts]
        free = [unescaped(text) if "\\" in text or "%" in text else text for text in plain]
        direct = self.spans(plain)
        odd = [i for i, text in enumerate(free) if text != plain[i]]
        clear = [text.replace(_OPEN, "\ufffd").replace(_CLOSE, "\ufffd") for text in free]
        for i, found in zip(odd, self.spans([clear[i] for i in odd]), strict=True):
            if len(found) > len(direct[i]):  # something is hidden by an escape
                plain[i], direct[i] = clear[i], found
        hidden = [runs(text) for text in plain]
        flat = [
            unescaped(run.decoded).replace(_OPEN, "").replace(_CLOSE, "")
            for found in hidden for run in found
        ]  # fmt: skip
        matched = iter(self.spans(flat))
        words = {plain[i][a:b].lower() for i, found in enumerate(direct) for a, b in found}
        made = []
        for text, found, coded in zip(plain, direct, hidden, strict=True):
            spans = found + [(run.start, run.end) for run in coded if next(matched)]
            made.append(_without(text, _merged(spans)))
        return _without_stubs(made, words)


def _places(marked: str) -> list[Span]:
    """Return where the marks were put, as places of the text without them."""
    found, at = [], 0
    head, *rest = marked.split(_OPEN)
    at += len(head)
    for part in rest:
        inside, _, after = part.partition(_CLOSE)
        found.append((at, at + len(inside)))
        at += len(inside) + len(after)
    return found


def _merged(spans: Iterable[Span]) -> list[Span]:
    """Return spans in order, those that touch as one.

    >>> _merged([(5, 7), (0, 2), (1, 4), (7, 9)])
    [(0, 4), (5, 9)]
    """
    made: list[Span] = []
    for start, end in sorted(spans):
        if made and start <= made[-1][1]:
            made[-1] = made[-1][0], max(end, made[-1][1])
        else:
            made.append((start, end))
    return made


def _without(text: str, spans: Sequence[Span]) -> str:
    if not spans:
        return text
    pieces, at = [], 0
    for start, end in spans:
        pieces += [text[at:start], MARK]
        at = end
    return "".join(pieces) + text[at:]


def _without_stubs(texts: Sequence[str], words: set[str]) -> list[str]:
    """Return texts without the beginnings of found words that a cut text ends with.

    Titles and lines are cut where they are made, maybe in the middle of such a word.
    """
    known = sorted(words)[:_STUBS]
    if not known:
        return list(texts)
    made = []
    for text in texts:
        ends = [match.start() for match in _CUTS.finditer(text)]
        if len(text.encode()) >= CUT - 8:
            ends.append(len(text))
        spans = [(end - size, end) for end in ends if (size := _stub(text[:end], known))]
        made.append(_without(text, _merged(spans)))
    return made


def _stub(text: str, words: Sequence[str]) -> int:
    """Return how many letters at the end of a text are the beginning of a word."""
    tail = text[-CUT:].lower()
    return max((_overlap(tail, word) for word in words), default=0)


def _overlap(tail: str, word: str) -> int:
    for size in range(min(len(word), len(tail)), _STUB - 1, -1):
        if tail.endswith(word[:size]):
            return size
    return 0
