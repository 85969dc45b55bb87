"""The window detector: odd units first, told exactly, the same however they were kept or read."""

from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.detect import Paths
from graphad.detect_search import best
from graphad.detectors.window import WindowDetector
from graphad.detectors.window_occlusion import SHOWN
from graphad.detectors.window_told import NAMES, OCCLUSION, OTHERS, SHARE
from graphad.detectors.window_units import UnitKind, units
from graphad.errors import GraphadError, ModelError, NotFitted
from graphad.graph import Graph
from tests.detectors.event_graphs import HOUR, START, Event, graph, office

DAY = 24 * HOUR


def burst(at: int, host: str = "ws1") -> list[Event]:
    """Return one process that reads all there is and sends it away, within a minute."""
    tool, peer = ("process", "/tmp/x"), ("socket", "6.6.6.6:443")
    found = [Event(at, ("process", "/bin/shell1"), "launch", tool, host)]
    for i in range(40):
        found.append(Event(at + i * 1000, ("file", f"/home/<user>/{i}"), "read", tool, host))
        found.append(Event(at + i * 1000 + 1, tool, "send", peer, host))
    return found


QUIET = graph(office(6, 0))
NOON = START + 7 * DAY + 12 * HOUR
TODAY = graph([*office(1, 1, 7), *burst(NOON + 5)])


@cache
def fitted(model: str = "wl") -> WindowDetector:
    return WindowDetector(model=model).fit([QUIET])  # type: ignore[arg-type]


MODELS = pytest.mark.parametrize("model", ["wl", "rayleigh"])


@MODELS
def test_the_planted_hour_comes_first_and_says_why(model: str) -> None:
    paths = fitted(model).score(TODAY)
    assert paths.stories is not None
    story = paths.stories[0]
    assert story.words == (str(NOON), "3600")
    assert story.title.startswith("ws1 for 60 min: ")
    ends = {TODAY.names[n] for e in paths.events[0] if e >= 0 for n in (TODAY.src[e], TODAY.dst[e])}
    assert "/tmp/x" in ends
    assert paths.z[0] > paths.z[1]


@MODELS
def test_parts_and_shares_add_up_to_the_score(model: str) -> None:
    paths = fitted(model).score(TODAY)
    assert paths.stories is not None
    for score, story, terms in zip(paths.score, paths.stories, paths.terms, strict=True):
        assert sum(dict(story.parts).values()) == pytest.approx(score, abs=1e-9)
        assert terms.sum() == pytest.approx(score, abs=1e-9)


def test_every_unit_is_scored_once_best_first() -> None:
    detector = replace(fitted(), top=10_000)
    paths = detector.score(TODAY)
    found = units(TODAY)
    assert paths.stories is not None
    assert len(paths) == len(found)
    assert (np.diff(paths.z) <= 0).all()
    assert sorted(story.count for story in paths.stories) == sorted(np.diff(found.start).tolist())
    hosts = [TODAY.host[e] for e in paths.events[:, 0]]
    keys = {(s.words, host) for s, host in zip(paths.stories, hosts, strict=True)}
    assert len(keys) == len(paths)
    few = detector.score(TODAY, hosts=["ws2"])
    assert {TODAY.host[e] for e in few.events[:, 0]} == {"ws2"}
    covered = np.isin(TODAY.src, np.flatnonzero(TODAY.names == "/tmp/x"))
    assert not np.isin(few.events, np.flatnonzero(covered & (TODAY.host == "ws1"))).any()
    less = detector.score(TODAY, covered=covered)
    assert not np.isin(less.events, np.flatnonzero(covered)).any()


