"""The night on the command line: findings on stdout, words on stderr, codes for scripts."""

import json
from pathlib import Path

import pytest

from graphad.cli.nightly import _drift
from tests.cli.running import run
from tests.nightly import days


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[object]]:
    """Return the folder of the logs, and what all commands begin with."""
    folder = tmp_path_factory.mktemp("cli")
    own = folder / "parsers"
    own.mkdir()
    (own / "days.py").write_text(Path(days.__file__).read_text())
    for number in range(3):
        days.write(folder, number, *(days.attack(number) if number > 1 else ()), hosts=("beta",))
    settings = folder / "graphad.toml"
    settings.write_text(
        f"""store = {str(folder / "store")!r}
            [nightly]
            parsers = [{str(own)!r}]
            input-format = "days"
            logs = [{str(folder / "2026-*" / "*.log")!r}]
            detector = ["path"]
            max-reject-rate = 0.1
        """
    )
    return folder, ["--config", settings, "nightly"]


def test_nights_by_a_file_of_settings(nights: tuple[Path, list[object]]) -> None:
    folder, begin = nights
    first = run(*begin, "--day", days.day(0), folder / str(days.day(0)), "--fail-on", "low")
    assert first.stdout == ""
    assert "no model knows the days before" in first.stderr
    assert "findings: none" in first.stderr
    second = run(*begin, "--day", days.day(1), folder / str(days.day(1)), "-f", "ndjson")
    assert all(json.loads(text)["detector"] == "path" for text in second.stdout.splitlines())
    third = run(*begin, "--day", days.day(2), "-f", "ndjson", "--fail-on", "low", code=4)
    rows = [json.loads(text) for text in third.stdout.splitlines()]
    assert "/etc/keys.db" in {entity["key"] for row in rows for entity in row["entities"]}
    assert all(row["start"].startswith(str(days.day(2))) for row in rows)
    lines = third.stderr.splitlines()
    assert all(line.startswith("graphad: ") for line in lines)
    told = {line.split(": ")[1] for line in lines[1:]}
    assert {"logs", "judged", "findings", "drift", "learned", "seconds"} <= told
    assert "3 files, 3 sources" in third.stderr  # the setting's glob names all days
    again = run(*begin, "--day", days.day(2), "-f", "ndjson", "--fail-on", "low", code=4)
    assert again.stdout == third.stdout
    assert (
        "ingest done before, judge path done before, drift path done before, learn" in again.stderr
    )
    quiet = run(*begin, "--day", days.day(2), "-q", "-f", "ndjson", "--all-paths")
    assert quiet.stderr == ""
    assert len(quiet.stdout.splitlines()) > len(third.stdout.splitlines())
    only = run(*begin, "--day", days.day(2), "-q", "-f", "ndjson", "--alerts").stdout
    assert all(json.loads(text)["alert"] for text in only.splitlines())


def test_codes(nights: tuple[Path, list[object]], tmp_path: Path) -> None:
    begin = nights[1]
    run(*begin, code=2)
    run(*begin, "--day", "today", code=2)
    assert "is there" in run(*begin, "--day", days.day(0), tmp_path / "none", code=1).stderr
    log = tmp_path / "bad.log"
    log.write_text("\n".join([*days.lines(9, ("beta",), an_hour=1), *["\x1b]0;no\x07"] * 9]) + "\n")
    bad = run(*begin, "-s", tmp_path / "s", "--day", days.day(9), log, code=3)
    assert "9 rejected" in bad.stderr
    assert "\x1b" not in bad.stderr


def test_ten_times_the_volume_is_warned_of_again(
    nights: tuple[Path, list[object]], tmp_path: Path
) -> None:
    begin = [*nights[1], "-s", tmp_path / "s", "--detector", "path", "--detector", "event"]
    for number in (0, 1, 2):  # Wednesday to Friday
        (tmp_path / f"{number}.log").write_text("\n".join(days.lines(number, ("beta",))) + "\n")
    learned = [tmp_path / f"{number}.log" for number in (0, 1, 2)]
    assert "drifted" not in run(*begin, "--day", days.day(2), *learned).stderr
    log = tmp_path / "many.log"
    log.write_text("\n".join(days.lines(5, ("beta",), an_hour=60)) + "\n")
    first, again = (run(*begin, "--day", days.day(5), log).stderr for _ in range(2))
    for stderr in (first, again):
        said = [line for line in stderr.splitlines() if "volumes have drifted" in line]
        assert len(said) == 1  # though both detectors learned these days
        assert "warning: volumes have drifted: all events 1,440, usually " in said[0]
        assert "(3 days)" in said[0]
        assert stderr.count("of 4 counts of events changed") == 2
    assert "drift path done before" in again


def test_a_sample_is_told_with_its_error() -> None:
    scores = {"distance": 0.1, "chance": 0.2, "wasserstein": 0.3, "stability": 0.05}
    said = _drift("path", {"scores": scores, "sample": {"hours": 200, "of": 4800}})
    assert said.endswith("stability index 0.05 (200 of 4,800 hours of hosts, error up to 0.035)")
    assert "hours of hosts" not in _drift("path", {"scores": scores})
