import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from graphad.errors import ModelError, NotFitted
from graphad.models.graph_batch import GraphBatch
from graphad.models.metrics import best_cut, macro_f1, roc_auc
from graphad.models.rayleigh_network import RayleighNetwork, divided
from graphad.models.rayleigh_training import _batches
from tests.models.planted_graphs import planted

GRAPHS, ABNORMAL = planted(240, 0.2, 0)
LATER, TRUTH = planted(200, 0.2, 1)
SMALL: dict[str, Any] = {"hidden": 16, "epochs": 25, "batch": 32, "rate": 0.01}


def small(**changed: Any) -> RayleighNetwork:
    return RayleighNetwork(**(SMALL | changed))


def paper(**changed: Any) -> RayleighNetwork:
    return RayleighNetwork.paper(**(SMALL | changed))


@cache
def fitted() -> RayleighNetwork:
    return small().fit(GRAPHS, ABNORMAL)


def bits(model: RayleighNetwork) -> dict[str, bytes]:
    return {name: a.tobytes() for name, a in model.dump()[1].items()}


def test_planted_graphs_are_found() -> None:
    scores = fitted().score(LATER)
    assert scores.dtype == np.float64
    found = roc_auc(scores, TRUTH)
    assert found is not None
    assert found > 0.97
    assert macro_f1(scores >= fitted().threshold_, TRUTH) > 0.85
    worse = paper().fit(GRAPHS, ABNORMAL)
    other = roc_auc(worse.score(LATER), TRUTH)
    assert other is not None
    assert other > 0.8


@pytest.mark.parametrize(
    "changed",
    [
        {"filters": "beta"},
        {"filters": "frozen", "pool": "mean"},
        {"branch": "none", "encoder": True},
        {"branch": "quotient", "loss": "adjusted"},
        {"branch": "energy", "select": "loss", "pool": "rayleigh mean"},
        {"pool": "rayleigh"},
    ],
)
def test_every_form_learns(changed: dict[str, Any]) -> None:
    model = small(**changed).fit(GRAPHS, ABNORMAL)
    found = roc_auc(model.score(LATER), TRUTH)
    assert found is not None
    assert found > 0.9
    assert model.epochs_[-1][0] < model.epochs_[0][0]


@pytest.mark.parametrize("kind", [small, paper])
def test_the_same_seed_gives_the_same_bytes(kind: Any) -> None:
    before, state = torch.get_num_threads(), torch.get_rng_state()
    torch.set_num_threads(2)
    one = kind(epochs=3).fit(GRAPHS, ABNORMAL)
    assert torch.get_num_threads() == 2
    torch.set_num_threads(1)
    torch.manual_seed(7)
    np.random.seed(3)
    other = kind(epochs=3).fit(GRAPHS, ABNORMAL)
    assert bits(one) == bits(other)
    assert one.epochs_ == other.epochs_
    assert one.threshold_ == other.threshold_
    np.testing.assert_array_equal(one.score(LATER), other.score(LATER))
    assert bits(kind(epochs=3, seed=1).fit(GRAPHS, ABNORMAL)) != bits(one)
    torch.set_num_threads(before)
    torch.set_rng_state(state)


def test_terms_made_once_or_at_each_step_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    one = small(epochs=2).fit(GRAPHS, ABNORMAL)
    monkeypatch.setattr("graphad.models.rayleigh_training._KEEP", 0.0)
    assert bits(small(epochs=2).fit(GRAPHS, ABNORMAL)) == bits(one)


@pytest.mark.parametrize("filters", ["trained", "frozen", "beta"])
def test_filters_move_only_if_they_are_trained(filters: Any) -> None:
    one, three = (small(filters=filters, epochs=n, held=0.0).fit(GRAPHS, ABNORMAL) for n in (1, 3))
    assert one.parameters_ is not None
    assert three.parameters_ is not None
    for name, a in one.parameters_.items():
        still = filters != "trained" and name.startswith("theta")
        assert np.array_equal(a, three.parameters_[name]) == still, name


