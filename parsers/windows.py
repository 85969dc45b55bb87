"""Sysmon, Security and other Windows events as JSON, in the shapes that shippers give them.

Flat (NXLog, Logstash), winlogbeat 6 and 7, XML to JSON (`Event.System`, `Event.EventData`), with a
byte order mark or not, one a line or in an array.

Sources: Sysmon's manifest, Microsoft's auditing reference, winlogbeat's exported fields.
"""

import re

from graphad.parse import Decoder, Options, Parser
from graphad.relations import Claim, End, Relations

_NAMES = re.compile(
    rb'"(?:EventID|EventId|event_id|EventCode|EventRecordID|log_name|Channel|channel|ProviderGuid'
    rb'|provider_guid|SourceName|ProcessGuid|UtcTime|computer_name)"\s*:'
)


def sniff(head: bytes) -> float:
    """Return how sure it is that this is JSON with the names of Windows events."""
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start[:1] not in (b"{", b"["):
        return 0.0
    names = {name.split(b'"')[1].lower() for name in _NAMES.findall(head)}
    if not names & {b"eventid", b"event_id", b"eventcode"}:
        return 0.0
    return 0.95 if len(names) > 1 else 0.3


def decoder(options: Options) -> Decoder:
    """Return a decoder; its scanner is only loaded here, for it is compiled."""
    from graphad.windows_decode import windows_decoder

    return windows_decoder(options)


def _guid(column: str) -> str:
    # Sysmon writes zeros for a process that it does not know.
    return f"nullif(lower(trim({column}, '{{}}')), '00000000-0000-0000-0000-000000000000')"


def _by_pid(pid: str, exe: str) -> str:
    program = rf"regexp_extract(lower({exe}), '[^\\/]+$')"
    return f"'pid:' || {pid} || coalesce(':' || nullif(nullif({program}, ''), '-'), '')"


def _first_of(guid: str, pid: str, exe: str) -> str:
    return f"coalesce({_guid(guid)}, {_by_pid(pid, exe)})"


def _born(guid: str) -> str:
    # The middle of a Sysmon GUID is the second at which the process began, low half first.
    parts = [f"substr({guid}, {at}, 4)" for at in (15, 10)]
    good = f"regexp_full_match({guid}, '[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}')"
    return f"CASE WHEN {good} THEN try_cast('0x' || {' || '.join(parts)} AS BIGINT) END"


def _at(address: str, port: str) -> str:
    bracketed = (
        f"CASE WHEN contains({address}, ':') THEN '[' || {address} || ']' ELSE {address} END"
    )
    return f"{bracketed} || ':' || {port}"


# What an edge's end can be. A process is known by its GUID; without one by its id and program,
# which is weaker, for Windows uses ids again: see docs/identity.md. A path is the same file in
# whatever case it is written.
_PROCESS = _first_of("process_guid", "pid", "exe")
_TARGET = _first_of("target_guid", "target_pid", "target_exe")
_FILE = "nullif(file_path, '-')"
_SHARED = r"share || '\' || coalesce(file_path, '')"
_ACCOUNT = r"""CASE WHEN user_domain IS NULL OR user_domain = '-' OR contains("user", '\')
    THEN nullif("user", '-') ELSE user_domain || '\' || nullif("user", '-') END"""
_OTHER = r"""CASE WHEN target_domain IS NULL OR target_domain = '-' THEN nullif(target_user, '-')
    ELSE target_domain || '\' || nullif(target_user, '-') END"""


_SESSION = "nullif(lower(target_logon), '0x0')"


def _logon(logon: str) -> str:
    # Those of the system itself say nothing of where a process comes from.
    system = "('0x0', '0x3e4', '0x3e5', '0x3e7')"
    return f"CASE WHEN lower({logon}) NOT IN {system} THEN lower({logon}) END"


def _whatever_case(kind: str, text: str) -> End:
    return End(kind, f"lower({text})", text)


_ENDS = {
    "process": End("process", _PROCESS, "exe", "command_line"),
    "acting": End("process", _PROCESS, "exe"),
    "target": End("process", _TARGET, "target_exe"),
    "created": End("process", _TARGET, "target_exe", "command_line"),
    "parent": End(
        "process",
        _first_of("parent_guid", "parent_pid", "parent_exe"),
        "parent_exe",
        "parent_command",
    ),
    "creator": End("process", _first_of("process_guid", "pid", "parent_exe"), "parent_exe"),
    "kernel": End("process", "'pid:4:system'", "'System'"),
    "file": _whatever_case("file", _FILE),
    "image": _whatever_case("file", "exe"),
    "new image": _whatever_case("file", "target_exe"),
    "shared": _whatever_case("file", _SHARED),
    "key": _whatever_case("registry", "registry_path"),
    "object": _whatever_case("registry", _FILE),
    "pipe": _whatever_case("pipe", "pipe"),
    "domain": End("domain", "lower(domain)"),
    "remote": End("socket", _at("dst_ip", "dst_port")),
    "caller": End("socket", _at("nullif(src_ip, '-')", "src_port")),
    "address": End("address", "nullif(src_ip, '-')"),
    "account": _whatever_case("user", _ACCOUNT),
    "other": _whatever_case("user", _OTHER),
    "session": End("session", _SESSION),
    "own session": End("session", _logon("logon_id")),
    "its session": End("session", _logon("coalesce(nullif(lower(target_logon), '0x0'), logon_id)")),
    "service": _whatever_case("service", "service"),
    "task": _whatever_case("task", "task_name"),
    "host": _whatever_case("host", "host"),
}

