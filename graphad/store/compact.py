"""Makes few large segments of many small ones, with the same content."""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from graphad import database, schema
from graphad.store import tally
from graphad.store.manifest import File, Manifest
from graphad.store.mapped import ENTITY
from graphad.store.segment import SEGMENT, Writer

_PLAIN = ("records", "edges", "rejects")  # rows that only move
TABLES = (*_PLAIN, "entities", "counts")
Keep = Callable[[str, pa.Table], pa.Table]
_SUMS = """SELECT day, host, src_type, src_name, action, dst_type, dst_name, shape,
                  sum(n)::BIGINT AS n, bit_or(hours)::BIGINT AS hours
           FROM counts GROUP BY ALL ORDER BY ALL"""


def compact(store: Path, change: Manifest) -> int:
    """Merge runs of small segments and name the new files in `change`; return how many went.

    A new segment has at most SEGMENT records; segments that already have half of that stay. The
    order of rows is that of the old segments one after another.
    """
    gone = 0
    with ThreadPoolExecutor(1) as pool:
        for run in _runs(change):
            rewrite(store, change, run, pool)
            gone += len(run) - 1
    return gone


def number_of(file: File) -> int:
    """Return the number of the segment that a file belongs to."""
    return int(Path(file.name).stem)


def _runs(change: Manifest) -> list[list[int]]:
    """Return the segments that are to become one, by their numbers."""
    rows: dict[int, int] = {}
    for table in TABLES:
        for file in change.files.get(table, ()):
            rows.setdefault(number_of(file), 0)
            if table == "records":
                rows[number_of(file)] += file.rows
    runs: list[list[int]] = [[]]
    held = 0
    for number in sorted(rows):
        if rows[number] >= SEGMENT // 2:
            continue
        if held + rows[number] > SEGMENT:
            runs.append([])
            held = 0
        runs[-1].append(number)
        held += rows[number]
    return [run for run in runs if len(run) > 1]


def rewrite(
    store: Path, change: Manifest, run: list[int], pool: Executor, keep: Keep = lambda _, rows: rows
) -> None:
    """Write segments anew as one, with the rows that `keep` returns of each part of a table.

    `keep` gets the tables in the order of TABLES. A table with no row left gets no file.
    """
    number = change.next_segment
    change.next_segment += 1
    for table in TABLES:
        files = change.files.get(table, [])
        old = [file for file in files if number_of(file) in run]
        if not old:
            continue
        writer = Writer(store, table, number, pool)
        try:
            for rows in _rows(store, table, old):
                kept = keep(table, rows)
                if kept.num_rows:
                    writer.add(kept)
            new = writer.close()
        except BaseException:
            writer.drop()
            raise
        at = files.index(old[0])
        left = [file for file in files if file not in old]
        change.files[table] = left[:at] + ([new] if new else []) + left[at:]


def _rows(store: Path, table: str, files: list[File]) -> Iterator[pa.Table]:
    texts = [c.name for c in schema.TABLES[table] if c.kind == "text"]
    groups = (
        opened.read_row_group(group)
        for file in files
        for opened in [pq.ParquetFile(store / file.name, read_dictionary=texts)]
        for group in range(opened.num_row_groups)
    )
    if table in _PLAIN:
        yield from groups
    elif table == "entities":
        said = [group.select(ENTITY.names).cast(ENTITY) for group in groups]
        yield tally.name(tally.merge(said)[0])
    else:
        connection = database.connect(config=database.SHUT | {"threads": "2"})
        connection.register("counts", pa.concat_tables(groups))
        yield connection.sql(_SUMS).to_arrow_table()
        connection.close()
