import random
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.models.random_walk import (
    edge_surprise,
    link,
    seen_or_least,
    sender_receiver,
    target_share,
    transition,
)

Edges = list[tuple[int, int, int]]
Floats = npt.NDArray[np.float64]

# The worked example of the notes on GID, section 8. Vertices: S1 P1 F1 P2 S3 F2 S2.
EXAMPLE = [(0, 1, 4), (1, 0, 3), (1, 2, 4), (2, 3, 4), (3, 4, 4), (1, 3, 1), (5, 3, 1), (3, 6, 1)]
SRC, DST, N = (np.array(column) for column in zip(*EXAMPLE, strict=True))
A = transition(SRC, DST, N.astype(float), 7)

counts = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(1, 50)), min_size=1, max_size=30
)


def dense(a: Any, c: float) -> Floats:
    made: Floats = (1 - c) * a.toarray() + c / a.shape[0]
    return made


def test_worked_example_transition() -> None:
    expected = [1, 0.375, 0.5, 1, 0.8, 0.125, 1, 0.2]
    np.testing.assert_allclose(A.toarray()[SRC, DST], expected, atol=1e-12)


def test_worked_example_first_steps() -> None:
    def steps(m: int) -> tuple[Floats, Floats]:
        walk = sender_receiver(A, c=0.2, max_steps=m)
        assert walk.steps == m
        return walk.x / walk.x.sum(), walk.y / walk.y.sum()

    x, y = steps(1)
    expected = [0.185185, 0.185185, 0.185185, 0.185185, 0.037037, 0.185185, 0.037037]
    np.testing.assert_allclose(x, expected, atol=6e-7)
    expected = [0.089426, 0.187852, 0.109111, 0.365017, 0.156355, 0.030371, 0.061867]
    np.testing.assert_allclose(y, expected, atol=6e-7)
    x, y = steps(2)
    expected = [0.155355, 0.117738, 0.278467, 0.120337, 0.024818, 0.278467, 0.024818]
    np.testing.assert_allclose(x, expected, atol=6e-7)
    expected = [0.066535, 0.159176, 0.078795, 0.505985, 0.109953, 0.029753, 0.049803]
    np.testing.assert_allclose(y, expected, atol=6e-7)


def test_worked_example_scores() -> None:
    walk = sender_receiver(A, c=0.2)
    expected = [0.169050, 0.250595, 1.0, 0.134398, 0.051284, 1.0, 0.051284]
    np.testing.assert_allclose(walk.x, expected, atol=6e-7)
    expected = [0.088821, 0.124132, 0.103554, 1.0, 0.095192, 0.044624, 0.057266]
    np.testing.assert_allclose(walk.y, expected, atol=6e-7)
    assert [sender_receiver(A, tol=t).steps for t in (1e-6, 1e-8, 1e-10)] == [21, 28, 34]
    half = sender_receiver(A, c=0.5)
    np.testing.assert_allclose(half.x[[1, 3]], [0.590182, 0.562416], atol=6e-7)
    np.testing.assert_allclose(half.y[[2, 6]], [0.341136, 0.273494], atol=6e-7)


def test_worked_example_surprise() -> None:
    walk = sender_receiver(A)
    parts = edge_surprise(walk.x[SRC], A.toarray()[SRC, DST], walk.y[DST])
    expected = [3.863973, 4.785873, 4.344726, 0, 4.581948, 3.463357, 0, 6.476436]
    np.testing.assert_allclose(parts.total, expected, atol=6e-7)
    assert not np.signbit(parts.total).any()


@settings(max_examples=60, deadline=None)
@given(counts, st.sampled_from([0.2, 0.5, 0.9]), st.sampled_from([0.0, 10.0]))
def test_scores_are_the_leading_singular_vectors(edges: Edges, c: float, shrinkage: float) -> None:
    src, dst, n = (np.array(column) for column in zip(*edges, strict=True))
    a = transition(src, dst, n, 6, shrinkage)
    walk = sender_receiver(a, c=c, tol=1e-14, max_steps=20_000)
    u, s, vt = np.linalg.svd(dense(a, c))
    if s[1] / s[0] > 0.99:  # as good as no gap: the vectors are not determined
        return
    np.testing.assert_allclose(walk.x, np.abs(u[:, 0]) / np.abs(u[:, 0]).max(), atol=1e-9)
    np.testing.assert_allclose(walk.y, np.abs(vt[0]) / np.abs(vt[0]).max(), atol=1e-9)
    assert (walk.x > 0).all()
    assert (walk.y > 0).all()


