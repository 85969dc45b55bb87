"""Takes sources out of a store, whose content was parsed anew."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

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

    def others(_: str, rows: pa.Table) -> pa.Table:
        return rows.filter(pc.invert(pc.is_in(rows["source"], gone)))

    with ThreadPoolExecutor(1) as pool:
        for number in sorted(touched):
            rewrite(store, change, [number], pool, others)
    change.sources = [s for s in change.sources if s.source not in by]
    for source in change.sources:
        if source.continues is not None:
            source.continues = by.get(source.continues, source.continues)
