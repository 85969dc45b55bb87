"""Takes sources out of a store, whose content was parsed anew."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from graphad.store import tally
from graphad.store.compact import number_of, rewrite
from graphad.store.manifest import Manifest


def replace(store: Path, change: Manifest, by: Mapping[int, int]) -> None:
    """Remove sources with all that came from them; `by` says which source has their content now."""
    gone = pa.array(sorted(by), pa.int64())
    touched = {
        number_of(file)
        for table in ("records", "rejects")
        for file in change.files.get(table, ())
        if pc.any(
            pc.is_in(pq.read_table(store / file.name, columns=["source"])["source"], gone)
        ).as_py()
    }
    with ThreadPoolExecutor(1) as pool:
        for number in sorted(touched):
            rewrite(store, change, [number], pool, _Others(gone))
    change.sources = [s for s in change.sources if s.source not in by]
    for source in change.sources:
        if source.continues is not None:
            source.continues = by.get(source.continues, source.continues)


class _Others:
    """Keeps the rows of one segment that came from other sources."""

    def __init__(self, gone: pa.Array) -> None:
        self.gone = gone
        self.edges: list[pa.Table] = []
        self.entities: pa.Table | None = None

    def __call__(self, table: str, rows: pa.Table) -> pa.Table:
        if table == "counts":  # they name no source
            if self.entities is None or not self.entities.num_rows:
                return rows.slice(0, 0)
            return tally.count(pa.concat_tables(self.edges), self.entities)
        if table == "entities":
            ids = pa.concat_tables(self.edges).select(["src", "dst"])
            used = pa.chunked_array([c for ends in ids.columns for c in ends.chunks], pa.int64())
            self.entities = rows.filter(pc.is_in(rows["id"], used.unique()))
            return self.entities
        rows = rows.filter(pc.invert(pc.is_in(rows["source"], self.gone)))
        if table == "edges":
            self.edges.append(rows)
        return rows
