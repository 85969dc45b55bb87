"""Sysmon, Security and other Windows events as JSON, in the shapes that shippers give them.

Flat (NXLog, Logstash), winlogbeat 6 and 7, XML to JSON (`Event.System`, `Event.EventData`), with a
byte order mark or not, one a line or in an array.

Sources: Sysmon's manifest, Microsoft's auditing reference, winlogbeat's exported fields.
"""

import re

from graphad.parse import Decoder, Options, Parser

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


# Who and what, once a record. A process is known by its GUID; without one by its id alone, which is
# weaker: Windows uses ids again.
_EVENTS = """
    SELECT record, ts, host, try_cast(code AS INTEGER) AS code,
           CASE WHEN provider = 'Microsoft-Windows-Sysmon'
                     OR channel = 'Microsoft-Windows-Sysmon/Operational'
                     OR (provider IS NULL AND channel IS NULL) THEN 'sysmon'
                WHEN channel IN ('Security', 'security')
                     OR provider = 'Microsoft-Windows-Security-Auditing' THEN 'security'
                WHEN channel IN ('System', 'system') THEN 'system'
                WHEN channel = 'Microsoft-Windows-TaskScheduler/Operational' THEN 'tasks'
           END AS log,
           coalesce(lower(trim(process_guid, '{}')), 'pid:' || pid) AS process,
           coalesce(lower(trim(target_guid, '{}')), 'pid:' || target_pid) AS target,
           coalesce(lower(trim(parent_guid, '{}')), 'pid:' || parent_pid) AS parent,
           nullif(exe, '-') AS exe, command_line, nullif(parent_exe, '-') AS parent_exe,
           parent_command, nullif(target_exe, '-') AS target_exe,
           nullif(file_path, '-') AS file_path, registry_path, action, object_type, access,
           nullif(src_ip, '-') AS src_ip, src_port, nullif(dst_ip, '-') AS dst_ip, dst_port,
           direction IN ('false', '%%14592') AS inbound, domain, pipe,
           CASE WHEN user_domain IS NULL OR user_domain = '-' OR contains("user", '\\')
                THEN nullif("user", '-') ELSE user_domain || '\\' || nullif("user", '-')
           END AS account,
           CASE WHEN target_domain IS NULL OR target_domain = '-' THEN nullif(target_user, '-')
                ELSE target_domain || '\\' || nullif(target_user, '-') END AS target_account,
           nullif(target_logon, '0x0') AS session, service, task_name, share
    FROM raw"""


def _socket(ip: str, port: str) -> str:
    return f"CASE WHEN contains({ip}, ':') THEN '[' || {ip} || ']' ELSE {ip} END || ':' || {port}"


