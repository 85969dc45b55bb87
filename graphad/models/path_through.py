"""The best path of each length through one event, exactly, among the events near it."""

import numpy as np
import numpy.typing as npt

from graphad.models.path_search import top_paths

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


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

    Shape and rules are those of top_paths. Scores are sums of `cost` as snapped.

    Raises:
        ValueError: as top_paths.
    """
    near = _near(event, src, dst, ts, max_length, span)
    if mask is not None:
        near &= mask
    where = np.flatnonzero(near)
    found = top_paths(
        src[where], dst[where], ts[where], cost[where], label[where], max_length=max_length, k=1,
        strict=strict, span=span, through=where == event,
    )  # fmt: skip
    return [
        (float(score), where[places[places >= 0]].tolist())
        for score, places in zip(found.score, found.edges, strict=True)
    ]


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
