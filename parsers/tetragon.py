"""Tetragon's events of processes, as JSON: a record says which process, its parent, and a call.

A process is its exec_id: who runs another program is another one.

Source: Tetragon's protocol buffers (api/v1/tetragon).
"""

import re
from functools import lru_cache
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
    number,
    socket,
    stamp,
    text,
)  # fmt: skip
from graphad.decoders.told_claims import Claim, connection, end, lived
from graphad.decoders.told_decode import stateless
from graphad.parse import Parser

_KIND = re.compile(
    rb'"process_(?:exec|exit|kprobe|tracepoint|connect|listen|accept|close|lsm|uprobe|loader'
    rb'|dns)"\s*:'
)
_UNTOLD = {
    "process_exit": "process ended", "process_close": "connection ended",
    "process_throttle": "Tetragon's own state", "process_tracepoint": "no relation in this kind",
}  # fmt: skip
# What a kernel function does, by a part of its name; the first that fits.
_FUNCTIONS = (
    ("connect", "connect"), ("accept", "accept"), ("bind", "bind"), ("listen", "bind"),
    ("sendmsg", "send"), ("recvmsg", "receive"), ("unlink", "delete"), ("rmdir", "delete"),
    ("rename", "rename"), ("symlink", "link"), ("link", "link"), ("truncate", "write"),
    ("chmod", "chmod"), ("chown", "chmod"), ("setattr", "chmod"), ("mknod", "create"),
    ("mkdir", "create"), ("creat", "create"), ("init_module", "load"), ("mmap", "load"),
    ("bprm", "exec"), ("write", "write"), ("read", "read"), ("ptrace", "inject"),
    ("kill", "signal"),
)  # fmt: skip
_MAY_WRITE = 2
_PATHS = ("file_arg", "path_arg", "linux_binprm_arg")


@lru_cache(maxsize=1 << 10)
def _action(function: str) -> str | None:
    """Return what a kernel function of this name does, None if it moves nothing."""
    return next((action for part, action in _FUNCTIONS if part in function), None)


def read(record: Any) -> Told:
    """Return what a record says."""
    kind = next((key for key in record if key.startswith("process_")), None)
    body = record.get(kind) if kind else None
    if kind is None or type(body) is not dict:
        rule = "rate limits and tests of Tetragon's own" if "time" in record else None
        return Told(rule=rule, reason="no event of a process")
    host = text(record.get("node_name"))
    told = Told(stamp(record.get("time")), host, fields={"action": kind})
    actor = _process(body.get("process"), told.fields)
    if actor is None:
        told.reason = "no process"
        return told
    told.rule = _UNTOLD.get(kind, "an end of its edge is not named")
    told.claims = _claims(kind, body, actor)
    if kind == "process_exec":
        told.ts = told.ts or stamp(dig(body, "process", "start_time"))
        told.edges = _exec(body, actor, told.fields)
    elif kind == "process_loader":
        path = text(body.get("path"))
        told.edges = [(Thing("file", path), "load", actor)] if path else ()
    elif kind == "process_dns":
        names = body.get("names") or dig(body, "dns", "names")
        told.edges = [
            (actor, "resolve", Thing("domain", name.lower().rstrip(".")))
            for name in names if isinstance(name, str) and name.strip(".")
        ] if isinstance(names, list) else ()  # fmt: skip
    elif kind in ("process_connect", "process_accept", "process_listen"):
        told.edges = _network(kind, body, actor, told)
    elif kind in ("process_kprobe", "process_lsm", "process_uprobe", "process_tracepoint"):
        name = text(body.get("function_name")) or text(body.get("event")) or ""
        told.fields["syscall"] = name
        told.edges = _call(name, body.get("args"), actor, told)
    return told


def _claims(kind: str, body: dict[str, Any], actor: Thing) -> list[Claim]:
    """Return what an event says of its processes: their ids, and that one began or ended."""
    said = body["process"]
    pid = number(said.get("pid"))
    found = lived("process", actor, pid, _start(said.get("start_time")))
    # What already ran when Tetragon started began earlier.
    if kind == "process_exec" and "procFS" not in (text(said.get("flags")) or ""):
        found += lived("birth", actor, pid)
    if kind == "process_exit":
        found += lived("death", actor, pid)
    if kind == "process_exec":  # what its parent did in other events, those say
        parent = body.get("parent")
        born = _start(dig(parent, "start_time"))
        found += lived("process", _process(parent), number(dig(parent, "pid")), born)
    return found


_stamp = lru_cache(maxsize=1 << 12)(stamp)


def _start(said: object) -> int | None:
    return _stamp(said) if isinstance(said, str) and len(said) <= 40 else None


def _process(said: Any, fields: dict[str, Any] | None = None) -> Thing | None:
    own = text(said.get("exec_id")) if type(said) is dict else None
    if own is None:
        return None
    binary = text(said.get("binary")) or UNNAMED
    arguments = text(said.get("arguments"))
    command = f"{binary} {arguments}" if arguments else binary
    if fields is not None:
        fields |= {
            "process_guid": own, "pid": number(said.get("pid")), "exe": binary,
            "command_line": command, "cwd": text(said.get("cwd")),
            "user_sid": text(said.get("uid")),
        }  # fmt: skip
    return Thing("process", own, binary, command)


