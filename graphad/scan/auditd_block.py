"""Reads a block of audit lines: memory for the kernels, more of it if it runs out, and threads."""

import os
import secrets
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from graphad.scan import auditd_events as reader
from graphad.scan import auditd_lines as heads
from graphad.scan.auditd_event import EVENT_SIZE, RUN_AT, TEXTS, scratch_size
from graphad.scan.auditd_words import find_line_feeds
from graphad.scan.intern import Distinct, empty_again, larger, new_distinct
from graphad.scan.strace_tokens import intern_spans
from graphad.scan.words import Bytes, Ints

# So that who writes a log can't choose texts that fall into one slot.
SEED = np.uint64(secrets.randbits(64))
_PART = 4096  # events or lines that are worth a thread
WORKERS = max(1, min(4, len(os.sched_getaffinity(0))))
PADDING = 64


class Kinds(NamedTuple):
    """Kinds of records: `table` [2, K + 1] their class and where each name begins in `names`."""

    table: Ints
    names: Bytes


class Part(NamedTuple):
    """Events that one thread read; rows [first, last) of the block's."""

    first: int
    last: int
    codes: npt.NDArray[np.int32]  # [TEXTS, N]
    numbers: Ints  # [NUMBERS, N]
    distinct: Distinct
    attrs: Bytes
    arena: Bytes
    args: Bytes


