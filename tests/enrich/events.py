"""Invented events of a small Windows fleet, in each of the shapes that shippers give them."""

import json
import random
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

Event = dict[str, Any]
FIRST = datetime(2026, 3, 2, tzinfo=UTC)
WINDOWS = "C:\\Windows\\System32\\"
SYSMON = "Microsoft-Windows-Sysmon"
_CODES = {
    "launch": 1,
    "connect": 3,
    "accept": 3,
    "load": 7,
    "access": 10,
    "create file": 11,
    "delete key": 12,
    "write key": 13,
    "pipe": 18,
    "domain": 22,
    "logon": 4624,
    "failed": 4625,
    "task": 4698,
    "service": 4697,
}
_SECURITY = ("logon", "failed", "task", "service")  # fmt: skip


def event(draw: random.Random, number: int) -> Event:
    """Return an event by graphad's own names, `what` it is among them."""
    group = draw.randrange(3)
    program = f"{WINDOWS}{('svchost', 'lsass', 'winword')[group]}.exe"
    made: Event = {
        "what": draw.choices(list(_CODES), [5, 2, 1, 4, 3, 4, 1, 4, 1, 2, 4, 1, 1, 1])[0],
        "ts": FIRST + timedelta(seconds=20 * number),
        "host": f"ws-0{draw.randint(1, 2)}.corp.example",
        "user": f"CORP\\u{group}{draw.randint(1, 2)}",
        "exe": program,
        "process_guid": f"{{{group:08x}-0001-0001-0001-{draw.randint(1, 9):012x}}}",
    }
    match made["what"]:
        case "launch":
            parent = f"{WINDOWS}services.exe" if group < 2 else "C:\\Windows\\explorer.exe"
            service = draw.randint(1, 3)
            made |= {"parent_exe": parent, "command_line": f"{program} -k g{service}"}
            made["process_guid"] = f"{{{group:08x}-0005-0001-0001-{service:012x}}}"
            made["parent_guid"] = f"{{{group:08x}-0002-0001-0001-000000000001}}"
        case "load":
            made["file_path"] = f"{WINDOWS}lib{group}{draw.randint(1, 5)}.dll"
        case "connect" | "accept":
            made |= {
                "src_ip": f"10.1.0.{group}", "src_port": draw.randint(49152, 65535),
                "dst_ip": f"10.0.{group}.{draw.randint(1, 3)}",
                "dst_port": draw.choice([443, 445, 53]), "protocol": draw.choice(["tcp", "udp"]),
            }  # fmt: skip
        case "access":
            made |= {"target_exe": f"{WINDOWS}t{group}.exe", "access": "0x1000"}
            made["target_guid"] = f"{{{group:08x}-0006-0001-0001-000000000001}}"
        case "create file":
            made["file_path"] = f"C:\\Users\\u{group}\\Documents\\f{draw.randint(1, 9)}.txt"
        case "delete key" | "write key":
            made["registry_path"] = f"HKLM\\SOFTWARE\\Vendor{group}\\App\\v{draw.randint(1, 5)}"
        case "logon" | "failed":
            made |= {
                "target_user": f"u{group}{draw.randint(1, 2)}", "src_ip": f"10.1.{group}.9",
                "logon_type": draw.choice(["2", "3", "10"]), "user": "CORP\\svc",
            }  # fmt: skip
        case "task" | "service":
            made["service"] = f"\\Vendor{group}\\Update{draw.randint(1, 3)}"
        case "domain":
            made["domain"] = f"www{draw.randint(1, 3)}.example{group}.com"
        case _:
            made["pipe"] = f"\\pipe{group}{draw.randint(1, 3)}"
    return made


def events(count: int, seed: int = 0) -> list[Event]:
    """Return events in order of time."""
    draw = random.Random(seed)
    return [event(draw, number) for number in range(count)]


def odd() -> Event:
    """Return an event that no model has seen: a strange program in a temporary folder."""
    return {
        "what": "launch", "ts": FIRST + timedelta(days=2), "host": "ws-01.corp.example",
        "user": "CORP\\u21", "exe": "C:\\Users\\u2\\AppData\\Local\\Temp\\evil.exe",
        "process_guid": "{0000000b-0003-0001-0001-00000000000b}",
        "parent_exe": f"{WINDOWS}winword.exe", "command_line": "evil.exe -enc AAAABBBBCCCCDDDD",
        "parent_guid": "{00000002-0001-0001-0001-000000000001}",
    }  # fmt: skip


