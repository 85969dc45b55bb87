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


# What an edge's end can be: SQL for its type, key, label, detail. A process is known by its GUID;
# without one by its id alone, which is weaker, for Windows uses ids again. A path is the same file
# in whatever case it is written.
_ENDS = {
    "process": ("process", "process", "exe", "command_line"),
    "acting": ("process", "process", "exe", None),
    "target": ("process", "target", "target_exe", None),
    "created": ("process", "target", "target_exe", "command_line"),
    "parent": ("process", "parent", "parent_exe", "parent_command"),
    "creator": ("process", "process", "parent_exe", None),
    "kernel": ("process", "'pid:4'", "'System'", None),
    "file": ("file", "lower(file_path)", "file_path", None),
    "image": ("file", "lower(exe)", "exe", None),
    "new image": ("file", "lower(target_exe)", "target_exe", None),
    "shared": ("file", "lower(shared)", "shared", None),
    "key": ("registry", "lower(registry_path)", "registry_path", None),
    "object": ("registry", "lower(file_path)", "file_path", None),
    "pipe": ("pipe", "lower(pipe)", "pipe", None),
    "domain": ("domain", "lower(domain)", None, None),
    "remote": ("socket", "remote", None, None),
    "caller": ("socket", "caller", None, None),
    "address": ("address", "src_ip", None, None),
    "account": ("user", "lower(account)", "account", None),
    "other": ("user", "lower(other)", "other", None),
    "session": ("session", "session", None, None),
    "service": ("service", "lower(service)", "service", None),
    "task": ("task", "lower(task_name)", "task_name", None),
    "host": ("host", "lower(host)", "host", None),
}

# log, event id, variant (see _EVENTS); from where, how, to where. Two rows: two edges a record.
_SYSMON = [
    (1, 0, "parent", "launch", "process"), (1, 0, "image", "exec", "process"),
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

# The variant of an event: was a connection inbound, a key deleted, an object read (0), written (1)
# or deleted (2), and was that object a registry key (10 and on); -1 is no relation of ours.
_EVENTS = r"""
    SELECT record, ts, host, code, log,
           coalesce(CASE
               WHEN code IN (3, 5156) THEN (direction IN ('false', '%%14592'))::INTEGER
               WHEN code = 12 THEN starts_with(action, 'Delete')::INTEGER
               WHEN code IN (5140, 5145) THEN done
               WHEN code = 4663 THEN CASE object_type WHEN 'File' THEN done
                                                      WHEN 'Key' THEN done + 10 ELSE -1 END
           END, 0) AS variant,
           coalesce(lower(trim(process_guid, '{}')), 'pid:' || pid) AS process,
           coalesce(lower(trim(target_guid, '{}')), 'pid:' || target_pid) AS target,
           coalesce(lower(trim(parent_guid, '{}')), 'pid:' || parent_pid) AS parent,
           exe, command_line, parent_exe, parent_command, target_exe, registry_path, domain, pipe,
           service, task_name, nullif(file_path, '-') AS file_path, nullif(src_ip, '-') AS src_ip,
           CASE WHEN contains(dst_ip, ':') THEN '[' || dst_ip || ']' ELSE dst_ip END
               || ':' || dst_port AS remote,
           CASE WHEN contains(src_ip, ':') THEN '[' || src_ip || ']' ELSE src_ip END
               || ':' || src_port AS caller,
           CASE WHEN user_domain IS NULL OR user_domain = '-' OR contains("user", '\')
                THEN nullif("user", '-') ELSE user_domain || '\' || nullif("user", '-')
           END AS account,
           CASE WHEN target_domain IS NULL OR target_domain = '-' THEN nullif(target_user, '-')
                ELSE target_domain || '\' || nullif(target_user, '-') END AS other,
           nullif(target_logon, '0x0') AS session,
           share || '\' || coalesce(file_path, '') AS shared
    FROM (
        SELECT *, CASE WHEN mask & 65536 > 0 THEN 2 WHEN mask & 6 > 0 THEN 1 ELSE 0 END AS done
        FROM (
            SELECT * REPLACE (try_cast(code AS INTEGER) AS code),
                   try_cast(access AS BIGINT) AS mask,
                   CASE WHEN channel = 'Microsoft-Windows-Sysmon/Operational'
                             OR provider = 'Microsoft-Windows-Sysmon'
                             OR (provider IS NULL AND channel IS NULL) THEN 'sysmon'
                        WHEN lower(channel) = 'security'
                             OR provider = 'Microsoft-Windows-Security-Auditing' THEN 'security'
                        WHEN lower(channel) = 'system' THEN 'system'
                        WHEN channel = 'Microsoft-Windows-TaskScheduler/Operational' THEN 'tasks'
                   END AS log
            FROM raw))"""


def _end(side: str, part: int) -> str:
    """Return SQL for one part of an edge's end, picked by what the end is."""
    arms = (
        f"WHEN '{name}' THEN {repr(end[0]) if part == 0 else end[part]}"
        for name, end in _ENDS.items()
        if end[part] is not None
    )
    return f"CASE {side} {' '.join(arms)} END"


def _mapping() -> str:
    rules = [
        f"('{log}', {code}, {variant}, '{src}', '{action}', '{dst}', {number})"
        for log, rows in (
            ("sysmon", _SYSMON), ("security", _SECURITY), ("system", _SYSTEM), ("tasks", _TASKS),
        )
        for number, (code, variant, src, action, dst) in enumerate(rows)
    ]  # fmt: skip
    columns = [
        f"{_end(side, part)} AS {side}_{name}"
        for side in ("src", "dst")
        for part, name in enumerate(("type", "key", "label", "detail"))
    ]
    # Materialized, or DuckDB would write the whole of an event into each column that depends on it.
    return (
        "WITH rules(log, code, variant, src, done, dst, number) "  # noqa: S608
        f"AS (VALUES {', '.join(rules)}), "
        f"events AS MATERIALIZED ({_EVENTS}), "
        "edges AS MATERIALIZED (SELECT * FROM events JOIN rules USING (log, code, variant)) "
        f"SELECT record, ts, host, {', '.join(columns)}, done AS action, "
        "CASE WHEN code = 4625 THEN 'failure' END AS outcome, number AS ordinal FROM edges"
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
