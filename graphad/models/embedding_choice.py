"""How much embeddings and plain frequencies count, chosen on events that training did not see.

No label is needed: held-out events are set against copies with one value replaced at random, as in
the published protocol (our notes on APE, section 5), and the mix that tells them apart best wins.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from graphad.models.codes import packed
from graphad.models.embedding_scores import Scores
from graphad.models.metrics import roc_auc

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Mix = tuple[float, float]

MIXES: tuple[Mix, ...] = ((1.0, 0.0), (1.0, 0.25), (1.0, 0.5), (1.0, 1.0), (0.5, 1.0), (0.0, 1.0))
_LEAST, _MOST = 50, 4000  # held-out events
_DRAWS = 8
_BETTER = 0.002  # of AUC, for another mix than the one before it


def choose(
    table: Callable[[Mix], Scores], trained: Ints, held: Ints, arity: Ints, seed: int
) -> Mix:
    """Return the mix that best tells held-out events [h, m] from altered copies of them."""
    usual, altered = altered_pairs(trained, held, arity, seed)
    best, found = -1.0, MIXES[0]
    if len(usual) < _LEAST:
        return found
    labels = np.repeat([False, True], [len(usual), len(altered)])
    for mix in MIXES:
        scores = table(mix)
        auc = roc_auc(np.concatenate([scores.score(usual), scores.score(altered)]), labels)
        if auc is not None and auc > best + _BETTER:
            best, found = auc, mix
    return found


def altered_pairs(trained: Ints, held: Ints, arity: Ints, seed: int) -> tuple[Ints, Ints]:
    """Return distinct held-out events and for each a copy with one value replaced, new to both.

    Events that training saw are left out, unless too few others are there. Code 0, which stands
    for rare values, replaces and is replaced like any other.
    """
    generator = np.random.default_rng([seed, 1])
    held = np.unique(held, axis=0)
    live = np.flatnonzero(arity > 1)
    if not len(held) or not len(live):
        return held[:0], held[:0]
    copies = np.repeat(held, _DRAWS, axis=0)
    place = live[generator.integers(0, len(live), len(copies))]
    copies[np.arange(len(copies)), place] = generator.integers(0, arity[place])
    keys = packed(*np.concatenate([trained, held, copies]).T)
    before, now, new = np.split(keys, [len(trained), len(trained) + len(held)])
    fresh = ~np.isin(now, before)
    if fresh.sum() < _LEAST:
        fresh[:] = True
    unknown = ~np.isin(new, np.concatenate([before, now]))
    chances = unknown.reshape(len(held), _DRAWS)
    usable = np.flatnonzero(fresh & chances.any(axis=1))
    if len(usable) > _MOST:
        usable = np.sort(generator.permutation(usable)[:_MOST])
    first = chances.argmax(axis=1)
    return held[usable], copies.reshape(len(held), _DRAWS, -1)[usable, first[usable]]
