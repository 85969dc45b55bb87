import numpy as np
import numpy.typing as npt
import pytest

from graphad.models.embedding_scores import starts
from graphad.models.entity_embedding import EntityEmbedding
from graphad.models.metrics import roc_auc
from graphad.models.pair_counts import PairCounts
from tests.models.planted_events import crossed, planted

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

CODES, ARITY = planted(20_000, 0)
DAY, NEXT, LATER = CODES[:12_000], CODES[12_000:16_000], CODES[16_000:]
GROWN = ARITY + np.array([0, 3, 0, 0, 0])  # three more users


def with_new_users(codes: Ints) -> Ints:
    """Events of which a tenth are by users 40 to 42, who behave like the first group."""
    pick = np.random.default_rng(2)
    codes = codes.copy()
    own = np.flatnonzero((codes[:, 1] < 20) & (pick.random(len(codes)) < 0.2))
    codes[own, 1] = pick.integers(40, 43, len(own))
    return codes


def vectors(model: EntityEmbedding) -> Floats:
    assert model.parameters_ is not None
    return model.parameters_.vectors.astype(np.float64)


# Usual events score within half a bit of each other by "all types", so noise is more of it.
@pytest.mark.parametrize(("objective", "like"), [("ranking", 0.9), ("all types", 0.4)])
def test_known_values_move_little_and_new_ones_freely(objective: str, like: float) -> None:
    model = EntityEmbedding(objective=objective, epochs=10, held=0.0)  # type: ignore[arg-type]
    model.fit(DAY, ARITY)
    before, scores = vectors(model), model.score(LATER)
    counts = model.counts_
    assert counts is not None
    users = starts(ARITY)[1] + np.arange(40)
    mean = (counts[users] / counts[users].sum()) @ before[users]
    day = with_new_users(NEXT)
    assert model.update(day, GROWN) is model
    new = starts(GROWN)[1] + np.arange(40, 43)
    known = np.delete(np.arange(GROWN.sum()), new)
    after = vectors(model)
    moved = np.linalg.norm(after[known] - before, axis=1)
    freely = np.linalg.norm(after[new] - mean, axis=1)
    assert moved.mean() < 0.3 * np.linalg.norm(before, axis=1).mean()
    assert freely.mean() > 3 * moved.mean()
    # Old events keep about their scores; the origin may have moved.
    now = model.score(LATER)
    assert np.corrcoef(now, scores)[0, 1] > like
    assert np.abs((now - np.median(now)) - (scores - np.median(scores))).mean() < 1.0
    # What was learned of the old is kept, and the new users are like those of their group.
    assert told_apart(model, LATER, crossed(LATER, 1)) > 0.99
    usual = with_new_users(LATER)
    usual = usual[usual[:, 1] >= 40]
    odd = usual.copy()
    other = LATER[LATER[:, 1] >= 20][: len(odd)]
    odd[:, 2:4] = other[:, 2:4]
    assert told_apart(model, usual, odd) > 0.95


def told_apart(model: EntityEmbedding, usual: Ints, abnormal: Ints) -> float:
    labels = np.repeat([False, True], [len(usual), len(abnormal)])
    found = roc_auc(np.concatenate([model.score(usual), model.score(abnormal)]), labels)
    assert found is not None
    return found


def test_an_update_counts_what_it_learned() -> None:
    model = EntityEmbedding(epochs=1).fit(DAY, ARITY)
    assert model.counts_ is not None
    assert model.pairs_ is not None
    types, weight = model.pairs_.types, model.pair_weight_
    assert len(types) > 0
    before = np.split(model.counts_, starts(ARITY)[1:-1])
    day = with_new_users(NEXT)
    model.update(day, GROWN)
    after = np.split(model.counts_, starts(GROWN)[1:-1])
    for i, (old, new) in enumerate(zip(before, after, strict=True)):
        expected = np.bincount(day[:, i], minlength=GROWN[i])
        expected[: len(old)] += old.astype(int)
        np.testing.assert_array_equal(new, expected)
    # Pairs of values are counted as if both days were one; which and how much stays as it was.
    both = PairCounts.of(np.concatenate([DAY, day]), types, GROWN)
    for name, array in both.dump().items():
        np.testing.assert_array_equal(model.pairs_.dump()[name], array)
    assert model.pair_weight_ == weight
    copy = EntityEmbedding.restore(*model.dump())
    assert copy.score(day).tobytes() == model.score(day).tobytes()


@pytest.mark.parametrize(
    ("codes", "arity"),
    [
        (DAY[:5], ARITY - np.array([0, 0, 0, 0, 1])), (DAY[:5], ARITY[:4]),
        (DAY[:5, :4], ARITY[:4]), (with_new_users(NEXT), ARITY),
    ],
)  # fmt: skip
def test_an_update_that_does_not_fit_is_refused_and_changes_nothing(
    codes: Ints, arity: Ints
) -> None:
    model = EntityEmbedding(epochs=1).fit(DAY[:500], ARITY)
    told, arrays = model.dump()
    arrays = {name: array.copy() for name, array in arrays.items()}
    with pytest.raises(ValueError, match=r"[Cc]ode|update"):
        model.update(codes, arity)
    again, kept = model.dump()
    assert again == told
    for name, array in arrays.items():
        np.testing.assert_array_equal(kept[name], array)


def test_a_day_that_teaches_nothing_moves_no_embedding() -> None:
    # A wild day: users and programs dealt anew until its last tenth, which is as ever.
    pick = np.random.default_rng(1)
    day = NEXT.copy()
    for i in range(5):
        day[:3600, i] = day[pick.permutation(3600), i]
    model = EntityEmbedding().fit(DAY, ARITY)
    assert model.parameters_ is not None
    before = model.parameters_.copy()
    model.rate = 1.0  # steps so large that each epoch forgets
    model.update(day, ARITY)
    for old, new in zip(before, model.parameters_, strict=True):
        np.testing.assert_array_equal(new, old)
    assert 1 <= len(model.history_) <= 5
    assert told_apart(model, LATER, crossed(LATER, 1)) > 0.99
    # What happened is counted all the same.
    assert model.counts_ is not None
    assert model.counts_.sum() == (len(DAY) + len(day)) * 5


def test_a_usual_day_is_learned_whole() -> None:
    model = EntityEmbedding(epochs=2).fit(DAY[:3000], ARITY)
    before = vectors(model)
    model.update(NEXT, ARITY)
    judged = np.array(model.history_)[:, 1]
    assert np.isnan(judged[-1])  # the last pass is over all events, those held out among them
    assert np.abs(vectors(model) - before).max() > 0


def test_a_day_without_events_changes_no_score() -> None:
    model = EntityEmbedding(epochs=2).fit(DAY[:2000], ARITY)
    before, normal = model.score(LATER), model.normal_
    model.update(DAY[:0], GROWN)
    np.testing.assert_array_equal(model.score(LATER), before)
    np.testing.assert_array_equal(model.normal_, normal)


def test_a_restored_copy_is_not_changed_by_the_update_of_another() -> None:
    # Versions are kept: to update what was dumped must not write into the dump.
    model = EntityEmbedding(epochs=2).fit(DAY[:2000], ARITY)
    told, arrays = model.dump()
    kept, before = EntityEmbedding.restore(told, arrays), model.score(LATER)
    model.update(NEXT, ARITY)
    np.testing.assert_array_equal(kept.score(LATER), before)