def _exec(body: dict[str, Any], actor: Thing, fields: dict[str, Any]) -> list[Edge]:
    edges: list[Edge] = []
    parent = _process(body.get("parent"))
    own = text(dig(body, "process", "parent_exec_id"))
    if parent is None and own:
        parent = Thing("process", own, UNNAMED)
    if parent is not None:
        fields |= {"parent_guid": parent.key, "parent_exe": parent.label}
        edges.append((parent, "launch", actor))
    if actor.label and actor.label != UNNAMED:
        edges.append((Thing("file", actor.label), "exec", actor))
    return edges


def _network(kind: str, body: dict[str, Any], actor: Thing, told: Told) -> list[Edge]:
    if kind == "process_listen":
        near = socket(body.get("ip"), body.get("port"), told.host or "unknown")
        if near is None or near.type != "socket":
            return []
        local = near.label or near.key
        return [(actor, "bind", Thing("socket", f"{told.host or 'unknown'}|{local}", local))]
    told.fields |= {
        "src_ip": text(body.get("source_ip")), "src_port": number(body.get("source_port")),
        "dst_ip": text(body.get("destination_ip")),
        "dst_port": number(body.get("destination_port")), "protocol": text(body.get("protocol")),
    }  # fmt: skip
    side = "destination" if kind == "process_connect" else "source"
    far = socket(body.get(f"{side}_ip"), body.get(f"{side}_port"), told.host or "unknown")
    if far is None or far.type != "socket":
        return []
    if kind == "process_connect":
        ends = (
            end(body.get(f"{at}_ip"), body.get(f"{at}_port")) for at in ("source", "destination")
        )
        told.claims = [*told.claims, *connection("connect", far, *ends)]
        return [(actor, "connect", far)]
    return [(far, "accept", actor)]


def _call(name: str, args: Any, actor: Thing, told: Told) -> list[Edge]:
    paths, sock, packet, numbers = list[str](), None, None, list[int]()
    other: Thing | None = None
    for arg in args if isinstance(args, list) else ():
        if type(arg) is not dict:
            continue
        for holder in _PATHS:
            found = text(dig(arg[holder], "path")) if holder in arg else None
            if found:
                paths.append("/" + found.lstrip("/"))
        found = text(arg.get("string_arg"))
        if found and found.startswith("/"):
            paths.append("/" + found.lstrip("/"))
        packet = packet or arg.get("skb_arg")
        sock = arg.get("sock_arg") or sock
        value = number(arg.get("int_arg"))
        numbers += [value] if value is not None else []
        other = other or _process(arg.get("process_arg"))
    action = _action(name)
    if "file_permission" in name or "path_truncate" in name or name == "fd_install":
        mask = numbers[-1] if numbers and "permission" in name else 0
        action = "write" if mask & _MAY_WRITE or "truncate" in name else "read"
        if name == "fd_install":
            told.rule = "opened; reads and writes say what flowed"
            return []
    if action in ("connect", "accept", "send", "receive", "bind"):
        into = action in ("accept", "receive")
        # A packet that comes in is from its source; a socket names its own end so, either way.
        near, away = "ds" if sock is None and into else "sd"
        sock = packet if sock is None else sock
        listens = into and dig(sock, f"{away}port") in (None, 0)  # of the other end nothing is told
        side, host = near if listens or action == "bind" else away, told.host or "unknown"
        far = socket(dig(sock, f"{side}addr"), dig(sock, f"{side}port"), host)
        if far is None or far.type != "socket":
            return []
        if side == near:  # of the host's own end nothing tells which host but the host
            far = local(far, host)
        told.fields |= {"dst_ip": text(dig(sock, "daddr")), "dst_port": number(dig(sock, "dport"))}
        if action in ("connect", "accept") and side == away:
            ends = (end(dig(sock, f"{at}addr"), dig(sock, f"{at}port")) for at in (near, away))
            opened, taken = ends if action == "connect" else reversed(tuple(ends))
            told.claims = [*told.claims, *connection(action, far, opened, taken)]
        return [(far, action, actor) if into else (actor, action, far)]
    if action in ("signal", "inject"):
        return [(actor, action, other)] if other is not None else []
    if action is None or not paths:
        told.rule = "an end of its edge is not named" if action else "no relation in this function"
        return []
    told.fields["file_path"] = paths[0]
    file = Thing("file", paths[0])
    if action in ("rename", "link"):
        if len(paths) < 2:
            return []
        told.fields["new_path"] = paths[1]
        new = Thing("file", paths[1])
        return [(file, action, new), (actor, "rename" if action == "rename" else "create", new)]
    if action in ("read", "load", "exec"):
        return [(file, action, actor)]
    return [(actor, action, file)]


def sniff(head: bytes) -> float:
    """Return how sure it is that these are Tetragon's events."""
    if head.lstrip(b"\xef\xbb\xbf \t\r\n[,")[:1] != b"{":
        return 0.0
    named = b'"exec_id"' in head and b'"binary"' in head
    return 0.97 if named and _KIND.search(head) else 0.0


parser = Parser(
    name="tetragon",
    about="Tetragon's process events of the Linux kernel as JSON",
    yields="process, file, socket, domain: launch, exec, load, read, write, create, delete, "
    "rename, link, chmod, connect, accept, send, receive, bind, resolve, inject, "
    "signal",
    sniff=sniff,
    decoder=stateless(read),
    mapping=MAPPING,
    ignore=IGNORE,
    reject=REJECT,
)