def _data(one: Event) -> Event:
    """Return the event's own data as Sysmon or the security log calls it."""
    if one["what"] in _SECURITY:
        names = {
            "target_user": "TargetUserName", "src_ip": "IpAddress", "logon_type": "LogonType",
            "service": "TaskName" if one["what"] == "task" else "ServiceName",
        }  # fmt: skip
        data = {names[name]: value for name, value in one.items() if name in names}
        domain, _, name = one["user"].partition("\\")
        return data | {"SubjectUserName": name, "SubjectDomainName": domain}
    acting = "SourceImage" if one["what"] == "access" else "Image"
    names = {
        "exe": acting, "user": "User", "parent_exe": "ParentImage", "command_line": "CommandLine",
        "target_exe": "TargetImage", "access": "GrantedAccess", "registry_path": "TargetObject",
        "src_ip": "SourceIp", "src_port": "SourcePort", "dst_ip": "DestinationIp",
        "dst_port": "DestinationPort", "protocol": "Protocol", "domain": "QueryName",
        "pipe": "PipeName", "parent_guid": "ParentProcessGuid", "target_guid": "TargetProcessGUID",
        "process_guid": "SourceProcessGUID" if one["what"] == "access" else "ProcessGuid",
        "file_path": "ImageLoaded" if one["what"] == "load" else "TargetFilename",
    }  # fmt: skip
    data = {names[name]: str(value) for name, value in one.items() if name in names}
    data["UtcTime"] = one["ts"].strftime("%Y-%m-%d %H:%M:%S.000")
    if one["what"] in ("connect", "accept"):
        data["Initiated"] = str(one["what"] == "connect").lower()
    if one["what"] in ("delete key", "write key"):
        data["EventType"] = "DeleteKey" if one["what"] == "delete key" else "SetValue"
    return data


def _log(one: Event) -> tuple[str, str]:
    """Return the channel and the provider of an event."""
    if one["what"] in _SECURITY:
        return "Security", "Microsoft-Windows-Security-Auditing"
    return f"{SYSMON}/Operational", SYSMON


def flat(one: Event) -> Event:
    """Return an event as NXLog writes it."""
    channel, provider = _log(one)
    return {
        "EventID": _CODES[one["what"]], "Channel": channel, "SourceName": provider,
        "Hostname": one["host"], "TimeCreated": one["ts"].isoformat(), **_data(one),
    }  # fmt: skip


def winlogbeat(one: Event) -> Event:
    """Return an event as winlogbeat writes it."""
    return {
        "@timestamp": one["ts"].isoformat().replace("+00:00", "Z"),
        "winlog": {
            "event_id": str(_CODES[one["what"]]), "channel": _log(one)[0],
            "provider_name": _log(one)[1], "computer_name": one["host"], "event_data": _data(one),
        },
        "agent": {"type": "winlogbeat", "version": "8.15.0"},
    }  # fmt: skip


def xml(one: Event) -> Event:
    """Return an event as XML made into JSON has it."""
    return {
        "Event": {
            "System": {
                "Provider": {"@Name": _log(one)[1]}, "EventID": {"#text": str(_CODES[one["what"]])},
                "Computer": one["host"],
            },
            "EventData": {"Data": [{"@Name": n, "#text": v} for n, v in _data(one).items()]},
        }
    }  # fmt: skip


def _nested(places: dict[str, object]) -> Event:
    made: Event = {}
    for place, value in places.items():
        *path, last = place.split(".")
        at = made
        for key in path:
            at = at.setdefault(key, {})
        at[last] = value
    return made


_ECS = {
    "launch": ("process", "start"), "connect": ("network", "start"),
    "accept": ("network", "connection"), "load": ("library", "start"),
    "create file": ("file", "creation"), "delete key": ("registry", "deletion"),
    "write key": ("registry", "change"), "domain": ("network", "protocol"),
    "logon": ("authentication", "start"),
}  # fmt: skip
_OCSF = {
    "launch": (1007, 1), "connect": (4001, 1), "accept": (4001, 1), "load": (1005, 1),
    "access": (1007, 3), "create file": (1001, 1), "delete key": (201001, 4),
    "write key": (201002, 2), "domain": (4003, 1), "logon": (3002, 1),
}  # fmt: skip


def _account(one: Event) -> Event:
    """Return an event with the account's domain in a field of its own; of a logon, who came."""
    if one["what"] == "logon":
        return one | {"user": one["target_user"], "user_domain": "CORP"}
    domain, _, name = one["user"].partition("\\")
    return one | {"user": name, "user_domain": domain}


def _each(one: Event, names: dict[str, str]) -> dict[str, object]:
    return {place: one[name] for name, place in names.items() if name in one}


