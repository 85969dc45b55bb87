"""What Microsoft Defender's tables say: processes, network, files, registry, logons of devices.

With the column names of advanced hunting (DeviceProcessEvents and the like), and with those of the
sensor's own table of created processes (CreatedProcess...).

Source: Microsoft's reference of advanced hunting's schema.
"""

from typing import Any

from graphad.decoders.cloud_acts import named, user
from graphad.decoders.cloud_decode import Thing, Told
from graphad.decoders.cloud_edr import add, file, process, socket, whole
from graphad.decoders.cloud_table import table_or_json
from graphad.decoders.cloud_values import at, first, text, time_us
from graphad.decoders.told_claims import Claim, addresses, caller, connection, end, lived
from graphad.parse import Decoder, Options

COLUMNS = [
    (f"{prefix}{path}", column)
    for prefix in ("", "properties.")
    for path, column in (
        ("Timestamp", "ts"), ("ActionType", "action"), ("DeviceName", "host"),
        ("AccountName", "user"), ("AccountDomain", "user_domain"), ("AccountSid", "user_sid"),
        ("ProcessCommandLine", "command_line"), ("RemoteIP", "dst_ip"), ("LocalIP", "src_ip"),
        ("RemoteUrl", "domain"), ("RegistryKey", "registry_path"), ("SHA256", "hashes"),
    )
]  # fmt: skip
_LOGGED = {
    "LogonSuccess": False, "LogonFailed": True, "LogonAttempted": True,
}  # fmt: skip
_FILES = {
    "FileCreated": "create", "FileModified": "write", "FileDeleted": "delete",
    "FileRenamed": "rename",
}  # fmt: skip
_OUT = (
    "ConnectionSuccess", "ConnectionAttempt", "ConnectionFailed", "ConnectionRequest",
    "HttpConnectionInspected", "SslConnectionInspected", "SshConnectionInspected",
    "ConnectionFound", "NetworkSignatureInspected", "ConnectionAcknowledged",
)  # fmt: skip
_KEYS = {
    "RegistryValueSet": "write", "RegistryKeyCreated": "create", "RegistryKeyRenamed": "rename",
    "RegistryKeyDeleted": "delete", "RegistryValueDeleted": "delete",
}  # fmt: skip
_ACCESS = {
    "OpenProcessApiCall": "access", "ReadProcessMemoryApiCall": "access",
    "CreateRemoteThreadApiCall": "inject", "QueueUserApcRemoteApiCall": "inject",
    "SetThreadContextRemoteApiCall": "inject", "WriteProcessMemoryApiCall": "inject",
    "NtAllocateVirtualMemoryRemoteApiCall": "inject", "NtMapViewOfSectionRemoteApiCall": "inject",
    "MemoryRemoteProtect": "inject", "ProcessPrimaryTokenModified": "access",
}  # fmt: skip
_ACCOUNTS = (
    "UserAccountCreated", "UserAccountDeleted", "UserAccountModified", "PasswordChangeAttempt",
    "UserAccountAddedToLocalGroup", "UserAccountRemovedFromLocalGroup",
    "AccountCheckedForBlankPassword",
)  # fmt: skip


def decoder(options: Options) -> Decoder:
    """Return a decoder of Defender's tables, as CSV or as JSON."""
    return table_or_json(options, tell, ["Results", "results", "records", "value"], COLUMNS)


def tell(event: dict[str, Any], options: Options) -> Told:
    """Return what a row says."""
    inner = at(event, "properties")
    if isinstance(inner, dict):  # as it is streamed to storage
        event = inner
    told = Told(
        ts=time_us(first(event, "Timestamp", "TimeGenerated", "CreatedProcessCreationTime"))
    )
    told.host = first(event, "DeviceName", "ComputerDnsName", "MachineId", "DeviceId")
    what = text(event, "ActionType")
    if text(event, "CreatedProcessId"):
        _created(event, told)
    elif what is None:
        told.reason = "no action type"
    else:
        _acted(event, what, told)
    if not told.edges and told.reason != "no action type":
        told.rule = told.rule or "an end of its edge is not named"
    return told


def _created(event: dict[str, Any], told: Told) -> None:
    """Add what the sensor's own table says: a process was created."""
    path = text(event, "CreatedProcessFilePath") or text(event, "CreatedProcessName")
    command = text(event, "CreatedProcessCommandLine")
    child = process(
        text(event, "CreatedProcessId"), text(event, "CreatedProcessCreationTime"), path, command
    )
    image = file(
        text(event, "InitiatingProcessImageFilePath"), text(event, "InitiatingProcessName")
    )
    parent = process(
        text(event, "InitiatingProcessId"), text(event, "InitiatingProcessCreationTime"),
        image.label if image else None, text(event, "Process_CommandLine"),
    )  # fmt: skip
    told.fields |= {
        "action": "ProcessCreated", "exe": path, "command_line": command,
        "parent_exe": parent.label if parent else None,
        "user": text(event, "CreatedProcessAccountName"),
        "user_domain": text(event, "CreatedProcessAccountDomainName"),
    }  # fmt: skip
    add(told, parent, "launch", child)
    add(told, file(path), "exec", child)
    told.claims += _lived("process", parent, event, "InitiatingProcess")
    told.claims += _lived("process", child, event, "CreatedProcess")
    told.claims += _lived("birth", child, event, "CreatedProcess")


