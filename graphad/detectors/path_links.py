"""Links in the codes of a fit, and how often each part of one was counted."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from graphad.detectors.path_names import PASSIVE, Names
from graphad.graph import coded

Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]


@dataclass
class Links:
    """Distinct links by code; -1 where the fit has no such text. All [D].

    source, target: types of both ends; agent, other: who did it and to what; met: its type; image:
    a program's own file became it.
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
    image: npt.NDArray[np.bool_]


class Words:
    """Looks up the codes of texts."""

    def __init__(self, names: Names) -> None:
        self.vertex, self.action, self.shape, self.type = (
            {word: i for i, word in enumerate(texts)}
            for texts in (names.vertex, names.action, names.shape_text, names.types)
        )

    def links(
        self, ends: Sequence[str], src: Ints, dst: Ints, actions: Sequence[str], act: Ints,
        shapes: Sequence[str], shape: Ints,
    ) -> Links:  # fmt: skip
        """Return links [D], by places in texts: ends are "type name"."""
        kinds = [word.partition(" ")[0] for word in ends]
        vertex, kind = _find(self.vertex, ends), _find(self.type, kinds)
        passive = np.array([k in PASSIVE for k in kinds], bool)
        process = np.array([k == "process" for k in kinds], bool)
        swapped = passive[src] & process[dst]
        u, v, source, target = vertex[src], vertex[dst], kind[src], kind[dst]
        return Links(
            u, _find(self.action, actions)[act], v, _find(self.shape, shapes)[shape], source,
            target, np.where(swapped, v, u), np.where(swapped, u, v),
            np.where(swapped, source, target), _images(ends, src, dst, actions, act),
        )  # fmt: skip


def _images(
    ends: Sequence[str], src: Ints, dst: Ints, actions: Sequence[str], act: Ints
) -> npt.NDArray[np.bool_]:
    name, _ = coded([word.partition(" ")[2] for word in ends])
    exec_ = np.array([word == "exec" for word in actions], bool)
    same: npt.NDArray[np.bool_] = exec_[act] & (name[src] == name[dst])
    return same


def relations(names: Names) -> Links:
    """Return the relations of a fit as links, [R]."""
    source, target = names.type_of[names.src], names.type_of[names.dst]
    return Links(
        names.src, names.act, names.dst, names.shape, source, target, names.agent, names.other,
        names.type_of[names.other],
        _images(names.vertex, names.src, names.dst, names.action, names.act),
    )  # fmt: skip


class Sums:
    """Weights summed by key, sorted once, so that looking keys up sorts nothing."""

    def __init__(self, keys: Ints, weight: Floats) -> None:
        self.keys, self.group = np.unique(keys, return_inverse=True)
        self.group = self.group.ravel()
        self.total = np.bincount(self.group, weight, len(self.keys)).astype(np.float64)

    def at(self, wanted: Ints) -> Floats:
        """Return the sum of each wanted key [D], 0 where there is none (as for -1)."""
        return self.of(place(self.keys, wanted))

    def of(self, where: Ints) -> Floats:
        """Return the sums at places of `keys` [D], 0 for -1."""
        found: Floats = np.where(where >= 0, self.total[where] if len(self.total) else 0.0, 0.0)
        return found


class Counts:
    """What shares are made of, for one way to count relations (weight [R])."""

    def __init__(self, names: Names, weight: Floats) -> None:
        r = relations(names)
        self.names = names
        self._agents = Sums(names.agent_of, weight)
        self._pairs = Sums(names.pair_keys(r.act, r.other), weight)
        self._targets = Sums(names.target_keys(r.act, r.other, r.shape), weight)
        self._kinds = Sums(r.act * len(names.types) + r.met, weight)
        pairs, targets = len(self._pairs.keys), len(self._targets.keys)
        self._pair = Sums(names.agent_of * pairs + self._pairs.group, weight)
        self._seen = Sums(names.agent_of * targets + self._targets.group, weight)

    def of(self, links: Links) -> dict[str, Floats]:
        """Return counts of links, each [D].

        sent: all that the agent did of the kind; pair: what it did to the other end; seen: the
        same with that command; into, drawn: what all agents did to the other end, and with that
        command; all: what they did of the kind.
        """
        n = self.names
        agent = agents(n, links)
        pair = place(self._pairs.keys, _known(n.pair_keys(links.act, links.other), links.act,
                                              links.other))  # fmt: skip
        target = place(
            self._targets.keys,
            _known(n.target_keys(links.act, links.other, links.shape), links.act, links.other,
                   links.shape),
        )  # fmt: skip
        kind = _known(links.act * len(n.types) + links.met, links.act, links.met)
        pairs, targets = len(self._pairs.keys), len(self._targets.keys)
        return {
            "sent": self._agents.at(agent),
            "pair": self._pair.at(_known(agent * pairs + pair, agent, pair)),
            "seen": self._seen.at(_known(agent * targets + target, agent, target)),
            "into": self._pairs.of(pair),
            "drawn": self._targets.of(target),
            "all": self._kinds.at(kind),
        }


def agents(names: Names, links: Links) -> Ints:
    """Return the place of each link's agent in `names.agents`, -1 if it has none there."""
    keys = names.agent_keys(links.agent, links.act, links.met)
    return place(names.agents, _known(keys, links.agent, links.act, links.met))


def place(held: Ints, wanted: Ints) -> Ints:
    """Return where sorted `held` has each wanted key, -1 where it hasn't."""
    if not len(held):
        return np.full(len(wanted), -1, np.int64)
    at = np.minimum(np.searchsorted(held, wanted), len(held) - 1)
    return np.where(held[at] == wanted, at, -1).astype(np.int64)


def _known(keys: Ints, *parts: Ints) -> Ints:
    """Return keys, -1 where a part of one is unknown."""
    return np.where(np.all([part >= 0 for part in parts], axis=0), keys, -1)


def _find(codes: dict[str, int], texts: Sequence[str]) -> Ints:
    return np.array([codes.get(text, -1) for text in texts], np.int64)
