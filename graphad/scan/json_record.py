"""One JSON record: its fields found and converted, what has no column kept as attributes."""

import numpy as np
import numpy.typing as npt

from graphad.jit import kernel
from graphad.scan.json_values import (
    DEEP,
    MAX_DEPTH,
    REPEATED,
    TRUNCATED,
    named_text,
    over,
    skip_space,
    string_end,
    value_end,
)
from graphad.scan.keys import INT, MESSAGE, TEXT, Keys, find_key
from graphad.scan.leaves import INTEGER, JSON, NULL, STRING, Leaves, put_attribute
from graphad.scan.timestamps import DECIMAL, FILETIME, from_filetime, read_int, read_time
from graphad.scan.words import Bits, Bytes

_FILETIME_DIGITS = 18
_LISTED = -1  # key length of what stands in a list: it has no key


@kernel
def _convert(
    holds: int, data: Bytes, start: int, length: int, quoted: bool
) -> tuple[int, int, int]:
    """Return (kind, value, rest) of a value; kind -1 if such a column can't hold it."""
    if not quoted and data[start] == 110:
        return NULL, 0, 0
    if holds == TEXT:
        return (STRING if quoted else JSON), 0, 0
    if holds == MESSAGE:
        return (STRING if quoted else -1), 0, 0
    if holds == INT:
        kind, value = read_int(data, start, length)
        if quoted or kind < 0:
            return kind, value, 0
        return (INTEGER if kind == DECIMAL else -1), value, 0
    if quoted:
        return read_time(data, start, length)
    if length == _FILETIME_DIGITS:
        kind, ticks = read_int(data, start, length)
        if kind == DECIMAL and ticks > 0:
            value, rest = from_filetime(ticks)
            return FILETIME, value, rest
    return -1, 0, 0


@kernel
def put_leaf(
    keys: Keys, leaves: Leaves, leaf: int, data: Bytes, first: bool, arena: Bytes, used: int
) -> tuple[Bytes, int]:
    """Append a field that its column doesn't hold to the attributes."""
    node = np.int64(keys.node[leaves.field[leaf]])
    index = leaves.index[leaf]
    if index >= 0:
        node = np.int64(keys.parent[node])
        leaves.quotable[leaf] = False
    raw, length = leaves.raw[leaf]
    return put_attribute(keys, node, index, data, 0, _LISTED, raw, length, first, arena, used)


@kernel
def _set_leaf(
    keys: Keys, leaves: Leaves, leaf: int, record: int, field: int, index: int,
    data: Bytes, at: int, end: int, raw: int, raw_end: int,
) -> None:  # fmt: skip
    quoted = data[at] == 34
    start = at + 1 if quoted else at
    length = end - at - 2 if quoted else end - at
    kind, value, rest = _convert(keys.holds[field], data, start, length, quoted)
    leaves.field[leaf] = field
    leaves.kind[leaf] = kind
    leaves.start[leaf] = start
    leaves.length[leaf] = length
    leaves.raw[leaf, 0] = raw
    leaves.raw[leaf, 1] = raw_end - raw
    leaves.index[leaf] = index
    leaves.value[leaf] = value
    leaves.rest[leaf] = rest
    leaves.quotable[leaf] = (quoted and keys.holds[field] != MESSAGE) or kind == INTEGER
    leaves.seen_field[field] = record
    leaves.of_field[field] = leaf


