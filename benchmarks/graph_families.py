"""Made-up families of graphs, of which a rare one has its energy planted at other frequencies.

A graph is a few loosely joined groups of nodes, each group mostly of one kind: neighbours agree, so
energy lies low. Abnormal graphs of every family have the sizes of normal ones, and all
about their numbers of edges; `smoothed` and `recoloured` change how many nodes are of each kind.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from graphad.models.graph_batch import GraphBatch

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

KINDS = 8
FAMILIES = ("shuffled", "smoothed", "rewired", "recoloured", "stretched")


class Family(NamedTuple):
    """Graphs, the kinds [N] of their nodes, and which graphs [G] are abnormal."""

    batch: GraphBatch
    kinds: Ints
    abnormal: Bools

    def take(self, chosen: Ints) -> "Family":
        """Return some of the graphs."""
        starts = self.batch.start
        at = [np.arange(starts[g], starts[g + 1]) for g in chosen]
        kinds = self.kinds[np.concatenate([np.zeros(0, np.int64), *at])]
        return Family(self.batch.take(chosen), kinds, self.abnormal[chosen])


def made(
    family: str, graphs: int, share: float, seed: int, nodes: tuple[int, int] = (20, 60)
) -> Family:
    """Return graphs of `nodes` (least, most), `share` of them abnormal in the way of `family`."""
    random = np.random.default_rng(seed)
    abnormal = random.permutation(np.arange(graphs) < round(graphs * share))
    sizes = random.integers(nodes[0], nodes[1] + 1, graphs)
    src, dst, kinds, at = [], [], [], 0
    for size, odd in zip(sizes.tolist(), abnormal, strict=True):
        u, v, k = one(size, family if odd else "", random)
        src.append(u + at)
        dst.append(v + at)
        kinds.append(k)
        at += size
    kind = np.concatenate(kinds)
    batch = GraphBatch.of(sizes, np.concatenate(src), np.concatenate(dst), np.eye(KINDS)[kind])
    return Family(batch, kind, abnormal)


def one(size: int, family: str, random: np.random.Generator) -> tuple[Ints, Ints, Ints]:
    """Return the edges and kinds of one graph; normal if it is of no family."""
    group = np.sort(random.integers(0, 4, size))
    near, far = random.integers(0, size, (2, 2 * size))
    # A partner comes from the same group, but for one in eight, which joins groups.
    within = random.random(2 * size) < 7 / 8
    if family == "stretched":  # partners are next in line: a path, whose low frequencies are lower
        far = np.where(within, np.minimum(near + 1, size - 1), far)
    else:
        first = np.searchsorted(group, group[near])
        many = np.bincount(group, minlength=4)[group[near]]
        far = np.where(within, first + (random.random(2 * size) * many).astype(np.int64), far)
    main = random.permutation(KINDS)[:4]
    noise = random.random(size) < 0.3
    kinds = np.where(noise, random.integers(0, KINDS, size), main[group])
    if family == "smoothed":  # nobody differs from their group
        kinds = main[group]
    elif family == "shuffled":
        kinds = random.permutation(kinds)
    elif family == "rewired":  # the same degrees, whoever they join
        far = random.permutation(far)
    elif family == "recoloured":  # one group is of all kinds
        kinds = np.where(group == 0, random.integers(0, KINDS, size), kinds)
    return near, far, kinds