# kind: event ids; source type, key, label, detail; action; destination type, key, label, detail.
# A path is the same file whatever the case it is written in.
_PROCESS = ("process", "process", "exe", "NULL")
_TARGET = ("process", "target", "target_exe", "NULL")
_FILE = ("file", "lower(file_path)", "file_path", "NULL")
_ACCOUNT = ("user", "lower(account)", "account", "NULL")
_OTHER = ("user", "lower(target_account)", "target_account", "NULL")
_REMOTE = ("socket", _socket("dst_ip", "dst_port"), "NULL", "NULL")
_CALLER = ("socket", _socket("src_ip", "src_port"), "NULL", "NULL")
_KEY = ("registry", "lower(registry_path)", "registry_path", "NULL")
_PIPE = ("pipe", "lower(pipe)", "pipe", "NULL")
_SESSION = ("session", "session", "NULL", "NULL")
_SERVICE = ("service", "lower(service)", "service", "NULL")
_TASK = ("task", "lower(task_name)", "task_name", "NULL")
_HOST = ("host", "lower(host)", "host", "NULL")
_SHARED = (
    "file",
    "lower(share || '\\' || coalesce(file_path, ''))",
    "share || '\\' || file_path",
    "NULL",
)
_ADDRESS = ("address", "src_ip", "NULL", "NULL")
_MASK = "try_cast(access AS BIGINT)"
_DONE = (
    f"CASE WHEN {_MASK} & 65536 > 0 THEN 'delete' WHEN {_MASK} & 6 > 0 THEN 'write' ELSE 'read' END"
)
_RULES = [
    ("sysmon", "code = 1", ("process", "parent", "parent_exe", "parent_command"), "'launch'",
     ("process", "process", "exe", "command_line")),
    ("sysmon", "code = 1", ("file", "lower(exe)", "exe", "NULL"), "'exec'",
     ("process", "process", "exe", "command_line")),
    ("sysmon", "code = 2", _PROCESS, "'chmod'", _FILE),
    ("sysmon", "code = 3 AND NOT coalesce(inbound, false)", _PROCESS, "'connect'", _REMOTE),
    ("sysmon", "code = 3 AND inbound", _CALLER, "'accept'", _PROCESS),
    ("sysmon", "code = 6", _FILE, "'load'", ("process", "'pid:4'", "'System'", "NULL")),
    ("sysmon", "code = 7", _FILE, "'load'", _PROCESS),
    ("sysmon", "code = 8", _PROCESS, "'inject'", _TARGET),
    ("sysmon", "code = 9", _FILE, "'read'", _PROCESS),
    ("sysmon", "code = 10", _PROCESS, "'access'", _TARGET),
    ("sysmon", "code IN (11, 15, 29)", _PROCESS, "'create'", _FILE),
    ("sysmon", "code IN (12, 13, 14)", _PROCESS,
     "CASE WHEN code = 13 THEN 'write' WHEN code = 14 THEN 'rename' "
     "WHEN starts_with(action, 'Delete') THEN 'delete' ELSE 'create' END", _KEY),
    ("sysmon", "code = 17", _PROCESS, "'create'", _PIPE),
    ("sysmon", "code = 18", _PROCESS, "'connect'", _PIPE),
    ("sysmon", "code IN (19, 20, 21)", _ACCOUNT, "'install'", _TASK),
    ("sysmon", "code = 22", _PROCESS, "'resolve'", ("domain", "lower(domain)", "NULL", "NULL")),
    ("sysmon", "code IN (23, 26)", _PROCESS, "'delete'", _FILE),
    ("security", "code = 4688", ("process", "process", "parent_exe", "NULL"), "'launch'",
     ("process", "target", "target_exe", "command_line")),
    ("security", "code = 4688", ("file", "lower(target_exe)", "target_exe", "NULL"), "'exec'",
     ("process", "target", "target_exe", "command_line")),
    ("security", "code = 4663 AND object_type = 'File' AND (" + _MASK + " & 65542) = 0",
     _FILE, "'read'", _PROCESS),
    ("security", "code = 4663 AND object_type = 'File' AND (" + _MASK + " & 65542) > 0",
     _PROCESS, _DONE, _FILE),
    ("security", "code = 4663 AND object_type = 'Key' AND (" + _MASK + " & 65542) = 0",
     ("registry", "lower(file_path)", "file_path", "NULL"), "'read'", _PROCESS),
    ("security", "code = 4663 AND object_type = 'Key' AND (" + _MASK + " & 65542) > 0",
     _PROCESS, _DONE, ("registry", "lower(file_path)", "file_path", "NULL")),
    ("security", "code = 4657", _PROCESS, "'write'",
     ("registry", "lower(file_path)", "file_path", "NULL")),
    ("security", "code = 5156 AND NOT coalesce(inbound, false)", _PROCESS, "'connect'", _REMOTE),
    ("security", "code = 5156 AND inbound", _CALLER, "'accept'", _PROCESS),
    ("security", "code IN (5154, 5158)", _PROCESS, "'bind'", _CALLER),
    ("security", "code IN (5140, 5145) AND coalesce((" + _MASK + " & 65542) > 0, false)",
     _ADDRESS, _DONE, _SHARED),
    ("security", "code IN (5140, 5145) AND NOT coalesce((" + _MASK + " & 65542) > 0, false)",
     _SHARED, "'read'", _ADDRESS),
    ("security", "code = 4624", _ADDRESS, "'logon'", _SESSION),
    ("security", "code = 4624", _OTHER, "'logon'", _SESSION),
    ("security", "code IN (4625, 4648)", _ADDRESS, "'logon'", _OTHER),
    ("security", "code = 4648", _ACCOUNT, "'logon'", _OTHER),
    ("security", "code IN (4634, 4647)", _SESSION, "'logoff'", _HOST),
    ("security", "code = 4697", _ACCOUNT, "'install'", _SERVICE),
    ("security", "code = 4698", _ACCOUNT, "'install'", _TASK),
    ("security", "code BETWEEN 4699 AND 4702", _ACCOUNT, "'change'", _TASK),
    ("security", "code BETWEEN 4720 AND 4767", _ACCOUNT, "'change'", _OTHER),
    ("security", "code = 1102", _ACCOUNT, "'change'", _HOST),
    ("system", "code = 104", _ACCOUNT, "'change'", _HOST),
    ("system", "code = 7045", ("file", "lower(file_path)", "file_path", "NULL"), "'install'", _SERVICE),
    ("tasks", "code = 106", _ACCOUNT, "'install'", _TASK),
    ("tasks", "code IN (140, 141)", _ACCOUNT, "'change'", _TASK),
]  # fmt: skip


def _mapping() -> str:
    """Return one SELECT: what each rule gives, from one pass over the events for each rule."""
    parts = []
    for number, (log, when, src, action, dst) in enumerate(_RULES):
        columns = [
            f"{value} AS {side}_{name}"
            for side, entity in (("src", src), ("dst", dst))
            for name, value in zip(
                ("type", "key", "label", "detail"), (f"'{entity[0]}'", *entity[1:]), strict=True
            )
        ]
        failed = "CASE WHEN code = 4625 THEN 'failure' END"
        parts.append(
            f"SELECT record, ts, host, {', '.join(columns)}, {action} AS action, "  # noqa: S608
            f"{failed} AS outcome, {number} AS rule FROM events WHERE log = '{log}' AND {when}"
        )
    return (
        f"WITH events AS MATERIALIZED ({_EVENTS}) "  # noqa: S608
        "SELECT * EXCLUDE (rule), row_number() OVER (PARTITION BY record ORDER BY rule) - 1 "
        f"AS ordinal FROM ({' UNION ALL '.join(parts)}) "
        "WHERE src_key IS NOT NULL AND dst_key IS NOT NULL"
    )


parser = Parser(
    name="windows",
    about="Sysmon, Security and other Windows events as JSON",
    sniff=sniff,
    decoder=decoder,
    mapping=_mapping(),
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
