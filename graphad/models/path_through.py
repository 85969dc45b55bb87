"""The best path of each length through one event, exactly, by the search for the best of all."""

import numpy as np
import numpy.typing as npt

from graphad.models.path_bounds import lay_out, snap
from graphad.models.path_search import top_paths

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_ALONE = 2.0**16  # more than a path without the event can score


def best_through(
    event: int,
    src: Ints,
    dst: Ints,
    ts: Ints,
    cost: Floats,
    label: Ints,
    *,
    max_length: int = 5,
    strict: bool = False,
    span: int | None = None,
    mask: Bools | None = None,
) -> list[tuple[float, list[int]]]:
    """Return (score, events) of the best simple path through an event, for each length there is.

    Shape and rules are those of top_paths. The event is made so dear that every best path must use
    it, which a simple path does once, so they are ordered as without. Scores are sums of `cost`.

    Raises:
        ValueError: as top_paths; or the costs are too high for that, 2**16 in max_length events.
    """
    lay_out(src, dst, ts, cost, label, mask)
    if len(cost) and max_length * float(np.max(cost)) >= _ALONE:
        raise ValueError("The costs are too high to find paths through one event.")
    if (mask is not None and not mask[event]) or src[event] == dst[event]:
        return []
    dear = np.array(cost, np.float64)
    dear[event] += _ALONE
    near = _near(event, src, dst, ts, max_length, span)
    if mask is not None:
        near &= mask
    where = np.flatnonzero(near)
    found = top_paths(
        src[where], dst[where], ts[where], dear[where], label[where],
        max_length=max_length, k=1, strict=strict, span=span,
    )  # fmt: skip
    best = []
    for places in found.edges:
        events = where[places[places >= 0]].tolist()
        if event in events:
            best.append((float(snap(cost[events]).sum()), events))
    return best


def _near(event: int, src: Ints, dst: Ints, ts: Ints, hops: int, span: int | None) -> Bools:
    """Return the events [E] that can stand on a path of up to `hops` events with this one."""
    if span is None:
        late, early = ts >= ts[event], ts <= ts[event]
    else:
        late = (ts >= ts[event]) & (ts - ts[event] <= span)
        early = (ts <= ts[event]) & (ts[event] - ts <= span)
    found = np.zeros(len(src), bool)
    found[event] = True
    for begin, end, side, start in ((src, dst, late, dst[event]), (dst, src, early, src[event])):
        vertices = np.array([start])
        for _ in range(hops - 1):
            step = side & np.isin(begin, vertices)
            found |= step
            vertices = np.union1d(vertices, end[step])
    return found
