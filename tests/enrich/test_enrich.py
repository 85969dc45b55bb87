"""The enricher gives the numbers that the detectors give, whatever shape an event comes in."""

import json
import multiprocessing
import os
import pickle
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from graphad.detectors.event_odd import odd_rows
from graphad.detectors.store_events import StoreEventDetector
from graphad.enrich import Enricher, Judged, read_model
from graphad.enrich.events import Shares
from graphad.enrich.memory import Results, Words
from graphad.errors import GraphadError, ModelError, UnknownName
from graphad.models.tails import Tail
from graphad.workspace import Workspace
from graphad.workspace_window import StoreWindow
from tests.enrich.conftest import Made
from tests.enrich.events import SHAPES, Event, ecs, events, flat, lines, odd


def test_each_record_scores_as_the_detector_scores_its_events(made: Made, store: Workspace) -> None:
    detector, calibration, _ = store.model(made.model.name)
    assert isinstance(detector, StoreEventDetector)
    assert calibration is not None
    read = made.log.read_bytes().splitlines()
    kinds, compared, first = set(), 0, 0
    for graph in StoreWindow(store).graphs(detector.fields):
        for number, rows in detector.rows(graph):
            name = detector.kinds[number].name
            one = detector.learned_.get(name)
            if one is None:
                continue
            enricher = Enricher.load(made.model, name)
            kinds.add(name)
            whole, *new = odd_rows(number, one.model, one.tail, detector.table(rows), rows)
            best = whole.z.copy()
            for part in new:
                best[part.row] = np.maximum(best[part.row], part.z)
                first += len(part)
            for score, z, at in zip(whole.score, best, rows.event, strict=True):
                told = enricher.judge(json.loads(read[int(graph.record[at]) - 1]))
                assert (told.score, told.z) == (score, z)
                assert told.level == calibration.severity(z)
                assert told.p_value == calibration.p_value(z)
                assert told.alert == (z >= calibration.threshold)
                compared += 1
    assert kinds == set(detector.learned_)
    assert len(kinds) >= 6
    assert compared > 500
    assert first > 0


@pytest.mark.parametrize("shape", SHAPES[1:], ids=lambda shape: shape.__name__)
def test_all_shapes_of_an_event_are_judged_alike(enricher: Enricher, shape: object) -> None:
    some = [*events(400, seed=5), odd()]
    told = 0
    for one in some:
        other: Event | None = shape(one)  # type: ignore[operator]
        if other is not None:
            told += 1
            assert enricher.judge(other) == enricher.judge(flat(one)), other
    assert told > 200


def test_what_was_never_seen_is_the_oddest_and_says_why(enricher: Enricher) -> None:
    quiet = [enricher.judge(flat(one)) for one in events(400, seed=5)]
    told = enricher.judge(flat(odd()))
    zs = [one.z for one in quiet if one.z is not None]
    assert told.z is not None
    assert told.z > max(zs)
    assert told.kind == "launch"
    assert any("evil.exe was never seen before" in one for one in told.reason), told.reason
    assert told.model == enricher.models[0].name
    assert sum(one.percentile > 99.0 for one in quiet if one.percentile is not None) < 40


def test_events_of_no_known_kind_have_no_score(enricher: Enricher) -> None:
    assert enricher.judge({"a": 1}) == Judged()
    only = Enricher([read_model(Path(enricher._from[1][0]), "launch")])  # type: ignore[index]
    assert only.judge(flat(odd())).kind == "launch"
    file = next(one for one in events(200) if one["what"] == "create file")
    assert only.judge(flat(file)) == Judged(kind="file")
    with pytest.raises(TypeError):
        enricher.judge([1])  # type: ignore[arg-type]


HOSTILE: tuple[object, ...] = (
    None, "", "-", 0, 10**400, 1e400, [], [None], {}, {"a": 1}, True, "\0", "\ud800", "x" * 100_000,
)  # fmt: skip


@pytest.mark.parametrize("value", HOSTILE)
def test_no_value_of_any_field_is_an_error(enricher: Enricher, value: object) -> None:
    for shape in SHAPES:
        for one in [odd(), *events(30, seed=2)]:
            made = shape(one)
            if made is None:
                continue
            for changed in _changed(made, value):
                assert isinstance(enricher.judge(changed), Judged)


def _changed(event: Event, value: object) -> list[Event]:
    """Return an event with each of its values changed, one at a time."""
    found: list[Event] = []
    for key, old in event.items():
        found.append(event | {key: value})
        if isinstance(old, dict):
            found += [event | {key: inner} for inner in _changed(old, value)]
    return found


