"""Invented Sysmon logs for queries: processes that start each other, write, load and connect."""

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

START = datetime(2026, 1, 1, tzinfo=UTC)
PROGRAMS, FILES, LIBRARIES, KEYS, ADDRESSES, DOMAINS = 400, 60_000, 900, 20_000, 5_000, 2_000
TREE_HOST = "tree-0"


def _guid(host: int, process: int) -> str:
    return f"{{{host:08x}-0000-0000-0000-{process:012x}}}"


def _image(process: int) -> str:
    return f"C:\\Windows\\System32\\app{process * 7919 % PROGRAMS}.exe"


def _record(code: int, when: datetime, host: str, **fields: str) -> bytes:
    common = {
        "Channel": "Microsoft-Windows-Sysmon/Operational", "EventID": code, "Hostname": host,
        "UtcTime": when.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3],
    }  # fmt: skip
    return json.dumps(common | fields).encode() + b"\n"


def _launch(when: datetime, host: int, name: str, child: int, parent: int) -> bytes:
    return _record(
        1, when, name, ProcessGuid=_guid(host, child), ProcessId=str(1000 + child % 60_000),
        Image=_image(child), CommandLine=f"{_image(child)} /job {child % 1000}", User="CORP\\bob",
        ParentProcessGuid=_guid(host, parent), ParentProcessId=str(1000 + parent % 60_000),
        ParentImage=_image(parent), ParentCommandLine=f"{_image(parent)} /job {parent % 1000}",
    )  # fmt: skip


def _logon(rng: random.Random, when: datetime, host: int, name: str) -> bytes:
    failed = rng.random() < 0.1
    common = {
        "Channel": "Security", "SourceName": "Microsoft-Windows-Security-Auditing",
        "EventID": 4625 if failed else 4624, "Hostname": name,
        "@timestamp": when.strftime("%Y-%m-%dT%H:%M:%S.%fZ"), "LogonType": "3",
        "TargetUserName": f"user{rng.randrange(300)}", "TargetDomainName": "CORP",
        "TargetLogonId": "0x0" if failed else f"0x{rng.randrange(1 << 40):x}",
        "IpAddress": f"10.0.0.{rng.randrange(250)}",
    }  # fmt: skip
    return json.dumps(common).encode() + b"\n"


def _parent(rng: random.Random, child: int) -> int:
    """Return who starts a process: one of the first forty, or one of the latest 300."""
    if rng.random() < 0.55:
        return rng.randrange(min(child, 40))
    return max(0, child - 1 - int(rng.expovariate(1 / 300)))


def processes(target: Path, count: int, seed: int) -> int:
    """Write that many launches on one host, a tree a dozen or two deep; return how many."""
    rng = random.Random(seed)
    with target.open("wb") as out:
        for child in range(1, count + 1):
            when = START + timedelta(seconds=child * 0.7)
            out.write(_launch(when, 0xFFFF, TREE_HOST, child, _parent(rng, child)))
    return count


def events(target: Path, count: int, seed: int, hosts: int = 50) -> int:
    """Write that many records of some hosts, ten days long; return how many."""
    with target.open("wb") as out:
        for line in _events(count, seed, hosts):
            out.write(line)
    return count


def _events(count: int, seed: int, hosts: int) -> Iterator[bytes]:
    rng = random.Random(seed)
    live = [1] * hosts  # processes that each host has had
    step = timedelta(days=10) / count
    for i in range(count):
        host, when = rng.randrange(hosts), START + i * step
        name, kind = f"ws-{host}", rng.random()
        if kind < 0.06:
            live[host] += 1
            yield _launch(when, host, name, live[host], _parent(rng, live[host]))
            continue
        if kind > 0.99:
            yield _logon(rng, when, host, name)
            continue
        process = max(0, live[host] - int(rng.expovariate(1 / 40)))
        who = {
            "ProcessGuid": _guid(host, process), "ProcessId": str(1000 + process % 60_000),
            "Image": _image(process),
        }  # fmt: skip
        if kind < 0.36:
            file = f"C:\\Data\\item{int(rng.paretovariate(0.6)) % FILES}.dat"
            if rng.random() < 1e-3:  # a program that is run sooner or later
                file = _image(rng.randrange(PROGRAMS))
            yield _record(11, when, name, **who, TargetFilename=file)
        elif kind < 0.62:
            library = int(rng.paretovariate(0.8)) % LIBRARIES
            yield _record(7, when, name, **who, ImageLoaded=f"C:\\Windows\\lib{library}.dll")
        elif kind < 0.82:
            key = int(rng.paretovariate(0.6)) % KEYS
            yield _record(
                13, when, name, **who, EventType="SetValue", Details="DWORD (0x00000001)",
                TargetObject=f"HKLM\\SOFTWARE\\Vendor\\Key{key}",
            )  # fmt: skip
        elif kind < 0.95:
            far = int(rng.paretovariate(0.7)) % ADDRESSES
            yield _record(
                3, when, name, **who, Protocol="tcp", Initiated="true", SourceIp=f"10.0.0.{host}",
                SourcePort=str(20_000 + i % 40_000), DestinationPort="443",
                DestinationIp=f"198.51.{far // 250}.{far % 250}",
            )  # fmt: skip
        else:
            domain = int(rng.paretovariate(0.7)) % DOMAINS
            yield _record(22, when, name, **who, QueryName=f"d{domain}.example", QueryResults="-")
