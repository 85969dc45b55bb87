"""The likelihood of categorical events by entity embeddings.

S(e) = sum_i b_{a_i} + sum_{i<j} w_ij v_{a_i}.v_{a_j}, w >= 0. Source: Chen et al., APE, IJCAI 2016
(arXiv 1608.07502). What differs by default, each because it measured better (docs/event.md): noise
for every type and a ranking loss, a bias for each value, smoothed noise, an early stop and the
weight of plain frequencies chosen on the last events, which training doesn't see.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import stats

from graphad.errors import ModelError, NotFitted
from graphad.models.embedding_choice import choose
from graphad.models.embedding_rows import epoch_rows
from graphad.models.embedding_scores import Scores, starts
from graphad.models.embedding_training import ALL_TYPES, PAPER, RANKING, Parameters, Rules, epoch
from graphad.models.value_noise import Noise

Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]
Objective: TypeAlias = Literal["ranking", "all types", "paper"]

_OBJECTIVES = {"ranking": RANKING, "all types": ALL_TYPES, "paper": PAPER}
_LEAST_HELD = 50  # events to stop early on
_MOST_HELD = 20_000  # of them looked at after each epoch
_SAMPLE = 2_000  # events that scales and checks are taken from
_BETTER = 1e-4  # share by which the held-out loss must fall for training to go on


@dataclass
class EntityEmbedding:
    """Scores events [n, m] of codes, each below the arity of its type; high is abnormal, in bits.

    objective: "ranking", or noise-contrastive estimation over all types (convention B) or the
    paper's (A); double: share of noise with two values replaced (not with ranking); negatives:
    noise values a type; power, uniform: how noise is smoothed; epochs: at most; held: last share
    of the events, kept out of training for the early stop; choose: let them also say how much plain
    frequencies count.
    """

    dim: int = 16
    objective: Objective = "ranking"
    negatives: int = 3
    double: float = 0.0
    weights: bool = True
    bias: bool = True
    power: float = 0.75
    uniform: float = 0.1
    epochs: int = 20
    patience: int = 4
    rate: float = 0.1
    spread: float = 0.1
    held: float = 0.1
    choose: bool = True
    seed: int = 0
    arity_: Ints | None = field(default=None, repr=False)
    counts_: Floats | None = field(default=None, repr=False)
    parameters_: Parameters | None = field(default=None, repr=False)
    mix_: tuple[float, float] = (1.0, 0.0)
    origin_: float = 0.0
    # log2 of each type's normaliser, as it is on average: what makes one product do for all.
    normal_: Floats | None = field(default=None, repr=False)
    # Spearman's correlation of the scores with the exact conditional ones, on a sample.
    agreement_: float | None = None
    losses_: list[tuple[float, float]] = field(default_factory=list, repr=False)
    _made: tuple[tuple[Any, ...], Scores] | None = field(
        default=None, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        """Refuse what makes no sense. Raises: ValueError."""
        if self.objective not in _OBJECTIVES:
            raise ValueError(f"objective must be one of {', '.join(_OBJECTIVES)}.")
        if self.double and self.objective == "ranking":
            raise ValueError("double goes with the objective 'all types' or 'paper'.")
        if min(self.dim, self.negatives, self.epochs) < 1 or not 0 <= self.held < 1:
            raise ValueError("dim, negatives and epochs must be positive, held within [0, 1).")
        if not (0 <= self.uniform <= 1 and 0 <= self.double <= 1):
            raise ValueError("uniform and double must be within [0, 1].")
        if not (0 < self.rate < np.inf and 0 <= self.spread < np.inf and 0 <= self.power < np.inf):
            raise ValueError("rate must be above 0, spread and power at least 0.")

    @classmethod
    def paper(cls, **settings: Any) -> "EntityEmbedding":
        """Return the published method: convention A, no bias, no held-out events."""
        published: dict[str, Any] = {
            "dim": 10, "objective": "paper", "bias": False, "uniform": 0.0, "epochs": 10,
            "held": 0.0, "choose": False,
        }  # fmt: skip
        return cls(**(published | settings))

    def fit(self, codes: Ints, arity: Ints) -> "EntityEmbedding":
        """Learn from events [n, m] in time order. Raises: ValueError: codes don't fit arity [m]."""
        codes, arity = _checked(codes, arity)
        trained, held = self._divided(codes)
        self.arity_, self.losses_ = arity, []
        self.origin_, self.normal_, self.agreement_ = 0.0, None, None
        self.counts_ = value_counts(codes, arity)
        values, types = len(self.counts_), len(arity)
        self.parameters_ = Parameters.fresh(values, types, self.dim, self.spread, self.seed)
        self._train(trained, held, self.epochs)
        self.mix_ = (1.0, 0.0)
        if self.choose and types > 1:
            self.mix_ = choose(self.table, trained, held, arity, self.seed)
        self._settle(held if len(held) else codes)
        return self

    def update(self, codes: Ints, arity: Ints, *, epochs: int = 5) -> "EntityEmbedding":
        """Learn a new day without forgetting: what is known moves little, what is new freely.

        arity may have grown: new values have the highest codes of their type. A known value keeps
        its Adagrad sums, so its steps are as small as they had become; a new one begins at the
        mean of its type with the steps of a first day.
        """
        if self.arity_ is None or self.counts_ is None or self.parameters_ is None:
            raise NotFitted("entity embedding")
        codes, arity = _checked(codes, arity)
        if arity.shape != self.arity_.shape or (arity < self.arity_).any():
            raise ValueError("An update has the types of the fit, and no fewer values of each.")
        self.parameters_ = self.parameters_.grown(self.arity_, arity, self.counts_)
        old, grown = starts(self.arity_), value_counts(codes, arity)
        for i, begin in enumerate(starts(arity)[:-1]):
            grown[begin : begin + self.arity_[i]] += self.counts_[old[i] : old[i + 1]]
        self.arity_, self.counts_, self.losses_ = arity, grown, []
        trained, held = self._divided(codes)
        self._train(trained, held, epochs)
        self._settle(held if len(held) else codes)
        return self

    def score(self, codes: Ints) -> Floats:
        """Return the bits [n] by which events are rarer than the median event of the fit.

        Equation 11 of our notes on APE, with the constant that makes the median 0.
        """
        return self.scores.score(_checked(codes, self._arity())[0])

    def self_normalised(self, codes: Ints) -> Floats:
        """Return about -log2 P(a_i | the others) [n, m], each type's normaliser taken as constant.

        `scores.conditional` is the exact one. Raises: NotFitted: also after a fit without events.
        """
        codes = _checked(codes, self._arity())[0]
        if self.normal_ is None:
            raise NotFitted("entity embedding")
        scores, both = self.scores, self.scores.weights + self.scores.weights.T
        v = scores.vectors[scores.ids(codes)]
        own = np.einsum("ij,nid,njd->ni", both, v, v) + scores.bias[scores.ids(codes)]
        found: Floats = self.normal_ - own
        return found

    @property
    def scores(self) -> Scores:
        """Return what scores events, without anything that training needs; made once a fit."""
        now = (self.parameters_, self.counts_, self.mix_, self.origin_)
        if self._made is None or any(a is not b for a, b in zip(self._made[0], now, strict=True)):
            self._made = now, self.table(self.mix_, self.origin_)
        return self._made[1]

    def table(self, mix: tuple[float, float], origin: float = 0.0) -> Scores:
        """Return scores in which embeddings and plain frequencies count as much as `mix` says."""
        if self.parameters_ is None or self.counts_ is None or self.arity_ is None:
            raise NotFitted("entity embedding")
        p = self.parameters_
        return Scores.folded(p.vectors, p.bias, p.weights, self.counts_, self.arity_, mix, origin)

    def dump(self) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
        """Return settings and arrays for `restore`."""
        if self.parameters_ is None or self.counts_ is None or self.arity_ is None:
            raise NotFitted("entity embedding")
        settings = {
            f.name: getattr(self, f.name)
            for f in fields(self)
            if "_" not in (f.name[0], f.name[-1])
        }
        learned = {"mix": list(self.mix_), "origin": self.origin_, "agreement": self.agreement_}
        arrays = {"arity": self.arity_, "counts": self.counts_, **self.parameters_._asdict()}
        arrays["normal"] = np.zeros(0) if self.normal_ is None else self.normal_
        return {"settings": settings, "learned": learned}, arrays

    @classmethod
    def restore(cls, told: Mapping[str, Any], arrays: Mapping[str, Any]) -> "EntityEmbedding":
        """Return what `dump` gave. Raises: ModelError if it doesn't hang together."""
        try:
            made, learned = cls(**told["settings"]), told["learned"]
            made.arity_, made.counts_ = arrays["arity"], arrays["counts"]
            made.parameters_ = Parameters(*(arrays[name] for name in Parameters._fields))
            a, b = learned["mix"]
            made.mix_, made.origin_ = (float(a), float(b)), float(learned["origin"])
            made.normal_ = arrays["normal"] if len(arrays["normal"]) else None
            made.agreement_ = None if learned["agreement"] is None else float(learned["agreement"])
            if not made._whole():
                raise ValueError("shapes or values")
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise ModelError(f"The entity embeddings are damaged: {error}.") from error
        return made

    def _whole(self) -> bool:
        """Return whether all that was learned is of the right shapes, and finite."""
        p, arity, counts = self.parameters_, self.arity_, self.counts_
        assert p is not None
        assert arity is not None
        assert counts is not None
        if arity.dtype != np.int64 or arity.ndim != 1 or not len(arity) or (arity < 1).any():
            return False
        values, types = int(arity.sum()), len(arity)
        shapes = [(values, self.dim), (values,), (types, types), (types,), (values,), (values,),
                  (types, types), (types,)]  # fmt: skip
        fits = [array.shape for array in p] == shapes and counts.shape == (values,)
        fits &= all(array.dtype == np.float32 for array in p) and counts.dtype == np.float64
        fits &= self.normal_ is None or self.normal_.shape == (types,)
        normal = np.zeros(1) if self.normal_ is None else self.normal_
        numbers = (*p, counts, normal, np.array([*self.mix_, self.origin_]))
        if not fits or not all(np.isfinite(array).all() for array in numbers):
            return False
        if not np.array_equal(p.weights, p.weights.T) or p.weights.diagonal().any():
            return False
        natural = (counts, p.weights, p.vectors_sq, p.bias_sq, p.weights_sq, p.constant_sq)
        return all((array >= 0).all() for array in natural) and min(self.mix_) >= 0

    def _arity(self) -> Ints:
        if self.arity_ is None:
            raise NotFitted("entity embedding")
        return self.arity_

    def _divided(self, codes: Ints) -> tuple[Ints, Ints]:
        """Return the events to train on and the last ones, held out; none if those are few."""
        last = int(len(codes) * self.held)
        if last < _LEAST_HELD:
            return codes, codes[:0]
        return codes[:-last], codes[-last:]

    def _train(self, trained: Ints, held: Ints, epochs: int) -> None:
        assert self.counts_ is not None
        assert self.arity_ is not None
        assert self.parameters_ is not None
        noise = Noise.of(self.counts_, self.arity_, self.power, self.uniform)
        held = held[:: len(held) // _MOST_HELD + 1]
        rules = Rules(
            _OBJECTIVES[self.objective], self.negatives, self.weights, self.bias, self.rate
        )
        by_rows = self.objective == "paper" or self.double > 0
        # What rows learn is judged by the ranking loss, which needs no constant of each type.
        judging = rules._replace(objective=RANKING) if by_rows else rules
        log_p = noise.log_p.astype(np.float32)
        drawing = (noise.start, log_p, noise.keep, noise.other)
        best, kept, bad = np.inf, self.parameters_, 0
        for number in range(epochs):
            seeds = np.random.SeedSequence([self.seed, number]).generate_state(2, np.uint64)
            order = np.random.default_rng(seeds[0]).permutation(len(trained))
            state = seeds[1:].astype(np.uint64)
            p = self.parameters_
            if by_rows:
                loss = epoch_rows(trained, order, *drawing, p, rules, state, self.double)
            else:
                loss = epoch(trained, order, *drawing, p, rules, state, True)
            if not len(held):
                self.losses_.append((loss, np.nan))
                continue
            state = np.array([self.seed], np.uint64)  # the same noise after each epoch
            judged = epoch(held, np.arange(len(held)), *drawing, p, judging, state, False)
            self.losses_.append((loss, judged))
            bad = 0 if judged < best * (1.0 - _BETTER) else bad + 1
            if judged < best:
                best, kept = judged, p.copy()
            if bad >= self.patience:
                break
        if np.isfinite(best):
            self.parameters_ = kept

    def _settle(self, codes: Ints) -> None:
        """Take origin and normalisers from events, and compare the scores with the exact ones."""
        some = codes[:: len(codes) // _SAMPLE + 1]
        if not len(some):  # a day without events changes nothing
            return
        raw = self.table(self.mix_)
        plain = raw.score(some)
        self.origin_ = -float(np.rint(np.sort(plain)[len(plain) // 2] * 1024) / 1024)
        total, each = raw.normalisers(some)
        self.normal_, exact = total.mean(axis=0), each.mean(axis=1)
        varied = np.ptp(plain) > 0 and np.ptp(exact) > 0
        self.agreement_ = float(stats.spearmanr(plain, exact).statistic) if varied else None


def value_counts(codes: Ints, arity: Ints) -> Floats:
    """Return how often each value occurs, [A], those of a type side by side."""
    return np.concatenate(
        [np.bincount(codes[:, i], minlength=a).astype(np.float64) for i, a in enumerate(arity)]
    )


def _checked(codes: npt.ArrayLike, arity: npt.ArrayLike) -> tuple[Ints, Ints]:
    found, sizes = np.asarray(codes), np.asarray(arity)
    if any(a.size and a.dtype.kind not in "iu" for a in (found, sizes)):
        raise ValueError("Codes and arity must be whole numbers.")
    found, sizes = found.astype(np.int64, copy=False), sizes.astype(np.int64)
    if found.ndim != 2 or sizes.ndim != 1 or found.shape[1] != len(sizes) or not len(sizes):
        raise ValueError("Codes must be [n, m] and arity [m], m at least 1.")
    if (sizes < 1).any() or (found < 0).any() or (found >= sizes).any():
        raise ValueError("Each code must be at least 0 and below the arity of its type.")
    return np.ascontiguousarray(found), sizes
