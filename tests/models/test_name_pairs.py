from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.models.name_pairs import count_pairs

NAME = st.one_of(st.integers(0, 4), st.integers(0, 2**31 - 1))


@settings(deadline=None)
@given(st.lists(st.tuples(NAME, NAME), max_size=80))
def test_counts_are_those_of_a_dict(pairs: list[tuple[int, int]]) -> None:
    columns = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    found = count_pairs(columns[:, 0], columns[:, 1])
    told = list(zip(found.src.tolist(), found.dst.tolist(), strict=True))
    assert dict(zip(told, found.n.tolist(), strict=True)) == Counter(pairs)
    assert told == sorted(set(pairs))
    assert [told[p] for p in found.pair] == pairs


def test_many_pairs() -> None:
    g = np.random.default_rng(0)
    src, dst = g.integers(0, 300, 100_000), g.integers(0, 300, 100_000)
    found = count_pairs(src, dst)
    keys, pair, n = np.unique(src * 300 + dst, return_inverse=True, return_counts=True)
    assert (found.src * 300 + found.dst).tolist() == keys.tolist()
    assert found.pair.tolist() == pair.tolist()
    assert found.n.tolist() == n.tolist()


def test_bad_input_is_refused() -> None:
    two = np.arange(2)
    with pytest.raises(ValueError, match="long"):
        count_pairs(two, np.arange(3))
    for bad in (-1, 2**31):
        with pytest.raises(ValueError, match="Names"):
            count_pairs(two, np.array([0, bad]))
