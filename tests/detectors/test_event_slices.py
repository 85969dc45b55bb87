"""What slices had to tell is added up by key, whatever slices it came in."""

from collections import defaultdict

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from graphad.detectors.event_slices import NOTHING

ROWS = st.lists(st.tuples(st.integers(0, 5), st.integers(1, 9), st.integers(-5, 5)), max_size=12)


@given(st.lists(ROWS, max_size=4))
def test_what_slices_say_adds_up(slices: list[list[tuple[int, int, int]]]) -> None:
    said = NOTHING
    every: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for rows in slices:
        key, events, at = np.array(rows, np.int64).reshape(-1, 3).T
        said = said.plus(key.astype(np.uint64), events, at, at + events)
        for k, n, first in rows:
            every[k].append((n, first))
    assert said.key.tolist() == sorted(every)
    for k, n, first, last in zip(*(part.tolist() for part in said), strict=True):
        assert n == sum(events for events, _ in every[k])
        assert first == min(at for _, at in every[k])
        assert last == max(at + events for events, at in every[k])
