"""Writes segments: the immutable Parquet files of one batch of records."""

import hashlib
import os
from concurrent.futures import Executor, Future, wait
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from graphad import schema
from graphad.store import encodings, tally
from graphad.store.encodings import Encodings, typed
from graphad.store.manifest import File, sync_folder
from graphad.store.mapped import CODED

SEGMENT = 500_000  # records, after which a segment is closed; it has about as many edges
GROUP = 262_144  # rows of a row group
_HELD = 192 * 1024 * 1024  # bytes of buffered tables, after which a row group is written


class Writer:
    """One Parquet file, written aside and renamed when whole."""

    def __init__(self, store: Path, table: str, number: int, pool: Executor) -> None:
        self.table = table
        self.pool = pool
        self.writing: Future[None] | None = None
        self.name = f"{table}/{number:06d}.parquet"
        self.path = store / self.name
        self.aside = self.path.with_name(f".{self.path.name}.{os.getpid()}.tmp")
        self.path.parent.mkdir(exist_ok=True)
        self.encodings: Encodings | None = None
        self.held: list[pa.Table] = []
        self.held_rows = self.rows = self.held_bytes = 0
        self.writer: Any = None

    def add(self, table: pa.Table) -> None:
        """Take rows; a whole row group of them is written."""
        self.held.append(table)
        self.held_rows += table.num_rows
        self.held_bytes += table.nbytes
        if self.held_rows >= GROUP or self.held_bytes >= _HELD:
            self.flush()

    def flush(self) -> None:
        """Have what is held written in the background, one row group at a time."""
        if self.held:
            self.wait()
            self.writing = self.pool.submit(self._write, self.held)
            self.held, self.held_rows, self.held_bytes = [], 0, 0

    def wait(self) -> None:
        """Wait for the row group that is being written; raises what that raised."""
        if self.writing is not None:
            writing, self.writing = self.writing, None
            writing.result()

    def _write(self, held: list[pa.Table]) -> None:
        group = joined(held).unify_dictionaries()
        if self.encodings is None:
            kinds = {c.name: c.kind for c in schema.TABLES[self.table]}
            self.encodings = encodings.of_file(kinds, group)
            types = self.encodings.types
            ints = {n: "DELTA_BINARY_PACKED" for n, kind in types.items() if _delta(n, kind)}
            self.writer = pq.ParquetWriter(
                self.aside, pa.schema(list(types.items())),
                compression="zstd", compression_level=3,
                use_dictionary=self.encodings.repeating,
                column_encoding=ints, dictionary_pagesize_limit=16 << 20,
                write_statistics=["ts", "record", "source", "host", "id", "day"],
                store_schema=False,
            )  # fmt: skip
        for part in self.encodings.parts(group):
            columns = self.encodings.columns(part)
            rows = pa.Table.from_arrays(columns, names=list(self.encodings.types))
            self.writer.write_table(rows, row_group_size=GROUP)
        self.rows += group.num_rows

    def close(self) -> File | None:
        """Write what is left; return the file, synced and in place."""
        self.wait()
        if self.held:
            self._write(self.held)
            self.held = []
        if self.encodings is None:
            return None
        self.writer.close()
        digest = hashlib.sha256()
        with self.aside.open("rb+") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
            os.fsync(file.fileno())
            size = file.tell()
        start, end = _span(self.aside) if "ts" in self.encodings.types else (None, None)
        self.aside.replace(self.path)
        sync_folder(self.path.parent)
        return File(
            self.name, self.rows, size, digest.hexdigest(), start, end, version=schema.VERSION
        )

    def drop(self) -> None:
        """Leave nothing behind."""
        if self.writing is not None:
            wait([self.writing])
        if self.writer is not None:
            self.writer.close()
        self.aside.unlink(missing_ok=True)


def _span(path: Path) -> tuple[int | None, int | None]:
    """Return the first and the last time in a file, from its footer."""
    found = pq.read_metadata(path)
    at = found.schema.names.index("ts")
    groups = [found.row_group(i).column(at).statistics for i in range(found.num_row_groups)]
    known = [s for s in groups if s is not None and s.has_min_max]
    if not known:
        return None, None
    first = min(s.min_raw for s in known), max(s.max_raw for s in known)
    return int(first[0]), int(first[1])


def joined(tables: list[pa.Table]) -> pa.Table:
    """Return tables of any parsers as one; a text is a dictionary in some and plain in others."""
    kinds: dict[str, set[pa.DataType]] = {}
    for table in tables:
        for field in table.schema:
            kinds.setdefault(field.name, set()).add(field.type)
    mixed = [n for n, found in kinds.items() if len(found) > 1 and CODED in found]
    for i, table in enumerate(tables):
        for name in set(mixed) & set(table.column_names):
            at = table.schema.get_field_index(name)
            tables[i] = tables[i].set_column(at, name, typed(table, name, CODED))
    return pa.concat_tables(tables, promote_options="permissive")


def _delta(name: str, kind: pa.DataType) -> bool:
    return name in ("record", "offset", "length", "line", "ts", "ordinal", "source", "begun") or (
        pa.types.is_timestamp(kind)
    )


class Segment:
    """Records, edges, entities, counts and rejects of up to SEGMENT records."""

    def __init__(self, store: Path, number: int, pool: Executor) -> None:
        self.store = store
        self.pool = pool  # writes row groups; close must not run in it
        self.number = number
        self.rows = 0
        self._writers: dict[str, Writer] = {}
        self._edges: list[pa.Table] = []
        self._entities: list[pa.Table] = []
        self.collisions = 0

    def add(self, table: str, rows: pa.Table | None) -> None:
        """Take rows of a table."""
        if rows is None or not rows.num_rows:
            return
        if table == "entities":
            self._entities.append(rows)
            return
        if table == "edges":
            self._edges.append(rows.select(["ts", "host", "src", "dst", "action"]))
        if table == "records":
            self.rows += rows.num_rows
        if table not in self._writers:
            self._writers[table] = Writer(self.store, table, self.number, self.pool)
        self._writers[table].add(rows)

    def close(self) -> dict[str, File]:
        """Write what is left and return the files, synced and in place."""
        for writer in self._writers.values():
            writer.flush()
        if self._entities:
            self._finish()
        files = {table: writer.close() for table, writer in self._writers.items()}
        return {table: file for table, file in files.items() if file is not None}

    def drop(self) -> None:
        """Leave nothing behind."""
        for writer in self._writers.values():
            writer.drop()

    def _finish(self) -> None:
        """Merge what was said of each entity, name it, and count edges by name."""
        said, self._entities = self._entities, []
        entities, self.collisions = tally.merge(said)
        entities = tally.name(entities)
        edges = joined(self._edges)
        self._edges = []
        counts = tally.count(edges, entities)
        for table, found in (("entities", entities), ("counts", counts)):
            self._writers[table] = Writer(self.store, table, self.number, self.pool)
            self._writers[table].add(found)
