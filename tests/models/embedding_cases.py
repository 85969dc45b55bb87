"""What the tests of entity embeddings share: the worked example and slow oracles."""

from itertools import combinations

import numpy as np
import numpy.typing as npt

from graphad.models.embedding_scores import Scores, starts
from graphad.models.embedding_training import RANKING, Parameters, Rules, event
from graphad.models.value_noise import Noise

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# Our notes on APE, section 8: types A, B, C of two values each.
VECTORS = np.array([[1, 0], [0.5, -0.5], [0.8, 0.2], [-0.4, 0.6], [0.6, -0.1], [0, 1.0]])
WEIGHTS = np.array([[0, 1.2, 0.7], [1.2, 0, 0], [0.7, 0, 0]])
ARITY = np.array([2, 2, 2])
EVENTS = np.array([[a, b, c] for a in (0, 1) for b in (0, 1) for c in (0, 1)])
TRAINED = np.array([[0, 0, 0]] * 4 + [[0, 0, 1]] * 2 + [[1, 1, 1]] * 3 + [[1, 0, 1]])
FREQUENCY = np.array([0.6, 0.4, 0.7, 0.3, 0.4, 0.6])
LOG_P = np.log(FREQUENCY)
OWN = np.array([0, 2, 4])  # the event 000, in one numbering of all values
BITS = 1.0 / np.log(2.0)

Parts = tuple[Floats, Floats, Floats, Floats]
NEAR = 2e-4  # of a gradient: float32, and steps of a 64th of it


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
    """Parameters whose sums of squares are so large that a step is rate / 1e6 * gradient."""
    values = [np.asarray(a, np.float32) for a in (vectors, bias, weights, constant)]
    rows = [np.full(len(vectors), square, np.float32), np.full(len(vectors), square, np.float32)]
    sums = [*rows, *(np.full(a.shape, square, np.float32) for a in values[2:])]
    return Parameters(*(a.copy() for a in values), *sums)


def rules(objective: int, k: int = 2, *, rate: float = 1e6, weights: bool = True) -> Rules:
    return Rules(objective, k, True, rate, rate if weights else 0.0)


def difference(before: Parameters, after: Parameters, scale: float = 1.0) -> Parts:
    """The gradient that a step followed: vectors, bias, weights, constant."""
    four = (scale * (a.astype(np.float64) - b) for a, b in zip(before[:4], after[:4], strict=True))
    v, b, w, c = four
    return v, b, np.triu(w, 1), c


def learned(
    ids: Ints, noise: Ints, log_p: Floats, parts: Parts, objective: int
) -> tuple[float, Parts]:
    """The loss of `event` and the gradient that it steps along."""
    before, p = frozen(*parts), frozen(*parts)
    m, k = noise.shape
    room, pull = np.empty((4, m, parts[0].shape[1]), np.float32), np.empty(m, np.float32)
    way = rules(objective, k, rate=1e6 / 64)
    scratch = (room, pull, np.empty(k, np.float32))
    told = log_p.astype(np.float32)
    judged = event(ids, noise, told, p, way, *scratch, False)
    for a, b in zip(before, p, strict=True):
        np.testing.assert_array_equal(a, b)
    loss = event(ids, noise, told, p, way, *scratch, True)
    assert judged == loss
    np.testing.assert_array_equal(p.weights, p.weights.T)
    return loss, difference(before, p, 64.0)


def case(seed: int, m: int, k: int, d: int) -> tuple[Ints, Ints, Floats, Parts]:
    """An event, noise with repeats and with the event's own values, chances and parameters."""
    pick = np.random.default_rng(seed)
    arity = pick.integers(1, 4, m)
    start = starts(arity)
    ids = start[:-1] + pick.integers(0, arity)
    noise = start[:-1, None] + pick.integers(0, arity[:, None], (m, k))
    values = int(start[-1])
    w = pick.uniform(1.0, 2.0, (m, m))
    w = np.triu(w, 1) + np.triu(w, 1).T
    parts = pick.normal(0, 0.6, (values, d)), pick.normal(0, 1, values), w, pick.normal(0, 1, m)
    return ids, noise, np.log(pick.uniform(0.05, 1.0, values)), parts


def epoch_case() -> tuple[Ints, Noise, Parts]:
    pick = np.random.default_rng(3)
    arity = np.array([3, 1, 5])
    noise = Noise.of(np.arange(9.0), arity, 0.75, 0.1)
    w = np.ones((3, 3)) - np.eye(3)
    parts = pick.normal(0, 0.5, (9, 4)), pick.normal(0, 1, 9), w, pick.normal(0, 1, 3)
    return pick.integers(0, arity, (10, 3)), noise, parts
