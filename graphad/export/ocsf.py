"""Findings and incidents as OCSF 1.6 Detection Findings, each with its attack graph.

Source: schema.ocsf.io, class 2004. docs/exports.md has the table of what maps to what.
"""

from collections.abc import Sequence
from typing import Any

from graphad.export import parts
from graphad.export.context import Context, Record, behind
from graphad.findings import Entity, Finding, amount, oddity
from graphad.incident_graph import Incident, Tag
from graphad.incidents import BIRTHS
from graphad.version import VERSION

SCHEMA = "1.6.0"  # the first with attack_graph
ATTACK = "19.0"
_SEVERITY = {
    None: (0, "Unknown"), "informational": (1, "Informational"), "low": (2, "Low"),
    "medium": (3, "Medium"), "high": (4, "High"), "critical": (5, "Critical"),
}  # fmt: skip
_STATISTICAL, _LEARNING = 3, 4  # analytic.type_id
_UNKNOWN, _NAMED_PIPE = 0, 6  # device.type_id and file.type_id
# observable.type_id
_HOST, _IP, _USER, _PROCESS, _COMMAND, _PATH, _KEY = 1, 2, 4, 9, 13, 45, 46


def finding(
    one: Finding, tags: Sequence[Tag] = (), context: Context | None = None
) -> dict[str, Any]:
    """Return a finding as a Detection Finding; `tags` are its techniques."""
    known = context or {}
    evidences = [_evidence(one, place, known) for place in range(len(one.edges))]
    return _event(
        one.id, one.title, _message(one), one.severity, one.alert, one.start, one.end,
        info={
            "types": [one.unit],
            "analytic": {
                "uid": one.model, "name": f"{parts.PRODUCT} {one.detector}", "version": VERSION,
                "type_id": _STATISTICAL if one.unit == "path" else _LEARNING,
            },
            "attack_graph": _graph(one),
        },
        tags=tags,
        labels=[f"{parts.PRODUCT}:{one.detector}"],
        count=one.count,
        evidences=evidences,
        observables=_observables(evidences),
        hosts=parts.hosts(one),
        more={
            "incident": one.incident, "score": one.score, "unit": one.measure or "bits",
            "z": one.z, "programs": one.programs, "p_value": one.p_value, "rank": one.rank,
            "terms": one.terms, "kind": one.kind,
            "marks": [{"verdict": m.verdict, "reason": m.reason} for m in one.marks],
            "doubts": [
                {"column": d.column, "value": d.value, "bits": d.bits,
                 "likely": [[word, share] for word, share in d.likely]}
                for d in one.doubts
            ],
        },
    )  # fmt: skip


def incident(one: Incident) -> dict[str, Any]:
    """Return an incident as a Detection Finding; its findings are the related events."""
    proofs = [event for event in one.events if event.telling] or one.events
    evidences = [
        _parts_of(
            one.entities[e.src], one.entities[e.dst], e.action, e.host,
            {"source": e.evidence.source, "record": e.evidence.record, "line": e.evidence.line,
             "text": e.evidence.text, "action": e.action, "ts": e.ts, "terms": e.terms},
            None,
        )
        for e in proofs
    ]  # fmt: skip
    graph = {
        "uid": one.id, "name": one.title, "is_directed": True,
        "nodes": [_node(entity) for entity in one.entities],
        "edges": [
            {"uid": f"e{i}", "source": one.entities[e.src].id, "target": one.entities[e.dst].id,
             "relation": e.action,
             "data": {"ts": e.ts, "host": e.host, "bits": e.bits, "telling": e.telling}}
            for i, e in enumerate(one.events)
        ],
    }  # fmt: skip
    return _event(
        one.id, one.title, one.description, one.severity, one.alert, one.start, one.end,
        info={
            "types": ["incident"],
            "desc": one.description,
            "analytic": {
                "uid": f"{parts.PRODUCT}.incident", "name": f"{parts.PRODUCT} incident",
                "version": VERSION, "type_id": _STATISTICAL,
            },
            "attack_graph": graph,
            "related_events": [
                {"uid": name, "type_uid": 200401, "title": "finding"} for name in one.findings
            ],
        },
        tags=one.tags,
        labels=[f"{parts.PRODUCT}:incident"],
        count=one.paths,
        evidences=evidences,
        observables=_observables(evidences),
        hosts=one.hosts,
        more={"score": one.score, "unit": "bits", "z": one.z, "programs": one.programs,
              "p_value": one.p_value, "merged": one.merged},
    )  # fmt: skip


