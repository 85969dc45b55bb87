"""What biases lack for values to be as likely in a model as they were in what it learned.

A value a of a type has P(a | the others) ~ exp(b_a + its company's share of the score), and over
the events of training these probabilities should add up to how often a occurred. They don't where
weights of pairs of types were taken back after the biases had been learned beside them, nor quite
where learning stopped early. Each type by itself is a logistic regression with nothing to learn
but biases, so generalised iterative scaling goes uphill at every step (Darroch and Ratcliff, Annals
of Mathematical Statistics 43, 1972). A Gamma prior of mean 1 on the factor exp(lift) of each value,
worth half an event, keeps those that are seldom among the events near where they were.
"""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from graphad.models.embedding_scores import Scores

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_PRIOR = 0.5  # events
_STEPS = 4
_FEWEST, _MOST = 2_000, 20_000  # events that are looked at
_CELLS = 2**25  # events times values; where the fewest events have more there is one step


def lifts(scores: Scores, codes: Ints, fixed: Ints) -> npt.NDArray[np.float32]:
    """Return what to add to the bias of each value [A], in nats.

    codes [n, m]: the events of training, in their order, evenly chosen if they are many; fixed
    [P]: numbers of values whose biases stay as they are: the others of their types are as likely
    among themselves as they were.
    """
    values = int(scores.start[-1])
    most = min(max(_CELLS // values, _FEWEST), _MOST, len(codes))
    some = codes[np.linspace(0, len(codes) - 1, most).astype(np.int64)]
    events, times = np.unique(some, axis=0, return_counts=True)
    weights = times.astype(np.float64)
    seen = np.bincount(scores.ids(events).ravel(), weights.repeat(events.shape[1]), values)
    seen[fixed] = 0.0
    lift = np.zeros(values)
    for _ in range(_STEPS if most * values <= _CELLS else 1):
        lifted = replace(scores, bias=scores.bias + lift / np.log(2.0))
        expected = lifted.expected(events, weights, fixed)
        lift += np.log((seen + _PRIOR) / (expected + _PRIOR * np.exp(lift)))
    return lift.astype(np.float32)
