from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.errors import ModelError, NotFitted
from graphad.models.embedding_choice import Held
from graphad.models.entity_embedding import EntityEmbedding
from graphad.models.event_values import pools, rarest, shares, value_counts
from graphad.models.metrics import roc_auc
from tests.models.planted_events import crossed, perturbed, planted

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

WAYS: list[dict[str, Any]] = [
    {}, {"objective": "all types"}, {"objective": "paper"}, {"weights": False}, {"bias": False},
    {"objective": "all types", "double": 0.25},
]  # fmt: skip
CODES, ARITY = planted(20_000, 0)
DAY, NEXT = CODES[:12_000], CODES[12_000:]
FEW = CODES[:600]


def auc(model: EntityEmbedding, usual: Ints, abnormal: Ints) -> float:
    labels = np.repeat([False, True], [len(usual), len(abnormal)])
    found = roc_auc(np.concatenate([model.score(usual), model.score(abnormal)]), labels)
    assert found is not None
    return found


def everything(model: EntityEmbedding) -> list[bytes]:
    told, arrays = model.dump()
    learned = {key: value for key, value in told.items() if key != "settings"}
    return [repr(learned).encode(), *(array.tobytes() for array in arrays.values())]


@pytest.fixture(scope="module")
def fitted() -> EntityEmbedding:
    return EntityEmbedding().fit(DAY, ARITY)


@pytest.mark.parametrize("way", [*WAYS, None], ids=str)
def test_planted_events(way: dict[str, Any] | None) -> None:
    model = EntityEmbedding.paper() if way is None else EntityEmbedding(**way)
    model.fit(DAY, ARITY)
    assert auc(model, NEXT, crossed(NEXT, 1)) > 0.99
    altered = [auc(model, *perturbed(NEXT, ARITY, DAY, c, seed=c)) for c in (1, 2, 3)]
    assert altered[0] < altered[1] < altered[2]
    assert altered[0] > 0.8
    assert altered[2] > 0.95
    assert model.agreement_ is not None
    assert model.agreement_ > 0.6


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_same_seed_same_bytes(way: dict[str, Any]) -> None:
    first, second, other = (
        EntityEmbedding(**way, epochs=3, seed=seed).fit(FEW, ARITY) for seed in (1, 1, 2)
    )
    assert everything(first) == everything(second)
    assert everything(first) == everything(first.fit(FEW, ARITY))
    assert first.score(FEW).tobytes() == second.score(FEW).tobytes()
    assert first.score(FEW).tobytes() != other.score(FEW).tobytes()
    later = [model.update(NEXT[:500], ARITY) for model in (first, second)]
    assert everything(later[0]) == everything(later[1])


def test_a_fit_leaves_its_input_alone() -> None:
    codes, arity = FEW.copy(), ARITY.copy()
    model = EntityEmbedding(epochs=1).fit(codes, arity)
    np.testing.assert_array_equal(codes, FEW)
    arity[:] = 1
    np.testing.assert_array_equal(model.arity_, ARITY)


def test_the_median_event_scores_zero(fitted: EntityEmbedding) -> None:
    held = DAY[-1200:]
    assert np.median(fitted.score(held)) == pytest.approx(0.0, abs=2e-2)


