"""What the default fit does beside the published method: rare values, epochs, the weights' rate."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.models.embedding_scores import starts
from graphad.models.embedding_training import ALL_TYPES, PAPER, RANKING, Rules, epoch, event
from graphad.models.entity_embedding import EntityEmbedding
from graphad.models.event_values import pools, rarest, value_counts
from tests.models.embedding_cases import case, frozen
from tests.models.planted_events import planted

Ints = npt.NDArray[np.int64]

HOSTS, NAMES = 8, 20


def alerts(events: int, rare: float, seed: int) -> tuple[Ints, Ints]:
    """Names and hosts of alerts: two common names a host, and rare names, code 0, on host 1."""
    draw = np.random.default_rng(seed)
    host = draw.integers(1, HOSTS, events)
    name = 1 + 2 * host + draw.integers(0, 2, events)
    odd = draw.random(events) < rare
    return np.stack([np.where(odd, 0, name), np.where(odd, 1, host)], axis=1), np.array(
        [NAMES, HOSTS]
    )


def company(model: EntityEmbedding, code: list[int]) -> float:
    """The bits that embeddings give an event for its company."""
    return float(model.embedded.parts(np.array([code]))[1].sum())


def test_rare_values_say_nothing_of_their_company() -> None:
    codes, arity = alerts(6000, 0.01, 0)
    model = EntityEmbedding(epochs=8).fit(codes, arity)
    assert model.parameters_ is not None
    assert not model.parameters_.vectors[starts(arity)[:-1]].any()
    assert company(model, [0, 1]) == 0.0  # though no rare name came from another host
    assert company(model, [3 + 2, 2]) < -1.0  # that a usual name has its usual host is learned
    model.update(alerts(1000, 0.01, 1)[0], arity)
    assert company(model, [0, 1]) == 0.0


def test_a_rare_value_is_as_rare_as_the_rarest_that_is_known() -> None:
    codes, arity = alerts(6000, 0.01, 0)
    codes[:30, 0] = NAMES - 1
    model = EntityEmbedding(epochs=8).fit(codes, arity)
    single = model.embedded.parts(np.array([[0, 1]]))[0][0, 0]
    counts = value_counts(codes, arity)
    assert counts[0] > 30  # together they aren't so rare
    assert counts[NAMES - 1] == counts[1:NAMES][counts[1:NAMES] > 0].min() == 30
    assert single >= -np.log2(30 / 6000) - 1e-3
    without = EntityEmbedding(epochs=8, bias=False).fit(codes, arity)
    assert without.parameters_ is not None
    assert not without.parameters_.bias[0]


def test_rarest_by_hand() -> None:
    counts = np.array([2.0, 9.0, 0.0, 5.0, 7.0, 1.0, 0.0, 4.0])
    arity = np.array([4, 2, 2])
    assert rarest(counts, arity, np.array([0, 6])).tolist() == [5 / 16, 1.0]
    assert rarest(counts, arity, np.zeros(0, np.int64)).tolist() == []


def test_rare_values_that_are_common_together_have_company() -> None:
    codes, arity = alerts(6000, 0.2, 0)
    model = EntityEmbedding(epochs=8).fit(codes, arity)
    assert company(model, [0, 1]) < -1.0
    assert model.parameters_ is not None
    assert not model.parameters_.vectors[NAMES].any()  # host 0 never was
    quiet = EntityEmbedding(epochs=8).fit(alerts(6000, 0.01, 0)[0], arity)
    quiet.update(alerts(30_000, 0.5, 1)[0], arity)
    assert company(quiet, [0, 1]) < 0.0


def test_other_objectives_keep_the_vector_of_code_0() -> None:
    codes, arity = alerts(500, 0.01, 0)
    for model in (EntityEmbedding(objective="all types", epochs=1), EntityEmbedding.paper()):
        model.fit(codes, arity)
        assert model.parameters_ is not None
        assert model.parameters_.vectors[starts(arity)[:-1]].any(axis=1).all()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=5), min_size=1, max_size=4))
def test_pools_by_hand(counted: list[list[int]]) -> None:
    arity = np.array([len(mine) for mine in counted])
    wanted, begin = [], 0
    for mine in counted:
        if mine[0] < sum(mine) / len(mine):
            wanted.append(begin)
        begin += len(mine)
    assert pools(np.concatenate(counted).astype(float), arity).tolist() == wanted


@pytest.mark.parametrize(
    ("events", "settings", "most"),
    [
        # Nine tenths are trained on, and a million visits are shared out, within 20 and 60.
        (12_000, {}, 60), (30_000, {}, 37), (120_000, {}, 20), (30_000, {"held": 0.0}, 20),
        (12_000, {"held": 0.0}, 20), (300, {}, 20), (12_000, {"epochs": 7}, 7),
        (12_000, {"epochs": 90}, 90),
    ],
)  # fmt: skip
def test_few_events_get_more_epochs_if_some_say_when_to_stop(
    events: int, settings: dict[str, Any], most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def train(self: EntityEmbedding, judge: object, epochs: int, better: float) -> int:
        asked.append(epochs)
        return 0

    monkeypatch.setattr(EntityEmbedding, "_train", train)
    EntityEmbedding(**settings, choose=False).fit(*planted(events, 0))
    assert asked == [most]


@pytest.mark.parametrize(
    ("events", "settings", "wide"),
    [(12_000, {}, 32), (60_000, {}, 16), (52_000, {}, 32), (52_000, {"held": 0.0}, 16),
     (60_000, {"dim": 5}, 5), (300, {"dim": 5}, 5)],
)  # fmt: skip
def test_few_events_get_more_dimensions(
    events: int, settings: dict[str, Any], wide: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(EntityEmbedding, "_train", lambda *_: 0)
    model = EntityEmbedding(**settings, choose=False, steady=False).fit(*planted(events, 0))
    assert model.parameters_ is not None
    assert model.parameters_.vectors.shape[1] == wide
    told = EntityEmbedding.restore(*model.dump())
    assert told.parameters_ is not None
    assert told.parameters_.vectors.shape[1] == wide


@pytest.mark.parametrize(
    ("way", "share"),
    [({}, 0.3), ({"weights": False}, 0.0), ({"objective": "all types"}, 1.0),
     ({"objective": "all types", "weights": False}, 0.0)],
)  # fmt: skip
def test_ranking_learns_weights_slower(
    way: dict[str, Any], share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Rules] = []

    def spied(*parts: Any) -> float:
        told.extend(part for part in parts if isinstance(part, Rules))
        found: float = epoch(*parts)
        return found

    monkeypatch.setattr("graphad.models.entity_embedding.epoch", spied)
    EntityEmbedding(**way, epochs=1, rate=0.2, held=0.0).fit(*planted(200, 0))
    assert [(rules.rate, rules.weight_rate) for rules in told] == [(0.2, share * 0.2)]


@pytest.mark.parametrize("objective", [RANKING, ALL_TYPES, PAPER])
def test_the_rate_of_weights_moves_weights_alone(objective: int) -> None:
    ids, noise, log_p, parts = case(1, 4, 3, 5)
    moved = []
    for weight_rate in (0.0, 1e6 / 64, 1e6 / 256):
        p, before = frozen(*parts), frozen(*parts)
        scratch = np.empty((4, 4, 5), np.float32), np.empty(4, np.float32), np.empty(3, np.float32)
        rules = Rules(objective, 3, True, 1e6 / 64, weight_rate)
        event(ids, noise, log_p.astype(np.float32), p, rules, *scratch, True)
        moved.append([a.astype(np.float64) - b for a, b in zip(p, before, strict=True)])
    still, fast, slow = moved
    assert not still[2].any()
    assert fast[2].any()
    np.testing.assert_allclose(slow[2], fast[2] / 4, atol=1e-6)
    for at in (0, 1, 3):
        np.testing.assert_array_equal(fast[at], slow[at])
        np.testing.assert_array_equal(fast[at], still[at])
