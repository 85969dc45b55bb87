"""A small store with findings of all detectors, in whose logs secrets and names are planted."""

import base64
import contextlib
import json
from pathlib import Path
from typing import Any

from graphad.errors import GraphadError
from graphad.workspace import Workspace, open_store
from tests.windows_events import Event, began, guid, image, security, sysmon

SECRET = "Hunter2Swordfish"
USER = "zelda.fitz"
HOST, SHORT = "quartz7.corp.example", "quartz7"
WIDE = base64.b64encode(f"connect with {SECRET}".encode("utf-16-le")).decode()
PLAIN = base64.b64encode(f"{{'password': '{SECRET}'}}".encode()).decode()
HEX = f"sh -c {SECRET} as {USER}".encode().hex().upper()
COMMAND = f"psexec /user:CORP\\{USER} /p:{SECRET} \\\\{SHORT} -enc {WIDE} {HEX}"


def forms(word: str) -> list[bytes]:
    """Return what a word may look like in a file, in lower case."""
    low = word.lower()
    coded = [WIDE, PLAIN] if word == SECRET else []
    return [
        *(text.lower().encode() for text in coded), low.encode(), low.encode("utf-16-le"),
        low.encode().hex().encode(),
        word.encode().hex().encode(), "".join(f"\\u{ord(c):04x}" for c in word).lower().encode(),
    ]  # fmt: skip


def events() -> list[Event]:
    """Return routine of a day, then a chain of odd events with secrets and names everywhere."""
    who: dict[str, Any] = {"host": HOST, "User": f"CORP\\{USER}"}
    made: list[Event] = []
    for i in range(160):
        at = i * 600.0
        program = ("word", "excel", "mail")[i % 3]
        made.append(began(program, 1000 + i, at, **who))
        made.append(sysmon(
            11, at + 1, ProcessGuid=guid(program, at), ProcessId=str(1000 + i),
            Image=image(program), TargetFilename=f"C:\\Data\\f{i % 5}.txt", **who,
        ))  # fmt: skip
    at = 100_000.0
    made += [
        began("psexec", 4000, at, parent="mail", **who) | {"CommandLine": COMMAND},
        sysmon(
            11, at + 1, ProcessGuid=guid("psexec", at), ProcessId="4000", Image=image("psexec"),
            TargetFilename=f"C:\\Users\\{USER}\\{SECRET}.exe", **who,
        ),
        sysmon(
            13, at + 2, ProcessGuid=guid("psexec", at), ProcessId="4000", Image=image("psexec"),
            TargetObject=f"HKLM\\Software\\{SECRET}\\Run", Details=PLAIN, EventType="SetValue",
            **who,
        ),
        sysmon(
            3, at + 3, ProcessGuid=guid("psexec", at), ProcessId="4000", Image=image("psexec"),
            Protocol="tcp", Initiated="true", SourceIp="10.0.0.9", SourceHostname=HOST,
            SourcePort="50123", DestinationIp="203.0.113.9", DestinationPort="443",
            DestinationHostname=f"{SHORT}.other.example", **who,
        ),
        sysmon(
            22, at + 4, ProcessGuid=guid("psexec", at), ProcessId="4000", Image=image("psexec"),
            QueryName=f"{SECRET}.evil.example", QueryResults="203.0.113.9", **who,
        ),
        security(
            4624, at + 5, host=HOST, TargetUserName=USER, TargetDomainName="CORP",
            TargetUserSid="S-1-5-21-1-2-3-1107", TargetLogonId="0x77", LogonType="3",
            IpAddress="198.51.100.7", IpPort="50999", WorkstationName=SHORT.upper(),
        ),
    ]  # fmt: skip
    return made


def stored(folder: Path) -> Workspace:
    """Return the store with findings of three detectors, and of relations where drain3 is there."""
    log = folder / f"{USER}-{SECRET}.json"
    log.write_text("".join(json.dumps(event) + "\n" for event in events()))
    store = open_store(folder / "store")
    for detector in ("path", "event", "window"):
        store.hunt([log], detector=detector)
    text = folder / "auth.log"
    text.write_text(
        "".join(
            f"2026-03-0{1 + i // 90}T{i % 24:02}:00:{i % 60:02}+00:00 {SHORT} sshd[{i}]: Accepted "
            f"password for {('anna', 'bob')[i % 2]} from 192.0.2.{i % 2} port {20000 + i} ssh2\n"
            for i in range(180)
        )
        + f"2026-03-04T09:00:00+00:00 {SHORT} sshd[9]: Accepted password for {USER} from "
        f"203.0.113.9 port 40111 ssh2\n"
        f"2026-03-04T09:01:00+00:00 {SHORT} app[1]: token={SECRET} of {USER} was refused by {HOST} "
        f"and {'x' * 60} {SECRET}\n"
    )
    with contextlib.suppress(GraphadError, ImportError):
        store.hunt([text], detector="relation")
    return store