def test_training_goes_on_until_held_out_events_are_told_apart_no_better() -> None:
    model = EntityEmbedding(epochs=40, patience=3).fit(DAY, ARITY)
    losses, judged = np.array(model.history_).T
    epochs = int((~np.isnan(judged)).sum())  # then all events are learned, unjudged
    best = np.maximum.accumulate(judged[:epochs])
    kept = int(np.flatnonzero(judged[:epochs] > best - 0.003).max()) + 1
    assert losses[epochs - 1] < losses[0]
    assert epochs == min(kept + 3, 40)
    assert len(judged) == epochs + -(-kept // 2)
    model = EntityEmbedding(epochs=5, held=0.0).fit(DAY, ARITY)
    assert np.isnan(np.array(model.history_)[:, 1]).all()
    assert len(model.history_) == 5


@pytest.mark.parametrize(
    ("judged", "ran", "kept"),
    [
        ([0.5, 0.6, 0.7, 0.65, 0.66, 0.6, 0.9], 5, 2), ([0.5, 0.4, 0.45, 0.3, 0.9], 3, 0),
        ([0.5, 0.6, 0.6, 0.6, 0.61, 0.7, 0.8, 0.9], 7, 7), ([0.5, 0.49, 0.4, 0.4], 3, 0),
        # Hardly worse than the best is as good, and further trained; but not step by step.
        ([0.7, 0.699, 0.698, 0.69, 0.68, 0.6], 5, 2), ([0.7, 0.698, 0.696, 0.694, 0.692], 4, 1),
    ],
)  # fmt: skip
def test_the_epoch_that_is_judged_best_is_kept(
    judged: list[float], ran: int, kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = iter(judged)
    with monkeypatch.context() as patch:
        patch.setattr(Held, "judge", lambda self, table: next(said))
        patch.setattr(EntityEmbedding, "_finish", lambda self, codes, judge, epochs: None)
        model = EntityEmbedding(epochs=7, patience=3, choose=False).fit(DAY, ARITY)
    assert [auc for _, auc in model.history_] == judged[1 : ran + 1]
    # As if it had been trained for so many epochs on what wasn't held out.
    plain = EntityEmbedding(epochs=max(kept, 1), held=0.0, rate=0.1 if kept else 1e-30)
    plain.fit(DAY[:-1200], ARITY)
    assert model.parameters_ is not None
    assert plain.parameters_ is not None
    # The fit that came to its end took the vectors of its rare values, and lowered their biases.
    counts = value_counts(DAY[:-1200], ARITY)
    rare = pools(counts, ARITY)
    model.parameters_.vectors[rare] = 0.0
    least = np.log(rarest(counts, ARITY, rare)).astype(np.float32)
    model.parameters_.bias[rare] = np.minimum(model.parameters_.bias[rare], least)
    for ours, theirs in zip(model.parameters_[:4], plain.parameters_[:4], strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_biases_begin_at_frequencies() -> None:
    # Before training and without vectors the score is that of independent columns.
    model = EntityEmbedding(spread=0.0, rate=1e-9, epochs=1, held=0.0).fit(DAY, ARITY)
    counts = value_counts(DAY, ARITY)
    chances, rare = shares(counts, ARITY), pools(counts, ARITY)
    chances[rare] = np.minimum(chances[rare], rarest(counts, ARITY, rare))
    p = np.split(chances, np.cumsum(ARITY)[:-1])
    plain = -sum(np.log2(chance[column]) for chance, column in zip(p, NEXT.T, strict=True))
    found = model.score(NEXT)
    np.testing.assert_allclose(found - found.mean(), plain - np.mean(plain), atol=1e-3)


def test_conditional_and_self_normalised(fitted: EntityEmbedding) -> None:
    some = NEXT[:2000]
    exact, quick = fitted.scores.conditional(some), fitted.self_normalised(some)
    noise = exact[:, 4] - np.log2(10)  # the last column is pure noise of 10 values
    assert np.abs(noise).mean() < 0.4
    assert exact[:, 3].mean() < 0.5  # a folder follows from its program
    # By its definition: a type's mean normaliser takes the place of each event's own.
    table = fitted.scores
    own = np.array([table.logits(some, i)[np.arange(len(some)), some[:, i]] for i in range(5)])
    assert fitted.normal_ is not None
    np.testing.assert_allclose(quick, fitted.normal_ - own.T, atol=1e-9)


@pytest.mark.parametrize("way", [*WAYS, {"choose": False}], ids=str)
def test_a_restored_copy_scores_the_same(way: dict[str, Any]) -> None:
    model = EntityEmbedding(**way, epochs=2).fit(DAY[:4000], ARITY)
    assert model.pairs_ is not None
    assert ("choose" in way) <= (len(model.pairs_) == 0)
    copy = EntityEmbedding.restore(*model.dump())
    assert copy.score(NEXT).tobytes() == model.score(NEXT).tobytes()
    assert copy.self_normalised(NEXT).tobytes() == model.self_normalised(NEXT).tobytes()
    assert everything(copy) == everything(model)
    assert everything(copy.update(NEXT, ARITY)) == everything(model.update(NEXT, ARITY))


def test_self_normalised_has_the_counts_of_pairs() -> None:
    model, some = EntityEmbedding(epochs=1).fit(DAY, ARITY), NEXT[:500]
    assert model.pairs_ is not None
    assert len(model.pairs_) > 0
    own = [model.scores.logits(some, i)[np.arange(500), some[:, i]] for i in range(5)]
    assert model.normal_ is not None
    np.testing.assert_allclose(model.self_normalised(some), model.normal_ - np.transpose(own))
    alone = model.embedded.score(some)
    assert np.abs(model.score(some) - alone).max() > 0.1
    assert model.embedded.pairs is None


def damage(name: str, how: Callable[[Any], Any]) -> Callable[[dict[str, Any]], None]:
    def done(arrays: dict[str, Any]) -> None:
        arrays[name] = how(arrays[name].copy())

    return done


def first_is(value: float) -> Callable[[Any], Any]:
    def done(array: Any) -> Any:
        array.flat[0] = value
        return array

    return done


NAMES = ["arity", "counts", "vectors", "bias", "weights", "constant", "vectors_sq", "bias_sq",
         "weights_sq", "constant_sq", "normal", "pair_types", "pair_start", "pair_first",
         "pair_second", "pair_count", "steady", "lift"]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_damaged_arrays_are_told(name: str) -> None:
    model = EntityEmbedding(epochs=1).fit(DAY, ARITY)
    hurts = [
        damage(name, lambda a: a[:-1]), damage(name, lambda a: a[..., None]),
        damage(name, lambda a: a.astype(str)), damage(name, lambda a: np.array(a.dtype.type(1))),
    ]  # fmt: skip
    if name not in ("steady", "lift"):  # which older models don't have
        hurts.append(lambda arrays: arrays.pop(name))
    if name != "arity" and not name.startswith("pair"):
        hurts += [damage(name, first_is(np.nan)), damage(name, first_is(np.inf))]
    if (
        name in ("arity", "counts", "weights", "steady")
        or name.startswith("pair")
        or name.endswith("_sq")
    ):
        hurts.append(damage(name, first_is(-1)))
    for hurt in hurts:
        told, arrays = model.dump()
        hurt(arrays)
        with pytest.raises(ModelError, match="damaged"):
            EntityEmbedding.restore(told, arrays)


@pytest.mark.parametrize(
    ("part", "key", "value"),
    [
        ("settings", "dim", 3), ("settings", "objective", "other"), ("settings", "x", 1),
        ("settings", "rate", float("nan")), ("settings", "negatives", "3"),
        ("learned", "pair_weight", None), ("learned", "pair_weight", -1.0),
        ("learned", "pair_weight", float("inf")), ("learned", "pair_weight", 1.5),
        ("learned", "origin", float("nan")), ("learned", "origin", None),
        ("learned", "agreement", "x"),
    ],
)  # fmt: skip
def test_damaged_settings_are_told(part: str, key: str, value: object) -> None:
    told, arrays = EntityEmbedding(epochs=1).fit(FEW, ARITY).dump()
    told[part] = told[part] | {key: value}
    with pytest.raises(ModelError, match="damaged"):
        EntityEmbedding.restore(told, arrays)
    for gone in ("settings", "learned"):
        with pytest.raises(ModelError):
            EntityEmbedding.restore({k: v for k, v in told.items() if k != gone}, arrays)


def test_unfitted_raises() -> None:
    model = EntityEmbedding()
    calls: list[Callable[[], object]] = [
        lambda: model.score(FEW), lambda: model.self_normalised(FEW), lambda: model.scores,
        lambda: model.update(FEW, ARITY), model.dump, lambda: model.embedded,
    ]  # fmt: skip
    for call in calls:
        with pytest.raises(NotFitted):
            call()


@pytest.mark.parametrize(
    "settings",
    [
        {"objective": "both"}, {"double": 0.5}, {"dim": 0}, {"negatives": 0}, {"epochs": 0},
        {"held": 1.0}, {"held": -0.1}, {"rate": 0.0}, {"rate": float("nan")}, {"uniform": 1.5},
        {"objective": "paper", "double": -0.1}, {"power": -1.0}, {"spread": float("inf")},
    ],
)  # fmt: skip
def test_settings_without_sense_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"must be|goes with"):
        EntityEmbedding(**settings)


@pytest.mark.parametrize(
    ("codes", "arity"),
    [
        ([[0, 3]], [2, 3]), ([[-1, 0]], [2, 3]), ([[0, 0, 0]], [2, 3]), ([0, 0], [2, 3]),
        ([[0, 0]], [2, 0]), ([[]], []), ([[0.5, 1.0]], [2, 3]), ([[float("nan"), 0]], [2, 3]),
        ([["0", "1"]], [2, 3]), ([[0, 0]], [2.5, 3]),
    ],
)  # fmt: skip
def test_codes_that_do_not_fit_are_refused(codes: Any, arity: Any) -> None:
    with pytest.raises(ValueError, match=r"[Cc]odes?|Codes must"):
        EntityEmbedding().fit(codes, arity)
    model = EntityEmbedding(epochs=1).fit(np.zeros((1, 2), int), np.array([2, 3]))
    if arity == [2, 3]:
        with pytest.raises(ValueError, match=r"[Cc]ode"):
            model.score(codes)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.integers(0, 200),
       st.integers(0, 2**32), st.sampled_from(WAYS))  # fmt: skip
def test_odd_shapes_give_finite_scores(
    sizes: list[int], events: int, seed: int, way: dict[str, Any]
) -> None:
    # One type, one value, constant columns, values that no event has, no events at all.
    arity, pick = np.array(sizes), np.random.default_rng(seed)
    codes = pick.integers(0, np.maximum(arity // 2, 1), (events, len(sizes)))
    model = EntityEmbedding(**way, epochs=2, dim=3).fit(codes, arity)
    every = np.stack(np.unravel_index(np.arange(np.prod(arity)), sizes), axis=1)
    assert np.isfinite(model.score(every)).all()
    assert model.score(every[:0]).shape == (0,)
    assert np.isfinite(model.scores.conditional(every)).all()
    if events:
        assert np.isfinite(model.self_normalised(every)).all()
    copy = EntityEmbedding.restore(*model.dump())
    assert copy.score(every).tobytes() == model.score(every).tobytes()
    before = model.origin_
    assert np.isfinite(model.update(codes[:0], arity + 1).score(every)).all()
    assert model.origin_ == before


def test_value_counts() -> None:
    found = value_counts(np.array([[0, 2], [0, 0]]), np.array([2, 3]))
    np.testing.assert_array_equal(found, [2, 0, 1, 0, 1])
