"""How unlike its labels are to those of the quiet graph that is most like it.

Graphs are sets of Weisfeiler-Lehman labels; the distance of two is one minus the cosine of these,
the number of shared labels over the root of the product of both numbers (Ochiai), with one label
more that all graphs share, so that a graph with a single label is not as far off as can be. It says
what surprise cannot: that labels are missing, or that common ones are together that never were. It
is of the one nearest graph, as quiet graphs are of many sorts and some sorts are rare.
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from graphad.errors import NotFitted
from graphad.jit import kernel
from graphad.models.codes import Hashes
from graphad.models.wl_labels import LabelSets, found_in

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass
class LabelNearest:
    """Distances of graphs from M quiet ones.

    known_ [K]: labels of quiet graphs, rising; met_ [K]: in how many each is; where_ [sum of met_]:
    in which, rising, label by label; sizes_ [M]: how many labels each quiet graph has.
    """

    known_: Hashes = field(default_factory=lambda: np.zeros(0, np.uint64), repr=False)
    met_: Ints = field(default_factory=lambda: np.zeros(0, np.int64), repr=False)
    where_: Ints = field(default_factory=lambda: np.zeros(0, np.int64), repr=False)
    sizes_: Ints = field(default_factory=lambda: np.zeros(0, np.int64), repr=False)

    def fit(self, quiet: LabelSets) -> "LabelNearest":
        """Remember quiet graphs."""
        self.known_, met = np.unique(quiet.value, return_counts=True)
        order = np.lexsort((quiet.graph, quiet.value))
        self.met_, self.where_ = met.astype(np.int64), quiet.graph[order]
        self.sizes_ = quiet.sizes
        return self

    def distances(self, sets: LabelSets, *, inside: bool = False) -> Floats:
        """Return the distance [G] of each graph, 0 to 1, from its nearest quiet one.

        inside: the fit has seen these graphs; one quiet graph of the same labels is left out.
        Raises: NotFitted.
        """
        return self._nearest(sets, inside)[0]

    def parts(self, sets: LabelSets, *, inside: bool = False) -> tuple[Floats, Floats]:
        """Return what labels add that are not there, [G], and each that is, [L].

        They add up to the distances: a label that only one of both graphs has, has an equal share.
        """
        far, near = self._nearest(sets, inside)
        quiet = near[sets.graph]
        at = found_in(self.known_, sets.value)
        whole = np.repeat(np.arange(len(self.met_)), self.met_) * len(self.sizes_) + self.where_
        asked = at * len(self.sizes_) + quiet
        shared = (at >= 0) & (found_in(whole.astype(np.uint64), asked.astype(np.uint64)) >= 0)
        common = np.bincount(sets.graph[shared], minlength=sets.graphs)
        missing = self.sizes_[near] - common
        each = far / np.maximum(sets.sizes - common + missing, 1)
        return missing * each, np.where(shared, 0.0, each[sets.graph])

    def _nearest(self, sets: LabelSets, inside: bool) -> tuple[Floats, Ints]:
        if not len(self.sizes_):
            raise NotFitted("nearest labels")
        begin = np.concatenate([[0], np.cumsum(sets.sizes)]).astype(np.int64)
        start = np.concatenate([[0], np.cumsum(self.met_)]).astype(np.int64)
        at = found_in(self.known_, sets.value)
        far, near = np.empty(sets.graphs), np.empty(sets.graphs, np.int64)
        _search(begin, at, start, self.where_, self.sizes_, inside, far, near)
        return far, near


@kernel
def _search(
    begin: Ints, at: Ints, start: Ints, where: Ints, sizes: Ints, inside: bool, far: Floats,
    near: Ints,
) -> None:  # fmt: skip
    """Fill in the nearest quiet graph and its distance: count shared labels, label by label."""
    root = 1.0 / np.sqrt(sizes + 1.0)
    shared = np.empty(len(sizes), np.int32)
    for g in range(len(far)):
        shared[:] = 1
        for i in range(begin[g], begin[g + 1]):
            if at[i] >= 0:
                for p in range(start[at[i]], start[at[i] + 1]):
                    shared[where[p]] += 1
        own = begin[g + 1] - begin[g] + 1
        best, found, itself = -1.0, 0, inside
        for m in range(len(sizes)):
            like = shared[m] * root[m]
            if like <= best:
                continue
            if shared[m] == own and sizes[m] + 1 == own:
                if itself:
                    itself = False
                    continue
                best, found = np.inf, m
                break
            best, found = like, m
        near[g] = found
        far[g] = 0.0 if best == np.inf else max(1.0 - best / np.sqrt(own), 0.0)
