"""Finds records that are in the store twice: a log and a piece of it were both ingested.

A log that was split, cut at its beginning or copied while it was written has not the bytes that the
store knows it by. Its records show it: where the first record of a source is found in another one,
and all that follows is the same in both, record by record, up to the end of one of them, they are
the same records. Where the pieces merely overlap, one ending in the middle of the other, that takes
more than one moment in time, for a log may well repeat a line within a second.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import duckdb
import msgspec

from graphad.store import views
from graphad.store.alike import Pair, Run, alike
from graphad.store.compact import number_of
from graphad.store.manifest import File, Manifest, Settled, Source
from graphad.store.remove import ALL, remove
from graphad.store.tables import fill

RULE = "record of another source"
_TRIES = 8  # places in one other source at which a first record is looked for
_OTHERS = 64  # records like the first one of a source that are looked at in one round


class Copied(NamedTuple):
    """Records `first` to `last` of `source`, which are those of the source `by` too.

    All of them if `last` is negative.
    """

    source: int
    first: int
    last: int
    by: int


def drop_copies(store: Path, change: Manifest, first_new: int, first_segment: int) -> list[Copied]:
    """Leave each record in one source only; this run's sources and segments begin with those two.

    A source that has nothing of its own left stays known, for its content may be given again.
    """
    sources = {s.source: s for s in change.sources}
    dropped: list[Copied] = []
    while any(s.records and s.same_as is None for s in change.sources if s.source >= first_new):
        some = msgspec.structs.replace(change, files=_of_their_time(change, first_segment))
        connection = views.connect(store.absolute(), some)
        try:
            found = _find(connection, sources, first_new)
            for copied in found:
                _account(connection, sources[copied.source], copied)
                _begin_behind(connection, sources[copied.source], copied)
        finally:
            connection.close()
        if not found:
            break
        remove(store, change, {c.source: ALL if c.last < 0 else (c.first, c.last) for c in found})
        dropped += found
    return dropped


def _of_their_time(change: Manifest, first_segment: int) -> dict[str, list[File]]:
    """Return the files without those that hold no record of the time of the new ones."""
    records = change.files.get("records", [])
    new = [file for file in records if number_of(file) >= first_segment]
    start = min((f.start for f in new if f.start is not None), default=None)
    end = max((f.end for f in new if f.end is not None), default=None)
    if start is None or end is None:
        return change.files | {"records": new}
    chosen = [
        file for file in records
        if file.start is None or file.end is None or (file.start <= end and file.end >= start)
    ]  # fmt: skip
    return change.files | {"records": chosen}


def _find(
    connection: duckdb.DuckDBPyConnection, sources: dict[int, Source], first_new: int
) -> list[Copied]:
    """Return what can go at once: of no source twice, and nothing by which another goes."""
    new = [s for s in sources.values() if s.source >= first_new and s.same_as is None]
    old = [s for s in sources.values() if s.source < first_new and s.same_as is None]
    seen = [c for s in new if (c := _cut_short(s, sources)) is not None]
    later = _later(sources.values())
    waiting: dict[int, list[tuple[list[Source], int]]] = {}
    for begin, at in (
        (new, "true"),  # the beginning of a new one, anywhere
        (old, f"source >= {first_new}"),  # the beginning of a known one, in a new one
    ):
        for one, other, record in _meetings(connection, begin, at):
            if not _continue_each_other(sources, one, other):
                log = _onward(later, sources[other])
                waiting.setdefault(one, []).append((log, record))
    for candidates in waiting.values():  # the longest last, for they are taken from there
        candidates.sort(key=lambda c: (c[0][-1].records, -c[0][0].source))
    while waiting:
        asked = [(sources[one], *candidates.pop()) for one, candidates in waiting.items()]
        answers = [answer for answer in _compare(connection, asked) if answer is not None]
        seen += answers
        done = {answer.source for answer in answers}
        waiting = {one: some for one, some in waiting.items() if some and one not in done}
    # Whole ones first, into the longest.
    seen.sort(key=lambda c: (c.last >= 0, -sources[c.by].records, c))
    # But the last source of a log stays until what overlaps the log there has been cut: what
    # the log shows of the piece without it may be too little.
    parts = {(c.source, _beginning(sources, c.by)) for c in seen if c.last >= 0}
    found: dict[int, Copied] = {}
    keepers: set[int] = set()
    for copied in seen:
        root = _beginning(sources, copied.source)
        if root != copied.source and copied.last < 0 and (copied.by, root) in parts:
            continue
        if copied.source not in keepers | set(found) and copied.by not in found:
            found[copied.source] = copied
            keepers.add(copied.by)
    return list(found.values())


def _begin_behind(connection: duckdb.DuckDBPyConnection, source: Source, copied: Copied) -> None:
    """Let a source's first record be the first one that it keeps."""
    if copied.last < 0:
        return
    row = connection.execute(
        "SELECT record, epoch_us(ts), length, host FROM records "
        "WHERE source = ? AND record > ? AND ts IS NOT NULL ORDER BY record LIMIT 1",
        [source.source, copied.last],
    ).fetchone()
    source.first_record, source.first_time, source.first_length, source.first_host = (
        row or (None,) * 4
    )


