"""Joins the lines of strace's output: from what was scanned to edges between processes and things.

Only calls that move information, or that say what a descriptor or pid stands for, are looked at one
by one; that a call failed or means nothing here is decided for all lines at once.
"""

import re
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from graphad.decoders.strace_calls import (
    DETACHED,
    END,
    FAILED,
    NO_BEGINNING,
    NO_FLOW,
    NOTE,
    SIGNAL,
    UNFINISHED,
    UNKNOWN,
    Call,
)  # fmt: skip
from graphad.decoders.strace_table import FORKS, HANDLERS, READS, WRITES
from graphad.decoders.strace_world import MAX_PROCESSES, Thing, World
from graphad.scan import strace as scan
from graphad.scan.strace_idle import KEEPS, MAPS, OPENS, idle_calls

Ints: TypeAlias = npt.NDArray[np.int64]

_SENDER = re.compile(rb"si_code=SI_(?:USER|TKILL|QUEUE)\b.*?si_pid=(\d{1,10})")
_SUPERSEDED = re.compile(rb"superseded by execve in pid (\d{1,10})")

_KEEPERS = frozenset({b"close", b"dup", b"dup2", b"dup3", b"socket", b"epoll_create1", b"eventfd2"})
_TEXTS = (scan.FD_NAME, scan.RESULT_NAME, scan.ARGS)
NOTHING, READ, WRITE, FORK, OTHER = range(5)


class Begun(NamedTuple):
    """The beginning of a call that hasn't ended."""

    name: bytes
    record: int
    stamp: int
    args: bytes
    fd: int
    fd_name: bytes


@dataclass
class Edges:
    """Edges of a block, each in the row of its record, and the things at their ends."""

    block: int
    row: int = 0
    rows: list[int] = field(default_factory=list)
    ts: list[int] = field(default_factory=list)
    src: list[int] = field(default_factory=list)
    dst: list[int] = field(default_factory=list)
    actions: list[str] = field(default_factory=list)
    things: list[Thing] = field(default_factory=list)

    def add(self, ts: int, src: Thing, action: str, dst: Thing) -> None:
        """Add an edge of the present row."""
        if src.block != self.block:
            src.block, src.index = self.block, len(self.things)
            self.things.append(src)
        if dst.block != self.block:
            dst.block, dst.index = self.block, len(self.things)
            self.things.append(dst)
        self.rows.append(self.row)
        self.ts.append(ts)
        self.src.append(src.index)
        self.dst.append(dst.index)
        self.actions.append(action)


@dataclass
class Joined:
    """What was joined in a block of N lines."""

    edges: Edges
    rules: npt.NDArray[np.int8]  # [N] of RULES, for lines without edges
    begun: Ints  # [N] record that holds the beginning, 0 where none does
    actors: list[tuple[int, int, Thing]]  # from this row on, this pid is this process