@kernel
def read_object(
    keys: Keys, leaves: Leaves, nodes: npt.NDArray[np.int64], seen: npt.NDArray[np.int64],
    record: int, data: Bytes, stops: Bits, at: int, multi: bool, arena: Bytes, used: int,
) -> tuple[int, int, Bytes, int]:  # fmt: skip
    """Read the object at `at`: (its end or a reason, leaves, arena, bytes used there).

    `nodes` [MAX_DEPTH] is the stack of objects being read, `seen` [N] the record that met a node
    last. Attributes are appended to the arena; what is there already is not touched.
    """
    end = len(data)
    count, empty, level = 0, used, 0
    nodes[0] = 0
    at = skip_space(data, at + 1, end, multi)
    if at < end and data[at] == 125:
        return at + 1, 0, arena, used
    while True:
        if at >= end or data[at] != 34:
            return over(at, end, data), 0, arena, empty
        key = at + 1
        at = string_end(data, stops, at, end)
        if at < 0:
            return at, 0, arena, empty
        length = at - 1 - key
        at = skip_space(data, at, end, multi)
        if at >= end or data[at] != 58:
            return over(at, end, data), 0, arena, empty
        at = skip_space(data, at + 1, end, multi)
        if at >= end:
            return TRUNCATED, 0, arena, empty
        byte = data[at]
        node = find_key(keys, nodes[level], data, key, length)
        field, whole = -1, True
        if node >= 0:
            field = np.int64(keys.field[node])
            if keys.inner[node] or keys.listed[node]:
                if seen[node] == record:
                    return REPEATED, 0, arena, empty
                seen[node] = record
                if byte == 123 and keys.inner[node]:
                    inside = skip_space(data, at + 1, end, multi)
                    if inside < end and data[inside] != 125:
                        level += 1
                        if level >= MAX_DEPTH:
                            return DEEP, 0, arena, empty
                        nodes[level] = node
                        at = inside
                        continue
                if byte == 91 and keys.listed[node]:
                    inside = skip_space(data, at + 1, end, multi)
                    whole = inside >= end or data[inside] == 93
        if whole:
            stop = (
                string_end(data, stops, at, end)
                if byte == 34
                else value_end(data, stops, at, end, multi, level + 1)
            )
            if stop < 0:
                return stop, 0, arena, empty
            if field < 0:
                arena, used = put_attribute(
                    keys, nodes[level], -1, data, key, length, at, stop - at, used == empty,
                    arena, used,
                )  # fmt: skip
            else:
                leaf = count
                if leaves.seen_field[field] == record:  # the last of equal keys counts
                    leaf = leaves.of_field[field]
                    arena, used = put_leaf(keys, leaves, leaf, data, used == empty, arena, used)
                else:
                    count += 1
                _set_leaf(keys, leaves, leaf, record, field, -1, data, at, stop, at, stop)
            at = stop
        else:
            at = skip_space(data, at + 1, end, multi)
            index = 0
            while True:
                stop, name, name_end, text, text_end = named_text(data, stops, at, end, multi)
                field = -1
                if stop >= 0:
                    child = find_key(keys, node, data, name, name_end - name)
                    if child >= 0:
                        field = np.int64(keys.field[child])
                if field >= 0 and leaves.seen_field[field] != record:
                    _set_leaf(
                        keys, leaves, count, record, field, index, data, text - 1, text_end + 1,
                        at, stop,
                    )  # fmt: skip
                    count += 1
                else:
                    if stop < 0:
                        stop = value_end(data, stops, at, end, multi, level + 2)
                        if stop < 0:
                            return stop, 0, arena, empty
                    arena, used = put_attribute(
                        keys, node, index, data, 0, _LISTED, at, stop - at, used == empty,
                        arena, used,
                    )  # fmt: skip
                at = skip_space(data, stop, end, multi)
                if at >= end or (data[at] != 44 and data[at] != 93):
                    return over(at, end, data), 0, arena, empty
                if data[at] == 93:
                    at += 1
                    break
                at = skip_space(data, at + 1, end, multi)
                index += 1
        while True:  # a value has ended: its object goes on, or ends too
            at = skip_space(data, at, end, multi)
            if at >= end or (data[at] != 44 and data[at] != 125):
                return over(at, end, data), 0, arena, empty
            if data[at] == 44:
                at = skip_space(data, at + 1, end, multi)
                break
            at += 1
            if level == 0:
                return at, count, arena, used
            level -= 1
