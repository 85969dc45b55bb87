"""What each kind of Windows event becomes, from EVTX logs written here and from JSON."""

import json
from pathlib import Path
from typing import Any

import pytest

from graphad.store import Store
from tests.evtx_writer import Data, Element, Event, event, log

SYSTEM = "C:\\Windows\\System32\\"
SHELL = SYSTEM + "WindowsPowerShell\\v1.0\\powershell.exe"
SUBJECT = {"SubjectUserName": "carla", "SubjectDomainName": "CORP", "SubjectLogonId": "0x3f2a1"}
TARGET = {"TargetUserName": "helper", "TargetDomainName": "CORP"}
ACTOR = {"ProcessId": "0x1a4", "ProcessName": SYSTEM + "cmd.exe"}
DN = "CN=helper,OU=Staff,DC=corp,DC=example"
SID = "S-1-5-21-1-2-3-1104"
CONTEXT = f"""        Host Name = ConsoleHost
        Host Application = {SHELL} -nop -File C:\\Temp\\a.ps1
        Script Name = C:\\Temp\\a.ps1
        User = CORP\\carla
"""
ENGINE = """\tHostName=ConsoleHost\r
\tHostId=0a1b2c3d-0000-4000-8000-00000000abcd\r
\tHostApplication=powershell.exe -nop -w hidden\r
\tScriptName=%s\r
\tCommandLine="""
SYSMON = "Microsoft-Windows-Sysmon", "Microsoft-Windows-Sysmon/Operational"
BY = {"UtcTime": "2026-03-02 09:14:05.101", "ProcessId": "420", "Image": SYSTEM + "cmd.exe"}
SECURITY = "Microsoft-Windows-Security-Auditing", "Security"
SCM = "Service Control Manager", "System"
TASKS = "Microsoft-Windows-TaskScheduler", "Microsoft-Windows-TaskScheduler/Operational"
POWERSHELL = "Microsoft-Windows-PowerShell", "Microsoft-Windows-PowerShell/Operational"
CLASSIC = "PowerShell", "Windows PowerShell"
TERMINAL = (
    "Microsoft-Windows-TerminalServices-LocalSessionManager",
    "Microsoft-Windows-TerminalServices-LocalSessionManager/Operational",
)
RDP = (
    "Microsoft-Windows-TerminalServices-RemoteConnectionManager",
    "Microsoft-Windows-TerminalServices-RemoteConnectionManager/Operational",
)
CLIENT = (
    "Microsoft-Windows-TerminalServices-ClientActiveXCore",
    "Microsoft-Windows-TerminalServices-RDPClient/Operational",
)
WMI = "Microsoft-Windows-WMI-Activity", "Microsoft-Windows-WMI-Activity/Operational"
WINRM = "Microsoft-Windows-WinRM", "Microsoft-Windows-WinRM/Operational"
DEFENDER = "Microsoft-Windows-Windows Defender", "Microsoft-Windows-Windows Defender/Operational"
BITS = "Microsoft-Windows-Bits-Client", "Microsoft-Windows-Bits-Client/Operational"
KERNEL = "Microsoft-Windows-Kernel-General", "System"


def user_data(name: str, **fields: str) -> Element:
    return Element(name, {"xmlns": "http://corp.example/events"},
                   [Element(field, {}, value) for field, value in fields.items()])  # fmt: skip


HOST = "host ws-07.corp.example"
CMD = f"process {SYSTEM}cmd.exe"
JOB = {"jobId": "{5F2863D6-0000-4000-8000-00000000ABCD}", "jobTitle": "update"}
OF_JOB = {"Id": "5f2863d6-0000-4000-8000-00000000abcd", "name": "update",
          "url": "https://files.corp.example:8443/a.exe"}  # fmt: skip
FILE = {"ObjectType": "File", "ObjectName": "C:\\share\\plan.xlsx"}
REMOTE = {"ProcessID": "420", "Application": SYSTEM + "cmd.exe", "SourceAddress": "10.1.0.7",
          "SourcePort": "50555", "DestAddress": "203.0.113.7", "DestPort": "443"}  # fmt: skip
