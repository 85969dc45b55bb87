"""Outlier detectors for numbers, on one number a value: its -ln frequency.

A forest on one column a value (one-hot) cannot see a value that training hasn't; this one can.
They have the face of event_baselines.
"""

from typing import Self

import numpy as np

from benchmarks.event_baselines import Floats, check, looked_up, rarity
from graphad.graph import Ints

TREES, SAMPLE = 100, 256


class IsolationForest:
    """Isolation forest: 100 trees of 256 events each, no deeper than log2 of that.

    The score is 2^(-E[h(x)] / c(n)), h the depth at which x ends plus c(size) of that leaf, c(n)
    the mean depth of a leaf in a random binary tree of n leaves. Splits are uniform in a type that
    varies in the node. Range: 0 to 1. Source: Liu, Ting, Zhou, Isolation forest, ICDM 2008.

    Nodes of all trees are numbered as in a heap: 2k + 1 and 2k + 2 are below k. feature_, cut_,
    depth_ [T, nodes]: feature -1 is a leaf (or not there), depth_ its h; x goes left below cut.
    """

    def fit(self, codes: Ints, arity: Ints, seed: int = 0) -> Self:
        """Learn from events."""
        check(codes, arity)
        rng = np.random.default_rng([seed, 5])
        self.tables_ = rarity(codes, arity)
        size = min(SAMPLE, len(codes))
        height = int(np.ceil(np.log2(max(size, 2))))
        self.unit_ = float(path_length(np.array([size]))[0])
        nodes = 2 ** (height + 1) - 1
        self.feature_ = np.full((TREES, nodes), -1)
        self.cut_ = np.zeros((TREES, nodes))
        self.depth_ = np.zeros((TREES, nodes))
        for tree in range(TREES):
            rows = rng.choice(len(codes), size, replace=False)
            self._grow(tree, looked_up(self.tables_, codes[rows]), height, rng)
        return self

    def _grow(self, tree: int, x: Floats, height: int, rng: np.random.Generator) -> None:
        """Grow one tree, level by level: `at` is the node that each row has come to."""
        at = np.zeros(len(x), np.int64)
        for level in range(height + 1):
            first, width = 2**level - 1, 2**level
            node = at - first
            here = np.flatnonzero(node >= 0)  # the others have ended above
            if not len(here):
                return
            low = np.full((width, x.shape[1]), np.inf)
            high = np.full((width, x.shape[1]), -np.inf)
            np.minimum.at(low, node[here], x[here])
            np.maximum.at(high, node[here], x[here])
            size = np.bincount(node[here], minlength=width)
            varied = high > low
            split = np.logical_and(varied.any(axis=1), level < height)
            # One of the types that vary, all alike: the largest of random numbers, 0 elsewhere.
            feature = (varied * (1 - rng.random(varied.shape))).argmax(axis=1)
            nodes = np.arange(width)
            ends = low[nodes, feature], high[nodes, feature]
            # Above the lowest and up to the highest, so that neither side is empty.
            span = np.where(split, ends[1] - ends[0], 0.0)
            cut = np.where(split, ends[1] - span * rng.random(width), 0.0)
            cut = np.where(split & (cut <= ends[0]), ends[1], cut)
            place = slice(first, first + width)
            self.feature_[tree, place] = np.where(split, feature, -1)
            self.cut_[tree, place] = cut
            self.depth_[tree, place] = np.where(split | (size == 0), 0.0, level + path_length(size))
            goes = split[node[here]]
            here, node = here[goes], node[here][goes]
            right = x[here, feature[node]] >= cut[node]
            at[here] = 2 * at[here] + 1 + right

    def score(self, codes: Ints) -> Floats:
        """Return how anomalous events are."""
        x = looked_up(self.tables_, codes)
        rows = np.arange(len(x))
        total = np.zeros(len(x))
        for feature, cut, depth in zip(self.feature_, self.cut_, self.depth_, strict=True):
            at = np.zeros(len(x), np.int64)
            while True:
                chosen = feature[at]
                inner = np.flatnonzero(chosen >= 0)
                if not len(inner):
                    break
                node = at[inner]
                at[inner] = 2 * node + 1 + (x[rows[inner], chosen[inner]] >= cut[node])
            total += depth[at]
        scores: Floats = 2.0 ** (-total / TREES / self.unit_) if self.unit_ else np.ones(len(x))
        return scores


def path_length(size: Ints) -> Floats:
    """Return c(n) = 2 H(n - 1) - 2 (n - 1) / n, the mean depth of a random tree's leaves.

    >>> path_length(np.array([0, 1, 2, 3]))
    array([0.        , 0.        , 1.        , 1.66666667])
    """
    n = np.maximum(size, 1)
    harmonic = np.concatenate([[0.0], np.cumsum(1 / np.arange(1, int(n.max()) + 1))])
    return np.asarray(2 * harmonic[n - 1] - 2 * (n - 1) / n)


class Ecod:
    """ECOD: how far out in each type's empirical distribution, multiplied over types.

    The largest of three sums over types: -ln of the left tail P(X <= x), of the right one, and of
    that on whose side the type is skewed. Tails are (n + 1) / (N + 1), so none is empty.
    Source: Li et al., ECOD, TKDE 2022.
    """

    def fit(self, codes: Ints, arity: Ints, seed: int = 0) -> Self:
        """Learn from events."""
        check(codes, arity)
        self.tables_ = rarity(codes, arity)
        x = looked_up(self.tables_, codes)
        self.sorted_ = np.sort(x, axis=0)
        self.left_ = ((x - x.mean(axis=0)) ** 3).sum(axis=0) < 0  # of the skewness only the sign
        return self

    def score(self, codes: Ints) -> Floats:
        """Return how anomalous events are."""
        x = looked_up(self.tables_, codes)
        size = len(self.sorted_)
        sums = np.zeros((3, len(x)))
        for i, column in enumerate(self.sorted_.T):
            below = np.searchsorted(column, x[:, i], side="right")
            above = size - np.searchsorted(column, x[:, i], side="left")
            left, right = (-np.log((n + 1) / (size + 1)) for n in (below, above))
            sums += np.stack([left, right, left if self.left_[i] else right])
        worst: Floats = sums.max(axis=0)
        return worst
