"""Documents in Elastic's Common Schema, as JSON: auditbeat, Elastic Defend, packetbeat and others.

Fields may be nested or have dots in their names, and a document may be a hit of a search. Windows
event logs that winlogbeat shipped are the parser windows', which knows their ids.

Source: ECS 8 and 9, the exported fields of auditbeat and of Elastic Defend.
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
    number,
    socket,
    stamp,
    text,
)
from graphad.decoders.told_claims import Claim, addresses, caller, connection, end, lived
from graphad.decoders.told_decode import stateless
from graphad.parse import Parser

_NO_END = "an end of its edge is not named"
_NAMES = re.compile(
    rb'"(?:event|ecs|event\.(?:category|action|kind|dataset|module)|ecs\.version)"\s*:'
)
_CATEGORY = re.compile(rb'"(?:event\.)?(?:category|dataset|kind|module)"\s*:')
_FILES = {
    "creation": "create",
    "change": "write",
    "deletion": "delete",
    "access": "read",
    "created": "create",
    "updated": "write",
    "deleted": "delete",
    "modification": "write",
    "overwrite": "write",
    "attributes_modified": "chmod",
}
_KEYS = {
    "creation": "create", "change": "write", "deletion": "delete", "access": "read",
    "modification": "write", "query": "read",
}  # fmt: skip
# column: paths, the first that says something fills it
_COLUMNS = [
    (column, paths.split())
    for column, paths in (
        ("outcome", "event.outcome"), ("code", "event.code"),
        ("provider", "event.module event.provider"), ("channel", "event.dataset"),
        ("process_guid", "process.entity_id"), ("pid", "process.pid"),
        ("exe", "process.executable process.name"), ("user", "user.name"),
        ("user_domain", "user.domain"), ("user_sid", "user.id"),
        ("command_line", "process.command_line"), ("cwd", "process.working_directory"),
        ("parent_guid", "process.parent.entity_id"), ("parent_pid", "process.parent.pid"),
        ("parent_exe", "process.parent.executable process.parent.name"),
        ("file_path", "file.path dll.path"), ("registry_path", "registry.path"),
        ("src_ip", "source.ip"), ("src_port", "source.port"), ("dst_ip", "destination.ip"),
        ("dst_port", "destination.port"), ("protocol", "network.transport"),
        ("direction", "network.direction"), ("domain", "dns.question.name"),
        ("target_user", "user.target.name"),
    )
]  # fmt: skip
_NUMBERS = frozenset({"pid", "parent_pid", "src_port", "dst_port"})


class Document:
    """A document's fields, however they are written."""

    def __init__(self, record: dict[str, Any]) -> None:
        source = record.get("_source")
        self.fields: dict[str, Any] = {}
        self._processes: dict[str, Thing | None] = {}
        self._flatten(source if type(source) is dict else record, "", 6)

    def _flatten(self, inner: dict[str, Any], before: str, depth: int) -> None:
        fields = self.fields
        for name, value in inner.items():
            if type(value) is dict and depth:
                self._flatten(value, f"{before}{name}.", depth - 1)
            else:
                fields.setdefault(before + name, value)

    def get(self, path: str) -> Any:
        """Return what stands at a path of names, nested or with dots."""
        return self.fields.get(path)

    def text(self, *paths: str) -> str | None:
        """Return the first text at one of these paths; of a list its first element."""
        for path in paths:
            found = self.fields.get(path)
            if found is None:
                continue
            if type(found) is str:
                if found and not found.isspace():
                    return found
                continue
            said = text(found[0] if type(found) is list and found else found)
            if said is not None:
                return said
        return None

    def words(self, path: str) -> set[str]:
        """Return the words of a field that may be a list."""
        found = self.get(path)
        found = found if isinstance(found, list) else [found]
        return {one.lower() for one in found if isinstance(one, str)}

    def process(self, at: str) -> Thing | None:
        """Return the process that is told at a path."""
        if at not in self._processes:
            self._processes[at] = self._process(at)
        return self._processes[at]

    def _process(self, at: str) -> Thing | None:
        own = self.text(f"{at}.entity_id")
        pid = number(self.get(f"{at}.pid"))
        exe = self.text(f"{at}.executable", f"{at}.name")
        name = self.text(f"{at}.name") or (re.split(r"[\\/]", exe)[-1] if exe else None)
        if own is None and pid is None:
            return None
        command = self.text(f"{at}.command_line")
        args = self.get(f"{at}.args")
        if command is None and isinstance(args, list):
            command = " ".join(map(str, args)) or None
        key = own or (f"pid:{pid}:{name.lower()}" if name else f"pid:{pid}")
        return Thing("process", key, exe or UNNAMED, command)