# log, event id, data; the edges, and the rule if there is none
CASES: list[tuple[tuple[str, str], int, Data, list[str], str]] = [
    (SYSMON, 4, {"UtcTime": BY["UtcTime"], "State": "Started"}, [], "Sysmon's own state"),
    (SYSMON, 5, BY, [], "process ended"),
    (SYSMON, 20, BY | {"User": "CORP\\carla", "Name": "Updater"},
     ["user CORP\\carla install task Updater"], ""),
    (SYSMON, 24, BY | {"Session": "1"}, [], "clipboard: no entity of its own"),
    (SYSMON, 25, BY | {"Type": "Image is replaced"}, [f"{CMD} inject {CMD}"], ""),
    (SYSMON, 27, BY | {"TargetFilename": "C:\\Temp\\x.exe"},
     [f"{CMD} create file C:\\Temp\\x.exe failure"], ""),
    (SYSMON, 28, BY | {"TargetFilename": "C:\\Temp\\x.exe"},
     [f"{CMD} delete file C:\\Temp\\x.exe failure"], ""),
    (SYSMON, 255, {"UtcTime": BY["UtcTime"], "ID": "QUEUE"}, [], "Sysmon's own state"),
    (SECURITY, 4608, {}, [], "host started or shut down"),
    (SECURITY, 4616, SUBJECT | ACTOR, [f"{CMD} change {HOST}"], ""),
    (SECURITY, 4622, {"SecurityPackageName": SYSTEM + "ssp.dll : Ssp"},
     [f"file {SYSTEM}ssp.dll load process lsass.exe"], ""),
    (SECURITY, 4625, TARGET | {"IpAddress": "10.1.0.9"},
     ["address 10.1.0.9 logon user CORP\\helper failure"], ""),
    (SECURITY, 4627, SUBJECT, [], "groups and rights of a logon; 4624 tells of it"),
    (SECURITY, 4656, SUBJECT | FILE, [], "handle asked for or closed; 4663 says what was done"),
    (SECURITY, 4662, SUBJECT | {"AccessMask": "0x100"},
     [f"user CORP\\carla access {HOST}"], ""),
    (SECURITY, 4662, SUBJECT | {"AccessMask": "0x20"}, [f"user CORP\\carla change {HOST}"], ""),
    (SECURITY, 4662, SUBJECT | {"AccessMask": "0x10"}, [], "directory object read"),
    (SECURITY, 4663, SUBJECT | ACTOR | FILE | {"AccessMask": "0x2"},
     [f"{CMD} write file C:\\share\\plan.xlsx"], ""),
    (SECURITY, 4663, SUBJECT | ACTOR | {"ObjectType": "Token"}, [],
     "object of another kind than file and key"),
    (SECURITY, 4664, {"FileName": "C:\\a.txt", "LinkName": "C:\\b.txt"},
     ["file C:\\a.txt link file C:\\b.txt"], ""),
    (SECURITY, 4670, SUBJECT | ACTOR | FILE, [f"{CMD} chmod file C:\\share\\plan.xlsx"], ""),
    (SECURITY, 4670, SUBJECT | ACTOR | {"ObjectType": "Key", "ObjectName": "\\REGISTRY\\a"},
     [f"{CMD} write registry \\REGISTRY\\a"], ""),
    (SECURITY, 4672, SUBJECT, [], "groups and rights of a logon; 4624 tells of it"),
    (SECURITY, 4673, SUBJECT, [], "privilege used"),
    (SECURITY, 4688, {"NewProcessId": "0x1a4", "NewProcessName": SYSTEM + "cmd.exe",
     "ProcessId": "0x10", "ParentProcessName": "C:\\Windows\\explorer.exe"},
     [f"process C:\\Windows\\explorer.exe launch {CMD}", f"file {SYSTEM}cmd.exe exec {CMD}"], ""),
    (SECURITY, 4689, ACTOR, [], "process ended"),
    (SECURITY, 4696, ACTOR | {"TargetProcessId": "0x1b0", "TargetProcessName": "C:\\b.exe"},
     [f"{CMD} access process C:\\b.exe"], ""),
    (SECURITY, 4697, SUBJECT | {"ServiceName": "updsvc", "ServiceFileName": "C:\\upd.exe"},
     ["user CORP\\carla install service updsvc", "file C:\\upd.exe install service updsvc"], ""),
    (SECURITY, 4704, SUBJECT | {"TargetSid": SID},
     [f"user CORP\\carla change user {SID}"], ""),
    (SECURITY, 4719, SUBJECT, [f"user CORP\\carla change {HOST}"], ""),
    (SECURITY, 4732, SUBJECT | {"TargetUserName": "Administrators", "TargetDomainName": "Builtin",
     "MemberName": "-", "MemberSid": SID},
     ["user CORP\\carla change user Builtin\\Administrators",
      f"user CORP\\carla change user {SID}"], ""),
    (SECURITY, 4768, TARGET | {"IpAddress": "10.1.0.9", "Status": "0x0"},
     ["address 10.1.0.9 logon user CORP\\helper"], ""),
    (SECURITY, 4768, TARGET | {"IpAddress": "10.1.0.9", "Status": "0x6"},
     ["address 10.1.0.9 logon user CORP\\helper failure"], ""),
    (SECURITY, 4769, TARGET | {"IpAddress": "10.1.0.9", "Status": "0x0", "ServiceName": "sqlsvc"},
     ["address 10.1.0.9 logon user CORP\\helper", "user CORP\\helper access service sqlsvc"], ""),
    (SECURITY, 4776, {"TargetUserName": "helper", "Workstation": "WS-09", "Status": "0xc000006a"},
     ["host WS-09 logon user helper failure"], ""),
    (SECURITY, 4778, {"AccountName": "helper", "AccountDomain": "CORP", "LogonID": "0x77",
     "ClientAddress": "10.1.0.9"},
     ["address 10.1.0.9 logon session 0x77", "user CORP\\helper logon session 0x77"], ""),
    (SECURITY, 4781, SUBJECT | {"OldTargetUserName": "a", "NewTargetUserName": "dc-01",
     "TargetDomainName": "CORP"}, ["user CORP\\carla change user CORP\\dc-01"], ""),
    (SECURITY, 4798, TARGET | {"CallerProcessId": "0x1a4", "CallerProcessName": SYSTEM + "cmd.exe"},
     [f"{CMD} access user CORP\\helper"], ""),
    (SECURITY, 5136, SUBJECT | {"ObjectDN": DN, "ObjectClass": "user"},
     [f"user CORP\\carla change user {DN}"], ""),
    (SECURITY, 5136, SUBJECT | {"ObjectDN": DN, "ObjectClass": "groupPolicyContainer"},
     [f"user CORP\\carla change {HOST}"], ""),
    (SECURITY, 5142, SUBJECT | {"ShareName": "\\\\*\\tools"},
     ["user CORP\\carla change file \\\\*\\tools"], ""),
    (SECURITY, 5156, REMOTE | {"Direction": "%%14593"},
     [f"{CMD} connect socket 203.0.113.7:443"], ""),
    (SECURITY, 5157, REMOTE | {"Direction": "%%14592"},
     [f"socket 10.1.0.7:50555 accept {CMD} failure"], ""),
    (("Microsoft-Windows-Eventlog", "Security"), 1102, user_data("LogFileCleared", **SUBJECT),
     [f"user CORP\\carla change {HOST}"], ""),
    (("Microsoft-Windows-Eventlog", "System"), 104, user_data("LogFileCleared", **SUBJECT),
     [f"user CORP\\carla change {HOST}"], ""),
    (SCM, 7045, {"ServiceName": "updsvc", "ImagePath": "C:\\upd.exe"},
     ["file C:\\upd.exe install service updsvc", f"user {SID} install service updsvc"], ""),
    (SCM, 7040, {"param1": "Update", "param2": "disabled", "param3": "auto", "param4": "updsvc"},
     [f"user {SID} change service updsvc"], ""),
    (SCM, 7036, {"param1": "Update", "param2": "running"},
     ["process services.exe change service Update"], ""),
    (SCM, 7009, {"param1": "30000", "param2": "updsvc"},
     ["process services.exe start service updsvc failure"], ""),
    (SCM, 7034, {"param1": "Update"}, [], "service ended or failed by itself"),
    (("EventLog", "System"), 6005, [], [], "host started or shut down"),
    (("User32", "System"), 1074, {"param1": SYSTEM + "shutdown.exe (WS-07)",
     "param7": "CORP\\carla"},
     [f"process {SYSTEM}shutdown.exe change {HOST}", f"user CORP\\carla change {HOST}"], ""),
    (KERNEL, 12, {"MajorVersion": "10"}, [], "host started or shut down"),
    (TASKS, 106, {"TaskName": "\\Up", "UserContext": "CORP\\carla"},
     ["user CORP\\carla install task \\Up"], ""),
    (TASKS, 129, {"TaskName": "\\Up", "Path": "C:\\up.exe", "ProcessID": "900"},
     ["task \\Up launch process C:\\up.exe", "file C:\\up.exe exec process C:\\up.exe"], ""),
    (TASKS, 200, {"TaskName": "\\Up", "ActionName": "C:\\up.exe"},
     ["file C:\\up.exe exec task \\Up"], ""),
    (TASKS, 201, {"TaskName": "\\Up", "ActionName": "C:\\up.exe"}, [],
     "task's progress; 100, 129 and 200 say what ran"),
    (POWERSHELL, 4103, {"ContextInfo": CONTEXT, "Payload": "x"},
     [f"file C:\\Temp\\a.ps1 exec process {SHELL}"], ""),
    (POWERSHELL, 4104, {"ScriptBlockText": "Get-Item", "Path": "C:\\Temp\\a.ps1"},
     ["file C:\\Temp\\a.ps1 exec process powershell.exe"], ""),
    (POWERSHELL, 4104, {"ScriptBlockText": "Get-Item", "Path": ""}, [],
     "PowerShell command or script block of no file"),
    (CLASSIC, 400, ["Available", "None", ENGINE % ""],
     ["file powershell.exe exec process powershell.exe"], ""),
    (CLASSIC, 800, ["Get-Item", ENGINE % "C:\\Temp\\a.ps1", "x"],
     ["file C:\\Temp\\a.ps1 exec process powershell.exe"], ""),
    (CLASSIC, 800, ["Get-Item", ENGINE % "", "x"], [], "PowerShell command of no script"),
    (CLASSIC, 600, ["Alias", "Started", ENGINE % ""], [],
     "PowerShell engine or provider changed its state"),
    (TERMINAL, 21, user_data("EventXML", User="CORP\\carla", SessionID="3", Address="10.1.0.9"),
     ["address 10.1.0.9 logon session terminal 3", "user CORP\\carla logon session terminal 3"],
     ""),
    (TERMINAL, 25, user_data("EventXML", User="CORP\\carla", SessionID="1", Address="LOCAL"),
     ["user CORP\\carla logon session terminal 1"], ""),
    (TERMINAL, 24, user_data("EventXML", User="CORP\\carla", SessionID="3", Address="10.1.0.9"),
     [f"session terminal 3 logoff {HOST}"], ""),
    (TERMINAL, 22, user_data("EventXML", User="CORP\\carla", SessionID="3", Address="10.1.0.9"),
     [], "terminal session's progress; 21 and 25 say who logged on"),
    (RDP, 1149, user_data("EventXML", Param1="carla", Param2="CORP", Param3="10.1.0.9"),
     ["address 10.1.0.9 logon user CORP\\carla", f"user CORP\\carla logon {HOST}"], ""),
    (CLIENT, 1024, {"Name": "Server Name", "Value": "srv-02"},
     ["process pid:640 connect address srv-02"], ""),
    (WMI, 5857, user_data("Operation_StartedOperational", ProviderName="Win32_WIN32_TERMINAL",
     HostProcess="wmiprvse.exe", ProcessID="420", ProviderPath="%systemroot%\\tscfgwmi.dll"),
     ["file %systemroot%\\tscfgwmi.dll load process pid:420"], ""),
    (WMI, 5858, user_data("Operation_ClientFailure", ClientProcessId="420",
     Operation="Start IWbemServices::ExecQuery - root\\cimv2 : select 1"), [],
     "WMI query that failed"),
    (WMI, 5858, user_data("Operation_ClientFailure", ClientProcessId="420",
     Operation="Start IWbemServices::ExecMethod - root\\cimv2 : a::clear"),
     [f"process pid:420 change {HOST} failure"], ""),
    (WMI, 5860, user_data("Operation_TemporaryEssStarted", NamespaceName="root\\cimv2",
     Query="SELECT * FROM x", Processid="420"),
     ["process pid:420 install task SELECT * FROM x"], ""),
    (WMI, 5861, user_data("Operation_ESStoConsumerBinding", Namespace="//./root/subscription",
     CONSUMER='CommandLineEventConsumer="up"'),
     ['process svchost.exe install task CommandLineEventConsumer="up"'], ""),
    (WINRM, 6, {"connection": "srv-02.corp.example/wsman?PSVersion=5.1"},
     ["process pid:640 connect address srv-02.corp.example"], ""),
    (WINRM, 91, {"resourceUri": "http://corp.example/shell"}, [f"user {SID} logon {HOST}"], ""),
    (WINRM, 169, {"username": "CORP\\carla", "authenticationMechanism": "Kerberos"},
     [f"user CORP\\carla logon {HOST}"], ""),
    (DEFENDER, 1116, {"Threat Name": "Trojan:Win32/X", "Process Name": SYSTEM + "cmd.exe",
     "Path": "containerfile:_C:\\a.zip; file:_C:\\a.zip->x.exe"},
     [f"file C:\\a.zip read {CMD}", "file C:\\a.zip read process MsMpEng.exe"], ""),
    (DEFENDER, 1117, {"Process Name": "Unknown", "Path": "file:_C:\\Temp\\x.exe"},
     ["file C:\\Temp\\x.exe read process MsMpEng.exe"], ""),
    (DEFENDER, 5001, {"Product Name": "Defender"}, [f"process MsMpEng.exe change {HOST}"], ""),
    (DEFENDER, 5007, {"Old Value": "",
     "New Value": "HKLM\\SOFTWARE\\Exclusions\\Paths\\C:\\T = 0x0"},
     ["process MsMpEng.exe write registry HKLM\\SOFTWARE\\Exclusions\\Paths\\C:\\T"], ""),
    (DEFENDER, 5013, {"Changed Type": "Blocked", "Value": "HKLM\\SOFTWARE\\Real-Time = 0x1"},
     ["process MsMpEng.exe write registry HKLM\\SOFTWARE\\Real-Time failure"], ""),
    (BITS, 3, JOB | {"jobOwner": "CORP\\carla", "processPath": SYSTEM + "cmd.exe",
     "processId": "420"}, [f"{CMD} install task update"], ""),
    (BITS, 59, OF_JOB, ["task update connect domain files.corp.example"], ""),
    (BITS, 60, OF_JOB, ["domain files.corp.example receive task update"], ""),
    (BITS, 61, OF_JOB, ["task update connect domain files.corp.example failure"], ""),
    (BITS, 16403, JOB | {"processId": "420", "processPath": SYSTEM + "cmd.exe",
     "RemoteName": "http://[2001:db8::9]/a", "LocalName": "C:\\Temp\\a"},
     [f"{CMD} install task update", "task update connect domain [2001:db8::9]",
      f"{CMD} create file C:\\Temp\\a"], ""),
    (BITS, 4, JOB, [], "BITS job's progress; 3 and 59 say who fetched what"),
    (("Nobody", "Application"), 1, {"a": "b"}, [], "Application: no relation in this event id"),
]  # fmt: skip


