"""DARPA Transparent Computing's Common Data Model, versions 12 to 20, as Avro's JSON writes it.

From version 14 on an Event names its subject and objects; before, SimpleEdge records join an Event
to them, and each gives the edge that it completes. Names of types may have a prefix
(`com.bbn.tc.schema.avro.cdm18.Event`), and a value of a union names its type: `{"string": "x"}`.

Source: the schemas CDM12 to CDM20 and the notes of their publishers on what they fill.
"""

from hashlib import blake2b
from typing import Any

from graphad.decoders.told import UNNAMED, Edge, Thing, Told, forget, micros, number, text
from graphad.decoders.told_claims import connection, end
from graphad.decoders.told_kernel import NO_END, Kernel

_UNION = {"string", "int", "long", "map", "array", "UUID", "bytes", "boolean", "float", "double"}
_ENTITY = "describes an entity; events use it"
_JOINED = "event that SimpleEdges join; they give its edges"
_SIDE = "joins what gives no edge"
MAX_PENDING = 1 << 16  # events that wait for their SimpleEdges
_PATHS = ("path", "filename", "name", "exec", "programName")


def plain(value: Any) -> Any:
    """Return a value without the name of its type in a union.

    >>> plain({"string": "x"}), plain({"com.bbn.tc.schema.avro.cdm18.UUID": "u"}), plain({"a": 1})
    ('x', 'u', {'a': 1})
    """
    if type(value) is dict and len(value) == 1:
        [(name, inner)] = value.items()
        if name in _UNION or "." in name:
            return inner
    return value


def uid(value: Any) -> str | None:
    """Return an id as text; before version 14 it is raw bytes, one a character."""
    value = plain(value)
    if type(value) is not str or not value:
        return None
    if len(value) > 256:  # no id that was ever published is so long
        return blake2b(value.encode("utf-8", "replace"), digest_size=32).hexdigest()
    if len(value) == 36 and value[8] == "-" and value.isascii():
        return None if value == "00000000-0000-0000-0000-000000000000" else value.lower()
    return (
        value.lower()
        if value.isascii() and value.isalnum()
        else value.encode("utf-8", "replace").hex()
    )


def _path(value: Any) -> str | None:
    found = text(plain(value))
    return None if found == "<unknown>" else found


def _properties(record: dict[str, Any]) -> dict[str, Any]:
    base = plain(record.get("baseObject"))
    found: dict[str, Any] = {}
    for holder in (base, record):
        some = plain(holder.get("properties")) if type(holder) is dict else None
        if type(some) is dict:
            found |= some
    return found


