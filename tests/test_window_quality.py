"""How the benchmark of the window models judges, and that nothing tried is learned from."""

import json
from dataclasses import asdict

import numpy as np
import pytest
import torch

from benchmarks import window_quality as bench
from benchmarks import window_sets
from benchmarks.call_graphs import Traces
from benchmarks.graph_families import made
from benchmarks.window_quality import Judged, by_sizes, compared, judged, paired, quiet_cut, rows
from benchmarks.window_sets import GraphSet, drawn, later, left_out, molecules, untraced
from benchmarks.window_speed import close
from benchmarks.window_table import tables


def test_scores_are_judged_by_their_truth() -> None:
    test = untraced(made("shuffled", 50, 0.2, 1))
    truth = test.graphs.abnormal.astype(float)
    assert judged(truth, 0.5, test) == Judged(1.0, 1.0)
    found = judged(-truth, 0.5, test)
    assert found.auc == 0.0
    assert found.f1 == pytest.approx(40 / 45 / 2)  # all is called normal: F1 of 80 / 90 and of 0
    with pytest.raises(ValueError, match="both kinds"):
        judged(np.ones(10), 0.5, test.take(np.flatnonzero(test.graphs.abnormal)))


def test_one_in_twenty_quiet_graphs_passes_a_threshold_learned_without_it() -> None:
    quiet = untraced(made("shuffled", 200, 0.0, 0))
    seen: list[tuple[int, int]] = []

    def model(learn: Traces, test: Traces) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        seen.append((len(learn.kind), len(test.kind)))
        return test.graphs.batch.sizes.astype(float)

    cut = quiet_cut(model, quiet)
    assert seen == [(160, 40)] * 5
    assert 0.01 <= (quiet.graphs.batch.sizes > cut).mean() <= 0.05


def test_a_difference_is_missed_only_if_splits_agree_that_it_is_below_0() -> None:
    def rivals(off: list[float]) -> tuple[list[Judged], list[Judged]]:
        return [Judged(0.5 + o, 0) for o in off], [Judged(0.5, 0)] * len(off)

    worse = paired("x", *rivals([-0.1, -0.12, -0.09]), True)
    assert worse.value == pytest.approx(-0.31 / 3)
    assert worse.met is False
    for off in ([0.1, 0.2, 0.1], [-0.1, 0.2, -0.12], [0.0, 0.0, 0.0]):
        assert paired("x", *rivals(off), True).met is True
    assert paired("x", *rivals([-0.1]), False).met is None


def test_the_best_baseline_is_held_against() -> None:
    found = {
        f"{name}, no labels": [Judged(auc, 0.0)]
        for name, auc in (("one-class", 0.7), ("WL neighbours", 0.6), ("sizes", 0.65))
    }
    assert list(compared(found, True)) == [("one-class, no labels", "sizes, no labels", True)]
    found |= {name: [Judged(0.5, 0.0)] for name in bench.SUPERVISED}
    asked = {theirs: asked for ours, theirs, asked in compared(found, False) if ours == "default"}
    assert asked == {
        "paper": True, "without RQ": True, "GIN": False, "ChebNet": False, "WL forest": False,
    }  # fmt: skip
    network = {theirs for ours, theirs, _ in compared(found, True) if ours == "network"}
    assert network == set(asked)


def test_rows_of_a_family() -> None:
    one = GraphSet("stretched", False, lambda seeds: window_sets.families("stretched", 120, seeds))
    found = {
        row.name.split(", ", 1)[1].split(":")[0]: row
        for row in rows(one, 2, {"sizes": by_sizes})
        if "mean of 2 splits" in row.name and row.unit == "AUC"
    }
    assert set(found) == {
        "sizes", "one-class, no labels", "label surprise, no labels", "spectra, no labels",
        "WL neighbours, no labels", "sizes, no labels",
    }  # fmt: skip
    assert found["spectra, no labels"].value > 0.9
    assert found["sizes, no labels"].value < 0.7


