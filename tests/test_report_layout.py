"""Where entities stand, and which of them are drawn, against what is said of it, checked slowly."""

from collections import defaultdict
from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.findings import Finding
from graphad.incident_graph import Incident, build
from graphad.report.drawing import ALIKE, MOST, Drawing, brief, draw
from graphad.report.layout import place
from tests.sample_findings import Step, finding, paths

ENTITIES = 8


@st.composite
def graphs(draw_: st.DrawFn) -> tuple[list[tuple[int, int]], list[str], list[bool]]:
    ends = draw_(
        st.lists(st.tuples(*[st.integers(0, ENTITIES - 1)] * 2), max_size=16), label="ends"
    )
    bands = draw_(st.lists(st.sampled_from(["", "a", "b"]), min_size=ENTITIES, max_size=ENTITIES))
    return ends, bands, [draw_(st.booleans()) for _ in ends]


@given(graphs())
@settings(max_examples=150)
def test_places_are_as_the_events_were_first_seen(
    graph: tuple[list[tuple[int, int]], list[str], list[bool]],
) -> None:
    ends, bands, telling = graph
    found = place(ends, bands, telling)
    assert len(set(found)) == len(found) == ENTITIES, "no two share a place"
    assert min(at.column for at in found) == min(at.lane for at in found) == 0
    seen: set[int] = set()
    band = dict(enumerate(bands))
    for src, dst in ends:
        fresh = {src, dst} - seen
        if fresh and src != dst:
            assert found[dst].column == found[src].column + 1
            for new, known in ((src, dst), (dst, src)):
                if new in fresh:
                    band[new] = band[new] or band[known]
        if len(fresh) == 1 and src != dst and band[src] == band[dst]:
            (new,) = fresh
            old = src if new == dst else dst
            assert found[new].lane >= found[old].lane, "nobody stands above who led to them"
        seen |= fresh
    lanes = defaultdict(set)
    for entity in seen:
        lanes[band[entity]].add(found[entity].lane)
    for one, other in combinations(lanes, 2):
        apart = max(lanes[one]) < min(lanes[other]) or max(lanes[other]) < min(lanes[one])
        assert apart, "lanes of one host have none of another between them"


def test_a_chain_is_straight_and_a_telling_child_is_in_its_lane() -> None:
    chain = [(i, i + 1) for i in range(6)]
    assert {at.lane for at in place(chain, ["h"] * 7, [False] * 6)} == {0}
    first, second = place([(0, 1), (0, 2)], ["h"] * 3, [False, True])[1:]
    assert (first.lane, second.lane) == (1, 0)


def test_ten_thousand_in_a_row_need_no_deep_stack() -> None:
    ends = [(i, i + 1) for i in range(10_000)]
    assert place(ends, ["h"] * 10_001, [False] * 10_000)[-1] == (10_000, 0)


def check(incident: Incident, drawing: Drawing) -> None:
    """Check a drawing by its incident alone."""
    stands = {node.entity for node in drawing.nodes if node.entity >= 0}
    assert len(stands) == sum(node.entity >= 0 for node in drawing.nodes)
    assert len({(node.x, node.y) for node in drawing.nodes}) == len(drawing.nodes)
    drawn = [number for line in drawing.lines for number in line.events]
    assert len(drawn) == len(set(drawn)), "an event is drawn once"
    for line in drawing.lines:
        events = [incident.events[number] for number in line.events]
        assert {event.action for event in events} == {line.action}
        assert line.telling == any(event.telling for event in events)
        assert line.bits == max(event.bits for event in events)
        for event in events:
            for end, at in ((event.src, line.src), (event.dst, line.dst)):
                node = drawing.nodes[at]
                assert node.entity in (end, -1)
                assert node.type == incident.entities[end].type
    if not drawing.left_out:
        assert sorted(drawn) == list(range(len(incident.events))), "and every event is"
        shown = sum(node.more or 1 for node in drawing.nodes)
        assert shown == len(incident.entities)


@given(paths())
@settings(max_examples=60)
def test_every_event_is_drawn_between_what_stands_for_its_ends(found: list[Finding]) -> None:
    incident = build(found)
    check(incident, draw(incident))


