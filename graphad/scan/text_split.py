"""Numbers for the words of texts, and which of them have masks of other names.

Equal hashes are not enough, the bytes are compared; the hash has a secret seed.
"""

import secrets
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from graphad.jit import kernel
from graphad.scan.lean import inlined
from graphad.scan.words import (
    U64,
    Bytes,
    Ints,
    copy_bytes,
    hash_bytes,
    load64,
    mix,
    same_bytes,
    store64,
    trailing_zeros,
)  # fmt: skip

Numbers = npt.NDArray[np.int32]
Hashes = npt.NDArray[np.uint64]

_SEED = U64(secrets.randbits(64))
_SLACK = 64  # bytes past the end that word-wise loads and copies may touch
_BLANK = 32
_ONES, _HIGH = U64(0x0101010101010101), U64(0x8080808080808080)
_ODD = U64(0xE7037ED1A0B428DB)
_BLANKS = U64(0x2020202020202020)
_LESS, _MORE = 60, 62  # what a mask stands between


class Split(NamedTuple):
    """The words of N texts as numbers; equal words have equal ones, in order of appearance."""

    words: Numbers  # [T] all words, text by text
    ends: Ints  # [N + 1] where those of a text begin and end
    distinct: int  # how many words there are


def split(texts: Sequence[str]) -> Split:
    """Return the words of texts in which single blanks stand between words, and nowhere else."""
    data, ends = _joined(texts)
    total = np.count_nonzero(data == _BLANK) + np.count_nonzero(np.diff(ends))
    words, starts, distinct = _split(data, ends, int(total), _SEED)
    return Split(words, starts, int(distinct))


def telling(texts: Sequence[str], owner: Ints, marks: Ints) -> Ints:
    """Return the places of texts whose masks say something that none before them said.

    A mask is a name between < and >. A text says nothing if its owner [N] is negative, or has no
    marks [owners]; the same as another of its owner's if both have as many masks as there are
    marks, of the same names in the same order, and if `<<`, which is no mask, is in neither.
    """
    data, ends = _joined(texts)
    return np.flatnonzero(_telling(data, ends, owner, marks, _SEED))


def _joined(texts: Sequence[str]) -> tuple[Bytes, Ints]:
    ends = np.zeros(len(texts) + 1, np.int64)
    together = "".join(texts)
    if together.isascii():
        told = together.encode()
        np.cumsum(list(map(len, texts)), out=ends[1:])
    else:
        parts = [text.encode("utf-8", "surrogatepass") for text in texts]
        told = b"".join(parts)
        np.cumsum(list(map(len, parts)), out=ends[1:])
    return np.frombuffer(told + bytes(_SLACK), np.uint8), ends


class _Table(NamedTuple):
    """Distinct bytes: slots hold numbers or -1; of each number its hash, place and length."""

    slots: Numbers
    hashes: Hashes
    start: Ints
    length: Ints


@kernel
def _larger(slots: Numbers, hashes: Hashes, start: Ints, length: Ints, used: int) -> _Table:
    more = 4 * len(hashes)
    new_hashes = np.empty(more, np.uint64)
    new_start, new_length = np.empty(more, np.int64), np.empty(more, np.int64)
    new_hashes[:used] = hashes[:used]
    new_start[:used] = start[:used]
    new_length[:used] = length[:used]
    found = np.full(2 * more, -1, np.int32)
    bits = np.int64(len(found) - 1)
    for i in range(used):
        slot = np.int64(new_hashes[i]) & bits
        while found[slot] >= 0:
            slot = (slot + 1) & bits
        found[slot] = i
    return _Table(found, new_hashes, new_start, new_length)


