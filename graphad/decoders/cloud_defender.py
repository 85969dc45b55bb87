"""What Microsoft Defender's tables say: processes, network, files, registry, logons of devices.

With the column names of advanced hunting (DeviceProcessEvents and the like), and with those of the
sensor's own table of created processes (CreatedProcess...).

Source: Microsoft's reference of advanced hunting's schema.
"""

import json
from typing import Any

from graphad.decoders.cloud_acts import named, user
from graphad.decoders.cloud_decode import Thing, Told
from graphad.decoders.cloud_edr import add, file, process, socket, whole
from graphad.decoders.cloud_table import table_or_json
from graphad.decoders.cloud_values import at, texts, time_us
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


_Texts = dict[str, str]
ADAPTER = frozenset({"IPAddresses", "MacAddress"})  # columns of DeviceNetworkInfo alone


def decoder(options: Options) -> Decoder:
    """Return a decoder of Defender's tables, as CSV or as JSON."""
    return table_or_json(options, tell, ["Results", "results", "records", "value"], COLUMNS)


def tell(event: dict[str, Any], options: Options) -> Told:
    """Return what a row says."""
    inner = at(event, "properties")
    if isinstance(inner, dict):  # as it is streamed to storage
        event = inner
    said = texts(event, "AdditionalFields")
    told = Told(
        ts=time_us(_first(said, "Timestamp", "TimeGenerated", "CreatedProcessCreationTime"))
    )
    told.host = _first(said, "DeviceName", "ComputerDnsName", "MachineId", "DeviceId")
    what = said.get("ActionType")
    if said.get("CreatedProcessId"):
        _created(said, told)
    elif what is None and not ADAPTER.isdisjoint(event):
        _adapter(event, said, told)
    elif what is None:
        told.reason = "no action type"
    else:
        _acted(said, what, told)
    if not told.edges and told.reason != "no action type":
        told.rule = told.rule or "an end of its edge is not named"
    return told


def _first(said: _Texts, *names: str) -> str | None:
    """Return the first of some fields that says something."""
    return next((said[name] for name in names if name in said), None)


def _adapter(event: dict[str, Any], said: _Texts, told: Told) -> None:
    """Add what a row of DeviceNetworkInfo says: which addresses a device's network adapter has.

    Those of one that is down are what it had, or will have; others may have them meanwhile.
    """
    told.rule = "network adapter: says which addresses a device has, see aliases"
    if told.host is None or said.get("NetworkAdapterStatus", "Up").lower() != "up":
        return
    listed = event.get("IPAddresses")
    if isinstance(listed, str):
        try:
            listed = json.loads(listed)
        except (ValueError, RecursionError):
            return
    some = listed if isinstance(listed, list) else []
    told.claims += addresses(_device(told.host), (at(one, "IPAddress") for one in some))


def _created(said: _Texts, told: Told) -> None:
    """Add what the sensor's own table says: a process was created."""
    path = said.get("CreatedProcessFilePath") or said.get("CreatedProcessName")
    command = said.get("CreatedProcessCommandLine")
    child = process(
        said.get("CreatedProcessId"), said.get("CreatedProcessCreationTime"), path, command
    )
    image = file(said.get("InitiatingProcessImageFilePath"), said.get("InitiatingProcessName"))
    parent = process(
        said.get("InitiatingProcessId"), said.get("InitiatingProcessCreationTime"),
        image.label if image else None, said.get("Process_CommandLine"),
    )  # fmt: skip
    told.fields |= {
        "action": "ProcessCreated", "exe": path, "command_line": command,
        "parent_exe": parent.label if parent else None,
        "user": said.get("CreatedProcessAccountName"),
        "user_domain": said.get("CreatedProcessAccountDomainName"),
    }  # fmt: skip
    add(told, parent, "launch", child)
    add(told, file(path), "exec", child)
    told.claims += _lived("process", parent, said, "InitiatingProcess")
    told.claims += _lived("process", child, said, "CreatedProcess")
    told.claims += _lived("birth", child, said, "CreatedProcess")


def _lived(kind: str, thing: Thing | None, said: _Texts, prefix: str) -> list[Claim]:
    """Return the claim that a process has its id; of one created when its record was made."""
    _, _, born = thing.key.partition("@") if thing is not None else ("", "", "")
    us = int(born) if born.isdecimal() and kind == "process" else None
    return lived(kind, thing, whole(said.get(f"{prefix}Id")), us)


def _device(name: str) -> Thing:
    return Thing("host", name.lower(), name)