def read(record: Any) -> Told:
    """Return what a record says."""
    if "index" in record and len(record) == 1:
        return Told(rule="line of a bulk request")
    doc = Document(record)
    when = stamp(doc.text("@timestamp"))
    kinds, types = doc.words("event.category"), doc.words("event.type")
    action = doc.text("event.action")
    told = Told(when, doc.text("host.name", "host.hostname", "agent.hostname"))
    told.fields = _fields(doc, action)
    if not kinds and not types and action is None:
        told.reason = "no category, type or action of an event"
        return told
    told.rule = "no relation in this category of event"
    done = types | ({action.lower()} if action else set())
    told.claims = _claims(doc, kinds, done)
    for kind, reader in _READERS.items():
        if kind in kinds:
            found = reader(doc, done, told)
            if not isinstance(found, str):
                told.edges = found
                break
            told.rule = found
    return told


def _claims(doc: Document, kinds: set[str], done: set[str]) -> list[Claim]:
    """Return what the agent says of its host, the processes and the account."""
    found: list[Claim] = []
    where, other = doc.text("host.name", "host.hostname"), doc.text("host.hostname")
    if where is not None:
        host = Thing("host", where.lower(), where)
        ips = doc.get("host.ip")
        found += addresses(host, ips if isinstance(ips, list) else [ips])
        if other is not None and other.lower() != where.lower():
            found.append(Claim("name", host, other.lower()))
    # What a parent did, events of its own say.
    for at in ("process", "process.parent") if "process" in kinds else ("process",):
        own, pid = doc.text(f"{at}.entity_id"), number(doc.get(f"{at}.pid"))
        one = doc.process(at) if own else None
        found += lived("process", one, pid, stamp(doc.get(f"{at}.start")))
        if at == "process" and "process" in kinds:
            began = done & {"start", "process_started", "process-started"}
            ended = done & {"end", "process_stopped"}
            what = "birth" if began else "death" if ended else None
            found += lived(what, one, pid) if what else []
    account, sid = _account(doc, "user"), doc.text("user.id")
    if account is not None and sid is not None and sid.upper().startswith("S-1-"):
        found.append(Claim("sid", account, sid))
    return found


def _fields(doc: Document, action: str | None) -> dict[str, Any]:
    found: dict[str, Any] = {"action": action}
    for column, paths in _COLUMNS:
        found[column] = None
        for path in paths:
            if path in doc.fields:
                said = number(doc.fields[path]) if column in _NUMBERS else doc.text(path)
                if said is not None:
                    found[column] = said
                    break
    return found


def _process(doc: Document, done: set[str], told: Told) -> list[Edge] | str:
    actor, parent = doc.process("process"), doc.process("process.parent")
    if "fork" in done and not done & {"exec", "executed"}:
        return [(parent, "fork", actor)] if actor and parent else _NO_END
    if not done & {"start", "process_started", "exec", "executed", "process-started"}:
        return "process ended, or its own state"
    if actor is None:
        return _NO_END
    edges: list[Edge] = [(parent, "launch", actor)] if parent else []
    path = doc.text("process.executable")
    if path:
        edges.append((_file(path), "exec", actor))
    return edges or _NO_END


def _file(path: str) -> Thing:
    windows = "\\" in path
    return Thing("file", path.lower() if windows else path, path)


def _files(doc: Document, done: set[str], told: Told) -> list[Edge] | str:
    actor, path = doc.process("process"), doc.text("file.path")
    if path is None:
        return _NO_END
    if actor is None:
        return "file changed by no named process"
    old = doc.text("file.Ext.original.path")
    if done & {"rename", "renamed", "moved"} and old:
        told.fields |= {"file_path": old, "new_path": path}
        return [(_file(old), "rename", _file(path)), (actor, "rename", _file(path))]
    action = next((_FILES[one] for one in sorted(done, reverse=True) if one in _FILES), None)
    if action is None:
        return "no relation in this kind of file event"
    return [(_file(path), "read", actor) if action == "read" else (actor, action, _file(path))]