@inlined
def _number(
    slots: Numbers, hashes: Hashes, starts: Ints, lengths: Ints, used: int, data: Bytes, start: int,
    length: int, seed: U64,
) -> int:  # fmt: skip
    """Return the number of some bytes, `used` if they are new: then they are put down."""
    if length <= 8:  # most words: what follows them is shifted out
        word = load64(data, start) << U64(64 - 8 * length) if length else U64(0)
        hashed = mix(word ^ seed, U64(length) * _ODD ^ seed)
    else:
        hashed = hash_bytes(data, start, length, seed)
    bits = np.int64(len(slots) - 1)
    slot = np.int64(hashed) & bits
    while True:
        one = np.int64(slots[slot])
        if one < 0:
            slots[slot] = used
            hashes[used] = hashed
            starts[used] = start
            lengths[used] = length
            return used
        if (
            hashes[one] == hashed
            and lengths[one] == length
            and same_bytes(data, starts[one], data, start, length)
        ):
            return int(one)
        slot = (slot + 1) & bits


@inlined
def _blank(data: Bytes, at: int, end: int) -> int:
    """Return where the first blank from `at` on stands, `end` if none does before it."""
    while at < end:
        word = load64(data, at) ^ _BLANKS
        found = (word - _ONES) & ~word & _HIGH  # the lowest bit set is that of the first blank
        if found:
            return int(min(end, at + (trailing_zeros(found) >> 3)))
        at += 8
    return end


@kernel
def _split(data: Bytes, ends: Ints, total: int, seed: U64) -> tuple[Numbers, Ints, int]:
    n = len(ends) - 1
    starts = np.zeros(n + 1, np.int64)
    words = np.empty(total, np.int32)
    slots = np.full(4096, -1, np.int32)
    hashes = np.empty(2048, np.uint64)
    start, length = np.empty(2048, np.int64), np.empty(2048, np.int64)
    used, put = 0, 0
    for i in range(n):
        at, end = ends[i], ends[i + 1]
        while at < end:
            stop = _blank(data, at, end)
            if used == len(hashes):
                slots, hashes, start, length = _larger(slots, hashes, start, length, used)
            one = _number(slots, hashes, start, length, used, data, at, stop - at, seed)
            used = max(used, one + 1)
            words[put] = one
            put += 1
            at = stop + 1
        starts[i + 1] = put
    return words, starts, used


@inlined
def _mask_end(data: Bytes, at: int, end: int) -> int:
    """Return where the mask ends that begins at `at`; `at` if there is none."""
    stop = at + 1
    while stop < end and (48 <= data[stop] <= 57 or 97 <= data[stop] <= 122):
        stop += 1
    return stop + 1 if stop > at + 1 and stop < end and data[stop] == _MORE else at


@kernel
def _telling(data: Bytes, ends: Ints, owner: Ints, marks: Ints, seed: U64) -> Bytes:
    n = len(ends) - 1
    found = np.zeros(n, np.uint8)
    arena = np.zeros(len(data) + 8 * n + _SLACK, np.uint8)
    slots = np.full(4096, -1, np.int32)
    hashes = np.empty(2048, np.uint64)
    start, length = np.empty(2048, np.int64), np.empty(2048, np.int64)
    used, kept = 0, 0
    for i in range(n):
        if owner[i] < 0 or marks[owner[i]] == 0:
            continue
        store64(arena, kept, U64(owner[i]))
        at, end, size, count = ends[i], ends[i + 1], kept + 8, 0
        while at < end:
            if data[at] != _LESS:
                at += 1
                continue
            if at + 1 < end and data[at + 1] == _LESS:
                count = -1
                break
            stop = _mask_end(data, at, end)
            if stop > at:
                size = copy_bytes(data, at, stop - at, arena, size)
                count += 1
            at = max(stop, at + 1)
        if count != marks[owner[i]]:
            found[i] = 1
            continue
        if used == len(hashes):
            slots, hashes, start, length = _larger(slots, hashes, start, length, used)
        one = _number(slots, hashes, start, length, used, arena, kept, size - kept, seed)
        if one == used:
            used += 1
            kept = size
            found[i] = 1
    return found
