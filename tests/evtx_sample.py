"""Writes sample_logs/evtx/ws-07.evtx: `python -m tests.evtx_sample`. All in it is invented.

A macro starts PowerShell, which fetches a file by BITS, adds a service and clears the log.
"""

from pathlib import Path

from tests.evtx_writer import Element, Event, event, log

SAMPLE = Path(__file__).parents[1] / "sample_logs" / "evtx" / "ws-07.evtx"
SYSTEM = "C:\\Windows\\System32\\"
WORD = "C:\\Program Files\\Office\\WINWORD.EXE"
SHELL = SYSTEM + "WindowsPowerShell\\v1.0\\powershell.exe"
SYSMON = "Microsoft-Windows-Sysmon"
BITS = "Microsoft-Windows-Bits-Client"
SID = "S-1-5-21-1-2-3-1104"
JOB = "{5F2863D6-0000-4000-8000-00000000ABCD}"


def events() -> list[Event]:
    """Return the sample's events."""

    def at(second: int) -> str:
        return f"2026-03-02T09:14:{second:02d}.101000Z"

    word, shell = (f"{{0a1b2c3d-0000-4000-8000-{n:012d}}}" for n in (1, 2))
    started = {"UtcTime": "2026-03-02 09:14:05.101", "ProcessGuid": shell, "ProcessId": "4312",
               "Image": SHELL, "CommandLine": "powershell.exe -nop -w hidden -File up.ps1",
               "User": "CORP\\carla", "ParentProcessGuid": word, "ParentProcessId": "4200",
               "ParentImage": WORD, "ParentCommandLine": f'"{WORD}" offer.docm'}  # fmt: skip
    resolved = {"UtcTime": "2026-03-02 09:14:07.101", "ProcessGuid": shell, "ProcessId": "4312",
                "Image": SHELL, "QueryName": "cdn.files.example", "QueryStatus": "0"}  # fmt: skip
    process = {"SubjectUserName": "carla", "SubjectDomainName": "CORP",
               "SubjectLogonId": "0x3f2a1", "NewProcessId": "0x10d8", "NewProcessName": SHELL,
               "ProcessId": "0x1068", "ParentProcessName": WORD,
               "CommandLine": "powershell.exe -nop -w hidden -File up.ps1"}  # fmt: skip
    job = {"jobTitle": "up", "jobId": JOB, "jobOwner": "CORP\\carla", "processPath": SHELL,
           "processId": "4312"}  # fmt: skip
    fetched = {"name": "up", "Id": JOB, "url": "https://cdn.files.example/up.exe"}
    service = {"ServiceName": "updsvc", "ImagePath": "C:\\ProgramData\\up.exe",
               "StartType": "auto start", "AccountName": "LocalSystem"}  # fmt: skip
    engine = ("\tNewEngineState=Available\r\n\r\n\tHostName=ConsoleHost\r\n"
              "\tHostId=0a1b2c3d-0000-4000-8000-00000000abcd\r\n"
              "\tHostApplication=powershell.exe -nop -w hidden -File up.ps1\r\n")  # fmt: skip
    cleared = Element("LogFileCleared", {"xmlns": "http://corp.example/eventlog"}, [
        Element("SubjectUserName", {}, "carla"), Element("SubjectDomainName", {}, "CORP"),
        Element("SubjectUserSid", {}, SID),
    ])  # fmt: skip
    return [
        event(101, 1, started, time=at(5), provider=SYSMON, channel=f"{SYSMON}/Operational"),
        event(102, 4688, process, time=at(5), pid=4),
        event(103, 400, ["Available", "None", engine], time=at(6), provider="PowerShell",
              channel="Windows PowerShell", pid=0),
        event(104, 22, resolved, time=at(7), provider=SYSMON, channel=f"{SYSMON}/Operational"),
        event(105, 3, job, time=at(8), pid=1104, provider=BITS,
              channel=f"{BITS}/Operational"),
        event(106, 59, fetched, time=at(9), pid=1104, provider=BITS,
              channel=f"{BITS}/Operational"),
        event(107, 7045, service, time=at(20), provider="Service Control Manager",
              channel="System", sid=SID),
        event(108, 7036, {"param1": "Updater", "param2": "running"}, time=at(21),
              provider="Service Control Manager", channel="System"),
        event(109, 4672, {"SubjectUserName": "carla", "PrivilegeList": "SeDebugPrivilege"},
              time=at(22), pid=640),
        event(110, 1102, cleared, time=at(30), provider="Microsoft-Windows-Eventlog", pid=1148),
    ]  # fmt: skip


def sample() -> bytes:
    """Return the sample's bytes."""
    return log(events())


if __name__ == "__main__":
    SAMPLE.write_bytes(sample())
