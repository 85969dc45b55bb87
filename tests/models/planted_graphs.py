"""Graphs of which some have a planted abnormal spectrum: neighbours differ where others agree."""

import numpy as np
import numpy.typing as npt

from graphad.models.graph_batch import GraphBatch

Bools = npt.NDArray[np.bool_]


def planted(graphs: int, share: float, seed: int) -> tuple[GraphBatch, Bools]:
    """Return rings with chords, of nodes of three kinds, and which of them are abnormal.

    In a normal graph kinds come in runs along the ring; in an abnormal one the same kinds are
    shuffled. Sizes and shares of kinds don't tell them apart.
    """
    random = np.random.default_rng(seed)
    abnormal = np.arange(graphs) < round(share * graphs)
    random.shuffle(abnormal)
    sizes = random.integers(10, 30, graphs)
    src, dst, kinds, at = [], [], [], 0
    for size, odd in zip(sizes, abnormal, strict=True):
        ring = np.arange(size)
        chords = random.integers(0, size, (2, size // 5))
        src.append(np.concatenate([ring, chords[0]]) + at)
        dst.append(np.concatenate([(ring + 1) % size, chords[1]]) + at)
        runs = np.sort(random.integers(0, 3, size))
        kinds.append(random.permutation(runs) if odd else runs)
        at += size
    x = np.eye(3)[np.concatenate(kinds)]
    batch = GraphBatch.of(sizes, np.concatenate(src), np.concatenate(dst), x)
    return batch, abnormal
