"""Events of a graph as rows to learn from: each distinct one once an hour of a host.

A loop that opens one file ten thousand times an hour says one thing; what says more is that it does
so every hour. Raw counts would let one such loop be all that is learned.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from graphad.detectors.event_words import Told
from graphad.graph import HOUR, Graph

Ints = npt.NDArray[np.int64]

TIME = "\x1ftime"  # of a row: when its event first was, in that hour; no column is called so
_DAY = 24 * HOUR
_SEED = np.uint64(int.from_bytes(os.urandom(8), "little"))


@dataclass(frozen=True)
class Rows:
    """R rows of one kind, in the order of their first events.

    table: a text column for each of the kind's, and TIME. event [R] first event in the graph;
    first, last [R] us; count [R] events; host, hour [R]: host by number, hours since 1970; story
    [R]: equal for rows of one host and day whose words are the same.
    """

    table: pa.Table
    event: Ints
    first: Ints
    last: Ints
    count: Ints
    host: Ints
    hour: Ints
    story: Ints

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.event)


def rows_of(graph: Graph, events: Ints, columns: Mapping[str, Callable[[Told], pa.Array]]) -> Rows:
    """Return the rows of some events [n], ascending, by the columns of their kind.

    Hosts have their numbers of the whole graph: not each kind is of all hosts, and rows of several
    kinds are put together by them.
    """
    from graphad.scan.tuples import distinct_rows

    told = Told(graph, events)
    words = {name: _encoded(column(told)) for name, column in columns.items()}
    ts, where = graph.ts[events], graph.hosts[0][events]
    codes = [one.indices.to_numpy(zero_copy_only=False).astype(np.int64) for one in words.values()]
    first, which = distinct_rows(np.stack([*codes, where, ts // HOUR]), _SEED)
    last = np.zeros(len(first), np.int64)
    np.maximum.at(last, which, ts)
    _, story = distinct_rows(np.stack([*codes, where, ts // _DAY])[:, first], _SEED)
    at = pa.array(first)
    table = {name: one.dictionary.take(one.indices.take(at)) for name, one in words.items()}
    table[TIME] = pa.array(ts[first], pa.timestamp("us"))
    count = np.bincount(which, minlength=len(first))
    return Rows(
        pa.table(table), events[first], ts[first], last, count, where[first], ts[first] // HOUR,
        story.astype(np.int64),
    )  # fmt: skip


def _encoded(words: pa.Array) -> pa.DictionaryArray:
    return words if pa.types.is_dictionary(words.type) else words.dictionary_encode()
