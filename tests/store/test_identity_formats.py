"""One activity in two formats is one, and what only looks like one stays apart."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from graphad.decoders.cloud_entra import sid_of
from graphad.graph import Graph
from graphad.store import Store
from tests.windows_events import START, Event, called, created, image, security, stamp

HOST = "ws1.corp.example"
FROM, TO = "10.0.0.1:50001", "10.0.0.5:22"


def iso(at: float) -> str:
    return stamp(at).replace(" ", "T") + "Z"


def ends(near: str, far: str, names: str) -> dict[str, Any]:
    """Return fields of both ends, of four names: near address, its port, far address, its port."""
    (src, src_port), (dst, dst_port) = near.rsplit(":", 1), far.rsplit(":", 1)
    values = (src.strip("[]"), int(src_port), dst.strip("[]"), int(dst_port))
    return dict(zip(names.split(), values, strict=True))


def sensor(at: float, near: str = FROM, far: str = TO) -> Event:
    """Return what Zeek saw of a connection."""
    return {
        "_path": "conn", "ts": START + at, "proto": "tcp", "conn_state": "SF",
        **ends(near, far, "id.orig_h id.orig_p id.resp_h id.resp_p"),
    }  # fmt: skip


def elastic(at: float, host: str, way: str = "egress", near: str = FROM, far: str = TO) -> Event:
    """Return a connection as Elastic Defend tells of it."""
    said = ends(near, far, "a b c d")
    return {
        "@timestamp": iso(at), "ecs": {"version": "8"}, "agent": {"type": "endpoint"},
        "event": {"category": ["network"], "type": ["start"]}, "network": {"direction": way},
        "host": {"name": host}, "process": {"entity_id": host, "pid": 7, "executable": "/bin/nc"},
        "source": {"ip": said["a"], "port": said["b"]},
        "destination": {"ip": said["c"], "port": said["d"]},
    }  # fmt: skip


def tetragon(at: float, kind: str, node: str = "web", **more: Any) -> Event:
    process = {"exec_id": f"{node}:9", "pid": 410, "binary": "/bin/nc", "start_time": iso(5.0)}
    return {kind: {"process": process, **more}, "node_name": node, "time": iso(at)}


def falco(at: float, call: str, node: str = "web", **more: Any) -> Event:
    fields = {"evt.type": call, "proc.name": "nc", "proc.pid": 410, "proc.exepath": "/bin/nc"}
    return {
        "hostname": node, "rule": "r", "priority": "Warning", "output": "o", "time": iso(at),
        "output_fields": fields | more,
    }  # fmt: skip


def defender(at: float, what: str, host: str = HOST, **more: Any) -> Event:
    return {
        "Timestamp": iso(at), "DeviceId": "d", "DeviceName": host, "ActionType": what,
        "InitiatingProcessId": 100, "InitiatingProcessCreationTime": iso(-1000),
        "InitiatingProcessFileName": "boss.exe",
        "InitiatingProcessFolderPath": image("boss"), **more,
    }  # fmt: skip


def sshd(at: float, host: str, near: str = FROM) -> str:
    ip, port = near.rsplit(":", 1)
    return f"{iso(at)} {host} sshd[9]: Accepted publickey for bo from {ip} port {port} ssh2"


def stored(folder: Path, *logs: Sequence[Event | str]) -> Store:
    """Return a store of some logs, all of which it understands."""
    store = Store(folder / "store")
    for i, log in enumerate(logs):
        lines = [one if isinstance(one, str) else json.dumps(one) for one in log]
        path = folder / f"{i}.log"
        path.write_text("\n".join(lines) + "\n")
        store.ingest(path)
    assert not any(source.rejected for source in store.sources)
    return store


def graph(folder: Path, *logs: Sequence[Event | str]) -> Graph:
    return stored(folder, *logs).graph()


def through(found: Graph) -> list[tuple[str, str]]:
    """Return (what opened a connection, what it led to) for each way through a socket."""
    ways = zip(found.src.tolist(), found.action, found.dst.tolist(), strict=True)
    rows = [row for row in ways if row[1] in ("connect", "accept", "logon")]
    return sorted(
        (str(found.labels[s]), str(found.labels[d]))
        for s, a, through in rows if a == "connect"
        for other, b, d in rows if b != "connect" and other == through
    )  # fmt: skip


def sockets_of(found: Graph) -> list[tuple[int, int]]:
    """Return the ends of events that are sockets: (place, id)."""
    ends = [*found.src.tolist(), *found.dst.tolist()]
    return [(n, int(found.ids[i])) for n, i in enumerate(ends) if found.types[i] == "socket"]


def test_what_a_process_opened_is_what_a_sensor_saw(tmp_path: Path) -> None:
    found = graph(tmp_path, [elastic(10.0, "web")], [sensor(10.2)])
    assert through(found) == [("/bin/nc", "10.0.0.5"), ("10.0.0.1", "10.0.0.5")]


@pytest.mark.parametrize("opener", ["tetragon", "falco", "defender", "windows"])
def test_a_logon_through_what_another_format_tells(opener: str, tmp_path: Path) -> None:
    source = "source_ip source_port destination_ip destination_port"
    opened: dict[str, Event] = {
        "tetragon": tetragon(10.0, "process_connect", **ends(FROM, TO, source)),
        "falco": falco(10.0, "connect", **ends(FROM, TO, "fd.cip fd.cport fd.rip fd.rport"),
                       **ends(FROM, TO, "fd.lip fd.lport fd.sip fd.sport")),
        "defender": defender(10.0, "ConnectionSuccess",
                             **ends(FROM, TO, "LocalIP LocalPort RemoteIP RemotePort")),
        "windows": called("boss", 100, 10.0, TO),
    }  # fmt: skip
    label = "/bin/nc" if opener in ("tetragon", "falco") else image("boss")
    found = graph(tmp_path, [opened[opener]], [sshd(12.0, "srv")])
    assert through(found) == [(label, "bo")]


def test_a_program_in_capital_letters(tmp_path: Path) -> None:
    ran = tetragon(5.0, "process_exec")
    ran["process_exec"]["process"]["binary"] = "/usr/sbin/NetMgr"
    seen = falco(9.0, "openat", **{"fd.name": "/etc/shadow", "proc.name": "NetMgr"})
    found = graph(tmp_path, [ran], [seen])
    [reader] = found.dst[found.action == "read"].tolist()
    assert reader in found.dst[found.action == "exec"].tolist()


def test_a_process_of_two_formats(tmp_path: Path) -> None:
    made = defender(
        5.0, "ProcessCreated", ProcessId=410, ProcessCreationTime=iso(5.0), FileName="nc.exe",
        FolderPath=image("nc"), ProcessCommandLine="nc /run",
    )  # fmt: skip
    found = graph(tmp_path, [made], [created("nc", 410, 5.2), called("nc", 410, 9.0, TO)])
    assert found.collapsed > 0
    assert not {*found.src[found.action == "connect"]} - {*found.dst}
    (tmp_path / "linux").mkdir()
    ran = [tetragon(5.0, "process_exec")]
    found = graph(tmp_path / "linux", ran, [falco(9.0, "openat", **{"fd.name": "/etc/shadow"})])
    [reader] = found.dst[found.action == "read"].tolist()
    assert reader in found.dst[found.action == "exec"].tolist()
    (tmp_path / "other").mkdir()
    there = [falco(9.0, "openat", "db", **{"fd.name": "/etc/shadow"})]
    found = graph(tmp_path / "other", ran, there)  # the same number on another host
    [reader] = found.dst[found.action == "read"].tolist()
    assert reader not in found.dst[found.action == "exec"].tolist()


@pytest.mark.parametrize(
    ("name", "logs"),
    [
        ("each host's own loopback", [
            [elastic(10.0, "a", near="127.0.0.1:50001", far="127.0.0.1:22")],
            [elastic(10.1, "b", "ingress", "127.0.0.1:50001", "127.0.0.1:22")],
        ]),
        ("loopback of IPv6", [
            [elastic(10.0, "a", near="[::1]:50001", far="[::1]:22")],
            [elastic(10.1, "b", "ingress", "[::1]:50001", "[::1]:22")],
        ]),
        ("a logon on the loopback of another host", [
            [elastic(10.0, "a", near="127.0.0.1:50001", far="127.0.0.1:22")],
            [sshd(10.5, "b", "127.0.0.1:50001")],
        ]),
        ("a socket that isn't bound yet", [
            [elastic(10.0, "a", near="0.0.0.0:50001")], [sensor(10.1)],
        ]),
        ("two hosts behind one translator", [
            [elastic(10.0, "a"), elastic(10.0, "b", near="10.0.0.2:50001")],
            [sshd(10.5, "srv", "198.51.100.1:50001")],
        ]),
        ("two networks of the same addresses", [
            [elastic(10.0, "a")], [elastic(10.1, "b")], [elastic(10.2, "srv", "ingress")],
        ]),
        ("the port was lent again", [[elastic(10.0, "a")], [sshd(400.0, "srv")]]),
    ],
)  # fmt: skip
def test_what_only_looks_like_one_connection(
    name: str, logs: list[Sequence[Event | str]], tmp_path: Path
) -> None:
    store = stored(tmp_path, *logs)
    assert sockets_of(store.graph()) == sockets_of(store.graph(identity=[])), name


def test_the_loopback_of_one_host_is_one(tmp_path: Path) -> None:
    near, far = "127.0.0.1:50001", "127.0.0.1:22"
    log = [elastic(10.0, "a", near=near, far=far), elastic(10.1, "a", "ingress", near, far)]
    assert through(graph(tmp_path, log)) == [("/bin/nc", "/bin/nc")]


def hosts(folder: Path, *more: tuple[str, list[str]], address: str = "10.0.0.5") -> int:
    """Return how many hosts there are: one that Zeek knows by address, those that agents name."""

    def agent(name: str, ips: list[str]) -> Event:
        return {
            "@timestamp": iso(20.0), "ecs": {"version": "8"}, "agent": {"type": "x"},
            "event": {"category": ["authentication"], "type": ["start"]}, "user": {"name": "bo"},
            "host": {"name": name, "ip": ips},
        }  # fmt: skip

    ssh = {
        "_path": "ssh", "ts": START + 10.0, "auth_success": True,
        **ends(FROM, f"{address}:22", "id.orig_h id.orig_p id.resp_h id.resp_p"),
    }  # fmt: skip
    found = graph(folder, [ssh], [agent(*one) for one in more])
    return len({int(i) for i in found.dst if found.types[i] == "host"})


def test_a_host_and_its_address(tmp_path: Path) -> None:
    assert hosts(tmp_path, ("srv", ["fe80::5", "10.0.0.5"])) == 1


@pytest.mark.parametrize(
    ("address", "more", "wanted"),
    [
        ("10.0.0.5", [("a", ["10.0.0.5"]), ("b", ["10.0.0.5", "10.0.0.6"])], 3),  # lent to both
        ("127.0.0.1", [("a", ["127.0.0.1"])], 2),
        ("169.254.0.9", [("a", ["169.254.0.9"])], 2),
        ("fe80::5", [("a", ["fe80::5"])], 2),
        ("10.0.0.5", [("A", ["10.0.0.5"]), ("a", ["10.0.0.5"])], 1),  # one host in two spellings
    ],
)
def test_an_address_that_names_no_host(
    address: str, more: list[tuple[str, list[str]]], wanted: int, tmp_path: Path
) -> None:
    assert hosts(tmp_path, *more, address=address) == wanted


def sign_in(upn: str, id_: str) -> Event:
    return {
        "createdDateTime": iso(10.0), "userPrincipalName": upn, "userId": id_,
        "appDisplayName": "Portal", "ipAddress": "203.0.113.9", "status": {"errorCode": 0},
        "resourceTenantId": "t0",
    }  # fmt: skip


def test_a_person_in_the_cloud_and_on_a_host(tmp_path: Path) -> None:
    id_ = "73d664e4-0886-4a73-b745-c694da45ddb4"
    logon = security(4624, 20.0, TargetUserName="BoSmith", TargetDomainName="AzureAD",
                     TargetUserSid=sid_of(id_), TargetLogonId="0x51")  # fmt: skip
    found = graph(tmp_path, [sign_in("bo@corp.example", id_)], [logon])
    assert len({int(i) for i in [*found.src, *found.dst] if found.types[i] == "user"}) == 1
    (tmp_path / "two").mkdir()
    other = [sign_in("bo@corp.example", id_.replace("7", "8")), sign_in("bo@a.example", id_)]
    found = graph(tmp_path / "two", other, [logon])  # the same name in another tenant
    users = {str(found.labels[i]): int(i) for i in [*found.src, *found.dst]
             if found.types[i] == "user"}  # fmt: skip
    assert len(set(users.values())) == 2


def test_numbers_of_sessions_begin_anew_when_a_host_starts(tmp_path: Path) -> None:
    def line(kind: str, at: int, text: str) -> str:
        return f"node=srv type={kind} msg=audit({START + at}.000:{at}): {text}"

    login = "pid=8 uid=0 old-auid=4294967295 auid=7 old-ses=4294967295 ses=3 res=1"
    start = (
        "pid=8 uid=0 auid=7 ses=3 msg='op=login acct=\"bo\" addr=10.0.0.7 terminal=1 res=success'"
    )
    log: list[Event | str] = [
        line("LOGIN", 1, login), line("USER_LOGIN", 2, start),
        line("SYSTEM_BOOT", 50, "pid=1 uid=0 auid=4294967295 ses=4294967295 msg='comm=\"init\"'"),
        line("LOGIN", 60, login), line("USER_LOGIN", 61, start),
    ]  # fmt: skip
    found = graph(tmp_path, log)
    times: dict[int, list[int]] = {}
    for at, to in zip(found.ts.tolist(), found.dst.tolist(), strict=True):
        if found.types[to] == "session":
            times.setdefault(to, []).append(at // 1_000_000 - START)
    assert sorted(set(some) == {1, 2} or set(some) == {60, 61} for some in times.values()) == [
        True, True,
    ]  # fmt: skip
