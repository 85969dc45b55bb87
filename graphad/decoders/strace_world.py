"""What strace's output leaves to be remembered: processes, their descriptors and folders.

An entity is kept as a Thing, the same object for the same key as long as it is remembered, so that
nothing has to be looked up by text for a call that only repeats.
"""

import posixpath

from graphad.decoders import strace_text as text

MAX_REMEMBERED = 1 << 17  # texts; forgetting them all only costs time
MAX_PROCESSES = 1 << 16  # at once; the oldest is forgotten
MAX_DESCRIPTOR = 1 << 20  # Linux's own limit, fs.nr_open


class Thing:
    """An entity: `type`, `key`, `label`, `detail` as in schema.MAPPING, and where it was used."""

    __slots__ = ("block", "detail", "index", "key", "label", "type")

    def __init__(self, type_: str, key: str, label: str, detail: str | None = None) -> None:
        self.type, self.key, self.label, self.detail = type_, key, label, detail
        self.block, self.index = -1, -1  # block that used it last, and its number there


class Process:
    """A process. Its threads share this object; a program that it becomes is a new Thing."""

    def __init__(self, pid: int, start: int, exe: str, detail: str | None = None) -> None:
        self.pid, self.start, self.execs = max(pid, 0), start, 0  # 0 in a log without pids
        self.thing = Thing("process", f"{self.pid}:{start}", exe, detail)
        self.first = self.thing
        self.parent: Thing | None = None  # until it runs a program of its own
        self.forked_by: tuple[Thing, int] | None = None  # and when
        self.received = False  # read something as what it is now
        self.fds: dict[int, Thing | None] = {}  # those that strace gave no name
        self.closing: set[int] = set()  # of them, closed when another program is run
        self.folder = [f"?{pid}:{start}"]  # working directory; "?..." while it is not known

    def child(self, pid: int, start: int, flags: bytes) -> "Process":
        """Return a process that this one forked."""
        child = Process(pid, start, self.thing.label, self.thing.detail)
        child.parent, child.forked_by = self.thing, (self.thing, start)
        shared = b"CLONE_FILES" in flags
        child.fds = self.fds if shared else dict(self.fds)
        child.closing = self.closing if shared else set(self.closing)
        child.folder = self.folder if b"CLONE_FS" in flags else list(self.folder)
        return child

    def becomes(self, exe: str, command: str) -> Thing:
        """Return what it is after it runs another program."""
        self.execs += 1
        self.thing = Thing("process", f"{self.pid}:{self.start}:{self.execs}", exe, command or None)
        self.parent, self.received = None, False
        self.fds = {fd: thing for fd, thing in self.fds.items() if fd not in self.closing}
        self.closing, self.folder = set(), list(self.folder)
        return self.thing


