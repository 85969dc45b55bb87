import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.models.path_sample import sample_lengths, sample_paths
from tests.models.naive_paths import best_paths
from tests.models.path_cases import Graph, graphs, listed


@settings(max_examples=100, deadline=None)
@given(graphs(most=14), st.integers(1, 4))
def test_a_small_sample_is_all_there_is(graph: Graph, length: int) -> None:
    arrays, options = graph
    options = {key: options[key] for key in ("strict", "span")}
    found = sample_paths(*arrays, length=length, size=10**5, **options)
    expected = best_paths(*listed(arrays), max_length=length, k=10**6, **options)
    assert sorted(found.score) == sorted(s for n, s, _ in expected if n == length)
    assert (found.whole, found.error) == (True, 0.0)


@settings(max_examples=60, deadline=None)
@given(graphs(), st.integers(1, 4), st.integers(0, 3))
def test_a_sample_holds_true_scores_once(graph: Graph, length: int, seed: int) -> None:
    (src, dst, ts, _, label), options = graph
    cost = (label % 50).astype(float)
    options = {key: options[key] for key in ("strict", "span")}
    found = sample_paths(src, dst, ts, cost, label, length=length, size=4, seed=seed, **options)
    true = best_paths(*listed((src, dst, ts, cost, label)), max_length=length, k=10**6, **options)
    left = [s for n, s, _ in true if n == length]
    for score in found.score.tolist():
        left.remove(score)
    if not found.whole:
        assert len(found.score) <= 4


def test_a_sample_is_seeded_and_gives_routine_no_weight() -> None:
    # 60 sequences a -> b -> c seen once, and one seen 2000 * 2000 / 2 times.
    once = np.arange(60)
    src = np.concatenate([once * 3 + 10, once * 3 + 11, np.tile([0, 1], 2000)])
    dst = np.concatenate([once * 3 + 11, once * 3 + 12, np.tile([1, 2], 2000)])
    label = np.concatenate([once, once + 60, np.tile([200, 201], 2000)])
    arrays = (src, dst, np.arange(len(src)), (label + 1.0), label)
    found = sample_paths(*arrays, length=2, size=1000)
    assert not found.whole
    assert len(found.score) == 61  # drawn alike by instance the 60 would hardly ever turn up
    assert found.error == pytest.approx(found.score.std() / 61**0.5)
    again = sample_paths(src * 7 + 1, dst * 7 + 1, *arrays[2:], length=2, size=1000)
    other = sample_paths(*arrays, length=2, size=1000, seed=1)
    assert found.score.tolist() == again.score.tolist() != other.score.tolist()


@settings(max_examples=60, deadline=None)
@given(graphs(), st.integers(1, 4), st.integers(1, 6))
def test_lengths_together_are_sampled_as_alone(graph: Graph, longest: int, size: int) -> None:
    arrays, options = graph
    kept = {key: options[key] for key in ("strict", "span", "mask") if key in options}
    together = sample_lengths(*arrays, lengths=range(1, longest + 1), size=size, **kept)
    for r, found in together.items():
        alone = sample_paths(*arrays, length=r, size=size, **kept)
        assert alone.score.tolist() == found.score.tolist()
        assert alone.whole == found.whole
        assert found.paths <= found.walks
        if "mask" in kept:
            rest = tuple(a[kept["mask"]] for a in arrays)
            used = sample_paths(
                *rest, length=r, size=size, **{k: v for k, v in kept.items() if k != "mask"}
            )
            assert used.score.tolist() == found.score.tolist()


def test_errors_are_those_of_other_samples() -> None:
    # 3,000 paths of two events of different cost; each sample has 200 of them.
    g = np.random.default_rng(4)
    n = 3_000
    src = np.concatenate([np.arange(n) * 3, np.arange(n) * 3 + 1])
    arrays = (src, src + 1, np.arange(2 * n), g.gamma(2.0, 3.0, 2 * n), np.arange(2 * n))
    drawn = [sample_paths(*arrays, length=2, size=200, seed=seed) for seed in range(150)]
    means = np.std([one.score.mean() for one in drawn])
    spreads = np.std([one.score.std() for one in drawn])
    assert np.mean([one.error for one in drawn]) == pytest.approx(means, rel=0.2)
    assert np.mean([one.sd_error for one in drawn]) == pytest.approx(spreads, rel=0.25)
    assert all(len(one.score) == 200 and not one.whole for one in drawn)
