"""Which edges a Windows event gives, from whatever shape of log it comes."""

from collections.abc import Iterable

from graphad.relations import Relations
from graphad.windows_ends import ENDS
from graphad.windows_events import EDGES, FAILED, JUDGED, RULES

# Each log by the names of its channels and of the providers that write it.
_LOGS = {
    "sysmon": (["Microsoft-Windows-Sysmon/Operational"], ["Microsoft-Windows-Sysmon"]),
    "security": (["Security", "security"], ["Microsoft-Windows-Security-Auditing"]),
    "tasks": (["Microsoft-Windows-TaskScheduler/Operational"], []),
    "powershell": (
        ["Microsoft-Windows-PowerShell/Operational", "PowerShellCore/Operational"], [],
    ),
    "classic": (["Windows PowerShell"], []),
    "terminal": (["Microsoft-Windows-TerminalServices-LocalSessionManager/Operational"], []),
    "rdp": (["Microsoft-Windows-TerminalServices-RemoteConnectionManager/Operational"], []),
    "rdp client": (["Microsoft-Windows-TerminalServices-RDPClient/Operational"], []),
    "wmi": (["Microsoft-Windows-WMI-Activity/Operational"], ["Microsoft-Windows-WMI-Activity"]),
    "winrm": (["Microsoft-Windows-WinRM/Operational"], ["Microsoft-Windows-WinRM"]),
    "defender": (
        ["Microsoft-Windows-Windows Defender/Operational"], ["Microsoft-Windows-Windows Defender"],
    ),
    "bits": (["Microsoft-Windows-Bits-Client/Operational"], ["Microsoft-Windows-Bits-Client"]),
    "kernel": ([], ["Microsoft-Windows-Kernel-General"]),
}  # fmt: skip
# Many providers write to the system log, and their ids mean different things.
_SYSTEM = ["Service Control Manager", "Microsoft-Windows-Eventlog", "EventLog", "User32"]


def _listed(values: Iterable[str]) -> str:
    return "(" + ", ".join(f"'{value}'" for value in values) + ")"


def _log() -> str:
    """Return SQL for the log that a record is of, NULL if it is none of ours."""
    cases = []
    for log, (channels, providers) in _LOGS.items():
        tests = [f"channel IN {_listed(channels)}"] * bool(channels)
        tests += [f"provider IN {_listed(providers)}"] * bool(providers)
        cases.append(f"WHEN {' OR '.join(tests)} THEN '{log}'")
    cases.append(
        f"WHEN lower(channel) = 'system' AND (provider IS NULL OR provider IN {_listed(_SYSTEM)}) "
        "THEN 'system'"
    )
    # Some shippers drop both names. Then it is Sysmon's if it has the field that all of its have.
    cases.append(
        "WHEN provider IS NULL AND channel IS NULL AND contains(shape, 'UtcTime') THEN 'sysmon'"
    )
    return f"CASE {' '.join(cases)} END"


_CODE = "try_cast(code AS INTEGER)"
_EVENT = f"({_log()}) || ' ' || {_CODE}"
_MASK = "coalesce(try_cast(access AS BIGINT), 0)"
_DONE = f"CASE WHEN {_MASK} & 65536 > 0 THEN 2 WHEN {_MASK} & 6 > 0 THEN 1 ELSE 0 END"
# Rights on a directory's objects: 0x100 control access (replication is one), then all that change
# something: create, delete, self and write property, delete tree, delete, write DACL and owner.
_IN_DIRECTORY = f"""CASE WHEN {_MASK} & 256 > 0 THEN 1
    WHEN {_MASK} & {0x1 | 0x2 | 0x8 | 0x20 | 0x40 | 0x10000 | 0x40000 | 0x80000} > 0 THEN 2
    ELSE 0 END"""
_ACCOUNTS = "('user', 'group', 'computer', 'inetOrgPerson', 'msDS-GroupManagedServiceAccount')"
# The variant of an event: was a connection inbound, a key deleted, an object read (0), written (1)
# or deleted (2), and was that object a registry key (10 and on); -1 is no relation of ours.
_VARIANT = f"""coalesce(CASE
    WHEN {_CODE} IN (3, 5152, 5153, 5156, 5157)
        THEN (direction IN ('false', '%%14592', 'Inbound'))::INTEGER
    WHEN {_CODE} = 12 THEN starts_with(action, 'Delete')::INTEGER
    WHEN {_CODE} IN (5140, 5145) THEN {_DONE}
    WHEN {_CODE} = 4662 THEN {_IN_DIRECTORY}
    WHEN {_CODE} = 4663 THEN CASE object_type WHEN 'File' THEN {_DONE}
                                              WHEN 'Key' THEN {_DONE} + 10 ELSE -1 END
    WHEN {_CODE} IN (4670, 4907) THEN CASE object_type WHEN 'File' THEN 0
                                                       WHEN 'Key' THEN 10 ELSE -1 END
    WHEN {_CODE} IN (5136, 5137, 5138, 5139, 5141)
        THEN (object_type NOT IN {_ACCOUNTS})::INTEGER
    WHEN {_CODE} = 5858 THEN regexp_matches(action, 'ExecMethod|Put|Delete')::INTEGER
    END, 0)"""
_STATUS = "coalesce(result, '0x0') NOT IN ('0x0', '0')"


def _events(table: dict[str, tuple[int, ...]]) -> str:
    return _listed(f"{log} {code}" for log, codes in table.items() for code in codes)


def _edges() -> dict[str, list[tuple[str, str, str]]]:
    edges: dict[str, list[tuple[str, str, str]]] = {}
    for log, rows in EDGES.items():
        for code, variant, src, action, dst in rows:
            edges.setdefault(f"{log} {code} {variant}", []).append((src, action, dst))
    return edges


def _ignore() -> str:
    """Return SQL for the rule by which a record that gives no edge is left out."""
    cases = []
    for log, rules in RULES.items():
        for rule, codes in rules.items():
            told = rule.replace("'", "''")
            cases += [f"WHEN '{log} {code}' THEN '{told}'" for code in codes]
    related = {" ".join(kind.split()[:-1]) for kind in RELATIONS.edges}
    return f"""CASE
        WHEN code IS NULL OR ts IS NULL THEN NULL
        ELSE coalesce(
            CASE {_EVENT} {' '.join(cases)} END,
            CASE WHEN {_EVENT} IN {_listed(sorted(related))}
                THEN ({_log()}) || ': an end of its edge is not named' END,
            coalesce(channel, 'event') || ': no relation in this event id')
    END"""


RELATIONS = Relations(
    kind=f"{_EVENT} || ' ' || {_VARIANT}",
    ends=ENDS,
    edges=_edges(),
    outcome=f"""CASE WHEN {_EVENT} IN {_events(FAILED)} THEN 'failure'
        WHEN {_EVENT} IN {_events(JUDGED)} AND {_STATUS} THEN 'failure' END""",
)
IGNORE = _ignore()
REJECT = "CASE WHEN code IS NULL THEN 'no event id' ELSE 'no time' END"
