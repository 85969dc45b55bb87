import random
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.models import path_search
from graphad.models.path_bounds import best_walks
from graphad.models.path_edges import lay_out, prepared, snap
from graphad.models.path_family import admit, blockable
from graphad.models.path_sample import sample_paths
from graphad.models.path_scan import sums
from graphad.models.path_search import top_paths
from graphad.models.random_walk import edge_surprise, sender_receiver, transition
from tests.models.naive_paths import all_paths, best_paths
from tests.models.path_cases import Arrays, Graph, graphs, listed, rows


@settings(max_examples=600, deadline=None)
@given(graphs(), st.sampled_from([(1, 3, 0, 1), (2, 7, 2, 2), (1, 9, 0, 6), (16, 200, 99, 99)]))
def test_equals_brute_force(graph: Graph, sizes: tuple[int, int, int, int]) -> None:
    arrays, options = graph
    with pytest.MonkeyPatch.context() as patch:
        # Small rounds, time slices and cuts, so that small graphs take several.
        names = ("_FIRST_ROUND", "_SLICE", "_DIRECT", "_LEFT")
        for name, size in zip(names, sizes, strict=True):
            patch.setattr(path_search, name, size)
        patch.setattr(path_search, "_LEFT_EACH", 0)
        found = top_paths(*arrays, **options)
    assert rows(found) == best_paths(*listed(arrays), **options)
    assert found.exact


def test_a_walk_that_is_not_simple_does_not_open_other_ends() -> None:
    """Through edge 0 the wanted end is reached by a walk that costs more, but comes back to 1."""
    arrays = (
        np.array([1, 0, 0, 2]), np.array([0, 2, 1, 0]), np.zeros(4, np.int64),
        np.array([0.25, 0.0, 0.0, 0.0]), np.zeros(4, np.int64),
    )  # fmt: skip
    options: dict[str, Any] = {"max_length": 2, "k": 1, "end": np.array([0, 0, 1, 0], bool)}
    assert rows(top_paths(*arrays, **options)) == best_paths(*listed(arrays), **options)
    assert rows(top_paths(*arrays, **options))[1] == (2, 0.0, (3, 2))


@pytest.mark.parametrize("seed", range(12))
def test_equals_brute_force_on_dense_graphs(seed: int) -> None:
    g = np.random.default_rng(seed)
    size, vertices = 60, int(g.integers(5, 9))
    arrays = (
        g.integers(0, vertices, size),
        g.integers(0, vertices, size),
        np.sort(g.integers(0, 30, size)),
        snap(g.exponential(size=size)),
        g.integers(0, 3, size),
    )
    options: dict[str, Any] = {"max_length": 4, "k": 20, "span": None if seed % 2 else 12}
    found = rows(top_paths(*arrays, **options))
    expected = best_paths(*listed(arrays), **options)
    assert [row[::2] for row in found] == [row[::2] for row in expected]
    np.testing.assert_allclose([r[1] for r in found], [r[1] for r in expected], rtol=1e-14)


@settings(max_examples=300, deadline=None)
@given(graphs(), st.integers(0, 30), st.sampled_from([(3, 0, 1), (20_000, 4_000, 2_000)]))
def test_a_budget_never_hides_what_was_missed(
    graph: Graph, budget: int, sizes: tuple[int, int, int]
) -> None:
    arrays, options = graph
    with pytest.MonkeyPatch.context() as patch:
        for name, size in zip(("_SLICE", "_DIRECT", "_LEFT"), sizes, strict=True):
            patch.setattr(path_search, name, size)
        patch.setattr(path_search, "_LEFT_EACH", 0)
        found = top_paths(*arrays, budget=budget, **options)
    true = {(n, e): s for n, s, e in best_paths(*listed(arrays), **options)}
    names = {tuple(arrays[4][list(e)]) for _, _, e in rows(found)}
    for (n, e), score in true.items():
        # Whatever is absent scores no more than `unseen` admits.
        if tuple(arrays[4][list(e)]) not in names:
            assert score <= found.unseen[n - 1]
    if found.exact:
        assert rows(found) == [(n, s, e) for (n, e), s in true.items()]


