"""Runs of fields that many lines have alike: their JSON is made once a block, then copied.

The ids that follow gid= in SYSCALL, and what follows ouid= and cap_fp= in PATH, are the same in
most lines of one account or kind of file. A run is made of fields that fill no column, so that its
JSON depends on its bytes alone, and on there being none of its keys in the line before it.

A slot, in `event`: bytes (0: empty), where they stand in the log's text, where its JSON stands in
the output and its bytes, bytes up to where the line goes on, number of keys; for each key where it
starts and ends from the run's first byte, its word, and its place in the table of keys seen.
"""

from graphad.scan.auditd_event import (
    KEY_AT,
    MAX_KEYS,
    MAX_RUN,
    RUN_AT,
    RUN_SIZE,
    RUNS,
    SEEN,
    SEEN_AT,
    SEEN_BITS,
)
from graphad.scan.lean import inlined, lean
from graphad.scan.words import U64, Bytes, Ints, copy_bytes, load64, mix, same_bytes

LENGTH, TEXT, JSON, JSON_LENGTH, PAST, COUNT, RUN_KEYS = range(7)


@inlined
def opens_run(key: U64) -> bool:
    """Say whether a run begins with this key: gid, ouid or cap_fp."""
    return bool(key == U64(0x646967) or key == U64(0x6469756F) or key == U64(0x70665F706163))


@inlined
def seen_place(key: U64) -> int:
    """Return the place of a key's word in the table of keys that this line may have had."""
    h = mix(key ^ U64(0xA0761D6478BD642F), U64(0xE7037ED1A0B428DB))
    return SEEN_AT + int(h >> U64(64 - SEEN_BITS))


@lean
def slot_of(data: Bytes, start: int) -> int:
    """Return the slot of a run that begins at `start`, by its first 16 bytes."""
    h = mix(load64(data, start) ^ U64(0xA0761D6478BD642F), load64(data, start + 8))
    return RUN_AT + RUN_SIZE * int((h ^ (h >> U64(32))) & U64(RUNS - 1))


@lean
def put_run(
    data: Bytes, slot: int, start: int, limit: int, event: Ints, keys: int, out: Bytes, size: int,
    first: int,
) -> tuple[int, int]:  # fmt: skip
    """Write a run if the slot holds the one at `start`; return (number of its keys or 0, size).

    It is not written if a key of it may have been before: then it needs a number.
    """
    length, count = event[slot + LENGTH], event[slot + COUNT]
    if length == 0 or start + length > limit or keys + count >= MAX_KEYS:
        return 0, size
    # A run that ended its line has no byte after it, and must end this line too.
    if length == event[slot + PAST] and start + length != limit:
        return 0, size
    if not same_bytes(data, event[slot + TEXT], data, start, length):
        return 0, size
    mark = event[SEEN]
    for i in range(count):
        if event[event[slot + RUN_KEYS + 4 * i + 3]] == mark:
            return 0, size
    for i in range(count):
        at, to = slot + RUN_KEYS + 4 * i, KEY_AT + 3 * (keys + i)
        event[to], event[to + 1] = start + event[at], start + event[at + 1]
        event[to + 2] = event[at + 2]
        event[event[at + 3]] = mark
    if size > first:
        out[size] = 44
        size += 1
    return count, copy_bytes(out, event[slot + JSON], event[slot + JSON_LENGTH], out, size)


@lean
def keep_run(
    data: Bytes, slot: int, start: int, past: int, limit: int, event: Ints, before: int, keys: int,
    json: int, size: int,
) -> None:  # fmt: skip
    """Keep the run that ends at `past`, whose keys are those from `before` to `keys`."""
    if keys - before > MAX_RUN or past <= start:
        event[slot + LENGTH] = 0
        return
    event[slot + LENGTH] = past - start + (1 if past < limit else 0)
    event[slot + TEXT], event[slot + PAST] = start, past - start
    event[slot + JSON], event[slot + JSON_LENGTH] = json, size - json
    event[slot + COUNT] = keys - before
    for i in range(keys - before):
        at, key = slot + RUN_KEYS + 4 * i, KEY_AT + 3 * (before + i)
        event[at], event[at + 1] = event[key] - start, event[key + 1] - start
        event[at + 2], event[at + 3] = event[key + 2], seen_place(U64(event[key + 2]))
