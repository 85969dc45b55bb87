"""Masks the texts of a block and gives equal masked texts one number.

Equal hashes are not enough, the bytes are compared; the hash has a secret seed.
"""

import secrets
from itertools import pairwise
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from graphad.jit import kernel
from graphad.scan.text_mask import MOST, ROOM, Ints, mask_client, mask_text
from graphad.scan.words import U64, Bytes, copy_bytes, hash_bytes, same_bytes

Spans: TypeAlias = npt.NDArray[np.int32]
Hashes: TypeAlias = npt.NDArray[np.uint64]

_SEED = U64(secrets.randbits(64))
_SLACK = 64  # bytes past the end that word-wise loads and copies may touch


class Masked(NamedTuple):
    """The masked texts of a block: N texts, M distinct ones, V values."""

    which: Ints  # [N] which distinct text each one is
    first: Ints  # [M] the first text that is so
    arena: Bytes  # the distinct texts, one after another
    ends: Ints  # [M + 1] where they begin and end there
    values: Spans  # [V, 5] see text_mask
    offsets: Ints  # [N + 1] whose they are

    def texts(self) -> list[bytes]:
        """Return the distinct masked texts."""
        data = self.arena[: self.ends[-1]].tobytes()
        ends = self.ends.tolist()
        return [data[a:b] for a, b in pairwise(ends)]


def mask(
    data: Bytes, start: Ints, end: Ints, values: bool = True, client: Spans | None = None
) -> Masked:
    """Mask the texts data[start[i]:end[i]]; `values`: say where their values are.

    `client` [N, 2]: where a text's own beginning stands, as an access log has it; 0 for none.
    """
    n = len(start)
    if client is None:
        client = np.zeros((n, 2), np.int32)
    padded = np.concatenate([data, np.zeros(_SLACK, np.uint8)])
    longest = int((end - start).max(initial=0))
    longest += int((client[:, 1] - client[:, 0]).max(initial=0))
    which, offsets = np.empty(n, np.int64), np.zeros(n + 1, np.int64)
    first, hashes = np.empty(1024, np.int64), np.empty(1024, np.uint64)
    ends = np.zeros(1025, np.int64)
    slots = np.full(4096, -1, np.int32)
    arena = np.empty(1 << 16, np.uint8)
    told = np.empty((MOST + 4 * n if values else 0, 5), np.int32)
    scratch = np.empty(longest * ROOM + _SLACK, np.uint8)
    found = np.empty((MOST, 5), np.int64)
    state = np.zeros(2, np.int64)  # distinct texts so far, values so far
    at = 0
    while True:
        at = _mask_all(
            padded, start, end, client, at, values, scratch, found, which, offsets, first, hashes,
            ends, slots, arena, told, state, _SEED,
        )  # fmt: skip
        if at >= n:
            break
        if state[0] + 1 >= len(first) or 2 * len(first) >= len(slots):
            first, hashes, ends = _twice(first), _twice(hashes), _twice(ends)
            slots = np.full(8 * len(first), -1, np.int32)
            _fill(slots, hashes, int(state[0]))
        if ends[state[0]] + len(scratch) > len(arena):
            more = np.empty(len(arena) + len(scratch), np.uint8)
            arena = np.concatenate([arena, more])
        if values and state[1] + MOST > len(told):
            told = np.concatenate([told, np.empty((len(told) + MOST, 5), np.int32)])
    m = int(state[0])
    return Masked(which, first[:m], arena, ends[: m + 1], told[: state[1]], offsets)


def _twice(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.concatenate([array, np.zeros_like(array)])


@kernel
def _fill(slots: Spans, hashes: Hashes, count: int) -> None:
    size = U64(len(slots) - 1)
    for i in range(count):
        slot = np.int64(hashes[i] & size)
        while slots[slot] >= 0:
            slot = (slot + 1) & np.int64(size)
        slots[slot] = i


@kernel
def _mask_all(
    data: Bytes, start: Ints, end: Ints, client: Spans, at: int, values: bool, scratch: Bytes,
    found: Ints, which: Ints, offsets: Ints, first: Ints, hashes: Hashes, ends: Ints, slots: Spans,
    arena: Bytes, told: Spans, state: Ints, seed: U64,
) -> int:  # fmt: skip
    """Go on from text `at` until all are done or there is no more room; return where that is."""
    distinct, told_so_far = state[0], state[1]
    bits = np.int64(len(slots) - 1)
    while at < len(start):
        if distinct + 1 >= len(first) or 2 * len(first) >= len(slots):
            break
        if ends[distinct] + len(scratch) > len(arena):
            break
        if values and told_so_far + MOST > len(told):
            break
        size, count = 0, 0
        if client[at, 1] > 0:
            size, count = mask_client(data, client[at, 0], client[at, 1], scratch, found)
            scratch[size] = 32
            size += 1
        size, count = mask_text(data, start[at], end[at], scratch, size, found, count)
        hashed = hash_bytes(scratch, 0, size, seed)
        slot = np.int64(hashed) & bits
        while True:
            one = np.int64(slots[slot])
            if one < 0:
                one = distinct
                slots[slot] = one
                hashes[one] = hashed
                first[one] = at
                ends[one + 1] = copy_bytes(scratch, 0, size, arena, ends[one])
                distinct += 1
                break
            if (
                hashes[one] == hashed
                and ends[one + 1] - ends[one] == size
                and same_bytes(arena, ends[one], scratch, 0, size)
            ):
                break
            slot = (slot + 1) & bits
        which[at] = one
        if values:
            for i in range(min(count, MOST)):
                for column in range(5):
                    told[told_so_far, column] = found[i, column]
                told_so_far += 1
        at += 1
        offsets[at] = told_so_far
    state[0], state[1] = distinct, told_so_far
    return at
