"""Tracee's events, as JSON: an event has a name, a process, and arguments by name.

A process is its entity id, or its id and when its thread began. Numbers of processes are those of
the host, not of a container.

Source: Tracee's event definitions and its JSON output.
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
    dig,
    local,
    micros,
    number,
    socket,
    text,
)  # fmt: skip
from graphad.decoders.told_claims import Claim, connection, end, lived
from graphad.decoders.told_decode import stateless
from graphad.parse import Parser

_FILES = {
    "security_inode_unlink": "delete", "unlink": "delete", "unlinkat": "delete", "rmdir": "delete",
    "security_inode_mknod": "create", "mkdir": "create", "mkdirat": "create", "creat": "create",
    "vfs_write": "write", "vfs_writev": "write", "__kernel_write": "write", "magic_write": "write",
    "file_modification": "write", "vfs_read": "read", "vfs_readv": "read",
    "security_kernel_read_file": "read", "security_sb_mount": "change", "chmod": "chmod",
    "fchmodat": "chmod", "chown": "chmod", "fchownat": "chmod", "chmod_common": "chmod",
    "inotify_watch": "read", "module_load": "load", "shared_object_loaded": "load",
    "security_mmap_file": "load", "security_bprm_check": "exec", "truncate": "write",
}  # fmt: skip
_SOCKETS = {
    "security_socket_connect": "connect", "connect": "connect", "net_tcp_connect": "connect",
    "security_socket_accept": "accept", "socket_accept": "accept",
    "accept": "accept", "accept4": "accept",
    "security_socket_bind": "bind", "bind": "bind", "sendto": "send", "recvfrom": "receive",
}  # fmt: skip
_RENAMES = ("security_inode_rename", "rename", "renameat", "renameat2")
_LINKS = ("security_inode_symlink", "symlink", "symlinkat", "link", "linkat")
_INJECTS = ("ptrace", "process_vm_writev", "process_vm_write_code_injection")
_OPENS = ("security_file_open", "open", "openat", "openat2")
_ADDRESSES = ("remote_addr", "local_addr", "addr", "dest_addr", "src_addr")
_NAME = re.compile(rb'"eventName"\s*:')


def read(record: Any) -> Told:
    """Return what a record says."""
    name = text(record.get("eventName"))
    if name is None:
        return Told(reason="no name of an event")
    listed = record.get("args")
    args = {
        arg["name"]: arg.get("value")
        for arg in (listed if isinstance(listed, list) else ())
        if type(arg) is dict and isinstance(arg.get("name"), str)
    }
    told = Told(micros(record.get("timestamp"), 10**9), text(record.get("hostName")))
    told.rule = "no relation in this event"
    actor = _actor(record, args, told)
    told.claims = _claims(name, args, actor, record)
    result = number(record.get("returnValue"))
    if result is not None and result < 0 and name != "connect":
        told.rule = "the call failed"
        return told
    told.edges = _edges(name, args, actor, record, told)
    return told


def _actor(record: dict[str, Any], args: dict[str, Any], told: Told) -> Thing:
    pid = number(record.get("hostProcessId"))
    own = text(record.get("processEntityId"))
    born = text(record.get("threadStartTime"))
    exe = text(dig(record.get("executable"), "path")) or text(record.get("processName")) or UNNAMED
    known = own if own and own != "0" else None
    key = known or _by_start(pid, born)
    told.fields = {
        "action": text(record.get("eventName")), "process_guid": known, "pid": pid, "exe": exe,
        "tid": number(record.get("hostThreadId")), "user_sid": text(record.get("userId")),
        "parent_pid": number(record.get("hostParentProcessId")),
        "file_path": text(args.get("pathname")) or text(args.get("file_path")),
    }  # fmt: skip
    return Thing("process", key, exe)


def _by_start(pid: int | None, born: str | None) -> str:
    """Return what identifies a process that has no entity id."""
    return f"{pid}@{born}" if born else f"pid:{pid}:"


def _claims(name: str, args: dict[str, Any], actor: Thing, record: dict[str, Any]) -> list[Claim]:
    """Return what an event says of its process: its id, and that it or its child began or ended."""
    pid = number(record.get("hostProcessId"))
    alone = pid == number(record.get("hostThreadId"))  # else that is when a thread began
    born = micros(record.get("threadStartTime"), 10**9) if alone else None
    found = lived("process", actor, pid, born)
    if name == "sched_process_exit" and args.get("process_group_exit") in (True, "true"):
        found += lived("death", actor, pid)
    if name == "sched_process_fork":
        child = number(args.get("child_pid")) or number(args.get("child_process_pid"))
        started = text(args.get("start_time"))
        own = text(args.get("child_entity_id")) or _by_start(child, started)
        found += lived("birth", Thing("process", own, actor.label), child)
    return found


def _edges(
    name: str, args: dict[str, Any], actor: Thing, record: dict[str, Any], told: Told
) -> list[Edge]:
    path = told.fields["file_path"]
    if name in ("sched_process_exec", "execve", "execveat"):
        return _exec(name, args, actor, record, told) if path else []
    if name == "sched_process_fork":
        child = number(args.get("child_pid")) or number(args.get("child_process_pid"))
        own = text(args.get("child_entity_id"))
        if child is None and own is None:
            return []
        told.fields["target_pid"] = child
        key = own or _by_start(child, text(args.get("start_time")))
        return [(actor, "fork", Thing("process", key, actor.label))]
    if name in _RENAMES or name in _LINKS:
        old = text(args.get("old_path")) or text(args.get("oldpath")) or text(args.get("target"))
        new = text(args.get("new_path")) or text(args.get("newpath")) or text(args.get("linkpath"))
        if old is None or new is None:
            return []
        told.fields |= {"file_path": old, "new_path": new}
        target = Thing("file", new)
        if name in _RENAMES:
            return [(Thing("file", old), "rename", target), (actor, "rename", target)]
        return [(Thing("file", old), "link", target), (actor, "create", target)]
    if name in _SOCKETS:
        return _network(name, args, actor, told)
    if name.startswith("net_packet_dns") or name == "dns_request":
        found = args.get("dns_questions") or dig(args.get("proto_dns"), "questions")
        asked = (
            [text(dig(q, "query")) or text(dig(q, "name")) for q in found]
            if isinstance(found, list)
            else []
        )
        return [
            (actor, "resolve", Thing("domain", one.lower().rstrip("."))) for one in asked if one
        ]
    if name in _INJECTS or name in ("kill", "security_task_kill"):
        pid = number(args.get("pid")) or number(args.get("dst_pid"))
        if pid is None or pid <= 0:
            return []
        action = "inject" if name in _INJECTS else "signal"
        return [(actor, action, Thing("process", f"pid:{pid}:", UNNAMED))]
    if name in _OPENS:
        told.rule = "opened; reads and writes say what flowed"
        return []
    done = _FILES.get(name)
    if done is None:
        return []
    if path is None:
        told.rule = "an end of its edge is not named"
        return []
    file = Thing("file", path)
    return [(file, done, actor) if done in ("read", "load", "exec") else (actor, done, file)]


def _exec(
    name: str, args: dict[str, Any], actor: Thing, record: dict[str, Any], told: Told
) -> list[Edge]:
    if name != "sched_process_exec":
        told.rule = "told by sched_process_exec"
        return []
    path = str(told.fields["file_path"])
    argv = args.get("argv")
    command = " ".join(map(str, argv)) if isinstance(argv, list) else None
    told.fields |= {"exe": path, "command_line": command}
    actor = actor._replace(label=path, detail=command)
    parent = number(record.get("hostParentProcessId"))
    own = text(record.get("parentEntityId"))
    before = text(args.get("prev_comm"))
    edges: list[Edge] = [(Thing("file", path), "exec", actor)]
    if own or parent is not None:
        key = own if own and own != "0" else f"pid:{parent}:"
        edges.append((Thing("process", key, UNNAMED), "launch", actor))
        told.fields["parent_guid"] = own
    told.fields["parent_exe"] = before
    return edges


def _end(address: Any) -> str | None:
    """Return an end of a connection as claims tell it."""
    return end(
        dig(address, "sin_addr") or dig(address, "sin6_addr"),
        dig(address, "sin_port") or dig(address, "sin6_port"),
    )


def _network(name: str, args: dict[str, Any], actor: Thing, told: Told) -> list[Edge]:
    action = _SOCKETS[name]
    found: Any = next((args[name] for name in _ADDRESSES if args.get(name)), {})
    address = dig(found, "sin_addr") or dig(found, "sin6_addr") or args.get("dst")
    port = dig(found, "sin_port") or dig(found, "sin6_port") or args.get("dst_port")
    far = socket(address, port, told.host or "unknown")
    if far is None or far.type != "socket":
        path = text(dig(found, "sun_path"))
        if path is None:
            return []
        far = Thing("socket", f"{told.host or 'unknown'}|{path}", path)
    elif action == "bind" or found is args.get("local_addr"):
        far = local(far, told.host or "unknown")
    elif action == "accept" and args.get("local_addr"):
        told.claims = [
            *told.claims,
            *connection("accept", far, *map(_end, (found, args["local_addr"]))),
        ]
    told.fields |= {"dst_ip": text(address), "dst_port": number(port)}
    return [(far, action, actor) if action in ("accept", "receive") else (actor, action, far)]


def sniff(head: bytes) -> float:
    """Return how sure it is that these are Tracee's events."""
    if head.lstrip(b"\xef\xbb\xbf \t\r\n[,")[:1] != b"{":
        return 0.0
    named = b'"hostProcessId"' in head and b'"threadStartTime"' in head
    return 0.97 if named and _NAME.search(head) else 0.0


parser = Parser(
    name="tracee",
    about="Tracee's events of the Linux kernel as JSON",
    yields="process, file, socket, domain: launch, fork, exec, load, read, write, create, "
    "delete, rename, link, chmod, connect, accept, send, receive, bind, resolve, "
    "inject, signal, change",
    sniff=sniff,
    decoder=stateless(read),
    mapping=MAPPING,
    ignore=IGNORE,
    reject=REJECT,
)
