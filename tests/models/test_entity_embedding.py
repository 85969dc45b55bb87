"""Training entity embeddings: gradients, objectives, planted structure, daily updates."""

import numpy as np
import pytest

from graphad.errors import ModelError, NotFitted
from graphad.models import metrics
from graphad.models.embedding_choice import altered_pairs
from graphad.models.embedding_rows import row
from graphad.models.embedding_training import ALL_TYPES, PAPER, RANKING, Parameters, Rules, event
from graphad.models.entity_embedding import EntityEmbedding
from tests.models.test_embedding_scores import START, VECTORS, WEIGHTS

STILL = np.float32(1e12)  # sums of squares so large that a step is rate / 1e6 times the gradient


def parameters(constant: float = 0.0, seed: int | None = None, m: int = 3) -> Parameters:
    if seed is None:
        vectors, weights = VECTORS, WEIGHTS
    else:
        generator = np.random.default_rng(seed)
        vectors = generator.normal(0, 1, (4 * m, 5))
        weights = np.triu(generator.uniform(1, 2, (m, m)), 1)
        weights = weights + weights.T
    size = len(vectors)
    bias = np.zeros(size) if seed is None else np.random.default_rng(seed + 1).normal(0, 1, size)
    return Parameters(
        vectors.astype(np.float32), bias.astype(np.float32), weights.astype(np.float32),
        np.full(m, constant, np.float32), np.full(size, STILL), np.full(size, STILL),
        np.full((m, m), STILL), np.full(m, STILL),
    )  # fmt: skip


RATE = 1e6 * 2.0**-6
STEP = 2.0**-6  # what the gradient is multiplied by, exact in binary


def gradients(before: Parameters, after: Parameters) -> list[np.ndarray]:
    return [
        (b.astype(np.float64) - a) / STEP
        for b, a in zip(before[:4], after[:4], strict=True)
    ]  # fmt: skip


def rows(told: list[tuple[list[int], int, float]]) -> tuple[float, list[np.ndarray]]:
    """Return the loss of rows and the sum of their gradients, each from the same start."""
    rules, loss, sums = Rules(PAPER, 2, True, True, RATE), 0.0, None
    for codes, label, offset in told:
        p = parameters(-2.0)
        ids = np.array(codes) + START[:3]
        loss += row(ids, label, offset, 0, p, rules, np.empty((2, 3, 2), np.float32))
        found = gradients(parameters(-2.0), p)
        # A weight of 0 can't fall, so the slope of w_BC is taken from that of the constant.
        found[2][1, 2] = found[3][0] * (VECTORS[ids[1]] @ VECTORS[ids[2]])
        sums = found if sums is None else [a + b for a, b in zip(sums, found, strict=True)]
    assert sums is not None
    return loss, sums


def test_convention_a_of_the_worked_example() -> None:
    loss, (vectors, _, weights, constant) = rows(
        [([0, 0, 0], 1, 0.09855), ([0, 1, 0], 0, -0.510826), ([0, 0, 1], 0, 0.182322)]
    )
    assert loss == pytest.approx(1.5664, abs=2e-6)
    assert weights[0, 1] == pytest.approx(-0.42589, abs=2e-5)
    assert weights[0, 2] == pytest.approx(-0.298249, abs=2e-5)
    assert weights[1, 2] == pytest.approx(-0.316308, abs=2e-5)
    assert constant[0] == pytest.approx(-0.269554, abs=2e-5)
    wanted = [[-0.719842, 0.213471], [0, 0], [-0.533711, 0], [0.210247, 0], [-0.347957, 0],
              [0.15927, 0]]  # fmt: skip
    assert vectors == pytest.approx(np.array(wanted), abs=2e-5)


def test_convention_b_of_the_worked_example() -> None:
    seen, other = np.log(2 * 0.7), np.log(2 * 0.3)
    loss, _ = rows([([0, 0, 0], 1, seen), ([0, 1, 0], 0, other), ([0, 0, 0], 0, seen)])
    assert loss == pytest.approx(1.799405, abs=2e-6)


def slow_loss(p: list[np.ndarray], ids: np.ndarray, noise: np.ndarray, log_p: np.ndarray,
              objective: int) -> float:  # fmt: skip
    """Return the loss of one event by its definition."""

    def s(values: np.ndarray) -> float:
        v = vectors[values]
        pairs = sum(
            weights[i, j] * (v[i] @ v[j])
            for i in range(len(v)) for j in range(i + 1, len(v))
        )  # fmt: skip
        return float(bias[values].sum() + pairs)

    vectors, bias, weights, constant = p
    log_p = log_p.astype(np.float64)
    loss, k = 0.0, noise.shape[1]
    for i in range(len(ids)):
        altered = []
        for value in noise[i]:
            other = ids.copy()
            other[i] = value
            altered.append(s(other) - log_p[value])
        own = s(ids) - log_p[ids[i]]
        if objective == RANKING:
            loss += np.log(np.exp([own, *altered]).sum()) - own
        else:
            loss += np.log1p(np.exp(-(own + constant[i] - np.log(k))))
            loss += sum(np.log1p(np.exp(x + constant[i] - np.log(k))) for x in altered)
    return loss


