"""osquery's results, as JSON: rows of a query that were added or removed, or all of them.

Which table a query asked is told from the names of its columns, for a query may be called anything.
Of tables of what is, a row that was added counts: what a scheduled query sees is what happened
since it ran the last time. A process is its id and when it began, if that is told.

Source: osquery's schema and its logging documentation.
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
    micros,
    number,
    socket,
    text,
)  # fmt: skip
from graphad.decoders.told_claims import Claim, addresses, connection, end, lived
from graphad.decoders.told_decode import stateless
from graphad.parse import Parser

_INVENTORY = "inventory: no relation in this table"
_NO_END = "an end of its edge is not named"
_CALLS = {
    "connect": "connect", "bind": "bind", "accept": "accept", "accept4": "accept", "listen": "bind",
}  # fmt: skip
_DONE = {
    "write": "write", "unlink": "delete", "create": "create", "truncate": "write",
    "rename": "rename", "link": "link", "chmod": "chmod", "setattrlist": "chmod",
}  # fmt: skip
_NAMES = re.compile(rb'"(?:columns|snapshot|diffResults)"\s*:')


def read(record: Any) -> Told:
    """Return what a record says."""
    when = micros(record.get("unixTime"), 1)
    host = text(record.get("hostIdentifier")) or text(dig(record, "decorations", "hostname"))
    query = text(record.get("name"))
    if query is None:
        return Told(reason="no name of a query")
    told = Told(when, host, fields={"channel": query, "action": text(record.get("action"))})
    rows = _rows(record)
    if rows is None:
        told.rule = "removed, or no rows"
        return told
    edges: list[Edge] = []
    times: list[int | None] = []
    rule = _INVENTORY
    claims: list[Claim] = []
    for row in rows:
        claims += _claims(row, host, len(rows) == 1)
        found = _edges(row, told.host or "unknown")
        if isinstance(found, str):
            rule = found
            continue
        at = micros(row.get("time"), 1) if "time" in row else None
        edges += found
        times += [at or when] * len(found)
        if len(rows) == 1:
            told.ts = at or when
            told.fields |= _fields(row)
    told.edges, told.times, told.rule, told.claims = edges, times, rule, claims
    return told


def _rows(record: dict[str, Any]) -> list[dict[str, Any]] | None:
    """Return the rows that are there, or were added."""
    if record.get("action") == "removed":
        return None
    columns = record.get("columns")
    found = [columns] if type(columns) is dict else record.get("snapshot")
    if found is None:
        found = dig(record, "diffResults", "added")
    rows = [row for row in found if type(row) is dict] if isinstance(found, list) else []
    return rows or None


def _fields(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "pid": number(row.get("pid")), "exe": text(row.get("path")),
        "command_line": text(row.get("cmdline")), "parent_pid": number(row.get("parent")),
        "user": text(row.get("username")) or text(row.get("user")), "cwd": text(row.get("cwd")),
        "user_sid": text(row.get("uid")), "dst_ip": text(row.get("remote_address")),
        "dst_port": number(row.get("remote_port")), "src_ip": text(row.get("host")),
    }  # fmt: skip


def _process(pid: object, label: str | None, row: dict[str, Any], own: bool) -> Thing | None:
    found = number(pid)
    if found is None or found <= 0:
        return None
    born = number(row.get("start_time")) if own else None
    key = f"{found}@{born}" if born is not None and born > 0 else f"pid:{found}"
    return Thing("process", key, label or UNNAMED, text(row.get("cmdline")) if own else None)


def _edges(row: dict[str, Any], host: str) -> list[Edge] | str:
    """Return the edges of a row, or why it has none."""
    exe = text(row.get("path")) or text(row.get("executable")) or text(row.get("name"))
    if {"remote_address", "remote_port"} <= row.keys():
        return _socket(row, exe, host)
    if "target_path" in row and "action" in row:
        return "file changed by no named process"
    if {"operation", "path"} <= row.keys() and ("executable" in row or "dest_path" in row):
        return _file(row)
    if {"pid", "parent"} <= row.keys() and ("cmdline" in row or "path" in row):
        actor = _process(row["pid"], exe, row, True)
        parent = _process(row["parent"], text(row.get("parent_path")) or _program(row), row, False)
        if actor is None or parent is None:
            return _NO_END
        edges: list[Edge] = [(parent, "launch", actor)]
        path = text(row.get("path"))
        return [*edges, (Thing("file", path), "exec", actor)] if path else edges
    if ("username" in row and "type_name" in row) or {"user", "tty", "host"} <= row.keys():
        return _logon(row, host)
    if {"port", "address", "pid"} <= row.keys():
        actor, near = _process(row["pid"], exe, row, True), text(row["address"])
        port = number(row["port"])
        if actor is None or near is None or not port:
            return _NO_END
        label = f"[{near}]:{port}" if ":" in near else f"{near}:{port}"
        return [(actor, "bind", Thing("socket", f"{host}|{label}", label))]
    return "command that was typed, by no named process" if "history_file" in row else _INVENTORY


def _claims(row: dict[str, Any], host: str | None, alone: bool) -> list[Claim]:
    """Return what a row says of the host, of a process and of a connection.

    alone: it is the only one of its record, whose time is the row's.
    """
    if host is not None and {"interface", "address", "mask"} <= row.keys():
        return addresses(Thing("host", host.lower(), host), [row["address"]])
    exe = text(row.get("path")) or text(row.get("name"))
    pid = number(row.get("pid"))
    actor = _process(pid, exe, row, True)
    if actor is None:
        return []
    found = lived("process", actor, pid, micros(row.get("start_time"), 1))
    if not (alone and "time" in row):
        return found
    if {"parent", "cmdline"} <= row.keys() and actor.key.startswith("pid:"):
        found.append(Claim("pid birth", actor, str(pid)))
    how = _CALLS.get((text(row.get("action")) or "").lower())
    if how in ("connect", "accept"):
        far = socket(row.get("remote_address"), row.get("remote_port"), host or "unknown")
        ends = [end(row.get(f"{at}_address"), row.get(f"{at}_port")) for at in ("local", "remote")]
        near, to = ends if how == "connect" else ends[::-1]
        if far is not None and far.type == "socket":
            found += connection(how, far, near, to)
    return found


def _program(row: dict[str, Any]) -> str | None:
    """Return the parent's program, where a query joined it."""
    command = text(row.get("pcmdline")) or text(row.get("parent_cmdline"))
    return command.split()[0] if command else None


