"""Sessions and stretches of time, judged by the nearest counts of messages of quiet ones."""

from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from graphad.decoders.tabular_columns import columns_parser
from graphad.detect import Paths
from graphad.detect_search import best
from graphad.detectors.registry import loaded, made
from graphad.detectors.relation_nearest import NearestDetector
from graphad.errors import GraphadError, ModelError, NotFitted
from graphad.graph import HOUR, Graph
from graphad.workspace import Workspace
from tests.detectors.event_graphs import Kept
from tests.detectors.test_relation import START, line, stored

pytest.importorskip("drain3", reason="templates are found by drain3")

USUAL = ("Receiving block {} src: /10.0.0.{}:40111", "Received block {} of size 67108864",
         "Verification succeeded for {}")  # fmt: skip


def blocks(first: int, count: int, begin: int = 0) -> list[tuple[int, str]]:
    """Return blocks that are received two or three times, then verified, each over some minutes."""
    told = []
    for i in range(first, first + count):
        at = begin + (i - first) * 90
        name = f"blk_{10**15 + i}"
        for copy in range(2 + i % 2):
            told.append((at + copy, USUAL[0].format(name, copy + 1)))
            told.append((at + 20 + copy, USUAL[1].format(name)))
        told.append((at + 400, USUAL[2].format(name)))
    return told


ODD = [(5000, "Receiving block blk_77 src: /10.0.0.9:40111"),
       (5003, "Exception in receiveBlock for block blk_77"), (5100, "PacketResponder died"),
       (6000, "Verification succeeded for blk_78")]  # fmt: skip


def lines(told: list[tuple[int, str]]) -> list[str]:
    return [line(second, "dfs", message) for second, message in sorted(told)]


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Graph:
    told = lines(blocks(0, 120))
    return stored(tmp_path_factory.mktemp("q"), "q", told).graph(fields=NearestDetector().fields)


@pytest.fixture(scope="module")
def today(tmp_path_factory: pytest.TempPathFactory) -> Graph:
    told = blocks(500, 100, 86_400) + [(86_400 + at, message) for at, message in ODD]
    return stored(tmp_path_factory.mktemp("t"), "t", lines(told)).graph(
        fields=NearestDetector().fields
    )


@pytest.fixture(scope="module", params=["block", ""])
def fitted(request: pytest.FixtureRequest, quiet: Graph) -> NearestDetector:
    return NearestDetector(session=request.param).fit([quiet])


def told(paths: Paths) -> list[tuple[tuple[str, ...], float, float]]:
    assert paths.stories is not None
    return [
        (story.words, float(score), float(z))
        for story, score, z in zip(paths.stories, paths.score, paths.z, strict=True)
    ]


