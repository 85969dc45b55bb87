"""A night that is killed at any moment and then repeated is as one that nothing disturbed."""

import json
import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from graphad.nightly import state
from graphad.nightly.night import run
from graphad.workspace import Workspace
from tests.nightly import days
from tests.nightly.killing import BOTH, NUMBER, plan
from tests.store.crashing import Crasher, crasher

KILLS = int(os.environ.get("GRAPHAD_KILLS", "10"))


@pytest.fixture(scope="module")
def killer() -> Iterator[Crasher]:
    with crasher("tests.nightly.killing") as one:
        yield one


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a store after one night, and the logs of the next one."""
    folder = tmp_path_factory.mktemp("killed")
    hosts = days.HOSTS[:2]
    run(Workspace(folder / "store"), plan(days.write(folder, 0, hosts=hosts), 0, detectors=BOTH))
    logs = days.write(folder, NUMBER, *days.attack(NUMBER), hosts=hosts)
    (folder / "logs.json").write_text(json.dumps(logs))
    return folder


def outcome(path: Path) -> dict[str, Any]:
    """Return all that a night leaves which does not tell of time."""
    store = Workspace(path, create=False)
    nights = [msgspec.to_builtins(one) for one in state.nights(path)]
    for one in nights:
        for stage in one["stages"].values():
            stage["seconds"] = 0.0
        one["stages"].pop("prune", None)  # it tells what this call removed, not a killed one
    assert not list(store.check())
    assert not list(store.damaged())
    return {
        "nights": nights,
        "findings": [msgspec.to_builtins(finding) for finding in store.findings()],
        "incidents": [one.id for one in store.incidents(tags=False)],
        "models": sorted((one.model, one.start, one.end, one.in_use) for one in store.models()),
        "sources": [one.digest for one in store.sources],
        "counts": store.past().to_pylist(),
        "records": store.sql("SELECT source, record FROM records ORDER BY ALL").to_pylist(),
    }


def test_a_killed_night_is_repeated_as_if_nothing_was(
    killer: Crasher, before: Path, tmp_path: Path
) -> None:
    whole = tmp_path / "whole"
    shutil.copytree(before / "store", whole)
    done = killer.run("night", whole, before)
    assert done["code"] == 0, done
    wanted = outcome(whole)
    assert len(wanted["nights"]) == 1  # the night before is pruned
    told = wanted["nights"][0]["findings"]
    assert all(told[detector] for detector in ("path", "event"))
    assert {f["id"] for f in wanted["findings"]} == {name for ids in told.values() for name in ids}
    draw = random.Random(KILLS)
    killed = 0
    for number in range(KILLS):
        copy = tmp_path / str(number)
        shutil.copytree(before / "store", copy)
        if number % 2:
            how: dict[str, Any] = {"after": draw.uniform(0.0, done["seconds"])}
        else:
            how = {"step": draw.randint(1, done["steps"])}
        one = killer.run("night", copy, before, **how)
        killed += one["code"] == -9
        again = killer.run("night", copy, before)
        assert again["code"] == 0, (how, again)
        assert outcome(copy) == wanted, how
        shutil.rmtree(copy)
    assert killed > KILLS / 2


def test_a_finished_stage_is_not_repeated(killer: Crasher, before: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(before / "store", copy)
    logs = json.loads((before / "logs.json").read_text())
    steps = killer.run("night", copy, before)["steps"]
    assert steps > 0
    store = Workspace(copy)
    number = store.manifest.number
    done = run(store, plan(logs, detectors=BOTH))
    stages = [f"{stage} {of}" for stage in ("judge", "drift", "learn") for of in ("path", "event")]
    assert done.repeated == ["ingest", *stages, "prune"]
    assert store.manifest.number == number
    (copy / "nightly" / f"{done.night.day}.json").unlink()  # as if killed before its first commit
    again = run(store, plan(logs, detectors=BOTH))
    assert again.repeated == []
    assert again.findings == done.findings
    assert store.manifest.number == number
