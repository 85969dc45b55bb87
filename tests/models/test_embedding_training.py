import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.models.embedding_rows import epoch_rows
from graphad.models.embedding_training import (
    ALL_TYPES,
    PAPER,
    RANKING,
    Parameters,
    Rules,
    epoch,
)
from graphad.models.value_noise import Noise, draw
from tests.models.embedding_cases import (
    LOG_P,
    NEAR,
    OWN,
    VECTORS,
    WEIGHTS,
    Parts,
    case,
    epoch_case,
    frozen,
    learned,
    rules,
    slow_loss,
)

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def differences(ids: Ints, noise: Ints, log_p: Floats, parts: Parts, objective: int) -> Parts:
    """The gradient of the slow loss, by central differences."""
    found = []
    for array in parts:
        slope = np.zeros_like(array)
        for at in np.ndindex(array.shape):
            kept, ends = array[at], []
            for step in (1e-5, -1e-5):
                array[at] = kept + step
                ends.append(slow_loss(ids, noise, log_p, parts, objective))
            array[at] = kept
            slope[at] = (ends[0] - ends[1]) / 2e-5
        found.append(slope)
    v, b, w, c = found
    return v, b, np.triu(w, 1), c


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([1, 2, 3, 5]), st.sampled_from([1, 2, 4]),
       st.sampled_from([1, 3, 8]), st.sampled_from([RANKING, ALL_TYPES]))  # fmt: skip
def test_event_is_the_slow_loss_and_its_slope(
    seed: int, m: int, k: int, d: int, objective: int
) -> None:
    ids, noise, log_p, parts = case(seed, m, k, d)
    loss, slopes = learned(ids, noise, log_p, parts, objective)
    assert loss == pytest.approx(slow_loss(ids, noise, log_p, parts, objective), rel=1e-5, abs=1e-5)
    expected = differences(ids, noise, log_p, parts, objective)
    for slope, wanted in zip(slopes, expected, strict=True):
        np.testing.assert_allclose(slope, wanted, atol=NEAR * max(1.0, np.abs(wanted).max()))


@pytest.mark.parametrize("objective", [RANKING, ALL_TYPES])
@pytest.mark.parametrize("noise", [[[0, 0], [3, 3], [5, 5]], [[1, 1], [2, 3], [4, 4]]])
def test_repeated_noise_and_the_own_value_as_noise(objective: int, noise: list[list[int]]) -> None:
    parts = VECTORS.copy(), np.linspace(-1, 1, 6), WEIGHTS + 1.0 - np.eye(3), np.arange(3.0)
    given = OWN, np.array(noise), LOG_P, parts
    loss, slopes = learned(*given, objective)
    assert loss == pytest.approx(slow_loss(*given, objective), rel=1e-6)
    for slope, wanted in zip(slopes, differences(*given, objective), strict=True):
        np.testing.assert_allclose(slope, wanted, atol=NEAR)


@pytest.mark.parametrize("objective", [RANKING, ALL_TYPES, PAPER])
def test_weights_are_never_negative_and_fixed_when_told(objective: int) -> None:
    pick = np.random.default_rng(objective)
    codes, arity = pick.integers(0, 6, (400, 4)), np.full(4, 6)
    noise = Noise.of(np.ones(24), arity, 0.75, 0.1)
    drawing = (noise.start, noise.log_p.astype(np.float32), noise.keep, noise.other)
    for weight_rate in (0.8, 0.0):
        p, zero = Parameters.fresh(24, 4, 3, 0.5, 0), False
        way = Rules(objective, 3, True, 0.8, weight_rate)
        for number in range(8):
            state, order = np.array([number], np.uint64), pick.permutation(400)[:50]
            if objective == PAPER:
                epoch_rows(codes, order, *drawing, p, way, state, 0.0)
            else:
                epoch(codes, order, *drawing, p, way, state, True)
            assert (p.weights >= 0).all()
            np.testing.assert_array_equal(p.weights, p.weights.T)
            zero = zero or bool((p.weights[np.triu_indices(4, 1)] == 0).any())
            if not weight_rate:
                np.testing.assert_array_equal(p.weights, 1.0 - np.eye(4))
        assert zero == (weight_rate > 0)  # steps this wild reach the border, so that it's tested
        assert all(np.isfinite(array).all() for array in p)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 5), st.sampled_from([RANKING, ALL_TYPES]))
