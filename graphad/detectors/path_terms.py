"""The terms of an event in bits, by mode, from what was learned of names.

default: transition and command (how seldom this sender does this, to this, with such a command
line; shrunken, smoothed shares), then `kind`, which makes it a rate: how often an event of its kind
is as surprising. Each event's terms add up to log2(1 + seconds between two such events of a host).
paper: GID's X, A, Y. nodoze, provdetector: the terms of those papers, for comparison.
"""

import os
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from graphad.detectors.path_links import Counts, Links, Sums, Words, agents, place, relations
from graphad.detectors.path_names import Names
from graphad.graph import Graph, coded, positions
from graphad.models.codes import packed
from graphad.models.path_edges import snap
from graphad.models.surprise import Tails, rate_bits, rates, share_bits
from graphad.scan.tuples import ranked

Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]
Mode: TypeAlias = Literal["default", "paper", "nodoze", "provdetector"]

MODES: tuple[Mode, ...] = ("default", "paper", "nodoze", "provdetector")
TERMS = ("sender", "transition", "receiver", "command", "kind")
_PAPERS = ("sender", "transition", "receiver")
USED: dict[Mode, tuple[str, ...]] = {
    "default": ("transition", "command", "kind"),
    "paper": _PAPERS,
    "nodoze": _PAPERS,
    "provdetector": _PAPERS,
}
# Links are held against those of their kind. Two processes do few kinds of things to each other,
# and each is a kind; all else is pooled, for every kind brings its own share of false alarms.
POOLS: tuple[frozenset[str], ...] = (
    frozenset({"file", "registry", "module", "pipe"}),
    frozenset({"socket", "address", "domain"}),
    frozenset({"user", "host", "session", "service", "task"}),
)
PRIOR_HOURS = 5.0  # how many hours of its own a sender needs to be judged by itself, not its kind
_LOWEST = 2 + len(POOLS)  # what makes codes of pools, and of unknown texts, numbers from 0
_SEED = np.uint64(int.from_bytes(os.urandom(8), "little"))
_TINY = 1e-12  # of a bit; keeps a certain link's surprise above zero (GID section 6, item 4)


