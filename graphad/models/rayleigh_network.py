"""A network that tells abnormal graphs from normal ones by where their features' energy lies.

Node features go through Chebyshev filters of the Laplacian; a branch that knows the whole graph's
Rayleigh quotients steers how nodes are pooled and is put beside them. Source: Dong et al., Rayleigh
Quotient Graph Neural Networks for Graph-level Anomaly Detection, ICLR 2024 (RQGNN). What differs by
default is listed at `RayleighNetwork`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from graphad.errors import GraphadError, ModelError, NotFitted
from graphad.models.graph_batch import GraphBatch
from graphad.models.metrics import best_cut
from graphad.models.rayleigh_scores import Arrays, Branch, Form, Scale, Scores, shapes_of
from graphad.models.spectral_profile import columns

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_CHOICES = {
    "filters": ("trained", "frozen", "beta"),
    "branch": ("profile", "energy", "quotient", "none"),
    "pool": ("sum", "mean", "rayleigh", "rayleigh mean"),
    "loss": ("focal", "adjusted"),
    "select": ("auc", "macro F1", "loss"),
    "device": ("auto", "cpu", "cuda"),
}
_SCALE = ("most", "center", "spread")


@dataclass
class RayleighNetwork:
    """Scores whole graphs by the log-odds that they are abnormal; learns from labelled ones.

    Unlike the authors' code, by default: filters are trained; the branch knows the whole spectral
    profile, in standard deviations, half of it dropped out in training, with an activation between
    its layers, and doesn't steer how nodes are pooled; there is no encoder; an isolated node has
    L_ii = 0 in filters too; what is a finding is decided by a threshold from held-out graphs.

    depth: Chebyshev terms; width: filters side by side; filters: "frozen" at their random start or
    "beta" wavelets; encoder: two layers before them; branch: "energy" x'Lx, "quotient" x'Lx / x'x
    or "none"; pool: of nodes, "rayleigh" as the branch steers it, "mean" keeps size out; loss:
    class-balanced "focal" or logit-"adjusted"; held: share of graphs of each kind kept out, by
    which `select` the best epoch is kept; device: where it is trained, "auto" on a GPU if there is
    one. Scoring needs none.
    """

    hidden: int = 64
    width: int = 4
    depth: int = 6
    filters: Literal["trained", "frozen", "beta"] = "trained"
    encoder: bool = False
    branch: Branch = "profile"
    pool: Literal["sum", "mean", "rayleigh", "rayleigh mean"] = "sum"
    loss: Literal["focal", "adjusted"] = "focal"
    beta: float = 0.999
    gamma: float = 1.5
    dropout: float = 0.4
    branch_dropout: float = 0.5
    rate: float = 0.005
    batch: int = 512
    epochs: int = 100
    patience: int = 50
    held: float = 0.15
    select: Literal["auc", "macro F1", "loss"] = "auc"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    as_published: bool = False
    seed: int = 0
    parameters_: Arrays | None = field(default=None, repr=False)
    scale_: Scale | None = field(default=None, repr=False)
    threshold_: float = 0.0
    # Of each epoch: the mean loss, and how good held-out graphs were told apart (nan: none held).
    epochs_: list[tuple[float, float]] = field(default_factory=list, repr=False)
    _made: tuple[Any, Scores] | None = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse what makes no sense. Raises: ValueError."""
        for name, known in _CHOICES.items():
            if getattr(self, name) not in known:
                raise ValueError(f"{name} must be one of {', '.join(known)}.")
        if self.branch == "none" and self.pool.startswith("rayleigh"):
            raise ValueError("pool must be sum or mean without a branch to steer it.")
        counts = (self.hidden, self.width, self.depth, self.epochs)
        if not all(isinstance(n, int) and 1 <= n <= 4096 for n in counts) or self.batch < 2:
            raise ValueError(
                "hidden, width, depth and epochs must be within 1 and 4096, batch at least 2."
            )
        shares = (self.held, self.dropout, self.branch_dropout)
        if not (all(0 <= share < 1 for share in shares) and 0 < self.beta < 1):
            raise ValueError("held and dropouts must be within [0, 1), beta within (0, 1).")
        if not (0 < self.rate < np.inf and 0 <= self.gamma < np.inf and self.patience >= 0):
            raise ValueError("rate must be above 0, gamma and patience at least 0.")

    @classmethod
    def paper(cls, **settings: Any) -> "RayleighNetwork":
        """Return the method of the authors' code, whose filters are never trained.

        Its focal factor is the exact one: theirs is 0 where a logit is below -88.
        """
        published: dict[str, Any] = {
            "filters": "frozen", "encoder": True, "branch": "energy", "pool": "rayleigh",
            "branch_dropout": 0.0, "select": "macro F1", "as_published": True,
        }  # fmt: skip
        return cls(**(published | settings))

    def fit(
        self, batch: GraphBatch, labels: npt.ArrayLike,
        told: Callable[[int, tuple[float, float]], None] | None = None, *,
        checkpoint: Path | None = None,
    ) -> "RayleighNetwork":  # fmt: skip
        """Learn from graphs with labels [G], true for abnormal; needs torch.

        told: called after each epoch with its number, loss and how good held-out graphs then are;
        checkpoint: a file, gone in the end, by which a training that was stopped goes on.

        Raises:
            ValueError: labels don't fit, or are not of both kinds, or training diverged, or there
                is no such device.
            GraphadError: torch is not installed.
        """
        truth = np.asarray(labels)
        if truth.dtype != np.bool_ or truth.shape != (len(batch),):
            raise ValueError("Labels are true or false, one for each graph.")
        if truth.all() or not truth.any() or not batch.features.shape[1]:
            raise ValueError("Training needs graphs of both kinds, with features.")
        try:
            from graphad.models.rayleigh_training import Rules, train  # torch, for training alone
        except ImportError as error:
            raise GraphadError(
                "A network is trained by torch, which is not installed.",
                hint="pip install 'graphad[neural]', or take --model wl.",
            ) from error
        trained, held = divided(truth, self.held, self.seed)
        rules = Rules(**{name: getattr(self, name) for name in Rules._fields})
        p, scale, epochs = train(batch, truth, trained, held, self._form(), rules, told, checkpoint)
        self.parameters_, self.scale_ = p, scale
        self.epochs_ = [(e.loss, e.held) for e in epochs]
        judged = held if len(held) else trained
        self.threshold_ = best_cut(self.score(batch.take(judged)), truth[judged])
        return self

    def unseen(self, labels: Bools) -> Ints:
        """Return the normal graphs of a fit with labels [G] that were held out; all if none was."""
        _, held = divided(labels, self.held, self.seed)
        among = held if len(held) else np.arange(len(labels))
        found: Ints = among[~labels[among]]
        return found

    def score(self, batch: GraphBatch) -> Floats:
        """Return the log-odds [G] that each graph is abnormal; its sigmoid is the chance.

        Raises: NotFitted; ValueError: graphs have other features.
        """
        return self.parts(batch)[0]

    def parts(self, batch: GraphBatch) -> tuple[Floats, Floats, Floats]:
        """Return scores [G], and what adds up to them: of each graph's branch [G], of nodes [N]."""
        scores = self.scores
        if batch.features.shape[1] != len(scores.scale.most):
            raise ValueError(f"Graphs must have {len(scores.scale.most)} features.")
        return scores.parts(batch)

    @property
    def scores(self) -> Scores:
        """Return what scores graphs, without what training needs; made once a fit."""
        if self.parameters_ is None or self.scale_ is None:
            raise NotFitted("Rayleigh network")
        if self._made is None or self._made[0] is not self.parameters_:
            folded = Scores.folded(self._form(), self.parameters_, self.scale_)
            self._made = self.parameters_, folded
        return self._made[1]

    def dump(self) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
        """Return settings and arrays for `restore`."""
        if self.parameters_ is None or self.scale_ is None:
            raise NotFitted("Rayleigh network")
        settings = {
            f.name: getattr(self, f.name)
            for f in fields(self)
            if "_" not in (f.name[0], f.name[-1])
        }
        arrays: dict[str, npt.NDArray[Any]] = {**self.parameters_}
        arrays |= {name: getattr(self.scale_, name) for name in _SCALE}
        # A threshold that calls nothing is infinite, which JSON doesn't know.
        cut = self.threshold_ if np.isfinite(self.threshold_) else None
        return {"settings": settings, "learned": {"threshold": cut}}, arrays

    @classmethod
    def restore(cls, told: Mapping[str, Any], arrays: Mapping[str, Any]) -> "RayleighNetwork":
        """Return what `dump` gave. Raises: ModelError if it doesn't hang together."""
        try:
            made = cls(**told["settings"])
            scale = [arrays[name] for name in _SCALE]
            made.scale_ = Scale(scale[0], scale[1], scale[2], not made.as_published)
            made.parameters_ = {name: a for name, a in arrays.items() if name not in _SCALE}
            cut = told["learned"]["threshold"]
            made.threshold_ = np.inf if cut is None else float(cut)
            made._check(made.parameters_, scale)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise ModelError(f"The Rayleigh network is damaged: {error}.") from error
        return made

    def _form(self) -> Form:
        ours = not self.as_published
        return Form(
            self.depth, self.encoder, self.branch, inner=ours,
            steered=self.pool.startswith("rayleigh"), mean=self.pool.endswith("mean"),
            isolated=0.0 if ours else 1.0, scaled=ours,
        )  # fmt: skip

    def _check(self, p: Arrays, scale: list[Any]) -> None:
        """Raise ValueError unless all that was learned has its shape, and is finite."""
        f = len(scale[0])
        numbers = {"profile": len(columns(f)), "none": 0}.get(self.branch, f)
        shapes = shapes_of(self._form(), f, numbers, self.hidden, self.width)
        if {name: a.shape for name, a in p.items()} != shapes:
            raise ValueError("names or shapes")
        if [a.shape for a in scale] != [(f,), (numbers,), (numbers,)] or not f:
            raise ValueError("shapes of the scale")
        kinds = [a.dtype == np.float32 for a in p.values()] + [a.dtype == float for a in scale]
        if not all(kinds) or not all(np.isfinite(a).all() for a in (*p.values(), *scale)):
            raise ValueError("types or values")
        if (p["variance"] < 0).any() or min(scale[0].min(), scale[2].min(initial=1.0)) <= 0:
            raise ValueError("values")
        if np.isnan(self.threshold_):
            raise ValueError("threshold")


def divided(labels: Bools, held: float, seed: int) -> tuple[Ints, Ints]:
    """Return the numbers of graphs to train on and of those held out, of each kind its share.

    None is held out if that share of a kind is less than half a graph, or all of it.
    """
    random = np.random.default_rng([seed, 1])
    kinds = [random.permutation(np.flatnonzero(labels == kind)) for kind in (False, True)]
    counts = [round(len(kind) * held) for kind in kinds]
    if any(not 0 < n < len(kind) for n, kind in zip(counts, kinds, strict=True)):
        return np.arange(len(labels)), np.zeros(0, np.int64)
    parts = [np.split(kind, [n]) for n, kind in zip(counts, kinds, strict=True)]
    out, kept = (np.sort(np.concatenate(side)) for side in zip(*parts, strict=True))
    return kept, out
