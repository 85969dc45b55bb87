"""Findings: what is shown to people."""

import hashlib
import math
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Protocol

import msgspec

from graphad.detect import WITH
from graphad.sanitize import html

NONE = "(none)"  # how a missing value is told
_CELL = 400  # characters of a cell in a notebook
_TOLD = 0.05  # share from which on a value counts as likely


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
    host: str = ""  # where it was logged


class Evidence(msgspec.Struct):
    """The raw record behind an edge; `number` is that of its source in the store."""

    source: str
    record: int
    line: int
    text: str | None = None
    number: int = 0


class Marked(msgspec.Struct):
    """A mark or allow rule that counts for a finding; verdict: benign, malicious or allow."""

    id: str
    verdict: str
    reason: str


class Doubt(msgspec.Struct):
    """How likely one value of an event is, given the others, and what would have been likely.

    bits: -log2 of that probability, by a model that learned from so many events; likely: the
    likeliest values with theirs.
    """

    column: str
    value: str
    bits: float
    likely: list[tuple[str, float]]
    learned: int = 0
    first: bool = False  # it was never seen before

    @property
    def odds(self) -> str:
        """Return the probability in words, no smaller than so many events can show.

        >>> Doubt("user", "bob", 3.0, [], 100).odds, Doubt("user", "bob", 20.0, [], 100).odds
        ('1 in 8', 'under 1 in 100')
        """
        if self.first:
            return "new"
        if self.learned and self.bits > math.log2(self.learned):
            return f"under 1 in {self.learned:,}"
        return f"1 in {2.0**self.bits:,.0f}"


class _Weighed(Protocol):
    """A finding or an incident."""

    z: float
    programs: int


