"""strace's output as rows of `raw`: scanned, joined, and its texts made columns.

Beside schema.RECORDS' columns `raw` has two for the mapping: `_edges`, the edges of a record, and
`_ignore`, the rule for a record that has none.
"""

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from graphad import parse
from graphad.decoders import strace_state
from graphad.decoders.edge_lists import edge_lists
from graphad.decoders.strace_calls import RULES
from graphad.decoders.strace_join import Edges, Ints, Joined, Joiner
from graphad.decoders.strace_world import Thing
from graphad.scan import strace as scan
from graphad.scan.strace_columns import Texts, fill_actors

REASONS = {
    scan.TIME_OF_DAY: "time of day without a date: record with strace -ttt",
    scan.NO_STAMP: "no time stamp as strace -ttt writes it",
    scan.OTHER_FORM: "what follows the time stamp is no call, signal or end of a process",
    scan.TOO_LONG: "longer than 16 MiB",
}


class Decoder:
    """Decodes one source, whose blocks must come in order: processes outlive blocks."""

    parallel: ClassVar[bool] = False

    def __init__(self, options: parse.Options) -> None:
        self.host = options.host or "localhost"
        self.joiner = Joiner(self.host)

    def state(self) -> object:
        """Return the processes, descriptors and begun calls that are remembered."""
        return strace_state.dump(self.joiner)

    def restore(self, state: object) -> None:
        """Remember them. Raises: ValueError if they are not."""
        strace_state.load(self.joiner, state)

    def cut(self, data: bytes | bytearray | memoryview, last: bool) -> int:
        """Return where the last whole line of `data` ends."""
        if last:
            return len(data)
        if isinstance(data, memoryview):
            data = bytes(data)
        return data.rfind(b"\n") + 1

    def decode(self, data: bytes | memoryview, last: bool) -> parse.Decoded:
        """Return a row for each line that is no reject and not blank."""
        data = bytes(data)
        text = utf8(data)
        lines = scan.scan(text)
        texts = Texts(text, lines.spans)
        names, name_ids = texts.distinct(scan.NAME)
        joined = self.joiner.join(text, lines, names, name_ids)
        if text is not data:  # places are those in the bytes as they came
            lines = lines._replace(**line_ends(data)._asdict())
        bad, rows = lines.kind >= scan.BAD, _rows(lines)
        place = {
            "record": np.arange(len(bad)), "offset": lines.start, "length": lines.end - lines.start,
            "line": np.arange(len(bad)),
        }  # fmt: skip
        rejects = {name: column[bad] for name, column in place.items()}
        reasons = pa.array([REASONS[kind] for kind in lines.kind[bad].tolist()], pa.string())
        columns: dict[str, pa.Array] = {n: pa.array(c[rows]) for n, c in place.items()}
        columns |= self._columns(lines, texts, joined, rows)
        blank = int((lines.kind == scan.BLANK).sum())
        return parse.Decoded(
            read=len(bad),
            raw=pa.table(columns),
            rejects=pa.table({**rejects, "reason": reasons}, schema=parse.REJECTS),
            ignored={"blank line": blank} if blank else {},
        )

    def _columns(
        self, lines: scan.Lines, texts: Texts, joined: Joined, rows: Ints
    ) -> dict[str, pa.Array]:
        note = lines.kind[rows] == scan.NOTE
        signal = lines.kind[rows] == scan.SIGNAL
        name = texts.dictionary(scan.NAME, rows)
        guid, exe = _actors(lines, joined, rows)
        return {
            "ts": pa.array(lines.stamp[rows], pa.timestamp("us"), mask=note),
            "host": _constant(self.host, len(rows)),
            "shape": shapes(lines.kind[rows], lines.form[rows]),
            "message": texts.dictionary(scan.MESSAGE, rows),
            "code": _only(name, signal),
            "process_guid": guid,
            "pid": pa.array(lines.pid[rows], mask=lines.pid[rows] < 0),
            "exe": exe,
            "syscall": _only(name, ~signal),
            "args": texts.plain(scan.ARGS, rows),
            "result": texts.dictionary(scan.RESULT, rows),
            "error": texts.dictionary(scan.ERROR, rows),
            "duration": pa.array(lines.duration[rows] / 1e6, mask=lines.duration[rows] < 0),
            "begun": pa.array(joined.begun[rows], mask=joined.begun[rows] == 0),
            "_edges": edges_of_rows(joined.edges, rows, len(lines.kind)),
            "_ignore": _ignored(joined, rows),
        }


def utf8(data: bytes) -> bytes:
    r"""Return `data` if it is UTF-8; else with each byte that isn't as \xNN."""
    if data.isascii():
        return data
    try:
        data.decode()
    except UnicodeDecodeError:
        return data.decode("utf-8", "backslashreplace").encode()
    return data


class Ends(NamedTuple):
    """Where lines start and end."""

    start: Ints
    end: Ints


def line_ends(data: bytes) -> Ends:
    """Return where the lines of a block start and end, line feeds left out."""
    codes = np.frombuffer(data, np.uint8)
    end = np.flatnonzero(codes == 10)
    if len(codes) and codes[-1] != 10:
        end = np.append(end, len(codes))
    return Ends(np.append(0, end[:-1] + 1)[: len(end)].astype(np.int64), end.astype(np.int64))


def _rows(lines: scan.Lines) -> Ints:
    return np.flatnonzero((lines.kind != scan.BLANK) & (lines.kind < scan.BAD))


