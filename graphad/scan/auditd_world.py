"""Process lifetimes: which process each event's pid was, whom it started, and what it was before.

A process is known by its pid, the time it was first heard of and how many programs it has become. A
fork that was logged begins it; else the first event of its pid, or of a child of it. It ends with
exit_group, and its pid is taken to be another process's when a program is run, or another one is
seen, under another parent or in another session.
"""

from typing import NamedTuple

import numpy as np

from graphad.jit import kernel
from graphad.scan import auditd_keys as k
from graphad.scan.auditd_objects import INJECT, SIGNAL
from graphad.scan.lean import lean
from graphad.scan.words import U64, Ints

MAX_PROCESSES = 1 << 16  # at once; the one first heard of is forgotten
_BUCKETS = 1 << 17
_CLONE_THREAD = 0x10000  # Source: linux/sched.h

# Columns of `processes`; those up to SAVED make up a state. FORKER, FORKER_START and FORKER_EXECS:
# the process that forked it, if that was logged and it was no other program since.
(HOST, PID, START, EXECS, PARENT, SESSION, EXE, FORKER, FORKER_START, FORKER_EXECS, ACTED,
 SAVED) = range(12)  # fmt: skip
NEXT, OLDER, NEWER = SAVED, SAVED + 1, SAVED + 2
_FREE, _OLDEST, _NEWEST = range(3)


class World(NamedTuple):
    """The processes that are remembered, oldest first in a list, and hashed by host and pid."""

    heads: Ints  # [_BUCKETS]
    processes: Ints  # [MAX_PROCESSES, SAVED + 3]
    ends: Ints  # [3]


def new_world() -> World:
    """Return a world without processes."""
    processes = np.zeros((MAX_PROCESSES, SAVED + 3), np.int64)
    processes[:, NEXT] = np.append(np.arange(1, MAX_PROCESSES), -1)
    return World(np.full(_BUCKETS, -1, np.int64), processes, np.array([0, -1, -1], np.int64))


class Rows(NamedTuple):
    """What is known of N events, in order."""

    host: Ints  # a number for each host
    stamp: Ints  # microseconds
    done: Ints  # 1: it succeeded, 0: it failed, -1: it doesn't say
    exe: Ints  # a number for each executable, 0 for none
    session: Ints  # the same for sessions
    numbers: Ints  # [ALL_NUMBERS, N] see auditd_events.py
    access: Ints


# Rows of `found`, one column an event. Each process is three: pid (-1: none), start, execs; after
# the launcher and the target comes the number of their executable, 0 if it isn't known.
ACTOR, LAUNCHER, LAUNCHER_EXE, OBJECT, OBJECT_EXE, FOUND = 0, 3, 6, 7, 10, 11


@lean
def _bucket(host: int, pid: int, seed: U64) -> int:
    h = (U64(host) ^ seed ^ (U64(pid) * U64(0x9E3779B97F4A7C15))) * U64(0xBF58476D1CE4E5B9)
    return np.int64((h ^ (h >> U64(31))) & U64(_BUCKETS - 1))


@lean
def _find(world: World, host: int, pid: int, seed: U64) -> int:
    at = world.heads[_bucket(host, pid, seed)]
    while at >= 0:
        if world.processes[at, PID] == pid and world.processes[at, HOST] == host:
            return at
        at = world.processes[at, NEXT]
    return -1


@lean
def _forget(world: World, at: int, seed: U64) -> None:
    p = world.processes
    bucket = _bucket(p[at, HOST], p[at, PID], seed)
    if world.heads[bucket] == at:
        world.heads[bucket] = p[at, NEXT]
    else:
        before = world.heads[bucket]
        while p[before, NEXT] != at:
            before = p[before, NEXT]
        p[before, NEXT] = p[at, NEXT]
    older, newer = p[at, OLDER], p[at, NEWER]
    if older >= 0:
        p[older, NEWER] = newer
    else:
        world.ends[_OLDEST] = newer
    if newer >= 0:
        p[newer, OLDER] = older
    else:
        world.ends[_NEWEST] = older
    p[at, NEXT] = world.ends[_FREE]
    world.ends[_FREE] = at


