from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.models.event_values import value_counts
from graphad.models.pair_counts import PairCounts

Ints = npt.NDArray[np.int64]

TYPES = [[0, 2], [1, 2], [0, 1]]
NAMES = ["pair_types", "pair_start", "pair_first", "pair_second", "pair_count"]


def events(many: int, arity: Ints, seed: int) -> Ints:
    return np.random.default_rng(seed).integers(0, arity, (many, len(arity)))


def naive(codes: Ints, types: list[list[int]]) -> list[dict[tuple[int, int], int]]:
    return [dict(sorted(Counter((int(e[i]), int(e[j])) for e in codes).items())) for i, j in types]


def told(counts: PairCounts) -> list[dict[tuple[int, int], int]]:
    return [
        dict(zip(zip(first.tolist(), second.tolist(), strict=True), count.tolist(), strict=True))
        for _, _, first, second, count in counts
    ]


shapes = (st.lists(st.integers(1, 6), min_size=3, max_size=3), st.integers(0, 60),
          st.integers(0, 60), st.integers(0, 2**32))  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(*shapes)
def test_counts_and_sums_of_two_days(sizes: list[int], one: int, two: int, seed: int) -> None:
    arity = np.array(sizes)
    grown = arity + np.array([0, 2, 1])
    first, second = events(one, arity, seed), events(two, grown, seed + 1)
    counts = PairCounts.of(first, TYPES, arity)
    assert [list(d.items()) for d in told(counts)] == [list(d.items()) for d in naive(first, TYPES)]
    both = np.concatenate([first, second])
    total = counts.plus(PairCounts.of(second, TYPES, grown))
    assert told(total) == naive(both, TYPES)
    # As if all had been counted at once, to the array.
    for name, array in PairCounts.of(both, TYPES, grown).dump().items():
        np.testing.assert_array_equal(total.dump()[name], array)
    again = PairCounts.restore(total.dump(), grown, value_counts(both, grown))
    assert told(again) == told(total)


def test_too_many_pairs_leave_out_whole_pairs_of_types() -> None:
    arity = np.array([3, 4, 5])
    codes = events(500, arity, 0)
    counts = PairCounts.of(codes, TYPES, arity)
    assert np.diff(counts.start).tolist() == [15, 20, 12]
    for most, kept in ((14, 0), (15, 1), (34, 1), (35, 2), (46, 2), (47, 3)):
        left = counts.within(most)
        assert told(left) == naive(codes, TYPES[:kept])
        assert len(left.first) == left.start[-1] <= most
        PairCounts.restore(left.dump(), arity, value_counts(codes, arity))


def test_no_pair_of_types_is_a_count_too() -> None:
    arity = np.array([3])
    counts = PairCounts.of(events(5, arity, 0), [], arity)
    assert len(counts) == 0
    assert len(counts.plus(counts).within()) == 0
    assert len(PairCounts.restore(counts.dump(), arity, np.ones(3))) == 0


def changed(at: int, value: int) -> Callable[[Any], Any]:
    def done(array: Any) -> Any:
        array.flat[at] = value
        return array

    return done


HURTS: list[tuple[str, Callable[[Any], Any]]] = [
    *((name, how) for name in NAMES for how in (
        lambda a: a[:-1], lambda a: a[..., None], lambda a: a.astype(np.float64),
        lambda a: a.astype(np.int32), lambda a: np.concatenate([a, a])
    )),
    *((name, changed(at, value)) for name in NAMES for at in (0, -1) for value in (-1, 10**6)),
    ("pair_types", lambda a: a[:, ::-1].copy()), ("pair_types", changed(2, 0)),
    ("pair_start", lambda a: a[::-1].copy()), ("pair_first", lambda a: a[::-1].copy()),
    ("pair_second", lambda a: np.zeros_like(a)), ("pair_count", changed(0, 0)),
    ("pair_count", lambda a: a + 1),
]  # fmt: skip


@pytest.mark.parametrize(("name", "how"), HURTS)
def test_what_does_not_hang_together_is_refused(name: str, how: Callable[[Any], Any]) -> None:
    arity = np.array([3, 4, 5])
    codes = events(50, arity, 0)
    arrays = PairCounts.of(codes, TYPES, arity).dump()
    arrays[name] = how(arrays[name].copy())
    with pytest.raises(ValueError, match="pairs"):
        PairCounts.restore(arrays, arity, value_counts(codes, arity))
    del arrays[name]
    with pytest.raises(KeyError):
        PairCounts.restore(arrays, arity, value_counts(codes, arity))