def test_the_best_epoch_on_held_out_graphs_is_kept() -> None:
    told: list[tuple[int, tuple[float, float]]] = []
    model = small(epochs=12, patience=3, rate=0.05)
    model.fit(GRAPHS, ABNORMAL, lambda number, epoch: told.append((number, epoch)))
    assert [number for number, _ in told] == list(range(len(model.epochs_)))
    held = [h for _, h in model.epochs_]
    _, out = divided(ABNORMAL, model.held, model.seed)
    found = roc_auc(model.score(GRAPHS.take(out)), ABNORMAL[out])
    assert found == pytest.approx(max(held), abs=1e-9)
    assert model.threshold_ == best_cut(model.score(GRAPHS.take(out)), ABNORMAL[out])
    last = max(i for i, h in enumerate(held) if h == max(held))
    first = held.index(max(held))
    assert len(held) == 12 or len(held) == first + 3 + 2
    shorter = small(epochs=last + 1, patience=99, rate=0.05).fit(GRAPHS, ABNORMAL)
    assert bits(shorter) == bits(model)


def test_divided_keeps_kinds_apart() -> None:
    labels = np.arange(100) < 20
    trained, held = divided(labels, 0.15, 0)
    np.testing.assert_array_equal(np.sort(np.concatenate([trained, held])), np.arange(100))
    assert (labels[held].sum(), len(held)) == (3, 15)
    for few in (np.arange(100) < 2, np.arange(4) < 1):
        trained, held = divided(few, 0.15, 0)
        assert (len(trained), len(held)) == (len(few), 0)
    assert not len(divided(labels, 0.0, 0)[1])


def test_without_held_out_graphs_the_last_epoch_is_kept() -> None:
    few = np.zeros(len(GRAPHS), np.bool_)
    few[np.flatnonzero(ABNORMAL)[:2]] = True
    model = small(epochs=2).fit(GRAPHS, few)
    assert len(model.epochs_) == 2
    assert all(np.isnan(held) for _, held in model.epochs_)
    assert model.threshold_ == best_cut(model.score(GRAPHS), few)


def test_no_batch_is_of_a_single_graph() -> None:
    for n in range(2, 40):
        found = _batches(np.arange(n), 8)
        np.testing.assert_array_equal(np.concatenate(found), np.arange(n))
        assert all(2 <= len(some) <= 9 for some in found)


@pytest.mark.parametrize("kind", [small, paper])
def test_graphs_with_next_to_nothing_are_learned_from_and_scored(kind: Any) -> None:
    little = GraphBatch.of([0, 1, 2, 1], [2], [2], np.ones((4, 3)))
    batch = GraphBatch.joined([GRAPHS, little])
    model = kind(epochs=2).fit(batch, np.append(ABNORMAL, [True, False, True, False]))
    scores, of_graph, of_nodes = model.parts(little)
    assert np.isfinite(scores).all()
    assert scores[0] == of_graph[0]
    assert (len(scores), len(of_graph), len(of_nodes)) == (4, 4, 4)
    assert len(model.score(little.take([]))) == 0
    np.testing.assert_allclose(scores, model.score(batch)[-4:], atol=1e-4)


def test_large_features_stay_finite() -> None:
    huge = GraphBatch.of([3], [0, 1], [1, 2], np.full((3, 3), 1e9))
    assert np.isfinite(fitted().score(huge)).all()
    assert np.isfinite(paper(epochs=2).fit(GRAPHS, ABNORMAL).score(huge)).all()
    dust = GraphBatch.of([2] * 8, range(0, 16, 2), range(1, 16, 2), np.full((16, 3), 1e-305))
    model = small(epochs=2).fit(dust, np.arange(8) < 4)
    assert np.isfinite(model.score(dust)).all()
    assert np.isfinite(model.score(huge)).all()
    same = GraphBatch.of(
        GRAPHS.sizes, [], [], np.full((len(GRAPHS.features), 3), 4.0)
    )  # nothing varies
    assert np.isfinite(small(epochs=2).fit(same, ABNORMAL).score(same)).all()


def round_trip(model: RayleighNetwork) -> RayleighNetwork:
    settings, arrays = model.dump()
    return RayleighNetwork.restore(json.loads(json.dumps(settings, allow_nan=False)), arrays)


@pytest.mark.parametrize("kind", [small, paper])
def test_a_restored_network_scores_the_same(kind: Any) -> None:
    model = kind(epochs=2).fit(GRAPHS, ABNORMAL)
    other = round_trip(model)
    np.testing.assert_array_equal(other.score(LATER), model.score(LATER))
    assert other.threshold_ == model.threshold_
    model.threshold_ = np.inf
    assert round_trip(model).threshold_ == np.inf


