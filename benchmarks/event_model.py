"""The event detector's model with the face of event_baselines, in each of its modes."""

from collections.abc import Callable
from functools import partial
from typing import Self

from benchmarks.event_baselines import Floats, Scorer
from graphad.graph import Ints
from graphad.models.entity_embedding import EntityEmbedding

# The published training sums all pairs of types for each of 3 m noise rows: on a wide table it
# makes one pass over some of the events, or it would take a quarter of an hour a seed.
WIDE, THIN = 40, 6


class Embedding:
    """Entity embeddings, made from a seed; the score is in bits."""

    def __init__(self, make: Callable[..., EntityEmbedding]) -> None:
        self.make = make

    def fit(self, codes: Ints, arity: Ints, seed: int) -> Self:
        """Learn from events, in time order if they have one."""
        made = self.make(seed=seed)
        if made.objective == "paper" and codes.shape[1] > WIDE:
            made.epochs, codes = 1, codes[::THIN]
        self.model_ = made.fit(codes, arity)
        return self

    def score(self, codes: Ints) -> Floats:
        """Return how anomalous events are."""
        return self.model_.score(codes)


MODES: dict[str, Callable[[], Scorer]] = {
    "default": partial(Embedding, EntityEmbedding),
    "paper": partial(Embedding, EntityEmbedding.paper),
    "no weights": partial(Embedding, partial(EntityEmbedding, weights=False)),
}
