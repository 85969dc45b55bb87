"""Which JSON key path fills which column: a trie of keys in one hash table."""

import json
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from graphad.scan.lean import inlined
from graphad.scan.words import U64, Bytes, Ints, hash_bytes, same_bytes

TEXT, INT, TIME, MESSAGE = 0, 1, 2, 3  # what a field's column holds
_SEED = 0x5851F42D4C957F2D


# Columns of Keys.nodes
PARENT, KEY, KEY_LENGTH, PATH, PATH_LENGTH, FIELD, OPENS, HASH = range(8)
INNER, LISTED = 1, 2  # in OPENS: an object here holds more fields; so does a list of
# {"@Name": key, "#text": value}
# Columns of Keys.fields: node; TEXT, INT, TIME or MESSAGE; number of its column, over all kinds;
# number among the text or the number columns; number column for what a time has past the
# microsecond, or -1
NODE, HOLDS, COLUMN, PLACE, REST = range(5)


class Keys(NamedTuple):
    """The trie. Node 0 is the record itself; keys and dotted paths lie in `text`."""

    slots: npt.NDArray[np.int32]  # node, or -1
    nodes: Ints  # [N, 8]
    text: Bytes
    fields: Ints  # [F, 5]


@inlined
def key_hash(parent: int, data: Bytes, start: int, length: int) -> U64:
    """Return the hash of a key below a node."""
    return hash_bytes(data, start, length, U64(_SEED) + U64(parent) * U64(0x9E3779B97F4A7C15))


@inlined
def find_key(keys: Keys, parent: int, data: Bytes, start: int, length: int) -> int:
    """Return the node of a key below a node, or -1."""
    wanted = key_hash(parent, data, start, length)
    mask = len(keys.slots) - 1
    slot = np.int64(wanted) & mask
    while True:
        node = np.int64(keys.slots[slot])
        if node < 0:
            return -1
        if (
            keys.nodes[node, HASH] == np.int64(wanted)
            and keys.nodes[node, PARENT] == parent
            and keys.nodes[node, KEY_LENGTH] == length
            and same_bytes(keys.text, keys.nodes[node, KEY], data, start, length)
        ):
            return node
        slot = (slot + 1) & mask


class Path(NamedTuple):
    """Where a field stands and what it fills; the numbers are those of `Keys`."""

    keys: tuple[str, ...]
    listed: bool  # its last key is an element's "@Name"
    holds: int
    column: int
    place: int
    rest: int


def escaped(key: str) -> str:
    r"""Return a key as it is written in a path.

    >>> escaped("id.orig_h")
    'id\\.orig_h'
    """
    return key.replace("\\", "\\\\").replace(".", "\\.").replace("[", "\\[")


def build_keys(paths: Sequence[Path]) -> Keys:
    """Return the trie of some paths; of two fields for one column, the earlier wins."""
    numbers: dict[tuple[str, ...], int] = {(): 0}
    for path in paths:
        for depth in range(1, len(path.keys) + 1):
            numbers.setdefault(path.keys[:depth], len(numbers))
    text = bytearray()
    nodes = np.zeros((len(numbers), 8), np.int64)
    for steps, node in numbers.items():
        dotted = json.dumps(".".join(map(escaped, steps)), ensure_ascii=False)[1:-1]
        for at, part in ((KEY, steps[-1] if steps else ""), (PATH, dotted)):
            nodes[node, at : at + 2] = len(text), len(part.encode())
            text += part.encode()
        nodes[node, PARENT] = numbers[steps[:-1]] if steps else -1
        nodes[node, FIELD] = -1
    for number, path in enumerate(paths):
        nodes[numbers[path.keys], FIELD] = number
        above = [numbers[path.keys[:depth]] for depth in range(len(path.keys))]
        if path.listed:
            nodes[above.pop(), OPENS] |= LISTED
        nodes[above, OPENS] |= INNER
    array = np.frombuffer(bytes(text) + bytes(8), np.uint8)
    size = 1 << (4 * len(nodes)).bit_length()
    slots = np.full(size, -1, np.int32)
    for node in range(1, len(nodes)):
        parent, key, length = nodes[node, :3].tolist()
        hashed = int(key_hash(parent, array, key, length))
        nodes[node, HASH] = np.uint64(hashed).astype(np.int64)
        slot = hashed & (size - 1)
        while slots[slot] >= 0:
            slot = (slot + 1) & (size - 1)
        slots[slot] = node
    fields = [(numbers[path.keys], *path[2:]) for path in paths]
    return Keys(slots, nodes, array, np.array(fields, np.int64))