class Scorer:
    """Scores links against names. Terms are in bits, on the grid of `snap`, so sums are exact."""

    def __init__(self, names: Names, mode: Mode, shrinkage: float, restart: float) -> None:
        self.names, self.mode, self.restart = names, mode, restart
        self.shrinkage = 0.0 if mode == "paper" else shrinkage
        self._words = Words(names)
        self._held: dict[str, Counts] = {}

    def events(self, graph: Graph, inside: bool) -> tuple[Floats, Ints]:
        """Return the terms of each label [D, T], and the label of each event [E].

        A label is host, names, action, and shape of a launch.
        inside: the events are those that the fit counted, so each is judged without itself.
        """
        src, dst = graph.told
        met = np.zeros(len(graph.ids), bool)
        met[src] = met[dst] = True
        used = np.flatnonzero(met)
        # What there is one of for each event takes most of the memory, so it is narrow.
        at = _narrow(np.cumsum(met) - 1)
        src, dst = at[src], at[dst]
        (names, ends), (forms, shapes) = _named(graph, used), _shaped(graph, used)
        name, shape = (_narrow(codes) for codes in (names, forms))
        act, actions = coded(graph.encoded("action"))
        host, _ = graph.hosts
        launch = np.array([a == "launch" for a in actions], bool)[act]
        run = np.where(launch, shape[1:][dst], shape[0])
        key = packed(host, name[src], act, name[dst], run)
        first, label = ranked(key, _SEED)
        links = self._words.links(
            ends, name[src[first]], name[dst[first]], actions, act[first], shapes, run[first]
        )
        return self._terms(links, inside), label

    def terms(
        self, src: Sequence[str], action: Sequence[str], dst: Sequence[str], shape: Sequence[str],
        inside: bool = False,
    ) -> Floats:  # fmt: skip
        """Return the terms [D, T] of links; src and dst are "type name" texts."""
        end, ends = coded([*src, *dst])
        (act, actions), (run, shapes) = coded(action), coded(shape)
        u, v = np.split(end, 2)
        links = self._words.links(ends, u, v, actions, act, shapes, run)
        return self._terms(links, inside)

    def _terms(self, links: Links, inside: bool) -> Floats:
        found = {
            "default": self._default, "paper": self._paper, "nodoze": self._nodoze,
            "provdetector": self._provdetector,
        }[self.mode](links, inside)  # fmt: skip
        nothing = np.zeros(len(links.src))
        return snap(np.column_stack([found.get(name, nothing) for name in TERMS]))

    # -- the default ----------------------------------------------------------------------------

    def _counts(self, way: str) -> Counts:
        """Return counts of relations by one of the ways to weigh that names have."""
        if way not in self._held:
            self._held[way] = Counts(self.names, getattr(self.names, way))
        return self._held[way]

    def _shares(self, c: dict[str, Floats], own: float) -> tuple[Floats, Floats]:
        """Return bits of a link's names, and of its command beyond that; `own` is taken out."""
        c = {name: np.maximum(values - own, 0.0) for name, values in c.items()}
        a = self.shrinkage or 1.0
        names = share_bits(c["pair"], c["sent"], (c["into"] + 0.5) / (c["all"] + 1.0), a)
        whole = share_bits(c["seen"], c["sent"], (c["drawn"] + 0.5) / (c["all"] + 1.0), a)
        return names, np.maximum(whole - names, 0.0)

    @cached_property
    def _tails(self) -> tuple[Tails, Ints, Tails]:
        """Return the tails of kinds, the keys of these in order, and the tails of agents."""
        n, r = self.names, relations(self.names)
        names, command = self._shares(self._counts("weight").of(r), 1.0)
        bits = np.where(r.image, 0.0, names + command)
        kinds, group = np.unique(self._kind_keys(r), return_inverse=True)
        return (
            Tails.of(group.ravel(), bits, n.weight, len(kinds)), kinds,
            Tails.of(n.agent_of, bits, n.weight, len(n.agents)),
        )  # fmt: skip

    def _kind_keys(self, links: Links) -> Ints:
        """Return a number for the kind of each link, [D]: of its pool, or of types and action."""
        columns = np.stack([links.source, links.act, links.target], axis=1)
        free = np.ones(len(columns), bool)
        for i, pool in enumerate(POOLS):
            member = np.array([t in pool for t in self.names.types] + [False], bool)
            pooled = free & (member[links.source] | member[links.target])
            columns[pooled] = -2 - i
            free &= ~pooled
        wide = max(len(self.names.types), len(self.names.action)) + _LOWEST
        columns += _LOWEST
        keys: Ints = (columns[:, 0] * wide + columns[:, 1]) * wide + columns[:, 2]
        return keys

    def _default(self, links: Links, inside: bool) -> dict[str, Floats]:
        n = self.names
        own = 1.0 if inside else 0.0
        names, command = self._shares(self._counts("weight").of(links), own)
        # A program's own file says no more than the launch that goes with it.
        names, command = (np.where(links.image, 0.0, part) for part in (names, command))
        tails, kinds, own_tails = self._tails
        kind = place(kinds, self._kind_keys(links))
        agent = agents(n, links)
        active = np.where(agent >= 0, n.active[agent] if len(n.active) else 0.0, 0.0)
        rate = rates(
            names + command, np.full(len(kind), own), (tails, kind, n.hours),
            (own_tails, agent, active), PRIOR_HOURS,
        )  # fmt: skip
        names, command, bits = snap(names), snap(command), snap(rate_bits(rate))
        return {"transition": names, "command": command, "kind": bits - names - command}

    # -- the papers -----------------------------------------------------------------------------

    @cached_property
    def _walk(self) -> tuple[Floats, Floats]:
        from graphad.models.random_walk import sender_receiver, transition

        n = self.names
        size = len(n.vertex)
        if not size:
            return np.empty(0), np.empty(0)
        walk = sender_receiver(transition(n.src, n.dst, n.n, size, self.shrinkage), c=self.restart)
        return walk.x, walk.y

    def _role(self, values: Floats, which: Ints, kind: Ints) -> Floats:
        """Return a role score for each vertex; a new one gets the least of its type."""
        if not len(values):
            return np.ones(len(which))
        least = np.full(len(self.names.types) + 1, values.min())
        for t in range(len(self.names.types)):
            least[t] = values[self.names.type_of == t].min()
        return np.where(which >= 0, values[which], least[kind])

    @cached_property
    def _events(self) -> tuple[Sums, Sums, Sums]:
        """Return events by pair of vertices, by source and by destination."""
        n = self.names
        return Sums(n.src * len(n.vertex) + n.dst, n.n), Sums(n.src, n.n), Sums(n.dst, n.n)

    def _paper(self, links: Links, inside: bool) -> dict[str, Floats]:
        n = self.names
        x, y = self._walk
        pairs, sources, destinations = self._events
        known = (links.src >= 0) & (links.dst >= 0)
        seen = pairs.at(np.where(known, links.src * len(n.vertex) + links.dst, -1))
        sent, into = sources.at(links.src), destinations.at(links.dst)
        of_type = np.bincount(n.type_of[n.dst], n.n, len(n.types) + 1) if len(n.n) else np.ones(1)
        # A name that nothing has flowed to yet counts as half an event.
        base = np.maximum(into / np.maximum(of_type[links.target], 1.0), 0.5 / (n.n.sum() + 1.0))
        unseen = seen == 0
        share = np.where(
            unseen, share_bits(seen, sent, base, 1.0), share_bits(seen, sent, base, 0.0)
        )
        return {
            "sender": _rarity(self._role(x, links.src, links.source)),
            "transition": share + _TINY,
            "receiver": _rarity(self._role(y, links.dst, links.target)),
        }

    @cached_property
    def _stability(self) -> tuple[Floats, Floats]:
        """Return OUT and IN [V]: the share of hours without a new link of the vertex, smoothed."""
        n = self.names
        found = []
        for end in (n.src, n.dst):
            pairs = np.unique(np.stack([end, n.first], axis=1), axis=0)
            new = np.bincount(pairs[:, 0], minlength=len(n.vertex))
            found.append((n.all_hours - np.minimum(new, n.all_hours) + 1.0) / (n.all_hours + 2.0))
        return found[0], found[1]

    def _nodoze(self, links: Links, inside: bool) -> dict[str, Floats]:
        out, in_ = self._stability
        c = self._counts("days").of(links)
        own = 1.0 if inside else 0.0
        seen, sent = np.maximum(c["pair"] - own, 0.0), np.maximum(c["sent"] - own, 0.0)
        return {
            "sender": _rarity(self._role(out, links.src, links.source)),
            "transition": share_bits(seen, sent, np.full(len(seen), 0.5), 1.0),
            "receiver": _rarity(self._role(in_, links.dst, links.target)),
        }

    def _provdetector(self, links: Links, inside: bool) -> dict[str, Floats]:
        out, in_ = self._stability
        several = self.names.host_count > 1
        c = self._counts("hosts" if several else "weight").of(links)
        whole = self.names.host_count if several else self.names.hours
        seen = np.maximum(c["pair"] - (1.0 if inside else 0.0), 0.0)
        return {
            "sender": _rarity(self._role(out, links.src, links.source)),
            "transition": share_bits(seen, np.full(len(seen), whole), np.full(len(seen), 0.5), 1.0),
            "receiver": _rarity(self._role(in_, links.dst, links.target)),
        }


