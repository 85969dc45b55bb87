"""A graph while its entities are being united: ends moved, entities added, pairs noted."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from graphad.graph import Graph, coded, dictionary, joined
from graphad.models.codes import GOLDEN, changes, scattered

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
SAME = 1_000_000  # us; two logs stamp one event within this, for some cut to whole seconds


def keep(connection: duckdb.DuckDBPyConnection, name: str, rows: pa.Table) -> None:
    """Make rows a temporary table of a name of ours, in place of one of that name."""
    connection.register("kept_rows", rows)
    try:
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT * FROM kept_rows")
    finally:
        connection.unregister("kept_rows")


def mixed(ids: Ints, salt: Ints) -> Ints:
    """Return ids [N] of parts of entities; the ids are secret hashes, so nobody can aim these."""
    x = ids.view(np.uint64) ^ (salt.view(np.uint64) * GOLDEN)
    found: Ints = scattered(x).view(np.int64)
    return found


class Uniting:
    """What becomes of a graph of E events.

    `at` [2E] are the entities at the ends of events, sources first, then destinations; `told` [2E]
    those whose names they are scored by. `lived` [2E] are the ends at which a mere pid stood for a
    process that another log may tell of too.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.at: Ints = np.concatenate([graph.src, graph.dst])
        self.told = self.at.copy()
        self.lived = np.zeros(len(self.at), bool)
        self.ts, self.host = graph.ts, graph.host
        self._columns: dict[str, list[Any]] = {
            name: [] for name in ("types", "labels", "details", "names", "shapes")
        }
        self._place: dict[int, int] = {}
        self._pairs: list[npt.NDArray[np.int64]] = []

    def events(self, ends: Ints) -> Ints:
        """Return the events that ends [N] are of."""
        return ends % len(self.graph)

    def ends_at(self, entities: Ints) -> tuple[Ints, Ints]:
        """Return (ends, which of some entities stands there) of all ends at entities [N]."""
        number = np.full(len(self.graph.ids), -1, np.int64)
        number[entities] = np.arange(len(entities))
        which = number[np.concatenate([self.graph.src, self.graph.dst])]
        ends = np.flatnonzero(which >= 0)
        return ends, which[ends]

    def entity(self, found: int, kind: str, label: str | None, detail: str | None = None) -> int:
        """Return the place of the entity of an id, added if the graph has none."""
        from graphad.models.names import canonical, command_shape

        at = int(np.searchsorted(self.graph.ids, found))
        if at < len(self.graph.ids) and self.graph.ids[at] == found:
            return at
        if found not in self._place:
            self._place[found] = len(self.graph.ids) + len(self._place)
            text = label or ""
            shape = None if detail is None else command_shape(detail)
            row = (kind, text, detail, canonical(kind, text), shape)
            for column, value in zip(self._columns.values(), row, strict=True):
                column.append(value)
        return self._place[found]

    def unite(self, a: Ints, b: Ints) -> None:
        """Note that entities [N] are one with others [N]."""
        self._pairs.append(np.stack([a, b]))

    def move(self, ends: Ints, to: Ints, *, tell: bool) -> None:
        """Put other entities at some ends; `tell`: score them by the new ones' names too."""
        self.at[ends] = to
        if tell:
            self.told[ends] = to

    @property
    def columns(self) -> dict[str, npt.NDArray[np.object_]]:
        """Return what is known of all entities [N], the added ones last."""
        return {
            name: np.concatenate([getattr(self.graph, name), _objects(more)])
            for name, more in self._columns.items()
        }

    @property
    def ids(self) -> Ints:
        """Return the ids of all entities [N], the added ones last."""
        return np.concatenate([self.graph.ids, np.array(list(self._place), np.int64)])

    def settled(self) -> Ints:
        """Return the entities [2E] that stand at the ends: of each class the one that says most."""
        if not self._pairs:
            return self.at
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        ids, columns = self.ids, self.columns
        a, b = np.concatenate(self._pairs, axis=1)
        links = coo_array((np.ones(len(a), np.int8), (a, b)), shape=(len(ids), len(ids)))
        _, label = connected_components(links, directed=False)
        members = np.unique(np.concatenate([a, b]))
        texts = ["" if text is None else text for text in columns["labels"][members]]
        rank, _ = coded(texts)
        said = np.array([detail is not None for detail in columns["details"][members]], bool)
        length = np.array([len(text) for text in texts], np.int64)
        order = np.lexsort((ids[members], rank, length, said))
        best = np.empty(len(ids), np.int64)
        best[label[members[order]]] = members[order]  # the last one stays
        stands = np.arange(len(ids))
        stands[members] = best[label[members]]
        found: Ints = stands[self.at]
        return found

    def finish(self) -> Graph:
        """Return the graph with each class as one entity, and each event told by two logs once."""
        graph = self.graph
        plain = np.concatenate([graph.src, graph.dst])
        if not self._pairs and np.array_equal(self.at, plain) and self.ts is graph.ts:
            return graph if self.host is graph.host else replace(graph, host=self.host)
        found = self.loose()
        return found.once(np.arange(len(graph)), found.repeated())

    def loose(self) -> "Loose":
        """Return the events with each class as one entity, not yet in order and each told once."""
        graph, events = self.graph, len(self.graph)
        ids = self.ids
        order = np.argsort(ids)
        place = np.empty(len(ids), np.int64)
        place[order] = np.arange(len(ids))
        src, dst = np.split(place[self.settled()], 2)
        told_src, told_dst = np.split(place[self.told], 2)
        changed: dict[str, Any] = {name: values[order] for name, values in self.columns.items()}
        made = replace(
            graph, ids=ids[order], **changed, src=src, dst=dst, ts=self.ts, host=self.host,
            told_src=told_src, told_dst=told_dst,
        )  # fmt: skip
        return Loose(made, self.ts != graph.ts, self.lived[:events] | self.lived[events:])


