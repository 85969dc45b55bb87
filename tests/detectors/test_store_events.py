"""The event detector over graphs: odd events first, told exactly, the same however it was kept."""

from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.detect import Paths
from graphad.detect_search import best
from graphad.detectors.event_columns import CLOCK
from graphad.detectors.store_events import LEAST, StoreEventDetector
from graphad.enrich import Enricher
from graphad.errors import GraphadError, ModelError, NotFitted, UnknownName
from graphad.graph import Graph
from tests.detectors.event_graphs import HOUR, START, Event, Kept, graph, odd, office

QUIET = graph(office(6, 0))
NOVEL = Event(
    START + 7 * 24 * HOUR, ("process", "/bin/shell1"), "launch", ("process", "/tmp/x"), "ws2",
    {"user": "dev1"}, "/tmp/x",
)  # fmt: skip
TWICE = [odd(7), odd(7)._replace(ts=odd(7).ts + 2 * HOUR)]
TODAY = graph([*office(1, 1, 7), *TWICE, NOVEL])


@pytest.fixture(scope="module")
def fitted() -> StoreEventDetector:
    return StoreEventDetector().fit([QUIET])


def first(paths: Paths, kind: str) -> int:
    """Return the place of the first finding of a kind."""
    assert paths.stories is not None
    return next(i for i, story in enumerate(paths.stories) if story.kind == kind)


def test_the_planted_event_comes_first_and_is_named(fitted: StoreEventDetector) -> None:
    paths = fitted.score(graph([*office(1, 1, 7), *TWICE]))
    assert paths.stories is not None
    story = paths.stories[first(paths, "launch")]
    assert story.words[0] == "clerk1"
    assert story.doubts[0].column in ("user", "program")
    if story.doubts[0].column == "user":
        assert story.doubts[0].likely[0][0].startswith("dev")
    assert first(paths, "launch") < 4
    # Twice on one day and host, hours apart, it is one finding.
    assert story.count == 2
    assert (story.start, story.end) == (odd(7).ts, odd(7).ts + 2 * HOUR)


def test_a_value_never_seen_is_a_finding_of_its_own(fitted: StoreEventDetector) -> None:
    paths = fitted.score(TODAY)
    assert paths.stories is not None
    i = first(paths, "launch:program")
    story = paths.stories[i]
    assert story.words == ("program", "x")
    column = next(c for c in fitted.learned_["launch"].model.columns_ if c.name == "program")
    assert paths.score[i] == -np.log2(column.novelty)
    assert TODAY.names[TODAY.dst[paths.events[i, 0]]] == "/tmp/x"


def test_terms_add_up_to_the_last_bit(fitted: StoreEventDetector) -> None:
    paths = fitted.score(TODAY)
    assert np.array_equal(paths.terms.sum(axis=(1, 2)), paths.score)
    assert paths.stories is not None
    for story, terms in zip(paths.stories, paths.terms[:, 0], strict=True):
        shown = [i for i, name in enumerate(paths.names) if name in story.used]
        assert set(np.flatnonzero(terms)) <= set(shown)


def test_findings_come_by_z_each_once(fitted: StoreEventDetector) -> None:
    fitted.top = 10_000
    paths = fitted.score(TODAY)
    fitted.top = 100
    assert (np.diff(paths.z) <= 0).all()
    assert paths.stories is not None
    hosts = [TODAY.host[e] for e in paths.events[:, 0]]
    told = [(s.kind, s.words, h) for s, h in zip(paths.stories, hosts, strict=True)]
    assert len(told) == len(set(told))
    counted = sum(s.count for s in paths.stories if ":" not in s.kind)
    assert counted == len(TODAY)
    assert len(fitted.score(TODAY)) == 100
    assert np.array_equal(fitted.score(TODAY).z, paths.z[:100])


def test_hosts_types_and_what_is_covered(fitted: StoreEventDetector) -> None:
    fitted.top = 10_000
    paths = fitted.score(TODAY, hosts=["WS1"], types=["process"])
    assert {TODAY.host[e] for e in paths.events[:, 0]} == {"ws1"}
    assert {TODAY.action[e] for e in paths.events[:, 0]} == {"launch"}
    covered = np.zeros(len(TODAY), bool)
    covered[paths.events[0, 0]] = True
    less = fitted.score(TODAY, covered=covered)
    assert paths.events[0, 0] not in less.events
    fitted.top = 100
    nothing = fitted.score(TODAY, hosts=["nobody"])
    assert (len(nothing), nothing.events.shape) == (0, (0, 1))


def test_nothing_is_new_inside_of_what_was_learned(fitted: StoreEventDetector) -> None:
    paths = fitted.score(QUIET, inside=True)
    assert paths.stories is not None
    assert not [story.kind for story in paths.stories if ":" in story.kind]


