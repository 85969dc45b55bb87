"""CamFlow's provenance of the Linux kernel, as PROV-JSON: a document a record.

Nodes have versions and a file has its name from a path by an edge `named`. A task is the process
whose memory it reads: a fork and a program that is run give it another one. Edges have no more than
seconds: those of one second keep their order.

Source: CamFlow's vocabulary and the W3C's PROV-JSON.
"""

from datetime import UTC, datetime
from typing import Any

from graphad.decoders.told import LAST, UNNAMED, Edge, Thing, Told, forget, socket, text, trimmed

# The ends of each kind of edge, in the direction that information flows.
ENDS = {
    "used": ("prov:entity", "prov:activity"),
    "wasGeneratedBy": ("prov:activity", "prov:entity"),
    "wasInformedBy": ("prov:informant", "prov:informed"),
    "wasDerivedFrom": ("prov:usedEntity", "prov:generatedEntity"),
    "wasInfluencedBy": ("prov:influencer", "prov:influencee"),
    "wasAssociatedWith": ("prov:agent", "prov:activity"),
}
_NODES = ("activity", "entity", "agent")
SAME = (
    "version_activity", "version_entity", "version", "named", "named_process", "mmap",
    "memory_read",
)  # fmt: skip
_MEMORY = "memory of a process"
_VERSION = "another version of the same thing"
_NO_END = "an end of its edge is not known"
_ASKED = "permission or attribute asked for"
_ENDED = "process ended"
_FILES = {"file", "mmaped_file", "directory", "link", "char", "block", "inode_unknown"}
_PROCESSES = {"task", "process_memory", "process"}
ACTIONS = {
    "read": "read",
    "read_ioctl": "read",
    "exec": "exec",
    "open": "opened; reads and writes say what flowed",
    "mmap_read": "read",
    "mmap_exec": "load",
    "mmap_write": "write",
    "load_file": "load",
    "load_module": "load",
    "write": "write",
    "write_ioctl": "write",
    "splice_in": "read",
    "splice_out": "write",
    "clone": "fork",
    "clone_mem": "fork",
    "memory_read": _MEMORY,
    "memory_write": "exec",
    "arg": "arguments of a process",
    "env": "arguments of a process",
    "log": "note of CamFlow's own",
    "inode_create": "create",
    "create": "create",
    "link": "create",
    "symlink": "create",
    "rename": "rename",
    "unlink": "delete",
    "setattr": "told by the edge to the file",
    "setattr_inode": "chmod",
    "setxattr": "told by the edge to the file",
    "setxattr_inode": "chmod",
    "connect": "connect",
    "connect_unix_stream": "connect",
    "bind": "bind",
    "accept": "accept",
    "accept_socket": "accept",
    "send": "send",
    "send_msg": "send",
    "send_unix": "send",
    "send_packet": "send",
    "receive": "receive",
    "receive_msg": "receive",
    "receive_unix": "receive",
    "receive_packet": "receive",
    "ptrace_traceme": "access",
    "ptrace_attach": "inject",
    "ptrace_read_task": "access",
    "ptrace_read_vm": "access",
    "ptrace_attach_task": "inject",
    "terminate_task": _ENDED,
    "terminate_proc": _ENDED,
    "free": _ENDED,
    "closed": "descriptor only",
    "setuid": "process's own attributes",
    "setgid": "process's own attributes",
    "setpgid": "process's own attributes",
    "perm_read": _ASKED,
    "perm_write": _ASKED,
    "perm_exec": _ASKED,
    "perm_append": _ASKED,
    "getattr": _ASKED,
    "read_link": _ASKED,
    "getxattr": _ASKED,
    "listxattr": _ASKED,
}