def fan(count: int, bits: float = 9.0) -> Incident:
    steps: list[list[Step]] = [
        [("a.exe", "launch", "b.exe", 9.0, 0.0, 1),
         ("b.exe", "write", f"file /tmp/{i}", bits + i / 1000, 1.0 + i, 2 + i)]
        for i in range(count)
    ]  # fmt: skip
    return build([finding(f"{i:04d}", *one) for i, one in enumerate(steps)])


def test_alike_files_are_drawn_as_one_but_the_most_surprising() -> None:
    incident = fan(30)
    drawing = draw(incident)
    check(incident, drawing)
    files = [node for node in drawing.nodes if node.type == "file"]
    assert len(files) == ALIKE
    assert [node.more for node in files if node.more] == [30 - ALIKE + 1]
    named = {incident.entities[node.entity].key for node in files if node.entity >= 0}
    assert named == {"/tmp/27", "/tmp/28", "/tmp/29"}
    assert "27 files" in [node.label for node in files]


def test_who_started_whom_is_laid_before_what_was_read() -> None:
    launch: Step = ("python3", "launch", "sh", 9.0, 2.0, 2)
    incident = build(
        [
            finding("1", ("file /bin/sh", "read", "python3", 1.0, 0.0, 1), launch),
            finding("2", ("file /bin/sh", "exec", "sh", 9.0, 1.0, 3)),  # noted before the launch
        ]
    )
    drawing = draw(incident)
    check(incident, drawing)
    at = {node.label: node for node in drawing.nodes}
    assert at["python3"].x < at["sh"].x
    assert at["python3"].y == at["sh"].y


def test_what_stands_to_the_left_is_beside_what_stands_to_the_right() -> None:
    ends = [(0, i) for i in range(1, 6)] + [(i, 0) for i in range(6, 11)]
    found = place(ends, ["h"] * 11, [False] * 10)
    assert {at.lane for at in found} == set(range(5))


def test_the_entry_is_never_one_of_many() -> None:
    found = [
        finding(
            f"{i}", (f"socket 10.0.0.{i}:445", "accept", "smbd", 9.0, i, 2 * i),
            ("smbd", "launch", "sh", 9.5, 60.0, 99),
        )
        for i in range(9)
    ]  # fmt: skip
    incident = build(found)
    assert incident.entities[incident.entry].type == "socket"
    drawing = draw(incident)
    check(incident, drawing)
    assert incident.entry in [node.entity for node in drawing.nodes]
    assert [node.more for node in drawing.nodes if node.more] == [8], "the others are context"


def test_few_alike_files_stand_for_themselves() -> None:
    assert not any(node.more for node in draw(fan(ALIKE)).nodes)


def test_context_is_one_node_whatever_was_done_with_it() -> None:
    goes_on: Step = ("sh", "connect", "socket 1.2.3.4:5", 30.0, 9.0, 3)
    incident = build(
        [
            finding("1", ("file /lib/a", "read", "sh", 1.0, 0.0, 1), goes_on),
            finding("2", ("file /lib/b", "exec", "sh", 1.0, 0.0, 2), goes_on),
        ]
    )
    drawing = draw(incident)
    check(incident, drawing)
    assert [event.telling for event in incident.events] == [False, False, True]
    assert sorted(node.label for node in drawing.nodes) == ["1.2.3.4:5", "2 files", "sh"]


def test_an_incident_too_large_is_drawn_by_its_most_surprising_events() -> None:
    count = 2 * MOST
    found = [
        finding(
            f"{i:04d}", (f"p{i}", "launch", f"q{i}", 5.0, i, 2 * i),
            (f"q{i}", "write", f"file {i}", 6.0 + i / 1000, i + 0.5, 2 * i + 1),
        )
        for i in range(count)
    ]  # fmt: skip
    incident = build(found)
    drawing = draw(incident)
    check(incident, drawing)
    assert len(drawing.nodes) == MOST
    assert drawing.left_out == len(incident.entities) - MOST
    named = {incident.entities[node.entity].key for node in drawing.nodes}
    assert {f"q{count - 1}", str(count - 1)} <= named


@given(st.text(max_size=200), st.integers(5, 40))
def test_a_name_that_is_cut_keeps_both_ends(text: str, most: int) -> None:
    cut = brief(text, most)
    assert len(cut) <= most
    assert brief(cut, most) == cut
