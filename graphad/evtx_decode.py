"""Decodes EVTX logs: the evtx library makes JSON of each record, the JSON decoder columns of it."""

import io
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphad.errors import ParseError
from graphad.evtx_chunks import Found, Record, file_header, patched, pieces, walk
from graphad.parse import PLACE, REJECTS, Decoded, Options
from graphad.windows_decode import windows_decoder

TORN = "the record is torn"
NONE = "these bytes are no record"
UNREAD = "its binary XML cannot be read"
_TRIES = 64  # times a damaged chunk is given to the library
_HEADER = file_header()
_EPOCH_US = 11_644_473_600_000_000  # from 1601 to 1970
_LATEST_US = 7_258_118_400_000_000  # 2200; a record's head with a later time is damaged
_MOST = 2**63 - 1


class EvtxDecoder:
    """Decodes chunks, each on its own. `line` is the record's number in the log."""

    parallel: ClassVar[bool] = True
    lines: ClassVar[bool] = False

    def __init__(self, options: Options) -> None:
        try:
            from evtx import PyEvtxParser
        except ImportError as error:
            raise ParseError(
                "EVTX logs are read with the package evtx, which is not installed.",
                hint="pip install graphad[evtx]",
            ) from error
        self._parser = PyEvtxParser
        self._json = windows_decoder(options)

    def cut(self, data: bytes | bytearray | memoryview, last: bool) -> int:
        """Return how many bytes of `data` are whole chunks."""
        if last:
            return len(data)
        return max((end for _, end in pieces(memoryview(data), False)), default=0)

    def decode(self, data: bytes | memoryview, last: bool) -> Decoded:
        """Return the rows and rejects of a block."""
        view = memoryview(data)
        texts: list[str] = []
        places: list[Record] = []  # of the texts
        bad: list[tuple[Record, str]] = []
        for start, end in pieces(view, True):
            part = bytes(view[start:end])
            if part.startswith(b"ElfFile\0") or part.count(0) == len(part):
                continue
            found = walk(part)
            for gap in found.gaps:
                bad.append((_at(start, gap), TORN if gap.number else NONE))
            for record, text in self._texts(part, found):
                place = _at(start, record)
                if text is None or not text.startswith("{"):
                    bad.append((place, UNREAD))
                else:
                    # Strings have theirs escaped, but the library trusts names.
                    texts.append(text.replace("\n", "\\n"))
                    places.append(place)
        return self._decoded(texts, places, bad)

    def _texts(self, part: bytes, found: Found) -> Iterator[tuple[Record, str | None]]:
        """Return the JSON of each record of a chunk, None where the library gives none."""
        left = found.records
        chunk, order = part, list[Record | None](left)
        if not found.whole:
            chunk, order = patched(part, left)
        for _ in range(_TRIES):
            given = 0
            for record, item in zip(order, self._library(chunk), strict=False):
                if record is None:
                    continue
                if item is not None and item["event_record_id"] != record.number:
                    break
                yield record, None if item is None else item["data"]
                given += 1
            reached = len(order) - order.count(None)
            if given < reached or (not reached and left):  # the library would not go on from here
                yield left[given], None
                given += 1
            left = left[given:]
            if not left:
                return
            chunk, order = patched(part, left)
        for record in left:
            yield record, None

    def _library(self, chunk: bytes) -> Iterator[dict[str, Any] | None]:
        """Return what the library says of each record of a chunk, None for an error."""
        try:
            records = self._parser(io.BytesIO(_HEADER + chunk), 1, indent=False).records_json()
        except RuntimeError:
            return
        while True:
            try:
                yield next(records)
            except StopIteration:
                return
            except RuntimeError:
                yield None

    def _decoded(
        self, texts: list[str], places: list[Record], bad: list[tuple[Record, str]]
    ) -> Decoded:
        """Return the rows of the records' JSON, each with the place of its record."""
        raw = PLACE.empty_table()
        if texts:
            done = self._json.decode("\n".join(texts).encode(), True)
            raw = done.raw
            refused = done.rejects.select(["record", "reason"]).to_pylist()
            bad += [(places[row["record"]], row["reason"]) for row in refused]
        good = [places[i] for i in raw["record"].to_pylist()]
        bad.sort()
        offsets = np.array([p.offset for p in good] + [p.offset for p, _ in bad], np.int64)
        record = np.empty(len(offsets), np.int64)
        record[np.argsort(offsets, kind="stable")] = np.arange(len(offsets))
        raw = _placed(raw, good, record[: len(good)])
        if "ts" in raw.column_names and raw["ts"].null_count:
            us = [p.filetime // 10 - _EPOCH_US for p in good]
            when = pa.array([t if 0 < t < _LATEST_US else None for t in us], pa.int64())
            at = raw.schema.get_field_index("ts")
            raw = raw.set_column(at, "ts", pc.coalesce(raw["ts"], when.cast(raw["ts"].type)))
        rejects = REJECTS.empty_table()
        if bad:
            reasons = pa.table({"reason": pa.array([why for _, why in bad], pa.string())})
            made = _placed(reasons, [place for place, _ in bad], record[len(good) :])
            rejects = made.select(REJECTS.names)
        return Decoded(len(offsets), raw, rejects)


def _at(start: int, record: Record) -> Record:
    return record._replace(offset=start + record.offset)


def _placed(rows: pa.Table, places: list[Record], record: Any) -> pa.Table:
    """Return rows with these places."""
    columns = {
        "record": record,
        "offset": [p.offset for p in places],
        "length": [p.size for p in places],
        # Counted from the block's line, which is 1.
        "line": [min(p.number, _MOST) - 1 for p in places],
    }
    for name, values in columns.items():
        at = rows.schema.get_field_index(name)
        array = pa.array(values, pa.int64())
        rows = rows.append_column(name, array) if at < 0 else rows.set_column(at, name, array)
    return rows
