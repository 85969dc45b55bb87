"""How rare a graph's Weisfeiler-Lehman labels are among quiet graphs; needs no labelled graph.

A label that is in n of M quiet graphs has -log2((n + 1/2) / (M + 1)) bits; a graph's score is their
mean over its distinct labels, of all hops: the root of the mean of fourth powers, so that a few
rare labels among many common ones show. To its own labels come some of usual bits, so that a graph
with few labels is not odd for one of them. A graph is not odd for being large. Each label's share
of the powers is its share of the score, so that parts add up to it. Nodes may have several labels
to begin with, coarse and fine ones. Source of the refined ones: Shervashidze et al., JMLR 12, 2011;
the rest was chosen by measurement, see docs/window_models.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from graphad.errors import ModelError, NotFitted
from graphad.models.codes import changes
from graphad.models.graph_batch import GraphBatch
from graphad.models.wl_labels import Hashes, mixed, wl_labels

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

HOPS = 1
USUAL = 10
_POWER = 4


@dataclass
class LabelSurprise:
    """Scores graphs by the mean bits of their labels.

    hops: of refinement; usual: labels of usual bits that each graph has besides its own. graphs_:
    M; usual_: the mean power of bits of quiet graphs; known_ [K]: labels of quiet graphs, rising;
    met_ [K]: in how many each is.
    """

    hops: int = HOPS
    usual: int = USUAL
    usual_: float = 0.0
    graphs_: int = 0
    known_: Hashes = field(default_factory=lambda: np.zeros(0, np.uint64), repr=False)
    met_: Ints = field(default_factory=lambda: np.zeros(0, np.int64), repr=False)

    def __post_init__(self) -> None:
        """Refuse what makes no sense. Raises: ValueError."""
        if not (0 <= self.hops <= 8 and 0 <= self.usual <= 10**6):
            raise ValueError("hops must be within 0 and 8, usual within 0 and 10^6.")

    def fit(self, batch: GraphBatch, labels: npt.ArrayLike) -> "LabelSurprise":
        """Count in how many quiet graphs each label is; nodes have labels [N], or [V, N] at once.

        Raises: ValueError: there are fewer than two graphs.
        """
        if len(batch) < 2:
            raise ValueError("A fit needs at least two quiet graphs.")
        value = self._distinct(batch, labels)[1]
        self.known_, met = np.unique(value, return_counts=True)
        self.met_, self.graphs_ = met.astype(np.int64), len(batch)
        total, count, *_ = self._sums(batch, labels, True)
        means = np.sort(total[count > 0] / count[count > 0])
        self.usual_ = float(means.mean()) if len(means) else 0.0
        return self

    def score(self, batch: GraphBatch, labels: npt.ArrayLike, *, inside: bool = False) -> Floats:
        """Return the mean bits [G] of each graph's labels.

        inside: the fit has counted these graphs; each is judged by the others. Raises: NotFitted.
        """
        total, count, *_ = self._sums(batch, labels, inside)
        return self._means(total, count)

    def parts(
        self, batch: GraphBatch, labels: npt.ArrayLike, *, inside: bool = False
    ) -> tuple[Floats, Floats]:
        """Return what usual labels add, [G], and what each node adds, [V (hops + 1), N].

        By its first labels of each hop, then by its second ones. All add up to the scores. Nodes of
        one label share what it adds.
        """
        total, count, graph, value, powers = self._sums(batch, labels, inside)
        usual = self.usual * self.usual_
        whole = total + usual
        weight = np.divide(
            self._means(total, count), whole, out=np.zeros_like(whole), where=whole > 0
        )
        owner = np.repeat(np.arange(len(batch)), batch.sizes)
        key, every = _order(graph, value), self._refined(batch, labels)
        found = np.zeros((len(every), len(owner)))
        for row, of in enumerate(every):
            at = np.searchsorted(key, _order(owner, of))
            same = np.bincount(at, minlength=len(key))
            found[row] = powers[at] / same[at] * weight[owner]
        return usual * weight, found

    def _means(self, total: Floats, count: Ints) -> Floats:
        """Return scores by the sums of powers and the numbers of labels of graphs, [G] each."""
        mean = (total + self.usual * self.usual_) / np.maximum(count + self.usual, 1)
        found: Floats = mean ** (1.0 / _POWER)
        return found

    def quiet(self, batch: GraphBatch, labels: npt.ArrayLike) -> Floats:
        """Return the scores of the graphs of the fit, each without itself, rising."""
        return np.sort(self.score(batch, labels, inside=True))

    def dump(self) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
        """Return settings and arrays for `restore`."""
        if not self.graphs_:
            raise NotFitted("label surprise")
        told = {name: getattr(self, name) for name in ("hops", "usual", "usual_", "graphs_")}
        return told, {"known": self.known_, "met": self.met_}

    @classmethod
    def restore(cls, told: Mapping[str, Any], arrays: Mapping[str, Any]) -> "LabelSurprise":
        """Return what `dump` gave. Raises: ModelError if it doesn't hang together."""
        try:
            known, met = arrays["known"], arrays["met"]
            made = cls(**told, known_=known, met_=met)
            fits = known.dtype == np.uint64 and met.dtype == np.int64 and known.ndim == 1
            fits = fits and met.shape == known.shape and made.graphs_ >= 2
            if not (0 <= made.usual_ < 1e9 and isinstance(made.graphs_, int)):
                raise ValueError("its counts")
            if not fits or not (known[1:] > known[:-1]).all():
                raise ValueError("its labels")
            if len(met) and not (met.min() >= 1 and met.max() <= made.graphs_):
                raise ValueError("its counts")
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise ModelError(f"The counts of labels are damaged: {error}.") from error
        return made

    def _sums(
        self, batch: GraphBatch, labels: npt.ArrayLike, inside: bool
    ) -> tuple[Floats, Ints, Ints, Hashes, Floats]:
        """Return sums of powers, numbers of labels [G]; of each label its graph, itself, power."""
        if not self.graphs_:
            raise NotFitted("label surprise")
        graph, value = self._distinct(batch, labels)
        at = np.minimum(np.searchsorted(self.known_, value), max(len(self.known_) - 1, 0))
        there = self.known_[at] == value if len(self.known_) else np.zeros(len(value), bool)
        met = np.where(there, self.met_[at] if len(self.met_) else 0, 0)
        met = np.maximum(met - inside, 0)
        powers: Floats = (-np.log2((met + 0.5) / (self.graphs_ - inside + 1.0))) ** _POWER
        # Added up in their own order, so that the hashes' order does not show in the last digit.
        order = np.lexsort((powers, graph))
        total = np.bincount(graph[order], powers[order], len(batch)).astype(np.float64)
        count = np.bincount(graph, minlength=len(batch)).astype(np.int64)
        return total, count, graph, value, powers

    def _refined(self, batch: GraphBatch, labels: npt.ArrayLike) -> list[Hashes]:
        """Return the labels [N] of all hops, of first and further ones told apart."""
        views = np.atleast_2d(np.asarray(labels))
        return [
            of
            for number, view in enumerate(views)
            for of in wl_labels(batch, mixed(view) + np.uint64(number), self.hops)
        ]

    def _distinct(self, batch: GraphBatch, labels: npt.ArrayLike) -> tuple[Ints, Hashes]:
        """Return each distinct label of each graph: the graph's number and the label, in order."""
        owner = np.repeat(np.arange(len(batch)), batch.sizes)
        every = self._refined(batch, labels)
        graph, value = np.tile(owner, len(every)), np.concatenate(every)
        order = np.lexsort((value, graph))
        graph, value = graph[order], value[order]
        first = changes(graph, value)
        return graph[first], value[first]


def _order(graph: Ints, value: Hashes) -> npt.NDArray[Any]:
    """Return keys by which labels of graphs are found: by graph, then by label."""
    made = np.empty(len(graph), dtype=[("graph", "<u8"), ("value", "<u8")])
    made["graph"], made["value"] = graph, value
    return made
