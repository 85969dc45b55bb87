"""Finds records that are in the store twice: a log and a piece of it were both ingested.

A log that was split, cut at its beginning or copied while it was written has not the bytes that the
store knows it by. Its records show it: where the first record of a source is found in another one,
and all that follows is the same in both, record by record, up to the end of one of them, they are
the same records. Where the pieces merely overlap, one ending in the middle of the other, that takes
more than one moment in time, for a log may well repeat a line within a second.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import duckdb
import msgspec

from graphad import schema
from graphad.store import views
from graphad.store.compact import number_of
from graphad.store.manifest import File, Manifest, Settled, Source
from graphad.store.remove import ALL, remove

RULE = "record of another source"
_TRIES = 8  # places in one other source at which a first record is looked for
_SOME = 200  # records compared before all are
# What a decoder may know from earlier records, which a piece of the log lacks.
_REMEMBERED = {
    "process_guid", "parent_guid", "target_guid", "exe", "parent_exe", "target_exe",
    "parent_command", "cwd", "begun",
}  # fmt: skip
_COLUMNS = ["length", *(c.name for c in schema.RECORDS)]


class Copied(NamedTuple):
    """Records `first` to `last` of `source`, which are those of the source `by` too."""

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
    tried: dict[tuple[int, int], int] = {}
    seen = [c for s in new if (c := _cut_short(s, sources)) is not None]
    for begin, at in (
        (new, "true"),  # the beginning of a new one, anywhere
        (old, f"source >= {first_new}"),  # the beginning of a known one, in a new one
    ):
        for one, other, record in _meetings(connection, begin, at):
            tried[one, other] = tried.get((one, other), 0) + 1
            if tried[one, other] > _TRIES or _continue_each_other(sources, one, other):
                continue
            log = _onward(sources.values(), sources[other])
            copied = _compare(connection, sources[one], log, record)
            if copied is not None:
                seen.append(copied)
    # Whole ones first, into the longest.
    seen.sort(key=lambda c: (c.last >= 0, -sources[c.by].records, c))
    found: dict[int, Copied] = {}
    keepers: set[int] = set()
    for copied in seen:
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
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE firsts (one BIGINT, t BIGINT, size BIGINT, place VARCHAR)"
    )
    for start in range(0, len(firsts), 500):
        some = firsts[start : start + 500]
        marks = ", ".join(["(?, ?, ?, ?)"] * len(some))
        connection.execute(
            f"INSERT INTO firsts VALUES {marks}", [value for row in some for value in row]
        )
    return connection.execute(
        f"""SELECT one, source, record FROM records
            JOIN (SELECT one, make_timestamp(t) AS ts, size AS length, place FROM firsts)
            USING (ts, length)
            WHERE source <> one AND host IS NOT DISTINCT FROM place AND {at}
            ORDER BY one, source, record"""
    ).fetchall()


def _continue_each_other(sources: dict[int, Source], one: int, other: int) -> bool:
    """Say whether one is the grown remainder of the other: then what they repeat was repeated."""
    for later, earlier in ((one, other), (other, one)):
        at: int | None = later
        while at is not None and at in sources:
            if at == earlier:
                return True
            at = sources[at].continues
    return False


def _onward(sources: Iterable[Source], start: Source) -> list[Source]:
    """Return a source and those that go on where it ended, in turn: one log, read as it grew."""
    chain = [start]
    while True:
        end = chain[-1].settled
        later = [
            s for s in sources
            if s.continues == chain[-1].source and s.same_as is None and end is not None
        ]  # fmt: skip
        if not later:
            return chain
        chain.append(max(later, key=lambda s: (s.bytes, s.source)))


def _compare(
    connection: duckdb.DuckDBPyConnection, one: Source, log: list[Source], record: int
) -> Copied | None:
    """Say what is in both if `one` from its first record on is `log` from `record` on."""
    assert one.first_record is not None
    by = log[0].source
    alone = one.alone and all(source.alone for source in log)
    columns = [name for name in _COLUMNS if alone or name not in _REMEMBERED]
    settled = one.settled.records if one.settled else one.records
    end = log[-1].settled.records if log[-1].settled else log[-1].records
    for last, limit in ((one.records, log[-1].records), (settled, end)):
        size = min(last - one.first_record, limit - record) + 1
        if size <= 0:
            continue
        ours = _part([one], one.first_record, size)
        few = _part([one], one.first_record, _SOME), _part(log, record, _SOME)
        if size > _SOME and not _same(connection, *few, columns):
            continue
        if not _same(connection, ours, _part(log, record, size), columns):
            continue
        if one.first_record + size > last:  # all of `one` is in `log`
            more = log[-1].records >= record + size  # which goes on, past a tail of `one` too
            return Copied(one.source, 0, -1 if more or last == one.records else last, by)
        if _moments(connection, ours) > 1:
            return Copied(one.source, one.first_record, one.first_record + size - 1, by)
    return None


def _part(log: list[Source], first: int, size: int) -> str:
    """Return SQL for `size` records of a log from the `first` on, what is settled of each source.

    Their place is counted from the first one.
    """
    ends = [s.settled.records if s.settled else s.records for s in log[:-1]]
    held = " OR ".join(
        [f"source = {s.source} AND record <= {end}" for s, end in zip(log, ends, strict=False)]
        + [f"source = {log[-1].source}"]
    )
    columns = ", ".join(f'"{name}"' for name in _COLUMNS)
    return (
        f"(SELECT record - {first} AS place, {columns} FROM records WHERE ({held}) "
        f"AND record BETWEEN {first} AND {first + size - 1})"
    )


def _same(
    connection: duckdb.DuckDBPyConnection, ours: str, theirs: str, columns: list[str]
) -> bool:
    differ = " OR ".join(f'a."{name}" IS DISTINCT FROM b."{name}"' for name in columns)
    found = connection.execute(
        f"SELECT 1 FROM {ours} a FULL JOIN {theirs} b USING (place) WHERE {differ} LIMIT 1"
    ).fetchone()
    return found is None


def _moments(connection: duckdb.DuckDBPyConnection, part: str) -> int:
    """Return how many times there are among records."""
    found = connection.execute(f"SELECT count(DISTINCT ts) FROM {part}").fetchone()
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