def _cut_short(source: Source, sources: dict[int, Source]) -> Copied | None:
    """Say of a copy of a known log that ends in the middle of a record where that record is whole.

    All that such a copy adds to what is settled of the log is the beginning of that record.
    """
    known = sources.get(source.continues or 0)
    if known is None or known.settled is None or source.settled is None:
        return None
    if source.settled.bytes > known.settled.bytes:
        return None
    for longer in sources.values():
        goes_on = longer is known or (longer.continues == known.source and longer is not source)
        if goes_on and longer.bytes > source.bytes:
            return Copied(source.source, 0, -1, longer.source)
    return None


def _meetings(
    connection: duckdb.DuckDBPyConnection, sources: Iterable[Source], at: str
) -> list[tuple[int, int, int]]:
    """Return (source, another one, record in that one) where the first record of one may be."""
    firsts = [
        (s.source, s.first_time, s.first_length, s.first_host) for s in sources
        if s.first_time is not None and s.same_as is None
    ]  # fmt: skip
    if not firsts:
        return []
    columns = {"one": "BIGINT", "t": "BIGINT", "size": "BIGINT", "place": "VARCHAR"}
    fill(connection, "firsts", columns, firsts)
    return connection.execute(
        f"""SELECT one, source, record FROM records
            JOIN (SELECT one, make_timestamp(t) AS ts, size AS length, place FROM firsts)
            USING (ts, length)
            WHERE source <> one AND host IS NOT DISTINCT FROM place AND {at}
            QUALIFY row_number() OVER (PARTITION BY one, source ORDER BY record) <= {_TRIES}
                AND row_number() OVER (PARTITION BY one ORDER BY source, record) <= {_OTHERS}
            ORDER BY one, source, record"""
    ).fetchall()


def _continue_each_other(sources: dict[int, Source], one: int, other: int) -> bool:
    """Say whether one is the grown remainder of the other: then what they repeat was repeated."""
    return other in _lineage(sources, one) or one in _lineage(sources, other)


def _lineage(sources: dict[int, Source], one: int) -> list[int]:
    """Return a source, the one that it continues, and so on to the beginning of its log."""
    found: list[int] = []
    at: int | None = one
    while at is not None and at in sources:
        found.append(at)
        at = sources[at].continues
    return found


def _beginning(sources: dict[int, Source], one: int) -> int:
    """Return the source with which a log begins."""
    return _lineage(sources, one)[-1]


def _later(sources: Iterable[Source]) -> dict[int, Source]:
    """Return by which source each one is continued; of several the longest."""
    found: dict[int, Source] = {}
    for source in sources:
        before = source.continues
        if before is not None and source.same_as is None:
            other = found.get(before)
            if other is None or (source.bytes, source.source) > (other.bytes, other.source):
                found[before] = source
    return found