def test_a_restored_network_scores_without_torch(tmp_path: Path) -> None:
    settings, arrays = fitted().dump()
    np.savez(tmp_path / "arrays.npz", **arrays)  # type: ignore[arg-type]
    (tmp_path / "settings.json").write_text(json.dumps(settings))
    code = f"""
import json, pathlib, sys
import numpy as np
from graphad.models.rayleigh_network import RayleighNetwork
from graphad.models.graph_batch import GraphBatch
folder = pathlib.Path({str(tmp_path)!r})
told = json.loads((folder / "settings.json").read_text())
model = RayleighNetwork.restore(told, dict(np.load(folder / "arrays.npz")))
print(model.score(GraphBatch.of([3], [0, 1], [1, 2], np.eye(3)))[0])
assert "torch" not in sys.modules
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    expected = fitted().score(GraphBatch.of([3], [0, 1], [1, 2], np.eye(3)))[0]
    assert float(done.stdout) == pytest.approx(expected, abs=1e-5)


def nan(a: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.full_like(a, np.nan)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("theta", nan),
        ("w7", nan),
        ("center", nan),
        ("w4", lambda a: a[:-1]),
        ("theta", lambda a: a[:, :-1]),
        ("b4", lambda a: a.astype(np.float64)),
        ("most", lambda a: a.astype(np.float32)),
        ("most", lambda a: -a),
        ("most", lambda a: a[:0]),
        ("spread", lambda a: a * 0.0),
        ("spread", lambda a: a[:-1]),
        ("variance", lambda a: -a - 1),
        ("w1", lambda a: np.zeros((3, 3), np.float32)),  # there is no encoder
        ("gain", lambda a: None),
    ],
)
def test_damaged_arrays_are_refused(name: str, change: Any) -> None:
    settings, arrays = fitted().dump()
    with pytest.raises(ModelError, match="damaged"):
        RayleighNetwork.restore(settings, arrays | {name: change(arrays.get(name))})
    if name in arrays:
        with pytest.raises(ModelError, match="damaged"):
            RayleighNetwork.restore(settings, {n: a for n, a in arrays.items() if n != name})


@pytest.mark.parametrize(
    "change",
    [
        {"settings": {"hidden": 0}},
        {"settings": {"depth": 3}},
        {"settings": {"width": 10**9}},
        {"settings": {"hidden": "16"}},
        {"settings": {"branch": "energy"}},
        {"settings": {"filters": ["trained"]}},
        {"settings": {"what": 1}},
        {"settings": []},
        {"learned": {}},
        {"learned": {"threshold": "much"}},
        {"learned": {"threshold": float("nan")}},
    ],
)
def test_damaged_settings_are_refused(change: dict[str, Any]) -> None:
    settings, arrays = fitted().dump()
    for part, values in change.items():
        whole = settings[part] | values if isinstance(values, dict) and values else values
        with pytest.raises(ModelError, match="damaged"):
            RayleighNetwork.restore(settings | {part: whole}, arrays)
    with pytest.raises(ModelError, match="damaged"):
        RayleighNetwork.restore({}, arrays)


@pytest.mark.parametrize(
    "wrong",
    [
        {"filters": "random"}, {"branch": "x"}, {"pool": "max"}, {"loss": "mse"}, {"select": "f1"},
        {"branch": "none", "pool": "rayleigh"},
        {"hidden": 0}, {"epochs": 0}, {"depth": 5000}, {"width": 2.5}, {"batch": 1}, {"held": 1.0},
        {"held": -0.1}, {"dropout": 1.0}, {"branch_dropout": -0.5}, {"beta": 1.0},
        {"beta": float("nan")}, {"gamma": -1.0},
        {"rate": 0.0}, {"rate": float("inf")}, {"patience": -1},
    ],
)  # fmt: skip
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be"):
        RayleighNetwork(**wrong)


@pytest.mark.parametrize(
    "labels", [np.zeros(240, bool), np.ones(240, bool), ABNORMAL[:-1], ABNORMAL.astype(int)]
)
def test_labels_that_do_not_fit_are_refused(labels: Any) -> None:
    with pytest.raises(ValueError, match=r"Labels|both kinds"):
        small().fit(GRAPHS, labels)


def test_a_rate_too_large_is_told() -> None:
    with pytest.raises(ValueError, match="smaller rate"):
        small(rate=1e37, epochs=5).fit(GRAPHS, ABNORMAL)


def test_what_is_not_fitted_or_not_alike_is_refused() -> None:
    with pytest.raises(NotFitted):
        small().score(GRAPHS)
    with pytest.raises(NotFitted):
        small().dump()
    with pytest.raises(ValueError, match="3 features"):
        fitted().score(GraphBatch.of([1], [], [], np.ones((1, 2))))
