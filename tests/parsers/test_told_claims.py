"""What records of hosts' sensors and of clouds claim besides their edges: whole rows."""

import json
from pathlib import Path
from typing import Any

from graphad.store import Store

AT = "2024-05-03T10:00:01.000Z"
MS = 1714730401000
SSHD = "2024-05-03T10:00:01+00:00 srv sshd[9]:"
PC = "pc-3.corp.example"
SID = "S-1-5-21-1-2-3-1104"


def claims(folder: Path, parser: str, *records: dict[str, Any] | str) -> list[tuple[Any, ...]]:
    """Return (kind, entity's label or the claim's, value, far) of each claim of some records."""
    log = folder / "log"
    lines = [one if isinstance(one, str) else json.dumps(one) for one in records]
    log.write_text("".join(line + "\n" for line in lines))
    store = Store(folder / "store")
    store.ingest(log, parser=parser)
    [source] = store.sources
    assert source.read == len(records) == source.used + sum(source.ignored.values())
    found = store.sql(
        """SELECT DISTINCT a.kind, coalesce(a.label, e.label) AS label, a.value, a.far
           FROM aliases a LEFT JOIN entities e ON e.id = a.entity ORDER BY ALL"""
    )
    return [tuple(row.values()) for row in found.to_pylist()]


def ecs(category: str, kind: str, **more: Any) -> dict[str, Any]:
    process = {
        "entity_id": "E1", "pid": 820, "executable": "/usr/bin/psql", "command_line": "psql -c 1",
        "start": "2024-05-03T10:00:00Z",
        "parent": {"entity_id": "E0", "pid": 800, "executable": "/bin/bash"},
    }  # fmt: skip
    return {
        "@timestamp": AT, "ecs": {"version": "8.11.0"}, "agent": {"type": "x"},
        "event": {"category": [category], "type": [kind]}, "process": process,
        "host": {"name": "db-5", "hostname": "DB-5.corp.example",
                 "ip": ["10.0.0.5", "fe80::1%eth0", "::FFFF:10.0.0.5", "127.0.0.1", "soon", 7]},
    } | more  # fmt: skip


FROM, TO = "10.0.0.5:50001", "10.0.0.9:5432"
WAY = {
    "source": {"ip": "10.0.0.5", "port": 50001}, "destination": {"ip": "10.0.0.9", "port": 5432},
}  # fmt: skip


def test_ecs(tmp_path: Path) -> None:
    user = {"name": "bo", "domain": "CORP", "id": SID}
    found = claims(
        tmp_path, "ecs", ecs("process", "start"), ecs("process", "end"),
        ecs("network", "start", **WAY, network={"direction": "egress"}),
        ecs("network", "start", **WAY, network={"direction": "ingress"}),
        # The near end isn't told, or is none: nothing says which connection it is.
        ecs("network", "start", destination=WAY["destination"]),
        ecs("network", "start", **WAY | {"source": {"ip": "0.0.0.0", "port": 50001}}),
        ecs("network", "start", **WAY | {"source": {"ip": "10.0.0.5", "port": 0}}),
        ecs("authentication", "start", user=user, source={"ip": "10.0.0.7", "port": 50022}),
        # A number is another account on each host.
        ecs("authentication", "start", user={"name": "bo", "id": "1000"}),
    )  # fmt: skip
    assert found == [
        ("accept", FROM, FROM, TO),
        ("address", "db-5", "10.0.0.5", None),
        ("address", "db-5", "127.0.0.1", None),
        ("address", "db-5", "fe80::1", None),
        ("birth", "/usr/bin/psql", "820", None),
        ("caller", "10.0.0.7", "10.0.0.7:50022", None),
        ("connect", TO, FROM, TO),
        ("death", "/usr/bin/psql", "820", None),
        ("name", "db-5", "db-5.corp.example", None),
        ("process", "/bin/bash", "800", None),
        ("process", "/usr/bin/psql", "820", None),
        ("sid", "CORP\\bo", SID, None),
    ]


