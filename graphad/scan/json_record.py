"""One JSON record: its fields found and converted, what has no column kept as attributes."""

from graphad.scan.json_values import (
    DEEP,
    MAX_DEPTH,
    NO_ROOM,
    REPEATED,
    TRUNCATED,
    named_text,
    over,
    skip_space,
    string_end,
    value_end,
)
from graphad.scan.keys import (
    FIELD,
    HOLDS,
    INNER,
    INT,
    LISTED,
    MESSAGE,
    NODE,
    OPENS,
    PARENT,
    TEXT,
    Keys,
    find_key,
)
from graphad.scan.lean import inlined, lean
from graphad.scan.leaves import (
    INDEX,
    INTEGER,
    ITS_FIELD,
    JSON,
    KIND,
    LEAF,
    LENGTH,
    NULL,
    PAST,
    QUOTABLE,
    RAW,
    RAW_LENGTH,
    SEEN,
    START,
    STRING,
    VALUE,
    Leaves,
    put_attribute,
)
from graphad.scan.timestamps import (
    DECIMAL,
    FILETIME,
    from_filetime,
    read_epoch,
    read_int,
    read_time,
)
from graphad.scan.trail import add_step, next_step, step_length, step_node
from graphad.scan.words import Bits, Bytes, Ints

_FILETIME_DIGITS = 18
_LISTED = -1  # key length of what stands in a list: it has no key


@inlined
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
    return read_epoch(data, start, length)


@lean
def put_leaf(
    keys: Keys, leaves: Leaves, leaf: int, data: Bytes, first: bool, arena: Bytes, used: int
) -> int:
    """Append a field that its column doesn't hold to the attributes."""
    node = keys.fields[leaves.leaf[leaf, ITS_FIELD], NODE]
    index = leaves.leaf[leaf, INDEX]
    if index >= 0:
        node = keys.nodes[node, PARENT]
        leaves.leaf[leaf, QUOTABLE] = 0
    raw, length = leaves.leaf[leaf, RAW], leaves.leaf[leaf, RAW_LENGTH]
    return put_attribute(keys, node, index, data, 0, _LISTED, raw, length, first, arena, used)


@inlined
def _set_leaf(
    keys: Keys, leaves: Leaves, leaf: int, stamp: int, field: int, index: int,
    data: Bytes, at: int, end: int, raw: int, raw_end: int,
) -> None:  # fmt: skip
    quoted = data[at] == 34
    start = at + 1 if quoted else at
    length = end - at - 2 if quoted else end - at
    holds = keys.fields[field, HOLDS]
    kind, value, rest = _convert(holds, data, start, length, quoted)
    leaves.leaf[leaf, ITS_FIELD] = field
    leaves.leaf[leaf, KIND] = kind
    leaves.leaf[leaf, START] = start
    leaves.leaf[leaf, LENGTH] = length
    leaves.leaf[leaf, RAW] = raw
    leaves.leaf[leaf, RAW_LENGTH] = raw_end - raw
    leaves.leaf[leaf, INDEX] = index
    leaves.leaf[leaf, VALUE] = value
    leaves.leaf[leaf, PAST] = rest
    leaves.leaf[leaf, QUOTABLE] = (quoted and holds != MESSAGE) or kind == INTEGER
    leaves.by_field[field, SEEN] = stamp
    leaves.by_field[field, LEAF] = leaf


