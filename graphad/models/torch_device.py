"""What a Rayleigh network needs of a device other than the CPU, where our own kernels don't run.

Each is written so that the same numbers give the same bytes again: sums go by segments and rows of
sparse matrices, never by atomic additions. Bytes differ from those of a CPU, in the last digits.
"""

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from graphad.models.graph_batch import GraphBatch

Ints = npt.NDArray[np.int64]


def chosen(wanted: str) -> Any:
    """Return the device of "auto" (a GPU if torch finds one), "cpu" or "cuda".

    Raises: ValueError: there is no GPU that torch can use.
    """
    found = torch.cuda.is_available()
    if wanted == "cuda" and not found:
        raise ValueError("torch finds no GPU here; take the device auto or cpu.")
    return torch.device("cuda" if found and wanted != "cpu" else "cpu")


def segment_sums(rows: Any, start: Ints) -> Any:
    """Return the sums [G, h] of the rows [N, h] of each graph, on their device."""
    sizes = torch.from_numpy(np.diff(start)).to(rows.device)
    return torch.segment_reduce(rows, "sum", lengths=sizes, axis=0, unsafe=True)


def shifted(batch: GraphBatch, isolated: float, device: Any) -> Any:
    """Return L - I of all graphs, [N, N] by sparse rows; isolated: L_ii of nodes without edges."""
    n = len(batch.degree)
    lone = np.flatnonzero(np.diff(batch.indptr) == 0) if isolated != 1.0 else np.zeros(0, int)
    at = batch.indptr[lone]
    more = np.zeros(n + 1, np.int64)
    more[lone + 1] = 1
    held = (
        batch.indptr + np.cumsum(more),
        np.insert(batch.indices, at, lone),
        np.insert(-batch.normalised, at, isolated - 1.0).astype(np.float32),
    )
    given = [torch.from_numpy(np.ascontiguousarray(array)).to(device) for array in held]
    with warnings.catch_warnings():  # torch calls rows of sparse matrices beta, once
        warnings.simplefilter("ignore", UserWarning)
        return torch.sparse_csr_tensor(*given, size=(n, n), check_invariants=False)


def terms(x: Any, matrix: Any, depth: int) -> Any:
    """Return T_0 x .. T_(depth-1) x of features x [N, F], [N, depth, F], as `chebyshev.terms`."""
    made = [x]
    for k in range(1, depth):
        new = matrix @ made[-1]
        made.append(new if k == 1 else 2.0 * new - made[-2])
    return torch.stack(made, dim=1)


def combined(g: Any, matrix: Any) -> Any:
    """Return sum_k T_k g_k of g [N, depth, F], [N, F], by Clenshaw, as `chebyshev.combined`."""
    ahead, last = torch.zeros_like(g[:, 0]), torch.zeros_like(g[:, 0])
    for k in range(g.shape[1] - 1, 0, -1):
        ahead, last = g[:, k] + 2.0 * (matrix @ ahead) - last, ahead
    return g[:, 0] + matrix @ ahead - last
