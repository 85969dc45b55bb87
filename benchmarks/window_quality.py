"""How good the window detector's models are at telling abnormal graphs, beside plain ways.

With labels: the detector's default (a forest on counts of labels), our network, the paper's form of
it, ours without Rayleigh quotients, GIN, ChebNet, a forest on WL counts of what the set calls its
nodes' kinds, sizes alone. Without: the detector's default (how odd labels are), the half of it that
counts how rare they are, spectral profiles; nearest neighbours by WL counts and by runs of three
calls, sizes alone. Sets and how they are split: window_sets. Thresholds of macro F1 come from
held-out graphs with labels, or are passed by one in twenty of held-out quiet graphs.
`--sets NAME ...` measures some sets only.
"""

import argparse
import importlib.util
import sys
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from benchmarks import harness
from benchmarks.call_graphs import Traces
from benchmarks.harness import Options, Row
from benchmarks.window_sets import GraphSet, Split, sets
from benchmarks.wl_neighbours import GramNeighbours, WlNeighbours
from graphad.detectors.window_features import FEATURES, deeds_of, kinds_of
from graphad.models.metrics import best_cut, macro_f1, roc_auc
from graphad.models.rayleigh_network import RayleighNetwork, divided
from graphad.models.spectral_one_class import SpectralOneClass
from graphad.models.wl_forest import WlForest
from graphad.models.wl_labels import LabelSets
from graphad.models.wl_one_class import HOPS, WlOneClass
from graphad.models.wl_surprise import LabelSurprise

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]

SEEDS = 5
HELD = 0.15  # of labelled graphs, for thresholds
ALARMS, FOLDS = 0.05, 5  # of quiet graphs that pass a threshold, each scored without its fold
BASELINES = ("WL neighbours", "3-grams", "sizes")  # of models without labels


class Judged(NamedTuple):
    """How good scores of graphs of two kinds are."""

    auc: float
    f1: float


Supervised = Callable[[Traces, Traces, int], tuple[Floats, float]]
OneClass = Callable[[Traces, Traces], Floats]


def network(kind: Callable[..., RayleighNetwork], **settings: Any) -> Supervised:
    """Return what trains a network of ours; it scores, and says from which score on it alarms."""

    def scores(learn: Traces, test: Traces, seed: int) -> tuple[Floats, float]:
        model = kind(**settings, seed=seed).fit(learn.graphs.batch, learn.graphs.abnormal)
        return model.score(test.graphs.batch), model.threshold_

    return scores


def plain(name: str) -> Supervised:
    """Return what trains a plain network."""

    def scores(learn: Traces, test: Traces, seed: int) -> tuple[Floats, float]:
        from benchmarks import plain_networks

        make = getattr(plain_networks, name)
        graphs = learn.graphs
        return plain_networks.trained(make, graphs.batch, graphs.abnormal, test.graphs.batch, seed)

    return scores


def forest(learn: Traces, test: Traces, seed: int, fine: bool = False) -> tuple[Floats, float]:
    """Return the scores of a forest on WL counts; its threshold is from held-out graphs, too.

    fine: by the labels that the window detector takes, if the graphs are a store's.
    """
    graphs = learn.graphs
    kinds = labels(learn)[2] if fine else graphs.kinds
    parts = divided(graphs.abnormal, HELD, seed)
    kept, held = (learn.take(part) for part in parts)
    one, other = (labels(part)[2] if fine else part.graphs.kinds for part in (kept, held))
    judged, theirs = (held, other) if len(held.kind) else (kept, one)
    tried = WlForest(seed=seed).fit(kept.graphs.batch, one, kept.graphs.abnormal)
    cut = best_cut(tried.score(judged.graphs.batch, theirs), judged.graphs.abnormal)
    whole = WlForest(seed=seed).fit(graphs.batch, kinds, graphs.abnormal)
    last = labels(test)[2] if fine else test.graphs.kinds
    return whole.score(test.graphs.batch, last), cut


