"""SPADE's provenance graphs: vertices and edges of the Open Provenance Model, in any of its forms.

An edge points from what depends to what it depends on, so information flows against it; of an
operation that SPADE writes as several edges one gives ours. Where no edge has a time yet, the order
stands for it: element n is n milliseconds after 1970 began.

Source: the reporters and storages of SPADE 2 and 3.
"""

from typing import Any

from graphad.decoders.told import UNNAMED, Edge, Thing, Told, forget, micros, socket, text, trimmed

_VERTEX = "describes a vertex; edges use it"
_OPENED = "opened; reads and writes say what flowed"
_VERSION = "another version of the same thing"
_OWN = "process's own attributes"
_MEMORY = "memory of a process"
_PERSON = "account a process acts for"
_NO_END = "an end of its edge is not known"
# By type of edge, in capitals without underscores: what an operation gives, or why nothing. Of
# "rename (write)" the part before the brackets counts, unless the whole is there.
USED = {
    "load": "load",
    "mmap (exec)": "load",
    "accept": "accept",
    "open": _OPENED,
    "close": "descriptor only",
    "rename": "told by the edge between the files",
    "link": "told by the edge between the files",
    "mprotect": _MEMORY,
    "execve": "exec",
    "exec": "exec",
    "init_module": "load",
    "finit_module": "load",
}
GENERATED = {
    "connect": "connect",
    "bind": "bind",
    "create": "create",
    "open": _OPENED,
    "close": "descriptor only",
    "chmod": "chmod",
    "chown": "chmod",
    "setattr": "chmod",
    "unlink": "delete",
    "rename": "rename",
    "link": "create",
    "symlink": "create",
    "mknod": "create",
    "mkdir": "create",
    "mprotect": _MEMORY,
    "madvise": _MEMORY,
}
TRIGGERED = {
    "fork": "fork",
    "vfork": "fork",
    "clone": "fork",
    "execve": "exec",
    "exec": "exec",
    "kill": "signal",
    "ptrace": "inject",
    "unit": "part of a process",
    "exit": "process ended",
    "update": _OWN,
    "setuid": _OWN,
    "setgid": _OWN,
    "setns": _OWN,
    "unshare": _OWN,
    "setreuid": _OWN,
    "setregid": _OWN,
    "setresuid": _OWN,
    "setresgid": _OWN,
}
DERIVED = {
    "rename": "rename",
    "link": "link",
    "symlink": "link",
    "update": _VERSION,
    "mmap": _MEMORY,
    "tee": "told by the edges of the process",
    "splice": "told by the edges of the process",
    "vmsplice": "told by the edges of the process",
    "dup": "descriptor only",
}
_PROCESSES = ("process", "activity")


def operation(table: dict[str, str], name: str, other: str) -> str:
    """Return what an operation gives: an action, or a rule if it has a space."""
    return table.get(name) or table.get(name.partition(" (")[0]) or other


