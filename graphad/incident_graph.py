"""The attack graph that the findings of one incident make together."""

from collections.abc import Hashable, Iterable, Sequence

import msgspec

from graphad import schema
from graphad.findings import Entity, Evidence, Finding, fullest, is_telling, standing
from graphad.incidents import Known, is_peer, microseconds, rank

REACH = 3  # entities of one type that are shown as where it got to
ENTERS = frozenset({"accept", "receive", "logon"})
_PEERS = frozenset({"address", "socket", "session", "user", "host", "domain"})

# What matters of where it got to; all others come last.
_KINDS = {"socket": 0, "address": 0, "file": 1, "user": 2, "service": 2, "task": 2, "host": 2}


class Node(Entity, kw_only=True):
    """An entity of an incident; `host` is where it lives, empty if it belongs to none."""

    host: str = ""


class Event(msgspec.Struct):
    """One event of an incident, once, however many of its paths it is on.

    src and dst are places in the incident's entities; terms [bits] are those of the best path.
    """

    src: int
    dst: int
    action: str
    ts: str
    host: str
    terms: dict[str, float]
    telling: bool
    paths: int
    evidence: Evidence

    @property
    def bits(self) -> float:
        """Return how surprising it is."""
        return sum(self.terms.values())


class Tag(msgspec.Struct):
    """A technique that an event is an instance of by its own fields; `event` is its place."""

    technique: str
    name: str
    event: int
    count: int = 1  # events of this technique


class Incident(msgspec.Struct):
    """Findings that tell of one thing, as one graph.

    score, z, programs, p_value, severity and alert are those of its best finding. `start` and `end`
    are its first and last telling event. `events` are in time order, what led to these among them;
    `entry` is the place of the entity where it came in, `reach` are places of where it got to.
    `findings` are ids, best first, of which there are `paths`; `merged` are ids of incidents that
    it has taken in; `since` is the commit of the store that first kept it.
    """

    id: str
    severity: str | None
    alert: bool | None
    score: float
    z: float
    p_value: float | None
    start: str
    end: str
    hosts: list[str]
    paths: int
    title: str
    description: str
    entry: int
    reach: list[int]
    tags: list[Tag]
    entities: list[Node]
    events: list[Event]
    rarest: int
    findings: list[str]
    merged: list[str]
    since: int
    programs: int = 1

    @property
    def standing(self) -> float:
        """Return what an incident is ranked by."""
        return standing(self.z, self.programs)


def build(findings: Iterable[Finding], known: Known | None = None) -> Incident:
    """Return the incident of findings that share one; without its description and tags.

    Raises: ValueError: there is no finding.
    """
    ranked = sorted(findings, key=rank)
    if not ranked:
        raise ValueError("an incident has at least one finding")
    best, longest = ranked[0], fullest(ranked)
    entities, events = _graph(ranked)
    telling = [event for event in events if event.telling] or events
    rarest = max(range(len(events)), key=lambda i: (events[i].telling, events[i].bits, -i))
    return Incident(
        id=best.incident,
        severity=best.severity,
        alert=best.alert,
        score=best.score,
        z=best.z,
        p_value=best.p_value,
        start=telling[0].ts,
        end=telling[-1].ts,
        hosts=list(dict.fromkeys(event.host for event in telling)),
        paths=len(ranked),
        title=longest.title,
        description="",
        entry=_entry(entities, events, rarest),
        reach=_reach(entities, events),
        tags=[],
        entities=entities,
        events=events,
        rarest=rarest,
        findings=[finding.id for finding in ranked],
        merged=known.merged if known else [],
        since=known.since if known else 0,
        programs=best.programs,
    )


def event_key(proof: Evidence, src: str, dst: str, action: str) -> tuple[Hashable, ...]:
    """Return what tells an event from all others of an incident."""
    return (proof.source, proof.number, proof.record, src, dst, action)


