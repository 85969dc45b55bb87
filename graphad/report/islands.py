"""The data of a report's page: plain lists that its script reads, each text in them once."""

import math
from collections.abc import Sequence
from typing import Any

from graphad.findings import Entity, Evidence, Finding, amount, oddity, short
from graphad.incident_graph import Incident
from graphad.report.drawing import Drawing, brief

TEXT = 4096  # characters of a key or command line
TITLE = 300
STRONG = 12  # rare events of a graph that stand out from the others
LINES = 48_000_000  # characters of raw lines in one page; the rest is told by its place


class Entities:
    """Entities of a page, each once, as [type, key, detail, short name]."""

    def __init__(self) -> None:
        self.rows: list[list[str]] = []
        self._at: dict[tuple[str, ...], int] = {}

    def add(self, entity: Entity) -> int:
        """Return the place of an entity."""
        key = (
            entity.type, brief(entity.key or entity.name, TEXT), brief(entity.detail or "", TEXT),
            brief(short(entity), TITLE),
        )  # fmt: skip
        if key not in self._at:
            self._at[key] = len(self.rows)
            self.rows.append(list(key))
        return self._at[key]


class Evidences:
    """Raw records of a page, each once, as [source, line, record, text].

    A text is None where the log was gone, and False where the page holds too many already.
    """

    def __init__(self, most: int = LINES) -> None:
        self.sources: list[str] = []
        self.rows: list[list[Any]] = []
        self.left_out = 0
        self._room = most
        self._at: dict[tuple[object, ...], int] = {}
        self._source_at: dict[str, int] = {}

    def add(self, proof: Evidence) -> int:
        """Return the place of a record."""
        key = (proof.source, proof.number, proof.record, proof.line)
        if key not in self._at:
            text: str | bool | None = proof.text
            if isinstance(text, str):
                self._room -= len(text)
                if self._room < 0:
                    text = False
                    self.left_out += 1
            if proof.source not in self._source_at:
                self._source_at[proof.source] = len(self.sources)
                self.sources.append(proof.source)
            self._at[key] = len(self.rows)
            self.rows.append([self._source_at[proof.source], proof.line, proof.record, text])
        return self._at[key]


def finite(value: float | None, digits: int = 4) -> float | None:
    """Return a number that JSON has, rounded; None for NaN and infinities."""
    return round(value, digits) if value is not None and math.isfinite(value) else None


def terms(values: dict[str, float]) -> list[list[Any]]:
    """Return terms as [name, bits], the largest first; those of no weight are left out."""
    told = [[name, finite(bits, 2)] for name, bits in values.items()]
    return sorted((one for one in told if one[1]), key=lambda one: -abs(one[1]))


def rows(found: Sequence[Finding], entities: Entities) -> list[list[Any]]:
    """Return a row of the table for each finding."""
    return [
        [
            f.id, f.detector, f.severity or "", bool(f.alert), finite(f.z), amount(f),
            finite(f.p_value, 6), f.start, f.host, brief(f.title, TITLE), f.incident, f.count,
            [f"{mark.verdict}: {mark.reason}" for mark in f.marks],
            [entities.add(entity) for entity in f.entities],
        ]
        for f in found
    ]  # fmt: skip


def details(found: Sequence[Finding], entities: Entities, evidences: Evidences) -> list[list[Any]]:
    """Return what is shown where a row is opened: events, terms, doubts, for each finding."""
    return [
        [
            [
                [
                    entities.add(f.entities[edge.src]), edge.action,
                    entities.add(f.entities[edge.dst]), edge.ts, edge.host or f.host,
                    finite(sum(edge.terms.values()), 2), terms(edge.terms), evidences.add(proof),
                ]
                for edge, proof in zip(f.edges, f.evidence, strict=True)
            ],
            terms(f.terms), oddity(f), f.end, f.model,
        ]
        for f in found
    ]  # fmt: skip


def graph(
    incident: Incident, drawing: Drawing, entities: Entities, evidences: Evidences
) -> dict[str, Any]:
    """Return an incident's events and how they are drawn."""
    places = [entities.add(entity) for entity in incident.entities]
    hosts = list(dict.fromkeys(node.host for node in drawing.nodes))
    strong = sorted((line for line in drawing.lines if line.telling), key=lambda one: -one.bits)
    strongest = {id(line) for line in strong[:STRONG]}
    return {
        "hosts": hosts,
        "nodes": [
            [node.label, node.type, node.x, node.y, hosts.index(node.host),
             places[node.entity] if node.entity >= 0 else -1, node.entity == incident.entry]
            for node in drawing.nodes
        ],
        "lines": [
            [line.src, line.dst, brief(line.action), line.telling, finite(line.bits, 1),
             line.events, incident.rarest in line.events, id(line) in strongest]
            for line in drawing.lines
        ],
        "events": [
            [places[e.src], e.action, places[e.dst], e.ts, e.host, finite(e.bits, 2),
             terms(e.terms), evidences.add(e.evidence), e.telling]
            for e in incident.events
        ],
    }  # fmt: skip
