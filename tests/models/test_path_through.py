"""The best path through one event, against every path there is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.models.path_edges import snap
from graphad.models.path_through import best_through
from tests.models.naive_paths import all_paths


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_it_is_the_best_of_all_that_use_the_event(data: st.DataObject) -> None:
    edges = data.draw(
        st.lists(
            st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 6), st.floats(0, 20)),
            min_size=1, max_size=14,
        )
    )  # fmt: skip
    edges.sort(key=lambda edge: edge[2])
    src, dst, ts = (np.array([edge[i] for edge in edges], np.int64) for i in range(3))
    cost = snap(np.array([edge[3] for edge in edges]))
    label = np.array(data.draw(st.lists(st.integers(0, 3), min_size=len(edges),
                                        max_size=len(edges))))  # fmt: skip
    mask = np.array(data.draw(st.lists(st.sampled_from([True, True, True, False]),
                                       min_size=len(edges), max_size=len(edges))))  # fmt: skip
    strict = data.draw(st.booleans())
    span = data.draw(st.sampled_from([None, 0, 2, 4]))
    event = data.draw(st.integers(0, len(edges) - 1))
    wanted = {}
    for length in range(1, 5):
        using = [
            sum(cost[e] for e in path)
            for path in all_paths(
                src.tolist(), dst.tolist(), ts.tolist(), length,
                strict=strict, span=span, mask=mask.tolist(),
            )
            if event in path
        ]  # fmt: skip
        if using:
            wanted[length] = max(using)
    found = best_through(
        event, src, dst, ts, cost, label, max_length=4, strict=strict, span=span, mask=mask
    )
    assert {len(events): score for score, events in found} == wanted
    for score, events in found:
        assert event in events
        assert sum(cost[e] for e in events) == score


def test_dear_events_do_not_hide_it() -> None:
    ids = np.arange(3)
    cost = np.array([2.0**17, 2.0**-40, 2.0**17])
    found = best_through(1, ids, ids + 1, ids, cost, ids)
    assert found == [(2.0**-40, [1]), (2.0**17 + 2.0**-40, [0, 1]), (2.0**18 + 2.0**-40, [0, 1, 2])]
    with pytest.raises(ValueError, match="cost"):
        best_through(1, ids, ids + 1, ids, cost * 2, ids)
