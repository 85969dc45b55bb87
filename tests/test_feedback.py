"""Benign marks take their links to 0 bits and nothing else; an undo or expiry brings all back."""

import shutil
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad import feedback
from graphad.detect import MARK
from graphad.detectors.path import PathDetector
from graphad.errors import GraphadError, UnknownName
from graphad.feedback import Coverage, event_link
from graphad.findings import Finding
from graphad.graph import Graph
from graphad.marks import Allow, Link, Mark, Standing
from graphad.workspace import Workspace, open_store
from tests.detectors.test_path import counts_of, graph_of
from tests.marked import hunted
from tests.models.naive_paths import all_paths


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return hunted(tmp_path_factory.mktemp("marked"))


@pytest.fixture
def store(made: Workspace, tmp_path: Path) -> Workspace:
    return open_store(shutil.copytree(made.path, tmp_path / "store"))


def kept(store: Workspace) -> dict[str, bytes]:
    """Return the kept findings, as their bytes; their incidents keep ids while they change."""
    return {
        finding.id: msgspec.json.encode(msgspec.structs.replace(finding, incident=""))
        for finding in store.findings()
    }


def adds_up(finding: Finding) -> None:
    assert sum(finding.terms.values()) == finding.score
    assert sum(sum(edge.terms.values()) for edge in finding.edges) == finding.score
    assert finding.score >= 0


def test_a_finding_tells_the_links_of_its_events(store: Workspace) -> None:
    graph = store.graph()
    links = {event_link(graph, e) for e in range(len(graph))}
    for finding in store.findings():
        assert {feedback.link_of(finding, at) for at in range(len(finding.edges))} <= links


def test_a_benign_mark_takes_telling_links_to_nothing_and_an_undo_brings_all_back(
    store: Workspace,
) -> None:
    before = kept(store)
    top = store.findings()[0]
    telling = {feedback.link_of(top, at) for at in feedback.telling_edges(top)}
    mark = store.mark(top.id, "benign", "a test")
    assert set(mark.links) == telling
    assert kept(store).keys() == before.keys()
    assert [m.id for m in store.finding(top.id).marks] == [mark.id]
    assert store.finding(top.id).score == top.score  # until it is scored again
    found = store.score().findings
    lowered = 0
    for finding in found:
        adds_up(finding)
        for at, edge in enumerate(finding.edges):
            own = sum(bits for name, bits in edge.terms.items() if name != MARK)
            covered = feedback.link_of(finding, at) in telling
            assert edge.terms.get(MARK, 0.0) == (-own if covered else 0.0)
            lowered += covered
        assert bool(finding.marks) == (MARK in finding.terms)
    assert lowered
    assert store.finding(top.id).score < top.score
    store.unmark(mark.id)
    store.score()
    after = kept(store)
    assert {name: after[name] for name in before} == before
    assert [one.state for one in store.marks()] == ["undone"]


def test_a_mark_of_an_incident_covers_all_its_findings(store: Workspace) -> None:
    top = store.findings()[0]
    group = [f for f in store.findings() if f.incident == top.incident]
    assert len(group) > 1
    mark = store.mark(top.incident, "benign", "all of it", scope="fleet")
    assert set(mark.links) == set(feedback.telling_links(group, fleet=True))
    assert {link.host for link in mark.links} == {None}
    store.score()
    own = sum(f.score for f in group)
    assert sum(store.finding(f.id).score for f in group) < own / 2


def test_a_mark_counts_until_it_expires(store: Workspace) -> None:
    before = {f.id: (f.score, f.z, f.terms) for f in store.findings()}
    top = store.findings()[0]
    store.mark(top.id, "benign", "this week", until="2030-01-08", now="2030-01-01")
    store.score(now="2030-01-07T23:59:59Z")
    assert store.finding(top.id).score < top.score
    store.score(now="2030-01-08")
    after = {f.id: (f.score, f.z, f.terms) for f in store.findings()}
    assert {name: after[name] for name in before} == before
    assert [one.state for one in store.marks("2030-01-08")] == ["expired"]