def test_told_events_are_those_without_which_the_score_falls_most() -> None:
    detector = fitted("rayleigh")
    found = units(TODAY)
    paths = detector.score(TODAY)
    u = int(np.flatnonzero((found.begin == NOON) & (found.host == "ws1"))[0])
    mine = found.events(u)
    whole = detector.scored(TODAY, found)[0][u]
    drops = {}
    for e in mine.tolist():
        pair = (int(TODAY.src[e]), int(TODAY.dst[e]))
        if pair in drops:
            continue
        away = (
            (TODAY.src == pair[0]) & (TODAY.dst == pair[1]) & np.isin(np.arange(len(TODAY)), mine)
        )
        rest = TODAY.subset(np.flatnonzero(~away))
        again = units(rest)
        at = np.flatnonzero((again.begin == NOON) & (again.host == "ws1"))
        drops[pair] = whole - detector.scored(rest, again)[0][at[0]]
    told = [(int(TODAY.src[e]), int(TODAY.dst[e])) for e in paths.events[0] if e >= 0]
    falls = [drops[pair] for pair in told]
    assert falls == sorted(falls, reverse=True)
    # All pairs with the rarest names are tried; what was told is the best of what was tried.
    assert falls[0] >= sorted(drops.values())[-3] - 1e-9
    own = paths.terms[0, : len(falls), NAMES.index(OCCLUSION)]
    assert own == pytest.approx(np.maximum(falls, 0.0))
    others = paths.terms[0, : len(falls), NAMES.index(OTHERS)]
    assert others == pytest.approx((whole - own.sum()) / len(falls))
    assert len(told) <= SHOWN


def test_shares_of_events_are_those_of_their_entities() -> None:
    detector = fitted()
    found = units(TODAY)
    u = int(np.flatnonzero((found.begin == NOON) & (found.host == "ws1"))[0])
    one = found.take(np.array([u]))
    nodes = detector.nodes(TODAY, one)
    part = detector.judge.told(nodes.batch, False).nodes
    assert part is not None
    pairs = {(int(a), int(b)) for a, b in zip(nodes.at_src, nodes.at_dst, strict=True)}
    of = {n: [pair for pair in pairs if n in pair] for n in range(len(part))}
    worth = {
        (int(nodes.entity[a]), int(nodes.entity[b])): sum(part[n] / len(of[n]) for n in {a, b})
        for a, b in pairs
    }
    assert sum(worth.values()) == pytest.approx(part.sum())
    paths = detector.score(TODAY)
    told = [(int(TODAY.src[e]), int(TODAY.dst[e])) for e in paths.events[0] if e >= 0]
    own = paths.terms[0, : len(told), NAMES.index(SHARE)]
    assert own == pytest.approx([worth[pair] for pair in told])
    rare = detector.rare(TODAY)
    odd = sorted((worth[a, b] * max(rare[a], rare[b]) for a, b in worth), reverse=True)
    assert [worth[a, b] * max(rare[a], rare[b]) for a, b in told] == pytest.approx(odd[: len(told)])


def told(found: Graph, paths: Paths) -> list[tuple[object, ...]]:
    assert paths.stories is not None
    records = [[int(found.record[e]) for e in row if e >= 0] for row in paths.events]
    return list(
        zip(paths.score, paths.z, paths.stories, records, paths.terms.tolist(), strict=True)
    )


@settings(max_examples=10, deadline=None)
@given(hours=st.sets(st.integers(0, 23), max_size=5), top=st.sampled_from([1, 5, 100]))
def test_slices_of_whole_hours_give_the_findings_of_the_whole(hours: set[int], top: int) -> None:
    detector = replace(fitted(), top=top)
    cuts = [START + 7 * DAY + hour * HOUR for hour in sorted(hours)]
    parts = [
        TODAY.subset((TODAY.ts >= begin) & (TODAY.ts < end)).used()
        for begin, end in pairwise([0, *cuts, 2**62])
    ]
    found, paths = best(detector.search(), parts)
    assert told(found, paths) == told(TODAY, detector.score(TODAY))


