"""What biases lack for values to be as likely in a model as they were in what it learned.

A value a of a type has P(a | the others) ~ exp(b_a + its company's share of the score), and over
the events of training these probabilities should add up to how often a occurred. They don't where
weights of pairs of types were taken back after the biases had been learned beside them. Each type
by itself is a logistic regression with nothing to learn but biases, so generalised iterative
scaling goes uphill at every step (Darroch and Ratcliff, Annals of Mathematical Statistics 43,
1972). A Gamma prior of mean 1 on the factor exp(lift) of each value, worth half an event, keeps
those that are seldom among the events near where they were.
"""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from graphad.models.embedding_scores import Scores

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_PRIOR = 0.5  # events
_STEPS = 4
_MOST = 20_000  # events that are looked at
_EACH = 20  # of them that a value has in the mean, or its type is left: it would follow chance


def lifts(scores: Scores, codes: Ints, places: Ints, fixed: Ints) -> npt.NDArray[np.float32]:
    """Return what to add to the bias of each value [A], in nats.

    codes [n, m]: the events of training, in their order, evenly chosen if they are many; places:
    the types whose values are lifted; fixed [P]: numbers of values whose biases stay as they are:
    the others of their types are as likely among themselves as they were.
    """
    values, arity = int(scores.start[-1]), np.diff(scores.start)
    most = min(_MOST, len(codes))
    places = places[arity[places] * _EACH <= most]
    lift = np.zeros(values)
    if not len(places):
        return lift.astype(np.float32)
    some = codes[np.linspace(0, len(codes) - 1, most).astype(np.int64)]
    events, times = np.unique(some, axis=0, return_counts=True)
    weights = times.astype(np.float64)
    ids = scores.ids(events)[:, places]
    seen = np.bincount(ids.ravel(), weights.repeat(len(places)), values)
    seen[fixed] = 0.0
    for _ in range(_STEPS):
        lifted = replace(scores, bias=scores.bias + lift / np.log(2.0))
        expected = lifted.expected(events, weights, places, fixed)
        lift += np.log((seen + _PRIOR) / (expected + _PRIOR * np.exp(lift)))
    return lift.astype(np.float32)