@dataclass(frozen=True)
class Loose:
    """E events of united entities, in the order they had before some were put later.

    moved [E]: put to another time; borrowed [E]: with an end that a mere pid stood for.
    """

    graph: Graph
    moved: Bools
    borrowed: Bools

    def repeated(self) -> Bools:
        """Return which events [E] repeat others; see `repeated`."""
        graph = self.graph
        return repeated(graph.src, graph.dst, graph.action, graph.ts, self.borrowed)

    def once(self, events: Ints, again: Bools) -> Graph:
        """Return the graph of some events, in the order of time, without those that repeat."""
        kept = events[~again[events]]
        if self.moved[kept].any():
            # What was put later, to when it was opened, comes after that.
            kept = kept[np.lexsort((kept, self.moved[kept], self.graph.ts[kept]))]
        elif len(kept) == len(self.graph):
            return self.graph
        return replace(self.graph.subset(kept), collapsed=int(again[events].sum()))

    def part(self, events: npt.NDArray[Any]) -> "Loose":
        """Return a few events (a mask or ascending indices), with the entities they need."""
        graph = self.graph.subset(events).used()
        # A dictionary that goes from slice to slice would in the end have all that any of them say.
        fields = {n: t.dictionary_decode().dictionary_encode() for n, t in graph.fields.items()}
        graph = replace(graph, fields=fields)
        return Loose(graph, self.moved[events], self.borrowed[events])


def joined_loose(parts: Sequence[Loose]) -> Loose:
    """Return the events of some parts, one after another. Raises: ValueError: there is no part."""
    graphs = [part.graph for part in parts]
    fields = {
        name: pa.chunked_array([one.fields[name] for one in graphs]).unify_dictionaries()
        for name in graphs[0].fields
    }
    return Loose(
        replace(joined(graphs), fields={n: dictionary(texts) for n, texts in fields.items()}),
        np.concatenate([part.moved for part in parts]),
        np.concatenate([part.borrowed for part in parts]),
    )


def _objects(values: Sequence[object]) -> npt.NDArray[np.object_]:
    made: npt.NDArray[np.object_] = np.fromiter(values, object, len(values))
    return made


def repeated(src: Ints, dst: Ints, action: Any, ts: Ints, borrowed: Bools) -> Bools:
    """Say which events [E] are told by another log too, within SAME, by its own identities.

    Only an event with an end that a pid stood for (`borrowed`) can repeat one that has none such.
    """
    again = np.zeros(len(src), bool)
    if not borrowed.any():
        return again
    size = int(max(src.max(), dst.max())) + 1
    from_, to = np.zeros(size, bool), np.zeros(size, bool)
    from_[src[borrowed]] = to[dst[borrowed]] = True
    some = np.flatnonzero(from_[src] & to[dst])
    keys = np.stack([src[some], dst[some], coded(action[some])[0]])
    order = np.lexsort((ts[some], *keys))
    some, keys = some[order], keys[:, order]
    group, own = np.cumsum(changes(*keys)), ~borrowed[some]
    for step in (1, -1):
        at = np.arange(len(some))[::step]
        near = np.maximum.accumulate(np.where(own[at], np.arange(len(some)), -1))
        other = np.where(near >= 0, at[near], 0)
        same = (near >= 0) & (group[other] == group[at])
        same &= np.abs(ts[some[other]] - ts[some[at]]) <= SAME
        again[some[at[same & ~own[at]]]] = True
    return again
