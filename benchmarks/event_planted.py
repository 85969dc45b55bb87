"""Made-up events with two groups of users whose programs are disjoint, five types.

The one pattern in them that no value tells alone: a user with a program of the other group.
"""

import numpy as np

from benchmarks.event_protocol import Cell, Trial, keys, known, perturbed
from graphad.graph import Ints

HOURS, USERS, PROGRAMS, FOLDERS, NOISES = 24, 40, 60, 12, 10
TRAIN = 12_000


def draw(size: int, seed: int, crossed: bool = False) -> Ints:
    """Return events [size, 5]: hour, user, program, folder, noise.

    Even users have the even programs, odd ones the odd programs; `crossed` gives each the others'.
    Users and programs of a group are of Zipf popularity (1.5), a folder follows from the program,
    odd users work from 8 to 17 o'clock, noise is uniform.
    """
    rng = np.random.default_rng([seed, 4, int(crossed)])
    group = rng.integers(0, 2, size)
    user = 2 * _zipf(rng, USERS // 2, size) + group
    program = 2 * _zipf(rng, PROGRAMS // 2, size) + (1 - group if crossed else group)
    hour = np.where(group == 1, rng.integers(8, 18, size), rng.integers(0, HOURS, size))
    return np.stack([hour, user, program, program % FOLDERS, rng.integers(0, NOISES, size)], axis=1)


def _zipf(rng: np.random.Generator, values: int, size: int) -> Ints:
    weight = 1 / np.arange(1, values + 1) ** 1.5
    return rng.choice(values, size, p=weight / weight.sum())


def planted(seed: int) -> Trial:
    """Return the trial: 12,000 events to learn, 2,000 later ones and as many of the other group.

    Tested are distinct events that training hasn't, of known values. Its cells of c changes are
    shown and not judged, as the data is made up.
    """
    train, later = draw(TRAIN, seed), draw(2000, seed + 1_000_000)
    crossed = draw(2000, seed + 1_000_000, crossed=True)
    [train, later, crossed], arity = known(train, later, crossed)
    seen = set(keys(train))
    normal, abnormal = (_new(part, seen) for part in (later, crossed))
    cells = [("cross-group", abnormal, True)]
    taken = seen | set(keys(normal))
    for c in (1, 2, 3):
        cells.append((f"c = {c}", perturbed(normal, taken, arity, c, seed), False))
    return Trial("planted", train, arity, [
        Cell(name, np.concatenate([normal, bad]),
             np.arange(len(normal) + len(bad)) >= len(normal), judged)
        for name, bad, judged in cells
    ])  # fmt: skip


def _new(codes: Ints, seen: set[bytes]) -> Ints:
    """Return the distinct rows of known values that were not seen."""
    rows = np.unique(codes[(codes > 0).all(axis=1)], axis=0)
    return rows[np.array([key not in seen for key in keys(rows)], np.bool_)]
