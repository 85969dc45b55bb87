"""The layers of a Rayleigh network in torch, for training; `rayleigh_scores` is what they fold to.

Sparse products run in our own kernels on the CPU, graph by graph, forwards and backwards; on a GPU
in torch's (torch_device). q filters
H_j = sum_k T_k(L - I) H Theta_jk + c_j and the layer w3 that joins them have no activation between,
so they are multiplied first: same function, same gradients, a q-th of the work.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from graphad.models import torch_device
from graphad.models.chebyshev import combined, terms
from graphad.models.graph_batch import GraphBatch
from graphad.models.rayleigh import sums
from graphad.models.rayleigh_scores import SLOPE, TINY, Arrays, Form, shapes_of
from graphad.models.wavelets import beta_coefficients

Ints = npt.NDArray[np.int64]

_CELLS = 2**20  # numbers that oneDNN multiplies at once, 4 MB
_KEPT = 0.9  # of the running mean and variance, at each step


class Sizes(NamedTuple):
    """What a network is as large as: features, numbers of a graph, hidden units, filters."""

    features: int
    numbers: int
    hidden: int
    width: int


class Entry(NamedTuple):
    """Graphs as the layers take them: nodes or their terms, numbers [G, P], start [G + 1].

    nodes: [N, F] with `graphs` to make terms from, or the terms [N, K F] themselves.
    """

    nodes: Any
    numbers: Any
    start: Ints
    graphs: GraphBatch | None


class _Terms(torch.autograd.Function):  # type: ignore[misc]
    """Chebyshev terms [N, K, F] of features [N, F]."""

    @staticmethod
    def forward(ctx: Any, x: Any, batch: GraphBatch, depth: int, isolated: float) -> Any:
        ctx.graphs = batch, isolated
        if x.is_cuda:
            ctx.matrix = torch_device.shifted(batch, isolated, x.device)
            return torch_device.terms(x, ctx.matrix, depth)
        return torch.from_numpy(terms(batch, x.detach().numpy(), depth, isolated=isolated))

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        batch, isolated = ctx.graphs
        if g.is_cuda:
            return torch_device.combined(g, ctx.matrix), None, None, None
        return torch.from_numpy(combined(batch, g.numpy(), isolated=isolated)), None, None, None


class _Product(torch.autograd.Function):  # type: ignore[misc]
    """x w + b by oneDNN: x [N, K], w [K, H], b [H].

    torch multiplies by MKL, which does without AVX-512 on processors that aren't Intel's: it takes
    twice as long there. oneDNN wants copies, so rows go through it in parts that stay in the cache;
    its own gradients are of another layout than its weights, so these are asked for one by one.
    """

    @staticmethod
    def forward(ctx: Any, x: Any, w: Any, b: Any) -> Any:
        ctx.given = x.detach(), w.detach()
        turned, bias = _turned(w), b.detach().to_mkldnn()
        out = torch.empty(len(x), w.shape[1])
        for part in _parts(*x.shape):
            out[part] = functional.linear(x[part].to_mkldnn(), turned, bias).to_dense()
        return out

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        x, w = ctx.given
        straight, turned = w.contiguous().to_mkldnn(), _turned(w)
        to_x = torch.empty_like(x) if ctx.needs_input_grad[0] else None
        to_w, to_b = torch.zeros(w.shape[1], w.shape[0]), torch.zeros(w.shape[1])
        for part in _parts(*x.shape):
            of = g[part].contiguous().to_mkldnn()
            if to_x is not None:
                to_x[part] = functional.linear(of, straight).to_dense()
            weights = torch.ops.aten.mkldnn_linear_backward_weights
            mine = weights(of, x[part].to_mkldnn(), turned, True)
            to_w += mine[0].to_dense()
            to_b += mine[1].to_dense()
        return to_x, to_w.T, to_b


class _Sums(torch.autograd.Function):  # type: ignore[misc]
    """Sums [G, h] of the rows [N, h] of each graph."""

    @staticmethod
    def forward(ctx: Any, rows: Any, start: Ints) -> Any:
        ctx.start = start
        return _summed(rows.detach(), start)

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return _spread(g, ctx.start), None


class _Spread(torch.autograd.Function):  # type: ignore[misc]
    """Rows [N, h]: that of its graph [G, h] for each node."""

    @staticmethod
    def forward(ctx: Any, rows: Any, start: Ints) -> Any:
        ctx.start = start
        return _spread(rows, start)

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return _summed(g, ctx.start), None


def product(x: Any, w: Any, b: Any) -> Any:
    """Return x w + b, [N, H], of many rows x [N, K], with gradients; w [K, H], b [H]."""
    if not x.is_cuda and len(x) and torch.backends.mkldnn.is_available():
        return _Product.apply(x, w, b)
    return torch.addmm(b, x, w)


def _parts(rows: int, columns: int) -> list[slice]:
    step = max(_CELLS // max(columns, 1), 1)
    return [slice(begin, begin + step) for begin in range(0, rows, step)]


def _turned(w: Any) -> Any:
    return w.detach().T.contiguous().to_mkldnn()


def _summed(rows: Any, start: Ints) -> Any:
    if rows.is_cuda:
        return torch_device.segment_sums(rows, start)
    return torch.from_numpy(sums(rows.numpy(), start))


def _spread(rows: Any, start: Ints) -> Any:
    sizes = torch.from_numpy(np.diff(start)).to(rows.device)
    return torch.repeat_interleave(rows, sizes, dim=0, output_size=int(start[-1]))


def fresh(form: Form, sizes: Sizes, filters: str, random: np.random.Generator) -> Arrays:
    """Return the parameters a network starts with.

    Linear layers as torch draws them, within 1 / sqrt(inputs); filters by Glorot, or, as "beta",
    those of the beta wavelets of order width - 1.
    """
    shapes = shapes_of(form, *sizes)
    p: Arrays = {}
    for name in sorted(shapes):
        shape = shapes[name]
        if name[0] == "w":
            bound = 1.0 / np.sqrt(max(shape[0], 1))
            p[name] = random.uniform(-bound, bound, shape).astype(np.float32)
            p[f"b{name[1:]}"] = random.uniform(-bound, bound, shape[1]).astype(np.float32)
        elif name[0] != "b":
            start = np.ones if name in ("gain", "variance") else np.zeros
            p[name] = start(shape, np.float32)
    q, depth, f, _ = shapes["theta"]
    theta = random.uniform(-1.0, 1.0, shapes["theta"]) * np.sqrt(3.0 / f)
    if filters == "beta":
        theta = np.einsum("qk,fg->qkfg", beta_coefficients(q - 1, depth), np.eye(f))
    p["theta"] = theta.astype(np.float32)
    return p


def logits(p: dict[str, Any], form: Form, entry: Entry, dropped: Any = None) -> Any:
    """Return the logits [G, 2] of graphs.

    In training, `dropped` [G, fused] says by what each fused number is multiplied (0 if dropped
    out), the batch is normalised by itself, and p's running mean and variance follow it.
    """
    q, depth, f, _ = p["theta"].shape
    w3 = p["w3"].reshape(q, f, -1)
    filters = torch.einsum("qkfg,qgh->kfh", p["theta"], w3).reshape(depth * f, -1)
    bias = torch.einsum("qg,qgh->h", p["theta_bias"], w3) + p["b3"]
    x = entry.nodes
    if entry.graphs is not None:
        if form.encoder:
            x = _dense(_dense(x, p, "1"), p, "2")
        x = chebyshev_terms(x, entry.graphs, depth, form.isolated).reshape(len(x), depth * f)
    h = _leaky(product(x, filters, bias))
    fused = pooled(_leaky(product(h, p["w4"], p["b4"])), p, form, entry)
    if dropped is None:
        average, variance = p["average"], p["variance"]
    else:
        average, variance = fused.mean(dim=0), fused.var(dim=0, unbiased=False)
        with torch.no_grad():
            n = len(fused)
            p["average"].mul_(_KEPT).add_(average, alpha=1 - _KEPT)
            p["variance"].mul_(_KEPT).add_(variance, alpha=(1 - _KEPT) * n / max(n - 1, 1))
    fused = (fused - average) * torch.rsqrt(variance + TINY) * p["gain"] + p["shift"]
    return torch.addmm(p["b7"], fused if dropped is None else fused * dropped, p["w7"])


def pooled(h: Any, p: dict[str, Any], form: Form, entry: Entry) -> Any:
    """Return what is known of each graph, [G, fused]: its nodes h [N, hidden] pooled, its branch.

    With s the branch's steering vector and a_i = h_i.s, nodes are summed up as a_i h_i, which is
    (H'H) s; unsteered as h_i.
    """
    if form.steered:
        steer = _dense(_dense(entry.numbers, p, "8"), p, "9")
        h = rayleigh_pooled(h, steer, entry.start)
    else:
        h = _Sums.apply(h, entry.start)
    if form.mean:
        sizes = np.maximum(np.diff(entry.start), 1).astype(np.float32)
        h = h / torch.from_numpy(sizes).to(h.device)[:, None]
    if form.branch == "none":
        return h
    r = torch.addmm(p["b5"], entry.numbers, p["w5"])
    return torch.cat([h, _dense(_leaky(r) if form.inner else r, p, "6")], dim=1)


def chebyshev_terms(x: Any, graphs: GraphBatch, depth: int, isolated: float) -> Any:
    """Return the Chebyshev terms [N, depth, F] of features [N, F], with gradients to them."""
    return _Terms.apply(x, graphs, depth, isolated)


def rayleigh_pooled(h: Any, steer: Any, start: Ints) -> Any:
    """Return (H'H) s of each graph, [G, h], from nodes h [N, h] and s [G, h]."""
    scores = (h * _Spread.apply(steer, start)).sum(dim=1, keepdim=True)
    return _Sums.apply(scores * h, start)


def _dense(x: Any, p: dict[str, Any], name: str) -> Any:
    return _leaky(torch.addmm(p[f"b{name}"], x, p[f"w{name}"]))


def _leaky(x: Any) -> Any:
    return functional.leaky_relu(x, SLOPE)