def _registry(doc: Document, done: set[str], told: Told) -> list[Edge] | str:
    actor, path = doc.process("process"), doc.text("registry.path", "registry.key")
    action = next((_KEYS[one] for one in sorted(done, reverse=True) if one in _KEYS), None)
    if actor is None or path is None or action is None:
        return _NO_END
    key = Thing("registry", path.lower(), path)
    return [(key, "read", actor) if action == "read" else (actor, action, key)]


def _library(doc: Document, done: set[str], told: Told) -> list[Edge] | str:
    actor, path = doc.process("process"), doc.text("dll.path", "file.path")
    return [(_file(path), "load", actor)] if actor and path else _NO_END


def _network(doc: Document, done: set[str], told: Told) -> list[Edge] | str:
    actor = doc.process("process")
    name = doc.text("dns.question.name")
    if name and actor:
        return [(actor, "resolve", Thing("domain", name.lower().rstrip(".")))]
    if done & {"end", "disconnect_received", "connection_closed", "network_flow_end"} and not (
        done & {"start", "connection"}
    ):
        return "connection ended"
    if actor is None:
        return "flow of no named process"
    near = end(doc.text("source.ip"), doc.get("source.port"))
    ends = near, end(doc.text("destination.ip"), doc.get("destination.port"))
    way = (doc.text("network.direction") or "").lower()
    inward = way in ("ingress", "inbound", "incoming") or bool(done & {"connection_accepted"})
    side = "source" if inward else "destination"
    where = told.host or "unknown"
    far = socket(doc.text(f"{side}.ip", f"{side}.address"), doc.get(f"{side}.port"), where)
    if far is None or far.type != "socket":
        return _NO_END
    action = "accept" if inward else "connect"
    told.claims = [*told.claims, *connection(action, far, *ends)]
    return [(far, action, actor) if inward else (actor, action, far)]


def _account(doc: Document, prefix: str) -> Thing | None:
    name, domain = doc.text(f"{prefix}.name", f"{prefix}.id"), doc.text(f"{prefix}.domain")
    if name is None:
        return None
    label = f"{domain}\\{name}" if domain else name
    return Thing("user", label.lower(), label)


def _logon(doc: Document, done: set[str], told: Told) -> list[Edge] | str:
    user, where = _account(doc, "user"), told.host
    if user is None:
        return _NO_END
    if done & {"end", "logged-out", "logoff", "session_ended"}:
        return "session ended"
    address = doc.text("source.ip")
    edges: list[Edge] = []
    if address:
        from_ = Thing("address", address)
        edges.append((from_, "logon", user))
        near = end(address, doc.get("source.port"))
        told.claims = [*told.claims, *caller(from_, near)]
    if where:
        edges.append((user, "logon", Thing("host", where.lower(), where)))
    return edges or _NO_END


def _iam(doc: Document, done: set[str], told: Told) -> list[Edge] | str:
    user = _account(doc, "user")
    target = _account(doc, "user.target") or _account(doc, "user.changes") or _account(doc, "group")
    return [(user, "change", target)] if user and target and user != target else _NO_END


_READERS = {
    "process": _process,
    "file": _files,
    "registry": _registry,
    "library": _library,
    "driver": _library,
    "network": _network,
    "authentication": _logon,
    "session": _logon,
    "iam": _iam,
}


def sniff(head: bytes) -> float:
    """Return how sure it is that these are documents of ECS, and no Windows event logs."""
    if head.lstrip(b"\xef\xbb\xbf \t\r\n[,")[:1] != b"{" or b'"@timestamp"' not in head:
        return 0.0
    if re.search(rb'"(?:winlog|event_data|EventID|log_name)"\s*:', head):
        return 0.0
    if not _NAMES.search(head) or not _CATEGORY.search(head):
        return 0.0
    return 0.93 if b'"ecs' in head or b'"agent' in head else 0.8


parser = Parser(
    name="ecs",
    about="Documents in Elastic's Common Schema: auditbeat, Elastic Defend and others",
    yields="process, file, socket, address, user, host, registry, domain, session: launch, "
    "fork, exec, load, read, write, create, delete, rename, chmod, connect, accept, "
    "resolve, access, logon, logoff, start, change",
    sniff=sniff,
    decoder=stateless(read),
    mapping=MAPPING,
    ignore=IGNORE,
    reject=REJECT,
)
