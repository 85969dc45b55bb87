"""eCAR: DARPA OpTC's events of Windows hosts, one JSON object a line.

An event has an object, an action, and the ids of what acted and of what was acted upon; -1 and the
id of zeros say that something is not known. A time is ISO 8601 or milliseconds.

Source: Five Directions' description of eCAR, and MITRE's CAR, which it extends.
"""

import re

import pyarrow as pa
import pyarrow.compute as pc

from graphad.decoders.json_decoder import JsonDecoder
from graphad.parse import Decoder, Options, Parser
from graphad.relations import Claim, End, Relations

_FIELDS = """
ts              timestamp timestamp_ms
host            hostname
object_type     object
action          action
process_guid    actorID
target_guid     objectID
pid             pid
tid             tid
parent_pid      ppid
user            principal
user_sid        properties.sid
exe             properties.image_path
command_line    properties.command_line
parent_exe      properties.parent_image_path
file_path       properties.file_path properties.module_path
new_path        properties.new_path
registry_path   properties.key
registry_data   properties.data
src_ip          properties.src_ip
src_port        properties.src_port
dst_ip          properties.dest_ip
dst_port        properties.dest_port
protocol        properties.l4protocol
direction       properties.direction
target_user     properties.user
target_pid      properties.tgt_pid
service         properties.name
task_name       properties.task_name
logon_id        properties.logon_id
script          properties.payload
context         properties.context_info
"""
FIELDS = tuple(
    (path, column)
    for column, *paths in (line.split() for line in _FIELDS.strip().splitlines())
    for path in paths
)
_MILLIS = r'"timestamp(?:_ms)?"\s*:\s*"?(?P<ms>[0-9]{12,13})"?\s*[,}]'
_US = pa.timestamp("us")


def finish(raw: pa.Table, options: Options) -> pa.Table:
    """Fill ts from milliseconds where the time is no text, and host where there is none."""
    n = len(raw)
    ts = raw["ts"] if "ts" in raw.column_names else pa.chunked_array([pa.nulls(n, _US)])
    if ts.null_count and "attrs" in raw.column_names:
        texts = raw["attrs"].combine_chunks()
        found = pc.struct_field(pc.extract_regex(texts.dictionary, _MILLIS), "ms")
        micros = pc.multiply(found.cast(pa.int64()), 1000).cast(_US)
        ts = pc.coalesce(ts, pa.chunked_array([micros.take(texts.indices)]))
    columns = {"ts": ts}
    unknown = pa.scalar(options.host or "unknown")
    host = raw["host"].cast(pa.string()) if "host" in raw.column_names else None
    if host is None:
        columns["host"] = pa.array([unknown.as_py()] * n, pa.string())
    elif host.null_count:
        columns["host"] = pc.coalesce(host, unknown)
    for name, values in columns.items():
        at = raw.schema.get_field_index(name)
        raw = raw.append_column(name, values) if at < 0 else raw.set_column(at, name, values)
    return raw


def _id(column: str) -> str:
    return f"regexp_extract_all(lower({column}), '^.*[1-9a-f].*$')[1]"


def _at(address: str, port: str) -> str:
    return rf"regexp_replace({address}, '^(.*:.*)$', '[\1]') || ':' || nullif({port}, 0)"


def _folded(type_: str, column: str) -> End:
    return End(type_, f"lower(nullif({column}, ''))", column)