def ocsf(class_: int, activity: int, **more: Any) -> dict[str, Any]:
    actor = {"process": {"uid": "P-1", "pid": 450, "name": "ps.exe", "created_time": MS - 9000}}
    return {
        "class_uid": class_, "activity_id": activity, "type_uid": class_ * 100 + activity,
        "time": MS, "device": {"hostname": PC, "ip": "10.0.0.5"}, "actor": actor,
    } | more  # fmt: skip


ENDS = {
    "src_endpoint": {"ip": "10.0.0.5", "port": 50001},
    "dst_endpoint": {"ip": "10.0.0.9", "port": 5432},
}


def test_ocsf(tmp_path: Path) -> None:
    child = {"uid": "P-2", "pid": 460, "name": "cmd.exe"}
    user = {"name": "bo", "domain": "CORP", "uid": SID}
    inward = {"connection_info": {"direction_id": 1}}
    unnamed = {"pid": 9, "name": "x.exe"}
    found = claims(
        tmp_path, "ocsf",
        ocsf(1007, 1, process=child), ocsf(1007, 2, process=child),
        ocsf(1007, 1, process=unnamed), ocsf(4001, 1, **ENDS),
        ocsf(4001, 1, **ENDS | inward),
        ocsf(3002, 1, user=user, src_endpoint={"ip": "10.0.0.7", "port": 50022}),
    )  # fmt: skip
    assert found == [
        ("accept", FROM, FROM, TO),
        ("address", PC, "10.0.0.5", None),
        ("birth", "cmd.exe", "460", None),
        ("caller", "10.0.0.7", "10.0.0.7:50022", None),
        ("connect", TO, FROM, TO),
        ("death", "cmd.exe", "460", None),
        ("process", "cmd.exe", "460", None),
        ("process", "ps.exe", "450", None),
        ("sid", "CORP\\bo", SID, None),
    ]


def row(**more: Any) -> dict[str, Any]:
    return {
        "Timestamp": "2024-05-03T10:00:01Z", "DeviceId": "d1", "DeviceName": PC,
        "InitiatingProcessId": 52, "InitiatingProcessCreationTime": "2024-05-03T09:00:00Z",
        "InitiatingProcessFileName": "ps.exe", "InitiatingProcessAccountSid": SID,
        "InitiatingProcessAccountDomain": "corp", "InitiatingProcessAccountName": "bo",
        "InitiatingProcessAccountUpn": "bo@corp.example",
    } | more  # fmt: skip


NET = {"LocalIP": "10.0.0.5", "LocalPort": 50001, "RemoteIP": "10.0.0.9", "RemotePort": 5432}


def test_defender(tmp_path: Path) -> None:
    taken = {"LocalIP": "10.0.0.5", "LocalPort": 445, "RemoteIP": "10.0.0.9", "RemotePort": 50002}
    made = {"ProcessId": 77, "ProcessCreationTime": "2024-05-03T10:00:01Z", "FileName": "cmd.exe"}
    found = claims(
        tmp_path, "defender",
        row(ActionType="ConnectionSuccess", **NET),
        row(ActionType="InboundConnectionAccepted", **taken),
        row(ActionType="ProcessCreated", **made),
        # What is listened on is no address of the host, nor are both ends of a failed lookup told.
        row(ActionType="ListeningConnectionCreated", LocalIP="10.9.9.9", LocalPort=80),
        row(ActionType="ConnectionFailed", RemoteIP="10.0.0.9", RemotePort=5432),
        row(ActionType="LogonSuccess", AccountName="al", AccountDomain="corp", RemoteIP="10.0.0.7",
            RemotePort=50022, AccountSid="S-1-5-21-1-2-3-1105"),
    )  # fmt: skip
    assert found == [
        ("accept", "10.0.0.9:50002", "10.0.0.9:50002", "10.0.0.5:445"),
        ("address", PC, "10.0.0.5", None),
        ("birth", "cmd.exe", "77", None),
        ("caller", "10.0.0.7", "10.0.0.7:50022", None),
        ("connect", TO, FROM, TO),
        ("process", "cmd.exe", "77", None),
        ("process", "ps.exe", "52", None),
        ("sid", "bo@corp.example", SID, None),
        ("sid", "corp\\al", "S-1-5-21-1-2-3-1105", None),
        ("sid", "corp\\bo", SID, None),
    ]


