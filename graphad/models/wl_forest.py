"""A random forest on counts of Weisfeiler-Lehman labels; learns from labelled graphs.

The forest is grown by scikit-learn and kept as arrays, which need neither it nor code to be scored.
A score is the mean over trees of the share of abnormal graphs in the leaf a graph falls into. What
each split on its way changes is due to the label it asks for: the parts add up to the score. Source
of the parts: Palczewska et al., Interpreting Random Forest Models using a Feature Contribution
Method, IEEE IRI 2013. Settings are those our notes on RQGNN were measured with (section 8).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from graphad.errors import GraphadError, ModelError, NotFitted
from graphad.jit import kernel
from graphad.models.graph_batch import GraphBatch
from graphad.models.wl_labels import HOPS, LabelCounts

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

LEAST = 5  # graphs that a label must be in
TREES = 500
_GRAPHS = 1024  # scored at a time, so that memory stays bounded


class Trees(NamedTuple):
    """All trees' nodes one after another; start [T + 1] says where each begins.

    left, right [Z]: the node to go to if a count is at most `cut` or beyond, -1 at a leaf; column
    [Z]: whose count; cut [Z]; value [Z]: share of abnormal graphs, weighted by class.
    """

    start: Ints
    left: Ints
    right: Ints
    column: Ints
    cut: Floats
    value: Floats


@dataclass
class WlForest:
    """Scores graphs by the share of trees that call them abnormal.

    quiet_: scores of the normal graphs of the fit, rising, each by the trees that did not see it.
    """

    trees: int = TREES
    seed: int = 0
    hops: int = HOPS
    least: int = LEAST
    counts_: LabelCounts | None = field(default=None, repr=False)
    trees_: Trees | None = field(default=None, repr=False)
    quiet_: Floats | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Refuse what makes no sense. Raises: ValueError."""
        if not (1 <= self.trees <= 10_000 and 0 <= self.hops <= 8 and self.least >= 1):
            raise ValueError("trees must be within 1 and 10,000, hops within 0 and 8.")

    def fit(self, batch: GraphBatch, labels: npt.ArrayLike, abnormal: Bools) -> "WlForest":
        """Learn from graphs whose nodes have labels [N]; needs scikit-learn.

        Raises: GraphadError: it is not installed; ValueError: graphs are of one kind alone.
        """
        try:
            from sklearn.ensemble import RandomForestClassifier
        except ImportError as error:
            raise GraphadError(
                "A forest is grown by scikit-learn, which is not installed.",
                hint="pip install 'graphad[forest]'",
            ) from error
        if abnormal.dtype != np.bool_ or abnormal.shape != (len(batch),):
            raise ValueError("Labels are true or false, one for each graph.")
        if abnormal.all() or not abnormal.any():
            raise ValueError("Training needs graphs of both kinds.")
        self.counts_ = LabelCounts(self.hops, self.least).fit(batch, labels)
        forest = RandomForestClassifier(
            self.trees, min_samples_leaf=2, class_weight="balanced_subsample",
            random_state=self.seed, n_jobs=1, oob_score=True,
        )  # fmt: skip
        forest.fit(self.counts_.counts(batch, labels), abnormal)
        self.trees_ = _trees([one.tree_ for one in forest.estimators_])
        outside = forest.oob_decision_function_[~abnormal, 1]
        # One that all trees saw is judged by them; with more than a few trees there is none.
        seen = np.isnan(outside)
        if seen.any():
            outside[seen] = self.score(batch, labels)[~abnormal][seen]
        self.quiet_ = np.sort(outside)
        return self

    def score(self, batch: GraphBatch, labels: npt.ArrayLike) -> Floats:
        """Return the scores [G], within 0 and 1. Raises: NotFitted."""
        return self._walked(batch, labels, False)[0]

    def parts(self, batch: GraphBatch, labels: npt.ArrayLike) -> tuple[Floats, float, Floats]:
        """Return scores [G], what they begin with, and what each label adds, [G, K + 1].

        The last column is of labels that the fit did not count. A label may add by being absent.
        """
        score, parts = self._walked(batch, labels, True)
        trees = self._fitted[1]
        return score, float(trees.value[trees.start[:-1]].mean()), parts

    @property
    def _fitted(self) -> tuple[LabelCounts, Trees]:
        if self.counts_ is None or self.trees_ is None:
            raise NotFitted("label forest")
        return self.counts_, self.trees_

    def _walked(
        self, batch: GraphBatch, labels: npt.ArrayLike, told: bool
    ) -> tuple[Floats, Floats]:
        counts, trees = self._fitted
        rows = counts.counts(batch, labels)
        wide = rows.shape[1]
        score, parts = np.zeros(len(batch)), np.zeros((len(batch) if told else 0, wide))
        for begin in range(0, len(batch), _GRAPHS):
            some = slice(begin, begin + _GRAPHS)
            dense = rows[some].toarray()
            score[some] = _scores(dense, *trees, parts[some] if told else parts)
        return score, parts

    def dump(self) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
        """Return settings and arrays for `restore`."""
        counts, trees = self._fitted
        assert self.quiet_ is not None
        settings = {name: getattr(self, name) for name in ("trees", "seed", "hops", "least")}
        arrays: dict[str, npt.NDArray[Any]] = dict(trees._asdict())
        arrays |= {"known": counts.known_, "quiet": self.quiet_}
        return settings, arrays

    @classmethod
    def restore(cls, told: Mapping[str, Any], arrays: Mapping[str, Any]) -> "WlForest":
        """Return what `dump` gave. Raises: ModelError if it doesn't hang together."""
        try:
            made = cls(**told)
            known, quiet = arrays["known"], arrays["quiet"]
            made.counts_ = LabelCounts(made.hops, made.least, known)
            made.trees_, made.quiet_ = Trees(*(arrays[name] for name in Trees._fields)), quiet
            if len(arrays) != len(Trees._fields) + 2:
                raise ValueError("its arrays")
            if known.dtype != np.uint64 or known.ndim != 1 or (known[1:] <= known[:-1]).any():
                raise ValueError("its labels")
            if quiet.dtype != np.float64 or not ((quiet >= 0) & (quiet <= 1)).all():
                raise ValueError("its quiet scores")
            _check(made.trees_, made.trees, len(known) + 1)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise ModelError(f"The label forest is damaged: {error}.") from error
        return made


