"""The path detector: faithful in paper mode, explained to the bit, the same whatever the order."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from graphad.detectors.path import PathDetector
from graphad.errors import ModelError, NotFitted
from graphad.graph import Graph

# The worked example of the notes on GID, section 8: edges and their times.
EXAMPLE = {
    ("S1", "P1"): [1, 5, 9, 13], ("P1", "S1"): [3, 7, 11], ("P1", "F1"): [2, 6, 10, 14],
    ("F1", "P2"): [4, 8, 12, 15], ("P2", "S3"): [4, 9, 13, 16], ("P1", "P2"): [20],
    ("F2", "P2"): [22], ("P2", "S2"): [23],
}  # fmt: skip
TYPES = {"S": "socket", "P": "process", "F": "file", "U": "user"}


def graph_of(events: list[tuple[str, str, int]], actions: list[str] | None = None) -> Graph:
    """Return a graph whose entities' names are their keys; the first letter is the type."""
    order = sorted(range(len(events)), key=lambda i: events[i][2])
    names = sorted({end for event in events for end in event[:2]})
    place = {name: i for i, name in enumerate(names)}
    text = np.array(names, object)
    return Graph(
        ids=np.arange(len(names)), types=np.array([TYPES[n[0]] for n in names], object),
        names=text, labels=text, details=np.full(len(names), None),
        shapes=np.full(len(names), None),
        src=np.array([place[events[i][0]] for i in order], np.int64),
        dst=np.array([place[events[i][1]] for i in order], np.int64),
        ts=np.array([events[i][2] for i in order], np.int64),
        action=np.array([actions[i] if actions else "read" for i in order], object),
        host=np.full(len(events), "h", object), source=np.ones(len(events), np.int64),
        record=np.array(order, np.int64), ordinal=np.zeros(len(events), np.int64),
    )  # fmt: skip