class Joiner:
    """Joins one source's blocks, in order."""

    def __init__(self, host: str) -> None:
        self.world = World(host)
        self.begun: dict[int, Begun] = {}
        self.records = 0
        self.blocks = 0

    def join(self, data: bytes, lines: scan.Lines, names: list[bytes], name_ids: Ints) -> Joined:
        """Return the edges of a block; `names[name_ids[row]]` is the name of a row's call."""
        n = len(lines.kind)
        kinds = np.array(
            [READ if x in READS else WRITE if x in WRITES else FORK if x in FORKS
             else OTHER if x in HANDLERS else NOTHING for x in names] or [0],
            np.int8,
        )  # fmt: skip
        family = kinds[name_ids]
        rules, live, rows = _sort_out(lines, data, names, name_ids, family)
        joined = Joined(Edges(self.blocks), rules, np.zeros(n, np.int64), [])
        self._walk(data, lines, names, name_ids, family, live, rows, joined)
        self.records += n
        self.blocks += 1
        return joined

    def _walk(
        self, data: bytes, lines: scan.Lines, names: list[bytes], name_ids: Ints,
        family: npt.NDArray[np.int8], live: npt.NDArray[np.bool_], rows: Ints, joined: Joined,
    ) -> None:  # fmt: skip
        world, edges, rules, actors = self.world, joined.edges, joined.rules, joined.actors
        processes, add = world.processes, edges.add
        announced = _announced(lines, family)
        stable: dict[bytes, Thing | None] = {}
        last: dict[int, Thing] = {}
        columns = (
            live, lines.kind, family, name_ids, lines.pid, lines.stamp, lines.duration, lines.fd,
            lines.value, *(lines.spans[:, s + e] for s in _TEXTS for e in (0, 1)),
        )  # fmt: skip
        for row, alive, kind, what, name_id, pid, stamp, took, fd, value, a, b, c, d, e, f in zip(
            rows.tolist(), *(column[rows].tolist() for column in columns), strict=True
        ):
            process = processes.get(pid)
            if process is None:
                process = world.process(pid, stamp)
            if last.get(pid) is not process.thing:
                last[pid] = process.thing
                actors.append((row, pid, process.thing))
            if not alive:
                continue
            edges.row = row
            if kind == scan.CALL and what in (READ, WRITE):
                name = data[a:b]
                if name:
                    if name in stable:
                        thing = stable[name]
                    else:
                        thing, always = world.named(name)
                        if always:
                            stable[name] = thing
                elif fd in process.fds:
                    thing = process.fds[fd]
                else:
                    rules[row] = UNKNOWN
                    continue
                if thing is None:
                    continue
                if what == READ:
                    process.received = True
                    end = stamp + took if took > 0 else stamp
                    add(end, thing, "receive" if thing.type == "socket" else "read", process.thing)
                else:
                    action = "send" if thing.type == "socket" else "write"
                    add(stamp, process.thing, action, thing)
                continue
            name = names[name_id]
            args = data[e:f]
            if kind == scan.UNFINISHED:
                self._begin(Begun(name, self.records + row + 1, stamp, args, fd, data[a:b]), pid)
                if what == FORK:
                    if row in announced:
                        world.fork(process, announced[row], stamp, args)
                    else:
                        world.forking[pid] = (stamp, args)
                continue
            if kind == scan.SIGNAL:
                found = _SENDER.search(args)
                if found and int(found[1]):
                    add(stamp, world.known(int(found[1]), stamp).thing, "signal", process.thing)
                continue
            if kind == scan.END:
                self._end(pid, data[slice(*lines.spans[row, scan.RESULT : scan.RESULT + 2])])
                last.pop(pid, None)
                continue
            call = Call(
                name, process, stamp, stamp + max(took, 0), args, fd, data[a:b], value, data[c:d]
            )
            if kind == scan.RESUMED:
                begun = self.begun.pop(pid, None)
                if begun is None and pid == world.root:
                    begun = self.begun.pop(-1, None)
                world.forking.pop(pid, None)
                if begun and name in (begun.name, b""):
                    joined.begun[row] = begun.record
                    call.name, call.args = begun.name, begun.args + args
                    call.begin, call.end = begun.stamp, stamp
                    call.fd, call.fd_name = begun.fd, begun.fd_name
                elif what != FORK:
                    if what != NOTHING and rules[row] == NO_FLOW:
                        rules[row] = NO_BEGINNING
                    continue
                if rules[row] == FAILED:
                    error = data[slice(*lines.spans[row, scan.ERROR : scan.ERROR + 2])]
                    if error != b"EINPROGRESS" or call.name != b"connect":
                        continue
            if call.name in FORKS:
                self._fork(call, edges)
                continue
            handler = HANDLERS.get(call.name)
            rule = None
            if handler is not None:
                rule = handler(world, call, add)
            elif call.name in READS or call.name in WRITES:
                rule = self._transfer(call, edges)
            if rule is not None:
                rules[row] = rule
            if last.get(pid) is not process.thing:
                last[pid] = process.thing
                actors.append((row + 1, pid, process.thing))

    def _transfer(self, call: Call, edges: Edges) -> int | None:
        """Add the edge of a read or write that was interrupted."""
        if call.value <= 0:
            return None
        process, name = call.process, call.fd_name
        if not name and call.fd not in process.fds:
            return UNKNOWN
        thing = self.world.named(name)[0] if name else process.fds[call.fd]
        if thing is None:
            return None
        if call.name in READS:
            process.received = True
            action = "receive" if thing.type == "socket" else "read"
            edges.add(call.end, thing, action, process.thing)
        else:
            action = "send" if thing.type == "socket" else "write"
            edges.add(call.begin, process.thing, action, thing)
        return None

    def _fork(self, call: Call, edges: Edges) -> None:
        if call.value <= 0:
            return
        parent = call.process
        child = self.world.adopt(parent, call.value, call.begin, call.args)
        if child is not parent:
            edges.add(call.begin, parent.thing, "fork", child.first)

    def _begin(self, begun: Begun, pid: int) -> None:
        if len(self.begun) >= MAX_PROCESSES:
            forgotten = next(iter(self.begun))
            del self.begun[forgotten]
            self.world.forking.pop(forgotten, None)
        self.begun[pid] = begun

    def _end(self, pid: int, how: bytes) -> None:
        superseded = _SUPERSEDED.match(how)
        if superseded:
            begun = self.begun.pop(int(superseded[1]), None)
            if begun:
                self.begun[pid] = begun
            return
        self.world.processes.pop(pid, None)
        self.begun.pop(pid, None)
        self.world.forking.pop(pid, None)


