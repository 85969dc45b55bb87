"""OCSF events, as JSON: any class that tells who acted and upon what.

A process is its uid, or its id and name. Findings are somebody's conclusions, not events; they are
left out.

Source: the Open Cybersecurity Schema Framework, 1.0 to 1.8.
"""

import re
from collections.abc import Callable
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
    stamp,
    text,
)
from graphad.decoders.told_claims import Claim, addresses, caller, connection, end, lived
from graphad.decoders.told_decode import stateless
from graphad.parse import Parser

_NO_END = "an end of its edge is not named"
_OTHER = "no relation in this activity"
_CLASS = re.compile(rb'"class_uid"\s*:\s*"?\d+|"(?:type_uid|category_uid|activity_id)"\s*:')
_FILES = {1: "create", 2: "read", 3: "write", 4: "delete", 6: "chmod", 7: "chmod"}
_KEYS = {1: "create", 2: "read", 3: "write", 4: "delete", 5: "write"}
_JOBS = {1: "install", 2: "change", 3: "change", 4: "change", 5: "change", 6: "start"}


def read(record: Any) -> Told:
    """Return what a record says."""
    class_ = number(record.get("class_uid"))
    type_ = number(record.get("type_uid"))
    if class_ is None and type_ is not None:
        class_ = type_ // 100
    activity = number(record.get("activity_id"))
    if activity is None:
        activity = type_ % 100 if type_ is not None else 0
    told = Told(_time(record), _host(record))
    actor = _process(dig(record, "actor", "process"))
    told.fields = {
        "code": text(class_), "action": text(record.get("activity_name")) or text(activity),
        "channel": text(record.get("class_name")), "outcome": text(record.get("status"))
        or {1: "Success", 2: "Failure"}.get(number(record.get("status_id")) or 0),
        "provider": text(dig(record, "metadata", "product", "name")),
        "user": text(dig(record, "actor", "user", "name")),
        "user_sid": text(dig(record, "actor", "user", "uid")),
        "process_guid": actor.key if actor else None, "exe": actor.label if actor else None,
        "pid": number(dig(record, "actor", "process", "pid")),
        "command_line": actor.detail if actor else None,
        "src_ip": text(dig(record, "src_endpoint", "ip")),
        "src_port": number(dig(record, "src_endpoint", "port")),
        "dst_ip": text(dig(record, "dst_endpoint", "ip")),
        "dst_port": number(dig(record, "dst_endpoint", "port")),
        "file_path": text(dig(record, "file", "path")),
        "message": text(record.get("message")),
    }  # fmt: skip
    if class_ is None:
        told.reason = "no class of an event"
        return told
    told.claims = _claims(record, class_, activity)
    reader = _READERS.get(class_)
    found = (
        reader(record, activity, actor, told)
        if reader is not None
        else "finding, not an event" if class_ // 1000 == 2 else "no relation in this class"
    )  # fmt: skip
    if isinstance(found, str):
        told.rule = found
    else:
        told.edges = found
    return told


def _claims(record: dict[str, Any], class_: int, activity: int) -> list[Claim]:
    """Return what an event says of its device, its processes and its accounts."""
    found: list[Claim] = []
    device = record.get("device")
    name = text(dig(device, "hostname")) or text(dig(device, "name"))
    if name is not None:
        listed = dig(device, "ip_addresses")
        said = [dig(device, "ip"), *(listed if isinstance(listed, list) else ())]
        found += addresses(Thing("host", name.lower(), name), said)
    target = record.get("process") if class_ == 1007 else None
    for one in (dig(record, "actor", "process"), target):
        if text(dig(one, "uid")) is None:
            continue
        thing, pid = _process(one), number(dig(one, "pid"))
        born = micros(dig(one, "created_time"), 1000)
        found += lived("process", thing, pid, born)
        what = {1: "birth", 2: "death"}.get(activity) if one is target else None
        found += lived(what, thing, pid) if what else []
    for one in (dig(record, "actor", "user"), record.get("user")):
        sid, account = text(dig(one, "uid")), _user(one)
        if account is not None and sid is not None and sid.upper().startswith("S-1-"):
            found.append(Claim("sid", account, sid))
    return found


def _time(record: dict[str, Any]) -> int | None:
    found = number(record.get("time"))
    if found is not None:  # milliseconds it should be; some write other units
        unit = next((u for u in (10**9, 10**6, 1000) if found > 10**8 * u), 1)
        return micros(found, unit)
    return stamp(record.get("time")) or stamp(record.get("time_dt"))


