"""Processes and their objects as kernel audit tells of them, and what each kind of event adds.

Shared by the formats of DARPA's Transparent Computing: CDM and CADETS. Kinds are CDM's event types
without EVENT_. A process that runs another program is a new instance, as in the other parsers.
"""

from typing import Any

from graphad.decoders.told import UNNAMED, Edge, Thing, forget, socket, trimmed

_READS = {"READ", "READ_SOCKET_PARAMS", "RECVFROM", "RECVMSG", "RECV"}
_WRITES = {"WRITE", "WRITE_SOCKET_PARAMS", "SENDTO", "SENDMSG", "SEND", "TRUNCATE", "UPDATE"}
_ATTRIBUTES = {"MODIFY_FILE_ATTRIBUTES"}
_IMAGES = {"LOADLIBRARY", "INIT_MODULE", "FINIT_MODULE"}
RULES = {
    "opened; reads and writes say what flowed": ("OPEN",),
    "descriptor or position only": ("CLOSE", "DUP", "LSEEK", "FCNTL", "FNCTL"),
    "memory of a process": ("MPROTECT", "SHM", "UNIT"),
    "process ended or waited": ("EXIT", "WAIT"),
    "process's own attributes": (
        "MODIFY_PROCESS", "CHANGE_PRINCIPAL", "LOGIN", "LOGOUT", "LOGCLEAR",
    ),
    "attributes asked for": ("CHECK_FILE_ATTRIBUTES", "ADD_OBJECT_ATTRIBUTE", "CORRELATION"),
    "no relation in this event type": (
        "OTHER", "KERNEL_UNKNOWN", "UNKNOWN", "BLIND", "BOOT", "MOUNT", "UMOUNT", "FLOWS_TO",
        "TEE", "SPLICE", "VMSPLICE", "STARTSERVICE", "SERVICEINSTALL", "HTTP",
    ),
}  # fmt: skip
_RULE_OF = {kind: rule for rule, kinds in RULES.items() for kind in kinds}
NO_END = "an end of its edge is not known"


