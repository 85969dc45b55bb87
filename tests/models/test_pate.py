"""PATE against its definition written slowly, step by step, and in cases that are known."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.models import metrics
from graphad.models.pate import Curve, Rule, Timeline, area, curve, f1, pate

END = 40  # steps of the drawn timelines

RULES: tuple[Rule, ...] = "trapezoid", "step"

Steps = list[tuple[int, int]]


def line(attacks: Steps, spans: Steps, scores: list[float]) -> Timeline:
    """Return a timeline of plain lists."""
    held, found = (np.array(rows, np.int64).reshape(-1, 2) for rows in (attacks, spans))
    return Timeline(held, found, np.array(scores, np.float64))


def runs(steps: set[int]) -> Steps:
    """Return runs of consecutive steps."""
    begins = sorted(x for x in steps if x - 1 not in steps)
    return [(x, next(y for y in range(x, x + len(steps)) if y + 1 not in steps)) for x in begins]


def naive(timelines: list[Timeline], early: int, late: int) -> tuple[list[float], list[float]]:
    """Return precision and recall at each score, each step looked at by itself."""
    precision, recall = [], []
    for limit in sorted({float(s) for one in timelines for s in one.scores}, reverse=True):
        true = called_ = missed = 0.0
        for one in timelines:
            called = {
                x
                for (first, last), score in zip(one.spans.tolist(), one.scores, strict=True)
                if score >= limit
                for x in range(first, last + 1)
            }
            attacks = runs({x for a, n in one.attacks.tolist() for x in range(a, n + 1)})
            called_ += len(called)
            closed = None
            for k, (a, n) in enumerate(attacks):
                attack = range(a, n + 1)
                stop = n + late
                if k + 1 < len(attacks):
                    stop = min(stop, attacks[k + 1][0] - 1)
                begin = a - early if closed is None else max(a - early, closed + 1)
                closed = stop
                held = sum(x in called for x in attack)
                true += held
                for x in range(n + 1, stop + 1):
                    if x in called:
                        true += 1 - sum(abs(x - y) for y in attack) / sum(stop - y for y in attack)
                for x in range(begin, a):
                    if x in called and held:
                        true += 1 - sum(abs(x - y) for y in attack) / sum(y - begin for y in attack)
                for x in attack:
                    if x in called:
                        continue
                    if not held or x <= a + held:
                        missed += 1
                    else:
                        far = sum(abs(x - y) for y in range(a, a + held + 1))
                        missed += 1 - far / sum(n - y for y in attack)
        precision.append(true / called_)
        recall.append(true / (true + missed))
    return precision, recall


def naive_area(precision: list[float], recall: list[float], step: bool) -> float:
    """Return the area, point by point."""
    total, r, p = 0.0, 0.0, 1.0
    for height, further in zip(precision, recall, strict=True):
        if further >= r:
            total += (further - r) * (height if step else (height + p) / 2)
            r, p = further, height
    return total


span = st.tuples(st.integers(0, END), st.integers(0, 6)).map(lambda x: (x[0], x[0] + x[1]))
long = st.tuples(st.integers(0, END), st.integers(0, 15)).map(lambda x: (x[0], x[0] + x[1]))
scored = st.lists(st.tuples(span, st.integers(0, 4)), max_size=10)
timeline = st.builds(
    lambda attacks, rows: line(attacks, [r[0] for r in rows], [r[1] for r in rows]),
    st.lists(long, max_size=3), scored,
)  # fmt: skip
several = st.lists(timeline, min_size=1, max_size=2)
buffers = st.integers(0, 8)


@settings(max_examples=300, deadline=None)
@given(several, buffers, buffers)
def test_the_curve_is_that_of_the_definition(timelines: list[Timeline], e: int, d: int) -> None:
    found = curve(timelines, e, d)
    if not any(len(one.attacks) for one in timelines):
        assert found is None
        return
    assert found is not None
    precision, recall = naive(timelines, e, d)
    np.testing.assert_allclose(found.precision, precision, atol=1e-12)
    np.testing.assert_allclose(found.recall, recall, atol=1e-12)
    assert area(found) == pytest.approx(naive_area(precision, recall, False), abs=1e-12)
    assert area(found, "step") == pytest.approx(naive_area(precision, recall, True), abs=1e-12)
    assert (np.diff(found.thresholds) < 0).all()


@settings(max_examples=60, deadline=None)
@given(
    several, st.lists(buffers, min_size=1, max_size=3), st.integers(-(10**15), 10**15), st.data()
)
def test_what_must_not_change_it(
    timelines: list[Timeline], sizes: list[int], shift: int, data: st.DataObject
) -> None:
    plain = pate(timelines, sizes, sizes)
    moved = [
        Timeline(one.attacks + shift, one.spans + shift, np.exp(one.scores)) for one in timelines
    ]
    assert pate(moved, sizes, sizes) == (None if plain is None else pytest.approx(plain, abs=1e-9))
    mixed = []
    for one in timelines:
        a = data.draw(st.permutations(range(len(one.attacks))))
        s = data.draw(st.permutations(range(len(one.spans))))
        mixed.append(Timeline(one.attacks[list(a)], one.spans[list(s)], one.scores[list(s)]))
    assert pate(mixed[::-1], sizes, sizes) == (
        None if plain is None else pytest.approx(plain, abs=1e-12)
    )
    for rule in RULES:
        found = pate(timelines, sizes, sizes, rule)
        assert found is None or -1e-12 <= found <= 1 + 1e-12


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 20), max_size=6), st.lists(st.integers(0, 5), max_size=21))
def test_of_single_steps_without_a_buffer_it_is_average_precision(
    attacks: list[int], scores: list[int]
) -> None:
    steps = [(x, x) for x in range(len(scores))]
    held = {2 * x for x in attacks if 2 * x < len(scores)}  # none touches another
    found = pate(
        [line([(x, x) for x in held], steps, [float(s) for s in scores])], [0], [0], "step"
    )
    labels = np.array([x in held for x in range(len(scores))], bool)
    expected = metrics.average_precision(np.array(scores, np.float64), labels)
    assert found == (None if expected is None else pytest.approx(expected))


def test_perfect_none_and_nothing_to_find() -> None:
    attacks: Steps = [(10, 19), (40, 40)]
    perfect = line([*attacks], [*attacks, (70, 90)], [3.0, 2.0, 1.0])
    for rule in RULES:
        assert pate([perfect], [0, 5], [0, 5], rule) == 1.0
        assert pate([line(attacks, [], [])], [0, 5], [0, 5], rule) == 0.0
        assert pate([line([], attacks, [1.0, 1.0])], [0], [0], rule) is None
    assert f1([line(attacks, attacks, [1.0, 2.0])], [0, 5], [0, 5]) == 1.0
    assert f1([line(attacks, [], [])], [0], [0]) == 0.0
    assert f1([line([], attacks, [1.0, 1.0])], [0], [0]) is None
    assert pate([perfect], [], [0]) is None


def test_random_scores_find_the_share_of_attack() -> None:
    rng = np.random.default_rng(0)
    steps = np.arange(20_000)
    attacks = [(x, x) for x in range(0, 20_000, 10)]
    one = line(attacks, [(int(x), int(x)) for x in steps], rng.random(len(steps)).tolist())
    assert pate([one], [0], [0], "step") == pytest.approx(0.1, abs=0.01)


def test_one_span_over_everything_is_only_rewarded_by_the_published_area() -> None:
    one = line([(0, 9)], [(0, 999)], [1.0])
    assert pate([one], [0], [0], "step") == pytest.approx(0.01)
    assert pate([one], [0], [0], "trapezoid") == pytest.approx(0.505)


Far = Callable[[int], Timeline]


@pytest.mark.parametrize(
    "placed",
    [lambda x: line([(20, 24)], [(25 + x, 25 + x)], [1.0]),
     lambda x: line([(20, 24)], [(19 - x, 19 - x), (20, 20)], [1.0, 1.0])],
)  # fmt: skip
def test_nearer_is_better_and_out_of_the_buffer_is_a_false_call(placed: Far) -> None:
    found = [pate([placed(x)], [4], [4], "step") or 0.0 for x in range(6)]
    assert found[0] > found[1] > found[2] > found[3] == found[4] == found[5]


def test_by_hand() -> None:
    # Two of four steps from the second on; one step after, in a buffer of two: (7 - 6) / (7 - 3.5).
    one = line([(2, 5)], [(3, 4), (6, 6)], [2.0, 1.0])
    found = curve([one], 0, 2)
    assert found is not None
    # Missed: step 2 weighs 1; step 5, past 2 + 2, weighs 1 - 3 * (3 - 1) / 6 = 0.
    np.testing.assert_allclose(found.recall, [2 / 3, (2 + 2 / 7) / (3 + 2 / 7)])
    np.testing.assert_allclose(found.precision, [1.0, (2 + 2 / 7) / 3])
    # A buffer before counts only where the attack is called too.
    early = line([(5, 6)], [(4, 4), (5, 5)], [2.0, 1.0])
    found = curve([early], 2, 0)
    assert found is not None
    np.testing.assert_allclose(found.precision, [0.0, (1 + 1 / 2.5) / 2])


def test_points_of_less_recall_are_left_out() -> None:
    dip = Curve(np.array([3.0, 2, 1]), np.array([0.5, 0.9, 0.5]), np.array([0.4, 0.3, 0.8]))
    assert area(dip, "step") == pytest.approx(0.4 * 0.5 + 0.4 * 0.5)


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (line([(3, 2)], [], []), "before it begins"),
        (line([], [(3, 2)], [1.0]), "before it begins"),
        (line([(0, 1)], [(0, 1)], [float("nan")]), "NaN"),
        (line([(0, 1)], [(0, 1)], []), "one score for each"),
        (line([(0, 1 << 60)], [], []), "too far"),
        (Timeline(np.zeros(2, np.int64), np.zeros((0, 2), np.int64), np.zeros(0)), "pairs"),
        (Timeline(np.zeros((1, 2)), np.zeros((0, 2), np.int64), np.zeros(0)), "pairs"),  # type: ignore[arg-type]
    ],
)
def test_wrong_input_is_refused(one: Timeline, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        pate([one], [0], [0])


def test_a_buffer_is_not_negative() -> None:
    for early, late in ((-1, 0), (0, 1 << 60)):
        with pytest.raises(ValueError, match="buffer"):
            pate([line([(0, 1)], [], [])], [early], [late])