def _onward(later: dict[int, Source], start: Source) -> list[Source]:
    """Return a source and those that go on where it ended, in turn: one log, read as it grew."""
    chain = [start]
    while chain[-1].settled is not None and chain[-1].source in later:
        chain.append(later[chain[-1].source])
    return chain


def _compare(
    connection: duckdb.DuckDBPyConnection, asked: Sequence[tuple[Source, list[Source], int]]
) -> list[Copied | None]:
    """Say what is in both where `one` from its first record on may be `log` from `record` on."""
    pairs: list[Pair] = []
    ends: list[tuple[int, int]] = []  # place in `asked`, last record of `one` that counts
    for i, (one, log, record) in enumerate(asked):
        assert one.first_record is not None
        for last, limit in {(one.records, log[-1].records), (_settled(one), _settled(log[-1]))}:
            size = min(last - one.first_record, limit - record) + 1
            if size > 0:
                pairs.append(Pair(Run([one], one.first_record), Run(log, record), size))
                ends.append((i, last))
    found: list[Copied | None] = [None] * len(asked)
    same = [p for p in zip(ends, pairs, alike(connection, pairs), strict=True) if p[2]]
    for (i, last), pair, _ in sorted(same, key=lambda p: p[0]):
        one, log, record = asked[i]
        first, by = pair.ours.first, log[0].source
        if first + pair.size > last:  # all of `one` is in `log`
            more = log[-1].records >= record + pair.size  # which goes on, past a tail of `one` too
            whole = more or last == one.records
            if not whole:
                found[i] = Copied(one.source, 0, last, by)
            elif not (_is_within(log, record, pair.size) and one.source < by):
                found[i] = Copied(one.source, 0, -1, by)
        elif _moments(connection, pair) > 1:
            found[i] = Copied(one.source, first, first + pair.size - 1, by)
    return found


def _settled(source: Source) -> int:
    return source.settled.records if source.settled else source.records


def _is_within(log: list[Source], record: int, size: int) -> bool:
    """Say whether these are all records of a log, so that it may go as well as the other one."""
    return len(log) == 1 and log[0].first_record == record and log[0].records < record + size


def _moments(connection: duckdb.DuckDBPyConnection, pair: Pair) -> int:
    """Return how many times there are among the records of a pair."""
    one, first = pair.ours.log[0], pair.ours.first
    found = connection.execute(
        "SELECT count(DISTINCT ts) FROM records WHERE source = ? AND record BETWEEN ? AND ?",
        [one.source, first, first + pair.size - 1],
    ).fetchone()
    return int(found[0]) if found else 0


def _account(connection: duckdb.DuckDBPyConnection, source: Source, copied: Copied) -> None:
    """Count what goes as left out by RULE; read = used + ignored + rejected stays true."""
    held: list[Source | Settled] = [source]
    if source.settled is not None:
        held.append(source.settled)
    if copied.last < 0:
        source.same_as = copied.by
        source.start = source.end = None
        for counted in held:
            counted.ignored = {RULE: counted.read} if counted.read else {}
            counted.used = counted.rejected = counted.edges = 0
        return
    numbers = []
    for what, table in (
        ("count(DISTINCT record)", "edges"), ("count(*)", "edges"), ("count(*)", "rejects"),
    ):  # fmt: skip
        row = connection.execute(
            f"SELECT {what} FROM {table} WHERE source = ? AND record BETWEEN ? AND ?",
            [source.source, copied.first, copied.last],
        ).fetchone()
        numbers.append(row[0] if row else 0)
    used, edges, rejected = numbers
    for counted in held:
        counted.used -= used
        counted.edges -= edges
        counted.rejected -= rejected
        counted.ignored[RULE] = counted.ignored.get(RULE, 0) + used + rejected