def _host(record: dict[str, Any]) -> str | None:
    for place in (("device",), ("dst_endpoint",), ("src_endpoint",)):
        for name in ("hostname", "name", "instance_uid", "uid"):
            found = text(dig(record, *place, name))
            if found:
                return found
    account = text(dig(record, "cloud", "account", "uid"))
    account = account or text(dig(record, "cloud", "account_uid"))
    return f"account {account}" if account else text(dig(record, "device", "ip"))


def _process(said: Any) -> Thing | None:
    path = text(dig(said, "file", "path"))
    name = text(dig(said, "name")) or text(dig(said, "file", "name"))
    own, pid = text(dig(said, "uid")), number(dig(said, "pid"))
    if own is None and pid is None:
        return None
    key = own or (f"pid:{pid}:{name.lower()}" if name else f"pid:{pid}")
    return Thing("process", key, path or name or UNNAMED, text(dig(said, "cmd_line")))


def _file(said: Any) -> Thing | None:
    path = text(dig(said, "path"))
    if path is None:
        folder, name = text(dig(said, "parent_folder")), text(dig(said, "name"))
        path = f"{folder}/{name}" if folder and name else name
    if path is None:
        return None
    return Thing("file", path.lower() if "\\" in path else path, path)


def _user(said: Any) -> Thing | None:
    name = text(dig(said, "name")) or text(dig(said, "email_addr")) or text(dig(said, "uid"))
    if name is None or name == "-":
        return None
    domain = text(dig(said, "domain"))
    label = f"{domain}\\{name}" if domain and domain != "-" else name
    return Thing("user", label.lower(), label)


def _actor_user(record: dict[str, Any]) -> Thing | None:
    said = dig(record, "actor", "user")
    issuer = dig(record, "actor", "session", "issuer")
    return _user(said) or _user({"name": issuer}) or _user(dig(record, "actor", "idp"))


def _process_activity(
    record: dict[str, Any], activity: int, actor: Thing | None, told: Told
) -> list[Edge] | str:
    said = record.get("process")
    target = _process(said)
    if activity == 2:
        return "process ended"
    if activity == 5:
        return "process's own attributes"
    if target is None:
        return _NO_END
    if activity in (3, 4):
        action = "access" if activity == 3 else "inject"
        return [(actor, action, target)] if actor else _NO_END
    parent = _process(dig(said, "parent_process")) or actor
    edges: list[Edge] = [(parent, "launch", target)] if parent and parent.key != target.key else []
    program = _file(dig(said, "file"))
    if program is not None:
        edges.append((program, "exec", target))
    told.fields |= {"target_guid": target.key, "target_exe": target.label}
    return edges or _NO_END


def _file_activity(
    record: dict[str, Any], activity: int, actor: Thing | None, told: Told
) -> list[Edge] | str:
    file = _file(record.get("file"))
    if file is None or actor is None:
        return _NO_END
    if activity == 5:
        new = _file(record.get("file_result"))
        if new is None:
            return _NO_END
        told.fields["new_path"] = new.label
        return [(file, "rename", new), (actor, "rename", new)]
    action = _FILES.get(activity)
    if action is None:
        return _OTHER
    return [(file, "read", actor) if action == "read" else (actor, action, file)]


def _module(
    record: dict[str, Any], activity: int, actor: Thing | None, told: Told
) -> list[Edge] | str:
    module = _file(dig(record, "module", "file")) or _file(record.get("driver"))
    if activity != 1:
        return _OTHER
    return [(module, "load", actor)] if module and actor else _NO_END


def _registry(
    record: dict[str, Any], activity: int, actor: Thing | None, told: Told
) -> list[Edge] | str:
    said = record.get("reg_key") or record.get("reg_value")
    path, action = text(dig(said, "path")), _KEYS.get(activity)
    if action is None:
        return _OTHER
    if path is None or actor is None:
        return _NO_END
    told.fields["registry_path"] = path
    key = Thing("registry", path.lower(), path)
    return [(key, "read", actor) if action == "read" else (actor, action, key)]


def _job(
    record: dict[str, Any], activity: int, actor: Thing | None, told: Told
) -> list[Edge] | str:
    name = text(dig(record, "job", "name"))
    who = actor or _actor_user(record)
    action = _JOBS.get(activity)
    if name is None or who is None or action is None:
        return _NO_END
    return [(who, action, Thing("task", name.lower(), name))]