def _trees(grown: list[Any]) -> Trees:
    """Return the arrays of scikit-learn's trees."""
    sizes = [tree.node_count for tree in grown]
    value = [tree.value[:, 0, :] for tree in grown]
    return Trees(
        np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        np.concatenate([tree.children_left for tree in grown]).astype(np.int64),
        np.concatenate([tree.children_right for tree in grown]).astype(np.int64),
        np.concatenate([np.maximum(tree.feature, 0) for tree in grown]).astype(np.int64),
        np.concatenate([tree.threshold for tree in grown]).astype(np.float64),
        np.concatenate([v[:, 1] / v.sum(axis=1) for v in value]).astype(np.float64),
    )


def _check(trees: Trees, count: int, columns: int) -> None:
    """Raise ValueError unless every way from a root leads down to a leaf of its tree."""
    start, left, right, column, cut, value = trees
    size = len(left)
    if any(a.dtype != np.int64 for a in (start, left, right, column)):
        raise ValueError("types")
    if any(a.dtype != np.float64 or not np.isfinite(a).all() for a in (cut, value)):
        raise ValueError("values")
    if (
        start.shape != (count + 1,)
        or start[0] != 0
        or start[-1] != size
        or (start[1:] <= start[:-1]).any()
    ):
        raise ValueError("trees")
    if any(a.shape != (size,) for a in (right, column, cut, value)):
        raise ValueError("shapes")
    own = np.arange(size) - np.repeat(start[:-1], np.diff(start))
    there = np.repeat(np.diff(start), np.diff(start))
    leaf = left < 0
    if ((right < 0) != leaf).any():
        raise ValueError("leaves")
    for child in (left, right):  # each is deeper than its parent, so that no way goes in circles
        if not ((child > own) & (child < there))[~leaf].all():
            raise ValueError("branches")
    if not ((column >= 0) & (column < columns)).all() or not ((value >= 0) & (value <= 1)).all():
        raise ValueError("columns")


@kernel
def _scores(
    rows: Floats, start: Ints, left: Ints, right: Ints, column: Ints, cut: Floats, value: Floats,
    parts: Floats,
) -> Floats:  # fmt: skip
    """Return scores of rows [G, K]; adds what each column changes to parts [G, K], if any."""
    count = len(start) - 1
    found = np.zeros(len(rows))
    for g in range(len(rows)):
        total = 0.0
        for t in range(count):
            begin = start[t]
            at = begin
            while left[at] >= 0:
                c = column[at]
                below = begin + (left[at] if rows[g, c] <= cut[at] else right[at])
                if len(parts) > 0:
                    parts[g, c] += (value[below] - value[at]) / count
                at = below
            total += value[at]
        found[g] = total / count
    return found
