"""The provenance graph of one window, as arrays."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Texts = npt.NDArray[np.object_]


@dataclass(frozen=True)
class Graph:
    """Entities (N) and events (E) of one window, events in time order.

    Entities: `ids` [N] ascending 64-bit ids; `types`, `names`, `labels`, `details`, `shapes` [N].
    Events, ordered by (ts, source digest, record, ordinal): `src`, `dst` [E] index entities; `ts`
    [E] UTC microseconds; `action`, `host` [E] texts; `source`, `record`, `ordinal` [E] say where an
    event comes from.
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

    def __len__(self) -> int:
        """Return the number of events."""
        return len(self.src)

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
        kept = ("ids", "types", "names", "labels", "details", "shapes")
        return Graph(**{name: getattr(self, name) for name in kept}, **changed)

    def to_networkx(self, limit: int = 100_000) -> Any:
        """Return a networkx.MultiDiGraph keyed by entity id. Raises: ValueError past `limit` events."""
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
        """Return a torch_geometric.data.Data: edge_index [2, E], ts [E], action [E], node_type [N]."""
        import torch
        from torch_geometric.data import Data

        actions, action = np.unique(self.action.astype(str), return_inverse=True)
        types, node_type = np.unique(self.types.astype(str), return_inverse=True)
        data = Data(
            edge_index=torch.from_numpy(np.stack([self.src, self.dst])),
            ts=torch.from_numpy(self.ts.copy()),
            action=torch.from_numpy(action),
            node_type=torch.from_numpy(node_type),
            num_nodes=len(self.ids),
        )
        data.actions, data.types = list(actions), list(types)
        return data
