"""A network that tells relations that don't belong from those that do, by windows of lines.

Source: Li et al., GLAD: Content-aware Dynamic Graphs for Log Anomaly Detection, ICKG 2023. What
differs by default is listed at `RelationNetwork`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from graphad.errors import GraphadError, ModelError, NotFitted
from graphad.models.relation_features import RelationFeatures
from graphad.models.relation_graph import WindowEdges
from graphad.models.relations import Relations

if TYPE_CHECKING:
    from graphad.models.relation_layers import Shape
    from graphad.models.relation_training import Vertices

Floats = npt.NDArray[np.float64]
Arrays = dict[str, npt.NDArray[np.float32]]

_STRETCH = 256  # windows that are scored at once
_FORMS = ("squared", "linear")
_NEGATIVES = ("typed", "window")


@dataclass
class RelationNetwork:
    """Scores relations by how little an event and a value belong together, in their window.

    Unlike the authors' code, by default: a window looks at the `past` - 1 before it and at none
    after it; false relations keep their type, never occur in training, and are put into the window
    they are judged in; edges weigh log(1 + lines) and don't weigh in the score; the score is the
    squared one; names that were seen have vectors of their own; what a vertex is by itself passes
    beside its neighbours; some true relations, not all, are judged in each step.

    step_us, length_us: of windows; text: numbers of a text's vector; hidden, layers: of the graph
    layers; blocks, heads: of the transformer; most: tokens of a window that others look at;
    identity: numbers of a name's own vector; share: of relations that get a false one in a step;
    forget: of tokens that pass for unseen ones in training; warm: epochs in which all pairs count;
    window_loss: weight of the windows' distance to the centre, (15); held: share of windows, the
    last, by which the best epoch is kept; steps: at most, an epoch.
    """

    step_us: int = 300_000_000
    length_us: int = 300_000_000
    text: int = 64
    hidden: int = 64
    layers: int = 2
    blocks: int = 2
    heads: int = 4
    past: int = 8
    most: int = 256
    skip: bool = True
    identity: int = 32
    frequent: bool = True
    causal: bool = True
    negatives: Literal["typed", "window"] = "typed"
    form: Literal["squared", "linear"] = "squared"
    weighted: bool = False
    share: float = 0.2
    forget: float = 0.1
    beta: float = 1.0
    mu: float = 0.3
    gamma: float = 0.5
    warm: int = 2
    window_loss: float = 0.0
    dropout: float = 0.0
    rate: float = 0.003
    decay: float = 1e-5
    batch: int = 16
    steps: int = 16
    epochs: int = 25
    patience: int = 6
    held: float = 0.15
    seed: int = 0
    features_: RelationFeatures | None = field(default=None, repr=False)
    parameters_: Arrays | None = field(default=None, repr=False)
    # Of each epoch: the mean loss, and how well held-out relations were told apart, the loss
    # below 0 (nan: none).
    epochs_: list[tuple[float, float]] = field(default_factory=list, repr=False)

    def __post_init__(self) -> None:
        """Refuse what makes no sense. Raises: ValueError."""
        if self.form not in _FORMS or self.negatives not in _NEGATIVES:
            raise ValueError("form must be squared or linear, negatives typed or window.")
        counts = (self.hidden, self.layers, self.heads, self.past, self.most, self.batch,
                  self.steps, self.epochs, self.text)  # fmt: skip
        if not all(isinstance(n, int) and 1 <= n <= 4096 for n in counts):
            raise ValueError("Sizes and numbers must be within 1 and 4096.")
        if not (0 <= self.blocks <= 64 and 0 <= self.identity <= 4096):
            raise ValueError("blocks must be within 0 and 64, identity within 0 and 4096.")
        if self.hidden % self.heads:
            raise ValueError("hidden must be a multiple of heads.")
        shares = (self.forget, self.dropout, self.held)
        if not all(0 <= share < 1 for share in shares) or not 0 < self.share <= 1:
            raise ValueError("Shares must be within [0, 1), share above 0.")
        if self.step_us < 1 or self.length_us < self.step_us or self.length_us % self.step_us:
            raise ValueError("A window must be one or more whole steps long.")
        numbers = (self.rate, self.beta, self.gamma)
        if not all(0 < n < np.inf for n in numbers) or not abs(self.mu) < np.inf:
            raise ValueError("rate, beta and gamma must be above 0.")
        if min(self.window_loss, self.decay, self.warm, self.patience) < 0:
            raise ValueError("window_loss, decay, warm and patience must be at least 0.")

    @classmethod
    def paper(cls, **settings: Any) -> "RelationNetwork":
        """Return the method of the authors' code without its defects (5 of our notes).

        Without a language model: vectors of texts are ours, and so is the transformer, which is
        trained from scratch. Windows are in order of time, and blocks of them look at each other,
        so that what else is scored doesn't matter; each edge is scored once.
        """
        published: dict[str, Any] = {
            "text": 128, "hidden": 128, "layers": 3, "skip": False, "identity": 0,
            "frequent": False, "causal": False, "negatives": "window", "form": "linear",
            "weighted": True, "forget": 0.0, "warm": 0, "dropout": 0.3, "rate": 0.001,
            "batch": 64, "most": 1024, "epochs": 100, "patience": 4, "held": 0.2,
        }  # fmt: skip
        return cls(**(published | settings))

    def fit(
        self, given: Relations, told: Callable[[int, tuple[float, float]], None] | None = None, *,
        checkpoint: Path | None = None,
    ) -> "RelationNetwork":  # fmt: skip
        """Learn from the relations of quiet time; needs torch.

        told: called after each epoch with its number, loss and how well held-out relations are told
        apart; checkpoint: a file, gone in the end, by which a training that was stopped goes on.

        Raises:
            ValueError: there is no relation, or training diverged.
            GraphadError: torch is not installed.
        """
        features = RelationFeatures(self.text, self.frequent, self.seed).fit(given)
        training = _torch()
        edges, _ = WindowEdges.of(given, self.step_us, self.length_us)
        rules = training.Rules(**{n: getattr(self, n) for n in training.Rules._fields})
        names = len(features.lines_)
        self.parameters_, epochs = training.train(
            edges, self._vertices(given, features), names, self._shape(), rules, told, checkpoint
        )
        self.features_ = features
        self.epochs_ = [(e.loss, e.held) for e in epochs]
        return self

    def score(self, given: Relations) -> Floats:
        """Return the scores [R], high where an event and a value don't belong together.

        Relations of one window with the same event and value have one score. It depends on windows
        before, if they are given, never on later ones; `earlier_us` says how far back.

        Raises: NotFitted; GraphadError: torch is not installed.
        """
        if self.parameters_ is None or self.features_ is None:
            raise NotFitted("relation")
        training = _torch()
        if not len(given):
            return np.zeros(0)
        edges, at = WindowEdges.of(given, self.step_us, self.length_us)
        vertices = self._vertices(given, self.features_)
        shape = self._shape()
        found: Floats = training.score_edges(self.parameters_, edges, vertices, shape, _STRETCH)
        return found[at]

    @property
    def earlier_us(self) -> int:
        """Return how much earlier lines may change a score."""
        reach = self.blocks * (self.past - 1) if self.causal else self.past - 1
        return reach * self.step_us + self.length_us

    def dump(self) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
        """Return settings and arrays for `restore`."""
        if self.parameters_ is None or self.features_ is None:
            raise NotFitted("relation")
        settings = {f.name: getattr(self, f.name) for f in fields(self) if f.name[-1] != "_"}
        told, arrays = self.features_.dump()
        found: dict[str, npt.NDArray[Any]] = {f"features/{n}": a for n, a in arrays.items()}
        found |= {f"network/{n}": a for n, a in self.parameters_.items()}
        return {"settings": settings, "features": told}, found

    @classmethod
    def restore(cls, told: Mapping[str, Any], arrays: Mapping[str, Any]) -> "RelationNetwork":
        """Return what `dump` gave; needs torch. Raises: ModelError if it doesn't hang together."""
        training = _torch()
        try:
            made = cls(**told["settings"])
            parts: dict[str, dict[str, Any]] = {"features": {}, "network": {}}
            for name, array in arrays.items():
                part, _, rest = name.partition("/")
                parts[part][rest] = array
            features = RelationFeatures.restore(told["features"], parts["features"])
            if (features.width, features.frequent) != (made.text, made.frequent):
                raise ValueError("features")
            random = np.random.default_rng(0)
            like = training.fresh(made._shape(), features.size, len(features.lines_), random)
            p = parts["network"]
            if {n: (a.shape, a.dtype) for n, a in p.items()} != {
                n: (a.shape, a.dtype) for n, a in like.items()
            }:
                raise ValueError("names, types or shapes")
            if not all(np.isfinite(a).all() for a in p.values()):
                raise ValueError("values")
            made.features_, made.parameters_ = features, p
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ModelError(f"The relation network is damaged: {error}.") from error
        return made

    def _shape(self) -> "Shape":
        from graphad.models.relation_layers import Shape

        return Shape(**{name: getattr(self, name) for name in Shape._fields})

    def _vertices(self, given: Relations, features: RelationFeatures) -> "Vertices":
        from graphad.models.relation_training import Vertices

        places = features.places(given)
        kinds = sorted({kind for kind, _ in given.nodes})
        number = {kind: n for n, kind in enumerate(kinds)}
        kind = np.array([number[kind] for kind, _ in given.nodes], np.int64)
        rows = features.of(given, places)
        return Vertices(rows, places, kind, len(given.events), features.frequent)


def _torch() -> Any:
    """Return the module that trains and scores. Raises: GraphadError: torch is not installed."""
    try:
        return import_module("graphad.models.relation_training")
    except ImportError as error:
        raise GraphadError(
            "A relation network needs torch, which is not installed.",
            hint="pip install 'graphad[neural]', or take --model surprisal.",
        ) from error
