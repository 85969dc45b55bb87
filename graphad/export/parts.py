"""What all exporters read off findings: network ends, programs, techniques, times."""

import ipaddress
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from graphad.attack_tags import Pattern, tagged
from graphad.findings import Entity, Finding
from graphad.incident_graph import Tag, build
from graphad.incidents import BIRTHS, microseconds

PRODUCT = "graphad"
LONG = 8192  # characters of a name or command line that leave
TITLES = {
    "path": "Anomalous provenance path",
    "event": "Anomalous event",
    "window": "Anomalous window",
    "relation": "Anomalous relation",
}
# Scores that Elastic gives its levels; 0 where findings are ranked, not calibrated.
RISK = {"informational": 5, "low": 21, "medium": 47, "high": 73, "critical": 99}
FILES = frozenset({"file", "module", "pipe"})
INWARD = frozenset({"accept", "receive", "logon"})  # the other end is the source
_FIRST, _LAST = -62_135_596_800_000_000, 253_402_300_799_999_999  # us, years 1 to 9999


class End(NamedTuple):
    """An end of a connection; nothing is None that is known."""

    ip: str | None = None
    port: int | None = None
    name: str | None = None  # of a host or domain


def end_of(kind: str, text: str) -> End:
    """Return the end of a connection that an entity is; of none for other entities.

    >>> end_of("socket", "[fe80::1]:443"), end_of("socket", "db.example:5432")
    (End(ip='fe80::1', port=443, name=None), End(ip=None, port=5432, name='db.example'))
    >>> end_of("socket", "unix:/run/bus"), end_of("address", "10.0.0.7")
    (End(ip=None, port=None, name=None), End(ip='10.0.0.7', port=None, name=None))
    """
    if kind not in ("socket", "address") or text.startswith(("unix:", "@")):
        return End()
    whole = _ip(text)
    if whole is not None:
        return End(whole)
    head, colon, tail = text.rpartition(":")
    if not colon or not (tail == "*" or (tail.isascii() and tail.isdecimal() and len(tail) < 6)):
        return End()
    port = int(tail) if tail != "*" and int(tail) < 65_536 else None
    ip = _ip(head)
    return End(ip, port) if ip is not None else End(None, port, head or None)


def _ip(text: str) -> str | None:
    try:
        return str(ipaddress.ip_address(text.removeprefix("[").removesuffix("]").partition("%")[0]))
    except ValueError:
        return None


def base(path: str) -> str:
    r"""Return the last part of a path, the path itself where it has none.

    >>> base(r"C:\\Windows\\cmd.exe"), base("/usr/bin/"), base("/")
    ('cmd.exe', 'bin', '/')
    """
    return path.replace("\\", "/").rstrip("/").rpartition("/")[2] or path


def clip(text: str) -> str:
    """Return a text of at most LONG characters; that it was cut is seen."""
    return text if len(text) <= LONG else text[: LONG - 1] + "…"


def said(entity: Entity) -> str:
    """Return what the log called an entity."""
    return clip(entity.key or entity.name)


class Processes(NamedTuple):
    """Who acted in an event, and its parent if the event is its birth; places of entities."""

    process: int | None
    parent: int | None
    target: int | None  # another process that was acted upon


def processes(finding: Finding, place: int) -> Processes:
    """Return the processes of an edge of a finding."""
    edge = finding.edges[place]
    src, dst = (
        at if finding.entities[at].type == "process" else None for at in (edge.src, edge.dst)
    )
    if edge.action in BIRTHS and dst is not None:
        return Processes(dst, src if src != dst else None, None)
    if src is None:
        return Processes(dst, None, None)
    return Processes(src, None, dst if dst != src else None)


def techniques(finding: Finding, patterns: Sequence[Pattern]) -> list[Tag]:
    """Return the ATT&CK techniques that a finding's events are instances of, by patterns."""
    if not patterns:
        return []
    alone = build([finding])
    return tagged(alone.entities, alone.events, patterns)


def milliseconds(ts: str) -> int:
    """Return UTC milliseconds since 1970, rounded down."""
    return microseconds(ts) // 1000


def in_calendar(ts: str) -> tuple[str, bool]:
    """Return a time as RFC 3339 in milliseconds, and whether it had to be moved into a calendar.

    >>> in_calendar("2026-03-06T14:20:49.059277Z")
    ('2026-03-06T14:20:49.059Z', False)
    >>> in_calendar("99999999999999999999us")
    ('9999-12-31T23:59:59.999Z', True)
    """
    us = microseconds(ts)
    held = min(max(us, _FIRST), _LAST)
    whole, part = divmod(held // 1000, 1000)
    moment = datetime.fromtimestamp(0, UTC).timestamp() + whole
    text = datetime.fromtimestamp(moment, UTC).replace(tzinfo=None).isoformat()
    return f"{text}.{part:03d}Z", held != us


def ends(finding: Finding) -> list[End]:
    """Return the ends of connections among a finding's entities, each once, in their order."""
    found = (end_of(entity.type, said(entity)) for entity in finding.entities)
    return list(dict.fromkeys(end for end in found if any(end)))


def hosts(finding: Finding) -> list[str]:
    """Return the hosts that a finding's events were logged on, its own first."""
    every = [finding.host, *(edge.host for edge in finding.edges)]
    return list(dict.fromkeys(host for host in every if host))


def account(text: str) -> tuple[str, str | None]:
    r"""Return an account's name and domain.

    >>> account(r"CORP\bob"), account("bob@corp.example"), account("root")
    (('bob', 'CORP'), ('bob', 'corp.example'), ('root', None))
    """
    domain, backslash, name = text.rpartition("\\")
    if backslash and name and domain:
        return name, domain
    name, at, domain = text.partition("@")
    return (name, domain) if at and name and domain else (text, None)


def users(finding: Finding) -> list[str]:
    """Return the accounts that a finding names, as the log does, each once."""
    told = [said(entity) for entity in finding.entities if entity.type == "user"]
    told += [doubt.value for doubt in finding.doubts if doubt.column in ("user", "target_user")]
    return list(dict.fromkeys(name for name in told if name))