def test_a_budget_stops_the_search() -> None:
    g = np.random.default_rng(3)
    src, dst = g.integers(0, 30, 2000), g.integers(0, 30, 2000)
    arrays = (src, dst, np.arange(2000), g.exponential(size=2000), np.arange(2000) % 500)
    stopped = top_paths(*arrays, max_length=4, k=20, budget=5)
    full = top_paths(*arrays, max_length=4, k=20)
    assert full.exact
    assert not stopped.exact
    for r in range(1, 5):
        best = full.score[full.length == r]
        assert len(best) == 20
        assert best.min() == full.unseen[r - 1] <= stopped.unseen[r - 1]
        sure = stopped.score[(stopped.length == r) & (stopped.score > stopped.unseen[r - 1])]
        assert sure.tolist() == best[: len(sure)].tolist()


@settings(max_examples=100, deadline=None)
@given(graphs(most=14), st.randoms(use_true_random=False))
def test_instance_numbers_and_the_clock_do_not_matter(graph: Graph, random: random.Random) -> None:
    (src, dst, ts, cost, label), options = graph
    names = list(range(1000, 1008))
    random.shuffle(names)
    renamed = np.array(names)
    one = top_paths(src, dst, ts, cost, label, **options)
    other = top_paths(renamed[src], renamed[dst], ts + 10**15, cost, label * 3 + 1, **options)
    assert rows(one) == rows(other)


@settings(max_examples=150, deadline=None)
@given(graphs(), st.randoms(use_true_random=False))
def test_the_order_of_events_of_one_time_does_not_matter(
    graph: Graph, random: random.Random
) -> None:
    arrays, options = graph
    order = sorted(range(len(arrays[2])), key=lambda e: (arrays[2][e], random.random()))
    again: dict[str, Any] = {
        n: o[order] if isinstance(o, np.ndarray) else o for n, o in options.items()
    }
    label = arrays[4]
    one = top_paths(*arrays, **options)
    other = top_paths(*(a[order] for a in arrays), **again)
    told = [(n, s, label[list(e)].tolist()) for n, s, e in rows(one)]
    assert told == [(n, s, label[order][list(e)].tolist()) for n, s, e in rows(other)]


def test_searches_at_once_find_the_same() -> None:
    g = np.random.default_rng(9)
    size = 30_000
    src, dst = g.integers(0, 900, size), g.integers(0, 900, size)
    label, ts = src * 900 + dst, np.sort(g.integers(0, 5_000, size))
    arrays = (src, dst, ts, g.exponential(size=size), label)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: rows(top_paths(*arrays, k=20)), range(8)))
        drawn = list(pool.map(lambda _: sample_paths(*arrays, length=4, size=500), range(4)))
    assert len(found[0]) == 100
    assert all(one == found[0] for one in found)
    assert len({one.score.tobytes() for one in drawn}) == 1


@settings(max_examples=100, deadline=None)
@given(graphs())
def test_walk_bounds_cover_every_path(graph: Graph) -> None:
    (src, dst, ts, cost, label), options = graph
    events = prepared(src, dst, ts, cost, label)
    e = lay_out(events)
    if len(e.src) == 0:
        return
    strict = options["strict"]
    ahead, behind = best_walks(e, 4, strict), best_walks(e, 4, strict, backward=True)
    place = np.full(len(src), -1)
    place[e.index] = np.arange(len(e.index))
    # The same walks, scanned by time: rounded up, each cost by less than a grain.
    near, far = events.src, events.dst
    scanned = [
        sums(a, b, events.ts, grains, none, events.n, 0, 4, strict, backward).T[:, e.index]
        for grains in [-(-events.cost >> 20).astype(np.int32)]
        for none in [np.empty(0, dtype=bool)]
        for a, b, backward in [(near, far, False), (far, near, True)]
    ]
    for fast, exact in zip(scanned, (behind, ahead), strict=True):
        assert ((fast < 0) == (exact < 0)).all()
        apart = fast.astype(np.int64) * 2**20 - exact
        assert ((fast < 0) | ((apart >= 0) & (apart < 4 * 2**20))).all()
    for r in range(1, 5):
        for path in all_paths(src.tolist(), dst.tolist(), ts.tolist(), r, strict=strict):
            steps = place[list(path)]
            total = e.cost[steps].sum()
            for i, step in enumerate(steps):
                assert behind[i, step] + ahead[r - i - 1, step] - e.cost[step] >= total


