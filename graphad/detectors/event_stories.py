"""Findings of odd events: their terms, and what would have been likely instead."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from graphad.detect import MARK, Doubt, Paths, Story
from graphad.detectors.event import NOVEL, ORIGIN, EventDetector, Explanation, term_of
from graphad.detectors.event_columns import CLOCK
from graphad.detectors.event_odd import Stories


@dataclass(frozen=True)
class Scoring:
    """A kind's model, how many rows it has learned, and the rows that were scored."""

    model: EventDetector
    rows: int
    table: pa.Table


def told(
    found: Stories, kinds: Sequence[str], learned: Mapping[int, Scoring],
    notes: tuple[str, ...],
) -> Paths:  # fmt: skip
    """Return stories as paths of one event; kinds: their names, learned: by their number."""
    odd, every = found.odd, np.arange(len(found.odd))
    columns = [term_of(name) for one in learned.values() for name in one.model.columns]
    names = tuple(dict.fromkeys([ORIGIN, *columns, *CLOCK, NOVEL, MARK]))
    place = {name: i for i, name in enumerate(names)}
    terms = np.zeros((len(odd), 1, len(names)))
    stories: dict[int, Story] = {}
    for number, one in learned.items():
        mine = every[odd.kind == number]
        rows = one.table.take(pa.array(odd.row[mine]))
        said = zip(*(rows[name].to_pylist() for name in one.model.columns), strict=True)
        for i, why, words in zip(mine, one.model.explain_all(rows), said, strict=True):
            spell = int(found.count[i]), int(found.first[i]), int(found.last[i])
            column, bits = int(odd.column[i]), float(odd.score[i])
            if column < 0:
                story = _unlikely(kinds[number], words, why, spell, one.rows)
                parts = why.terms
            else:
                name = one.model.columns[column]
                doubt = Doubt(name, words[column], bits, [], True)
                story = _first(kinds[number], doubt, spell, one.rows)
                parts = {NOVEL: bits}
            stories[int(i)] = story
            for term, value in parts.items():
                terms[i, 0, place[term]] = value
    length = np.ones(len(odd), np.int64)
    return Paths(
        odd.score, odd.z, length, odd.event[:, None], terms, names, names,
        stories=tuple(stories[int(i)] for i in every), notes=notes,
    )  # fmt: skip


Spell = tuple[int, int, int]  # events, first and last [us]


def _unlikely(
    kind: str, words: tuple[str, ...], why: Explanation, spell: Spell, rows: int
) -> Story:
    return Story(kind, words, tuple(why.terms), *spell, tuple(why.doubts), rows)


def _first(kind: str, doubt: Doubt, spell: Spell, rows: int) -> Story:
    name = f"{kind}:{doubt.column}"
    return Story(name, (doubt.column, doubt.value), (NOVEL,), *spell, (doubt,), rows)