class Finding(msgspec.Struct):
    """A scored path, or one event, with everything needed to check it.

    score [bits] is the sum of `terms`, which are the sums over `edges`; z holds it against others
    of its kind. `programs` are odd together in its incident, in its hour: it is ranked by
    `standing`. p_value, severity and alert follow from that and are None without a reference
    period: then findings are ranked, not calibrated. `marks` are told as of now, not kept. An event
    is of a `kind`, `count` times in all, and has `doubts`. A window's score is counted in
    `measure`.
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
    marks: list[Marked] = []
    kind: str = ""
    doubts: list[Doubt] = []
    measure: str = ""
    programs: int = 1

    @property
    def standing(self) -> float:
        """Return what a finding is ranked by."""
        return standing(self.z, self.programs)

    def _repr_html_(self) -> str:
        """Return the finding for a notebook: a heading, its numbers, and a row for each event."""
        level = self.severity or "ranked, not calibrated"
        numbers = f"{amount(self)}, {weight(self)}, {level}, {self.host}, {self.start}, {self.id}"
        odd = oddity(self)
        lines = [f"<p><b>{html(self.title)}</b><br>{html(numbers)}"]
        lines.append((f"<br>{html(odd)}" if odd else "") + "</p><table><thead><tr>")
        names = ("time", "from", "action", "to", "bits", "record", "line of the log")
        lines += [*(f"<th>{name}</th>" for name in names), "</tr></thead><tbody>"]
        for edge, proof in zip(self.edges, self.evidence, strict=True):
            src, dst = self.entities[edge.src], self.entities[edge.dst]
            cells = (
                edge.ts, f"{src.type} {src.key}", edge.action,
                f"{dst.type} {dst.key}" + (f": {dst.detail}" if dst.detail else ""),
                f"{sum(edge.terms.values()):.1f}", f"{proof.source}:{proof.line or proof.record}",
                "(the log is no longer there)" if proof.text is None else proof.text,
            )  # fmt: skip
            told = (html(cell if len(cell) <= _CELL else cell[:_CELL] + "…") for cell in cells)
            lines.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in told) + "</tr>")
        return "".join([*lines, "</tbody></table>"])

    @property
    def rarest(self) -> int:
        """Return the place of the edge with the largest surprise."""
        return max(range(len(self.edges)), key=lambda i: (sum(self.edges[i].terms.values()), -i))


def standing(z: float, programs: int) -> float:
    """Return z and the natural logarithm of how many programs are odd together.

    What happens once and is harmless is mostly one program doing one new thing; an attack is
    several that seldom have to do with each other. No number is tuned: docs/path.md.

    >>> standing(2.5, 1), round(standing(2.5, 4), 3)
    (2.5, 3.886)
    """
    return z + math.log(max(programs, 1))


def finding_id(detector: str, host: str, sequence: Iterable[str], day: str) -> str:
    """Return the stable id of what a finding says: a re-run updates it and never duplicates."""
    digest = hashlib.sha256(
        "\x1f".join([detector, host, *sequence, day]).encode("utf-8", "replace")
    )
    return f"{detector}-{digest.hexdigest()[:10]}"


def title(entities: Sequence[Entity]) -> str:
    """Return a path as people read it: `sshd → bash → curl → /tmp/x`."""
    return " → ".join(short(entity) for entity in entities)


def oddity(finding: Finding, say: Callable[[str], str] = str) -> str:
    """Return what is odd about an event, in words; "" for a path. say: how values are told.

    >>> from types import SimpleNamespace as F
    >>> oddity(F(kind="launch", doubts=[Doubt("user", "bob", 10.0, [("eve", 0.5), ("bob", 0.1)])]))
    'user bob is 1 in 1,024 with the rest as it is; likely: eve 50 %'
    >>> oddity(F(kind="launch:user", doubts=[Doubt("user", "bob", 3.0, [])]))
    'user bob was never seen before'
    """
    if not finding.doubts:
        return ""
    doubt = finding.doubts[0]
    value = f"{doubt.column} {say(doubt.value or NONE)}"
    if ":" in finding.kind:
        return f"{value} was never seen before"
    if finding.kind.startswith(WITH):
        text = f"{value} {'was never' if doubt.first else 'is seldom'} seen with it"
    elif doubt.first:
        return f"{value} was never seen before"
    elif doubt.bits < 1.0:
        return "no value is odd by itself, all of them together are"
    else:
        text = f"{value} is {doubt.odds} with the rest as it is"
    others = [
        f"{say(word or NONE)} {percent(share)}"
        for word, share in doubt.likely
        if word != doubt.value and share >= _TOLD
    ]
    return text + (f"; likely: {', '.join(others)}" if others else "")


def told_row(finding: Finding, most: int = 4) -> str:
    """Return a row of a table by the values that are least likely, each with its column.

    >>> from types import SimpleNamespace as F
    >>> told_row(F(doubts=[Doubt("user", "bob", 9.0, []), Doubt("ip", "", 1.0, [])]))
    'user bob, ip (none)'
    """
    told = [f"{doubt.column} {doubt.value or NONE}" for doubt in finding.doubts]
    return ", ".join([*told[:most], *(["…"] if len(told) > most else [])])


def remark(finding: Finding) -> str:
    """Return what is odd about an event in a few words, for its title.

    >>> from types import SimpleNamespace as F
    >>> remark(F(kind="launch", doubts=[Doubt("user", "bob", 10.0, [])]))
    'user bob is 1 in 1,024'
    """
    doubt = finding.doubts[0]
    value = f"{doubt.column} {doubt.value or NONE}"
    if ":" in finding.kind:
        return f"first {value}"
    odd = doubt.bits >= 1.0 or doubt.first
    return f"{value} is {doubt.odds}" if odd else f"an odd {finding.kind}"


def amount(finding: Finding, digits: int = 1) -> str:
    """Return a score with what it is counted in."""
    if finding.unit == "window":
        return f"{finding.score:.{digits + 1}f} {finding.measure or 'times usual'}"
    return f"{finding.score:.{digits}f} bits"


def weight(finding: _Weighed) -> str:
    """Return z in words, with the programs that are odd together if there are several.

    >>> from types import SimpleNamespace as F
    >>> weight(F(z=2.5, programs=1)), weight(F(z=2.5, programs=4))
    ('z 2.50', 'z 2.50, 4 programs')
    """
    several = f", {finding.programs} programs" if finding.programs > 1 else ""
    return f"z {finding.z:.2f}{several}"


def percent(share: float) -> str:
    """Return a share as people read it.

    >>> percent(0.996), percent(0.0678), percent(0.0004)
    ('99.6 %', '6.8 %', '0.04 %')
    """
    digits = 1 if share >= 0.01 else 2
    return f"{100 * share:.{digits}f} %".replace(".0 ", " ")


def short(entity: Entity) -> str:
    """Return a short name: a process by its program, another by its own label."""
    text = entity.key or entity.name
    if entity.type == "process":
        text = text.replace("\\", "/").rstrip("/").rpartition("/")[2] or text
    return text


def joined(telling: Sequence[Iterable[Hashable]]) -> list[int]:
    """Return for each path the first one it is joined with, by the telling events they share.

    >>> joined([["a"], ["b"], ["b", "a"], []])
    [0, 0, 0, 3]
    """
    parent = list(range(len(telling)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    holder: dict[Hashable, int] = {}
    for i, events in enumerate(telling):
        for event in events:
            a, b = root(holder.setdefault(event, i)), root(i)
            parent[max(a, b)] = min(a, b)
    return [root(i) for i in range(len(telling))]


def is_telling(event_bits: float, path_bits: float, length: int) -> bool:
    """Return whether an event is at least as surprising as its path's mean.

    Sharing only a routine link, such as the service manager starting a daemon, joins nothing.
    """
    return event_bits >= path_bits / max(length, 1) - 1e-9


def burst(process: Hashable, action: Hashable, hour: Hashable) -> Hashable:
    """Return what stands for all that one process did in one way within an hour.

    A program that sets thirty odd registry values is one thing to look at, not thirty.
    """
    return "burst", process, action, hour


def incidents(findings: Iterable[Finding]) -> list[list[Finding]]:
    """Return findings by incident, the best of each first, best incident first."""
    grouped: dict[str, list[Finding]] = {}
    for finding in findings:
        grouped.setdefault(finding.incident, []).append(finding)
    return list(grouped.values())


def fullest(incident: Sequence[Finding]) -> Finding:
    """Return the finding that tells most of an incident: of paths the one of most bits.

    z finds the oddest link whatever a path's length; the longer path around it is the story. Events
    and windows have no more to tell than the oddest of them.
    """
    if incident[0].unit != "path":
        return incident[0]
    paths = [finding for finding in incident if finding.unit == "path"]
    return max(paths, key=lambda finding: (finding.score, -finding.rank))