@pytest.mark.parametrize("objective", [RANKING, ALL_TYPES])
@pytest.mark.parametrize("m", [1, 2, 3, 5])
def test_loss_and_gradients_are_those_of_the_definition(m: int, objective: int) -> None:
    generator = np.random.default_rng(m)
    start = np.arange(m) * 4
    ids = start + generator.integers(0, 4, m)
    noise = start[:, None] + generator.integers(0, 4, (m, 3))
    noise[0] = [ids[0], start[0], start[0]]  # the event's own value, and one twice
    log_p = np.log(generator.uniform(0.1, 0.5, 4 * m)).astype(np.float32)
    p = parameters(0.3, seed=m, m=m)
    scratch = np.empty((4, m, 5), np.float32), np.empty(m, np.float32), np.empty(3, np.float32)
    rules = Rules(objective, 3, True, True, RATE)
    loss = event(ids, noise, log_p, p, rules, *scratch, True)
    exact = [a.astype(np.float64) for a in parameters(0.3, seed=m, m=m)[:4]]
    assert loss == pytest.approx(slow_loss(exact, ids, noise, log_p, objective), rel=1e-5)
    found = gradients(parameters(0.3, seed=m, m=m), p)
    for which, array in enumerate(exact):
        for at in np.ndindex(array.shape):
            if which == 2 and at[0] >= at[1]:
                continue
            sides = []
            for shift in (1e-5, -1e-5):
                moved = [a.copy() for a in exact]
                moved[which][at] += shift
                sides.append(slow_loss(moved, ids, noise, log_p, objective))
            assert found[which][at] == pytest.approx((sides[0] - sides[1]) / 2e-5, abs=3e-4)
    quiet = parameters(0.3, seed=m, m=m)
    assert event(ids, noise, log_p, quiet, rules, *scratch, False) == pytest.approx(loss)
    assert all((a == b).all() for a, b in zip(quiet, parameters(0.3, seed=m, m=m), strict=True))


