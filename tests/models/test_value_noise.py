import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphad.models.embedding_scores import starts
from graphad.models.event_values import value_counts
from graphad.models.value_noise import Noise, alias, draw, random_bits, smoothed
from tests.models.embedding_cases import ARITY, EVENTS, FREQUENCY, TRAINED

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

counts = st.lists(st.sampled_from([0.0, 1.0, 2.0, 7.0, 1e3, 1e9]), min_size=1, max_size=40)
LIMIT = 4.5  # standard errors that a frequency may be off


def told(noise: Noise) -> Floats:
    """The chance by which `draw` draws each value, from its table alone."""
    chance = np.zeros(len(noise.keep))
    for begin, end in zip(noise.start[:-1], noise.start[1:], strict=True):
        for at in range(begin, end):
            chance[at] += noise.keep[at] / (end - begin)
            chance[noise.other[at]] += (1.0 - noise.keep[at]) / (end - begin)
    return chance


def drawn(noise: Noise, place: int, many: int, seed: int) -> Ints:
    """Values of a type, as codes within it."""
    state = np.array([seed], np.uint64)
    begin, size = int(noise.start[place]), int(np.diff(noise.start)[place])
    return np.array(
        [draw(state, noise.keep, noise.other, begin, size) - begin for _ in range(many)]
    )


def test_worked_frequencies() -> None:
    counts = value_counts(TRAINED, ARITY)
    np.testing.assert_array_equal(counts, 10 * FREQUENCY)
    plain = Noise.of(counts, ARITY, 1.0, 0.0)
    np.testing.assert_allclose(np.exp(plain.log_p), FREQUENCY, rtol=1e-12)
    powered = Noise.of(counts, ARITY, 0.75, 0.0)
    expected = [0.575444, 0.424556, 0.653729, 0.346271, 0.424556, 0.575444]
    np.testing.assert_allclose(np.exp(powered.log_p), expected, atol=5e-7)
    np.testing.assert_allclose(told(powered), expected, atol=5e-7)


def exact_noise() -> Floats:
    """P_c of the 8 events by equation 9, term by term."""
    p = FREQUENCY.reshape(3, 2)
    found = np.zeros(8)
    for e, event in enumerate(EVENTS):
        for i in range(3):
            rest = np.delete(TRAINED, i, axis=1) == np.delete(event, i)
            found[e] += p[i, event[i]] * rest.all(axis=1).mean() / 3
    return found


def test_worked_probabilities_of_noise() -> None:
    expected = [0.253333, 0.226667, 0.04, 0.08, 0.066667, 0.153333, 0.04, 0.14]
    np.testing.assert_allclose(exact_noise(), expected, atol=5e-7)
    log_p = Noise.of(value_counts(TRAINED, ARITY), ARITY, 1.0, 0.0).log_p
    each = log_p[EVENTS + starts(ARITY)[:-1]]
    factorised = [0.168, 0.252, 0.072, 0.108, 0.112, 0.168, 0.048, 0.072]
    np.testing.assert_allclose(np.exp(each.sum(axis=1)), factorised, atol=5e-7)
    means = [-0.594597, -0.459442, -0.877030, -0.741875, -0.729752, -0.594597, -1.012185, -0.877030]
    np.testing.assert_allclose(each.mean(axis=1), means, atol=5e-7)


def test_drawn_noise_converges_to_its_probability() -> None:
    many = 60_000
    noise = Noise.of(value_counts(TRAINED, ARITY), ARITY, 1.0, 0.0)
    choose = np.random.default_rng(5)
    events = TRAINED[choose.integers(0, len(TRAINED), many)]
    place = choose.integers(0, 3, many)
    for i in range(3):
        mine = np.flatnonzero(place == i)
        events[mine, i] = drawn(noise, i, len(mine), seed=i)
    share = np.bincount(events @ [4, 2, 1], minlength=8) / many
    p = exact_noise()
    assert (np.abs(share - p) < LIMIT * np.sqrt(p * (1 - p) / many)).all()


@pytest.mark.parametrize("place", [0, 1])
def test_draw_follows_the_chances_it_tells(place: int) -> None:
    many, arity = 60_000, np.array([1, 300])
    counts = np.concatenate([[3.0], np.floor(1e5 / np.arange(1, 301) ** 1.5)])
    noise = Noise.of(counts, arity, 0.75, 0.1)
    chance = np.exp(noise.log_p)[noise.start[place] : noise.start[place + 1]]
    share = np.bincount(drawn(noise, place, many, 9), minlength=arity[place]) / many
    chi = many * ((share - chance) ** 2 / chance).sum()
    freedom = max(len(chance) - 1, 1)
    assert abs(chi - freedom * (len(chance) > 1)) < LIMIT * np.sqrt(2 * freedom)


@settings(max_examples=80, deadline=None)
@given(st.lists(counts, min_size=1, max_size=4), st.sampled_from([0.0, 0.5, 0.75, 1.0]),
       st.sampled_from([0.0, 0.1, 1.0]), st.integers(0, 2**64 - 1))  # fmt: skip
def test_what_is_told_is_what_is_drawn(
    types: list[list[float]], power: float, uniform: float, seed: int
) -> None:
    arity = np.array([len(t) for t in types])
    noise = Noise.of(np.concatenate([np.array(t) for t in types]), arity, power, uniform)
    assert np.isfinite(noise.log_p).all()
    np.testing.assert_allclose(told(noise), np.exp(noise.log_p), rtol=1e-6, atol=1e-15)
    total = np.add.reduceat(np.exp(noise.log_p), noise.start[:-1])
    np.testing.assert_allclose(total, 1.0, rtol=1e-12)
    state = np.array([seed], np.uint64)
    for begin, end in zip(noise.start[:-1].tolist(), noise.start[1:].tolist(), strict=True):
        for _ in range(20):
            assert begin <= draw(state, noise.keep, noise.other, begin, end - begin) < end


def test_smoothing_is_what_it_says() -> None:
    found = smoothed(np.array([0.0, 1.0, 16.0]), 0.5, 0.1)
    np.testing.assert_allclose(found, 0.9 * np.array([1, 1, 4]) / 6 + 0.1 / 3, rtol=1e-14)
    np.testing.assert_allclose(smoothed(np.array([5.0, 1.0]), 0.75, 1.0), 0.5, rtol=1e-14)
    keep, other = alias(np.full(7, 1 / 7))
    assert ((keep > 1 - 1e-12) | (other != np.arange(7))).all()


def test_bits_are_those_of_splitmix64() -> None:
    state = np.array([1234567], np.uint64)
    published = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431]
    assert [int(random_bits(state)) for _ in published] == published
    mask, seed = 2**64 - 1, 2**64 - 3
    state, z = np.array([seed], np.uint64), (seed + 0x9E3779B97F4A7C15) & mask
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
    assert int(random_bits(state)) == z ^ (z >> 31)
