"""Decoders whose records a Python reader understands: JSON, and lines of text."""

import re
from collections.abc import Callable
from typing import Any, ClassVar

import msgspec
import pyarrow as pa

from graphad.decoders.json_decoder import Fields, JsonDecoder
from graphad.decoders.told import Reader, Told, World, rows
from graphad.parse import PLACE, Decoded, Options, whole_lines

_NO_FIELDS: Fields = (("graphad has no column for any", "context"),)  # all of a record stays whole
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_ROOM = Told(reason="nested too deep")


class RecordDecoder(JsonDecoder):
    """Decodes JSON records, each of which is understood by itself.

    Framing, rejects and what is kept of a record (`attrs`, `shape`) are JsonDecoder's.
    """

    def __init__(self, read: Reader, options: Options) -> None:
        super().__init__(_NO_FIELDS, options, self._finish)
        self.read = read

    def _finish(self, raw: pa.Table, options: Options) -> pa.Table:
        if not len(raw):
            return raw
        texts = raw["attrs"].to_pylist() if "attrs" in raw.column_names else [None] * len(raw)
        return rows(raw, map(self._told, texts), options)

    def _told(self, text: str | None) -> Told:
        try:
            record = msgspec.json.decode(text) if text else {}
            if text and "\\\\" in text:  # keys of attrs are paths: a dot in one is escaped
                record = {_ESCAPED.sub(r"\1", key): value for key, value in record.items()}
        except (msgspec.DecodeError, RecursionError):
            return _ROOM
        return self.read(record)


class StoryDecoder(RecordDecoder):
    """Decodes JSON records that refer to earlier ones: block by block, in order."""

    parallel: ClassVar[bool] = False

    def __init__(self, world: World, options: Options) -> None:
        super().__init__(world.read, options)
        self.world = world

    def state(self) -> object:
        """Return the form of the records, and what is remembered of them."""
        form = super().state()
        return None if form is None else [form, self.world.state()]

    def restore(self, state: object) -> None:
        """Go on from there."""
        if not isinstance(state, list) or len(state) != 2:
            raise ValueError("no state of a decoder of this format")
        super().restore(state[0])
        try:
            self.world.restore(state[1])
        except (TypeError, KeyError, IndexError, AttributeError) as error:
            raise ValueError("no state of this format") from error


class LineDecoder:
    """Decodes one record a line by a reader of its text."""

    parallel: ClassVar[bool] = True

    def __init__(self, read: Callable[[str], Told], options: Options) -> None:
        self.read, self.options = read, options

    def cut(self, data: bytes | bytearray | memoryview, last: bool) -> int:
        """Return where the last whole line ends."""
        return len(data) if last else bytes(data).rfind(b"\n") + 1

    def decode(self, data: bytes | memoryview, last: bool) -> Decoded:
        """Return a row for each line that is not blank."""
        places: dict[str, list[int]] = {name: [] for name in PLACE.names}
        told = []
        offset = read = 0
        for number, line in enumerate(whole_lines(bytes(data))):
            read += 1
            if line.strip():
                place = (number, offset, len(line), number)
                for name, value in zip(PLACE.names, place, strict=True):
                    places[name].append(value)
                text = line.removeprefix(b"\xef\xbb\xbf").rstrip(b"\r")
                told.append(self.read(text.decode("utf-8", "backslashreplace")))
            offset += len(line) + 1
        blank = read - len(told)
        table = rows(pa.table(places, schema=PLACE), told, self.options)
        return Decoded(read, table, ignored={"blank line": blank} if blank else {})


class LineStoryDecoder(LineDecoder):
    """Decodes lines that refer to earlier ones."""

    parallel: ClassVar[bool] = False

    def __init__(self, world: World, options: Options) -> None:
        super().__init__(world.read, options)
        self.world = world

    def state(self) -> object:
        """Return what is remembered."""
        return self.world.state()

    def restore(self, state: object) -> None:
        """Remember that."""
        try:
            self.world.restore(state)
        except (TypeError, KeyError, IndexError, AttributeError) as error:
            raise ValueError("no state of this format") from error


def stateless(read: Reader) -> Callable[[Options], Any]:
    """Return what a parser needs to decode JSON records by a reader without a memory."""
    return lambda options: RecordDecoder(read, options)
