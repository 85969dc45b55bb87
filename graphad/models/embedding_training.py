"""One pass of training entity embeddings, compiled.

An event of m types has S = sum_i b_i + sum_{i<j} w_ij v_i.v_j. A noise event differs from it in
one value, so its S costs one product with the context sum_j w_ij v_j of that place, not a whole
new sum. Steps are Adagrad with one rate a row. Source: APE (arXiv 1608.07502), equations 1, 6 to
10 of our notes; the ranking objective is Ma and Collins, EMNLP 2018: it needs no normaliser.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from graphad.jit import fused, vectorised
from graphad.models.prefetch import prefetch
from graphad.models.value_noise import draw

Singles = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]

RANKING, ALL_TYPES, PAPER = 0, 1, 2
_START = np.float32(1e-2)  # of the sums of squares, so that first steps aren't wild
_TINY = np.float32(1e-12)


class Parameters(NamedTuple):
    """What is trained, and beside each the sum of squares of its gradients so far.

    vectors [A, d], bias [A], weights [m, m] symmetric with zero diagonal, constant [m].
    """

    vectors: Singles
    bias: Singles
    weights: Singles
    constant: Singles
    vectors_sq: Singles
    bias_sq: Singles
    weights_sq: Singles
    constant_sq: Singles

    @classmethod
    def fresh(cls, values: int, types: int, dim: int, spread: float, seed: int) -> "Parameters":
        """Return the start: small random vectors, weights 1, all else 0."""
        generator = np.random.default_rng(seed)
        weights = np.ones((types, types), np.float32)
        np.fill_diagonal(weights, 0.0)
        return cls(
            generator.normal(0.0, spread, (values, dim)).astype(np.float32),
            np.zeros(values, np.float32), weights, np.zeros(types, np.float32),
            np.full(values, _START), np.full(values, _START),
            np.full((types, types), _START), np.full(types, _START),
        )  # fmt: skip

    def grown(self, before: Ints, after: Ints, counts: Floats) -> "Parameters":
        """Return a copy with room for more values of each type, arity `after` [m] for `before`.

        A new value begins at the mean of its type, values weighted by counts [A], its steps free.
        """
        parts: list[list[npt.NDArray[np.float32]]] = [[], [], [], []]
        begin = 0
        for old, new in zip(before, after, strict=True):
            mine = slice(begin, begin + old)
            share = (counts[mine] + 1e-9) / (counts[mine] + 1e-9).sum()
            vector = (share @ self.vectors[mine]).astype(np.float32)
            level = np.float32(self.bias[mine].min())
            fresh = int(new - old)
            parts[0] += [self.vectors[mine], np.tile(vector, (fresh, 1))]
            parts[1] += [self.bias[mine], np.full(fresh, level)]
            parts[2] += [self.vectors_sq[mine], np.full(fresh, _START)]
            parts[3] += [self.bias_sq[mine], np.full(fresh, _START)]
            begin += old
        vectors, bias, vectors_sq, bias_sq = (np.concatenate(part) for part in parts)
        return self.copy()._replace(
            vectors=vectors, bias=bias, vectors_sq=vectors_sq, bias_sq=bias_sq
        )

    def whole(self, values: int, types: int, dim: int | None) -> bool:
        """Return whether this is float32 of so many values, types and dimensions, and makes sense.

        Weights must be symmetric with zero diagonal, they and all sums not negative, all finite.
        """
        width = self.vectors.shape[-1] if dim is None and self.vectors.ndim else dim
        shapes = [(values, width), (values,), (types, types), (types,)]
        shapes += [(values,), (values,), (types, types), (types,)]
        if [array.shape for array in self] != shapes:
            return False
        if not all(a.dtype == np.float32 and np.isfinite(a).all() for a in self):
            return False
        if not np.array_equal(self.weights, self.weights.T) or self.weights.diagonal().any():
            return False
        return all((a >= 0).all() for a in (self.weights, *self[4:]))

    def copy(self) -> "Parameters":
        """Return a copy that training won't touch."""
        return Parameters(*(array.copy() for array in self))


class Rules(NamedTuple):
    """How to train: the objective, k noise values a type, if biases are learned, the rates.

    weight_rate: of the weights of pairs of types; 0 if they aren't learned.
    """

    objective: int
    negatives: int
    learn_bias: bool
    rate: float
    weight_rate: float


