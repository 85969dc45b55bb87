"""How a Rayleigh network is trained: Adam on mini-batches of graphs, the best epoch kept.

All that is random comes from the seed through numpy, and one thread does the sums, so the same
graphs and seed give the same bytes on one machine and device, and nothing of torch's own state is
touched. Terms that don't change are made by our kernels once; the rest may run on a GPU.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from graphad.models import torch_device
from graphad.models.chebyshev import terms
from graphad.models.graph_batch import GraphBatch, ranges
from graphad.models.graph_losses import adjusted_loss, class_weights, focal_loss
from graphad.models.metrics import macro_f1, roc_auc
from graphad.models.rayleigh_checkpoint import Checkpoint, key_of
from graphad.models.rayleigh_layers import Entry, Sizes, fresh, logits
from graphad.models.rayleigh_scores import Arrays, Form, Scale, graph_numbers
from graphad.models.training_run import Epoch, Run, one_thread

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_KEEP = 512e6  # bytes of Chebyshev terms that are made once, not at each step
_NOT_TRAINED = ("average", "variance")


class Rules(NamedTuple):
    """How to train: the settings of the same names of RayleighNetwork."""

    hidden: int
    width: int
    filters: str
    loss: str
    beta: float
    gamma: float
    dropout: float
    branch_dropout: float
    rate: float
    batch: int
    epochs: int
    patience: int
    select: str
    device: str
    seed: int


@dataclass
class Loader:
    """Hands out graphs as the layers take them; terms of fixed features are made once if small."""

    graphs: GraphBatch
    numbers: npt.NDArray[np.float32]
    form: Form
    scale: Scale
    device: Any

    def __post_init__(self) -> None:
        """Make terms once where an encoder doesn't change them with every step."""
        self.terms = None
        nodes = self.scale.nodes(self.graphs)
        if not self.form.encoder and nodes.nbytes * self.form.depth <= _KEEP:
            self.terms = self._terms(self.graphs, nodes).to(self.device)

    def entry(self, chosen: Ints) -> Entry:
        """Return some graphs by number."""
        start = self.graphs.start
        numbers = torch.from_numpy(self.numbers[chosen]).to(self.device)
        if self.terms is not None:
            at, begin = ranges(start[chosen], start[chosen + 1])
            return Entry(self.terms[torch.from_numpy(at).to(self.device)], numbers, begin, None)
        some = self.graphs.take(chosen)
        x = self.scale.nodes(some)
        if self.form.encoder:
            return Entry(torch.from_numpy(x).to(self.device), numbers, some.start, some)
        return Entry(self._terms(some, x).to(self.device), numbers, some.start, None)

    def _terms(self, graphs: GraphBatch, x: npt.NDArray[np.float32]) -> Any:
        made = terms(graphs, x, self.form.depth, isolated=self.form.isolated)
        return torch.from_numpy(made.reshape(len(x), self.form.depth * x.shape[1]))


