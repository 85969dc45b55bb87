"""How odd a graph is by its Weisfeiler-Lehman labels: they are rare, or not like any quiet graph's.

Two measures say how unlike quiet graphs a graph is: how rare its labels are (`wl_surprise`) and how
far it is from the quiet graph that is most like it (`wl_nearest`). Each is read as the share of
quiet graphs that reach it, each of which is judged without itself, so that both give alarm as often
on quiet ones; the score is the smaller share, in bits: -log2. This is Tippett's way to join tests
(The Methods of Statistics, 1931), and needs no weight.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from graphad.errors import ModelError, NotFitted
from graphad.models.graph_batch import GraphBatch
from graphad.models.tails import Tail
from graphad.models.wl_labels import LabelSets
from graphad.models.wl_nearest import LabelNearest
from graphad.models.wl_surprise import LabelSurprise

Floats = npt.NDArray[np.float64]

HOPS = 1
_SLOPES = 0.05, 0.01  # of the tails of bits a label and of distances, at least


@dataclass
class WlOneClass:
    """Scores graphs by how seldom quiet ones are as odd; needs no labelled graph.

    hops: of refinement. tails_: of how rare quiet graphs' labels are, and of their distances.
    """

    hops: int = HOPS
    surprise_: LabelSurprise = field(default_factory=LabelSurprise, repr=False)
    nearest_: LabelNearest = field(default_factory=LabelNearest, repr=False)
    tails_: tuple[Tail, Tail] | None = field(default=None, repr=False)
    # Scores of the quiet graphs, each without itself, rising; not kept.
    quiet_: Floats | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse what makes no sense. Raises: ValueError."""
        if not 0 <= self.hops <= 8:
            raise ValueError("hops must be within 0 and 8.")

    def fit(self, batch: GraphBatch, labels: npt.ArrayLike) -> "WlOneClass":
        """Learn from quiet graphs; nodes have labels [N], or [V, N] at once.

        Raises: ValueError: there are fewer than two graphs.
        """
        sets = LabelSets.of(batch, labels, self.hops)
        self.surprise_.fit(sets)
        self.nearest_.fit(sets)
        rare, far = self._measures(sets, True)
        self.tails_ = Tail.fit(rare, _SLOPES[0]), Tail.fit(far, _SLOPES[1])
        self.quiet_ = np.sort(self._bits(rare, far).max(axis=0))
        return self

    def score(self, batch: GraphBatch, labels: npt.ArrayLike, *, inside: bool = False) -> Floats:
        """Return the bits [G], at least 0.

        inside: the fit has counted these graphs; each is judged by the others. Raises: NotFitted.
        """
        sets = LabelSets.of(batch, labels, self.hops)
        found: Floats = self._bits(*self._measures(sets, inside)).max(axis=0)
        return found

    def parts(
        self, batch: GraphBatch, labels: npt.ArrayLike, *, inside: bool = False
    ) -> tuple[Floats, Floats, Floats]:
        """Return what usual labels add and missing ones, [G] each, and nodes, [V (hops + 1), N].

        By nodes' first labels of each hop, then by their second ones. All add up to the scores: the
        measure that has more to say is divided as it is made of labels, the other has no part. Of
        what a distance owes to labels that the nearest quiet graph lacks, rare ones get more.
        """
        sets = LabelSets.of(batch, labels, self.hops)
        measures = self._measures(sets, inside)
        bits = self._bits(*measures)
        first = bits[0] >= bits[1]
        score = np.where(first, *bits)
        whole = np.where(first, *measures)
        scale = np.divide(score, whole, out=np.zeros_like(score), where=whole > 0)
        usual, rare = self.surprise_.parts(sets, inside=inside)
        missing, unlike = self.nearest_.parts(sets, inside=inside)
        each = np.where(first[sets.graph], rare, _by(unlike, rare, sets)) * scale[sets.graph]
        return (
            np.where(first, usual, 0.0) * scale,
            np.where(first, 0.0, missing) * scale,
            sets.divided(each),
        )

    def _measures(self, sets: LabelSets, inside: bool) -> tuple[Floats, Floats]:
        """Return how rare labels are and how far graphs are from the nearest, [G] each."""
        return (
            self.surprise_.score(sets, inside=inside),
            self.nearest_.distances(sets, inside=inside),
        )

    def _bits(self, rare: Floats, far: Floats) -> Floats:
        """Return the bits of both measures, [2, G]."""
        if self.tails_ is None:
            raise NotFitted("one-class labels")
        both = zip(self.tails_, (rare, far), strict=True)
        return np.stack([tail.bits(found) for tail, found in both])

    def dump(self) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
        """Return settings and arrays for `restore`."""
        if self.tails_ is None:
            raise NotFitted("one-class labels")
        told, arrays = self.surprise_.dump()
        (rare, first), (far, second) = (tail.dump() for tail in self.tails_)
        arrays |= {"where": self.nearest_.where_, "sizes": self.nearest_.sizes_}
        settings = {"hops": self.hops, "surprise": told, "rare": rare, "far": far}
        return settings, arrays | {"rare": first, "far": second}

    @classmethod
    def restore(cls, told: Mapping[str, Any], arrays: Mapping[str, Any]) -> "WlOneClass":
        """Return what `dump` gave. Raises: ModelError if it doesn't hang together."""
        try:
            surprise = LabelSurprise.restore(told["surprise"], arrays)
            where, sizes = arrays["where"], arrays["sizes"]
            fits = where.dtype == sizes.dtype == np.int64 and where.ndim == sizes.ndim == 1
            fits = fits and len(sizes) == surprise.graphs_
            fits = fits and len(where) == surprise.met_.sum()
            if not fits or (len(where) and not 0 <= where.min() <= where.max() < len(sizes)):
                raise ValueError("its quiet graphs")
            if not (np.bincount(where, minlength=len(sizes)) == sizes).all():
                raise ValueError("its quiet graphs")
            tails = [Tail.restore(told[name], arrays[name]) for name in ("rare", "far")]
            nearest = LabelNearest(surprise.known_, surprise.met_, where, sizes)
            return cls(told["hops"], surprise, nearest, (tails[0], tails[1]))
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise ModelError(
                f"The labels of quiet graphs are damaged, or of another version: {error}."
            ) from error


def _by(amount: Floats, weight: Floats, sets: LabelSets) -> Floats:
    """Return amounts of labels [L], divided anew in each graph by weights where these are not 0."""
    weight = np.where(amount > 0, weight, 0.0)
    whole, total = (
        np.bincount(sets.graph, one, sets.graphs)[sets.graph] for one in (amount, weight)
    )
    return np.where(total > 0, weight * whole / np.where(total > 0, total, 1.0), amount)