def test_carbon_black(tmp_path: Path) -> None:
    event = {
        "computer_name": PC, "timestamp": 1714730401, "process_guid": "A-1", "pid": 52,
        "path": "c:\\ps.exe", "parent_guid": "A-0", "parent_pid": 40, "parent_path": "c:\\w.exe",
    }  # fmt: skip
    net = {"remote_ip": "10.0.0.9", "local_ip": "10.0.0.5"}
    found = claims(
        tmp_path, "carbon_black",
        event | {"type": "ingress.event.procstart"},
        event | net | {"type": "ingress.event.netconn", "remote_port": 5432, "local_port": 50001},
        event | net | {"type": "ingress.event.netconn", "remote_port": 50002, "local_port": 445,
                       "direction": "inbound", "device_external_ip": "198.51.100.1"},
    )  # fmt: skip
    assert found == [
        ("accept", "10.0.0.9:50002", "10.0.0.9:50002", "10.0.0.5:445"),
        ("address", PC, "10.0.0.5", None),
        ("birth", "c:\\ps.exe", "52", None),
        ("connect", TO, FROM, TO),
        ("process", "c:\\ps.exe", "52", None),
        ("process", "c:\\w.exe", "40", None),
    ]


def test_tetragon(tmp_path: Path) -> None:
    def event(kind: str, flags: str = "execve clone", **more: Any) -> dict[str, Any]:
        process = {
            "exec_id": "n:1", "pid": 410, "binary": "/bin/nc", "flags": flags,
            "start_time": "2024-05-03T10:00:01.000000001Z",
        }  # fmt: skip
        parent = {"exec_id": "n:0", "pid": 1, "binary": "/sbin/init"}
        body = {"process": process, "parent": parent} | more
        return {kind: body, "node_name": "node-3", "time": AT}

    ends: dict[str, Any] = {
        "source_ip": "10.0.0.5", "source_port": 50001, "destination_ip": "10.0.0.9",
        "destination_port": 5432,
    }  # fmt: skip
    sock = {"sock_arg": {"saddr": "10.0.0.5", "sport": 50003, "daddr": "10.0.0.9", "dport": 5432}}
    called = event("process_kprobe", function_name="tcp_connect", args=[sock])
    found = claims(
        tmp_path, "tetragon", event("process_exec"), event("process_exit"), called,
        event("process_connect", **ends),
        # Whose address that is, a process that took the connection doesn't say.
        event("process_accept", **ends),
    )  # fmt: skip
    lives = [("process", "/bin/nc", "410", None), ("process", "/sbin/init", "1", None)]
    assert found == [
        ("birth", "/bin/nc", "410", None),
        ("connect", TO, FROM, TO),
        ("connect", TO, "10.0.0.5:50003", TO),
        ("death", "/bin/nc", "410", None),
        *lives,
    ]
    (tmp_path / "old").mkdir()
    assert claims(tmp_path / "old", "tetragon", event("process_exec", "procFS auid")) == lives


def test_falco(tmp_path: Path) -> None:
    def alert(call: str, **more: Any) -> dict[str, Any]:
        fields = {"evt.type": call, "proc.name": "nc", "proc.pid": 410, "proc.exepath": "/bin/nc"}
        return {
            "hostname": "node-3", "rule": "r", "priority": "Warning", "time": AT, "output": "o",
            "output_fields": fields | {key.replace("_", "."): v for key, v in more.items()},
        }  # fmt: skip

    ends = {"fd_cip": "10.0.0.5", "fd_cport": 50001, "fd_sip": "10.0.0.9", "fd_sport": 5432}
    found = claims(
        tmp_path, "falco", alert("execve", proc_pname="sh", proc_ppid=400),
        alert("connect", fd_rip="10.0.0.9", fd_rport=5432, **ends),
        alert("accept4", **ends), alert("connect", fd_rip="10.0.0.9", fd_rport=80),
        alert("sendto", fd_rip="10.0.0.9", fd_rport=53, **ends),
    )  # fmt: skip
    assert found == [
        ("accept", FROM, FROM, TO),
        ("connect", TO, FROM, TO),
        ("pid birth", "/bin/nc", "410", None),
    ]


