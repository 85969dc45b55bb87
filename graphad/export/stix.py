"""Graphs as STIX 2.1 bundles.

Source: docs.oasis-open.org/cti/stix/v2.1. Entities are cyber-observable objects, events are
relationships between them, techniques are attack patterns with a sighting each. Entities that
STIX has no object for (sessions, services, tasks, …) are of a type of ours, by an extension.
Ids are made of content as the standard asks, so a bundle that is made again has the same ones.
"""

import hashlib
import json
import uuid
from typing import Any

from graphad.export import parts
from graphad.export.subgraph import Subgraph, Vertex, span
from graphad.sanitize import json_line, unicode

_OBSERVABLES = uuid.UUID("00abedb4-aa42-466c-9c01-fed23315a9b7")  # the standard's own name space
_OURS = uuid.uuid5(uuid.NAMESPACE_URL, "urn:graphad:stix")
_CUSTOM = "x-graphad-entity"
_EXTENSION = f"extension-definition--{uuid.uuid5(_OURS, _CUSTOM)}"
_MADE = "2026-01-01T00:00:00.000Z"  # of what is the same in every bundle


def write(graph: Subgraph) -> str:
    """Return a graph as one bundle on one line."""
    made = _Bundle(graph).objects
    name = uuid.uuid5(_OURS, "bundle " + " ".join(sorted(made)))
    whole = {"type": "bundle", "id": f"bundle--{name}", "objects": list(made.values())}
    return json_line(whole) + "\n"


