"""Branch and bound over label sequences: the k best of one length, each with its exact score.

A node is a sequence of labels together with all prefixes (edges on instances) that spell it, less
those path_family shows needless. So a routine with 100,000 identical instances is one node, and
each label sequence is looked at once. A child is dropped if its bound (score so far + best walk
that may follow) cannot enter the k best; ties are kept until the labels decide.
"""

import numpy as np
import numpy.typing as npt

from graphad.jit import kernel
from graphad.models.path_bounds import ascending, longer, picked, taller
from graphad.models.path_family import admit

Ints = npt.NDArray[np.int64]
Seen = npt.NDArray[np.int32]


@kernel
def _beaten(
    bound: int, path: Ints, depth: int, score: Ints, labels: Ints, found: int, floor: int
) -> bool:
    """Return whether nothing that starts with path[:depth] can enter the k best."""
    if bound < floor:
        return True
    last = len(score) - 1
    if found <= last or bound > score[last]:
        return False
    if bound < score[last]:
        return True
    for i in range(depth):
        if path[i] != labels[last, i]:
            return bool(path[i] > labels[last, i])
    return False


@kernel
def _offer(value: int, path: Ints, score: Ints, labels: Ints, found: int) -> int:
    """Insert a complete path into the k best, sorted by (-score, labels); return how many."""
    length = labels.shape[1]
    at = found
    while at > 0:
        if score[at - 1] > value:
            break
        if score[at - 1] == value:
            smaller = False
            for i in range(length):
                if path[i] != labels[at - 1, i]:
                    smaller = path[i] < labels[at - 1, i]
                    break
            if not smaller:
                break
        at -= 1
    if at == len(score):
        return found
    found = min(found + 1, len(score))
    for i in range(found - 1, at, -1):
        score[i] = score[i - 1]
        for j in range(length):
            labels[i, j] = labels[i - 1, j]
    score[at] = value
    for j in range(length):
        labels[at, j] = path[j]
    return found


