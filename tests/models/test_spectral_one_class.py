import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graphad.errors import ModelError, NotFitted
from graphad.models.graph_batch import GraphBatch
from graphad.models.metrics import roc_auc
from graphad.models.quiet_distance import QuietDistance
from graphad.models.spectral_one_class import SpectralOneClass
from graphad.models.spectral_profile import whole, whole_and_divided
from tests.models.planted_graphs import planted

QUIET, _ = planted(150, 0.0, 0)
LATER, TRUTH = planted(200, 0.2, 1)
METHODS = ["neighbours", "density"]


@pytest.mark.parametrize("method", METHODS)
def test_planted_graphs_are_found(method: Any) -> None:
    model = SpectralOneClass(method).fit(QUIET)
    scores = model.score(LATER)
    found = roc_auc(scores, TRUTH)
    assert found is not None
    assert found > 0.95
    assert 0.8 < np.median(scores[~TRUTH]) < 1.25  # quiet graphs it has not seen are usual, too
    sizes = roc_auc(np.abs(LATER.sizes - 20.0), TRUTH)
    assert sizes is not None
    assert sizes < 0.65


@pytest.mark.parametrize("method", METHODS)
def test_a_few_attacks_in_the_fit_do_not_hide_others(method: Any) -> None:
    odd, truth = planted(60, 0.2, 5)
    dirty = GraphBatch.joined([QUIET, odd.take(np.flatnonzero(truth)[:5])])
    found = roc_auc(SpectralOneClass(method).fit(dirty).score(LATER), TRUTH)
    assert found is not None
    assert found > 0.9


@pytest.mark.parametrize("method", METHODS)
def test_scores_are_their_definition(method: Any) -> None:
    model = SpectralOneClass(method, neighbours=3).fit(QUIET)
    k = 3 if method == "neighbours" else 0
    (p, e), (q, f) = whole_and_divided(QUIET), whole_and_divided(LATER)

    def far(learned: Any, rows: tuple[Any, Any]) -> Any:
        first = QuietDistance.of(p[learned], k).distances(rows[0])
        second = [np.mean(np.sort(np.sqrt(((row - e[learned]) ** 2).sum(axis=1)))[:3])
                  for row in rows[1]]  # fmt: skip
        return np.stack([first, second], axis=1)

    fold = np.arange(len(p)) % 5
    without = np.empty((len(p), 2))
    for i in range(len(p)):
        without[i] = far(fold != fold[i], (p[i : i + 1], e[i : i + 1]))[0]
    unit = np.median(without, axis=0)
    unit = unit * np.median((without / unit).max(axis=1))
    both = far(np.ones(len(p), bool), (q, f)) / unit
    np.testing.assert_allclose(model.distances(LATER), both, rtol=1e-9)
    np.testing.assert_allclose(model.score(LATER), both.max(axis=1), rtol=1e-9)
    assert model.told_ is not None
    np.testing.assert_allclose(model.told_, np.sort((without / unit).max(axis=1)), rtol=1e-9)
    assert np.median(model.told_) == pytest.approx(1.0)
    parts = model.parts(LATER)
    assert parts.shape == (len(LATER), len(model.columns))
    np.testing.assert_allclose(parts.sum(axis=1), model.score(LATER), rtol=1e-6)
    larger, cut = both.argmax(axis=1), whole()
    for row, side in zip(parts, larger, strict=True):
        assert not (row[cut:] if side == 0 else row[:cut]).any()
    assert set(larger) == {0, 1}


@pytest.mark.parametrize("method", METHODS)
def test_next_to_nothing_is_enough(method: Any) -> None:
    little = GraphBatch.of([0, 1, 2], [1], [2], np.ones((3, 3)))
    for quiet in (little, little.take([1, 1]), little.take([0, 0]), QUIET.take([0, 1])):
        model = SpectralOneClass(method).fit(quiet)
        for batch in (little, LATER, little.take([])):
            scores = model.score(batch)
            assert scores.shape == (len(batch),)
            assert np.isfinite(scores).all()
            assert (scores >= 0).all()
            np.testing.assert_allclose(model.parts(batch).sum(axis=1), scores, atol=1e-6)
    alone = SpectralOneClass(method).fit(GraphBatch.of([2, 3], [0], [1], np.zeros((5, 0))))
    assert np.isfinite(alone.score(GraphBatch.of([1], [], [], np.zeros((1, 0))))).all()