@MODELS
def test_a_model_is_the_same_after_save_and_load(tmp_path: Path, model: str) -> None:
    fitted(model).save(tmp_path / "a")
    again = WindowDetector.load(tmp_path / "a")
    assert (
        again.regime == fitted(model).regime == f"one-class, {model}: no unit is labelled an attack"
    )
    assert told(TODAY, again.score(TODAY)) == told(TODAY, fitted(model).score(TODAY))
    again.save(tmp_path / "b")
    for name in ("manifest.json", "tensors.safetensors"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    half = START + 3 * DAY
    parts = [QUIET.subset(QUIET.ts < half).used(), QUIET.subset(QUIET.ts >= half).used()]
    WindowDetector(model=model).fit(parts).save(tmp_path / "c")  # type: ignore[arg-type]
    one, two = (WindowDetector.load(tmp_path / name).score(TODAY) for name in ("a", "c"))
    assert one.z == pytest.approx(two.z)


def test_no_more_units_are_remembered_than_asked_for() -> None:
    few = WindowDetector(most=30).fit([QUIET])
    assert few.tail_ is not None
    assert len(few.tail_.scores) == 30
    assert few.learned == fitted().learned  # names are counted in all
    half = START + 3 * DAY
    parts = [QUIET.subset(QUIET.ts < half).used(), QUIET.subset(QUIET.ts >= half).used()]
    again = WindowDetector(most=30).fit(parts)
    assert again.score(TODAY).z == pytest.approx(few.score(TODAY).z)


def test_each_hour_is_a_block() -> None:
    blocks = list(fitted().hourly(TODAY))
    keys = [(g.host[p.events[0, 0]], int(g.ts[p.events[0, 0]]) // HOUR) for g, p in blocks]
    assert len(set(keys)) == len(keys)
    assert set(keys) == set(zip(TODAY.host, (TODAY.ts // HOUR).tolist(), strict=True))
    assert max(p.z[0] for _, p in blocks) == fitted().score(TODAY).z[0]
    assert not list(fitted().crossing(TODAY))
    assert fitted().z_of("host", 1, 99.0) > fitted().z_of("host", 1, 1.0)


@pytest.mark.parametrize("of", ["tree", "session"])
def test_trees_and_sessions(of: UnitKind) -> None:
    def login(i: int, at: int, more: list[Event]) -> list[Event]:
        shell = ("process", f"/bin/sh{i}")
        opened = Event(at, ("session", f"0x{i}"), "start", shell)
        work = [
            Event(at + k, shell, "write", ("file", f"/home/<user>/{k % 3}"))
            for k in range(5 + i % 3)
        ]
        return [opened, *work, *more]

    quiet = [e for i in range(40) for e in login(i, START + i * HOUR, [])]
    shell = ("process", "/bin/sh99")
    extra = [
        Event(START + 99 * HOUR + k, shell, "connect", ("socket", f"10.0.0.{k}:445"))
        for k in range(30)
    ]
    detector = WindowDetector(of=of).fit([graph(quiet)])
    assert detector.slice_s is None
    today = graph([e for i in range(90, 99) for e in login(i, START + i * HOUR, [])]
                  + login(99, START + 99 * HOUR, extra))  # fmt: skip
    paths = detector.score(today)
    assert paths.stories is not None
    assert paths.stories[0].words[0] == ("/bin/sh99" if of == "tree" else "0x99")
    assert paths.stories[0].title.startswith(f"{of} of ")


def test_errors_are_clear(tmp_path: Path) -> None:
    with pytest.raises(GraphadError, match="units to learn from"):
        WindowDetector().fit([graph(burst(START))])
    with pytest.raises(NotFitted):
        WindowDetector().score(TODAY)
    with pytest.raises(NotFitted):
        WindowDetector().save(tmp_path / "a")
    with pytest.raises(NotFitted):
        WindowDetector().z_of("host", 1, 1.0)
    for bad in (
        {"of": "galaxy"}, {"length_s": 7}, {"length_s": 7000}, {"model": "oracle"}, {"mode": "x"},
        {"mode": "paper", "model": "wl"},
    ):  # fmt: skip
        with pytest.raises(GraphadError):
            WindowDetector(**bad)
    with pytest.raises(GraphadError, match="labelled attacks"):
        WindowDetector(mode="paper").fit([QUIET])
    with pytest.raises(ValueError, match="no graph"):
        best(fitted().search(), [])
    empty = fitted().score(TODAY, hosts=["nobody"])
    assert len(empty) == 0


def test_damage_is_an_error(tmp_path: Path) -> None:
    import json

    fitted().save(tmp_path / "a")
    manifest = json.loads((tmp_path / "a" / "manifest.json").read_text())
    changes: list[dict[str, object]] = [
        {"of": "galaxy"}, {"model": {}}, {"tail": 3}, {"units": None}, {"features": ["x"]},
        {"kind": "oracle"}, {"mode": "poem"}, {"family": 3},
    ]  # fmt: skip
    for change in changes:
        bad = manifest | {"settings": manifest["settings"] | change}
        (tmp_path / "a" / "manifest.json").write_text(json.dumps(bad))
        with pytest.raises(ModelError):
            WindowDetector.load(tmp_path / "a")