def _graph(ranked: Sequence[Finding]) -> tuple[list[Node], list[Event]]:
    """Return the entities and events of findings, best first; each event's terms by the first."""
    nodes: dict[str, Node] = {}
    found: dict[Hashable, tuple[Event, str, str]] = {}
    steps: dict[Hashable, int] = {}  # where in its paths an event is: sets those of one time apart
    for finding in ranked:
        for step, (edge, proof) in enumerate(zip(finding.edges, finding.evidence, strict=True)):
            src, dst = finding.entities[edge.src], finding.entities[edge.dst]
            host = edge.host or finding.host  # findings of older stores don't say where
            telling = is_telling(sum(edge.terms.values()), finding.score, len(finding.edges))
            for end in (src, dst):
                home = host if end.type in schema.LOCAL_TYPES else ""
                nodes.setdefault(
                    end.id, Node(end.id, end.type, end.name, end.key, end.detail, host=home)
                )
            key = event_key(proof, src.id, dst.id, edge.action)
            if key not in found:
                event = Event(0, 0, edge.action, edge.ts, host, edge.terms, telling, 0, proof)
                found[key] = event, src.id, dst.id
            steps[key] = max(steps.get(key, 0), step)
            event = found[key][0]
            event.telling |= telling
            event.paths += 1
    order = sorted(
        found,
        key=lambda key: (
            microseconds(found[key][0].ts), steps[key], found[key][0].evidence.source,
            found[key][0].evidence.record, *found[key][1:], found[key][0].action,
        ),
    )  # fmt: skip
    ordered = [found[key] for key in order]
    used = dict.fromkeys(end for _, *ends in ordered for end in ends)
    place = {name: i for i, name in enumerate(used)}
    for event, src_id, dst_id in ordered:
        event.src, event.dst = place[src_id], place[dst_id]
    return [nodes[name] for name in used], [event for event, _, _ in ordered]


def _entry(entities: Sequence[Node], events: Sequence[Event], rarest: int) -> int:
    """Return where an incident came in.

    That is the earliest peer or logon that nothing in the incident flowed to, if from there things
    flowed on, forward in time, to its rarest event; else the earliest source of a telling event
    that no telling event flowed to.
    """
    reached = {event.dst for event in events}
    for event in events:
        peer = entities[event.src]
        network = peer.type in _PEERS and (peer.type != "socket" or is_peer(peer.type, peer.key))
        if (
            event.action in ENTERS and network and event.src not in reached
            and leads_to(events, event.src, rarest)
        ):  # fmt: skip
            return event.src
    telling = [event for event in events if event.telling] or events
    told = {event.dst for event in telling}
    free = [event.src for event in telling if event.src not in told]
    return (free or [event.src for event in telling])[0]


def leads_to(events: Sequence[Event], start: int, goal: int) -> bool:
    """Return whether something could flow from an entity to an event, forward in time."""
    reached = {start}
    for event in events[: goal + 1]:
        if event.src in reached:
            reached.add(event.dst)
            if event is events[goal]:
                return True
    return False


def _reach(entities: Sequence[Node], events: Sequence[Event]) -> list[int]:
    """Return where an incident got to: ends of telling events from which nothing flowed on.

    Addresses before files, accounts and the like, and the rest; of each type the last first, at
    most REACH of them; a process only where there is nothing else.
    """
    last: dict[int, int] = {}
    flowed: dict[int, int] = {}
    for i, event in enumerate(events):
        flowed[event.src] = i
        if event.telling and event.action not in ("bind", "logoff"):
            last[event.dst] = i
    ends = [dst for dst, i in last.items() if flowed.get(dst, -1) <= i]
    ends = ends or list(last)
    outer = [dst for dst in ends if entities[dst].type != "process"] or ends
    outer.sort(key=lambda dst: (_KINDS.get(entities[dst].type, len(_KINDS)), -last[dst]))
    seen: dict[str, int] = {}
    chosen = []
    for dst in outer:
        kind = entities[dst].type
        seen[kind] = seen.get(kind, 0) + 1
        if seen[kind] <= REACH:
            chosen.append(dst)
    return chosen
