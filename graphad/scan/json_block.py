"""Reads one block of JSON: provides the memory the scanner works in, and more if it runs out."""

import os
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from graphad.scan import jsonl
from graphad.scan.intern import Distinct, empty_again, larger, new_distinct
from graphad.scan.json_values import MAX_DEPTH
from graphad.scan.keys import PATH_LENGTH, Keys
from graphad.scan.leaves import new_leaves
from graphad.scan.message import PARTS, new_forms
from graphad.scan.strings import map_strings
from graphad.scan.trail import new_trail
from graphad.scan.words import Bytes

_SEED = np.uint64(int.from_bytes(os.urandom(8), "little"))
_ARENA = 1 << 20  # bytes at first
_SPARE = 1 << 26  # bytes of an arena worth keeping


class Block(NamedTuple):
    """What a block holds: `rows` records and `bad` rejects in `filled`, `blank` empty lines.

    `distinct` and `arena` are lent: the next block may get them once `give_back` was called.
    """

    rows: int
    bad: int
    blank: int
    filled: jsonl.Rows
    distinct: Distinct
    arena: Bytes


def _new_rows(texts: int, numbers: int, room: int) -> jsonl.Rows:
    return jsonl.Rows(
        np.full((texts + 3, room), -1, np.int32),
        np.zeros((numbers, room), np.int64),
        np.zeros((numbers, room), np.bool_),
        np.empty((4, room), np.int64),
        np.empty((5, room), np.int64),
    )


def _more_rows(rows: jsonl.Rows) -> jsonl.Rows:
    room = rows.places.shape[1]
    more = _new_rows(len(rows.codes) - 3, len(rows.numbers), 2 * room)
    pairs: Iterable[tuple[Any, Any]] = zip(rows, more, strict=True)
    for old, new in pairs:
        new[:, :room] = old
    return more


class Reader:
    """Reads blocks by one table of keys; keeps the memory for the next ones. Any thread may call.

    columns, texts, numbers: how many columns the keys fill, and how many of them hold text and
    numbers.
    """

    def __init__(self, keys: Keys, columns: int, texts: int, numbers: int) -> None:
        self.keys, self.columns, self.texts, self.numbers = keys, columns, texts, numbers
        self._spare: list[tuple[Distinct, Bytes]] = []
        longest = int(keys.nodes[:, PATH_LENGTH].max())
        self._margin = (len(keys.fields) + PARTS) * (longest + 48)

    def read(self, data: Bytes, lines: int, multi: bool) -> Block:
        """Return the records of a block of about so many lines.

        multi: records may span lines; else each line is one.
        """
        keys = self.keys
        stops, breaks = map_strings(data)
        rows = _new_rows(self.texts, self.numbers, min(lines + 1, len(data) // 256) + 16)
        try:
            distinct, arena = self._spare.pop()
            empty_again(distinct)
        except IndexError:
            distinct, arena = new_distinct(self.texts + 3), np.empty(_ARENA, np.uint8)
        scratch = jsonl.Scratch(
            new_leaves(len(keys.fields), self.columns), new_forms(),
            np.zeros(MAX_DEPTH, np.int64), np.full(len(keys.nodes), -1, np.int64),
            np.empty(len(keys.fields) + 1, np.int64), new_trail(),
        )  # fmt: skip
        state = np.zeros(9, np.int64)
        while need := jsonl.scan_json(
            data, stops, breaks, keys, scratch, self.texts, self._margin, multi, rows, distinct,
            arena, state, _SEED,
        ):  # fmt: skip
            if need == jsonl.NEED_ROWS:
                rows = _more_rows(rows)
            elif need == jsonl.NEED_ENTRIES:
                distinct = larger(distinct, len(keys.fields) + 3)
            else:
                used = int(state[jsonl.USED])
                more = np.empty(2 * len(arena) + self._margin, np.uint8)
                more[:used] = arena[:used]
                arena = more
        good, bad, blank = (int(state[place]) for place in (jsonl.ROWS, jsonl.BAD, jsonl.BLANK))
        return Block(good, bad, blank, rows, distinct, arena)

    def give_back(self, block: Block) -> None:
        """Take the memory of a block that is no longer needed, unless it grew out of measure."""
        if len(block.arena) <= _SPARE and len(self._spare) < 4:
            self._spare.append((block.distinct, block.arena))