@fused
def _sigmoid(x: float) -> float:
    if x >= 0:
        return np.float32(1.0) / (np.float32(1.0) + np.exp(-x))
    z = np.exp(x)
    return z / (np.float32(1.0) + z)


@fused
def _softplus(x: float) -> float:
    return max(x, np.float32(0.0)) + np.log1p(np.exp(-abs(x)))


@fused
def contexts(vs: Singles, weights: Singles, context: Singles) -> None:
    """Write for each place i the sum over the others of w_ij v_j into context [m, d]."""
    m, d = vs.shape
    for i in range(m):
        for q in range(d):
            context[i, q] = 0.0
        for j in range(m):
            w = weights[i, j]
            if w != 0.0:
                for q in range(d):
                    context[i, q] += w * vs[j, q]


@fused
def event(
    ids: Ints, noise: Ints, log_p: Singles, p: Parameters, rules: Rules, room: Singles,
    pull: Singles, logits: Singles, learn: bool,
) -> float:  # fmt: skip
    """Learn from one event and its noise values, and return its loss before the step.

    ids [m]; noise [m, k], values put in place of one each; log_p [A] of the values; room
    [4, m, d], pull [m] and logits [k] are scratch. RANKING: the loss of place i is -ln of the share
    that the event has among itself and its noise, each by exp(S - ln p). ALL_TYPES:
    -ln s(S + c_i - ln kp) for the event and -ln s(-(...)) for the noise.
    """
    m, k = noise.shape
    d = p.vectors.shape[1]
    one, rate = np.float32(1.0), np.float32(rules.rate)
    vs, context, mixed, moved = room[0], room[1], room[2], room[3, 0]
    for i in range(m):
        for q in range(d):
            vs[i, q] = p.vectors[ids[i], q]
    contexts(vs, p.weights, context)
    whole = np.float32(0.0)
    for i in range(m):
        product = np.float32(0.0)
        for q in range(d):
            product += context[i, q] * vs[i, q]
        whole += np.float32(0.5) * product + p.bias[ids[i]]
    loss = 0.0
    own = np.float32(0.0)
    extra = np.float32(0.0 if rules.objective == RANKING else np.log(k))
    for i in range(m):
        product, square = np.float32(0.0), np.float32(0.0)
        for q in range(d):
            product += context[i, q] * vs[i, q]
            square += context[i, q] * context[i, q]
            mixed[i, q] = 0.0
        square /= np.float32(d)
        rest = whole - product - p.bias[ids[i]] + p.constant[i] - extra
        seen = whole + p.constant[i] - extra - log_p[ids[i]]
        top = seen
        for r in range(k):
            at = noise[i, r]
            product = np.float32(0.0)
            for q in range(d):
                product += context[i, q] * p.vectors[at, q]
            logits[r] = rest + product + p.bias[at] - log_p[at]
            top = max(top, logits[r])
        if rules.objective == RANKING:
            pushed = np.exp(seen - top)
            total = pushed
            for r in range(k):
                logits[r] = np.exp(logits[r] - top)
                total += logits[r]
            loss += np.log(total) + top - seen
            pushed = pushed / total - one
            for r in range(k):
                logits[r] /= total
        else:
            loss += _softplus(-seen)
            pushed = _sigmoid(seen) - one
            for r in range(k):
                loss += _softplus(logits[r])
                logits[r] = _sigmoid(logits[r])
        own += pushed
        # What the noise pulls: all places but i by their product with the noise value.
        pull[i] = 0.0
        for r in range(k):
            g = logits[r]
            pull[i] += g
            for q in range(d):
                mixed[i, q] += g * p.vectors[noise[i, r], q]
        if learn:
            for r in range(k):
                push(p, noise[i, r], logits[r], context, i, square, rules)
            if rules.objective != RANKING:
                shift(p, i, pushed + pull[i], rules)
    if not learn:
        return loss
    pulled = np.float32(0.0)
    for i in range(m):
        pulled += pull[i]
    for j in range(m):
        at, g = ids[j], own + pulled - pull[j]
        for q in range(d):
            moved[q] = g * context[j, q]
        for i in range(m):
            w = p.weights[i, j]
            if w != 0.0:
                for q in range(d):
                    moved[q] += w * (mixed[i, q] - pull[i] * vs[i, q])
        square = np.float32(0.0)
        for q in range(d):
            square += moved[q] * moved[q]
        p.vectors_sq[at] += square / np.float32(d)
        step = rate / np.sqrt(p.vectors_sq[at] + _TINY)
        for q in range(d):
            p.vectors[at, q] -= step * moved[q]
        _lift(p, at, g, rules)
    if rules.weight_rate != 0.0:
        for i in range(m):
            for j in range(i + 1, m):
                both, cross = np.float32(0.0), np.float32(0.0)
                for q in range(d):
                    both += vs[i, q] * vs[j, q]
                    cross += vs[j, q] * mixed[i, q] + vs[i, q] * mixed[j, q]
                weigh(p, i, j, (own + pulled - pull[i] - pull[j]) * both + cross, rules)
    return loss


