import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.models.embedding_choice import WEIGHTS, Held, altered_pairs
from graphad.models.embedding_scores import Scores, starts
from graphad.models.entity_embedding import EntityEmbedding
from graphad.models.event_values import value_counts
from graphad.models.metrics import roc_auc
from tests.models.planted_events import planted

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

ARITY = np.array([60, 100, 200, 400, 50])
WHOLE = np.ones((5, 5))


def independent(events: int, seed: int, power: float = 1.2) -> Ints:
    """Events whose columns have nothing to do with each other, heavy-tailed."""
    pick = np.random.default_rng(seed)
    columns = []
    for size in ARITY:
        chance = 1.0 / np.arange(1, size + 1) ** power
        columns.append(pick.choice(size, events, p=chance / chance.sum()))
    return np.stack(columns, axis=1)


def paired(events: int, seed: int) -> Ints:
    """Events whose first two columns are one of 300 pairs, dealt at random; the rest is noise."""
    codes = independent(events, seed)
    deal = np.random.default_rng(7)
    pairs = np.stack([deal.integers(0, 60, 300), deal.integers(0, 100, 300)], axis=1)
    codes[:, :2] = pairs[np.random.default_rng(seed).integers(0, 300, events)]
    return codes


def by_frequency(codes: Ints) -> Scores:
    """Scores by frequencies alone."""
    d, m = np.zeros((int(ARITY.sum()), 1)), len(ARITY)
    known = np.log2(np.maximum(value_counts(codes, ARITY), 0.5))
    return Scores.on_grid(d, known, np.zeros((m, m)), starts(ARITY))


def parts(codes: Ints, held: int) -> tuple[Ints, Ints]:
    return codes[:-held], codes[-held:]


@pytest.mark.parametrize("seed", range(3))
def test_counts_of_pairs_are_taken_where_they_help(seed: int) -> None:
    trained, held = parts(paired(3000, seed), 500)
    judge, counts = Held(trained, held, ARITY, seed), value_counts(trained, ARITY)
    types, weight = judge.pairs(by_frequency(trained), counts, WHOLE)
    assert types.tolist()[0] == [0, 1]
    assert len(types) <= 2
    assert weight in WEIGHTS


def test_counts_of_a_pair_that_time_makes_are_not_taken() -> None:
    trained, held = parts(paired(3000, 0), 500)
    judge, counts = Held(trained, held, ARITY, 0), value_counts(trained, ARITY)
    steady = WHOLE.copy()
    steady[0, 1] = steady[1, 0] = 0.0
    assert judge.pairs(by_frequency(trained), counts, steady)[0].tolist() != [[0, 1]]
    assert judge.pairs(by_frequency(trained), counts, steady)[1] == 0.0


@pytest.mark.parametrize("seed", range(3))
def test_no_counts_are_taken_where_nothing_goes_together(seed: int) -> None:
    trained, held = parts(independent(3000, seed), 500)
    judge, counts = Held(trained, held, ARITY, seed), value_counts(trained, ARITY)
    types, weight = judge.pairs(by_frequency(trained), counts, WHOLE)
    assert len(types) == weight == 0
    model = EntityEmbedding(seed=seed).fit(independent(3000, seed), ARITY)
    assert model.pairs_ is not None
    assert len(model.pairs_) == model.pair_weight_ == 0


