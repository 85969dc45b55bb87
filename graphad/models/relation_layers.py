"""The layers of a relation network: neighbours in a window, then earlier windows, then edges.

A graph convolution mixes each event and value with those it occurs with; a transformer lets each
look at all of its own and of earlier windows; a relation's score is how far its two ends are from
what belongs together. Source: Li et al., GLAD, ICKG 2023, equations 3 to 8 of our notes; the edge
score is AddGraph's (Zheng et al., IJCAI 2019).
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from graphad.models.relation_graph import WindowGraphs

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Arrays = dict[str, npt.NDArray[np.float32]]

_ROWS = 4096  # tokens that look at others at once


class Shape(NamedTuple):
    """The form of a network: settings of the same names of RelationNetwork."""

    hidden: int
    layers: int
    blocks: int
    heads: int
    past: int
    most: int
    skip: bool
    identity: int
    causal: bool
    form: Literal["squared", "linear"]
    weighted: bool
    beta: float
    mu: float

    @property
    def reach(self) -> int:
        """Return how many windows back a score can depend on."""
        return self.blocks * (self.past - 1) if self.causal else self.past - 1


@dataclass(frozen=True)
class Windows:
    """Graphs as the layers take them.

    x [T, F]: features of tokens; known [T]: the place of each among names, -1 if unknown; off [M],
    own [T]: the normalised weights; weight [M]; keys: for each window the tokens that it looks at,
    and how many windows back each is.
    """

    graphs: WindowGraphs
    x: Any
    known: Any
    off: Any
    own: Any
    weight: Any
    keys: list[tuple[Any, Any]]

    @classmethod
    def of(
        cls, graphs: WindowGraphs, weight: Floats, features: Any, known: Any, shape: Shape
    ) -> "Windows":
        """Return them; features [T, F] and known [T] are of tokens."""
        off, own = graphs.normalised(weight)
        keys = [
            (torch.from_numpy(token), torch.from_numpy(age))
            for token, age in keys_of(graphs, graphs.degrees(weight), shape)
        ]
        single = [torch.from_numpy(a.astype(np.float32)) for a in (off, own, weight)]
        return cls(graphs, features, known, single[0], single[1], single[2], keys)


def keys_of(graphs: WindowGraphs, degree: Floats, shape: Shape) -> list[tuple[Ints, Ints]]:
    """Return for each window the tokens it looks at, and how many windows back they are.

    Causal: its own and those of `past` - 1 windows before it, by their numbers; else those of its
    block of `past` windows, and their place in it. Of a window with more than `most` tokens it is
    those of the largest degree.
    """
    kept = []
    for a, b in pairwise(graphs.start):
        token = np.arange(a, b)
        if b - a > shape.most:
            token = np.sort(token[np.argsort(-degree[token], kind="stable")[: shape.most]])
        kept.append(token)
    number, found = graphs.number, []
    block = number // shape.past
    for w in range(len(number)):
        if shape.causal:
            first = int(np.searchsorted(number, number[w] - shape.past + 1))
            seen = range(first, w + 1)
            age = number[w] - number[first : w + 1]
        else:
            first = int(np.searchsorted(block, block[w]))
            seen = range(first, int(np.searchsorted(block, block[w], "right")))
            age = number[first : seen.stop] % shape.past
        sizes = [len(kept[v]) for v in seen]
        found.append((np.concatenate([kept[v] for v in seen]), np.repeat(age, sizes)))
    return found


def positions(windows: int, width: int) -> Floats:
    """Return the sinusoids [windows, width] by which a model knows how far back a window is.

    Source: Vaswani et al., Attention Is All You Need, NeurIPS 2017, 3.5.
    """
    rate = 10_000.0 ** (-2.0 * (np.arange(width) // 2) / width)
    angle = np.arange(windows)[:, None] * rate
    return np.where(np.arange(width) % 2 == 0, np.sin(angle), np.cos(angle))


def fresh(shape: Shape, features: int, names: int, random: np.random.Generator) -> Arrays:
    """Return parameters to begin with; weights are even within +-1 / sqrt(inputs)."""
    h = shape.hidden
    p: dict[str, Floats] = {}

    def linear(name: str, into: int, out: int) -> None:
        edge = 1.0 / np.sqrt(into)
        p[name] = random.uniform(-edge, edge, (into, out))
        p[f"{name}/bias"] = np.zeros(out)

    if shape.identity:
        p["names"] = np.zeros((names, shape.identity))
    sizes = [features + shape.identity] + [h] * shape.layers
    for layer in range(shape.layers):
        linear(f"graph {layer}", sizes[layer], sizes[layer + 1])
    if shape.skip:
        linear("skip", sizes[0], h)
    for block in range(shape.blocks):
        for name in ("query", "key", "value", "out"):
            linear(f"{block} {name}", h, h)
        linear(f"{block} wide", h, 2 * h)
        linear(f"{block} narrow", 2 * h, h)
        for name in ("first", "second"):
            p[f"{block} {name} gain"], p[f"{block} {name} shift"] = np.ones(h), np.zeros(h)
    if not shape.causal:
        p["position"] = random.normal(0.0, 0.02, (shape.past, h))
    edge = 1.0 / np.sqrt(h)
    p["a"], p["b"] = random.uniform(-edge, edge, h), random.uniform(-edge, edge, h)
    return {name: a.astype(np.float32) for name, a in p.items()}


def _linear(p: dict[str, Any], name: str, x: Any) -> Any:
    return x @ p[name] + p[f"{name}/bias"]


def hidden(p: dict[str, Any], shape: Shape, windows: Windows, dropped: list[Any] | None) -> Any:
    """Return the vectors [T, hidden] of tokens; dropped: masks between graph layers."""
    x, graphs = windows.x, windows.graphs
    if shape.identity:
        names = torch.cat([p["names"], torch.zeros(1, shape.identity)])
        x = torch.cat([x, names[windows.known]], dim=1)
    src, dst = torch.from_numpy(graphs.src), torch.from_numpy(graphs.dst)
    z = x
    for layer in range(shape.layers):
        z = _linear(p, f"graph {layer}", z)
        off = windows.off[:, None]
        mixed = windows.own[:, None] * z
        mixed = mixed.index_add(0, src, off * z[dst]).index_add(0, dst, off * z[src])
        z = mixed
        if layer < shape.layers - 1:
            z = torch.relu(z)
            if dropped is not None:
                z = z * dropped[layer]
    if shape.skip:
        z = z + _linear(p, "skip", x)
    return _attended(p, shape, windows, z)


def _attended(p: dict[str, Any], shape: Shape, windows: Windows, u: Any) -> Any:
    """Return vectors [T, hidden] after looking at earlier windows."""
    start, heads = windows.graphs.start, shape.heads
    wide = shape.hidden // heads
    if shape.causal:
        sinusoids = torch.from_numpy(positions(shape.past, shape.hidden).astype(np.float32))
    elif shape.blocks:
        place = torch.from_numpy(windows.graphs.number % shape.past)
        u = u + p["position"][place][torch.from_numpy(windows.graphs.window)]
    for block in range(shape.blocks):
        q, k, v = (_linear(p, f"{block} {name}", u) for name in ("query", "key", "value"))
        q, k, v = (a.reshape(-1, heads, wide).transpose(0, 1) for a in (q, k, v))
        if shape.causal:
            back = (sinusoids @ p[f"{block} key"]).reshape(-1, heads, wide).transpose(0, 1)
        seen = []
        for w, (token, age) in enumerate(windows.keys):
            their_k, their_v = k[:, token].transpose(1, 2), v[:, token]
            for low in range(start[w], start[w + 1], _ROWS):
                mine = q[:, low : min(low + _ROWS, start[w + 1])]
                score = mine @ their_k
                if shape.causal:
                    score = score + (mine @ back.transpose(1, 2))[:, :, age]
                share = torch.softmax(score / wide**0.5, dim=2)
                seen.append((share @ their_v).transpose(0, 1).reshape(-1, shape.hidden))
        u = _normal(p, f"{block} first", u + _linear(p, f"{block} out", torch.cat(seen)))
        inner = torch.relu(_linear(p, f"{block} wide", u))
        u = _normal(p, f"{block} second", u + _linear(p, f"{block} narrow", inner))
    return u


def _normal(p: dict[str, Any], name: str, x: Any) -> Any:
    gain, shift = p[f"{name} gain"], p[f"{name} shift"]
    return torch.nn.functional.layer_norm(x, gain.shape, gain, shift)


def squared_logit(h: Any, g: Any, a: Any, b: Any, beta: float, mu: float) -> Any:
    """Return beta |a o h + b o g|^2 - mu [n] of pairs [n, D]; its sigmoid is the score (8')."""
    return beta * ((a * h + b * g) ** 2).sum(-1) - mu


def linear_logit(h: Any, g: Any, a: Any, b: Any, beta: float, mu: float) -> Any:
    """Return beta (a.h + b.g) - mu [n] of pairs [n, D]; its sigmoid is the score (8)."""
    return beta * (h @ a + g @ b) - mu


def edge_logits(p: dict[str, Any], shape: Shape, h: Any, src: Any, dst: Any) -> Any:
    """Return the logits [n] of pairs of tokens, the mean of both directions."""
    logit = squared_logit if shape.form == "squared" else linear_logit
    one, other = h[src], h[dst]
    there = logit(one, other, p["a"], p["b"], shape.beta, shape.mu)
    back = logit(other, one, p["a"], p["b"], shape.beta, shape.mu)
    return (there + back) / 2


def margin_loss(true: Any, false: Any, gamma: float, selected: bool) -> Any:
    """Return the mean of max(0, gamma + f(true) - f(false)) over pairs [n], (11).

    selected: only pairs in the right order count, (10); all where none is.
    """
    kept = true <= false
    cost = torch.relu(gamma + true - false)
    if selected and bool(kept.any()):
        cost = cost[kept]
    return cost.mean()


def window_distance(h: Any, start: Ints, centre: Any) -> Any:
    """Return |max over a window's tokens of h - centre|^2 of each window [W], (12) and (14)."""
    most = [h[a:b].max(dim=0).values for a, b in pairwise(start)]
    return ((torch.stack(most) - centre) ** 2).sum(dim=1)
