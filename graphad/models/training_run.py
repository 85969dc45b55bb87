"""A training as far as it has come, kept in a file by which it goes on where it was stopped."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch

from graphad.models.rayleigh_checkpoint import Checkpoint


class Epoch(NamedTuple):
    """The mean loss of an epoch, and how good what was held out then was (nan: none)."""

    loss: float
    held: float


@dataclass
class Run:
    """Parameters, their moments, and the best so far; higher is better."""

    p: dict[str, Any]
    optimiser: Any
    random: np.random.Generator
    kept: dict[str, Any]
    best: float = -np.inf
    bad: int = 0
    epochs: list[Epoch] = field(default_factory=list)

    def took(self, epoch: Epoch) -> None:
        """Count an epoch; of equally good ones the later is kept, as in the code of RQGNN."""
        self.epochs.append(epoch)
        if np.isnan(epoch.held):
            return
        self.bad = 0 if epoch.held > self.best else self.bad + 1
        if epoch.held >= self.best:
            self.kept = {name: a.detach().clone() for name, a in self.p.items()}
            self.best = epoch.held

    def save(self, file: Checkpoint) -> None:
        """Keep the state."""
        arrays = {f"p/{name}": a.detach().cpu().numpy() for name, a in self.p.items()}
        arrays |= {f"kept/{name}": a.detach().cpu().numpy() for name, a in self.kept.items()}
        for number, moments in self.optimiser.state_dict()["state"].items():
            arrays |= {f"adam/{number}/{name}": a.cpu().numpy() for name, a in moments.items()}
        state = {
            "best": self.best, "bad": self.bad, "epochs": self.epochs,
            "random": self.random.bit_generator.state,
        }  # fmt: skip
        file.save(arrays, state)

    def restore(self, file: Checkpoint) -> None:
        """Go on from a state that was kept, if there is one of this training."""
        found = file.load()
        if found is None:
            return
        arrays, state = found
        with torch.no_grad():
            for name, a in self.p.items():
                a.copy_(torch.from_numpy(arrays[f"p/{name}"]))
        mine = [name for name in arrays if name.startswith("kept/")]
        where = next(iter(self.p.values())).device
        self.kept = {n.removeprefix("kept/"): torch.from_numpy(arrays[n]).to(where) for n in mine}
        told = self.optimiser.state_dict()
        for name, a in arrays.items():
            if name.startswith("adam/"):
                number, moment = name.split("/")[1:]
                told["state"].setdefault(int(number), {})[moment] = torch.from_numpy(a)
        self.optimiser.load_state_dict(told)
        self.best, self.bad = state["best"], state["bad"]
        self.epochs = [Epoch(*one) for one in state["epochs"]]
        self.random.bit_generator.state = state["random"]


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch add up in one thread, in the same order each time."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
