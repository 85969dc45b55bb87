"""Models that a store keeps: fitted, updated, listed, and gone back to."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import numpy as np
import pytest

from graphad.decoders.tabular_columns import columns_parser
from graphad.detectors.store_events import StoreEventDetector
from graphad.errors import GraphadError, ModelError, UnknownName
from graphad.judge import quiet_reference
from graphad.workspace import Workspace, open_store
from graphad.workspace_window import StoreWindow

COLUMNS = ("user", "program", "ip")
FIRST = datetime(2026, 11, 1, tzinfo=UTC)


def day(folder: Path, number: int, extra: str = "") -> Path:
    """Write a day of events of two groups, whose programs and addresses differ."""
    draw = np.random.default_rng(number)
    lines = ["ts,user,program,ip"]
    for i in range(400):
        group = int(draw.integers(0, 2))
        ts = FIRST + timedelta(days=number, seconds=i * 200)
        program = min(int(draw.zipf(1.8)), 6)
        lines.append(
            f"{ts.isoformat()},{'ab'[group]}{draw.integers(0, 4)},{'pq'[group]}{program},"
            f"10.{group}.0.{draw.integers(1, 4)}"
        )
    log = folder / f"day{number}.csv"
    log.write_text("\n".join(lines) + "\n" + extra)
    return log


def odd(number: int) -> str:
    return f"{(FIRST + timedelta(days=number, hours=12.01)).isoformat()},a1,q1,10.1.0.1\n"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("models")
    made = open_store(folder / "store")
    logs = [day(folder, n) for n in range(8)]
    logs.append(day(folder, 8, odd(8)))
    made.ingest(logs, parser=columns_parser(COLUMNS, "ts"))
    return made


def settings() -> dict[str, object]:
    return {"columns": COLUMNS}


def test_a_model_is_fitted_used_updated_and_gone_back_to(store: Workspace) -> None:
    one = store.fit(end="2026-11-07", detector="event", settings=settings())
    found = store.score(start="2026-11-09", detector="event")
    assert (found.model, found.calibrated) == (one, True)
    top = found.findings[0]
    assert top.alert
    assert top.evidence[0].text is not None
    assert ",a1,q1,10.1.0.1" in top.evidence[0].text
    assert sum(top.terms.values()) == top.score
    assert [e.terms for e in top.edges] == [top.terms]
    two = store.update(start="2026-11-07", end="2026-11-09")
    known = {version.model: version for version in store.models()}
    assert list(known) == [one, two]
    assert (known[two].parent, known[two].in_use, known[one].in_use) == (one, True, False)
    assert known[two].learned["table"] > known[one].learned["table"]
    assert known[one].start.startswith("2026-11-01")
    assert known[one].calibrated
    assert 0.2 < known[one].agreement["table"] <= 1.0
    assert known[two].calibrated
    assert store.score(start="2026-11-09", detector="event").model == two
    assert store.use(one[:9]) == one
    again = store.score(start="2026-11-09", detector="event")
    assert [f.id for f in again.findings] == [f.id for f in found.findings]
    assert [f.score for f in again.findings] == [f.score for f in found.findings]


def test_an_update_goes_on_where_the_model_ended(store: Workspace) -> None:
    one = store.fit(end="2026-11-05", detector="event", settings=settings())
    with pytest.raises(GraphadError, match="has learned all until 2026-11-04T"):
        store.update(start="2026-11-04", end="2026-11-06")
    two = store.update(end="2026-11-07")
    known = {version.model: version for version in store.models()}
    assert known[one].end < known[two].start < "2026-11-05T01"
    # All but the last third, which is for the threshold.
    assert known[two].learned["table"] > known[one].learned["table"]


def test_fitting_again_gives_the_same_model(store: Workspace) -> None:
    one = store.fit(end="2026-11-06", detector="event", settings=settings())
    assert store.fit(end="2026-11-06", detector="event", settings=settings()) == one
    assert [v.model for v in store.models()].count(one) == 1


def test_models_of_detectors_stand_side_by_side(store: Workspace) -> None:
    event = store.fit(end="2026-11-07", detector="event", settings=settings())
    path = store.fit(end="2026-11-07")
    used = {version.detector: version.model for version in store.models() if version.in_use}
    assert used == {"event": event, "path": path}
    assert store.model()[2] == path
    assert store.model(detector="event")[2] == event
    assert store.score(model=event, start="2026-11-09").findings[0].detector == "event"
    with pytest.raises(GraphadError, match="cannot be updated"):
        store.update(model=path, start="2026-11-07")


def test_a_finding_that_is_marked_benign_counts_for_nothing(store: Workspace) -> None:
    store.fit(end="2026-11-07", detector="event", settings=settings())
    top = store.score(start="2026-11-09", detector="event").findings[0]
    store.mark(top.id, "benign", "a test")
    assert top.id not in {f.id for f in store.score(start="2026-11-09", detector="event").findings}
    kept = store.finding(top.id)
    assert (kept.score, kept.alert) == (0.0, False)
    assert sum(kept.terms.values()) == 0.0
    assert kept.z < top.z
    store.unmark(top.id)  # by what it is on, for it is the only one
    assert store.finding(top.id).score == kept.score  # until it is scored again
    assert top.id in {f.id for f in store.score(start="2026-11-09", detector="event").findings}
    with pytest.raises(UnknownName):
        store.unmark(top.id)


def test_what_a_killed_fit_left_is_swept_when_it_is_old(store: Workspace) -> None:
    folder = store.path / "models" / "event"
    folder.mkdir(parents=True, exist_ok=True)
    old, new = folder / ".new-1", folder / "..new-2.2.tmp"
    for left in (old, new):
        left.mkdir()
        (left / "manifest.json").write_text("{")
    os.utime(old, (0, 0))
    known = [version.model for version in store.models()]
    store.fit(end="2026-11-04", detector="event", settings=settings())
    assert (old.exists(), new.exists()) == (False, True)
    assert set(known) <= {version.model for version in store.models()}


def test_errors_are_clear(store: Workspace, tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="No detector is called 'wind'"):
        store.fit(detector="wind")
    with pytest.raises(GraphadError, match="no such setting"):
        store.fit(detector="event", settings={"span_s": 3})
    with pytest.raises(UnknownName):
        store.use("event-none")
    with pytest.raises(GraphadError, match="No record says"):
        store.fit(detector="event", settings={"columns": ("user", "colour")})
    with pytest.raises(GraphadError, match="the table lacks zeit"):
        open_store(tmp_path / "wrong").hunt(
            [day(tmp_path, 1)], parser=columns_parser(COLUMNS, "zeit"), detector="event"
        )
    empty = open_store(tmp_path / "empty")
    with pytest.raises(GraphadError, match="fit --detector event"):
        empty.score(detector="event")
    assert empty.models() == []


def test_a_model_is_there_whole_or_not_at_all(
    store: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = [version.model for version in store.models()]
    used = store.model(detector="event")[2]

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("graphad.judge.quiet_reference", killed)
        with pytest.raises(KeyboardInterrupt):
            store.fit(start="2026-11-02", end="2026-11-05", detector="event", settings=settings())
    assert [version.model for version in store.models()] == known
    assert store.model(detector="event")[2] == used


def test_a_damaged_model_is_told_of(store: Workspace) -> None:
    name = store.fit(end="2026-11-03", detector="event", settings=settings())
    assert name not in " ".join(store.damaged())
    path = store.path / "models" / "event" / name / "tensors.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    assert any(name in problem and "damaged" in problem for problem in store.damaged())
    path.write_bytes(path.read_bytes()[:-1] + bytes([data[-1] ^ 1]))


def test_a_model_of_an_older_graphad_and_a_damaged_one(store: Workspace) -> None:
    name = store.fit(end="2026-11-05", detector="event", settings=settings())
    folder = store.path / "models" / "event" / name
    (folder / "about.json").unlink()
    assert name in [version.model for version in store.models()]
    (folder / "calibration.json").write_text("{}")
    with pytest.raises(ModelError):
        store.model(name)
    (folder / "calibration.json").unlink()
    assert store.model(name)[1] is None


def test_large_windows_are_read_in_slices_with_the_same_answer(
    store: Workspace, tmp_path: Path
) -> None:
    for name, most in (("whole", 10**9), ("sliced", 90)):
        window = StoreWindow(store, None, "2026-11-07", slice_events=most)
        assert window.large == (name == "sliced")
        StoreEventDetector(columns=COLUMNS).learn(window).save(tmp_path / name)
    one, two = ((tmp_path / n / "tensors.safetensors").read_bytes() for n in ("whole", "sliced"))
    assert one == two
    model = store.fit(end="2026-11-07", detector="event", settings=settings())
    whole = store.score(model=model, start="2026-11-07", now=0)
    sliced = store.score(model=model, start="2026-11-07", slice_events=90, now=0)
    assert [msgspec.to_builtins(f) for f in sliced.findings] == [
        msgspec.to_builtins(f) for f in whole.findings
    ]
    assert len(whole.findings) > 50
    detector = store.model(model)[0]
    references = [
        quiet_reference(detector, StoreWindow(store, slice_events=most).graphs(detector.fields))
        for most in (10**9, 90)
    ]
    assert sorted(references[0][0]) == sorted(references[1][0])
    assert references[0][1:] == references[1][1:]


def test_columns_called_like_terms_and_times_are_told_exactly(tmp_path: Path) -> None:
    names = ("origin", "ts", "mark", "first seen")
    log = day(tmp_path, 1)
    text = log.read_text().splitlines()
    text[0] = "when,ts,origin,mark"
    log.write_text("\n".join(f"{line},{i % 3}" for i, line in enumerate(text)).replace(
        "when,ts,origin,mark,0", "when,ts,origin,mark,first seen"
    ))  # fmt: skip
    made = open_store(tmp_path / "store")
    found = made.hunt(
        [log], detector="event", settings={"columns": names, "time": "when"},
        parser=columns_parser(names, "when"),
    ).findings  # fmt: skip
    assert found
    for one in found:
        assert sum(one.terms.values()) == one.score
        assert set(one.terms) >= {"origin", "origin_", "ts", "mark_", "first seen_"}
    with pytest.raises(GraphadError, match="cannot be the time and a column"):
        made.fit(detector="event", settings={"columns": ("ts",), "time": "ts"})
