"""Ingest: blocks decoded in parallel, rows written to segments in the order they were read."""

import hashlib
import os
import tempfile
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphad import formats
from graphad.blocks import Block, blocks
from graphad.parse import REJECTS, Decoder, Options, Parser
from graphad.reading import DAMAGED, Input
from graphad.store.manifest import Manifest, Source
from graphad.store.mapper import Mapper, Part
from graphad.store.segment import SEGMENT, Segment
from graphad.store.sources import Seen, recognise

Watch = Callable[[str, int], None]  # path, bytes read since the last call


@dataclass(frozen=True)
class Ingested:
    """What became of one input. read = used + ignored + rejected."""

    path: str
    format: str
    read: int = 0
    used: int = 0
    ignored: int = 0
    rejected: int = 0
    edges: int = 0
    bytes: int = 0
    source: int | None = None
    note: str = ""  # "already there", "resumed", or why nothing could be read


class Ingest:
    """One run of ingest: feeds inputs to segments and collects what the manifest will say."""

    def __init__(
        self, store: Path, manifest: Manifest, options: Options, parser: Parser | None,
        known: dict[str, Parser], watch: Watch | None = None, workers: int | None = None,
    ) -> None:  # fmt: skip
        self.store = store
        self.manifest = manifest
        self.options = options
        self.parser = parser
        self.known = known
        self.watch = watch or (lambda path, count: None)
        self.key = bytes.fromhex(manifest.key)
        self.workers = workers or max(1, min(8, os.cpu_count() or 1))
        self.pool = ThreadPoolExecutor(self.workers)
        self.mappers: dict[str, Mapper] = {}
        self.segment: Segment | None = None
        self.open_segments: list[Segment] = []

    def run(self, inputs: Iterator[Input]) -> Iterator[Ingested]:
        """Ingest the inputs in turn. Nothing is visible before the manifest is committed."""
        try:
            for one in inputs:
                yield self._one(one)
            self._roll()
        except BaseException:
            for segment in self.open_segments:
                segment.drop()
            raise
        finally:
            self.pool.shutdown(cancel_futures=True)

    def _one(self, one: Input) -> Ingested:
        if not one.again:
            with tempfile.TemporaryFile(dir=self.store) as spool:
                with one.open() as stream:
                    while chunk := stream.read(1 << 20):
                        spool.write(chunk)

                def reopen() -> BinaryIO:
                    spool.seek(0)
                    return cast(BinaryIO, open(os.dup(spool.fileno()), "rb"))

                return self._one(Input("standard input", reopen))
        try:
            with one.open() as stream:
                seen = recognise(stream, self.manifest.sources)
        except DAMAGED as error:
            return Ingested(one.path, "?", note=f"cannot be read: {error}")
        if seen.whole is not None:
            return Ingested(
                one.path, seen.whole.format, bytes=seen.whole.bytes,
                source=seen.whole.source, note="already there",
            )  # fmt: skip
        parser = self.parser
        if parser is None and seen.part is not None:
            parser = self.known.get(seen.part.format)
        parser = parser or formats.sniff(seen.head, self.known)
        if parser is None:
            why = "is empty" if not seen.head else "is in no format that a parser knows"
            return Ingested(one.path, "?", bytes=len(seen.head), note=why)
        return self._parse(one, parser, seen)

    def _parse(self, one: Input, parser: Parser, seen: Seen) -> Ingested:
        number = self.manifest.next_source
        self.manifest.next_source += 1
        source = Source(
            source=number, path=one.path, format=parser.name, digest="", bytes=0,
            head=hashlib.sha256(seen.head).hexdigest(), head_bytes=len(seen.head), ignored={},
            continues=seen.part.source if seen.part else None,
        )  # fmt: skip
        digest = hashlib.sha256()

        def count(chunk: memoryview) -> None:
            digest.update(chunk)
            source.bytes += len(chunk)
            self.watch(one.path, len(chunk))

        known = seen.part.bytes if seen.part else 0
        records = seen.part.records if seen.part else 0
        with one.open() as stream:
            decoder = parser.decoder(self.options)
            parts = self._parts(blocks(stream, decoder, count, known), decoder, parser, known)
            for block, part in parts:
                self._take(source, block, part, records)
                records += part.read
        source.records = records
        source.digest = digest.hexdigest()
        self.manifest.sources.append(source)
        return Ingested(
            one.path, parser.name, source.read, source.used, sum(source.ignored.values()),
            source.rejected, source.edges, source.bytes, number, "resumed" if seen.part else "",
        )  # fmt: skip

    def _parts(
        self, stream: Iterator[Block], decoder: Decoder, parser: Parser, known: int
    ) -> Iterator[tuple[Block, Part]]:
        """Decode and map blocks in the pool, a few at once, and return them in order."""
        if parser.name not in self.mappers or self.mappers[parser.name].parser is not parser:
            self.mappers[parser.name] = Mapper(parser, self.key)
        mapper = self.mappers[parser.name]

        def work(block: Block) -> Part:
            return mapper.run(decoder.decode(block.data, block.last))

        waiting: deque[tuple[Block, Future[Part]]] = deque()
        for block in stream:
            future: Future[Part] = Future()
            if (
                block.offset < known and not block.lost
            ):  # ingested before; only a decoder with a memory reads it again
                if not decoder.parallel:
                    decoder.decode(block.data, False)
                continue
            if block.lost:
                future.set_result(_lost(block))
            elif decoder.parallel:
                future = self.pool.submit(work, block)
            else:
                decoded = decoder.decode(block.data, block.last)
                future = self.pool.submit(mapper.run, decoded)
            waiting.append((block._replace(data=b""), future))
            while len(waiting) > self.workers:
                done, ready = waiting.popleft()
                yield done, ready.result()
        for done, ready in waiting:
            yield done, ready.result()

    def _take(self, source: Source, block: Block, part: Part, before: int) -> None:
        """Write a part's rows, numbered from the source's first record."""
        source.read += part.read
        source.used += part.used
        for rule, n in part.ignored.items():
            source.ignored[rule] = source.ignored.get(rule, 0) + n
        if self.segment is None:
            self.segment = Segment(self.store, self.manifest.next_segment, self.key)
            self.open_segments.append(self.segment)
            self.manifest.next_segment += 1
        if part.rejects is not None and part.rejects.num_rows:
            source.rejected += part.rejects.num_rows
            self.segment.add("rejects", _placed(part.rejects, source.source, block, before))
        if part.records is not None:
            self.segment.add("records", _placed(part.records, source.source, block, before))
        if part.edges is not None and part.edges.num_rows:
            source.edges += part.edges.num_rows
            span = pc.min_max(part.edges["ts"].cast(pa.int64())).as_py()
            source.start = min(
                span["min"], source.start if source.start is not None else span["min"]
            )
            source.end = max(span["max"], source.end if source.end is not None else span["max"])
            self.segment.add("edges", _placed(part.edges, source.source, block, before))
        self.segment.add("entities", part.entities)
        if self.segment.rows >= SEGMENT:
            self._roll()

    def _roll(self) -> None:
        if self.segment is not None:
            for table, file in self.segment.close().items():
                self.manifest.files.setdefault(table, []).append(file)
            self.manifest.collisions += int(self.segment.collisions)
            self.segment = None


def _placed(rows: pa.Table, source: int, block: Block, before: int) -> pa.Table:
    """Return rows with places counted from the source's start, and the source's number."""
    starts = {"record": before + 1, "offset": block.offset, "line": block.line}
    for name, start in starts.items():
        if name in rows.column_names:
            at = rows.schema.get_field_index(name)
            rows = rows.set_column(at, name, pc.add(rows[name], start))
    return rows.append_column("source", pa.array(np.full(rows.num_rows, source, np.int64)))


def _lost(block: Block) -> Part:
    reason, _, size = block.lost.rpartition(";")
    row = {"record": 0, "offset": 0, "length": int(size), "line": 0, "reason": reason}
    return Part(read=1, rejects=pa.Table.from_pylist([row], REJECTS))
