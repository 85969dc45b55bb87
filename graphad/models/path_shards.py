"""The same search over events too many for memory: one shard at a time, the same answer.

A path within the span lies whole in any stretch of time that begins no later than it and lasts
the span beyond the next one's begin, so time slices that overlap by the span lose none. A path
may cross hosts, so shards are never cut by host alone: by groups of hosts between which no event
leads (`host_groups`), and within a group by time. What was found so far sets the floor for later
shards, so their cost falls.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from graphad.jit import kernel
from graphad.models.path_edges import prepared
from graphad.models.path_search import Best, PathSet, Search, search_into

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Shard:
    """E events by (ts, index), all arrays [E]; `index` is each one's number among all events.

    Numbers rise, and with them times never fall, over all shards of a group taken together.
    src, dst and label mean the same in every shard.
    """

    src: Ints
    dst: Ints
    ts: Ints
    cost: Floats
    label: Ints
    index: Ints

    def __len__(self) -> int:
        """Return E."""
        return len(self.src)

    def since(self, begin: int) -> "Shard":
        """Return the events from time `begin` on."""
        at = slice(int(np.searchsorted(self.ts, begin)), None)
        return Shard(*(getattr(self, name)[at].copy() for name in self.__dataclass_fields__))


def search_shards(shards: Iterable[Shard], search: Search) -> PathSet:
    """Return what top_paths of all events does, if each path lies whole in some shard.

    `overlapping` makes such shards. Only one is held at a time; paths found in several count once.
    `edges` of the result are the numbers that the shards give their events. The budget is each
    shard's own (see top_paths).

    Raises:
        ValueError: as top_paths, or a shard's numbers do not rise.

    >>> events = Shard(*(np.array(a) for a in ([0, 1], [1, 2], [5, 9], [1.0, 2.0], [7, 8], [3, 4])))
    >>> search_shards(overlapping([events], 10), Search(max_length=2, span=10)).edges.tolist()
    [[4, -1], [3, -1], [3, 4]]
    """
    best = Best(search)
    for shard in shards:
        if (shard.index[1:] <= shard.index[:-1]).any():
            raise ValueError("The numbers of a shard's events must rise.")
        events = prepared(shard.src, shard.dst, shard.ts, shard.cost, shard.label)
        if len(shard.index) != len(shard):
            raise ValueError("index must be as long as the edges.")
        search_into(best, events, shard.index)
        del events
    return best.paths()


def overlapping(batches: Iterable[Shard], span: int) -> Iterator[Shard]:
    """Yield shards by time that overlap by the span, from the batches of one group of hosts.

    Batches follow each other in time and number; any may be empty. A shard is a batch with those
    earlier events that a path may still go on from, so memory is that of a batch and one span.

    Raises:
        ValueError: the span is negative, or a batch begins before the one before it ended.
    """
    if span < 0:
        raise ValueError("span must not be negative.")
    tail: Shard | None = None
    for batch in batches:
        if not len(batch):
            continue
        if tail is not None and len(tail):
            if batch.ts[0] < tail.ts[-1] or batch.index[0] <= tail.index[-1]:
                raise ValueError("Batches must follow each other in time and number.")
            names = Shard.__dataclass_fields__
            batch = Shard(*(np.concatenate([getattr(tail, n), getattr(batch, n)]) for n in names))
        yield batch
        tail = batch.since(int(batch.ts[-1]) - span)


def host_groups(src_host: Ints, dst_host: Ints, hosts: int) -> Ints:
    """Return the group [hosts] of each host: those that events connect, directly or not, are one.

    Shape: src_host, dst_host [E], below `hosts`: where the ends of each event are, whether or not
    time lets a path go on. An entity that several hosts share (an address, a user) has to be given
    the hosts of all its events: one row for each. Groups are numbered by their first host.

    Raises:
        ValueError: the two differ in length, or a host isn't in range.

    >>> host_groups(np.array([0, 3]), np.array([2, 3]), 4).tolist()
    [0, 1, 0, 2]
    """
    src_host, dst_host = (np.asarray(a, dtype=np.int64) for a in (src_host, dst_host))
    if src_host.shape != dst_host.shape or src_host.ndim != 1:
        raise ValueError("src_host and dst_host must be one-dimensional and equally long.")
    for ends in (src_host, dst_host):
        if ends.size and not (ends.min() >= 0 and ends.max() < hosts):
            raise ValueError(f"Hosts must lie in [0, {hosts}).")
    leader = _united(src_host, dst_host, hosts)
    groups: Ints = np.unique(leader, return_inverse=True)[1].astype(np.int64)
    return groups


@kernel
def _united(one: Ints, other: Ints, size: int) -> Ints:
    """Return [size]: the least number of those each is united with."""
    leader = np.arange(size)
    for e in range(len(one)):
        a, b = one[e], other[e]
        while leader[a] != a:
            leader[a] = leader[leader[a]]
            a = leader[a]
        while leader[b] != b:
            leader[b] = leader[leader[b]]
            b = leader[b]
        leader[max(a, b)] = min(a, b)
    for v in range(size):
        leader[v] = leader[leader[v]]
    return leader