def train(
    batch: GraphBatch, labels: Bools, trained: Ints, held: Ints, form: Form, rules: Rules,
    told: Callable[[int, Epoch], None] | None = None, checkpoint: Path | None = None,
) -> tuple[Arrays, Scale, list[Epoch]]:  # fmt: skip
    """Return parameters, the scale of what goes in, and all epochs.

    trained, held: numbers of graphs, of both kinds each (held: or none); told: is called after each
    epoch; checkpoint: a file by which a training that was stopped goes on. Kept is the epoch with
    the best held-out graphs; without those, the last.

    Raises:
        ValueError: numbers grew without bound.
    """
    device = torch_device.chosen(rules.device)
    numbers = graph_numbers(batch, form.branch)
    scale = Scale.of(batch.take(trained), numbers[trained], form.scaled)
    loader = Loader(batch, scale.graphs(numbers), form, scale, device)
    random = np.random.default_rng(rules.seed)
    sizes = Sizes(batch.features.shape[1], numbers.shape[1], rules.hidden, rules.width)
    begin = fresh(form, sizes, rules.filters, random)
    p = {name: torch.from_numpy(a).to(device) for name, a in begin.items()}
    frozen = _NOT_TRAINED if rules.filters == "trained" else (*_NOT_TRAINED, "theta", "theta_bias")
    moving = [p[name].requires_grad_() for name in sorted(p) if name not in frozen]
    loss_of = _loss(rules, labels[trained], device)
    truth = torch.from_numpy(labels.astype(np.int64)).to(device)
    run = Run(p, torch.optim.Adam(moving, lr=rules.rate), random, p)
    file = None
    if checkpoint is not None:
        graphs = (batch.start, batch.indptr, batch.indices, batch.weight, batch.features, labels)
        file = Checkpoint(checkpoint, key_of((*graphs, trained, held), form, rules, device))
        run.restore(file)
    with one_thread():
        while len(run.epochs) < rules.epochs and run.bad <= rules.patience:
            total = 0.0
            for chosen in _batches(random.permutation(trained), rules.batch):
                entry = loader.entry(chosen)
                kept_in = _mask(random, entry.numbers.shape, rules.branch_dropout, device)
                entry = entry._replace(numbers=entry.numbers * kept_in)
                dropped = _mask(random, (len(chosen), len(p["gain"])), rules.dropout, device)
                loss = loss_of(logits(p, form, entry, dropped), truth[chosen])
                run.optimiser.zero_grad()
                loss.backward()
                run.optimiser.step()
                total += float(loss.detach()) * len(chosen)
            if not all(torch.isfinite(a).all() for a in p.values()):
                raise ValueError("Training diverged: take a smaller rate.")
            found = _held_out(p, form, loader, held, labels, rules, loss_of)
            run.took(Epoch(total / len(trained), found))
            if file is not None:
                run.save(file)
            if told is not None:
                told(len(run.epochs) - 1, run.epochs[-1])
    best = run.kept if len(held) else p
    if file is not None:
        file.remove()
    arrays = {name: a.detach().cpu().numpy().copy() for name, a in best.items()}
    return arrays, scale, run.epochs


def _mask(random: np.random.Generator, shape: tuple[int, ...], share: float, device: Any) -> Any:
    """Return by what numbers are multiplied if a share of them is dropped out; their mean stays."""
    kept = random.random(tuple(shape)) >= share
    return torch.from_numpy(kept.astype(np.float32) / np.float32(1.0 - share)).to(device)


def _loss(rules: Rules, labels: Bools, device: Any) -> Callable[[Any, Any], Any]:
    abnormal = int(labels.sum())
    normal = len(labels) - abnormal
    if rules.loss == "adjusted":
        counts = torch.tensor([normal, abnormal], dtype=torch.float32, device=device)
        return lambda z, y: adjusted_loss(z, y, counts)
    weights = torch.from_numpy(class_weights(normal, abnormal, rules.beta).astype(np.float32))
    weights = weights.to(device)
    return lambda z, y: focal_loss(z, y, weights, rules.gamma)


def _held_out(
    p: dict[str, Any], form: Form, loader: Loader, held: Ints, labels: Bools, rules: Rules,
    loss_of: Callable[[Any, Any], Any],
) -> float:  # fmt: skip
    """Return how good held-out graphs are told apart, higher is better; nan if there are none."""
    if not len(held):
        return float("nan")
    with torch.no_grad():
        z = torch.cat([logits(p, form, loader.entry(some)) for some in _batches(held, rules.batch)])
        if rules.select == "loss":
            return -float(loss_of(z, torch.from_numpy(labels[held].astype(np.int64)).to(z.device)))
    margin = (z[:, 1] - z[:, 0]).cpu().numpy().astype(np.float64)
    if rules.select == "macro F1":
        return macro_f1(margin > 0, labels[held])
    found = roc_auc(margin, labels[held])
    return float("nan") if found is None else found


def _batches(order: Ints, size: int) -> list[Ints]:
    """Return graphs in batches; a last one of a single graph, which has no variance, is merged."""
    cuts = list(range(size, len(order), size))
    if cuts and len(order) - cuts[-1] == 1:
        cuts.pop()
    return np.split(order, cuts)
