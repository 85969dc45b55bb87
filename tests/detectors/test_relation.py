"""The relation detector on text logs and tables: what is odd, told exactly, however it is read."""

import json
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.detect import Paths
from graphad.detect_search import best
from graphad.detectors.relation import RelationDetector
from graphad.detectors.relation_rows import TEXT_FIELDS, lines_of
from graphad.detectors.relation_stories import EVENT
from graphad.errors import GraphadError, ModelError, NotFitted
from graphad.graph import HOUR, Graph
from graphad.workspace import Workspace
from tests.detectors.event_graphs import Kept

pytest.importorskip("drain3", reason="templates are found by drain3")

START = 1_777_248_000  # a midnight
USERS = {"anna": "192.0.2.17", "bob": "192.0.2.18", "carl": "192.0.2.19"}


def line(second: int, component: str, message: str) -> str:
    from datetime import UTC, datetime

    stamp = datetime.fromtimestamp(START + second, UTC)
    return f"{stamp:%Y-%m-%dT%H:%M:%S}+00:00 web-1 {component}: {message}"


def logons(days: int, first: int = 0) -> list[str]:
    """Return days on which three users log on, each from where they always do, and work."""
    draw = np.random.default_rng(first)
    made = []
    for day in range(first, first + days):
        for i in range(60):
            user = list(USERS)[int(draw.integers(0, 3))]
            at = day * 86_400 + i * 1_200
            port = int(draw.integers(20_000, 60_000))
            text = f"Accepted password for {user} from {USERS[user]} port {port} ssh2"
            made.append(line(at, f"sshd[{900 + i}]", text))
            made.append(line(at + 60, "backup", f"copied /srv/data/{user} to /mnt/backup"))
    return made


ODD = [
    line(
        9 * 86_400 + 600, "sshd[77]", "Accepted password for eve from 203.0.113.9 port 40111 ssh2"
    ),
    line(9 * 86_400 + 700, "backup", "copied /etc/shadow to /mnt/backup"),
    line(9 * 86_400 + 800, "kernel", "device tap0 entered promiscuous mode"),
]


def stored(folder: Path, name: str, lines: list[str]) -> Workspace:
    (folder / f"{name}.log").write_text("\n".join(lines) + "\n")
    store = Workspace(folder / f"{name}-store")
    store.ingest([folder / f"{name}.log"])
    return store


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Graph:
    return stored(tmp_path_factory.mktemp("q"), "quiet", logons(8)).graph(fields=TEXT_FIELDS)


@pytest.fixture(scope="module")
def today(tmp_path_factory: pytest.TempPathFactory) -> Graph:
    whole = sorted(logons(1, 9) + ODD)
    return stored(tmp_path_factory.mktemp("t"), "today", whole).graph(fields=TEXT_FIELDS)


@pytest.fixture(scope="module")
def fitted(quiet: Graph) -> RelationDetector:
    return RelationDetector().fit([quiet])


def words(paths: Paths) -> list[tuple[str, str]]:
    assert paths.stories is not None
    return [(story.words[1], story.words[2]) for story in paths.stories]


def test_what_never_was_with_a_message_comes_first(fitted: RelationDetector, today: Graph) -> None:
    paths = fitted.score(today)
    first = words(paths)[:4]
    assert ("user", "eve") in first
    assert ("ip", "203.0.113.9") in first
    assert paths.stories is not None
    eve = paths.stories[words(paths).index(("user", "eve"))]
    message = "Accepted password for <user> from <ip> port <port> ssh2"
    assert eve.title == f"user eve: never in 339; {message}"  # distinct ones of an hour
    assert {value for value, _ in eve.doubts[0].likely} == set(USERS)
    assert sum(share for _, share in eve.doubts[0].likely) == pytest.approx(1.0)
    new = next(story for story in paths.stories if story.kind == EVENT)
    assert new.title == "device tap0 entered promiscuous mode: never seen before"
    ports = [z for z, (kind, _) in zip(paths.z, words(paths), strict=True) if kind == "port"]
    assert max(ports) < paths.z[words(paths).index(("user", "eve"))]


def test_terms_add_up_and_each_relation_is_told_once(
    fitted: RelationDetector, today: Graph
) -> None:
    paths = replace(fitted, top=10**6).score(today)
    assert paths.terms.sum(axis=(1, 2)) == pytest.approx(paths.score)
    assert paths.stories is not None
    keys = [story.words for story in paths.stories]
    assert len(set(keys)) == len(keys)  # one host, one day
    assert (np.diff(paths.z) <= 1e-12).all()
    told = {
        (key[0], key[1], key[2]): story.count
        for key, story in zip(keys, paths.stories, strict=True)
    }
    slow: Counter[tuple[str, str, str]] = Counter()
    for e in lines_of(today, ()).tolist():
        event = fitted.ids_of([today.labels[today.dst[e]]])[0]
        values = {("component", today.fields["provider"][e].as_py()), ("host", today.host[e])}
        values |= {(f["type"], f["value"]) for f in today.fields["*"][e].as_py()}
        slow.update((event, *value) for value in values if value[0] != "num")
        slow[event, EVENT, ""] += 1
    for (event, kind, value), count in told.items():
        assert slow[event, kind, value] == count


