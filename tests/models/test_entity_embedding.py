from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.errors import ModelError, NotFitted
from graphad.models.entity_embedding import EntityEmbedding, value_counts
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
    losses = np.array(fitted.losses_)
    assert losses[-1, 0] < losses[0, 0]
    # What is kept is the best epoch on held-out events, not the last.
    assert len(losses) < 20
    assert losses[:, 1].argmin() < len(losses) - 1


def test_conditional_and_self_normalised(fitted: EntityEmbedding) -> None:
    some = NEXT[:2000]
    exact, quick = fitted.scores.conditional(some), fitted.self_normalised(some)
    noise = exact[:, 4] - np.log2(10)  # the last column is pure noise of 10 values
    assert np.abs(noise).mean() < 0.3
    assert exact[:, 3].mean() < 0.5  # a folder follows from its program
    # By its definition: a type's mean normaliser takes the place of each event's own.
    table = fitted.scores
    own = np.array([table.logits(some, i)[np.arange(len(some)), some[:, i]] for i in range(5)])
    assert fitted.normal_ is not None
    np.testing.assert_allclose(quick, fitted.normal_ - own.T, atol=1e-9)


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_a_restored_copy_scores_the_same(way: dict[str, Any]) -> None:
    model = EntityEmbedding(**way, epochs=2).fit(FEW, ARITY)
    copy = EntityEmbedding.restore(*model.dump())
    assert copy.score(NEXT).tobytes() == model.score(NEXT).tobytes()
    assert copy.self_normalised(NEXT).tobytes() == model.self_normalised(NEXT).tobytes()
    assert everything(copy) == everything(model)
    assert everything(copy.update(NEXT, ARITY)) == everything(model.update(NEXT, ARITY))


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
         "weights_sq", "constant_sq", "normal"]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_damaged_arrays_are_told(name: str) -> None:
    model = EntityEmbedding(epochs=1).fit(FEW, ARITY)
    hurts = [
        lambda arrays: arrays.pop(name), damage(name, lambda a: a[:-1]),
        damage(name, lambda a: a[..., None]), damage(name, lambda a: a.astype(str)),
    ]  # fmt: skip
    if name != "arity":
        hurts += [damage(name, first_is(np.nan)), damage(name, first_is(np.inf))]
    if name in ("arity", "counts", "weights") or name.endswith("_sq"):
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
        ("learned", "mix", [1.0]), ("learned", "mix", None), ("learned", "mix", [1.0, -1.0]),
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
        lambda: model.update(FEW, ARITY), model.dump, lambda: model.table((1.0, 0.0)),
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
