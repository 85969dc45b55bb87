"""Findings: what is shown to people. Severity, alerts, and incidents that overlapping ones form."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence

import msgspec


class Entity(msgspec.Struct):
    """An entity on a path."""

    id: str  # 16 hex digits
    type: str
    name: str  # canonical
    key: str  # what the log called it
    detail: str | None = None  # command line


class Edge(msgspec.Struct):
    """One event of a path, by the places of its entities, with its terms in bits."""

    src: int
    dst: int
    action: str
    ts: str
    terms: dict[str, float]


class Evidence(msgspec.Struct):
    """The raw record behind an edge."""

    source: str
    record: int
    line: int
    text: str | None = None


class Finding(msgspec.Struct):
    """A scored path with everything needed to check it.

    score [bits] is the sum of `terms`, which are the sums over `edges`. p_value, severity and alert
    are None without a reference period: then findings are ranked, not calibrated.
    """

    id: str
    detector: str
    unit: str
    score: float
    z: float
    p_value: float | None
    severity: str | None
    alert: bool | None
    host: str
    start: str
    end: str
    count: int
    title: str
    entities: list[Entity]
    edges: list[Edge]
    terms: dict[str, float]
    evidence: list[Evidence]
    model: str
    incident: str = ""
    rank: int = 0

    @property
    def rarest(self) -> int:
        """Return the place of the edge with the largest surprise."""
        return max(range(len(self.edges)), key=lambda i: (sum(self.edges[i].terms.values()), -i))


def finding_id(detector: str, host: str, sequence: Iterable[str], day: str) -> str:
    """Return the stable id of what a finding says: a re-run updates it and never duplicates."""
    digest = hashlib.sha256(
        "\x1f".join([detector, host, *sequence, day]).encode("utf-8", "replace")
    )
    return f"{detector}-{digest.hexdigest()[:10]}"


def title(entities: Sequence[Entity]) -> str:
    """Return a path as people read it: `sshd → bash → curl → /tmp/x`."""
    return " → ".join(short(entity) for entity in entities)


def short(entity: Entity) -> str:
    """Return a short name: a process by its program, another by its own label."""
    text = entity.key or entity.name
    if entity.type == "process":
        text = text.replace("\\", "/").rstrip("/").rpartition("/")[2] or text
    return text


def merge(findings: list[Finding]) -> None:
    """Give findings that share a telling event the same incident; the best one names it.

    An event is telling for a path if its surprise is at least the path's mean: sharing only a
    routine link, such as the service manager starting a daemon, joins nothing. Order: by rank.
    """
    parent = list(range(len(findings)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    holders: dict[tuple[str, int, int, int], list[int]] = defaultdict(list)
    for i, finding in enumerate(findings):
        mean = finding.score / max(len(finding.edges), 1)
        for edge, proof in zip(finding.edges, finding.evidence, strict=True):
            if sum(edge.terms.values()) >= mean - 1e-9:
                ends = (
                    int(finding.entities[edge.src].id, 16),
                    int(finding.entities[edge.dst].id, 16),
                )
                holders[(proof.source, proof.record, *ends)].append(i)
    for sharing in holders.values():
        for other in sharing[1:]:
            a, b = sorted((root(sharing[0]), root(other)))
            parent[b] = a
    for i, finding in enumerate(findings):
        finding.incident = f"incident-{findings[root(i)].id.rpartition('-')[2]}"


def incidents(findings: Iterable[Finding]) -> list[list[Finding]]:
    """Return findings by incident, the best of each first, best incident first."""
    grouped: dict[str, list[Finding]] = {}
    for finding in findings:
        grouped.setdefault(finding.incident, []).append(finding)
    return list(grouped.values())


def fullest(incident: Sequence[Finding]) -> Finding:
    """Return the path that tells most of an incident: the one of most bits.

    z finds the oddest link whatever a path's length; the longer path around it is the story.
    """
    return max(incident, key=lambda finding: (finding.score, -finding.rank))
