"""How the event detector's measure compares ways, and which of the store's events it takes."""

import itertools
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import event_captures, event_model, event_quality, event_table
from benchmarks.event_baselines import Independent
from benchmarks.event_compare import PLANTED, Results, difference, rows
from benchmarks.event_planted import planted
from benchmarks.event_protocol import Cell
from graphad.models.entity_embedding import EntityEmbedding
from graphad.store import Store
from tests import toy

SAMPLES = Path(__file__).parent.parent / "sample_logs"
Aucs = dict[str, dict[str, list[float]]]


@given(st.lists(st.integers(0, 100), min_size=2, max_size=4))
def test_the_bound_is_what_95_percent_of_all_bootstrap_means_are_above(values: list[int]) -> None:
    ours = [value / 100 for value in values]
    mean, low = difference(ours, [0.0] * len(ours))
    assert mean == pytest.approx(sum(ours) / len(ours))
    means = sorted(np.mean(some) for some in itertools.product(ours, repeat=len(ours)))
    # 10,000 draws: of all means 5 % lie below the bound, give or take one of a hundred.
    least, most = (means[int(share * len(means))] for share in (0.04, 0.06))
    assert least - 1e-9 <= low <= most + 1e-9


def test_seeds_are_compared_in_pairs() -> None:
    ours, theirs = [0.5, 0.9, 0.1], [0.49, 0.89, 0.09]
    assert difference(ours, theirs) == (0.01, 0.01)


def results(aucs: Aucs, seeds: int = 2, judged: bool = True) -> Results:
    """Return made-up results; AP is the same as AUC."""
    made = Results(seeds)
    cell = Cell("", np.zeros((3, 1), np.int64), np.array([True, False, False]), judged)
    for name, ways in aucs.items():
        for way, values in ways.items():
            for value in values:
                made.add(name, cell, way, value, value)
    return made


def test_targets_are_judged_by_cells() -> None:
    found = list(rows(results({
        PLANTED: {"default": [0.99, 1.0], "independent": [0.3, 0.3]},
        "a": {"default": [0.80, 0.82], "independent": [0.70, 0.70], "other": [0.80, 0.83]},
        "b": {"default": [0.80, 0.80], "independent": [0.80, 0.81], "other": [0.70, 0.70]},
        "c": {"default": [0.90, 0.60], "independent": [0.60, 0.60], "other": [0.70, 0.70]},
        "d": {"default": [0.90, 0.90], "independent": [0.60, 0.60], "other": [0.70, 0.70]},
    })))  # fmt: skip
    by_name = {row.name: row for row in found}
    assert by_name["planted, cross-group (2 normal, 1 abnormal at seed 0), default: AUC"].met
    assert by_name["a, default minus other"].value == pytest.approx(-0.005)
    assert by_name["a, default minus other"].unit == "AUC, 95 % above -0.010"
    assert by_name["b, default minus independent"].value == pytest.approx(-0.005)
    assert by_name["c, default minus other"].unit == "AUC, 95 % above -0.100"
    close = by_name["default: within 0.005 AUC of the best other way (1 of 4 cells)"]
    assert (close.value, close.met) == (0.25, False)
    above = by_name["default: not below independent frequencies (3 of 4 cells)"]
    assert (above.value, above.met) == (0.75, False)
    mean = by_name["all 4 judged cells, default: AUC"]
    assert mean.value == pytest.approx((0.81 + 0.80 + 0.75 + 0.90) / 4)


def test_without_a_model_nothing_is_judged() -> None:
    found = list(rows(results({"a": {"independent": [0.7, 0.8]}})))
    assert all(row.met is None for row in found)
    assert not any("minus" in row.name for row in found)
    assert found[0].unit == "mean of 2 seeds, 0.700 to 0.800"


def test_cells_that_are_only_shown_do_not_count() -> None:
    shown = {"a": {"default": [0.1, 0.1], "independent": [0.9, 0.9]}}
    assert not any("judged" in row.name for row in rows(results(shown, judged=False)))


def test_a_cell_that_a_seed_lacks_is_dropped() -> None:
    made = results({"a": {"independent": [0.7, 0.8]}, "b": {"independent": [0.7]}})
    assert made.drop_partial() == ["b"]
    assert made.judged == ["a"]
    assert set(made.ap) == set(made.auc) == {"a"}


class Rows:
    """Scores an event by its first code and remembers how many it was asked for."""

    asked = 0

    def __init__(self, value: float = 1.0) -> None:
        self.value = value

    def fit(self, codes: Any, arity: Any, seed: int = 0) -> "Rows":
        return self

    def score(self, codes: Any) -> Any:
        self.asked += len(codes)
        return codes[:, 0] * self.value


