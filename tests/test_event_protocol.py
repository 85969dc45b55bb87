"""How events are made abnormal, what counts as known, and which labels are tested."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import event_data, event_labels, event_planted, event_protocol
from benchmarks.event_data import Table
from benchmarks.event_protocol import known, perturbed
from graphad.graph import Ints
from tests.captures import captures


def codes(draw: Any, types: int, values: int, most: int = 60) -> Ints:
    row = st.tuples(*[st.integers(0, values - 1)] * types)
    return np.array(draw(st.lists(row, min_size=1, max_size=most)), np.int64)


def table(size: int = 3000, seed: int = 0, timed: bool = True) -> Table:
    """Return planted events, which are varied enough to make every cell."""
    drawn = event_planted.draw(size, seed)
    columns = {f"t{i}": drawn[:, i].astype(str).astype(object) for i in range(drawn.shape[1])}
    return Table("made", columns, np.arange(size), timed)


@given(st.data())
def test_known_values_are_those_seen_often_enough(data: Any) -> None:
    train, test = codes(data.draw, 2, 6), codes(data.draw, 2, 9)
    least = data.draw(st.integers(1, 4))
    [got_train, got_test], arity = known(train, test, least=least)
    for i in range(2):
        kept = sorted({v for v in train[:, i].tolist() if (train[:, i] == v).sum() >= least})
        assert arity[i] == 1 + len(kept)
        for plain, got in ((train, got_train), (test, got_test)):
            slow = [kept.index(v) + 1 if v in kept else 0 for v in plain[:, i].tolist()]
            assert got[:, i].tolist() == slow


@given(st.data())
def test_rare_values_are_dropped_until_none_is_left(data: Any) -> None:
    given_ = codes(data.draw, 3, 4)
    least = data.draw(st.integers(1, 6))
    rows = given_.tolist()
    while True:
        rare = [
            row for row in rows
            if any(sum(r[i] == row[i] for r in rows) < least for i in range(3))
        ]  # fmt: skip
        if not rare:
            break
        rows = [row for row in rows if row not in rare]
    assert given_[event_protocol.frequent_rows(given_, least)].tolist() == rows


@given(st.data())
def test_abnormal_events_are_new_and_differ_in_at_most_c_types(data: Any) -> None:
    types = data.draw(st.integers(1, 4))
    c = data.draw(st.integers(1, types))
    normal = np.unique(codes(data.draw, types, 5, 20), axis=0) + 1
    arity = np.full(types, data.draw(st.integers(6, 9)))
    taken = set(event_protocol.keys(normal))
    made = perturbed(normal, taken, arity, c, data.draw(st.integers(0, 99)))
    rows = [tuple(row) for row in made.tolist()]
    assert len(set(rows)) == len(rows) <= len(normal)
    assert not set(rows) & {tuple(row) for row in normal.tolist()}
    assert ((made >= 1) & (made < arity)).all()
    for row in made:
        assert ((normal != row).sum(axis=1) <= c).any()


def test_a_full_space_gives_what_it_can() -> None:
    normal = np.array([[1, 1], [1, 2], [2, 1]])
    made = perturbed(normal, set(event_protocol.keys(normal)), np.array([3, 3]), 1, 0)
    assert made.tolist() == [[2, 2]]
    everything = set(event_protocol.keys(np.array([[1, 1], [1, 2], [2, 1], [2, 2]])))
    assert perturbed(normal, everything, np.array([3, 3]), 2, 0).shape == (0, 2)


def test_types_and_values_are_drawn_uniformly() -> None:
    normal = np.ones((30_000, 3), np.int64)
    draws = [perturbed(normal[:1], set(), np.array([11, 11, 11]), 1, s)[0] for s in range(3000)]
    changed = np.stack(draws)
    which = (changed != 1).sum(axis=0)
    # A type is chosen in 1000 of 3000, and one value of ten is the old one: 900, sd 25.
    assert ((which > 800) & (which < 1000)).all()
    values = np.bincount(changed[changed != 1], minlength=11)[2:]
    assert (values > 220).all()  # of 300, sd 16
    assert (values < 380).all()


@pytest.mark.parametrize("c", [0, 4])
def test_more_changes_than_types_are_refused(c: int) -> None:
    with pytest.raises(ValueError, match="of 3 types"):
        perturbed(np.ones((1, 3), np.int64), set(), np.array([2, 2, 2]), c, 0)


@pytest.mark.parametrize("timed", [True, False])
def test_a_trial_tests_later_events_that_training_has_not(timed: bool) -> None:
    whole = table(timed=timed)
    trial = event_protocol.perturbation(whole, seed=4)
    assert [cell.name for cell in trial.cells] == ["c = 1", "c = 2", "c = 3"]
    assert (trial.train > 0).all()
    for i in range(trial.train.shape[1]):
        assert np.bincount(trial.train[:, i], minlength=trial.arity[i])[1:].min() >= 5
    seen = set(event_protocol.keys(trial.train))
    for cell in trial.cells:
        assert not seen & set(event_protocol.keys(cell.codes))
        assert len(np.unique(cell.codes, axis=0)) == len(cell.codes)
        assert (cell.codes > 0).all()
        assert (cell.codes < trial.arity).all()
    again = event_protocol.perturbation(whole, seed=4)
    assert all((a.codes == b.codes).all() for a, b in zip(trial.cells, again.cells, strict=True))
    other = event_protocol.perturbation(whole, seed=5)
    assert (trial.train.shape == other.train.shape and (trial.train == other.train).all()) == timed


def test_attacks_are_no_normal_events() -> None:
    plain = table()
    label = np.where(np.arange(len(plain)) % 3 == 0, "attack", "").astype(object)
    marked = Table("made", plain.columns, plain.order, True, label)
    rest = np.flatnonzero(label == "")
    columns = {name: column[rest] for name, column in plain.columns.items()}
    unmarked = Table("made", columns, plain.order[rest], True)
    ours = event_protocol.perturbation(marked, 0)
    theirs = event_protocol.perturbation(unmarked, 0)
    assert (ours.train == theirs.train).all()


def test_attacks_are_events_too_where_there_is_nothing_else() -> None:
    plain = table()
    label = np.where(np.arange(len(plain)) < 20, "", "attack").astype(object)
    trial = event_protocol.perturbation(
        Table("made", plain.columns, plain.order, True, label), 0, [2]
    )
    assert [cell.name for cell in trial.cells] == ["c = 2, attacks among all"]
    theirs = event_protocol.perturbation(plain, 0, [2])
    assert (trial.train == theirs.train).all()
    assert (trial.cells[0].codes == theirs.cells[0].codes).all()


def test_constant_types_are_left_out_and_few_events_make_no_cell() -> None:
    plain = table(200)
    constant = {**plain.columns, "constant": np.full(200, "x", object)}
    trial = event_protocol.perturbation(Table("made", constant, plain.order, True), 0)
    assert trial.train.shape[1] <= 5
    tiny = {name: column[:30] for name, column in plain.columns.items()}
    assert event_protocol.perturbation(Table("t", tiny, np.arange(30), True), 0).cells == []


@pytest.mark.parametrize("size", [0, 1, 4])
def test_next_to_no_events_make_no_cell(size: int) -> None:
    columns = {"a": np.array([str(i) for i in range(size)], object)}
    trial = event_protocol.perturbation(Table("t", columns, np.arange(size), True), 0)
    assert trial.cells == []


def test_planted_groups_share_no_program_and_crossed_events_break_that() -> None:
    usual, crossed = event_planted.draw(5000, 0), event_planted.draw(5000, 0, crossed=True)
    assert (usual[:, 1] % 2 == usual[:, 2] % 2).all()
    assert (crossed[:, 1] % 2 != crossed[:, 2] % 2).all()
    for drawn in (usual, crossed):
        assert (drawn.max(axis=0) < [24, 40, 60, 12, 10]).all()
        assert (drawn[:, 3] == drawn[:, 2] % 12).all()
    trial = event_planted.planted(0)
    assert [cell.judged for cell in trial.cells] == [True, False, False, False]


def made_scenario() -> Table:
    """Return alerts over six hours: quiet, exfiltration all the time, two attack steps late."""
    time = np.arange(0, 21_600, 60)
    label = np.where(time % 600 == 0, "dnsteal", "").astype(object)
    label[200:206], label[206:208] = "scan", "shell"
    name = np.array([f"n{i % 3}" for i in range(len(time))], object)
    name[200:208] = "rare"
    hour = (time // 3600).astype(str).astype(object)
    columns = {"name": name, "host": np.full(len(time), "h", object), "hour": hour}
    return Table("made", columns, time, True, label, clock=("hour",))


def test_attack_steps_are_tested_after_a_past_without_them() -> None:
    trial = event_labels.attack_steps(made_scenario())
    assert len(trial.train) == 200 - 20
    found = {cell.name: cell for cell in trial.cells}
    # 12,000 s is hour 3; normal names are three in each of hours 3 to 5, and three once.
    assert found["labels each hour"].told == "9 normal, 2 abnormal"
    assert found["labels once"].told == "3 normal, 2 abnormal"

    assert found["labels once, scan"].told == "3 normal, 1 abnormal"
    assert [cell.judged for cell in trial.cells] == [True, False, False] * 2
    assert (found["labels once"].codes[found["labels once"].abnormal][:, 0] == 0).all()


def test_labelled_rows_are_tested_after_normal_ones() -> None:
    plain = table(900)
    label = np.where(np.arange(900) % 10 == 0, "bad", "").astype(object)
    trial = event_labels.labelled(Table("t", plain.columns, plain.order, True, label), 0)
    assert len(trial.train) == 540
    every, distinct = trial.cells
    assert every.told == "270 normal, 30 abnormal"
    rows = [(*row, bad) for row, bad in zip(every.codes.tolist(), every.abnormal, strict=True)]
    assert len(distinct.codes) >= len(set(rows))  # values unseen in training fall together
    with pytest.raises(ValueError, match="no labels"):
        event_labels.labelled(plain, 0)
    with pytest.raises(ValueError, match="no attacks"):
        event_labels.attack_steps(plain)


ARFF = """% a comment
@relation 'x y'
@attribute 'first one' {a,'b c'}
@ATTRIBUTE second {1,2}
@attribute class {1,0}
@data
a,1,0
'b c', 2 ,1
"""


def test_arff_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.arff"
    path.write_text(ARFF)
    read = event_data.read_arff(path)
    assert {name: column.tolist() for name, column in read.items()} == {
        "first one": ["a", "b c"], "second": ["1", "2"], "class": ["0", "1"]
    }  # fmt: skip


@pytest.mark.parametrize("row", ["a,1", "a,1,0,0", "{0 a, 1 2}", "\udcff"])
def test_a_broken_arff_row_is_named(tmp_path: Path, row: str) -> None:
    path = tmp_path / "x.arff"
    path.write_bytes((ARFF + row + "\n").encode(errors="surrogateescape"))
    with pytest.raises(ValueError, match=r"x\.arff, line 9: "):
        event_data.read_arff(path)


def test_an_arff_without_rows_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.arff"
    path.write_text("@data\n")
    with pytest.raises(ValueError, match="no rows"):
        event_data.read_arff(path)


def test_tables_that_do_not_fit_are_refused() -> None:
    column = np.array(["a", "b"], object)
    for columns, order in (({}, [0, 1]), ({"x": column}, [0]), ({"x": column}, [1, 0])):
        with pytest.raises(ValueError, match="must be"):
            Table("t", columns, np.array(order), True)


def test_real_sets_have_what_the_measure_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if not (captures() / "ait-ads.tar.xz").is_file():
        pytest.skip("the captures are not here: set GRAPHAD_DATA")
    found = {table.name: table for table in event_data.load(tmp_path)}
    assert len(found) == 11
    assert {name for name, one in found.items() if one.label is not None} == {
        "KDD99", "u2r", "solar-flare", "AIT russellmitchell", "AIT santos", "AIT shaw"
    }  # fmt: skip
    alerts = found["AIT shaw"]
    assert len(alerts) == 70_782
    assert alerts.label is not None
    assert (alerts.label != "").sum() == 6061
    monkeypatch.setenv("GRAPHAD_DATA", str(tmp_path))  # a folder without packed captures
    assert list(event_data.load(tmp_path / "none")) == []
    assert "ait-ads is absent" in capsys.readouterr().err