N_COPIES = 100_000


def test_identical_parallel_events_cost_no_more_than_one() -> None:
    # 1e4 copies of each hop: (1e4)^5 instances of a single path.
    src = np.tile(np.arange(5), N_COPIES)
    found = top_paths(src, src + 1, np.arange(len(src)), np.ones(len(src)), src, k=3)
    assert found.exact
    assert found.score[found.length == 5].tolist() == [5.0]
    assert found.edges[-1].tolist() == [0, 1, 2, 3, 4]
    budgeted = top_paths(src, src + 1, np.arange(len(src)), np.ones(len(src)), src, k=3, budget=100)
    assert rows(budgeted) == rows(found)
    assert budgeted.exact


@pytest.mark.parametrize("span", [None, N_COPIES])
def test_hubs_and_copies_do_not_multiply(span: int | None) -> None:
    # Many senders into one hub and out to many receivers, twice: 1e17 instances of one path.
    i = np.arange(N_COPIES)
    first, second = np.zeros(N_COPIES, dtype=int), np.ones(N_COPIES, dtype=int)
    far, middle, end = i + 10, i + 10 + N_COPIES, i + 10 + 2 * N_COPIES
    hops = [(far, first), (first, middle), (middle, second), (second, end)]
    src = np.stack([a for a, _ in hops], axis=1).ravel()
    dst = np.stack([b for _, b in hops], axis=1).ravel()
    label = np.tile(np.arange(4), N_COPIES)
    ts = np.arange(len(src))
    # Steps stay in proportion to the events, whatever the number of instances.
    found = top_paths(
        src, dst, ts, np.ones(len(src)), label, max_length=4, k=10, span=span,
        budget=40 * N_COPIES,
    )  # fmt: skip
    assert found.exact
    assert found.score.tolist() == [1.0] * 4 + [2.0] * 3 + [3.0] * 2 + [4.0]
    assert found.edges[-1].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("span", [None, 50_000])
def test_a_hub_of_1e5_senders_and_receivers(span: int | None) -> None:
    # 1e10 pairs; the k best sums lie among the 2,000 best senders and receivers.
    n, k, best = 100_000, 50, 2_000
    g = np.random.default_rng(8)
    i = np.arange(n)
    src = np.concatenate([i + 1, np.zeros(n, dtype=np.int64)])
    dst = np.concatenate([np.zeros(n, dtype=np.int64), i + 1 + n])
    cost = snap(g.exponential(size=2 * n))
    when = g.permutation(2 * n)
    ts, cost, src, dst = np.arange(2 * n), cost[when], src[when], dst[when]
    label = src * 3 + dst
    found = top_paths(src, dst, ts, cost, label, max_length=3, k=k, span=span)
    into, out = np.flatnonzero(dst == 0), np.flatnonzero(src == 0)
    top_in, top_out = (side[np.argsort(-cost[side])] for side in (into, out))
    sums_ = cost[top_in[:best], None] + cost[top_out[:best]]
    apart = ts[top_out[:best]] - ts[top_in[:best], None]
    sums_[(apart < 0) | ((apart > span) if span is not None else False)] = -1.0
    expected = np.sort(sums_, axis=None)[::-1][:k]
    # Nothing that was left out can be among them.
    assert expected[-1] > cost[top_in[best]] + cost[top_out[0]]
    assert expected[-1] > cost[top_in[0]] + cost[top_out[best]]
    assert found.exact
    assert found.score[found.length == 2].tolist() == expected.tolist()
    assert found.score[found.length == 1].tolist() == np.sort(cost)[::-1][:k].tolist()
    assert not (found.length == 3).any()