@lean
def read_object(
    keys: Keys, leaves: Leaves, nodes: Ints, seen: Ints, trail: Ints, stamp: int,
    data: Bytes, stops: Bits, at: int, multi: bool, arena: Bytes, used: int,
) -> tuple[int, int, int]:  # fmt: skip
    """Read the object at `at`: (its end or a reason, leaves, bytes used of the arena).

    `nodes` [MAX_DEPTH] is the stack of objects being read, `seen` [N] the stamp with which a
    node was met last. Attributes are appended to the arena; what is there already is not touched.
    """
    end = len(data)
    count, empty, level = 0, used, 0
    step, on_trail, length = 0, True, 0
    nodes[0] = 0
    at = skip_space(data, at + 1, end, multi)
    if at < end and data[at] == 125:
        return at + 1, 0, used
    while True:
        if at >= end or data[at] != 34:
            return over(at, end, data), 0, empty
        key = at + 1
        found = next_step(trail, step, nodes[level], data, at)
        if found:
            at = skip_space(data, at + step_length(trail, found), end, multi)
            node = step_node(trail, found)
            step = found
        else:
            at = string_end(data, stops, at, end)
            if at < 0:
                return at, 0, empty
            length = at - 1 - key
            at = skip_space(data, at, end, multi)
            if at >= end or data[at] != 58:
                return over(at, end, data), 0, empty
            at = skip_space(data, at + 1, end, multi)
            node = find_key(keys, nodes[level], data, key, length)
            if on_trail and at < end and data[at] > 32:
                step = add_step(trail, step, nodes[level], node, key - 1, at - key + 1)
                on_trail = step > 0
        if at >= end:
            return TRUNCATED, 0, empty
        byte = data[at]
        field, whole = -1, True
        if node >= 0:
            field = keys.nodes[node, FIELD]
            opens = keys.nodes[node, OPENS]
            if opens:
                if seen[node] == stamp:
                    return REPEATED, 0, empty
                seen[node] = stamp
                if byte == 123 and (opens & INNER):
                    inside = skip_space(data, at + 1, end, multi)
                    if inside < end and data[inside] != 125:
                        level += 1
                        if level >= MAX_DEPTH:
                            return DEEP, 0, empty
                        nodes[level] = node
                        at = inside
                        continue
                if byte == 91 and (opens & LISTED):
                    inside = skip_space(data, at + 1, end, multi)
                    whole = inside >= end or data[inside] == 93
        if whole:
            stop = (
                string_end(data, stops, at, end)
                if byte == 34
                else value_end(data, stops, at, end, multi, level + 1)
            )
            if stop < 0:
                return stop, 0, empty
            if field < 0:
                if found:
                    length = string_end(data, stops, key - 1, end) - 1 - key
                used = put_attribute(
                    keys, nodes[level], -1, data, key, length, at, stop - at, used == empty,
                    arena, used,
                )  # fmt: skip
            else:
                leaf = count
                if leaves.by_field[field, SEEN] == stamp:  # the last of equal keys counts
                    leaf = leaves.by_field[field, LEAF]
                    used = put_leaf(keys, leaves, leaf, data, used == empty, arena, used)
                    if used < 0:
                        return NO_ROOM, 0, empty
                else:
                    count += 1
                _set_leaf(keys, leaves, leaf, stamp, field, -1, data, at, stop, at, stop)
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
                        field = keys.nodes[child, FIELD]
                if field >= 0 and leaves.by_field[field, SEEN] != stamp:
                    _set_leaf(
                        keys, leaves, count, stamp, field, index, data, text - 1, text_end + 1,
                        at, stop,
                    )  # fmt: skip
                    count += 1
                else:
                    if stop < 0:
                        stop = value_end(data, stops, at, end, multi, level + 2)
                        if stop < 0:
                            return stop, 0, empty
                    used = put_attribute(
                        keys, node, index, data, 0, _LISTED, at, stop - at, used == empty,
                        arena, used,
                    )  # fmt: skip
                    if used < 0:
                        return NO_ROOM, 0, empty
                at = skip_space(data, stop, end, multi)
                if at >= end or (data[at] != 44 and data[at] != 93):
                    return over(at, end, data), 0, empty
                if data[at] == 93:
                    at += 1
                    break
                at = skip_space(data, at + 1, end, multi)
                index += 1
        if used < 0:
            return NO_ROOM, 0, empty
        while True:  # a value has ended: its object goes on, or ends too
            at = skip_space(data, at, end, multi)
            if at >= end or (data[at] != 44 and data[at] != 125):
                return over(at, end, data), 0, empty
            if data[at] == 44:
                at = skip_space(data, at + 1, end, multi)
                break
            at += 1
            if level == 0:
                return at, count, used
            level -= 1
