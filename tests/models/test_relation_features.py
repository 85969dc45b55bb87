"""Features of events and values: what stands where, what is unseen, names as arrays, damage."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphad.errors import ModelError, NotFitted
from graphad.models.relation_features import RelationFeatures, packed_names, unpacked_names
from graphad.models.relations import Relations
from tests.models.relation_cases import grouped

WIDTH = 4


def test_what_stands_where() -> None:
    learned, _ = grouped(6, 0)
    model = RelationFeatures(WIDTH).fit(learned)
    assert model.types == ["host", "user"]
    assert model.size == 2 * WIDTH + 1 + 2 + 4
    other = Relations(
        np.array([0]), np.array([0]), np.zeros(3, np.int64), np.arange(3),
        ["quite other"], [("host", "host-0"), ("user", "nobody-new"), ("kind", "host-0")],
    )  # fmt: skip
    places = model.places(other)
    assert (places >= 0).tolist() == [False, True, False, False]
    rows = model.of(other, places)
    event, host, user, kind = rows
    assert (event[:WIDTH] == 0).all()  # no piece of its text was seen
    assert np.linalg.norm(host[WIDTH : 2 * WIDTH]) == pytest.approx(1.0, abs=1e-5)
    kinds = rows[:, 2 * WIDTH : 2 * WIDTH + 3]
    assert kinds.tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0]]
    often = rows[:, -4:].argmax(axis=1).tolist()
    lines = int((learned.node == learned.nodes.index(("host", "host-0"))).sum())
    assert often == [0, 2 if lines < 10 else 3, 0, 0]
    assert model.lines_[places[1]] == lines
    assert np.linalg.norm(user[WIDTH : 2 * WIDTH]) == pytest.approx(1.0, abs=1e-5)  # it is a user
    assert len(kind) == model.size


def test_names_that_no_relation_has_are_not_learned() -> None:
    learned, _ = grouped(2, 0)
    some = learned.take([0])
    model = RelationFeatures(WIDTH).fit(some)
    assert len(model.events_) == 1
    assert len(model.values_) == 2
    with pytest.raises(ValueError, match="no relation"):
        RelationFeatures(WIDTH).fit(learned.take(np.zeros(len(learned.ts), bool)))
    with pytest.raises(NotFitted):
        RelationFeatures().of(learned, np.zeros(0, np.int64))
    with pytest.raises(NotFitted):
        RelationFeatures().dump()


@given(st.lists(st.text(st.characters(), max_size=6), max_size=6))
def test_names_survive_as_arrays(names: list[str]) -> None:
    arrays = {f"x/{key}": array for key, array in packed_names(names).items()}
    assert unpacked_names(arrays, "x") == names


def test_what_was_saved_gives_the_same_features_and_damage_is_told() -> None:
    learned, _ = grouped(4, 1)
    model = RelationFeatures(WIDTH).fit(learned)
    told, arrays = model.dump()
    again = RelationFeatures.restore(told, arrays)
    places = model.places(learned)
    np.testing.assert_array_equal(again.places(learned), places)
    np.testing.assert_array_equal(again.of(learned, places), model.of(learned, places))

    def wrong(told: dict[str, Any], arrays: dict[str, Any]) -> None:
        with pytest.raises(ModelError, match="damaged"):
            RelationFeatures.restore(told, arrays)

    for name, array in arrays.items():
        wrong(told, {n: a for n, a in arrays.items() if n != name})
        wrong(told, arrays | {name: array.astype(np.complex64)})
    wrong(told, arrays | {"events/end": arrays["events/end"][::-1]})
    wrong(told, arrays | {"events/end": arrays["events/end"] + 1})
    wrong(told, arrays | {"values/text": arrays["values/text"] | 0x80})
    wrong(told, arrays | {"lines": arrays["lines"] * 0})
    wrong(told | {"width": WIDTH + 1}, arrays)
    wrong(told | {"frequent": 3}, arrays)
