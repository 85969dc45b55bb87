"""Rows of events with their scores, and rows in which a value is seen for the first time."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from graphad.detectors.event import EventDetector
from graphad.detectors.event_rows import Rows
from graphad.models.codes import changes, packed
from graphad.models.tails import Tail, z_of_share

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Odd:
    """N rows with a score [bits] and z; of several kinds, by number.

    row: of its kind; column: -1, or that whose value is seen for the first time; event, first,
    last, count, host, hour: see Rows; what, day: equal for one thing to tell of a host and day.
    """

    kind: Ints
    row: Ints
    column: Ints
    score: Floats
    z: Floats
    event: Ints
    first: Ints
    last: Ints
    count: Ints
    host: Ints
    hour: Ints
    what: Ints
    day: Ints

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.row)

    def take(self, at: Ints) -> "Odd":
        """Return some of them."""
        return Odd(*(getattr(self, one.name)[at] for one in fields(self)))


def joined(parts: Sequence[Odd]) -> Odd:
    """Return the rows of all parts, in a row."""
    none, bits = np.empty(0, np.int64), np.empty(0)
    whole = [Odd(none, none, none, bits, bits, *([none] * 8)), *parts]
    return Odd(*(np.concatenate([getattr(one, f.name) for one in whole]) for f in fields(Odd)))


def odd_rows(kind: int, model: EventDetector, tail: Tail, table: pa.Table, rows: Rows) -> list[Odd]:
    """Return the rows of a kind by their likelihood, then by each column's new values."""
    scored = model.score(table)
    every = np.arange(len(rows))
    found = [_odd(kind, every, -1, scored.score, tail.z(scored.score), rows, rows.story, every * 0)]
    for i, column in enumerate(model.columns_[: len(model.columns)]):
        new = np.flatnonzero(scored.first[:, i])
        if not len(new):
            continue
        bits = np.full(len(new), -np.log2(column.novelty))
        z = np.full(len(new), z_of_share(column.novelty))
        words = column.words(table[column.name].combine_chunks()).take(pa.array(new))
        codes = words.dictionary_encode().indices.to_numpy().astype(np.int64)
        # A day of a host by one number, in which the hour is left out.
        day = rows.host[new] * (1 << 32) + rows.hour[new] // 24
        found.append(_odd(kind, new, i, bits, z, rows, codes, day))
    return found


def _odd(
    kind: int, row: Ints, column: int, score: Floats, z: Floats, rows: Rows, what: Ints, day: Ints
) -> Odd:
    same = np.zeros(len(row), np.int64)
    return Odd(
        same + kind, row, same + column, score, z, rows.event[row], rows.first[row], rows.last[row],
        rows.count[row], rows.host[row], rows.hour[row], what, day,
    )  # fmt: skip


@dataclass(frozen=True)
class Stories:
    """What there is to tell, each once: its oddest row, its events, first and last [us]; [N]."""

    odd: Odd
    count: Ints
    first: Ints
    last: Ints

    @property
    def order(self) -> Ints:
        """Return them best first, of equal ones the earliest event."""
        return np.lexsort((self.odd.event, -self.odd.score, -self.odd.z))

    def take(self, at: Ints) -> "Stories":
        """Return some of them."""
        return Stories(self.odd.take(at), self.count[at], self.first[at], self.last[at])


def stories(odd: Odd) -> Stories:
    """Return what rows tell: those that say one and the same of a host and day are one."""
    if not len(odd):
        return Stories(odd, odd.count, odd.first, odd.last)
    key = packed(odd.kind, odd.column + 1, odd.what, odd.day)
    order = np.lexsort((odd.event, -odd.score, -odd.z, key))
    begins = np.flatnonzero(changes(key[order]))
    return Stories(
        odd.take(order[begins]),
        np.add.reduceat(odd.count[order], begins),
        np.minimum.reduceat(odd.first[order], begins),
        np.maximum.reduceat(odd.last[order], begins),
    )