def test_many_instances_may_be_blocked_before_one_is_free() -> None:
    # Each of the early ways to the hub uses the vertex that the only end needs.
    n = 500
    src = np.concatenate([np.full(n, 7), [8, 1, 2]])
    dst = np.concatenate([np.full(n, 1), [1, 2, 7]])
    label = np.array([0] * (n + 1) + [1, 2])
    found = top_paths(src, dst, np.arange(n + 3), np.ones(n + 3), label, max_length=3)
    assert found.edges[found.length == 3].tolist() == [[n, n + 1, n + 2]]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 2), st.permutations(range(6))), max_size=12
    ),
    st.integers(1, 3),
    st.integers(0, 3),
    st.booleans(),
)
def test_a_family_loses_no_way_out(
    prefixes: list[tuple[int, int, list[int]]], width: int, left: int, spanned: bool
) -> None:
    seen = np.array([p[:width] for *_, p in prefixes], dtype=np.int32).reshape(-1, width)
    score = np.array([s for s, _, _ in prefixes], dtype=np.int64)
    start = np.array([t for _, t, _ in prefixes], dtype=np.int64)
    family, rivals = np.empty(20, dtype=np.int64), np.empty(20, dtype=np.int64)
    scratch = np.empty((3, left + 2), dtype=np.int64)
    size = 0
    for one in range(len(prefixes)):
        now = admit(family, size, one, seen, score, start, spanned, width, left, rivals, scratch)
        size = size if now < 0 else now
    kept = family[:size].tolist()
    for one in range(len(prefixes)):
        for block in combinations(range(6), min(left, 6)):
            if set(block) & set(seen[one].tolist()):
                continue
            assert any(
                score[k] >= score[one]
                and (not spanned or start[k] >= start[one])
                and not set(block) & set(seen[k].tolist())
                for k in kept
            )
    everyone = np.arange(len(prefixes), dtype=np.int64)
    for one in range(len(prefixes)):
        free = [v for v in range(6) if v not in seen[one]]
        expected = any(
            all(set(block) & set(row) for row in seen.tolist())
            for n in range(left + 1)
            for block in combinations(free, n)
        )
        assert blockable(seen, everyone, len(everyone), one, width, left, scratch) == expected


def test_a_tie_goes_to_the_smaller_labels_even_if_found_later() -> None:
    # The first walk promises 12 by closing a circle, but its best path ties with 1, 2, 3.
    src, dst = np.array([0, 1, 2, 2, 10, 11, 12]), np.array([1, 2, 0, 3, 11, 12, 13])
    label, cost = np.array([7, 8, 9, 9, 1, 2, 3]), np.array([1.0, 1, 10, 1, 1, 1, 1])
    found = top_paths(src, dst, np.arange(7), cost, label, max_length=3, k=1)
    assert found.edges[found.length == 3].tolist() == [[4, 5, 6]]


@pytest.mark.parametrize(
    ("ts", "cost", "span"),
    [([0, 1, 2, 3, 4], [1.0, 2.0, 1.0, 4.0, 3.0], None), ([0, 5, 6, 7, 12], [1.0] * 5, 8)],
)
def test_a_failed_prefix_does_not_rule_out_a_better_copy(
    ts: list[int], cost: list[float], span: int | None
) -> None:
    # Both first events lead to the same edge; only the later one is dear, or late, enough.
    src, dst = np.array([0, 0, 1, 2, 2]), np.array([1, 1, 2, 0, 3])
    label = np.array([0, 0, 1, 2, 2])
    found = top_paths(src, dst, np.array(ts), np.array(cost), label, max_length=3, span=span)
    assert found.edges[found.length == 3].tolist() == [[1, 2, 4]]


