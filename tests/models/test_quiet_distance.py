import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.models import quiet_distance
from graphad.models.quiet_distance import Nearest, QuietDistance, shrunk_covariance, spreads

Floats = npt.NDArray[np.float64]

drawn = st.tuples(st.integers(1, 12), st.integers(1, 4), st.integers(0, 10**6))


def rows(n: int, width: int, seed: int) -> Floats:
    """Return rows of which some are alike, and some numbers never vary."""
    random = np.random.default_rng(seed)
    p = random.integers(-3, 4, (n, width)) * random.choice([0.0, 0.3, 1.0, 50.0], width)
    made: Floats = p + random.normal(size=width)
    return made


def slow_covariance(z: Floats) -> Floats:
    """Return Ledoit and Wolf's estimate, sum by sum."""
    n, width = z.shape
    s = sum(np.outer(row, row) for row in z) / n
    m = sum(s[i, i] for i in range(width)) / width
    if m == 0:
        return np.eye(width)
    target = m * np.eye(width)
    d = ((s - target) ** 2).sum()
    b = sum(((np.outer(row, row) - s) ** 2).sum() for row in z) / n**2
    a = min(max(b / d, 1e-3), 1.0) if d > 0 else 1.0
    found: Floats = (1 - a) * s + a * target
    return found


def slow_distance(learned: Floats, row: Floats, neighbours: int) -> float:
    """Return the distance of one row by scaling, inverting and sorting plainly."""
    center, spread = np.median(learned, axis=0), spreads(learned)
    quiet = np.clip((learned - center) / spread, -8, 8)
    z = np.clip((row - center) / spread, -8, 8)
    inverse = np.linalg.inv(slow_covariance(quiet))
    if not neighbours:
        return float(np.sqrt(z @ inverse @ z))
    far = sorted(np.sqrt((z - q) @ inverse @ (z - q)) for q in quiet)
    return float(np.mean(far[:neighbours]))


@settings(max_examples=80, deadline=None)
@given(drawn)
def test_covariance_is_ledoit_and_wolfs(case: tuple[int, int, int]) -> None:
    z = rows(*case)
    np.testing.assert_allclose(shrunk_covariance(z), slow_covariance(z), rtol=1e-6, atol=1e-9)
    assert np.linalg.eigvalsh(shrunk_covariance(z)).min() > 0


@settings(max_examples=80, deadline=None)
@given(drawn, st.sampled_from([0, 1, 3, 99]))
def test_distances_are_found_by_brute_force(case: tuple[int, int, int], neighbours: int) -> None:
    learned = rows(*case)
    width = learned.shape[1]
    others = np.concatenate([learned[:3], rows(4, width, case[2] + 1)])
    d = QuietDistance.of(learned, neighbours)
    found = d.distances(others)
    slow = [slow_distance(learned, row, neighbours) for row in others]
    np.testing.assert_allclose(found, slow, rtol=1e-6, atol=1e-6)
    parts = d.parts(others)
    assert parts.shape == others.shape
    np.testing.assert_allclose(parts.sum(axis=1), found, rtol=1e-6, atol=1e-6)


@settings(max_examples=60, deadline=None)
@given(drawn, st.sampled_from([1, 3, 99]))
def test_the_nearest_are_found_by_brute_force(case: tuple[int, int, int], neighbours: int) -> None:
    learned = rows(*case)
    others = np.concatenate([learned[:3], rows(4, case[1], case[2] + 1)])
    d = Nearest(learned, neighbours)
    far = [sorted(np.sqrt(((row - q) ** 2).sum()) for q in learned)[:neighbours] for row in others]
    slow = [np.mean(f) for f in far]
    np.testing.assert_allclose(d.distances(others), slow, atol=1e-5)
    parts = d.parts(others)
    assert (parts >= 0).all()
    np.testing.assert_allclose(parts.sum(axis=1), slow, atol=1e-5)


def test_pieces_of_rows_are_as_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    learned, others = rows(30, 3, 1), rows(50, 3, 2)
    d = QuietDistance.of(learned, 4)
    found, parts = d.distances(others), d.parts(others)
    monkeypatch.setattr(quiet_distance, "_CELLS", 100)
    monkeypatch.setattr(quiet_distance, "_ROWS", 7)
    np.testing.assert_allclose(d.distances(others), found, rtol=1e-9)
    np.testing.assert_allclose(d.parts(others), parts, rtol=1e-9, atol=1e-12)


@given(drawn)
def test_spreads_are_median_deviations(case: tuple[int, int, int]) -> None:
    p = rows(*case)
    for found, column in zip(spreads(p), p.T, strict=True):
        off = 1.4826 * np.median([abs(v - np.median(column)) for v in column])
        assert found == pytest.approx(max(off or np.std(column), 0.02))


def test_a_few_attacks_among_quiet_rows_move_little() -> None:
    random = np.random.default_rng(0)
    clean, attack = random.normal(size=(300, 4)), random.normal(size=(50, 4)) + 6.0
    # Fewer than the neighbours: an attack that often among quiet rows is usual.
    dirty = np.concatenate([clean, 1e6 * np.ones((3, 4))])
    for neighbours in (0, 5):
        for learned in (clean, dirty):
            d = QuietDistance.of(learned, neighbours)
            usual, odd = d.distances(random.normal(size=(200, 4))), d.distances(attack)
            assert odd.min() > np.quantile(usual, 0.97)


def test_a_number_that_never_varied_counts_but_is_bounded() -> None:
    learned = np.column_stack([np.random.default_rng(0).normal(size=50), np.full(50, 0.3)])
    d = QuietDistance.of(learned, 0)
    near, far, farther = d.distances(np.array([[0.0, 0.3], [0.0, 0.5], [0.0, 1e9]]))
    assert near < 1 < far <= farther < 1e3


def test_no_number_at_all() -> None:
    d = QuietDistance.of(np.zeros((3, 0)), 2)
    np.testing.assert_array_equal(d.distances(np.zeros((2, 0))), 0)
    assert d.parts(np.zeros((2, 0))).shape == (2, 0)
