"""Which edges a Windows event gives, from whatever shape of log it comes."""

from collections.abc import Iterable, Mapping

from graphad.decoders.windows_claims import CLAIMS
from graphad.decoders.windows_ends import ENDS
from graphad.decoders.windows_events import EDGES, FAILED, JUDGED, RULES
from graphad.relations import Relations

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


def _quoted(values: Iterable[object]) -> str:
    return ", ".join("'" + str(value).replace("'", "''") + "'" for value in values)


def _looked_up(table: Mapping[str, object], key: str) -> str:
    """Return SQL for what a table says of a key, NULL if that is nothing.

    Two texts, for each literal takes time to plan; so would a WHEN, which repeats what is asked.
    """
    keys, values = ("|".join(map(str, some)) for some in (table, table.values()))
    assert keys.count("|") == values.count("|") == len(table) - 1
    place = f"list_position(string_split({_quoted([keys])}, '|'), {key})"
    return f"string_split({_quoted([values])}, '|')[{place}]"


def _log() -> str:
    """Return SQL for the log that a record is of, NULL if it is none of ours."""
    by_channel = {channel: log for log, (channels, _) in _LOGS.items() for channel in channels}
    by_provider = {name: log for log, (_, providers) in _LOGS.items() for name in providers}
    # Some shippers drop both names. Then it is Sysmon's if it has the field that all of its have.
    return f"""coalesce({_looked_up(by_channel, "channel")}, {_looked_up(by_provider, "provider")},
        CASE WHEN lower(channel) = 'system'
                AND (provider IS NULL OR provider IN ({_quoted(_SYSTEM)})) THEN 'system'
            WHEN provider IS NULL AND channel IS NULL AND contains(shape, 'UtcTime')
                THEN 'sysmon' END)"""


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
_VARIANTS = (-1, 0, 1, 2, 10, 11, 12)
_STATUS = "coalesce(result, '0x0') NOT IN ('0x0', '0')"


def _outcome() -> str:
    """Return SQL that says of a record that what it tells of failed."""
    said = {f"{log} {code}": 2 for log, codes in FAILED.items() for code in codes}
    said |= {f"{log} {code}": 1 for log, codes in JUDGED.items() for code in codes}
    failed = f"{_looked_up(said, _EVENT)}::INTEGER + ({_STATUS})::INTEGER > 1"
    return f"CASE WHEN {failed} THEN 'failure' END"


def _edges() -> dict[str, list[tuple[str, str, str]]]:
    edges: dict[str, list[tuple[str, str, str]]] = {}
    for log, rows in EDGES.items():
        for code, variant, src, action, dst in rows:
            edges.setdefault(f"{log} {code} {variant}", []).append((src, action, dst))
    return edges


def _rules() -> dict[str, str]:
    """Return the rule for each kind of record that may give no edge."""
    rules = {
        kind: f"{kind.rpartition(' ')[0]}: an end of its edge is not named" for kind in _edges()
    }
    for log, of_log in RULES.items():
        for rule, codes in of_log.items():
            rules |= {f"{log} {code} {variant}": rule for code in codes for variant in _VARIANTS}
    return rules


RELATIONS = Relations(
    kind=f"CASE WHEN ts IS NOT NULL THEN {_EVENT} || ' ' || {_VARIANT} END",
    ends=ENDS,
    edges=_edges(),
    outcome=_outcome(),
    rules=_rules(),
    claims=CLAIMS,
)
IGNORE = """CASE WHEN code IS NOT NULL AND ts IS NOT NULL
    THEN coalesce(channel, 'event') || ': no relation in this event id' END"""
REJECT = "CASE WHEN code IS NULL THEN 'no event id' ELSE 'no time' END"