@settings(max_examples=15, deadline=None)
@given(hours=st.sets(st.integers(0, 23), max_size=5), top=st.sampled_from([1, 7, 1000]))
def test_slices_of_whole_hours_give_the_findings_of_the_whole(
    fitted: RelationDetector, today: Graph, hours: set[int], top: int
) -> None:
    detector = replace(fitted, top=top)
    detector._ids = fitted._ids
    cuts = [(START + 9 * 86_400) * 1_000_000 + hour * HOUR for hour in sorted(hours)]
    parts = [
        today.subset((today.ts >= begin) & (today.ts < end)).used()
        for begin, end in pairwise([0, *cuts, 2**62])
    ]
    held, paths = best(detector.search(), parts)
    whole = detector.score(today)
    assert paths.stories == whole.stories
    np.testing.assert_array_equal(paths.z, whole.z)
    one, two = best(detector.search(), [today])
    assert held.record[paths.events[:, 0]].tolist() == one.record[two.events[:, 0]].tolist()


def test_each_hour_of_a_host_is_a_block(fitted: RelationDetector, today: Graph) -> None:
    blocks = list(fitted.hourly(today))
    keys = [(g.host[p.events[0, 0]], int(g.ts[p.events[0, 0]]) // HOUR) for g, p in blocks]
    assert len(set(keys)) == len(keys)
    assert max(p.z.max() for _, p in blocks) == fitted.score(today).z[0]
    assert not list(fitted.crossing(today))
    paths = fitted.score(today)
    assert paths.stories is not None
    for story, score, z in zip(paths.stories, paths.score, paths.z, strict=True):
        assert fitted.z_of(story.kind, 1, float(score)) == pytest.approx(z)
    assert fitted.z_of("with nothing", 1, 3.0) == 0.0


def test_only_events_that_are_asked_for_are_scored(fitted: RelationDetector, today: Graph) -> None:
    hidden = np.array(["promiscuous" in today.labels[n] for n in today.dst], bool)
    assert hidden.any()
    less = fitted.score(today, covered=hidden)
    assert less.stories is not None
    assert not any("promiscuous" in story.title for story in less.stories)
    assert len(fitted.score(today, hosts=["elsewhere"])) == 0
    assert len(fitted.score(today, types=["file"])) == 0


def test_a_window_in_itself_is_judged_by_the_rest(quiet: Graph, today: Graph) -> None:
    both = RelationDetector().fit([quiet, today])
    inside = both.score(today, inside=True)
    assert ("user", "eve") in words(inside)[:6]
    learned = both.score(today)
    at = words(learned).index(("user", "eve"))
    assert learned.score[at] < inside.score[words(inside).index(("user", "eve"))]


def test_a_model_is_the_same_after_save_and_load(
    fitted: RelationDetector, today: Graph, tmp_path: Path
) -> None:
    fitted.save(tmp_path / "a")
    again = RelationDetector.load(tmp_path / "a")
    paths, before = again.score(today), fitted.score(today)
    np.testing.assert_array_equal(paths.score, before.score)
    assert paths.stories == before.stories
    again.save(tmp_path / "b")
    for name in ("manifest.json", "tensors.safetensors"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_parts_of_the_window_give_the_same_model(quiet: Graph, tmp_path: Path) -> None:
    cut = (START + 3 * 86_400) * 1_000_000
    parts = [quiet.subset(quiet.ts < cut).used(), quiet.subset(quiet.ts >= cut).used()]
    RelationDetector().fit([quiet]).save(tmp_path / "a")
    RelationDetector().fit(parts).save(tmp_path / "b")
    for name in ("manifest.json", "tensors.safetensors"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_words_that_differ_in_a_template_are_values_if_they_are_few(tmp_path: Path) -> None:
    def day(first: int, odd: list[str]) -> list[str]:
        draw, made = np.random.default_rng(first), []
        for i in range(200):
            state = ("started", "stopped", "paused")[int(draw.integers(0, 3))]
            made.append(line(first * 86_400 + i * 300, "vm", f"machine was {state} by the host"))
            name = "".join(chr(97 + int(c)) for c in draw.integers(0, 26, 6))
            made.append(line(first * 86_400 + i * 300, "job", f"wrote file named {name} to disk"))
        return sorted(made + [line(first * 86_400 + 5, "vm", text) for text in odd])

    quiet = stored(tmp_path, "quiet", day(0, []) + day(1, [])).graph(fields=TEXT_FIELDS)
    detector = RelationDetector().fit([quiet])
    machine = detector.ids_of(["machine was started by the host"])[0]
    assert detector.slots_ == {machine: [2]}  # each job's name is another
    today = stored(tmp_path, "today", day(3, ["machine was erased by the host"]))
    paths = detector.score(today.graph(fields=TEXT_FIELDS))
    assert words(paths)[0] == ("word 1", "erased")
    assert paths.stories is not None
    assert paths.stories[0].title.startswith("word 1 erased: never in")
    detector.save(tmp_path / "a")
    again = RelationDetector.load(tmp_path / "a")
    assert again.slots_ == detector.slots_
    assert again.score(today.graph(fields=TEXT_FIELDS)).stories == paths.stories


def test_an_update_learns_what_was_new(quiet: Graph, today: Graph) -> None:
    detector = RelationDetector().fit([quiet])
    before = detector.score(today)
    detector.update(Kept(today))
    after = detector.score(today)
    one = before.score[words(before).index(("user", "eve"))]
    assert after.score[words(after).index(("user", "eve"))] < one
    assert detector.learned["user"] > 339
    with pytest.raises(NotFitted):
        RelationDetector().update(Kept(today))


def test_a_second_fit_knows_nothing_of_the_first(quiet: Graph, today: Graph) -> None:
    once, twice = RelationDetector().fit([quiet]), RelationDetector().fit([today]).fit([quiet])
    assert twice.learned == once.learned
    np.testing.assert_array_equal(twice.score(today).z, once.score(today).z)


def test_tables_are_read_by_their_columns(tmp_path: Path) -> None:
    table = tmp_path / "alerts.csv"
    rows = ["when,name,host,ip,extra"]
    for i in range(300):
        name = ("scan", "login")[i % 2]
        ip = f"10.0.{i % 2}.{i % 5}"
        rows.append(f"{START + i * 600},{name},ws{i % 3},{ip},{i}")
    rows.append(f"{START + 300 * 600},login,ws1,10.0.0.3,x")  # known, but never together
    table.write_text("\n".join(rows) + "\n")
    from graphad.decoders.tabular_columns import columns_parser

    store = Workspace(tmp_path / "store")
    columns = ("name", "host", "ip")
    store.ingest([table], parser=columns_parser(columns, "when"))
    graph = store.graph(fields=columns)
    last = graph.ts.max()
    detector = RelationDetector(columns=columns).fit([graph.subset(graph.ts < last)])
    paths = detector.score(graph.subset(graph.ts >= last))
    assert words(paths)[0] == ("ip", "10.0.0.3")
    assert paths.stories is not None
    assert paths.stories[0].title == "ip 10.0.0.3: never in 150; login"
    missing = ("name", "host", "nothing")
    with pytest.raises(GraphadError, match="'nothing'"):
        RelationDetector(columns=missing).fit([store.graph(fields=missing)])


def test_errors_are_clear(quiet: Graph, tmp_path: Path) -> None:
    with pytest.raises(GraphadError, match="one alone has none"):
        RelationDetector(columns=("user",))
    with pytest.raises(GraphadError, match="surprisal, counts, unseen, network or rank"):
        RelationDetector(model="oracle")  # type: ignore[arg-type]
    with pytest.raises(NotFitted):
        RelationDetector().save(tmp_path / "a")
    with pytest.raises(GraphadError, match="too few relations"):
        RelationDetector().fit([quiet.subset(np.arange(3))])
    with pytest.raises(ValueError, match="no graph"):
        best(RelationDetector().search(), [])


@pytest.mark.parametrize("model", ["counts", "unseen"])
def test_other_models_find_it_too(quiet: Graph, today: Graph, model: Any) -> None:
    paths = RelationDetector(model=model).fit([quiet]).score(today)
    assert ("user", "eve") in words(paths)
    assert paths.terms.sum(axis=(1, 2)) == pytest.approx(paths.score)


def test_damage_is_an_error(fitted: RelationDetector, tmp_path: Path) -> None:
    fitted.save(tmp_path / "a")
    manifest = json.loads((tmp_path / "a" / "manifest.json").read_text())
    changes: list[dict[str, object]] = [
        {"model": "oracle"}, {"counts": {}}, {"tails": 3}, {"rows": None}, {"columns": ["a"]},
        {"top": "many"}, {"tails": {"x": {}}},
    ]  # fmt: skip
    for change in changes:
        bad = manifest | {"settings": manifest["settings"] | change}
        (tmp_path / "a" / "manifest.json").write_text(json.dumps(bad))
        with pytest.raises(ModelError):
            RelationDetector.load(tmp_path / "a")
