"""Reads one block of JSON: provides the memory that the scanner works in, and more if it runs out."""

import os
from typing import NamedTuple

import numpy as np

from graphad.scan import jsonl
from graphad.scan.intern import Distinct, larger, new_distinct
from graphad.scan.json_values import MAX_DEPTH
from graphad.scan.keys import PATH_LENGTH, Keys
from graphad.scan.leaves import new_leaves
from graphad.scan.message import PARTS, new_forms
from graphad.scan.strings import map_strings
from graphad.scan.words import Bytes

_SEED = np.uint64(int.from_bytes(os.urandom(8), "little"))
_ARENA = 1 << 18


class Block(NamedTuple):
    """What a block holds: `rows` records and `bad` rejects in `filled`, `blank` empty lines."""

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
    more = _new_rows(len(rows.codes) - 3, len(rows.numbers), 4 * room)
    for old, new in zip(rows, more, strict=True):
        new[:, :room] = old
    return more


def read_block(
    data: Bytes, keys: Keys, columns: int, texts: int, numbers: int, multi: bool
) -> Block:
    """Return the records of a block.

    columns, texts, numbers: how many columns the keys fill, and how many of them hold text and
    numbers. multi: records may span lines and stand in arrays; else each line is one.
    """
    stops, breaks = map_strings(data)
    lines = np.count_nonzero(data == 10) + 1
    rows = _new_rows(texts, numbers, min(lines, len(data) // 256) + 16)
    distinct = new_distinct(texts + 3)
    arena = np.empty(_ARENA, np.uint8)
    scratch = jsonl.Scratch(
        new_leaves(len(keys.fields), columns), new_forms(), np.zeros(MAX_DEPTH, np.int64),
        np.full(len(keys.nodes), -1, np.int64), np.empty(len(keys.fields) + 1, np.int64),
    )  # fmt: skip
    longest = int(keys.nodes[:, PATH_LENGTH].max())
    margin = (len(keys.fields) + PARTS) * (longest + 48)
    state = np.zeros(9, np.int64)
    while need := jsonl.scan_json(
        data, stops, breaks, keys, scratch, texts, margin, multi, rows, distinct, arena, state,
        _SEED,
    ):  # fmt: skip
        if need == jsonl.NEED_ROWS:
            rows = _more_rows(rows)
        elif need == jsonl.NEED_ENTRIES:
            distinct = larger(distinct, len(keys.fields) + 3)
        else:
            used = int(state[jsonl.USED])
            more = np.empty(2 * len(arena) + margin, np.uint8)
            more[:used] = arena[:used]
            arena = more
    found = (int(state[place]) for place in (jsonl.ROWS, jsonl.BAD, jsonl.BLANK))
    return Block(*found, rows, distinct, arena)