def labels(traces: Traces) -> tuple[Hashes, Hashes, Hashes]:
    """Return labels [N] of nodes: types, types with actions, the same with rarity of names.

    All are what the set calls its nodes' kinds if its graphs are not a store's.
    """
    batch = traces.graphs.batch
    if batch.features.shape[1] != len(FEATURES):
        kinds = traces.graphs.kinds.astype(np.uint64)
        return kinds, kinds, kinds
    x = batch.features
    return kinds_of(x).astype(np.uint64), deeds_of(x), deeds_of(x, True)


def by_sizes(learn: Traces, test: Traces, seed: int) -> tuple[Floats, float]:
    """Return how far numbers of nodes are from the median of normal graphs."""
    normal = learn.take(np.flatnonzero(~learn.graphs.abnormal))
    return off_size(normal, test), best_cut(off_size(normal, learn), learn.graphs.abnormal)


def off_size(quiet: Traces, test: Traces) -> Floats:
    """Return how far numbers of nodes are from the median of quiet graphs."""
    found: Floats = np.abs(test.graphs.batch.sizes - np.median(quiet.graphs.batch.sizes))
    return found


def spectral(quiet: Traces, test: Traces) -> Floats:
    """Return the scores of spectral profiles."""
    return SpectralOneClass().fit(quiet.graphs.batch).score(test.graphs.batch)


def by_labels(quiet: Traces, test: Traces) -> Floats:
    """Return how odd labels are, as the window detector judges them without labels of graphs."""
    model = WlOneClass().fit(quiet.graphs.batch, np.stack(labels(quiet)[:2]))
    return model.score(test.graphs.batch, np.stack(labels(test)[:2]))


def rare_labels(quiet: Traces, test: Traces) -> Floats:
    """Return how rare labels are, which is the one half of that."""
    known, asked = (
        LabelSets.of(one.graphs.batch, np.stack(labels(one)[:2]), HOPS) for one in (quiet, test)
    )
    return LabelSurprise().fit(known).score(asked)


def near_wl(quiet: Traces, test: Traces) -> Floats:
    """Return distances by WL counts."""
    near = WlNeighbours().fit(quiet.graphs.batch, quiet.graphs.kinds)
    return near.score(test.graphs.batch, test.graphs.kinds)


def near_grams(quiet: Traces, test: Traces) -> Floats:
    """Return distances by runs of calls."""
    return GramNeighbours().fit(quiet.calls).score(test.calls)


SUPERVISED: dict[str, Supervised] = {
    "default": partial(forest, fine=True), "network": network(RayleighNetwork),
    "paper": network(RayleighNetwork.paper),
    "without RQ": network(RayleighNetwork, branch="none"), "GIN": plain("gin"),
    "ChebNet": plain("cheb"), "WL forest": forest, "sizes": by_sizes,
}  # fmt: skip
ONE_CLASS: dict[str, OneClass] = {
    "one-class": by_labels, "label surprise": rare_labels, "spectra": spectral,
    "WL neighbours": near_wl, "3-grams": near_grams, "sizes": off_size,
}  # fmt: skip
TORCH = ("network", "paper", "without RQ", "GIN", "ChebNet")


def judged(scores: Floats, cut: float, test: Traces) -> Judged:
    """Return how good scores are. Raises: ValueError: graphs are of one kind."""
    auc = roc_auc(scores, test.graphs.abnormal)
    if auc is None:
        raise ValueError("A test needs graphs of both kinds.")
    return Judged(auc, macro_f1(scores >= cut, test.graphs.abnormal))


def quiet_cut(model: OneClass, quiet: Traces) -> float:
    """Return the score that one in twenty quiet graphs pass, each scored without its fold."""
    n = len(quiet.kind)
    fold = np.arange(n) % min(FOLDS, n)
    scores = [
        model(quiet.take(np.flatnonzero(fold != k)), quiet.take(np.flatnonzero(fold == k)))
        for k in range(fold.max() + 1)
    ]
    # Just beyond it, as many may have the same score, such as no distance at all.
    return float(np.nextafter(np.quantile(np.concatenate(scores), 1.0 - ALARMS), np.inf))