@lean
def _begin(world: World, host: int, pid: int, start: int, seed: U64) -> int:
    """Remember a process of which no more is known yet; there is none of this pid."""
    if world.ends[_FREE] < 0:
        _forget(world, world.ends[_OLDEST], seed)
    at = world.ends[_FREE]
    p = world.processes
    world.ends[_FREE] = p[at, NEXT]
    for c in range(SAVED):
        p[at, c] = 0
    p[at, HOST], p[at, PID], p[at, START] = host, pid, start
    p[at, PARENT] = p[at, FORKER] = -1
    bucket = _bucket(host, pid, seed)
    p[at, NEXT] = world.heads[bucket]
    world.heads[bucket] = at
    newest = world.ends[_NEWEST]
    p[at, OLDER], p[at, NEWER] = newest, -1
    if newest >= 0:
        p[newest, NEWER] = at
    else:
        world.ends[_OLDEST] = at
    world.ends[_NEWEST] = at
    return at


@lean
def _known(world: World, host: int, pid: int, start: int, seed: U64) -> int:
    at = _find(world, host, pid, seed)
    return at if at >= 0 else _begin(world, host, pid, start, seed)


@lean
def _note(world: World, at: int, found: Ints, place: int, row: int) -> None:
    found[place, row] = world.processes[at, PID]
    found[place + 1, row] = world.processes[at, START]
    found[place + 2, row] = world.processes[at, EXECS]


@kernel
def follow(world: World, rows: Rows, found: Ints, seed: U64) -> None:
    """Fill found [FOUND, N] with the processes of N events, and remember them."""
    for row in range(len(rows.host)):
        found[ACTOR, row] = found[LAUNCHER, row] = found[OBJECT, row] = -1
        found[LAUNCHER_EXE, row] = found[OBJECT_EXE, row] = 0
        if rows.numbers[k.PID, row] >= 0:
            _follow(world, rows, row, found, seed)


@lean
def _follow(world: World, rows: Rows, row: int, found: Ints, seed: U64) -> None:
    p = world.processes
    host, stamp, exe, session = rows.host[row], rows.stamp[row], rows.exe[row], rows.session[row]
    pid, parent = rows.numbers[k.PID, row], rows.numbers[k.PARENT, row]
    family = rows.numbers[k.FAMILY, row]
    family = family & k.FAMILY_BITS if family >= 0 and rows.done[row] == 1 else k.NO_FAMILY
    at = _find(world, host, pid, seed)
    if at >= 0 and _is_another(p, at, exe, session, parent, family == k.EXEC):
        _forget(world, at, seed)
        at = -1
    new = at < 0
    if new:
        at = _begin(world, host, pid, stamp, seed)
    elif exe and p[at, EXE] and exe != p[at, EXE] and family != k.EXEC:
        p[at, EXECS] += 1  # it became another program, and that was not logged
        p[at, FORKER] = -1
        p[at, ACTED] = 0
    if family == k.EXEC:
        launched = new or p[at, FORKER] >= 0
        if launched:
            _note_launcher(world, at, pid, parent, host, stamp, found, row, seed)
            at = _find(world, host, pid, seed)  # a parent that is new may push out an old process
            if at < 0:
                at = _begin(world, host, pid, stamp, seed)
        if not new and (p[at, ACTED] or not launched):
            _note(world, at, found, OBJECT, row)
            found[OBJECT_EXE, row] = p[at, EXE]
        p[at, EXECS] += 1
        p[at, FORKER] = -1
    if exe:
        p[at, EXE] = exe
    if session:
        p[at, SESSION] = session
    if parent >= 0:
        p[at, PARENT] = parent
    p[at, ACTED] = 0 if family == k.EXEC else 1 if family or rows.done[row] < 0 else p[at, ACTED]
    _note(world, at, found, ACTOR, row)
    returned = rows.numbers[k.RETURNED, row]
    if (family == k.FORK or family == k.CLONE) and returned > 0 and returned != pid:
        if family == k.FORK or not rows.numbers[k.A0, row] & _CLONE_THREAD:
            _fork(world, at, returned, stamp, found, row, seed)
    elif family == k.EXIT_GROUP:
        _forget(world, at, seed)
    else:
        target = rows.numbers[k.TARGET, row]
        access = rows.access[row]
        if target < 0 and (family == k.KILL or family == k.INJECT or family == k.INSPECT):
            target = rows.numbers[k.A0, row]
        elif target < 0 and family == k.PTRACE:
            target = rows.numbers[k.A1, row]
        acts = family in (k.INJECT, k.INSPECT) or access in (INJECT, SIGNAL)
        if acts and 0 < target < 1 << 31:
            other = _known(world, host, target, stamp, seed)
            _note(world, other, found, OBJECT, row)
            found[OBJECT_EXE, row] = p[other, EXE]


