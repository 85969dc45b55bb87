"""Units as small graphs; features of their nodes: types, actions, degrees, rarity of names."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from graphad.detectors.window_units import Units
from graphad.graph import Graph, coded
from graphad.models.codes import Hashes, hashed
from graphad.models.graph_batch import GraphBatch
from graphad.schema import ACTIONS, ENTITY_TYPES

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

ENTITIES = ENTITY_TYPES
FEATURES: tuple[str, ...] = (
    *ENTITIES, *ACTIONS, "events in", "events out", "rarity of the name",
)  # fmt: skip
RARITY = len(FEATURES) - 1
_RARE = (0.2, 0.5, 0.8, 0.999)  # where a name becomes rarer, for labels


class Nodes(NamedTuple):
    """The graphs of U units: N nodes in all, those of a unit side by side.

    sizes [U]; entity [N]; features [N, F] by FEATURES; src, dst [E] nodes, weight [E]: each pair of
    nodes with events once, by the logarithm of how many; at_src, at_dst [K]: the nodes at the ends
    of the units' events.
    """

    sizes: Ints
    entity: Ints
    features: Floats
    src: Ints
    dst: Ints
    weight: Floats
    at_src: Ints
    at_dst: Ints

    @property
    def batch(self) -> GraphBatch:
        """Return the graphs as models take them."""
        return GraphBatch.of(self.sizes, self.src, self.dst, self.features, self.weight)


@dataclass(frozen=True)
class Rarity:
    """In how many of U units each name was: words rising, "type name"; met [V]."""

    words: list[str]
    met: Ints
    units: int

    @classmethod
    def fit(cls, parts: list[tuple[list[str], Ints]], units: int) -> "Rarity":
        """Return the rarity of names by parts: words, and in how many units each was."""
        whole = [word for words, _ in parts for word in words]
        code, words = coded(whole)
        met = np.concatenate([np.empty(0, np.int64), *(met for _, met in parts)])
        return cls(words, np.bincount(code, met, len(words)).astype(np.int64), units)

    def of(self, words: pa.Array, inside: bool) -> Floats:
        """Return how rare names [n] are: 0 in every unit, 1 in none.

        inside: of units that were counted, each judged by the others.
        """
        at = pc.index_in(words, pa.array(self.words, pa.string())).fill_null(-1).to_numpy()
        met = np.where(at >= 0, np.append(self.met, 0)[at], 0) - inside
        units = max(self.units - inside, 1)
        found: Floats = 1.0 - np.log1p(np.maximum(met, 0)) / np.log1p(units)
        return np.clip(found, 0.0, 1.0)


def names_of(graph: Graph) -> pa.Array:
    """Return the names of all entities [N] as "type name"."""
    types, names = (pa.array(part, pa.string()) for part in (graph.types, graph.names))
    return pc.binary_join_element_wise(types, names, " ").fill_null("")


def counted(graph: Graph, units: Units) -> tuple[list[str], Ints]:
    """Return the names in units, and in how many units each is."""
    keys = np.unique(np.concatenate(_ends(graph, units)))
    unit, entity = keys // len(graph.ids), keys % len(graph.ids)
    code, words = coded(names_of(graph).take(pa.array(entity)).to_pylist())
    pairs = np.unique(np.stack([unit, code]), axis=1)
    return words, np.bincount(pairs[1], minlength=len(words)).astype(np.int64)


def nodes_of(graph: Graph, units: Units, rare: Floats) -> Nodes:
    """Return the graphs of units; rare: how rare the names of the graph's entities [N] are."""
    src, dst = _ends(graph, units)
    keys, where = np.unique(np.concatenate([src, dst]), return_inverse=True)
    at_src, at_dst = np.split(where.ravel(), 2)
    unit, entity = keys // max(len(graph.ids), 1), keys % max(len(graph.ids), 1)
    n = len(keys)
    features = np.zeros((n, len(FEATURES)))
    kinds = {kind: i for i, kind in enumerate(ENTITY_TYPES)}
    of = np.array([kinds.get(kind, -1) for kind in graph.types[entity]], np.int64)
    features[np.flatnonzero(of >= 0), of[of >= 0]] = 1.0
    code, actions = coded(graph.action[units.event])
    column = np.array([FEATURES.index(a) if a in ACTIONS else -1 for a in actions], np.int64)
    if len(column):
        for ends in (at_src, at_dst):
            known = column[code] >= 0
            np.add.at(features, (ends[known], column[code][known]), 1.0)
    features[:, RARITY - 2] = np.bincount(at_dst, minlength=n)
    features[:, RARITY - 1] = np.bincount(at_src, minlength=n)
    features[:, len(ENTITY_TYPES) : RARITY] = np.log1p(features[:, len(ENTITY_TYPES) : RARITY])
    features[:, RARITY] = rare[entity]
    pairs, count = np.unique(np.stack([at_src, at_dst]), axis=1, return_counts=True)
    return Nodes(
        np.bincount(unit, minlength=len(units)).astype(np.int64), entity, features,
        pairs[0], pairs[1], np.log1p(count), at_src, at_dst,
    )  # fmt: skip


def kinds_of(features: Floats) -> Ints:
    """Return the type of each node [N] as a number; that of none we know comes last."""
    known = features[:, : len(ENTITIES)]
    found: Ints = np.where(known.any(axis=1), known.argmax(axis=1), len(ENTITIES))
    return found


def deeds_of(features: Floats, rarity: bool = False) -> Hashes:
    """Return a label of each node [N]: its type, which actions it had part in, in and out or both.

    rarity: also how rare its name is, in five steps.
    """
    columns = [kinds_of(features), *(features[:, len(ENTITIES) : RARITY] > 0).T]
    if rarity:
        columns.append(np.digitize(features[:, RARITY], _RARE))
    return hashed(np.column_stack(columns))


def add_by_type(
    parts: list[dict[str, float]], batch: GraphBatch, nodes: Floats, words: str = ""
) -> None:
    """Add what nodes [N] add to the parts of their graphs, by the type of entity they are."""
    types = len(ENTITIES) + 1
    owner = batch.graph
    at = owner * types + kinds_of(batch.features)
    total = np.bincount(at, nodes, len(batch) * types).reshape(len(batch), types)
    names = [*ENTITIES, "other entities"]
    for mine, row in zip(parts, total, strict=True):
        for name, amount in zip(names, row, strict=True):
            if amount:
                mine[name + words] = mine.get(name + words, 0.0) + float(amount)


def _ends(graph: Graph, units: Units) -> tuple[Ints, Ints]:
    """Return a number for the unit and entity at both ends of the units' events, [K] each."""
    base = units.unit * len(graph.ids)
    return base + graph.src[units.event], base + graph.dst[units.event]
