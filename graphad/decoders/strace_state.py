"""What is remembered of an strace log, as JSON and back: processes, descriptors, calls begun.

Processes share things: threads all, others their descriptors or their folder. Each shared object is
written once and named by its place, so that what was shared is shared again.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from graphad.decoders.strace_join import Begun, Joiner
from graphad.decoders.strace_world import Process, Thing

T = TypeVar("T")


class _Places:
    """Writes each object once."""

    def __init__(self) -> None:
        self.place: dict[int, int] = {}
        self.held: list[Any] = []  # keeps them alive, so that no identity is used twice
        self.written: list[Any] = []

    def of(self, thing: T, write: Callable[[T], object]) -> int:
        """Return the place of an object."""
        if id(thing) not in self.place:
            self.place[id(thing)] = len(self.written)
            self.held.append(thing)
            self.written.append(None)
            self.written[self.place[id(thing)]] = write(thing)
        return self.place[id(thing)]


def dump(joiner: Joiner) -> dict[str, object]:
    """Return what a joiner remembers, as JSON's types."""
    things, tables, sets, folders, processes = (_Places() for _ in range(5))

    def thing(of: Thing | None) -> int | None:
        if of is None:
            return None
        return things.of(of, lambda t: [t.type, t.key, t.label, t.detail])

    def process(of: Process) -> object:
        forked = of.forked_by
        return [
            of.pid, of.start, of.execs, thing(of.thing), thing(of.first), thing(of.parent),
            None if forked is None else [thing(forked[0]), forked[1]], of.received,
            tables.of(of.fds, lambda fds: [[fd, thing(t)] for fd, t in fds.items()]),
            sets.of(of.closing, sorted), folders.of(of.folder, list),
        ]  # fmt: skip

    world = joiner.world
    by_pid = [[pid, processes.of(p, process)] for pid, p in world.processes.items()]
    peers = [[name.decode("latin-1"), thing(t)] for name, t in world.peers.items()]
    return {
        "records": joiner.records,
        "root": world.root,
        "pids": by_pid,
        "peers": peers,
        "forking": [[p, s, a.decode("latin-1")] for p, (s, a) in world.forking.items()],
        "begun": [
            [pid, *(v.decode("latin-1") if isinstance(v, bytes) else v for v in begun)]
            for pid, begun in joiner.begun.items()
        ],
        "processes": processes.written,
        "things": things.written,
        "tables": tables.written,
        "sets": sets.written,
        "folders": folders.written,
    }


def load(joiner: Joiner, state: object) -> None:
    """Have a new joiner remember what `dump` told. Raises: ValueError if it is no such state."""
    try:
        _load(joiner, state)
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise ValueError("no state of an strace decoder") from error


def _load(joiner: Joiner, state: Any) -> None:
    things = [Thing(*row) for row in state["things"]]

    def at(place: int | None) -> Thing | None:
        return None if place is None else things[place]

    tables = [{int(fd): at(place) for fd, place in table} for table in state["tables"]]
    sets, folders = [set(row) for row in state["sets"]], [list(row) for row in state["folders"]]
    processes = []
    for row in state["processes"]:
        pid, start, execs, thing, first, parent, forked, received, table, closing, folder = row
        process = Process(pid, start, "")
        process.execs, process.received = execs, received
        process.thing, process.first, process.parent = things[thing], things[first], at(parent)
        process.forked_by = None if forked is None else (things[forked[0]], forked[1])
        process.fds, process.closing, process.folder = tables[table], sets[closing], folders[folder]
        processes.append(process)
    world = joiner.world
    joiner.records, world.root = int(state["records"]), int(state["root"])
    world.processes = {pid: processes[place] for pid, place in state["pids"]}
    world.peers = {name.encode("latin-1"): things[place] for name, place in state["peers"]}
    world.forking = {p: (s, a.encode("latin-1")) for p, s, a in state["forking"]}
    joiner.begun = {
        pid: Begun(
            name.encode("latin-1"), record, stamp, args.encode("latin-1"), fd,
            fd_name.encode("latin-1"),
        )
        for pid, name, record, stamp, args, fd, fd_name in state["begun"]
    }  # fmt: skip