def test_one_kind_scores_by_its_columns(made: Made) -> None:
    with pytest.raises(UnknownName, match="several kinds"):
        Enricher.load(made.model).score({})
    with pytest.raises(UnknownName, match="lunch"):
        Enricher.load(made.model, "lunch")
    one = Enricher.load(made.model, "launch")
    assert one.score({"program": "evil.exe"}).first_seen == ("program",)


def test_a_store_gives_its_models_in_use(made: Made, tmp_path: Path) -> None:
    assert Enricher.of_store(made.store).models[0].name == made.model.name
    with pytest.raises(GraphadError, match="no event or relation model"):
        Enricher.of_store(tmp_path, risk=False)
    (tmp_path / "models" / "event").mkdir(parents=True)
    (tmp_path / "models" / "event" / "LATEST").write_text("../../etc")
    with pytest.raises(ModelError):
        Enricher.of_store(tmp_path, risk=False)
    with pytest.raises(ModelError):
        Enricher.load(tmp_path)


def test_threads_give_what_one_gives(made: Made) -> None:
    read = [flat(one) for one in events(600, seed=9)]
    alone = Enricher.load(made.model)
    wanted = [alone.members(one) for one in read]
    shared = Enricher.load(made.model)
    shared._results.room = 40_000  # so that it is emptied, again and again
    found: list[list[bytes]] = []

    def work() -> None:
        found.append([shared.members(one) for one in read])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert all(one == wanted for one in found)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_gives_what_its_parent_gives(enricher: Enricher) -> None:
    read = [flat(one) for one in events(200, seed=9)]
    read_end, write_end = os.pipe()
    child = os.fork()
    if not child:
        os.write(write_end, b"".join(enricher.members(one) for one in read)[:60_000])
        os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as file:
        told = file.read()
    assert os.waitpid(child, 0)[1] == 0
    assert told == b"".join(enricher.members(one) for one in read)[:60_000]


def test_a_spawned_process_loads_it_anew(made: Made, enricher: Enricher) -> None:
    again = pickle.loads(pickle.dumps(enricher))
    assert again.judge(flat(odd())) == enricher.judge(flat(odd()))
    assert len(pickle.dumps(enricher)) < 1000
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.map(enricher.judge, [flat(odd())]) == [enricher.judge(flat(odd()))]
    with pytest.raises(TypeError, match="pickled"):
        pickle.dumps(Enricher(enricher.models))


def test_a_start_loads_nothing_heavy(made: Made) -> None:
    code = f"""
import sys
from graphad import Enricher
Enricher.load({str(made.model)!r}).judge({{}})
print(*sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        cwd=Path(__file__).parent.parent.parent,
    )  # fmt: skip
    loaded = set(done.stdout.split())
    assert not loaded & {"torch", "numba", "duckdb", "pandas", "networkx", "drain3", "click"}


def test_the_share_of_one_score_is_the_tails() -> None:
    draw = np.random.default_rng(3)
    for size in (1, 5, 300, 5000):
        tail = Tail.fit(draw.normal(size=size).round(2))
        one = Shares(tail)
        for score in [*draw.normal(scale=3, size=50), *tail.scores[:20], tail.beyond, 1e9, -1e9]:
            wanted = float(tail.share([score])[0]), float(tail.z([score])[0])
            assert one.of(float(score)) == wanted


def test_memory_is_bounded() -> None:
    words, results = Words(str.upper, room=50_000), Results[int](room=50_000)
    for number in range(3000):
        assert words.of(f"v{number}") == f"V{number}"
        results.keep(number, number, 30)
        assert sum(len(raw) + len(word) for raw, word in words.held.items()) < 50_000
        assert len(results.held) * 230 <= 50_000
    assert words.of("x" * 10_000) == "X" * 10_000
    assert max(map(len, words.held)) < 100
    assert words.held
    assert results.held


def test_lines_are_many_and_of_all_kinds() -> None:
    assert len({one["what"] for one in events(400)}) == 14
    assert all(list(lines(events(50), shape)) for shape in SHAPES)


def test_a_model_of_other_columns_is_an_error(made: Made) -> None:
    model = read_model(made.model, "launch")
    scorer = model.kinds["launch"]
    scorer.named[0].name = "principal"
    with pytest.raises(ModelError, match="principal"):
        Enricher([model])


def test_accounts_are_told_as_the_model_knows_them(made: Made) -> None:
    model = read_model(made.model, "launch")
    user = model.kinds["launch"].named[0]
    assert user.name == "user"
    event = ecs(odd())
    assert event is not None
    wanted = Enricher([model]).judge(event)
    user.codes = {word.rpartition("\\")[2]: code for word, code in user.codes.items()}
    assert "u21" in user.codes
    assert Enricher([model]).judge(event) == wanted
    user.codes = {}
    assert Enricher([model]).judge(event) != wanted