class Memory:
    """Arrays that the next block may have again: to get new ones costs more than to fill them.

    Nothing that a block hands out may lie in them.
    """

    def __init__(self) -> None:
        self._kept: dict[str, npt.NDArray[np.uint8]] = {}
        self._distinct: dict[int, Distinct] = {}

    def bytes(self, name: str, size: int) -> Bytes:
        """Return so many bytes, in whatever state they are."""
        if name not in self._kept or len(self._kept[name]) < size:
            self._kept[name] = np.empty(size + size // 8, np.uint8)
        return self._kept[name][:size]

    def numbers(self, name: str, *shape: int) -> Ints:
        """Return whole numbers in whatever state they are."""
        size = 8 * int(np.prod(shape))
        return self.bytes(name, size).view(np.int64).reshape(shape)

    def distinct(self, part: int) -> Distinct:
        """Return an empty table of texts."""
        found = self._distinct.get(part)
        if found is None:
            return new_distinct(TEXTS + 1, 1 << 16)
        empty_again(found)
        return found

    def keep(self, part: int, distinct: Distinct, arena: Bytes) -> None:
        """Keep what grew, unless it grew out of measure."""
        if len(distinct.slots) <= 1 << 20:
            self._distinct[part] = distinct
        if len(arena) <= 1 << 26:
            self._kept[f"arena{part}"] = arena


def padded(memory: Memory, *parts: Bytes) -> Bytes:
    """Return bytes with so many more behind them that kernels can look ahead without asking."""
    whole = memory.bytes("text", sum(map(len, parts)) + PADDING)
    np.concatenate([*parts, np.zeros(PADDING, np.uint8)], out=whole)
    return whole


def scan_heads(
    pool: ThreadPoolExecutor, memory: Memory, data: Bytes, start: Ints, end: Ints
) -> Ints:
    """Return the heads of N lines, in the first HEADS rows of `lines` [LINE_ROWS, N]."""
    found = memory.numbers("lines", reader.LINE_ROWS, len(start))
    found[reader.START], found[reader.END] = start, end
    bounds = _bounds(len(start), 4 * _PART)

    def one(part: tuple[int, int]) -> None:
        heads.scan_heads(data, start, end, part[0], part[1], found)

    list(pool.map(one, pairwise(bounds)))
    return found


def line_ends(
    pool: ThreadPoolExecutor, memory: Memory, codes: Bytes, size: int
) -> tuple[Ints, Ints]:
    """Return where the lines of `size` padded bytes start and end, line feeds left out."""
    bounds = _bounds(size, 1 << 20)

    def one(part: int) -> Ints:
        first, last = bounds[part : part + 2]
        out = memory.numbers(f"ends{part}", (last - first) // 32 + 64)
        count = find_line_feeds(codes, first, last, out)
        if count > len(out):  # lines of a few bytes
            out = np.empty(count, np.int64)
            find_line_feeds(codes, first, last, out)
        return out[:count]

    end = np.concatenate(list(pool.map(one, range(len(bounds) - 1))))
    if size and codes[size - 1] != 10:
        end = np.append(end, size)
    start = np.zeros(len(end), np.int64)
    start[1:] = end[:-1] + 1
    return start, end


def distinct_spans(data: Bytes, start: Ints, end: Ints) -> tuple[list[str], Ints]:
    """Return the distinct texts of N spans, and which one each has."""
    n = len(start)
    if not end.any():
        return [""], np.zeros(n, np.int64)
    table = np.full(1 << (2 * n + 1).bit_length(), -1, np.int64)
    ids, first = np.empty(n, np.int64), np.empty(n, np.int64)
    count = intern_spans(data, start, end, SEED, table, ids, first)
    texts = [data[start[i] : end[i]].tobytes().decode() for i in first[:count].tolist()]
    return texts, ids


class Joined(NamedTuple):
    """Which lines make which event; see join_lines."""

    events: Ints
    owner: Ints
    following: Ints
    order: Ints
    record: Ints
    records: int


def join(
    memory: Memory, found: Ints, start: Ints, end: Ints, node: Ints, carried: int, last: bool
) -> Joined:
    """Join N lines to events, of which the first were carried over from the block before."""
    n = len(start)
    slots = memory.numbers("slots", 1 << (2 * n + 1).bit_length())
    slots[:] = -1
    events, record = memory.numbers("events", heads.EVENT, n), memory.numbers("record", 2, n)
    owner, following, order = memory.numbers("joined", 3, n)
    done, records = heads.join_lines(
        found, start, end, node, slots, carried, last, events, owner, following, order, record,
        SEED,
    )  # fmt: skip
    return Joined(events, owner, following, order[:done], record, records)


def read(
    pool: ThreadPoolExecutor, memory: Memory, data: Bytes, lines: Ints, joined: Joined,
    kinds: Kinds, machines: Ints,
) -> list[Part]:  # fmt: skip
    """Return what the completed events say."""
    bounds = _bounds(len(joined.order), _PART)

    def one(part: int) -> Part:
        first, last = bounds[part : part + 2]
        return _read(memory, data, lines, joined, kinds, machines, part, first, last)

    return list(pool.map(one, range(len(bounds) - 1)))


def _bounds(n: int, least: int) -> list[int]:
    parts = max(1, min(WORKERS, n // least))
    return [n * i // parts for i in range(parts + 1)]


def _read(
    memory: Memory, data: Bytes, lines: Ints, joined: Joined, kinds: Kinds, machines: Ints,
    part: int, first: int, last: int,
) -> Part:  # fmt: skip
    n = last - first
    order = joined.order[first:last]
    codes = np.full((TEXTS, n), -1, np.int32)
    numbers = memory.numbers(f"numbers{part}", reader.NUMBERS, n)
    total = int(joined.events[heads.BYTES, order].sum())
    longest = int(joined.events[heads.BYTES, order].max(initial=0)) + 4096
    event = memory.numbers(f"event{part}", EVENT_SIZE)
    event[RUN_AT:] = 0
    scratch = memory.bytes(f"scratch{part}", scratch_size(longest))
    distinct = memory.distinct(part)
    attrs = np.empty(total + 4096, np.uint8)
    arena = memory.bytes(f"arena{part}", total // 4 + 4096)
    args = np.empty(total // 8 + 4096, np.uint8)
    state = np.zeros(4, np.int64)
    while need := reader.read_events(
        data, lines, joined.events, order, kinds.table, kinds.names, machines, event, scratch,
        codes, numbers, distinct, attrs, arena, args, state, SEED,
    ):  # fmt: skip
        if need == reader.NEED_ENTRIES:
            distinct = larger(distinct, TEXTS)
        elif need == reader.NEED_ATTRS:
            attrs = _longer(attrs, int(state[reader.ATTRS]), 8 * longest)
        elif need == reader.NEED_ARENA:
            arena = _longer(arena, int(state[reader.ARENA]), 16 * longest)
        else:
            args = _longer(args, int(state[reader.ARGS]), 2 * longest)
    memory.keep(part, distinct, arena)
    return Part(first, last, codes, numbers, distinct, attrs, arena, args)


def _longer(array: Bytes, used: int, more: int) -> Bytes:
    longer = np.empty(2 * len(array) + more + (1 << 20), np.uint8)
    longer[:used] = array[:used]
    return longer
