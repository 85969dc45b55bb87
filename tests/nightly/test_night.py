"""Nights over invented days: what is judged by what, what is learned, what is said."""

import json
import os
import shutil
from pathlib import Path

import pytest

from graphad.detectors.path import PathDetector
from graphad.errors import GraphadError
from graphad.incidents import microseconds
from graphad.nightly import state
from graphad.nightly.drift import alarms
from graphad.nightly.night import Done, run
from graphad.store.lock import writing
from graphad.workspace import Workspace
from tests.nightly import days
from tests.nightly.killing import plan

BAD = (3, 4, 5)  # nights with the same attack
MANY = {"learn_days": 14, "keep_days": None}


class Nights:
    """Six nights of three hosts, and what each found."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = Workspace(folder / "store")
        self.done: list[Done] = []
        for number in range(6):
            more = days.attack(number) if number in BAD else []
            self.done.append(
                run(self.store, plan(days.write(folder, number, *more), number, **MANY))
            )

    def copy(self, to: Path) -> Workspace:
        shutil.copytree(self.folder / "store", to)
        return Workspace(to)


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Nights:
    return Nights(tmp_path_factory.mktemp("nights"))


def is_attack(done: Done) -> bool:
    """Say whether the best finding of a night is the attack, and an alert."""
    best = done.findings[0]
    texts = " ".join(proof.text or "" for proof in best.evidence)
    return bool(best.alert) and "/etc/keys.db" in texts


def known(store: Workspace, model: str) -> set[str]:
    """Return the names that a model learned."""
    found = store.model(model)[0]
    assert isinstance(found, PathDetector)
    assert found.names_ is not None
    return {
        found.names_.vertex[at].partition(" ")[2]
        for ends in (found.names_.src, found.names_.dst)
        for at in ends
    }


def test_the_same_attack_is_first_on_three_nights_running(nights: Nights) -> None:
    assert [is_attack(nights.done[number]) for number in BAD] == [True] * 3
    for number in BAD:
        learned = nights.done[number].night.learned["path"]
        assert "/etc/keys.db" not in known(nights.store, learned)
        assert "/var/dbd/f0" in known(nights.store, learned)
    told = nights.done[-1].night.stages["learn path"].told
    assert told["left_out"] >= 2 * len(BAD)
    assert told["of_findings"] >= len(BAD)


def test_what_is_alerted_is_learned_if_asked_for(nights: Nights, tmp_path: Path) -> None:
    copy = nights.copy(tmp_path / "store")
    logs = list(nights.done[5].night.files)
    done = run(copy, plan(logs, 5, **MANY, learn_alerted=True))
    assert done.repeated == ["ingest", "judge path", "drift path", "prune"]
    assert "/etc/keys.db" in known(copy, done.night.learned["path"])
    assert done.night.learned["path"] != nights.done[5].night.learned["path"]
    # What somebody called an attack is left out even so, on all days, for its links are the same.
    for finding in done.findings:
        if any(entity.key == "/etc/keys.db" for entity in finding.entities):
            copy.mark(finding.id, "malicious", "it is the attack", scope="fleet")
    again = run(copy, plan(logs, 5, **MANY, learn_alerted=True))
    assert again.repeated == ["ingest", "prune"]
    assert "/etc/keys.db" not in known(copy, again.night.learned["path"])


def test_days_alike_have_not_drifted(nights: Nights) -> None:
    for done in nights.done[1:]:
        told = done.night.stages["drift path"].told
        assert told["entities"]["stability"] < 0.05
        assert told["hosts"]["stability"] < 0.05
        assert not [text for text in done.warnings if "drifted" in text]
    assert told["scores"]["chance"] > 0.001
    assert alarms([one.night for one in nights.done], "path") == [
        len({f.incident for f in one.findings if f.alert}) for one in nights.done[1:]
    ]


def test_nothing_is_judged_by_what_learned_it(nights: Nights) -> None:
    models = {one.model: one for one in nights.store.models()}
    for number, done in enumerate(nights.done):
        judge = done.night.judges["path"]
        assert (judge == "") == (number == 0)
        if judge:
            assert judge == nights.done[number - 1].night.learned["path"]
            assert models[judge].end < days.day(number).isoformat()
    assert nights.done[0].findings == []
    assert len({one.night.learned["path"] for one in nights.done}) == len(nights.done)


def test_a_first_night_that_is_repeated_is_not_judged(nights: Nights, tmp_path: Path) -> None:
    copy = Workspace(tmp_path / "store")
    logs = list(nights.done[0].night.files)
    for _ in range(2):
        done = run(copy, plan(logs, 0))
        assert (done.findings, done.night.judges) == ([], {"path": ""})
    late = tmp_path / "late.log"
    late.write_text("".join(f"{text}\n" for text in days.attack(0)))
    done = run(copy, plan([*logs, str(late)], 0))
    assert done.findings == []
    assert done.night.stages["judge path"].told["late"] == 3


def test_late_logs_of_an_old_day_are_judged_as_they_would_have_been(
    nights: Nights, tmp_path: Path
) -> None:
    copy = nights.copy(tmp_path / "store")
    late = tmp_path / "late.log"
    late.write_text("".join(f"{text}\n" for text in days.attack(2, "alpha")))
    before = nights.done[2]
    done = run(copy, plan([str(late)], 2, **MANY))
    assert done.night.judges == before.night.judges
    assert done.night.stages["judge path"].told["late"] == 3
    assert done.night.learned == before.night.learned  # those of later nights are of it too
    assert is_attack(done)
    assert {f.id for f in before.findings} - {f.id for f in done.findings} < {
        f.id for f in copy.findings()
    }
    # A store that had the late lines from the beginning says the same of this day.
    other = nights.copy(tmp_path / "other")
    for number in range(2, 6):
        state.forget(other.path, days.day(number).isoformat())
    every = run(other, plan([*before.night.files, str(late)], 2, **MANY))
    assert [(f.id, f.z) for f in every.findings] == [(f.id, f.z) for f in done.findings]
    # The newest night learns anew: its window holds the late day.
    last = run(copy, plan(list(nights.done[5].night.files), 5, **MANY))
    assert last.repeated == ["ingest", "judge path", "drift path", "prune"]


def test_events_of_other_days_are_told(tmp_path: Path) -> None:
    store = Workspace(tmp_path / "store")
    logs = days.write(tmp_path, 1, *days.attack(0), hosts=("beta",))
    done = run(store, plan(logs, 1))
    assert done.night.stages["ingest"].told["other_days"] == {days.day(0).isoformat(): 3}


def test_pruning_forgets_what_nobody_was_alerted_to_or_marked(
    nights: Nights, tmp_path: Path
) -> None:
    copy = nights.copy(tmp_path / "store")
    begin = nights.done[5].night.begin
    before = copy.findings()
    old = [f for f in before if microseconds(f.end) < begin]
    told = {f.incident for f in before if f.alert or microseconds(f.end) >= begin}
    kept = next(f for f in old if f.incident not in told)
    copy.mark(kept.id, "benign", "of interest")
    told |= {f.incident for f in copy.findings() if f.marks}
    gone = [f.id for f in before if f.incident not in told]
    assert kept.incident in told
    assert gone
    assert any(f.alert for f in old)
    known = copy.findings(lambda one: one.id in gone)
    assert [f.id for f in known] == gone
    assert copy.forget(begin) == len(gone)
    assert [f.id for f in copy.findings()] == [f.id for f in before if f.id not in gone]
    assert {one.id for one in copy.incidents(tags=False)} == told
    assert copy.forget(begin) == 0
    logs = list(nights.done[5].night.files)
    other = nights.copy(tmp_path / "other")
    done = run(other, plan(logs, 5, learn_days=1, keep_days=1))
    assert done.night.stages["prune"].told["findings"] >= len(gone)
    stay = other.findings()
    alerted = {f.incident for f in stay if f.alert}
    assert all(f.incident in alerted or microseconds(f.end) >= begin for f in stay)


def test_two_nights_at_once_do_not_run(tmp_path: Path) -> None:
    store = Workspace(tmp_path / "store")
    state.sweep(store.path)
    with writing(store.path / state.FOLDER), pytest.raises(GraphadError, match=str(os.getpid())):
        run(store, plan([], 0))


def test_a_night_without_its_logs_fails_and_one_without_some_says_so(tmp_path: Path) -> None:
    store = Workspace(tmp_path / "store")
    with pytest.raises(GraphadError, match="None of the night's logs"):
        run(store, plan([str(tmp_path / "absent" / "*.log")], 0))
    logs = days.write(tmp_path, 0, hosts=("beta",))
    (tmp_path / "odd.zip").write_bytes(b"PK\x03\x04 is no archive")
    done = run(store, plan([*logs, str(tmp_path / "gone"), str(tmp_path / "odd.zip")], 0))
    said = " ".join(done.warnings)
    assert "gone does not exist" in said
    assert "odd.zip is a damaged zip archive" in said
    assert done.night.stages["ingest"].told["read"] == 24 * 6


def test_plans_that_contradict_themselves_are_refused(tmp_path: Path) -> None:
    store = Workspace(tmp_path / "store")
    with pytest.raises(GraphadError, match="only 3 would be kept"):
        run(store, plan([], 0, learn_days=4, keep_days=3))
    with pytest.raises(GraphadError, match="needs a detector"):
        run(store, plan([], 0, detectors={}))


def test_a_damaged_state_begins_anew(nights: Nights, tmp_path: Path) -> None:
    copy = nights.copy(tmp_path / "store")
    path = copy.path / state.FOLDER / f"{days.day(5)}.json"
    path.write_bytes(path.read_bytes()[:100])
    done = run(copy, plan(list(nights.done[5].night.files), 5, **MANY))
    assert "damaged" in done.warnings[0]
    assert [f.id for f in done.findings] == [f.id for f in nights.done[5].findings]
    assert json.loads(path.read_bytes())["learned"] == nights.done[5].night.learned


def test_a_detector_that_cannot_learn_stops_no_other(tmp_path: Path) -> None:
    store = Workspace(tmp_path / "store")
    log = tmp_path / "short.log"
    log.write_text("".join(f"{text}\n" for text in days.attack(0)))
    both = {"event": {}, "path": {"span_s": 3600.0, "max_length": 3}}
    done = run(store, plan([str(log)], 0, detectors=both))
    assert list(done.night.learned) == ["path"]
    assert "distinct ones to learn from" in done.night.stages["learn event"].told["why"]
    assert run(store, plan([str(log)], 0, detectors=both)).repeated[-3:] == [
        "learn event", "learn path", "prune"
    ]  # fmt: skip


def test_findings_without_alert_go_after_their_days_though_records_stay(
    nights: Nights, tmp_path: Path
) -> None:
    copy = nights.copy(tmp_path / "store")
    logs, begin = list(nights.done[5].night.files), nights.done[5].night.begin
    before = copy.findings()
    assert any(microseconds(f.end) < begin and not f.alert for f in before)
    edges = copy.sql("SELECT count(*) FROM edges").to_pylist()
    done = run(copy, plan(logs, 5, **MANY, keep_findings=1))
    told = done.night.stages["prune"].told
    stay = copy.findings()
    assert told["findings"] == len(before) - len(stay) > 0
    assert (told["records"], told["models"]) == (0, 0)
    assert copy.sql("SELECT count(*) FROM edges").to_pylist() == edges
    alerted = {f.incident for f in before if f.alert}
    assert {f.id for f in stay} == {
        f.id for f in before if f.incident in alerted or microseconds(f.end) >= begin
    }
    # A night of long ago that is judged anew has what it found, until the next one.
    late = tmp_path / "late.log"
    late.write_text("".join(f"{text}\n" for text in days.attack(2, "alpha")))
    old = run(copy, plan([str(late)], 2, **MANY, keep_findings=1))
    other = {f.id for f in old.findings if f.incident not in {g.incident for g in stay}}
    assert other
    assert other <= {f.id for f in copy.findings()}
    last = run(copy, plan(days.write(tmp_path, 6), 6, **MANY, keep_findings=1))
    alerted = {f.incident for f in copy.findings() if f.alert}
    ended = [f for f in copy.findings() if microseconds(f.end) < last.night.begin]
    assert {f.incident for f in ended} <= alerted | {f.incident for f in last.findings}
