"""Ingest: blocks decoded in parallel, rows written to segments in the order they were read."""

import hashlib
import os
import tempfile
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphad import formats
from graphad.blocks import Block, blocks
from graphad.parse import REJECTS, Decoder, Options, Parser
from graphad.reading import DAMAGED, Input
from graphad.store.manifest import File, Manifest, Source
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


@dataclass(frozen=True)
class _Step:
    """One piece of work in turn: a block of a source, or what is to be said of an input."""

    result: Ingested | None = None
    source: Source | None = None
    block: Block | None = None
    part: "Future[Part] | None" = None
    all_before: bool = False  # all work before must be taken now


class Ingest:
    """One run of ingest: feeds inputs to segments and collects what the manifest will say."""

    def __init__(
        self, store: Path, manifest: Manifest, options: Options, parser: Parser | None,
        known: dict[str, Parser], watch: Watch | None = None, workers: int | None = None,
        replace: bool = False,
    ) -> None:  # fmt: skip
        self.store = store
        self.manifest = manifest
        self.options = options
        self.parser = parser
        self.known = known
        self.watch = watch or (lambda path, count: None)
        self.key = bytes.fromhex(manifest.key)
        self.workers = workers or max(1, min(8, os.cpu_count() or 1))
        self.pool = ThreadPoolExecutor(self.workers)  # decodes and maps
        self.hasher = ThreadPoolExecutor(1)  # digests a source's bytes in their order
        self.writer = ThreadPoolExecutor(1)  # writes row groups
        self.closer = ThreadPoolExecutor(1)  # closes segments
        self.mappers: dict[str, Mapper] = {}
        self.segment: Segment | None = None
        self.open_segments: list[Segment] = []
        self.closing: Future[dict[str, File]] | None = None
        self.queue: deque[_Step] = deque()
        self.waiting = 0  # blocks in the queue; results may be many
        self.first = manifest.next_source if replace else 0  # sources from here on are this run's
        self.replaced: dict[int, int] = {}  # old source: the new one that has its content

    def run(self, inputs: Iterator[Input]) -> Iterator[Ingested]:
        """Ingest the inputs in turn. Nothing is visible before the manifest is committed.

        Blocks of the next input are decoded while those of the one before are still in work.
        """
        try:
            for one in inputs:
                for step in self._one(one):
                    self.queue.append(step)
                    self.waiting += step.part is not None
                    yield from self._take(0 if step.all_before else self.workers)
            yield from self._take(0)
            self._roll()
            self._closed()
        except BaseException:
            self._stop()
            for segment in self.open_segments:
                segment.drop()
            raise
        finally:
            self._stop()

    def _stop(self) -> None:
        for pool in (self.pool, self.hasher, self.closer, self.writer):
            pool.shutdown(cancel_futures=True)

    def _one(self, one: Input) -> Iterator["_Step"]:
        """Read an input and set its blocks to work."""
        if not one.again:
            with tempfile.TemporaryFile(dir=self.store) as spool:
                with one.open() as stream:
                    while chunk := stream.read(1 << 20):
                        spool.write(chunk)

                def reopen() -> BinaryIO:
                    spool.seek(0)
                    return cast(BinaryIO, open(os.dup(spool.fileno()), "rb"))

                yield from self._one(Input("standard input", reopen))
                return
        try:
            with one.open() as stream:
                seen = recognise(stream, self.manifest.sources)
        except DAMAGED as error:
            yield _Step(Ingested(one.path, "?", note=f"cannot be read: {error}"))
            return
        again = seen.whole or seen.part
        if again is not None and again.source < self.first:
            self._replace(again, self.manifest.next_source)
            seen = Seen(seen.head)
        if seen.whole is not None:
            known = seen.whole
            yield _Step(
                Ingested(
                    one.path, known.format, bytes=known.bytes, source=known.source,
                    note="already there",
                )
            )  # fmt: skip
            return
        parser = self.parser
        if parser is None and seen.part is not None:
            parser = self.known.get(seen.part.format)
        parser = parser or formats.sniff(seen.head, self.known)
        if parser is None:
            why = "is empty" if not seen.head else "is in no format that a parser knows"
            yield _Step(Ingested(one.path, "?", bytes=len(seen.head), note=why))
            return
        yield from self._parse(one, parser, seen)

    def _replace(self, source: Source, by: int) -> None:
        """Note that a source, and those whose grown remainder it is, are parsed anew."""
        sources = {s.source: s for s in self.manifest.sources}
        at: int | None = source.source
        while at is not None and at in sources:
            self.replaced[at] = by
            at = sources[at].continues

    def _parse(self, one: Input, parser: Parser, seen: Seen) -> Iterator["_Step"]:
        number = self.manifest.next_source
        self.manifest.next_source += 1
        source = Source(
            source=number, path=one.path, format=parser.name, digest="", bytes=0,
            head=hashlib.sha256(seen.head).hexdigest(), head_bytes=len(seen.head), ignored={},
            continues=seen.part.source if seen.part else None,
        )  # fmt: skip
        digest = hashlib.sha256()
        hashing: deque[Future[None]] = deque()

        def count(chunk: memoryview) -> None:
            hashing.append(self.hasher.submit(digest.update, chunk))
            if len(hashing) > 2:
                hashing.popleft().result()
            source.bytes += len(chunk)
            self.watch(one.path, len(chunk))

        known = 0
        if seen.part:
            if any(step.source is seen.part for step in self.queue):
                yield _Step(all_before=True)  # its records must be counted first
            known, source.records = seen.part.bytes, seen.part.records
        decoder = parser.decoder(self.options)
        with one.open() as stream:
            for block in blocks(stream, decoder, count, known):
                part = self._part(block, decoder, parser, known)
                if part is not None:
                    yield _Step(source=source, block=block._replace(data=b""), part=part)
        for update in hashing:
            update.result()
        source.digest = digest.hexdigest()
        self.manifest.sources.append(source)
        yield _Step(Ingested(one.path, parser.name, note="resumed" if seen.part else ""), source)

    def _part(
        self, block: Block, decoder: Decoder, parser: Parser, known: int
    ) -> "Future[Part] | None":
        """Have a block decoded and mapped in the pool; None if there is nothing new in it."""
        if parser.name not in self.mappers or self.mappers[parser.name].parser is not parser:
            self.mappers[parser.name] = Mapper(parser, self.key)
        mapper = self.mappers[parser.name]
        if block.lost:
            future: Future[Part] = Future()
            future.set_result(_lost(block))
            return future
        if block.offset < known:  # only a decoder with a memory reads again what is there
            if not decoder.parallel:
                decoder.decode(block.data, False)
            return None
        if decoder.parallel:
            return self.pool.submit(lambda: mapper.run(decoder.decode(block.data, block.last)))
        return self.pool.submit(mapper.run, decoder.decode(block.data, block.last))

    def _take(self, most: int) -> Iterator[Ingested]:
        """Take finished work in order until at most so many blocks wait; return whole inputs."""
        while self.queue:
            step = self.queue[0]
            if step.part is not None and self.waiting <= most:
                return
            self.queue.popleft()
            self.waiting -= step.part is not None
            source = step.source
            if step.part is not None:
                assert step.block is not None
                assert source is not None
                self._store(source, step.block, step.part.result())
            elif step.result is not None:
                yield step.result if source is None else replace(
                    step.result, read=source.read, used=source.used, edges=source.edges,
                    ignored=sum(source.ignored.values()), rejected=source.rejected,
                    bytes=source.bytes, source=source.source,
                )  # fmt: skip

    def _store(self, source: Source, block: Block, part: Part) -> None:
        """Write a part's rows, numbered from the source's first record."""
        before = source.records
        source.records += part.read
        source.read += part.read
        source.used += part.used
        for rule, n in part.ignored.items():
            source.ignored[rule] = source.ignored.get(rule, 0) + n
        if self.segment is None:
            self.segment = Segment(self.store, self.manifest.next_segment, self.writer)
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
        if part.claims is not None and part.claims.num_rows:
            self.segment.add("aliases", _placed(part.claims, source.source, block, before))
        self.segment.add("entities", part.entities)
        if self.segment.rows >= SEGMENT:
            self._roll()

    def _roll(self) -> None:
        """Begin to close the segment; the next one is filled meanwhile."""
        self._closed()
        if self.segment is not None:
            self.closing = self.closer.submit(self._close, self.segment)
            self.segment = None

    def _close(self, segment: Segment) -> dict[str, File]:
        files = segment.close()
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


def _lost(block: Block) -> Part:
    reason, _, size = block.lost.rpartition(";")
    row = {"record": 0, "offset": 0, "length": int(size), "line": 0, "reason": reason}
    return Part(read=1, rejects=pa.Table.from_pylist([row], REJECTS))