def example() -> tuple[Arrays, list[str]]:
    """Return the worked example of the notes on GID, section 8: arrays, and names of vertices."""
    names = ["S1", "P1", "F1", "P2", "S3", "F2", "S2"]
    times = {
        (0, 1): [1, 5, 9, 13], (1, 0): [3, 7, 11], (1, 2): [2, 6, 10, 14],
        (2, 3): [4, 8, 12, 15], (3, 4): [4, 9, 13, 16], (1, 3): [20], (5, 3): [22], (3, 6): [23],
    }  # fmt: skip
    events = sorted((t, u, v) for (u, v), found in times.items() for t in found)
    ts, src, dst = (np.array(column) for column in zip(*events, strict=True))
    a = transition(src, dst, np.ones(len(src)), 7)
    walk = sender_receiver(a)
    cost = edge_surprise(walk.x[src], a.toarray()[src, dst], walk.y[dst]).total
    return (src, dst, ts, cost, src * 7 + dst), names


@pytest.mark.parametrize("strict", [False, True])
def test_worked_example(strict: bool) -> None:
    arrays, names = example()
    found = top_paths(*arrays, max_length=6, strict=strict)
    score = {}
    for n, value, edges in rows(found):
        vertices = [arrays[0][edges[0]], *(arrays[1][list(edges)])]
        score["-".join(names[v] for v in vertices)] = (n, round(value, 6))
    assert [list(found.length).count(r) for r in range(1, 7)] == [8, 7, 4, 2, 0, 0]
    expected = {
        "P1-P2-S2": (2, 9.939794), "S1-P1-F1": (2, 8.208699), "S1-P1-P2": (2, 7.327331),
        "F1-P2-S2": (2, 6.476436), "F2-P2-S2": (2, 6.476436), "F1-P2-S3": (2, 4.581948),
        "P1-F1-P2": (2, 4.344726), "S1-P1-P2-S2": (3, 13.803767),
        "P1-F1-P2-S2": (3, 10.821162), "P1-F1-P2-S3": (3, 8.926674),
        "S1-P1-F1-P2": (3, 8.208699), "S1-P1-F1-P2-S2": (4, 14.685135),
        "S1-P1-F1-P2-S3": (4, 12.790648),
    }  # fmt: skip
    assert {p: row for p, row in score.items() if row[0] > 1} == expected
    assert not np.isfinite(found.unseen).any()
    times = {
        tuple(arrays[4][list(e)].tolist()): arrays[2][list(e)].tolist() for _, _, e in rows(found)
    }
    assert times[17, 25] == ([4, 9] if strict else [4, 4])  # F1-P2-S3
    assert times[1, 10, 27] == [1, 20, 23]  # S1-P1-P2-S2


def test_degenerate_inputs() -> None:
    none = np.empty(0, dtype=np.int64)
    found = top_paths(none, none, none, np.empty(0), none)
    assert (len(found.score), found.edges.shape, found.exact) == (0, (0, 5), True)
    one = np.zeros(1, dtype=np.int64)
    assert len(top_paths(one, one, one, np.ones(1), one).score) == 0  # a self loop
    masked = top_paths(one, one + 1, one, np.ones(1), one, mask=np.array([False]))
    assert len(masked.score) == 0
    assert len(sample_paths(none, none, none, np.empty(0), none, length=2).score) == 0


def test_bad_input_is_refused() -> None:
    two = np.arange(2)
    good = (two, two + 1, two, np.ones(2), two)
    for bad in (-1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="cost"):
            top_paths(two, two + 1, two, np.array([1.0, bad]), two)
    with pytest.raises(ValueError, match="sorted"):
        top_paths(two, two + 1, two[::-1], np.ones(2), two)
    with pytest.raises(ValueError, match="long"):
        top_paths(two, two + 1, two, np.ones(2), np.arange(3))
    with pytest.raises(ValueError, match="mask"):
        top_paths(*good, mask=np.ones(3, dtype=bool))
    wrong: tuple[dict[str, Any], ...] = ({"k": 0}, {"max_length": 0}, {"span": -1}, {"budget": -1})
    for option in wrong:
        with pytest.raises(ValueError, match="must"):
            top_paths(*good, **option)
    with pytest.raises(ValueError, match="at least 1"):
        sample_paths(*good, length=0)