class Spade:
    """Reads vertices and edges and remembers the vertices."""

    def __init__(self) -> None:
        self.vertices: dict[str, list[str | None]] = {}  # type, key, label, detail
        self.count = 0
        self.last = 0  # latest time, us

    def either(
        self, start: str | None, end: str | None, own: str | None, type_: str | None,
        said: dict[str, Any],
    ) -> Told:  # fmt: skip
        """Return what a record says that is an edge if it names both ends, else a vertex."""
        if type_ is None:
            return Told(reason="no type")
        if start is not None and end is not None:
            return self.edge(start, end, type_, said)
        if own is None:
            return Told(reason="neither a vertex nor an edge")
        return self.vertex(own, type_, said)

    def vertex(self, own: str, type_: str, said: dict[str, Any]) -> Told:
        """Learn a vertex."""
        self.count += 1
        self.vertices[own] = list(_thing(own, type_, said))
        forget(self.vertices)
        return Told(rule=_VERTEX, fields={"object_type": text(said.get("subtype")) or type_})

    def edge(self, start: str, end: str, type_: str, said: dict[str, Any]) -> Told:
        """Return what an edge says; `start` depends on `end`."""
        self.count += 1
        name = (text(said.get("operation")) or text(said.get("cdm.type")) or "").lower()
        told = Told(self._time(said), text(said.get("host")), fields={"action": name or type_})
        kind = type_.lower().replace("_", "")
        process_first = kind not in ("wasgeneratedby", "wasderivedfrom")
        first = self._end(start, "process" if process_first else "file")
        second = self._end(end, "file" if kind in ("used", "wasderivedfrom") else "process")
        if "agent" in (first.type, second.type) or kind in ("wascontrolledby", "wasassociatedwith"):
            told.rule = _PERSON
        elif "memory" in (first.type, second.type):
            told.rule = _MEMORY
        else:
            found = _edge(kind, name, first, second)
            if isinstance(found, str):
                told.rule = found
            else:
                told.edges = [found]
                actor = next((t for t in (found[0], found[2]) if t.type == "process"), None)
                other = next((t for t in (found[2], found[0]) if t.type == "file"), None)
                told.fields |= {
                    "process_guid": actor.key if actor else None,
                    "exe": actor.label if actor else None,
                    "file_path": other.label if other else None,
                }
        return told

    def _end(self, own: str, type_: str) -> Thing:
        known = self.vertices.get(own)
        if known is None:
            return Thing(type_, own, UNNAMED)
        kind, key, label, detail = known
        return Thing(kind or type_, key or own, label, detail)

    def _time(self, said: dict[str, Any]) -> int:
        found = said.get("time") or said.get("event time") or said.get("timestamp")
        try:
            seconds = float(found) if isinstance(found, (str, int, float)) else 0.0
        except (ValueError, OverflowError):
            seconds = 0.0
        if seconds > 1e11:  # it is milliseconds
            seconds /= 1000
        self.last = micros(seconds * 1e6) or max(self.last, self.count * 1000)
        return self.last

    def state(self) -> Any:
        """Return all it remembers."""
        return [trimmed(self.vertices), self.count, self.last]

    def restore(self, state: Any) -> None:
        """Remember that."""
        self.vertices, self.count, self.last = state
        if any(len(one) != 4 for one in self.vertices.values()) or type(self.count) is not int:
            raise ValueError("no state of SPADE")


def _thing(own: str, type_: str, said: dict[str, Any]) -> Thing:
    kind = type_.lower()
    if kind in _PROCESSES:
        name = text(said.get("exe")) or text(said.get("name")) or UNNAMED
        command = text(said.get("command line")) or text(said.get("commandline"))
        return Thing("process", own, name, None if command == "?" else command)
    if kind == "agent":
        return Thing("agent", own, text(said.get("uid")) or UNNAMED)
    subtype = (text(said.get("subtype")) or text(said.get("class")) or "file").lower()
    path = text(said.get("path"))
    path = None if path == "?" else path
    if "socket" in subtype or subtype == "network":
        address = said.get("remote address") or said.get("destination host")
        end = socket(address, said.get("remote port") or said.get("destination port"))
        if end is not None and end.type == "socket":
            return end
        return Thing("socket", own, path or UNNAMED)
    if "pipe" in subtype:
        return Thing("pipe", path or own, path or UNNAMED)
    if subtype == "memory":
        return Thing("memory", own)
    if subtype == "registry":
        return Thing("registry", path or own, path or UNNAMED)
    return Thing("file", path or own, path or UNNAMED)  # its versions are one


def _edge(kind: str, name: str, first: Thing, second: Thing) -> Edge | str:
    """Return the edge of an operation, in the direction that information flows."""
    if kind == "used" and first.type == "process":
        plain = "receive" if second.type == "socket" else "read"
        action = operation(USED, name, plain)
        ends = second, first
        if action == "exec" and second.type == "process":
            return _NO_END
    elif kind == "wasgeneratedby" and second.type == "process":
        action = operation(GENERATED, name, "send" if first.type == "socket" else "write")
        ends = second, first
    elif kind in ("wastriggeredby", "wasinformedby"):
        action = operation(TRIGGERED, name, "no relation in this operation")
        ends = second, first
    elif kind == "wasderivedfrom":
        action = operation(DERIVED, name, _VERSION)
        ends = second, first
    else:
        return _NO_END if kind in ("used", "wasgeneratedby") else "no relation in this type of edge"
    if " " in action:
        return action
    if kind in ("wastriggeredby", "wasinformedby") and {first.type, second.type} != {"process"}:
        return _NO_END
    if first.key == second.key and first.type == second.type:
        return _VERSION
    return ends[0], action, ends[1]


class SpadeJson(Spade):
    """Reads SPADE's JSON: an object a vertex or edge."""

    def read(self, record: Any) -> Told:
        """Return what a record says."""
        said = record.get("annotations")
        said = said if type(said) is dict else {}
        type_ = text(record.get("type")) or text(said.get("type"))
        start, end = text(record.get("from")), text(record.get("to"))
        own = text(record.get("id")) or text(record.get("hash"))
        return self.either(start, end, own, type_, said)
