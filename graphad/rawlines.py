"""Gets raw records back from where they were read, if those bytes are still there."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import duckdb

from graphad import formats, reading
from graphad.decoders.json_rebuild import rebuild
from graphad.errors import ParseError
from graphad.store.manifest import Source

CUT = 4096  # bytes of a record that evidence keeps

State = Literal["there", "gone", "changed"]
Place = tuple[int, int, int, int]  # source, record, offset, length


def fetch(sources: Iterable[Source], places: Iterable[Place]) -> dict[tuple[int, int], str]:
    """Return the text of records by (source, record), cut at CUT bytes.

    A source that is gone, or whose first bytes are no longer the ones ingested, gives nothing:
    a rotated log must not lend its lines to an older finding.
    """
    wanted: dict[int, list[Place]] = defaultdict(list)
    for place in places:
        wanted[place[0]].append(place)
    found: dict[tuple[int, int], str] = {}
    for source in sources:
        if source.source in wanted:
            found |= _from(source, sorted(wanted[source.source], key=lambda p: p[2]))
    return found


def state(source: Source) -> State:
    """Return whether a log is still what was ingested, by its first bytes; more may have come.

    `changed`: another log has its name, or it cannot be read. What came by a pipe is `gone`.
    """
    outer = source.path.partition("!")[0]
    if not Path(outer).exists():
        return "gone"
    try:
        one = next((i for i in reading.find([outer]) if i.path == source.path), None)
        if one is None or not one.again:
            return "gone"
        with one.open() as stream:
            head = stream.read(source.head_bytes)
    except (OSError, ParseError, *reading.DAMAGED):
        return "changed"
    return "there" if hashlib.sha256(head).hexdigest() == source.head else "changed"


def rebuild_binary(
    sources: Iterable[Source],
    connection: duckdb.DuckDBPyConnection,
    keys: Iterable[tuple[int, int]],
) -> dict[tuple[int, int], str]:
    """Return the JSON of those records, by (source, record), whose bytes are no text.

    It is made of their rows, so the log need not be there any more.
    """
    binary = {name for name, parser in formats.load_all().items() if parser.binary}
    mine = {source.source for source in sources if source.format in binary}
    wanted: dict[int, list[int]] = defaultdict(list)
    for number, record in keys:
        if number in mine:
            wanted[number].append(record)
    found: dict[tuple[int, int], str] = {}
    for number, records in wanted.items():
        rows = connection.sql(
            "SELECT * FROM records WHERE source = ? AND record IN (SELECT unnest(?))",
            params=[number, records],
        ).to_arrow_table()
        for row in rows.to_pylist():
            text = json.dumps(rebuild(row), ensure_ascii=False).encode()[:CUT]
            found[number, row["record"]] = text.decode("utf-8", "ignore")
    return found


def _from(source: Source, places: list[Place]) -> dict[tuple[int, int], str]:
    found: dict[tuple[int, int], str] = {}
    outer = source.path.partition("!")[0]
    try:
        one = next((i for i in reading.find([outer]) if i.path == source.path), None)
        if one is None or not one.again:
            return {}
        with one.open() as stream:
            head = stream.read(source.head_bytes)
            if hashlib.sha256(head).hexdigest() != source.head:
                return {}
        with one.open() as stream:
            at = 0
            for number, record, offset, length in places:
                while at < offset:
                    skipped = len(stream.read(min(1 << 20, offset - at)))
                    if not skipped:
                        return found
                    at += skipped
                data = stream.read(min(length, CUT))
                at += len(data)
                found[number, record] = data.decode("utf-8", "backslashreplace").rstrip("\r\n")
    except (OSError, ParseError, *reading.DAMAGED):
        pass  # the finding keeps what its record says; the raw line is no longer to be had
    return found
