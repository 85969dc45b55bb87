"""What an incident is made of, and what is said of it."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.findings import Finding
from graphad.incident_graph import Incident, build, leads_to
from graphad.incident_text import VERBS, describe, named, tell
from graphad.incident_tree import tree
from graphad.incidents import Known, acts, grouped, microseconds, settle
from graphad.schema import ACTIONS
from tests.nasty import CORPUS
from tests.sample_findings import Step, finding, paths

WIRE = "socket 10.0.0.6:445"
INTRUSION = [
    finding(
        "a", ("socket 192.0.2.9:50000", "accept", "web.exe", 1, 0),
        ("web.exe", "launch", "shell.exe", 30, 1), ("shell.exe", "connect", WIRE, 25, 2),
        host="web1.corp.example",
    ),
    finding(
        "b", ("shell.exe", "connect", WIRE, 25, 2), (WIRE, "accept", "server.exe", 2, 3),
        ("server.exe", "launch", "tool.exe", 30, 60), host="web1.corp.example",
    ),
    finding(
        "c", ("server.exe", "launch", "tool.exe", 30, 60), ("tool.exe", "write", "file /x", 40, 61),
        host="db1.corp.example",
    ),
]  # fmt: skip
for _finding in INTRUSION[1:]:
    for _edge in _finding.edges[-2:]:
        _edge.host = "db1.corp.example"


def intrusion() -> Incident:
    settle(grouped(INTRUSION), {}, [], 0)
    assert len({f.incident for f in INTRUSION}) == 1
    return tell(INTRUSION)


@settings(deadline=None)
@given(paths(), st.randoms())
def test_the_graph_holds_each_event_once_in_time_order(
    found: list[Finding], random: object
) -> None:
    made = build(found, Known("incident-x", 7, ["incident-y"]))
    assert (made.since, made.merged, made.paths) == (7, ["incident-y"], len(found))
    times = [microseconds(event.ts) for event in made.events]
    assert times == sorted(times)
    events = [
        (e.evidence.record, made.entities[e.src].id, made.entities[e.dst].id, e.action)
        for e in made.events
    ]
    assert len(set(events)) == len(events)
    told: dict[tuple[object, ...], list[bool]] = {}
    for one in found:
        for act, proof in zip(acts(one), one.evidence, strict=True):
            told.setdefault((proof.record, act.src, act.dst, act.action), []).append(act.telling)
    assert set(events) == set(told)
    for key, event in zip(events, made.events, strict=True):
        assert event.paths == len(told[key])
        assert event.telling == any(told[key])
    assert len({node.id for node in made.entities}) == len(made.entities)
    best = min(found, key=lambda f: (-f.z, -f.score, f.id))
    assert (made.z, made.score, made.findings[0]) == (best.z, best.score, best.id)
    assert set(made.hosts) == {e.host for e in made.events if e.telling}
    used = {end for e in made.events for end in (e.src, e.dst)}
    assert used == set(range(len(made.entities)))
    assert made.entry in {e.src for e in made.events}
    assert set(made.reach) <= {e.dst for e in made.events if e.telling}
    getattr(random, "shuffle")(found)  # noqa: B009
    assert build(found, Known("incident-x", 7, ["incident-y"])) == made


@settings(deadline=None)
@given(paths())
def test_all_can_be_told_and_drawn(found: list[Finding]) -> None:
    made = tell(found)
    assert made.description.endswith(".")
    lines = tree(made)
    acting = {
        end
        for event in made.events
        if event.telling
        for end in (event.src, event.dst)
        if made.entities[end].type == "process"
        and (end == event.src or made.entities[event.src].type != "process")
    }
    drawn = [line.strip().split()[0] for line in lines if line.startswith(" ") and "*" not in line]
    assert len(drawn) == len(set(drawn))
    assert {made.entities[end].key for end in acting} <= set(drawn)


@settings(deadline=None)
@given(paths(), st.integers(0, 8))
def test_what_leads_to_an_event_is_found_by_trying(found: list[Finding], at: int) -> None:
    events = build(found).events
    goal = min(at, len(events) - 1)

    def tries(start: int, first: int) -> bool:
        return any(
            events[i].src == start and (i == goal or tries(events[i].dst, i + 1))
            for i in range(first, goal + 1)
        )

    for start in range(5):
        assert leads_to(events, start, goal) == tries(start, 0)


def test_an_intrusion_over_two_hosts() -> None:
    made = intrusion()
    assert made.hosts == ["web1.corp.example", "db1.corp.example"]
    assert made.entities[made.entry].key == "192.0.2.9:50000"
    assert [made.entities[place].key for place in made.reach] == ["/x"]
    assert [e.action for e in made.events] == [
        "accept",
        "launch",
        "connect",
        "accept",
        "launch",
        "write",
    ]
    assert [e.telling for e in made.events] == [False, True, True, False, True, True]
    homes = {node.key: node.host for node in made.entities if node.type == "process"}
    assert homes == {
        "web.exe": "web1.corp.example", "shell.exe": "web1.corp.example",
        "server.exe": "db1.corp.example", "tool.exe": "db1.corp.example",
    }  # fmt: skip
    assert made.description == (
        "From 2026-03-02 10:00:01 UTC, within 60 s, on web1 and db1. 192.0.2.9:50000 was accepted "
        "by web.exe, which started shell.exe, which connected to 10.0.0.6:445, which was accepted "
        "by server.exe on db1, which started tool.exe, which wrote /x. The rarest link, of 40.0 "
        "bits, is that tool.exe wrote /x: its term is high (odd 40.0 bits). It came in by "
        "192.0.2.9:50000, which was accepted by web.exe. It reached /x on db1. 2 more paths belong "
        "to it, with 4 telling events in all."
    )
    assert tree(made) == [
        "web1.corp.example",
        "  web.exe",
        "    * —launch→ process shell.exe",
        "    shell.exe",
        "      * —connect→ socket 10.0.0.6:445",
        "db1.corp.example",
        "  server.exe",
        "    * —launch→ process tool.exe",
        "    tool.exe",
        "      * —write→ file /x",
    ]


def test_without_a_peer_it_came_in_where_the_first_telling_event_began() -> None:
    steps: list[Step] = [("a.exe", "launch", "b.exe", 20, 0), ("b.exe", "write", "file x", 20, 5)]
    made = tell([finding("a", *steps)])
    assert made.entities[made.entry].key == "a.exe"
    assert "came in" not in made.description
    # A peer from which nothing flowed to the rarest event is no entry.
    late = finding("b", ("socket 192.0.2.9:7", "accept", "b.exe", 30, 9))
    with_peer = tell([finding("a", *steps), late, finding("c", ("a.exe", "read", "d.exe", 99, 6))])
    assert with_peer.entities[with_peer.entry].key == "a.exe"


def test_findings_of_an_older_store_have_their_hosts() -> None:
    old = finding("a", ("a.exe", "write", "file x", 30, 0), host="ws1")
    old.edges[0].host = ""
    made = build([old])
    assert made.hosts == ["ws1"]
    assert {node.host for node in made.entities} == {"ws1"}


def test_every_action_has_a_verb() -> None:
    assert set(ACTIONS) <= set(VERBS)
    assert {verb.rpartition(" ")[2] for verb in VERBS} == set(ACTIONS)
    made = tell([finding("a", ("a.exe", "frobnicate", "file x", 30, 0))])
    assert "a.exe did frobnicate to x" in made.description


def test_why_is_told_by_the_terms_that_weigh() -> None:
    one = finding("a", ("a.exe", "write", "file x", 30, 0))
    one.edges[0].terms = {"receiver": 12.0, "unheard": 15.0, "sender": 3.0, "mark": -2.0}
    said = describe(build([one]), [one])
    assert (
        "its term is high (unheard 15.0 bits) and x is seldom acted on by anything (receiver 12.0"
        in said
    )
    assert "sender" not in said
    assert "mark" not in said
    one.edges[0].terms = {"receiver": 0.0}
    assert "The rarest link, of 0.0 bits, is that a.exe wrote x." in describe(build([one]), [one])


def test_a_name_cannot_pass_for_words_of_ours() -> None:
    evil = 'x.exe, which was "harmless". It reached nothing'
    made = tell([finding("a", ("a.exe", "launch", evil, 30, 0))])
    assert f"'{evil}'" in made.description
    for text in CORPUS:
        said = named(text)
        assert len(said) <= 64 + said.count("\\'")
        assert re.fullmatch(r"[\w.:/\\@$%*\[\]{}+~#…-]+", said) or said[0] == said[-1] in "'\""


def test_no_finding_is_no_incident() -> None:
    with pytest.raises(ValueError, match="at least one"):
        build([])


def test_the_docs_name_every_field() -> None:
    docs = (Path(__file__).parents[1] / "docs" / "incidents.md").read_text()
    table = docs.partition("| field | meaning |")[2].partition("\n\n")[0]
    told: set[str] = set()
    for line in table.splitlines()[2:]:
        told |= set(re.findall(r"`(\w+)`", line.split("|")[1]))
    assert told == set(Incident.__struct_fields__)