# log, event id, variant (see _VARIANT); from where, how, to where. Two rows: two edges a record.
_SYSMON = [
    (1, 0, "parent", "launch", "process"), (1, 0, "image", "exec", "process"),
    (1, 0, "own session", "start", "process"),
    (2, 0, "acting", "chmod", "file"), (3, 0, "acting", "connect", "remote"),
    (3, 1, "caller", "accept", "acting"), (6, 0, "file", "load", "kernel"),
    (7, 0, "file", "load", "acting"), (8, 0, "acting", "inject", "target"),
    (9, 0, "file", "read", "acting"), (10, 0, "acting", "access", "target"),
    (11, 0, "acting", "create", "file"), (15, 0, "acting", "create", "file"),
    (29, 0, "acting", "create", "file"), (12, 0, "acting", "create", "key"),
    (12, 1, "acting", "delete", "key"), (13, 0, "acting", "write", "key"),
    (14, 0, "acting", "rename", "key"), (17, 0, "acting", "create", "pipe"),
    (18, 0, "acting", "connect", "pipe"), (19, 0, "account", "install", "task"),
    (20, 0, "account", "install", "task"), (21, 0, "account", "install", "task"),
    (22, 0, "acting", "resolve", "domain"), (23, 0, "acting", "delete", "file"),
    (26, 0, "acting", "delete", "file"),
]  # fmt: skip
_SECURITY = [
    (4688, 0, "creator", "launch", "created"), (4688, 0, "new image", "exec", "created"),
    (4688, 0, "its session", "start", "created"),
    (4663, 0, "file", "read", "acting"), (4663, 1, "acting", "write", "file"),
    (4663, 2, "acting", "delete", "file"), (4663, 10, "object", "read", "acting"),
    (4663, 11, "acting", "write", "object"), (4663, 12, "acting", "delete", "object"),
    (4657, 0, "acting", "write", "object"), (5156, 0, "acting", "connect", "remote"),
    (5156, 1, "caller", "accept", "acting"), (5154, 0, "acting", "bind", "caller"),
    (5158, 0, "acting", "bind", "caller"), (5140, 0, "shared", "read", "address"),
    (5145, 0, "shared", "read", "address"), (5140, 1, "address", "write", "shared"),
    (5145, 1, "address", "write", "shared"), (5140, 2, "address", "delete", "shared"),
    (5145, 2, "address", "delete", "shared"), (4624, 0, "address", "logon", "session"),
    (4624, 0, "other", "logon", "session"), (4625, 0, "address", "logon", "other"),
    (4648, 0, "address", "logon", "other"), (4648, 0, "account", "logon", "other"),
    (4634, 0, "session", "logoff", "host"), (4647, 0, "session", "logoff", "host"),
    (4697, 0, "account", "install", "service"), (4698, 0, "account", "install", "task"),
    *((code, 0, "account", "change", "task") for code in range(4699, 4703)),
    *((code, 0, "account", "change", "other") for code in range(4720, 4768)),
    (1102, 0, "account", "change", "host"),
]  # fmt: skip
_SYSTEM = [(104, 0, "account", "change", "host"), (7045, 0, "file", "install", "service")]
_TASKS = [
    (106, 0, "account", "install", "task"), (140, 0, "account", "change", "task"),
    (141, 0, "account", "change", "task"),
]  # fmt: skip

_LOG = """CASE WHEN channel = 'Microsoft-Windows-Sysmon/Operational'
         OR provider = 'Microsoft-Windows-Sysmon'
         OR (provider IS NULL AND channel IS NULL) THEN 'sysmon'
    WHEN lower(channel) = 'security'
         OR provider = 'Microsoft-Windows-Security-Auditing' THEN 'security'
    WHEN lower(channel) = 'system' THEN 'system'
    WHEN channel = 'Microsoft-Windows-TaskScheduler/Operational' THEN 'tasks' END"""
_CODE = "try_cast(code AS INTEGER)"
_DONE = """CASE WHEN try_cast(access AS BIGINT) & 65536 > 0 THEN 2
    WHEN try_cast(access AS BIGINT) & 6 > 0 THEN 1 ELSE 0 END"""
