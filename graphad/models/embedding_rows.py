"""Training by whole rows: the paper's way, and noise that replaces two values at once.

Each row, an event or a noise event, is judged by itself: D = S + c - ln(noise), the loss is
-ln s(D) for an event and -ln s(-D) for noise, by equation 10 of our notes on APE (arXiv
1608.07502). It costs a sum over all pairs for each row; `embedding_training` is the quick way for
noise that differs in one value.
"""

import numpy as np
import numpy.typing as npt

from graphad.jit import fused, vectorised
from graphad.models.embedding_training import (
    PAPER,
    Ints,
    Parameters,
    Rules,
    Singles,
    Words,
    contexts,
    push,
    shift,
    weigh,
)
from graphad.models.value_noise import draw, random_bits

Floats = npt.NDArray[np.float64]


@fused
def row(
    ids: Ints, label: int, offset: float, place: int, p: Parameters, rules: Rules, room: Singles
) -> float:  # fmt: skip
    """Learn from one row of values ids [m], and return its loss before the step.

    offset: ln of the noise's probability, k included; place: which constant counts.
    """
    m, d = room.shape[1], room.shape[2]
    vs, context = room[0], room[1]
    for i in range(m):
        for q in range(d):
            vs[i, q] = p.vectors[ids[i], q]
    contexts(vs, p.weights, context)
    logit = p.constant[place] - np.float32(offset)
    for i in range(m):
        product = np.float32(0.0)
        for q in range(d):
            product += context[i, q] * vs[i, q]
        logit += np.float32(0.5) * product + p.bias[ids[i]]
    small = np.exp(-abs(logit))
    chance = (np.float32(1.0) if logit >= 0 else small) / (np.float32(1.0) + small)
    loss = np.log1p(small) + max(-logit if label else logit, np.float32(0.0))
    g = chance - np.float32(label)
    for i in range(m):
        square = np.float32(0.0)
        for q in range(d):
            square += context[i, q] * context[i, q]
        push(p, ids[i], g, context, i, square / np.float32(d), rules)
    shift(p, place, g, rules)
    if rules.weight_rate != 0.0:
        for i in range(m):
            for j in range(i + 1, m):
                product = np.float32(0.0)
                for q in range(d):
                    product += vs[i, q] * vs[j, q]
                weigh(p, i, j, g * product, rules)
    return loss


@vectorised
def epoch_rows(
    codes: Ints, order: Ints, start: Ints, log_p: Singles, keep: Floats, other: Ints,
    p: Parameters, rules: Rules, state: Words, double: float,
) -> float:  # fmt: skip
    """Go through events [n, m] in an order, learn from rows, return the mean loss an event.

    PAPER: one row of the event, its noise taken as the mean of ln p over the types, and k noise
    rows for each type, with k m for k. Else for each type a row of the event and k of noise, of
    which share `double` has a second value replaced and both ln p added.
    """
    m, k = codes.shape[1], rules.negatives
    ids, altered = np.empty(m, np.int64), np.empty(m, np.int64)
    room = np.empty((2, m, p.vectors.shape[1]), np.float32)
    loss = 0.0
    drawn = np.log(k * m) if rules.objective == PAPER else np.log(k)
    for e in order:
        mean = 0.0
        for i in range(m):
            ids[i] = start[i] + codes[e, i]
            mean += log_p[ids[i]] / m
        if rules.objective == PAPER:
            loss += row(ids, 1, drawn + mean, 0, p, rules, room)
        for i in range(m):
            place = 0 if rules.objective == PAPER else i
            if rules.objective != PAPER:
                loss += row(ids, 1, drawn + log_p[ids[i]], i, p, rules, room)
            for _ in range(k):
                altered[:] = ids
                at = draw(state, keep, other, start[i], start[i + 1] - start[i])
                altered[i] = at
                offset = drawn + log_p[at]
                if double > 0.0 and m > 1:
                    bits = random_bits(state)
                    if np.float64(bits >> np.uint64(40)) < double * 16777216.0:
                        j = (i + 1 + np.int64((bits & np.uint64(0xFFFFFF)) % np.uint64(m - 1))) % m
                        also = draw(state, keep, other, start[j], start[j + 1] - start[j])
                        altered[j] = also
                        offset += log_p[also]
                loss += row(altered, 0, offset, place, p, rules, room)
    return loss / max(len(order), 1)
