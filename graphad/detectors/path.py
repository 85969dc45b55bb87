"""The path detector: chains of events that each, by name, seldom happen.

Statistics are learned on names, over all hosts (`fit`); paths are searched on instances (`score`).
Source: Dong et al., GID, arXiv 1608.02639; shrinkage, smoothing and terms in bits are ours.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from graphad.detect import MARK, Paths, Search, Unit, Window, load_model, save_model
from graphad.detectors.path_names import Names
from graphad.detectors.path_terms import TERMS, USED, Mode, Scorer
from graphad.errors import GraphadError, ModelError, NotFitted
from graphad.graph import HOUR, Graph

Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]
Bools: TypeAlias = npt.NDArray[np.bool_]

SHOWN = (*TERMS, MARK)

# Between which types information can flow, one of them a process (GID 3.1), and the pairs that
# logons, services and tasks add.
ACTORS = frozenset({"process", "user", "session", "address", "host", "service", "task"})
_INHERITED = 0.95  # of a parent's surprise
# All that a user does meets in the user: a path may begin or end there, but not pass through.
HUBS = frozenset({"user", "host", "domain"})


@dataclass
class PathDetector:
    """Scores time-respecting simple paths by how surprising their links are.

    score = sum over the edges of their terms (path_terms), in bits. z compares paths of all lengths
    after a Box-Cox transform per length. mode "paper": -log2 [X(sender) A(transition) Y(receiver)],
    literally.
    """

    name: ClassVar[str] = "path"
    unit: ClassVar[Unit] = "path"

    mode: Mode = "default"
    max_length: int = 5
    top: int = 100  # distinct paths of each length
    restart: float = 0.2
    shrinkage: float = 10.0
    strict: bool = False
    span_s: float | None = None
    sample: int = 20_000
    least: int = 20
    robust: bool = False
    seed: int = 0
    names_: Names | None = field(default=None, repr=False)
    lengths_: dict[int, Any] = field(default_factory=dict, repr=False)
    # Of each length: how many paths its scale rests on, if those are all, the error of their mean.
    samples_: dict[int, dict[str, Any]] = field(default_factory=dict, repr=False)
    _scorer: Scorer | None = field(default=None, repr=False, compare=False)
    _last: tuple[Graph, bool, tuple[Floats, Ints, Bools]] | None = field(
        default=None, repr=False, compare=False
    )

    def fit(self, past: pa.Table, graphs: Iterable[Graph] = ()) -> "PathDetector":
        """Learn names from counts (schema.COUNTS), and each length's scale from graphs.

        The graphs are taken to be those that the counts are of. Of several no path is sampled that
        crosses from one to another; one is in memory at once if they come one by one.
        """
        self.names_, self._scorer, self._last = Names.fit(past), None, None
        self.lengths_, self.samples_ = {}, {}
        self._fit_lengths(graphs)
        return self

    @property
    def fields(self) -> tuple[str, ...]:
        """Return no field: paths are scored by names alone."""
        return ()

    def learn(self, window: Window) -> "PathDetector":
        """Fit on the counts of a window and the graphs of its parts."""
        return self.fit(window.counts(), window.graphs())

    def update(self, window: Window) -> "PathDetector":
        """Refuse: what a path model knows are counts, and a store adds those up by itself."""
        raise GraphadError(
            "A path model cannot be updated.", hint="Fit it on the longer window: graphad fit."
        )

    @property
    def learned(self) -> dict[str, int]:
        """Return how many distinct relations are known."""
        return {} if self.names_ is None else {"relations": len(self.names_.n)}

    @property
    def regime(self) -> str:
        """Return nothing: there is no choice."""
        return ""

    @property
    def agreement(self) -> dict[str, float]:
        """Return nothing: scores are exact."""
        return {}

    def score(
        self, graph: Graph, *, inside: bool = False, covered: Bools | None = None,
        hosts: Iterable[str] | None = None, types: Iterable[str] | None = None,
    ) -> Paths:  # fmt: skip
        """Return the highest scoring distinct paths of each length; changes nothing.

        hosts, types: only events of these hosts, and between entities of these types.
        inside: the graph is one that the fit counted; each event is then judged without itself.
        covered: events [E] that count 0 bits; lengths keep the scale that they have without.
        A detector that has seen no graph takes each length's scale from this one.
        """
        from graphad.models.path_search import top_paths

        if self.names_ is None:
            raise NotFitted(self.name)
        if not self.scaled and len(graph):
            self = self._scaled_by(graph, inside)
        assert self.names_ is not None
        table, label, mask = self._told(graph, inside)
        mask = mask & graph.among(hosts, types)
        if not mask.any():
            none = np.empty((0, self.max_length))
            return Paths(
                np.empty(0), np.empty(0), np.empty(0, np.int64), none.astype(np.int64),
                np.empty((0, self.max_length, len(SHOWN))), SHOWN, USED[self.mode],
            )  # fmt: skip
        src, dst = self.ends(graph)
        cost = table.sum(axis=1)[label]
        if covered is not None:
            cost[covered] = 0.0
        found = top_paths(
            src, dst, graph.ts, cost, label, max_length=self.max_length, k=self.top,
            strict=self.strict, span=self.span_us, mask=mask,
        )  # fmt: skip
        held = np.maximum(found.edges, 0)
        off = None if covered is None else covered[held]
        parts = np.where(found.edges[..., None] >= 0, _taken(table, label[held], off), 0.0)
        score = parts.sum(axis=(1, 2))
        z = np.empty(len(score))
        for r in np.unique(found.length):
            mine = found.length == r
            z[mine] = self.z(int(r), score[mine])
        order = np.lexsort((np.arange(len(z)), -score, -z))
        return Paths(
            score[order], z[order], found.length[order], found.edges[order], parts[order],
            SHOWN, USED[self.mode], found.exact,
        )  # fmt: skip

    @property
    def slice_s(self) -> int | None:
        """Return 1 if windows can be scored in slices, which needs a span and scaled lengths."""
        return 1 if self.span_s is not None and self.scaled else None

    def search(
        self, covered: Callable[[Graph], Bools | None] = lambda graph: None, *,
        inside: bool = False, hosts: Iterable[str] | None = None,
        types: Iterable[str] | None = None,
    ) -> Search:  # fmt: skip
        """Return a search for the paths of all slices, see path_slices."""
        from graphad.detectors.path_slices import path_search

        return path_search(self, covered, inside=inside, hosts=hosts, types=types)

    def hourly(self, graph: Graph) -> Iterator[tuple[Graph, Paths]]:
        """Yield the paths of each hour of each host, with the graph of its events."""
        host_of, hosts = graph.hosts
        for h in range(len(hosts)):
            # Each part has its own entities alone: those of all, at each hour, would be most work.
            mine = graph.subset(np.flatnonzero(host_of == h)).used()
            hour = mine.ts // HOUR
            for one in np.unique(hour):
                part = mine.subset(np.flatnonzero(hour == one)).used()
                yield part, self.score(part)

    def crossing(self, graph: Graph) -> Iterator[tuple[Graph, Paths]]:
        """Yield the paths of each hour in which several hosts had events."""
        hour = graph.ts // HOUR
        for one in np.unique(hour):
            part = graph.subset(np.flatnonzero(hour == one))
            if len(set(part.host)) > 1:
                yield part, self.score(part)

    @property
    def scaled(self) -> bool:
        """Say whether the scale of lengths is known, and not taken from each graph it scores."""
        return bool(self.lengths_)

    def forget(self) -> None:
        """Let go of the graph that was scored last, which is else kept to be scored again."""
        self._last = None

    def event_terms(self, graph: Graph, *, inside: bool = False) -> Floats:
        """Return the terms [E, T] of every event by TERMS, in bits."""
        table, label, _ = self._told(graph, inside)
        return table[label]

    def origins(self, graph: Graph, *, inside: bool = False) -> Floats:
        """Return how suspicious the origin of each entity is, [N] bits; 0 for one not launched.

        It is the surprise of the launch, or that of an ancestor's launch if that is larger, a
        little less with each generation: what an odd process starts is odd however common it is.
        """
        bits = self.event_terms(graph, inside=inside).sum(axis=1)
        found = np.zeros(len(graph.ids))
        for e in np.flatnonzero(graph.action == "launch"):  # in time order, parents first
            u, v = graph.src[e], graph.dst[e]
            found[v] = max(found[v], bits[e], _INHERITED * found[u])
        return found

    def save(self, folder: Path) -> None:
        """Write the fitted model."""
        if self.names_ is None:
            raise NotFitted(self.name)
        settings = {k: getattr(self, k) for k in self._settings()}
        arrays, texts = self.names_.dump()
        lengths = {str(r): fitted.to_json() for r, fitted in self.lengths_.items()}
        samples = {str(r): drawn for r, drawn in self.samples_.items()}
        settings |= {"lengths": lengths, "samples": samples}
        save_model(folder, self.name, settings, arrays, texts)

    @classmethod
    def load(cls, folder: Path) -> "PathDetector":
        """Return a model that `save` wrote. Raises: ModelError."""
        from graphad.models.boxcox import BoxCox

        settings, arrays, texts = load_model(folder, cls.name)
        try:
            lengths, samples = settings.pop("lengths"), settings.pop("samples")
            made = cls(**settings)
            made.samples_ = {int(r): drawn for r, drawn in samples.items()}
            made.names_ = Names.restore(arrays, texts)
            made.lengths_ = {int(r): BoxCox.from_json(fitted) for r, fitted in lengths.items()}
        except (TypeError, KeyError, ValueError, AttributeError) as error:
            raise ModelError(f"{folder} does not fit this version of graphad.") from error
        return made

    @property
    def span_us(self) -> int | None:
        """Return the longest time a path may take, in microseconds; None is any."""
        return None if self.span_s is None else round(self.span_s * 1e6)

    def edges(
        self, graph: Graph, inside: bool = False, covered: Bools | None = None
    ) -> tuple[Floats, Ints, Bools]:
        """Return each event's terms [E, T] by SHOWN, its label [E], and if a path may use it."""
        table, label, mask = self._told(graph, inside)
        return _taken(table, label, covered), label, mask

    def _told(self, graph: Graph, inside: bool) -> tuple[Floats, Ints, Bools]:
        """Return the terms of each label [D, T] by TERMS, then label and use of each event [E].

        The last answer is kept: a hunt scales lengths by a graph and then searches the same one.
        """
        if self.names_ is None:
            raise NotFitted(self.name)
        if self._last is not None and self._last[0] is graph and self._last[1] == inside:
            return self._last[2]
        if self._scorer is None:
            self._scorer = Scorer(self.names_, self.mode, self.shrinkage, self.restart)
        table, label = self._scorer.events(graph, inside)
        acts = graph.are(ACTORS)
        told = table, label, acts[graph.src] | acts[graph.dst]
        self._last = graph, inside, told
        return told

    def ends(self, graph: Graph) -> tuple[Ints, Ints]:
        """Return both ends of the events, a hub being another vertex as an end than as a start."""
        if self.mode == "paper":
            return graph.src, graph.dst
        hub = graph.are(HUBS)
        return graph.src, np.where(hub[graph.dst], graph.dst + len(graph.ids), graph.dst)

    def _scaled_by(self, graph: Graph, inside: bool) -> "PathDetector":
        twin = PathDetector(**{k: getattr(self, k) for k in self._settings()})
        twin.names_, twin._scorer = self.names_, self._scorer
        twin._fit_lengths([graph], inside)
        return twin

    def _settings(self) -> list[str]:
        return [f.name for f in fields(self) if not f.name.startswith("_") and f.name[-1] != "_"]

    def _fit_lengths(self, graphs: Iterable[Graph], inside: bool = True) -> None:
        from graphad.models.boxcox import fit_lengths

        drawn: dict[int, list[Any]] = {r: [] for r in range(1, self.max_length + 1)}
        for graph in graphs:
            self.forget()
            for r, one in self._drawn(graph, inside).items():
                drawn[r].append(one)
            self.forget()
            del graph  # the next one is made while we hold this
        scores = {r: np.concatenate([one.score for one in q]) for r, q in drawn.items() if q}
        if not scores:
            return
        self.lengths_ = fit_lengths(scores, least=self.least, robust=self.robust)
        self.samples_ = {
            r: {
                "paths": len(scores[r]), "whole": all(one.whole for one in q),
                "error": max(one.error for one in q),
            }
            for r, q in drawn.items() if q
        }  # fmt: skip

    def _drawn(self, graph: Graph, inside: bool) -> dict[int, Any]:
        """Return a sample of the paths of each length of a graph; of none if it has no event."""
        from graphad.models.path_sample import sample_lengths

        if not len(graph):
            return {}
        table, label, mask = self._told(graph, inside)
        if not mask.any():
            return {}
        src, dst = self.ends(graph)
        return sample_lengths(
            src, dst, graph.ts, table.sum(axis=1)[label], label,
            lengths=range(1, self.max_length + 1), size=self.sample, seed=self.seed,
            strict=self.strict, span=self.span_us, mask=mask,
        )  # fmt: skip

    def z_of(self, kind: str, length: int, score: float) -> float:
        """Return the z of a path of one length, had it this score."""
        return float(self.z(length, np.array([score]))[0])

    def z(self, length: int, score: Floats) -> Floats:
        """Return how far scores [P] of paths of one length stand out, as `score` gives it."""
        if not self.lengths_:
            return score
        fitted = self.lengths_.get(length) or self.lengths_[max(self.lengths_)]
        z: Floats = fitted.z(score)
        return z


def _taken(table: Floats, label: Ints, covered: Bools | None) -> Floats:
    """Return the terms [..., T] by SHOWN of labels [...]; what is covered is taken down to 0."""
    terms = np.concatenate([table, np.zeros((len(table), 1))], axis=1)[label]
    if covered is not None:
        terms[covered, -1] = 0.0 - terms[covered].sum(axis=-1)
    return terms
