"""What one who acts does to what: the edges that all clouds' records share."""

import re
from collections.abc import Iterable

from graphad.decoders.cloud_decode import Edge, Thing

READ, CREATE, DELETE, CHANGE = "read", "create", "delete", "change"
_READS = r"get|list|read|view|describe|search|head|fetch|download|query|scan|check|test|watch|use|"
_READS += r"preview|access|bind|validate|lookup|export|batchget|actas|sign|generate"
_VERBS = [
    (READ, re.compile(rf"(?:{_READS})", re.IGNORECASE)),
    (CREATE, re.compile(r"(?:create|insert|new|add|upload|put|copy|import)", re.IGNORECASE)),
    (DELETE, re.compile(r"(?:delete|remove|purge|destroy|hard|soft)", re.IGNORECASE)),
]


def verb(name: str) -> str:
    """Return what an operation called so does: read, create, delete, or else change.

    >>> verb("listKeys"), verb("insert"), verb("Remove-Mailbox"), verb("setIamPolicy")
    ('read', 'create', 'delete', 'change')
    """
    return next((what for what, names in _VERBS if names.match(name)), CHANGE)


def user(key: str) -> Thing:
    """Return an account."""
    return Thing("user", key, key)


def named(kind: str, key: str) -> Thing:
    """Return what is called as it is identified."""
    return Thing(kind, key, key)


def effect(who: Thing, what: str, thing: Thing, outcome: str | None) -> Edge:
    """Return the edge by which one reads, creates, deletes or changes a thing.

    What is read flows from data to who reads it. An account, machine or service is no data: who
    looks at it has access, who makes or ends it changes it.
    """
    if what == READ:
        if thing.type == "file":
            return Edge(thing, "read", who, outcome)
        return Edge(who, "access", thing, outcome)
    return Edge(who, what if thing.type == "file" else "change", thing, outcome)


def acts(
    who: Thing,
    ip: str | None,
    operation: str,
    effects: Iterable[tuple[str, Thing]],
    outcome: str | None,
) -> list[Edge]:
    """Return the edges of a call: from where, which operation, and what it does to what."""
    edges = [Edge(named("address", ip), "logon", who, outcome)] if ip else []
    edges.append(Edge(who, "access", named("service", operation), outcome))
    seen = {who}
    for what, thing in effects:
        if thing not in seen:
            seen.add(thing)
            edges.append(effect(who, what, thing, outcome))
    return edges