def _network(
    record: dict[str, Any], activity: int, actor: Thing | None, told: Told
) -> list[Edge] | str:
    if activity in (2, 3, 4, 5) and record.get("class_uid") == 4001:
        return "connection ended or refused"
    if actor is None:
        return "flow of no named process"
    inward = number(dig(record, "connection_info", "direction_id")) == 1
    side = "src_endpoint" if inward else "dst_endpoint"
    its = record.get(side)
    far = socket(dig(its, "ip") or dig(its, "hostname"), dig(its, "port"), told.host or "unknown")
    if far is None or far.type != "socket":
        return _NO_END
    action = "accept" if inward else "connect"
    ends = (
        end(dig(record, at, "ip"), dig(record, at, "port"))
        for at in ("src_endpoint", "dst_endpoint")
    )
    told.claims = [*told.claims, *connection(action, far, *ends)]
    return [(far, action, actor) if inward else (actor, action, far)]


def _dns(
    record: dict[str, Any], activity: int, actor: Thing | None, told: Told
) -> list[Edge] | str:
    name = text(dig(record, "query", "hostname"))
    if name is None:
        return _NO_END
    told.fields["domain"] = name
    return (
        [(actor, "resolve", Thing("domain", name.lower().rstrip(".")))]
        if actor
        else "flow of no named process"
    )


def _logon(
    record: dict[str, Any], activity: int, actor: Thing | None, told: Told
) -> list[Edge] | str:
    user = _user(record.get("user")) or _actor_user(record)
    if activity == 2:
        return "session ended"
    if user is None:
        return _NO_END
    told.fields["target_user"] = user.label
    edges: list[Edge] = []
    address = text(dig(record, "src_endpoint", "ip"))
    if address and address not in ("-", "::1", "127.0.0.1"):
        from_ = Thing("address", address.lower())
        edges.append((from_, "logon", user))
        told.claims = [
            *told.claims,
            *caller(from_, end(address, dig(record, "src_endpoint", "port"))),
        ]
    if told.host:
        edges.append((user, "logon", Thing("host", told.host.lower(), told.host)))
    return edges or _NO_END


def _account(
    record: dict[str, Any], activity: int, actor: Thing | None, told: Told
) -> list[Edge] | str:
    who = _actor_user(record)
    target = (
        _user(record.get("user")) or _user(record.get("user_result")) or _user(record.get("group"))
    )
    if who is None or target is None or who.key == target.key:
        return _NO_END
    return [(who, "change", target)]


def _api(
    record: dict[str, Any], activity: int, actor: Thing | None, told: Told
) -> list[Edge] | str:
    who = _actor_user(record)
    name = text(dig(record, "api", "service", "name"))
    operation = text(dig(record, "api", "operation"))
    told.fields["action"] = operation or told.fields["action"]
    edges: list[Edge] = []
    address = text(dig(record, "src_endpoint", "ip"))
    if who is None:
        return _NO_END
    if address and address[:1].isalnum() and (":" in address or address[:1].isdigit()):
        edges.append((Thing("address", address.lower()), "logon", who))
    if name:
        action = "access" if activity in (0, 2, 99) else "change"
        edges.append((who, action, Thing("service", name.lower(), name)))
    return edges or _NO_END


def _resource(
    record: dict[str, Any], activity: int, actor: Thing | None, told: Told
) -> list[Edge] | str:
    name = text(dig(record, "win_resource", "name"))
    kind = (text(dig(record, "win_resource", "type")) or "").lower()
    if actor is None or name is None or kind not in ("file", "key"):
        return _NO_END if kind in ("file", "key") else _OTHER
    return [(Thing("file" if kind == "file" else "registry", name.lower(), name), "read", actor)]


_Reader = Callable[[dict[str, Any], int, Thing | None, Told], list[Edge] | str]
_READERS: dict[int, _Reader] = {
    1001: _file_activity,
    1002: _module,
    1005: _module,
    1006: _job,
    1007: _process_activity,
    3001: _account,
    3002: _logon,
    3005: _account,
    3006: _account,
    4001: _network,
    4002: _network,
    4003: _dns,
    4005: _network,
    4006: _network,
    4007: _network,
    4008: _network,
    6003: _api,
    1010: _resource,
    201001: _registry,
    201002: _registry,
    201003: _resource,
}


def sniff(head: bytes) -> float:
    """Return how sure it is that these are events of OCSF."""
    if head.lstrip(b"\xef\xbb\xbf \t\r\n[,")[:1] != b"{":
        return 0.0
    return 0.96 if len(set(_CLASS.findall(head))) >= 2 else 0.0


parser = Parser(
    name="ocsf",
    about="Events of the Open Cybersecurity Schema Framework",
    yields="process, file, socket, address, user, host, registry, module, domain, service, "
    "task, session: launch, exec, load, read, write, create, delete, rename, chmod, "
    "connect, accept, resolve, access, inject, logon, start, install, change",
    sniff=sniff,
    decoder=stateless(read),
    mapping=MAPPING,
    ignore=IGNORE,
    reject=REJECT,
)