def with_pid(what: Any, number: int) -> Any:
    """Return data or edges with process ids of their own, so that no two cases share a process."""
    text = json.dumps(what, ensure_ascii=False).replace("0x1a4", hex(1000 + number))
    text = text.replace('"420"', f'"{1000 + number}"').replace("pid:420", f"pid:{1000 + number}")
    return json.loads(text.replace("pid:640", f"pid:{5000 + number}"))


def written(case: tuple[Any, ...], number: int) -> Event:
    (provider, channel), code, data, *_ = case
    if isinstance(data, Element):
        data = Element(data.name, data.attributes, [
            Element(*with_pid(inner, number)) for inner in data.content
        ])  # fmt: skip
    else:
        data = with_pid(data, number)
    return event(number, code, data, provider=provider, channel=channel, sid=SID, pid=5000 + number)


WANTED = {i: with_pid(case[3], i) for i, case in enumerate(CASES, 1) if case[3]}


def edges_of(store: Store) -> dict[int, list[str]]:
    """Return the edges of each record, by its number in the log."""
    found: dict[int, list[str]] = {}
    for row in store.sql("SELECT * FROM events ORDER BY record, ordinal").to_pylist():
        words = [row["src_type"], row["src"], row["action"], row["dst_type"], row["dst"]]
        found.setdefault(row["record"], []).append(" ".join([*words, row["outcome"] or ""]).strip())
    return found


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Store:
    folder = tmp_path_factory.mktemp("events")
    events = [written(case, i) for i, case in enumerate(CASES, 1)]
    half = len(events) // 2
    (folder / "all.evtx").write_bytes(log(events[:half], events[half:]))
    store = Store(folder / "s")
    store.ingest(folder / "all.evtx")
    return store