def _named(graph: Graph, entities: Ints) -> tuple[Ints, list[str]]:
    """Return the "type name" of some entities [n]: codes [n] and the texts, in their own order."""
    kinds, names = graph.encoded("types"), graph.encoded("names")
    types = kinds.dictionary.to_pylist()
    words = [*names.dictionary.to_pylist(), None]  # the last one for -1
    name = positions(names)[entities] % len(words)
    distinct, which = np.unique(positions(kinds)[entities] * len(words) + name, return_inverse=True)
    pairs = (divmod(one, len(words)) for one in distinct.tolist())
    code, ends = coded([f"{types[t]} {words[n]}" for t, n in pairs])
    return code[which], ends


def _shaped(graph: Graph, entities: Ints) -> tuple[Ints, list[str]]:
    """Return the shapes of "" and of some entities [n]: codes [1 + n] and the texts, in order."""
    shapes = graph.encoded("shapes")
    distinct, which = np.unique(positions(shapes)[entities], return_inverse=True)
    words = [*shapes.dictionary.to_pylist(), ""]  # the last one for none
    code, texts = coded(["", *(words[i] for i in distinct.tolist())])
    return np.concatenate([code[:1], code[1:][which]]), texts


def _narrow(codes: Ints) -> npt.NDArray[Any]:
    return codes.astype(np.int32)


def _rarity(share: Floats) -> Floats:
    bits: Floats = -np.log2(np.clip(share, 1e-300, 1.0)) + 0.0
    return bits
