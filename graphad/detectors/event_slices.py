"""Scores a window of events in slices, with the graph of one slice in memory.

What is kept of each slice is what it has to tell (a row for each distinct event of a host and day)
and the graph of the best so far. A finding's score is that of its oddest row, and what was among
the best when it came is so still or has given way; so nothing has to be read twice.
"""

import os
from collections.abc import Callable, Iterable
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from graphad.detect import Paths, Search
from graphad.detectors.event_odd import Odd, Stories, stories
from graphad.detectors.event_rows import Rows
from graphad.detectors.event_stories import Scoring, told
from graphad.graph import Graph, joined
from graphad.models.codes import Hashes, changes, hashed

if TYPE_CHECKING:
    from graphad.detectors.store_events import StoreEventDetector

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

_SECRET = os.urandom(16)


class Best(NamedTuple):
    """One of the best so far: its key, where it is in the graph that is held, and its row."""

    key: int
    z: float
    score: float
    kind: int
    column: int
    event: int
    row: dict[str, Any]


class Said(NamedTuple):
    """What slices had to tell, by ascending key [K]: how many events, first and last [us], [K]."""

    key: Hashes
    events: Ints
    first: Ints
    last: Ints

    def plus(self, key: Hashes, events: Ints, first: Ints, last: Ints) -> "Said":
        """Return it with more, [N], whose keys may come more than once."""
        key = np.concatenate([self.key, key])
        order = np.argsort(key, kind="stable")
        key = key[order]
        at = np.flatnonzero(changes(key))
        parts = zip(self[1:], (events, first, last), (np.add, np.minimum, np.maximum), strict=True)
        held = [way.reduceat(np.concatenate([a, b])[order], at) for a, b, way in parts]
        return Said(key[at], *held) if len(at) else self


_NONE = np.empty(0, np.int64)
NOTHING = Said(np.empty(0, np.uint64), _NONE, _NONE, _NONE)


def event_search(
    detector: "StoreEventDetector",
    covered: Callable[[Graph], Bools | None] = lambda graph: None,
    *,
    hosts: Iterable[str] | None = None,
    types: Iterable[str] | None = None,
) -> Search:
    """Return a search for what `detector.score` finds among all events.

    It is sent graphs that follow each other in time, in which no hour is cut.

    Raises:
        ValueError: there is no graph.
    """
    hosts = None if hosts is None else list(hosts)
    types = None if types is None else list(types)
    held: Graph | None = None
    best: list[Best] = []
    every = NOTHING
    schemas: dict[int, pa.Schema] = {}
    left: dict[int, int] = {}
    while (part := (yield)) is not None:
        rows = dict(detector.rows(part, detector.chosen(part, covered(part), hosts, types)))
        found = stories(detector.odd(rows))
        keys = _keys(part, found.odd, rows)
        every = every.plus(keys, found.count, found.first, found.last)
        schemas |= {number: detector.table(one).schema for number, one in rows.items()}
        for number in set(rows) - set(found.odd.kind.tolist()):
            left[number] = left.get(number, 0) + len(rows[number])
        order = found.order[: detector.top]
        graph = part if held is None else joined([held, part])
        shift = 0 if held is None else len(held)
        new = _picked(detector, found.odd.take(order), keys[order], rows, shift)
        best = _merged([*best, *new])[: detector.top]
        mine = np.zeros(len(graph), bool)
        mine[[one.event for one in best]] = True
        place = np.cumsum(mine) - 1
        best = [one._replace(event=int(place[one.event])) for one in best]
        held = graph.subset(np.flatnonzero(mine)).used()
        del graph, part, rows  # the next slice is made while we hold these
    if held is None:
        raise ValueError("There is no graph to score.")
    return held, _told(detector, held, best, every, schemas, left)


def _keys(graph: Graph, odd: Odd, rows: dict[int, Rows]) -> Hashes:
    """Return a number for what each row tells: equal ones tell the same of one host and day.

    Numbers of 64 bits, for texts of a large day take half a gigabyte; nobody can aim at them, as
    they hang on a secret of this process.
    """
    keys = np.zeros(len(odd), np.uint64)
    for number, one in rows.items():
        mine = np.flatnonzero(odd.kind == number)
        if not len(mine):
            continue
        columns = odd.column[mine]
        table = one.table.take(pa.array(odd.row[mine]))
        words = [_numbers(table[name]) for name in table.column_names[:-1]]
        told = hashed(np.column_stack(words))
        for column in np.unique(columns[columns >= 0]).tolist():
            new = columns == column
            told[new] = words[column][new]
        where = _numbers(pa.chunked_array([pa.array(graph.host[odd.event[mine]], pa.string())]))
        place = np.column_stack([np.full(len(mine), number), columns, odd.hour[mine] // 24])
        keys[mine] = hashed(np.column_stack([told, where, place.astype(np.uint64)]))
    return keys


def _numbers(words: pa.ChunkedArray) -> Hashes:
    """Return a number for each text, the same for the same one."""
    coded = words.cast(pa.string()).combine_chunks().dictionary_encode()
    said = (word.encode("utf-8", "surrogatepass") for word in coded.dictionary.to_pylist())
    each = b"".join(blake2b(word, digest_size=8, key=_SECRET).digest() for word in said)
    found: Hashes = np.frombuffer(each, np.uint64)[coded.indices.to_numpy()]
    return found


def _picked(
    detector: "StoreEventDetector", odd: Odd, keys: Hashes, rows: dict[int, Rows], shift: int
) -> list[Best]:
    found: list[Best | None] = [None] * len(odd)
    names = keys.tolist()
    for number, one in rows.items():
        mine = np.flatnonzero(odd.kind == number)
        told_ = detector.table(one).take(pa.array(odd.row[mine])).to_pylist()
        for i, row in zip(mine.tolist(), told_, strict=True):
            found[i] = Best(
                names[i], float(odd.z[i]), float(odd.score[i]), number, int(odd.column[i]),
                int(odd.event[i]) + shift, row,
            )  # fmt: skip
    return [one for one in found if one is not None]


def _merged(best: list[Best]) -> list[Best]:
    """Return the best row of each key, best first; of equal ones the first event's."""
    ordered = sorted(best, key=lambda one: (-one.z, -one.score, one.event))
    chosen: dict[int, Best] = {}
    for one in ordered:
        chosen.setdefault(one.key, one)
    return list(chosen.values())


def _told(
    detector: "StoreEventDetector", graph: Graph, best: list[Best], every: Said,
    schemas: dict[int, pa.Schema], left: dict[int, int],
) -> Paths:  # fmt: skip
    """Return the best as paths, with what all slices said of each."""
    at = np.searchsorted(every.key, np.array([one.key for one in best], np.uint64))
    count, first, last = every.events[at], every.first[at], every.last[at]
    learned: dict[int, Scoring] = {}
    row = np.zeros(len(best), np.int64)
    for number, schema in schemas.items():
        mine = [i for i, one in enumerate(best) if one.kind == number]
        if mine:
            row[mine] = np.arange(len(mine))
            table = pa.Table.from_pylist([best[i].row for i in mine], schema)
            learned[number] = detector.scoring(number, table)
    none = np.zeros(len(best), np.int64)
    odd = Odd(
        np.array([one.kind for one in best], np.int64), row,
        np.array([one.column for one in best], np.int64),
        np.array([one.score for one in best]), np.array([one.z for one in best]),
        np.array([one.event for one in best], np.int64), *([none] * 7),
    )  # fmt: skip
    names = [kind.name for kind in detector.kinds]
    return told(Stories(odd, count, first, last), names, learned, detector.notes(left))
