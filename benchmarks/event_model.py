"""The event detector's model with the face of event_baselines, in each of its modes."""

from collections.abc import Callable
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Self

import numpy as np

from benchmarks.event_baselines import Floats, Scorer
from graphad.graph import Ints

MODULE = "graphad.models.entity_embedding"  # in a checkout before it, only the simple ways are run
MODES: dict[str, dict[str, Any]] = {
    "default": {},
    "paper": {"convention": "A"},
    "no weights": {"weights": False},
}


class Embedding:
    """Entity embeddings; the score is in bits."""

    def __init__(self, **settings: Any) -> None:
        self.settings = settings

    def fit(self, codes: Ints, arity: Ints, seed: int) -> Self:
        """Learn from events."""
        made = import_module(MODULE).EntityEmbedding(seed=seed, **self.settings)
        self.model_ = made.fit(codes, arity)
        return self

    def score(self, codes: Ints) -> Floats:
        """Return how anomalous events are."""
        return np.asarray(self.model_.score(codes), np.float64)


def modes() -> dict[str, Callable[[], Scorer]]:
    """Return what makes the model in each mode; nothing where there is no model."""
    if find_spec(MODULE) is None:
        return {}
    return {name: partial(Embedding, **settings) for name, settings in MODES.items()}
