"""What information flows in each system call: one function a family of calls.

A function gets the call and adds its edges. Those it doesn't get an argument of, as after a lost
beginning, it leaves alone. It returns a rule of RULES if it adds no edge for a reason of its own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from graphad.decoders import strace_text as text
from graphad.decoders.strace_world import MAX_DESCRIPTOR, Process, Thing, World

NO_FLOW, FAILED, UNKNOWN, UNFINISHED, NO_BEGINNING, SIGNAL, END, NOTE, DETACHED = range(9)
RULES = (
    "call without information flow", "failed call", "unknown descriptor",
    "unfinished, joined to its resumption", "resumed, its beginning is missing",
    "signal without a sender", "end of a process", "message of strace", "detached",
)  # fmt: skip

Add: TypeAlias = Callable[[int, Thing, str, Thing], None]


@dataclass(slots=True)
class Call:
    """A call that succeeded. Stamps are in microseconds; `value` is what it returned."""

    name: bytes
    process: Process
    begin: int
    end: int
    args: bytes
    fd: int
    fd_name: bytes
    value: int
    value_name: bytes


Handler: TypeAlias = Callable[[World, Call, Add], int | None]


def bind(process: Process, fd: int, thing: Thing | None, closes: bool) -> None:
    """Remember what a descriptor without a name stands for."""
    if 0 <= fd < MAX_DESCRIPTOR:
        process.fds[fd] = thing
        (process.closing.add if closes else process.closing.discard)(fd)


def at(world: World, process: Process, fd: int, name: bytes) -> tuple[bool, Thing | None]:
    """Return whether a descriptor is known, and what it stands for."""
    if name:
        return True, world.named(name)[0]
    return fd in process.fds, process.fds.get(fd)


def of(world: World, call: Call, arg: bytes) -> tuple[bool, Thing | None]:
    """Return the same for an argument."""
    found = text.descriptor(arg)
    return at(world, call.process, *found) if found else (False, None)


def files(world: World, call: Call) -> list[Thing]:
    """Return the files that the arguments of a call name by path, each below its folder."""
    found, folder = [], None
    for arg in text.flat(call.args):
        path = text.string(arg)
        if path is None:
            folder = arg
        else:
            if not path and folder is not None:
                thing = of(world, call, folder)[1]
                if thing is not None:
                    found.append(thing)
                    continue
            found.append(world.file(world.path(call.process, folder, path)))
            folder = None
    return found


def on_open(world: World, call: Call, add: Add) -> int | None:
    """Open: open, openat, openat2, creat; no flow unless it creates or empties the file."""
    if call.value_name:
        thing = world.named(call.value_name)[0]
        if call.args.startswith(b"AT_FDCWD<"):
            call.process.folder[0] = text.unescape(call.fd_name)
    else:
        thing = next(iter(files(world, call)), None)
        bind(call.process, call.value, thing, b"O_CLOEXEC" in call.args)
    if thing is None:
        return UNKNOWN
    flags = call.args.rpartition(b'"')[2]
    if b"O_CREAT" in flags or call.name == b"creat":
        add(call.begin, call.process.thing, "create", thing)
    elif b"O_TRUNC" in flags:
        add(call.begin, call.process.thing, "write", thing)
    return None


def on_path(action: str) -> Handler:
    """Return the handler of calls that do `action` to the file of a path."""

    def handler(world: World, call: Call, add: Add) -> int | None:
        things = files(world, call)[:1]
        if not things and call.fd >= 0:  # as in futimens
            things = [t for t in [at(world, call.process, call.fd, call.fd_name)[1]] if t]
        for thing in things:
            add(call.begin, call.process.thing, action, thing)
        return None if things else UNKNOWN

    return handler


def on_descriptor(action: str) -> Handler:
    """Return the handler of calls that do `action` to the file of a descriptor."""

    def handler(world: World, call: Call, add: Add) -> int | None:
        known, thing = at(world, call.process, call.fd, call.fd_name)
        if thing is not None and thing.type == "file":
            add(call.begin, call.process.thing, action, thing)
        return None if known else UNKNOWN

    return handler


def on_rename(world: World, call: Call, add: Add) -> int | None:
    """rename, renameat, renameat2."""
    things = files(world, call)
    if len(things) < 2:
        return UNKNOWN
    add(call.begin, things[0], "rename", things[1])
    add(call.begin, call.process.thing, "rename", things[1])
    return None


def on_link(world: World, call: Call, add: Add) -> int | None:
    """link, linkat, symlink, symlinkat."""
    strings = [text.string(arg) for arg in text.flat(call.args)]
    paths = [path for path in strings if path is not None]
    if len(paths) < 2:
        return UNKNOWN
    things = files(world, call)
    old, new = things[0], things[1]
    if call.name.startswith(b"symlink") and not paths[0].startswith("/"):
        folder = new.key.rpartition("/")[0]  # a symbolic link's text starts at its own folder
        old = world.file(world.path(call.process, None, f"{folder}/{paths[0]}"))
    add(call.begin, old, "link", new)
    add(call.begin, call.process.thing, "create", new)
    return None


def on_mmap(world: World, call: Call, add: Add) -> int | None:
    """Map a file: mmap."""
    args = text.flat(call.args)
    if len(args) < 5 or args[4] == b"-1" or b"MAP_ANONYMOUS" in args[3]:
        return None
    known, thing = of(world, call, args[4])
    if thing is None or thing.type != "file":
        return None if known else UNKNOWN
    process = call.process
    if b"PROT_EXEC" in args[2]:
        add(call.begin, thing, "load", process.thing)
    elif b"PROT_READ" in args[2]:
        process.received = True
        add(call.begin, thing, "read", process.thing)
    if b"PROT_WRITE" in args[2] and b"MAP_SHARED" in args[3]:
        add(call.begin, process.thing, "write", thing)
    return None


def on_copy(world: World, call: Call, add: Add) -> int | None:
    """Copy: sendfile (to, from), splice, tee, copy_file_range (from, ..., to)."""
    args = text.flat(call.args)
    if call.value == 0 or len(args) < 2:
        return None
    second = 1 if call.name in (b"sendfile", b"sendfile64", b"tee") else 2
    one, two = of(world, call, args[0]), of(world, call, args[min(second, len(args) - 1)])
    source, target = (two, one) if call.name.startswith(b"sendfile") else (one, two)
    process = call.process
    if source[1] is not None:
        process.received = True
        action = "receive" if source[1].type == "socket" else "read"
        add(call.begin, source[1], action, process.thing)
    if target[1] is not None:
        action = "send" if target[1].type == "socket" else "write"
        add(call.end, process.thing, action, target[1])
    return None if source[0] or target[0] else UNKNOWN


def on_dup(world: World, call: Call, add: Add) -> int | None:
    """dup, dup2, dup3, and fcntl with F_DUPFD or F_SETFD."""
    process = call.process
    if call.name.startswith(b"fcntl"):
        if b"F_SETFD" in call.args and call.fd in process.fds:
            closes = b"FD_CLOEXEC" in call.args
            (process.closing.add if closes else process.closing.discard)(call.fd)
        if b"F_DUPFD" not in call.args:
            return None
    if not call.value_name and call.fd in process.fds:
        bind(process, call.value, process.fds[call.fd], b"CLOEXEC" in call.args)
    return None


def on_close(world: World, call: Call, add: Add) -> int | None:
    """close, close_range."""
    fds = call.process.fds
    if call.name == b"close":
        fds.pop(call.fd, None)
    elif b"CLOSE_RANGE_CLOEXEC" not in call.args:
        ends = text.flat(call.args)
        last = int(ends[1]) if len(ends) > 1 and ends[1].isdigit() else MAX_DESCRIPTOR
        for fd in [fd for fd in fds if call.fd <= fd <= last]:
            del fds[fd]
    return None


def on_new(world: World, call: Call, add: Add) -> int | None:
    """Calls that return a descriptor without a file: socket, epoll_create, eventfd, and so on."""
    if not call.value_name:
        thing = None
        if call.name == b"socket" and b"NETLINK" not in call.args:
            thing = world.socket(f"socket:[{call.process.pid}:{call.begin}:{call.value}]")
        elif call.name == b"memfd_create":
            thing = world.file(f"/memfd:{text.string(text.flat(call.args)[0])}")
        bind(call.process, call.value, thing, b"CLOEXEC" in call.args)
    return None


def on_pair(world: World, call: Call, add: Add) -> int | None:
    """pipe, pipe2, socketpair."""
    ends = text.pair(call.args)
    if ends and not (ends[0][1] and ends[1][1]):
        name = f"{call.process.pid}:{call.begin}:{ends[0][0]}"
        pipe = Thing("pipe", f"pipe:[{name}]", "pipe")
        if call.name == b"socketpair":
            pipe = world.socket(f"unix:[{name}]")
        for fd, _ in ends:
            bind(call.process, fd, pipe, b"CLOEXEC" in call.args)
    return None


def on_folder(world: World, call: Call, add: Add) -> int | None:
    """chdir, fchdir, getcwd."""
    path = next((p for p in map(text.string, text.flat(call.args)) if p), None)
    if path is not None:
        call.process.folder[0] = world.path(call.process, None, path)
    elif call.name == b"fchdir":
        thing = at(world, call.process, call.fd, call.fd_name)[1]
        if thing is not None:
            call.process.folder[0] = thing.key
    return None
