"""The provenance graph of one window, as arrays."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Texts = npt.NDArray[np.object_]

HOUR = 3_600_000_000  # us
ALL = "*"  # field that stands for all that a record has: a list of (name, type, value)

_ENTITY = ("ids", "types", "names", "labels", "details", "shapes")
_EVENT = ("src", "dst", "ts", "action", "host", "source", "record", "ordinal")


def coded(
    texts: Iterable[str] | pa.ChunkedArray | pa.DictionaryArray,
) -> tuple[Ints, list[str]]:
    """Return codes [N] of texts and the distinct texts, numbered in their own order.

    >>> coded(["b", "a", "b"])
    (array([1, 0, 1]), ['a', 'b'])
    """
    if isinstance(texts, pa.DictionaryArray):
        found = texts
    elif isinstance(texts, pa.ChunkedArray):
        found = texts.cast(pa.string()).combine_chunks().dictionary_encode()
    else:
        found = pa.array(texts, pa.string()).dictionary_encode()
    words = found.dictionary.to_pylist()
    order = sorted(range(len(words)), key=words.__getitem__)
    rank = np.empty(len(words), np.int64)
    rank[order] = np.arange(len(words))
    return rank[found.indices.to_numpy()], [words[i] for i in order]


def dictionary(column: pa.ChunkedArray) -> pa.DictionaryArray:
    """Return a text column as one array that has each text once."""
    coded = column.dictionary_encode().combine_chunks()
    if isinstance(coded, pa.ChunkedArray):  # a column without chunks stays one
        coded = (
            coded.chunk(0) if coded.num_chunks else pa.array([], pa.string()).dictionary_encode()
        )
    return coded


def positions(texts: pa.DictionaryArray) -> Ints:
    """Return where the dictionary has each of N texts, [N]; -1 for null."""
    found: Ints = texts.indices.fill_null(-1).to_numpy().astype(np.int64)
    return found


@dataclass(frozen=True)
class Graph:
    """Entities (N) and events (E) of one window, events in time order.

    Entities: `ids` [N] ascending 64-bit ids; `types`, `names`, `labels`, `details`, `shapes` [N].
    Events, ordered by (ts, source digest, record, ordinal): `src`, `dst` [E] index entities; `ts`
    [E] UTC microseconds; `action`, `host` [E] texts; `source`, `record`, `ordinal` [E] say where an
    event comes from. `told_src`, `told_dst` [E] are the entities that the log itself named, where
    several were found to be one: statistics are learned on their names. `collapsed` events told
    what another one tells and were left out. `fields`: what else the events' records say, texts
    [E] by the name of the field, null where nothing is said; only those that were asked for.
    """

    ids: Ints
    types: Texts
    names: Texts
    labels: Texts
    details: Texts
    shapes: Texts
    src: Ints
    dst: Ints
    ts: Ints
    action: Texts
    host: Texts
    source: Ints
    record: Ints
    ordinal: Ints
    told_src: Ints | None = None
    told_dst: Ints | None = None
    collapsed: int = 0
    fields: Mapping[str, pa.Array] = field(default_factory=dict)

    def __len__(self) -> int:
        """Return the number of events."""
        return len(self.src)

    @property
    def told(self) -> tuple[Ints, Ints]:
        """Return the entities that the log named at both ends of the events [E]."""
        return (
            self.src if self.told_src is None else self.told_src,
            self.dst if self.told_dst is None else self.told_dst,
        )

    @cached_property
    def _encoded(self) -> dict[str, pa.DictionaryArray]:
        return {}

    def encoded(self, column: str) -> pa.DictionaryArray:
        """Return one of its text columns, encoded once for all who ask; null where it is None."""
        if column not in self._encoded:
            texts = pa.array(getattr(self, column), pa.string())
            self._encoded[column] = texts.dictionary_encode()
        return self._encoded[column]

    @cached_property
    def hosts(self) -> tuple[Ints, list[str]]:
        """Return (number of each event's host [E], the hosts by number)."""
        return coded(self.encoded("host"))

    @cached_property
    def csr(self) -> tuple[Ints, Ints]:
        """Return (offsets [N+1], events [E]): the events out of entity i, in time order."""
        order = np.argsort(self.src, kind="stable")
        offsets = np.zeros(len(self.ids) + 1, np.int64)
        np.cumsum(np.bincount(self.src, minlength=len(self.ids)), out=offsets[1:])
        return offsets, order

    def subset(self, events: npt.NDArray[Any]) -> "Graph":
        """Return the graph of some events (a mask or ascending indices), all entities kept."""
        changed = {name: getattr(self, name)[events] for name in _EVENT}
        for name in ("told_src", "told_dst"):
            told = getattr(self, name)
            changed[name] = None if told is None else told[events]
        if self.fields:
            at = pa.array(np.arange(len(self))[events], pa.int64())
            changed["fields"] = {name: texts.take(at) for name, texts in self.fields.items()}
        return replace(self, **changed)

    def among(self, hosts: Iterable[str] | None, types: Iterable[str] | None) -> Bools:
        """Return which events [E] are of hosts and between entities of types; None is all."""
        chosen = np.ones(len(self), bool)
        if hosts is not None:
            wanted = {host.lower() for host in hosts}
            chosen &= np.array([host.lower() in wanted for host in self.host], bool)
        if types is not None:
            fits = self.are(types)
            chosen &= fits[self.src] & fits[self.dst]
        return chosen

    def are(self, kinds: Iterable[str]) -> Bools:
        """Return which entities [N] are of some types."""
        return self.said("types", kinds)

    def said(self, column: str, words: Iterable[str]) -> Bools:
        """Return which entities [N] or events [E] say one of some words in a text column."""
        told = self.encoded(column)
        wanted = pc.is_in(told.dictionary, pa.array(sorted(words), pa.string()))
        found: Bools = np.append(wanted.to_numpy(False), False)[positions(told)]
        return found

    def used(self) -> "Graph":
        """Return the graph without the entities that no event has, nor was told of."""
        met = np.zeros(len(self.ids), bool)
        for ends in (self.src, self.dst, *self.told):
            met[ends] = True
        place = np.cumsum(met) - 1
        changed = {name: getattr(self, name)[met] for name in _ENTITY}
        for name in ("src", "dst", "told_src", "told_dst"):
            ends = getattr(self, name)
            changed[name] = None if ends is None else place[ends]
        return replace(self, **changed)

    def to_networkx(self, limit: int = 100_000) -> Any:
        """Return a networkx.MultiDiGraph by entity id. Raises: ValueError past `limit` events."""
        import networkx

        if len(self) > limit:
            raise ValueError(f"{len(self)} events are too many for networkx; the limit is {limit}")
        made = networkx.MultiDiGraph()
        for i in np.unique(np.concatenate([self.src, self.dst])):
            made.add_node(
                int(self.ids[i]), type=self.types[i], name=self.names[i], label=self.labels[i]
            )
        for e in range(len(self)):
            made.add_edge(
                int(self.ids[self.src[e]]), int(self.ids[self.dst[e]]),
                action=self.action[e], ts=int(self.ts[e]), host=self.host[e],
            )  # fmt: skip
        return made

    def to_pyg(self) -> Any:
        """Return torch_geometric Data: edge_index [2, E], ts [E], action [E], node_type [N]."""
        import torch
        from torch_geometric.data import Data

        action, actions = coded(self.encoded("action"))
        node_type, types = coded(self.encoded("types"))
        data = Data(
            edge_index=torch.from_numpy(np.stack([self.src, self.dst])),
            ts=torch.from_numpy(self.ts.copy()),
            action=torch.from_numpy(action),
            node_type=torch.from_numpy(node_type),
            num_nodes=len(self.ids),
        )
        data.actions, data.types = actions, types
        return data


def joined(parts: Sequence[Graph]) -> Graph:
    """Return the graph of the events of some graphs, those of one after those of another.

    Entities are one if their ids are; the first graph that has one says what it is. The events have
    to follow each other in time, or else are not in time order. Fields are not taken along.

    Raises:
        ValueError: there is no graph.
    """
    if len(parts) == 1:
        return parts[0]
    ids, first = np.unique(np.concatenate([part.ids for part in parts]), return_index=True)
    made: dict[str, Any] = {
        name: np.concatenate([getattr(part, name) for part in parts])[first] for name in _ENTITY[1:]
    }
    made |= {name: np.concatenate([getattr(part, name) for part in parts]) for name in _EVENT[2:]}
    place = [np.searchsorted(ids, part.ids) for part in parts]

    def ends(name: str) -> Ints:
        return np.concatenate([at[getattr(p, name)] for at, p in zip(place, parts, strict=True)])

    made |= {name: ends(name) for name in ("src", "dst")}
    if any(part.told_src is not None or part.told_dst is not None for part in parts):
        told = [[at[one] for one in p.told] for at, p in zip(place, parts, strict=True)]
        made["told_src"], made["told_dst"] = (np.concatenate(t) for t in zip(*told, strict=True))
    return Graph(ids=ids, **made, collapsed=sum(part.collapsed for part in parts))