def test_the_example_of_the_docs() -> None:
    text = (Path(__file__).parents[2] / "docs" / "window_models.md").read_text(encoding="utf-8")
    code = text.split("```python\n")[1].split("```")[0]
    there: dict[str, Any] = {}
    exec(code, there)
    model, mixed, quiet = (there[name] for name in ("model", "mixed", "quiet"))
    assert model.score(mixed) > model.score(quiet.take([0])) + 1
    title = model.columns[int(model.parts(mixed)[0].argmax())].title(["a", "b"])
    assert title == "Rayleigh quotient of all features"


def test_only_so_many_quiet_graphs_are_remembered() -> None:
    model = SpectralOneClass(most=40).fit(QUIET)
    assert model.learned_ is not None
    assert len(model.learned_.divided.quiet) == 40
    found = roc_auc(model.score(LATER), TRUTH)
    assert found is not None
    assert found > 0.9


@pytest.mark.parametrize("method", METHODS)
def test_a_restored_model_scores_the_same(method: Any) -> None:
    model = SpectralOneClass(method).fit(QUIET)
    settings, arrays = model.dump()
    other = SpectralOneClass.restore(json.loads(json.dumps(settings, allow_nan=False)), arrays)
    np.testing.assert_array_equal(other.score(LATER), model.score(LATER))
    np.testing.assert_array_equal(other.told_, model.told_)
    assert other.columns == model.columns


def nan(a: Any) -> Any:
    return np.full_like(a, np.nan)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("center", nan),
        ("quiet", nan),
        ("quiet", lambda a: a + 20),
        ("quiet", lambda a: a[:-1]),
        ("whitening", lambda a: a[:-1]),
        ("spread", lambda a: a * 0),
        ("spread", lambda a: a.astype(np.float32)),
        ("divided", nan),
        ("divided", lambda a: -a),
        ("divided", lambda a: a[:, :-1]),
        ("told", lambda a: a[::-1]),
        ("told", lambda a: a - 5),
        ("told", lambda a: a[:-1]),
        ("told", nan),
        ("more", lambda _: np.zeros(1)),
        ("told", lambda _: None),
    ],
)
def test_damaged_arrays_are_refused(name: str, change: Any) -> None:
    settings, arrays = SpectralOneClass().fit(QUIET).dump()
    with pytest.raises(ModelError, match="damaged"):
        SpectralOneClass.restore(settings, arrays | {name: change(arrays.get(name))})
    if name in arrays:
        with pytest.raises(ModelError, match="damaged"):
            SpectralOneClass.restore(settings, {n: a for n, a in arrays.items() if n != name})


@pytest.mark.parametrize(
    "change",
    [
        {"settings": {"method": "x"}},
        {"settings": {"most": 3}},
        {"settings": {"neighbours": "5"}},
        {"settings": {"what": 1}},
        {"learned": {"units": [1.0]}},
        {"learned": {"units": [0.0, 1.0]}},
        {"learned": {"units": [float("nan"), 1.0]}},
        {"learned": {"features": 4}},
        {"learned": {"features": -1}},
        {"learned": {"features": 10**12}},
    ],
)
def test_damaged_settings_are_refused(change: dict[str, Any]) -> None:
    settings, arrays = SpectralOneClass().fit(QUIET).dump()
    for part, values in change.items():
        with pytest.raises(ModelError, match="damaged"):
            SpectralOneClass.restore(settings | {part: settings[part] | values}, arrays)


def test_what_makes_no_sense_is_refused() -> None:
    for wrong in ({"method": "x"}, {"neighbours": 0}, {"most": 1}):
        with pytest.raises(ValueError, match="must be"):
            SpectralOneClass(**wrong)
    with pytest.raises(ValueError, match="at least two"):
        SpectralOneClass().fit(QUIET.take([0]))
    with pytest.raises(NotFitted):
        SpectralOneClass().score(QUIET)
    with pytest.raises(NotFitted):
        SpectralOneClass().dump()
    with pytest.raises(ValueError, match="3 features"):
        SpectralOneClass().fit(QUIET).score(GraphBatch.of([1], [], [], np.ones((1, 2))))


def test_graphs_that_are_mostly_alike_have_a_unit_all_the_same() -> None:
    pair = GraphBatch.of([2], np.array([0]), np.array([1]), np.eye(2))
    ring = GraphBatch.of([4], np.arange(4), np.roll(np.arange(4), -1), np.eye(2)[[0, 1, 0, 1]])
    quiet = GraphBatch.joined([pair.take(np.zeros(30, np.int64)), ring.take(np.zeros(6, np.int64))])
    model = SpectralOneClass().fit(quiet)
    assert model.told_ is not None
    assert model.told_.max() < 1e3
    assert model.score(pair)[0] < 1e-3
    star = GraphBatch.of([9], np.zeros(8, np.int64), np.arange(1, 9), np.eye(2)[[0] + [1] * 8])
    assert 0.1 < model.score(star)[0] < 1e6
