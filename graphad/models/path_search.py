"""The k most surprising distinct paths of each length, exactly, without enumerating paths.

A path is a chain of events forward in time that visits no instance twice; what it *is* is its
sequence of labels (source name, action, target name), so a routine that happens every minute is
one path. Two passes over the edges bound what any walk can score (path_bounds), branch and bound
over label sequences finds the best (path_branch), and a last search finds each one's first
instance (path_witness). Source: Dong et al., GID, 2016, search as in shared work on k-best walks.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from graphad.models.path_bounds import GRID, Edges, best_walks, by_vertex, lay_out
from graphad.models.path_branch import branch
from graphad.models.path_witness import witness

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_FIRST_ROUND = 16
_WIDER = 8
_CHUNK = 50_000


@dataclass(frozen=True)
class PathSet:
    """P paths, by length, then highest score first, then label sequence.

    Shape: length [P]; score [P], the sum of the costs, in their unit; edges [P, L], input edge
    numbers in path order, padded with -1; unseen [L]: what a path of length r + 1 that is *not*
    here could score at most, -inf if every path of that length is here.
    `exact` is False if the budget ran out; then paths that score above `unseen` are still right.
    """

    length: Ints
    score: Floats
    edges: Ints
    exact: bool
    unseen: Floats


def top_paths(
    src: Ints,
    dst: Ints,
    ts: Ints,
    cost: Floats,
    label: Ints,
    *,
    max_length: int = 5,
    k: int = 100,
    strict: bool = False,
    span: int | None = None,
    mask: Bools | None = None,
    budget: int | None = None,
) -> PathSet:
    """Return the k best distinct simple paths of each length 1 to max_length.

    Shape: src, dst instance ids, ts microseconds (never falling), cost >= 0 (surprise; higher is
    rarer), label: all [E]; mask [E] keeps edges. Self loops are never used.
    A path's times never fall (strict: always rise); with `span`, last - first <= span. Paths with
    the same labels are one path: the best-scoring instance, of equals the one whose edge numbers
    come first. Equal scores are ordered by labels. Costs are rounded to 2**-40 first (snap).
    budget: prefixes to try per length (and time slice, with span); no limit if None.

    Raises:
        ValueError: as lay_out, or max_length, k, span or budget out of range.

    >>> found = top_paths(
    ...     np.array([0, 1]), np.array([1, 2]), np.array([5, 9]), np.array([1.0, 2.0]),
    ...     np.array([7, 8]), max_length=2)
    >>> found.score.tolist(), found.edges.tolist()
    ([2.0, 1.0, 3.0], [[1, -1], [0, -1], [0, 1]])
    """
    if max_length < 1 or max_length > 16 or k < 1:
        raise ValueError("max_length must be 1 to 16 and k at least 1.")
    if (span is not None and span < 0) or (budget is not None and budget < 0):
        raise ValueError("span and budget must not be negative.")
    all_edges = lay_out(src, dst, ts, cost, label, mask)
    parts = [all_edges] if span is None else _slices(all_edges, span)
    rows: list[list[tuple[int, tuple[int, ...], tuple[int, ...]]]] = [[] for _ in range(max_length)]
    unseen = np.full(max_length, -1, dtype=np.int64)
    exact = True
    for part in parts:
        found, left, whole = _search(part, max_length, k, strict, span, budget)
        exact = exact and whole
        unseen = np.maximum(unseen, left)
        for r in range(max_length):
            rows[r].extend(found[r])
    kept = []
    for r in range(max_length):
        distinct: list[tuple[int, tuple[int, ...], tuple[int, ...]]] = []
        names: set[tuple[int, ...]] = set()
        # The best instance of a label sequence comes first; the others are the same path.
        for row in sorted(rows[r], key=lambda row: (-row[0], row[1], row[2])):
            if row[1] not in names:
                names.add(row[1])
                distinct.append(row)
        if len(distinct) > k:
            unseen[r] = max(unseen[r], distinct[k][0])
        kept.extend(distinct[:k])
    edges = np.full((len(kept), max_length), -1, dtype=np.int64)
    for i, (_, _, places) in enumerate(kept):
        edges[i, : len(places)] = places
    return PathSet(
        length=np.array([len(row[1]) for row in kept], dtype=np.int64),
        score=np.array([row[0] for row in kept], dtype=np.float64) / GRID,
        edges=edges,
        exact=exact,
        unseen=np.where(unseen < 0, -np.inf, unseen / GRID),
    )


_Row = tuple[int, tuple[int, ...], tuple[int, ...]]  # grid score, labels, input edges


def _search(
    edges: Edges, max_length: int, k: int, strict: bool, span: int | None, budget: int | None
) -> tuple[list[list[_Row]], Ints, bool]:
    """Return (rows by length, the most an absent path can score by length or -1, exact)."""
    e = edges
    left = np.full(max_length, -1, dtype=np.int64)
    rows: list[list[_Row]] = [[] for _ in range(max_length)]
    if len(e.src) == 0:
        return rows, left, True
    ahead = best_walks(e.src, e.dst, e.ts, e.cost, e.index, e.n, max_length, strict)
    behind = best_walks(e.dst, e.src, -e.ts, e.cost, -e.index, e.n, max_length, strict)
    by_source = by_vertex(e.src, e.index, e.n)[1]
    by_label = np.lexsort((e.index, e.src, e.label)).astype(np.int64)
    label_ptr = np.zeros(int(e.label[-1]) + 2, dtype=np.int64)
    np.cumsum(np.bincount(e.label), out=label_ptr[1:])
    whole = True
    for r in range(1, max_length + 1):
        found, left[r - 1], stopped = _best(e, ahead, behind, by_source, r, k, strict, span, budget)
        whole = whole and not stopped
        for score, names in found:
            places = witness(
                e.src, e.dst, e.ts, e.cost, e.index, label_ptr, by_label,
                np.array(names, dtype=np.int64), score, strict, -1 if span is None else span,
            )  # fmt: skip
            rows[r - 1].append((score, names, tuple(e.index[places].tolist())))
    return rows, left, whole


def _best(
    e: Edges,
    ahead: Ints,
    behind: Ints,
    by_source: Ints,
    r: int,
    k: int,
    strict: bool,
    span: int | None,
    budget: int | None,
) -> tuple[list[tuple[int, tuple[int, ...]]], int, bool]:
    """Return ((grid score, labels) of the k best, most an absent one can score, stopped).

    A floor is guessed from the bounds of the first labels: all edges on walks below it are left
    out. If fewer than k paths reach it, it is lowered and the search run again.
    """
    begins = np.flatnonzero(np.diff(e.label, prepend=-1))
    tops = np.maximum.reduceat(ahead[r - 1], begins)
    tops = np.sort(tops[tops >= 0])[::-1]
    if len(tops) == 0:
        return [], -1, False
    wanted = _FIRST_ROUND
    before: dict[tuple[int, ...], int] = {}
    while True:
        floor = int(tops[wanted - 1]) if wanted < len(tops) else 0
        roots = np.flatnonzero(ahead[r - 1] >= floor).astype(np.int64)
        ptr = np.zeros((r, e.n + 1), dtype=np.int64)
        ids = [np.empty(0, dtype=np.int64)]
        for i in range(1, r):
            come, go = behind[i], ahead[r - i - 1]
            usable = (come >= 0) & (go >= 0) & (come + go - e.cost >= floor)
            ids.append(by_source[usable[by_source]])
            np.cumsum(np.bincount(e.src[ids[-1]], minlength=e.n), out=ptr[i, 1:])
            ptr[i] += sum(len(x) for x in ids[:-1])
        score, labels, found, _, left = branch(
            e.src, e.dst, e.ts, e.cost, e.label, e.twin, ahead, roots, ptr, np.concatenate(ids),
            r, k, floor, strict, -1 if span is None else span, -1 if budget is None else budget,
        )  # fmt: skip
        now = {tuple(labels[i].tolist()): int(score[i]) for i in range(found)}
        # A round cut short may have missed what an earlier, higher one found.
        for names, value in before.items():
            now[names] = max(value, now.get(names, -1))
        stopped = left >= 0
        if found == k or floor == 0 or stopped:
            best = sorted(((s, n) for n, s in now.items()), key=lambda row: (-row[0], row[1]))[:k]
            if len(best) == k:
                left = max(left, best[-1][0])
            if stopped and floor > 0 and len(best) < k:
                left = max(left, floor - 1)
            return best, left, stopped
        before = now
        wanted *= _WIDER


def _slices(e: Edges, span: int) -> list[Edges]:
    """Return parts by time so that each path within the span lies whole in at least one."""
    times = np.sort(e.ts)
    parts = []
    at = 0
    while at < len(times):
        if at + _CHUNK >= len(times):
            following = None
            keep = e.ts >= times[at]
        else:
            following = max(int(times[at + _CHUNK]), int(times[at]) + span + 1)
            keep = (e.ts >= times[at]) & (e.ts < following + span)
        parts.append(e if keep.all() else _part(e, keep))
        if following is None:
            break
        at = int(np.searchsorted(times, following))
    return parts


def _part(e: Edges, keep: Bools) -> Edges:
    place = np.where(keep, np.cumsum(keep) - 1, -1)
    ids = np.flatnonzero(keep)
    vertices, ends = np.unique(np.concatenate([e.src[ids], e.dst[ids]]), return_inverse=True)
    twin = e.twin[ids]
    return Edges(
        n=len(vertices),
        src=ends[: len(ids)].astype(np.int64),
        dst=ends[len(ids) :].astype(np.int64),
        ts=e.ts[ids],
        cost=e.cost[ids],
        label=e.label[ids],
        index=e.index[ids],
        twin=np.where(twin >= 0, place[twin], -1),
    )
