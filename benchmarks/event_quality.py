"""Event quality: AUC and AP of the event detector and of simple ways, on changed events and labels.

A cell is a set of events with c values changed (the protocol of the APE paper, c = 1, 2, 3), with
real labels, or with planted events. Each way learns once a set and seed and ranks its cells. Seeds
draw the changes, the parts of sets without time, the samples and starts of the ways themselves.
`--without WAY` leaves one out: the paper's training takes hours on the wide table.
"""

import argparse
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Iterator
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks import event_captures, event_data, harness
from benchmarks.event_baselines import (
    Conditional,
    Floats,
    Independent,
    NeverSeen,
    RarestPair,
    Scorer,
)
from benchmarks.event_compare import Results, rows
from benchmarks.event_labels import attack_steps, labelled
from benchmarks.event_model import MODES
from benchmarks.event_outliers import Ecod, IsolationForest
from benchmarks.event_planted import planted
from benchmarks.event_protocol import Cell, Trial, perturbation
from benchmarks.harness import Options, Row
from graphad.models import metrics

SEEDS = 5

SIMPLE: dict[str, Callable[[], Scorer]] = {
    "independent": Independent,
    "conditional": Conditional,
    "rarest pair": RarestPair,
    "never seen": NeverSeen,
    "isolation forest": IsolationForest,
    "ECOD": Ecod,
}


def trials(table: event_data.Table, seed: int) -> Iterator[Trial]:
    """Yield what a table is used for."""
    yield perturbation(table, seed)
    if table.phase is not None:
        yield attack_steps(table)
    elif table.label is not None:
        yield labelled(table, seed)


def ranked(model: Scorer, cell: Cell) -> Floats:
    """Return the scores of a cell's events, each distinct one scored once.

    Raises: ValueError: a score isn't finite.
    """
    distinct, which = np.unique(cell.codes, axis=0, return_inverse=True)
    scores = np.asarray(model.score(distinct), np.float64)[which.ravel()]
    if not np.isfinite(scores).all():
        raise ValueError(f"{cell.name}: scores must be finite")
    return scores


def run(
    trial: Trial,
    seed: int,
    ways: dict[str, Callable[[], Scorer]],
    results: Results,
    seconds: dict[str, float],
) -> None:
    """Let every way learn a trial and rank its cells; add what came out, and the CPU seconds."""
    if not trial.cells:
        return
    for name, make in ways.items():
        began = time.process_time()
        model = make().fit(trial.train, trial.arity, seed)
        for cell in trial.cells:
            scores = ranked(model, cell)
            auc = metrics.roc_auc(scores, cell.abnormal)
            ap = metrics.average_precision(scores, cell.abnormal)
            if auc is None or ap is None:
                raise ValueError(f"{trial.name}, {cell.name}: {cell.told}")
            results.add(f"{trial.name}, {cell.name}", cell, name, auc, ap)
        seconds[name] += time.process_time() - began


def measure(options: Options, without: Container[str] = ()) -> Iterable[Row]:
    """Rank all cells in every way but those left out, then compare the ways."""
    seeds = range(1 if options.quick else options.seeds)
    results, seconds = Results(len(seeds)), defaultdict[str, float](float)
    ways = {name: make for name, make in {**MODES, **SIMPLE}.items() if name not in without}
    for seed in seeds:
        run(planted(seed), seed, ways, results, seconds)
    with tempfile.TemporaryDirectory() as scratch:
        tables = list(event_data.load(Path(scratch), options.quick))
        if not options.quick:
            tables.extend(event_captures.load(Path(scratch)))
    for table in tables:
        for seed in seeds:
            for trial in trials(table, seed):
                run(trial, seed, ways, results, seconds)
        cells = sum(name.startswith(f"{table.name}, ") for name in results.auc)
        print(f"{table.name}: {len(table)} events, {cells} cells", file=sys.stderr)
    for name in results.drop_partial():
        print(f"{name}: some seed has too few events, so it is left out.", file=sys.stderr)
    yield from rows(results)
    for name, used in seconds.items():
        yield Row(f"all cells, {name}: fits and scores", used / len(seeds), "CPU s a seed")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--without", action="append", default=[], choices=[*MODES, *SIMPLE])
    given, rest = parser.parse_known_args()
    sys.exit(harness.main(__doc__, partial(measure, without=given.without), rest, seeds=SEEDS))
