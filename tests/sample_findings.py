"""Findings made up for tests of incidents."""

from collections.abc import Sequence

from hypothesis import strategies as st

from graphad.findings import Edge, Entity, Evidence, Finding
from graphad.judge import rfc3339
from graphad.schema import ENTITY_TYPES

START = 1_772_445_600_000_000  # 2026-03-02 10:00:00 UTC
SECOND = 1_000_000
# name, action, name, bits, seconds past START, and record if two events are of one
Step = tuple[str, str, str, float, float] | tuple[str, str, str, float, float, int]


def entity(name: str) -> Entity:
    """Return the entity of a name `type key`; a process if it begins with no type."""
    kind, _, key = name.partition(" ")
    return (
        Entity(name, kind, key, key)
        if kind in ENTITY_TYPES
        else Entity(name, "process", name, name)
    )


def finding(name: str, *steps: Step, host: str = "h", **more: float) -> Finding:
    """Return a finding of steps, each from where the one before it ended."""
    names = [steps[0][0], *(step[2] for step in steps)]
    assert all(step[0] == before for step, before in zip(steps, names, strict=False))
    edges = [
        Edge(i, i + 1, s[1], rfc3339(START + round(s[4] * SECOND)), {"odd": s[3]}, host)
        for i, s in enumerate(steps)
    ]
    proofs = [Evidence("a.log", s[5] if len(s) > 5 else _record(s), 1, f"{s[:3]}") for s in steps]
    bits = sum(step[3] for step in steps)
    return Finding(
        id=f"path-{name}", detector="path", unit="path", score=bits, z=more.get("z", bits),
        p_value=None, severity=None, alert=None, host=host, start=edges[0].ts, end=edges[-1].ts,
        count=1, title=" ".join(names), entities=[entity(n) for n in names], edges=edges,
        terms={"odd": bits}, evidence=proofs, model="m",
    )  # fmt: skip


def _record(step: Step) -> int:
    """Return a record of a step's own."""
    text = "\0".join(map(str, step))
    found: int = sum(ord(letter) * 31**i for i, letter in enumerate(text)) % 10**12
    return found


NAMES = (
    "a.exe", "b.exe", "c.exe", "hub.exe", "file x", "file y", "socket 10.0.0.5:445",
    "socket unix:/run/bus", "session 0x1", "address 192.0.2.7", "host srv",
)  # fmt: skip
ACTIONS = ("launch", "fork", "exec", "write", "read", "connect", "accept", "logon", "start")
TIMES = (0, 30, 59, 61, 125, 3599, 3601, 7200, 86_400, 90_000, 180_000)


@st.composite
def paths(draw: st.DrawFn) -> list[Finding]:
    """Draw findings over few entities, times and records, with ids of their own."""
    found = []
    for number in range(draw(st.integers(1, 9))):
        length = draw(st.integers(1, 4))
        names = draw(st.lists(st.sampled_from(NAMES), min_size=length + 1, max_size=length + 1))
        times = sorted(draw(st.lists(st.sampled_from(TIMES), min_size=length, max_size=length)))
        steps: list[Step] = [
            (
                names[i], draw(st.sampled_from(ACTIONS)), names[i + 1],
                draw(st.sampled_from((1.0, 5.0, 20.0))), times[i], draw(st.integers(1, 400)),
            )
            for i in range(length)
        ]  # fmt: skip
        host = draw(st.sampled_from(("ws1.corp.example", "ws2.corp.example")))
        z = draw(st.sampled_from((1.0, 2.0, 3.0)))
        found.append(finding(f"{number:02d}", *steps, host=host, z=z))
    return found


def partition(findings: Sequence[Finding]) -> set[frozenset[str]]:
    """Return which findings share an incident."""
    groups: dict[str, set[str]] = {}
    for one in findings:
        groups.setdefault(one.incident, set()).add(one.id)
    return {frozenset(group) for group in groups.values()}