def test_each_hour_has_its_oddest_events(fitted: StoreEventDetector) -> None:
    hours = list(fitted.hourly(TODAY))
    best = {}
    for found, paths in hours:
        e = paths.events[0, 0]
        key = found.host[e], found.ts[e] // HOUR
        assert key not in best
        best[key] = paths.z[0]
        assert len({(found.host[e], found.ts[e] // HOUR) for e in paths.events[:, 0]}) == 1
        assert (np.diff(paths.z) <= 0).all()
    assert set(best) == set(zip(TODAY.host, (TODAY.ts // HOUR).tolist(), strict=True))
    assert max(best.values()) == fitted.score(TODAY).z[0]
    assert not list(fitted.crossing(TODAY))


def test_hours_of_events_that_no_model_knows_have_nothing_odd(fitted: StoreEventDetector) -> None:
    made = graph([Event(START, ("process", "/a"), "start", ("service", "s"))])
    assert not list(fitted.hourly(made))
    assert not len(fitted.score(made))


def test_hosts_are_told_apart_whichever_kinds_of_events_they_have(
    fitted: StoreEventDetector,
) -> None:
    launches = [e for e in office(1, 1, 7) if e.action == "launch"]
    others = [e._replace(host="aaa") for e in office(1, 1, 7) if e.action != "launch"]
    made = graph([*launches, *others])
    hours = [{(made.host[e], made.ts[e] // HOUR) for e in p.events[:, 0]}
             for _, p in fitted.hourly(made)]  # fmt: skip
    assert all(len(one) == 1 for one in hours)
    assert len(set.union(*hours)) == len(hours)
    assert {host for ((host, _),) in hours} == {"aaa", *(e.host for e in launches)}


def test_z_of_a_finding_had_it_another_score(fitted: StoreEventDetector) -> None:
    paths = fitted.score(TODAY)
    assert paths.stories is not None
    for kind in ("launch", "launch:program"):
        i = first(paths, kind)
        assert fitted.z_of(kind, 1, paths.score[i]) == pytest.approx(paths.z[i])
        assert fitted.z_of(kind, 1, 0.0) < paths.z[i]
    assert fitted.z_of("no such kind", 1, 50.0) == 0.0


def test_a_model_is_the_same_after_save_and_load(
    fitted: StoreEventDetector, tmp_path: Path
) -> None:
    fitted.save(tmp_path / "a")
    again = StoreEventDetector.load(tmp_path / "a")
    one, two = fitted.score(TODAY), again.score(TODAY)
    assert one.score.tobytes() == two.score.tobytes()
    assert one.terms.tobytes() == two.terms.tobytes()
    assert one.stories == two.stories
    again.save(tmp_path / "b")
    for name in ("manifest.json", "tensors.safetensors"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_the_same_seed_gives_the_same_bytes_and_ids_say_nothing(tmp_path: Path) -> None:
    from dataclasses import replace

    StoreEventDetector(seed=3).fit([QUIET]).save(tmp_path / "a")
    twin = replace(QUIET, ids=QUIET.ids + 10, source=QUIET.source + 4)
    StoreEventDetector(seed=3).fit([twin]).save(tmp_path / "b")
    # Whether a window is read at once or in parts does not matter: hours are whole.
    half = START + 3 * 24 * HOUR
    parts = [QUIET.subset(QUIET.ts < half), QUIET.subset(QUIET.ts >= half)]
    StoreEventDetector(seed=3).fit(parts).save(tmp_path / "c")
    found = {
        folder.name: (folder / "tensors.safetensors").read_bytes() for folder in tmp_path.iterdir()
    }
    assert found["a"] == found["b"] == found["c"]


def test_an_update_knows_what_came_and_what_was(fitted: StoreEventDetector, tmp_path: Path) -> None:
    fitted.save(tmp_path / "a")
    before = StoreEventDetector.load(tmp_path / "a")
    new = [NOVEL._replace(ts=NOVEL.ts + i * HOUR) for i in range(12)]
    day = graph([*office(1, 1, 7), *new])
    after = StoreEventDetector.load(tmp_path / "a").update(Kept(day))
    assert after.learned["launch"] > before.learned["launch"]
    tomorrow = graph([*office(1, 2, 8), odd(8), NOVEL._replace(ts=START + 8 * 24 * HOUR)])
    kinds = [s.kind for s in after.score(tomorrow).stories or ()]
    assert "launch:program" in [s.kind for s in before.score(tomorrow).stories or ()]
    assert "launch:program" not in kinds
    assert first(after.score(tomorrow), "launch") < 4
    after.save(tmp_path / "b")
    assert StoreEventDetector.load(tmp_path / "b").learned == after.learned


def test_an_update_may_bring_a_new_kind(fitted: StoreEventDetector, tmp_path: Path) -> None:
    fitted.save(tmp_path / "a")
    logons = [
        Event(START + 7 * 24 * HOUR + i * HOUR // 4, ("address", f"10.0.0.{i % 5}"), "logon",
              ("session", f"0x{i}"), said={"target_user": f"u{i % 7}"})
        for i in range(LEAST + 10)
    ]  # fmt: skip
    day = graph([*office(1, 1, 7), *logons])
    unknown = StoreEventDetector.load(tmp_path / "a").score(day)
    assert unknown.notes == (f"no model for events of some kinds: {LEAST + 10} logon",)
    after = StoreEventDetector.load(tmp_path / "a").update(Kept(day))
    assert "logon" in after.learned
    assert not after.score(day).notes


def test_too_few_events_and_no_fit_are_errors() -> None:
    with pytest.raises(GraphadError, match="to learn from"):
        StoreEventDetector().fit([graph([odd(0)])])
    with pytest.raises(NotFitted):
        StoreEventDetector().score(TODAY)
    with pytest.raises(NotFitted):
        StoreEventDetector().update(Kept(TODAY))
    with pytest.raises(NotFitted):
        StoreEventDetector().save(Path("nowhere"))


def test_damage_is_an_error(fitted: StoreEventDetector, tmp_path: Path) -> None:
    import hashlib
    import json

    fitted.save(tmp_path / "a")
    manifest = json.loads((tmp_path / "a" / "manifest.json").read_text())
    tensors = (tmp_path / "a" / "tensors.safetensors").read_bytes()
    changes: list[dict[str, object]] = [
        {"kinds": 3}, {"kinds": {"launch": {}}}, {"columns": None}, {"mode": 1, "surprise": 2},
    ]  # fmt: skip
    for change in changes:
        bad = manifest | {"settings": manifest["settings"] | change}
        bad["files"] = {"tensors.safetensors": hashlib.sha256(tensors).hexdigest()}
        (tmp_path / "a" / "manifest.json").write_text(json.dumps(bad))
        with pytest.raises(ModelError):
            StoreEventDetector.load(tmp_path / "a")


def test_an_enricher_scores_one_kind_as_the_detector_does(
    fitted: StoreEventDetector, tmp_path: Path
) -> None:
    fitted.save(tmp_path / "a")
    with pytest.raises(UnknownName, match="several kinds"):
        Enricher.load(tmp_path / "a").score({})
    with pytest.raises(UnknownName):
        Enricher.load(tmp_path / "a", "lunch")
    enricher = Enricher.load(tmp_path / "a", "launch")
    paths = fitted.score(TODAY)
    assert paths.stories is not None
    i = first(paths, "launch")
    story = paths.stories[i]
    names = [name for name in story.used if name not in ("origin", *CLOCK)]
    event = dict(zip(names, story.words, strict=True))
    event["ts"] = int(TODAY.ts[paths.events[i, 0]]) / 1e6  # type: ignore[assignment]
    assert enricher.score(event).score == paths.score[i]


def told(found: Graph, paths: Paths) -> list[tuple[object, ...]]:
    """Return all that findings say, with places in the log for places in the graph."""
    assert paths.stories is not None
    terms = [
        {name: bits for name, bits in zip(paths.names, row.tolist(), strict=True) if bits}
        for row in paths.terms[:, 0]
    ]
    records = found.record[paths.events[:, 0]].tolist()
    return list(zip(paths.z, paths.score, records, paths.stories, terms, strict=True))


@settings(max_examples=25, deadline=None)
@given(
    hours=st.sets(st.integers(0, 31), max_size=6), top=st.sampled_from([1, 7, 60, 10_000]),
    host=st.sampled_from([None, ["ws2"]]),
)  # fmt: skip
def test_slices_of_whole_hours_give_the_findings_of_the_whole(
    hours: set[int], top: int, host: list[str] | None
) -> None:
    two_days = graph([*office(2, 1, 7), *TWICE, odd(8), NOVEL])
    covered = two_days.src % 7 == 3
    detector = fitted_once()
    detector.top = top
    whole = detector.score(two_days, covered=covered, hosts=host)
    cuts = [START + (7 * 24 + hour) * HOUR for hour in sorted(hours)]
    bounds = [0, *cuts, 2**62]
    parts = [
        two_days.subset((two_days.ts >= begin) & (two_days.ts < end)).used()
        for begin, end in pairwise(bounds)
    ]
    flags = {
        part.record.tobytes(): covered[np.isin(two_days.record, part.record)] for part in parts
    }
    found, paths = best(detector.search(lambda g: flags[g.record.tobytes()], hosts=host), parts)
    assert told(found, paths) == told(two_days, whole)
    assert len(found) == len(set(paths.events[:, 0].tolist()))


def test_no_slice_is_an_error(fitted: StoreEventDetector) -> None:
    with pytest.raises(ValueError, match="no graph"):
        best(fitted.search(), [])


@cache
def fitted_once() -> StoreEventDetector:
    return StoreEventDetector().fit([QUIET])
