"""What Carbon Black's events say: processes, connections, files, registry, modules.

As its event forwarder writes them (`ingress.event...`), as its cloud's data forwarder does
(`endpoint.event...`), and as tables with those columns.

Sources: Carbon Black's documentation of the event forwarder and of the data forwarder's schema.
"""

import re
from typing import Any

from graphad.decoders.cloud_acts import named
from graphad.decoders.cloud_decode import Thing, Told
from graphad.decoders.cloud_edr import add, file, process, socket, whole
from graphad.decoders.cloud_table import table_or_json
from graphad.decoders.cloud_values import at, first, text, time_us
from graphad.decoders.told_claims import addresses, connection, end, lived
from graphad.parse import Decoder, Options

COLUMNS = [
    ("computer_name", "host"), ("device_name", "host"), ("type", "code"), ("username", "user"),
    ("process_username", "user"), ("command_line", "command_line"),
    ("process_cmdline", "command_line"), ("path", "exe"), ("process_path", "exe"),
    ("process_guid", "process_guid"), ("parent_guid", "parent_guid"),
    ("parent_path", "parent_exe"), ("remote_ip", "dst_ip"), ("local_ip", "src_ip"),
    ("domain", "domain"), ("netconn_domain", "domain"), ("md5", "hashes"),
]  # fmt: skip
_ENDING = re.compile(r"(?:\w+\.event\.)?(\w+)")
_WRITES = re.compile(r"(?i)delete"), re.compile(r"(?i)creat|first")
_ELSE = "no relation in this type of event"


def decoder(options: Options) -> Decoder:
    """Return a decoder of Carbon Black's events, as JSON or as CSV."""
    return table_or_json(options, tell, ["results", "docs"], COLUMNS)


def _time(event: dict[str, Any]) -> int | None:
    """Return when: a text, or seconds since 1970, which may be so many with a fraction."""
    said = first(event, "device_timestamp", "timestamp", "event_timestamp", "create_time", "start")
    if said and re.fullmatch(r"\d{9,10}(?:\.\d+)?", said):
        return int(float(said) * 1_000_000)
    return time_us(re.sub(r"^(\S+) (\S+) ([+-]\d{4})\b.*$", r"\1T\2\3", said) if said else None)


def tell(event: dict[str, Any], options: Options) -> Told:
    """Return what an event says."""
    told = Told(ts=_time(event), host=first(event, "computer_name", "device_name", "hostname"))
    kind = text(event, "type")
    found = _ENDING.fullmatch(kind) if kind else None
    what = found[1] if found else "procstart" if text(event, "process_guid") else None
    if what is None:
        told.reason = "no type of event"
        return told
    path = first(event, "path", "process_path", "process_name")
    actor = process(
        first(event, "pid", "process_pid"), None, path,
        first(event, "command_line", "process_cmdline", "cmdline"), text(event, "process_guid"),
    )  # fmt: skip
    told.claims += lived("process", actor, whole(first(event, "pid", "process_pid")))
    _add(event, what, path, actor, told)
    if not told.edges:
        told.rule = told.rule or "an end of its edge is not named"
    return told


def _add(
    event: dict[str, Any], what: str, path: str | None, actor: Thing | None, told: Told
) -> None:
    if what in ("procstart", "process"):
        parent = process(
            text(event, "parent_pid"), None, first(event, "parent_path", "parent_name"),
            first(event, "parent_command_line", "parent_cmdline"),
            first(event, "parent_guid", "parent_process_guid"),
        )  # fmt: skip
        add(told, parent, "launch", actor)
        add(told, file(path), "exec", actor)
        told.claims += lived("process", parent, whole(text(event, "parent_pid")))
        told.claims += lived("birth", actor, whole(first(event, "pid", "process_pid")))
    elif what == "childproc":
        child = process(
            first(event, "child_pid", "childproc_pid"), None,
            first(event, "childproc_name", "child_path"), text(event, "childproc_cmdline"),
            first(event, "child_process_guid", "childproc_guid"),
        )  # fmt: skip
        add(told, actor, "launch", child)
        told.claims += lived("process", child, whole(first(event, "child_pid", "childproc_pid")))
    elif what in ("netconn", "netconn2"):
        remote = socket(first(event, "remote_ip", "ipv4"), first(event, "remote_port", "port"))
        mine = end(text(event, "local_ip"), text(event, "local_port"))
        its = end(first(event, "remote_ip", "ipv4"), first(event, "remote_port", "port"))
        if told.host:
            told.claims += addresses(named("host", told.host.lower()), [text(event, "local_ip")])
        if _inbound(event):
            add(told, remote, "accept", actor)
            told.claims += connection("accept", remote, its, mine)
        else:
            add(told, actor, "connect", remote)
            told.claims += connection("connect", remote, mine, its)
            domain = first(event, "domain", "netconn_domain")
            add(told, actor, "resolve", named("domain", domain.lower()) if domain else None)
    elif what == "filemod":
        add(told, actor, _verb(event), file(first(event, "filemod_name", "target", "file_path")))
    elif what == "regmod":
        key = first(event, "regmod_name", "registry_path")
        key_path = path if key is None and "type" in event else key
        add(told, actor, _verb(event),
            Thing("registry", key_path.lower(), key_path) if key_path else None)  # fmt: skip
    elif what in ("moduleload", "modload"):
        name = first(event, "modload_name", "loaded_path")
        add(told, Thing("module", name.lower(), name) if name else None, "load", actor)
    elif what in ("crossproc", "crossprocopen", "remotethread"):
        other = process(
            first(event, "crossproc_pid", "target_pid"), None,
            first(event, "crossproc_name", "target_path"), None,
            first(event, "crossproc_guid", "target_process_guid", "target_guid"),
        )  # fmt: skip
        api = (first(event, "crossproc_api", "crossproc_action") or what).lower()
        injects = what == "remotethread" or "thread" in api or "write" in api
        add(told, actor, "inject" if injects else "access", other)
    else:
        told.rule = _ELSE


def _inbound(event: dict[str, Any]) -> bool:
    said = at(event, "netconn_inbound")
    return said in (True, "true", "True") or text(event, "direction") == "inbound"


def _verb(event: dict[str, Any]) -> str:
    """Return what was done to a file or key."""
    done = first(event, "action", "actiontype", "filemod_action") or ""
    deletes, makes = _WRITES
    return "delete" if deletes.search(done) else "create" if makes.search(done) else "write"
