"""The plain way to train entity embeddings: torch, whole noise events, dense Adam.

Noise for every type (convention B of our notes on APE), as our own default has it, so that both
see the same number of noise rows for each event.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

BATCH, RATE = 1024, 0.01


class PlainTrainer:
    """Learns S = sum_{i<j} w_ij v_i.v_j + sum_i b_i and a constant for each type."""

    def __init__(self, codes: Ints, arity: Ints, dim: int, negatives: int, seed: int) -> None:
        self.generator = torch.Generator().manual_seed(seed)
        self.start = torch.from_numpy(np.concatenate([[0], np.cumsum(arity)[:-1]]))
        self.negatives = negatives
        values, types = int(arity.sum()), len(arity)
        # The same smoothed frequencies as ours: 0.9 count^0.75, renormalised, and 0.1 evenly.
        chances = []
        for column, size in zip(codes.T, arity.tolist(), strict=True):
            weight = np.maximum(np.bincount(column, minlength=size), 1.0) ** 0.75
            chances.append(0.9 * weight / weight.sum() + 0.1 / size)
        self.log_p = torch.from_numpy(np.log(np.concatenate(chances))).float()
        self.chances = [torch.from_numpy(np.cumsum(chance)) for chance in chances]
        self.vectors = torch.nn.Parameter(torch.randn(values, dim, generator=self.generator) * 0.1)
        self.bias = torch.nn.Parameter(torch.zeros(values))
        self.weights = torch.nn.Parameter(torch.ones(types, types))
        self.constant = torch.nn.Parameter(torch.zeros(types))
        everything = [self.vectors, self.bias, self.weights, self.constant]
        self.optimiser = torch.optim.Adam(everything, lr=RATE)

    def likelihood(self, ids: Any) -> Any:
        """Return S of events [..., m] of numbers among all values."""
        v = self.vectors[ids]
        mixed = torch.einsum("ij,...jd->...id", torch.triu(self.weights, 1), v)
        return (mixed * v).sum(dim=(-1, -2)) + self.bias[ids].sum(dim=-1)

    def epoch(self, codes: Ints) -> float:
        """Go through events in a random order once; return the mean loss of an event."""
        ids = torch.from_numpy(codes) + self.start
        total, m, k = 0.0, ids.shape[1], self.negatives
        order = torch.randperm(len(ids), generator=self.generator)
        for chosen in order.split(BATCH):
            seen = ids[chosen]
            noise = seen[:, None, None, :].expand(-1, m, k, m).clone()
            for i in range(m):
                drawn = torch.rand(len(seen), k, generator=self.generator, dtype=torch.float64)
                at = torch.searchsorted(self.chances[i], drawn).clamp(max=len(self.chances[i]) - 1)
                noise[:, i, :, i] = at + self.start[i]
            changed = torch.diagonal(noise, dim1=1, dim2=3).transpose(1, 2)  # [B, m, k]
            lift = self.constant - float(np.log(k))
            real = self.likelihood(seen)[:, None] + lift - self.log_p[seen]
            false = self.likelihood(noise) + lift[:, None] - self.log_p[changed]
            losses = torch.nn.functional.softplus(-real).sum()
            losses = losses + torch.nn.functional.softplus(false).sum()
            self.optimiser.zero_grad()
            (losses / len(seen)).backward()
            self.optimiser.step()
            with torch.no_grad():
                self.weights.clamp_(min=0.0)
            total += float(losses.detach())
        return total / len(ids)

    def score(self, codes: Ints) -> Floats:
        """Return -S of events; higher is more abnormal."""
        with torch.no_grad():
            found: Floats = -self.likelihood(torch.from_numpy(codes) + self.start).double().numpy()
        return found
