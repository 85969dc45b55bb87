"""A bounded part of the provenance graph, as graph formats take it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np

from graphad import schema
from graphad.errors import GraphadError, UnknownName
from graphad.export import parts
from graphad.export.privacy import OURS, Privacy
from graphad.findings import Finding
from graphad.graph import Graph, joined
from graphad.incident_graph import Incident, build
from graphad.incidents import microseconds
from graphad.judge import rfc3339
from graphad.schema import id_text
from graphad.store import Store
from graphad.store.store import Moment

LIMIT = 50_000  # edges
SEEDS = 100  # entities that one name may stand for
_SLICE = 1_000_000  # events in memory at once


class Vertex(msgspec.Struct):
    """An entity. host: where it lives, "" if it belongs to none; label: what the log called it."""

    id: str
    type: str
    label: str
    name: str
    command: str
    host: str


class Link(msgspec.Struct):
    """An event between two entities, by their ids; `bits` and `telling` only if it was scored."""

    id: str
    src: str
    dst: str
    action: str
    ts: str
    host: str
    source: str
    record: int
    bits: float | None = None
    telling: bool | None = None


@dataclass
class Subgraph:
    """Entities in the order they are met, events in time order, and how many were left out.

    Every entity has an event and every event both entities. `techniques` are (id, name) of ATT&CK.
    """

    id: str
    title: str
    vertices: list[Vertex] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    left_out: int = 0  # at least so many events
    techniques: list[tuple[str, str]] = field(default_factory=list)

    def private(self, rule: Privacy) -> "Subgraph":
        """Return the graph as it may leave."""
        if not rule:
            return self
        found = rule.tree([msgspec.to_builtins(v) for v in self.vertices], OURS)
        told = rule.tree([msgspec.to_builtins(link) for link in self.links], OURS)
        return Subgraph(
            rule.id(rule.texts([self.id])[self.id]), rule.texts([self.title])[self.title],
            msgspec.convert(found, list[Vertex]), msgspec.convert(told, list[Link]),
            self.left_out, self.techniques,
        )  # fmt: skip


def of_incident(one: Incident, limit: int = LIMIT) -> Subgraph:
    """Return the attack graph of an incident; past `limit` its least surprising events go."""
    order = sorted(
        range(len(one.events)), key=lambda i: (not one.events[i].telling, -one.events[i].bits, i)
    )
    made = Subgraph(one.id, one.title, left_out=max(len(order) - limit, 0))
    met: dict[int, None] = {}
    for i in sorted(order[:limit]):
        event = one.events[i]
        met |= {event.src: None, event.dst: None}
        made.links.append(
            Link(
                f"e{i}", one.entities[event.src].id, one.entities[event.dst].id, event.action,
                event.ts, event.host, event.evidence.source, event.evidence.record, event.bits,
                event.telling,
            )
        )  # fmt: skip
    for place in met:
        entity = one.entities[place]
        made.vertices.append(
            Vertex(
                entity.id, entity.type, parts.said(entity), entity.name,
                parts.clip(entity.detail or ""), entity.host,
            )
        )  # fmt: skip
    made.techniques = list(dict.fromkeys((tag.technique, tag.name) for tag in one.tags))
    return made


def of_finding(one: Finding, limit: int = LIMIT) -> Subgraph:
    """Return the graph of a finding."""
    made = of_incident(build([one]), limit)
    made.id, made.title = one.id, one.title
    return made


def of_window(
    store: Store, start: Moment = None, end: Moment = None, host: str | None = None,
    limit: int = LIMIT,
) -> Subgraph:  # fmt: skip
    """Return the first `limit` events of a window [start, end), of a host if one is named.

    Raises: UnknownName: there is no such host. GraphadError: there is no event.
    """
    kept: list[Graph] = []
    left = total = 0
    hosts: dict[str, None] = {}
    for part in store.slices(start, end, size=_SLICE):
        hosts |= dict.fromkeys(part.host)
        mine = np.flatnonzero(part.among(None if host is None else [host], None))
        room = limit - total
        left += max(len(mine) - room, 0)
        if len(mine[:room]):
            kept.append(part.subset(mine[:room]).used())
        total += len(mine[:room])
    if not kept:
        if host is not None and hosts:
            raise UnknownName.among("host", host, hosts)
        raise GraphadError("There is no event in this window.")
    span = "/".join(str(m) for m in (start, end) if m is not None)
    title = " ".join(text for text in (host or "all hosts", span) if text)
    return _drawn(store, joined(kept), f"window-{title}", title, left)


def around(
    store: Store, name: str, hops: int = 2, start: Moment = None, end: Moment = None,
    limit: int = LIMIT,
) -> Subgraph:  # fmt: skip
    """Return all events at most `hops` from an entity, in a window [start, end), whatever the way.

    name: an id of 16 hex digits, or what the log or we call it, or for a path its last part.
    An event counts if one of its ends is less than `hops` events away. The nearest come first:
    what is past `limit` events is left out.
    Raises: UnknownName: there is no such entity, or more than SEEDS.
    """
    slices = _again(store, start, end)
    seeds = _seeds(slices(), name)
    inner, wave = seeds, seeds
    kept: list[Graph] = []
    left = total = 0
    for hop in range(hops):
        reached: list[Any] = []
        before = inner[~np.isin(inner, wave)]
        for part in slices():
            new = _touching(part, wave) & ~_touching(part, before)
            places = np.flatnonzero(new)
            room = limit - total
            left += max(len(places) - room, 0)
            if len(places[:room]):
                kept.append(part.subset(places[:room]).used())
                reached.append(kept[-1].ids)
            total += len(places[:room])
        if not reached or hop == hops - 1:
            break
        wave = np.setdiff1d(np.concatenate(reached), inner)
        inner = np.union1d(inner, wave)
    if not kept:
        raise GraphadError(f"No event of {name!r} is in this window.")
    title = f"{hops} hop{'s' * (hops != 1)} around {name}"
    return _drawn(store, joined(kept), f"around-{name}", title, left)


def _again(store: Store, start: Moment, end: Moment) -> Callable[[], Iterable[Graph]]:
    """Return what gives a window's slices as often as asked; a window of one is read once."""
    stream = store.slices(start, end, size=_SLICE)
    first = next(stream)
    if next(stream, None) is None:
        return lambda: [first]
    return lambda: store.slices(start, end, size=_SLICE)


