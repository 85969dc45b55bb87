"""Scores of graphs from a trained Rayleigh network: numpy alone.

A trained network is smaller than one in training. Its q filters and the layer after them are one
affine map of the Chebyshev terms; batch normalisation and the last layer are one direction. So the
score is a sum over nodes, which says where it comes from: origin + v.branch + sum_i a_i (h_i.u).
"""

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from graphad.models.chebyshev import pieces, terms
from graphad.models.graph_batch import GraphBatch
from graphad.models.rayleigh import energy, quotient, sums
from graphad.models.spectral_profile import profile

Arrays: TypeAlias = dict[str, npt.NDArray[np.float32]]
Branch: TypeAlias = Literal["profile", "energy", "quotient", "none"]
Floats = npt.NDArray[np.float64]

SLOPE = 0.01  # of LeakyReLU below 0
TINY = 1e-5  # added to the variance in batch normalisation
LARGEST = 100.0  # of a node's scaled feature
FARTHEST = 8.0  # standard deviations that a number of a profile may lie off


@dataclass(frozen=True)
class Form:
    """What a network is made of.

    depth: Chebyshev terms; encoder: two layers of nodes before them; branch: what is known of a
    whole graph, "none" leaves it out; inner: an activation between the branch's layers; steered:
    the branch steers how nodes are pooled; mean: pooled by mean, not by sum; isolated: L_ii of
    nodes without edges; scaled: features by their largest, profiles by mean and deviation.
    """

    depth: int
    encoder: bool
    branch: Branch
    inner: bool
    steered: bool
    mean: bool
    isolated: float
    scaled: bool


def shapes_of(
    form: Form, features: int, numbers: int, hidden: int, width: int
) -> dict[str, tuple[int, ...]]:
    """Return the shape of each parameter of a network."""
    f, h, q = features, hidden, width
    layers = {"3": (q * f, h), "4": (h, h)}
    if form.encoder:
        layers |= {"1": (f, f), "2": (f, f)}
    if form.branch != "none":
        layers |= {"5": (numbers, h), "6": (h, h)}
    if form.steered:
        layers |= {"8": (numbers, h), "9": (h, h)}
    fused = h if form.branch == "none" else 2 * h
    layers["7"] = (fused, 2)
    made: dict[str, tuple[int, ...]] = {f"w{name}": shape for name, shape in layers.items()}
    made |= {f"b{name}": shape[1:] for name, shape in layers.items()}
    made |= dict.fromkeys(("gain", "shift", "average", "variance"), (fused,))
    return made | {"theta": (q, form.depth, f, f), "theta_bias": (q, f)}


def graph_numbers(batch: GraphBatch, branch: Branch) -> Floats:
    """Return what the branch is told of each graph, [G, P]."""
    if branch == "profile":
        return profile(batch)
    if branch == "quotient":
        return quotient(batch)
    return energy(batch) if branch == "energy" else np.zeros((len(batch), 0))


@dataclass(frozen=True)
class Scale:
    """How numbers are made comparable: features / most [F], (profile - center [P]) / spread [P]."""

    most: Floats
    center: Floats
    spread: Floats
    clipped: bool

    @classmethod
    def of(cls, batch: GraphBatch, numbers: Floats, scaled: bool) -> "Scale":
        """Return the scale of graphs and their numbers [G, P]; that of 1 if they are to stay."""
        wide, p = batch.features.shape[1], numbers.shape[1]
        if not scaled:
            return cls(np.ones(wide), np.zeros(p), np.ones(p), False)
        most = np.abs(batch.features).max(axis=0, initial=0.0)
        spread = numbers.std(axis=0)
        steady = spread <= 1e-9 * np.abs(numbers).max(axis=0, initial=0.0)
        return cls(np.where(most > 0, most, 1.0), numbers.mean(axis=0),
                   np.where(steady, 1.0, spread), True)  # fmt: skip

    def nodes(self, batch: GraphBatch) -> npt.NDArray[np.float32]:
        """Return features [N, F], none above 100 times the largest that was learned from."""
        if not self.clipped:
            return batch.features.astype(np.float32)
        with np.errstate(over="ignore"):
            x = batch.features / self.most
        return np.clip(x, -LARGEST, LARGEST).astype(np.float32)

    def graphs(self, numbers: Floats) -> npt.NDArray[np.float32]:
        """Return numbers [G, P], none farther off than 8 standard deviations."""
        off = (numbers - self.center) / self.spread
        return (np.clip(off, -FARTHEST, FARTHEST) if self.clipped else off).astype(np.float32)