class Kernel:
    """What is remembered of one source: its processes and objects, by their ids."""

    def __init__(self) -> None:
        # label, command, programs run since, who forked it and what as, received, seen in an edge
        self.processes: dict[str, list[Any]] = {}
        self.objects: dict[str, list[str]] = {}  # type, key, label

    def process(self, uid: str, label: str | None = None, command: str | None = None) -> Thing:
        """Return the process of an id as it is now, and learn what it is called."""
        found = self.processes.get(uid)
        if found is None:
            found = self.processes[uid] = [label or UNNAMED, command, 0, None, False, False]
            forget(self.processes)
        elif found[0] == UNNAMED and label:
            found[0] = label
        if command and found[1] is None and not found[2]:
            found[1] = command
        return _as_it_is(uid, found)

    def learn(self, uid: str, type_: str, key: str | None = None, label: str | None = None) -> None:
        """Remember an object, or its name if it had none yet."""
        known = self.objects.get(uid)
        if known is None:
            self.objects[uid] = [type_, key or uid, label or UNNAMED]
            forget(self.objects)
        elif label and (known[2] == UNNAMED or type_ == "socket"):
            known[:] = [type_, key or uid, label]

    def learn_socket(self, uid: str, address: object, port: object, host: str | None) -> None:
        """Remember a socket by the address at its far end; without one by its id."""
        end = socket(address, port, host)
        if end is not None and end.type == "socket":
            self.learn(uid, "socket", end.key, end.label or end.key)
        elif uid not in self.objects:
            self.learn(uid, "socket", f"{host or 'unknown'}|{uid}")

    def thing(self, uid: str | None, path: str | None) -> Thing | None:
        """Return the object or process of an id; a path without one is a file."""
        if uid is None:
            return Thing("file", path) if path else None
        if uid in self.processes:
            return self.process(uid)
        if path and self.objects.get(uid, ["file"])[0] == "file":
            self.learn(uid, "file", None, path)
        known = self.objects.get(uid)
        return Thing(known[0], known[1], known[2]) if known else Thing("file", uid, UNNAMED)

    def acted_on(self, uid: str | None) -> Thing | None:
        """Return the process of an id that a signal went to, None if it is no process's."""
        return None if uid is None or uid in self.objects else self.process(uid)

    def fork(self, parent: str, child: str) -> list[Edge]:
        """Return the edge of a fork; the child is what its parent is until it runs a program."""
        before = self.process(parent)
        of_parent = self.processes[parent]
        known = self.processes.get(child)
        if known is None or known[0] == UNNAMED:
            self.processes[child] = [*of_parent[:2], 0, list(before), False, False]
        elif known[3] is None and not known[2]:
            known[3] = list(before)
        self.processes[child][5] = of_parent[5] = True
        return [(before, "fork", self.process(child))]

    def descends(self, child: str, parent: str) -> None:
        """Learn which process forked another one, where no event tells."""
        self.process(child)
        known = self.processes[child]
        if known[3] is None and not known[2] and child != parent:
            known[3] = list(self.process(parent))

    def run(
        self, uid: str, program: Thing, command: str | None, loader: Thing | None
    ) -> list[Edge]:
        """Return the edges of running a program: a new instance of the process."""
        before = self.process(uid)
        found = self.processes[uid]
        _, _, execs, parent, received, seen = found
        label = program.label or program.key
        found[:] = [label, command, execs + 1, None, False, True]
        after = _as_it_is(uid, found)
        edges = [(program, "exec", after)]
        if parent is not None:
            edges.append((Thing(*parent), "launch", after))
        if (parent is None and seen) or received:
            edges.append((before, "exec", after))
        if loader is not None:
            edges.append((loader, "load", after))
        return edges

    def event(
        self, kind: str, subject: str, first: Thing | None, second: Thing | None = None,
        mapped: str | None = None,
    ) -> list[Edge] | str:  # fmt: skip
        """Return the edges of an event of a process other than fork and exec, or why it has none.

        `mapped` names the protection of a file's mapping, None if it is not told.
        """
        if kind in _RULE_OF:
            return _RULE_OF[kind]
        actor = self.process(subject)
        edges: list[Edge]
        if first is None:
            return NO_END
        if kind in _READS:
            action = "receive" if first.type in ("socket", "address") else "read"
            edges = [(first, action, actor)]
        elif kind in _WRITES:
            action = "send" if first.type in ("socket", "address") else "write"
            edges = [(actor, action, first)]
        elif kind == "MMAP" or kind in _IMAGES:
            if mapped is not None and "EXEC" not in mapped and "READ" not in mapped:
                return _RULE_OF["MPROTECT"]
            load = kind != "MMAP" or (mapped is not None and "EXEC" in mapped)
            edges = [(first, "load" if load else "read", actor)]
        elif kind in ("CONNECT", "BIND"):
            edges = [(actor, kind.lower(), first)]
        elif kind == "ACCEPT":
            edges = [(second if second and second.label != UNNAMED else first, "accept", actor)]
        elif kind == "CREATE_OBJECT":
            if first.type not in ("file", "registry"):
                return "pipe or socket made; reads and writes say what flowed"
            edges = [(actor, "create", first)]
        elif kind == "UNLINK":
            edges = [(actor, "delete", first)]
        elif kind in _ATTRIBUTES:
            edges = [(actor, "chmod", first)]
        elif kind in ("RENAME", "LINK"):
            if second is None:
                return NO_END
            action = kind.lower()
            edges = [
                (first, action, second),
                (actor, "rename" if action == "rename" else "create", second),
            ]
        elif kind in ("SIGNAL", "INJECT"):
            edges = [(actor, kind.lower(), first)]
        else:
            return "no relation in this event type"
        if first.type == "process" and kind not in ("SIGNAL", "INJECT"):
            return NO_END
        known = self.processes[subject]
        known[5] = True
        known[4] = known[4] or (edges[0][1] in ("read", "receive", "accept"))
        return edges

    def state(self) -> list[Any]:
        """Return all it remembers."""
        return [trimmed(self.processes), trimmed(self.objects)]

    def restore(self, state: Any) -> None:
        """Remember that."""
        processes, objects = state
        if any(len(one) != 6 for one in processes.values()) or any(
            len(one) != 3 for one in objects.values()
        ):
            raise ValueError("no state of kernel audit")
        self.processes, self.objects = processes, objects


def _as_it_is(uid: str, known: list[Any]) -> Thing:
    key = f"{uid}:{known[2]}" if known[2] else uid
    return Thing("process", key, known[0], known[1])
