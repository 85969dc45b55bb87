"""What is told of an odd session: the messages it differs by, which add up to its distance."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from graphad.detect import Paths, Story
from graphad.detectors.relation_sessions import Sessions
from graphad.graph import Graph
from graphad.models.count_nearest import CountNearest

if TYPE_CHECKING:
    from graphad.detectors.relation_nearest import NearestDetector

Floats = npt.NDArray[np.float64]
Share = tuple[float, int, int]  # of a score, how often a message is here, and in the nearest
Ints = npt.NDArray[np.int64]

SHOWN = 5  # lines of a session
DIFFERENCE, OTHERS = "difference", "others"
NAMES = (DIFFERENCE, OTHERS)
_SAID = 80  # characters of a message
_REST = "rest"


def told_sessions(
    detector: "NearestDetector", graph: Graph, found: Sessions, order: Ints, score: Floats,
    z: Floats,
) -> Paths:  # fmt: skip
    """Return some sessions, in that order, as findings: each with the lines that make it so.

    A message's share of the distance is |a - b| of all max(a, b), and of the 1 for new messages
    what each has; a message is told by its first line. What is missing has no line: that is divided
    among those that are shown.
    """
    nearest = detector.nearest_
    assert nearest is not None
    events = np.full((len(order), SHOWN), -1)
    terms = np.zeros((len(order), SHOWN, len(NAMES)))
    length = np.zeros(len(order), np.int64)
    stories = []
    for i, s in enumerate(order.tolist()):
        parts = shares(nearest, found, s)
        where = found.of(s)
        lines, codes = found.line[where], found.event[where]
        first = {found.counts.events[codes[n]]: n for n in range(len(codes) - 1, -1, -1)}
        here = [name for name in parts if name in first][:SHOWN]
        shown = sorted(here, key=first.__getitem__) or [found.counts.events[codes[0]]]
        length[i] = len(shown)
        for place, name in enumerate(shown):
            events[i, place] = lines[first[name]]
            terms[i, place, 0] = parts.get(name, (0.0, 0, 0))[0]
        terms[i, : len(shown), 1] = (score[s] - terms[i, :, 0].sum()) / len(shown)
        stories.append(_story(detector, graph, found, s, parts, float(score[s])))
    return Paths(
        score[order], z[order], length, events, terms, NAMES, NAMES, stories=tuple(stories)
    )


def shares(
    nearest: CountNearest, found: Sessions, session: int
) -> dict[str, tuple[float, int, int]]:
    """Return what each message adds to a session's score, and how often it is here and there.

    They add up to the score, the largest first.
    """
    differ = nearest.explain(found.counts, session)
    one = found.counts.take([session])
    here = {one.events[e]: c for e, c in zip(one.event.tolist(), one.count.tolist(), strict=True)}
    there = {row.event: row.there for row in differ}
    most = sum(max(c, there.get(name, c)) for name, c in here.items())
    most += sum(row.there for row in differ if not row.here)
    known = set(nearest.events_)
    new = [name for name in here if name not in known]
    made = {}
    for row in differ:
        share = abs(row.here - row.there) / most
        share += 1.0 / len(new) if row.event not in known else 0.0
        made[row.event] = share, row.here, row.there
    return dict(sorted(made.items(), key=lambda item: (-item[1][0], item[0])))


def _story(
    detector: "NearestDetector", graph: Graph, found: Sessions, s: int,
    parts: dict[str, Share], score: float,
) -> Story:  # fmt: skip
    where = found.of(s)
    lines = found.line[where]
    messages = _messages(detector, graph, found, where)
    told = []
    for name, (share, here, there) in list(parts.items())[:SHOWN]:
        message = messages.get(name) or _short(detector.words_of(name))
        told.append((f"{message}: {here} here, {there} in the nearest", share))
    rest = score - sum(share for _, share in told)
    told += [(_REST, rest)] if abs(rest) > 1e-12 else []
    if detector.session:
        kind, title = detector.session, f"{detector.session} {found.value[s]}"
        words: tuple[str, ...] = (kind, str(found.value[s]))
    else:
        kind, title = "stretch", f"{found.host[s]} for {detector.window_s} s"
        words = (str(int(found.begin[s])), str(detector.window_s))
    title += f": {len(lines):,} line{'s' * (len(lines) != 1)}, odd by {told[0][0]}"
    return Story(
        f"session {kind}" if detector.session else kind, words, NAMES, len(lines),
        int(graph.ts[lines[0]]), int(graph.ts[lines[-1]]), learned=detector.sessions_, title=title,
        parts=tuple(told), measure="distance",
    )  # fmt: skip


def _messages(
    detector: "NearestDetector", graph: Graph, found: Sessions, where: slice
) -> dict[str, str]:
    """Return the words of the events of a session."""
    names = [found.counts.events[e] for e in found.event[where].tolist()]
    if detector.columns:
        return {name: _short(name) for name in names}
    labels = graph.labels[graph.dst[found.line[where]]]
    return {name: _short(str(label)) for name, label in zip(names, labels, strict=True)}


def _short(text: str) -> str:
    return text if len(text) <= _SAID else text[: _SAID - 1] + "…"
