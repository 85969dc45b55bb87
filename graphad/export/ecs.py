"""Findings as documents of the Elastic Common Schema 9, for Elastic, Wazuh and Graylog.

Source: elastic.co/docs/reference/ecs. docs/exports.md has the table of what maps to what. The
fields of ECS tell of the rarest event; the whole path is in the object `graphad`, which is ours.
"""

from collections.abc import Sequence
from typing import Any

from graphad.export import parts
from graphad.export.context import Context, behind
from graphad.findings import Entity, Finding, amount, oddity, weight
from graphad.incident_graph import Tag
from graphad.sanitize import terminal
from graphad.version import VERSION

SCHEMA = "9.4.0"
_CATEGORIES = {
    "process": "process", "file": "file", "module": "library", "registry": "registry",
    "socket": "network", "address": "network", "domain": "network", "user": "iam",
    "session": "authentication", "service": "configuration", "task": "configuration",
}  # fmt: skip
_ORIGINAL = 8192  # characters of event.original


def finding(
    one: Finding, tags: Sequence[Tag] = (), context: Context | None = None
) -> dict[str, Any]:
    """Return a finding as an alert document; `tags` are its techniques."""
    known = context or {}
    place = one.rarest
    edge, proof = one.edges[place], one.evidence[place]
    record = behind(known, proof)
    when, moved = parts.in_calendar(one.end)
    risk = parts.RISK.get(one.severity or "", 0)
    odd = oddity(one)
    document: dict[str, Any] = {
        "@timestamp": when,
        "ecs": {"version": SCHEMA},
        "message": one.title,
        "event": {
            "kind": "alert", "category": _category(one, edge.src, edge.dst), "type": ["info"],
            "module": parts.PRODUCT, "dataset": f"{parts.PRODUCT}.finding",
            "provider": parts.PRODUCT, "action": f"anomalous-{one.unit}", "id": one.id,
            "severity": risk, "risk_score": float(risk), "start": parts.in_calendar(one.start)[0],
            "end": when, "reason": f"{amount(one)}, {weight(one)}" + (f": {odd}" if odd else ""),
        },
        "rule": {
            "id": one.model, "name": parts.TITLES.get(one.unit, "Anomaly"), "version": VERSION,
            "category": one.detector,
        },
        "host": {"name": edge.host or one.host},
        "log": {"file": {"path": proof.source}},
        "observer": {
            "vendor": parts.PRODUCT, "product": parts.PRODUCT, "type": "analytics",
            "version": VERSION,
        },
        "tags": [parts.PRODUCT, *(["time-moved"] if moved else [])],
    }  # fmt: skip
    if proof.text is not None:
        document["event"]["original"] = proof.text[:_ORIGINAL]
    if record.code:
        document["event"]["code"] = record.code
    document |= _ends(one, place, record.pid)
    if record.user or record.user_sid:
        told = {"name": record.user, "domain": record.user_domain, "id": record.user_sid}
        document["user"] = {key: value for key, value in told.items() if value}
    if tags:
        document["threat"] = _threat(tags)
    document["related"] = _related(one, known)
    document[parts.PRODUCT] = _own(one)
    return document


def _category(one: Finding, src: int, dst: int) -> list[str]:
    kinds = (one.entities[dst].type, one.entities[src].type)
    told = [_CATEGORIES[kind] for kind in kinds if kind in _CATEGORIES]
    return list(dict.fromkeys(["intrusion_detection", *told]))


