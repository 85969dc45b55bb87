"""Gets raw records back from where they were read, if those bytes are still there."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable

from graphad import reading
from graphad.errors import ParseError
from graphad.store.manifest import Source

CUT = 4096  # bytes of a record that evidence keeps

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
