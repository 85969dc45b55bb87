"""Relations judged by a network in their windows, and by the rank average with surprisal."""

from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="networks are trained by torch")
pytest.importorskip("drain3", reason="templates are found by drain3")

from graphad.detect import Paths
from graphad.detect_search import best
from graphad.detectors import relation
from graphad.detectors.relation import RelationDetector
from graphad.detectors.relation_ranked import WINDOW, Ranked
from graphad.detectors.relation_rows import TEXT_FIELDS, rows_of
from graphad.errors import GraphadError, ModelError
from graphad.graph import HOUR, Graph
from graphad.models.relation_network import RelationNetwork
from graphad.models.relation_ranks import rank_average
from tests.detectors.event_graphs import Kept
from tests.detectors.test_relation import START, logons, stored


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Graph:
    kept = [text for text in logons(3) if "/srv/data/carl" not in text]
    return stored(tmp_path_factory.mktemp("q"), "quiet", kept).graph(fields=TEXT_FIELDS)


@pytest.fixture(scope="module")
def today(tmp_path_factory: pytest.TempPathFactory) -> Graph:
    kept = [text for text in logons(1, 9) if "/srv/data/carl" not in text]
    return stored(tmp_path_factory.mktemp("t"), "today", kept).graph(fields=TEXT_FIELDS)