def _socket(row: dict[str, Any], exe: str | None, host: str) -> list[Edge] | str:
    actor = _process(row.get("pid"), exe, row, True)
    action = _CALLS.get((text(row.get("action")) or "connect").lower())
    side = "local" if action == "bind" else "remote"
    far = socket(row.get(f"{side}_address"), row.get(f"{side}_port"), host)
    if actor is None or far is None or far.type != "socket":
        return _NO_END
    if action is None:
        return "connection ended"
    if action == "bind":
        far = Thing("socket", f"{host}|{far.label or far.key}", far.label or far.key)
    return [(far, action, actor) if action == "accept" else (actor, action, far)]


def _file(row: dict[str, Any]) -> list[Edge] | str:
    actor = _process(row.get("pid"), text(row.get("executable")), row, True)
    path, new = text(row.get("path")), text(row.get("dest_path"))
    done = (text(row.get("operation")) or text(row.get("event_type")) or "").lower()
    action = _DONE.get(done)
    if actor is None or path is None:
        return _NO_END
    if action is None:
        return "opened; reads and writes say what flowed" if "open" in done else _INVENTORY
    if action in ("rename", "link"):
        if new is None:
            return _NO_END
        target = Thing("file", new)
        done = "rename" if action == "rename" else "create"
        return [(Thing("file", path), action, target), (actor, done, target)]
    return [(actor, action, Thing("file", path))]


def _logon(row: dict[str, Any], host: str) -> list[Edge] | str:
    if "type_name" in row and row["type_name"] != "user-process":
        return "session ended, or the host's own"
    name = text(row.get("username")) or text(row.get("user"))
    if name is None:
        return _NO_END
    user = Thing("user", f"{host}\\{name}".lower(), name)
    address = text(row.get("host"))
    edges: list[Edge] = [(user, "logon", Thing("host", host.lower(), host))]
    if address and address[:1].isdigit():
        edges.insert(0, (Thing("address", address), "logon", user))
    return edges


def sniff(head: bytes) -> float:
    """Return how sure it is that these are osquery's results."""
    if head.lstrip(b"\xef\xbb\xbf \t\r\n[,")[:1] != b"{":
        return 0.0
    named = b'"hostIdentifier"' in head and b'"unixTime"' in head
    return 0.97 if named and _NAMES.search(head) else 0.0


parser = Parser(
    name="osquery",
    about="osquery's results: events and changes of tables as JSON",
    yields="process, file, socket, address, user, host: launch, exec, write, create, delete, "
    "rename, link, chmod, connect, accept, bind, logon",
    sniff=sniff,
    decoder=stateless(read),
    mapping=MAPPING,
    ignore=IGNORE,
    reject=REJECT,
)
