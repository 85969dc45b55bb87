"""How faithful the events are by which a window is told: what becomes of its score without them.

Units of the demo and of the OTRF captures, the later half of each judged by the earlier one.
Comprehensiveness: the share of the score that falls away without the pairs that are told;
sufficiency: the score of these pairs alone, as a share. Beside it as many pairs of the same unit,
drawn at random.
"""

import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from benchmarks import captures, harness
from benchmarks.harness import Options, Row
from graphad.detectors.window import WindowDetector
from graphad.detectors.window_told import told_units
from graphad.detectors.window_units import Units, units
from graphad.files import folder
from graphad.graph import HOUR, Graph, Ints
from graphad.store import Store

SEEDS = 5
KINDS = [(of, model) for of in ("host", "tree") for model in ("wl", "rayleigh")]
LOOKED = 60  # units, the oddest


def _pairs(graph: Graph, events: Ints) -> Ints:
    found: Ints = graph.src[events] * len(graph.ids) + graph.dst[events]
    return found


def _scored(detector: WindowDetector, graph: Graph, one: Units, events: Ints) -> float:
    if not len(events):
        return 0.0
    part = Units(events, np.array([0, len(events)]), one.root, one.host, one.begin)
    return float(detector.scored(graph, part)[0][0])


def _rows(name: str, graph: Graph, of: str, model: str, options: Options) -> Iterable[Row]:
    middle = int(np.median(graph.ts)) // HOUR * HOUR
    early, graph = (graph.subset(part).used() for part in (graph.ts < middle, graph.ts >= middle))
    detector = WindowDetector(of=of, model=model).fit([early])  # type: ignore[arg-type]
    found = units(graph, detector.of, detector.length_s)
    score, z = detector.scored(graph, found)
    oddest = np.lexsort((-score, -z))[: 10 if options.quick else LOOKED]
    found, score, z = found.take(oddest), score[oddest], z[oddest]
    told = told_units(detector, graph, found, score, z, False).events
    for seed in range(1 if options.quick else options.seeds):
        draw = np.random.default_rng(seed)
        kept: dict[str, list[float]] = {"without": [], "alone": [], "r without": [], "r alone": []}
        for u in range(len(found)):
            one, mine = found.take(np.array([u])), found.events(u)
            every = np.unique(_pairs(graph, mine))
            ours = np.unique(_pairs(graph, told[u][told[u] >= 0]))
            if len(every) <= len(ours) or score[u] <= 0:
                continue
            some = draw.choice(every, len(ours), replace=False)
            for prefix, chosen in (("", ours), ("r ", some)):
                inside = np.isin(_pairs(graph, mine), chosen)
                without = _scored(detector, graph, one, mine[~inside])
                kept[f"{prefix}without"].append(1.0 - without / score[u])
                kept[f"{prefix}alone"].append(
                    _scored(detector, graph, one, mine[inside]) / score[u]
                )
        for label, key in (("comprehensiveness", "without"), ("sufficiency", "alone")):
            value, base = (float(np.median(kept[k])) for k in (key, f"r {key}"))
            words = f"{name}, {of}, {model}: {label}, median of {len(kept[key])} units"
            yield Row(
                words, value, "share", base,
                value / base if base else None, seed=seed,
            )  # fmt: skip


def measure(options: Options) -> Iterable[Row]:
    """Measure both on the demo, then on the captures."""
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        demo = Store(scratch / "demo")
        demo.ingest([folder("parsers").parent / "sample_logs" / "demo"])
        for of, model in KINDS:
            yield from _rows("demo", demo.graph(), of, model, options)
        home = None if options.quick else captures.unpack("otrf-windows", scratch)
        if home is None:
            return
        store = Store(scratch / "store")
        store.ingest(sorted(home.rglob("atomic/**/*.zip")))
        graph = store.graph()
        for of, model in KINDS:
            yield from _rows("OTRF", graph, of, model, options)


if __name__ == "__main__":
    sys.exit(harness.main(__doc__, measure, seeds=SEEDS))
