"""Which JSON key path fills which column: a trie of keys in one hash table."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from graphad.jit import kernel
from graphad.scan.words import U64, Bytes, hash_bytes, same_bytes

TEXT, INT, TIME, MESSAGE = 0, 1, 2, 3  # what a field's column holds
_SEED = 0x5851F42D4C957F2D


class Keys(NamedTuple):
    """The trie. Node 0 is the record itself; node n's key and dotted path lie in `text`."""

    slots: npt.NDArray[np.int32]  # node, or -1
    hashes: npt.NDArray[np.uint64]
    parent: npt.NDArray[np.int32]
    key: npt.NDArray[np.int64]  # [N, 2] start and length in text
    path: npt.NDArray[np.int64]  # [N, 2]
    text: Bytes
    field: npt.NDArray[np.int32]  # field that ends at this node, or -1
    inner: npt.NDArray[np.bool_]  # an object at this node holds more fields
    listed: npt.NDArray[np.bool_]  # a list of {"@Name": key, "#text": value} at this node does
    node: npt.NDArray[np.int32]  # [F] node of a field
    holds: npt.NDArray[np.int8]  # [F] TEXT, INT, TIME or MESSAGE
    column: npt.NDArray[np.int32]  # [F] its column's number, over all kinds
    place: npt.NDArray[np.int32]  # [F] its column's number among the text or the number columns
    rest: npt.NDArray[np.int32]  # [F] number column for a time's digits past the sixth, or -1


@kernel
def key_hash(parent: int, data: Bytes, start: int, length: int) -> U64:
    """Return the hash of a key below a node."""
    return hash_bytes(data, start, length, U64(_SEED) + U64(parent) * U64(0x9E3779B97F4A7C15))


@kernel
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
            keys.hashes[node] == wanted
            and keys.parent[node] == parent
            and keys.key[node, 1] == length
            and same_bytes(keys.text, keys.key[node, 0], data, start, length)
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


def build_keys(paths: Sequence[Path]) -> Keys:
    """Return the trie of some paths; of two fields for one column, the earlier wins."""
    nodes: dict[tuple[str, ...], int] = {(): 0}
    for path in paths:
        for depth in range(1, len(path.keys) + 1):
            nodes.setdefault(path.keys[:depth], len(nodes))
    count = len(nodes)
    text = bytearray()
    key, where = np.zeros((count, 2), np.int64), np.zeros((count, 2), np.int64)
    parent = np.full(count, -1, np.int32)
    for keys_, node in nodes.items():
        for spans, part in ((key, keys_[-1] if keys_ else ""), (where, ".".join(keys_))):
            encoded = part.encode()
            spans[node] = len(text), len(encoded)
            text += encoded
        if keys_:
            parent[node] = nodes[keys_[:-1]]
    fields = np.full(count, -1, np.int32)
    inner, listed = np.zeros(count, np.bool_), np.zeros(count, np.bool_)
    for number, path in enumerate(paths):
        node = nodes[path.keys]
        fields[node] = number
        above = [nodes[path.keys[:depth]] for depth in range(len(path.keys))]
        if path.listed:
            listed[above.pop()] = True
        inner[above] = True
    array = np.frombuffer(bytes(text) + bytes(8), np.uint8)
    size = 1 << (4 * count).bit_length()
    slots, hashes = np.full(size, -1, np.int32), np.zeros(count, np.uint64)
    for node in range(1, count):
        hashes[node] = key_hash(int(parent[node]), array, int(key[node, 0]), int(key[node, 1]))
        slot = int(hashes[node]) & (size - 1)
        while slots[slot] >= 0:
            slot = (slot + 1) & (size - 1)
        slots[slot] = node
    return Keys(
        slots, hashes, parent, key, where, array, fields, inner, listed,
        np.array([nodes[path.keys] for path in paths], np.int32),
        np.array([path.holds for path in paths], np.int8),
        np.array([path.column for path in paths], np.int32),
        np.array([path.place for path in paths], np.int32),
        np.array([path.rest for path in paths], np.int32),
    )  # fmt: skip
