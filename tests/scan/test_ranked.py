"""Distinct keys by hashing are those of np.unique."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.scan.tuples import ranked


@settings(deadline=None)  # the first example compiles
@given(st.lists(st.integers(-3, 3) | st.integers(-(2**62), 2**62), max_size=40), st.integers(0, 9))
def test_ranked_is_unique(keys: list[int], seed: int) -> None:
    given_ = np.array(keys, np.int64)
    _, first, number = np.unique(given_, return_index=True, return_inverse=True)
    found, which = ranked(given_, np.uint64(seed))
    assert found.tolist() == first.tolist()
    assert which.tolist() == number.ravel().tolist()