@settings(max_examples=60, deadline=None)
@given(counts, st.sampled_from([0.0, 1.0, 10.0]))
def test_transition_is_its_definition(edges: Edges, shrinkage: float) -> None:
    src, dst, n = (np.array(column) for column in zip(*edges, strict=True))
    a = transition(src, dst, n, 6, shrinkage).toarray()
    for u in range(6):
        sent = sum(k for s, _, k in edges if s == u)
        for v in range(6):
            flow = sum(k for s, d, k in edges if (s, d) == (u, v))
            assert a[u, v] == pytest.approx(flow / (sent + shrinkage) if flow else 0.0)


@settings(max_examples=30, deadline=None)
@given(counts, st.randoms(use_true_random=False))
def test_order_and_scale_of_counts_change_no_bit(edges: Edges, random: random.Random) -> None:
    def scores(rows: Edges, scale: int = 1) -> Floats:
        src, dst, n = (np.array(column) for column in zip(*rows, strict=True))
        walk = sender_receiver(transition(src, dst, n * scale, 6))
        return np.concatenate([walk.x, walk.y])

    mixed = list(edges)
    random.shuffle(mixed)
    assert (scores(edges) == scores(mixed)).all()
    assert (scores(edges) == scores(edges, scale=2)).all()


@settings(max_examples=30, deadline=None)
@given(counts, st.permutations(range(6)))
def test_vertex_numbers_do_not_matter(edges: Edges, names: list[int]) -> None:
    src, dst, n = (np.array(column) for column in zip(*edges, strict=True))
    new = np.array(names)
    one = sender_receiver(transition(src, dst, n, 6, 10.0))
    other = sender_receiver(transition(new[src], new[dst], n, 6, 10.0))
    np.testing.assert_allclose(other.x[new], one.x, rtol=1e-9)
    np.testing.assert_allclose(other.y[new], one.y, rtol=1e-9)


def test_bad_input_is_refused() -> None:
    for c in (0.0, 1.0, -0.1):
        with pytest.raises(ValueError, match="restart"):
            sender_receiver(A, c=c)
    with pytest.raises(ValueError, match="positive"):
        transition(np.array([0]), np.array([1]), np.array([0.0]), 2)
    with pytest.raises(ValueError, match="Ids"):
        transition(np.array([0]), np.array([2]), np.array([1.0]), 2)
    with pytest.raises(ValueError, match="link"):
        edge_surprise(np.ones(1), np.zeros(1), np.ones(1))
    with pytest.raises(ValueError, match="shrinkage"):
        link(np.zeros(1), np.ones(1), np.ones(1), shrinkage=0.0)


def test_an_empty_graph_has_no_scores() -> None:
    none, no_counts = np.empty(0, dtype=np.int64), np.empty(0)
    walk = sender_receiver(transition(none, none, no_counts, 0))
    assert len(walk.x) == len(walk.y) == 0
    alone = sender_receiver(transition(none, none, no_counts, 3))
    assert alone.x.tolist() == alone.y.tolist() == [1.0, 1.0, 1.0]


def test_smoothing_covers_the_unseen() -> None:
    share = target_share(np.array([6.0, 2.0, 5.0]), np.array([0, 0, 1]))
    np.testing.assert_allclose(share, [7 / 11, 3 / 11, 6 / 7])
    # Links from one source to all its targets, an unseen one too, have probability 1 in all.
    b = np.array([0.5, 0.3, 0.2])
    total = link(np.array([6.0, 2.0, 0.0]), np.full(3, 8.0), b).sum()
    assert total == pytest.approx(1.0)
    found = seen_or_least(
        np.array([0.5, 0.3, 0.0, 0.9, 0.0]),
        np.array([True, True, False, True, False]),
        np.array([0, 0, 0, 1, 2]),
    )
    assert found.tolist() == [0.5, 0.3, 0.3, 0.9, 0.3]
