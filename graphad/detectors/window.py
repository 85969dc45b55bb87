"""The window detector: a host's hour, a process tree or a session that is unlike quiet ones.

Without labels: how far a unit's spectra lie from those of quiet ones (models/spectral_one_class).
Source of the spectral view: Dong et al., RQGNN, ICLR 2024 (arXiv 2310.02861).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from graphad.detect import MARK, Paths, Story, Unit, Window, load_model, save_model
from graphad.detectors.window_features import FEATURES, Rarity, counted, names_of, nodes_of
from graphad.detectors.window_occlusion import telling_events
from graphad.detectors.window_units import UnitKind, Units, units
from graphad.errors import GraphadError, ModelError, NotFitted
from graphad.graph import HOUR, Graph
from graphad.models.graph_batch import GraphBatch
from graphad.models.spectral_one_class import SpectralOneClass
from graphad.models.tails import Tail

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

LEAST = 20  # quiet units
_SLOPE = 0.1  # of the tail of their scores, of which 1 is the median
PARTS = 5  # of a score that are told by name
REST, OCCLUSION = "rest", "occlusion"
NAMES = (OCCLUSION, MARK)


@dataclass
class WindowDetector:
    """Scores whole units by how unlike quiet ones their graphs' spectra are; 1 is usual.

    of: what a unit is; length_s: of a host's stretch of time; most: quiet units to remember.
    """

    name: ClassVar[str] = "window"
    unit: ClassVar[Unit] = "window"

    of: UnitKind = "host"
    length_s: int = 3600
    top: int = 100
    most: int = 4096
    model_: SpectralOneClass | None = field(default=None, repr=False)
    rarity_: Rarity | None = field(default=None, repr=False)
    tail_: Tail | None = field(default=None, repr=False)
    _last: tuple[Graph, dict[bool, Floats]] | None = field(
        default=None, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        """Refuse what makes no sense. Raises: GraphadError."""
        if self.of not in ("host", "tree", "session"):
            raise GraphadError("A unit is a host, a tree or a session.")
        if not 60 <= self.length_s <= 86_400 or 86_400 % self.length_s:
            raise GraphadError("A host's day is divided into parts of 60 s to a day, without rest.")

    @property
    def fields(self) -> tuple[str, ...]:
        """Return no field."""
        return ()

    @property
    def slice_s(self) -> int | None:
        """Return of how many seconds slices must be whole; trees and sessions take any time."""
        return max(self.length_s, 3600) if self.of == "host" else None

    def learn(self, window: Window) -> "WindowDetector":
        """Fit on the units of a window's parts."""
        if self.slice_s is None:
            return self.fit([window.graph()])
        return self.fit(lambda: window.graphs((), self.slice_s or 3600))

    def fit(self, graphs: Sequence[Graph] | Callable[[], Iterable[Graph]]) -> "WindowDetector":
        """Learn from graphs of quiet time, read twice: names, then at most `most` units, evenly.

        Raises: GraphadError: too few units.
        """
        again: Callable[[], Iterable[Graph]] = graphs if callable(graphs) else lambda: graphs
        names, count = [], 0
        for graph in again():
            found = units(graph, self.of, self.length_s)
            names.append(counted(graph, found))
            count += len(found)
        if count < LEAST:
            raise GraphadError(
                f"There are {count} units to learn from; it takes {LEAST}.",
                hint="Fit on a longer window, or on shorter parts: --length.",
            )
        self.rarity_, self._last = Rarity.fit(names, count), None
        some = np.unique(np.linspace(0, count - 1, min(self.most, count)).astype(np.int64))
        batches, before = [], 0
        for graph in again():
            found = units(graph, self.of, self.length_s)
            mine = some[(some >= before) & (some < before + len(found))] - before
            before += len(found)
            if len(mine):
                batches.append(self.batch(graph, found.take(mine), inside=True))
            self.forget()
        self.model_ = SpectralOneClass(most=self.most).fit(GraphBatch.joined(batches))
        assert self.model_.told_ is not None
        self.tail_ = Tail.fit(self.model_.told_, least=_SLOPE)
        return self

    def update(self, window: Window) -> "WindowDetector":
        """Refuse: quiet units are remembered as they were."""
        raise GraphadError("A window model cannot be updated.", hint="Fit it on the longer window.")

    @property
    def learned(self) -> dict[str, int]:
        """Return how many quiet units there were."""
        return {} if self.rarity_ is None else {f"{self.of} units": self.rarity_.units}

    @property
    def agreement(self) -> dict[str, float]:
        """Return nothing: scores are exact."""
        return {}

    def batch(self, graph: Graph, found: Units, inside: bool = False) -> GraphBatch:
        """Return the graphs of units; inside: the fit has counted them."""
        nodes = nodes_of(graph, found, self.rare(graph, inside))
        return GraphBatch.of(nodes.sizes, nodes.src, nodes.dst, nodes.features, nodes.weight)

    def rare(self, graph: Graph, inside: bool = False) -> Floats:
        """Return how rare the names of a graph's entities [N] are; the last graph's are kept."""
        if self.rarity_ is None:
            raise NotFitted(self.name)
        if self._last is None or self._last[0] is not graph:
            self._last = graph, {}
        known = self._last[1]
        if inside not in known:
            known[inside] = self.rarity_.of(names_of(graph), inside)
        return known[inside]

    def forget(self) -> None:
        """Let go of the graph that was looked at last."""
        self._last = None

    def scored(self, graph: Graph, found: Units, inside: bool = False) -> tuple[Floats, Floats]:
        """Return score and z of units [U]."""
        if self.model_ is None or self.tail_ is None:
            raise NotFitted(self.name)
        if not len(found):
            return np.empty(0), np.empty(0)
        score = self.model_.score(self.batch(graph, found, inside))
        return score, self.tail_.z(score)

    def score(
        self, graph: Graph, *, inside: bool = False, covered: Bools | None = None,
        hosts: Iterable[str] | None = None, types: Iterable[str] | None = None,
    ) -> Paths:  # fmt: skip
        """Return the units that stand out most, each with the events that make it so.

        hosts, types: only events of and between these make units up; covered ones are left out.
        """
        chosen = graph.among(hosts, types)
        if covered is not None:
            chosen &= ~covered
        part = graph if chosen.all() else graph.subset(np.flatnonzero(chosen))
        place = np.flatnonzero(chosen)
        found = units(part, self.of, self.length_s)
        score, z = self.scored(part, found, inside)
        order = np.lexsort((np.arange(len(z)), -score, -z))[: self.top]
        found, score, z = found.take(order), score[order], z[order]
        events, share = telling_events(self, part, found, score, inside)
        told = self._parts(part, found, score, inside)
        terms = np.stack([share, np.zeros_like(share)], axis=2)
        stories = tuple(_story(self, part, found, i, parts) for i, parts in enumerate(told))
        length = (events >= 0).sum(axis=1)
        where = np.where(events >= 0, place[np.maximum(events, 0)], -1) if len(place) else events
        return Paths(score, z, length, where, terms, NAMES, (OCCLUSION,), True, stories)

    def best(
        self, slices: Iterable[Graph],
        covered: Callable[[Graph], Bools | None] = lambda graph: None, *, inside: bool = False,
        hosts: Iterable[str] | None = None, types: Iterable[str] | None = None,
    ) -> tuple[Graph, Paths]:  # fmt: skip
        """Return the findings of all slices and the graph of their events, see window_slices."""
        from graphad.detectors.window_slices import best_units

        return best_units(self, slices, covered, inside=inside, hosts=hosts, types=types)

    def hourly(self, graph: Graph) -> Iterator[tuple[Graph, Paths]]:
        """Yield the units that began in each hour of each host, each by its first event."""
        found = units(graph, self.of, self.length_s)
        score, z = self.scored(graph, found)
        self.forget()
        first = found.event[found.start[:-1]]
        keys = [(h, int(ts) // HOUR) for h, ts in zip(found.host, found.begin, strict=True)]
        of: dict[tuple[str, int], list[int]] = {}
        for u in np.lexsort((np.arange(len(z)), -z)).tolist():
            of.setdefault(keys[u], []).append(u)
        for mine in of.values():
            at = np.array(mine)
            bits = score[at][:, None, None]
            one = np.ones(len(at), np.int64)
            yield graph, Paths(score[at], z[at], one, first[at][:, None], bits, (OCCLUSION,), ())

    def crossing(self, graph: Graph) -> Iterator[tuple[Graph, Paths]]:
        """Yield nothing: a unit is of one host."""
        yield from ()

    def z_of(self, kind: str, length: int, score: float) -> float:
        """Return the z of a unit, had it this score."""
        if self.tail_ is None:
            raise NotFitted(self.name)
        return float(self.tail_.z(score))

    def _parts(
        self, graph: Graph, found: Units, score: Floats, inside: bool
    ) -> list[dict[str, float]]:
        """Return the largest parts of each score by name, and the rest; they add up to it."""
        if not len(found) or self.model_ is None:
            return []
        parts = self.model_.parts(self.batch(graph, found, inside))
        titles = [column.title(FEATURES) for column in self.model_.columns]
        told = []
        for row, whole in zip(parts, score, strict=True):
            most = np.argsort(-row, kind="stable")[:PARTS]
            mine = {titles[i]: float(row[i]) for i in most if row[i] > 0}
            told.append(mine | {REST: float(whole) - sum(mine.values())})
        return told

    def save(self, folder: Path) -> None:
        """Write the fitted model."""
        if self.model_ is None or self.rarity_ is None or self.tail_ is None:
            raise NotFitted(self.name)
        told, arrays = self.model_.dump()
        about, scores = self.tail_.dump()
        settings = {
            "of": self.of, "length_s": self.length_s, "top": self.top, "most": self.most,
            "model": told, "tail": about, "units": self.rarity_.units, "features": list(FEATURES),
        }  # fmt: skip
        held = {f"model:{name}": array for name, array in arrays.items()}
        held |= {"met": self.rarity_.met, "tail": scores}
        save_model(folder, self.name, settings, held, {"words": self.rarity_.words})

    @classmethod
    def load(cls, folder: Path) -> "WindowDetector":
        """Return a model that `save` wrote. Raises: ModelError."""
        settings, arrays, texts = load_model(folder, cls.name)
        try:
            made = cls(**{n: settings[n] for n in ("of", "length_s", "top", "most")})
            inner = {n.removeprefix("model:"): a for n, a in arrays.items() if n[:6] == "model:"}
            made.model_ = SpectralOneClass.restore(settings["model"], inner)
            made.tail_ = Tail.restore(settings["tail"], arrays["tail"])
            words, met = texts["words"], arrays["met"]
            made.rarity_ = Rarity(words, met, int(settings["units"]))
            fits = met.dtype == np.int64 and met.shape == (len(words),) and not (met < 0).any()
            if not fits or settings["features"] != list(FEATURES):
                raise ValueError("its names or features")
        except (KeyError, TypeError, ValueError, AttributeError, GraphadError) as error:
            raise ModelError(f"{folder} does not fit this version of graphad.") from error
        return made


def _story(
    detector: WindowDetector, graph: Graph, found: Units, u: int, parts: dict[str, float]
) -> Story:
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
        detector.of, words, (OCCLUSION,), len(events), start, end, title=title,
        parts=tuple(parts.items()),
    )  # fmt: skip
