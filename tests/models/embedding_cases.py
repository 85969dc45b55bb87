"""What the tests of entity embeddings share: the worked example, planted events, a slow oracle."""

from itertools import combinations

import numpy as np
import numpy.typing as npt

from graphad.models.embedding_scores import Scores, starts
from graphad.models.embedding_training import RANKING, Parameters

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# Our notes on APE, section 8: types A, B, C of two values each.
VECTORS = np.array([[1, 0], [0.5, -0.5], [0.8, 0.2], [-0.4, 0.6], [0.6, -0.1], [0, 1.0]])
WEIGHTS = np.array([[0, 1.2, 0.7], [1.2, 0, 0], [0.7, 0, 0]])
ARITY = np.array([2, 2, 2])
EVENTS = np.array([[a, b, c] for a in (0, 1) for b in (0, 1) for c in (0, 1)])
TRAINED = np.array([[0, 0, 0]] * 4 + [[0, 0, 1]] * 2 + [[1, 1, 1]] * 3 + [[1, 0, 1]])
FREQUENCY = np.array([0.6, 0.4, 0.7, 0.3, 0.4, 0.6])
BITS = 1.0 / np.log(2.0)


def example() -> Scores:
    """The worked example in bits, with no origin: minus its scores is S / ln 2."""
    return Scores.on_grid(VECTORS, np.zeros(6), BITS * WEIGHTS, starts(ARITY))


def likelihood(ids: Ints, v: Floats, b: Floats, w: Floats) -> float:
    """S of one event by equation 1, pair by pair; w above the diagonal counts."""
    pairs = combinations(range(len(ids)), 2)
    return float(b[ids].sum() + sum(w[i, j] * (v[ids[i]] @ v[ids[j]]) for i, j in pairs))


def softplus(x: float) -> float:
    """ln(1 + e^x)."""
    return float(np.logaddexp(0.0, x))


def slow_loss(
    ids: Ints, noise: Ints, log_p: Floats, parts: tuple[Floats, Floats, Floats, Floats], rule: int
) -> float:
    """The loss of `embedding_training.event`: a whole S for each noise event."""
    v, b, w, c = parts
    loss = 0.0
    for i, values in enumerate(noise):
        others = [np.concatenate([ids[:i], [value], ids[i + 1 :]]) for value in values]
        events = [ids, *others]
        told = np.array([likelihood(e, v, b, w) - log_p[e[i]] for e in events])
        if rule == RANKING:
            loss += np.logaddexp.reduce(told) - told[0]
        else:
            told += c[i] - np.log(len(values))
            loss += softplus(-told[0]) + sum(softplus(x) for x in told[1:])
    return float(loss)


def frozen(
    vectors: Floats, bias: Floats, weights: Floats, constant: Floats, square: float = 1e12
) -> Parameters:
    """Parameters whose sums of squares are so large that a step is rate / sqrt(square) * gradient."""
    values = [np.asarray(a, np.float32) for a in (vectors, bias, weights, constant)]
    rows = [np.full(len(vectors), square, np.float32), np.full(len(vectors), square, np.float32)]
    sums = [*rows, *(np.full(a.shape, square, np.float32) for a in values[2:])]
    return Parameters(*(a.copy() for a in values), *sums)


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
