"""CADETS: FreeBSD's audit events and kernel probes by DTrace, as JSON.

Objects have ids; a path comes with some events. The network stack's probes say which addresses a
socket has.

Source: the CADETS traces' own notes and FreeBSD's audit_kevents.h.
"""

import re
from typing import Any

from graphad.decoders.cdm import tell_event
from graphad.decoders.told import IGNORE, MAPPING, REJECT, Told, forget, micros, number, text
from graphad.decoders.told_decode import StoryDecoder
from graphad.decoders.told_kernel import Kernel
from graphad.parse import Decoder, Options, Parser

_EVENT = re.compile(rb'"event"\s*:\s*"(?:audit:event:aue_\w+|host::info|\w+:kernel:[^":]*):')
# Names of calls, the longest that fits; as in CDM's translation of CADETS.
_KINDS = {
    "execve": "EXECUTE", "fexecve": "EXECUTE", "accept": "ACCEPT", "bind": "BIND",
    "close": "CLOSE", "lseek": "LSEEK", "connect": "CONNECT", "fchdir": "MODIFY_PROCESS",
    "chdir": "MODIFY_PROCESS", "umask": "MODIFY_PROCESS", "exit": "EXIT", "fork": "FORK",
    "vfork": "FORK", "rfork": "FORK", "pdfork": "FORK", "set": "CHANGE_PRINCIPAL",
    "setlogin": "LOGIN", "fcntl": "FCNTL", "dup": "DUP", "chmod": "MODIFY_FILE_ATTRIBUTES",
    "fchmod": "MODIFY_FILE_ATTRIBUTES", "lchmod": "MODIFY_FILE_ATTRIBUTES",
    "chown": "MODIFY_FILE_ATTRIBUTES", "fchown": "MODIFY_FILE_ATTRIBUTES",
    "lchown": "MODIFY_FILE_ATTRIBUTES", "futimes": "MODIFY_FILE_ATTRIBUTES",
    "lutimes": "MODIFY_FILE_ATTRIBUTES", "utimes": "MODIFY_FILE_ATTRIBUTES", "link": "LINK",
    "unlink": "UNLINK", "rmdir": "UNLINK", "mmap": "MMAP", "mkdir": "CREATE_OBJECT",
    "mknod": "CREATE_OBJECT", "symlink": "CREATE_OBJECT", "pipe": "CREATE_OBJECT",
    "socket": "CREATE_OBJECT", "socketpair": "CREATE_OBJECT", "mprotect": "MPROTECT",
    "open": "OPEN", "read": "READ", "pread": "READ", "write": "WRITE", "pwrite": "WRITE",
    "rename": "RENAME", "sendto": "SENDTO", "sendmsg": "SENDMSG", "recvfrom": "RECVFROM",
    "recvmsg": "RECVMSG", "pdkill": "SIGNAL", "kill": "SIGNAL", "truncate": "TRUNCATE",
    "ftruncate": "TRUNCATE", "wait": "WAIT", "shm": "SHM",
}  # fmt: skip
_PAIRS = {"pipe": "pipe", "socketpair": "pipe", "socket": "socket"}  # what a call makes


def _kind(call: str) -> str:
    for end in range(len(call), 1, -1):
        if call[:end] in _KINDS:
            return _KINDS[call[:end]]
    return "OTHER"


