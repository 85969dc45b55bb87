"""Marks and allow rules: what an analyst says of links, as the store's journal keeps it.

A link is what is learned and scored: source, action, destination by type and name, the shape of
the command line if it is a launch, and the host unless it is meant for the fleet.
"""

import getpass
import hashlib
import time
from collections.abc import Iterable, Sequence
from typing import Literal, TypeAlias

import msgspec

from graphad import schema
from graphad.errors import GraphadError

Verdict: TypeAlias = Literal["benign", "malicious"]
Scope: TypeAlias = Literal["host", "fleet"]
REASON_MAX = 4000  # characters


class Link(msgspec.Struct, frozen=True, omit_defaults=True):
    """One kind of event; `shape` of a launch alone, `host` None for every host."""

    src_type: str
    src: str
    action: str
    dst_type: str
    dst: str
    shape: str | None = None
    host: str | None = None

    def __str__(self) -> str:
        """Return it in words."""
        shape = f" as `{self.shape}`" if self.shape else ""
        where = f" on {self.host}" if self.host is not None else " on any host"
        ends = f"{self.src_type} {self.src} {self.action} {self.dst_type} {self.dst}"
        return ends + shape + where


class Mark(msgspec.Struct, tag="mark", tag_field="kind", omit_defaults=True):
    """What someone said of a finding or incident, and the links it covers."""

    id: str
    at: int  # us
    verdict: Verdict
    target: str
    scope: Scope
    reason: str
    links: list[Link]
    who: str | None = None
    until: int | None = None  # us


class Allow(msgspec.Struct, tag="allow", tag_field="kind", omit_defaults=True):
    """A rule for links by patterns, in which `*` stands for any text, also none."""

    id: str
    at: int  # us
    src_type: str
    src: str
    action: str
    dst_type: str
    dst: str
    reason: str
    host: str | None = None
    who: str | None = None
    until: int | None = None  # us

    def covers(self, link: Link) -> bool:
        """Return whether the rule is for this link of one host."""
        return (
            (self.host is None or self.host == link.host)
            and self.action in ("*", link.action)
            and self.end(0, link.src_type, link.src)
            and self.end(1, link.dst_type, link.dst)
        )

    def end(self, which: int, kind: str, name: str) -> bool:
        """Return whether an entity can be the source (0) or destination (1) of the rule's links."""
        types, names = (self.src_type, self.src) if which == 0 else (self.dst_type, self.dst)
        return types in ("*", kind) and matches(names, name)


class Undo(msgspec.Struct, tag="undo", tag_field="kind", omit_defaults=True):
    """Takes a mark or rule back."""

    mark: str
    at: int  # us
    who: str | None = None


Entry: TypeAlias = Mark | Allow | Undo


class Standing(msgspec.Struct, frozen=True):
    """A mark or rule and what has become of it: undone at a time (us), or expired."""

    entry: Mark | Allow
    undone: int | None
    expired: bool

    @property
    def id(self) -> str:
        """Return the id of the mark or rule."""
        return self.entry.id

    @property
    def active(self) -> bool:
        """Return whether it counts now."""
        return self.undone is None and not self.expired

    @property
    def state(self) -> str:
        """Return active, undone or expired."""
        return "undone" if self.undone is not None else "expired" if self.expired else "active"

    @property
    def verdict(self) -> str:
        """Return benign, malicious or allow."""
        return self.entry.verdict if isinstance(self.entry, Mark) else "allow"

    @property
    def scope(self) -> str:
        """Return fleet, or the hosts it is for."""
        if isinstance(self.entry, Allow):
            return "fleet" if self.entry.host is None else f"host {self.entry.host}"
        if self.entry.scope == "fleet":
            return "fleet"
        return "host " + ", ".join(sorted({link.host or "" for link in self.entry.links}))

    @property
    def covers(self) -> list[str]:
        """Return in words what it covers."""
        if isinstance(self.entry, Mark):
            return [str(link) for link in self.entry.links]
        e = self.entry
        where = "any host" if e.host is None else e.host
        return [f"{e.src_type} {e.src} {e.action} {e.dst_type} {e.dst} on {where}"]


def matches(pattern: str, text: str) -> bool:
    """Return whether a text is a pattern, in which each `*` stands for any text, also none.

    Nothing else is special, and case counts. It takes time pattern times text at most.

    >>> matches("/tmp/*.log", "/tmp/a/b.log"), matches("a*a", "a"), matches("[a]", "a")
    (True, False, False)
    """
    first, *rest = pattern.split("*")
    if not rest:
        return pattern == text
    *middle, last = rest
    if not text.startswith(first) or len(text) < len(first) + len(last):
        return False
    if not text.endswith(last):
        return False
    at, end = len(first), len(text) - len(last)
    for part in middle:
        at = text.find(part, at, end)
        if at < 0:
            return False
        at += len(part)
    return True


def read(lines: Iterable[bytes]) -> tuple[list[Entry], int]:
    """Return the entries of a journal's lines, and how many lines are none (cut off or damaged)."""
    found: list[Entry] = []
    bad = 0
    for line in lines:
        try:
            found.append(msgspec.json.decode(line, type=Entry))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            bad += 1
    return found, bad


def standing(entries: Sequence[Entry], now: int) -> list[Standing]:
    """Return every mark and rule with what has become of it by `now` (us), oldest first.

    It counts until just before `until`, by the clock of whoever scores, however old the event is.
    """
    undone: dict[str, int] = {}
    for entry in entries:
        if isinstance(entry, Undo):
            undone.setdefault(entry.mark, entry.at)
    return [
        Standing(entry, undone.get(entry.id), entry.until is not None and entry.until <= now)
        for entry in entries
        if not isinstance(entry, Undo)
    ]


def clean(reason: str) -> str:
    """Return a reason as it is kept. Raises: GraphadError if it is empty or very long."""
    text = reason.encode("utf-8", "backslashreplace").decode()
    if not text.strip():
        raise GraphadError("A mark needs a reason.", hint="Give one: --reason TEXT.")
    if len(text) > REASON_MAX:
        raise GraphadError(f"The reason is longer than {REASON_MAX} characters.")
    return text


def end_of_rule(text: str) -> tuple[str, str]:
    """Return type and name of `TYPE NAME`; a name without `*` is made canonical.

    Raises: GraphadError: there is no name, or no such type.
    """
    from graphad.models.names import canonical

    kind, _, name = text.encode("utf-8", "backslashreplace").decode().strip().partition(" ")
    name = name.strip()
    if kind != "*" and kind not in schema.ENTITY_TYPES:
        raise GraphadError(
            f"{kind!r} is no type of entity.",
            hint=f"Write TYPE NAME; types are {', '.join(schema.ENTITY_TYPES)}, or *.",
        )
    if not name:
        raise GraphadError(f"{text!r} has no name.", hint="Write TYPE NAME; * is any name.")
    return kind, name if "*" in name or kind == "*" else canonical(kind, name)


def new_id(prefix: str, at: int, *parts: object) -> str:
    """Return the id of a new entry."""
    digest = hashlib.sha256(repr((at, *parts)).encode("utf-8", "backslashreplace"))
    return f"{prefix}-{digest.hexdigest()[:10]}"


def user() -> str | None:
    """Return who runs this, None if the system doesn't know."""
    try:
        return getpass.getuser().encode("utf-8", "backslashreplace").decode()
    except (KeyError, OSError, ImportError):
        return None


def clock() -> int:
    """Return the time, us."""
    return time.time_ns() // 1000
