"""A window of a store searched by several detectors, each part of it read once."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, cast

import numpy as np
import numpy.typing as npt

from graphad.detect import Detector, Search
from graphad.detect_search import Found, sought
from graphad.graph import Graph
from graphad.workspace_window import StoreWindow

if TYPE_CHECKING:
    from graphad.detectors.path import PathDetector

# Paths of each length that a day of logs deserves, for incidents are of many paths; and at most.
_PER_DAY, _MOST = 80, 4000


def paths_wanted(second: npt.NDArray[np.int64]) -> int:
    """Return how many paths of each length to search for, given the seconds [S] with events."""
    days = len(np.unique(second // 86_400))
    return min(_PER_DAY * days, _MOST)


def searched(
    detectors: Sequence[Detector], window: StoreWindow, search: Callable[[Detector], Search]
) -> tuple[list[Found], list[list[str]], float]:
    """Return what a search by each detector finds, notes on each, and the seconds of reading.

    Detectors that can search slices do so together; one that can't has a large window whole.
    """
    alone = [i for i, one in enumerate(detectors) if one.slice_s is None and window.large]
    together = [i for i in range(len(detectors)) if i not in alone]
    found: dict[int, Found] = {}
    notes: list[list[str]] = [[] for _ in detectors]
    reading = 0.0
    for group in [together, *([i] for i in alone)]:
        mine = [detectors[i] for i in group]
        each, took = sought([search(one) for one in mine], _parts(mine, window))
        found |= dict(zip(group, each, strict=True))
        reading += took
    for i in alone:
        notes[i].append(_held(detectors[i], window))
    return [found[i] for i in range(len(detectors))], notes, reading


def _parts(detectors: Sequence[Detector], window: StoreWindow) -> Iterator[Graph]:
    """Yield graphs of a window as all of some detectors score them."""
    if not detectors:
        return
    fields = tuple(dict.fromkeys(name for one in detectors for name in one.fields))
    units = [one.slice_s for one in detectors]
    if None in units:
        yield window.graph(fields)
    else:
        yield from window.graphs(fields, max(unit for unit in units if unit is not None))


def _held(detector: Detector, window: StoreWindow) -> str:
    """Return why a detector had a large window in memory at once."""
    why = "trees and sessions may take any time"
    if detector.name == "path":
        told = (
            "was fitted without --span" if cast("PathDetector", detector).scaled else "saw no path"
        )
        why = f"its model {told}"
    return f"all {window.events:,} events were held in memory at once, for {why}"