def test_tracee(tmp_path: Path) -> None:
    def event(name: str, thread: int = 880, **more: Any) -> dict[str, Any]:
        args = more.pop("args", {})
        return {
            "timestamp": MS * 1_000_000, "threadStartTime": (MS - 2000) * 1_000_000,
            "hostProcessId": 880, "hostThreadId": thread, "hostParentProcessId": 1,
            "hostName": "node-3", "eventName": name, "executable": {"path": "/bin/nc"},
            "returnValue": 0, "processEntityId": 5280,
            "args": [{"name": key, "value": value} for key, value in args.items()],
        } | more  # fmt: skip

    child = {"child_pid": 900, "child_entity_id": 5300}
    found = claims(
        tmp_path, "tracee", event("sched_process_fork", args=child),
        event("sched_process_exit", args={"process_group_exit": True}),
        event("sched_process_exit", 881, args={"process_group_exit": False}),
    )  # fmt: skip
    assert found == [
        ("birth", "/bin/nc", "900", None),
        ("death", "/bin/nc", "880", None),
        ("process", "/bin/nc", "880", None),
    ]
    (tmp_path / "b").mkdir()
    older: dict[str, Any] = {
        "processEntityId": None,
        "args": {"child_pid": 901, "start_time": MS * 1_000_000},
    }
    assert claims(tmp_path / "b", "tracee", event("sched_process_fork", **older)) == [
        ("birth", "/bin/nc", "901", None),
        ("process", "/bin/nc", "880", None),
    ]


def test_osquery(tmp_path: Path) -> None:
    def result(**columns: str) -> dict[str, Any]:
        return {
            "name": "q", "hostIdentifier": "lap-8", "unixTime": 1714730401, "columns": columns,
            "action": "added",
        }  # fmt: skip

    ran = {"pid": "310", "parent": "300", "path": "/usr/bin/wget", "cmdline": "wget x"}
    ends = {
        "pid": "310", "path": "/usr/bin/wget", "local_address": "10.0.0.5", "local_port": "50001",
        "remote_address": "10.0.0.9", "remote_port": "5432",
    }  # fmt: skip
    found = claims(
        tmp_path, "osquery", result(**ran, time="1714730395"),
        result(**ran, start_time="1714730000"),
        result(**ends, action="connect", time="1714730396"),
        result(**ends | {"local_port": "22", "remote_port": "50002"}, action="accept", time="17"),
        result(**ends | {"local_port": "50009"}),  # an open socket: who opened it isn't told
        result(interface="eth0", address="10.0.0.5", mask="255.255.255.0"),
    )  # fmt: skip
    assert found == [
        ("accept", "10.0.0.9:50002", "10.0.0.9:50002", "10.0.0.5:22"),
        ("address", "lap-8", "10.0.0.5", None),
        ("connect", TO, FROM, TO),
        ("pid birth", "/usr/bin/wget", "310", None),
        ("process", "/usr/bin/wget", "310", None),
    ]


def test_sshd(tmp_path: Path) -> None:
    found = claims(
        tmp_path, "text",
        f"{SSHD} Accepted publickey for bo from 10.0.0.7 port 50022 ssh2",
        f"{SSHD} Failed password for bo from 2001:db8::7 port 50023 ssh2",
        f"{SSHD} pam_unix(sshd:session): session opened for user bo",
    )  # fmt: skip
    assert found == [
        ("caller", "10.0.0.7", "10.0.0.7:50022", None),
        ("caller", "2001:db8::7", "[2001:db8::7]:50023", None),
    ]


