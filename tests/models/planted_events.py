"""Planted categorical events of our notes on APE, and abnormal copies of them."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def planted(events: int, seed: int) -> tuple[Ints, Ints]:
    """Events of our notes, section 7.7, and arities: hour, user, program, folder, pure noise.

    Users 0-19 run programs 0-29, the others 30-59; a folder follows from its program; users of the
    first group work in 8 hours, the others at any.
    """
    draw = np.random.default_rng(seed)
    arity = np.array([24, 40, 60, 12, 10])
    user = draw.integers(0, 40, events)
    group = user // 20
    chance = 1.0 / np.arange(1, 31) ** 1.5
    program = draw.choice(30, events, p=chance / chance.sum()) + 30 * group
    hour = np.where(group == 0, draw.integers(9, 17, events), draw.integers(0, 24, events))
    noise = draw.integers(0, 10, events)
    return np.stack([hour, user, program, program % 12, noise], axis=1), arity


def crossed(codes: Ints, seed: int) -> Ints:
    """Planted events with a user of the other group."""
    other = codes.copy()
    other[:, 1] = np.random.default_rng(seed).integers(0, 20, len(codes))
    other[:, 1] += np.where(codes[:, 1] < 20, 20, 0)
    return other


def perturbed(codes: Ints, arity: Ints, known: Ints, count: int, seed: int) -> tuple[Ints, Ints]:
    """Distinct events not in `known`, and copies with `count` values replaced, new to both."""
    draw = np.random.default_rng(seed)
    before = {tuple(row) for row in known.tolist()}
    usual = [row for row in np.unique(codes, axis=0).tolist() if tuple(row) not in before]
    before |= {tuple(row) for row in usual}
    altered = []
    for row in usual:
        while True:
            copy = list(row)
            for place in draw.choice(len(arity), count, replace=False):
                copy[place] = int(draw.integers(0, arity[place]))
            if tuple(copy) not in before:
                break
        altered.append(copy)
    return np.array(usual), np.array(altered)