def _lived(kind: str, thing: Thing | None, event: dict[str, Any], prefix: str) -> list[Claim]:
    """Return the claim that a process has its id; of one created when its record was made."""
    _, _, born = thing.key.partition("@") if thing is not None else ("", "", "")
    us = int(born) if born.isdecimal() and kind == "process" else None
    return lived(kind, thing, whole(text(event, f"{prefix}Id")), us)


def _device(name: str) -> Thing:
    return Thing("host", name.lower(), name)


def _claims(event: dict[str, Any], what: str, told: Told) -> list[Claim]:
    """Return what a row says of its device and of accounts."""
    found: list[Claim] = []
    local = text(event, "LocalIP")
    if told.host and local and (what in _OUT or what == "InboundConnectionAccepted"):
        found += addresses(_device(told.host), [local])
    for prefix in ("", "InitiatingProcess"):
        sid, name = text(event, f"{prefix}AccountSid"), text(event, f"{prefix}AccountName")
        home, upn = text(event, f"{prefix}AccountDomain"), text(event, f"{prefix}AccountUpn")
        if sid is not None and name is not None:
            found.append(Claim("sid", user(f"{home}\\{name}" if home else name), sid))
        if sid is not None and upn is not None:
            found.append(Claim("sid", user(upn), sid))
    return found


def _initiator(event: dict[str, Any]) -> Thing | None:
    image = file(
        text(event, "InitiatingProcessFolderPath"), text(event, "InitiatingProcessFileName")
    )
    return process(
        text(event, "InitiatingProcessId"), text(event, "InitiatingProcessCreationTime"),
        image.label if image else None, text(event, "InitiatingProcessCommandLine"),
    )  # fmt: skip


def _account(event: dict[str, Any]) -> Thing | None:
    name, home = text(event, "AccountName"), text(event, "AccountDomain")
    if name is None:
        return None
    return user(f"{home}\\{name}" if home else name)


def _acted(event: dict[str, Any], what: str, told: Told) -> None:
    actor = _initiator(event)
    thing = file(text(event, "FolderPath"), text(event, "FileName"))
    told.fields |= {
        "exe": actor.label if actor else None,
        "file_path": thing.label if thing else None,
    }
    path = thing.label if thing else None
    target = process(
        text(event, "ProcessId"), text(event, "ProcessCreationTime"), path,
        text(event, "ProcessCommandLine"),
    )  # fmt: skip
    remote = socket(text(event, "RemoteIP"), text(event, "RemotePort"))
    near = end(text(event, "LocalIP"), text(event, "LocalPort"))
    far = end(text(event, "RemoteIP"), text(event, "RemotePort"))
    told.claims += _claims(event, what, told)
    told.claims += _lived("process", actor, event, "InitiatingProcess")
    told.claims += _lived("process", target, event, "Process")
    if what == "ProcessCreated":
        told.claims += _lived("birth", target, event, "Process")
        add(told, actor, "launch", target)
        add(told, thing, "exec", target)
    elif what in _OUT:
        add(told, actor, "connect", remote, what == "ConnectionFailed")
        told.claims += connection("connect", remote, near, far)
    elif what == "InboundConnectionAccepted":
        add(told, remote, "accept", actor)
        told.claims += connection("accept", remote, far, near)
    elif what == "ListeningConnectionCreated":
        add(told, actor, "bind", socket(text(event, "LocalIP"), text(event, "LocalPort")))
    elif what.startswith("Dns"):
        domain = first(event, "RemoteUrl", "AdditionalFields.DnsQueryString")
        add(told, actor, "resolve", named("domain", domain.lower()) if domain else None)
    elif what in _FILES:
        add(told, actor, _FILES[what], thing)
        if what == "FileRenamed":
            before = file(text(event, "PreviousFolderPath"), text(event, "PreviousFileName"))
            add(told, before, "rename", thing)
    elif what == "ImageLoaded" or what == "DriverLoad":
        module = Thing("module", thing.key, thing.label) if thing else None
        add(told, module, "load", actor)
    elif what in _KEYS:
        key, value = (
            first(event, "RegistryKey", "PreviousRegistryKey"),
            text(event, "RegistryValueName"),
        )
        full = f"{key}\\{value}" if key and value else key
        add(told, actor, _KEYS[what], Thing("registry", full.lower(), full) if full else None)
    elif what in _LOGGED:
        _logged(event, told, remote, _LOGGED[what])
    elif what in _ACCESS:
        add(told, actor, _ACCESS[what], target)
    elif what == "NamedPipeEvent":
        pipe = first(event, "AdditionalFields.PipeName", "FileName")
        add(told, actor, "connect", named("pipe", pipe.lower()) if pipe else None)
    elif what.startswith("ScheduledTask"):
        task = first(event, "AdditionalFields.TaskName")
        made = "install" if what == "ScheduledTaskCreated" else "change"
        add(told, actor or _account(event), made, named("task", task) if task else None)
    elif what == "ServiceInstalled":
        name = first(event, "AdditionalFields.ServiceName")
        add(told, thing, "install", named("service", name) if name else None)
    elif what in _ACCOUNTS:
        add(told, actor, "change", _account(event))
    else:
        told.rule = "no relation in this action type"


def _logged(event: dict[str, Any], told: Told, remote: Thing | None, failed: bool) -> None:
    account = _account(event)
    ip = text(event, "RemoteIP")
    where = Thing("address", ip, ip) if ip and remote else None
    if where is not None:
        told.claims += caller(where, end(ip, text(event, "RemotePort")))
    device = text(event, "RemoteDeviceName")
    add(told, where or (named("host", device) if device else None), "logon", account, failed)
    if not failed and account is not None and told.host:
        add(told, account, "logon", _device(told.host))
