"""The k most surprising distinct paths of each length, exactly, without enumerating paths.

A path is a chain of events forward in time that visits no instance twice; what it *is* is its
sequence of labels (source name, action, target name), so a routine that happens every minute is
one path. Two passes by time bound what any walk can score and leave out nearly all edges
(path_scan). On the rest branch and bound over label sequences finds the best (path_bounds,
path_branch), and a last search finds each one's first instance (path_witness). A floor is guessed
from the bounds, so that few edges are left; if fewer than k paths reach it, it is lowered.
Source: Dong et al., GID, 2016, section on the speed-up; the scheme is ours.
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from graphad.models.path_bounds import best_walks, by_vertex
from graphad.models.path_branch import branch
from graphad.models.path_edges import GRID, Edges, Events, cut, lay_out, prepared
from graphad.models.path_scan import reach
from graphad.models.path_witness import witnesses

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_FIRST_ROUND = 16  # labels that the floor lets begin a path
_WIDER = 8
_CHUNK = 200_000  # events of a time slice at most, if its time is more than the span,
_SLICE = 20_000  # and at least, or
_SPANS = 4  # so many spans: the shorter a slice, the closer are the bounds of walks
_DIRECT = 4_000  # so few events are searched without passes that leave out edges
_LEFT = 2_000  # edges that these passes shall leave at least
_LEFT_EACH = 10  # and for each path wanted


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


Found = tuple[int, tuple[int, ...], tuple[int, ...]]  # grid score, labels, edges


@dataclass(frozen=True)
class Search:
    """What is searched for; see top_paths."""

    max_length: int = 5
    k: int = 100
    strict: bool = False
    span: int | None = None
    budget: int | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.max_length <= 16 or self.k < 1:
            raise ValueError("max_length must be 1 to 16 and k at least 1.")
        if min(self.span or 0, self.budget or 0) < 0:
            raise ValueError("span and budget must not be negative.")


@dataclass
class Best:
    """The k best of each length among what was searched so far; parts may be added in any order.

    rows[r - 1]: label sequence to (grid score, edges); left[r - 1]: the most that an absent path
    may score on the grid, -1 if none is absent.
    """

    search: Search
    rows: list[dict[tuple[int, ...], tuple[int, tuple[int, ...]]]] = field(default_factory=list)
    left: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    exact: bool = True

    def __post_init__(self) -> None:
        self.rows = [{} for _ in range(self.search.max_length)]
        self.left = np.full(self.search.max_length, -1, dtype=np.int64)

    def add(self, length: int, found: list[Found], left: int) -> None:
        """Add the paths of one part: the best instance of a label sequence is the path."""
        rows = self.rows[length - 1]
        for score, names, edges in found:
            held = rows.get(names)
            if held is None or (-score, edges) < (-held[0], held[1]):
                rows[names] = (score, edges)
        if len(rows) > self.search.k:
            ranked = sorted(rows.items(), key=lambda row: (-row[1][0], row[0]))
            left = max(left, ranked[self.search.k][1][0])
            self.rows[length - 1] = dict(ranked[: self.search.k])
        self.left[length - 1] = max(self.left[length - 1], left)

    def least(self, length: int) -> int:
        """Return the score below which no path of `length` can enter any more."""
        rows = self.rows[length - 1]
        return min(score for score, _ in rows.values()) if len(rows) == self.search.k else 0

    def paths(self) -> PathSet:
        """Return what was found."""
        kept = [
            (score, names, edges)
            for rows in self.rows
            for names, (score, edges) in sorted(rows.items(), key=lambda r: (-r[1][0], r[0]))
        ]
        unseen = self.left.copy()
        for r, rows in enumerate(self.rows):
            if len(rows) == self.search.k:
                unseen[r] = max(unseen[r], self.least(r + 1))
        edges = np.full((len(kept), self.search.max_length), -1, dtype=np.int64)
        for i, (_, _, places) in enumerate(kept):
            edges[i, : len(places)] = places
        return PathSet(
            length=np.array([len(row[1]) for row in kept], dtype=np.int64),
            score=np.array([row[0] for row in kept], dtype=np.float64) / GRID,
            edges=edges,
            exact=self.exact,
            unseen=np.where(unseen < 0, -np.inf, unseen / GRID),
        )


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
    start: Bools | None = None,
    end: Bools | None = None,
    through: Bools | None = None,
    budget: int | None = None,
) -> PathSet:
    """Return the k best distinct simple paths of each length 1 to max_length.

    Shape: src, dst instance ids, ts microseconds (never falling), cost >= 0 (surprise; higher is
    rarer), label: all [E]; mask [E] keeps edges. Self loops are never used.
    start, end, through [E]: a path's first event, last event, at least one event must be among
    these. (For vertices S: isin(src, S), isin(dst, S), and either.)
    A path's times never fall (strict: always rise); with `span`, last - first <= span. Paths with
    the same labels are one path: the best-scoring instance, of equals the one whose edge numbers
    come first. Equal scores are ordered by labels. Costs are rounded to 2**-40 first (snap).
    budget: prefixes to try per length (and time slice, with span, and floor); no limit if None.

    Raises:
        ValueError: as `prepared`, or max_length, k, span or budget out of range.

    >>> found = top_paths(
    ...     np.array([0, 1]), np.array([1, 2]), np.array([5, 9]), np.array([1.0, 2.0]),
    ...     np.array([7, 8]), max_length=2)
    >>> found.score.tolist(), found.edges.tolist()
    ([2.0, 1.0, 3.0], [[1, -1], [0, -1], [0, 1]])
    """
    best = Best(Search(max_length, k, strict, span, budget))
    events = prepared(src, dst, ts, cost, label, mask, start, end, through)
    search_into(best, events)
    return best.paths()


def search_into(best: Best, events: Events, index: Ints | None = None) -> None:
    """Add the best paths of these events; index [input], if given, renames their edges.

    Renaming must keep the order. With a span the events are searched slice by slice, each of which
    overlaps the next by the span: every path lies whole in one, and few edges can pass the floor
    that those before have set.
    """
    span = best.search.span
    if span is None or len(events) <= _SLICE:
        _search(best, events, index)
        return
    times, at = events.ts, 0
    while at < len(times):
        if at + _SLICE >= len(times):
            _search(best, cut(events, at, len(times)), index)
            return
        following = max(int(times[at + _SLICE]), int(times[at]) + _SPANS * span)
        if at + _CHUNK < len(times):
            following = min(following, int(times[at + _CHUNK]))
        following = max(following, int(times[at]) + span + 1)
        upto = int(np.searchsorted(times, following + span))
        _search(best, cut(events, at, upto), index)
        at = int(np.searchsorted(times, following))


def _search(best: Best, events: Events, index: Ints | None) -> None:
    if len(events) == 0:
        return
    longest, size = best.search.max_length, len(events)
    whole = _Layout(best.search, lay_out(events), longest) if size <= _DIRECT else None
    if whole is not None:
        for r in range(1, longest + 1):
            _take(best, whole, r, best.least(r), index)
        return
    bounds = reach(
        events.src, events.dst, events.ts, events.cost, events.first, events.last, events.n,
        events.layer, longest, best.search.strict,
    )  # fmt: skip
    wanted = max(_LEFT, _LEFT_EACH * best.search.k)
    lengths = list(range(1, longest + 1))
    while lengths:
        floors = np.full(longest, -1, dtype=np.int64)
        for r in lengths:
            # With most edges left, a floor saves nothing and may cost another round.
            guess = bounds.floor(r, wanted) if wanted < size / 4 else 0
            floors[r - 1] = max(guess, best.least(r))
        ids, bits = bounds.passing(floors)
        again = []
        for r in lengths:
            among = ids[(bits >> np.uint32(r - 1)) & np.uint32(1) > 0]
            floor, least = int(floors[r - 1]), best.least(r)
            if len(among) < size / 4:
                layout = _Layout(best.search, lay_out(events, among), r)
            else:
                # Where hardly a floor helps, as with equal costs, all lengths share one layout.
                whole = layout = whole or _Layout(best.search, lay_out(events), longest)
            if not _take(best, layout, r, floor, index) and floor > least:
                again.append(r)
        lengths = again
        wanted *= _WIDER


class _Layout:
    """Edges as branch and bound needs them, with exact bounds for paths of up to `length` edges."""

    def __init__(self, search: Search, e: Edges, length: int) -> None:
        self.e = e
        self.ahead = best_walks(e, length, search.strict)
        self.behind = best_walks(e, length, search.strict, backward=True)
        self.by_source = by_vertex(e.src, e.index, e.n)[1]
        self.by_label = np.lexsort((e.index, e.src, e.label)).astype(np.int64)
        self.label_ptr = np.zeros((int(e.label[-1]) if len(e.label) else -1) + 2, dtype=np.int64)
        np.cumsum(np.bincount(e.label), out=self.label_ptr[1:])


def _take(best: Best, layout: _Layout, r: int, least: int, index: Ints | None) -> bool:
    """Add the best paths of r edges that score `least` or more; return whether it was enough.

    Enough is k paths, or that the budget ran out: then nothing below will be searched.
    """
    search, e = best.search, layout.e
    span = -1 if search.span is None else search.span
    found, left, stopped = _best(layout, search, r, least)
    score = np.array([row[0] for row in found], dtype=np.int64)
    names = np.array([row[1] for row in found], dtype=np.int64).reshape(-1, r)
    places = witnesses(
        e.src, e.dst, e.ts, e.cost, e.index, e.base, e.first, e.last, layout.label_ptr,
        layout.by_label, names, score, search.strict, span,
    )  # fmt: skip
    edges = e.index[places] if index is None else index[e.index[places]]
    rows: list[Found] = [
        (value, tuple(labels), tuple(path))
        for value, labels, path in zip(
            score.tolist(), e.kinds[names].tolist(), edges.tolist(), strict=True
        )
    ]
    enough = stopped or len(found) == search.k
    best.exact = best.exact and not stopped
    best.add(r, rows, left)
    return enough


def _best(
    layout: _Layout, search: Search, r: int, least: int
) -> tuple[list[tuple[int, tuple[int, ...]]], int, bool]:
    """Return ((grid score, labels) of the k best, most an absent one can score, stopped).

    Paths that score below `least` are not looked for. A floor is guessed from the bounds of the
    first labels: all edges on walks below it are left out. If fewer than k paths reach it, it is
    lowered and the search run again.
    """
    e, ahead, behind, k = layout.e, layout.ahead, layout.behind, search.k
    begins = np.flatnonzero(np.diff(e.label, prepend=-1))
    open_ = np.where(e.first, ahead[r - 1], -1)
    tops = np.maximum.reduceat(open_, begins) if len(begins) else open_
    tops = np.sort(tops[tops >= least])[::-1]
    if len(tops) == 0:
        return [], -1, False
    wanted = _FIRST_ROUND
    before: dict[tuple[int, ...], int] = {}
    while True:
        floor = max(int(tops[wanted - 1]) if wanted < len(tops) else 0, least)
        roots = np.flatnonzero(open_ >= floor).astype(np.int64)
        ptr = np.zeros((r, e.n + 1), dtype=np.int64)
        ids = [np.empty(0, dtype=np.int64)]
        for i in range(1, r):
            come, go = behind[i], ahead[r - i - 1]
            usable = (come >= 0) & (go >= 0) & (come + go - e.cost >= floor)
            ids.append(layout.by_source[usable[layout.by_source]])
            np.cumsum(np.bincount(e.src[ids[-1]], minlength=e.n), out=ptr[i, 1:])
            ptr[i] += sum(len(x) for x in ids[:-1])
        score, labels, found, _, left = branch(
            e.src, e.dst, e.ts, e.cost, e.label, e.twin, e.base, ahead, roots, ptr,
            np.concatenate(ids), r, k, floor, search.strict,
            -1 if search.span is None else search.span,
            -1 if search.budget is None else search.budget,
        )  # fmt: skip
        now = {tuple(labels[i].tolist()): int(score[i]) for i in range(found)}
        # A round cut short may have missed what an earlier, higher one found.
        for names, value in before.items():
            now[names] = max(value, now.get(names, -1))
        stopped = left >= 0
        if found == k or floor == least or stopped:
            best = sorted(((s, n) for n, s in now.items()), key=lambda row: (-row[0], row[1]))[:k]
            if len(best) == k:
                left = max(left, best[-1][0])
            if stopped and floor > 0 and len(best) < k:
                left = max(left, floor - 1)
            return best, left, stopped
        before = now
        wanted *= _WIDER