def _event(
    uid: str, title: str, message: str, severity: str | None, alert: bool | None, start: str,
    end: str, *, info: dict[str, Any], tags: Sequence[Tag], labels: list[str], count: int,
    evidences: list[dict[str, Any]], observables: list[dict[str, Any]], hosts: Sequence[str],
    more: dict[str, Any],
) -> dict[str, Any]:  # fmt: skip
    number, name = _SEVERITY.get(severity, _SEVERITY[None])
    first, last = parts.milliseconds(start), parts.milliseconds(end)
    return {
        "class_uid": 2004, "class_name": "Detection Finding", "category_uid": 2,
        "category_name": "Findings", "activity_id": 1, "activity_name": "Create",
        "type_uid": 200401, "time": last, "start_time": first, "end_time": last,
        "severity_id": number, "severity": name, "status_id": 1, "status": "New",
        "is_alert": bool(alert), "risk_score": parts.RISK.get(severity or "", 0),
        "message": message, "count": max(count, 1),
        "metadata": {
            "version": SCHEMA, "profiles": ["security_control"], "labels": labels,
            "product": {
                "name": parts.PRODUCT, "vendor_name": parts.PRODUCT, "version": VERSION,
            },
        },
        "finding_info": {
            "uid": uid, "title": title, "first_seen_time": first, "last_seen_time": last,
            **({"attacks": [_attack(tag) for tag in tags]} if tags else {}), **info,
        },
        "evidences": evidences,
        "observables": observables,
        "resources": [{"name": host, "type": "host"} for host in hosts],
        "unmapped": {parts.PRODUCT: more},
    }  # fmt: skip


def _message(one: Finding) -> str:
    odd = oddity(one)
    return f"{one.title} ({amount(one)})" + (f": {odd}" if odd else "")


def _attack(tag: Tag) -> dict[str, Any]:
    whole, _, sub = tag.technique.partition(".")
    if sub:
        return {
            "version": ATTACK, "technique": {"uid": whole},
            "sub_technique": {"uid": tag.technique, "name": tag.name},
        }  # fmt: skip
    return {"version": ATTACK, "technique": {"uid": whole, "name": tag.name}}


def _node(entity: Entity) -> dict[str, Any]:
    data = {"name": entity.name}
    if entity.detail:
        data["command"] = parts.clip(entity.detail)
    return {"uid": entity.id, "name": parts.said(entity), "type": entity.type, "data": data}


def _graph(one: Finding) -> dict[str, Any]:
    nodes = {entity.id: _node(entity) for entity in one.entities}
    return {
        "uid": one.id, "name": one.title, "is_directed": True, "nodes": list(nodes.values()),
        "edges": [
            {"uid": f"e{i}", "source": one.entities[edge.src].id,
             "target": one.entities[edge.dst].id, "relation": edge.action,
             "data": {"ts": edge.ts, "host": edge.host or one.host, "terms": edge.terms}}
            for i, edge in enumerate(one.edges)
        ],
    }  # fmt: skip


def _evidence(one: Finding, place: int, context: Context) -> dict[str, Any]:
    edge, proof = one.edges[place], one.evidence[place]
    data = {
        "source": proof.source, "record": proof.record, "line": proof.line, "text": proof.text,
        "action": edge.action, "ts": edge.ts, "terms": edge.terms,
    }  # fmt: skip
    src, dst = one.entities[edge.src], one.entities[edge.dst]
    host = edge.host or one.host
    return _parts_of(src, dst, edge.action, host, data, behind(context, proof))