def counts_of(graph: Graph) -> pa.Table:
    """Return what a store would count of a graph (schema.COUNTS)."""
    rows: dict[tuple[object, ...], list[int]] = {}
    for e, (u, v) in enumerate(zip(*graph.told, strict=True)):
        day, hour = divmod(int(graph.ts[e]) // 3_600_000_000, 24)
        shape = (graph.shapes[v] or "") if graph.action[e] == "launch" else ""
        key = (day, graph.host[e], graph.types[u], graph.names[u], graph.action[e],
               graph.types[v], graph.names[v], shape)  # fmt: skip
        held = rows.setdefault(key, [0, 0])
        held[0] += 1
        held[1] |= 1 << hour
    names = ("day", "host", "src_type", "src_name", "action", "dst_type", "dst_name", "shape")
    table = pa.Table.from_pylist(
        [dict(zip(names, key, strict=True)) | {"n": n, "hours": h} for key, (n, h) in rows.items()]
    )
    days = pa.array([int(str(key[0])) * 86_400_000_000 for key in rows], pa.timestamp("us"))
    made: pa.Table = table.set_column(0, "day", days)
    return made


@pytest.fixture
def example() -> Graph:
    return graph_of([(u, v, t) for (u, v), times in EXAMPLE.items() for t in times])


def named(graph: Graph, paths: object, i: int) -> str:
    events = [e for e in paths.events[i] if e >= 0]  # type: ignore[attr-defined]
    return "-".join(
        [graph.names[graph.src[events[0]]], *(graph.names[graph.dst[e]] for e in events)]
    )


def test_paper_mode_gives_the_worked_example(example: Graph) -> None:
    detector = PathDetector(mode="paper", max_length=4, least=1).fit(counts_of(example), [example])
    paths = detector.score(example)
    q = {named(example, paths, i): paths.score[i] * np.log(2) for i in range(len(paths))}
    z = {named(example, paths, i): paths.z[i] for i in range(len(paths))}
    wanted = {
        "S1-P1": 3.863973, "P1-S1": 4.785873, "P1-F1": 4.344726, "P1-P2": 3.463357, "F1-P2": 0.0,
        "F2-P2": 0.0, "P2-S3": 4.581948, "P2-S2": 6.476436, "P1-P2-S2": 9.939794,
        "S1-P1-F1": 8.208699, "S1-P1-P2": 7.327331, "F1-P2-S2": 6.476436, "F2-P2-S2": 6.476436,
        "F1-P2-S3": 4.581948, "P1-F1-P2": 4.344726, "S1-P1-P2-S2": 13.803767,
        "P1-F1-P2-S2": 10.821162, "P1-F1-P2-S3": 8.926674, "S1-P1-F1-P2": 8.208699,
        "S1-P1-F1-P2-S2": 14.685135, "S1-P1-F1-P2-S3": 12.790648,
    }  # fmt: skip
    assert set(q) == set(wanted)
    for name, value in wanted.items():
        assert q[name] == pytest.approx(value, abs=1e-6), name
    for name, value in {
        "P1-P2-S2": 1.594244, "S1-P1-F1": 0.826465, "P1-F1-P2": -1.427487,
        "S1-P1-P2-S2": 1.386958, "S1-P1-F1-P2": -1.217603,
    }.items():  # fmt: skip
        assert z[name] == pytest.approx(value, abs=1e-5), name


def test_terms_add_up_exactly(example: Graph) -> None:
    paths = PathDetector().fit(counts_of(example), [example]).score(example)
    assert (paths.terms.sum(axis=2) >= 0).all()
    assert np.array_equal(paths.terms.sum(axis=(1, 2)), paths.score)
    for i in range(len(paths)):
        events = [e for e in paths.events[i] if e >= 0]
        assert len(events) == paths.length[i]
        assert all(example.ts[a] <= example.ts[b] for a, b in pairwise(events))
        assert all(example.dst[a] == example.src[b] for a, b in pairwise(events))


def planted(seed: int) -> tuple[Graph, list[tuple[str, str, int]]]:
    """Return routine chains with a planted one-off chain, as the trial of section 7.7, smaller."""
    generator = np.random.default_rng(seed)
    events: list[tuple[str, str, int]] = []
    for s in range(12):
        for _ in range(int(generator.integers(20, 60))):
            t = int(generator.integers(0, 86_400)) * 1000
            chain = [f"S{s}", f"Psvc{s}", f"Fqueue{s}", f"Pwork{s}", f"Flog{s}"]
            events += [(a, b, t + i) for i, (a, b) in enumerate(pairwise(chain))]
    for i in range(20):
        t = int(generator.integers(0, 86_400)) * 1000
        events.append((f"Pwork{generator.integers(12)}", f"Fonce{i}", t))
    attack = ["Sevil", "Psvc3", "Pshell", "Ptool", "Sc2"]
    chain_ = [(a, b, 40_000_000 + i) for i, (a, b) in enumerate(pairwise(attack))]
    return graph_of(events + chain_), chain_


@pytest.mark.parametrize("seed", range(5))
def test_a_planted_chain_is_at_the_top(seed: int) -> None:
    graph, chain = planted(seed)
    paths = PathDetector().fit(counts_of(graph), [graph]).score(graph)
    attack = {end for event in chain for end in event[:2]} - {"Psvc3"}
    touching = [
        sum(part in attack for part in named(graph, paths, i).split("-")) for i in range(len(paths))
    ]
    assert max(touching[:3]) >= 2
    whole = [
        i for i in range(len(paths)) if named(graph, paths, i) == "Sevil-Psvc3-Pshell-Ptool-Sc2"
    ]
    assert whole
    assert whole[0] < 30


def test_order_ids_and_shifts_change_nothing(example: Graph) -> None:
    events = [(u, v, t) for (u, v), times in EXAMPLE.items() for t in times]
    generator = np.random.default_rng(3)
    detector = PathDetector(least=1)

    def summary(graph: Graph, shift: int) -> list[tuple[str, float, float, int]]:
        paths = detector.fit(counts_of(graph), [graph]).score(graph)
        rows = [
            (named(graph, paths, i), round(paths.score[i], 9), round(paths.z[i], 6),
             int(graph.ts[paths.events[i][0]]) - shift)
            for i in range(len(paths))
        ]  # fmt: skip
        return sorted(rows)

    plain = summary(example, 0)
    for shift in (0, 5_000_000):
        shuffled = [events[i] for i in generator.permutation(len(events))]
        assert summary(graph_of([(u, v, t + shift) for u, v, t in shuffled]), shift) == plain


def test_a_loaded_copy_scores_the_same(example: Graph, tmp_path: Path) -> None:
    fitted = PathDetector().fit(counts_of(example), [example])
    fitted.save(tmp_path / "model")
    loaded = PathDetector.load(tmp_path / "model")
    ours, theirs = fitted.score(example), loaded.score(example)
    assert np.array_equal(ours.score, theirs.score)
    assert np.array_equal(ours.z, theirs.z)
    again = PathDetector().fit(counts_of(example), [example])
    again.save(tmp_path / "again")
    for name in ("manifest.json", "tensors.safetensors"):
        assert (tmp_path / "model" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


@pytest.mark.parametrize("name", ["manifest.json", "tensors.safetensors"])
def test_a_damaged_model_is_refused(example: Graph, tmp_path: Path, name: str) -> None:
    PathDetector().fit(counts_of(example), [example]).save(tmp_path / "model")
    path = tmp_path / "model" / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x80
    path.write_bytes(data)
    with pytest.raises(ModelError, match="damaged"):
        PathDetector.load(tmp_path / "model")


def test_an_unseen_edge_is_finite_and_more_surprising(example: Graph) -> None:
    detector = PathDetector().fit(counts_of(example), [example])
    strange = graph_of([("P1", "Fnew", 5), ("P1", "F1", 6), ("Pnew", "Snew", 7)])
    bits = detector.event_terms(strange).sum(axis=1)
    assert np.isfinite(bits).all()
    assert bits[0] > bits[1]


def test_unfitted_and_empty(example: Graph) -> None:
    with pytest.raises(NotFitted):
        PathDetector().score(example)
    nothing = example.subset(np.empty(0, np.int64))
    assert len(PathDetector().fit(counts_of(example)).score(nothing)) == 0


def test_filters_leave_other_events_out(example: Graph) -> None:
    detector = PathDetector(max_length=3).fit(counts_of(example), [example])
    part = detector.score(example, types=["process", "file"])
    assert len(part)
    for i in range(len(part)):
        assert not {"S1", "S2", "S3"} & set(named(example, part, i).split("-"))
    alone = example.subset(
        np.flatnonzero(
            (example.types != "socket")[example.src] & (example.types != "socket")[example.dst]
        )
    )
    assert {named(example, part, i) for i in range(len(part))} == {
        named(alone, found, i) for found in [detector.score(alone)] for i in range(len(found))
    }
    assert len(detector.score(example, hosts=["H"])) == len(detector.score(example))
    assert len(detector.score(example, hosts=["elsewhere"])) == 0


def test_a_user_is_no_way_through() -> None:
    events = [("P1", "Ubob", 1), ("Ubob", "P2", 2), ("P2", "F1", 3)]
    graph = graph_of(events)
    detector = PathDetector(least=1).fit(counts_of(graph), [graph])
    found = detector.score(graph)
    assert {named(graph, found, i) for i in range(len(found))} == {
        "P1-Ubob", "Ubob-P2", "P2-F1", "Ubob-P2-F1",
    }  # fmt: skip
    paper = PathDetector(mode="paper", least=1).fit(counts_of(graph), [graph]).score(graph)
    assert "P1-Ubob-P2-F1" in {named(graph, paper, i) for i in range(len(paper))}


def test_descendants_share_their_ancestors_surprise() -> None:
    events = [("P1", "P2", 1 + i * 3_600_000_000) for i in range(20)]
    events += [("P1", "Podd", 5), ("Podd", "P2", 6), ("P2", "F1", 7)]
    graph = graph_of(events, ["launch"] * (len(events) - 1) + ["write"])
    detector = PathDetector().fit(counts_of(graph), [graph])
    origin = dict(zip(graph.names, detector.origins(graph, inside=True), strict=True))
    assert origin["P2"] == pytest.approx(0.95 * origin["Podd"])
    assert origin["Podd"] > 0
    assert origin["P1"] == origin["F1"] == 0


def test_how_sure_the_scale_of_each_length_is_is_kept(example: Graph, tmp_path: Path) -> None:
    fitted = PathDetector(max_length=3).fit(counts_of(example), [example])
    assert set(fitted.samples_) == {1, 2, 3}
    assert all(drawn["whole"] and drawn["error"] == 0.0 for drawn in fitted.samples_.values())
    fitted.save(tmp_path / "model")
    assert PathDetector.load(tmp_path / "model").samples_ == fitted.samples_