@lean
def _is_another(p: Ints, at: int, exe: int, session: int, parent: int, runs: bool) -> bool:
    """Say whether a pid was given to another process since it was last heard of."""
    moved = session != 0 and p[at, SESSION] != 0 and session != p[at, SESSION]
    adopted = parent >= 0 and p[at, PARENT] >= 0 and parent != p[at, PARENT]
    if not moved and not adopted:
        return False
    return runs or (exe != 0 and p[at, EXE] != 0 and exe != p[at, EXE])


@lean
def _note_launcher(
    world: World, at: int, pid: int, parent: int, host: int, stamp: int, found: Ints, row: int,
    seed: U64,
) -> None:  # fmt: skip
    """Note who started the process that now runs a program: who forked it, or its parent."""
    p = world.processes
    if p[at, FORKER] >= 0:
        for i in range(3):
            found[LAUNCHER + i, row] = p[at, FORKER + i]
        found[LAUNCHER_EXE, row] = p[at, EXE]  # a fork runs what its parent ran
    elif parent > 0 and parent != pid:
        by = _known(world, host, parent, stamp, seed)
        _note(world, by, found, LAUNCHER, row)
        found[LAUNCHER_EXE, row] = p[by, EXE]


@lean
def _fork(world: World, at: int, child: int, stamp: int, found: Ints, row: int, seed: U64) -> None:
    """Begin the process that a fork made; it may have acted before the fork was logged."""
    p = world.processes
    host, pid, start, execs = p[at, HOST], p[at, PID], p[at, START], p[at, EXECS]
    exe, session = p[at, EXE], p[at, SESSION]
    old = _find(world, host, child, seed)
    if old >= 0 and p[old, START] >= stamp and p[old, PARENT] == pid:
        found[OBJECT, row], found[OBJECT + 1, row], found[OBJECT + 2, row] = child, p[old, START], 0
        found[OBJECT_EXE, row] = exe
        return
    if old >= 0:
        _forget(world, old, seed)
    new = _begin(world, host, child, stamp, seed)
    p[new, PARENT] = p[new, FORKER] = pid
    p[new, FORKER_START], p[new, FORKER_EXECS] = start, execs
    p[new, EXE], p[new, SESSION] = exe, session
    _note(world, new, found, OBJECT, row)
    found[OBJECT_EXE, row] = exe


@kernel
def recall(world: World, saved: Ints, seed: U64) -> None:
    """Remember processes [N, SAVED], oldest first, in a world that is empty."""
    for i in range(len(saved)):
        at = _begin(world, saved[i, HOST], saved[i, PID], saved[i, START], seed)
        for c in range(SAVED):
            world.processes[at, c] = saved[i, c]
