"""Reads a block of audit lines: memory for the kernels, more of it if it runs out, and threads."""

import os
import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from graphad.scan import auditd_events as reader
from graphad.scan import auditd_keys as k
from graphad.scan import auditd_lines as heads
from graphad.scan.auditd_fields import COUNTS, MAX_ARGS, MAX_KEYS, MAX_PATHS, Event
from graphad.scan.intern import Distinct, larger, new_distinct
from graphad.scan.strace_tokens import intern_spans
from graphad.scan.words import Bytes, Ints

# So that who writes a log can't choose texts that fall into one slot.
SEED = np.uint64(secrets.randbits(64))
_PART = 4096  # events or lines that are worth a thread
WORKERS = max(1, min(4, len(os.sched_getaffinity(0))))
PADDING = 64


class Part(NamedTuple):
    """Events that one thread read; rows [first, last) of the block's."""

    first: int
    last: int
    columns: reader.Columns
    distinct: Distinct
    attrs: Bytes
    arena: Bytes
    args: Bytes


def padded(*parts: bytes) -> Bytes:
    """Return bytes with so many more behind them that kernels can look ahead without asking."""
    return np.frombuffer(b"".join((*parts, bytes(PADDING))), np.uint8)


def scan_heads(pool: ThreadPoolExecutor, data: Bytes, start: Ints, end: Ints) -> Ints:
    """Return the heads [HEADS, N] of N lines."""
    found = np.zeros((heads.HEADS, len(start)), np.int64)
    bounds = _bounds(len(start), 4 * _PART)
    list(
        pool.map(
            lambda part: heads.scan_heads(data, start, end, *part, found),
            zip(bounds[:-1], bounds[1:], strict=True),
        )
    )
    return found


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


def join(found: Ints, start: Ints, end: Ints, node: Ints, carried: int, last: bool) -> Joined:
    """Join N lines, of which the first were carried over from the block before."""
    n = len(start)
    slots = np.full(1 << (2 * n + 1).bit_length(), -1, np.int64)
    events, record = np.zeros((heads.EVENT, n), np.int64), np.zeros((2, n), np.int64)
    owner, following, order = np.empty((3, n), np.int64)
    done, records = heads.join_lines(
        found, start, end, node, slots, carried, last, events, owner, following, order, record,
        SEED,
    )  # fmt: skip
    return Joined(events, owner, following, order[:done], record, records)


def read(
    pool: ThreadPoolExecutor, data: Bytes, lines: reader.Lines, joined: Joined,
    kinds: reader.Kinds, machines: k.Machines,
) -> list[Part]:  # fmt: skip
    """Return what the completed events say."""
    bounds = _bounds(len(joined.order), _PART)

    def one(part: tuple[int, int]) -> Part:
        return _read(data, lines, joined, kinds, machines, *part)

    return list(pool.map(one, zip(bounds[:-1], bounds[1:], strict=True)))


def _bounds(n: int, least: int) -> list[int]:
    parts = max(1, min(WORKERS, n // least))
    return [n * i // parts for i in range(parts + 1)]


def _read(
    data: Bytes, lines: reader.Lines, joined: Joined, kinds: reader.Kinds, machines: k.Machines,
    first: int, last: int,
) -> Part:  # fmt: skip
    n = last - first
    order = joined.order[first:last]
    columns = reader.Columns(
        np.full((reader.TEXTS, n), -1, np.int32), np.zeros((reader.ALL_NUMBERS, n), np.int64),
        np.zeros(n + 1, np.int64), np.zeros(n + 1, np.int64), np.zeros(n, np.int64),
    )  # fmt: skip
    bytes_ = int(joined.events[heads.BYTES, order].sum())
    longest = int(joined.events[heads.BYTES, order].max(initial=0))
    event = _new_event(longest)
    distinct = new_distinct(reader.TEXTS + 1, 1 << 16)
    attrs, arena = np.empty(bytes_ + 4096, np.uint8), np.empty(bytes_ // 4 + 4096, np.uint8)
    args = np.empty(bytes_ // 8 + 4096, np.uint8)
    state = np.zeros(4, np.int64)
    while need := reader.read_events(
        data, lines, joined.events, order, kinds, machines, event, columns, distinct, attrs, arena,
        args, state, SEED,
    ):  # fmt: skip
        if need == reader.NEED_ENTRIES:
            distinct = larger(distinct, reader.TEXTS)
        elif need == reader.NEED_ATTRS:
            attrs = _longer(attrs, int(state[reader.ATTRS]), 8 * longest)
        elif need == reader.NEED_ARENA:
            arena = _longer(arena, int(state[reader.ARENA]), 11 * longest)
        else:
            args = _longer(args, int(state[reader.ARGS]), 2 * longest)
    return Part(first, last, columns, distinct, attrs, arena, args)


def _new_event(longest: int) -> Event:
    wide = np.empty((2, 4 * longest + 4096), np.uint8)
    return Event(
        np.zeros((k.SLOTS, 3), np.int64), np.zeros(k.NUMBERS, np.int64),
        np.zeros((MAX_PATHS, 5), np.int64), np.empty((MAX_ARGS, 4), np.int64),
        np.zeros(COUNTS, np.int64), np.empty((MAX_KEYS, 2), np.int64),
        np.empty((MAX_KEYS, 2), np.int64), np.empty(heads.EVENT_LINES + 1, np.int64),
        np.empty(heads.EVENT_LINES + 1, np.int64), wide[0], wide[1],
    )  # fmt: skip


def _longer(array: Bytes, used: int, more: int) -> Bytes:
    longer = np.empty(2 * len(array) + more + (1 << 20), np.uint8)
    longer[:used] = array[:used]
    return longer
