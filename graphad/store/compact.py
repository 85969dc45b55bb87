"""Makes few large segments of many small ones, with the same content."""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from graphad import database, schema
from graphad.store import tally
from graphad.store.counted import summed
from graphad.store.manifest import File, Manifest
from graphad.store.mapped import ENTITY
from graphad.store.segment import SEGMENT, Writer

_PLAIN = ("records", "edges", "rejects", "aliases")  # rows that only move
TABLES = (*_PLAIN, "entities", "counts")
Keep = Callable[[str, pa.Table], pa.Table]  # from a table and some of its rows to those that stay


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
    store: Path, change: Manifest, run: list[int], pool: Executor, keep: Keep | None = None
) -> None:
    """Write segments anew as one, with the rows of `_PLAIN` that `keep` returns of each part.

    Entities are then those of the edges that stay, and counts are theirs. A table with no row left
    gets no file.
    """
    number = change.next_segment
    change.next_segment += 1
    edges: list[pa.Table] = []
    entities = ENTITY.empty_table()
    for table in TABLES:
        files = change.files.get(table, [])
        old = [file for file in files if number_of(file) in run]
        if not old:
            continue
        writer = Writer(store, table, number, pool)
        try:
            groups = _groups(store, table, old)
            if table in _PLAIN:
                for rows in groups:
                    kept = keep(table, rows) if keep else rows
                    if keep and table == "edges":
                        edges.append(kept)
                    _add(writer, kept)
            elif table == "entities":
                entities = _merged(groups)
                if keep:
                    entities = _of_edges(entities, edges)
                _add(writer, entities)
            elif not keep:
                _add(writer, _summed(groups))
            elif entities.num_rows:
                _add(writer, tally.count(pa.concat_tables(edges), entities))
            new = writer.close()
        except BaseException:
            writer.drop()
            raise
        at = files.index(old[0])
        left = [file for file in files if file not in old]
        change.files[table] = left[:at] + ([new] if new else []) + left[at:]


def _add(writer: Writer, rows: pa.Table) -> None:
    if rows.num_rows:
        writer.add(rows)


def _groups(store: Path, table: str, files: list[File]) -> Iterator[pa.Table]:
    texts = {c.name for c in schema.TABLES[table] if c.kind == "text"}
    for file in files:
        names = pq.read_schema(store / file.name).names  # an older one lacks newer columns
        opened = pq.ParquetFile(store / file.name, read_dictionary=sorted(texts & set(names)))
        for group in range(opened.num_row_groups):
            yield opened.read_row_group(group)


def _merged(groups: Iterator[pa.Table]) -> pa.Table:
    said = [group.select(ENTITY.names).cast(ENTITY) for group in groups]
    return tally.name(tally.merge(said)[0])


def _of_edges(entities: pa.Table, edges: list[pa.Table]) -> pa.Table:
    """Return the entities at the ends of some edges."""
    ids = [chunk for part in edges for end in ("src", "dst") for chunk in part[end].chunks]
    return entities.filter(pc.is_in(entities["id"], pa.chunked_array(ids, pa.int64()).unique()))


def _summed(groups: Iterator[pa.Table]) -> pa.Table:
    connection = database.connect(config=database.SHUT | {"threads": "2"})
    connection.register("counts", pa.concat_tables(groups))
    try:
        return summed(connection, "true")
    finally:
        connection.close()