def tried(split: Split, seed: int, models: dict[str, Supervised]) -> Iterator[tuple[str, Judged]]:
    """Yield how good each model is on one split."""
    for name, model in models.items():
        yield name, judged(*model(split.learn, split.test, seed), split.test)
    for name, lone in ONE_CLASS.items():
        if name == "3-grams" and not split.quiet.calls:
            continue
        scores = lone(split.quiet, split.tried)
        yield f"{name}, no labels", judged(scores, quiet_cut(lone, split.quiet), split.tried)


def rows(one: GraphSet, seeds: int, models: dict[str, Supervised]) -> Iterator[Row]:
    """Compare models on the splits of a set; a row is a mean over them."""
    found: dict[str, list[Judged]] = {}
    for seed, split in enumerate(one.splits(seeds)):
        for name, how in tried(split, seed, models):
            found.setdefault(name, []).append(how)
    for part, unit in zip(Judged._fields, ("AUC", "macro F1"), strict=True):
        for name, mine in found.items():
            values = [getattr(how, part) for how in mine]
            yield Row(
                f"{one.name}, {name}: mean of {len(values)} splits", np.mean(values).item(), unit
            )
            yield Row(f"{one.name}, {name}: sd", np.std(values, ddof=len(values) > 1).item(), unit)
    for ours, theirs, asked in compared(found, one.security):
        yield paired(f"{one.name}: {ours} over {theirs}", found[ours], found[theirs], asked)


def compared(found: dict[str, list[Judged]], security: bool) -> Iterator[tuple[str, str, bool]]:
    """Yield which models are held against which, and whether to be no worse is asked."""
    for ours in ("default", "network"):
        for rival in TORCH[1:] if ours in found else ():
            if rival in found:
                yield ours, rival, rival in ("paper", "without RQ")
        if "WL forest" in found and ours in found:
            yield ours, "WL forest", security
    rivals = [f"{name}, no labels" for name in BASELINES if f"{name}, no labels" in found]
    best = max(rivals, key=lambda name: np.mean([how.auc for how in found[name]]).item())
    yield "one-class, no labels", best, security
    for name in ("label surprise", "spectra"):
        if f"{name}, no labels" in found:
            yield f"{name}, no labels", best, False


def paired(name: str, ours: list[Judged], theirs: list[Judged], asked: bool) -> Row:
    """Return the mean difference of AUC on the same splits.

    Shown is what 95 % of bootstrap samples of the splits agree on; a target is missed only if all
    of that is below 0.
    """
    off = np.array([a.auc - b.auc for a, b in zip(ours, theirs, strict=True)])
    drawn = np.random.default_rng(0).choice(off, (2000, len(off))).mean(axis=1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    label = f"{name}, 95 % of {low:+.3f} to {high:+.3f}"
    met = bool(high >= 0) if asked else None
    return Row(label, float(off.mean()), "AUC", target=0.0 if asked else None, met=met)


def measure(options: Options, only: Collection[str] = ()) -> Iterable[Row]:
    """Measure on all sets that are here, or on some by name."""
    models = dict(SUPERVISED)
    if importlib.util.find_spec("sklearn") is None:
        print("scikit-learn is not installed: no forest to compare with", file=sys.stderr)
        del models["WL forest"], models["default"]
    if importlib.util.find_spec("torch") is None:
        print("torch is not installed: no network to train", file=sys.stderr)
        models = {name: model for name, model in models.items() if name not in TORCH}
    with tempfile.TemporaryDirectory() as name:
        for one in sets(options.quick, Path(name), only):
            yield from rows(one, 1 if options.quick else options.seeds, models)


if __name__ == "__main__":
    harness.on_one_core("window_quality")
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--sets", nargs="+", default=())
    given, others = parser.parse_known_args()
    sys.exit(harness.main(__doc__, partial(measure, only=given.sets), others, seeds=SEEDS))