_OTHER = """try(json_extract_string(attrs, '$."properties.tgt_pid_uuid"'))"""
_BY_PID = "'pid:' || nullif({}, -1)"
ENDS = {
    "actor": End("process", f"coalesce({_id('process_guid')}, {_BY_PID.format('pid')})", "exe"),
    "parent": End(
        "process", f"coalesce({_id('process_guid')}, {_BY_PID.format('parent_pid')})", "parent_exe"
    ),
    "created": End("process", _id("target_guid"), "exe", "command_line"),
    "opened": End("process", _id("target_guid"), "'(unnamed)'"),
    "injected": End(
        "process", f"coalesce({_id(_OTHER)}, {_BY_PID.format('target_pid')})", "'(unnamed)'"
    ),
    "image": _folded("file", "exe"),
    "file": _folded("file", "file_path"),
    "new path": _folded("file", "new_path"),
    "key": _folded("registry", "registry_path"),
    "source": End("socket", _at("src_ip", "src_port")),
    "target": End("socket", _at("dst_ip", "dst_port")),
    "service": _folded("service", "service"),
    "task": _folded("task", "task_name"),
    "from": End("address", "nullif(src_ip, '')"),
    "account": _folded("user", 'coalesce(target_user, "user")'),
    "principal": _folded("user", '"user"'),
    "session": End("session", _id("target_guid")),
    "host": _folded("host", "host"),
}
_NEAR, _FAR = _at("lower(src_ip)", "src_port"), _at("lower(dst_ip)", "dst_port")
_OPENED = tuple(f"FLOW {done} out" for done in ("START", "OPEN"))
_TAKEN = tuple(f"FLOW {done} in" for done in ("START", "OPEN"))
CLAIMS = [
    Claim("birth", ENDS["created"], "pid", ("PROCESS CREATE",), each=True),
    Claim("death", ENDS["created"], "pid", ("PROCESS TERMINATE",), each=True),
    Claim("sid", ENDS["principal"], "user_sid", ("PROCESS CREATE",)),
    Claim("address", ENDS["host"], "lower(src_ip)", _OPENED),
    Claim("connect", ENDS["target"], _NEAR, _OPENED, far=_FAR, each=True),
    Claim("accept", ENDS["source"], _NEAR, _TAKEN, far=_FAR, each=True),
]
_FILE = {"CREATE": "create", "WRITE": "write", "MODIFY": "write", "DELETE": "delete"}
_KEY = {"ADD": "create", "EDIT": "write", "REMOVE": "delete"}
_DONE = {"CREATE": "install", "START": "start", "MODIFY": "change", "DELETE": "change"}
EDGES = {
    "PROCESS CREATE": [("parent", "launch", "created"), ("image", "exec", "created")],
    "PROCESS OPEN": [("actor", "access", "opened")],
    "THREAD REMOTE_CREATE": [("actor", "inject", "injected")],
    "FILE READ": [("file", "read", "actor")],
    "FILE RENAME": [("file", "rename", "new path"), ("actor", "rename", "new path")],
    "MODULE LOAD": [("file", "load", "actor")],
    **{f"FILE {done}": [("actor", action, "file")] for done, action in _FILE.items()},
    **{f"REGISTRY {done}": [("actor", action, "key")] for done, action in _KEY.items()},
    **{f"SERVICE {done}": [("actor", action, "service")] for done, action in _DONE.items()},
    **{f"TASK {done}": [("actor", action, "task")] for done, action in _DONE.items()},
    **{f"FLOW {done} out": [("actor", "connect", "target")] for done in ("START", "OPEN")},
    **{f"FLOW {done} in": [("source", "accept", "actor")] for done in ("START", "OPEN")},
    "FLOW MESSAGE out": [("actor", "send", "target")],
    "FLOW MESSAGE in": [("source", "receive", "actor")],
    **{
        f"USER_SESSION {done}": [("from", "logon", "session"), ("account", "logon", "session")]
        for done in ("LOGIN", "REMOTE", "INTERACTIVE", "RDP", "UNLOCK")
    },
    "USER_SESSION LOGOUT": [("session", "logoff", "host")],
}
RULES = {
    "PROCESS TERMINATE": "process ended",
    "THREAD CREATE": "thread of its own process",
    "THREAD TERMINATE": "thread of its own process",
    "USER_SESSION GRANT": "rights of a logon",
    "SHELL COMMAND": "command in a shell; what it did is told by itself",
    "HOST START": "host started",
    **dict.fromkeys(EDGES, "an end of its edge is not named"),
}
_KIND = """object_type || ' ' || "action" || CASE WHEN object_type = 'FLOW'
    THEN CASE WHEN lower(direction) = 'inbound' THEN ' in' ELSE ' out' END ELSE '' END"""
_EVENT = re.compile(
    rb'"object"\s*:\s*"(?:PROCESS|FILE|FLOW|MODULE|REGISTRY|THREAD|SERVICE|TASK|USER_SESSION'
    rb'|SHELL|HOST)"'
)


def sniff(head: bytes) -> float:
    """Return how sure it is that these are eCAR's events."""
    if head.lstrip(b"\xef\xbb\xbf \t\r\n[")[:1] != b"{":
        return 0.0
    named = b'"actorID"' in head and b'"objectID"' in head
    return 0.97 if named and _EVENT.search(head) else 0.0


def decoder(options: Options) -> Decoder:
    """Return a decoder."""
    return JsonDecoder(FIELDS, options, finish)


parser = Parser(
    name="ecar",
    about="eCAR: host events of DARPA OpTC as JSON",
    sniff=sniff,
    decoder=decoder,
    mapping=Relations(
        kind=f"CASE WHEN ts IS NOT NULL THEN {_KIND} END",
        ends=ENDS,
        edges=EDGES,
        rules=RULES,
        claims=CLAIMS,
    ),
    ignore="""CASE WHEN object_type IS NOT NULL AND "action" IS NOT NULL AND ts IS NOT NULL
        THEN 'no relation in this kind of event' END""",
    reject="CASE WHEN object_type IS NULL OR \"action\" IS NULL THEN 'no object or action' "
    "ELSE 'no time' END",
)
