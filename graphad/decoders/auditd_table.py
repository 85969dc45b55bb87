"""Audit events in a table: a row has an event's number and its records, as lists of fields.

Each is read as the lines that auditd wrote, by auditd's own decoder. Lists are as Python or JSON
writes them: [{'SYSCALL': ['arch=c000003e', ...]}, {'PATH': [...]}].
"""

import ast
import re
from collections.abc import Mapping
from typing import Any

import msgspec
import pyarrow as pa

from graphad.decoders.auditd_decode import Decoder as AuditdDecoder
from graphad.decoders.cloud_table import Row, Rows, moved, rows_of
from graphad.decoders.cloud_values import first
from graphad.parse import PLACE, REJECTS, Decoded, Options
from graphad.scan import auditd_lines as heads

_NUMBER = re.compile(r"\d{1,12}\.\d{1,3}:\d{1,18}")
_KIND = re.compile(r"[A-Z][A-Z0-9_]{1,40}")
_NODE = re.compile(r"[\w.:-]{1,255}", re.ASCII)
_BREAK = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")  # nothing may begin a line of its own
_LONGEST = 1 << 20  # characters of a row's records
_AGAIN = "a row before has the event of this number"


def lines_of(row: Row) -> list[str] | str:
    """Return the lines that a row's event was, or why there are none."""
    number, said = first(row, "mssg_id"), row.get("AuditdMessage")
    if number is None or not _NUMBER.fullmatch(number):
        return "no number of an event"
    if int(number.partition(".")[0]) > heads.LAST_SECOND:
        return heads.REASONS[heads.BAD_TIME]
    node = first(row, "Computer") or ""
    before = f"node={node} " if _NODE.fullmatch(node) else ""
    lines = [
        f"{before}type={kind} msg=audit({number}): {_BREAK.sub(' ', ' '.join(fields))}"
        for one in _listed(said)
        if isinstance(one, dict)
        for kind, fields in one.items()
        if isinstance(kind, str) and _KIND.fullmatch(kind) and isinstance(fields, list)
        if all(isinstance(field, str) for field in fields)
    ]
    # Else auditd's decoder would make several events of one row.
    if len(lines) >= heads.EVENT_LINES or sum(map(len, lines)) >= heads.EVENT_BYTES // 4:
        return "the event is too long"
    return lines or "no list of audit records"


def _listed(said: object) -> list[Any]:
    """Return the list that a text is, empty if it is none."""
    if not isinstance(said, str) or len(said) > _LONGEST:
        return []
    try:
        found = msgspec.json.decode(said)
    except (msgspec.DecodeError, RecursionError):
        try:
            found = ast.literal_eval(said)
        except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
            return []
    return found if isinstance(found, list) else []


class AuditdRows(Rows):
    """Decodes such a table; processes outlive blocks."""

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self.inner = AuditdDecoder(options)

    def state(self) -> object:
        """Return what the table's decoder remembers, and the processes."""
        return {"table": self.table.state(), "events": self.inner.state()}

    def restore(self, state: object) -> None:
        """Go on from there. Raises: ValueError if it is no such state."""
        if not isinstance(state, Mapping) or set(state) != {"table", "events"}:
            raise ValueError("no state of a table of audit events")
        self.table.restore(state["table"])
        self.inner.restore(state["events"])

    def decode(self, data: bytes | memoryview, last: bool) -> Decoded:
        """Return a row for each event, at its place in the table."""
        decoded = self.table.decode(data, last)
        lines, row_of = list[str](), list[int]()
        bad = list[tuple[int, str]]()
        seen = set[str]()
        for number, row in enumerate(rows_of(decoded.raw)):
            found = lines_of(row)
            if isinstance(found, str):
                bad.append((number, found))
                continue
            which = found[0].partition("type=")[0] + str(first(row, "mssg_id"))
            if which in seen:  # auditd's decoder would make one event of both
                bad.append((number, _AGAIN))
                continue
            seen.add(which)
            lines += found
            row_of += [number] * len(found)
        text = "".join(line + "\n" for line in lines)
        read = self.inner.decode(text.encode("utf-8", "backslashreplace"), True)
        places = decoded.raw.select(PLACE.names)
        raw, rejects = (_told_by(rows, row_of, places) for rows in (read.raw, read.rejects))
        rows, reasons = [number for number, _ in bad], [reason for _, reason in bad]
        lost = places.take(pa.array(rows, pa.int64()))
        lost = lost.append_column("reason", pa.array(reasons, pa.string())).cast(REJECTS)
        rejects = pa.concat_tables([decoded.rejects, rejects, lost]).sort_by("record")
        return Decoded(decoded.read, raw, rejects, decoded.ignored)


def _told_by(events: pa.Table, row_of: list[int], places: pa.Table) -> pa.Table:
    """Return events, numbered by the table's row whose line each one's first line was."""
    rows = pa.array(row_of, pa.int64()).take(events["line"].combine_chunks())
    events = events.set_column(events.schema.get_field_index("record"), "record", rows)
    return moved(events, places)
