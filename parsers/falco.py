"""Falco's alerts, as JSON: a record has a rule and the fields of the system call that met it.

A process is its id and name; a file that was opened counts as read, or as written if it was opened
for writing, for an alert is all there is.

Source: Falco's JSON output and its fields for conditions.
"""

import re
from typing import Any

from graphad.decoders.told import (
    IGNORE,
    MAPPING,
    REJECT,
    UNNAMED,
    Edge,
    Thing,
    Told,
    micros,
    number,
    socket,
    stamp,
    text,
)  # fmt: skip
from graphad.decoders.told_claims import Claim, connection, end
from graphad.decoders.told_decode import stateless
from graphad.parse import Parser

_EXEC = {"execve", "execveat", "clone", "clone3", "fork", "vfork", "spawned_process"}
_FILES = {
    "unlink": "delete", "unlinkat": "delete", "rmdir": "delete", "mkdir": "create",
    "mkdirat": "create", "chmod": "chmod", "fchmod": "chmod", "fchmodat": "chmod",
    "chown": "chmod", "fchown": "chmod", "fchownat": "chmod", "lchown": "chmod", "read": "read",
    "pread": "read", "readv": "read", "write": "write", "pwrite": "write", "writev": "write",
    "creat": "create", "init_module": "load", "finit_module": "load", "truncate": "write",
}  # fmt: skip
_SOCKETS = {
    "connect": "connect", "sendto": "send", "sendmsg": "send", "write": "send", "writev": "send",
    "accept": "accept", "accept4": "accept", "recvfrom": "receive", "recvmsg": "receive",
    "read": "receive", "listen": "bind", "bind": "bind",
}  # fmt: skip
_OPENS = {"open", "openat", "openat2", "open_by_handle_at"}
_RULE = re.compile(rb'"rule"\s*:')


def read(record: Any) -> Told:
    """Return what a record says."""
    said = record.get("output_fields")
    rule = text(record.get("rule"))
    if type(said) is not dict or rule is None:
        return Told(reason="no rule or fields")
    call = (text(said.get("evt.type")) or text(said.get("syscall.type")) or "").lower()
    host = text(record.get("hostname")) or text(said.get("hostname"))
    ts = stamp(record.get("time")) or micros(said.get("evt.time"), 10**9)
    told = Told(ts, host, rule="no relation in this alert")
    pid, name = number(said.get("proc.pid")), text(said.get("proc.name"))
    exe = text(said.get("proc.exepath")) or name
    told.fields = {
        "action": call or None, "message": text(record.get("output")), "code": rule, "pid": pid,
        "exe": exe, "command_line": text(said.get("proc.cmdline")),
        "user": text(said.get("user.name")),
        "parent_exe": text(said.get("proc.pexepath")) or text(said.get("proc.pname")),
        "parent_pid": number(said.get("proc.ppid")), "file_path": text(said.get("fd.name")),
        "channel": text(record.get("source")),
    }  # fmt: skip
    actor = _process(pid, name, exe, text(said.get("proc.cmdline")))
    if actor is None:
        told.rule = "no process named"
        return told
    if call in ("execve", "execveat", "spawned_process") and pid is not None and pid > 0:
        told.claims = [Claim("pid birth", actor, str(pid))]
    told.edges = _edges(call, said, actor, told)
    return told


def _process(
    pid: int | None, name: str | None, exe: str | None, command: str | None = None
) -> Thing | None:
    if name is None and exe is None:
        return None
    # Without an id it is the program, as far as an alert tells.
    key = f"pid:{pid}:{name or exe}" if pid is not None and pid > 0 else f"program:{exe or name}"
    return Thing("process", key, exe or name or UNNAMED, command)


def _edges(call: str, said: dict[str, Any], actor: Thing, told: Told) -> list[Edge]:
    edges: list[Edge] = []
    if call in _EXEC:
        parent_name = text(said.get("proc.pname"))
        parent_exe = text(said.get("proc.pexepath")) or parent_name
        parent = _process(
            number(said.get("proc.ppid")), parent_name, parent_exe, text(said.get("proc.pcmdline"))
        )
        if parent is not None:
            edges.append((parent, "launch", actor))
        exe = text(said.get("proc.exepath"))
        if exe:
            edges.append((Thing("file", exe), "exec", actor))
        return edges
    if call in ("rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat"):
        old = text(said.get("fs.path.source")) or text(said.get("evt.arg.oldpath"))
        new = text(said.get("fs.path.target")) or text(said.get("evt.arg.newpath"))
        if old is None or new is None:
            told.rule = "an end of its edge is not named"
            return []
        target = Thing("file", new)
        if call.startswith("rename"):
            return [(Thing("file", old), "rename", target), (actor, "rename", target)]
        return [(Thing("file", old), "link", target), (actor, "create", target)]
    name = text(said.get("fd.name")) or text(said.get("fs.path.name"))
    far = socket(
        said.get("fd.rip") or said.get("fd.sip"), said.get("fd.rport") or said.get("fd.sport")
    )
    if call in ("accept", "accept4"):
        far = socket(said.get("fd.cip"), said.get("fd.cport")) or far
    if far is None and name and "->" in name:
        near, _, other = name.partition("->")
        address, _, port = (near if call.startswith("accept") else other).rpartition(":")
        far = socket(address.strip("[]"), port)
    if far is not None and far.type == "socket":
        told.fields |= {"dst_ip": text(said.get("fd.rip") or said.get("fd.sip"))}
        done = _SOCKETS.get(call)
        if done is None:
            return []
        if done in ("connect", "accept"):
            ends = (end(said.get(f"fd.{at}ip"), said.get(f"fd.{at}port")) for at in "cs")
            told.claims = [*told.claims, *connection(done, far, *ends)]
        return [(far, done, actor) if done in ("accept", "receive") else (actor, done, far)]
    if not name or not name.startswith("/"):
        return []
    file = Thing("file", name)
    if call in _OPENS:
        writes = (
            said.get("evt.is_open_write") in (True, "true")
            or "write" in told.fields["code"].lower()
        )
        return [(actor, "write", file) if writes else (file, "read", actor)]
    done = _FILES.get(call)
    if done is None:
        return []
    return [(file, done, actor) if done in ("read", "load") else (actor, done, file)]


def sniff(head: bytes) -> float:
    """Return how sure it is that these are Falco's alerts."""
    if head.lstrip(b"\xef\xbb\xbf \t\r\n[,")[:1] != b"{":
        return 0.0
    named = b'"output_fields"' in head and b'"priority"' in head
    return 0.97 if named and _RULE.search(head) else 0.0


parser = Parser(
    name="falco",
    about="Falco's alerts of system calls as JSON",
    yields="process, file, socket: launch, fork, exec, load, read, write, create, delete, "
    "rename, link, chmod, connect, accept, send, receive, bind",
    sniff=sniff,
    decoder=stateless(read),
    mapping=MAPPING,
    ignore=IGNORE,
    reject=REJECT,
)
