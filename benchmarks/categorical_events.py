"""Made-up categorical events: heavy-tailed, of many values, with structure to be learned.

An event belongs to one of 300 hidden groups, a few of them common. Each group has its own users,
programs, targets and so on, of which few are common; types differ in how much the group says. The
second last type follows from another, the last one is pure noise.
"""

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

ARITY = np.array([24, 2_000, 100_000, 30_000, 100_000, 10_000, 500, 50])
_GROUPS = np.array(
    [3, 300, 300, 60, 300, 60, 1, 1]
)  # how many kinds of group a type can tell apart
_STRAY = 0.05  # share of values that come from any group


def made(events: int, seed: int, arity: Ints = ARITY) -> Ints:
    """Return events [n, 8] of codes, each below its arity, in time order."""
    draw = np.random.default_rng(seed)
    codes = np.empty((events, len(arity)), np.int64)
    group = _ranks(draw, events, 300, 0.8)
    for i, (size, kinds) in enumerate(zip(arity.tolist(), _GROUPS.tolist(), strict=True)):
        mine = np.where(draw.random(events) < _STRAY, draw.integers(0, 300, events), group) % kinds
        room = max(size // kinds, 4)
        codes[:, i] = (mine * room + _ranks(draw, events, room, 1.1)) % size
    codes[:, 6] = codes[:, 5] * 7919 % arity[6]
    return codes


def perturbed(trained: Ints, later: Ints, most: int, seed: int) -> tuple[Ints, Ints]:
    """Return later events of known values, new as a whole, and copies with one value replaced.

    A known value, drawn evenly, replaces; copies are new too: our notes on APE, section 5, c = 1.
    """
    draw = np.random.default_rng(seed)
    known = [np.unique(column) for column in trained.T]
    usual = later[np.all([np.isin(c, k) for c, k in zip(later.T, known, strict=True)], axis=0)]
    before = {row.tobytes() for row in trained}
    rows = {row.tobytes(): row for row in usual}
    chosen = [row for key, row in rows.items() if key not in before][:most]
    altered = []
    for row in chosen:
        copy = row.copy()
        while copy.tobytes() in before or copy.tobytes() in rows:
            place = int(draw.integers(0, len(row)))
            copy = row.copy()
            copy[place] = draw.choice(known[place])
        altered.append(copy)
    return np.array(chosen), np.array(altered)


def _ranks(draw: np.random.Generator, many: int, size: int, power: float) -> Ints:
    """Return numbers below size, the chance of each falling as 1 / (number + 1)^power."""
    total = np.cumsum(1.0 / np.arange(1, size + 1) ** power)
    found: Ints = np.searchsorted(total, draw.random(many) * total[-1], side="right")
    return found.astype(np.int64)
