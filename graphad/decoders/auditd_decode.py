"""auditd's log as rows of `raw`: an event, which may be several lines, is a record.

Lines with the same time, serial number and node are one event. It is complete when 1,024 younger
ones are open (or it grows out of measure, see scan/auditd_lines.py): lines may come interleaved and
in any order. What comes later still is an event of its own. Records are numbered in the order in
which they are completed, which is that of their first lines.

`offset` and `length` are those of an event's first line and of the lines that directly follow it,
so that records never overlap; where the others are stands in `attrs.lines`, as pairs of bytes from
the record's own first byte and length.

Fields that have a column go there, if the column can say all of them; everything else stands in
`attrs`, an object for each kind of record (a list of them if there are several), as the log has it:
hexadecimal stays so. Not kept are the order of fields, the spaces between them and quotation marks.
"""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar, NamedTuple

import numpy as np
import pyarrow as pa

from graphad import parse
from graphad.decoders.auditd_columns import columns
from graphad.decoders.auditd_kinds import kinds_of
from graphad.decoders.auditd_lifetimes import Lifetimes
from graphad.decoders.auditd_syscalls import ARCHES
from graphad.scan import auditd_block as block
from graphad.scan import auditd_events as reader
from graphad.scan import auditd_keys as k
from graphad.scan import auditd_lines as heads
from graphad.scan.strace_tokens import copy_spans
from graphad.scan.words import Bytes, Ints

_MACHINES = k.machines(ARCHES.items())
_STEP = 1 << 16
_HIGH = np.uint64(0x8080808080808080)  # set in bytes that are not ASCII


class Carried(NamedTuple):
    """Lines of open events: their text, and offset, length and line from the next block's start."""

    text: bytes
    place: Ints  # [3, N]


_NOTHING = Carried(b"", np.zeros((3, 0), np.int64))


