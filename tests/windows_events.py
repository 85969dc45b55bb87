"""Invented Windows events, as the identity tests need them: times are seconds past START."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from graphad.graph import Graph

START = 1_772_445_600  # 2026-03-02 10:00:00 UTC
HOST = "ws1.corp.example"
Event = dict[str, Any]


def stamp(seconds: float) -> str:
    moment = datetime.fromtimestamp(START + seconds, UTC)
    return moment.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def guid(name: str, born: float) -> str:
    """Return a Sysmon GUID that says when its process began; `name` sets one apart from others."""
    second = int(START + born)
    tail = sum(ord(letter) << 8 * i for i, letter in enumerate(name[-5:]))
    return f"{{0a0b0c0d-{second & 0xFFFF:04x}-{second >> 16:04x}-0001-{tail:012x}}}"


def sysmon(code: int, at: float, host: str = HOST, off: float | None = None, **data: Any) -> Event:
    """Return a Sysmon record; `off`: hours by which the log's own stamp differs."""
    record = {
        "EventID": code, "Channel": "Microsoft-Windows-Sysmon/Operational", "Hostname": host,
        "UtcTime": stamp(at), **data,
    }  # fmt: skip
    return record if off is None else record | {"TimeCreated": stamp(at + off * 3600 + 0.004)}


def security(code: int, at: float, host: str = HOST, **data: Any) -> Event:
    return {
        "EventID": code, "Channel": "Security", "Hostname": host, "TimeCreated": stamp(at), **data,
    }  # fmt: skip


def image(program: str) -> str:
    return f"C:\\Windows\\{program}.exe"


def began(program: str, pid: int, at: float, *, parent: str = "boss", **more: Any) -> Event:
    """Return the Sysmon record of a launch by a process of pid 100 that began at -1000."""
    return sysmon(
        1, at, ProcessGuid=guid(program, at), ProcessId=str(pid), Image=image(program),
        CommandLine=f"{program} /run", ParentProcessGuid=guid(parent, -1000), ParentProcessId="100",
        ParentImage=image(parent), **more,
    )  # fmt: skip


def created(program: str, pid: int, at: float, *, parent: str = "boss", **more: Any) -> Event:
    """Return the Security record of the same launch."""
    return security(
        4688, at, NewProcessId=hex(pid), NewProcessName=image(program), ProcessId=hex(100),
        CommandLine=f"{program} /run", ParentProcessName=image(parent), **more,
    )  # fmt: skip


def exited(program: str, pid: int, at: float) -> Event:
    return security(4689, at, ProcessId=hex(pid), ProcessName=image(program))


def called(program: str, pid: int, at: float, to: str, near: str = "10.0.0.1:50001",
           **more: Any) -> Event:  # fmt: skip
    """Return the Security record of a connection that a process opened."""
    (src, src_port), (dst, dst_port) = near.rsplit(":", 1), to.rsplit(":", 1)
    return security(
        5156, at, ProcessId=str(pid), Application=image(program), Direction="%%14593",
        SourceAddress=src, SourcePort=src_port, DestAddress=dst, DestPort=dst_port, **more,
    )  # fmt: skip


def answered(program: str, pid: int, at: float, at_: str, near: str = "10.0.0.1:50001",
             **more: Any) -> Event:  # fmt: skip
    """Return the Security record of the same connection at its other end."""
    return called(program, pid, at, at_, near, **more) | {"Direction": "%%14592"}


def write(path: Path, events: Iterable[Event]) -> Path:
    path.write_text("".join(json.dumps(event) + "\n" for event in events))
    return path


def edges(graph: Graph) -> list[tuple[str, str, str]]:
    """Return the edges by their ends' labels, in time order."""
    return [
        (graph.labels[s], a, graph.labels[d])
        for s, a, d in zip(graph.src, graph.action, graph.dst, strict=True)
    ]


def classes(graph: Graph) -> set[frozenset[tuple[object, ...]]]:
    """Return which ends of which events stand at one entity, whatever it is called."""
    found: dict[int, set[tuple[object, ...]]] = {}
    for e in range(len(graph)):
        told = tuple(str(graph.names[end[e]]) for end in graph.told)
        key = int(graph.ts[e]), graph.action[e], graph.host[e], *told
        found.setdefault(int(graph.src[e]), set()).add((*key, "src"))
        found.setdefault(int(graph.dst[e]), set()).add((*key, "dst"))
    return {frozenset(ends) for ends in found.values()}