def test_findings_that_are_no_longer_found_are_lowered_too(store: Workspace) -> None:
    before = kept(store)
    top = store.findings()[0]
    mark = store.mark(top.id, "benign", "x")
    first = min(s.start for s in store.sources if s.start is not None)
    store.score(start=first, end=first + 60_000_000)  # the finding is later
    found = store.finding(top.id)
    adds_up(found)
    assert found.score < top.score
    detector, _, _ = store.model(found.model)
    assert found.z == detector.z(len(found.edges), np.array([found.score]))[0]
    store.unmark(mark.id)
    scored = {f.id for f in store.score(start=first, end=first + 60_000_000).findings}
    after = kept(store)
    assert top.id not in scored
    others = before.keys() - scored
    assert {name: after[name] for name in others} == {name: before[name] for name in others}


def test_a_lowered_finding_has_the_telling_links_it_had(store: Workspace) -> None:
    for top in store.findings():
        first = store.mark(top.id, "benign", "x")
        store.score()
        again = store.mark(top.id, "malicious", "no")
        assert again.links == first.links
        for one in (first, again):
            store.unmark(one.id)


def test_malicious_lowers_nothing_and_is_stronger_than_benign(store: Workspace) -> None:
    before = {f.id: f.score for f in store.findings()}
    top = store.findings()[0]
    bad = store.mark(top.id, "malicious", "an attack")
    assert set(store.marked_malicious()) == set(bad.links)
    store.mark(top.id, "benign", "no, a test")
    rule = store.allow("* /*", "*", "* *", "all is fine")
    assert all(rule.covers(link) for link in bad.links)
    store.score()
    assert store.finding(top.id).score >= sum(
        feedback._own_bits(top, at) for at in feedback.telling_edges(top)
    )
    assert bad.id in [m.id for m in store.finding(top.id).marks]
    for one in store.marks():
        store.unmark(one.id)
    assert not store.marked_malicious()
    store.score()
    after = {f.id: f.score for f in store.findings()}
    assert {name: after[name] for name in before} == before


def test_an_allow_rule_lowers_what_it_matches(store: Workspace) -> None:
    rule = store.allow("process /bin/evil", "write", "file /data/*", "fine", host="h")
    assert store.allowed(rule) == (
        1, [Link("process", "/bin/evil", "write", "file", "/data/loot", host="h")],
    )  # fmt: skip
    hit = 0
    for finding in store.score().findings:
        adds_up(finding)
        for at, edge in enumerate(finding.edges):
            link = feedback.link_of(finding, at)
            covered = (link.src, link.action) == ("/bin/evil", "write")
            assert (MARK in edge.terms) == covered
            hit += covered
    assert hit
    assert store.allowed(store.allow("* *", "*", "file /none", "x", host="other")) == (0, [])


def test_what_cannot_be_meant_is_refused_and_writes_nothing(store: Workspace) -> None:
    top = store.findings()[0].id
    with pytest.raises(UnknownName, match="is the beginning of"):
        store.mark("path-", "benign", "x")
    with pytest.raises(UnknownName, match="finding or incident"):
        store.mark("path-x", "benign", "x")
    with pytest.raises(GraphadError, match="passed"):
        store.mark(top, "benign", "x", until="2001-01-01")
    with pytest.raises(GraphadError, match="reason"):
        store.mark(top, "benign", " ")
    with pytest.raises(GraphadError, match="everything"):
        store.allow("process *", "read", "* **", "x")
    with pytest.raises(UnknownName, match="action"):
        store.allow("process *", "reed", "file /a", "x")
    with pytest.raises(UnknownName, match="mark"):
        store.unmark("mark-1")
    assert store.journal() == (0, 0)
    mark = store.mark(top, "benign", "x")
    store.unmark(mark.id)
    with pytest.raises(GraphadError, match="already"):
        store.unmark(mark.id)
    assert store.journal() == (2, 0)


def coverage(links: list[tuple[str, Link]], rules: list[Allow]) -> Coverage:
    entries: list[Mark | Allow] = [
        Mark(f"mark-{i}", i, verdict, "path-1", "host", "x", [link])  # type: ignore[arg-type]
        for i, (verdict, link) in enumerate(links)
    ]
    return Coverage([Standing(entry, None, False) for entry in [*entries, *rules]])