class Decoder:
    """Decodes one source, whose blocks must come in order: events and processes outlive blocks."""

    parallel: ClassVar[bool] = False

    def __init__(self, options: parse.Options) -> None:
        self.host = options.host or "localhost"
        self.lifetimes = Lifetimes()
        self.carried = _NOTHING
        self.memory = block.Memory()

    def cut(self, data: bytes | bytearray | memoryview, last: bool) -> int:
        """Return where the last whole line of `data` ends."""
        if last:
            return len(data)
        return last_line_end(data)

    def state(self) -> object:
        """Return what is remembered: the lines of open events, and processes."""
        return {
            "lines": self.carried.text.decode(),
            "places": self.carried.place.T.tolist(),
            "processes": self.lifetimes.state(),
        }

    def restore(self, state: object) -> None:
        """Go on from a state that `state` returned.

        Raises: ValueError: it is none.
        """
        if not isinstance(state, Mapping) or set(state) != {"lines", "places", "processes"}:
            raise ValueError("this is no state of the auditd decoder")
        text, places = state["lines"], state["places"]
        if not isinstance(text, str) or not isinstance(places, list):
            raise ValueError("the open lines of an auditd state are damaged")
        try:
            place = np.array(places, np.int64).reshape(-1, 3).T.copy()
        except (TypeError, ValueError, OverflowError) as error:
            raise ValueError("the places of an auditd state are damaged") from error
        data = text.encode("utf-8", "backslashreplace")
        if data.count(b"\n") != place.shape[1] or (data and not data.endswith(b"\n")):
            raise ValueError("an auditd state has more places than lines, or fewer")
        self.lifetimes.restore(state["processes"])
        self.carried = Carried(data, place)

    def decode(self, data: bytes | memoryview, last: bool) -> parse.Decoded:
        """Return a row for each event that is complete."""
        with ThreadPoolExecutor(block.WORKERS) as pool:
            return self._decode(pool, np.frombuffer(data, np.uint8), last)

    def _decode(self, pool: ThreadPoolExecutor, data: Bytes, last: bool) -> parse.Decoded:
        text = utf8(data)
        carried = np.frombuffer(self.carried.text, np.uint8)
        codes = block.padded(self.memory, carried, text)
        start, end = block.line_ends(pool, self.memory, codes, len(carried) + len(text))
        before = self.carried.place.shape[1]
        offset, length = start[before:] - len(carried), (end - start)[before:]
        if text is not data:  # places are those in the bytes as they came
            original = np.append(data, np.zeros(block.PADDING, np.uint8))
            offset, stop = block.line_ends(pool, self.memory, original, len(data))
            length = stop - offset
        place = np.empty((3, len(start)), np.int64)
        place[:, :before] = self.carried.place
        place[0, before:], place[1, before:] = offset, length
        place[2, before:] = np.arange(len(start) - before)
        found = block.scan_heads(
            pool, self.memory, codes, start, end
        )  # and room for more about the lines
        named = pool.submit(
            block.distinct_spans, codes, found[heads.TYPE], found[heads.TYPE_END]
        )  # beside what says which lines belong together
        nodes, node = block.distinct_spans(codes, found[heads.NODE], found[heads.NODE_END])
        joined = block.join(self.memory, found, start, end, node, before, last)
        names, name = named.result()
        kinds, kind = kinds_of(names)
        found[reader.TYPE_ID], found[reader.NEXT] = kind[name], joined.following
        found[reader.OFFSET], found[reader.LINE_LENGTH] = place[:2]
        parts = block.read(pool, self.memory, codes, found, joined, kinds, _MACHINES)
        first = joined.events[heads.FIRST, joined.order]
        hosts = [text or self.host for text in nodes]
        head = {
            "record": pa.array(joined.record[1, joined.order]),
            "offset": pa.array(place[0, first]),
            "length": pa.array(np.concatenate([part.numbers[reader.LENGTH] for part in parts])),
            "line": pa.array(place[2, first]),
            "ts": pa.array(found[heads.STAMP, first] * 1000, pa.timestamp("us")),
            "event_number": pa.array(found[heads.SERIAL, first]),
        }
        host = node[first]
        raw = columns(pool, head, hosts, host, parts, self.lifetimes)
        bad = np.flatnonzero(found[heads.KIND] >= heads.BAD)
        blank = int((found[heads.KIND] == heads.BLANK).sum())
        self.carried = (
            _NOTHING
            if last
            else _open_lines(codes, start, end, place, joined, len(data), len(start) - before)
        )
        return parse.Decoded(
            read=joined.records,
            raw=raw,
            rejects=pa.table(
                [
                    joined.record[0, bad],
                    *place[:, bad],
                    [heads.REASONS[reason] for reason in found[heads.KIND, bad].tolist()],
                ],
                schema=parse.REJECTS,
            ),
            ignored={"blank line": blank} if blank else {},
        )


def last_line_end(data: bytes | bytearray | memoryview) -> int:
    """Return where the last line feed ends; 0 if there is none."""
    end = len(data)
    while end > 0:
        start = max(0, end - _STEP)  # most often one step finds it: the rest needn't be copied
        found = bytes(data[start:end]).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0


def _open_lines(
    codes: Bytes, start: Ints, end: Ints, place: Ints, joined: block.Joined, size: int, lines: int
) -> Carried:
    """Return the lines of events that are still open, placed from where this block ends."""
    owner = joined.owner
    rows = np.flatnonzero((owner >= 0) & (joined.events[heads.CLOSED, owner] == 0))
    sizes = end[rows] - start[rows] + 1  # with line feeds; in a block that isn't the last all have
    offsets = np.append(0, np.cumsum(sizes))
    text = np.empty(int(offsets[-1]), np.uint8)
    copy_spans(codes, start[rows], end[rows] + 1, offsets, text)
    return Carried(text.tobytes(), place[:, rows] - np.array([[size], [0], [lines]]))


def utf8(data: Bytes) -> Bytes:
    r"""Return `data` if it is UTF-8; else with each byte that isn't as \xNN."""
    words = len(data) // 8
    high = np.bitwise_or.reduce(data[: 8 * words].view(np.uint64)) & _HIGH
    if not high and int(data[8 * words :].max(initial=0)) < 128:
        return data
    whole = data.tobytes()
    try:
        whole.decode()
    except UnicodeDecodeError:
        return np.frombuffer(whole.decode("utf-8", "backslashreplace").encode(), np.uint8)
    return data
