"""An incident's attack graph as it is drawn: alike leaves as one, each entity in its place."""

from collections import defaultdict
from dataclasses import dataclass, field

from graphad.findings import short
from graphad.incident_graph import Incident
from graphad.incidents import BIRTHS
from graphad.report.layout import place
from graphad.sanitize import terminal

ALIKE = 4  # nodes that are drawn of entities which touch the same others; the last is all the rest
MOST = 120  # entities that are drawn
WIDTH, HEIGHT = 210, 66  # of a place, in px
NAME = 30  # characters of a name
PLURALS = {
    "process": "processes", "address": "addresses", "registry": "registry keys",
    "entity": "entities",
}  # fmt: skip


@dataclass
class Node:
    """What is drawn of an entity; `entity` is its place in the incident, -1 for `more` others."""

    entity: int
    type: str
    label: str
    host: str
    more: int = 0
    x: int = 0
    y: int = 0


@dataclass
class Line:
    """What is drawn of the events of one action between two nodes, the most surprising first."""

    src: int
    dst: int
    action: str
    telling: bool
    bits: float
    events: list[int] = field(default_factory=list)


@dataclass
class Drawing:
    """Nodes and lines in time order; `left_out` entities are only in the list of events."""

    nodes: list[Node]
    lines: list[Line]
    left_out: int


def draw(incident: Incident) -> Drawing:
    """Return the drawing of an incident."""
    stands = _merged(incident)
    wanted = _chosen(incident, stands)
    nodes: list[Node] = []
    at: dict[int, int] = {}  # where a representative is among the nodes
    lines: dict[tuple[int, int, str], Line] = {}
    members: dict[int, int] = defaultdict(int)
    for representative in stands:
        members[representative] += 1
    for number, event in enumerate(incident.events):
        ends = stands[event.src], stands[event.dst]
        if not wanted.issuperset(ends):
            continue
        for end in ends:
            if end not in at:
                at[end] = len(nodes)
                nodes.append(_node(incident, end, members[end]))
        src, dst = at[ends[0]], at[ends[1]]
        line = lines.setdefault(
            (src, dst, event.action), Line(src, dst, event.action, False, event.bits)
        )
        line.events.append(number)
        line.telling |= event.telling
        line.bits = max(line.bits, event.bits)
    for line in lines.values():
        line.events.sort(key=lambda number: (-incident.events[number].bits, number))
    found = list(lines.values())
    # Who started whom is the skeleton; then what is rare; what only led there hangs on it.
    order = sorted(
        found,
        key=lambda line: (
            not (line.action in BIRTHS and nodes[line.src].type == "process"), not line.telling
        ),
    )  # fmt: skip
    places = place(
        [(line.src, line.dst) for line in order],
        [node.host for node in nodes],
        [line.telling for line in order],
    )
    for node, where in zip(nodes, places, strict=True):
        node.x, node.y = where.column * WIDTH, where.lane * HEIGHT
    return Drawing(nodes, found, len(set(stands)) - len(nodes))


def _merged(incident: Incident) -> list[int]:
    """Return for each entity the one that stands for it: itself, or the first of many alike.

    Alike are those of one type that touch the same other entities, by the same actions in the same
    directions. Of each sort the most surprising ones stand for themselves, as does the entry. What
    only led to what is telling is context: there the actions don't matter and none stands alone.
    """
    touches: dict[int, set[tuple[int, bool, str]]] = defaultdict(set)
    bits: dict[int, tuple[bool, float]] = defaultdict(lambda: (False, 0.0))
    for event in incident.events:
        for end, other, out in ((event.src, event.dst, True), (event.dst, event.src, False)):
            touches[end].add((other, out, event.action))
            bits[end] = max(bits[end], (event.telling, event.bits))
    sorts: dict[object, list[int]] = defaultdict(list)
    for end, node in enumerate(incident.entities):
        others = {other for other, _, _ in touches[end]}
        if end not in others and end != incident.entry:
            context = not bits[end][0]
            sort = {one[:2] for one in touches[end]} if context else touches[end]
            sorts[frozenset(sort), context, node.type, node.host].append(end)
    stands = list(range(len(incident.entities)))
    for alike in sorts.values():
        alone = ALIKE - 1 if bits[alike[0]][0] else 0
        if len(alike) > alone + 1:
            ranked = sorted(alike, key=lambda end: (-bits[end][1], end))
            rest = ranked[alone:]
            for end in rest:
                stands[end] = min(rest)
    return stands


def _chosen(incident: Incident, stands: list[int]) -> set[int]:
    """Return who is drawn where not all can be: the ends of the most surprising events."""
    chosen: dict[int, None] = {}
    order = sorted(incident.events, key=lambda event: (not event.telling, -event.bits))
    for event in order:
        ends = dict.fromkeys((stands[event.src], stands[event.dst]))
        if len(chosen | ends) <= MOST:
            chosen |= ends
    return set(chosen)


def _node(incident: Incident, end: int, members: int) -> Node:
    node = incident.entities[end]
    if members > 1:
        many = PLURALS.get(node.type, f"{node.type}s")
        return Node(-1, node.type, f"{members} {many}", node.host, members)
    return Node(end, node.type, brief(short(node)), node.host)


def brief(text: str, most: int = NAME) -> str:
    """Return a name, cut in its middle: its end says more than what comes before that.

    >>> brief("a" * 40 + "/evil.exe", 20)
    'aaaaa…aaaaa/evil.exe'
    """
    text = terminal(text[: 4 * most] + text[-4 * most :] if len(text) > 8 * most else text)
    if len(text) <= most:
        return text
    return f"{text[: most // 4]}…{text[-(most - most // 4 - 1) :]}"
