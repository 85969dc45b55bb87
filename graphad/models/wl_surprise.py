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
from graphad.models.codes import Hashes
from graphad.models.wl_labels import LabelSets, found_in

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

USUAL = 10
_POWER = 4


@dataclass
class LabelSurprise:
    """Scores graphs by the mean bits of their labels.

    usual: labels of usual bits that each graph has besides its own. graphs_: M; usual_: the mean
    power of bits of quiet graphs; known_ [K]: labels of quiet graphs, rising; met_ [K]: in how many
    each is.
    """

    usual: int = USUAL
    usual_: float = 0.0
    graphs_: int = 0
    known_: Hashes = field(default_factory=lambda: np.zeros(0, np.uint64), repr=False)
    met_: Ints = field(default_factory=lambda: np.zeros(0, np.int64), repr=False)

    def __post_init__(self) -> None:
        """Refuse what makes no sense. Raises: ValueError."""
        if not 0 <= self.usual <= 10**6:
            raise ValueError("usual must be within 0 and 10^6.")

    def fit(self, quiet: LabelSets) -> "LabelSurprise":
        """Count in how many quiet graphs each label is.

        Raises: ValueError: there are fewer than two graphs.
        """
        if quiet.graphs < 2:
            raise ValueError("A fit needs at least two quiet graphs.")
        self.known_, met = np.unique(quiet.value, return_counts=True)
        self.met_, self.graphs_ = met.astype(np.int64), quiet.graphs
        total, _ = self._sums(quiet, True)
        count = quiet.sizes
        means = np.sort(total[count > 0] / count[count > 0])
        self.usual_ = float(means.mean()) if len(means) else 0.0
        return self

    def score(self, sets: LabelSets, *, inside: bool = False) -> Floats:
        """Return the mean bits [G] of each graph's labels.

        inside: the fit has counted these graphs; each is judged by the others. Raises: NotFitted.
        """
        return self._means(self._sums(sets, inside)[0], sets.sizes)

    def parts(self, sets: LabelSets, *, inside: bool = False) -> tuple[Floats, Floats]:
        """Return what usual labels add, [G], and what each label adds, [L]; they add up to scores.

        Raises: NotFitted.
        """
        total, powers = self._sums(sets, inside)
        usual = self.usual * self.usual_
        whole = total + usual
        weight = np.divide(
            self._means(total, sets.sizes), whole, out=np.zeros_like(whole), where=whole > 0
        )
        return usual * weight, powers * weight[sets.graph]

    def _means(self, total: Floats, count: Ints) -> Floats:
        """Return scores by the sums of powers and the numbers of labels of graphs, [G] each."""
        mean = (total + self.usual * self.usual_) / np.maximum(count + self.usual, 1)
        found: Floats = mean ** (1.0 / _POWER)
        return found

    def dump(self) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
        """Return settings and arrays for `restore`."""
        if not self.graphs_:
            raise NotFitted("label surprise")
        told = {name: getattr(self, name) for name in ("usual", "usual_", "graphs_")}
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

    def _sums(self, sets: LabelSets, inside: bool) -> tuple[Floats, Floats]:
        """Return the sums of powers of graphs [G], and the power of each label [L]."""
        if not self.graphs_:
            raise NotFitted("label surprise")
        at = found_in(self.known_, sets.value)
        met = np.where(at >= 0, self.met_[at] if len(self.met_) else 0, 0)
        met = np.maximum(met - inside, 0)
        powers: Floats = (-np.log2((met + 0.5) / (self.graphs_ - inside + 1.0))) ** _POWER
        # Added up in their own order, so that the hashes' order does not show in the last digit.
        order = np.lexsort((powers, sets.graph))
        total = np.bincount(sets.graph[order], powers[order], sets.graphs).astype(np.float64)
        return total, powers
