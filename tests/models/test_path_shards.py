from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.models import path_search
from graphad.models.path_search import PathSet, Search, top_paths
from graphad.models.path_shards import Shard, host_groups, overlapping, search_shards
from tests.models.path_cases import Graph, graphs, rows


def shard(arrays: Any, at: Any) -> Shard:
    """Return the events `at` of (src, dst, ts, cost, label, index)."""
    return Shard(*(a[at] for a in arrays))


def same(one: PathSet, other: PathSet) -> bool:
    return (
        rows(one) == rows(other)
        and one.exact == other.exact
        and one.unseen.tolist() == other.unseen.tolist()
    )


@settings(max_examples=600, deadline=None)
@given(
    graphs(),
    st.lists(st.integers(0, 24), max_size=5),
    st.integers(0, 40),
    st.sampled_from([(16, 200, 99), (1, 3, 0)]),
)
def test_shards_by_time_find_what_the_whole_does(
    graph: Graph, cuts: list[int], span: int, sizes: tuple[int, int, int]
) -> None:
    arrays, options = graph
    search = Search(
        max_length=options["max_length"], k=options["k"], strict=options["strict"], span=span
    )
    index = 10 + 3 * np.arange(len(arrays[0]))
    bounds = [0, *sorted(min(c, len(index)) for c in cuts), len(index)]

    def batches() -> Iterator[Shard]:
        for low, high in pairwise(bounds):
            yield shard((*arrays, index), slice(low, high))

    whole = top_paths(
        *arrays, max_length=search.max_length, k=search.k, strict=search.strict, span=span
    )
    with pytest.MonkeyPatch.context() as patch:
        for name, size in zip(("_FIRST_ROUND", "_SLICE", "_DIRECT"), sizes, strict=True):
            patch.setattr(path_search, name, size)
        found = search_shards(overlapping(batches(), span), search)
    back = np.where(found.edges >= 0, (found.edges - 10) // 3, -1)
    assert same(PathSet(found.length, found.score, back, found.exact, found.unseen), whole)


@settings(max_examples=200, deadline=None)
@given(graphs(), st.lists(st.integers(0, 3), min_size=8, max_size=8), st.integers(0, 40))
def test_groups_of_hosts_in_any_order_find_what_the_whole_does(
    graph: Graph, host: list[int], span: int
) -> None:
    arrays, options = graph
    search = Search(max_length=4, k=options["k"], strict=options["strict"], span=span)
    hosts = np.array(host)
    group = host_groups(hosts[arrays[0]], hosts[arrays[1]], 4)[hosts[arrays[0]]]
    index = np.arange(len(group))

    def shards() -> Iterator[Shard]:
        for one in np.unique(group)[::-1]:
            kept = np.flatnonzero(group == one)
            halves = [kept[: len(kept) // 2], kept[len(kept) // 2 :]]
            yield from overlapping((shard((*arrays, index), half) for half in halves), span)

    whole = top_paths(*arrays, max_length=4, k=search.k, strict=search.strict, span=span)
    assert same(search_shards(shards(), search), whole)


def test_a_path_crosses_shards_and_hosts() -> None:
    # One event a batch, three hosts in a row; the span just reaches over them.
    ids = np.arange(3)
    events = (ids, ids + 1, 10 * ids, np.ones(3), ids, ids)
    shards = [shard(events, [i]) for i in range(3)]
    search = Search(max_length=3, span=20)
    found = search_shards(overlapping(shards, 20), search)
    assert found.edges[-1].tolist() == [0, 1, 2]
    assert host_groups(ids, ids + 1, 4).tolist() == [0, 0, 0, 0]
    shorter = search_shards(overlapping(shards, 19), Search(max_length=3, span=19))
    assert shorter.length.tolist() == [1, 1, 1, 2, 2]


def test_no_shard_holds_more_than_its_batch_and_a_span() -> None:
    size, span = 1_000, 25
    ids = np.arange(size)
    batches = (
        shard((ids, ids + 1, ids, np.ones(size), ids, ids), slice(low, low + 100))
        for low in range(0, size, 100)
    )
    assert max(len(one) for one in overlapping(batches, span)) == 100 + span + 1


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=8))
@settings(deadline=None)
def test_groups_are_connected_components(pairs: list[tuple[int, int]]) -> None:
    import networkx

    graph: Any = networkx.Graph()
    graph.add_nodes_from(range(7))
    graph.add_edges_from(pairs)
    ends = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    group = host_groups(ends[:, 0], ends[:, 1], 7).tolist()
    expected = [0] * 7
    for number, members in enumerate(sorted(networkx.connected_components(graph), key=min)):
        for v in members:
            expected[v] = number
    assert group == expected


def test_bad_input_is_refused() -> None:
    two = np.arange(2)
    good = Shard(two, two + 1, two, np.ones(2), two, two)
    with pytest.raises(ValueError, match="follow"):
        list(overlapping([good, good], 5))
    with pytest.raises(ValueError, match="negative"):
        list(overlapping([good], -1))
    with pytest.raises(ValueError, match="rise"):
        search_shards([Shard(two, two + 1, two, np.ones(2), two, two[::-1])], Search())
    with pytest.raises(ValueError, match="index"):
        search_shards([Shard(two, two + 1, two, np.ones(2), two, np.arange(3))], Search())
    with pytest.raises(ValueError, match="Hosts"):
        host_groups(two, two + 1, 2)
    with pytest.raises(ValueError, match="long"):
        host_groups(two, np.arange(3), 4)
