"""Lines of text as rows of `raw`: headers read, messages masked, values made fields.

`message` is the masked text, `code` its id, `attrs` the values and the header's other parts. A line
without a header belongs to the record before it, if that has one.
"""

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from graphad import parse
from graphad.decoders import text_json, text_relations, text_times
from graphad.decoders.strace_decode import line_ends, utf8
from graphad.decoders.text_times import Clock
from graphad.models.templates import line_id
from graphad.scan import text_attrs, text_distinct, text_head
from graphad.scan import text_rest as rest
from graphad.scan.strace_columns import Texts
from graphad.scan.text_stamps import NO_ZONE
from graphad.scan.words import Bytes, Ints

Spans = npt.NDArray[np.int32]

RECORD = 64 * 1024  # bytes after which a line without a header is of the record before no more
FORMS = {
    text_head.NO_STAMP: "line", text_head.HEADED: "stamp, level, component",
    text_head.RFC3164: "syslog, RFC 3164", text_head.RFC5424: "syslog, RFC 5424",
    text_head.REQUEST: "access log", text_head.FIELDS: "fields between |",
    text_head.CLUSTER: "supercomputer", text_head.JSON: "JSON",
}  # fmt: skip
_NOTHING = "localhost"
_UTF16 = "the file is in UTF-16; make it UTF-8"
# Which of a header's parts become fields, in the order of text_attrs.PARTS.
_FIELDS = (rest.LEVEL, rest.CONTEXT, rest.MORE, rest.WORDS, rest.PRI, rest.MSGID, rest.DATA)
_KNOWN = 100_000  # masked texts whose ids are remembered


class _Lines(NamedTuple):
    """The lines of a block that begin records, N of them, and what their headers say."""

    data: Bytes  # the block as UTF-8, and behind it what JSON lines say
    kind: npt.NDArray[np.uint8]
    us: Ints
    flags: Ints
    spans: Spans  # [N, SPANS]
    raw: Spans  # [N, 2] fields that are JSON already


