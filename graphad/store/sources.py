"""Knows a source by its content: the same log under another name is not ingested twice."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import BinaryIO

from graphad.errors import ParseError
from graphad.reading import DAMAGED, HEAD
from graphad.store.manifest import Source


@dataclass(frozen=True)
class Seen:
    """What the store already knows of a stream."""

    head: bytes
    whole: Source | None = None  # exactly this content
    part: Source | None = None  # the longest known content that this one continues


def recognise(stream: BinaryIO, known: Iterable[Source]) -> Seen:
    """Compare a stream with the known sources; reads it whole only if its head is known."""
    head = b""
    try:
        while len(head) < HEAD and (more := stream.read(HEAD - len(head))):
            head += more
        known = [source for source in known if 0 < source.head_bytes <= len(head)]
        digests: dict[int, str] = {}
        digest, done = hashlib.sha256(), 0
        for size in sorted({source.head_bytes for source in known}):
            digest.update(head[done:size])
            digests[size], done = digest.hexdigest(), size
        candidates = [source for source in known if digests[source.head_bytes] == source.head]
        if not candidates:
            return Seen(head)
        return _compare(stream, head, candidates)
    except (*DAMAGED, ParseError):
        return Seen(head)  # parsing it will say how far it is readable


def _compare(stream: BinaryIO, head: bytes, candidates: list[Source]) -> Seen:
    sizes = sorted({s.bytes for s in candidates})
    by_content = {(s.bytes, s.digest): s for s in candidates}
    digest = hashlib.sha256()
    done, part, chunk = 0, None, head
    while chunk:
        start = 0
        for size in sizes:
            if done + start < size <= done + len(chunk):
                digest.update(chunk[start : size - done])
                start = size - done
                part = by_content.get((size, digest.hexdigest()), part)
        digest.update(chunk[start:])
        done += len(chunk)
        chunk = stream.read(1 << 20)
    whole = by_content.get((done, digest.hexdigest()))
    return Seen(head, whole, None if whole else part)