def _parts_of(
    src: Entity, dst: Entity, action: str, host: str, data: dict[str, Any], record: Record | None
) -> dict[str, Any]:
    """Return one piece of evidence from the two ends of an event."""
    found: dict[str, Any] = {"data": data}
    if host:
        found["device"] = {"type_id": _UNKNOWN, "hostname": host, "name": host}
    processes = [end for end in (src, dst) if end.type == "process"]
    if action in BIRTHS and dst.type == "process":
        found["process"] = _process(dst)
        if src.type == "process" and src.id != dst.id:
            found["process"]["parent_process"] = _process(src)
    elif processes:
        found["process"] = _process(processes[-1])
        if len(processes) > 1:
            found["actor"] = {"process": _process(src)}
    for end in (src, dst):
        found |= _other(end, "src_endpoint" if action in parts.INWARD else "dst_endpoint")
    if record is not None and (record.user or record.user_sid):
        user = {"name": record.user, "domain": record.user_domain, "uid": record.user_sid}
        found.setdefault("actor", {})["user"] = {k: v for k, v in user.items() if v}
    if record is not None and record.pid is not None and 0 <= record.pid < 2**31:
        data["pid"] = record.pid  # that of the process the log says acted
    return found


def _process(entity: Entity) -> dict[str, Any]:
    path = parts.said(entity)
    found: dict[str, Any] = {"uid": entity.id, "name": parts.base(path)}
    if path and path != found["name"]:
        found["file"] = {"name": found["name"], "path": path, "type_id": _UNKNOWN}
    if entity.detail:
        found["cmd_line"] = parts.clip(entity.detail)
    return found


def _other(entity: Entity, side: str) -> dict[str, Any]:
    """Return what an entity that is no process is in evidence; nothing for what OCSF lacks."""
    text = parts.said(entity)
    if entity.type in parts.FILES:
        kind = _NAMED_PIPE if entity.type == "pipe" else _UNKNOWN
        return {"file": {"name": parts.base(text), "path": text, "type_id": kind}}
    if entity.type == "registry":
        return {"reg_key": {"path": text}}
    if entity.type == "domain":
        return {"query": {"hostname": text}}
    if entity.type == "task":
        return {"job": {"name": text}}
    if entity.type == "user":
        name, domain = parts.account(text)
        return {"user": {"name": name} | ({"domain": domain} if domain else {})}
    end = parts.end_of(entity.type, text)
    if any(end):
        told = {
            "name": end.ip or end.name or text, "ip": end.ip, "port": end.port,
            "hostname": end.name,
        }  # fmt: skip
        return {side: {key: value for key, value in told.items() if value is not None}}
    return {}


def _observables(evidences: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what other tools may pivot on, each value once, with the first place it is at."""
    found: dict[tuple[int, str], dict[str, Any]] = {}

    def add(name: str, kind: int, value: str | None) -> None:
        if value:
            found.setdefault((kind, value), {"name": name, "type_id": kind, "value": value})

    for i, one in enumerate(evidences):
        at = f"evidences[{i}]"
        for where, process in (
            ("process", one.get("process")),
            ("process.parent_process", one.get("process", {}).get("parent_process")),
            ("actor.process", one.get("actor", {}).get("process")),
        ):
            if process:
                add(f"{at}.{where}.name", _PROCESS, process["name"])
                add(f"{at}.{where}.cmd_line", _COMMAND, process.get("cmd_line"))
        for side in ("src_endpoint", "dst_endpoint"):
            add(f"{at}.{side}.ip", _IP, one.get(side, {}).get("ip"))
            add(f"{at}.{side}.hostname", _HOST, one.get(side, {}).get("hostname"))
        add(f"{at}.file.path", _PATH, one.get("file", {}).get("path"))
        add(f"{at}.reg_key.path", _KEY, one.get("reg_key", {}).get("path"))
        add(f"{at}.query.hostname", _HOST, one.get("query", {}).get("hostname"))
        add(f"{at}.device.hostname", _HOST, one.get("device", {}).get("hostname"))
        add(f"{at}.user.name", _USER, one.get("user", {}).get("name"))
        add(f"{at}.actor.user.name", _USER, one.get("actor", {}).get("user", {}).get("name"))
    return list(found.values())