EVENTS = st.lists(
    st.tuples(st.sampled_from(["Pa", "Pb", "Fa", "Fb", "Sa"]),
              st.sampled_from(["Pa", "Pb", "Fa", "Fc", "Sa"]), st.integers(0, 9)),
    min_size=1, max_size=12,
)  # fmt: skip
VERDICTS = st.sampled_from(["benign", "benign", "malicious"])


def drawn(data: st.DataObject) -> tuple[Graph, Coverage]:
    """Return a small graph on two hosts, and marks and rules of which some cover its events."""
    events = data.draw(EVENTS)
    size = len(events)
    actions = data.draw(st.lists(st.sampled_from(["read", "launch"]), min_size=size, max_size=size))
    graph = graph_of(events, actions)
    hosts = data.draw(st.lists(st.sampled_from(["h", "g"]), min_size=size, max_size=size))
    shapes = data.draw(
        st.lists(st.sampled_from([None, "", "a"]), min_size=len(graph.ids),
                 max_size=len(graph.ids))
    )  # fmt: skip
    graph = replace(graph, host=np.array(hosts, object), shapes=np.array(shapes, object))
    links = []
    for e, verdict, fleet in data.draw(
        st.lists(st.tuples(st.integers(0, size - 1), VERDICTS, st.booleans()), max_size=3)
    ):
        link = event_link(graph, e)
        links.append((verdict, replace_host(link, None) if fleet else link))
    patterns = st.tuples(
        st.sampled_from(["*", "process"]), st.sampled_from(["P*", "*a", "x"]),
        st.sampled_from(["*", "F*"]), st.sampled_from([None, "g"]),
    )  # fmt: skip
    rules = [
        Allow(f"allow-{i}", i, kind, src, "*", "*", dst, "x", host)
        for i, (kind, src, dst, host) in enumerate(data.draw(st.lists(patterns, max_size=2)))
    ]
    return graph, coverage(links, rules)


def replace_host(link: Link, host: str | None) -> Link:
    return Link(link.src_type, link.src, link.action, link.dst_type, link.dst, link.shape, host)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_covered_events_are_those_whose_links_are(data: st.DataObject) -> None:
    graph, what = drawn(data)
    wanted = []
    for e in range(len(graph)):
        link = event_link(graph, e)
        entries = [one.entry for one in what.active]
        said = [
            entry.verdict for entry in entries if isinstance(entry, Mark)
            for held in entry.links if held in (link, replace_host(link, None))
        ]  # fmt: skip
        rules = [entry for entry in entries if isinstance(entry, Allow) and entry.covers(link)]
        wanted.append("malicious" not in said and bool(rules or said))
    found = what.events(graph)
    assert wanted == ([False] * len(graph) if found is None else found.tolist())


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_the_search_is_exact_with_lowered_links(data: st.DataObject) -> None:
    graph, what = drawn(data)
    detector = PathDetector(mode="paper", max_length=3).fit(counts_of(graph), [])
    plain = detector.event_terms(graph).sum(axis=1)
    covered = what.events(graph)
    cost = plain if covered is None else np.where(covered, 0.0, plain)
    _, _, mask = detector.edges(graph)
    found = detector.score(graph, covered=covered)
    assert np.array_equal(found.terms.sum(axis=(1, 2)), found.score)
    for length in (1, 2, 3):
        every = [
            sum(cost[e] for e in path)
            for path in all_paths(graph.src.tolist(), graph.dst.tolist(), graph.ts.tolist(),
                                  length, mask=mask.tolist())
        ]  # fmt: skip
        scores = found.score[found.length == length]
        assert max(scores, default=None) == max(every, default=None)


def test_a_hint_does_not_list_hundreds_of_names() -> None:
    few = UnknownName.among("finding", "x", ["one", "two"])
    assert str(few).endswith("There are: one, two.")
    many = UnknownName.among("finding", "x", [f"path-{i:04}" for i in range(300)])
    assert str(many).endswith("path-0011 and 288 more.")