class Decoder:
    """Decodes one source, whose blocks must come in order: years and open records outlive them."""

    parallel: ClassVar[bool] = False

    def __init__(self, options: parse.Options) -> None:
        self.host = options.host or _NOTHING
        self.zone = options.timezone
        self.year = options.year
        self.clock = Clock()
        self.inside = False  # a line without a header would belong to the record before
        self.begun = False  # the first block is known
        self.wide = False  # UTF-16
        self._ids: dict[bytes, str] = {}
        self._rules: dict[tuple[str, bytes], int] = {}

    def state(self) -> object:
        """Return the year so far and whether the next line may belong to a record with a header."""
        about = {"inside": self.inside, "wide": self.wide, "begun": self.begun}
        return {"clock": list(self.clock), **about}

    def restore(self, state: object) -> None:
        """Remember that. Raises: ValueError if it is no such state."""
        if not isinstance(state, dict):
            raise ValueError("no state of a text log")
        clock = state.get("clock")
        inside, wide, begun = (state.get(name) for name in ("inside", "wide", "begun"))
        if not (
            isinstance(clock, list) and len(clock) == 2 and all(type(x) is int for x in clock)
            and (clock == [0, 0] or 1900 < clock[0] < 3000)
            and all(isinstance(x, bool) for x in (inside, wide, begun))
        ):  # fmt: skip
            raise ValueError("no state of a text log")
        self.clock = Clock(*clock)
        self.inside, self.wide, self.begun = bool(inside), bool(wide), bool(begun)

    def cut(self, data: bytes | bytearray | memoryview, last: bool) -> int:
        """Return where the last record ends that can't get any more lines."""
        self._begin(data)
        if last:
            return len(data)
        held = bytes(data)
        whole = held.rfind(b"\n") + 1
        if not whole or self.wide:
            return whole
        # A header further than a record before the last line doesn't matter.
        low = held.rfind(b"\n", 0, whole - 1) + 1 - RECORD + 1
        begin = held.find(b"\n", low - 1) + 1 if low > 0 else 0
        start, end = line_ends(held[begin:whole])
        padded = np.frombuffer(held[begin:] + bytes(64), np.uint8)
        at = int(text_head.last_headed(padded, start, end))
        if at < 0 or int(start[-1] - start[at]) >= RECORD:
            return whole
        return begin + int(start[at])

    def decode(self, data: bytes | memoryview, last: bool) -> parse.Decoded:
        """Return a row for each record; blank lines are ignored, and rejects say why."""
        data = bytes(data)
        self._begin(data)
        self.begun = self.begun or len(data) > 0
        text = utf8(data)
        start, end = line_ends(text)
        n = len(start)
        if not n:
            return parse.Decoded(0, parse.PLACE.empty_table())
        kind, us, flags = np.empty(n, np.uint8), np.empty(n, np.int64), np.empty(n, np.int64)
        spans = np.empty((n, rest.SPANS), np.int32)
        padded = np.frombuffer(text + bytes(64), np.uint8)
        text_head.heads(padded, start, end, kind, us, flags, spans)
        first = np.empty(n, bool)
        inside = text_head.begins(kind, start, self.inside, RECORD, first)
        if self.wide:
            first[:] = True
        if not last:
            self.inside = bool(inside)
        rows = np.flatnonzero(first)
        _move_messages(kind, spans, rows, n)
        place = _places(line_ends(data) if text is not data else (start, end), kind, rows)
        kind, us, flags, spans = kind[rows], us[rows], flags[rows], spans[rows]
        lines, reasons = _with_objects(text, _Lines(padded, kind, us, flags, spans, spans[:, :0]))
        for i in np.flatnonzero(kind == text_head.TOO_LONG).tolist():
            reasons[i] = "longer than 16 MiB"
        if self.wide:
            reasons = dict.fromkeys(range(len(rows)), _UTF16)
        blank = kind == text_head.BLANK_LINE
        kept = ~blank
        kept[list(reasons)] = False
        bad = sorted(i for i in reasons if not blank[i])
        rejects = {name: column[bad] for name, column in place.items()}
        reason = pa.array([reasons[i] for i in bad], pa.string())
        columns = {name: pa.array(column[kept]) for name, column in place.items()}
        if kept.any():
            more = np.diff(np.append(rows, n))
            columns |= self._columns(_of(lines, kept), more[kept], last)
        ignored = {"blank line": int(blank.sum())} if blank.any() else {}
        return parse.Decoded(
            len(rows), pa.table(columns),
            pa.table({**rejects, "reason": reason}, schema=parse.REJECTS), ignored,
        )  # fmt: skip

    def _begin(self, data: bytes | bytearray | memoryview) -> None:
        if not self.begun and len(data) > 1:
            self.begun = True
            self.wide = bytes(data[:2]) in (b"\xff\xfe", b"\xfe\xff")

    def _columns(self, lines: _Lines, more: Ints, last: bool) -> dict[str, pa.Array]:
        """Return the columns of rows; `more`: lines that each one has."""
        us, clock = text_times.dated(lines.us, lines.flags, self.clock, self.year)
        if not last:
            self.clock = clock
        timed = lines.kind >= text_head.HEADED
        timed &= (lines.kind != text_head.JSON) | (lines.flags >= 0)
        utc = text_times.in_utc(us, np.where(timed, lines.flags, 0), self.zone)
        local = timed & ((lines.flags & NO_ZONE) != 0)
        texts = Texts(lines.data.tobytes(), lines.spans)
        rows = np.arange(len(us))
        start = lines.spans[:, rest.MESSAGE].astype(np.int64)
        end = lines.spans[:, rest.MESSAGE + 1].astype(np.int64)
        client = np.where(
            (lines.kind == text_head.REQUEST)[:, None],
            lines.spans[:, rest.WORDS : rest.WORDS + 2],
            0,
        )
        masked = text_distinct.mask(lines.data, start, end, client=client)
        pid, odd = _numbers(texts, rest.PID)
        tid, _ = _numbers(texts, rest.TID)
        provider = texts.dictionary(rest.NAME, rows)
        distinct = masked.texts()
        which = pa.array(masked.which, pa.int32())
        said = self._said(lines, masked, distinct, provider)
        host = texts.dictionary(rest.HOST, rows)
        columns: dict[str, pa.Array] = {
            "ts": pa.array(utc, pa.timestamp("us"), mask=~timed),
            "host": _filled(host, self.host),
            "shape": _forms(lines.kind),
            "attrs": _attrs(lines, masked, more, odd),
            "message": pa.DictionaryArray.from_arrays(which, pa.array(distinct).cast(pa.string())),
            "code": pa.DictionaryArray.from_arrays(which, pa.array(self._codes(distinct))),
            "provider": provider,
            "pid": pid,
            "tid": tid,
            "local_time": pa.array(us, pa.timestamp("us"), mask=~local),
        }
        return columns | said

    def _codes(self, distinct: Sequence[bytes]) -> list[str]:
        known = self._ids
        if len(known) > _KNOWN:
            known.clear()
        found = []
        for text in distinct:
            one = known.get(text)
            if one is None:
                one = known[text] = line_id(text.decode())
            found.append(one)
        return found

    def _said(
        self, lines: _Lines, masked: text_distinct.Masked, distinct: list[bytes],
        provider: pa.DictionaryArray,
    ) -> dict[str, pa.Array]:  # fmt: skip
        """Return the columns that rules of text_relations fill, most often none of them."""
        providers = [*provider.dictionary.to_pylist(), ""]
        of = np.asarray(provider.indices.fill_null(len(providers) - 1)).astype(np.int64)
        pairs, row_of = np.unique(of * len(distinct) + masked.which, return_inverse=True)
        rules = np.array(
            [self._rule(providers[p // len(distinct)], distinct[p % len(distinct)])
             for p in pairs.tolist()], np.int64,
        )[row_of]  # fmt: skip
        found: dict[str, list[str | None]] = {}
        data = lines.data.tobytes() if (rules >= 0).any() else b""
        spans = lines.spans
        for row in np.flatnonzero(rules >= 0).tolist():
            message, context = (
                data[spans[row, what] : spans[row, what + 1]].decode("utf-8", "replace")
                for what in (rest.MESSAGE, rest.CONTEXT)
            )
            if lines.kind[row] == text_head.REQUEST:  # the client stands before the stamp
                client = data[spans[row, rest.WORDS] : spans[row, rest.WORDS + 1]]
                message = f"{client.decode('utf-8', 'replace').strip()} {message}"
            told = text_relations.told(int(rules[row]), message, context)
            for name, value in (told or {}).items():
                if name not in found:
                    found[name] = [None] * len(of)
                found[name][row] = value
        columns: dict[str, pa.Array] = {}
        for name in text_relations.COLUMNS:
            values = found.get(name)
            if values is None:
                kind = pa.int64() if name == "src_port" else pa.dictionary(pa.int32(), pa.string())
                columns[name] = pa.nulls(len(of), kind)
            elif name == "src_port":
                numbers = [int(v) if v and len(v) < 6 else None for v in values]
                columns[name] = pa.array(numbers, pa.int64())
            else:
                columns[name] = pa.array(values, pa.string()).dictionary_encode()
        return columns

    def _rule(self, provider: str, masked: bytes) -> int:
        key = provider, masked
        rule = self._rules.get(key)
        if rule is None:
            if len(self._rules) > _KNOWN:
                self._rules.clear()
            rule = self._rules[key] = text_relations.candidate(provider, masked.decode())
        return rule


def _places(ends: tuple[Ints, Ints], kind: npt.NDArray[np.uint8], rows: Ints) -> dict[str, Ints]:
    """Return where records are: from their first line to the last that is not blank."""
    start, end = ends
    full = np.where(kind != text_head.BLANK_LINE, np.arange(len(start)), 0)
    last = np.maximum.reduceat(full, rows) if len(rows) else rows
    last = np.maximum(last, rows)
    return {
        "record": np.arange(len(rows)), "offset": start[rows], "length": end[last] - start[rows],
        "line": rows,
    }  # fmt: skip


def _move_messages(kind: npt.NDArray[np.uint8], spans: Spans, rows: Ints, lines: int) -> None:
    """Where a header stands alone on its line, the next line that belongs to it is the message."""
    after = np.append(rows[1:], lines)
    empty = (spans[rows, rest.MESSAGE + 1] <= spans[rows, rest.MESSAGE]) & (after > rows + 1)
    empty &= (kind[rows] >= text_head.HEADED) & (kind[rows] != text_head.JSON)
    at = rows[empty]
    spans[at, rest.MESSAGE : rest.MESSAGE + 2] = spans[at + 1, rest.MESSAGE : rest.MESSAGE + 2]


def _with_objects(text: bytes, lines: _Lines) -> tuple[_Lines, dict[int, str]]:
    """Read the lines that are JSON; return them with what they say, and why some are rejects."""
    n = len(lines.kind)
    raw = np.zeros((n, 2), np.int32)
    reasons: dict[int, str] = {}
    rows = np.flatnonzero(lines.kind == text_head.JSON).tolist()
    if not rows:
        return lines._replace(raw=raw), reasons
    more = bytearray(text)
    spans, us, flags = lines.spans, lines.us, lines.flags
    starts, ends = spans[:, rest.MESSAGE].copy(), spans[:, rest.MESSAGE + 1].copy()

    def put(row: int, what: int, said: str) -> None:
        if said:
            spans[row, what] = len(more)
            more.extend(said.encode("utf-8", "backslashreplace"))
            spans[row, what + 1] = len(more)

    for row in rows:
        said = text_json.read(text[starts[row] : ends[row]])
        spans[row] = 0
        if isinstance(said, str):
            reasons[row] = said
            continue
        us[row], flags[row] = (said.us, said.flags) if said.us is not None else (0, -1)
        parts = ((rest.HOST, said.host), (rest.NAME, said.component), (rest.PID, said.pid))
        for what, value in (*parts, (rest.MESSAGE, said.message)):
            put(row, what, value)
        if said.fields:
            raw[row, 0] = len(more)
            more.extend(text_json.written(said.fields))
            raw[row, 1] = len(more)
    data = np.frombuffer(bytes(more) + bytes(64), np.uint8)
    return lines._replace(data=data, raw=raw), reasons


def _of(lines: _Lines, rows: npt.NDArray[np.bool_]) -> _Lines:
    kind, us, flags = lines.kind[rows], lines.us[rows], lines.flags[rows]
    return _Lines(lines.data, kind, us, flags, lines.spans[rows], lines.raw[rows])


def _numbers(texts: Texts, what: int) -> tuple[pa.Array, npt.NDArray[np.bool_]]:
    """Return a part as whole numbers, and which rows have something else there."""
    spans = texts.spans[:, what : what + 2].astype(np.int64)
    size = spans[:, 1] - spans[:, 0]
    values, good = text_head.numbers(texts.data, spans[:, 0], spans[:, 1])
    return pa.array(values, mask=~good), (size > 0) & ~good


def _filled(column: pa.DictionaryArray, text: str) -> pa.DictionaryArray:
    """Return a column with a text in place of nulls."""
    words = column.dictionary.to_pylist()
    indices = column.indices.fill_null(len(words))
    return pa.DictionaryArray.from_arrays(indices, pa.array([*words, text], pa.string()))


def _forms(kind: npt.NDArray[np.uint8]) -> pa.DictionaryArray:
    codes = sorted(FORMS)
    at = np.searchsorted(codes, kind).astype(np.int32)
    return pa.DictionaryArray.from_arrays(at, pa.array([FORMS[code] for code in codes]))


def _attrs(
    lines: _Lines, masked: text_distinct.Masked, more: Ints, odd: npt.NDArray[np.bool_]
) -> pa.StringArray:
    """Return the JSON objects of the fields that have no column of their own."""
    n = len(lines.kind)
    parts = np.zeros((n, 2 * len(text_attrs.PARTS)), np.int32)
    for i, what in enumerate(_FIELDS):
        parts[:, 2 * i : 2 * i + 2] = lines.spans[:, what : what + 2]
    parts[lines.kind == text_head.REQUEST, 6:8] = 0  # what stands before is masked as well
    at = 2 * len(_FIELDS)
    parts[odd, at : at + 2] = lines.spans[odd, rest.PID : rest.PID + 2]
    texts, which = text_times.guesses(np.maximum(lines.flags, 0))
    counts, number = np.unique(np.append(1, more), return_inverse=True)
    own = [b"" if count == 1 else str(count).encode() for count in counts.tolist()]
    extra = b"".join([*own, *(text.encode() for text in texts)])
    ends = np.cumsum([0, *map(len, own), *map(len, texts)]) + len(lines.data)
    for place, index in ((at + 2, number[1:]), (at + 4, len(own) + which)):
        span = np.stack([ends[index], ends[index + 1]], axis=1)
        parts[:, place : place + 2] = np.where(span[:, 1:] > span[:, :1], span, 0)
    data = np.concatenate([lines.data, np.frombuffer(extra, np.uint8)])
    room = 6 * int(masked.ends[-1]) + 200 * n + (1 << 16)
    while True:
        out, out_ends = np.empty(room, np.uint8), np.zeros(n + 1, np.int64)
        size = text_attrs.attrs(
            data, parts, lines.raw, masked.values, masked.offsets, out, out_ends
        )
        if size >= 0:
            break
        room *= 2
    valid = np.diff(out_ends) > 0
    buffers = [
        None if valid.all() else pa.py_buffer(np.packbits(valid, bitorder="little")),
        pa.py_buffer(out_ends.astype(np.int32)), pa.py_buffer(out[:size].copy()),
    ]  # fmt: skip
    return pa.StringArray.from_buffers(n, buffers[1], buffers[2], buffers[0])
