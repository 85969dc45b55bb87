"""How much of what two types say of each other is more than that both change with time.

If one month's customers were called by telephone and the next month's by mobile, month and way go
together in every table of both, and within no week. Whatever drifts goes together with whatever
else drifts (Yule, Why do we sometimes get nonsense-correlations between time-series?, JRSS 89,
1926), and no held-out time tells, for the pair of one time isn't the pair of the next. So the
information that two types have on each other is taken within short parts of the time, and compared
with that within as large parts of the same events dealt at random.
"""

from itertools import combinations

import numpy as np
import numpy.typing as npt

from graphad.models.codes import packed

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_PARTS = 10  # of the events, one after another
_FEWEST = 20  # events of a part, or nothing is said
_MOST = 2**15  # events that are looked at, evenly chosen
_SURE = 3.0  # standard errors by which there must be less within parts of the time


def steadiness(codes: Ints, seed: int) -> Floats:
    """Return of each pair of types the share [m, m] of their information that time doesn't make.

    I(i; j | part of the time) / I(i; j | part by chance), for events [n, m] of codes in time order;
    symmetric, 1 on the diagonal. Range: 0 to 1, and 1 where the two differ by less than 3 standard
    errors, as where the order of events means nothing, or where there are fewer than 200.
    """
    m = codes.shape[1]
    found = np.ones((m, m))
    some = codes[np.linspace(0, len(codes) - 1, min(len(codes), _MOST)).astype(np.int64)]
    if len(some) < _PARTS * _FEWEST:
        return found
    dealt = some[np.random.default_rng([seed, 3]).permutation(len(some))]
    alone = [(entropies(a), entropies(b)) for a, b in zip(some.T, dealt.T, strict=True)]
    for i, j in combinations(range(m), 2):
        timed, mixed = (
            alone[i][k] + alone[j][k] - entropies(of[:, i], of[:, j])
            for k, of in enumerate((some, dealt))
        )
        error = np.sqrt(2.0 * mixed.var(ddof=1) / _PARTS)  # of a difference of means
        if mixed.mean() - timed.mean() > _SURE * error:
            found[i, j] = found[j, i] = max(timed.mean(), 0.0) / mixed.mean()
    return found


def entropies(*columns: Ints) -> Floats:
    """Return the entropy in bits of rows of codes, columns [n], in each of 10 equal parts.

    >>> entropies(np.array([0, 1] * 5 + [0, 0] * 5)).tolist()
    [1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    """
    part = np.arange(len(columns[0])) * _PARTS // len(columns[0])
    _, first, count = np.unique(packed(part, *columns), return_index=True, return_counts=True)
    mine, size = part[first], np.bincount(part)
    found: Floats = np.log2(size) - np.bincount(mine, count * np.log2(count)) / size
    return found
