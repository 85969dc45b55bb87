"""How a relation network is trained: Adam on stretches of windows, the best epoch kept.

In each step some true relations are picked and each gets a false one, which is put into its window
too: what is judged later is there as well, true or not. All that is random comes from the seed
through numpy, and one thread does the sums, so the same windows and seed give the same bytes on one
machine.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from graphad.models.rayleigh_checkpoint import Checkpoint, key_of
from graphad.models.relation_features import BUCKETS
from graphad.models.relation_graph import WindowEdges, WindowGraphs, weights
from graphad.models.relation_layers import (
    Arrays,
    Shape,
    Windows,
    edge_logits,
    fresh,
    hidden,
    margin_loss,
    window_distance,
)
from graphad.models.relation_negatives import TypedNegatives, first_replaced, window_negatives
from graphad.models.training_run import Epoch, Run, one_thread

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_EDGES = 8_000  # of a stretch that a step looks at; more of them are drawn from
_WIDE = 200_000  # edges that are scored at once, if windows are not wider than that
_FEWEST = 5  # windows from which on some are held out
_ROUNDS = 5  # of false relations in those, so that chance says less


class Rules(NamedTuple):
    """How to train: the settings of the same names of RelationNetwork."""

    negatives: Literal["typed", "window"]
    share: float
    forget: float
    gamma: float
    warm: int
    window_loss: float
    dropout: float
    rate: float
    decay: float
    batch: int
    steps: int
    epochs: int
    patience: int
    held: float
    seed: int


class Stretch(NamedTuple):
    """Windows first to stop (places) are judged, those from lead on are looked at."""

    lead: int
    first: int
    stop: int


@dataclass(frozen=True)
class Vertices:
    """What is known of V events and values: features [V, F], places among names, and types.

    events: how many of them are events; frequent: whether how often it was ends the features.
    """

    features: npt.NDArray[np.float32]
    known: Ints
    kind: Ints
    events: int
    frequent: bool

    def tokens(
        self, graphs: WindowGraphs, weight: Floats, shape: Shape, forgotten: Bools | None = None
    ) -> Windows:
        """Return windows for the layers; of forgotten tokens [T] only text and type are known."""
        x, known = self.features[graphs.vertex], self.known[graphs.vertex]
        if forgotten is not None and forgotten.any():
            known = np.where(forgotten, -1, known)
            if self.frequent:
                x[forgotten, -len(BUCKETS) - 1 :] = np.eye(1, len(BUCKETS) + 1)
        return Windows.of(graphs, weight, torch.from_numpy(x), torch.from_numpy(known), shape)


class _Pairs(NamedTuple):
    """Windows with true and false relations: tokens of their ends, and their weights."""

    windows: Windows
    true: tuple[Any, Any]
    false: tuple[Any, Any]
    weight: Any


def stretches(number: Ints, size: int, shape: Shape) -> list[Stretch]:
    """Return windows [W] by number, cut into stretches of about `size`.

    No cut changes a score: each stretch looks back as far as scores can depend on, and blocks of
    windows that look at each other stay whole.
    """
    cuts = list(range(0, len(number), size))
    if not shape.causal:
        block = number // shape.past
        cuts = sorted({int(np.searchsorted(block, block[cut])) for cut in cuts})
    leads = cuts
    if shape.causal:
        leads = [int(np.searchsorted(number, number[cut] - shape.reach)) for cut in cuts]
    ends = [*cuts[1:], len(number)]
    return [Stretch(*one) for one in zip(leads, cuts, ends, strict=True)]


def train(
    edges: WindowEdges, vertices: Vertices, names: int, shape: Shape, rules: Rules,
    told: Callable[[int, Epoch], None] | None = None, checkpoint: Path | None = None,
) -> tuple[Arrays, list[Epoch]]:  # fmt: skip
    """Return parameters and all epochs; names: how many places there are.

    The last windows are held out, and the epoch is kept that tells their true and false relations
    best apart, by the loss. Raises: ValueError: numbers grew without bound.
    """
    random = np.random.default_rng(rules.seed)
    number = np.unique(edges.window)
    held = round(len(number) * rules.held) if len(number) >= _FEWEST else 0
    cut = len(number) - held
    maker = _Maker(edges, number, vertices, shape, rules)
    features = vertices.features.shape[1]
    p = {n: torch.from_numpy(a) for n, a in fresh(shape, features, names, random).items()}
    moving = [p[name].requires_grad_() for name in sorted(p)]
    if rules.window_loss:
        p["centre"] = torch.from_numpy(random.normal(size=shape.hidden).astype(np.float32))
    run = Run(p, torch.optim.Adam(moving, lr=rules.rate, weight_decay=rules.decay), random, p)
    file = None
    if checkpoint is not None:
        seen = (edges.window, edges.event, edges.node, edges.count)
        known = (vertices.features, vertices.known, vertices.kind)
        file = Checkpoint(checkpoint, key_of((*seen, *known), shape, rules))
        run.restore(file)
    every = stretches(number[:cut], rules.batch, shape)
    judged = np.random.default_rng([rules.seed, 1])
    with one_thread():
        found = [
            maker.pairs(Stretch(s.lead, max(s.first, cut), s.stop), judged, tested=True)
            for s in stretches(number, rules.batch, shape) * _ROUNDS
            if s.stop > cut
        ]
        tests = [pairs for pairs in found if pairs is not None]
        while len(run.epochs) < rules.epochs and run.bad <= rules.patience:
            total, middle = [], []
            for place in random.permutation(len(every))[: rules.steps]:
                pairs = maker.pairs(every[place], random)
                if pairs is None:
                    continue
                dropped = _masks(random, len(pairs.windows.graphs.vertex), shape, rules.dropout)
                h = hidden(p, shape, pairs.windows, dropped)
                true, false = (
                    _scores(p, shape, h, ends, pairs.weight) for ends in (pairs.true, pairs.false)
                )
                selected = len(run.epochs) >= rules.warm
                loss = margin_loss(true, false, rules.gamma, selected)
                if rules.window_loss:
                    far = window_distance(h, pairs.windows.graphs.start, p["centre"])
                    loss = loss + rules.window_loss * far.mean()
                    middle.append(h.detach().mean(dim=0))
                run.optimiser.zero_grad()
                loss.backward()
                torch.nn.utils.clip_grad_norm_(moving, 1.0)
                run.optimiser.step()
                total.append(float(loss.detach()))
            if middle:
                p["centre"] = torch.stack(middle).mean(dim=0)
            if not all(torch.isfinite(a).all() for a in p.values()):
                raise ValueError("Training diverged: take a smaller rate.")
            run.took(Epoch(float(np.mean(total or [0.0])), _apart(p, shape, tests, rules.gamma)))
            if file is not None:
                run.save(file)
            if told is not None:
                told(len(run.epochs) - 1, run.epochs[-1])
    best = run.kept if np.isfinite(run.best) else p
    if file is not None:
        file.remove()
    return {n: a.detach().numpy().copy() for n, a in best.items() if n != "centre"}, run.epochs


class _Maker:
    """Makes windows with true and false relations of stretches of the training."""

    def __init__(
        self, edges: WindowEdges, number: Ints, vertices: Vertices, shape: Shape, rules: Rules
    ) -> None:
        self.edges, self.number, self.vertices = edges, number, vertices
        self.shape, self.rules = shape, rules
        self.start = np.append(np.searchsorted(edges.window, number), len(edges))
        e = vertices.events
        self.source = TypedNegatives(
            np.unique(edges.event * len(vertices.kind) + edges.node),
            np.bincount(edges.event, edges.count, e).astype(np.float64),
            np.bincount(edges.node, edges.count, len(vertices.kind)).astype(np.float64),
            vertices.kind,
        )

    def pairs(
        self, stretch: Stretch, random: np.random.Generator, *, tested: bool = False
    ) -> _Pairs | None:
        """Return pairs of true and false relations, None if there are none to be had."""
        some = self.edges.between(self.start[stretch.lead], self.start[stretch.stop])
        if len(some) > _EDGES:
            some = some.take(np.sort(random.choice(len(some), _EDGES, replace=False)))
        graph = WindowGraphs.of(some, self.vertices.events)
        weight = edge_weights(some.count, self.shape)
        judged = some.window >= self.number[stretch.first]
        if self.rules.negatives == "window":
            src, dst, good = window_negatives(random, graph, weight)
            kept = np.flatnonzero(good & judged)
            windows = self.vertices.tokens(graph, weight, self.shape)
            ends = (graph.src, graph.dst), (src, dst)
            chosen = [[torch.from_numpy(a[kept]) for a in pair] for pair in ends]
            return _pairs(windows, chosen[0], chosen[1], weight[kept])
        picked = np.flatnonzero(judged & (random.random(len(some)) < self.rules.share))
        degree = graph.degrees(weight)
        first = first_replaced(degree[graph.src[picked]], degree[graph.dst[picked]])
        event, node, good = self.source.draw(random, some.event[picked], some.node[picked], first)
        picked, event, node = picked[good], event[good], node[good]
        both, at = WindowEdges.counted(
            np.concatenate([some.window, some.window[picked]]),
            np.concatenate([some.event, event]), np.concatenate([some.node, node]),
            np.concatenate([some.count, some.count[picked]]),
        )  # fmt: skip
        graph = WindowGraphs.of(both, self.vertices.events)
        forgotten = None if tested else random.random(len(graph.vertex)) < self.rules.forget
        windows = self.vertices.tokens(
            graph, edge_weights(both.count, self.shape), self.shape, forgotten
        )
        chosen = [
            [torch.from_numpy(a[rows]) for a in (graph.src, graph.dst)]
            for rows in (at[picked], at[len(some) :])
        ]
        return _pairs(windows, chosen[0], chosen[1], weight[picked])


def edge_weights(count: Floats, shape: Shape) -> Floats:
    """Return the weights of edges of so many lines; the authors take their number itself."""
    return count if shape.weighted else weights(count)


def _pairs(windows: Windows, true: list[Any], false: list[Any], weight: Floats) -> _Pairs | None:
    if not len(weight):
        return None
    told = torch.from_numpy(weight.astype(np.float32))
    return _Pairs(windows, (true[0], true[1]), (false[0], false[1]), told)


def _scores(p: dict[str, Any], shape: Shape, h: Any, ends: tuple[Any, Any], weight: Any) -> Any:
    """Return the scores [n] of pairs of tokens as the loss takes them."""
    score = torch.sigmoid(edge_logits(p, shape, h, *ends))
    return weight * score if shape.weighted else score


def _apart(p: dict[str, Any], shape: Shape, tests: list[_Pairs], gamma: float) -> float:
    """Return how well false relations are told from true ones, less their loss; nan without any."""
    if not tests:
        return float("nan")
    sides: list[list[Any]] = [[], []]
    with torch.no_grad():
        for pairs in tests:
            h = hidden(p, shape, pairs.windows, None)
            for side, ends in zip(sides, (pairs.true, pairs.false), strict=True):
                side.append(_scores(p, shape, h, ends, pairs.weight))
        true, false = (torch.cat(side) for side in sides)
        return -float(margin_loss(true, false, gamma, False))


def _masks(random: np.random.Generator, tokens: int, shape: Shape, share: float) -> Any:
    """Return by what vectors are multiplied between graph layers; None if nothing is dropped."""
    if not share:
        return None
    sizes = (shape.layers - 1, tokens, shape.hidden)
    kept = (random.random(sizes, dtype=np.float32) >= share).astype(np.float32)
    return list(torch.from_numpy(kept / np.float32(1.0 - share)))


def score_edges(
    p: Arrays, edges: WindowEdges, vertices: Vertices, shape: Shape, size: int
) -> Floats:
    """Return the scores [M] of edges: logits, or as the authors weight times their sigmoid."""
    number = np.unique(edges.window)
    start = np.append(np.searchsorted(edges.window, number), len(edges))
    held = {name: torch.from_numpy(a) for name, a in p.items()}
    found = np.empty(len(edges))
    size = max(min(size, _WIDE // max(int(np.diff(start).max()), 1)), 1)
    with torch.no_grad(), one_thread():
        for stretch in stretches(number, size, shape):
            some = edges.between(start[stretch.lead], start[stretch.stop])
            graph = WindowGraphs.of(some, vertices.events)
            weight = edge_weights(some.count, shape)
            windows = vertices.tokens(graph, weight, shape)
            mine = slice(start[stretch.first] - start[stretch.lead], None)
            src, dst = (torch.from_numpy(a[mine]) for a in (graph.src, graph.dst))
            h = hidden(held, shape, windows, None)
            logit = edge_logits(held, shape, h, src, dst).double().numpy()
            if shape.weighted:
                logit = weight[mine] / (1.0 + np.exp(-logit))
            found[start[stretch.first] : start[stretch.stop]] = logit
    return found
