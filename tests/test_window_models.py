"""How the benchmark of the window models judges, and that what it compares is the same."""

import numpy as np
import pytest
import torch

from benchmarks import window_models as bench
from benchmarks.graph_families import made
from benchmarks.window_models import Judged, judge, one_class, paired, sizes, supervised
from benchmarks.window_speed import close


def test_scores_are_judged_on_graphs_that_were_not_learned_from() -> None:
    learn, test = made("shuffled", 60, 0.2, 0), made("shuffled", 50, 0.2, 1)
    found = judge(lambda a, b, seed: (b.abnormal.astype(float), 0.5), learn, test, 0)
    assert found == Judged(1.0, 1.0, 1.0)
    found = judge(lambda a, b, seed: (-b.abnormal.astype(float), 0.5), learn, test, 0)
    assert found.auc == 0.0
    assert found.f1 == pytest.approx(40 / 45 / 2)  # all is called normal: F1 of 80 / 90 and of 0
    with pytest.raises(ValueError, match="both kinds"):
        judge(sizes, learn, test.take(np.flatnonzero(test.abnormal)), 0)


def test_a_difference_is_missed_only_if_splits_agree_that_it_is_below_0() -> None:
    def rivals(off: list[float]) -> tuple[list[Judged], list[Judged]]:
        return [Judged(0.5 + o, 0, 0) for o in off], [Judged(0.5, 0, 0)] * len(off)

    worse = paired("x", *rivals([-0.1, -0.12, -0.09]))
    assert worse.value == pytest.approx(-0.31 / 3)
    assert worse.met is False
    for off in ([0.1, 0.2, 0.1], [-0.1, 0.2, -0.12], [0.0, 0.0, 0.0]):
        assert paired("x", *rivals(off)).met is True


def test_rows_of_a_family() -> None:
    sets = [made("stretched", 120, 0.2, seed) for seed in (0, 1)]
    rows = list(one_class("stretched", sets))
    found = {row.name.split(": ")[1].split(",")[0]: row for row in rows}
    assert found["neighbours"].value > 0.9
    assert found["neighbours"].met is True
    assert found["neighbours"].target == found["neighbours"].baseline
    assert found["sizes"].value < 0.7
    rows = list(
        supervised("stretched", sets, {"sizes": sizes, "default": bench.SUPERVISED["sizes"]})
    )
    assert [row.unit for row in rows] == ["AUC"] * 2 + ["AP"] * 2 + ["macro F1"] * 2
    assert rows[0].value == rows[1].value == rows[0].baseline
    assert "2 splits" in rows[0].name


def test_numbers_that_differ_are_no_plain_way() -> None:
    close("same", torch.tensor([1.0, 2.0]), np.array([1.0, 2.0001]))
    with pytest.raises(AssertionError, match="other numbers"):
        close("other", np.array([1.0, 2.0]), np.array([1.0, 2.01]))
