"""Records in an envelope: {"Records": [...]}, as interfaces and exports give them, many in a file.

The envelope's own bytes are made blank, so that what is left is one record behind another, each at
the place where it stands in the source.
"""

import re
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import pyarrow as pa

from graphad.decoders.json_decoder import Fields, Finish, JsonDecoder, spans_lines
from graphad.parse import Decoded, Options

# No pattern holds a brace or bracket of a record: what stands between is made of whole strings,
# words and flat objects. A text of a record can't be taken for one: there each quote is escaped.
_STRING = rb'"(?:[^"\\]|\\.)*+"'
_FLAT = rb"(?:%(s)s|[\w.+-]++|\{\s*+(?:%(s)s\s*+:\s*+(?:%(s)s|[\w.+-]++)\s*+,?\s*+)*+\})" % {
    b"s": _STRING
}
_PAIR = rb"%s\s*+:\s*+%s" % (_STRING, _FLAT)
_TAIL = rb"\]\s*+(?:,\s*+%s\s*+)*+\}" % _PAIR
_END = re.compile(rb"(?:(?<=\})|\A)\s*+%s\s*+\Z" % _TAIL)
_BEHIND = re.compile(rb"\]\s*+(?:,\s*+%s\s*+)++\Z" % _PAIR)
_LONGEST = 1 << 16  # bytes of an envelope before its first record, or after its last one


class Envelope:
    """Finds envelopes whose list of records stands under one of `names`.

    >>> bytes(Envelope(["Records"]).opened(b'{"Records":[{"a":1}]}'))
    b'            {"a":1}  '
    """

    def __init__(self, names: Sequence[str]) -> None:
        listed = b"|".join(f'"{name}"'.encode() for name in names)
        self._lists = re.compile(rb"(?:%s)\s*+:\s*+\[" % listed)
        head = rb"\{\s*+(?:(?!(?:%s)\s*+:\s*+\[)%s\s*+,\s*+)*+(?:%s)\s*+:\s*+\[" % (
            listed, _PAIR, listed,
        )  # fmt: skip
        self._first = re.compile(rb"(?:\xef\xbb\xbf)?\s*+(?:%s\s*+,?\s*+)?%s" % (_TAIL, head))
        self._next = re.compile(rb"(?<=\})\s*+%s\s*+,?\s*+%s" % (_TAIL, head))

    def begins(self, data: bytes) -> bool:
        """Say whether an envelope begins with the first bytes."""
        return self._first.match(data[:_LONGEST]) is not None

    def opened(self, data: bytes) -> bytes | bytearray:
        """Return the bytes, those of envelopes blank but for their line feeds."""
        heads = [found.start() for found in self._lists.finditer(data)]
        if not heads:
            return self._without_end(data) if data[:_LONGEST].lstrip()[:1] == b"]" else data
        blank = bytearray(data)
        first = self._first.match(data, 0, _LONGEST)
        if first:
            _clear(blank, *first.span())
        if first is None or heads[-1] > first.end():
            for found in self._next.finditer(data):
                _clear(blank, *found.span())
        return self._without_end(blank)

    def _without_end(self, data: bytes | bytearray) -> bytes | bytearray:
        """Return the bytes, those behind the last record blank if they only end an envelope."""
        found = _END.search(data, max(0, len(data) - _LONGEST))
        if found is None or data[last_end(data[: found.start()]) : found.start()].strip():
            return data  # it ends a list within a record
        blank = bytearray(data)
        _clear(blank, *found.span())
        return blank

    def whole(self, data: bytes) -> int:
        """Return where the last whole record ends; nothing behind it is one."""
        opened = self.opened(data)
        end = last_end(opened)
        # What stands behind the list may hold an object too.
        behind = _BEHIND.search(opened, max(0, end - _LONGEST), end)
        return last_end(opened[: behind.start()]) if behind else end


def _clear(data: bytearray, start: int, end: int) -> None:
    data[start:end] = re.sub(rb"[^\n]", b" ", data[start:end])


def last_end(data: bytes | bytearray) -> int:
    """Return where the last whole record ends, records being the outermost objects; else 0.

    >>> last_end(b' {"a": "}"}, {"b": [{}]'), last_end(b"]}")
    (11, 0)
    """
    from graphad.scan import framing

    state = np.zeros(4, np.int64)
    # Without line feeds, behind which the framing would cut too.
    framing.scan_frames(np.frombuffer(data.replace(b"\n", b" "), np.uint8), 0, state)
    return int(state[framing.CUT])


class EnvelopeDecoder:
    """Decodes JSON in an envelope or without one, as JsonDecoder does what is inside."""

    parallel: ClassVar[bool] = True

    def __init__(
        self, fields: Fields, options: Options, finish: Finish, names: Sequence[str]
    ) -> None:
        self.inner = JsonDecoder(fields, options, finish)
        self.envelope = Envelope(names)
        self._multi: bool | None = None  # records may span lines, or share one

    def state(self) -> object:
        """Return whether records may span lines: the first bytes said so."""
        return self._multi

    def restore(self, state: object) -> None:
        """Go on with records of that form. Raises: ValueError if it is no such state."""
        self.inner.restore(state)
        self._multi = bool(state)

    def _settle(self, data: bytes, whole: bool) -> bool:
        if self._multi is None:
            self._multi = self.envelope.begins(data) or spans_lines(data[:65536], whole)
            self.inner.restore(self._multi)
        return self._multi

    def cut(self, data: bytes | bytearray | memoryview, last: bool) -> int:
        """Return how many bytes of `data` are whole records."""
        held = bytes(data)
        if not self._settle(held, last and len(held) <= 65536):
            return self.inner.cut(data, last)
        return len(held) if last else self.envelope.whole(held)

    def decode(self, data: bytes | memoryview, last: bool) -> Decoded:
        """Return the rows and rejects of a block."""
        held = bytes(data)
        if self._settle(held, len(held) <= 65536):
            held = bytes(self.envelope.opened(held))
        return self.decode_opened(held, last)

    def decode_opened(self, data: bytes, last: bool) -> Decoded:
        """Return the rows and rejects of a block without envelopes."""
        return self.inner.decode(data, last)


def records_of(data: bytes, raw: pa.Table) -> list[bytes]:
    """Return the bytes of each row's record."""
    offsets, lengths = (raw[name].to_pylist() for name in ("offset", "length"))
    return [data[at : at + size] for at, size in zip(offsets, lengths, strict=True)]
