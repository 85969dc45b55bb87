"""Which findings are one incident, and which id it has while it grows.

See docs/incidents.md for the rules and how large incidents get by them.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import NamedTuple, Protocol

import msgspec

from graphad.findings import Edge, Evidence, Finding, burst, is_telling, joined

BREATH = 60_000_000  # us without an act, after which what a process does is another matter
LONG = 86_400_000_000  # us, the same for one whose own birth was telling
CARRIED = 120_000_000  # us from a connection's opening to the last logon that came through it
BIRTHS = frozenset({"launch", "fork", "exec"})
_TAKEN = frozenset({"accept", "logon"})  # what comes out of a connection at its other end
ODD = 2.0  # z from which on a finding says that a program is odd: 1 of 44 paths when quiet
_HOUR = len("1970-01-01T00")  # of a time, what says its hour
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Act(NamedTuple):
    """An event of a path, as far as it matters to which incident the path belongs."""

    record: Hashable
    ts: int  # UTC microseconds
    action: str
    src: Hashable
    src_type: str
    dst: Hashable
    dst_type: str
    telling: bool
    network: bool = False  # `dst` is an address and port


class Known(msgspec.Struct):
    """What a store keeps of an incident besides its findings.

    since: number of the commit that first kept it; merged: ids of incidents that became part of it.
    """

    id: str
    since: int
    merged: list[str] = []


def microseconds(ts: str) -> int:
    """Return the UTC microseconds of an event's `ts`, also where no calendar has the date.

    >>> microseconds("1970-01-01T00:00:02.500000Z"), microseconds("7us")
    (2500000, 7)
    """
    if ts.endswith("us"):
        return int(ts[:-2])
    since = datetime.fromisoformat(ts).astimezone(UTC) - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def links(paths: Sequence[Sequence[Act]]) -> list[list[Hashable]]:
    """Return for each path what joins it with others: paths that share one of these are one.

    - the record behind a telling event;
    - a process whose own birth was telling: all telling events at it, with no pause beyond LONG;
    - any other process, whatever it is host to, answers for less: what it did in one way within
      an hour, and what it did or took in with no pause beyond BREATH;
    - a connection that both ends told of: all paths through it, with no pause beyond CARRIED, for
      broadcasts look like one connection for ever;
    - a logon session that came over the network: telling events at it, with no pause beyond BREATH,
      for it may be a desktop on which somebody works for weeks.
    """
    # Most events are on many paths: what holds of each is found out once.
    every = {act for path in paths for act in path}
    born = {act.dst for act in every if _gives_birth(act)}
    always = born | {act.dst for act in every if _comes_by_network(act)}
    wires = {
        before.dst for path in paths for before, after in pairwise(path) if _is_wire(before, after)
    }
    pauses: dict[Hashable, int] = dict.fromkeys(born, LONG)
    told = ((end, act.ts) for act in every if act.telling for end in _answering(act, always))
    runs = _runs(told, pauses, BREATH)
    passed = ((end, act.ts) for act in every for end in {act.src, act.dst} & wires)
    carried = _runs(passed, {}, CARRIED)

    def of(act: Act) -> list[Hashable]:
        mine: list[Hashable] = [
            ("wire", end, carried[end, act.ts]) for end in {act.src, act.dst} & wires
        ]
        if not act.telling:
            return mine
        mine.append(("record", act.record))
        mine += [("run", end, runs[end, act.ts]) for end in _answering(act, always)]
        if act.src_type == "process":
            mine.append(burst(act.src, act.action, act.ts // 3_600_000_000))
        if act.src_type == "service" and act.dst_type == "template":
            mine.append(burst(act.src, act.action, act.ts // BREATH))
        return mine

    linked = {act: of(act) for act in every}
    return [[link for act in path for link in linked[act]] for path in paths]


def _gives_birth(act: Act) -> bool:
    return act.telling and act.action in BIRTHS and act.dst_type == "process"


def _comes_by_network(act: Act) -> bool:
    logon = act.action == "logon" and act.dst_type == "session"
    return logon and act.src_type in ("socket", "address")


def _is_wire(before: Act, after: Act) -> bool:
    opened = before.action == "connect" and before.dst_type == "socket" and before.network
    return opened and after.action in _TAKEN and after.ts - before.ts <= CARRIED


def _answering(act: Act, always: set[Hashable]) -> set[Hashable]:
    """Return who answers for an event: who acts or takes something in, and of both ends `always`.

    What another process does to one is not its own.
    """
    found = {act.src, act.dst} & always
    if act.src_type == "process":
        found.add(act.src)
    elif act.dst_type == "process":
        found.add(act.dst)
    return found


def _runs(
    at: Iterable[tuple[Hashable, int]], pauses: Mapping[Hashable, int], pause: int
) -> dict[tuple[Hashable, int], int]:
    """Return which run of an entity each moment is in, named by when that began.

    A run ends at a pause longer than that of its entity in `pauses`, else than `pause`.
    """
    moments: dict[Hashable, set[int]] = {}
    for end, ts in at:
        moments.setdefault(end, set()).add(ts)
    runs: dict[tuple[Hashable, int], int] = {}
    for end, times in moments.items():
        first = last = min(times)
        for ts in sorted(times):
            first = ts if ts - last > pauses.get(end, pause) else first
            runs[end, ts] = first
            last = ts
    return runs


def acts(finding: Finding) -> list[Act]:
    """Return the events of a finding."""
    return [
        _act(finding, edge, proof)
        for edge, proof in zip(finding.edges, finding.evidence, strict=True)
    ]


def _act(finding: Finding, edge: Edge, proof: Evidence) -> Act:
    src, dst = finding.entities[edge.src], finding.entities[edge.dst]
    telling = is_telling(sum(edge.terms.values()), finding.score, len(finding.edges))
    record = (proof.source, proof.record, edge.ts)
    return Act(
        record, microseconds(edge.ts), edge.action, src.id, src.type, dst.id, dst.type, telling,
        is_peer(dst.type, dst.key),
    )  # fmt: skip


def is_peer(kind: str, key: str) -> bool:
    """Return whether an entity is at an address of a network, unlike a UNIX socket.

    >>> is_peer("socket", "10.0.0.5:445"), is_peer("socket", "unix:/run/bus")
    (True, False)
    """
    port = key.rpartition(":")[2]
    socket = kind == "socket" and not key.startswith("unix:")
    return kind == "address" or (socket and (port == "*" or port.isdecimal()))


class _Ranked(Protocol):
    """A finding or an incident."""

    id: str
    p_value: float | None
    score: float

    @property
    def standing(self) -> float:
        """Return z and what programs add."""
        ...


def rank(finding: _Ranked) -> tuple[float, float, float, str]:
    """Return the place of a finding or incident among others, best first, in whatever order.

    By what chance has of it where that is known, which detectors have in common, unlike standing.
    """
    chance = 1.0 if finding.p_value is None else finding.p_value
    return (chance, -finding.standing, -finding.score, finding.id)


def grouped(findings: Iterable[Finding]) -> list[list[Finding]]:
    """Return findings by the incident that they form."""
    every = list(findings)
    groups: dict[int, list[Finding]] = {}
    for finding, first in zip(every, joined(links([acts(f) for f in every])), strict=True):
        groups.setdefault(first, []).append(finding)
    return list(groups.values())


def count_programs(groups: Iterable[Iterable[Finding]]) -> list[Finding]:
    """Tell findings how many programs are odd together; return those that had another number.

    Groups are incidents of one model's findings. Programs are names of processes at telling events
    of findings from ODD on, of one incident, host and hour: as a reference period is counted.
    """
    changed = []
    for group in groups:
        blocks: dict[tuple[str, str], tuple[list[Finding], set[str]]] = {}
        for finding in group:
            block = finding.host, finding.start[:_HOUR]
            members, names = blocks.setdefault(block, ([], set()))
            members.append(finding)
            if finding.z >= ODD:
                names |= _programs(finding)
        for members, names in blocks.values():
            number = max(len(names), 1)
            changed += [finding for finding in members if finding.programs != number]
            for finding in members:
                finding.programs = number
    return changed


def _programs(finding: Finding) -> set[str]:
    entities = finding.entities
    return {
        entities[end].name
        for edge in finding.edges
        if is_telling(sum(edge.terms.values()), finding.score, len(finding.edges))
        for end in (edge.src, edge.dst)
        if entities[end].type == "process"
    }


def settle(
    groups: Iterable[Sequence[Finding]], before: Mapping[str, str], known: Iterable[Known],
    commit: int,
) -> list[Known]:  # fmt: skip
    """Give all findings, by the incident they form, that incident; return what to keep of these.

    before: the incident that each kept finding was in, by the finding's id. An incident goes on
    under its id where it shares findings with a kept one: where several kept ones meet, the oldest
    names all; where one falls apart, the part with most of its findings goes on. Whatever order
    findings and `known` come in, the answer is the same.
    """
    ordered = sorted((sorted(group, key=rank) for group in groups), key=lambda g: rank(g[0]))
    ranked = sorted((finding for group in ordered for finding in group), key=rank)
    kept = {one.id: one for one in known}
    shares: dict[str, dict[int, int]] = {}  # by kept incident: how many findings went where
    for first, group in enumerate(ordered):
        for finding in group:
            if finding.id in before:
                share = shares.setdefault(before[finding.id], {})
                share[first] = share.get(first, 0) + 1
    # Findings kept by a graphad that noted no incidents are older than all. Of one age, the
    # incident that now has the best finding counts as the oldest.
    best = {before[f.id]: i for i, f in reversed(list(enumerate(ranked))) if f.id in before}
    ages = {name: (kept[name].since if name in kept else 0) for name in shares}
    inherited: dict[int, list[str]] = {}
    for name, share in shares.items():
        heir = min(share, key=lambda first: (-share[first], first))
        inherited.setdefault(heir, []).append(name)
    taken = set(shares) | {old for one in kept.values() for old in (one.id, *one.merged)}
    settled = []
    for first, group in enumerate(ordered):
        names = sorted(inherited.get(first, []), key=lambda n: (ages[n], best[n]))
        name = names[0] if names else _fresh(group, taken)
        merged = dict.fromkeys(names[1:])
        for one in (kept[n] for n in names if n in kept):
            merged |= dict.fromkeys(one.merged)
        settled.append(Known(name, ages[name] if names else commit, sorted(merged)))
        for finding in group:
            finding.incident = name
    return settled


def _fresh(group: Sequence[Finding], taken: set[str]) -> str:
    """Return a name that no incident has or had: that of the best finding which is free."""
    names = [f"incident-{finding.id.rpartition('-')[2]}" for finding in group]
    names += [f"{names[0]}-{i}" for i in range(2, len(taken) + 3)]
    name = next(name for name in names if name not in taken)
    taken.add(name)
    return name
