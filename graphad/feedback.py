"""What marks and allow rules do: which events they lower, and what becomes of kept findings."""

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import numpy.typing as npt

from graphad.detect import MARK
from graphad.findings import Finding, Marked, is_telling
from graphad.graph import Graph
from graphad.judge import rule
from graphad.marks import Allow, Link, Mark, Standing

if TYPE_CHECKING:
    from graphad.detect import Detector
    from graphad.models.calibration import Calibration

Bools = npt.NDArray[np.bool_]


def link_of(finding: Finding, at: int) -> Link:
    """Return the link, on its host, that an edge of a finding is an event of."""
    from graphad.models.names import command_shape

    edge = finding.edges[at]
    src, dst = finding.entities[edge.src], finding.entities[edge.dst]
    shape = None
    if edge.action == "launch":
        shape = "" if dst.detail is None else command_shape(dst.detail) or ""
    host = edge.host or finding.host
    return Link(src.type, src.name, edge.action, dst.type, dst.name, shape, host)


def event_link(graph: Graph, e: int) -> Link:
    """Return the link, on its host, that an event of a graph is one of."""
    u, v, action = graph.src[e], graph.dst[e], graph.action[e]
    shape = (graph.shapes[v] or "") if action == "launch" else None
    return Link(
        graph.types[u], graph.names[u], action, graph.types[v], graph.names[v], shape,
        graph.host[e],
    )  # fmt: skip


def _own_bits(finding: Finding, at: int) -> float:
    """Return the bits of an edge without marks."""
    return math.fsum(bits for name, bits in finding.edges[at].terms.items() if name != MARK)


def telling_edges(finding: Finding) -> list[int]:
    """Return the edges that make the path surprising, by what it was before any mark."""
    bits = [_own_bits(finding, at) for at in range(len(finding.edges))]
    whole = math.fsum(bits)
    return [at for at, own in enumerate(bits) if is_telling(own, whole, len(bits))]


def telling_links(findings: Iterable[Finding], *, fleet: bool) -> list[Link]:
    """Return the distinct telling links of findings, in their order."""
    found = [link_of(finding, at) for finding in findings for at in telling_edges(finding)]
    if fleet:
        found = [msgspec.structs.replace(link, host=None) for link in found]
    return list(dict.fromkeys(found))


class Coverage:
    """Which links the active marks and allow rules cover.

    A link that is marked malicious is lowered by nothing: an allow rule must not hide what someone
    called an attack.
    """

    def __init__(self, standings: Iterable[Standing]) -> None:
        self.active = [one for one in standings if one.active]
        self.rules = [one.entry for one in self.active if isinstance(one.entry, Allow)]
        self.links: dict[str, dict[Link, list[str]]] = {"benign": {}, "malicious": {}}
        for one in self.active:
            if isinstance(one.entry, Mark):
                for link in one.entry.links:
                    self.links[one.entry.verdict].setdefault(link, []).append(one.id)
        self._ends = [
            {(link.src_type, link.src) for link in self.links["benign"]},
            {(link.dst_type, link.dst) for link in self.links["benign"]},
        ]

    def marked(self, verdict: str, link: Link) -> list[str]:
        """Return the marks of a verdict that cover a link of one host."""
        held = self.links[verdict]
        everywhere = msgspec.structs.replace(link, host=None)
        return [*held.get(link, ()), *held.get(everywhere, ())]

    def lowering(self, link: Link) -> list[str]:
        """Return the marks and rules that take a link of one host down to 0 bits."""
        if self.marked("malicious", link):
            return []
        rules = [rule.id for rule in self.rules if rule.covers(link)]
        return self.marked("benign", link) + rules

    def lowers(self, finding: Finding) -> list[bool]:
        """Return which edges [L] of a finding are lowered."""
        if not self.active:
            return [False] * len(finding.edges)
        return [bool(self.lowering(link_of(finding, at))) for at in range(len(finding.edges))]

    def events(self, graph: Graph) -> Bools | None:
        """Return which events [E] are lowered, None if no mark or rule lowers anything."""
        if not self.rules and not self.links["benign"]:
            return None
        known: list[dict[tuple[str, str], bool]] = [{}, {}]
        ends = []
        for which in (0, 1):
            held = known[which]
            for pair in zip(graph.types, graph.names, strict=True):
                if pair not in held:
                    held[pair] = pair in self._ends[which] or any(
                        rule.end(which, *pair) for rule in self.rules
                    )
            ends.append(
                np.array([held[p] for p in zip(graph.types, graph.names, strict=True)], bool)
            )
        found = np.zeros(len(graph), bool)
        seen: dict[Link, bool] = {}
        for e in np.flatnonzero(ends[0][graph.src] & ends[1][graph.dst]):
            link = event_link(graph, int(e))
            if link not in seen:
                seen[link] = bool(self.lowering(link))
            found[e] = seen[link]
        return found

    def tell(self, finding: Finding) -> list[Marked]:
        """Return what the active marks and rules say of a finding.

        Those that lower one of its edges, and the malicious ones of which it has a telling link.
        """
        if not self.active:
            return []
        links = [link_of(finding, at) for at in range(len(finding.edges))]
        names = {name for link in links for name in self.lowering(link)}
        for at in telling_edges(finding):
            names.update(self.marked("malicious", links[at]))
        return [
            Marked(one.id, one.verdict, one.entry.reason) for one in self.active if one.id in names
        ]


def lowered(finding: Finding, covered: Sequence[bool]) -> Finding | None:
    """Return a finding with its terms as these edges [L] being covered has them, None if as it was.

    The sum of its terms is its score; z and what follows from it are the caller's to set.
    """
    edges = []
    for at, edge in enumerate(finding.edges):
        terms = {name: bits for name, bits in edge.terms.items() if name != MARK}
        bits = _own_bits(finding, at)
        if covered[at] and bits:
            terms[MARK] = -bits
        edges.append(msgspec.structs.replace(edge, terms=terms))
    if all(new.terms == old.terms for new, old in zip(edges, finding.edges, strict=True)):
        return None
    terms = {name: bits for name, bits in finding.terms.items() if name != MARK}
    own = math.fsum(terms.values())
    mark = math.fsum(edge.terms.get(MARK, 0.0) for edge in edges)
    if mark:
        terms[MARK] = mark
    return msgspec.structs.replace(finding, edges=edges, terms=terms, score=own + mark)


def judged_again(
    finding: Finding, detector: "Detector", calibration: "Calibration | None"
) -> Finding:
    """Return a finding with z, p-value, severity and alert of its score."""
    z = detector.z_of(finding.kind, len(finding.edges), finding.score)
    found = msgspec.structs.replace(finding, z=z)
    rule(found, calibration)
    return found