def test_a_fit_chooses_by_counts_that_have_no_held_out_event(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    codes = paired(3000, 1)
    told: list[tuple[Ints, Ints, Floats]] = []
    plain = Held.pairs

    def noted(self: Held, table: Scores, counts: Floats, steady: Floats) -> tuple[Ints, float]:
        told.append((self.trained, self.held, counts.copy()))
        return plain(self, table, counts, steady)

    monkeypatch.setattr(Held, "pairs", noted)
    model = EntityEmbedding(epochs=2).fit(codes, ARITY)
    [(trained, held, counts)] = told
    np.testing.assert_array_equal(np.concatenate([trained, held]), codes)
    assert len(held) == 300
    np.testing.assert_array_equal(counts, value_counts(codes[:-300], ARITY))
    # What is kept in the end counts all.
    assert model.pairs_ is not None
    assert model.counts_ is not None
    np.testing.assert_array_equal(model.counts_, value_counts(codes, ARITY))
    assert len(model.pairs_) > 0
    assert [count.sum() for *_, count in model.pairs_] == [3000] * len(model.pairs_)


def test_the_last_events_change_no_choice_by_being_counted() -> None:
    # If held-out events were counted, their pairs would look known: here each is a new one.
    codes = independent(3000, 3, power=0.3)
    codes[-300:, 0], codes[-300:, 1] = np.arange(300) % 60, np.arange(300) // 3
    codes[:-300, 0] = codes[:-300, 0] // 2 * 2  # even ones alone until then
    codes[-300:, 0] = codes[-300:, 0] // 2 * 2 + 1
    model = EntityEmbedding(epochs=2).fit(codes, ARITY)
    assert model.pairs_ is not None
    assert [0, 1] not in model.pairs_.types.tolist()


def test_planted_structure_is_judged_high() -> None:
    codes, arity = planted(12_000, 0)
    trained, held = codes[:-1200], codes[-1200:]
    judge = Held(trained, held, arity, 0)
    model = EntityEmbedding(held=0.0, epochs=4).fit(trained, arity)
    found = judge.judge(model.embedded)
    scores = model.score(np.concatenate([judge.usual, judge.altered]))
    assert found == roc_auc(scores, judge.labels)
    assert found > 0.8
    assert not (judge.usual == judge.altered).all(axis=1).any()


def test_few_events_judge_nothing() -> None:
    codes = independent(40, 1)
    for trained, held in ((codes[:0], codes), (codes, codes[:0]), (codes, codes)):
        judge = Held(trained, held, ARITY, 0)
        assert np.isnan(judge.judge(by_frequency(codes)))
        counts = value_counts(codes, ARITY)
        assert len(judge.pairs(by_frequency(codes), counts, WHOLE)[0]) == 0
    ones = np.zeros((500, 5), np.int64)
    assert len(Held(ones, ones, np.ones(5, np.int64), 0).usual) == 0


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 30), min_size=1, max_size=5), st.integers(0, 300),
       st.integers(0, 300), st.integers(0, 2**32), st.booleans())  # fmt: skip
def test_altered_copies_are_new_and_differ_in_one_value(
    sizes: list[int], before: int, after: int, seed: int, usually: bool
) -> None:
    arity, pick = np.array(sizes), np.random.default_rng(seed)
    trained = pick.integers(0, arity, (before, len(sizes)))
    held = pick.integers(0, arity, (after, len(sizes)))
    usual, altered = altered_pairs(trained, held, arity, seed, usually)
    assert usual.shape == altered.shape
    known = {tuple(row) for row in np.concatenate([trained, held]).tolist()}
    later = {tuple(row) for row in held.tolist()}
    assert {tuple(row) for row in usual.tolist()} <= later
    assert len({tuple(row) for row in usual.tolist()}) == len(usual)
    assert not {tuple(row) for row in altered.tolist()} & known
    assert ((usual != altered).sum(axis=1) == 1).all()
    assert ((altered >= 0) & (altered < arity)).all()
    fresh = later - {tuple(row) for row in trained.tolist()}
    if len(fresh) >= 50:
        assert {tuple(row) for row in usual.tolist()} <= fresh
    again = altered_pairs(trained, held, arity, seed, usually)
    np.testing.assert_array_equal(again[1], altered)


def test_only_so_many_pairs_are_looked_at() -> None:
    codes = independent(9000, 2, power=0.5)
    usual, altered = altered_pairs(codes[:100], codes[100:], ARITY, 0)
    assert len(usual) == len(altered) == 2000
    assert len(np.unique(usual, axis=0)) == 2000
    changed = (usual != altered).sum(axis=0) / 2000
    np.testing.assert_allclose(changed, 0.2, atol=0.03)  # any type, evenly


def test_values_are_drawn_evenly_or_as_often_as_training_has_them() -> None:
    codes = independent(12_000, 2)
    trained, held = codes[:6000], codes[6000:]
    for usually in (False, True):
        usual, altered = altered_pairs(trained, held, ARITY, 0, usually)
        column = np.flatnonzero(usual[:, 3] != altered[:, 3])
        common = (altered[column, 3] < 20).mean()
        expected = (trained[:, 3] < 20).mean() if usually else 20 / 400
        assert common == pytest.approx(expected, abs=0.15)
    assert len(altered_pairs(trained[:0], held, ARITY, 0, True)[0]) == 0