def ecs(one: Event) -> Event | None:
    """Return an event by the Elastic Common Schema, None if that has no such category."""
    if one["what"] not in _ECS:
        return None
    category, kind = _ECS[one["what"]]
    places = _each(_account(one), {
        "host": "host.name", "user": "user.name", "user_domain": "user.domain",
        "exe": "process.executable",
        "parent_exe": "process.parent.executable", "command_line": "process.command_line",
        "file_path": "dll.path" if one["what"] == "load" else "file.path",
        "registry_path": "registry.path", "src_ip": "source.ip", "src_port": "source.port",
        "dst_ip": "destination.ip", "dst_port": "destination.port",
        "protocol": "network.transport", "domain": "dns.question.name",
        "process_guid": "process.entity_id", "parent_guid": "process.parent.entity_id",
    })  # fmt: skip
    places |= {"event.category": [category], "event.type": [kind], "@timestamp": str(one["ts"])}
    if one["what"] == "logon":
        # The schema has no place for it; without one the event is odd: nothing says how it came.
        places |= {"event.outcome": "success", "winlog.event_data.LogonType": one["logon_type"]}
    if one["what"] in ("connect", "accept"):
        places["network.direction"] = "egress" if one["what"] == "connect" else "ingress"
    return _nested(places)


def module(one: Event) -> Event | None:
    """Return an event as winlogbeat's module for Sysmon writes it: its data moved to ECS fields."""
    moved = ecs(one)
    if moved is None or one["what"] in _SECURITY:
        return None
    kept = ("Initiated", "EventType", "UtcTime")
    winlog: Event = winlogbeat(one)["winlog"]
    data = {name: value for name, value in winlog["event_data"].items() if name in kept}
    return moved | {"winlog": winlog | {"event_data": data}}


def ocsf(one: Event) -> Event | None:
    """Return an event by the Open Cybersecurity Schema Framework, None without such a class."""
    if one["what"] not in _OCSF:
        return None
    made = one["what"] in ("launch", "access")
    started = {"exe": "process.file.path", "command_line": "process.cmd_line",
               "parent_exe": "actor.process.file.path"}  # fmt: skip
    opened = {"exe": "actor.process.file.path", "target_exe": "process.file.path"}
    who = "user" if one["what"] == "logon" else "actor.user"
    places = _each(_account(one), {
        "host": "device.hostname", "user": f"{who}.name", "user_domain": f"{who}.domain",
        "logon_type": "logon_type_id",
        **(({"launch": started, "access": opened}[one["what"]]) if made
           else {"exe": "actor.process.file.path"}),
        "file_path": "module.file.path" if one["what"] == "load" else "file.path",
        "registry_path": "reg_value.path" if one["what"] == "write key" else "reg_key.path",
        "src_ip": "src_endpoint.ip", "src_port": "src_endpoint.port",
        "dst_ip": "dst_endpoint.ip", "dst_port": "dst_endpoint.port",
        "protocol": "connection_info.protocol_name", "domain": "query.hostname",
        "access": "requested_permissions",
    })  # fmt: skip
    number, activity = _OCSF[one["what"]]
    places |= {"class_uid": number, "activity_id": activity,
               "time": int(one["ts"].timestamp() * 1000)}  # fmt: skip
    if one["what"] in ("connect", "accept"):
        places["connection_info.direction_id"] = 2 if one["what"] == "connect" else 1
    return _nested(places)


def plain(one: Event) -> Event | None:
    """Return an event by graphad's own names."""
    said = {
        "connect": "network connect", "accept": "network accept", "create file": "file create",
        "delete key": "registry delete", "write key": "registry write", "pipe": "pipe connect",
        "access": "access access", "task": "service install", "service": "service install",
        "failed": "logon",
    }  # fmt: skip
    what: str = one["what"]
    kind, _, action = said.get(what, what).partition(" ")
    made = {name: value for name, value in one.items() if name not in ("what", "ts")}
    if kind == "service":
        made = {name: value for name, value in made.items() if name != "exe"} | {
            "type": one["what"],
            "user": one["user"].rpartition("\\")[2],
        }
    if one["what"] == "accept":  # the far end
        made |= {"dst_ip": one["src_ip"], "dst_port": one["src_port"]}
    return {"kind": kind, "action": action, "time": one["ts"].timestamp(), **made}


SHAPES: Sequence[Callable[[Event], Event | None]] = (
    flat,
    winlogbeat,
    module,
    xml,
    ecs,
    ocsf,
    plain,
)


def lines(some: Sequence[Event], shape: Callable[[Event], Event | None] = flat) -> Iterator[bytes]:
    """Yield events as lines of JSON, without line ends."""
    for one in some:
        made = shape(one)
        if made is not None:
            yield json.dumps(made).encode()