def test_each_event_gives_these_edges(stored: Store) -> None:
    assert edges_of(stored) == WANTED


def test_each_rule_that_leaves_an_event_out(stored: Store) -> None:
    [source] = stored.sources
    wanted: dict[str, int] = {}
    for *_, rule in CASES:
        if rule:
            wanted[rule] = wanted.get(rule, 0) + 1
    assert source.ignored == wanted
    assert source.read == len(CASES) == source.used + sum(wanted.values())


def as_json(case: tuple[Any, ...], number: int) -> dict[str, Any] | None:
    """Return an event of named data as winlogbeat writes it."""
    (provider, channel), code, data, *_ = case
    if not isinstance(data, dict):
        return None
    return {
        "@timestamp": "2026-03-02T09:14:05.101Z", "host": {"name": "ws-07.corp.example"},
        "winlog": {
            "event_id": code, "provider_name": provider, "channel": channel,
            "computer_name": "ws-07.corp.example", "record_id": number,
            "process": {"pid": 5000 + number}, "user": {"identifier": SID},
            "event_data": with_pid(data, number),
        },
    }  # fmt: skip


def test_the_same_events_from_winlogbeat_give_the_same_edges(tmp_path: Path) -> None:
    records = {i: as_json(case, i) for i, case in enumerate(CASES, 1)}
    kept = [i for i, record in records.items() if record is not None]
    path = tmp_path / "beat.json"
    path.write_text("".join(json.dumps(records[i]) + "\n" for i in kept))
    store = Store(tmp_path / "s")
    store.ingest(path, parser="windows")
    found = {kept[record - 1]: edges for record, edges in edges_of(store).items()}
    assert found == {i: WANTED[i] for i in kept if i in WANTED}


