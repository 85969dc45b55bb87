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

from graphad import formats
from graphad.blocks import Block, blocks
from graphad.parse import REJECTS, Decoder, Options, Parser
from graphad.reading import DAMAGED, Input, skip
from graphad.store import states
from graphad.store.batch import SMALL, Batch
from graphad.store.fill import Filler
from graphad.store.manifest import Manifest, Settled, Source
from graphad.store.mapper import Mapper, Part, Run
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
    """One thing to do in turn: a block of a source, or what is to be said of an input."""

    result: Ingested | None = None
    source: Source | None = None
    batch: Batch | None = None  # in which the block is
    place: int = 0  # of the block in its batch
    settles: bool = False  # what was counted of the source up to here is settled
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
        self.mappers: dict[str, Mapper] = {}
        self.filler = Filler(store, manifest)
        self.queue: deque[_Step] = deque()
        self.batch: Batch | None = None  # to which a small block may be added
        self.waiting = 0  # batches in the queue; results may be many
        self.begin = manifest.next_source  # sources from here on are this run's
        self.begin_segment = manifest.next_segment
        self.anew = replace  # parse what is already there in place of it
        self.replaced: dict[int, int] = {}  # old source: the new one that has its content
        self.grown: list[Source] = []  # of these another one has what became of the tail
        self.states: dict[int, object] = {}  # what decoders remember at the end of a source

    def run(self, inputs: Iterator[Input]) -> Iterator[Ingested]:
        """Ingest the inputs in turn. Nothing is visible before the manifest is committed.

        Blocks of the next input are decoded while those of the one before are still in work.
        """
        try:
            for one in inputs:
                for step in self._one(one):
                    self.queue.append(step)
                    self.waiting += step.batch is not None and not step.place
                    yield from self._take(0 if step.all_before else self.workers)
            yield from self._take(0)
            self.filler.finish()
            states.save(self.store, self.manifest, self.states)
        except BaseException:
            self._stop()
            self.filler.drop()
            raise
        finally:
            self._stop()

    def _stop(self) -> None:
        for pool in (self.pool, self.hasher):
            pool.shutdown(cancel_futures=True)
        self.filler.stop()

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
        copy = seen.whole is not None and seen.whole.same_as is not None
        if self.anew and again is not None and again.source < self.begin and not copy:
            self._replace(again, self.manifest.next_source)
            seen = Seen(seen.head)
        if seen.whole is not None:
            known = self._original(seen.whole)
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

    def _original(self, source: Source) -> Source:
        """Return the source that has a source's records."""
        sources = {s.source: s for s in self.manifest.sources}
        while source.same_as is not None and source.same_as in sources:
            source = sources[source.same_as]
        return source

    def _replace(self, source: Source, by: int) -> None:
        """Note that a source, and those whose grown remainder it is, are parsed anew."""
        sources = {s.source: s for s in self.manifest.sources}
        at: int | None = source.source
        while at is not None and at in sources:
            self.replaced[at] = by
            at = sources[at].continues

    def _resumed(self, decoder: Decoder, parser: Parser, seen: Seen, number: int) -> Source | None:
        """Return the source that this one continues; what can't be continued is replaced."""
        for source in self.manifest.sources if seen.within else ():
            if source.source in seen.within and not (source.settled and source.settled.bytes):
                self._replace(source, number)
        part = seen.part
        if part is None or part.settled is None or part.source in self.replaced:
            return None
        try:
            if part.format != parser.name:
                raise ValueError("another parser reads it")
            self._restore(decoder, part)
        except ValueError:
            self._replace(part, number)
            return None
        if part.source in seen.within and part not in self.grown:
            self.grown.append(part)
        return part

    def _restore(self, decoder: Decoder, part: Source) -> None:
        """Have a decoder remember what it did. Raises: ValueError if that can't be had."""
        assert part.settled is not None
        state = self.states.get(part.source)
        if state is None and part.settled.state:
            state = states.load(self.store, self.manifest, part)
        if state is not None:
            decoder.restore(state)  # type: ignore[attr-defined]

    def _parse(self, one: Input, parser: Parser, seen: Seen) -> Iterator["_Step"]:
        number = self.manifest.next_source
        self.manifest.next_source += 1
        decoder = parser.decoder(self.options)
        part = self._resumed(decoder, parser, seen, number)
        source = Source(
            source=number, path=one.path, format=parser.name, digest="", bytes=0,
            head=hashlib.sha256(seen.head).hexdigest(), head_bytes=len(seen.head), ignored={},
            continues=part.source if part else None, alone=decoder.parallel,
        )  # fmt: skip
        digest, begin = hashlib.sha256(), Settled(0, 1, "")
        if part is not None:
            assert part.settled is not None
            if any(step.source is part for step in self.queue):
                yield _Step(all_before=True)  # its records must be counted first
            digest, begin = seen.digest, part.settled
            source.records = begin.records
        source.bytes = begin.bytes
        hashing: deque[Future[None]] = deque()

        def count(chunk: memoryview) -> None:
            hashing.append(self.hasher.submit(digest.update, chunk))
            if len(hashing) > 2:
                hashing.popleft().result()
            source.bytes += len(chunk)
            self.watch(one.path, len(chunk))

        settled: Future[str] | None = None
        with one.open() as stream:
            skip(stream, begin.bytes)
            for block in blocks(stream, decoder, count, begin.bytes, begin.line):
                if block.tail and settled is None:
                    settled = self.hasher.submit(digest.hexdigest)
                    source.settled = self._settled(source, decoder, block)
                    yield _Step(source=source, settles=True)
                batch = self._batch(source, block, decoder, parser)
                yield _Step(source=source, batch=batch, place=len(batch.blocks) - 1)
        for update in hashing:
            update.result()
        source.digest = digest.hexdigest()
        if source.settled is not None:
            assert settled is not None
            source.settled.digest = settled.result()
        self.manifest.sources.append(source)
        yield _Step(Ingested(one.path, parser.name, note="resumed" if part else ""), source)

    def _settled(self, source: Source, decoder: Decoder, tail: Block) -> Settled | None:
        """Return what of a source no growth can change, up to its tail; None if not known."""
        state = None
        if hasattr(decoder, "state"):
            state = decoder.state()
        elif not decoder.parallel:
            return None  # it remembers what it doesn't tell
        if state is not None:
            self.states[source.source] = state
        return Settled(tail.offset, tail.line, "", "later" if state is not None else "")

    def _batch(self, source: Source, block: Block, decoder: Decoder, parser: Parser) -> Batch:
        """Have a block decoded and mapped in the pool, a small one together with others."""
        if parser.name not in self.mappers or self.mappers[parser.name].parser is not parser:
            self.mappers[parser.name] = Mapper(parser, self.key)
        mapper = self.mappers[parser.name]
        small = decoder.parallel and not block.lost and len(block.data) <= SMALL
        if self.batch is not None and not (small and self.batch.mapper is mapper):
            self._begin(self.batch)
        batch = self.batch or Batch(mapper)
        if block.lost:
            batch.told(source, block, _lost(block))
        elif small:
            data = memoryview(bytearray(block.data))  # the buffer in which it lies is far larger
            batch.add(source, block, lambda: decoder.decode(data, block.last))
            self.batch = batch
        elif decoder.parallel:
            batch.add(source, block, lambda: decoder.decode(block.data, block.last))
        else:
            decoded = decoder.decode(block.data, block.last)
            batch.add(source, block, lambda: decoded)
        if not small or batch.full:
            self._begin(batch)
        return batch

    def _begin(self, batch: Batch) -> None:
        """Set to work on a batch; no block is added to it any more."""
        batch.begin(self.pool)
        if batch is self.batch:
            self.batch = None

    def _take(self, most: int) -> Iterator[Ingested]:
        """Take finished work in order until at most so many batches wait; return whole inputs."""
        while self.queue:
            step = self.queue[0]
            if step.batch is not None and not step.place:
                if self.waiting <= most:
                    return
                self.waiting -= 1
                self._begin(step.batch)
                self.filler.add(step.batch)
            self.queue.popleft()
            source = step.source
            if step.settles:
                assert source is not None
                if source.settled is not None:
                    source.settle(source.settled)
            elif step.batch is not None:
                assert source is not None
                self.filler.count(source, step.batch.part(step.place))
            elif step.result is not None:
                yield step.result if source is None else replace(
                    step.result, read=source.read, used=source.used, edges=source.edges,
                    ignored=sum(source.ignored.values()), rejected=source.rejected,
                    bytes=source.bytes, source=source.source,
                )  # fmt: skip


def _lost(block: Block) -> Run:
    reason, _, size = block.lost.rpartition(";")
    row = {"record": 0, "offset": 0, "length": int(size), "line": 0, "reason": reason}
    rejects = pa.Table.from_pylist([row], REJECTS)
    return Run([Part(read=1, rejected=1)], {"rejects": rejects}, np.empty(0, np.int64))
