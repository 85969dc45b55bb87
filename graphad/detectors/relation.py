"""The relation detector: kinds of messages with users, hosts, addresses they don't occur with.

Each line of a text log, or row of a table, relates an event to values; what is judged is whether
the event normally occurs with such a value. Source of the question: Li et al., GLAD: Content-aware
Dynamic Graphs for Log Anomaly Detection, ICKG 2023 (arXiv 2309.05953).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from graphad.detect import WITH, Paths, Search, Unit, Window, load_model, of_kind, save_model
from graphad.detect_search import best
from graphad.detectors.hours import oddest_of_hours
from graphad.detectors.relation_messages import OfMessages
from graphad.detectors.relation_ranked import WINDOW, Ranked
from graphad.detectors.relation_rows import Rows, rows_of
from graphad.detectors.relation_stories import EVENT, Odd, odd_of, relation_search
from graphad.detectors.window_models import Training
from graphad.errors import GraphadError, ModelError, NotFitted
from graphad.graph import Graph
from graphad.models.relation_counts import TERMS, Form, RelationCounts
from graphad.models.relation_network import RelationNetwork
from graphad.models.relations import joined
from graphad.models.tails import Tail

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

LEAST = 50  # rows to learn from
Model = Literal["surprisal", "counts", "unseen", "network", "rank"]
_NETWORKS = ("network", "rank")


@dataclass
class RelationDetector(OfMessages):
    """Scores relations by how unlikely they are.

    columns: of a table's records, the event first; without them text logs' lines are read. model:
    see RelationCounts; "network" see RelationNetwork, "rank" is its rank average with surprisal.
    mode: "paper" is the published network. top: findings.
    """

    name: ClassVar[str] = "relation"
    unit: ClassVar[Unit] = "relation"

    model: Model = "surprisal"
    mode: Literal["default", "paper"] = "default"
    top: int = 1000
    counts_: RelationCounts | None = field(default=None, repr=False)
    tails_: dict[str, Tail] = field(default_factory=dict, repr=False)
    rows_: dict[str, int] = field(default_factory=dict, repr=False)
    ranked_: Ranked | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Refuse what makes no sense. Raises: GraphadError."""
        if len(self.columns) == 1:
            raise GraphadError("A relation is between columns; one alone has none.")
        if self.model not in ("surprisal", "counts", "unseen", *_NETWORKS):
            raise GraphadError(
                "A model of relations is surprisal, counts, unseen, network or rank."
            )
        if self.mode not in ("default", "paper"):
            raise GraphadError("A mode of relations is default or paper.")
        if self.mode == "paper" and self.model not in _NETWORKS:
            raise GraphadError("The published method is a network: --model network or rank.")

    @property
    def slice_s(self) -> int | None:
        """Return 3600: relations are counted by the hour."""
        return 3600

    def learn(self, window: Window) -> "RelationDetector":
        """Fit on the graphs of a window's parts."""
        training = Training(window.scratch, window.progress)
        return self.fit(lambda: window.graphs(self.fields), training)

    def fit(
        self, graphs: Sequence[Graph] | Callable[[], Iterable[Graph]],
        training: Training | None = None,
    ) -> "RelationDetector":  # fmt: skip
        """Learn from graphs of quiet time, read twice: templates, then relations.

        training: of a network, where it keeps what it has and whom it tells.

        Raises: GraphadError: too few relations.
        """
        again: Callable[[], Iterable[Graph]] = graphs if callable(graphs) else lambda: graphs
        self.forget_templates()
        self.counts_, self.ranked_, self.tails_, self.rows_ = None, None, {}, {}
        self.learn_templates(again)
        return self._counted(RelationCounts(self.form), again, training)

    def update(self, window: Window) -> "RelationDetector":
        """Learn a further window; templates and counts of before stay."""
        if self.counts_ is None:
            raise NotFitted(self.name)
        if self.model in _NETWORKS:
            raise GraphadError(
                "A network of relations cannot be updated.", hint="Fit it on the longer window."
            )
        self.learn_templates(lambda: window.graphs(self.fields))
        return self._counted(self.counts_, lambda: window.graphs(self.fields))

    def _counted(
        self, counts: RelationCounts, again: Callable[[], Iterable[Graph]],
        training: Training | None = None,
    ) -> "RelationDetector":  # fmt: skip
        """Count the relations of graphs, and how many bits they have by the others."""
        every = [self.rows(graph) for graph in again()]
        if sum(len(rows.relations) for rows in every) < LEAST:
            what = "lines of text" if not self.columns else f"values in {', '.join(self.columns)}"
            raise GraphadError(
                f"There are too few relations to learn from: fewer than {LEAST} of {what}.",
                hint="Fit on a longer window; of a table name the columns: --columns.",
            )
        for name in self.columns:
            if not any(name == kind for rows in every for kind, _ in rows.relations.nodes) and (
                name != self.columns[0]
            ):
                raise GraphadError(
                    f"No record says anything in a field {name!r}: it is missing in all of them.",
                    hint="Leave it out, or write its name as the table does.",
                )
        whole = joined([rows.relations for rows in every])
        counts.update(whole)
        self.counts_ = counts
        scores: dict[str, list[Floats]] = {}
        for rows in every:
            found = rows.relations
            bits = counts.score(found, inside=True).bits
            kinds = np.array([kind for kind, _ in found.nodes], object)[found.node]
            for kind in sorted(set(kinds)):
                scores.setdefault(kind, []).append(bits[kinds == kind])
            names = [found.events[e] for e in rows.alone.event_of]
            scores.setdefault(EVENT, []).append(counts.score_events(names, inside=True))
        if self.model in _NETWORKS:
            self.ranked_, quiet = self._trained(every, training or Training())
            scores |= {kind: [bits] for kind, bits in quiet.items() if kind in scores}
        for kind, parts in scores.items():
            before = [self.tails_[kind].scores] if kind in self.tails_ else []
            self.tails_[kind] = Tail.fit(np.concatenate([*before, *parts]))
            self.rows_[kind] = self.rows_.get(kind, 0) + sum(map(len, parts))
        return self

    def _trained(
        self, every: Sequence[Rows], training: Training
    ) -> tuple[Ranked, dict[str, Floats]]:
        kind = RelationNetwork.paper if self.mode == "paper" else RelationNetwork
        network = kind(step_us=WINDOW, length_us=WINDOW)

        def told(epoch: int, found: tuple[float, float]) -> None:
            if training.progress is not None:
                words = f"training: epoch {epoch + 1} of {network.epochs}, loss {found[0]:.3f}"
                training.progress(words)

        return Ranked.fit(every, network, self.model == "network", told, training.checkpoint)

    @property
    def form(self) -> Form:
        """Return how relations are counted."""
        return self.model if self.model in ("counts", "unseen") else "surprisal"

    @property
    def learned(self) -> dict[str, int]:
        """Return how many rows of each type of value were learned."""
        return dict(sorted(self.rows_.items()))

    def rows(self, graph: Graph, chosen: Bools | None = None) -> Rows:
        """Return the relations of a graph; chosen [E]: of these events alone."""
        window = WINDOW if self.model in _NETWORKS else None
        return rows_of(graph, self.columns, self.ids_of, chosen, window, self.slots_)

    def odd(self, rows: Rows, inside: bool = False) -> Odd:
        """Return relations and events, scored. Raises: NotFitted."""
        if self.counts_ is None:
            raise NotFitted(self.name)
        if inside and self.ranked_ is not None:
            raise GraphadError(
                f"The model {self.model} cannot judge what it learned from.",
                hint="Give quiet logs by --baseline, or take --model surprisal.",
            )
        return odd_of(self.counts_, self.tails_, rows, inside, self.ranked_)

    def score(
        self, graph: Graph, *, inside: bool = False, covered: Bools | None = None,
        hosts: Iterable[str] | None = None, types: Iterable[str] | None = None,
    ) -> Paths:  # fmt: skip
        """Return the relations that stand out most, each once a day and host.

        hosts, types, inside: see Detector. Covered events are left out.
        """
        search = self.search(lambda _: covered, inside=inside, hosts=hosts, types=types)
        return best(search, [graph])[1]

    def search(
        self, covered: Callable[[Graph], Bools | None] = lambda graph: None, *,
        inside: bool = False, hosts: Iterable[str] | None = None,
        types: Iterable[str] | None = None,
    ) -> Search:  # fmt: skip
        """Return a search for the findings of all slices."""
        return relation_search(self, covered, inside=inside, hosts=hosts, types=types)

    def hourly(self, graph: Graph) -> Iterator[tuple[Graph, Paths]]:
        """Yield the oddest relations of each hour of each host, with the whole graph."""
        odd = self.odd(self.rows(graph))
        yield from oddest_of_hours(graph, odd.event, odd.host, odd.hour, odd.bits, odd.z, TERMS[0])

    def crossing(self, graph: Graph) -> Iterator[tuple[Graph, Paths]]:
        """Yield nothing: a line is of one host."""
        yield from ()

    def z_of(self, kind: str, length: int, score: float) -> float:
        """Return the z of a finding of a type of value, had it this score; 0 if not learned."""
        tail = self.tails_.get(kind.removeprefix(WITH))
        return 0.0 if tail is None else float(tail.z(np.array([score]))[0])

    def save(self, folder: Path) -> None:
        """Write the fitted model."""
        if self.counts_ is None:
            raise NotFitted(self.name)
        told, arrays, texts = self.counts_.dump()
        settings = {
            "columns": self.columns, "model": self.model, "mode": self.mode, "top": self.top,
            "rows": self.rows_, "counts": told, "tails": {}, "ranked": None,
        }  # fmt: skip
        held: dict[str, npt.NDArray[Any]] = {f"counts/{name}": a for name, a in arrays.items()}
        tails: dict[str, Any] = {}
        for number, (kind, tail) in enumerate(sorted(self.tails_.items())):
            about, scores = tail.dump()
            tails[kind] = about
            held[f"tail/{number}"] = scores
        if self.ranked_ is not None:
            settings["ranked"], arrays = self.ranked_.dump()
            held |= {f"ranked/{name}": array for name, array in arrays.items()}
        words = {f"counts/{name}": part for name, part in texts.items()}
        save_model(folder, self.name, settings | {"tails": tails}, held, words | self.dumped())

    @classmethod
    def load(cls, folder: Path) -> "RelationDetector":
        """Return a model that `save` wrote. Raises: ModelError."""
        settings, arrays, texts = load_model(folder, cls.name)
        try:
            made = cls(
                columns=tuple(settings["columns"]), model=settings["model"],
                mode=settings.get("mode", "default"), top=int(settings["top"]),
            )  # fmt: skip
            made.counts_ = RelationCounts.restore(
                settings["counts"], of_kind("counts", arrays), of_kind("counts", texts)
            )
            scores = of_kind("tail", arrays)
            made.tails_ = {
                kind: Tail.restore(about, scores[str(number)])
                for number, (kind, about) in enumerate(sorted(settings["tails"].items()))
            }
            if made.model in _NETWORKS:
                made.ranked_ = Ranked.restore(settings["ranked"], of_kind("ranked", arrays))
            made.rows_ = {str(kind): int(rows) for kind, rows in settings["rows"].items()}
            made.restore_templates(texts)
        except (
            KeyError, TypeError, ValueError, AttributeError, IndexError, GraphadError,
        ) as error:  # fmt: skip
            raise ModelError(f"{folder} does not fit this version of graphad.") from error
        return made
