"""Odd relations as findings: each once a day and host, with what would have been usual."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from graphad.detect import MARK, WITH, Doubt, Paths, Search, Story
from graphad.detectors.relation_ranked import Ranked
from graphad.detectors.relation_rows import Rows
from graphad.graph import HOUR, Graph, joined
from graphad.models.relation_counts import TERMS, RelationCounts
from graphad.models.tails import Tail

if TYPE_CHECKING:
    from graphad.detectors.relation import RelationDetector

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Texts = npt.NDArray[np.object_]

EVENT = "event"  # kind of what is odd by itself
NAMES = (EVENT, *TERMS, MARK)
_SAID = 100  # characters of a message that a title shows


@dataclass(frozen=True)
class Odd:
    """N rows with bits and z; event, first, last, count, host: see Rows; hour [N] since 1970.

    terms [N, 3]: of the event, the relation, the value; name, kind, value [N]: of the event, and
    of what it is with ("event" and nothing if it is odd by itself); known, since: see Bits.
    """

    bits: Floats
    z: Floats
    terms: Floats
    event: Ints
    first: Ints
    last: Ints
    count: Ints
    host: Ints
    hour: Ints
    name: Texts
    kind: Texts
    value: Texts
    known: Ints
    since: Ints

    def __len__(self) -> int:
        """Return N."""
        return len(self.bits)

    def take(self, at: Ints) -> "Odd":
        """Return some of them."""
        return Odd(*(getattr(self, one.name)[at] for one in fields(self)))


class Best(NamedTuple):
    """One of the best so far; events, first, last are of all its rows."""

    bits: float
    z: float
    terms: tuple[float, ...]
    event: int
    first: int
    last: int
    events: int
    name: str
    kind: str
    value: str
    known: int
    since: int


Key = tuple[str, int, str, str, str]  # host, day, event, type, value


def odd_of(
    counts: RelationCounts, tails: Mapping[str, Tail], rows: Rows, inside: bool,
    ranked: Ranked | None = None,
) -> Odd:  # fmt: skip
    """Return all relations and events of rows, scored; of types that were not learned none.

    ranked: what gives relations their bits instead of their counts.
    """
    found, alone = rows.relations, rows.alone
    scored = counts.score(found, inside=inside)
    names = np.array([*found.events, ""], object)
    nodes = np.array([*found.nodes, ("", "")], object)
    kind, value = nodes[found.node].T if len(found) else (np.empty(0, object),) * 2
    lone = counts.score_events([found.events[e] for e in alone.event_of], inside=inside)
    terms = np.zeros((len(found) + len(alone), len(NAMES) - 1))
    terms[: len(found), 1:], terms[len(found) :, 0] = scored.terms, lone
    if ranked is not None:
        terms[: len(found), 1], terms[: len(found), 2] = ranked.bits(rows, counts), 0.0
    none = np.zeros(len(alone), np.int64)
    kind = np.concatenate([kind, np.full(len(alone), EVENT, object)])
    bits = terms.sum(axis=1)
    z = np.zeros(len(bits))
    there = np.zeros(len(bits), bool)
    for one in sorted(set(kind) & set(tails)):
        mine = kind == one
        z[mine], there[mine] = tails[one].z(bits[mine]), True
    first = np.concatenate([rows.first, alone.first])
    whole = Odd(
        bits, z, terms, np.concatenate([rows.event, alone.event]), first,
        np.concatenate([rows.last, alone.last]), np.concatenate([rows.count, alone.count]),
        np.concatenate([rows.host, alone.host]), first // HOUR,
        np.concatenate([names[found.of_event], names[alone.event_of]]), kind,
        np.concatenate([value, np.full(len(alone), "", object)]),
        np.concatenate([scored.known, none]), np.concatenate([scored.since, none]),
    )  # fmt: skip
    # Nothing is odd about a relation of an event that was never seen but the event.
    return whole.take(np.flatnonzero(there & (bits > 0)))


def relation_search(
    detector: "RelationDetector", covered: Callable[[Graph], Bools | None], *,
    inside: bool = False, hosts: Iterable[str] | None = None,
    types: Iterable[str] | None = None,
) -> Search:  # fmt: skip
    """Return a search for what is odd most in all slices.

    It is sent graphs that follow each other in time, in which no hour is cut. By counts a
    relation has one score whenever it comes, so what was left out once would be so again; by a
    network it may come in later, without the events of before.

    Raises:
        ValueError: there is no graph.
    """
    hosts = None if hosts is None else list(hosts)
    types = None if types is None else list(types)
    held: Graph | None = None
    best: dict[Key, Best] = {}
    while (part := (yield)) is not None:
        chosen = part.among(hosts, types)
        hidden = covered(part)
        rows = detector.rows(part, chosen if hidden is None else chosen & ~hidden)
        odd = detector.odd(rows, inside)
        order = np.lexsort((odd.event, -odd.bits, -odd.z))
        graph = part if held is None else joined([held, part])
        shift = 0 if held is None else len(held)
        best = _merged(best, odd, order, rows.hosts, shift, detector.top)
        mine = np.zeros(len(graph), bool)
        mine[[one.event for one in best.values()]] = True
        place = np.cumsum(mine) - 1
        best = {key: one._replace(event=int(place[one.event])) for key, one in best.items()}
        held = graph.subset(np.flatnonzero(mine)).used()
        del graph, part, rows  # the next slice is made while we hold these
    if held is None:
        raise ValueError("There is no graph to score.")
    return held, _told(detector, held, best)


def _merged(
    best: dict[Key, Best], odd: Odd, order: Ints, hosts: list[str], shift: int, top: int
) -> dict[Key, Best]:
    """Return the best so far and of a slice, best first, each key once with all its events."""
    made = dict(best)
    fresh = 0
    for i in order.tolist():
        day = int(odd.hour[i]) // 24
        key = (hosts[odd.host[i]], day, odd.name[i], odd.kind[i], odd.value[i])
        one = made.get(key)
        if one is None:
            if fresh == top:
                continue
            fresh += 1
        mine = Best(
            float(odd.bits[i]), float(odd.z[i]), tuple(odd.terms[i].tolist()),
            int(odd.event[i]) + shift, int(odd.first[i]), int(odd.last[i]), int(odd.count[i]),
            odd.name[i], odd.kind[i], odd.value[i], int(odd.known[i]), int(odd.since[i]),
        )  # fmt: skip
        if one is None:
            made[key] = mine
        else:  # what stands for all is the oddest, of equal ones the first
            oddest = mine if (mine.z, mine.bits) > (one.z, one.bits) else one
            made[key] = oddest._replace(
                events=one.events + mine.events, first=min(one.first, mine.first),
                last=max(one.last, mine.last),
            )  # fmt: skip
    ordered = sorted(made.items(), key=lambda item: (-item[1].z, -item[1].bits, item[1].event))
    return dict(ordered[:top])


def _told(detector: "RelationDetector", graph: Graph, best: dict[Key, Best]) -> Paths:
    every = list(best.values())
    terms = np.zeros((len(every), 1, len(NAMES)))
    for i, one in enumerate(every):
        terms[i, 0, : len(one.terms)] = one.terms
    counts = detector.counts_
    assert counts is not None
    stories = tuple(_story(detector, counts, graph, one) for one in every)
    return Paths(
        np.array([one.bits for one in every]), np.array([one.z for one in every]),
        np.ones(len(every), np.int64), np.array([one.event for one in every], np.int64)[:, None],
        terms, NAMES, NAMES, stories=stories,
    )  # fmt: skip


def _story(detector: "RelationDetector", counts: RelationCounts, graph: Graph, one: Best) -> Story:
    """Return what a relation says: with which values its event is usual, and how often."""
    message = one.name if detector.columns else str(graph.labels[graph.dst[one.event]])
    shown = message if len(message) <= _SAID else message[: _SAID - 1] + "…"
    spell = one.events, one.first, one.last
    words = (one.name, one.kind, one.value)
    learned = detector.rows_.get(one.kind, 0)
    if one.kind == EVENT:
        often = "rare" if counts.knows(one.name) else "never seen before"
        return Story(EVENT, words, (EVENT,), *spell, title=f"{shown}: {often}", learned=learned)
    usual = counts.usual(one.name, one.kind, 3)
    whole = counts.seen(one.name, one.kind)
    likely = [(value, count / whole) for value, count in usual] if whole else []
    doubt = Doubt(one.kind, one.value, one.bits, likely, not one.known)
    if one.known:
        often = f"{one.known:,} time{'s' * (one.known != 1)} of {whole:,}"
    elif whole:
        often = f"never in {whole:,}"
    else:
        often = f"no {one.kind} was ever told of it"
    title = f"{one.kind} {one.value}: {often}; {shown}"
    return Story(WITH + one.kind, words, TERMS, *spell, (doubt,), learned, title)