@pytest.fixture(scope="module", autouse=True)
def short() -> Any:
    """Train for a moment: what is tested is what is done with a network."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(relation, "RelationNetwork", Short)
        yield


class Short:
    """Stands for RelationNetwork with few epochs."""

    def __new__(cls, **settings: Any) -> Any:
        return RelationNetwork(epochs=3, steps=4, **settings)

    paper = staticmethod(partial(RelationNetwork.paper, epochs=2, steps=4, hidden=32, heads=4))


@pytest.fixture(scope="module", params=["network", "rank"])
def fitted(request: pytest.FixtureRequest, quiet: Graph) -> RelationDetector:
    return RelationDetector(model=request.param).fit([quiet])


def told(paths: Paths) -> list[tuple[tuple[str, ...], float, float]]:
    assert paths.stories is not None
    return [
        (story.words, float(score), float(z))
        for story, score, z in zip(paths.stories, paths.score, paths.z, strict=True)
    ]


def test_windows_of_a_row_are_those_of_its_hour(quiet: Graph) -> None:
    detector = RelationDetector().fit([quiet])
    rows = rows_of(quiet, (), detector.ids_of, None, WINDOW)
    assert rows.fine is not None
    hourly, fine = rows.relations, rows.fine.relations

    def keys(of: Any, unit: int) -> list[tuple[object, ...]]:
        host = {}
        for e in range(len(quiet)):
            host[int(quiet.ts[e])] = quiet.host[e]
        return [
            (of.events[of.event[n]], of.nodes[of.node[n]], host[int(of.ts[n])], of.ts[n] // unit)
            for n in range(len(of))
        ]

    mine, whole = keys(fine, WINDOW), keys(hourly, HOUR)
    assert len(set(mine)) == len(mine) > len(whole) == len(set(whole))
    for n, row in enumerate(rows.fine.row.tolist()):
        assert mine[n][:3] == whole[row][:3]
        assert mine[n][3] * WINDOW // HOUR == whole[row][3]  # type: ignore[operator]
    # Nothing of the plain way hangs on whether windows are asked for.
    plain = rows_of(quiet, (), detector.ids_of)
    np.testing.assert_array_equal(plain.first, rows.first)
    np.testing.assert_array_equal(plain.count, rows.count)


def test_bits_are_shares_of_quiet_scores_that_were_not_learned(
    fitted: RelationDetector, today: Graph
) -> None:
    ranked, counts = fitted.ranked_, fitted.counts_
    assert ranked is not None
    assert counts is not None
    rows = fitted.rows(today)
    assert rows.fine is not None
    # The network's view of a row is the oddest of its windows, each hour by itself.
    hours = rows.fine.relations.ts // HOUR
    highest = np.full(len(rows.relations), -np.inf)
    for hour in np.unique(hours):
        kept = hours == hour
        scores = ranked.network.score(rows.fine.relations.take(kept))
        for row, score in zip(rows.fine.row[kept].tolist(), scores.tolist(), strict=True):
            highest[row] = max(highest[row], score)
    both = [highest, counts.score(rows.relations).bits][: len(ranked.tails)]
    known = np.array([counts.knows(rows.relations.events[e]) for e in rows.relations.of_event])
    wanted = np.where(known, rank_average(ranked.tails, both), 0.0)
    np.testing.assert_allclose(ranked.bits(rows, counts), wanted, rtol=1e-4, atol=1e-4)
    paths = replace(fitted, top=10**6).score(today)
    assert paths.terms.sum(axis=(1, 2)) == pytest.approx(paths.score)


def test_slices_of_whole_hours_give_the_findings_of_the_whole(
    fitted: RelationDetector, today: Graph
) -> None:
    cuts = [(START + 9 * 86_400) * 1_000_000 + hour * HOUR for hour in (3, 4, 15)]
    parts = [
        today.subset((today.ts >= begin) & (today.ts < end)).used()
        for begin, end in pairwise([0, *cuts, 2**62])
    ]
    assert told(best(fitted.search(), parts)[1]) == told(fitted.score(today))


def test_a_model_is_the_same_after_save_and_load(
    fitted: RelationDetector, today: Graph, quiet: Graph, tmp_path: Path
) -> None:
    fitted.save(tmp_path / "a")
    again = RelationDetector.load(tmp_path / "a")
    assert told(again.score(today)) == told(fitted.score(today))
    again.save(tmp_path / "b")
    RelationDetector(model=fitted.model).fit([quiet]).save(tmp_path / "c")
    for name in ("manifest.json", "tensors.safetensors"):
        before = (tmp_path / "a" / name).read_bytes()
        assert (tmp_path / "b" / name).read_bytes() == before
        assert (tmp_path / "c" / name).read_bytes() == before
    manifest = (tmp_path / "a" / "manifest.json").read_text()
    (tmp_path / "a" / "manifest.json").write_text(manifest.replace('"beyond"', '"beside"'))
    with pytest.raises(ModelError):
        RelationDetector.load(tmp_path / "a")


def test_what_it_cannot_do_is_said(fitted: RelationDetector, quiet: Graph, today: Graph) -> None:
    with pytest.raises(GraphadError, match="cannot judge what it learned from"):
        fitted.score(quiet, inside=True)
    with pytest.raises(GraphadError, match="cannot be updated"):
        fitted.update(Kept(today))
    early = quiet.ts < (START + 4 * 3600) * 1_000_000
    with pytest.raises(GraphadError, match="hours to learn from"):
        RelationDetector(model=fitted.model).fit([quiet.subset(early).used()])
    with pytest.raises(GraphadError, match="published method is a network"):
        RelationDetector(model="counts", mode="paper")


def test_the_published_network_is_offered(quiet: Graph, today: Graph) -> None:
    made = RelationDetector(model="network", mode="paper").fit([quiet])
    assert made.ranked_ is not None
    assert not made.ranked_.network.causal
    paths = made.score(today)
    assert len(paths)
    assert np.isfinite(paths.score).all()


def test_a_value_in_wrong_company_stands_out(quiet: Graph, today: Graph) -> None:
    """A known message of a known component, of which it never was, is odder than its usual ones."""
    network = RelationNetwork(step_us=WINDOW, length_us=WINDOW, epochs=12)
    plain = RelationDetector().fit([quiet])
    every = [rows_of(quiet, (), plain.ids_of, None, WINDOW)]
    ranked, quiet_bits = Ranked.fit(every, network, alone=False)
    assert set(quiet_bits) == {kind for kind, _ in every[0].relations.nodes}
    rows = rows_of(today, (), plain.ids_of, None, WINDOW)
    relations = rows.relations
    event = list(relations.events).index(plain.ids_of(["copied <path> to <path>"])[0])
    backup = list(relations.nodes).index(("component", "backup"))
    sshd = list(relations.nodes).index(("component", "sshd"))
    mine = np.flatnonzero((relations.of_event == event) & (relations.node == backup))
    node = relations.node.copy()
    node[mine[0]] = sshd
    fine = rows.fine
    assert fine is not None
    parts = fine.relations.node.copy()
    parts[fine.row == mine[0]] = sshd
    swapped = replace(
        rows, relations=replace(relations, node=node),
        fine=replace(fine, relations=replace(fine.relations, node=parts)),
    )  # fmt: skip
    assert plain.counts_ is not None
    bits = ranked.bits(swapped, plain.counts_)
    usual = bits[(relations.of_event == event) & (node == backup)]
    assert bits[mine[0]] > ranked.bits(rows, plain.counts_)[mine[0]]
    assert bits[mine[0]] > usual.max()
