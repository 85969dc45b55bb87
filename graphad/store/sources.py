"""Knows a source by its content: the same log under another name is not ingested twice."""

import hashlib
import io
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, BinaryIO

from graphad.errors import ParseError
from graphad.reading import DAMAGED, HEAD
from graphad.store.manifest import Source


@dataclass(frozen=True)
class Seen:
    """What the store already knows of a stream."""

    head: bytes
    whole: Source | None = None  # exactly this content
    part: Source | None = None  # the one with the longest settled beginning that this continues
    digest: Any = None  # hashlib object that has taken that beginning
    within: frozenset[int] = frozenset()  # sources whose whole content this one begins with


def recognise(stream: BinaryIO, known: Iterable[Source]) -> Seen:
    """Compare a stream with the known sources; reads no further than the longest of them."""
    head = b""
    try:
        # One read below at most: of a stream that is damaged further on, what came before is kept.
        read = stream.read1 if isinstance(stream, io.BufferedIOBase) else stream.read
        while len(head) < HEAD and (more := read(HEAD - len(head))):
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
    contents = {(s.bytes, s.digest): s for s in candidates}
    settled = {
        (s.settled.bytes, s.settled.digest): s for s in candidates if s.settled and s.settled.bytes
    }
    marks = sorted({size for size, _ in (*contents, *settled)})
    digest = hashlib.sha256()
    done, chunk = 0, head
    part, at_part = None, None
    within: set[int] = set()
    last = marks[-1]
    while chunk and done <= last:
        start = 0
        for size in marks:
            if done + start < size <= done + len(chunk):
                digest.update(chunk[start : size - done])
                start = size - done
                key = size, digest.hexdigest()
                if key in settled:
                    part, at_part = settled[key], digest.copy()
                if key in contents:
                    within.add(contents[key].source)
        digest.update(chunk[start:])
        done += len(chunk)
        chunk = stream.read(1 << 20)
    whole = contents.get((done, digest.hexdigest()))
    if whole:
        return Seen(head, whole)
    return Seen(head, None, part, at_part, frozenset(within))
