"""What an event acted upon: its files, the far end of its socket, and how it got at them."""

import numpy as np

from graphad.scan import auditd_keys as k
from graphad.scan.auditd_event import COUNT_AT, NO_NUMBER, NUMBER_AT, PATH_AT, PATHS
from graphad.scan.auditd_text import (
    BARE,
    QUOTED,
    is_hex,
    put_ip4,
    put_ip6,
    put_path,
    put_utf8,
    shorten,
    unhex,
)
from graphad.scan.lean import lean
from graphad.scan.strings import hex_digit
from graphad.scan.words import Bytes, Ints, copy_bytes

# Kinds of sockets
INET, UNIX, NETLINK, OTHER_SOCKET = range(4)
SOCKETS = ("inet", "unix", "netlink", "other socket")

# What was asked for, where the call's name doesn't say it. Families of socketcall follow.
READ, WRITE, BOTH, CREATE, INJECT, NOTHING, SIGNAL = range(7)
ACCESSES = ("read", "write", "read write", "create", "inject", "nothing", "signal")
ACCESS_FAMILY = 16

_WRITES, _TRUNCATES, _ONLY_PATH = 3, 0o1000, 0o10000000  # Source: asm-generic/fcntl.h
_AT_FDCWD, _AT_FDCWD_32 = -100, 0xFFFFFF9C


@lean
def put_slot(data: Bytes, slot: int, event: Ints, scratch: Bytes, size: int) -> int:
    """Write what a slot holds, hexadecimal decoded where the field may be written so."""
    a, b, form = event[3 * slot], event[3 * slot + 1], event[3 * slot + 2]
    coded = slot == k.EXE or slot == k.FOLDER or slot == k.COMMAND or slot == k.ACCOUNT
    if form == BARE and coded and is_hex(data, a, b):
        past = unhex(data, a, b, scratch, 0)
        if slot == k.ACCOUNT and not _needs_code(scratch, past):
            return copy_bytes(data, a, b - a, scratch, size)
        return put_utf8(scratch, 0, past, scratch, size)[0]
    return copy_bytes(data, a, b - a, scratch, size)


@lean
def _needs_code(text: Bytes, length: int) -> bool:
    """Say whether a name may be one that had to be encoded: else 1000 would be two odd letters."""
    needs = False
    for i in range(length):
        if text[i] < 32:
            return False
        needs = needs or text[i] == 32 or text[i] == 34 or text[i] > 126
    return needs


@lean
def choose_files(event: Ints) -> tuple[int, int]:
    """Return which of the paths were acted upon: (the file, its new name), -1 for none.

    The folder that a file is made in or taken from is a path of its own, PARENT.
    """
    family = event[NUMBER_AT + k.FAMILY] & k.FAMILY_BITS
    made = gone = first = last = any_ = -1
    for i in range(event[COUNT_AT + PATHS]):
        if event[PATH_AT + 5 * i + 1] <= event[PATH_AT + 5 * i]:
            continue
        kind = event[PATH_AT + 5 * i + 3]
        if any_ < 0:
            any_ = i
        if kind == k.CREATE:
            made = i
        elif kind == k.DELETE and gone < 0:
            gone = i
        if kind != k.PARENT_TYPE:
            last = i
            if first < 0 and kind != k.CREATE:
                first = i
    if family == k.RENAME:
        return gone if gone >= 0 else first, made
    if family == k.LINK or family == k.SYMLINK:
        return first, made if made >= 0 else last if last != first else -1
    if family == k.EXEC:
        return any_, -1
    if family == k.UNLINK and gone >= 0:
        return gone, -1
    if made >= 0:
        return made, -1
    return last if last >= 0 else any_, -1


@lean
def put_file(data: Bytes, path: int, argument: int, event: Ints, scratch: Bytes, size: int) -> int:
    """Write a path, absolute if its folder is known; an argument may be that one's descriptor."""
    a, b, form = (
        event[PATH_AT + 5 * path],
        event[PATH_AT + 5 * path + 1],
        event[PATH_AT + 5 * path + 2],
    )
    folder = size
    family = event[NUMBER_AT + k.FAMILY]
    place = (family >> argument) & 15 if family >= 0 else 0
    known = True
    if place:
        value = event[NUMBER_AT + k.A0 + place - 1]
        known = value in (_AT_FDCWD, _AT_FDCWD_32, NO_NUMBER)
    if family & k.FAMILY_BITS == k.SYMLINK and argument == k.DIR and family >= 0:
        known = False  # its text begins at the link's own folder
    if known and event[3 * k.FOLDER] >= 0:
        size = put_slot(data, k.FOLDER, event, scratch, size)
    if form != QUOTED and is_hex(data, a, b):
        past = unhex(data, a, b, scratch, 0)
        part = len(scratch) // 3
        end, _ = put_utf8(scratch, 0, past, scratch, part)
        return put_path(scratch, part, end, scratch, size, folder)
    return put_path(data, a, b, scratch, size, folder)


