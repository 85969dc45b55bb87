"""What the path detector learns of names: the relations seen, as coded tables."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from graphad.graph import coded
from graphad.models.codes import changes, packed

Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]

HOURS = 12  # a fit over fewer hours of hosts counts events, damped, for it has no hours to count
_DAY = 24
# What a process reads, loads or accepts from does nothing by itself: the process is the agent.
PASSIVE = frozenset({"file", "registry", "module", "pipe", "socket", "address", "domain"})


@dataclass
class Names:
    """R distinct relations (source, action, destination, command shape) and how often they occur.

    vertex [V], action [A], shape [S] texts, a vertex as "type name"; src, act, dst, shape [R] index
    them; n [R] events; weight [R] hours of hosts in which the relation occurs (or, in a fit over
    few hours, events, damped); hosts, days [R] hosts, and pairs of host and day; first [R] the hour
    in which it first occurred anywhere, hours since 1970. active [K] hours in which an agent did
    anything of a kind, by `agents`; hours: of hosts, in all; all_hours: of the clock.
    """

    vertex: list[str]
    action: list[str]
    shape_text: list[str]
    src: Ints
    act: Ints
    dst: Ints
    shape: Ints
    n: Floats
    weight: Floats
    hosts: Floats
    days: Floats
    first: Ints
    active: Floats
    hours: float
    all_hours: float
    host_count: float

    @classmethod
    def fit(cls, past: pa.Table) -> "Names":
        """Return the relations of a table of counts (schema.COUNTS)."""
        rows = past.num_rows
        ends, vertex = coded(
            pa.chunked_array(
                [*_words(past, "src").chunks, *_words(past, "dst").chunks], pa.string()
            )
        )
        act, action = coded(past["action"])
        launched = np.array([a == "launch" for a in action], bool)
        blank = pa.chunked_array([pa.array([""])])
        texts = pc.if_else(pa.array(launched[act], pa.bool_()), past["shape"].cast(pa.string()), "")
        shape, shape_text = coded(pa.chunked_array([*texts.chunks, *blank.chunks], pa.string()))
        n = past["n"].to_numpy().astype(np.float64)
        mask = past["hours"].to_numpy().astype(np.int64)
        day = past["day"].cast(pa.timestamp("us")).cast(pa.int64()).to_numpy() // 86_400_000_000
        host, hosts = coded(past["host"])
        return cls._of(
            vertex, action, shape_text, ends[:rows], act, ends[rows:], shape[:rows], n, mask,
            day.astype(np.int64), host, len(hosts),
        )  # fmt: skip

    @classmethod
    def _of(
        cls, vertex: list[str], action: list[str], shape_text: list[str], src: Ints, act: Ints,
        dst: Ints, shape: Ints, n: Floats, mask: Ints, day: Ints, host: Ints, hosts: int,
    ) -> "Names":  # fmt: skip
        order = np.lexsort((day, host, packed(src, act, dst, shape)))
        src, act, dst, shape = src[order], act[order], dst[order], shape[order]
        n, mask, day, host = n[order], mask[order], day[order], host[order]
        new = changes(src, act, dst, shape)
        at = np.flatnonzero(new)
        new_host = new | changes(host)
        new_day = new_host | changes(day)
        hours, _ = _hours(host, day, mask)
        clock, _ = _hours(np.zeros_like(host), day, mask)
        few = hours < HOURS
        each = 1.0 + np.log2(n) if few else np.bitwise_count(mask).astype(np.float64)
        lowest = day * _DAY + np.log2((mask & -mask).astype(np.float64)).astype(np.int64)

        def summed(values: npt.NDArray[Any]) -> Floats:
            return np.add.reduceat(values.astype(np.float64), at) if len(at) else np.zeros(0)

        made = cls(
            vertex, action, shape_text, src[at], act[at], dst[at], shape[at], summed(n),
            summed(each), summed(new_host), summed(new_day),
            np.minimum.reduceat(lowest, at) if len(at) else np.zeros(0, np.int64),
            np.zeros(0), float(hours), float(clock), float(hosts),
        )  # fmt: skip
        relation = np.cumsum(new) - 1
        agent = made.agent_of[relation]
        _, active = _hours(host, day, mask, agent, len(made.agents))
        made.active = active
        return made

    # -- codes of groups ------------------------------------------------------------------------

    @cached_property
    def types(self) -> list[str]:
        """Return the entity types, in their own order."""
        return sorted({word.partition(" ")[0] for word in self.vertex})

    @cached_property
    def type_of(self) -> Ints:
        """Return the type of each vertex, [V]."""
        place = {t: i for i, t in enumerate(self.types)}
        return np.array([place[word.partition(" ")[0]] for word in self.vertex], np.int64)

    def agent_keys(self, agent: Ints, act: Ints, kind: Ints) -> Ints:
        """Return a number for each (agent, action, type of what it is done to)."""
        return (agent * len(self.action) + act) * len(self.types) + kind

    def pair_keys(self, act: Ints, other: Ints) -> Ints:
        """Return a number for each (action, what it is done to)."""
        return act * len(self.vertex) + other

    def target_keys(self, act: Ints, other: Ints, shape: Ints) -> Ints:
        """Return a number for each (action, what it is done to, shape)."""
        return self.pair_keys(act, other) * len(self.shape_text) + shape

    @cached_property
    def agent(self) -> Ints:
        """Return who did it: the source, or the process that took from a passive one, [R]."""
        passive = np.array([t in PASSIVE for t in self.types], bool)
        process = np.array([t == "process" for t in self.types], bool)
        swap = passive[self.type_of[self.src]] & process[self.type_of[self.dst]]
        return np.where(swap, self.dst, self.src)

    @cached_property
    def other(self) -> Ints:
        """Return what it was done to, [R]."""
        return self.src + self.dst - self.agent

    @cached_property
    def _agent_keys(self) -> Ints:
        return self.agent_keys(self.agent, self.act, self.type_of[self.other])

    @cached_property
    def agents(self) -> Ints:
        """Return the agent keys that occur, ascending, [K]."""
        return np.unique(self._agent_keys)

    @cached_property
    def agent_of(self) -> Ints:
        """Return which agent key each relation has, [R]."""
        return np.searchsorted(self.agents, self._agent_keys)

    # -- saving ---------------------------------------------------------------------------------

    def dump(self) -> tuple[dict[str, npt.NDArray[Any]], dict[str, list[str]]]:
        """Return arrays and texts to save."""
        arrays = {name: getattr(self, name) for name in _ARRAYS}
        arrays["totals"] = np.array([self.hours, self.all_hours, self.host_count])
        return arrays, {name: getattr(self, name) for name in _TEXTS}

    @classmethod
    def restore(cls, arrays: dict[str, npt.NDArray[Any]], texts: dict[str, list[str]]) -> "Names":
        """Return what `dump` gave. Raises: KeyError, TypeError, ValueError if it is not that."""
        hours, clock, hosts = (float(x) for x in arrays["totals"])
        held: dict[str, Any] = {name: arrays[name] for name in _ARRAYS}
        words: dict[str, Any] = {name: texts[name] for name in _TEXTS}
        sizes = {len(held[name]) for name in _ARRAYS if name != "active"}
        made = cls(
            **words, **held, hours=hours, all_hours=clock,
            host_count=hosts,
        )  # fmt: skip
        limits = (("src", "vertex"), ("dst", "vertex"), ("act", "action"), ("shape", "shape_text"))
        for name, of in limits:
            codes = held[name]
            if codes.dtype != np.int64 or (
                len(codes) and not 0 <= codes.min() <= codes.max() < len(texts[of])
            ):
                raise ValueError(f"{name} does not fit {of}")
        if len(sizes) != 1 or len(made.active) != len(made.agents):
            raise ValueError("the model's tables differ in length")
        return made


_TEXTS = ("vertex", "action", "shape_text")
_ARRAYS = ("src", "act", "dst", "shape", "n", "weight", "hosts", "days", "first", "active")


def _words(past: pa.Table, end: str) -> pa.ChunkedArray:
    """Return the vertices at one end as "type name" texts."""
    both = [past[f"{end}_{part}"].cast(pa.string()) for part in ("type", "name")]
    words: pa.ChunkedArray = pc.binary_join_element_wise(*both, " ")
    return words


def _hours(
    host: Ints, day: Ints, mask: Ints, group: Ints | None = None, groups: int = 1
) -> tuple[int, Floats]:
    """Return (distinct hours of hosts over all, those of each group [groups])."""
    if not len(host):
        return 0, np.zeros(groups)
    group = np.zeros(len(host), np.int64) if group is None else group
    order = np.lexsort((day, host, group))
    group, host, day = group[order], host[order], day[order]
    at = np.flatnonzero(changes(group, host, day))
    merged = np.bitwise_count(np.bitwise_or.reduceat(mask[order], at)).astype(np.float64)
    each: Floats = np.bincount(group[at], merged, groups).astype(np.float64)
    return int(merged.sum()), each