def template(kind: int, form: int) -> str:
    """Return how a line of this kind and form is written, its columns' names in braces.

    >>> template(scan.CALL, scan.PID | 1 | 1 << scan.PADDING | scan.DURATION)
    '{pid} {ts} {syscall}({args}) = {result} <{duration}>'
    """
    if kind == scan.NOTE:
        return "{message}" + ("\r" if form & scan.CR else "")
    spaces = " " * (form & scan.SPACES)
    head = "[pid" + spaces + "{pid}] " if form & scan.BRACKET else "{pid}" + spaces
    head = (head if form & scan.PID else "") + "{ts} "
    tail = (" " if form & scan.TAIL_SPACE else "") + "<%s ...>"
    ended = ")" + " " * (form >> scan.PADDING) + "= {result}"
    ended += " {error} ({message})" if form & scan.ERROR_TEXT else ""
    ended += " <{duration}>" if form & scan.DURATION else ""
    named = form & scan.NAMED
    body = {
        scan.CALL: "{syscall}({args}" + ended,
        scan.UNFINISHED: "{syscall}({args}" + tail % "unfinished",
        scan.DETACHED: "{syscall}({args}" + tail % "detached",
        scan.RESUMED: "<... " + ("{syscall} " if named else "") + "resumed>{args}" + ended,
        scan.SIGNAL: "--- {code}" + (" {args}" if named else "") + " ---",
        scan.END: "+++ {result} +++",
    }[kind]
    return head + body + ("\r" if form & scan.CR else "")


def shapes(kind: npt.NDArray[np.uint8], form: Ints) -> pa.DictionaryArray:
    """Return the template of each line."""
    codes, at = np.unique(form * 8 + kind, return_inverse=True)
    texts = [template(code % 8, code // 8) for code in codes.tolist()]
    return pa.DictionaryArray.from_arrays(at.astype(np.int32), pa.array(texts, pa.string()))


def rebuild(row: dict[str, object]) -> str:
    r"""Return the line that a row of `raw` was made of.

    Bytes that were not UTF-8 come back as \xNN.
    """
    texts = {name: str(value) for name, value in row.items() if value is not None}
    if row["ts"] is not None:
        stamp = pa.scalar(row["ts"], pa.timestamp("us")).value
        texts["ts"] = f"{stamp // 1_000_000}.{stamp % 1_000_000:06d}"
    if isinstance(row["duration"], float):
        texts["duration"] = f"{row['duration']:.6f}"
    return str(row["shape"]).format_map(texts)


def edges_of_rows(edges: Edges, rows: Ints, lines: int) -> pa.ListArray:
    """Return the edges of each of `rows`, which are all that have any, as a list of structs."""
    row = np.array(edges.rows, np.int64)
    counts = np.bincount(row, minlength=lines)[rows] if lines else np.zeros(0, np.int64)
    offsets = np.append(0, np.cumsum(counts)).astype(np.int32)
    ordinal = np.arange(len(row)) - np.repeat(offsets[:-1], counts)
    columns: dict[str, pa.Array] = {
        "ts": pa.array(np.array(edges.ts, np.int64), pa.timestamp("us")),
        "action": pa.array(edges.actions, pa.string()),
        "ordinal": pa.array(ordinal.astype(np.int64)),
    }
    for side, at in (("src", edges.src), ("dst", edges.dst)):
        of = np.array(at, np.int64)
        for part in ("type", "key", "label", "detail"):
            columns[f"{side}_{part}"] = _parts(edges.things, part, of)
    return edge_lists(offsets, columns)


def _parts(things: list[Thing], part: str, at: Ints) -> pa.StringArray:
    return pa.array([getattr(thing, part) for thing in things], pa.string()).take(pa.array(at))


def _encode(values: Sequence[str | None]) -> pa.DictionaryArray:
    return pa.array(values, pa.string()).dictionary_encode()


def _actors(lines: scan.Lines, joined: Joined, rows: Ints) -> tuple[pa.Array, pa.Array]:
    pids, at = np.unique(lines.pid, return_inverse=True)
    changes = sorted(joined.actors, key=lambda change: change[0])
    row = np.array([change[0] for change in changes], np.int64)
    pid = np.searchsorted(pids, np.array([change[1] for change in changes], np.int64))
    current = fill_actors(at.astype(np.int64), len(pids), row, pid)[rows]
    nobody = (current < 0) | (lines.kind[rows] == scan.NOTE)
    codes = pa.array(np.where(nobody, 0, current), pa.int64(), mask=nobody)
    columns = []
    for part in ("key", "label"):
        encoded = _encode([getattr(change[2], part) for change in changes])
        columns.append(
            pa.DictionaryArray.from_arrays(encoded.indices.take(codes), encoded.dictionary)
        )
    return columns[0], columns[1]


def _ignored(joined: Joined, rows: Ints) -> pa.DictionaryArray:
    used = np.zeros(len(joined.rules), bool)
    used[np.array(joined.edges.rows, np.int64)] = True
    codes = pa.array(joined.rules[rows], pa.int8(), mask=used[rows])
    return pa.DictionaryArray.from_arrays(codes, pa.array(RULES))


def _constant(text: str, n: int) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(np.zeros(n, np.int32), pa.array([text]))


def _only(column: pa.DictionaryArray, keep: npt.NDArray[np.bool_]) -> pa.DictionaryArray:
    valid = np.asarray(column.indices.is_valid()) & keep
    indices = np.asarray(column.indices.fill_null(0))
    return pa.DictionaryArray.from_arrays(
        pa.array(indices, pa.int32(), mask=~valid), column.dictionary
    )
