"""Why an attack that is known was not found, or ranked low: the record, its links, its paths."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from graphad.detect import Paths
from graphad.detectors.path import SHOWN, PathDetector
from graphad.errors import GraphadError, UnknownName
from graphad.feedback import event_link
from graphad.graph import Graph
from graphad.judge import rfc3339
from graphad.models.path_through import best_through
from graphad.why_seen import History, fate, history, processes
from graphad.workspace_search import paths_wanted

Ints = npt.NDArray[np.int64]


class Through(msgspec.Struct):
    """The best path of one length through an event, and what it lacks.

    rank: among the distinct paths of this length, None if below the `searched` best ones that are
    known. last: score of the lowest of these. missing_z, missing_bits: how far it is from the
    threshold, 0 if past it, None without a calibration (or if no score of this length reaches it).
    """

    length: int
    score: float
    z: float
    path: list[str]
    rank: int | None
    searched: int
    last: float | None
    threshold: float | None
    missing_z: float | None
    missing_bits: float | None


class Event(msgspec.Struct):
    """An event of the record: its link, terms, rank among distinct links, and paths through it.

    low: the term by which the fewest links of the window are as unsurprising. usable: None, or why
    no path may use it.
    """

    source: int
    record: int
    ts: str
    link: str
    bits: float
    terms: dict[str, float]
    low: str | None
    history: History
    rank: int
    links: int
    usable: str | None
    marks: list[str]
    paths: list[Through]


class Answer(msgspec.Struct):
    """What became of what was asked for, in words, and its events, most surprising first."""

    asked: str
    fate: str
    model: str
    events: list[Event]
    more: int = 0  # events that were left out


@dataclass
class Window:
    """A scored window: E events, their terms, and the paths that `score` reports."""

    store: Any
    detector: PathDetector
    calibration: Any
    model: str
    graph: Graph
    inside: bool

    def __post_init__(self) -> None:
        self.coverage = self.store.coverage()
        covered = self.coverage.events(self.graph)
        self.covered = np.zeros(len(self.graph), bool) if covered is None else covered
        self.terms, self.label, self.mask = self.detector.edges(self.graph, self.inside, covered)
        self.bits = self.terms.sum(axis=1)
        self.paths: Paths = self.detector.score(self.graph, inside=self.inside, covered=covered)
        _, first = np.unique(self.label, return_index=True)
        self.link_bits, self.link_terms = self.bits[first], self.terms[first]
        reported: dict[int, dict[tuple[int, ...], float]] = {}
        for events, length, score in zip(
            self.paths.events, self.paths.length, self.paths.score, strict=True
        ):
            names = tuple(self.label[events[:length]].tolist())
            reported.setdefault(int(length), {})[names] = float(score)
        self.reported = reported

    def event(self, e: int) -> Event:
        """Return what is known of an event."""
        graph, bits = self.graph, float(self.bits[e])
        src, dst = graph.told
        u, v = src[e], dst[e]
        shape = (graph.shapes[v] or "") if graph.action[e] == "launch" else ""
        usable = None
        if graph.src[e] == graph.dst[e]:
            usable = "it begins and ends at one entity"
        elif not self.mask[e]:
            usable = f"no path joins {graph.types[u]} to {graph.types[v]}"
        return Event(
            source=int(graph.source[e]), record=int(graph.record[e]), ts=rfc3339(graph.ts[e]),
            link=_words(graph, e), bits=bits,
            terms={n: float(x) for n, x in zip(SHOWN, self.terms[e], strict=True) if x},
            low=self._low(e),
            history=history(
                self.detector.names_, f"{graph.types[u]} {graph.names[u]}", graph.action[e],
                f"{graph.types[v]} {graph.names[v]}", shape,
            ),
            rank=1 + int((self.link_bits > bits).sum()), links=len(self.link_bits),
            usable=usable, marks=self._marks(e), paths=[] if usable else self._through(e),
        )  # fmt: skip

    def _marks(self, e: int) -> list[str]:
        return self.coverage.lowering(event_link(self.graph, e)) if self.covered[e] else []

    def _low(self, e: int) -> str | None:
        """Return the term that is lowest for this link, compared with the window's links."""
        shares = {
            name: float((self.link_terms[:, t] <= self.terms[e, t]).mean())
            for t, name in enumerate(SHOWN)
            if np.ptp(self.link_terms[:, t]) > 0
        }
        return min(shares, key=lambda name: shares[name]) if shares else None

    def _through(self, e: int) -> list[Through]:
        src, dst = self.detector.ends(self.graph)
        span = self.detector.span_s
        return [
            self._path(score, events)
            for score, events in best_through(
                e, src, dst, self.graph.ts, self.bits, self.label,
                max_length=self.detector.max_length, strict=self.detector.strict,
                span=None if span is None else round(span * 1e6), mask=self.mask,
            )
        ]  # fmt: skip

    def _path(self, score: float, events: list[int]) -> Through:
        length = len(events)
        held = self.reported.get(length, {})
        names = tuple(self.label[events].tolist())
        # Another instance of the same path may score higher, as marks go by instances' names.
        score_of_path = max(score, held.get(names, score))
        above = sum(other > score_of_path for other in held.values())
        known = names in held or above < len(held) or len(held) < self.detector.top
        z = self._z(length, score)
        threshold = None if self.calibration is None else float(self.calibration.threshold)
        need = None if threshold is None else self._bits_for(length, score, threshold)
        return Through(
            length=length, score=score, z=z, path=[_words(self.graph, e) for e in events],
            rank=1 + above if known else None, searched=len(held),
            last=min(held.values(), default=None), threshold=threshold,
            missing_z=None if threshold is None else max(threshold - z, 0.0), missing_bits=need,
        )  # fmt: skip

    def _z(self, length: int, score: float) -> float:
        return float(self.detector.z(length, np.array([score]))[0])

    def _bits_for(self, length: int, score: float, threshold: float) -> float | None:
        """Return how many bits more reach a z, to a millionth; None if no score does."""
        if self._z(length, score) >= threshold:
            return 0.0
        more = 1.0
        while self._z(length, score + more) < threshold:
            more *= 2
            if more > 1e6:
                return None
        low, high = 0.0, more
        while high - low > 1e-6:
            middle = (low + high) / 2
            low, high = (
                (low, middle) if self._z(length, score + middle) >= threshold else (middle, high)
            )
        return high


