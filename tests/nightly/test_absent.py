"""What is missing on a night is said, and nothing else."""

from pathlib import Path

import pytest

from graphad.nightly import state
from graphad.nightly.absent import absent
from graphad.nightly.logs import kind_of, read
from graphad.nightly.state import Night
from graphad.workspace import Workspace
from tests.nightly import days


def night(store: Workspace, folder: Path, number: int, hosts: tuple[str, ...]) -> Night:
    """Return a night that has only read its logs."""
    made = Night(days.day(number).isoformat())
    logs = days.write(folder, number, hosts=hosts)
    read(store, made, {log: Path(log) for log in logs}, parser=days.parser)
    made.stages["ingest"] = state.Stage("", 0.0)
    state.save(store.path, made)
    return made


@pytest.fixture
def store(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path / "store")
    state.sweep(made.path)
    return made


def test_a_missing_day_a_silent_host_and_a_missing_log(store: Workspace, tmp_path: Path) -> None:
    night(store, tmp_path, 0, days.HOSTS)
    night(store, tmp_path, 1, days.HOSTS[:2])
    whole = night(store, tmp_path, 2, days.HOSTS[:2])
    assert absent(store, whole, state.nights(store.path)) == []
    last = night(store, tmp_path, 5, days.HOSTS[1:])
    told = absent(store, last, state.nights(store.path))
    assert len(told) == 3
    assert told[0] == (
        f"no night was run for {days.day(3)} to {days.day(4)} (2 days); "
        f"the last one before was {days.day(2)}"
    )
    assert told[1].startswith("host alpha is silent")  # gamma was not there on every day
    assert "alpha-DATE.log did not come" in told[2]
    assert absent(store, whole, state.nights(store.path)) == []  # later nights say nothing of it


def test_one_day_before_is_no_habit(store: Workspace, tmp_path: Path) -> None:
    night(store, tmp_path, 0, days.HOSTS)
    second = night(store, tmp_path, 1, days.HOSTS[:1])
    assert absent(store, second, state.nights(store.path)) == []


@pytest.mark.parametrize(
    ("before", "now", "silent"),
    [("ws1", "ws1.corp", False), ("ws1.corp", "ws1", True), ("ws1", "ws10.corp", True)],
)
def test_a_host_that_goes_by_its_full_name_is_not_silent(
    store: Workspace, tmp_path: Path, before: str, now: str, silent: bool
) -> None:
    for number in (0, 1):
        night(store, tmp_path, number, (before, "beta"))
    last = night(store, tmp_path, 2, (now, "beta"))
    told = absent(store, last, state.nights(store.path))
    assert any(f"host {before} is silent" in text for text in told) == silent


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("/d/2026-11-22/a.log", "/d/2026-11-23/a.log", True),
        ("/d/a_20261122.json.gz", "/d/a_20261123.json", True),
        ("/d/a.log.1", "/d/a.log", True),
        ("/d/a-1795392000.evtx", "/d/a-1795478400.evtx", True),
        ("/d/web1/a.log", "/d/web2/a.log", False),
        ("/d/a.log", "/d/b.log", False),
    ],
)
def test_names_of_logs_are_compared_without_their_date(one: str, other: str, same: bool) -> None:
    assert (kind_of(one) == kind_of(other)) == same


def test_only_what_changed_is_read_and_a_bad_file_spoils_no_other(
    store: Workspace, tmp_path: Path
) -> None:
    made = Night(days.day(0).isoformat())
    files = {log: Path(log) for log in days.write(tmp_path, 0, hosts=days.HOSTS[:2])}
    for name, data in (("bad.zip", b"PK\x03\x04"), ("empty.log", b""), ("odd", b"\x00\xff" * 9)):
        (tmp_path / name).write_bytes(data)
        files[str(tmp_path / name)] = tmp_path / name
    assert read(store, made, files, batch=1, parser=days.parser) == 5
    assert made.files[str(tmp_path / "bad.zip")].note
    number = store.manifest.number
    assert read(store, made, files, parser=days.parser) == 0
    assert store.manifest.number == number
    log = next(iter(files.values()))
    with log.open("a") as out:
        out.write(days.attack(0, "alpha", 23)[0] + "\n")
    assert read(store, made, files, parser=days.parser) == 1
    assert store.manifest.number == number + 1