class World:
    """All that is remembered of one source."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.processes: dict[int, Process] = {}
        self.forking: dict[int, tuple[int, bytes]] = {}  # begun forks: stamp and arguments
        self.files: dict[str, Thing] = {}
        self.sockets: dict[str, Thing] = {}
        self.peers: dict[bytes, Thing] = {}  # by a socket's name that says no address
        self.root = -1  # pid of the process whose lines first had none

    def process(self, pid: int, stamp: int) -> Process:
        """Return the process of a pid that acts, new if it wasn't seen yet.

        A child may act before the fork that made it returns; then it is the child of the oldest
        fork that hasn't returned. On a terminal strace leaves out the pid, here -1, while there is
        but one process; the first other pid that no fork made is that process.
        """
        if pid not in self.processes:
            for parent, (begun, args) in self.forking.items():
                if parent in self.processes and parent != pid:
                    del self.forking[parent]
                    return self.fork(self.processes[parent], pid, begun, args)
            if self.root < 0 and -1 in self.processes:
                self.root = pid
                self.keep(pid, self.processes[-1])
        return self.known(pid, stamp)

    def known(self, pid: int, stamp: int) -> Process:
        """Return the process of a pid, one of which nothing is known if it wasn't seen yet."""
        found = self.processes.get(pid)
        if found is None:
            found = Process(pid, stamp, "unknown")
            self.keep(pid, found)
        return found

    def fork(self, parent: Process, pid: int, stamp: int, args: bytes) -> Process:
        """Return the new process of a fork; a thread's is its process."""
        child = parent if b"CLONE_THREAD" in args else parent.child(pid, stamp, args)
        self.keep(pid, child)
        return child

    def adopt(self, parent: Process, pid: int, stamp: int, args: bytes) -> Process:
        """Return the process that a fork begun at `stamp` made; it may have acted already."""
        child = self.processes.get(pid)
        if child is None or child is parent or child.start < stamp:
            return child if child is parent else self.fork(parent, pid, stamp, args)
        if child.forked_by != (parent.thing, stamp):  # seen first, and not known to be its child
            proper = parent.child(pid, child.start, args)
            child.forked_by = (parent.thing, stamp)
            if child.execs == 0:
                child.parent = parent.thing
            if child.first.index < 0:
                child.first.label, child.first.detail = proper.first.label, proper.first.detail
            child.fds = proper.fds | child.fds
            if child.folder[0].startswith("?"):
                child.folder = proper.folder
        return child

    def keep(self, pid: int, process: Process) -> None:
        """Remember a process by its pid."""
        self.processes.pop(pid, None)
        if len(self.processes) >= MAX_PROCESSES:
            oldest = next(iter(self.processes))
            del self.processes[oldest]
            self.forking.pop(oldest, None)
        self.processes[pid] = process

    def file(self, path: str) -> Thing:
        """Return the file of a path; one below an unknown working directory has its own key."""
        found = self.files.get(path)
        if found is None:
            label = path.partition("/")[2] if path.startswith("?") else path
            if len(self.files) >= MAX_REMEMBERED:
                self.files.clear()
            found = self.files[path] = Thing("file", path, label or ".")
        return found

    def socket(self, address: str) -> Thing:
        """Return the socket at an address; loopback and Unix ones are this host's own."""
        found = self.sockets.get(address)
        if found is None:
            local = address.startswith(("127.", "[::1]", "unix:", "socket:"))
            if len(self.sockets) >= MAX_REMEMBERED:
                self.sockets.clear()
            key = f"{self.host}|{address}" if local else address
            found = self.sockets[address] = Thing("socket", key, address)
        return found

    def named(self, name: bytes) -> tuple[Thing | None, bool]:
        """Return what a descriptor's name stands for, and whether it always will.

        None is what no information flows through, such as an epoll descriptor.
        """
        if name.startswith(b"/"):
            return self.file(text.unescape(name.partition(b"<")[0])), True
        if name.startswith(b"pipe:["):
            return Thing("pipe", name.decode("latin-1"), "pipe"), True
        if name.startswith((b"anon_inode:", b"pid:", b"NETLINK:", b"net:", b"mnt:", b"user:")):
            return None, True
        if b":[" not in name:
            return None, True
        address = None if name.startswith(b"socket:") else text.peer(name)
        if address is not None:
            return self.socket(address), True
        known = self.peers.get(inode(name))
        if known is not None:
            return known, False
        return self.socket(f"socket:[{inode(name).decode('latin-1')}]"), False

    def remember_peer(self, name: bytes, thing: Thing) -> None:
        """Keep that a socket whose name says no address is connected to `thing`."""
        if len(self.peers) >= MAX_REMEMBERED:
            self.peers.clear()
        self.peers[inode(name)] = thing

    def path(self, process: Process, folder: bytes | None, path: str) -> str:
        """Return a path made absolute; `folder` is the argument that holds its descriptor."""
        if path.startswith("/"):
            return "/" + posixpath.normpath(path).lstrip("/")
        base = process.folder[0]
        found = text.descriptor(folder) if folder is not None else (-100, b"")
        if found is not None and found[1].startswith(b"/"):
            base = text.unescape(found[1])
            if found[0] == -100:
                process.folder[0] = base
        elif found is None or found[0] != -100:
            thing = process.fds.get(found[0]) if found else None
            base = thing.key if thing is not None else f"?{process.pid}:{process.start}:fd"
        if not path:
            return base
        if not base.startswith("?"):
            return posixpath.normpath(f"{base}/{path}")
        unknown, _, below = base.partition("/")
        return f"{unknown}/{posixpath.normpath(posixpath.join(below, path))}"


def inode(name: bytes) -> bytes:
    """Return what is between the brackets of a socket's name, up to an arrow or a comma.

    >>> inode(b"UNIX-STREAM:[12->13]")
    b'12'
    """
    inside = name.partition(b"[")[2].rstrip(b"]")
    return inside.partition(b"->")[0].partition(b",")[0]