@kernel
def branch(
    src: Ints,
    dst: Ints,
    ts: Ints,
    cost: Ints,
    label: Ints,
    twin: Ints,
    entity: Ints,
    walks: Ints,
    roots: Ints,
    ptr: Ints,
    ids: Ints,
    length: int,
    k: int,
    floor: int,
    strict: bool,
    span: int,
    budget: int,
) -> tuple[Ints, Ints, int, int, int]:
    """Return (score [k], labels [k, length], found, steps, left) for paths scoring >= floor.

    walks [>= length, E] as best_walks gives it; roots: usable first edges, ascending; ptr
    [length, n + 1] into ids: usable edges after i steps, by source, in input order. span < 0: no
    limit; budget < 0: no limit on steps (prefixes made). `left` is the most that a path that was
    not looked at for lack of budget can score, else -1.
    """
    score = np.full(k, -1, dtype=np.int64)
    labels = np.zeros((k, length), dtype=np.int64)
    path = np.zeros(length, dtype=np.int64)
    found, steps, left = 0, 0, -1
    spanned = span >= 0

    # First labels, best bound first, then in label order.
    begins = np.empty(len(roots) + 1, dtype=np.int64)
    tops = np.empty(len(roots), dtype=np.int64)
    count = 0
    for i in range(len(roots)):
        if i == 0 or label[roots[i]] != label[roots[i - 1]]:
            begins[count], tops[count] = i, -1
            count += 1
        tops[count - 1] = max(tops[count - 1], walks[length - 1, roots[i]])
    begins[count] = len(roots)
    order = ascending(-tops[:count])

    # The prefixes (a stack: those of a node lie together) and the nodes still to look at.
    edge = np.empty(1024, dtype=np.int64)
    total = np.empty(1024, dtype=np.int64)
    start = np.empty(1024, dtype=np.int64)
    seen = np.empty((1024, length + 1), dtype=np.int32)
    # columns: first prefix, end, bound, edges so far, end of the prefixes of its siblings
    nodes = np.empty((256, 5), dtype=np.int64)

    family = np.empty(64, dtype=np.int64)
    rivals = np.empty(64, dtype=np.int64)
    scratch = np.empty((3, length + 2), dtype=np.int64)
    visit = np.zeros(len(src), dtype=np.int64)  # the family's version when an edge was last taken
    version = 0
    last_of = np.full(label.max() + 1 if len(label) else 1, -1, dtype=np.int64)
    touched = np.empty(1024, dtype=np.int64)

    for r in range(count):
        root = order[r]
        path[0] = label[roots[begins[root]]]
        if _beaten(tops[root], path, 1, score, labels, found, floor):
            continue
        if length == 1:
            found = _offer(tops[root], path, score, labels, found)
            steps += 1
            continue
        if budget >= 0 and steps > budget:
            left = max(left, tops[root])
            continue
        top = 0
        for i in range(begins[root], begins[root + 1]):
            e = roots[i]
            # An earlier copy that costs as much can do all this one can.
            if not spanned and twin[e] >= 0 and cost[twin[e]] >= cost[e]:
                continue
            if top == len(edge):
                size = 2 * top
                edge, total, start = longer(edge, size), longer(total, size), longer(start, size)
                seen = taller(seen, size)
            edge[top], total[top], start[top] = e, cost[e], ts[e]
            seen[top, 0], seen[top, 1] = entity[src[e]], entity[dst[e]]
            top += 1
        steps += top
        nodes[0, 0], nodes[0, 1], nodes[0, 2], nodes[0, 3], nodes[0, 4] = 0, top, tops[root], 1, top
        stack = 1
        while stack > 0:
            stack -= 1
            low, high, bound, depth, base = (
                nodes[stack, 0],
                nodes[stack, 1],
                nodes[stack, 2],
                nodes[stack, 3],
                nodes[stack, 4],
            )
            path[depth - 1] = label[edge[low]]
            if _beaten(bound, path, depth, score, labels, found, floor):
                continue
            if budget >= 0 and steps > budget:
                left = max(left, bound)
                continue
            tau = floor if found < k else max(floor, score[k - 1])
            final = depth + 1 == length
            ahead = length - depth
            touch = 0
            top = base
            if high - low + 2 > len(family):
                family = np.empty(high - low + 2, dtype=np.int64)
                rivals = np.empty(high - low + 2, dtype=np.int64)
            a = low
            while a < high:
                # All prefixes that end in vertex v, in time order, against v's out-edges.
                v = dst[edge[a]]
                b = a
                while b < high and dst[edge[b]] == v:
                    b += 1
                version += 1
                size = 0
                come = a
                for j in range(ptr[depth, v], ptr[depth, v + 1]):
                    e = ids[j]
                    while come < b and (
                        ts[edge[come]] < ts[e] or (not strict and ts[edge[come]] == ts[e])
                    ):
                        if total[come] - cost[edge[come]] + walks[ahead, edge[come]] >= tau:
                            now = admit(
                                family, size, come, seen, total, start, spanned, depth, ahead,
                                rivals, scratch,
                            )  # fmt: skip
                            if now >= 0:
                                size = now
                                version += 1
                        come += 1
                    if size == 0 or walks[ahead - 1, e] < 0:
                        continue
                    if twin[e] >= 0 and visit[twin[e]] == version and cost[twin[e]] >= cost[e]:
                        visit[e] = version
                        continue
                    visit[e] = version
                    to = entity[dst[e]]
                    for f in range(size):
                        p = family[f]
                        if total[p] + walks[ahead - 1, e] < tau:
                            continue
                        if spanned and ts[e] - start[p] > span:
                            continue
                        fresh = True
                        for x in range(depth):
                            fresh = fresh and seen[p, x] != to
                        if not fresh:
                            continue
                        steps += 1
                        if final:
                            here = last_of[label[e]]
                            if here < 0:
                                if touch == len(touched):
                                    touched = longer(touched, 2 * touch)
                                touched[touch] = label[e]
                                touch += 1
                            last_of[label[e]] = max(here, total[p] + cost[e])
                            continue
                        if top == len(edge):
                            wide = 2 * top
                            edge, total = longer(edge, wide), longer(total, wide)
                            start = longer(start, wide)
                            seen = taller(seen, wide)
                        edge[top], total[top], start[top] = e, total[p] + cost[e], start[p]
                        for x in range(depth + 1):
                            seen[top, x] = seen[p, x]
                        seen[top, depth + 1] = to
                        top += 1
                a = b
            if final:
                for t in range(touch):
                    path[depth] = touched[t]
                    found = _offer(last_of[touched[t]], path, score, labels, found)
                    last_of[touched[t]] = -1
                continue
            if top == base:
                continue
            # Edges are numbered by (label, target, time), so sorting by edge makes the children.
            by = base + ascending(edge[base:top])
            edges, totals, starts, rows = edge[by], total[by], start[by], picked(seen, by)
            for i in range(len(by)):
                edge[base + i], total[base + i], start[base + i] = edges[i], totals[i], starts[i]
                for x in range(depth + 2):
                    seen[base + i, x] = rows[i, x]
            groups = np.empty(top - base + 1, dtype=np.int64)
            bounds = np.empty(top - base, dtype=np.int64)
            g = 0
            for i in range(base, top):
                if i == base or label[edge[i]] != label[edge[i - 1]]:
                    groups[g], bounds[g] = i, -1
                    g += 1
                reach = total[i] - cost[edge[i]] + walks[ahead - 1, edge[i]]
                bounds[g - 1] = max(bounds[g - 1], reach)
            groups[g] = top
            while stack + g > len(nodes):
                nodes = taller(nodes, 2 * len(nodes))
            best = ascending(-bounds[:g])
            for i in range(g - 1, -1, -1):
                c = best[i]
                nodes[stack, 0], nodes[stack, 1] = groups[c], groups[c + 1]
                nodes[stack, 2], nodes[stack, 3], nodes[stack, 4] = bounds[c], depth + 1, top
                stack += 1
    return score, labels, found, steps, left
