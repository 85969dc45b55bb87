"""Speed of the window detector's models against the plain ways, whose numbers must be the same.

Graphs of 200 nodes, one core, CPU time; the plain ways are PyG's Chebyshev layers and dense
Laplacians.
"""

import importlib.util
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import numpy as np

from benchmarks import harness
from benchmarks.graph_families import KINDS, Family, made
from benchmarks.harness import Options, Row
from graphad.models.chebyshev import terms
from graphad.models.rayleigh import energy
from graphad.models.rayleigh_network import RayleighNetwork
from graphad.models.spectral_one_class import SpectralOneClass
from graphad.models.wl_one_class import WlOneClass

NODES = 200
HIDDEN, DEPTH = 64, 6
FEATURES = 32  # of the layer alone, as in our notes on performance
SCORING = 5000.0  # graphs a CPU second
KNOWN, TRAINED = 5.0, 1.7  # times PyG's layer: on terms made once, and with gradients to features


def best(function: Callable[[], object], repeat: int = 5) -> float:
    """Return the least CPU seconds of some calls, the first of which warms up."""
    function()
    return min(harness.timed(function, 1).cpu for _ in range(repeat))


def close(name: str, ours: Any, plain: Any) -> None:
    """Raise AssertionError unless numbers are the same, but for what float32 rounds."""
    off = float(np.abs(np.asarray(ours) - np.asarray(plain)).max())
    size = float(np.abs(np.asarray(plain)).max())
    if off > 2e-4 * size:
        raise AssertionError(f"{name}: the plain way has other numbers, {off} of {size}.")


def measure(options: Options) -> Iterable[Row]:
    """Time scoring, training and single layers."""
    if importlib.util.find_spec("torch") is None:
        print("torch is not installed: no network to train", file=sys.stderr)
        return
    graphs = 40 if options.quick else 256
    family = made("shuffled", graphs, 0.2, 0, (NODES, NODES))
    yield from networks(family)
    yield from layers(graphs)


def networks(family: Family) -> Iterator[Row]:
    """Time whole networks."""
    import torch

    from benchmarks.plain_rayleigh import PlainNetwork, dense_energy

    torch.set_num_threads(1)
    batch, n = family.batch, len(family.batch)
    labels = torch.from_numpy(family.abnormal.astype(np.int64))
    what = f"{n} graphs of {NODES} nodes, {KINDS} features"
    model = RayleighNetwork(epochs=1).fit(batch, family.abnormal)
    rate = n / best(lambda: model.score(batch))
    yield Row(f"scoring, default, {what}", rate, "graphs/CPU s", target=SCORING,
              met=rate >= SCORING)  # fmt: skip
    paper = RayleighNetwork.paper(epochs=1).fit(batch, family.abnormal)
    assert paper.parameters_ is not None
    plain = PlainNetwork(KINDS, trained=False).take(paper.parameters_).eval()

    def scored() -> Any:
        with torch.no_grad():
            z = plain(batch)
        return (z[:, 1] - z[:, 0]).numpy()

    close("scores", paper.score(batch), scored())
    slow, fast = n / best(scored, 2), n / best(lambda: paper.score(batch))
    yield Row(f"scoring, paper, {what}", fast, "graphs/CPU s", slow, fast / slow)
    quiet = SpectralOneClass().fit(batch)
    yield Row(f"scoring, one-class, {what}", n / best(lambda: quiet.score(batch)), "graphs/CPU s")
    kinds = np.stack([family.kinds, np.zeros_like(family.kinds)])
    odd = WlOneClass().fit(batch, kinds)
    rate = n / best(lambda: odd.score(batch, kinds))
    yield Row(f"scoring, one-class by labels, {n} quiet graphs", rate, "graphs/CPU s")
    close("x'Lx", energy(batch), dense_energy(batch))
    slow, fast = n / best(lambda: dense_energy(batch), 2), n / best(lambda: energy(batch))
    yield Row("x'Lx", fast, "graphs/CPU s", slow, fast / slow)

    learner = PlainNetwork(KINDS)
    optimiser = torch.optim.Adam(learner.parameters(), lr=0.005)

    def plain_epoch() -> None:
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(learner(batch), labels).backward()
        optimiser.step()

    slow = n / best(plain_epoch, 2)
    for name, kind in (("default", RayleighNetwork), ("paper", RayleighNetwork.paper)):

        def epochs(number: int, kind: Any = kind) -> Any:
            return lambda: kind(epochs=number, held=0.0).fit(batch, family.abnormal)

        fast = 5 * n / max(best(epochs(6), 2) - best(epochs(1), 2), 1e-6)
        yield Row(f"training, {name}, an epoch in one step", fast, "graphs/CPU s", slow,
                  fast / slow)  # fmt: skip
    if torch.cuda.is_available():
        yield from on_gpu(family)


