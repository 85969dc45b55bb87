"""The first instance, in edge order, of a label sequence that has a given score."""

import numpy as np
import numpy.typing as npt

from graphad.jit import kernel
from graphad.models.path_bounds import ascending, longer, taller
from graphad.models.path_family import blockable

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@kernel
def _place(ids: Ints, src: Ints, ts: Ints, low: int, high: int, v: int, t: int, ties: bool) -> int:
    """Return the first place in ids[low:high] (by source, then time) of v's edges from t on."""
    while low < high:
        middle = (low + high) // 2
        e = ids[middle]
        if src[e] < v or (src[e] == v and (ts[e] < t or (not ties and ts[e] == t))):
            low = middle + 1
        else:
            high = middle
    return low


@kernel
def witness(
    src: Ints,
    dst: Ints,
    ts: Ints,
    cost: Ints,
    index: Ints,
    base: Ints,
    first: Bools,
    last: Bools,
    ptr: Ints,
    ids: Ints,
    sequence: Ints,
    score: int,
    strict: bool,
    span: int,
) -> Ints:
    """Return [length]: the edges of the lexicographically first simple path (by `index`).

    ptr [labels + 1] into ids: the edges of a label by (source, input order). Depth first, guided
    by the best sum and the earliest end that walks of the remaining labels can have; a failed
    prefix is remembered at its last edge, so that others like it are not tried (path_family).
    Returns -1s if there is no such path.
    """
    length = len(sequence)
    found = np.full(length, -1, dtype=np.int64)
    offset = np.zeros(length + 1, dtype=np.int64)
    for i in range(length):
        offset[i + 1] = offset[i] + ptr[sequence[i] + 1] - ptr[sequence[i]]
    edges = offset[length]
    value = np.full(edges, -1, dtype=np.int64)  # best sum from this edge on
    finish = np.zeros(edges, dtype=np.int64)  # earliest end from this edge on
    most = np.full(edges, -1, dtype=np.int64)  # the same over the rest of the source's edges
    soonest = np.zeros(edges, dtype=np.int64)
    for i in range(length - 1, -1, -1):
        low, high = ptr[sequence[i]], ptr[sequence[i] + 1]
        for j in range(high - 1, low - 1, -1):
            e, at = ids[j], offset[i] + j - low
            if i == length - 1:
                if last[e]:
                    value[at], finish[at] = cost[e], ts[e]
            else:
                a, z = ptr[sequence[i + 1]], ptr[sequence[i + 1] + 1]
                c = _place(ids, src, ts, a, z, dst[e], ts[e], not strict)
                to = offset[i + 1] + c - a
                if c < z and src[ids[c]] == dst[e] and most[to] >= 0:
                    value[at], finish[at] = cost[e] + most[to], soonest[to]
            most[at], soonest[at] = value[at], finish[at]
            if j + 1 < high and src[ids[j + 1]] == src[e] and most[at + 1] >= 0:
                if value[at] < 0:
                    soonest[at] = soonest[at + 1]
                else:
                    soonest[at] = min(finish[at], soonest[at + 1])
                most[at] = max(value[at], most[at + 1])

    order = ascending(index[ids[ptr[sequence[0]] : ptr[sequence[0] + 1]]])
    place = np.zeros(length, dtype=np.int64)  # where the search stands at each step
    spent = np.zeros(length + 1, dtype=np.int64)
    seen = np.zeros(length + 1, dtype=np.int32)
    failed = np.full(edges, -1, dtype=np.int64)  # the newest failed prefix at each edge
    chain = np.empty(256, dtype=np.int64)
    paid = np.empty(256, dtype=np.int64)
    began = np.empty(256, dtype=np.int64)
    used = np.empty((256, length + 1), dtype=np.int32)
    fails = 1  # row 0 is the prefix asked about
    rivals = np.empty(256, dtype=np.int64)
    scratch = np.empty((3, length + 2), dtype=np.int64)
    depth = 0
    while depth >= 0:
        low, high = ptr[sequence[depth]], ptr[sequence[depth] + 1]
        taken = False
        while not taken:
            j = place[depth]
            if depth == 0:
                if j == high - low:
                    break
                j = order[j] + low
            elif j == high or src[ids[j]] != dst[found[depth - 1]]:
                break
            e, at = ids[j], offset[depth] + j - low
            # A walk that isn't simple may have cost more; an edge that leads nowhere has value -1.
            need = max(score - spent[depth], 0)
            if depth > 0 and most[at] < need:
                break
            place[depth] += 1
            if value[at] < need or (depth == 0 and not first[e]):
                continue
            begin = ts[e] if depth == 0 else ts[found[0]]
            if span >= 0 and finish[at] - begin > span:
                continue
            fresh = True
            for x in range(depth):
                fresh = fresh and seen[x] != base[dst[e]]
            if not fresh:
                continue
            if depth > 0 and depth + 1 < length and failed[at] >= 0:
                count = 0
                other = failed[at]
                while other >= 0:
                    if paid[other] >= spent[depth] and (span < 0 or began[other] >= begin):
                        if count == len(rivals):
                            rivals = longer(rivals, 2 * count)
                        rivals[count] = other
                        count += 1
                    other = chain[other]
                for x in range(depth):
                    used[0, x] = seen[x]
                if not blockable(used, rivals, count, 0, depth, length - 1 - depth, scratch):
                    continue
            taken = True
            found[depth] = e
            seen[depth], seen[depth + 1] = base[src[e]], base[dst[e]]
            spent[depth + 1] = spent[depth] + cost[e]
        if taken:
            if depth == length - 1:
                return found
            depth += 1
            a, z = ptr[sequence[depth]], ptr[sequence[depth] + 1]
            e = found[depth - 1]
            place[depth] = _place(ids, src, ts, a, z, dst[e], ts[e], not strict)
            continue
        depth -= 1
        if depth > 0:
            # Nothing follows found[depth]: remember the prefix that led there.
            if fails == len(chain):
                chain, paid = longer(chain, 2 * fails), longer(paid, 2 * fails)
                began, used = longer(began, 2 * fails), taller(used, 2 * fails)
            j = place[depth] - 1
            at = offset[depth] + j - ptr[sequence[depth]]
            chain[fails], paid[fails], began[fails] = failed[at], spent[depth], ts[found[0]]
            for x in range(length + 1):
                used[fails, x] = seen[x]
            failed[at] = fails
            fails += 1
    return np.full(length, -1, dtype=np.int64)


@kernel
def witnesses(
    src: Ints,
    dst: Ints,
    ts: Ints,
    cost: Ints,
    index: Ints,
    base: Ints,
    first: Bools,
    last: Bools,
    ptr: Ints,
    ids: Ints,
    sequences: Ints,
    scores: Ints,
    strict: bool,
    span: int,
) -> Ints:
    """Return [P, length]: the witness of each label sequence [P, length] and its score [P]."""
    found = np.empty(sequences.shape, dtype=np.int64)
    for p in range(len(scores)):
        found[p] = witness(
            src, dst, ts, cost, index, base, first, last, ptr, ids, sequences[p], scores[p],
            strict, span,
        )  # fmt: skip
    return found
