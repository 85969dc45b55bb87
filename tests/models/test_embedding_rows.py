import numpy as np
import numpy.typing as npt
import pytest

from graphad.models.embedding_rows import epoch_rows, row
from graphad.models.embedding_training import ALL_TYPES, PAPER
from graphad.models.value_noise import draw, random_bits
from tests.models.embedding_cases import (
    LOG_P,
    NEAR,
    OWN,
    VECTORS,
    WEIGHTS,
    Parts,
    case,
    difference,
    epoch_case,
    frozen,
    learned,
    likelihood,
    rules,
    softplus,
)

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

NOISE_B, NOISE_C = np.array([0, 3, 4]), np.array([0, 2, 5])


def worked_row(ids: Ints, label: int, offset: float) -> tuple[float, Parts]:
    """The loss and gradient of one row of the worked example, from a fresh copy."""
    parts = VECTORS, np.zeros(6), WEIGHTS, np.full(3, -2.0)
    before, p, back = frozen(*parts), frozen(*parts), frozen(*parts)
    room = np.empty((2, 3, 2), np.float32)
    loss = row(ids, label, offset, 0, p, rules(PAPER), room)
    # The weight of B and C is 0, and stays so if its gradient is positive: a step back shows it.
    row(ids, label, offset, 0, back, rules(PAPER, rate=-1e6), room)
    v, b, w, c = difference(before, p)
    return loss, (v, b, np.where(w == 0, -difference(before, back)[2], w), c)


def test_worked_convention_a() -> None:
    mean = np.log(2) + LOG_P[OWN].mean()
    offsets = [mean, np.log(2) + LOG_P[3], np.log(2) + LOG_P[5]]
    np.testing.assert_allclose(offsets, [0.098550, -0.510826, 0.182322], atol=5e-7)
    logits = [-0.718550, -1.549174, -1.222322]
    loss, slopes = 0.0, [np.zeros((6, 2)), np.zeros(6), np.zeros((3, 3)), np.zeros(3)]
    for ids, label, offset, logit in zip((OWN, NOISE_B, NOISE_C), (1, 0, 0), offsets, logits,
                                         strict=True):  # fmt: skip
        one, slope = worked_row(ids, label, offset)
        assert one == pytest.approx(softplus(-logit if label else logit), abs=1e-6)
        loss += one
        for total, part in zip(slopes, slope, strict=True):
            total += part
    assert loss == pytest.approx(1.566400, abs=1e-6)
    v, b, w, c = slopes
    np.testing.assert_allclose(w[np.triu_indices(3, 1)], [-0.425890, -0.298249, -0.316308],
                               atol=1e-6)  # fmt: skip
    np.testing.assert_allclose(c, [-0.269554, 0, 0], atol=1e-6)
    expected = [[-0.719842, 0.213471], [0, 0], [-0.533711, 0], [0.210247, 0], [-0.347957, 0],
                [0.159270, 0]]  # fmt: skip
    np.testing.assert_allclose(v, np.array(expected), atol=1e-6)
    assert b[0] == pytest.approx(-0.269554, abs=1e-6)  # value A0 is in all three rows, as c is


def test_worked_convention_b() -> None:
    rows = [(OWN, 1, 2, -0.956472), (NOISE_B, 0, 3, -1.549174), (OWN, 0, 2, -0.956472)]
    loss = 0.0
    for ids, label, value, logit in rows:
        one, _ = worked_row(ids, label, np.log(2) + LOG_P[value])
        assert one == pytest.approx(softplus(-logit if label else logit), abs=1e-6)
        loss += one
    assert loss == pytest.approx(1.799405, abs=1e-6)


def test_a_first_step_has_the_length_of_the_rate() -> None:
    # Adagrad from sums of 0, like the worked example's step of Adam: w = (1.21, 0.71, 0.01).
    p = frozen(VECTORS, np.zeros(6), WEIGHTS, np.full(3, -2.0), square=0.0)
    room = np.empty((2, 3, 2), np.float32)
    row(OWN, 1, 0.0985, 0, p, rules(PAPER, rate=0.01), room)
    np.testing.assert_allclose(p.weights[np.triu_indices(3, 1)], [1.21, 0.71, 0.01], atol=1e-6)
    np.testing.assert_allclose(p.constant, [-1.99, -2, -2], atol=1e-6)
    np.testing.assert_allclose(p.bias[[0, 2, 4]], 0.01, atol=1e-6)


@pytest.mark.parametrize("seed", range(6))
def test_all_types_is_the_sum_of_its_rows(seed: int) -> None:
    ids, noise, log_p, parts = case(seed, 4, 3, 5)
    loss, slopes = learned(ids, noise, log_p, parts, ALL_TYPES)
    total, sums = 0.0, [np.zeros_like(a) for a in slopes]
    for i, values in enumerate(noise):
        rows = [(ids, 1, ids[i]), *((np.where(np.arange(4) == i, v, ids), 0, v) for v in values)]
        for row_ids, label, own in rows:
            before, p = frozen(*parts), frozen(*parts)
            room = np.empty((2, 4, 5), np.float32)
            way = rules(ALL_TYPES, 3, rate=1e6 / 64)
            total += row(row_ids, label, np.log(3) + log_p[own], i, p, way, room)
            for kept, slope in zip(sums, difference(before, p, 64.0), strict=True):
                kept += slope
    assert loss == pytest.approx(total, rel=1e-6)
    for slope, wanted in zip(slopes, sums, strict=True):
        np.testing.assert_allclose(slope, wanted, atol=5 * NEAR)


@pytest.mark.parametrize(("objective", "double"), [(PAPER, 0.0), (ALL_TYPES, 0.0),
                                                   (ALL_TYPES, 0.5)])  # fmt: skip
def test_an_epoch_of_rows_is_the_loss_of_its_rows(objective: int, double: float) -> None:
    codes, noise, parts = epoch_case()
    v, b, w, c = parts
    order, begin, sizes = np.array([1, 2, 8] * 20), noise.start[:-1], np.diff(noise.start)
    told = noise.log_p.astype(np.float32)
    found = epoch_rows(codes, order, noise.start, told, noise.keep, noise.other, frozen(*parts),
                       rules(objective, 2, rate=0.0), np.array([7], np.uint64), double)  # fmt: skip
    state, total, twice = np.array([7], np.uint64), 0.0, 0
    spread = np.log(6) if objective == PAPER else np.log(2)

    def logit(ids: Ints, place: int, log_p: float) -> float:
        return likelihood(ids, v, b, w) + float(c[place] - spread - log_p)

    for e in order:
        ids = begin + codes[e]
        if objective == PAPER:
            total += softplus(-logit(ids, 0, noise.log_p[ids].mean()))
        for i in range(3):
            if objective != PAPER:
                total += softplus(-logit(ids, i, noise.log_p[ids[i]]))
            for _ in range(2):
                other, changed = ids.copy(), [i]
                other[i] = draw(state, noise.keep, noise.other, begin[i], sizes[i])
                if double:
                    bits = int(random_bits(state))
                    if bits >> 40 < double * 2**24:
                        j = (i + 1 + bits % 2**24 % 2) % 3
                        other[j] = draw(state, noise.keep, noise.other, begin[j], sizes[j])
                        changed.append(j)
                        twice += 1
                place = 0 if objective == PAPER else i
                total += softplus(logit(other, place, noise.log_p[other[changed]].sum()))
    assert found == pytest.approx(total / len(order), rel=1e-5)
    assert (twice > 0.35 * 6 * len(order)) == (double > 0)