@lean
def _byte(data: Bytes, a: int, i: int) -> int:
    return hex_digit(np.int64(data[a + 2 * i])) * 16 + hex_digit(np.int64(data[a + 2 * i + 1]))


@lean
def put_address(data: Bytes, event: Ints, scratch: Bytes, size: int) -> tuple[int, int, int]:
    """Write the address of SOCKADDR; return (end, port or -1, kind of socket).

    Source: linux/socket.h, in.h, in6.h, un.h. The family is in the machine's own order of bytes,
    here seldom the big end first.
    """
    a, b = event[3 * k.SADDR], event[3 * k.SADDR + 1]
    if not is_hex(data, a, b) or b - a < 4:
        return size, -1, OTHER_SOCKET
    length = (b - a) // 2
    family = _byte(data, a, 0) | _byte(data, a, 1)
    if _byte(data, a, 0) and _byte(data, a, 1):
        return size, -1, OTHER_SOCKET
    if family == 2 and length >= 8:
        port = _byte(data, a, 2) * 256 + _byte(data, a, 3)
        return put_ip4(data, a + 8, scratch, size), port, INET
    if family == 10 and length >= 24:
        port = _byte(data, a, 2) * 256 + _byte(data, a, 3)
        return put_ip6(data, a + 16, scratch, size), port, INET
    if family == 1:
        past = unhex(data, a + 4, b, scratch, 0)
        start = 0
        if past and scratch[0] == 0:  # not in the file system
            while past and scratch[past - 1] == 0:
                past -= 1
            if past == 0:
                return size, -1, UNIX
            scratch[size] = 64
            size += 1
            start = 1
        stop = start
        while stop < past and (scratch[stop] != 0 or start):
            stop += 1
        begin = size
        size, _ = put_utf8(scratch, start, stop, scratch, size)
        if start == 0 and size > begin and scratch[begin] == 47:
            size = shorten(scratch, begin, size)
        return size, -1, UNIX
    return size, -1, NETLINK if family == 16 else OTHER_SOCKET


@lean
def access_of(event: Ints) -> int:
    """Return what was asked for, -1 where that goes without saying."""
    value = event[NUMBER_AT + k.FAMILY]
    if value < 0:
        return -1
    family = value & k.FAMILY_BITS
    if family == k.SOCKETCALL:
        number = event[NUMBER_AT + k.A0]
        event[NUMBER_AT + k.FAMILY] = k.socket_family(number)
        asked = event[NUMBER_AT + k.FAMILY]
        return ACCESS_FAMILY + asked if asked else -1
    argument = value >> k.FLAG_AT & 15
    flags = event[NUMBER_AT + k.A0 + argument - 1] if argument else event[NUMBER_AT + k.FLAGS]
    if family == k.OPEN or family == k.OPEN2 or family == k.CREAT:
        for i in range(event[COUNT_AT + PATHS]):
            if event[PATH_AT + 5 * i + 3] == k.CREATE:
                return CREATE
        if family == k.CREAT:
            return WRITE
        if flags == NO_NUMBER or flags < 0 or flags & _ONLY_PATH:
            return NOTHING
        if flags & _WRITES == 0:
            return WRITE if flags & _TRUNCATES else READ
        return WRITE if flags & _WRITES == 1 else BOTH
    if family == k.PTRACE:
        return INJECT if _injects(event[NUMBER_AT + k.A0]) else NOTHING
    if family == k.KILL:
        return NOTHING if flags == 0 else SIGNAL
    return -1


@lean
def _injects(request: int) -> bool:
    """Say whether ptrace takes hold of a process or writes to it. Source: linux/ptrace.h."""
    return (
        4 <= request <= 6
        or request == 13
        or request == 15
        or request == 16
        or request == 0x4205
        or request == 0x4206
    )
