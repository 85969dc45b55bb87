"""Removes what is older than a day. Findings keep their evidence."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from graphad.store.compact import TABLES, number_of, rewrite
from graphad.store.manifest import Manifest


def prune(store: Path, change: Manifest, before: int) -> tuple[int, int]:
    """Leave out records, edges and counts from before a UTC midnight: (records, edges) that went.

    before: microseconds. Entities go with their last edge; rejects, and records without a time,
    with the last event of their source. What is claimed of an entity goes when it was last said
    before. The manifest still knows the sources, so none of them is
    ingested again.
    """
    live = pa.array(
        [s.source for s in change.sources if s.end is not None and s.end >= before], pa.int64()
    )
    moment = pa.scalar(before, pa.timestamp("us"))

    def young(table: str, rows: pa.Table) -> pa.Table:
        alive = pc.is_in(rows["source"], live)
        if table == "rejects":
            return rows.filter(alive)
        when = rows["last" if table == "aliases" else "ts"]
        late = pc.greater_equal(when.cast(moment.type), moment)
        return rows.filter(pc.if_else(when.is_valid(), late, alive))

    rows = {table: _rows(change, table) for table in ("records", "edges")}
    numbers = sorted({number_of(f) for table in TABLES for f in change.files.get(table, ())})
    with ThreadPoolExecutor(1) as pool:
        for number in numbers:
            if _reaches_before(store, change, number, before):
                rewrite(store, change, [number], pool, young)
    return rows["records"] - _rows(change, "records"), rows["edges"] - _rows(change, "edges")


def _rows(change: Manifest, table: str) -> int:
    return sum(file.rows for file in change.files.get(table, ()))


def _reaches_before(store: Path, change: Manifest, number: int, before: int) -> bool:
    """Say from its files' footers whether a segment holds anything that may have to go."""
    for table in ("records", "edges"):
        for file in change.files.get(table, ()):
            if number_of(file) != number:
                continue
            footer = pq.read_metadata(store / file.name)
            at = footer.schema.names.index("ts")
            for group in range(footer.num_row_groups):
                known = footer.row_group(group).column(at).statistics
                if known is None or not known.has_min_max or known.null_count:
                    return True
                if known.min_raw < before:
                    return True
    return not any(number_of(f) == number for f in change.files.get("edges", ()))
