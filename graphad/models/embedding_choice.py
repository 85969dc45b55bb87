"""What held-out events say of a model, and which counts of pairs are to stand beside embeddings.

No label is needed: held-out events are set against copies with one value replaced, as in the
published protocol (our notes on APE, section 5). The loss of training is no judge of when to stop:
where habits drift it grows by a few events that were told apart too surely, while the ranking
still gets better.
"""

import numpy as np
import numpy.typing as npt

from graphad.models.codes import packed
from graphad.models.embedding_scores import Scores, starts
from graphad.models.metrics import auc_gain, roc_auc
from graphad.models.pair_bits import PairBits
from graphad.models.pair_counts import MOST, PairCounts

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

WEIGHTS = (0.0625, 0.125)
_LEAST, _MOST = 50, 2000  # held-out events
_DRAWS = 8
_SURE = 3.0  # standard errors by which pairs must help: they were picked by the same events


class Held:
    """Held-out events [h, m] and altered copies: half with a value drawn evenly, half by frequency.

    An evenly drawn value is mostly a rare one, and so favours counts of single values; one drawn
    as often as training has it makes odd company of usual values, which those don't see.
    """

    def __init__(self, trained: Ints, held: Ints, arity: Ints, seed: int) -> None:
        """Draw the copies, from the values that training [n, m] knows."""
        evenly, usually = (altered_pairs(trained, held, arity, seed, by) for by in (False, True))
        self.trained, self.held, self.arity = trained, held, arity
        self.usual, self.altered = (
            np.concatenate(two) for two in zip(evenly, usually, strict=True)
        )
        if len(evenly[0]) < _LEAST:
            self.usual = self.altered = held[:0]
        self.labels: Bools = np.arange(2 * len(self.usual)) >= len(self.usual)

    def scores(self, table: Scores) -> Floats:
        """Return the scores of the events, then of their copies."""
        return np.concatenate([table.score(self.usual), table.score(self.altered)])

    def judge(self, table: Scores) -> float:
        """Return the AUC of copies against events; NaN if there are too few."""
        found = roc_auc(self.scores(table), self.labels) if len(self.usual) else None
        return np.nan if found is None else found

    def pairs(self, table: Scores, counts: Floats, steady: Floats) -> tuple[Ints, float]:
        """Return the pairs of types [Q, 2] whose counts help, most helpful first, and their weight.

        Counts [A] of values are of training alone, as are those of pairs, which hold no event
        judged here. The bits of each pair of types count by `steady` [m, m]. At most a third as
        many pairs of types as there are types, and one: each is a look-up an event. None where the
        best weight isn't better by 3 standard errors of AUC.
        """
        types = self._helpful(counts, steady)
        found = types[:0], 0.0
        if not len(types):
            return found
        start, most = starts(self.arity), 0.0
        counted = PairCounts.of(self.trained, types, self.arity)
        one = PairBits.of(counted, counts, start, steady[tuple(types.T)])
        plain = self.scores(table)
        added = np.concatenate([one.each(c).sum(axis=1) for c in (self.usual, self.altered)])
        for weight in WEIGHTS:
            gain = auc_gain(plain, plain + weight * added, self.labels)
            sure = gain[0] - _SURE * gain[1] if gain else 0.0
            if sure > most:
                most, found = sure, (types, weight)
        return found

    def _helpful(self, counts: Floats, steady: Floats) -> Ints:
        """Return pairs of types by how many bits more their counts give copies than events."""
        m, start = len(self.arity), starts(self.arity)
        every = np.argwhere(np.triu(np.ones((m, m)), 1) > 0)
        gains, sizes = np.zeros(len(every)), np.zeros(len(every), np.int64)
        for q, types in enumerate(every if len(self.usual) else every[:0]):
            counted = PairCounts.of(self.trained, types, self.arity)
            sizes[q] = len(counted.first)
            if sizes[q] > MOST:
                continue
            bits = PairBits.of(counted, counts, start, steady[tuple(types)])
            gains[q] = bits.each(self.altered).mean() - bits.each(self.usual).mean()
        order = np.argsort(-gains, kind="stable")
        order = order[gains[order] > 0][: m // 3 + 1]
        return every[order[np.cumsum(sizes[order]) <= MOST]]


def altered_pairs(
    trained: Ints, held: Ints, arity: Ints, seed: int, usually: bool = False
) -> tuple[Ints, Ints]:
    """Return distinct held-out events and for each a copy with one value replaced, new to both.

    The value is drawn evenly, or `usually` as often as training has it. Events that training saw
    are left out, unless too few others are there. Code 0, which stands for rare values, replaces
    and is replaced like any other, if training has some.
    """
    generator = np.random.default_rng([seed, 1 + usually])
    held = np.unique(held, axis=0)
    # A value that training never had, such as code 0 where nothing is rare, is told by anybody.
    known = [np.unique(column) for column in trained.T]
    live = np.flatnonzero([len(values) > 1 for values in known])
    if not len(held) or not len(live):
        return held[:0], held[:0]
    copies = np.repeat(held, _DRAWS, axis=0)
    place = live[generator.integers(0, len(live), len(copies))]
    if usually:
        value = trained[generator.integers(0, len(trained), len(copies)), place]
    else:
        drawn = generator.random(len(copies))
        value = np.array(
            [known[i][int(u * len(known[i]))] for i, u in zip(place, drawn, strict=True)], np.int64
        )
    copies[np.arange(len(copies)), place] = value
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