class Cadets:
    """Reads CADETS records and remembers what they refer to."""

    def __init__(self) -> None:
        self.kernel = Kernel()
        self.hosts: dict[str, str] = {}
        self.kinds: dict[str, str] = {}

    def read(self, record: Any) -> Told:
        """Return what a record says."""
        event = text(record.get("event"))
        if event is None:
            return Told(reason="no event")
        provider, _, call = event.rstrip(":").rpartition(":")
        host = text(record.get("host"))
        if provider.startswith("host"):
            if host:
                self.hosts[host] = text(record.get("hostname")) or host
                forget(self.hosts)
            return Told(host=self.hosts.get(host or ""), rule="describes the host")
        where = self.hosts.get(host, host) if host else None
        told = Told(micros(record.get("time"), 10**9), where, fields={"provider": provider})
        if not provider.startswith("audit"):
            own = text(record.get("so_uuid"))
            if own:
                self.kernel.learn_socket(own, record.get("faddr"), record.get("fport"), where)
            told.rule = "describes a socket; events use it"
            return told
        return self._call(call.removeprefix("aue_"), record, told)

    def _call(self, call: str, record: dict[str, Any], told: Told) -> Told:
        kind = self.kinds.get(call)
        if kind is None:
            kind = _kind(call)
            if len(self.kinds) < 1000:
                self.kinds[call] = kind
        subject = text(record.get("subjprocuuid"))
        if subject is None:
            told.reason = "no process"
            return told
        kernel, where = self.kernel, told.host
        actor = kernel.process(subject, text(record.get("exec")))
        path = text(record.get("upath1")) or text(record.get("fdpath"))
        path = None if path == "<unknown>" else path
        second_path = text(record.get("upath2"))
        told.fields |= {
            "action": call, "process_guid": subject, "exe": actor.label, "file_path": path,
            "new_path": second_path, "pid": number(record.get("pid")),
            "parent_pid": number(record.get("ppid")), "user_sid": text(record.get("uid")),
        }  # fmt: skip
        first = text(record.get("arg_objuuid1")) or text(record.get("ret_objuuid1"))
        second = text(record.get("arg_objuuid2"))
        made = text(record.get("ret_objuuid1"))
        if kind == "FORK":
            first = made
        elif call.startswith(("mkdir", "symlink")):
            first = made or first
        if kind == "ACCEPT":
            second = made
        for name in _PAIRS:
            if call.startswith(name):
                for one in (made, text(record.get("ret_objuuid2"))):
                    if one and _PAIRS[name] == "pipe":
                        kernel.learn(one, "pipe")
                    elif one:
                        kernel.learn_socket(one, None, None, where)
        address = text(record.get("address"))
        if address:
            told.fields["dst_ip"] = address
            told.fields["dst_port"] = number(record.get("port"))
            peer = second if kind == "ACCEPT" and second else first
            if peer:
                kernel.learn_socket(peer, address, record.get("port"), where)
        elif first and kind in ("SENDTO", "SENDMSG", "RECVFROM", "RECVMSG", "CONNECT", "BIND"):
            kernel.learn_socket(first, None, None, where)
        flags = record.get("arg_mem_flags")
        command = text(record.get("cmdline"))
        tell_event(
            told, kernel, kind, subject, (first, path), (second, second_path),
            number(record.get("retval")) == -1, command,
            " ".join(map(str, flags)) if isinstance(flags, list) else None,
        )  # fmt: skip
        return told

    def state(self) -> list[Any]:
        """Return all it remembers."""
        return [self.kernel.state(), self.hosts]

    def restore(self, state: Any) -> None:
        """Remember that."""
        kernel, self.hosts = state
        self.kernel.restore(kernel)


def sniff(head: bytes) -> float:
    """Return how sure it is that these are CADETS's events."""
    if head.lstrip(b"\xef\xbb\xbf \t\r\n[,")[:1] != b"{":
        return 0.0
    return 0.97 if _EVENT.search(head) else 0.0


def decoder(options: Options) -> Decoder:
    """Return a decoder."""
    return StoryDecoder(Cadets(), options)


parser = Parser(
    name="cadets",
    about="CADETS: FreeBSD audit and DTrace events as JSON",
    yields="process, file, socket, address, user, pipe: launch, fork, exec, load, read, "
    "write, create, delete, rename, link, chmod, connect, accept, send, receive, "
    "bind, signal",
    sniff=sniff,
    decoder=decoder,
    mapping=MAPPING,
    ignore=IGNORE,
    reject=REJECT,
)