class Cdm:
    """Reads CDM records and remembers what events will refer to."""

    def __init__(self) -> None:
        self.kernel = Kernel()
        self.hosts: dict[str, str] = {}
        self.users: dict[str, str] = {}
        self.parts: dict[str, str] = {}  # threads and units, and the process each is a part of
        self.flows: dict[str, list[str]] = {}  # our own and the far end of a connection
        # by Event: its kind, time, subject, and the (direction, object) that wait for them
        self.pending: dict[str, list[Any]] = {}

    def read(self, record: Any) -> Told:
        """Return what a record says."""
        datum = record.get("datum")
        if type(datum) is not dict or len(datum) != 1:
            return Told(reason="no datum")
        [(name, body)] = datum.items()
        if type(body) is not dict:
            return Told(reason="no datum")
        kind = name.rpartition(".")[2]
        host = uid(body.get("hostId")) or uid(record.get("hostId"))
        where = self.hosts.get(host, host) if host else None
        if kind == "Event":
            return self._event(body, where)
        if kind == "SimpleEdge":
            return self._joined(body, where)
        own = uid(body.get("uuid"))
        if own is None:
            return Told(host=where, rule="no event, entity or id of one")
        self._entity(kind, own, body, where)
        fields = {"object_type": text(plain(body.get("type"))) or kind}
        return Told(host=where, rule=_ENTITY, fields=fields)

    def _entity(self, kind: str, own: str, body: dict[str, Any], host: str | None) -> None:
        said = _properties(body)
        name = next((str(said[key]) for key in _PATHS if text(said.get(key))), None)
        if kind == "Host":
            self.hosts[own] = text(plain(body.get("hostName"))) or own
            forget(self.hosts)
        elif kind == "Principal":
            user = text(plain(body.get("username"))) or text(plain(body.get("userId")))
            if user:
                self.users[own] = user
                forget(self.users)
        elif kind == "Subject":
            parent = uid(body.get("parentSubject"))
            if parent and plain(body.get("type")) in ("SUBJECT_THREAD", "SUBJECT_UNIT"):
                self.parts[own] = self._whole(parent)
                forget(self.parts)
                return
            command = text(plain(body.get("cmdLine"))) or text(said.get("cmdLine"))
            self.kernel.process(own, name or (command.split()[0] if command else None), command)
            if parent:
                self.kernel.descends(own, self._whole(parent))
        elif kind in ("NetFlowObject", "PacketSocketObject"):
            address = text(plain(body.get("remoteAddress"))) or text(plain(body.get("destAddress")))
            port = plain(body.get("remotePort", body.get("destPort")))
            self.kernel.learn_socket(own, address, port, host)
            near = text(plain(body.get("localAddress"))) or text(plain(body.get("sourceAddress")))
            near = end(near, plain(body.get("localPort", body.get("sourcePort"))))
            far = end(address, port)
            if near and far:
                self.flows[own] = [near, far]
                forget(self.flows)
        elif kind == "FileObject":
            url = text(plain(body.get("url")))
            name = url.removeprefix("file://") if url else name
            if plain(body.get("type")) == "FILE_OBJECT_UNIX_SOCKET":
                self.kernel.learn(own, "socket", f"{host or 'unknown'}|{own}", name)
            else:
                type_ = "pipe" if plain(body.get("isPipe")) is True else "file"
                # Versions of a file have ids of their own; only a name tells that they are one.
                self.kernel.learn(own, type_, name if url else None, name)
        elif kind == "RegistryKeyObject":
            self.kernel.learn(own, "registry", None, text(plain(body.get("key"))))
        elif kind == "MemoryObject":
            self.kernel.learn(own, "memory")
        else:  # SrcSinkObject, UnnamedPipeObject, IpcObject
            type_ = text(plain(body.get("type"))) or ""
            if type_.startswith("SRCSINK_") and type_ not in ("SRCSINK_IPC", "SRCSINK_UNKNOWN"):
                name = name or type_  # a phone's camera, say
            self.kernel.learn(own, "pipe", None, name)

    def _whole(self, subject: str) -> str:
        """Return the process that a thread or unit is a part of, else what it is itself."""
        return self.parts.get(subject, subject)

    def _event(self, body: dict[str, Any], host: str | None) -> Told:
        kind = str(plain(body.get("type"))).removeprefix("EVENT_")
        said = _properties(body)
        nanos = plain(body.get("timestampNanos"))
        told = Told(micros(nanos, 10**9), host, fields={"action": kind})
        own = uid(body.get("uuid"))
        if nanos is None and "timestampMicros" in body:
            told.ts = early(plain(body.get("timestampMicros")))
            waiting = self._waiting(own or "")
            waiting[0], waiting[1] = kind, told.ts
            self._complete(waiting, told)
            told.rule = _JOINED
            return told
        subject = uid(body.get("subject"))
        if subject is None:
            told.rule = NO_END
            return told
        subject = self._whole(subject)
        label = text(said.get("exec")) or text(said.get("name"))
        told.fields["process_guid"], told.fields["exe"] = subject, label
        told.fields["tid"] = number(plain(body.get("threadId")))
        actor = self.kernel.process(subject, label)
        told.fields["exe"] = actor.label
        path = _path(body.get("predicateObjectPath")) or _path(said.get("partial_path"))
        second_path = _path(body.get("predicateObject2Path"))
        told.fields["file_path"], told.fields["new_path"] = path, second_path
        object_, other = uid(body.get("predicateObject")), uid(body.get("predicateObject2"))
        object_ = self._whole(object_) if object_ else None
        if text(said.get("address")) and object_:
            self.kernel.learn_socket(object_, said["address"], said.get("port"), host)
            told.fields["dst_ip"] = text(said["address"])
            told.fields["dst_port"] = number(said.get("port"))
        failed = number(said.get("return_value")) == -1
        command = text(said.get("cmdLine"))
        mapped = said.get("arg_mem_flags")
        tell_event(
            told, self.kernel, kind, subject, (object_, path), (other, second_path), failed,
            command, mapped if isinstance(mapped, str) else None,
        )  # fmt: skip
        if object_ in self.flows and kind in ("CONNECT", "ACCEPT"):
            near, far = self.flows[object_]
            for src, action, dst in told.edges:
                if action == "connect":
                    told.claims = connection(action, dst, near, far)
                elif action == "accept":
                    told.claims = connection(action, src, far, near)
        return told

    def _waiting(self, event: str) -> list[Any]:
        found = self.pending.get(event)
        if found is None:
            found = self.pending[event] = [None, None, None, []]
            while len(self.pending) > MAX_PENDING:
                del self.pending[next(iter(self.pending))]
        return found

    def _joined(self, body: dict[str, Any], host: str | None) -> Told:
        type_ = str(plain(body.get("type"))).removeprefix("EDGE_")
        start, end = uid(body.get("fromUuid")), uid(body.get("toUuid"))
        told = Told(early(plain(body.get("timestamp"))), host, rule=_SIDE, fields={"action": type_})
        if start is None or end is None:
            told.rule = NO_END
        elif type_ == "EVENT_ISGENERATEDBY_SUBJECT":
            waiting = self._waiting(start)
            waiting[2] = self._whole(end)
            self._complete(waiting, told)
        elif type_.endswith("_AFFECTS_EVENT"):
            waiting = self._waiting(start)
            waiting[3].append(["in", end])
            self._complete(waiting, told)
        elif type_.startswith("EVENT_AFFECTS_"):
            waiting = self._waiting(start)
            waiting[3].append(["out", end])
            self._complete(waiting, told)
        return told

    def _complete(self, waiting: list[Any], told: Told) -> None:
        """Tell the edges of an Event of which kind, time, subject and objects are known."""
        kind, ts, subject, objects = waiting
        told.ts = told.ts or ts
        if kind is None or subject is None or not objects:
            return
        actor = self.kernel.process(subject)
        told.fields["process_guid"], told.fields["exe"] = subject, actor.label
        edges: list[Edge] = []
        before = next((o for way, o in objects if way == "in"), None)
        for way, object_ in objects:
            thing = self.kernel.thing(object_, None)
            if thing is None or thing.type == "memory":
                continue
            if thing.type == "file" and thing.label != UNNAMED:
                told.fields["file_path"] = thing.label
            edges += self._edge(kind, subject, actor, way, thing, before)
        # A new name is told after the old one: what it was is remembered for it.
        waiting[3] = [o for o in objects if kind == "RENAME" and o[0] == "in"]
        told.edges = edges
        if not edges:
            told.rule = _told_by(self.kernel, kind, subject)

    def _edge(
        self, kind: str, subject: str, actor: Thing, way: str, thing: Thing, before: str | None
    ) -> list[Edge]:
        if kind in ("FORK", "CLONE") and way == "out" and thing.type == "process":
            child = thing.key.partition(":")[0]
            return self.kernel.fork(subject, child)
        if kind == "EXECUTE":
            return [(thing, "exec", actor)] if way == "in" else [(actor, "exec", thing)]
        if kind == "RENAME":
            if way == "in":
                return []
            old = self.kernel.thing(before, None) if before else None
            edges: list[Edge] = [(actor, "rename", thing)]
            return edges if old is None else [(old, "rename", thing), *edges]
        found = self.kernel.event(kind, subject, thing)
        return [] if isinstance(found, str) else found

    def state(self) -> list[Any]:
        """Return all it remembers."""
        kernel = self.kernel.state()
        return [kernel, self.hosts, self.users, self.parts, self.pending, self.flows]

    def restore(self, state: Any) -> None:
        """Remember that."""
        kernel, self.hosts, self.users, self.parts, self.pending, *flows = state
        self.flows = flows[0] if flows else {}  # older states have none
        if any(len(one) != 4 for one in self.pending.values()) or any(
            len(one) != 2 for one in self.flows.values()
        ):
            raise ValueError("no state of CDM")
        self.kernel.restore(kernel)


