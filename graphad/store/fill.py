"""Fills segments with the rows of blocks, in the order in which they were read."""

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphad.blocks import Block
from graphad.store.manifest import File, Manifest, Source
from graphad.store.mapper import Part
from graphad.store.segment import SEGMENT, Segment


class Filler:
    """Segments being filled: one is closed while the next is filled, and tails have their own."""

    def __init__(self, store: Path, manifest: Manifest) -> None:
        self.store, self.manifest = store, manifest
        self.writer = ThreadPoolExecutor(1)  # writes row groups
        self.closer = ThreadPoolExecutor(1)  # closes segments
        self.segment: Segment | None = None
        self.tails: Segment | None = None  # apart, since growth will rewrite it
        self.open: list[Segment] = []
        self.closing: Future[dict[str, File]] | None = None

    def finish(self) -> None:
        """Close what is open and name its files in the manifest."""
        self._roll()
        if self.tails is not None:
            self.segment, self.tails = self.tails, None
            self._roll()
        self._closed()

    def stop(self) -> None:
        """End the threads."""
        self.closer.shutdown(cancel_futures=True)
        self.writer.shutdown(cancel_futures=True)

    def drop(self) -> None:
        """Leave nothing behind; after `stop`."""
        for segment in self.open:
            segment.drop()

    def add(self, source: Source, block: Block, part: Part) -> None:
        """Write a part's rows, numbered from the source's first record."""
        before = source.records
        source.records += part.read
        source.read += part.read
        source.used += part.used
        for rule, n in part.ignored.items():
            source.ignored[rule] = source.ignored.get(rule, 0) + n
        rows = part.records is not None or (part.rejects is not None and part.rejects.num_rows)
        if not rows:
            return
        segment = self._segment(block.tail)
        if part.rejects is not None and part.rejects.num_rows:
            source.rejected += part.rejects.num_rows
            segment.add("rejects", _placed(part.rejects, source.source, block, before))
        if part.records is not None:
            _note_first(source, part.records, before)
            segment.add("records", _placed(part.records, source.source, block, before))
        if part.edges is not None and part.edges.num_rows:
            source.edges += part.edges.num_rows
            span = pc.min_max(part.edges["ts"].cast(pa.int64())).as_py()
            source.start = min(
                span["min"], source.start if source.start is not None else span["min"]
            )
            source.end = max(span["max"], source.end if source.end is not None else span["max"])
            segment.add("edges", _placed(part.edges, source.source, block, before))
        if part.claims is not None and part.claims.num_rows:
            segment.add("aliases", _placed(part.claims, source.source, block, before))
        segment.add("entities", part.entities)
        if segment is self.segment and segment.rows >= SEGMENT:
            self._roll()

    def _segment(self, tail: bool) -> Segment:
        """Return the segment that rows go to, a new one if need be."""
        found = self.tails if tail else self.segment
        if found is None:
            found = Segment(self.store, self.manifest.next_segment, self.writer)
            self.manifest.next_segment += 1
            self.open.append(found)
            if tail:
                self.tails = found
            else:
                self.segment = found
        return found

    def _roll(self) -> None:
        """Begin to close the segment; the next one is filled meanwhile."""
        self._closed()
        if self.segment is not None:
            self.closing = self.closer.submit(self._close, self.segment)
            self.segment = None

    def _close(self, segment: Segment) -> dict[str, File]:
        files = segment.close()
        self.open.remove(segment)  # its writers hold memory
        self.manifest.collisions += segment.collisions
        return files

    def _closed(self) -> None:
        """Wait for the segment that is being closed."""
        if self.closing is not None:
            closing, self.closing = self.closing, None
            for table, file in closing.result().items():
                self.manifest.files.setdefault(table, []).append(file)


def _placed(rows: pa.Table, source: int, block: Block, before: int) -> pa.Table:
    """Return rows with places counted from the source's start, and the source's number."""
    starts = {"record": before + 1, "offset": block.offset, "line": block.line}
    for name, start in starts.items():
        if name in rows.column_names:
            at = rows.schema.get_field_index(name)
            rows = rows.set_column(at, name, pc.add(rows[name], start))
    return rows.append_column("source", pa.array(np.full(rows.num_rows, source, np.int64)))


def _note_first(source: Source, rows: pa.Table, before: int) -> None:
    """Keep what the first record with a time is like."""
    if source.first_time is not None or "ts" not in rows.column_names:
        return
    at = pc.index(rows["ts"].is_valid(), True).as_py()
    if at >= 0:
        source.first_record = before + 1 + rows["record"][at].as_py()
        source.first_time = rows["ts"][at].cast(pa.int64()).as_py()
        source.first_length = rows["length"][at].as_py()
        if "host" in rows.column_names:
            source.first_host = rows["host"][at].as_py()