def _words(graph: Graph, e: int) -> str:
    u, v = graph.src[e], graph.dst[e]
    detail = graph.details[v] if graph.action[e] in ("launch", "exec") else None
    ends = f"{graph.types[u]} {graph.names[u]} {graph.action[e]} {graph.types[v]} {graph.names[v]}"
    return f"{ends}: {detail}" if detail else ends


def source_number(store: Any, name: str) -> int:
    """Return the number of a source given by number, path or the unambiguous end of its path.

    Raises: UnknownName: there is none, or several.
    """
    near = [s.source for s in store.sources if s.path == name]
    near = near or [s.source for s in store.sources if str(s.source) == name]
    near = near or [s.source for s in store.sources if s.path.endswith("/" + name.lstrip("/"))]
    if len(near) != 1:
        raise UnknownName.among("source", name, [s.path for s in store.sources])
    return int(near[0])


def window(
    store: Any, *, model: str | None = None, start: Any = None, end: Any = None,
    sources: Iterable[int] | None = None, top: int = 0,
) -> Window:  # fmt: skip
    """Score a window as `Workspace.score` does, without keeping anything.

    A model without a calibration was fitted on what it scored, so events are judged without
    themselves, as `hunt` does.
    """
    detector, calibration, name = store.model(model)
    sources = None if sources is None else list(sources)
    graph = store.graph(start, end, sources=sources)
    second, _ = store.moments(start, end, sources)
    detector.top = max(detector.top, top, paths_wanted(second))
    return Window(store, detector, calibration, name, graph, calibration is None)


def why_record(window: Window, source: int, record: int, *, limit: int = 10) -> Answer:
    """Return what became of a record, and why its events score as they do."""
    asked = f"source {source} record {record}"
    graph = window.graph
    mine = np.flatnonzero((graph.source == source) & (graph.record == record))
    if len(mine):
        words = f"read: {len(mine)} event{'s' * (len(mine) != 1)} in the window"
    else:
        words = fate(window.store, graph, source, record)
    return _answer(window, asked, words, mine, limit)


def why_process(window: Window, name: str, host: str | None = None, *, limit: int = 10) -> Answer:
    """Return why the events of processes of a key, pid, path or program name score as they do.

    Raises: UnknownName: no process of the store is called so.
    """
    ids = processes(window.store, name, host)
    graph = window.graph
    hit = np.isin(graph.ids, np.array(sorted(ids), np.int64))
    told = graph.told
    mine = hit[graph.src] | hit[graph.dst] | hit[told[0]] | hit[told[1]]
    if host is not None:
        mine &= graph.host == host
    found = np.flatnonzero(mine)
    words = f"{len(ids)} process{'es' * (len(ids) != 1)}, {len(found)} events in the window"
    return _answer(window, f"process {name}", words, found, limit)


def _answer(window: Window, asked: str, fate: str, events: Ints, limit: int) -> Answer:
    """Return the answer for events, the first of each distinct link, most surprising first."""
    if limit < 1:
        raise GraphadError("The limit must be at least 1.")
    order = events[np.lexsort((events, -window.bits[events]))]
    _, first = np.unique(window.label[order], return_index=True)
    distinct = order[np.sort(first)]
    return Answer(
        asked, fate, window.model, [window.event(int(e)) for e in distinct[:limit]],
        max(len(distinct) - limit, 0),
    )  # fmt: skip
