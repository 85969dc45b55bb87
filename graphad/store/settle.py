"""The end of a run of ingest: what it read is the only one to have its records."""

from collections.abc import Iterable
from dataclasses import replace as changed
from pathlib import Path

from graphad.store.ingest import Ingest, Ingested
from graphad.store.manifest import Source
from graphad.store.overlap import drop_copies
from graphad.store.remove import ALL, remove, replace


def settle(store: Path, run: Ingest, done: Iterable[Ingested]) -> list[Ingested]:
    """Remove what is replaced, outgrown or a copy; return the results as they are then."""
    change = run.manifest
    if run.replaced:
        replace(store, change, run.replaced)
    remove(store, change, _tails(run.grown))
    copies = drop_copies(store, change, run.begin, run.begin_segment)
    sources = {s.source: s for s in change.sources}
    by = run.replaced | {copied.source: copied.by for copied in copies if copied.last < 0}
    return [_as_it_is(one, sources, by) for one in done]


def _tails(grown: Iterable[Source]) -> dict[int, tuple[int, int]]:
    """Return the tails of sources that another one continues; they are told no more."""
    tails = {}
    for source in grown:
        assert source.settled is not None
        if source.records > source.settled.records:
            tails[source.source] = (source.settled.records + 1, ALL[1])
        source.cut_tail()
    return tails


def _as_it_is(one: Ingested, sources: dict[int, Source], by: dict[int, int]) -> Ingested:
    if one.source is None:
        return one
    source = sources.get(one.source)
    number = one.source
    while number in by:
        number = by[number]
    one = changed(one, source=number)
    if source is None or not one.read:
        return one
    note = "already there" if source.same_as is not None else one.note
    return changed(
        one, note=note, used=source.used, ignored=sum(source.ignored.values()),
        rejected=source.rejected, edges=source.edges,
    )  # fmt: skip
