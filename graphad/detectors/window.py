"""The window detector: a host's hour, a process tree or a session that is unlike quiet ones.

How a unit is judged is up to a model (window_models): by labels of its entities and their
neighbours, or by spectra as in Dong et al., RQGNN, ICLR 2024 (arXiv 2310.02861); from quiet units
alone, or from units that people called attacks, too.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt

from graphad.detect import Paths, Search, Unit, Window, load_model, save_model
from graphad.detectors.window_features import FEATURES, Nodes, Rarity, counted, names_of, nodes_of
from graphad.detectors.window_models import (
    Family,
    Training,
    UnitModel,
    kinds,
    regime,
)
from graphad.detectors.window_told import SHARE, told_units
from graphad.detectors.window_units import UnitKind, Units, units
from graphad.errors import GraphadError, ModelError, NotFitted
from graphad.graph import HOUR, Graph
from graphad.models.graph_batch import GraphBatch
from graphad.models.tails import Tail

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Attacks = Callable[[Graph], Bools | None]

LEAST = 20  # quiet units
_SETTINGS = ("of", "length_s", "mode", "top", "most")
_MODES: tuple[Literal["default", "paper"], ...] = ("default", "paper")


@dataclass
class WindowDetector:
    """Scores whole units by how unlike quiet ones they are, or how like attacks.

    of: what a unit is; length_s: of a host's stretch of time; model: of which family, "auto" is the
    one that measured best; mode: "paper" is the published network; most: quiet units to remember.
    """

    name: ClassVar[str] = "window"
    unit: ClassVar[Unit] = "window"

    of: UnitKind = "host"
    length_s: int = 3600
    model: Family | Literal["auto"] = "auto"
    mode: Literal["default", "paper"] = "default"
    top: int = 100
    most: int = 4096
    model_: UnitModel | None = field(default=None, repr=False)
    rarity_: Rarity | None = field(default=None, repr=False)
    tail_: Tail | None = field(default=None, repr=False)
    regime_: str = field(default="", repr=False)
    _last: tuple[Graph, dict[bool, Floats]] | None = field(
        default=None, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        """Refuse what makes no sense. Raises: GraphadError."""
        if self.of not in ("host", "tree", "session"):
            raise GraphadError("A unit is a host, a tree or a session.")
        if not 60 <= self.length_s <= 86_400 or 86_400 % self.length_s:
            raise GraphadError("A host's day is divided into parts of 60 s to a day, without rest.")
        if self.model not in ("auto", "wl", "rayleigh") or self.mode not in ("default", "paper"):
            raise GraphadError("A window's model is wl or rayleigh, its mode default or paper.")
        if self.mode == "paper" and self.model == "wl":
            raise GraphadError("The published method is a Rayleigh network, no label forest.")

    @property
    def fields(self) -> tuple[str, ...]:
        """Return no field."""
        return ()

    @property
    def slice_s(self) -> int | None:
        """Return of how many seconds slices must be whole; trees and sessions take any time."""
        return max(self.length_s, 3600) if self.of == "host" else None

    def learn(self, window: Window) -> "WindowDetector":
        """Fit on the units of a window's parts, and on what is known of attacks in it and later."""
        training = Training(window.scratch, window.progress)

        def parts(of: Window | None) -> Iterator[Graph]:
            if of is not None and self.slice_s is None:
                yield of.graph()
            elif of is not None:
                yield from of.graphs((), self.slice_s or 3600)

        return self.fit(
            lambda: parts(window), window.attacks, training, lambda: parts(window.later)
        )

    def fit(
        self, graphs: Sequence[Graph] | Callable[[], Iterable[Graph]],
        attacks: Attacks = lambda graph: None, training: Training | None = None,
        later: Callable[[], Iterable[Graph]] = tuple,
    ) -> "WindowDetector":  # fmt: skip
        """Learn from graphs, read twice: names, then at most `most` units, evenly.

        attacks: which events [E] of a graph are known; a unit is an attack if one of its events is.
        later: graphs of which only attacks are learned, as the rest is kept for calibration.
        Raises: GraphadError: too few units.
        """

        def again() -> Iterator[tuple[Graph, Units, Units]]:
            """Yield each graph with its quiet units and its attacks."""
            first = graphs() if callable(graphs) else graphs
            for number, part in enumerate((first, later())):
                for graph in part:
                    found = units(graph, self.of, self.length_s)
                    attack = attacked(found, attacks(graph))
                    calm = np.flatnonzero(~attack & (number == 0))
                    yield graph, found.take(calm), found.take(np.flatnonzero(attack))
                    self.forget()

        names, count, bad = [], 0, 0
        for graph, calm, attack in again():
            if len(calm):
                names.append(counted(graph, calm))
            count, bad = count + len(calm), bad + len(attack)
        if count < LEAST:
            raise GraphadError(
                f"There are {count} quiet units to learn from; it takes {LEAST}.",
                hint="Fit on a longer window, or on shorter parts: --length.",
            )
        how, why = regime(bad, count + bad)
        if self.mode == "paper" and how == "one-class":
            raise GraphadError(
                f"The published method learns from labelled attacks, but {why}.",
                hint="Give --labels, or mark findings as malicious.",
            )
        self.rarity_, self._last = Rarity.fit(names, count), None
        chosen = _evenly(count, self.most), _evenly(bad if how == "supervised" else 0, self.most)
        batches: tuple[list[GraphBatch], list[GraphBatch]] = [], []
        before = [0, 0]
        for graph, *both in again():
            for kind, mine in enumerate(both):
                some = chosen[kind] - before[kind]
                some = some[(some >= 0) & (some < len(mine))]
                before[kind] += len(mine)
                if len(some):
                    batches[kind].append(self.batch(graph, mine.take(some), inside=not kind))
        labels = np.repeat([False, True], [sum(map(len, held)) for held in batches])
        family: Family = "rayleigh" if self.mode == "paper" else "wl"
        if self.model != "auto":
            family = self.model
        self.model_, quiet = kinds(self.mode)[family, how].fit(
            GraphBatch.joined([*batches[0], *batches[1]]), labels, self.most,
            training or Training(),
        )  # fmt: skip
        self.regime_ = f"{how}, {family}: {why}"
        self.tail_ = Tail.fit(quiet, least=self.model_.slope)
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

    @property
    def regime(self) -> str:
        """Return how it learned, and why so."""
        return self.regime_

    @property
    def judge(self) -> UnitModel:
        """Return the model that judges units. Raises: NotFitted."""
        if self.model_ is None:
            raise NotFitted(self.name)
        return self.model_

    def batch(self, graph: Graph, found: Units, inside: bool = False) -> GraphBatch:
        """Return the graphs of units; inside: the fit has counted them."""
        return self.nodes(graph, found, inside).batch

    def nodes(self, graph: Graph, found: Units, inside: bool = False) -> Nodes:
        """Return the graphs of units, and where their events lie in them."""
        return nodes_of(graph, found, self.rare(graph, inside))

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
        score = self.model_.score(self.batch(graph, found, inside), inside)
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
        paths = told_units(self, part, found, score, z, inside)
        if not len(found):
            return paths
        events = np.where(paths.events >= 0, place[np.maximum(paths.events, 0)], -1)
        return replace(paths, events=events)

    def calm(self, graph: Graph, attack: Bools) -> Graph:
        """Return a graph without the units that hold a known attack [E]."""
        found = units(graph, self.of, self.length_s)
        bad = attacked(found, attack)
        kept = np.ones(len(graph), bool)
        kept[found.take(np.flatnonzero(bad)).event] = False
        return graph.subset(kept)

    def search(
        self, covered: Callable[[Graph], Bools | None] = lambda graph: None, *,
        inside: bool = False, hosts: Iterable[str] | None = None,
        types: Iterable[str] | None = None,
    ) -> Search:  # fmt: skip
        """Return a search for the findings of all slices, see window_slices."""
        from graphad.detectors.window_slices import unit_search

        return unit_search(self, covered, inside=inside, hosts=hosts, types=types)

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
            yield graph, Paths(score[at], z[at], one, first[at][:, None], bits, (SHARE,), ())

    def crossing(self, graph: Graph) -> Iterator[tuple[Graph, Paths]]:
        """Yield nothing: a unit is of one host."""
        yield from ()

    def z_of(self, kind: str, length: int, score: float) -> float:
        """Return the z of a unit, had it this score."""
        if self.tail_ is None:
            raise NotFitted(self.name)
        return float(self.tail_.z(score))

    def save(self, folder: Path) -> None:
        """Write the fitted model."""
        if self.model_ is None or self.rarity_ is None or self.tail_ is None:
            raise NotFitted(self.name)
        told, arrays = self.model_.dump()
        about, scores = self.tail_.dump()
        settings = {name: getattr(self, name) for name in _SETTINGS} | {
            "model": told, "kind": self.model_.kind, "regime": self.regime_, "tail": about,
            "units": self.rarity_.units, "features": list(FEATURES), "family": self.model,
        }  # fmt: skip
        held = {f"model:{name}": array for name, array in arrays.items()}
        held |= {"met": self.rarity_.met, "tail": scores}
        save_model(folder, self.name, settings, held, {"words": self.rarity_.words})

    @classmethod
    def load(cls, folder: Path) -> "WindowDetector":
        """Return a model that `save` wrote. Raises: ModelError."""
        settings, arrays, texts = load_model(folder, cls.name)
        try:
            made = cls(**{n: settings[n] for n in _SETTINGS}, model=settings["family"])
            inner = {n.removeprefix("model:"): a for n, a in arrays.items() if n[:6] == "model:"}
            models = {kind.kind: kind for mode in _MODES for kind in kinds(mode).values()}
            made.model_ = models[settings["kind"]].restore(settings["model"], inner)
            made.regime_ = str(settings["regime"])
            made.tail_ = Tail.restore(settings["tail"], arrays["tail"])
            words, met = texts["words"], arrays["met"]
            made.rarity_ = Rarity(words, met, int(settings["units"]))
            fits = met.dtype == np.int64 and met.shape == (len(words),) and not (met < 0).any()
            if not fits or settings["features"] != list(FEATURES):
                raise ValueError("its names or features")
        except (KeyError, TypeError, ValueError, AttributeError, GraphadError) as error:
            raise ModelError(f"{folder} does not fit this version of graphad.") from error
        return made


def attacked(found: Units, known: Bools | None) -> Bools:
    """Return which units [U] hold an event [E] that is known to be an attack."""
    attack = np.zeros(len(found), bool)
    if known is not None and len(found):
        attack[found.unit[known[found.event]]] = True
    return attack


def _evenly(count: int, most: int) -> Ints:
    """Return at most so many numbers below a count, evenly."""
    return np.unique(np.linspace(0, max(count - 1, 0), min(most, count)).astype(np.int64))