def planted(n: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return events, their arity, and events that pair a user with the other group's program."""
    generator = np.random.default_rng(seed)
    group = generator.integers(0, 2, n)
    user = generator.integers(0, 20, n) + 20 * group
    program = np.minimum(generator.zipf(1.5, n) - 1, 29) + 30 * group
    hour = generator.integers(0, 24, n)
    codes = np.stack([hour, user, program, program // 5, generator.integers(0, 10, n)], axis=1)
    crossed = codes[: n // 10].copy()
    crossed[:, 1] = (crossed[:, 1] + 20) % 40
    return codes, np.array([24, 40, 60, 12, 10]), crossed


def auc(model: EntityEmbedding, normal: np.ndarray, odd: np.ndarray) -> float:
    labels = np.repeat([False, True], [len(normal), len(odd)])
    found = metrics.roc_auc(np.concatenate([model.score(normal), model.score(odd)]), labels)
    assert found is not None
    return found


@pytest.mark.parametrize("objective", ["ranking", "all types"])
def test_users_of_the_other_groups_programs_stand_out(objective: str) -> None:
    codes, arity, crossed = planted(12_000, 0)
    model = EntityEmbedding(objective=objective).fit(codes, arity)  # type: ignore[arg-type]
    normal = planted(1_000, 1)[0]
    assert auc(model, normal, crossed) > 0.99
    assert model.parameters_ is not None
    assert (model.parameters_.weights >= 0).all()


def test_the_more_values_are_changed_the_plainer_it_is() -> None:
    codes, arity, _ = planted(12_000, 0)
    model, normal = EntityEmbedding().fit(codes, arity), planted(2_000, 1)[0]
    generator, found = np.random.default_rng(2), []
    for changed in (1, 2, 3):
        odd = normal.copy()
        for event_ in odd:
            places = generator.choice(5, changed, replace=False)
            event_[places] = generator.integers(0, arity[places])
        found.append(auc(model, normal, odd))
    assert found[0] > 0.68
    assert found == sorted(found)


def test_one_seed_one_model_and_another_is_another() -> None:
    codes, arity, _ = planted(2_000, 0)
    one, same, other = (EntityEmbedding(seed=s).fit(codes, arity) for s in (0, 0, 1))
    assert one.score(codes).tobytes() == same.score(codes).tobytes()
    assert one.score(codes).tobytes() != other.score(codes).tobytes()


def test_weights_stay_one_if_they_are_not_learned() -> None:
    codes, arity, _ = planted(1_000, 0)
    model = EntityEmbedding(weights=False).fit(codes, arity)
    assert model.parameters_ is not None
    assert (model.parameters_.weights == 1 - np.eye(5)).all()


def test_papers_mode_learns_too() -> None:
    codes, arity, crossed = planted(8_000, 0)
    model = EntityEmbedding.paper().fit(codes, arity)
    assert auc(model, planted(1_000, 1)[0], crossed) > 0.95


def test_a_model_that_was_kept_scores_the_same() -> None:
    codes, arity, _ = planted(1_000, 0)
    model = EntityEmbedding().fit(codes, arity)
    told, arrays = model.dump()
    assert (
        EntityEmbedding.restore(told, arrays).score(codes).tolist() == model.score(codes).tolist()
    )
    for name, broken in [("vectors", arrays["vectors"][:-1]), ("bias", arrays["bias"] * np.nan)]:
        with pytest.raises(ModelError):
            EntityEmbedding.restore(told, arrays | {name: broken})
    with pytest.raises(ModelError):
        EntityEmbedding.restore({"settings": told["settings"]}, arrays)


def test_a_new_day_moves_what_is_new_and_little_else() -> None:
    codes, arity, _ = planted(8_000, 0)
    model = EntityEmbedding().fit(codes, arity)
    assert model.parameters_ is not None
    before, old = model.parameters_.copy(), model.score(codes[:500])
    day = planted(800, 3)[0]
    day[:40, 1] = 40  # a new user, of the first group's programs
    day[:40, 2] %= 30
    day[:40, 3] = day[:40, 2] // 5
    grown = arity + np.array([0, 1, 0, 0, 0])
    model.update(day, grown)
    start = 24
    users = before.vectors[start : start + 40]
    after = model.parameters_.vectors[start : start + 40]
    moved = np.linalg.norm(after - users, axis=1)
    new = np.linalg.norm(model.parameters_.vectors[start + 40] - users.mean(axis=0))
    assert np.median(moved) < 0.5 * new
    assert np.corrcoef(old, model.score(codes[:500]))[0, 1] > 0.8
    usual, odd = day[40:60].copy(), day[40:60].copy()
    usual[:, 1], odd[:, 1] = 40, 40
    usual[:, 2] %= 30
    odd[:, 2] = odd[:, 2] % 30 + 30
    usual[:, 3], odd[:, 3] = usual[:, 2] // 5, odd[:, 2] // 5
    assert model.score(odd).mean() > model.score(usual).mean()
    with pytest.raises(ValueError, match="no fewer values"):
        model.update(codes, arity)


def test_little_or_dull_data_is_no_trouble() -> None:
    for codes, arity in [
        (np.zeros((3, 1), np.int64), [1]), (np.zeros((80, 2), np.int64), [1, 3]),
        (np.arange(60).reshape(60, 1), [60]), (np.zeros((0, 2), np.int64), [2, 2]),
    ]:  # fmt: skip
        model = EntityEmbedding().fit(codes, np.array(arity))
        assert np.isfinite(model.score(codes)).all()


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="objective"):
        EntityEmbedding(objective="best")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="double"):
        EntityEmbedding(double=0.5)
    with pytest.raises(ValueError, match="below the arity"):
        EntityEmbedding().fit(np.array([[2]]), np.array([2]))
    with pytest.raises(NotFitted):
        EntityEmbedding().score(np.array([[0]]))


def test_self_normalised_bits_are_near_the_exact_ones() -> None:
    codes, arity, _ = planted(8_000, 0)
    model = EntityEmbedding().fit(codes, arity)
    exact = model.scores.conditional(codes[:500])
    about = model.self_normalised(codes[:500])
    assert np.corrcoef(exact.ravel(), about.ravel())[0, 1] > 0.85
    assert model.agreement_ is not None
    assert model.agreement_ > 0.5


def test_altered_copies_differ_in_one_value_and_are_new() -> None:
    codes, arity, _ = planted(3_000, 0)
    usual, altered = altered_pairs(codes[:2_500], codes[2_500:], arity, 0)
    assert len(usual) == len(altered) > 100
    assert ((usual != altered).sum(axis=1) == 1).all()
    known = {tuple(event_) for event_ in codes.tolist()}
    assert not any(tuple(event_) in known for event_ in altered.tolist())


def test_frequencies_win_where_values_are_independent_and_change() -> None:
    generator = np.random.default_rng(5)
    n = 6_000
    codes = np.stack([np.minimum(generator.zipf(1.4, n) - 1, 49) for _ in range(4)], axis=1)
    drifted = np.arange(n) > n * 0.88
    codes[~drifted, 1] = (codes[~drifted, 0] * 7) % 50  # together in the past, no more today
    chosen = EntityEmbedding().fit(codes, np.array([50] * 4)).mix_
    assert chosen[1] > 0