class CamFlow:
    """Reads documents, or single nodes and edges, and remembers the nodes."""

    def __init__(self) -> None:
        self.nodes: dict[str, list[str | None]] = {}  # type, key, label, detail
        self.changed_by: dict[str, list[str | None]] = {}  # the process that set attributes
        self.count = 0
        self.last = 0  # latest time, us

    def read(self, record: Any) -> Told:
        """Return what a document says."""
        if not any(key in record for key in (*_NODES, *ENDS, "prefix")):
            return Told(reason="no PROV document")
        for kind in _NODES:
            some = record.get(kind)
            for own, said in some.items() if type(some) is dict else ():
                self.vertex(own, kind, said if type(said) is dict else {})
        told = Told(rule="describes nodes; edges use them")
        edges: list[Edge] = []
        times: list[int | None] = []
        for kind in ENDS:
            some = record.get(kind)
            for said in some.values() if type(some) is dict else ():
                if type(said) is not dict:
                    continue
                source, target = (text(said.get(name)) for name in ENDS[kind])
                if source is None or target is None:
                    told.rule = _NO_END
                    continue
                one = self._flow(source, target, said)
                edges += one.edges
                times += [one.ts] * len(one.edges)
                told.ts, told.rule = told.ts or one.ts, one.rule
                told.host = told.host or _host(said)
        told.edges, told.times = edges, times
        return told

    def vertex(self, own: str, kind: str, said: dict[str, Any]) -> Told:
        """Learn a node."""
        self.count += 1
        known = self.nodes.get(own)
        if known is None:
            self.nodes[own] = list(_thing(own, kind, said))
            forget(self.nodes, self.changed_by)
        return Told(rule="describes nodes; edges use them")

    def edge(self, start: str, end: str, kind: str, said: dict[str, Any]) -> Told:
        """Return what an edge says; `start` depends on `end`."""
        return self._flow(end, start, said)

    def _flow(self, source: str, target: str, said: dict[str, Any]) -> Told:
        self.count += 1
        name = text(said.get("prov:type")) or text(said.get("prov:label")) or ""
        name = name.removeprefix("relation:").lower()
        told = Told(self._time(said), _host(said), fields={"action": name})
        first = self.nodes.setdefault(source, ["unknown", source, UNNAMED, None])
        second = self.nodes.setdefault(target, ["unknown", target, UNNAMED, None])
        if name in SAME:
            told.rule = self._same(name, first, second, target)
            return told
        if name in ("setattr", "setxattr") and first[0] == "process":
            self.changed_by[target] = first
        action = ACTIONS.get(name, "no relation in this kind of edge")
        if action == "chmod":
            first = self.changed_by.get(source, first)
        if " " in action:
            told.rule = action
            return told
        a, b = Thing(*map(_said, first)), Thing(*map(_said, second))
        wrong = {"unknown", "memory", "path", "agent", "other"} & {a.type, b.type}
        if wrong or (a.type, a.key) == (b.type, b.key):
            told.rule = _NO_END if wrong else _VERSION
            return told
        if "process" not in (a.type, b.type):
            action = "link" if action == "create" else action
            if action not in ("link", "rename"):
                told.rule = _NO_END
                return told
        told.edges = [(a, action, b)]
        return told

    def _same(
        self, name: str, first: list[str | None], second: list[str | None], target: str
    ) -> str:
        """Give a node its name, or a version the identity of the one before."""
        if name.startswith("named"):
            label = first[2]
            if label and label != UNNAMED:
                second[2] = label
            return "names a file or process"
        if second[0] in (first[0], "unknown"):
            self.nodes[target] = first
        return _MEMORY if name == "memory_read" else _VERSION

    def _time(self, said: dict[str, Any]) -> int:
        found = text(said.get("cf:date"))
        moment = 0
        try:
            if found is not None:
                when = datetime.strptime(found[:19], "%Y:%m:%dT%H:%M:%S").replace(tzinfo=UTC)
                moment = int(when.timestamp()) * 1_000_000
        except ValueError:
            moment = 0
        if not 0 < moment <= LAST:
            moment = max(self.last, self.count * 1000)
        self.last = moment
        return moment

    def state(self) -> Any:
        """Return all it remembers; nodes that are one stay one."""
        rows: list[list[str | None]] = []
        place: dict[int, int] = {}
        held: dict[str, dict[str, int]] = {}
        for name, some in (("nodes", trimmed(self.nodes)), ("changed", self.changed_by)):
            held[name] = {}
            for own, node in some.items():
                if id(node) not in place:
                    place[id(node)] = len(rows)
                    rows.append(node)
                held[name][own] = place[id(node)]
        return [rows, held["nodes"], held["changed"], self.count, self.last]

    def restore(self, state: Any) -> None:
        """Remember that."""
        rows, nodes, changed, self.count, self.last = state
        if any(len(row) != 4 for row in rows) or type(self.count) is not int:
            raise ValueError("no state of CamFlow")
        self.nodes = {own: rows[n] for own, n in nodes.items()}
        self.changed_by = {own: rows[n] for own, n in changed.items()}


def _said(value: str | None) -> Any:
    return value


def _host(said: dict[str, Any]) -> str | None:
    found = text(said.get("cf:machine_id"))
    return f"machine {found.removeprefix('cf:')}" if found else None


def _thing(own: str, kind: str, said: dict[str, Any]) -> Thing:
    said = {key: value for key, value in said.items() if value != "?"}  # ProvMark masks with it
    type_ = (text(said.get("prov:type")) or kind).removeprefix("node:").lower()
    label = text(said.get("prov:label")) or ""
    name = label.partition("] ")[2] or None
    if type_ in _PROCESSES or (kind == "activity" and type_ == "activity"):
        known = text(said.get("cf:id"))
        boot = text(said.get("cf:boot_id")) or "0"
        shown = name if name and not name.isdecimal() else UNNAMED
        return Thing("process", f"{type_}:{boot}:{known}" if known else own, shown)
    if type_ == "path":
        return Thing("path", own, text(said.get("cf:pathname")) or name or UNNAMED)
    if type_ in ("address", "socket", "packet"):
        address = text(said.get("cf:address")) or ""
        host, _, port = address.rpartition(":") if ":" in address else address.rpartition("/")
        return socket(host.strip("[]"), port) or Thing(
            "socket", text(said.get("cf:uuid")) or own, UNNAMED
        )
    if type_ in ("pipe", "fifo"):
        return Thing("pipe", text(said.get("cf:uuid")) or own, UNNAMED)
    if type_ in _FILES:
        return Thing("file", text(said.get("cf:uuid")) or own, UNNAMED)
    return Thing("agent" if kind == "agent" else "other", own, UNNAMED)
