"""Fills segments with the rows of blocks, in the order in which they were read."""

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphad.blocks import Block
from graphad.store.batch import Batch
from graphad.store.manifest import File, Manifest, Source
from graphad.store.mapper import Part, Run
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

    def add(self, batch: Batch) -> None:
        """Write a batch's rows, with places counted from the start of each one's source.

        What was counted of the sources up to its first block must have been counted by `count`.
        """
        read = {source.source: source.records for source, _ in batch.blocks}
        left = iter(batch.blocks)
        for run in batch.runs():
            blocks = [next(left) for _ in run.parts]
            before = []
            for (source, _), part in zip(blocks, run.parts, strict=True):
                before.append(read[source.source])
                read[source.source] += part.read
            rows = _Placed(run, blocks, before)
            tails = {block.tail for i, (_, block) in enumerate(blocks) if rows.has[i]}
            for tail in sorted(tails):  # what is no tail first
                segment = self._segment(tail)
                for name in run.tables:
                    segment.add(name, rows.table(name, tail if len(tails) > 1 else None))
            if self.segment is not None and self.segment.rows >= SEGMENT:
                self._roll()

    def count(self, source: Source, part: Part) -> None:
        """Count what became of a source's next block."""
        if part.first is not None and source.first_time is None:
            source.first_record = source.records + 1 + part.first.record
            source.first_time = part.first.time
            source.first_length, source.first_host = part.first.length, part.first.host
        source.records += part.read
        source.read += part.read
        source.used += part.used
        source.rejected += part.rejected
        source.edges += part.edges
        for rule, n in part.ignored.items():
            source.ignored[rule] = source.ignored.get(rule, 0) + n
        if part.span is not None:
            start, end = part.span
            source.start = start if source.start is None else min(source.start, start)
            source.end = end if source.end is None else max(source.end, end)

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


class _Placed:
    """The rows of a run, with places counted from their source's start, and its number."""

    def __init__(self, run: Run, blocks: list[tuple[Source, Block]], before: list[int]) -> None:
        self.run = run
        self.tail = np.array([block.tail for _, block in blocks], bool)
        self.of = {name: run.block_of(name) for name in run.tables}
        self.has = np.zeros(len(blocks), bool)  # blocks that have rows of their own
        for name, of in self.of.items():
            self.has[of] |= name in ("records", "rejects")
        self.source = np.array([source.source for source, _ in blocks], np.int64)
        self.add = {
            "record": np.array(before, np.int64) + 1 - run.starts(),
            "offset": np.array([block.offset for _, block in blocks], np.int64),
            "line": np.array([block.line for _, block in blocks], np.int64),
        }

    def table(self, name: str, tail: bool | None) -> pa.Table:
        """Return a table's rows; only those of tails, or of other blocks, if that is said."""
        rows, of = self.run.tables[name], self.of[name]
        if tail is not None:
            some = self.tail[of] == tail
            rows, of = rows.filter(pa.array(some)), of[some]
        if name == "entities":
            return rows
        for place, by in self.add.items():
            if place in rows.column_names:
                at = rows.schema.get_field_index(place)
                rows = rows.set_column(at, place, pc.add(rows[place], pa.array(by[of])))
        return rows.append_column("source", pa.array(self.source[of]))
