"""What an edge of a Windows event can begin and end at, as SQL over the columns of a record.

A process is known by its GUID; without one by its id and program, which is weaker, for Windows uses
ids again: see docs/identity.md. A path is the same file in whatever case it is written. What has no
column is read from `attrs`, under each of the names that shippers give it.

Sources: Sysmon's manifest, Microsoft's auditing reference, the manifests of the providers.
"""

from graphad.relations import End

_GROUPS = ("Event.EventData.", "EventData.", "winlog.event_data.", "event_data.", "")
_USER_DATA = ("Event.UserData.EventXML.", "UserData.EventXML.", "winlog.user_data.")


def _attribute(*paths: str) -> str:
    """Return the first of these places in `attrs` that there is; `attrs` is parsed once."""
    places = ", ".join(f"'{path}'" for path in paths)
    return f"list_any_value(try(json_extract_string(attrs, [{places}])))"


def _datum(*names: str, groups: tuple[str, ...] = _GROUPS) -> str:
    """Return the first of these fields of the event's own data that says something."""
    paths = [f'$."{group}{name}"' for name in names for group in groups]
    listed = [_listed(name) for name in names] if groups is _GROUPS else []
    return _said(f"coalesce({', '.join([_attribute(*paths), *listed])})")


def _listed(name: str) -> str:
    """Return the field of a name where all are kept as {"@Name": name, "#text": value}."""
    pattern = rf'"@Name": ?"{name}", ?"#text": ?("(?:[^"\\]|\\.)*")'
    return f"try(json_extract_string({_part('attrs', pattern)}, '$'))"


# Below, no text occurs twice in what is made of it: to plan a query that repeats itself takes
# longer than to run it. So no nullif, which does; an index beyond a list's end is NULL too.
def _said(text: str) -> str:
    """Return a text, NULL if it is empty or a dash."""
    return f"regexp_extract_all({text}, '(?s)^(?:[^-].*|-.+)$')[1]"


def _part(text: str, pattern: str) -> str:
    """Return the first group of a pattern (RE2), NULL where it isn't found or is empty."""
    return f"regexp_extract_all({text}, '{pattern}', 1)[1]"


def _line(text: str, name: str) -> str:
    """Return SQL for what follows a name in its line, NULL if nothing does.

    Scripts are kilobytes long, which a regular expression takes ten times as long to look through.
    """
    return rf"regexp_extract_all(split_part({text}, '{name}', 2), '^[^\r\n]+')[1]"


def _program(command: str) -> str:
    """Return the program of a command line: its first word, or what its quotes hold."""
    return rf"""trim(regexp_extract_all({command}, '^\s*(?:"[^"]+"|[^\s"]+)')[1], ' "')"""


def guid(column: str) -> str:
    """Return the GUID in a column, NULL if it is all zeros: what Sysmon doesn't know."""
    return _part(f"lower({column})", r"^\{?([^{}]*[^0{}-][^{}]*)\}?$")


def by_pid(pid: str, exe: str) -> str:
    """Return the key of a process that has no GUID: its id, and its program if that is known."""
    program = _part(f"lower({exe})", r"([^\\/]*[^\\/-][^\\/]*)$")
    return f"'pid:' || {pid} || coalesce(':' || {program}, '')"


def _first_of(guids: str, pid: str, exe: str) -> str:
    return f"coalesce({guid(guids)}, {by_pid(pid, exe)})"


def at(address: str, port: str) -> str:
    """Return the key of a socket."""
    return rf"regexp_replace({address}, '(?s)^(.*:.*)$', '[\1]') || ':' || {port}"


def _logon(logon: str) -> str:
    # Those of the system itself say nothing of where a process comes from.
    system = "('0x0', '0x3e4', '0x3e5', '0x3e7')"
    return f"CASE WHEN lower({logon}) NOT IN {system} THEN lower({logon}) END"


def _whatever_case(kind: str, text: str) -> End:
    return End(kind, f"lower({text})", text)


def _account(domain: str, name: str) -> str:
    return rf"""CASE WHEN {domain} IS NULL OR {domain} = '-' OR contains({name}, '\')
    THEN nullif({name}, '-') ELSE {domain} || '\' || nullif({name}, '-') END"""


def _within(domain: str, name: str) -> str:
    return rf"coalesce({_said(domain)} || '\', '') || {name}"


