"""Compares records of different sources, field by field, many pairs of runs at once."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import duckdb

from graphad import schema
from graphad.store.manifest import Source
from graphad.store.tables import fill

# What a decoder may know from earlier records, which a piece of the log lacks.
_REMEMBERED = {
    "process_guid", "parent_guid", "target_guid", "exe", "parent_exe", "target_exe",
    "parent_command", "cwd", "begun",
}  # fmt: skip
_COLUMNS = ["length", *(c.name for c in schema.RECORDS)]
_BEGINNING = 1000  # records, which are compared first
_SLICE = 500_000  # records of one pair compared at once
_AT_ONCE = 1_000_000  # records of all pairs


class Run(NamedTuple):
    """Records of a log from the first on; the log may be in several sources, read as it grew."""

    log: Sequence[Source]
    first: int

    def parts(self, start: int, stop: int) -> Iterator[tuple[int, int, int]]:
        """Return (source, first record, last record) of the places from start to before stop."""
        low, high = self.first + start, self.first + stop - 1
        for i, source in enumerate(self.log):
            settled = source.settled.records if source.settled else source.records
            end = min(high, settled) if i + 1 < len(self.log) else high
            if low <= end:
                yield source.source, low, end
                low = end + 1


class Pair(NamedTuple):
    """Two runs, and how many records of them are to be compared."""

    ours: Run
    theirs: Run
    size: int


def alike(connection: duckdb.DuckDBPyConnection, pairs: Sequence[Pair]) -> list[bool]:
    """Say of each pair whether all its records are the same, but for where they are."""
    same = [True] * len(pairs)
    for alone in (True, False):
        # What decoders remember is left out where one of them does.
        mine = [i for i, pair in enumerate(pairs) if _alone(pair) == alone]
        names = [name for name in _COLUMNS if alone or name not in _REMEMBERED]
        start, stop = 0, _BEGINNING
        while mine := [i for i in mine if same[i] and pairs[i].size > start]:
            for some in _batches(mine, pairs, start, stop):
                for i in _differing(connection, some, pairs, (start, stop), names):
                    same[i] = False
            start, stop = stop, stop + _SLICE
    return same


def _alone(pair: Pair) -> bool:
    return all(source.alone for run in pair[:2] for source in run.log)


def _batches(
    mine: Sequence[int], pairs: Sequence[Pair], start: int, stop: int
) -> Iterator[list[int]]:
    batch: list[int] = []
    held = 0
    for i in mine:
        size = min(pairs[i].size, stop) - start
        if batch and held + size > _AT_ONCE:
            yield batch
            batch, held = [], 0
        batch.append(i)
        held += size
    if batch:
        yield batch


def _differing(
    connection: duckdb.DuckDBPyConnection, some: Sequence[int], pairs: Sequence[Pair],
    slice_: tuple[int, int], names: Sequence[str],
) -> list[int]:  # fmt: skip
    """Return which pairs differ in a slice."""
    start, stop = slice_
    for side in (0, 1):
        ranges = []
        for i in some:
            run = pairs[i].theirs if side else pairs[i].ours
            for source, low, high in run.parts(start, min(stop, pairs[i].size)):
                ranges.append((i, source, low, high, run.first))
        names_of_ranges = ("pair", "source", "low", "high", "first")
        fill(connection, f"side{side}", dict.fromkeys(names_of_ranges, "BIGINT"), ranges)
    columns = ", ".join(f'"{name}"' for name in names)
    differ = " OR ".join(f'a."{name}" IS DISTINCT FROM b."{name}"' for name in names)

    def part(side: int) -> str:
        return (
            f"(SELECT pair, record - first AS place, {columns} FROM records "
            f"JOIN side{side} USING (source) WHERE record BETWEEN low AND high)"
        )

    found = connection.execute(
        f"SELECT DISTINCT pair FROM {part(0)} a FULL JOIN {part(1)} b USING (pair, place) "
        f"WHERE {differ}"
    ).fetchall()
    return [row[0] for row in found]
