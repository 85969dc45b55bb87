"""Which of many prefixes of equal labels must be kept so that no simple path is lost.

Prefixes that end in one vertex differ, for what may follow, in the vertices they have used. If q
edges are still to come, a prefix A is needed only if some set of at most q further vertices avoids
A but blocks every prefix that is as good. By Bollobas's theorem at most C(p + q, q) prefixes over
p vertices each are needed, 10 for paths of 5 edges: this, not the number of instances, is what a
step costs. (Representative families; Monien 1985, Fomin et al., J. ACM 63(4), 2016.)
"""

import numpy as np
import numpy.typing as npt

from graphad.jit import kernel

Ints = npt.NDArray[np.int64]
Seen = npt.NDArray[np.int32]


@kernel
def blockable(
    seen: Seen, rivals: Ints, count: int, one: int, width: int, left: int, scratch: Ints
) -> bool:
    """Return whether at most `left` vertices outside prefix `one` meet each of `count` rivals.

    Shape: seen [prefixes, >= width], a row's first `width` are its vertices; rivals [>= count]
    rows of seen; scratch [3, > left] is overwritten.
    """
    chosen, which, place = scratch[0], scratch[1], scratch[2]
    depth = 0
    which[0] = -1
    while depth >= 0:
        if which[depth] < 0:
            # The first rival that what is chosen so far doesn't meet must be met next.
            unmet = -1
            for i in range(count):
                met = False
                for x in range(width):
                    for y in range(depth):
                        met = met or seen[rivals[i], x] == chosen[y]
                if not met:
                    unmet = i
                    break
            if unmet < 0:
                return True
            if depth == left:
                depth -= 1
                continue
            which[depth], place[depth] = unmet, 0
        moved = False
        while place[depth] < width:
            vertex = seen[rivals[which[depth]], place[depth]]
            place[depth] += 1
            free = True
            for x in range(width):
                free = free and seen[one, x] != vertex
            if free:
                chosen[depth] = vertex
                depth += 1
                which[depth] = -1
                moved = True
                break
        if not moved:
            depth -= 1
    return False


@kernel
def admit(
    family: Ints,
    size: int,
    one: int,
    seen: Seen,
    score: Ints,
    start: Ints,
    spanned: bool,
    width: int,
    left: int,
    rivals: Ints,
    scratch: Ints,
) -> int:
    """Put prefix `one` into the family if it is needed; return the new size, -1 if it isn't.

    family [> size] holds rows of seen, score and start. A rival is as good if its score is no
    smaller and, where the span is limited, it started no earlier. Members that `one` makes
    needless are dropped.
    """
    count = 0
    better = False
    for i in range(size):
        other = family[i]
        if score[other] >= score[one] and (not spanned or start[other] >= start[one]):
            rivals[count] = other
            count += 1
        else:
            better = True
    if not blockable(seen, rivals, count, one, width, left, scratch):
        return -1
    family[size] = one
    size += 1
    if not better:
        return size
    # Best first, so that each one's rivals are decided before it.
    for i in range(size - 1, 0, -1):
        a, b = family[i - 1], family[i]
        if score[a] > score[b] or (score[a] == score[b] and start[a] >= start[b]):
            break
        family[i - 1], family[i] = b, a
    kept = 0
    for i in range(size):
        x = family[i]
        count = 0
        for j in range(kept):
            other = family[j]
            if score[other] >= score[x] and (not spanned or start[other] >= start[x]):
                rivals[count] = other
                count += 1
        if blockable(seen, rivals, count, x, width, left, scratch):
            family[kept] = x
            kept += 1
    return kept