@dataclass(frozen=True)
class Scores:
    """A trained network, folded, and the scale of what comes in."""

    form: Form
    arrays: Arrays
    scale: Scale

    @classmethod
    def folded(cls, form: Form, p: Arrays, scale: Scale) -> "Scores":
        """Return the scores of trained parameters, as `rayleigh_layers` has them."""
        q, depth, wide, _ = p["theta"].shape
        w3 = p["w3"].reshape(q, wide, -1)
        made = {name: p[name] for name in p if name[0] in "wb" and name[1:] not in ("3", "7")}
        made["filter"] = np.einsum("qkfg,qgh->kfh", p["theta"], w3).reshape(depth * wide, -1)
        made["filter_bias"] = np.einsum("qg,qgh->h", p["theta_bias"], w3) + p["b3"]
        gain = p["gain"] / np.sqrt(p["variance"] + np.float32(TINY))
        # Only the difference of both logits counts: its sigmoid is the softmax.
        last, bias = p["w7"][:, 1] - p["w7"][:, 0], p["b7"][1] - p["b7"][0]
        made["direction"] = gain * last
        made["origin"] = np.array(bias + (p["shift"] - p["average"] * gain) @ last)
        return cls(form, made, scale)

    def score(self, batch: GraphBatch) -> Floats:
        """Return the log-odds [G] that a graph is abnormal."""
        return self.parts(batch)[0]

    def parts(self, batch: GraphBatch) -> tuple[Floats, Floats, Floats]:
        """Return scores [G] and what adds up to them: of each graph's branch [G], of nodes [N]."""
        total, whole, each = [], [], []
        for first, end in pieces(batch.start):
            part = batch.take(np.arange(first, end))
            of_graph, of_nodes = self._parts(part)
            whole.append(of_graph)
            each.append(of_nodes)
            total.append(of_graph + sums(of_nodes[:, None], part.start)[:, 0])
        none = np.zeros(0)
        return (
            np.concatenate([none, *total]), np.concatenate([none, *whole]),
            np.concatenate([none, *each]),
        )  # fmt: skip

    def _parts(self, batch: GraphBatch) -> tuple[Floats, Floats]:
        a, form = self.arrays, self.form
        x = self.scale.nodes(batch)
        if form.encoder:
            x = _leaky(_leaky(x @ a["w1"] + a["b1"]) @ a["w2"] + a["b2"])
        t = terms(batch, x, form.depth, isolated=form.isolated)
        h = _leaky(t.reshape(len(x), len(a["filter"])) @ a["filter"] + a["filter_bias"])
        h = _leaky(h @ a["w4"] + a["b4"])
        hidden = h.shape[1]
        along = (h @ a["direction"][:hidden]).astype(np.float64)
        origin = np.full(len(batch), float(a["origin"]))
        if form.branch != "none":
            r = self.scale.graphs(graph_numbers(batch, form.branch))
            known = r @ a["w5"] + a["b5"]
            known = _leaky((_leaky(known) if form.inner else known) @ a["w6"] + a["b6"])
            origin += (known @ a["direction"][hidden:]).astype(np.float64)
            if form.steered:
                steer = _leaky(_leaky(r @ a["w8"] + a["b8"]) @ a["w9"] + a["b9"])
                along *= np.einsum("nh,nh->n", h, np.repeat(steer, batch.sizes, axis=0))
        if form.mean:
            along /= np.repeat(batch.sizes, batch.sizes)
        return origin, along


def _leaky(x: npt.NDArray[Any]) -> npt.NDArray[Any]:
    found: npt.NDArray[Any] = np.maximum(x, np.float32(SLOPE) * x)
    return found
