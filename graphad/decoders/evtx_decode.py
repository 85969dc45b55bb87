"""Decodes EVTX logs: the evtx library makes JSON of each record, the JSON decoder columns of it."""

import io
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from graphad.decoders.evtx_chunks import (
    HEAD_BYTES,
    LEAST,
    Found,
    Record,
    file_header,
    patched,
    pieces,
)
from graphad.decoders.windows_decode import windows_decoder
from graphad.errors import ParseError
from graphad.parse import PLACE, REJECTS, Decoded, Options

Ints = npt.NDArray[np.int64]

TORN = "the record is torn"
NONE = "these bytes are no record"
HUGE = "its XML would be too large"
UNREAD = "its binary XML cannot be read"
_TRIES = 64  # times a damaged chunk is given to the library
_HEADER = file_header()
_EPOCH_US = 11_644_473_600_000_000  # from 1601 to 1970
_LATEST_US = 7_258_118_400_000_000  # 2200; a record's head with a later time is damaged
_MOST = 2**63 - 1
_LARGEST = 1 << 20  # bytes of a record's XML; its own are at most 64 KiB


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
        return max((end for _, end, _ in pieces(memoryview(data), False)), default=0)

    def decode(self, data: bytes | memoryview, last: bool) -> Decoded:
        """Return the rows and rejects of a block."""
        view = memoryview(data)
        texts: list[str] = []
        records: list[Record] = []  # that the texts are of
        chunks: list[tuple[int, int]] = []  # where they begin, and how many texts are of each
        bad: list[tuple[Record, str]] = []
        for start, end, found in _safe(view):
            bad += [(_at(start, record), HUGE) for record in found.refused]
            bad += [(_at(start, gap), TORN if gap.number else NONE) for gap in found.gaps]
            if not found.records:
                continue
            given, sound = self._texts(bytes(view[start:end]), found), found.records
            if None in given:
                both = list(zip(sound, given, strict=True))
                bad += [(_at(start, record), UNREAD) for record, text in both if text is None]
                sound = [record for record, text in both if text is not None]
            texts += [text for text in given if text is not None]
            records += sound
            chunks.append((start, len(sound)))
        return self._decoded(texts, _places(records, chunks), bad)

    def _texts(self, part: bytes, found: Found) -> list[str | None]:
        """Return the JSON of each record of a chunk, None where the library gives none."""
        if found.whole:
            try:
                items = list(self._parse(part))
            except RuntimeError:
                items = []
            if [item["event_record_id"] for item in items] == [r.number for r in found.records]:
                return [item["data"] or None for item in items]
        return list(self._one_by_one(part, found))

    def _one_by_one(self, part: bytes, found: Found) -> Iterator[str | None]:
        """Return the same of a chunk in which something is damaged."""
        left = found.records
        for _ in range(_TRIES):
            chunk, order = patched(part, left)
            given = 0
            for record, item in zip(order, self._library(chunk), strict=False):
                if record is None:
                    continue
                if item is not None and item["event_record_id"] != record.number:
                    break
                yield (item["data"] or None) if item else None
                given += 1
            reached = len(order) - order.count(None)
            if given < reached or not reached:  # the library would not go on from here
                yield None
                given += 1
            left = left[given:]
            if not left:
                return
        yield from [None] * len(left)

    def _parse(self, chunk: bytes) -> Any:
        """Return the library's iterator over the records of a chunk."""
        return self._parser(io.BytesIO(_HEADER + chunk), 1, indent=False).records_json()

    def _library(self, chunk: bytes) -> Iterator[dict[str, Any] | None]:
        """Return what the library says of each record of a chunk, None for an error."""
        try:
            records = self._parse(chunk)
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
        self, texts: list[str], places: dict[str, Ints], bad: list[tuple[Record, str]]
    ) -> Decoded:
        """Return the rows of the records' JSON, each with the place of its record."""
        raw = PLACE.empty_table()
        refused: list[tuple[int, str]] = []
        if texts:
            # One by one: a single letter beyond Latin would make one wide text of them all.
            lines = [text.encode() for text in texts]
            joined = b"\n".join(lines)
            if joined.count(b"\n") >= len(lines):
                # Strings have theirs escaped, but the library trusts names.
                joined = b"\n".join(line.replace(b"\n", b"\\n") for line in lines)
            done = self._json.decode(joined, True)
            raw = done.raw
            refused = [(row["record"], row["reason"]) for row in done.rejects.to_pylist()]
        # Rejects: what the JSON decoder would not have, then what was none before.
        unread = np.array([at for at, _ in refused], np.int64)
        torn = _places([record for record, _ in bad], [(0, len(bad))])
        reasons = [why for _, why in refused] + [why for _, why in bad]
        rejected = {name: np.concatenate([places[name][unread], torn[name]]) for name in torn}
        row = raw["record"].to_numpy()
        good = {name: values[row] for name, values in places.items()}
        # Records are numbered in the order in which they lie in the log, rejects among them.
        offsets = np.concatenate([good["offset"], rejected["offset"]])
        number = np.empty(len(offsets), np.int64)
        number[np.argsort(offsets, kind="stable")] = np.arange(len(offsets))
        for name in ("offset", "length", "line"):
            raw = raw.set_column(raw.schema.get_field_index(name), name, pa.array(good[name]))
        at = raw.schema.get_field_index("record")
        raw = raw.set_column(at, "record", pa.array(number[: len(row)]))
        if "ts" in raw.column_names and raw["ts"].null_count:
            when, at = good["written"], raw.schema.get_field_index("ts")
            sane = pa.array(when, mask=(when <= 0) | (when >= _LATEST_US)).cast(raw["ts"].type)
            raw = raw.set_column(at, "ts", pc.coalesce(raw["ts"], sane))
        places_of = [rejected[name] for name in ("offset", "length", "line")]
        told = pa.array(reasons, pa.string())
        rejects = pa.table([number[len(row) :], *places_of, told], schema=REJECTS)
        return Decoded(len(offsets), raw, rejects.sort_by("record"))