def _touching(part: Graph, wave: Any) -> Any:
    met = np.isin(part.ids, wave)
    return met[part.src] | met[part.dst]


def _seeds(slices: Iterable[Graph], name: str) -> Any:
    """Return the ids of the entities that a name stands for."""
    wanted = name.lower()
    best, found = 3, set[int]()
    for part in slices:
        for i, (id_, label, told) in enumerate(zip(part.ids, part.labels, part.names, strict=True)):
            if id_text(id_) == wanted:
                rank = 0
            elif wanted in ((label or "").lower(), told.lower()):
                rank = 1
            elif wanted in (parts.base(label or "").lower(), parts.base(told).lower()):
                rank = 2
            else:
                continue
            if rank < best:
                best, found = rank, set()
            if rank == best:
                found.add(int(part.ids[i]))
    if not found:
        raise UnknownName(f"No entity is called {name!r}.", hint="Give an id, or a whole name.")
    if len(found) > SEEDS:
        raise UnknownName(f"{len(found):,} entities are called {name!r}.", hint="Give an id.")
    return np.array(sorted(found), np.int64)


def _drawn(store: Store, graph: Graph, name: str, title: str, left: int) -> Subgraph:
    """Return a graph of arrays as one of entities and events."""
    order = np.lexsort((graph.ordinal, graph.record, graph.source, graph.ts))
    paths = {source.source: source.path for source in store.sources}
    made = Subgraph(name, title, left_out=left)
    home: dict[int, str] = {}
    for number, e in enumerate(order):
        src, dst = int(graph.src[e]), int(graph.dst[e])
        for end in (src, dst):
            home.setdefault(end, graph.host[e])
        made.links.append(
            Link(
                f"e{number}", id_text(graph.ids[src]), id_text(graph.ids[dst]), graph.action[e],
                rfc3339(graph.ts[e]), graph.host[e], paths.get(int(graph.source[e]), ""),
                int(graph.record[e]),
            )
        )  # fmt: skip
    for i, host in home.items():
        local = graph.types[i] in schema.LOCAL_TYPES
        made.vertices.append(
            Vertex(
                id_text(graph.ids[i]), graph.types[i],
                parts.clip(graph.labels[i] or graph.names[i]), graph.names[i],
                parts.clip(graph.details[i] or ""), host if local else "",
            )
        )  # fmt: skip
    return made


def span(graph: Subgraph) -> tuple[str, str]:
    """Return the first and last time of a graph's events. Raises: ValueError: it has none."""
    every = sorted((link.ts for link in graph.links), key=microseconds)
    return every[0], every[-1]


Writer = Callable[[Subgraph], str]


def tally(graph: Subgraph) -> str:
    """Return in words how large a graph is, and that it was cut.

    >>> tally(Subgraph("x", "x"))
    '0 entities, 0 events'
    """
    text = f"{len(graph.vertices):,} entities, {len(graph.links):,} events"
    if graph.left_out:
        text += f"; {graph.left_out:,} more events were left out"
    return text


def by_id(vertices: Sequence[Vertex]) -> dict[str, Vertex]:
    """Return entities by their ids."""
    return {vertex.id: vertex for vertex in vertices}
