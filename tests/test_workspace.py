"""How a quiet window is divided into the part that is learned and the part that is held out."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.store import Store
from graphad.workspace_window import split
from tests.toy import toy

HOUR = 3600


def logged(folder: Path, seconds: list[int]) -> Store:
    """Return a store of one read at each second."""
    log = folder / "a.log"
    log.write_text("".join(f"{1_700_000_000 + s} /bin/p read /data/f\n" for s in seconds))
    store = Store(folder / "store")
    store.ingest(log, parser=toy)
    return store


def shares(folder: Path, seconds: list[int]) -> tuple[int, int]:
    """Return how many events are learned and how many held out."""
    times = [(1_700_000_000 + s) * 1_000_000 for s in seconds]
    middle = split(logged(folder, seconds), min(times), max(times), None)
    before = sum(t < middle for t in times)
    return before, len(times) - before


def test_steady_hours_are_divided_by_time(tmp_path: Path) -> None:
    assert shares(tmp_path, [h * HOUR for h in range(9)]) == (6, 3)


def test_days_without_events_do_not_count(tmp_path: Path) -> None:
    late = 40 * 24 * HOUR  # nine hours of work, more than a month after one event
    assert shares(tmp_path, [0, *(late + h * HOUR for h in range(8))]) == (6, 3)


def test_within_few_hours_events_are_divided(tmp_path: Path) -> None:
    assert shares(tmp_path, list(range(90))) == (60, 30)


@pytest.mark.parametrize(("seconds", "expected"), [([5], (1, 0)), ([5, 5, 5], (3, 0))])
def test_one_moment_cannot_be_divided(
    tmp_path: Path, seconds: list[int], expected: tuple[int, int]
) -> None:
    assert shares(tmp_path, seconds) == expected


@settings(max_examples=15, deadline=None)
@given(seconds=st.lists(st.integers(0, 100 * HOUR), min_size=2, max_size=30, unique=True))
def test_both_sides_have_events(
    tmp_path_factory: pytest.TempPathFactory, seconds: list[int]
) -> None:
    before, after = shares(tmp_path_factory.mktemp("split"), seconds)
    assert after >= 1
    assert before >= 1
