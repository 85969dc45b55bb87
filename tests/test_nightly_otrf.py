"""The benchmark of nights of real captures: how captures become nights, and what is counted."""

import json
import sys
import zipfile
from datetime import date
from pathlib import Path

import msgspec
import pytest

from benchmarks import nightly_otrf, otrf_nights, otrf_truth
from benchmarks.harness import Child
from graphad.nightly.state import Night, Stage
from graphad.store.manifest import Source
from graphad.workspace import Workspace

DAY = 86_400_000_000
GUID = "{47ab858c-e13c-5eac-a903-000000000400}"
RECORD = {
    "Channel": "Microsoft-Windows-Sysmon/Operational", "EventID": 11,
    "Hostname": "WORKSTATION5.theshire.local", "UtcTime": "2020-09-30 23:59:59.123",
    "EventTime": "2020-09-30 19:59:59", "@timestamp": "2020-10-01T00:00:01.5Z",
    "ProcessGuid": GUID, "ProcessId": "42", "Image": "C:\\a_2020-09-30\\x.exe",
    "TargetFilename": "C:\\2020-09-30.txt", "SourceIp": "172.18.39.5",
    "Message": f"UtcTime: 2020-09-30 23:59:59.123\r\nProcessGuid: {GUID}",
}  # fmt: skip


def source(number: int, path: str, start: int | None) -> Source:
    return Source(number, path, "windows", "", 0, "", 0, start=start)


def moved(days: int, copy: int = 0, lab: int = 0) -> dict[str, object]:
    line = otrf_nights.moved(json.dumps(RECORD).encode(), days, copy, lab)
    found: dict[str, object] = json.loads(line)
    return found


def test_all_times_of_a_record_move_by_whole_days_and_nothing_else() -> None:
    times = {
        "UtcTime": "2020-10-03 23:59:59.123", "EventTime": "2020-10-03 19:59:59",
        "@timestamp": "2020-10-04T00:00:01.5Z",
        "Message": f"UtcTime: 2020-10-03 23:59:59.123\r\nProcessGuid: {GUID}",
    }  # fmt: skip
    assert moved(3) == RECORD | times
    assert moved(0) == RECORD
    assert otrf_nights.moved(b"2020-13-45 10:00", 3) == b"2020-13-45 10:00"


def test_a_copy_has_processes_of_its_own_and_a_lab_its_own_hosts() -> None:
    one, other = moved(0, copy=1), moved(0, copy=2)
    guids = {str(said["ProcessGuid"]) for said in (RECORD, one, other)}
    assert len(guids) == 3
    assert all(guid[:9] == GUID[:9] and guid[14:] == GUID[14:] for guid in guids)
    assert str(one["ProcessGuid"]) in str(one["Message"])
    lab = moved(0, lab=2)
    assert (lab["Hostname"], lab["SourceIp"]) == ("L2WORKSTATION5.theshire.local", "172.20.39.5")
    assert {name for name in RECORD if lab[name] != RECORD[name]} == {"Hostname", "SourceIp"}


def test_captures_of_one_day_are_one_night_and_days_without_any_are_none() -> None:
    found = otrf_nights.blocks([
        source(1, "/o/b.zip!x.json", 5 * DAY + 9), source(2, "/o/a.zip!x.json", 5 * DAY),
        source(3, "/o/c.zip!x.json", 2 * DAY), source(4, "/o/empty.zip!x.json", None),
    ])  # fmt: skip
    assert list(found.items()) == [
        (date(1970, 1, 3), [Path("/o/c.zip")]),
        (date(1970, 1, 6), [Path("/o/a.zip"), Path("/o/b.zip")]),
    ]


def test_what_is_laid_is_read_as_logs_of_its_day_and_its_capture_is_known(tmp_path: Path) -> None:
    archive = tmp_path / "otrf" / "atomic" / "windows" / "execution" / "host" / "one.zip"
    archive.parent.mkdir(parents=True)
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("one.json", (json.dumps(RECORD) + "\n") * 2)
    to = date(2026, 11, 21)
    size = otrf_nights.lay({archive: date(2020, 9, 30)}, to, tmp_path / "day")
    (log,) = tmp_path.glob("day/**/*.json")
    assert log.stat().st_size == size
    assert otrf_truth.capture_of(str(log)) == "execution/host/one.zip"
    store = Workspace(tmp_path / "store")
    store.ingest([tmp_path / "day"])
    days = store.sql("SELECT DISTINCT ts::DATE AS day FROM edges").to_pydict()["day"]
    assert days == [to]


def test_warnings_are_counted_by_kind() -> None:
    assert nightly_otrf.said([
        "scores of path have drifted: their hours'", "volumes have drifted: all events 9",
        "the budget of 5 incidents a day no longer holds for path: over one night",
        "host a is silent, it had", "host b is silent, it had", "there is no event of 2026-11-21",
        "log x did not come", "something else",
    ]) == {
        "scores": 1, "volumes": 1, "budget": 1, "silent hosts": 2, "absent": 2, "other": 1,
    }  # fmt: skip


def test_seconds_are_of_all_stages_of_a_name() -> None:
    night = Night("2026-11-21")
    night.stages = {name: Stage("", s) for name, s in
                    (("ingest", 1.0), ("judge path", 2.0), ("judge event", 4.0))}  # fmt: skip
    words = ["graphad: night of", "graphad: warning: host a is silent"]
    told = nightly_otrf.Told(Child(9.0, 9.0, 1.0), night, [], b"", words)
    assert (told.seconds("judge"), told.seconds("ingest", "judge")) == (6.0, 7.0)
    assert told.warnings == ["host a is silent"]


@pytest.mark.parametrize(("seconds", "killed"), [(30, True), (0, False)])
def test_what_is_killed_is_told_from_what_ended(seconds: int, killed: bool) -> None:
    command = [sys.executable, "-c", f"import time; time.sleep({seconds})"]
    assert nightly_otrf.stopped(command, 20.0 if not seconds else 0.2) == killed


def test_an_outcome_tells_nothing_of_time(tmp_path: Path) -> None:
    store = Workspace(tmp_path / "store")
    folder = store.path / "nightly"
    folder.mkdir()
    night = Night("2026-11-21", stages={"ingest": Stage("k", 1.0)})
    (folder / "2026-11-21.json").write_bytes(msgspec.json.encode(night))
    first = nightly_otrf.outcome(store.path)
    night.stages["ingest"].seconds = 2.0
    (folder / "2026-11-21.json").write_bytes(msgspec.json.encode(night))
    assert nightly_otrf.outcome(store.path) == first
    night.stages["ingest"].key = "other"
    (folder / "2026-11-21.json").write_bytes(msgspec.json.encode(night))
    assert nightly_otrf.outcome(store.path) != first
