"""Graphs as W3C PROV-JSON.

Source: www.w3.org/submissions/2013/SUBM-prov-json-20130424. A process is an activity, a user or
host an agent, all else an entity; each time something flows into an entity there is a new version
of it, so that what was read is what had been written.
"""

from typing import Any

from graphad.export.subgraph import Link, Subgraph, Vertex, by_id
from graphad.incidents import BIRTHS
from graphad.sanitize import json_line

_SPACE = "urn:graphad:"
_AGENTS = frozenset({"user", "host"})


def write(graph: Subgraph) -> str:
    """Return a graph as one JSON object on one line."""
    return json_line(_Document(graph).made) + "\n"


class _Document:
    def __init__(self, graph: Subgraph) -> None:
        self.vertices = by_id(graph.vertices)
        self.made: dict[str, Any] = {
            "prefix": {"g": _SPACE, "prov": "http://www.w3.org/ns/prov#",
                       "xsd": "http://www.w3.org/2001/XMLSchema#"}
        }  # fmt: skip
        self.version: dict[str, int] = {}
        births = {link.dst: link.ts for link in reversed(graph.links) if link.action in BIRTHS}
        for vertex in graph.vertices:
            kind = self.kind(vertex)
            told = {"prov:label": vertex.label, "g:type": vertex.type, "g:host": vertex.host,
                    "g:command": vertex.command}  # fmt: skip
            if kind == "activity" and not births.get(vertex.id, "us").endswith("us"):
                told["prov:startTime"] = births[vertex.id]
            self.add(kind, f"g:{vertex.id}", {k: v for k, v in told.items() if v})
        for link in graph.links:
            self.relate(link)

    def add(self, section: str, name: str, told: dict[str, Any]) -> None:
        self.made.setdefault(section, {})[name] = told

    @staticmethod
    def kind(vertex: Vertex) -> str:
        if vertex.type == "process":
            return "activity"
        return "agent" if vertex.type in _AGENTS else "entity"

    def name(self, vertex: Vertex) -> str:
        """Return the name of an entity's newest version, of others their own."""
        version = self.version.get(vertex.id, 0)
        return f"g:{vertex.id}-v{version}" if version else f"g:{vertex.id}"

    def renewed(self, vertex: Vertex) -> str:
        """Return the name of a new version of an entity."""
        before = self.name(vertex)
        self.version[vertex.id] = self.version.get(vertex.id, 0) + 1
        name, number = self.name(vertex), self.version[vertex.id]
        self.add("entity", name, {"prov:label": vertex.label, "g:version": number})
        relation = {"prov:specificEntity": name, "prov:generalEntity": f"g:{vertex.id}"}
        self.add("specializationOf", f"_:s{vertex.id}v{number}", relation)
        if number > 1:
            derived = {"prov:generatedEntity": name, "prov:usedEntity": before}
            self.add("wasDerivedFrom", f"_:d{vertex.id}v{number}", derived)
        return name

    def relate(self, link: Link) -> None:
        """Add what an event says, by the kinds of its ends."""
        src, dst = self.vertices[link.src], self.vertices[link.dst]
        pair = self.kind(src), self.kind(dst)
        when = {} if link.ts.endswith("us") else {"prov:time": link.ts}
        told: dict[str, Any] = {"g:action": link.action, "g:record": f"{link.source}:{link.record}"}
        if link.bits is not None:
            told["g:bits"] = link.bits
        name = f"_:{link.id}"
        if pair == ("activity", "entity"):
            ends = {"prov:entity": self.renewed(dst), "prov:activity": self.name(src)}
            self.add("wasGeneratedBy", name, ends | when | told)
        elif pair == ("entity", "activity"):
            ends = {"prov:activity": self.name(dst), "prov:entity": self.name(src)}
            self.add("used", name, ends | when | told)
        elif pair == ("activity", "activity"):
            ends = {"prov:informed": self.name(dst), "prov:informant": self.name(src)}
            self.add("wasInformedBy", name, ends | told | self._at(link))
        elif pair == ("agent", "activity"):
            ends = {"prov:activity": self.name(dst), "prov:agent": self.name(src)}
            self.add("wasAssociatedWith", name, ends | told | self._at(link))
        elif pair == ("agent", "entity"):
            ends = {"prov:entity": self.renewed(dst), "prov:agent": self.name(src)}
            self.add("wasAttributedTo", name, ends | told | self._at(link))
        elif pair == ("entity", "entity") and src.id != dst.id:
            used = self.name(src)
            ends = {"prov:generatedEntity": self.renewed(dst), "prov:usedEntity": used}
            self.add("wasDerivedFrom", name, ends | told | self._at(link))
        else:
            ends = {"prov:influencee": self.name(dst), "prov:influencer": self.name(src)}
            self.add("wasInfluencedBy", name, ends | told | self._at(link))

    @staticmethod
    def _at(link: Link) -> dict[str, Any]:
        return {"g:time": link.ts}  # these relations have no time of their own
