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

from graphad.models.path_bounds import GRID, Edges, best_walks, lay_out
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
