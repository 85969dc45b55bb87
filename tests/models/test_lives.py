"""Lives, against the definition written slowly."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphad.models.lives import NEVER, STEPS, Spans, alive, clusters

SLACK = 2
Life = tuple[int, int, int, int]
life = st.tuples(
    st.integers(0, 3), st.integers(0, 40), st.integers(0, 30) | st.just(99), st.integers(-1, 2)
)
moment = st.tuples(st.integers(0, 4), st.integers(-3, 45), st.integers(-1, 2))


def naive(lives: list[Life], of: int, at: int, program: int) -> tuple[int, int]:
    mine = [i for i, one in enumerate(lives) if one[0] == of and one[1] <= at + SLACK]
    mine.sort(key=lambda i: lives[i][1])
    surely = max((lives[i][1] for i in mine if lives[i][1] <= at - SLACK), default=-99)
    for i in mine[::-1][:STEPS]:
        _, born, ended, run = lives[i]
        if born < surely:
            break
        other = run >= 0 and program >= 0 and run != program
        if ended >= at - SLACK and not other:
            return i, mine[-1]
    return -1, mine[-1] if mine else -1


@given(st.lists(life, max_size=12), st.lists(moment, max_size=8))
def test_the_life_of_a_moment(given_lives: list[Life], moments: list[tuple[int, int, int]]) -> None:
    lives = [(of, born, NEVER if n == 99 else born + n, p) for of, born, n, p in given_lives]
    spans = Spans(*np.array(lives, np.int64).reshape(-1, 4).T)
    asked = np.array(moments, np.int64).reshape(-1, 3).T
    found, begun = alive(spans, asked[0], asked[1], asked[2], SLACK)
    assert list(zip(found.tolist(), begun.tolist(), strict=True)) == [
        naive(lives, *one) for one in moments
    ]


@pytest.mark.parametrize("program", [1, 2])
def test_of_lives_that_began_at_once_none_hides_another(program: int) -> None:
    lives = Spans(*np.array([[7, 7], [100, 100], [NEVER, NEVER], [1, 2]], np.int64))
    found, _ = alive(lives, np.array([7]), np.array([150]), np.array([program]), slack=2)
    assert found.tolist() == [program - 1]


def test_an_id_used_again_belongs_to_who_has_it() -> None:
    lives = Spans(*np.array([[7, 7], [100, 200], [150, NEVER], [-1, -1]], np.int64))
    at = np.array([99, 97, 150, 160, 199, 1000])
    found, begun = alive(lives, np.full(6, 7), at, np.full(6, -1), slack=2)
    assert found.tolist() == [0, -1, 0, -1, 1, 1]
    assert begun.tolist() == [0, -1, 0, 0, 1, 1]


def test_another_program_is_another_process() -> None:
    lives = Spans(*np.array([[7], [100], [NEVER], [1]], np.int64))
    of, at = np.full(3, 7), np.full(3, 120)
    found, _ = alive(lives, of, at, np.array([1, 2, -1]), slack=2)
    assert found.tolist() == [0, -1, 0]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 30)), max_size=20))
def test_clusters_are_runs_without_a_gap(given_at: list[tuple[int, int]]) -> None:
    of, at = np.array(given_at, np.int64).reshape(-1, 2).T
    number = clusters(of, at, 3)
    linked = {
        (i, j)
        for i, (a, s) in enumerate(given_at)
        for j, (b, t) in enumerate(given_at)
        if a == b and abs(s - t) <= 3
    }
    reach = [{i} for i in range(len(given_at))]
    for _ in given_at:
        for i, j in linked:
            reach[i] |= reach[j]
    for i in range(len(given_at)):
        assert {j for j in range(len(given_at)) if number[j] == number[i]} == reach[i]