def _claims(said: _Texts, what: str, told: Told) -> list[Claim]:
    """Return what a row says of its device and of accounts."""
    found: list[Claim] = []
    local = said.get("LocalIP")
    if told.host and local and (what in _OUT or what == "InboundConnectionAccepted"):
        found += addresses(_device(told.host), [local])
    for prefix in ("", "InitiatingProcess"):
        sid, name = said.get(f"{prefix}AccountSid"), said.get(f"{prefix}AccountName")
        home, upn = said.get(f"{prefix}AccountDomain"), said.get(f"{prefix}AccountUpn")
        if sid is not None and name is not None:
            found.append(Claim("sid", user(f"{home}\\{name}" if home else name), sid))
        if sid is not None and upn is not None:
            found.append(Claim("sid", user(upn), sid))
    return found


def _initiator(said: _Texts) -> Thing | None:
    image = file(said.get("InitiatingProcessFolderPath"), said.get("InitiatingProcessFileName"))
    return process(
        said.get("InitiatingProcessId"), said.get("InitiatingProcessCreationTime"),
        image.label if image else None, said.get("InitiatingProcessCommandLine"),
    )  # fmt: skip


def _account(said: _Texts) -> Thing | None:
    name, home = said.get("AccountName"), said.get("AccountDomain")
    if name is None:
        return None
    return user(f"{home}\\{name}" if home else name)


def _acted(said: _Texts, what: str, told: Told) -> None:
    actor = _initiator(said)
    thing = file(said.get("FolderPath"), said.get("FileName"))
    told.fields |= {
        "exe": actor.label if actor else None,
        "file_path": thing.label if thing else None,
    }
    path = thing.label if thing else None
    target = process(
        said.get("ProcessId"), said.get("ProcessCreationTime"), path,
        said.get("ProcessCommandLine"),
    )  # fmt: skip
    remote = socket(said.get("RemoteIP"), said.get("RemotePort"))
    near = end(said.get("LocalIP"), said.get("LocalPort"))
    far = end(said.get("RemoteIP"), said.get("RemotePort"))
    told.claims += _claims(said, what, told)
    told.claims += _lived("process", actor, said, "InitiatingProcess")
    told.claims += _lived("process", target, said, "Process")
    if what == "ProcessCreated":
        told.claims += _lived("birth", target, said, "Process")
        add(told, actor, "launch", target)
        add(told, thing, "exec", target)
    elif what in _OUT:
        add(told, actor, "connect", remote, what == "ConnectionFailed")
        told.claims += connection("connect", remote, near, far)
    elif what == "InboundConnectionAccepted":
        add(told, remote, "accept", actor)
        told.claims += connection("accept", remote, far, near)
    elif what == "ListeningConnectionCreated":
        add(told, actor, "bind", socket(said.get("LocalIP"), said.get("LocalPort")))
    elif what.startswith("Dns"):
        domain = _first(said, "RemoteUrl", "AdditionalFields.DnsQueryString")
        add(told, actor, "resolve", named("domain", domain.lower()) if domain else None)
    elif what in _FILES:
        add(told, actor, _FILES[what], thing)
        if what == "FileRenamed":
            before = file(said.get("PreviousFolderPath"), said.get("PreviousFileName"))
            add(told, before, "rename", thing)
    elif what == "ImageLoaded" or what == "DriverLoad":
        module = Thing("module", thing.key, thing.label) if thing else None
        add(told, module, "load", actor)
    elif what in _KEYS:
        key, value = (
            _first(said, "RegistryKey", "PreviousRegistryKey"),
            said.get("RegistryValueName"),
        )
        full = f"{key}\\{value}" if key and value else key
        add(told, actor, _KEYS[what], Thing("registry", full.lower(), full) if full else None)
    elif what in _LOGGED:
        _logged(said, told, remote, _LOGGED[what])
    elif what in _ACCESS:
        add(told, actor, _ACCESS[what], target)
    elif what == "NamedPipeEvent":
        pipe = _first(said, "AdditionalFields.PipeName", "FileName")
        add(told, actor, "connect", named("pipe", pipe.lower()) if pipe else None)
    elif what.startswith("ScheduledTask"):
        task = _first(said, "AdditionalFields.TaskName")
        made = "install" if what == "ScheduledTaskCreated" else "change"
        add(told, actor or _account(said), made, named("task", task) if task else None)
    elif what == "ServiceInstalled":
        name = _first(said, "AdditionalFields.ServiceName")
        add(told, thing, "install", named("service", name) if name else None)
    elif what in _ACCOUNTS:
        add(told, actor, "change", _account(said))
    else:
        told.rule = "no relation in this action type"


def _logged(said: _Texts, told: Told, remote: Thing | None, failed: bool) -> None:
    account = _account(said)
    ip = said.get("RemoteIP")
    where = Thing("address", ip, ip) if ip and remote else None
    if where is not None:
        told.claims += caller(where, end(ip, said.get("RemotePort")))
    device = said.get("RemoteDeviceName")
    add(told, where or (named("host", device) if device else None), "logon", account, failed)
    if not failed and account is not None and told.host:
        add(told, account, "logon", _device(told.host))
