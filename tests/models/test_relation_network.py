"""The relation network: worked values, what scores may depend on, the planted relation, damage."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

torch = pytest.importorskip("torch", reason="networks are trained by torch")

from graphad.errors import GraphadError, ModelError, NotFitted  # noqa: E402
from graphad.models import (  # noqa: E402
    rayleigh_checkpoint,
    relation_layers,
    relation_negatives,
    relation_network,
    relation_training,
)
from graphad.models.relation_counts import RelationCounts  # noqa: E402
from graphad.models.relation_graph import WindowEdges, WindowGraphs  # noqa: E402
from graphad.models.relation_layers import (  # noqa: E402
    Shape,
    keys_of,
    linear_logit,
    margin_loss,
    positions,
    squared_logit,
    window_distance,
)
from graphad.models.relation_network import RelationNetwork  # noqa: E402
from graphad.models.relation_training import Stretch, stretches  # noqa: E402
from graphad.models.relations import Relations  # noqa: E402
from tests.models.relation_cases import EVENTS, HOSTS, STEP, USERS, grouped  # noqa: E402

SMALL: dict[str, Any] = {
    "step_us": STEP, "length_us": STEP, "text": 16, "hidden": 16, "heads": 2, "identity": 8,
}  # fmt: skip


def sigmoid(x: Any) -> Any:
    return torch.sigmoid(x)


def test_worked_scores() -> None:
    h, g = torch.tensor([[0.5, -1.0, 0.25]]).double(), torch.tensor([[1.0, 0.5, -0.5]]).double()
    a, b = torch.tensor([0.2, -0.4, 0.6]).double(), torch.tensor([-0.3, 0.1, 0.5]).double()

    def score(logit: Any, one: Any, other: Any, beta: float = 1.0, mu: float = 0.3) -> float:
        return float(2 * sigmoid(logit(one, other, a, b, beta, mu))[0])

    assert score(linear_logit, h, g) == pytest.approx(0.925140, abs=1e-6)
    assert score(linear_logit, g, h) == pytest.approx(0.652586, abs=1e-6)
    assert score(squared_logit, h, g) == pytest.approx(0.976254, abs=1e-6)
    assert score(squared_logit, h, g, 3.0) == pytest.approx(1.224842, abs=1e-6)
    # With mu inside the bracket: beta (|..|^2 - mu).
    assert score(squared_logit, h, g, 3.0, 0.9) == pytest.approx(0.928870, abs=1e-6)


def test_worked_losses() -> None:
    true, false = torch.tensor([0.3, 0.6, 0.2]), torch.tensor([0.5, 0.4, 0.2])
    assert float(margin_loss(true, false, 0.5, True)) == pytest.approx(0.4, abs=1e-6)
    assert float(margin_loss(true, false, 0.5, False)) == pytest.approx(0.5, abs=1e-6)
    # Where no pair is in order the loss still leads somewhere.
    assert float(margin_loss(false[1:2], true[:1], 0.5, True)) > 0
    nodes = torch.tensor([[1.0, 2.0], [3.0, 0.0], [-1.0, 5.0]])
    far = window_distance(nodes, np.array([0, 3]), torch.tensor([0.5, 1.0]))
    assert far.tolist() == pytest.approx([22.25])


def shape(**settings: Any) -> Shape:
    made = RelationNetwork(**(SMALL | settings))
    return made._shape()


def mask(windows: list[int], shape: Shape) -> list[str]:
    """Return which tokens see which, one row a token; token n is in windows[n]."""
    held, start = np.unique(windows, return_index=True)
    graph = WindowGraphs(
        held, np.append(start, len(windows)), np.arange(len(windows)),
        np.zeros(0, np.int64), np.zeros(0, np.int64),
    )  # fmt: skip
    keys = keys_of(graph, np.ones(len(windows)), shape)
    rows = []
    for place in np.searchsorted(held, windows):
        seen = np.zeros(len(windows), int)
        seen[keys[place][0]] = 1
        rows.append("".join(map(str, seen)))
    return rows


def test_a_window_sees_itself_and_those_before_it() -> None:
    assert mask([0, 0, 1, 2], shape()) == ["1100", "1100", "1110", "1111"]
    assert mask([0, 1, 2, 9], shape(past=2)) == ["1000", "1100", "0110", "0001"]
    assert mask([0, 1, 2, 9], shape(past=2, causal=False)) == ["1100", "1100", "0010", "0001"]
    _, ages = zip(*keys_of(
        WindowGraphs(np.array([3, 5]), np.array([0, 1, 2]), np.arange(2), np.zeros(0, np.int64),
                     np.zeros(0, np.int64)), np.ones(2), shape(),
    ), strict=True)  # fmt: skip
    assert [age.tolist() for age in ages] == [[0], [2, 0]]


def test_of_a_wide_window_those_of_the_largest_degree_are_seen() -> None:
    graph = WindowGraphs(
        np.array([0]), np.array([0, 4]), np.arange(4), np.zeros(0, np.int64), np.zeros(0, np.int64)
    )
    assert keys_of(graph, np.array([1.0, 5, 1, 7]), shape(most=2))[0][0].tolist() == [1, 3]


def test_sinusoids() -> None:
    found = positions(3, 4)
    assert found[0].tolist() == [0, 1, 0, 1]
    assert found[2] == pytest.approx([np.sin(2), np.cos(2), np.sin(0.02), np.cos(0.02)])


def test_stretches_cover_all_windows_once() -> None:
    number = np.array([0, 1, 2, 3, 9, 10, 11, 20])
    found = stretches(number, 3, shape(past=2, blocks=2))
    assert found == [Stretch(0, 0, 3), Stretch(1, 3, 6), Stretch(4, 6, 8)]
    # Blocks are of numbers 0 and 1, 2 and 3, 8 and 9, 10 and 11, 20 and 21.
    found = stretches(number, 3, shape(past=2, causal=False))
    assert found == [Stretch(0, 0, 2), Stretch(2, 2, 5), Stretch(5, 5, 8)]


@pytest.fixture(scope="module")
def quiet() -> Relations:
    return grouped(120, 0)[0]


@pytest.fixture(scope="module")
def model(quiet: Relations) -> RelationNetwork:
    return RelationNetwork(**SMALL).fit(quiet)


@pytest.fixture(scope="module")
def paper(quiet: Relations) -> RelationNetwork:
    return RelationNetwork.paper(**(SMALL | {"identity": 0}), epochs=3).fit(quiet)


@pytest.fixture(params=["model", "paper"])
def either(request: pytest.FixtureRequest) -> RelationNetwork:
    found: RelationNetwork = request.getfixturevalue(request.param)
    return found


def test_a_known_event_with_a_known_value_never_seen_together_stands_out(
    quiet: Relations, model: RelationNetwork
) -> None:
    for seed in (1, 2, 3):
        test, at = grouped(40, seed, planted=1, start=120)
        score = model.score(test)
        assert (score >= score[at]).mean() <= 0.05
        rule = RelationCounts("unseen").fit(quiet)
        assert rule.score_events(test.events)[test.of_event[at]] == 0


def test_the_order_of_lines_and_names_says_nothing(either: RelationNetwork) -> None:
    test, _ = grouped(12, 4, planted=1)
    random = np.random.default_rng(0)
    # Lines of one window in another order, and the same time; the names in another order.
    flat = replace(test, ts=test.ts // STEP * STEP)
    turn = np.lexsort((random.random(len(flat.ts)), flat.ts))
    back = np.argsort(turn)
    row = np.argsort(back[flat.line], kind="stable")
    e, v = random.permutation(len(EVENTS)), random.permutation(len(HOSTS) + len(USERS))
    other = Relations(
        flat.ts, np.argsort(e)[flat.event[turn]], back[flat.line][row],
        np.argsort(v)[flat.node[row]], [flat.events[n] for n in e], [flat.nodes[n] for n in v],
    )  # fmt: skip
    np.testing.assert_allclose(either.score(other), either.score(flat)[row], atol=1e-5)


def test_what_comes_later_changes_nothing(model: RelationNetwork) -> None:
    test, _ = grouped(40, 5)
    whole = model.score(test)
    early = test.take(test.ts < 20 * STEP)
    np.testing.assert_allclose(model.score(early), whole[: len(early)], atol=1e-5)
    # Nor what came earlier than earlier_us before the window.
    late = test.take(test.ts // STEP >= 20)
    far = (39 - model.earlier_us // STEP) * STEP
    some = test.take(test.ts >= far)
    last = test.ts[test.line] // STEP == 39
    n = int(last.sum())
    np.testing.assert_allclose(model.score(some)[-n:], whole[last], atol=1e-5)
    assert np.abs(model.score(late)[:10] - whole[test.ts[test.line] // STEP >= 20][:10]).max() > 0


@pytest.mark.parametrize("size", [1, 7, 64])
def test_how_many_windows_are_scored_at_once_changes_nothing(
    either: RelationNetwork, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    test, _ = grouped(40, 6)
    whole = either.score(test)
    monkeypatch.setattr(relation_network, "_STRETCH", size)
    np.testing.assert_allclose(either.score(test), whole, atol=1e-5)


def test_a_window_of_two_nodes_leaves_the_others_alone(either: RelationNetwork) -> None:
    test, _ = grouped(10, 7)
    whole = either.score(test)
    # Beyond what any other window looks at, before or after.
    far = 1000
    more = Relations(
        np.append(test.ts, far * STEP), np.append(test.event, 0),
        np.append(test.line, len(test.ts)), np.append(test.node, 0), test.events, test.nodes,
    )  # fmt: skip
    found = either.score(more)
    np.testing.assert_allclose(found[:-1], whole, atol=1e-5)
    assert np.isfinite(found[-1])


def test_wide_windows_are_scored_in_pieces(
    either: RelationNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    test, _ = grouped(10, 6)
    whole = either.score(test)
    monkeypatch.setattr(relation_layers, "_ROWS", 3)
    monkeypatch.setattr(relation_training, "_WIDE", 20)
    np.testing.assert_allclose(either.score(test), whole, atol=1e-5)


def test_of_wide_windows_a_step_looks_at_some_edges(
    quiet: Relations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relation_training, "_EDGES", 50)
    monkeypatch.setattr(relation_negatives, "_CELLS", 10)
    some = quiet.take(quiet.ts < 30 * STEP)
    for make in (RelationNetwork, RelationNetwork.paper):
        model = make(**(SMALL | {"identity": 0}), epochs=1).fit(some)
        assert np.isfinite(model.score(some)).all()


def test_unseen_names_have_finite_scores(either: RelationNetwork) -> None:
    test, _ = grouped(3, 8)
    other = replace(
        test, events=[f"{e} quite new" for e in test.events],
        nodes=[("kind that is new", value) for _, value in test.nodes],
    )  # fmt: skip
    assert np.isfinite(either.score(other)).all()
    assert len(either.score(test.take(np.zeros(len(test.ts), bool)))) == 0


def arrays_of(model: RelationNetwork) -> dict[str, bytes]:
    return {name: a.tobytes() for name, a in model.dump()[1].items()}


def test_the_same_seed_gives_the_same_bytes(quiet: Relations) -> None:
    def made(seed: int) -> dict[str, bytes]:
        return arrays_of(RelationNetwork(**SMALL, epochs=2, seed=seed).fit(quiet))

    assert made(3) == made(3)
    assert made(3) != made(4)


class StoppedError(Exception):
    """Stands in for a kill."""


@pytest.mark.parametrize("window_loss", [0.0, 0.5])
def test_a_resumed_training_gives_the_same_bytes(
    quiet: Relations, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, window_loss: float
) -> None:
    settings = SMALL | {"epochs": 4, "window_loss": window_loss}
    whole = RelationNetwork(**settings).fit(quiet)
    seen: list[int] = []

    def told(epoch: int, found: tuple[float, float]) -> None:
        seen.append(epoch)
        if len(seen) == 2:
            raise StoppedError

    monkeypatch.setattr(rayleigh_checkpoint, "EVERY", 0.0)
    again = RelationNetwork(**settings)
    file = tmp_path / "training"
    with pytest.raises(StoppedError):
        again.fit(quiet, told, checkpoint=file)
    again.fit(quiet, told, checkpoint=file)
    assert seen == [0, 1, 2, 3]
    assert not list(tmp_path.iterdir())
    assert again.epochs_ == whole.epochs_
    assert arrays_of(again) == arrays_of(whole)


def test_what_was_saved_scores_the_same(either: RelationNetwork) -> None:
    test, _ = grouped(5, 9)
    again = RelationNetwork.restore(*either.dump())
    np.testing.assert_array_equal(again.score(test), either.score(test))


def test_damage_is_told(model: RelationNetwork) -> None:
    told, arrays = model.dump()

    def wrong(told: dict[str, Any], arrays: dict[str, npt.NDArray[Any]]) -> None:
        with pytest.raises(ModelError, match="damaged"):
            RelationNetwork.restore(told, arrays)

    for name, array in arrays.items():
        wrong(told, {n: a for n, a in arrays.items() if n != name})
        wrong(told, arrays | {name: array[:-1]})
        wrong(told, arrays | {name: array.astype(np.float16)})
        if name.startswith("network/"):
            wrong(told, arrays | {name: array * np.float32(np.nan)})
    wrong(told, arrays | {"elsewhere/x": np.zeros(1)})
    wrong(told, arrays | {"features/lines": arrays["features/lines"] * 0})
    wrong({**told, "settings": {**told["settings"], "hidden": 15}}, arrays)
    wrong({**told, "settings": {**told["settings"], "layers": 3}}, arrays)
    wrong({**told, "settings": {**told["settings"], "text": 8}}, arrays)
    wrong({**told, "settings": {**told["settings"], "more": 8}}, arrays)
    wrong({}, arrays)


@pytest.mark.parametrize(
    "settings",
    [{"hidden": 30, "heads": 4}, {"form": "cubic"}, {"negatives": "none"}, {"layers": 0},
     {"share": 0.0}, {"held": 1.0}, {"step_us": 7, "length_us": 10}, {"rate": 0.0}, {"mu": np.inf},
     {"patience": -1}, {"blocks": -1}],
)  # fmt: skip
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be"):
        RelationNetwork(**settings)


def test_what_cannot_be_is_told(quiet: Relations, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotFitted):
        RelationNetwork().score(quiet)
    with pytest.raises(NotFitted):
        RelationNetwork().dump()
    with pytest.raises(ValueError, match="no relation"):
        RelationNetwork(**SMALL).fit(quiet.take(np.zeros(len(quiet.ts), bool)))
    monkeypatch.setitem(sys.modules, "graphad.models.relation_training", None)
    with pytest.raises(GraphadError, match="torch"):
        RelationNetwork(**SMALL).fit(quiet)
    with pytest.raises(GraphadError, match="torch"):
        RelationNetwork.restore({}, {})


def test_windows_that_slide_look_back_and_are_judged_once(quiet: Relations) -> None:
    test, at = grouped(20, 2, planted=1, start=120)
    model = RelationNetwork(**(SMALL | {"step_us": STEP // 4}), epochs=1).fit(quiet)
    assert len(model.score(test)) == len(test)
    edges, of = WindowEdges.of(test, STEP // 4, STEP)
    assert len(np.unique(of)) < len(edges)  # some are only looked at
    assert at >= 0
