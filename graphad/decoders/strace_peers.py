"""What information flows in calls between processes and over sockets; see strace_calls.py."""

import re

from graphad.decoders import strace_calls as calls
from graphad.decoders import strace_text as text
from graphad.decoders.strace_calls import Add, Call, Handler, at, bind
from graphad.decoders.strace_world import Thing, World

_PROGRAM = re.compile(rb'[^"]*+"(?>[^"\\]++|\\.)*+"', re.DOTALL)
_FIRST_NUMBERS = re.compile(rb"(-?\d{1,10})(?:<[^>]*>)?(?:, (-?\d{1,10}))?")


def remote(world: World, call: Call) -> tuple[bool, Thing | None]:
    """Return whether the first argument is known, and the far end it stands for."""
    address = text.address(call.args)
    if address is not None:
        return True, world.socket(address)
    return at(world, call.process, call.fd, call.fd_name)


def on_connect(world: World, call: Call, add: Add) -> int | None:
    """connect, also when it goes on in the background."""
    address = text.address(call.args)
    if address is None:
        return calls.NO_FLOW if b"AF_" in call.args else calls.UNKNOWN
    thing = world.socket(address)
    if call.fd_name:
        world.remember_peer(call.fd_name, thing)
    else:
        bind(call.process, call.fd, thing, call.fd in call.process.closing)
    add(call.begin, call.process.thing, "connect", thing)
    return None


def on_accept(world: World, call: Call, add: Add) -> int | None:
    """accept, accept4: who called is in the arguments or in the name of the new descriptor."""
    address = text.address(call.args) or (text.peer(call.value_name) if call.value_name else None)
    if address is None:
        known, thing = at(world, call.process, call.fd, call.fd_name)
    else:
        known, thing = True, world.socket(address)
    if thing is None:
        return None if known else calls.UNKNOWN
    if call.value_name:
        world.remember_peer(call.value_name, thing)
    else:
        bind(call.process, call.value, thing, b"SOCK_CLOEXEC" in call.args)
    call.process.received = True
    add(call.end, thing, "accept", call.process.thing)
    return None


def on_bind(world: World, call: Call, add: Add) -> int | None:
    """Listen at an address: bind."""
    address = text.address(call.args)
    if address is None:
        return calls.NO_FLOW if b"AF_" in call.args else calls.UNKNOWN
    thing = world.socket(address)
    if not call.fd_name:
        bind(call.process, call.fd, thing, call.fd in call.process.closing)
    add(call.begin, call.process.thing, "bind", thing)
    return None


def on_send(world: World, call: Call, add: Add) -> int | None:
    """sendto, sendmsg, sendmmsg."""
    known, thing = remote(world, call)
    if thing is None or call.value == 0:
        return None if known else calls.UNKNOWN
    add(call.begin, call.process.thing, "send" if thing.type == "socket" else "write", thing)
    return None


def on_receive(world: World, call: Call, add: Add) -> int | None:
    """recvfrom, recvmsg, recvmmsg."""
    known, thing = remote(world, call)
    if thing is None or call.value == 0:
        return None if known else calls.UNKNOWN
    call.process.received = True
    add(call.end, thing, "receive" if thing.type == "socket" else "read", call.process.thing)
    return None


def to_process(action: str) -> Handler:
    """Return the handler of calls that do `action` to the process of a pid among the arguments."""

    def handler(world: World, call: Call, add: Add) -> int | None:
        args = text.flat(call.args)
        if call.name == b"ptrace" and args:
            if not args[0].startswith((b"PTRACE_ATTACH", b"PTRACE_SEIZE", b"PTRACE_POKE",
                                       b"PTRACE_SETREGS")):  # fmt: skip
                return None
            args = args[1:]
        elif call.name == b"tgkill":
            args = args[:1] + args[2:]
        if action == "signal" and (len(args) < 2 or args[1] == b"0"):
            return None  # it only asks whether there is such a process
        found = _FIRST_NUMBERS.match(args[0]) if args else None
        pid = int(found[1]) if found else 0
        if pid <= 0:
            return None  # a group of processes
        target = world.known(pid, call.begin)
        ends = (call.process.thing, target.thing)
        if action == "access":
            ends = (target.thing, call.process.thing)
        add(call.begin, ends[0], action, ends[1])
        return None

    return handler


def on_exec(world: World, call: Call, add: Add) -> int | None:
    """execve, execveat: a new instance, with the file it runs and what came before it."""
    path = _PROGRAM.match(call.args)
    files = calls.files(world, Call(
        call.name, call.process, call.begin, call.end, path[0] if path else b"", call.fd,
        call.fd_name, call.value, call.value_name,
    ))  # fmt: skip
    if not files:
        return calls.NO_BEGINNING
    process, program = call.process, files[0]
    before, parent, received = process.thing, process.parent, process.received
    seen = before.index >= 0  # in an edge
    after = process.becomes(program.label, text.command_line(call.args))
    add(call.begin, program, "exec", after)
    if parent is not None:
        add(call.begin, parent, "launch", after)
    if (parent is None and seen) or received:
        add(call.begin, before, "exec", after)
    return None