def test_plain_networks_learn() -> None:
    from benchmarks import plain_networks

    learn, test = made("shuffled", 150, 0.3, 0), made("shuffled", 100, 0.3, 1)
    for make in (plain_networks.gin, plain_networks.cheb):
        scores, cut = plain_networks.trained(make, learn.batch, learn.abnormal, test.batch, 0, 30)
        assert judged(scores, cut, untraced(test)).auc > 0.8
        again, same = plain_networks.trained(make, learn.batch, learn.abnormal, test.batch, 0, 30)
        assert same == cut
        np.testing.assert_array_equal(again, scores)


def test_a_kind_left_out_is_never_learned() -> None:
    random = np.random.default_rng(0)
    calls = [random.integers(0, 9, random.integers(5, 30)) for _ in range(60)]
    attacks = [(name, one) for name, one in zip(["a", "b", "c"] * 10, calls[30:], strict=True)]
    tested = set()
    for split in left_out(calls[:20], calls[20:30], attacks, 5):
        [out] = set(split.test.kind) - {"normal"}
        tested.add(out)
        assert out not in split.learn.kind
        assert set(split.quiet.kind) == {"normal"}
        assert set(split.tried.kind) == {"normal", "a", "b", "c"}
        learned = {tuple(one.tolist()) for [one] in split.learn.calls}
        assert not learned & {tuple(one.tolist()) for [one] in split.test.calls}
        assert (split.test.kind == "normal").sum() == 10
    assert tested == {"a", "b", "c"}


def test_sessions_are_tried_that_came_after_those_learned() -> None:
    calls = [np.array([n, n + 1]) for n in range(100)]
    odd = np.arange(100) % 7 == 0
    splits = list(later(calls, odd, 3))
    for split in splits:
        learn, test = ([int(one[0]) for [one] in part.calls] for part in (split.learn, split.test))
        assert len(learn) == 40
        assert len(test) >= 19
        assert max(learn) < min(test)
        assert not split.quiet.graphs.abnormal.any()
        np.testing.assert_array_equal(split.learn.graphs.abnormal, odd[learn])
    assert splits[0].learn.calls[0][0][0] == 0
    assert splits[-1].test.calls[-1][0][0] == 99


def test_molecules_tried_are_not_learned() -> None:
    graphs = made("rewired", 100, 0.2, 0)
    for split in molecules(graphs, 0.2, 2):
        assert len(split.learn.kind) + len(split.test.kind) == 100
        assert not split.quiet.graphs.abnormal.any()
        assert split.test.graphs.abnormal.sum() == split.tried.graphs.abnormal.sum() == 3


def test_of_a_large_set_a_share_is_drawn() -> None:
    abnormal = np.arange(1000) % 2 == 0
    for share, most, count in ((0.05, 300, 300), (0.05, 2000, 526), (0.5, 2000, 1000)):
        found = drawn(abnormal, share, most, 0)
        assert len(set(found)) == len(found) == count
        assert abnormal[found].sum() == round(count * share)
    assert drawn(abnormal, 0.05, 300, 1).tolist() != drawn(abnormal, 0.05, 300, 0).tolist()


def test_numbers_that_differ_are_no_plain_way() -> None:
    close("same", torch.tensor([1.0, 2.0]), np.array([1.0, 2.0001]))
    with pytest.raises(AssertionError, match="other numbers"):
        close("other", np.array([1.0, 2.0]), np.array([1.0, 2.01]))


def test_rows_become_tables() -> None:
    one = GraphSet("stretched", True, lambda seeds: window_sets.families("stretched", 100, seeds))
    made_rows = list(rows(one, 2, {"sizes": by_sizes, "default": by_sizes, "paper": by_sizes}))
    lines = list(tables(json.dumps(asdict(row)) for row in made_rows))
    head, _, line = lines[:3]
    assert head == "| set | sizes | default | paper |"
    auc = next(row.value for row in made_rows if row.name.startswith("stretched, sizes: mean"))
    assert line.startswith(f"| stretched | **{auc:.3f}** ± ")
    assert lines[4] == "| set | one-class | label surprise | spectra | WL neighbours | sizes |"
    assert lines[-4].startswith(
        "| stretched | default over paper | +0.000 (+0.000 to +0.000) | yes"
    )
    assert lines[-3].startswith("| stretched | one-class over ")
    with pytest.raises(ValueError, match="no row"):
        list(tables([json.dumps({"name": "other"})]))
