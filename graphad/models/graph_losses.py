"""Losses for graphs of two kinds, one of them rare. Labels are 1 for abnormal, logits [G, 2].

Source: Cui et al., Class-Balanced Loss, CVPR 2019, and Lin et al., Focal Loss, ICCV 2017, as the
code of RQGNN joins them; Menon et al., Long-tail Learning via Logit Adjustment, ICLR 2021.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

Floats = npt.NDArray[np.float64]


def class_weights(normal: int, abnormal: int, beta: float = 0.999) -> Floats:
    """Return the weights [2] of both kinds, which sum to 2: the inverse of effective numbers.

    (1 - beta) / (1 - beta^n), rescaled; a kind without a graph weighs nothing.

    >>> class_weights(90, 10).round(6)
    array([0.207258, 1.792742])
    """
    counts = np.array([normal, abnormal], dtype=np.float64)
    with np.errstate(divide="ignore"):
        raw = np.where(counts > 0, (1.0 - beta) / -np.expm1(counts * np.log(beta)), 0.0)
    found: Floats = 2.0 * raw / raw.sum()
    return found


def focal_terms(logits: Any, labels: Any, gamma: float = 1.5) -> Any:
    """Return (1 - chance of what is true)^gamma times the cross-entropy, [G, 2].

    Each logit is a question of its own, whether the graph is of that kind. 1 minus a chance is
    taken as exp of minus the cross-entropy of the opposite, which no logit can overflow.
    """
    true = functional.one_hot(labels, 2).to(logits.dtype)
    entropy = functional.binary_cross_entropy_with_logits(logits, true, reduction="none")
    against = functional.binary_cross_entropy_with_logits(logits, 1.0 - true, reduction="none")
    return torch.exp(-gamma * against) * entropy


def focal_loss(logits: Any, labels: Any, weights: Any, gamma: float = 1.5) -> Any:
    """Return the mean over graphs of their focal terms, weighted by their kind's weight [2]."""
    return (weights[labels] * focal_terms(logits, labels, gamma).sum(dim=1)).mean()


def adjusted_loss(logits: Any, labels: Any, counts: Any) -> Any:
    """Return the cross-entropy of logits to which the logarithms of both counts [2] are added.

    What is then predicted without them is balanced: no kind is likelier for being common.
    """
    return functional.cross_entropy(logits + torch.log(counts), labels)
