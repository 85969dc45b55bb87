"""The likelihood of categorical events by entity embeddings.

S(e) = sum_i b_{a_i} + sum_{i<j} w_ij v_{a_i}.v_{a_j}, w >= 0. Source: Chen et al., APE, IJCAI 2016
(arXiv 1608.07502). What differs by default, each because it measured better (docs/event.md): noise
for every type and a ranking loss, a bias for each value that begins at its frequency, smoothed
noise, and the last events, which say when to stop and whether counts of pairs of values help
besides; then they are learned too.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import stats

from graphad.errors import ModelError, NotFitted
from graphad.models.embedding_choice import Held
from graphad.models.embedding_rows import epoch_rows
from graphad.models.embedding_scores import Scores, starts
from graphad.models.embedding_training import ALL_TYPES, PAPER, RANKING, Parameters, Rules, epoch
from graphad.models.event_values import checked, pools, rarest, shares, value_counts
from graphad.models.pair_counts import PairCounts
from graphad.models.pair_steadiness import steadiness
from graphad.models.value_lifts import lifts
from graphad.models.value_noise import Noise

Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]
Singles: TypeAlias = npt.NDArray[np.float32]
Objective: TypeAlias = Literal["ranking", "all types", "paper"]

_OBJECTIVES = {"ranking": RANKING, "all types": ALL_TYPES, "paper": PAPER}
_SAMPLE = 2_000  # events that scales and checks are taken from
_BETTER = 1e-4  # AUC by which held-out events must be told apart better for training to go on
_ALIKE = 0.003  # of AUC, by which two epochs are told apart by chance
_FINISH = 2  # one epoch over all events for so many over those that weren't held out
_FEWEST, _LONGEST = 20, 60  # epochs, at most: of many events, and of few
_VISITS = 1_000_000  # of events, that few of them get all together
_PATIENCE = 6  # epochs that may be worse, at least; of many a quarter
_CALM = 0.3  # of the rate, by which ranking learns weights of pairs of types
_NARROW, _WIDE = 16, 32  # dimensions: of many events, and of few


@dataclass
class EntityEmbedding:
    """Scores events [n, m] of codes, each below the arity of its type; high is abnormal, in bits.

    objective: "ranking", or noise-contrastive estimation over all types (convention B) or the
    paper's (A); double: share of noise with two values replaced (not with ranking); negatives:
    noise values a type; power, uniform: how noise is smoothed; epochs: at most, by default 20, and
    up to 60 of few events; held: last share of the events, kept out until they said when to stop;
    choose: let them also say which counts of pairs of values are to add to the scores.

    dim: of the vectors; by default 16, and 32 of so few events that all epochs are under a million
    visits; steady: let weights of pairs of types count by how much of what they say of each other
    isn't only that both change with time (pair_steadiness). patience: how many epochs may be worse
    before training stops, by default a quarter of the most, and at least 6.

    Where that takes weight from pairs of a type, the biases of its values are lifted in the end
    until each is as likely as training had it (value_lifts).

    Code 0 of a type stands for all its rare values. With ranking, where it is rarer than a value in
    the mean, its vector is 0, for rare values say nothing of each other's company, and its bias at
    most what the rarest known value's frequency is: each of those behind it is rarer.
    """

    dim: int | None = None
    objective: Objective = "ranking"
    negatives: int = 3
    double: float = 0.0
    weights: bool = True
    bias: bool = True
    power: float = 0.75
    uniform: float = 0.1
    epochs: int | None = None
    patience: int | None = None
    rate: float = 0.1
    spread: float = 0.1
    held: float = 0.1
    choose: bool = True
    steady: bool = True
    seed: int = 0
    arity_: Ints | None = field(default=None, repr=False)
    counts_: Floats | None = field(default=None, repr=False)
    parameters_: Parameters | None = field(default=None, repr=False)
    pairs_: PairCounts | None = field(default=None, repr=False)
    pair_weight_: float = 0.0
    # By what the weights of pairs of types count [m, m].
    steady_: Floats | None = field(default=None, repr=False)
    # What is added to the biases [A], in nats; training goes on from those without it.
    lift_: Singles | None = field(default=None, repr=False)
    origin_: float = 0.0
    # log2 of each type's normaliser, as it is on average: what makes one product do for all.
    normal_: Floats | None = field(default=None, repr=False)
    # Spearman's correlation of the scores with the exact conditional ones, on a sample.
    agreement_: float | None = None
    # Of each epoch the loss, and the AUC of altered copies of held-out events; NaN without them.
    history_: list[tuple[float, float]] = field(default_factory=list, repr=False)
    _made: tuple[tuple[Any, ...], Scores] | None = field(
        default=None, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        """Refuse what makes no sense. Raises: ValueError."""
        if self.objective not in _OBJECTIVES:
            raise ValueError(f"objective must be one of {', '.join(_OBJECTIVES)}.")
        if self.double and self.objective == "ranking":
            raise ValueError("double goes with the objective 'all types' or 'paper'.")
        epochs = _FEWEST if self.epochs is None else self.epochs
        dim = _NARROW if self.dim is None else self.dim
        if min(dim, self.negatives, epochs) < 1 or not 0 <= self.held < 1:
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
            "held": 0.0, "choose": False, "steady": False,
        }  # fmt: skip
        return cls(**(published | settings))

    def fit(self, codes: Ints, arity: Ints) -> "EntityEmbedding":
        """Learn from events [n, m] in time order. Raises: ValueError: codes don't fit arity [m]."""
        codes, arity = checked(codes, arity)
        self.arity_, self.history_ = arity, []
        self.origin_, self.normal_, self.agreement_ = 0.0, None, None
        judge = self._judge(codes)
        self.counts_ = value_counts(judge.trained, arity)
        values, types = len(self.counts_), len(arity)
        self.lift_ = np.zeros(values, np.float32)
        dim = self.dim or (_WIDE if len(judge.trained) * _FEWEST < _VISITS else _NARROW)
        self.parameters_ = Parameters.fresh(values, types, dim, self.spread, self.seed)
        steady = self.steady and self.weights
        self.steady_ = steadiness(judge.trained, self.seed) if steady else np.ones((types, types))
        if self.bias and self.objective == "ranking":  # others learn slower from there
            self.parameters_.bias[:] = np.log(shares(self.counts_, arity))
        pairs: Ints = np.zeros((0, 2), np.int64)
        best = self._train(judge, self._epochs(judge), -_ALIKE)
        weight = 0.0
        if self.choose:
            pairs, weight = judge.pairs(self.embedded, self.counts_, self.steady_)
        self.counts_ = value_counts(codes, arity)
        self._count(pairs, weight, codes)
        self._finish(codes, judge, best)
        if self.bias:
            drifting = np.flatnonzero((self.steady_ < 1.0).any(axis=1))
            self.lift_ = lifts(self.scores, codes, drifting, self._pooled())
        self._settle(judge.held if len(judge.held) else codes)
        return self

    def update(self, codes: Ints, arity: Ints, *, epochs: int = 5) -> "EntityEmbedding":
        """Learn a new day without forgetting: what is known moves little, what is new freely.

        arity may have grown: new values have the highest codes of their type. A known value keeps
        its Adagrad sums, so its steps are as small as they had become; a new one begins at the
        mean of its type with the steps of a first day. Lifts stay: one day isn't how often values
        are in general.
        """
        self._arity()
        assert self.arity_ is not None
        assert self.counts_ is not None
        assert self.parameters_ is not None
        assert self.pairs_ is not None
        assert self.lift_ is not None
        codes, arity = checked(codes, arity)
        if arity.shape != self.arity_.shape or (arity < self.arity_).any():
            raise ValueError("An update has the types of the fit, and no fewer values of each.")
        self.parameters_ = self.parameters_.grown(self.arity_, arity, self.counts_)
        old, grown = starts(self.arity_), value_counts(codes, arity)
        lift = np.zeros(len(grown), np.float32)
        for i, begin in enumerate(starts(arity)[:-1]):
            known = slice(begin, begin + self.arity_[i])
            grown[known] += self.counts_[old[i] : old[i + 1]]
            lift[known] = self.lift_[old[i] : old[i + 1]]
        self.arity_, self.counts_, self.lift_, self.history_ = arity, grown, lift, []
        self._count(self.pairs_.types, self.pair_weight_, codes, self.pairs_)
        judge = self._judge(codes)
        self._finish(codes, judge, self._train(judge, epochs, _BETTER))
        self._settle(judge.held if len(judge.held) else codes)
        return self

    def score(self, codes: Ints) -> Floats:
        """Return the bits [n] by which events are rarer than the median event of the fit.

        Equation 11 of our notes on APE, with the constant that makes the median 0.
        """
        return self.scores.score(checked(codes, self._arity())[0])

    def self_normalised(self, codes: Ints) -> Floats:
        """Return about -log2 P(a_i | the others) [n, m], each type's normaliser taken as constant.

        `scores.conditional` is the exact one. Raises: NotFitted: also after a fit without events.
        """
        codes = checked(codes, self._arity())[0]
        if self.normal_ is None:
            raise NotFitted("entity embedding")
        found: Floats = self.normal_ - self.scores.own(codes)
        return found

    @property
    def scores(self) -> Scores:
        """Return what scores events, without anything that training needs; made once a fit."""
        now = (
            self.parameters_, self.counts_, self.pairs_, self.pair_weight_, self.steady_,
            self.lift_, self.origin_,
        )  # fmt: skip
        if self._made is None or any(a is not b for a, b in zip(self._made[0], now, strict=True)):
            self._made = now, self._table(self.pairs_)
        return self._made[1]

    @property
    def embedded(self) -> Scores:
        """Return what scores events by embeddings alone."""
        return self._table(None)

    def _table(self, counted: PairCounts | None) -> Scores:
        p, lift, steady = self.parameters_, self.lift_, self.steady_
        if p is None or lift is None or steady is None or self.counts_ is None:
            raise NotFitted("entity embedding")
        return Scores.learned(
            (p.vectors, p.bias + lift, p.weights), steady, self._arity(), self.counts_, counted,
            self.pair_weight_, self.origin_,
        )  # fmt: skip

    def dump(self) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
        """Return settings and arrays for `restore`."""
        if self.parameters_ is None or self.pairs_ is None:
            raise NotFitted("entity embedding")
        settings = {
            f.name: getattr(self, f.name)
            for f in fields(self)
            if "_" not in (f.name[0], f.name[-1])
        }
        learned = {
            "pair_weight": self.pair_weight_, "origin": self.origin_, "agreement": self.agreement_,
        }  # fmt: skip
        arrays = {"arity": self.arity_, "counts": self.counts_, **self.parameters_._asdict()}
        arrays |= self.pairs_.dump() | {"steady": self.steady_, "lift": self.lift_}
        arrays["normal"] = np.zeros(0) if self.normal_ is None else self.normal_
        return {"settings": settings, "learned": learned}, arrays

    @classmethod
    def restore(cls, told: Mapping[str, Any], arrays: Mapping[str, Any]) -> "EntityEmbedding":
        """Return what `dump` gave. Raises: ModelError if it doesn't hang together."""
        try:
            made, learned = cls(**told["settings"]), told["learned"]
            made.arity_, made.counts_ = arrays["arity"], arrays["counts"]
            made.parameters_ = Parameters(*(arrays[name] for name in Parameters._fields))
            made.pair_weight_ = float(learned["pair_weight"])
            made.origin_ = float(learned["origin"])
            types = len(made.arity_)  # older models count every pair of types whole, lift nothing
            made.steady_ = arrays.get("steady", np.ones((types, types)))
            made.lift_ = arrays.get("lift", np.zeros(len(made.counts_), np.float32))
            made.normal_ = arrays["normal"] if len(arrays["normal"]) else None
            made.agreement_ = None if learned["agreement"] is None else float(learned["agreement"])
            learned_all = (made.parameters_, made.arity_, made.counts_, made.steady_, made.lift_)
            if not made._whole(*learned_all):
                raise ValueError("shapes or values")
            made.pairs_ = PairCounts.restore(arrays, made.arity_, made.counts_)
        except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise ModelError(f"The entity embeddings are damaged: {error}.") from error
        return made

    def _whole(
        self, p: Parameters, arity: Ints, counts: Floats, steady: Floats, lift: Singles
    ) -> bool:
        """Return whether all that was learned is of the right shapes, and finite."""
        if arity.dtype != np.int64 or arity.ndim != 1 or not len(arity) or (arity < 1).any():
            return False
        values, types = int(arity.sum()), len(arity)
        normal = np.zeros(types) if self.normal_ is None else self.normal_
        fits = p.whole(values, types, self.dim) and normal.shape == (types,)
        fits &= lift.shape == (values,) and lift.dtype == np.float32
        for array, shape in ((counts, (values,)), (steady, (types, types))):
            fits &= array.shape == shape and array.dtype == np.float64
        numbers = (counts, lift, normal, np.array([self.pair_weight_, self.origin_]))
        if not fits or not all(np.isfinite(array).all() for array in numbers):
            return False
        if not np.array_equal(steady, steady.T) or not ((steady >= 0) & (steady <= 1)).all():
            return False
        return bool((counts >= 0).all()) and 0 <= self.pair_weight_ <= 1

    def _arity(self) -> Ints:
        if self.arity_ is None:
            raise NotFitted("entity embedding")
        return self.arity_

    def _judge(self, codes: Ints) -> Held:
        """Return events to train on and the last ones, held out; none if those can't judge."""
        last = int(len(codes) * self.held)
        judge = Held(
            codes[: len(codes) - last], codes[len(codes) - last :], self._arity(), self.seed
        )
        return judge if len(judge.usual) else Held(codes, codes[:0], self._arity(), self.seed)

    def _epochs(self, judge: Held) -> int:
        """Return how many epochs there are at most: more of few events, if some are held out."""
        if self.epochs is not None:
            return self.epochs
        longest = _LONGEST if len(judge.held) else _FEWEST
        return min(max(_VISITS // max(len(judge.trained), 1), _FEWEST), longest)

    def _count(
        self, types: Ints, weight: float, codes: Ints, before: PairCounts | None = None
    ) -> None:  # fmt: skip
        """Count the pairs of values of pairs of types [Q, 2], and what was counted before."""
        counted = PairCounts.of(codes, types, self._arity())
        self.pairs_ = (before.plus(counted) if before is not None else counted).within()
        self.pair_weight_ = weight if len(self.pairs_) else 0.0

    def _train(self, judge: Held, epochs: int, better: float) -> int:
        """Learn from events until held-out ones aren't told apart as well; return epochs kept.

        What was before is judged too. An epoch is kept if its AUC is `better` by so much than the
        best of those before; below 0, if it is hardly worse: where ranks say no more, likelihoods
        still come nearer to what they are.
        """
        assert self.parameters_ is not None
        best, kept, parameters = judge.judge(self.embedded), 0, self.parameters_.copy()
        patience = self.patience or max(epochs // 4, _PATIENCE)
        noise = self._noise()
        for number in range(epochs):
            loss = self._epoch(judge.trained, noise, [self.seed, number])
            judged = judge.judge(self.embedded)
            self.history_.append((loss, judged))
            if np.isnan(judged) or judged > best + better:
                best, kept = max(best, judged), number + 1
                parameters = self.parameters_.copy()
            elif number + 1 - kept >= patience:
                break
        self.parameters_ = parameters
        return kept

    def _finish(self, codes: Ints, judge: Held, epochs: int) -> None:
        """Learn the held-out events too, by a part of the epochs over all."""
        assert self.parameters_ is not None
        self.parameters_, noise = self.parameters_.copy(), self._noise()
        for number in range(-(-epochs // _FINISH) if len(judge.held) else 0):
            loss = self._epoch(codes, noise, [self.seed, number, 1])
            self.history_.append((loss, np.nan))
        pooled = self._pooled()
        self.parameters_.vectors[pooled] = 0.0
        if self.bias:
            assert self.counts_ is not None
            most = np.log(rarest(self.counts_, self._arity(), pooled)).astype(np.float32)
            self.parameters_.bias[pooled] = np.minimum(self.parameters_.bias[pooled], most)

    def _pooled(self) -> Ints:
        """Return the codes 0 [P] that stand for few: they say nothing but that a value is rare."""
        assert self.counts_ is not None
        found = pools(self.counts_, self._arity())
        return found if self.objective == "ranking" else found[:0]

    def _noise(self) -> Noise:
        assert self.counts_ is not None
        return Noise.of(self.counts_, self._arity(), self.power, self.uniform)

    def _epoch(self, codes: Ints, noise: Noise, seed: list[int]) -> float:
        """Learn from events once, in an order and with noise drawn by seed; return the loss."""
        share = (_CALM if self.objective == "ranking" else 1.0) if self.weights else 0.0
        rules = Rules(
            _OBJECTIVES[self.objective], self.negatives, self.bias, self.rate, share * self.rate
        )
        words = np.random.SeedSequence(seed).generate_state(2, np.uint64)
        order = np.random.default_rng(words[0]).permutation(len(codes))
        drawing = (noise.start, noise.log_p.astype(np.float32), noise.keep, noise.other)
        state = words[1:].astype(np.uint64)
        p = self.parameters_
        assert p is not None
        if self.objective == "paper" or self.double > 0:
            return epoch_rows(codes, order, *drawing, p, rules, state, self.double)
        return epoch(codes, order, *drawing, p, rules, state, True)

    def _settle(self, codes: Ints) -> None:
        """Take origin and normalisers from events, and compare the scores with the exact ones."""
        some = codes[:: len(codes) // _SAMPLE + 1]
        if not len(some):  # a day without events changes nothing
            return
        raw = self.scores
        plain = raw.score(some) - raw.origin
        self.origin_ = -float(np.rint(np.sort(plain)[len(plain) // 2] * 1024) / 1024)
        total, each = raw.normalisers(some)
        self.normal_, exact = total.mean(axis=0), each.mean(axis=1)
        varied = np.ptp(plain) > 0 and np.ptp(exact) > 0
        self.agreement_ = float(stats.spearmanr(plain, exact).statistic) if varied else None