def test_auditd(tmp_path: Path) -> None:
    def line(kind: str, at: int, text: str) -> str:
        return f"node=srv type={kind} msg=audit(17147304{at:02}.000:{at}): {text}"

    call = "arch=c000003e success=yes exit=5 a0=3 a1=0 a2=0 a3=0 items=0 ppid=1 pid=9 auid=7 uid=7"
    found = claims(
        tmp_path, "auditd",
        line("SYSTEM_BOOT", 1, "pid=1 uid=0 auid=4294967295 ses=4294967295 msg='comm=\"init\"'"),
        line("LOGIN", 2, "pid=8 uid=0 old-auid=4294967295 auid=7 old-ses=4294967295 ses=3 res=1"),
        line("SYSCALL", 3, f'{call} ses=3 syscall=43 comm="sshd" exe="/usr/sbin/sshd"')
        + "\n" + line("SOCKADDR", 3, "saddr=0200C3660A0000070000000000000000"),
        line("SYSCALL", 4, f'{call} ses=3 syscall=59 comm="id" exe="/usr/bin/id"'),
    )  # fmt: skip
    assert found == [
        ("birth", "/usr/bin/id", "9", None),
        ("boot", None, "SYSTEM_BOOT", None),
        ("caller", "10.0.0.7:50022", "10.0.0.7:50022", None),
        ("logon", "3", "3", None),
    ]


def test_cdm(tmp_path: Path) -> None:
    def record(kind: str, **body: Any) -> dict[str, Any]:
        return {"datum": {f"com.bbn.tc.schema.avro.cdm18.{kind}": body}, "CDMVersion": "18"}

    def flow(n: int, near: tuple[str, int], far: tuple[str, int]) -> dict[str, Any]:
        return record(
            "NetFlowObject", uuid=f"6f1b0c3a-0002-4a00-8000-00000000000{n}", localAddress=near[0],
            localPort=near[1], remoteAddress=far[0], remotePort=far[1],
        )  # fmt: skip

    def event(kind: str, n: int) -> dict[str, Any]:
        return record(
            "Event", uuid=f"6f1b0c3a-0003-4a00-8000-00000000000{n}", type=f"EVENT_{kind}",
            timestampNanos=MS * 1_000_000, subject="6f1b0c3a-0004-4a00-8000-000000000001",
            predicateObject=f"6f1b0c3a-0002-4a00-8000-00000000000{n}",
        )  # fmt: skip

    found = claims(
        tmp_path, "cdm", flow(1, ("10.0.0.5", 50001), ("10.0.0.9", 5432)),
        flow(2, ("10.0.0.5", 22), ("10.0.0.9", 50002)), flow(3, ("", -1), ("10.0.0.9", 80)),
        event("CONNECT", 1), event("SENDTO", 1), event("ACCEPT", 2), event("CONNECT", 3),
    )  # fmt: skip
    assert found == [
        ("accept", "10.0.0.9:50002", "10.0.0.9:50002", "10.0.0.5:22"),
        ("connect", TO, FROM, TO),
    ]


def test_procmon(tmp_path: Path) -> None:
    found = claims(
        tmp_path, "procmon",
        "Time of Day,Process Name,PID,Operation,Path,Result,Detail",
        '1:00:00.0 PM,a.exe,5,Process Create,C:\\b.exe,SUCCESS,"PID: 9, Command line: b"',
        '1:00:01.0 PM,a.exe,5,Process Create,C:\\b.exe,SUCCESS,"PID: 9, Command line: b"',
        f"1:00:02.0 PM,b.exe,9,TCP Connect,{FROM} -> {TO},SUCCESS,",
        "1:00:03.0 PM,b.exe,9,TCP Accept,10.0.0.5:80 -> [2001:db8::9]:50002,SUCCESS,",
        "1:00:04.0 PM,b.exe,9,TCP Connect,pc-3:50003 -> 10.0.0.9:80,SUCCESS,",
    )  # fmt: skip
    assert found == [
        ("accept", "[2001:db8::9]:50002", "[2001:db8::9]:50002", "10.0.0.5:80"),
        ("birth", "C:\\b.exe", "9", None),
        ("connect", TO, FROM, TO),
        ("pid birth", "C:\\b.exe", "9", None),
    ]


def test_flows_of_a_virtual_machine(tmp_path: Path) -> None:
    names = "FlowStartTime,L4Protocol,VMName,VMIPAddress,PublicIPs,DestPort,FlowDirection"
    said = "2024-05-02 08:00:07,T,Shop-7,10.0.3.5,\"['203.0.113.66']\",443.0,O"
    assert claims(tmp_path, "nsg_flows", names, said) == [("address", "shop-7", "10.0.3.5", None)]
