"""Scores a window of events in slices, with the graph of one slice in memory.

What is kept of each slice is what it has to tell (a row for each distinct event of a host and day)
and the graph of the best so far. A finding's score is that of its oddest row, and what was among
the best when it came is so still or has given way; so nothing has to be read twice.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from graphad.detect import Paths, Search
from graphad.detectors.event_odd import Odd, Stories, stories
from graphad.detectors.event_rows import Rows
from graphad.detectors.event_stories import Scoring, told
from graphad.graph import Graph, joined

if TYPE_CHECKING:
    from graphad.detectors.store_events import StoreEventDetector

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

_APART = "\x1f"  # words in a key


class Best(NamedTuple):
    """One of the best so far: its key, where it is in the graph that is held, and its row."""

    key: str
    z: float
    score: float
    kind: int
    column: int
    event: int
    row: dict[str, Any]


class Said(NamedTuple):
    """All that slices had to tell, by key: events, first and last [us]."""

    key: pa.Array
    events: Ints
    first: Ints
    last: Ints


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
    every: list[Said] = []
    schemas: dict[int, pa.Schema] = {}
    left: dict[int, int] = {}
    while (part := (yield)) is not None:
        rows = dict(detector.rows(part, detector.chosen(part, covered(part), hosts, types)))
        found = stories(detector.odd(rows))
        keys = _keys(part, found.odd, rows)
        every.append(Said(keys, found.count, found.first, found.last))
        schemas |= {number: detector.table(one).schema for number, one in rows.items()}
        for number in set(rows) - set(found.odd.kind.tolist()):
            left[number] = left.get(number, 0) + len(rows[number])
        order = found.order[: detector.top]
        graph = part if held is None else joined([held, part])
        shift = 0 if held is None else len(held)
        new = _picked(detector, found.odd.take(order), keys.take(pa.array(order)), rows, shift)
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


def _keys(graph: Graph, odd: Odd, rows: dict[int, Rows]) -> pa.Array:
    """Return a text for what each row tells: equal ones tell the same of one host and day."""
    keys = np.full(len(odd), "", object)
    for number, one in rows.items():
        mine = np.flatnonzero(odd.kind == number)
        if not len(mine):
            continue
        columns = odd.column[mine]
        table = one.table.take(pa.array(odd.row[mine]))
        words = [_plain(table[name]) for name in table.column_names[:-1]]
        whole = pc.binary_join_element_wise(*words, _APART).to_numpy(zero_copy_only=False)
        for column in np.unique(columns[columns >= 0]).tolist():
            new = columns == column
            whole[new] = words[column].to_numpy(zero_copy_only=False)[new]
        place = [f"{number}{_APART}{column}{_APART}" for column in columns.tolist()]
        days = (odd.hour[mine] // 24).tolist()
        where = graph.host[odd.event[mine]]
        keys[mine] = [
            f"{start}{day}{_APART}{text}{_APART}{host}"
            for start, day, text, host in zip(place, days, whole, where, strict=True)
        ]
    return pa.array(keys, pa.string())


def _plain(words: pa.ChunkedArray) -> pa.Array:
    """Return words in which what keeps them apart does not occur."""
    words = words.cast(pa.string()).combine_chunks()
    return pc.replace_substring(pc.replace_substring(words, "\\", "\\\\"), _APART, "\\u")


def _picked(
    detector: "StoreEventDetector", odd: Odd, keys: pa.Array, rows: dict[int, Rows], shift: int
) -> list[Best]:
    found: list[Best | None] = [None] * len(odd)
    names = keys.to_pylist()
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
    chosen: dict[str, Best] = {}
    for one in ordered:
        chosen.setdefault(one.key, one)
    return list(chosen.values())


def _told(
    detector: "StoreEventDetector", graph: Graph, best: list[Best], every: list[Said],
    schemas: dict[int, pa.Schema], left: dict[int, int],
) -> Paths:  # fmt: skip
    """Return the best as paths, with what all slices said of each."""
    place = {one.key: i for i, one in enumerate(best)}
    wanted = pa.array(list(place), pa.string())
    count = np.zeros(len(best), np.int64)
    first = np.full(len(best), np.iinfo(np.int64).max)
    last = np.full(len(best), np.iinfo(np.int64).min)
    for said in every:
        rows = np.flatnonzero(pc.is_in(said.key, wanted).to_numpy(zero_copy_only=False))
        at = np.array([place[key] for key in said.key.take(pa.array(rows)).to_pylist()], np.int64)
        np.add.at(count, at, said.events[rows])
        np.minimum.at(first, at, said.first[rows])
        np.maximum.at(last, at, said.last[rows])
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