def test_sessions_are_the_lines_that_name_them(fitted: NearestDetector, today: Graph) -> None:
    found = fitted.sessions(today)
    lines: dict[object, list[int]] = defaultdict(list)
    for e in np.flatnonzero(today.action == "write").tolist():
        values = [f["value"] for f in today.fields["*"][e].as_py() if f["type"] == "block"]
        if not fitted.session:
            lines[int(today.ts[e]) // 300_000_000].append(e)
        elif values:
            lines[values[0]].append(e)
    assert [found.line[found.of(s)].tolist() for s in range(len(found))] == list(lines.values())
    ids = fitted.ids_of([str(today.labels[n]) for n in today.dst])
    for s, mine in enumerate(lines.values()):
        one = found.counts.take([s])
        counted = {one.events[e]: c for e, c in zip(one.event, one.count, strict=True)}
        assert counted == Counter(ids[e] for e in mine)
    if fitted.session:
        assert found.value.tolist() == list(lines)
        assert len(found) == 102


def test_the_odd_ones_come_first_and_say_why(quiet: Graph, today: Graph) -> None:
    paths = NearestDetector(session="block").fit([quiet]).score(today)
    first, second = told(paths)[:2]
    assert first[0] == ("block", "blk_77")
    assert second[0] == ("block", "blk_78")
    assert first[1] > 1.0 > second[1]  # a message that was never seen
    assert paths.stories is not None
    title = paths.stories[0].title
    assert title.startswith("block blk_77: 2 lines, odd by Exception in receiveBlock for block")
    assert "1 here, 0 in the nearest" in title
    # What is missing has no line of its own, but is said.
    parts = dict(paths.stories[1].parts)
    assert any("Receiving block" in name and "0 here, 2 in" in name for name in parts)
    # The quiet ones are as those that were learned from.
    assert not {word for (_, word), _, _ in told(paths)} - {"blk_77", "blk_78"}


def test_terms_and_parts_add_up(fitted: NearestDetector, today: Graph) -> None:
    paths = fitted.score(today)
    assert len(paths)
    np.testing.assert_allclose(paths.terms.sum(axis=(1, 2)), paths.score)
    assert paths.stories is not None
    for story, score in zip(paths.stories, paths.score, strict=True):
        assert sum(share for _, share in story.parts) == pytest.approx(score)
    assert ((paths.events >= 0).sum(axis=1) == paths.length).all()
    keys = [story.words for story in paths.stories]
    assert len(set(keys)) == len(keys)
    for story, score, z in zip(paths.stories, paths.score, paths.z, strict=True):
        assert fitted.z_of(story.kind, 1, float(score)) == pytest.approx(z)


def test_slices_of_whole_hours_give_the_findings_of_the_whole(quiet: Graph, today: Graph) -> None:
    detector = NearestDetector(top=5).fit([quiet])
    assert detector.slice_s == 3600
    assert NearestDetector(session="block").slice_s is None
    cuts = [(START + 86_400) * 1_000_000 + hour * HOUR for hour in (1, 2)]
    parts = [
        today.subset((today.ts >= begin) & (today.ts < end)).used()
        for begin, end in pairwise([0, *cuts, 2**62])
    ]
    held, paths = best(detector.search(), parts)
    one, whole = best(detector.search(), [today])
    assert told(paths) == told(whole)
    assert paths.stories == whole.stories
    for a, b in zip(paths.events, whole.events, strict=True):
        assert held.record[a[a >= 0]].tolist() == one.record[b[b >= 0]].tolist()
    blocks_ = list(detector.hourly(today))
    assert max(p.z.max() for _, p in blocks_) == whole.z[0]
    keys = [int(g.ts[p.events[0, 0]]) // HOUR for g, p in blocks_]
    assert len(set(keys)) == len(keys)


def test_a_model_is_the_same_after_save_and_load(
    fitted: NearestDetector, today: Graph, tmp_path: Path
) -> None:
    fitted.save(tmp_path / "a")
    again = loaded("relation", tmp_path / "a")
    assert isinstance(again, NearestDetector)
    assert told(again.score(today)) == told(fitted.score(today))
    again.save(tmp_path / "b")
    for name in ("manifest.json", "tensors.safetensors"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    manifest = (tmp_path / "a" / "manifest.json").read_text()
    (tmp_path / "a" / "manifest.json").write_text(manifest.replace('"windows"', '"panes"'))
    with pytest.raises(ModelError):
        loaded("relation", tmp_path / "a")


def test_a_table_names_its_sessions_in_a_column(tmp_path: Path) -> None:
    rows = ["when,action,user,visit"]
    for visit in range(60):
        for step, action in enumerate(("login", "read", "read", "logout")):
            rows.append(f"{START + visit * 300 + step},{action},u{visit % 3},v{visit}")
    rows += [f"{START + 40_000 + i},{action},u1,vx" for i, action in enumerate(["login", "erase"])]
    (tmp_path / "visits.csv").write_text("\n".join(rows) + "\n")
    columns = ("action", "user")
    store = Workspace(tmp_path / "store")
    store.ingest([tmp_path / "visits.csv"], parser=columns_parser((*columns, "visit"), "when"))
    detector = made("relation", {"model": "nearest", "columns": columns, "session": "visit"})
    assert isinstance(detector, NearestDetector)
    graph = store.graph(fields=detector.fields)
    odd = graph.ts >= (START + 40_000) * 1_000_000
    detector.fit([graph.subset(~odd)])
    paths = detector.score(graph)
    assert [row[0] for row in told(paths)] == [("visit", "vx")]
    assert paths.stories is not None
    assert paths.stories[0].title == "visit vx: 2 lines, odd by erase: 1 here, 0 in the nearest"


def test_what_it_cannot_do_is_said(fitted: NearestDetector, quiet: Graph, tmp_path: Path) -> None:
    with pytest.raises(GraphadError, match="cannot judge what they learned from"):
        fitted.score(quiet, inside=True)
    with pytest.raises(GraphadError, match="cannot be updated"):
        fitted.update(Kept(quiet))
    with pytest.raises(GraphadError, match="sessions to learn from"):
        NearestDetector().fit([quiet.subset(np.arange(6))])
    with pytest.raises(GraphadError, match="sessions to learn from"):
        NearestDetector(session="flavour").fit([quiet])
    with pytest.raises(GraphadError, match="An hour is divided"):
        NearestDetector(window_s=7)
    with pytest.raises(NotFitted):
        NearestDetector().save(tmp_path / "a")
    with pytest.raises(ValueError, match="no graph"):
        best(fitted.search(), [])