def _sort_out(
    lines: scan.Lines, data: bytes, names: list[bytes], name_ids: Ints,
    family: npt.NDArray[np.int8],
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.bool_], Ints]:  # fmt: skip
    """Return each line's rule if it gives no edge, whether it may, and the rows to be looked at.

    Those are the lines that may, and the first of each process.
    """
    kind, value = lines.kind, lines.value
    rules = np.full(len(kind), NO_FLOW, np.int8)
    returned = (kind == scan.CALL) | (kind == scan.RESUMED)
    error = lines.spans[:, scan.ERROR + 1] > 0
    failed = returned & (error | ((value < 0) & (value != scan.NO_NUMBER)))
    rules[failed] = FAILED
    for of_kind, rule in (
        (scan.UNFINISHED, UNFINISHED), (scan.DETACHED, DETACHED), (scan.SIGNAL, SIGNAL),
        (scan.END, END), (scan.NOTE, NOTE),
    ):  # fmt: skip
        rules[kind == of_kind] = rule
    moved = (value > 0) | ((family != READ) & (family != WRITE) & (value == 0))
    live = (kind == scan.CALL) & (family != NOTHING) & moved & ~failed
    live |= (kind >= scan.UNFINISHED) & (kind <= scan.END)
    connects = np.array([x == b"connect" for x in names] or [False])[name_ids]
    for row in np.flatnonzero(connects & error & (kind == scan.CALL)).tolist():
        a, b = lines.spans[row, scan.ERROR : scan.ERROR + 2]
        live[row] = data[a:b] == b"EINPROGRESS"  # it goes on in the background
    acts = np.flatnonzero((kind >= scan.CALL) & (kind <= scan.DETACHED))
    live &= ~_idle(lines, data, names, name_ids, live)
    wanted = live.copy()
    wanted[acts[np.unique(lines.pid[acts], return_index=True)[1]]] = True
    return rules, live, np.flatnonzero(wanted)


def _idle(
    lines: scan.Lines, data: bytes, names: list[bytes], name_ids: Ints, live: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """Return which calls can be passed over."""
    families = [
        OPENS if x in (b"open", b"openat", b"openat2") else MAPS if x.startswith(b"mmap")
        else KEEPS if x in _KEEPERS else 0 for x in names
    ]  # fmt: skip
    family = np.array(families or [0], np.int8)[name_ids]
    family[(lines.kind != scan.CALL) | ~live] = 0
    pids, group = np.unique(lines.pid, return_inverse=True)
    codes = np.frombuffer(data, np.uint8)
    return idle_calls(codes, lines.spans, family, group.astype(np.int64), len(pids))


def _announced(lines: scan.Lines, family: npt.NDArray[np.int8]) -> dict[int, int]:
    """Return the pids that forks begun in this block return later in it, by their first row."""
    rows = np.flatnonzero((family == FORK) & (lines.kind != scan.CALL))
    begun: dict[int, int] = {}
    found = {}
    for row in rows.tolist():
        pid = int(lines.pid[row])
        if lines.kind[row] == scan.UNFINISHED:
            begun[pid] = row
        elif lines.kind[row] == scan.RESUMED and pid in begun and lines.value[row] > 0:
            found[begun.pop(pid)] = int(lines.value[row])
    return found
