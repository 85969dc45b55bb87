"""Takes records out of a store, with all that came from them."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from graphad.store import states
from graphad.store.compact import number_of, rewrite
from graphad.store.manifest import File, Manifest

ALL = (0, 2**62)  # every record of a source


def remove(store: Path, change: Manifest, gone: Mapping[int, tuple[int, int]]) -> None:
    """Remove the records from first to last, both counted in, of each source in `gone`."""
    if not gone:
        return

    whole = pa.array([source for source, range_ in gone.items() if range_ == ALL], pa.int64())

    def others(_: str, rows: pa.Table) -> pa.Table:
        leaves = pc.is_in(rows["source"], whole)
        for source, (first, last) in gone.items():
            if (first, last) != ALL:
                record = rows["record"]
                inside = pc.and_(pc.greater_equal(record, first), pc.less_equal(record, last))
                leaves = pc.or_(leaves, pc.and_(pc.equal(rows["source"], source), inside))
        return rows.filter(pc.invert(leaves))

    touched = {
        number_of(file)
        for table in ("records", "rejects")
        for file in change.files.get(table, ())
        if _may_hold(store, file, gone)
    }
    with ThreadPoolExecutor(1) as pool:
        for number in sorted(touched):
            rewrite(store, change, [number], pool, others)


def _may_hold(store: Path, file: File, sources: Mapping[int, object]) -> bool:
    """Say whether a file may hold rows of some sources, from its footer."""
    footer = pq.read_metadata(store / file.name)
    at = footer.schema.names.index("source")
    for group in range(footer.num_row_groups):
        known = footer.row_group(group).column(at).statistics
        if known is None or not known.has_min_max:
            return True
        if any(known.min <= source <= known.max for source in sources):
            return True
    return False


def replace(store: Path, change: Manifest, by: Mapping[int, int]) -> None:
    """Remove whole sources; `by` says which source has their content now."""
    remove(store, change, dict.fromkeys(by, ALL))
    change.sources = [s for s in change.sources if s.source not in by]
    for source in change.sources:
        if source.continues is not None:
            source.continues = by.get(source.continues, source.continues)
        if source.same_as is not None:
            source.same_as = by.get(source.same_as, source.same_as)
    states.tidy(change)
