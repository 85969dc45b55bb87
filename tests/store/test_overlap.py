"""A record that two logs share is kept in one of them; what merely looks alike is kept in both."""

from pathlib import Path

import pytest

from graphad.store import Store
from graphad.store.overlap import RULE
from tests.store.test_store import content
from tests.toy import line, toy


def put(path: Path, numbers: list[int]) -> Path:
    path.write_text("".join(line(3 * i) + "\n" for i in numbers))
    return path


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(tmp_path / "store")
    made.ingest(put(tmp_path / "whole.log", list(range(50))), parser=toy)
    return made


def accounts(store: Store) -> list[tuple[int, int, int]]:
    return [(s.read, s.used, s.ignored.get(RULE, 0)) for s in store.sources]


@pytest.mark.parametrize(("first", "last"), [(0, 20), (10, 30), (30, 50), (49, 50)])
def test_a_piece_of_a_known_log(store: Store, tmp_path: Path, first: int, last: int) -> None:
    before = content(store)
    piece = put(tmp_path / "piece.log", list(range(first, last)))
    [done] = store.ingest(piece, parser=toy)
    assert (done.note, done.source) == ("already there", 1)
    assert content(store) == before
    n = last - first
    assert accounts(store) == [(50, 50, 0), (n, 0, n)]
    number = store.manifest.number
    [again] = store.ingest(piece, parser=toy)
    assert (again.note, again.source) == ("already there", 1)
    assert store.manifest.number == number


def test_a_whole_log_takes_its_pieces_in(store: Store, tmp_path: Path) -> None:
    [done] = store.ingest(put(tmp_path / "more.log", list(range(-20, 70))), parser=toy)
    assert (done.note, done.used) == ("", 90)
    assert accounts(store) == [(50, 0, 50), (90, 90, 0)]
    [again] = store.ingest(tmp_path / "whole.log", parser=toy)
    assert (again.note, again.source) == ("already there", 2)
    assert sum(content(store).values()) == 90


@pytest.mark.parametrize(("first", "last", "both"), [(30, 80, 20), (-30, 20, 20)])
def test_copies_of_a_circular_log(
    store: Store, tmp_path: Path, first: int, last: int, both: int
) -> None:
    store.ingest(put(tmp_path / "later.log", list(range(first, last))), parser=toy)
    assert sum(content(store).values()) == 80
    assert max(content(store).values()) == 1
    assert sorted(accounts(store)) == [(50, 30, both), (50, 50, 0)]
    assert all(s.read == s.used + sum(s.ignored.values()) + s.rejected for s in store.sources)


def test_a_line_that_a_log_repeats_at_its_rotation(store: Store, tmp_path: Path) -> None:
    store.ingest(put(tmp_path / "next.log", [49, 50, 51]), parser=toy)
    assert sum(content(store).values()) == 53


def test_a_line_that_a_log_repeats_as_it_grows(store: Store, tmp_path: Path) -> None:
    store.ingest(put(tmp_path / "whole.log", [*range(50), 49]), parser=toy)
    assert sum(content(store).values()) == 51


def test_a_piece_with_one_other_line(store: Store, tmp_path: Path) -> None:
    piece = put(tmp_path / "piece.log", list(range(10, 30)))
    piece.write_text(piece.read_text().replace(line(60), line(60).replace("/data", "/else")))
    [done] = store.ingest(piece, parser=toy)
    assert (done.note, done.used) == ("", 20)


def test_many_pieces_at_once(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    logs = [put(tmp_path / f"{i}.log", list(range(10 * i, 10 * i + 10))) for i in range(6)]
    logs.append(put(tmp_path / "all.log", list(range(60))))
    logs += [put(tmp_path / f"x{i}.log", list(range(7 * i, 7 * i + 20))) for i in range(4)]
    store.ingest(logs, parser=toy)
    assert sum(content(store).values()) == 60
    assert max(content(store).values()) == 1


def test_records_that_differ_in_the_program_alone(tmp_path: Path) -> None:
    """Only where a decoder knows the program from earlier records may it differ in a copy."""
    store = Store(tmp_path / "store")
    for name in ("tool", "mole"):
        event = (
            f'"UtcTime": "2026-03-02 10:00:00.000", "Image": "C:\\\\{name}.exe", "ProcessId": "7"'
        )
        (tmp_path / f"{name}.json").write_text(
            f'{{"EventID": 11, "Computer": "ws", "TargetFilename": "C:\\\\x", {event}}}\n'
        )
        store.ingest(tmp_path / f"{name}.json", parser="windows")
    assert [s.used for s in store.sources] == [1, 1]