# The variant of an event: was a connection inbound, a key deleted, an object read (0), written (1)
# or deleted (2), and was that object a registry key (10 and on); -1 is no relation of ours.
_VARIANT = f"""coalesce(CASE
    WHEN {_CODE} IN (3, 5156) THEN (direction IN ('false', '%%14592'))::INTEGER
    WHEN {_CODE} = 12 THEN starts_with(action, 'Delete')::INTEGER
    WHEN {_CODE} IN (5140, 5145) THEN {_DONE}
    WHEN {_CODE} = 4663 THEN CASE object_type WHEN 'File' THEN {_DONE}
                                              WHEN 'Key' THEN {_DONE} + 10 ELSE -1 END
    END, 0)"""


def _edges() -> dict[str, list[tuple[str, str, str]]]:
    edges: dict[str, list[tuple[str, str, str]]] = {}
    for log, rows in (
        ("sysmon", _SYSMON), ("security", _SECURITY), ("system", _SYSTEM), ("tasks", _TASKS),
    ):  # fmt: skip
        for code, variant, src, action, dst in rows:
            edges.setdefault(f"{log} {code} {variant}", []).append((src, action, dst))
    return edges


_ADDRESS = "nullif(replace(lower({}), '::ffff:', ''), '-')"
_FROM = _at(_ADDRESS.format("src_ip"), "nullif(src_port, 0)")
_TO = _at(_ADDRESS.format("dst_ip"), "nullif(dst_port, 0)")
_OUT, _IN = ("sysmon 3 0", "security 5156 0"), ("sysmon 3 1", "security 5156 1")
_IDENTIFIED = [
    ("process_guid", "pid", "exe"), ("parent_guid", "parent_pid", "parent_exe"),
    ("target_guid", "target_pid", "target_exe"),
]  # fmt: skip
_CLAIMS = [
    *(
        Claim("process", End("process", _guid(guid), exe), pid, born=_born(_guid(guid)))
        for guid, pid, exe in _IDENTIFIED
    ),
    Claim("birth", End("process", _guid("process_guid"), "exe", "command_line"), "pid",
          ("sysmon 1 0",), each=True),
    Claim("death", End("process", _guid("process_guid"), "exe"), "pid", ("sysmon 5 0",), each=True),
    Claim("pid birth", _ENDS["created"], "target_pid", ("security 4688 0",), each=True),
    Claim("pid death", _ENDS["acting"], "pid", ("security 4689 0",), each=True),
    Claim("logon", _ENDS["session"], _SESSION, ("security 4624 0",), each=True),
    Claim("logoff", _ENDS["session"], _SESSION, ("security 4634 0", "security 4647 0"), each=True),
    Claim("boot", _ENDS["host"], "code", ("security 4608 0", "system 6005 0", "system 6009 0"),
          each=True),
    Claim("sid", _ENDS["account"], "user_sid"),
    Claim("sid", _ENDS["other"], "target_sid"),
    # Whoever opens a connection names itself and its address as the source.
    Claim("name", _ENDS["host"], "nullif(lower(src_host), '-')", ("sysmon 3 0",)),
    Claim("address", _ENDS["host"], _ADDRESS.format("src_ip"), _OUT),
    Claim("connect", _ENDS["remote"], _FROM, _OUT, far=_TO, each=True),
    Claim("accept", _ENDS["caller"], _FROM, _IN, far=_TO, each=True),
    Claim("caller", _ENDS["address"], _FROM,
          ("security 4624 0", "security 4625 0", "security 5140 0", "security 5145 0"), each=True),
]  # fmt: skip

parser = Parser(
    name="windows",
    about="Sysmon, Security and other Windows events as JSON",
    sniff=sniff,
    decoder=decoder,
    mapping=Relations(
        kind=f"{_LOG} || ' ' || {_CODE} || ' ' || {_VARIANT}",
        ends=_ENDS,
        edges=_edges(),
        outcome=f"CASE WHEN {_CODE} = 4625 THEN 'failure' END",
        claims=_CLAIMS,
    ),
    ignore="""CASE
        WHEN code IS NULL OR ts IS NULL THEN NULL
        WHEN channel LIKE '%PowerShell%' THEN 'PowerShell: names no process'
        WHEN channel IN ('Security', 'security') AND code IN ('4656', '4658', '4690')
            THEN 'handle asked for or closed; 4663 says what was done'
        WHEN channel IN ('Security', 'security') AND code = '4689' OR code = '5' AND (
             channel = 'Microsoft-Windows-Sysmon/Operational' OR channel IS NULL)
            THEN 'process ended'
        ELSE coalesce(channel, 'event') || ': no relation in this event id, or one end unnamed'
    END""",
    reject="CASE WHEN code IS NULL THEN 'no event id' ELSE 'no time' END",
)
