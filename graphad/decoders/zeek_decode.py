"""Decodes Zeek's logs, TSV or JSON, with the same columns for the same record.

Source: Zeek's documentation of its log formats; its ASCII writer.
"""

import functools
import json
import re
from typing import ClassVar

import pyarrow as pa

from graphad.decoders.delimited import BOOL, EPOCH, LIST, MAX_NAME, NUMBER, TEXT, Delimited, Header
from graphad.decoders.json_decoder import JsonDecoder
from graphad.decoders.network_ends import filled, on_host
from graphad.decoders.zeek_fields import FIELDS, log_of
from graphad.parse import Decoded, Options

_KINDS = {
    "time": EPOCH, "bool": BOOL,
    **dict.fromkeys(("count", "int", "double", "interval", "port"), NUMBER),
}  # fmt: skip
_SEVERAL = re.compile(r"(?:set|table|vector)\[(\w+)\]")
_SEPARATOR = re.compile(r"#separator[ \t](?:\\x([0-9A-Fa-f]{2})|(.))")


class ZeekLayout:
    """What the lines that begin with # say of those below them."""

    mark: ClassVar[int] = ord("#")

    def __init__(self) -> None:
        self.said: dict[str, str] = {}
        self._made: Header | str | None = None

    def read(self, line: str) -> None:
        """Take in a header's line; `#separator` begins another header, `#fields` other columns."""
        self._made = None
        if line.startswith("#separator"):
            found = _SEPARATOR.fullmatch(line)
            one = (chr(int(found[1], 16)) if found[1] else found[2]) if found else ""
            self.said = {"separator": one if one.isascii() else ""}
            return
        separator = self.said.get("separator", "\t") or "\t"
        name, _, value = line[1:].partition(separator)
        if name in ("set_separator", "empty_field", "unset_field", "path", "fields", "types"):
            self.said[name] = value
        if name == "fields":
            self.said.pop("types", None)

    def header(self, first: str) -> Header | str:
        """Return the header of what follows, or why it can't be read."""
        if self._made is None:
            self._made = self._header()
        return self._made

    def _header(self) -> Header | str:
        said = self.said
        if "fields" not in said:
            return "no #fields line before it"
        separator, inner = said.get("separator", "\t"), said.get("set_separator", ",")
        if len(separator) != 1 or not separator.isascii():
            return "the header's separator is not one byte"
        if len(inner) != 1 or not inner.isascii():
            return "the header's set_separator is not one byte"
        names = tuple(said["fields"].split(separator))
        types = said["types"].split(separator) if "types" in said else []
        if types and len(types) != len(names):
            return f"{len(types)} types for {len(names)} fields in the header"
        kinds = tuple(map(_kind, types)) or tuple(EPOCH if n == "ts" else TEXT for n in names)
        path = f'"_path":{json.dumps(said["path"][:MAX_NAME])}' if "path" in said else ""
        return Header(
            names, kinds, ord(separator), ord(inner),
            said.get("unset_field", "-").encode(), said.get("empty_field", "(empty)").encode(),
            path, escapes=True,
        )  # fmt: skip

    def state(self) -> object:
        """Return what was said so far."""
        return self.said

    def restore(self, state: object) -> None:
        """Go on with that. Raises: ValueError: it is none."""
        if not isinstance(state, dict) or not all(isinstance(v, str) for v in state.values()):
            raise ValueError("no state of a Zeek log")
        self.said, self._made = {str(k): v for k, v in state.items()}, None


def _kind(text: str) -> int:
    several = _SEVERAL.fullmatch(text)
    if several:
        kind = _KINDS.get(several[1], TEXT)
        return LIST + (NUMBER if kind == EPOCH else kind)
    return _KINDS.get(text, TEXT)


class ZeekDecoder:
    """Decodes one log, in the form that its first bytes have."""

    parallel: ClassVar[bool] = False  # a header holds for the blocks that follow

    def __init__(self, options: Options) -> None:
        self.options = options
        self._inner: Delimited | JsonDecoder | None = None

    def _form(self, data: bytes | bytearray | memoryview) -> Delimited | JsonDecoder:
        if self._inner is None:
            begin = bytes(data[:65536]).removeprefix(b"\xef\xbb\xbf").lstrip()
            self._choose(begin[:1] in (b"{", b"["))
        assert self._inner is not None
        return self._inner

    def _choose(self, is_json: bool) -> None:
        if is_json:
            self._inner = JsonDecoder(FIELDS, self.options, finish)
        else:
            self._inner = Delimited(ZeekLayout(), FIELDS, self.options, finish)

    def state(self) -> object:
        """Return the form of the log and what its decoder remembers; None before it began."""
        if self._inner is None:
            return None
        form = "json" if isinstance(self._inner, JsonDecoder) else "tsv"
        return {form: self._inner.state()}

    def restore(self, state: object) -> None:
        """Go on with such a log. Raises: ValueError if it is none."""
        if not isinstance(state, dict) or len(state) != 1 or not set(state) <= {"json", "tsv"}:
            raise ValueError("no state of a Zeek log")
        [(form, inner)] = state.items()
        self._choose(form == "json")
        assert self._inner is not None
        self._inner.restore(inner)

    def cut(self, data: bytes | bytearray | memoryview, last: bool) -> int:
        """Return how many bytes of `data` are whole records."""
        return self._form(data).cut(data, last)

    def decode(self, data: bytes | memoryview, last: bool) -> Decoded:
        """Return the rows and rejects of a block."""
        return self._form(data).decode(data, last)


def finish(raw: pa.Table, options: Options) -> pa.Table:
    """Fill which log each record is of, where it doesn't say so, and the sensor that saw it."""
    raw = on_host(raw, options.host or "zeek")
    if "shape" in raw.column_names and (
        "channel" not in raw.column_names or raw["channel"].null_count
    ):
        shape = raw["shape"].combine_chunks()
        logs = pa.array([_log(text) for text in shape.dictionary.to_pylist()], pa.string())
        raw = filled(raw, "channel", logs.take(shape.indices))
    return raw


@functools.lru_cache(4096)
def _log(shape: str) -> str | None:
    """Return the log of records of a shape."""
    names = (path.replace("\\", "") for path, _, kind in json.loads(shape) if kind != "n")
    return log_of(names)
