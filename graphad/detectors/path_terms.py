"""The terms of an event in bits, by mode, from what was learned of names.

default: transition and command (how seldom this sender does this, to this, with such a command
line; shrunken, smoothed shares), then `kind`, which makes it a rate: how often an event of its kind
is as surprising. Each event's terms add up to log2(1 + seconds between two such events of a host).
paper: GID's X, A, Y. nodoze, provdetector: the terms of those papers, for comparison.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from graphad.detectors.path_names import PASSIVE, Names
from graphad.graph import Graph, coded
from graphad.models.codes import packed
from graphad.models.path_edges import snap
from graphad.models.surprise import Tails, rate_bits, rates, share_bits

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
_TINY = 1e-12  # of a bit; keeps a certain link's surprise above zero (GID section 6, item 4)


@dataclass
class Links:
    """Distinct links by code; -1 where the fit has no such text. All [D].

    source, target: types of both ends; agent, other: who did it and to what; met: its type.
    """

    src: Ints
    act: Ints
    dst: Ints
    shape: Ints
    source: Ints
    target: Ints
    agent: Ints
    other: Ints
    met: Ints


class Scorer:
    """Scores links against names. Terms are in bits, on the grid of `snap`, so sums are exact."""

    def __init__(self, names: Names, mode: Mode, shrinkage: float, restart: float) -> None:
        self.names, self.mode, self.restart = names, mode, restart
        self.shrinkage = 0.0 if mode == "paper" else shrinkage
        self._vertex = {word: i for i, word in enumerate(names.vertex)}
        self._action = {word: i for i, word in enumerate(names.action)}
        self._shape = {word: i for i, word in enumerate(names.shape_text)}
        self._type = {word: i for i, word in enumerate(names.types)}

    def events(self, graph: Graph, inside: bool) -> tuple[Floats, Ints]:
        """Return each event's terms [E, T], and its label [E]: host, names, action, shape.

        inside: the events are those that the fit counted, so each is judged without itself.
        """
        if not len(graph):
            return np.empty((0, len(TERMS))), np.empty(0, np.int64)
        words = [f"{t} {n}" for t, n in zip(graph.types, graph.names, strict=True)]
        name_of, name = coded(words)
        action_of, action = coded(graph.action)
        host_of, _ = coded(graph.host)
        shape_of, shape = coded([text or "" for text in graph.shapes])
        src, dst = graph.told
        launch = np.array([a == "launch" for a in action], bool)[action_of]
        blank = int(np.searchsorted(np.array(shape, object), "")) if "" in shape else -1
        shapes = np.where(launch, shape_of[dst], blank)
        key = packed(host_of, name_of[src], action_of, name_of[dst], shapes + 1)
        _, first, label = np.unique(key, return_index=True, return_inverse=True)
        label = label.ravel().astype(np.int64)
        terms = self.terms(
            [name[i] for i in name_of[src[first]]], [action[i] for i in action_of[first]],
            [name[i] for i in name_of[dst[first]]],
            [shape[i] if i >= 0 else "" for i in shapes[first]], inside,
        )  # fmt: skip
        return terms[label], label

    def terms(
        self, src: Sequence[str], action: Sequence[str], dst: Sequence[str], shape: Sequence[str],
        inside: bool = False,
    ) -> Floats:  # fmt: skip
        """Return the terms [D, T] of links; src and dst are "type name" texts."""
        links = self._links(src, action, dst, shape)
        image = np.array(
            [a == "exec" and s.partition(" ")[2] == d.partition(" ")[2]
             for s, a, d in zip(src, action, dst, strict=True)], bool,
        )  # fmt: skip
        found = {
            "default": self._default, "paper": self._paper, "nodoze": self._nodoze,
            "provdetector": self._provdetector,
        }[self.mode](links, image, inside)  # fmt: skip
        return snap(np.column_stack([found.get(name, np.zeros(len(src))) for name in TERMS]))

    # -- counts behind the shares ---------------------------------------------------------------

    @cached_property
    def _relations(self) -> Links:
        n = self.names
        source, target = n.type_of[n.src], n.type_of[n.dst]
        met = n.type_of[n.other]
        return Links(n.src, n.act, n.dst, n.shape, source, target, n.agent, n.other, met)

    def _links(
        self, src: Sequence[str], action: Sequence[str], dst: Sequence[str], shape: Sequence[str]
    ) -> Links:
        types = [[word.partition(" ")[0] for word in words] for words in (src, dst)]
        swap = [s in PASSIVE and d == "process" for s, d in zip(*types, strict=True)]
        swapped = np.array(swap, bool)
        u, v = _find(self._vertex, src), _find(self._vertex, dst)
        source, target = _find(self._type, types[0]), _find(self._type, types[1])
        return Links(
            u, _find(self._action, action), v, _find(self._shape, shape), source, target,
            np.where(swapped, v, u), np.where(swapped, u, v), np.where(swapped, source, target),
        )  # fmt: skip

    def _sum(self, keys: Ints, wanted: Ints, weight: Floats) -> Floats:
        """Return the weight of all relations with each wanted key (negative: none)."""
        held, group = np.unique(keys, return_inverse=True)
        total: Floats = np.bincount(group.ravel(), weight, len(held)).astype(np.float64)
        return _at(held, total, wanted)

    def _counted(self, links: Links, weight: Floats) -> dict[str, Floats]:
        """Return what the shares of links are made of, each [D]."""
        n, r = self.names, self._relations

        def known(links: Links, keys: Ints, *needs: str) -> Ints:
            there = np.all([getattr(links, name) >= 0 for name in (*needs, "act")], axis=0)
            return np.where(there, keys, -1)

        sender = _place(
            n.agents,
            known(links, n.agent_keys(links.agent, links.act, links.met), "agent", "met"),
        )
        pairs, pair_of = np.unique(n.pair_keys(r.act, r.other), return_inverse=True)
        targets, target_of = np.unique(n.target_keys(r.act, r.other, r.shape), return_inverse=True)
        pair = _place(pairs, known(links, n.pair_keys(links.act, links.other), "other"))
        target = _place(
            targets,
            known(links, n.target_keys(links.act, links.other, links.shape), "other", "shape"),
        )

        def both(one: Ints, other: Ints, wide: int) -> Ints:
            return np.where((one >= 0) & (other >= 0), one * wide + other, -1)

        kinds = r.act * len(n.types) + r.met
        wanted = known(links, links.act * len(n.types) + links.met, "met")
        return {
            "sent": self._sum(n.agent_of, sender, weight),
            "pair": self._sum(
                both(n.agent_of, pair_of.ravel(), len(pairs)),
                both(sender, pair, len(pairs)), weight,
            ),
            "seen": self._sum(
                both(n.agent_of, target_of.ravel(), len(targets)),
                both(sender, target, len(targets)), weight,
            ),
            "into": self._sum(pair_of.ravel(), pair, weight),
            "drawn": self._sum(target_of.ravel(), target, weight),
            "all": self._sum(kinds, wanted, weight),
        }  # fmt: skip

    def _shares(self, c: dict[str, Floats], own: float) -> tuple[Floats, Floats]:
        """Return bits of a link's names, and of its command beyond that; `own` is taken out."""
        c = {name: np.maximum(values - own, 0.0) for name, values in c.items()}
        a = self.shrinkage or 1.0
        names = share_bits(c["pair"], c["sent"], (c["into"] + 0.5) / (c["all"] + 1.0), a)
        whole = share_bits(c["seen"], c["sent"], (c["drawn"] + 0.5) / (c["all"] + 1.0), a)
        return names, np.maximum(whole - names, 0.0)

    # -- the default ----------------------------------------------------------------------------

    @cached_property
    def _tails(self) -> tuple[Tails, dict[tuple[int, int, int], int], Tails]:
        """Return the tails of kinds, the number of each kind, and the tails of senders."""
        n, r = self.names, self._relations
        names, command = self._shares(self._counted(r, n.weight), 1.0)
        bits = np.where(self._images, 0.0, names + command)
        group, numbers = self._kinds(r)
        return (
            Tails.of(group, bits, n.weight, len(numbers)), numbers,
            Tails.of(n.agent_of, bits, n.weight, len(n.agents)),
        )  # fmt: skip

    @cached_property
    def _images(self) -> npt.NDArray[np.bool_]:
        n = self.names
        text = [word.partition(" ")[2] for word in n.vertex]
        found = np.zeros(len(n.src), bool)
        for i in np.flatnonzero(n.act == self._action.get("exec", -1)):
            found[i] = text[n.src[i]] == text[n.dst[i]]
        return found

    def _kinds(self, links: Links) -> tuple[Ints, dict[tuple[int, int, int], int]]:
        """Return the number of each link's kind, and what the numbers mean, for the fit's links."""
        keys = self._kind_keys(links)
        held, group = np.unique(keys, axis=0, return_inverse=True)
        numbers = {(int(a), int(b), int(c)): i for i, (a, b, c) in enumerate(held)}
        return group.ravel().astype(np.int64), numbers

    def _kind_keys(self, links: Links) -> Ints:
        """Return what says which kind a link is of, [D, 3]: its pool, or types and action."""
        columns = np.stack([links.source, links.act, links.target], axis=1)
        free = np.ones(len(columns), bool)
        for i, pool in enumerate(POOLS):
            member = np.array([t in pool for t in self.names.types] + [False], bool)
            pooled = free & (member[links.source] | member[links.target])
            columns[pooled] = -2 - i
            free &= ~pooled
        return columns

    def _default(
        self, links: Links, image: npt.NDArray[np.bool_], inside: bool
    ) -> dict[str, Floats]:
        n = self.names
        own = 1.0 if inside else 0.0
        names, command = self._shares(self._counted(links, n.weight), own)
        # A program's own file says no more than the launch that goes with it.
        names, command = np.where(image, 0.0, names), np.where(image, 0.0, command)
        kinds, numbers, senders = self._tails
        keys = self._kind_keys(links).tolist()
        kind = np.array([numbers.get((a, b, c), -1) for a, b, c in keys], np.int64)
        known = (links.agent >= 0) & (links.act >= 0) & (links.met >= 0)
        sender = _place(
            n.agents, np.where(known, n.agent_keys(links.agent, links.act, links.met), -1)
        )
        active = np.where(sender >= 0, n.active[sender] if len(n.active) else 0.0, 0.0)
        rate = rates(
            names + command, np.full(len(kind), own), (kinds, kind, n.hours),
            (senders, sender, active), PRIOR_HOURS,
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

    def _paper(self, links: Links, image: Any, inside: bool) -> dict[str, Floats]:
        n = self.names
        x, y = self._walk
        size = len(n.vertex)
        known = (links.src >= 0) & (links.dst >= 0)
        seen = self._sum(
            n.src * size + n.dst, np.where(known, links.src * size + links.dst, -1), n.n
        )
        sent = self._sum(n.src, links.src, n.n)
        into = self._sum(n.dst, links.dst, n.n)
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

    def _nodoze(self, links: Links, image: Any, inside: bool) -> dict[str, Floats]:
        out, in_ = self._stability
        c = self._counted(links, self.names.days)
        own = 1.0 if inside else 0.0
        seen, sent = np.maximum(c["pair"] - own, 0.0), np.maximum(c["sent"] - own, 0.0)
        return {
            "sender": _rarity(self._role(out, links.src, links.source)),
            "transition": share_bits(seen, sent, np.full(len(seen), 0.5), 1.0),
            "receiver": _rarity(self._role(in_, links.dst, links.target)),
        }

    def _provdetector(self, links: Links, image: Any, inside: bool) -> dict[str, Floats]:
        out, in_ = self._stability
        several = self.names.host_count > 1
        c = self._counted(links, self.names.hosts if several else self.names.weight)
        whole = self.names.host_count if several else self.names.hours
        seen = np.maximum(c["pair"] - (1.0 if inside else 0.0), 0.0)
        return {
            "sender": _rarity(self._role(out, links.src, links.source)),
            "transition": share_bits(seen, np.full(len(seen), whole), np.full(len(seen), 0.5), 1.0),
            "receiver": _rarity(self._role(in_, links.dst, links.target)),
        }


def _rarity(share: Floats) -> Floats:
    bits: Floats = -np.log2(np.clip(share, 1e-300, 1.0)) + 0.0
    return bits


def _find(place: dict[str, int], texts: Sequence[str]) -> Ints:
    return np.array([place.get(text, -1) for text in texts], np.int64)


def _place(held: Ints, wanted: Ints) -> Ints:
    """Return where sorted `held` has each wanted key, -1 where it hasn't."""
    if not len(held):
        return np.full(len(wanted), -1, np.int64)
    at = np.minimum(np.searchsorted(held, wanted), len(held) - 1)
    return np.where(held[at] == wanted, at, -1).astype(np.int64)


def _at(held: Ints, values: Floats, wanted: Ints) -> Floats:
    """Return the value of each wanted key, 0 where there is none."""
    place = _place(held, wanted)
    found: Floats = np.where(place >= 0, values[place] if len(values) else 0.0, 0.0)
    return found