def _told_by(kernel: Kernel, kind: str, subject: str) -> str:
    found = kernel.event(kind, subject, None)
    return found if isinstance(found, str) and found != NO_END else _SIDE


def tell_event(
    told: Told, kernel: Kernel, kind: str, subject: str, first: tuple[str | None, str | None],
    second: tuple[str | None, str | None], failed: bool, command: str | None, mapped: str | None,
) -> None:  # fmt: skip
    """Fill in the edges of an event, or the rule that leaves it out; as `kernel_event`."""
    found = kernel_event(kernel, kind, subject, first, second, failed, command, mapped)
    if isinstance(found, str):
        told.rule = found
        return
    told.edges = found
    if kind == "EXECUTE":
        told.fields["command_line"] = command


def kernel_event(
    kernel: Kernel, kind: str, subject: str, first: tuple[str | None, str | None],
    second: tuple[str | None, str | None], failed: bool, command: str | None, mapped: str | None,
) -> list[Edge] | str:  # fmt: skip
    """Return the edges of an event of any kind, or the rule that leaves it out.

    `first` and `second` are (id, path) of its objects.
    """
    if kind in ("FORK", "CLONE"):
        child = first[0]
        return kernel.fork(subject, child) if child and child not in kernel.objects else NO_END
    if kind == "EXECUTE":  # what it returned says nothing: it doesn't return
        program = kernel.thing(*first)
        if program is None or program.type != "file":
            if first[1] is None:
                return NO_END
            program = Thing("file", first[1])  # its id is one of another kind of object
        return kernel.run(subject, program, command, kernel.thing(*second))
    if failed:
        return "the call failed"
    if kind in ("SIGNAL", "INJECT"):
        return kernel.event(kind, subject, kernel.acted_on(first[0]))
    if kind == "LINK":
        return kernel.event(kind, subject, kernel.thing(*first), kernel.thing(None, second[1]))
    if kind == "RENAME" and second[0] is None:
        return kernel.event(kind, subject, kernel.thing(*first), kernel.thing(None, second[1]))
    return kernel.event(kind, subject, kernel.thing(*first), kernel.thing(*second), mapped)


def early(value: object) -> int | None:
    """Return a time in us, of which some publishers of version 12 wrote milliseconds.

    >>> early(1450217860803), early(1450217860803000), early(0)
    (1450217860803000, 1450217860803000, None)
    """
    count = number(value)
    return micros(count * 1000 if count is not None and 10**11 < count < 10**14 else count)