def test_a_factor_of_the_noise_only_moves_the_constant(seed: int, m: int, objective: int) -> None:
    ids, noise, log_p, (v, b, w, c) = case(seed, m, 3, 4)
    told = learned(ids, noise, log_p, (v, b, w, c), objective)
    lifted = c + np.log(7.0) * (objective == ALL_TYPES)
    other = learned(ids, noise, log_p + np.log(7.0), (v, b, w, lifted), objective)
    assert other[0] == pytest.approx(told[0], rel=1e-4, abs=1e-4)
    for slope, wanted in zip(other[1], told[1], strict=True):
        np.testing.assert_allclose(slope, wanted, atol=1e-2 * max(1.0, np.abs(wanted).max()))


@pytest.mark.parametrize("objective", [RANKING, ALL_TYPES])
def test_an_epoch_judges_each_event_by_its_noise(objective: int) -> None:
    codes, noise, parts = epoch_case()
    drawing = (noise.start, noise.log_p.astype(np.float32), noise.keep, noise.other)
    p, order = frozen(*parts), np.array([4, 4, 0, 9])
    found = epoch(codes, order, *drawing, p, rules(objective, 2), np.array([7], np.uint64), False)
    state, losses = np.array([7], np.uint64), []
    for e in order:
        begin, sizes = noise.start[:-1], np.diff(noise.start)
        drawn = [[draw(state, noise.keep, noise.other, b, s) for _ in range(2)]
                 for b, s in zip(begin, sizes, strict=True)]  # fmt: skip
        losses.append(slow_loss(begin + codes[e], np.array(drawn), noise.log_p, parts, objective))
    assert found == pytest.approx(np.mean(losses), rel=1e-5)
    assert epoch(codes, order[:0], *drawing, p, rules(objective), state, True) == 0.0


def test_grown_keeps_what_is_known_and_begins_at_the_mean() -> None:
    before, after = np.array([2, 1, 3]), np.array([4, 1, 5])
    p = Parameters.fresh(6, 3, 4, 1.0, 0)
    p.bias[:] = np.arange(6)
    p.vectors_sq[:] = np.arange(6) + 5
    counts = np.array([3.0, 1, 1, 0, 2, 2])
    grown = p.grown(before, after, counts)
    known, new = [0, 1, 4, 5, 6, 7], [2, 3, 8, 9]
    for name in ("vectors", "bias", "vectors_sq", "bias_sq"):
        np.testing.assert_array_equal(getattr(grown, name)[known], getattr(p, name))
    np.testing.assert_allclose(grown.vectors[2], (3 * p.vectors[0] + p.vectors[1]) / 4, rtol=1e-5)
    np.testing.assert_allclose(grown.vectors[9], (p.vectors[4] + p.vectors[5]) / 2, rtol=1e-5)
    np.testing.assert_array_equal(grown.bias[new], [0, 0, 3, 3])
    assert (grown.vectors_sq[new] == Parameters.fresh(1, 1, 1, 1.0, 0).vectors_sq[0]).all()
    assert grown.weights is not p.weights
    np.testing.assert_array_equal(grown.weights, p.weights)


TWICE = """
import hashlib
import numpy as np
from graphad.models.entity_embedding import EntityEmbedding
codes = np.random.default_rng(0).integers(0, [24, 40, 10], (900, 3))
for objective in ("ranking", "all types", "paper"):
    model = EntityEmbedding(objective=objective, epochs=2).fit(codes, np.array([24, 40, 10]))
    vectors = model.parameters_.vectors
    print(hashlib.sha256(model.score(codes).tobytes() + vectors.tobytes()).hexdigest())
"""


def test_compiled_now_or_before_gives_the_same_bytes(tmp_path: Path) -> None:
    # A kernel that calls another must hold its code: there are two versions of it else, and the
    # process that compiles doesn't use the one that those after it read from the cache.
    place = os.environ | {"XDG_CACHE_HOME": str(tmp_path)}
    place.pop("NUMBA_CACHE_DIR", None)
    told = [
        subprocess.run([sys.executable, "-c", TWICE], env=place, check=True, capture_output=True,
                       cwd=Path(__file__).parents[2]).stdout for _ in range(2)
    ]  # fmt: skip
    assert told[0].count(b"\n") == 3
    assert told[0] == told[1]
    assert any(tmp_path.rglob("*.nbc"))
