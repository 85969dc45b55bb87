"""How the benchmark of relation models splits, plants and judges."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from benchmarks import relation_quality
from benchmarks.relation_data import (
    Line,
    RelationSet,
    ait,
    made,
    parts,
    sessions,
    with_planted,
)
from benchmarks.relation_judging import Items, f1, gains, judge, judge_windows, recall_at
from benchmarks.relation_scores import RELATIONS, WINDOWS, judged_all, ranked, training

SECOND = 1_000_000
MINUTE = 60 * SECOND


def example(attacks: bool = True) -> RelationSet:
    """Return lines of two events with a host each; the other host in the test is an attack."""
    random = np.random.default_rng(0)
    lines: list[Line] = []
    for n in range(1200):
        event = int(random.integers(2))
        bad = attacks and n > 900 and n % 40 == 0
        values = [("host", f"h{event ^ bad}"), ("user", f"u{random.integers(5)}")]
        lines.append((n * SECOND * 6, f"event {event}", values, bad))
    return made("example", lines, parts(len(lines)), MINUTE)


def test_sets_are_split_in_order_and_attacks_are_not_learned() -> None:
    assert parts(10).tolist() == [0] * 4 + [1] + [2] * 5
    found = example()
    assert (np.diff(found.part) >= 0).all()
    assert len(training(found).ts) == 480
    bad = made("x", [(n, "e", [("a", "b")], n < 3) for n in range(10)], parts(10), 1)
    assert len(training(bad).ts) == 1


def test_a_session_is_a_window_of_its_own() -> None:
    quiet = [["a", "b", "a"], ["a"], ["b"], ["a"], ["c"]]
    found = sessions("x", quiet, [(["a", "a"], True)])
    r = found.relations
    assert (r.ts // found.step_us).tolist() == [0, 0, 0, 1, 2, 3, 4, 5, 5]
    assert found.part.tolist() == [0, 0, 0, 0, 0, 0, 1, 2, 2]
    assert [r.nodes[v][1] for v in r.node[:4]] == ["start", "a", "b", "start"]
    assert found.attack.tolist() == [False] * 7 + [True] * 2


def test_planted_relations_never_occurred_and_have_known_ends() -> None:
    plain = example(attacks=False)
    found = with_planted(plain, 3)
    r, old = found.relations, plain.relations
    assert found.attack.sum() == 12  # 2 % of the test's lines
    seen = set(zip(old.of_event.tolist(), old.node.tolist(), strict=True))
    for at in np.flatnonzero(found.attack):
        assert found.part[r.line[at]] == 2
        assert (int(r.of_event[at]), int(r.node[at])) not in seen
        assert r.nodes[r.node[at]][0] == old.nodes[old.node[at]][0]
    assert (r.node == old.node)[~found.attack].all()


def test_alerts_are_read(tmp_path: Path) -> None:
    rows = [f"{100 + n},A{n % 2},10.0.0.{n},h,s,{'dirb' if n > 7 else 'false_positive'},-"
            for n in range(10)]  # fmt: skip
    file = tmp_path / "here_alerts.txt"
    file.write_text("\n".join(["time,name,ip,host,short,time_label,event_label", *rows[::-1]]))
    found = ait(file)
    assert found.name == "AIT here"
    assert found.part.tolist() == [0] * 4 + [1] + [2] * 5
    assert found.attack.tolist() == [False] * 16 + [True] * 4
    assert found.phase is not None
    assert found.phase[-1] == "dirb"
    told = relation_quality.found_by_phase(found, judge(found, found.attack.astype(float)))
    assert told == {"dirb": 1.0}
    told = relation_quality.found_by_phase(found, judge(found, -found.attack.astype(float)))
    assert told["dirb"] < 0.5


scores = st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=2, max_size=30)


@drawn(scores, st.sampled_from([0.0, 0.001, 0.1, 0.3]))
def test_recall_is_that_of_the_best_threshold_allowed(
    rows: list[tuple[int, bool]], rate: float
) -> None:
    score = np.array([s for s, _ in rows], float)
    bad = np.array([b for _, b in rows])
    found = recall_at(score, bad, rate)
    if bad.all() or not bad.any():
        assert found is None
        return
    told = [0.0]
    for cut in set(score.tolist()):
        over = score >= cut
        if (over & ~bad).sum() / (~bad).sum() <= rate + 1e-12:
            told.append((over & bad).sum() / bad.sum())
    assert found == pytest.approx(max(told))


def test_thresholds_come_from_the_calibration() -> None:
    quiet = Items(np.arange(200.0), np.zeros(200, bool), np.arange(200))
    test = Items(np.array([199.0, 300.0, 1.0]), np.array([True, False, False]), np.arange(3))
    assert f1(quiet, test) == pytest.approx(2 / 3)  # both 199 and 300 are decided
    short = quiet.take(np.arange(50))  # too short to support p <= 0.01
    assert f1(short, test) == 0.0


def test_the_truth_is_judged_perfect_and_a_constant_is_not() -> None:
    found = example()
    perfect = judge(found, found.attack.astype(float))
    assert relation_quality.figures(perfect)["AUC"] == 1.0
    # Lines say it all; of the 10 windows of the calibration none supports an alarm.
    assert perfect.line_f1 == 1.0
    constant = relation_quality.figures(judge(found, np.zeros(len(found.relations))))
    assert constant["AUC"] == 0.5
    assert constant["line F1"] == 0.0
    assert constant["recall at 0.5% FPR"] == 0.0
    number = np.unique(found.relations.ts // found.step_us)
    windows = judge_windows(found, number, np.zeros(len(number)))
    assert windows.line_f1 is None
    assert len(windows.ranked.scores) == len(perfect.windows.scores)


def test_the_better_of_two_is_shown_to_be() -> None:
    random = np.random.default_rng(0)
    bad = random.random(2000) < 0.1
    window = np.arange(2000) // 5
    ours = [Items(bad + random.normal(size=2000) * 0.4, bad, window) for _ in range(3)]
    theirs = [Items(random.normal(size=2000), bad, window)] * 3
    found = gains(ours, theirs, 40)
    assert found["AUC"].low > 0.2
    assert found["AUC"].low <= found["AUC"].mean <= found["AUC"].high
    assert gains(ours, ours, 10)["AP"] == (0.0, 0.0, 0.0)


def test_rows_of_a_set() -> None:
    found = example()
    judged = judged_all(found, 2, {"epochs": 1})
    assert set(judged) >= set(RELATIONS) | set(WINDOWS) | {"network", "paper", "rank average"}
    assert len(judged["network"]) == 2
    assert relation_quality.figures(judged["unseen relation"][0])["AUC"] > 0.7
    assert relation_quality.figures(judged["unseen template"][0])["AUC"] == 0.5
    rows = list(relation_quality.compare(found, judged))
    of = {(row.name, row.unit): row.value for row in rows}
    assert of["example: surprisal", "AUC"] > 0.7
    assert ("example: count nearest", "window AP") in of
    assert any(name.startswith("example: network, sd ") for name, _ in of)
    rivals = list(relation_quality.rivals(found, judged))
    mine = [row for row in rivals if row.target is not None]
    assert {row.unit for row in mine} == set(relation_quality.DECIDES)
    assert all(row.met is not None for row in mine)


def test_ranks_are_among_the_calibration_alone() -> None:
    found = example()
    r = found.relations
    one, other = np.arange(float(len(r))), np.ones(len(r))
    whole = ranked(found, one, other)
    changed = one.copy()
    test = np.flatnonzero(found.part[r.line] == 2)
    changed[test[5:]] += 1e6
    assert (ranked(found, changed, other)[: test[5]] == whole[: test[5]]).all()