def _ends(one: Finding, place: int, pid: int | None) -> dict[str, Any]:
    """Return the fields that tell of the two ends of an event."""
    edge, found = one.edges[place], dict[str, Any]()
    who = parts.processes(one, place)
    if who.process is not None:
        found["process"] = _process(one.entities[who.process])
        # The record's process id is that of its actor; where one is born that is the parent.
        if pid is not None and pid >= 0 and who.parent is None:
            found["process"]["pid"] = pid
        if who.parent is not None:
            found["process"]["parent"] = _process(one.entities[who.parent])
    inward = edge.action in parts.INWARD
    for entity in (one.entities[edge.src], one.entities[edge.dst]):
        text = parts.said(entity)
        if entity.type in parts.FILES:
            found["dll" if entity.type == "module" else "file"] = {
                "name": parts.base(text), "path": text
            }  # fmt: skip
        elif entity.type == "registry":
            found["registry"] = {"path": text}
        elif entity.type == "domain":
            found["dns"] = {"question": {"name": text}}
        elif entity.type == "service":
            found["service"] = {"name": text}
        elif entity.type == "user":
            name, domain = parts.account(text)
            found["user"] = {"name": name} | ({"domain": domain} if domain else {})
        end = parts.end_of(entity.type, text)
        if any(end):
            address = end.ip or end.name
            told = {"address": address, "ip": end.ip, "port": end.port, "domain": end.name}
            side = "source" if inward else "destination"
            found[side] = {key: value for key, value in told.items() if value is not None}
    return found


def _process(entity: Entity) -> dict[str, Any]:
    path = parts.said(entity)
    found: dict[str, Any] = {"entity_id": entity.id, "name": parts.base(path), "executable": path}
    if entity.detail:
        found["command_line"] = parts.clip(entity.detail)
    return found


def _threat(tags: Sequence[Tag]) -> dict[str, Any]:
    """Return techniques; names of sub-techniques stand with these."""
    whole = dict.fromkeys(tag.technique.partition(".")[0] for tag in tags)
    found: dict[str, Any] = {"framework": "MITRE ATT&CK", "technique": {"id": list(whole)}}
    sub = [tag for tag in tags if "." in tag.technique]
    if sub:
        found["technique"]["subtechnique"] = {
            "id": [tag.technique for tag in sub], "name": [tag.name for tag in sub],
        }  # fmt: skip
    return found


def _related(one: Finding, context: Context) -> dict[str, list[str]]:
    """Return the addresses, hosts and accounts of a finding, each list only where there are any."""
    ends = parts.ends(one)
    told = [behind(context, proof).user for proof in one.evidence]
    users = [*(parts.account(name)[0] for name in parts.users(one)), *told]
    domains = [parts.said(e) for e in one.entities if e.type == "domain"]
    every: dict[str, list[str | None]] = {
        "ip": [end.ip for end in ends],
        "hosts": [*parts.hosts(one), *(end.name for end in ends), *domains],
        "user": [*users],
    }
    kept = {key: list(dict.fromkeys(v for v in values if v)) for key, values in every.items()}
    return {key: values for key, values in kept.items() if values}


def _own(one: Finding) -> dict[str, Any]:
    """Return what ECS has no field for."""
    steps = []
    for edge, proof in zip(one.edges, one.evidence, strict=True):
        src, dst = one.entities[edge.src], one.entities[edge.dst]
        steps.append(
            {
                "src": {"id": src.id, "type": src.type, "name": parts.said(src)},
                "action": edge.action,
                "dst": {"id": dst.id, "type": dst.type, "name": parts.said(dst)},
                "time": edge.ts, "bits": sum(edge.terms.values()),
                "source": proof.source, "record": proof.record, "line": proof.line,
            }
        )  # fmt: skip
    told = [
        f"{parts.said(one.entities[edge.src])} {edge.action} {parts.said(one.entities[edge.dst])}"
        for edge in one.edges
    ]
    return {
        "unit": one.unit, "score": one.score, "z": one.z, "programs": one.programs,
        "p_value": one.p_value, "severity": one.severity, "alert": one.alert,
        "incident": one.incident, "rank": one.rank, "terms": one.terms,
        "path": terminal("; ".join(told)), "events": steps,
        "doubts": [{"column": d.column, "value": d.value, "bits": d.bits} for d in one.doubts],
        "marks": [f"{mark.verdict} {mark.id}" for mark in one.marks],
    }  # fmt: skip