def on_gpu(family: Family) -> Iterator[Row]:
    """Time training on a GPU beside one CPU core, by the clock on the wall."""
    import torch

    n = len(family.batch)
    card = torch.cuda.get_device_name()
    for name, kind in (("default", RayleighNetwork), ("paper", RayleighNetwork.paper)):

        def seconds(device: str, kind: Any = kind) -> float:
            def taken(number: int) -> float:
                model = kind(epochs=number, held=0.0, device=device)
                return harness.timed(lambda: model.fit(family.batch, family.abnormal), 2).wall

            taken(1)
            return max(taken(11) - taken(1), 1e-6) / 10

        slow, fast = n / seconds("cpu"), n / seconds("cuda")
        yield Row(f"training, {name}, on {card}, baseline one CPU core", fast, "graphs/s", slow,
                  fast / slow)  # fmt: skip


def layers(graphs: int) -> Iterator[Row]:
    """Time one Chebyshev layer, forwards and backwards, without its optimiser."""
    import torch

    from benchmarks.plain_rayleigh import chebyshev_layer, edge_index
    from graphad.models.rayleigh_layers import chebyshev_terms, product

    family = made("shuffled", graphs, 0.0, 1, (NODES, NODES))
    batch, nodes = family.batch, len(family.kinds)
    random = np.random.default_rng(0)
    x = torch.from_numpy(random.normal(size=(nodes, FEATURES)).astype(np.float32))
    back = torch.from_numpy(random.normal(size=(nodes, HIDDEN)).astype(np.float32))
    layer = chebyshev_layer(FEATURES, HIDDEN, DEPTH)
    edges, edge_weight = edge_index(batch), torch.from_numpy(batch.weight).float()
    own = torch.cat([term.weight.detach().T for term in layer.lins]).requires_grad_()
    known = terms(batch, x.numpy(), DEPTH, isolated=1.0)  # as PyG has nodes without an edge
    made_once = torch.from_numpy(known.reshape(nodes, DEPTH * FEATURES))

    def plain(learned: bool) -> Any:
        layer.zero_grad()
        given = x.clone().requires_grad_(learned)
        out = layer(given, edges, edge_weight)
        out.backward(back)
        weight = torch.cat([term.weight.grad.T for term in layer.lins])
        return out.detach(), weight, given.grad

    def ours(learned: bool) -> Any:
        own.grad = None
        given = x.clone().requires_grad_(learned)
        t = chebyshev_terms(given, batch, DEPTH, 1.0) if learned else made_once
        out = product(t.reshape(nodes, -1), own, layer.bias.detach())
        out.backward(back)
        return out.detach(), own.grad, given.grad

    for learned, name, target in (
        (False, "layer in training, terms made once", KNOWN),
        (True, "layer in training, gradients to features", TRAINED),
    ):
        for one, other in zip(ours(learned), plain(learned), strict=True):
            if one is not None:
                close(name, one, other)
        slow, fast = (graphs / best(partial(way, learned)) for way in (plain, ours))
        yield harness.compare(
            f"{name}, {FEATURES} to {HIDDEN} features", fast, "graphs/CPU s", slow, target
        )


if __name__ == "__main__":
    harness.on_one_core("window_speed")
    sys.exit(harness.main(__doc__, measure))