def _safe(view: memoryview) -> Iterator[tuple[int, int, Found]]:
    """Return the pieces in which records are, without those whose XML would be too large."""
    from graphad.scan.evtx_nesting import largest

    found = [(start, end, one) for start, end, one in pieces(view, True) if one is not None]
    counts = [len(one.records) for _, _, one in found]
    if not any(counts):
        yield from found
        return
    base = np.repeat(np.array([start for start, _, _ in found], np.int64), counts)
    offset, size = (
        np.array([record[i] for _, _, one in found for record in one.records], np.int64)
        for i in range(2)
    )
    data = np.frombuffer(view, np.uint8)
    most = largest(data, base, base + offset + HEAD_BYTES, size - LEAST)
    if most.max() <= _LARGEST:
        yield from found
        return
    huge = iter((most > _LARGEST).tolist())
    for start, end, one in found:
        refused = [record for record in one.records if next(huge)]
        if refused:
            kept = [record for record in one.records if record not in refused]
            one = Found(kept, one.gaps, False, refused)
        yield start, end, one


def _at(start: int, record: Record) -> Record:
    return record._replace(offset=start + record.offset)


def _places(records: list[Record], chunks: list[tuple[int, int]]) -> dict[str, Ints]:
    """Return where records of chunks (first byte, how many) lie, and when they were written."""
    starts, counts = (np.array([chunk[i] for chunk in chunks], np.int64) for i in range(2))
    return {
        "offset": np.array([r.offset for r in records], np.int64) + np.repeat(starts, counts),
        "length": np.array([r.size for r in records], np.int64),
        # Counted from the block's line, which is 1.
        "line": np.array([min(r.number, _MOST) - 1 for r in records], np.int64),
        "written": np.array([r.filetime // 10 - _EPOCH_US for r in records], np.int64),
    }