def test_each_distinct_event_is_scored_once() -> None:
    model = Rows()
    cell = Cell("x", np.array([[3, 1], [1, 2], [3, 1], [3, 1]]), np.array([1, 0, 1, 1], np.bool_))
    assert event_quality.ranked(model, cell).tolist() == [3, 1, 3, 3]
    assert model.asked == 2
    with pytest.raises(ValueError, match="finite"):
        event_quality.ranked(Rows(float("nan")), cell)


def test_a_run_fills_every_cell() -> None:
    made, seconds = Results(1), Counter[str]()
    event_quality.run(planted(0), 0, {"independent": Independent}, made, seconds)  # type: ignore[arg-type]
    assert len(made.auc) == 4
    assert made.judged == [PLANTED]
    assert set(seconds) == {"independent"}


def test_the_model_is_run_in_each_mode() -> None:
    trial = planted(0)
    codes, arity = trial.train[:600], trial.arity
    direct = {
        "default": EntityEmbedding(seed=7),
        "paper": EntityEmbedding.paper(seed=7),
        "no weights": EntityEmbedding(weights=False, seed=7),
    }
    assert set(direct) == set(event_model.MODES)
    scores = {
        name: make().fit(codes, arity, 7).score(codes) for name, make in event_model.MODES.items()
    }
    for name, model in direct.items():
        assert (scores[name] == model.fit(codes, arity).score(codes)).all()
    assert len({tuple(found) for found in scores.values()}) == 3


def test_files_are_what_a_process_read_or_wrote(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    store.ingest(toy.write(tmp_path / "toy.log", 0, 60), parser=toy.toy)
    table = event_captures.events(store, store.graph(), "file")
    told = [toy.line(i).split() for i in range(60)]
    told = [words for words in told if words[2] != "idle"]
    assert table.order.tolist() == [int(stamp) for stamp, *_ in told]
    assert {name: column.tolist() for name, column in table.columns.items()} == {
        "host": ["h"] * 40,
        "hour": ["22"] * 40,
        "user": [""] * 40,
        "program": [exe.removeprefix("/bin/") for _, exe, *_ in told],
        "action": [action for _, _, action, _ in told],
        "program_folder": ["/bin"] * 40,
        "folder": ["/data"] * 40,
        "extension": [""] * 40,
    }
    assert len(event_captures.events(store, store.graph(), "socket")) == 0


def test_windows_events_become_tables(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    store.ingest([SAMPLES / "windows"])
    graph = store.graph()
    pairs = Counter(zip(graph.types[graph.src], graph.types[graph.dst], strict=True))
    files = event_captures.events(store, graph, "file")
    assert len(files) == pairs["process", "file"] + pairs["file", "process"] > 0
    first = [column[1] for column in files.columns.values()]
    assert first == [
        "ws-07.corp.example", "9", "corp\\carla", "winword.exe", "exec",
        "%drive%/program files/office", "%drive%/program files/office", "exe",
    ]  # fmt: skip
    sockets = event_captures.events(store, graph, "socket")
    rows_ = list(zip(*sockets.columns.values(), strict=True))
    assert rows_ == [
        ("ws-07.corp.example", "9", "", "powershell.exe", "connect", "tcp", "203.0.113.7", "443"),
        ("ws-07.corp.example", "9", "", "svchost.exe", "accept", "tcp", "[2001:db8::9]", "*"),
        ("dc-01.corp.example", "9", "", "svchost.exe", "connect", "tcp", "10.1.0.9", "389"),
    ]
    assert sockets.clock == ("hour",)


def test_rows_become_a_table() -> None:
    made = results({
        "x, c = 1, with a comma": {"default": [0.9, 0.8], "independent": [0.7, 0.7]},
        "y": {"default": [0.6, 0.6], "independent": [0.6, 0.6004]},
    })  # fmt: skip
    lines = [json.dumps({"name": row.name, "value": row.value}) for row in rows(made)]
    assert list(event_table.table(lines)) == [
        "| cell | normal + abnormal | default | independent |",
        "| --- | --- | --- | --- |",
        "| x, c = 1, with a comma | 2 + 1 | **0.850** / 0.850 | 0.700 / 0.700 |",
        "| y | 2 + 1 | **0.600** / 0.600 | **0.600** / 0.600 |",
        "| all 2 judged cells |  | **0.725** / 0.725 | 0.650 / 0.650 |",
    ]
    with pytest.raises(ValueError, match="y: rows of independent are missing"):
        list(event_table.table([line for line in lines if "y, independent" not in line]))
