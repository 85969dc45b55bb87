"""The heads of audit lines: what kind of record each is, and of which event.

    line = [ anything " " ] [ "node=" name " " ] "type=" kind " " ["msg="] "audit("
           seconds "." milliseconds ":" serial ")" [":"] fields

What stands before comes from syslog or the kernel's ring buffer and is at most MAX_PREFIX bytes
long. A kind is a name, UNKNOWN[number] or a number.

Source: audit_log_start() and audit_log_end() in Linux's kernel/audit.c; auparse's parser in
audit-userspace. benchmarks/plain_auditd.py says the same in Python; tests hold the two together.
"""

import numpy as np

from graphad.jit import kernel
from graphad.scan.lean import inlined, lean
from graphad.scan.words import Bytes, Ints

# What a line is. From BAD on it is rejected.
BLANK, GOOD = range(2)
BAD, NO_TYPE, NO_EVENT, BAD_TIME, BAD_SERIAL = range(2, 7)
REASONS = {
    NO_TYPE: "no type= as an audit record has one",
    NO_EVENT: "no audit(time:serial) after its type",
    BAD_TIME: "its time is not seconds.milliseconds, or not in the years 1970 to 9999",
    BAD_SERIAL: "its serial number is no number of at most 18 digits",
}
MAX_PREFIX = 512
LAST_SECOND = 253402300799

# Rows of `heads`, one column a line
KIND, STAMP, SERIAL, TYPE, TYPE_END, NODE, NODE_END, BODY, HEAD = range(9)
HEADS = 9

_TYPE = np.frombuffer(b"type=", np.uint8)
_NODE = np.frombuffer(b"node=", np.uint8)
_MSG = np.frombuffer(b"msg=", np.uint8)
_AUDIT = np.frombuffer(b"audit(", np.uint8)


@inlined
def _stands(data: Bytes, at: int, end: int, text: Bytes) -> bool:
    if end - at < len(text):
        return False
    for i in range(len(text)):  # noqa: SIM110 (a compiled loop)
        if data[at + i] != text[i]:
            return False
    return True


@lean
def _head(data: Bytes, a: int, b: int) -> int:
    """Return where node= or type= begins, -1 if neither does."""
    last = min(b, a + MAX_PREFIX)
    for at in range(a, last):
        if at == a or data[at - 1] == 32:
            if _stands(data, at, b, _TYPE):
                return at
            if _stands(data, at, b, _NODE):
                # A node is one: only then do type= and so on follow.
                past = at + 5
                while past < b and data[past] != 32:
                    past += 1
                if _stands(data, past + 1, b, _TYPE):
                    return at
    return -1


@lean
def _digits(data: Bytes, a: int, b: int) -> int:
    while a < b and 48 <= data[a] <= 57:
        a += 1
    return a


@inlined
def number(data: Bytes, a: int, b: int) -> int:
    """Return a number of at most 18 digits."""
    value = np.int64(0)
    for i in range(a, b):
        value = value * 10 + np.int64(data[i] - 48)
    return value


@kernel
def scan_heads(data: Bytes, start: Ints, end: Ints, first: int, last: int, heads: Ints) -> None:
    """Fill the columns [first, last) of heads [HEADS, N] from lines [start, end) of `data`."""
    for i in range(first, last):
        a, b = start[i], end[i]
        if b > a and data[b - 1] == 13:
            b -= 1
        heads[HEAD, i] = a
        heads[NODE, i] = heads[NODE_END, i] = heads[TYPE, i] = heads[TYPE_END, i] = 0
        at = a
        while at < b and (data[at] == 32 or 9 <= data[at] <= 13):
            at += 1
        if at == b:
            heads[KIND, i] = BLANK
            continue
        heads[KIND, i] = _read_head(data, a, b, i, heads)


@lean
def _read_head(data: Bytes, a: int, b: int, i: int, heads: Ints) -> int:
    at = _head(data, a, b)
    if at < 0:
        return NO_TYPE
    heads[HEAD, i] = at
    if data[at] == 110:  # node=
        past = at + 5
        while data[past] != 32:
            past += 1
        heads[NODE, i], heads[NODE_END, i] = at + 5, past
        at = past + 1
    at += 5
    past = at
    while past < b and data[past] > 32:
        past += 1
    if past == at or past >= b or data[past] != 32:
        return NO_TYPE
    heads[TYPE, i], heads[TYPE_END, i] = at, past
    at = past + 1
    if _stands(data, at, b, _MSG):
        at += 4
    if not _stands(data, at, b, _AUDIT):
        return NO_EVENT
    at += 6
    past = _digits(data, at, b)
    dot = past
    fraction = _digits(data, dot + 1, b)
    if not 1 <= dot - at <= 12 or dot >= b or data[dot] != 46 or not 2 <= fraction - dot <= 4:
        return BAD_TIME
    seconds = number(data, at, dot)
    if seconds > LAST_SECOND:
        return BAD_TIME
    heads[STAMP, i] = seconds * 1000 + number(data, dot + 1, fraction)
    at = fraction + 1
    past = _digits(data, at, b)
    if fraction >= b or data[fraction] != 58 or not 1 <= past - at <= 18:
        return BAD_SERIAL
    if past >= b or data[past] != 41:
        return BAD_SERIAL
    heads[SERIAL, i] = number(data, at, past)
    at = past + 1
    if at < b and data[at] == 58:
        at += 1
    heads[BODY, i] = at
    return GOOD


