"""What is told of a unit: the events that make it odd, its parts by name, its title."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from graphad.detect import Paths, Story
from graphad.detectors.window_features import Nodes
from graphad.detectors.window_occlusion import SHOWN, telling_events
from graphad.detectors.window_units import Units
from graphad.graph import Graph

if TYPE_CHECKING:
    from graphad.detectors.window import WindowDetector

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

PARTS = 5  # of a score that are told by name
REST = "rest"
SHARE, OCCLUSION, OTHERS = "share", "occlusion", "others"
NAMES = (SHARE, OCCLUSION, OTHERS)


def told_units(
    detector: "WindowDetector", graph: Graph, found: Units, score: Floats, z: Floats, inside: bool
) -> Paths:
    """Return units as findings: each with its telling events, whose terms add up to its score.

    An event's own term is its share of the score where nodes have parts, else by how much the score
    falls without it; what all others say is divided among those that are shown.
    """
    nodes = detector.nodes(graph, found, inside)
    told = detector.judge.told(nodes.batch, inside)
    if told.nodes is None:
        events, own = telling_events(detector, graph, found, score, inside)
        term = OCCLUSION
    else:
        events, own = shared_events(found, nodes, told.nodes, detector.rare(graph, inside))
        term = SHARE
    there = events >= 0
    length = there.sum(axis=1)
    others = np.where(there, ((score - own.sum(axis=1)) / np.maximum(length, 1))[:, None], 0.0)
    terms = np.zeros((*events.shape, len(NAMES)))
    terms[:, :, NAMES.index(term)], terms[:, :, NAMES.index(OTHERS)] = own, others
    used = term, OTHERS
    stories = tuple(
        _story(detector, graph, found, u, _parts(mine, float(whole)), used)
        for u, (mine, whole) in enumerate(zip(told.parts, score, strict=True))
    )
    return Paths(score, z, length, events, terms, NAMES, used, True, stories)


def shared_events(found: Units, nodes: Nodes, part: Floats, rare: Floats) -> tuple[Ints, Floats]:
    """Return events of each unit [U, SHOWN], -1 padded, and the shares of its score they have.

    part [N]: what each node adds. It is divided evenly among the pairs of entities it is in, so
    those of all pairs add up to those of all nodes; a pair is told by its first event. Told are
    those with large shares and rare names: rare [entities], see Rarity.
    """
    events = np.full((len(found), SHOWN), -1)
    share = np.zeros((len(found), SHOWN))
    ends = np.stack([nodes.at_src, nodes.at_dst])
    pairs, first = np.unique(ends, axis=1, return_index=True)
    twice = pairs[0] != pairs[1]
    count = np.bincount(pairs[0], minlength=len(part)) + np.bincount(
        pairs[1][twice], minlength=len(part)
    )
    each = part / np.maximum(count, 1)
    worth = each[pairs[0]] + np.where(twice, each[pairs[1]], 0.0)
    unit = found.unit[first]
    named = rare[nodes.entity]
    odd = worth * np.maximum(named[pairs[0]], named[pairs[1]])
    order = np.lexsort((first, -odd, unit))
    begin = np.searchsorted(unit[order], np.arange(len(found) + 1))
    for u in range(len(found)):
        mine = order[begin[u] : begin[u + 1]][:SHOWN]
        events[u, : len(mine)] = found.event[first[mine]]
        share[u, : len(mine)] = worth[mine]
    return events, share


def _parts(parts: dict[str, float], score: float) -> dict[str, float]:
    """Return the largest parts of a score by name, and the rest; they add up to it."""
    names = sorted(parts, key=lambda name: (-abs(parts[name]), name))[:PARTS]
    mine = {name: parts[name] for name in names if parts[name]}
    return mine | {REST: score - sum(mine.values())}


def _story(
    detector: "WindowDetector", graph: Graph, found: Units, u: int,
    parts: dict[str, float], used: tuple[str, ...],
) -> Story:  # fmt: skip
    """Return what a unit says of itself."""
    events = found.events(u)
    root = int(found.root[u])
    start, end = int(graph.ts[events[0]]), int(graph.ts[events[-1]])
    words: tuple[str, ...]
    if root < 0:
        words = (str(int(found.begin[u])), str(detector.length_s))
        title = f"{found.host[u]} for {detector.length_s // 60} min"
    else:
        words = (graph.names[root], graph.shapes[root] or "", str(start))
        title = f"{detector.of} of {graph.labels[root] or graph.names[root]}"
    odd = max(parts, key=lambda name: (name != REST, parts[name]))
    title += f": {len(events):,} event{'s' * (len(events) != 1)}, odd by its {odd}"
    return Story(
        detector.of, words, used, len(events), start, end, title=title,
        parts=tuple(parts.items()), measure=detector.judge.measure,
    )  # fmt: skip