_PROCESS = _first_of("process_guid", "pid", "exe")
_TARGET = _first_of("target_guid", "target_pid", "target_exe")
_FILE = "nullif(file_path, '-')"
SESSION = "nullif(lower(target_logon), '0x0')"
_SHARED = r"share || '\' || coalesce(file_path, '')"
_ACCOUNT = _account("user_domain", '"user"')
_OTHER = r"""CASE WHEN target_domain IS NULL OR target_domain = '-' THEN nullif(target_user, '-')
    ELSE target_domain || '\' || nullif(target_user, '-') END"""
_SID = _part(
    _attribute(
        '$."Event.System.Security"."#attributes".UserID', '$."Event.System.Security"."@UserID"',
        '$."System.Security"."#attributes".UserID', '$."winlog.user".identifier',
        '$."winlog.user.identifier"', "$.UserID",
    ),
    "^(S-1-.+)$",
)  # fmt: skip
# The process that wrote the record. Providers that log from within it make it the acting one.
_LOGGER = "'pid:' || nullif(logger_pid, 0)"
_LOGGED_BY = """CASE WHEN provider LIKE '%Windows Defender' THEN 'MsMpEng.exe'
    WHEN provider = 'Service Control Manager' THEN 'services.exe'
    WHEN provider = 'Microsoft-Windows-Security-Auditing' THEN 'lsass.exe'
    WHEN provider IN ('Microsoft-Windows-WMI-Activity', 'Microsoft-Windows-Bits-Client')
    THEN 'svchost.exe' END"""
_BY_PATH = "nullif(nullif(exe, 'Unknown'), '-')"  # all that Defender knows of a process
_CONSUMER = f"coalesce(task_name, {_datum('Name')})"
_QUERY = _said(_attribute('$."Event.UserData.Operation_TemporaryEssStarted.Query"'))
_THREAT = f"""CASE WHEN contains(file_path, ':_')
    THEN {_part("file_path", "(?:^|[; ])(?:container)?file:_([^;]+)")} ELSE {_FILE} END"""
_SETTING = f"trim(split_part({_datum('New Value', 'Old Value', 'Value')}, ' = ', 1))"
_PACKAGE = f"""split_part({
    _datum("SecurityPackageName", "AuthenticationPackageName", "NotificationPackageName")
}, ' : ', 1)"""
_MEMBER = _datum("MemberSid", "MemberName")
_NAMED_MEMBER = f"coalesce({_datum('MemberName')}, {_datum('MemberSid')})"
_RENAMED = _within("target_domain", _datum("NewTargetUserName"))
_ENTRY = _datum("ObjectDN")
# BITS: its jobs are tasks.
_JOB = f"lower(trim({_datum('jobId', 'Id')}, '{{}}'))"
_URL = _part(
    _datum("url", "RemoteName"), r"^[A-Za-z][A-Za-z0-9+.-]*://(?:[^/@]*@)?(\[[^\]]+\]|[^/:?#]+)"
)
_PEER = _part(_datum("connection"), r"^(?:https?://)?(\[[^\]]+\]|[^/:?]+)")
# PowerShell's classic log has what is said in lines of `name=value` within a field without a name.
_JOINED = _attribute('$."Event.EventData.Data"')  # a text, where it isn't a list of texts
_CLASSIC = f"""concat_ws(chr(10), array_to_string(try(json_extract_string(attrs, [
    '$."Event.EventData.Data"."#text"[2]', '$."Event.EventData.Data"."#text"[1]',
    '$."winlog.event_data.param3"', '$."winlog.event_data.param2"'
    ])), chr(10)), regexp_extract_all({_JOINED}, '(?s)^[^{{].*')[1], message)"""
_ENGINE = _part(_CLASSIC, r"HostId=([0-9A-Fa-f-]{36})")
_COMMAND = _line(_CLASSIC, "HostApplication=")
_IMAGE = _program(_COMMAND)
_HOSTED = _line("context", "Host Application = ")
_HOST = _program(_HOSTED)
# Terminal services number sessions by themselves.
_SESSION = "'terminal ' || " + _datum("SessionID", "SessionId", groups=_USER_DATA)
_CALLER = _within(_datum("Param2", groups=_USER_DATA), _datum("Param1", groups=_USER_DATA))
_STOPPER = _part(_datum("param1"), r"^(.+?)(?: \([^()]*\))?$")

