"""A trial of an ingest: what logs would give, without a store and without writing anything."""

import secrets
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from graphad import formats, reading
from graphad.blocks import blocks
from graphad.errors import UnknownName
from graphad.parse import Options, Parser
from graphad.reading import DAMAGED, Input
from graphad.store.mapper import Mapper, Run

HEAD = 1 << 16  # bytes that a format is recognised by


@dataclass
class Tried:
    """What one input would give. read = used + ignored + rejected."""

    path: str
    format: str = "?"
    read: int = 0
    used: int = 0
    edges: int = 0
    ignored: Counter[str] = field(default_factory=Counter)  # records by rule
    rejected: Counter[str] = field(default_factory=Counter)  # records by reason
    where: dict[str, int] = field(default_factory=dict)  # line of the first reject of each reason
    events: list[dict[str, Any]] = field(default_factory=list)  # the first ones
    note: str = ""  # why nothing could be read


def dry_run(
    paths: Iterable[str | Path],
    *,
    parser: Parser | str | None = None,
    options: Options | None = None,
    parsers: Iterable[Path] = (),
    events: int = 10,
) -> Iterator[Tried]:
    """Read logs as an ingest would and say what became of them; nothing is written.

    events: how many of each input's first events are shown. Raises: UnknownName, ParseError.
    """
    known = formats.load_all(parsers)
    if isinstance(parser, str):
        if parser not in known:
            raise UnknownName.among("parser", parser, known)
        parser = known[parser]
    for one in reading.find(paths):
        yield _try(one, parser, options or Options(), known, events)


def _try(
    one: Input, parser: Parser | None, options: Options, known: Mapping[str, Parser], events: int
) -> Tried:
    tried = Tried(one.path)
    try:
        with one.open() as stream:
            peeked = _Peeked(stream)
            parser = parser or formats.sniff(peeked.head, known)
            if parser is None:
                empty = not peeked.head
                tried.note = "is empty" if empty else "is in no format that a parser knows"
                return tried
            tried.format = parser.name
            _read(peeked, parser, options, tried, events)
    except DAMAGED as error:
        tried.note = f"cannot be read: {error}"
    return tried


def _read(stream: Any, parser: Parser, options: Options, tried: Tried, events: int) -> None:
    decoder = parser.decoder(options)
    mapper = Mapper(parser, secrets.token_bytes(16))
    before = 0  # records of the blocks before
    for block in blocks(stream, decoder, lambda chunk: None):
        if block.lost:
            reason = block.lost.rpartition(";")[0]
            tried.read += 1
            before += 1
            tried.rejected[reason] += 1
            tried.where.setdefault(reason, block.line)
            continue
        for run in mapper.run([decoder.decode(block.data, block.last)]):
            _add(run, tried, before, block.line, events)
            before += sum(part.read for part in run.parts)


def _add(run: Run, tried: Tried, before: int, line: int, events: int) -> None:
    for part in run.parts:
        tried.read += part.read
        tried.used += part.used
        tried.edges += part.edges
        tried.ignored.update(part.ignored)
    if rejects := run.tables.get("rejects"):
        for row in rejects.select(["line", "reason"]).to_pylist():
            tried.rejected[row["reason"]] += 1
            tried.where.setdefault(row["reason"], line + row["line"])
    edges = run.tables.get("edges")
    if edges is None or len(tried.events) >= events:
        return
    first = edges.slice(0, events - len(tried.events))
    named = {row["id"]: row for row in run.tables["entities"].to_pylist()}
    for row in first.to_pylist():
        src, dst = named[row["src"]], named[row["dst"]]
        tried.events.append(
            {
                "record": before + row["record"] + 1, "ts": _time(row["ts"]), "host": row["host"],
                "src": f"{src['type']} {src['label']}", "action": row["action"],
                "dst": f"{dst['type']} {dst['label']}", "outcome": row["outcome"],
            }
        )  # fmt: skip


def _time(value: datetime) -> str:
    return f"{value.isoformat()}Z"


class _Peeked:
    """A stream whose first bytes have been looked at."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.head = b""
        while len(self.head) < HEAD and (more := inner.read(HEAD - len(self.head))):
            self.head += more
        self._left = self.head

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes, none at the end."""
        if self._left:
            taken, self._left = self._left[:size], self._left[size:]
            return taken
        found: bytes = self.inner.read(size)
        return found
