"""Plain networks to hold ours against: GIN and ChebNet of PyG, summed over nodes.

GIN: Xu et al., How Powerful are Graph Neural Networks?, ICLR 2019. ChebNet: Defferrard et al.,
NeurIPS 2016. Both as their papers have them, no more: cross-entropy with each kind of graph
weighing the same, Adam, the epoch and the threshold chosen by held-out graphs as ours are.
"""

import warnings
from copy import deepcopy
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import BatchNorm1d, Dropout, Linear, Module, ModuleList, ReLU, Sequential

from benchmarks.plain_rayleigh import edge_index
from graphad.models.graph_batch import GraphBatch
from graphad.models.metrics import best_cut, roc_auc
from graphad.models.rayleigh_network import divided

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # importing it warns of what newer versions of torch deprecate
    from torch_geometric.nn import ChebConv, GINConv

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

HIDDEN, LAYERS, ORDER = 64, 2, 3
EPOCHS, PATIENCE, BATCH, RATE, HELD = 40, 15, 128, 0.005, 0.15


class Net(Module):  # type: ignore[misc]
    """Layers over nodes, a sum over each graph after every layer, and a linear decision."""

    def __init__(self, layers: list[Any], features: int) -> None:
        super().__init__()
        self.layers = ModuleList(layers)
        self.norms = ModuleList([BatchNorm1d(HIDDEN) for _ in layers])
        self.out = Sequential(Dropout(0.5), Linear(features + HIDDEN * len(layers), 1))

    def forward(self, batch: GraphBatch) -> Any:
        """Return the log-odds [G]."""
        edges, x = edge_index(batch), torch.from_numpy(batch.features).float()
        weight = torch.from_numpy(batch.weight).float()
        graph = torch.from_numpy(batch.graph)
        pooled = [_summed(x, graph, len(batch))]
        for layer, norm in zip(self.layers, self.norms, strict=True):
            x = layer(x, edges, weight) if isinstance(layer, ChebConv) else layer(x, edges)
            x = torch.relu(norm(x))
            pooled.append(_summed(x, graph, len(batch)))
        return self.out(torch.cat(pooled, dim=1))[:, 0]


def gin(features: int) -> Net:
    """Return a GIN."""
    widths = [features, *[HIDDEN] * LAYERS]
    layers = [GINConv(Sequential(Linear(a, b), ReLU(), Linear(b, b))) for a, b in pairwise(widths)]
    return Net(layers, features)


def cheb(features: int) -> Net:
    """Return a ChebNet."""
    widths = [features, *[HIDDEN] * LAYERS]
    layers = [ChebConv(a, b, ORDER) for a, b in pairwise(widths)]
    return Net(layers, features)


def trained(
    make: Any, learn: GraphBatch, abnormal: Bools, test: GraphBatch, seed: int,
    epochs: int = EPOCHS,
) -> tuple[Floats, float]:  # fmt: skip
    """Return the scores of a network that learned from graphs, and from which on it would alarm."""
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    ours, held = divided(abnormal, HELD, seed)
    judged = held if len(held) else ours
    net = make(learn.features.shape[1])
    optimiser = torch.optim.Adam(net.parameters(), lr=RATE)
    truth = torch.from_numpy(abnormal.astype(np.float32))
    weight = torch.tensor(float((~abnormal[ours]).sum() / max(abnormal[ours].sum(), 1)))
    loss = torch.nn.BCEWithLogitsLoss(pos_weight=weight)
    best, kept, since = -1.0, deepcopy(net.state_dict()), 0
    for _ in range(epochs):
        net.train()
        order = random.permutation(ours)
        for part in np.array_split(order, max(len(order) // BATCH, 1)):
            optimiser.zero_grad()
            loss(net(learn.take(part)), truth[part]).backward()
            optimiser.step()
        auc = roc_auc(_scored(net, learn.take(judged)), abnormal[judged]) or 0.0
        since += 1
        if auc > best:
            best, kept, since = auc, deepcopy(net.state_dict()), 0
        if since >= PATIENCE:
            break
    net.load_state_dict(kept)
    cut = best_cut(_scored(net, learn.take(judged)), abnormal[judged])
    return _scored(net, test), cut


def _scored(net: Net, batch: GraphBatch) -> Floats:
    net.eval()
    with torch.no_grad():
        found: Floats = net(batch).double().numpy()
    return found


def _summed(x: Any, graph: Any, graphs: int) -> Any:
    return torch.zeros(graphs, x.shape[1]).index_add(0, graph, x)
