"""Sessions or stretches of time whose messages are unlike those of quiet ones, by counts alone.

A session is as odd as its counts of messages are far from the nearest quiet ones (CountNearest),
and odder by 1 if it has a message that was never seen.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt

from graphad.detect import Paths, Search, Unit, Window, load_model, of_kind, save_model
from graphad.detectors.relation_messages import OfMessages
from graphad.detectors.relation_nearest_told import NAMES, told_sessions
from graphad.detectors.relation_sessions import Sessions, sessions_of
from graphad.errors import GraphadError, ModelError, NotFitted
from graphad.graph import HOUR, Graph, joined
from graphad.models.count_nearest import CountNearest
from graphad.models.event_counts import EventCounts
from graphad.models.tails import Tail

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

LEAST = 20  # sessions to learn from
_LEARNED = 0.8  # of the sessions; the rest says how far quiet ones are
_SLOPE = 0.02  # of the tail of quiet distances, at least
_SETTINGS = ("columns", "session", "window_s", "top")


@dataclass
class NearestDetector(OfMessages):
    """Scores sessions by the distance of their counts of messages to the nearest quiet ones.

    columns: of a table's records, the event first; without them text logs' lines are read. session:
    the type of value, or the column, that names a line's session; without it `window_s` of a host
    are one. top: findings.
    """

    name: ClassVar[str] = "relation"
    unit: ClassVar[Unit] = "window"
    model: ClassVar[Literal["nearest"]] = "nearest"

    session: str = ""
    window_s: int = 300
    top: int = 1000
    nearest_: CountNearest | None = field(default=None, repr=False)
    tail_: Tail | None = field(default=None, repr=False)
    sessions_: int = 0

    def __post_init__(self) -> None:
        """Refuse what makes no sense. Raises: GraphadError."""
        if not 1 <= self.window_s <= 3600 or 3600 % self.window_s:
            raise GraphadError("An hour is divided into stretches of 1 to 3600 s, without rest.")

    @property
    def fields(self) -> tuple[str, ...]:
        """Return the fields of records that graphs must have."""
        if self.columns and self.session:
            return tuple(dict.fromkeys((*self.columns, self.session)))
        return super().fields

    @property
    def slice_s(self) -> int | None:
        """Return 3600; a session takes any time, so a window of them is held whole."""
        return None if self.session else 3600

    def learn(self, window: Window) -> "NearestDetector":
        """Fit on the graphs of a window's parts."""
        if self.slice_s is None:
            return self.fit([window.graph(self.fields)])
        return self.fit(lambda: window.graphs(self.fields))

    def fit(self, graphs: Sequence[Graph] | Callable[[], Iterable[Graph]]) -> "NearestDetector":
        """Learn from graphs of quiet time, read twice: templates, then sessions.

        Raises: GraphadError: too few sessions.
        """
        again: Callable[[], Iterable[Graph]] = graphs if callable(graphs) else lambda: graphs
        self.forget_templates()
        self.nearest_, self.tail_, self.sessions_ = None, None, 0
        self.learn_templates(again)
        counts = EventCounts.joined([self.sessions(graph).counts for graph in again()])
        if len(counts) < LEAST:
            what = f"lines that name a {self.session}" if self.session else "lines of text"
            raise GraphadError(
                f"There are {len(counts)} sessions to learn from; it takes {LEAST}.",
                hint=f"Fit on a longer window of {what}.",
            )
        cut = int(len(counts) * _LEARNED)
        early = CountNearest(new_events=True).fit(counts.take(np.arange(cut)))
        self.tail_ = Tail.fit(early.score(counts.take(np.arange(cut, len(counts)))), _SLOPE)
        self.nearest_ = CountNearest(new_events=True).fit(counts)
        self.sessions_ = len(counts)
        return self

    def update(self, window: Window) -> "NearestDetector":
        """Refuse: quiet sessions are remembered as they were."""
        raise GraphadError("Nearest counts cannot be updated.", hint="Fit on the longer window.")

    @property
    def learned(self) -> dict[str, int]:
        """Return how many sessions there were."""
        return {f"{self.session or self.window_s} sessions": self.sessions_}

    def sessions(self, graph: Graph, chosen: Bools | None = None) -> Sessions:
        """Return the sessions of a graph; chosen [E]: of these events alone."""
        step = self.window_s * 1_000_000
        return sessions_of(graph, self.columns, self.ids_of, self.session, step, chosen)

    def scored(self, found: Sessions) -> tuple[Floats, Floats]:
        """Return score and z of sessions [S]. Raises: NotFitted."""
        if self.nearest_ is None or self.tail_ is None:
            raise NotFitted(self.name)
        if not len(found):
            return np.empty(0), np.empty(0)
        score = self.nearest_.score(found.counts)
        return score, self.tail_.z(score)

    def score(
        self, graph: Graph, *, inside: bool = False, covered: Bools | None = None,
        hosts: Iterable[str] | None = None, types: Iterable[str] | None = None,
    ) -> Paths:  # fmt: skip
        """Return the sessions that stand out most. hosts, types, inside, covered: see Detector.

        Raises: GraphadError: inside.
        """
        if inside:
            raise GraphadError(
                "Nearest counts cannot judge what they learned from.",
                hint="Give quiet logs by --baseline, or take --model surprisal.",
            )
        chosen = graph.among(hosts, types)
        if covered is not None:
            chosen &= ~covered
        found = self.sessions(graph, chosen)
        score, z = self.scored(found)
        order = np.lexsort((np.arange(len(z)), -score, -z))
        order = order[score[order] > 0][: self.top]
        return told_sessions(self, graph, found, order, score, z)

    def search(
        self, covered: Callable[[Graph], Bools | None] = lambda graph: None, *,
        inside: bool = False, hosts: Iterable[str] | None = None,
        types: Iterable[str] | None = None,
    ) -> Search:  # fmt: skip
        """Return a search for the findings of all slices."""
        held: list[Graph] = []
        told: list[Paths] = []
        while (part := (yield)) is not None:
            paths = self.score(part, inside=inside, covered=covered(part), hosts=hosts, types=types)
            if held:
                shift = len(held[0])
                moved = np.where(paths.events >= 0, paths.events + shift, -1)
                paths = together(told[0], paths, moved, self.top)
                part = joined([held[0], part])
            mine = np.zeros(len(part), bool)
            mine[paths.events[paths.events >= 0]] = True
            held, told = [part.subset(np.flatnonzero(mine)).used()], [paths.within(mine)]
        if not held:
            raise ValueError("There is no graph to score.")
        return held[0], told[0]

    def hourly(self, graph: Graph) -> Iterator[tuple[Graph, Paths]]:
        """Yield the sessions that began in each hour of each host, each by its first line."""
        found = self.sessions(graph)
        score, z = self.scored(found)
        of: dict[tuple[str, int], list[int]] = {}
        for s in np.lexsort((np.arange(len(z)), -score, -z)).tolist():
            of.setdefault((found.host[s], int(found.begin[s]) // HOUR), []).append(s)
        for mine in of.values():
            at = np.array(mine)
            bits = score[at][:, None, None]
            one = np.ones(len(at), np.int64)
            first = found.line[found.start[at]]
            yield graph, Paths(score[at], z[at], one, first[:, None], bits, NAMES[:1], ())

    def crossing(self, graph: Graph) -> Iterator[tuple[Graph, Paths]]:
        """Yield nothing: a session is told of by its first host."""
        yield from ()

    def z_of(self, kind: str, length: int, score: float) -> float:
        """Return the z of a session, had it this score."""
        if self.tail_ is None:
            raise NotFitted(self.name)
        return float(self.tail_.z(score))

    def save(self, folder: Path) -> None:
        """Write the fitted model."""
        if self.nearest_ is None or self.tail_ is None:
            raise NotFitted(self.name)
        told, arrays = self.nearest_.dump()
        about, scores = self.tail_.dump()
        settings = {name: getattr(self, name) for name in _SETTINGS} | {
            "model": self.model, "nearest": told, "tail": about, "sessions": self.sessions_,
        }  # fmt: skip
        held = {f"nearest/{name}": array for name, array in arrays.items()} | {"tail": scores}
        save_model(folder, self.name, settings, held, self.dumped())

    @classmethod
    def load(cls, folder: Path) -> "NearestDetector":
        """Return a model that `save` wrote. Raises: ModelError."""
        settings, arrays, texts = load_model(folder, cls.name)
        try:
            told = {name: settings[name] for name in _SETTINGS}
            made = cls(**told | {"columns": tuple(told["columns"])})
            made.nearest_ = CountNearest.restore(settings["nearest"], of_kind("nearest", arrays))
            made.tail_ = Tail.restore(settings["tail"], arrays["tail"])
            made.sessions_ = int(settings["sessions"])
            made.restore_templates(texts)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError,
                GraphadError) as error:  # fmt: skip
            raise ModelError(f"{folder} does not fit this version of graphad.") from error
        return made


def together(one: Paths, two: Paths, moved: Ints, top: int) -> Paths:
    """Return the best of two sets of findings; moved [P, L]: the events of the second."""
    stories = (*(one.stories or ()), *(two.stories or ()))
    both = Paths(
        np.concatenate([one.score, two.score]), np.concatenate([one.z, two.z]),
        np.concatenate([one.length, two.length]), np.concatenate([one.events, moved]),
        np.concatenate([one.terms, two.terms]), one.names, one.used, stories=stories,
    )  # fmt: skip
    order = np.lexsort((np.arange(len(both)), -both.score, -both.z))[:top]
    return both.take(order)
