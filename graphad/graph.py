"""The provenance graph of one window, as arrays."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Ints = npt.NDArray[np.int64]
Texts = npt.NDArray[np.object_]


def coded(texts: Iterable[str] | pa.ChunkedArray) -> tuple[Ints, list[str]]:
    """Return codes [N] of texts and the distinct texts, numbered in their own order.

    >>> coded(["b", "a", "b"])
    (array([1, 0, 1]), ['a', 'b'])
    """
    if isinstance(texts, pa.ChunkedArray):
        found = texts.cast(pa.string()).combine_chunks().dictionary_encode()
    else:
        found = pa.array(texts, pa.string()).dictionary_encode()
    words = found.dictionary.to_pylist()
    order = sorted(range(len(words)), key=words.__getitem__)
    rank = np.empty(len(words), np.int64)
    rank[order] = np.arange(len(words))
    return rank[found.indices.to_numpy()], [words[i] for i in order]


@dataclass(frozen=True)
class Graph:
    """Entities (N) and events (E) of one window, events in time order.

    Entities: `ids` [N] ascending 64-bit ids; `types`, `names`, `labels`, `details`, `shapes` [N].
    Events, ordered by (ts, source digest, record, ordinal): `src`, `dst` [E] index entities; `ts`
    [E] UTC microseconds; `action`, `host` [E] texts; `source`, `record`, `ordinal` [E] say where an
    event comes from. `told_src`, `told_dst` [E] are the entities that the log itself named, where
    several were found to be one: statistics are learned on their names. `collapsed` events told
    what another one tells and were left out.
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
    def csr(self) -> tuple[Ints, Ints]:
        """Return (offsets [N+1], events [E]): the events out of entity i, in time order."""
        order = np.argsort(self.src, kind="stable")
        offsets = np.zeros(len(self.ids) + 1, np.int64)
        np.cumsum(np.bincount(self.src, minlength=len(self.ids)), out=offsets[1:])
        return offsets, order

    def subset(self, events: npt.NDArray[Any]) -> "Graph":
        """Return the graph of some events (a mask or ascending indices), all entities kept."""
        event_fields = ("src", "dst", "ts", "action", "host", "source", "record", "ordinal")
        changed = {name: getattr(self, name)[events] for name in event_fields}
        for name in ("told_src", "told_dst"):
            told = getattr(self, name)
            changed[name] = None if told is None else told[events]
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

        action, actions = coded(self.action)
        node_type, types = coded(self.types)
        data = Data(
            edge_index=torch.from_numpy(np.stack([self.src, self.dst])),
            ts=torch.from_numpy(self.ts.copy()),
            action=torch.from_numpy(action),
            node_type=torch.from_numpy(node_type),
            num_nodes=len(self.ids),
        )
        data.actions, data.types = actions, types
        return data