def test_a_classic_event_whose_texts_were_joined(tmp_path: Path) -> None:
    told = {"Event": {
        "System": {"Provider": {"@Name": "PowerShell"}, "EventID": 400, "Computer": "ws",
                   "Channel": "Windows PowerShell",
                   "TimeCreated": {"@SystemTime": "2026-03-02T09:14:05.101Z"}},
        "EventData": {"Data": "Available, None, " + ENGINE % ""},
    }}  # fmt: skip
    path = tmp_path / "joined.json"
    path.write_text(json.dumps(told))
    store = Store(tmp_path / "s")
    store.ingest(path, parser="windows")
    assert edges_of(store) == {1: ["file powershell.exe exec process powershell.exe"]}


def test_what_xml_to_json_lists_by_name_is_found(tmp_path: Path) -> None:
    listed = [{"@Name": "param1", "#text": "30000"}, {"@Name": "param2", "#text": 'upd"svc'}]
    told = {"Event": {
        "System": {"Provider": {"@Name": "Service Control Manager"}, "EventID": 7009,
                   "Computer": "ws", "Channel": "System", "Execution": {"@ProcessID": "640"},
                   "TimeCreated": {"@SystemTime": "2026-03-02T09:14:05.101Z"}},
        "EventData": {"Data": listed},
    }}  # fmt: skip
    path = tmp_path / "listed.json"
    path.write_text(json.dumps(told))
    store = Store(tmp_path / "s")
    store.ingest(path, parser="windows")
    assert edges_of(store) == {1: ['process services.exe start service upd"svc failure']}


def test_without_log_and_provider_only_what_has_sysmons_time_is_sysmons(tmp_path: Path) -> None:
    path = tmp_path / "flat.json"
    fields = {"EventID": 11, "Image": "C:\\a.exe", "ProcessId": "5", "TargetFilename": "C:\\b",
              "ProcessGuid": "{0}", "Hostname": "ws"}  # fmt: skip
    path.write_text("\n".join([
        json.dumps(fields | {"UtcTime": "2026-03-02 09:14:05.101"}),
        json.dumps(fields | {"@timestamp": "2026-03-02T09:14:05.101Z"}),
    ]))  # fmt: skip
    store = Store(tmp_path / "s")
    [done] = store.ingest(path, parser="windows")
    assert edges_of(store) == {1: ["process C:\\a.exe create file C:\\b"]}
    assert store.sources[0].ignored == {"event: no relation in this event id": 1}
    assert done.read == 2