ENDS = {
    "process": End("process", _PROCESS, "exe", "command_line"),
    "acting": End("process", _PROCESS, "exe"),
    "target": End("process", _TARGET, "target_exe"),
    "created": End("process", _TARGET, "target_exe", "command_line"),
    "parent": End(
        "process", _first_of("parent_guid", "parent_pid", "parent_exe"), "parent_exe",
        "parent_command",
    ),
    "creator": End("process", _first_of("process_guid", "pid", "parent_exe"), "parent_exe"),
    "kernel": End("process", "'pid:4:system'", "'System'"),
    "logger": End("process", _LOGGER, _LOGGED_BY),
    "named": _whatever_case("process", _BY_PATH),
    "started": End("process", by_pid("pid", "file_path"), "file_path"),
    "host process": End("process", _LOGGER, f"coalesce({_HOST}, 'powershell.exe')", _HOSTED),
    "engine": End("process", f"lower({_ENGINE})", _IMAGE, _COMMAND),
    "stopper": _whatever_case("process", _STOPPER),
    "file": _whatever_case("file", _FILE),
    "image": _whatever_case("file", "exe"),
    "new image": _whatever_case("file", "target_exe"),
    "new path": _whatever_case("file", "nullif(new_path, '-')"),
    "shared": _whatever_case("file", _SHARED),
    "share": _whatever_case("file", "share"),
    "threat": _whatever_case("file", _THREAT),
    "package": _whatever_case("file", _PACKAGE),
    "engine image": _whatever_case("file", _IMAGE),
    "script": _whatever_case("file", _said("file_path")),
    "engine script": _whatever_case("file", _line(_CLASSIC, "ScriptName=")),
    "command script": _whatever_case("file", _line("context", "Script Name = ")),
    "fetched": _whatever_case("file", _datum("LocalName")),
    "key": _whatever_case("registry", "registry_path"),
    "object": _whatever_case("registry", _FILE),
    "setting": _whatever_case("registry", _SETTING),
    "pipe": _whatever_case("pipe", "pipe"),
    "domain": End("domain", "lower(domain)"),
    "url": End("domain", f"lower({_URL})"),
    "remote": End("socket", at("dst_ip", "dst_port")),
    "caller": End("socket", at("nullif(src_ip, '-')", "src_port")),
    "address": End("address", "nullif(src_ip, '-')"),
    "terminal": End("address", "nullif(nullif(src_ip, ''), 'LOCAL')"),
    "rdp address": End("address", _datum("Param3", groups=_USER_DATA)),
    "rdp server": End("address", f"lower({_datum('Value')})"),
    "peer": End("address", f"lower({_PEER})"),
    "account": _whatever_case("user", _ACCOUNT),
    "other": _whatever_case("user", _OTHER),
    "by sid": _whatever_case("user", f"coalesce({_OTHER}, nullif(target_sid, 'S-1-0-0'))"),
    "member": End("user", f"lower({_MEMBER})", _NAMED_MEMBER),
    "renamed": _whatever_case("user", _RENAMED),
    "entry": _whatever_case("user", _ENTRY),
    "sid": _whatever_case("user", _SID),
    "rdp account": _whatever_case("user", _CALLER),
    "user 7": _whatever_case("user", _datum("param7")),
    "session": End("session", SESSION),
    "resumed session": _whatever_case("session", "nullif(logon_id, '0x0')"),
    "own session": End("session", _logon("logon_id")),
    "its session": End("session", _logon("coalesce(nullif(lower(target_logon), '0x0'), logon_id)")),
    "terminal session": End("session", _SESSION),
    "service": _whatever_case("service", "service"),
    "service 1": _whatever_case("service", _datum("param1")),
    "service 2": _whatever_case("service", _datum("param2")),
    "service 4": _whatever_case("service", _datum("param4")),
    "task": _whatever_case("task", "task_name"),
    "consumer": _whatever_case("task", _CONSUMER),
    "query": _whatever_case("task", _QUERY),
    "job": End("task", _JOB, _datum("jobTitle", "name")),
    "host": _whatever_case("host", "host"),
    "client": _whatever_case("host", _said("src_host")),
}  # fmt: skip