# What the lines of a block leave open.
EVENTS = 1024  # events that may be open at once
EVENT_LINES = 4096  # of one event; what follows is a new one with the same number
EVENT_BYTES = 1 << 23
OPEN_BYTES = 1 << 25  # of all open events

# Rows of `events`, one column an event
FIRST, LAST, LINES, BYTES, CLOSED, EVENT = range(6)


@inlined
def _is_of(heads: Ints, node: Ints, i: int, line: int) -> bool:
    """Say whether two lines are of one event, or of two with one name."""
    return bool(
        heads[SERIAL, line] == heads[SERIAL, i]
        and heads[STAMP, line] == heads[STAMP, i]
        and node[line] == node[i]
    )


@lean
def _find(
    heads: Ints, node: Ints, i: int, events: Ints, slots: Ints, seed: np.uint64
) -> tuple[int, int]:
    """Return (slot, event or -1) of a line's event among the open ones."""
    mask = len(slots) - 1
    h = np.uint64(heads[SERIAL, i]) * np.uint64(0x9E3779B97F4A7C15) ^ seed
    h = (h ^ np.uint64(heads[STAMP, i]) ^ (h >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
    h = (h ^ np.uint64(node[i]) ^ (h >> np.uint64(32))) * np.uint64(0x94D049BB133111EB)
    slot = np.int64((h ^ (h >> np.uint64(31))) & np.uint64(mask))
    while True:
        event = slots[slot]
        if event < 0:
            return slot, -1
        if _is_of(heads, node, i, events[FIRST, event]):
            return slot, -1 if events[CLOSED, event] else event
        slot = (slot + 1) & mask


@inlined
def _is_open(heads: Ints, node: Ints, i: int, events: Ints, event: int) -> bool:
    """Say whether a line is of an event, and that is open; of none, -1, it is not."""
    if event < 0 or events[CLOSED, event]:
        return False
    return _is_of(heads, node, i, events[FIRST, event])


@kernel
def join_lines(
    heads: Ints, start: Ints, end: Ints, node: Ints, slots: Ints, carried: int, last: bool,
    events: Ints, owner: Ints, following: Ints, order: Ints, record: Ints, seed: np.uint64,
) -> tuple[int, int]:  # fmt: skip
    """Join N lines to events; return how many were completed, and how many records that makes.

    The first `carried` lines are those of events that earlier blocks left open. An event is
    completed when EVENTS begun after it are open, when it grows past EVENT_LINES or EVENT_BYTES, or
    when it is the oldest and all open ones pass OPEN_BYTES; at the `last` block, all are. All that
    depends on the order of lines alone, not on where blocks end.

    Fills events [EVENT, N]; owner [N], the event of each line or -1; following [N], the next line
    of the same event or -1; order [N], the events in the order in which they were completed;
    record [2, N], the number of each line that is no part of an event, and of each event, counted
    over both in the order of their completion.
    """
    begun = done = oldest = count = open_events = open_bytes = 0
    near = nearest = -1  # the events of the last lines: most lines are of one of them
    for i in range(heads.shape[1]):
        following[i] = owner[i] = -1
        if heads[KIND, i] != GOOD:
            record[0, i] = count
            count += 1
            continue
        slot, event = np.int64(-1), np.int64(nearest)
        if not _is_open(heads, node, i, events, nearest):
            event, near = near, nearest
            if not _is_open(heads, node, i, events, event):
                slot, event = _find(heads, node, i, events, slots, seed)
        size = end[i] - start[i] + 1
        if event < 0:
            event = begun
            begun += 1
            slots[slot] = event
            events[FIRST, event] = events[LAST, event] = i
            events[LINES, event] = 1
            events[BYTES, event] = size
            events[CLOSED, event] = 0
            open_events += 1
        else:
            following[events[LAST, event]] = i
            events[LAST, event] = i
            events[LINES, event] += 1
            events[BYTES, event] += size
        owner[i] = nearest = event
        open_bytes += size
        if i < carried:
            continue
        # Of what is completed here, this event goes last: it may be both too big and the oldest.
        while open_events > EVENTS or open_bytes > OPEN_BYTES:
            if events[CLOSED, oldest] == 0:
                events[CLOSED, oldest] = 1
                open_events -= 1
                open_bytes -= events[BYTES, oldest]
                order[done] = oldest
                record[1, oldest] = count
                done += 1
                count += 1
            oldest += 1
        if events[CLOSED, event] == 0 and (
            events[LINES, event] >= EVENT_LINES or events[BYTES, event] >= EVENT_BYTES
        ):
            events[CLOSED, event] = 1
            open_events -= 1
            open_bytes -= events[BYTES, event]
            order[done] = event
            record[1, event] = count
            done += 1
            count += 1
    if last:
        while oldest < begun:
            if events[CLOSED, oldest] == 0:
                events[CLOSED, oldest] = 1
                order[done] = oldest
                record[1, oldest] = count
                done += 1
                count += 1
            oldest += 1
    return done, count