@fused
def push(
    p: Parameters, at: int, g: float, context: Singles, i: int, square: float, rules: Rules
) -> None:  # fmt: skip
    """Take a step of a value whose vector's gradient is g times row i of context [m, d].

    square: the mean square of that row.
    """
    p.vectors_sq[at] += g * g * square
    step = np.float32(rules.rate) * g / np.sqrt(p.vectors_sq[at] + _TINY)
    for q in range(context.shape[1]):
        p.vectors[at, q] -= step * context[i, q]
    _lift(p, at, g, rules)


@fused
def _lift(p: Parameters, at: int, gradient: float, rules: Rules) -> None:
    """Take a step of the bias of a value, if biases are learned."""
    if rules.learn_bias:
        p.bias_sq[at] += gradient * gradient
        step = np.float32(rules.rate) * gradient
        p.bias[at] -= step / np.sqrt(p.bias_sq[at] + _TINY)


@fused
def shift(p: Parameters, place: int, gradient: float, rules: Rules) -> None:
    """Take a step of the constant of a type."""
    p.constant_sq[place] += gradient * gradient
    step = np.float32(rules.rate) * gradient
    p.constant[place] -= step / np.sqrt(p.constant_sq[place] + _TINY)


@fused
def weigh(p: Parameters, i: int, j: int, gradient: float, rules: Rules) -> None:
    """Take a step of the weight of a pair of types, and keep it from being negative."""
    p.weights_sq[i, j] += gradient * gradient
    step = np.float32(rules.weight_rate) * gradient
    new = p.weights[i, j] - step / np.sqrt(p.weights_sq[i, j] + _TINY)
    p.weights[i, j] = p.weights[j, i] = max(new, np.float32(0.0))


@vectorised
def epoch(
    codes: Ints, order: Ints, start: Ints, log_p: Singles, keep: Floats, other: Ints,
    p: Parameters, rules: Rules, state: Words, learn: bool,
) -> float:  # fmt: skip
    """Go through events [n, m] in an order, learn from them if told to, return the mean loss.

    The values of an event are chosen, and called into the cache, before the event ahead of it is
    learned from: in tables of many values that wait was half the time.
    """
    m, n = codes.shape[1], len(order)
    ids = np.empty((2, m), np.int64)
    noise = np.empty((2, m, rules.negatives), np.int64)
    room = np.empty((4, m, p.vectors.shape[1]), np.float32)
    pull, logits = np.empty(m, np.float32), np.empty(rules.negatives, np.float32)
    loss = 0.0
    for number in range(n + 1):
        next_ids, next_noise = ids[number % 2], noise[number % 2]
        if number < n:
            for i in range(m):
                next_ids[i] = start[i] + codes[order[number], i]
                _call(next_ids[i], log_p, p)
                for r in range(rules.negatives):
                    at = draw(state, keep, other, start[i], start[i + 1] - start[i])
                    next_noise[i, r] = at
                    _call(at, log_p, p)
        if number > 0:
            now = 1 - number % 2
            loss += event(ids[now], noise[now], log_p, p, rules, room, pull, logits, learn)
    return loss / max(n, 1)


@fused
def _call(at: int, log_p: Singles, p: Parameters) -> None:
    """Call what belongs to a value into the cache."""
    for q in range(0, p.vectors.shape[1], 16):  # a line of the cache
        prefetch(p.vectors, at * p.vectors.shape[1] + q)
    prefetch(p.vectors, (at + 1) * p.vectors.shape[1] - 1)
    prefetch(p.vectors_sq, at)
    prefetch(p.bias, at)
    prefetch(p.bias_sq, at)
    prefetch(log_p, at)
