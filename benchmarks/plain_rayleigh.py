"""The plain way to a Rayleigh network: PyG's Chebyshev layers and one dense Laplacian a graph.

The method of RQGNN as its authors' code has it, so that ours can be held against it: q layers side
by side, x'Lx from dense matrices at each step, pooling by a dense matrix of graphs times nodes.
"""

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import BatchNorm1d, Dropout, LeakyReLU, Linear, Module, ModuleList

from graphad.models.graph_batch import GraphBatch
from graphad.models.rayleigh_scores import Arrays

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # importing it warns of what newer versions of torch deprecate
    from torch_geometric.nn import ChebConv

Floats = npt.NDArray[np.float64]


def edge_index(batch: GraphBatch) -> Any:
    """Return the edges of a batch as PyG has them, [2, Z]."""
    rows = np.repeat(np.arange(len(batch.features)), np.diff(batch.indptr))
    return torch.from_numpy(np.stack([rows, batch.indices]))


def chebyshev_layer(features: int, out: int, depth: int) -> Any:
    """Return PyG's Chebyshev layer."""
    return ChebConv(features, out, depth)


def dense_energy(batch: GraphBatch) -> Floats:
    """Return x'Lx of each graph and feature [G, F], from dense Laplacians; L_ii = 0 if isolated."""
    found = []
    for g in range(len(batch)):
        first, end = batch.start[g], batch.start[g + 1]
        a = np.zeros((end - first, end - first))
        for u in range(first, end):
            row = slice(batch.indptr[u], batch.indptr[u + 1])
            a[u - first, batch.indices[row] - first] = batch.weight[row]
        degree = a.sum(axis=1)
        root = np.where(degree > 0, 1.0 / np.sqrt(np.where(degree > 0, degree, 1.0)), 0.0)
        laplacian = np.diag((degree > 0) * 1.0) - root[:, None] * a * root
        x = batch.features[first:end]
        found.append(np.diag(x.T @ laplacian @ x))
    return np.array(found)


class PlainNetwork(Module):  # type: ignore[misc]
    """RQGNN with `width` filters of `depth` terms; `trained` says if they are learned."""

    def __init__(
        self, features: int, hidden: int = 64, width: int = 4, depth: int = 6, trained: bool = True
    ) -> None:
        super().__init__()
        self.first, self.second = Linear(features, features), Linear(features, features)
        filters = [chebyshev_layer(features, features, depth) for _ in range(width)]
        # The authors' list is an ordinary one, whose layers the optimiser never sees.
        self.filters = ModuleList(filters) if trained else tuple(filters)
        self.third, self.fourth = Linear(width * features, hidden), Linear(hidden, hidden)
        self.fifth, self.sixth = Linear(features, hidden), Linear(hidden, hidden)
        self.eighth, self.ninth = Linear(features, hidden), Linear(hidden, hidden)
        self.norm, self.drop = BatchNorm1d(2 * hidden), Dropout(0.4)
        self.last, self.act = Linear(2 * hidden, 2), LeakyReLU(0.01)

    def forward(self, batch: GraphBatch) -> Any:
        """Return logits [G, 2]."""
        act, edges = self.act, edge_index(batch)
        x = torch.from_numpy(batch.features).float()
        weight = torch.from_numpy(batch.weight).float()
        r = torch.from_numpy(dense_energy(batch)).float()
        h = act(self.second(act(self.first(x))))
        h = torch.cat([layer(h, edges, weight) for layer in self.filters], dim=1)
        h = act(self.fourth(act(self.third(h))))
        steer = act(self.ninth(act(self.eighth(r))))
        graph = batch.graph
        belongs = torch.zeros(len(batch), len(x))
        belongs[graph, np.arange(len(x))] = 1.0
        pooled = belongs @ ((h * steer[graph]).sum(dim=1, keepdim=True) * h)
        fused = torch.cat([pooled, act(self.sixth(self.fifth(r)))], dim=1)
        return self.last(self.drop(self.norm(fused)))

    def take(self, p: Arrays) -> "PlainNetwork":
        """Take over the parameters of a network of ours in its paper form."""
        named = {"1": self.first, "2": self.second, "3": self.third, "4": self.fourth,
                 "5": self.fifth, "6": self.sixth, "8": self.eighth, "9": self.ninth,
                 "7": self.last}  # fmt: skip
        with torch.no_grad():
            for name, layer in named.items():
                layer.weight.copy_(torch.from_numpy(p[f"w{name}"].T))
                layer.bias.copy_(torch.from_numpy(p[f"b{name}"]))
            for j, layer in enumerate(self.filters):
                for k, term in enumerate(layer.lins):
                    term.weight.copy_(torch.from_numpy(p["theta"][j, k].T))
                layer.bias.copy_(torch.from_numpy(p["theta_bias"][j]))
            norm = {"weight": "gain", "bias": "shift", "running_mean": "average",
                    "running_var": "variance"}  # fmt: skip
            for name, ours in norm.items():
                getattr(self.norm, name).copy_(torch.from_numpy(p[ours]))
        return self