class _Bundle:
    def __init__(self, graph: Subgraph) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.graph = graph
        self.author = self.domain("identity", parts.PRODUCT, _MADE, {
            "name": parts.PRODUCT, "identity_class": "system",
        })  # fmt: skip
        self.ids = {vertex.id: self.observable(vertex) for vertex in graph.vertices}
        self.by_id = {vertex.id: vertex for vertex in graph.vertices}
        links = [self.link(i) for i in range(len(graph.links))]
        if not graph.links:
            return
        first, last = (parts.in_calendar(ts)[0] for ts in span(graph))
        # An identity is no observable, so what was seen are the others.
        seen = [
            name for name in dict.fromkeys(self.ids.values()) if not name.startswith("identity")
        ]
        told = self.domain("observed-data", graph.id, first, {
            "first_observed": first, "last_observed": last, "number_observed": 1,
            "object_refs": seen,
        }) if seen else None  # fmt: skip
        patterns = [self.pattern(*one, told, first) for one in graph.techniques]
        self.domain("grouping", graph.id, first, {
            "name": unicode(graph.title) or graph.id, "context": "suspicious-activity",
            "object_refs": [*dict.fromkeys(self.ids.values()), *links, *patterns,
                            *([told] if told else [])],
        })  # fmt: skip

    def domain(self, kind: str, key: str, when: str, told: dict[str, Any]) -> str:
        """Add an object that has an author; return its id."""
        name = f"{kind}--{uuid.uuid5(_OURS, unicode(f'{kind} {key}'))}"
        author = {} if kind == "identity" else {"created_by_ref": self.author}
        self.objects[name] = {
            "type": kind, "spec_version": "2.1", "id": name, **author, "created": when,
            "modified": when, **told,
        }  # fmt: skip
        return name

    def add(self, kind: str, telling: dict[str, Any], more: dict[str, Any] | None = None) -> str:
        """Add an observable whose id is made of what contributes to it; return the id."""
        known = {key: unicode(v) if isinstance(v, str) else v for key, v in telling.items()}
        text = json.dumps(known, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        name = f"{kind}--{uuid.uuid5(_OBSERVABLES, text)}"
        made = {"type": kind, "spec_version": "2.1", "id": name, **known, **(more or {})}
        self.objects.setdefault(name, made)
        return name

    def observable(self, vertex: Vertex) -> str:
        """Add what an entity is; return its id."""
        text = vertex.label
        end = parts.end_of(vertex.type, text)
        if vertex.type == "process":
            return self.process(vertex)
        if vertex.type in ("file", "module") and parts.base(text):
            return self.file(text)
        if vertex.type == "registry" and text:
            return self.add("windows-registry-key", {"key": text})
        if vertex.type == "user" and text:
            return self.add("user-account", {"account_login": text})
        if vertex.type == "domain" and text:
            return self.add("domain-name", {"value": text})
        if vertex.type == "host" and text:
            return self.domain("identity", f"host {text}", _MADE, {
                "name": text, "identity_class": "system",
            })  # fmt: skip
        if end.ip is not None or end.name is not None:
            return self.endpoint(vertex, end)
        return self.custom(vertex)

    def address(self, end: parts.End) -> str:
        if end.ip is None:
            return self.add("domain-name", {"value": end.name})
        return self.add("ipv6-addr" if ":" in end.ip else "ipv4-addr", {"value": end.ip})

    def endpoint(self, vertex: Vertex, end: parts.End) -> str:
        """Add an end of connections: traffic if it has a port, else an address alone."""
        there = self.address(end)
        if vertex.type == "address" or end.port is None:
            return there
        telling = {"dst_ref": there, "dst_port": end.port, "protocols": ["tcp"]}
        return self.add("network-traffic", telling)

    def file(self, text: str) -> str:
        folder = text[: -len(parts.base(text))].rstrip("/\\") if text != parts.base(text) else ""
        up = self.add("directory", {"path": folder}) if folder else None
        telling = {"name": parts.base(text)} | ({"parent_directory_ref": up} if up else {})
        return self.add("file", telling)

    def process(self, vertex: Vertex) -> str:
        """Add a process. Nothing contributes to its id, which has to be one of version 4."""
        digest = hashlib.sha256(f"process {vertex.id}".encode()).digest()[:16]
        name = f"process--{uuid.UUID(bytes=digest, version=4)}"
        told: dict[str, Any] = {"command_line": unicode(vertex.command or vertex.label)}
        if vertex.label and parts.base(vertex.label):
            told["image_ref"] = self.file(vertex.label)
        self.objects[name] = {"type": "process", "spec_version": "2.1", "id": name, **told}
        return name

    def custom(self, vertex: Vertex) -> str:
        self.objects.setdefault(_EXTENSION, {
            "type": "extension-definition", "spec_version": "2.1", "id": _EXTENSION,
            "created_by_ref": self.author, "created": _MADE, "modified": _MADE,
            "name": _CUSTOM, "schema": "entity_type, name and host: all are strings",
            "version": "1.0.0", "extension_types": ["new-sco"],
        })  # fmt: skip
        telling = {"entity_type": vertex.type, "name": vertex.label or vertex.name or vertex.id}
        telling |= {"host": vertex.host} if vertex.host else {}
        more = {"extensions": {_EXTENSION: {"extension_type": "new-sco"}}}
        return self.add(_CUSTOM, telling, more)

    def link(self, number: int) -> str:
        """Add an event; return its id."""
        one = self.graph.links[number]
        when = parts.in_calendar(one.ts)[0]
        src, dst = self.by_id[one.src], self.by_id[one.dst]
        told = f"{one.action} at {one.ts} on {one.host}, {one.source} record {one.record}"
        # The same record may tell several events of two entities.
        key = f"{self.graph.id} {number} {src.id} {dst.id} {one.ts}"
        return self.domain("relationship", key, when, {
            "relationship_type": one.action, "description": unicode(told),
            "source_ref": self.ids[one.src], "target_ref": self.ids[one.dst],
        })  # fmt: skip

    def pattern(self, technique: str, name: str, told: str | None, when: str) -> str:
        """Add a technique, and that it was sighted; return the technique's id."""
        url = f"https://attack.mitre.org/techniques/{technique.replace('.', '/')}"
        made = self.domain("attack-pattern", technique, _MADE, {
            "name": name, "external_references": [
                {"source_name": "mitre-attack", "external_id": technique, "url": url}
            ],
        })  # fmt: skip
        self.domain("sighting", f"{self.graph.id} {technique}", when, {
            "sighting_of_ref": made, **({"observed_data_refs": [told]} if told else {}),
        })  # fmt: skip
        return made
