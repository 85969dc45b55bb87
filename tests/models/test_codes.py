"""Packed rows sort and compare as the rows do."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from graphad.models.codes import packed

wide = st.sampled_from([0, 1, 2, 2**20, 2**31, 2**40])


@given(st.lists(st.tuples(wide, wide, wide, wide), max_size=20))
def test_packed_rows_keep_order_and_equality(rows: list[tuple[int, ...]]) -> None:
    columns = [np.array([row[i] for row in rows], np.int64) for i in range(4)]
    found = packed(*columns).tolist()
    assert len(found) == len(rows)
    for a, one in zip(rows, found, strict=True):
        for b, other in zip(rows, found, strict=True):
            assert (a < b, a == b) == (one < other, one == other)
