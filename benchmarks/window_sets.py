"""Sets of graphs and how each is split for the quality of the window detector.

A split has labelled graphs to learn from and others to be tried on, and for models without labels
quiet graphs to learn from and others to be tried on. Nothing of a tried graph is learned: columns
of features, rarities of names, thresholds.

- made-up families: whole graphs, 15 % of each kind to be tried; quiet are half of the normal ones.
- molecules (cell lines, Tox21, AIDS, MUTAG): the same splits, of 700 drawn for each where there are
  more, abnormal ones as rare as in the whole screen; quiet are all normal ones to learn.
- ADFA-LD: nine in ten of its training traces, and of the attacks of all kinds but one, against the
  validation traces and the attacks of that kind, in turn. Quiet: the same traces, against all.
- HDFS: sessions in the order of the file, two fifths against the fifth after them, ever later.
- recorded scenarios: 70 % of runs that have nothing of one kind of work, and attacks of all kinds
  but one, in other work; against the benign runs left and the attacks of that kind. Both kinds take
  turns. Quiet: the same benign runs, against the others and all attacks.
"""

import csv
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from benchmarks import captures, cell_lines, harness, tu_graphs
from benchmarks.call_graphs import Traces, commonest, transitions
from benchmarks.graph_families import FAMILIES, Family, made
from benchmarks.record_scenarios import unable
from benchmarks.recorded_graphs import Recorded
from graphad.models.rayleigh_network import divided

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

SHARE = 0.1  # of graphs of a family that are abnormal
TESTED = 0.15
QUIET = 0.5  # of the normal graphs of a family
KEPT = 0.9  # of ADFA-LD's training traces in a split
RECORDED = 0.7  # of benign runs in a split
FEW = "text", "logs", "admin", "credentials", "ransom"  # kinds that are recorded
MOST = 700  # molecules of a set in a split, so that there can be five
QUICK = "recorded", "shuffled"
TU = ("Tox21_HSE", "Tox21_p53", "AIDS", "MUTAG")


class Split(NamedTuple):
    """Graphs to learn from and to be tried on, with labels and without."""

    learn: Traces
    test: Traces
    quiet: Traces
    tried: Traces


class GraphSet(NamedTuple):
    """A set by name; security: whether it is of attacks; of so many splits, those there are."""

    name: str
    security: bool
    splits: Callable[[int], Iterator[Split]]


def sets(quick: bool, scratch: Path, only: Collection[str] = ()) -> Iterator[GraphSet]:
    """Yield the sets that are here, or those of some names; it is told which are not here."""

    def asked(name: str) -> bool:
        return name in only if only else not quick or name in QUICK

    if asked("recorded") and (recorded := _recorded(quick, scratch)) is not None:
        yield GraphSet("recorded", True, lambda seeds: runs(recorded, seeds))
    if asked("ADFA-LD") and _there("ADFA-LD", traces := adfa()) and traces is not None:
        yield GraphSet("ADFA-LD", True, lambda seeds: left_out(*traces, seeds))
    if asked("HDFS") and _there("HDFS", sessions := hdfs()) and sessions is not None:
        yield GraphSet("HDFS", False, lambda seeds: later(*sessions, seeds))
    for name in filter(asked, (*cell_lines.SCREENS, *TU)):
        screen = name in cell_lines.SCREENS
        found = cell_lines.load(name) if screen else tu_graphs.load(name)
        if _there(name, found) and found is not None:
            share = cell_lines.SCREENS[name][1] if screen else float(found.abnormal.mean())
            yield GraphSet(name, False, partial(molecules, found, share))
    for family in filter(asked, FAMILIES):
        yield GraphSet(family, False, partial(families, family, 160 if quick else 900))


def _there(name: str, found: object) -> bool:
    if found is None:
        print(f"{name} is not here: set GRAPHAD_DATA", file=sys.stderr)
    return found is not None


def _recorded(quick: bool, scratch: Path) -> Recorded | None:
    """Record runs on this machine; None where that cannot be."""
    if reason := unable():
        print(f"No scenarios are recorded: {reason}", file=sys.stderr)
        return None
    out = scratch / "scenarios"
    more = ["--runs", "8", "--kinds", *FEW] if quick else []
    command = [sys.executable, "-m", "benchmarks.record_scenarios", str(out), *more]
    subprocess.run(command, cwd=harness.ROOT, check=True, stdout=sys.stderr)
    return Recorded(out, scratch)


def untraced(graphs: Family) -> Traces:
    """Return graphs that have no sequences."""
    kind = np.where(graphs.abnormal, "abnormal", "normal").astype(object)
    return Traces(graphs, kind, [])


def families(family: str, graphs: int, seeds: int) -> Iterator[Split]:
    """Split a family made anew for each seed."""
    for seed in range(seeds):
        whole = untraced(made(family, graphs, SHARE, seed))
        kept, out = divided(whole.graphs.abnormal, TESTED, 1000 + seed)
        normal = np.flatnonzero(~whole.graphs.abnormal)
        quiet = normal[: round(len(normal) * QUIET)]
        rest = np.setdiff1d(np.arange(len(whole.kind)), quiet)
        yield Split(*(whole.take(part) for part in (kept, out, quiet, rest)))


def molecules(whole: Family, share: float, seeds: int) -> Iterator[Split]:
    """Split a set, of each kind its share; of a large one others are drawn for each seed."""
    for seed in range(seeds):
        chosen = untraced(whole.take(drawn(whole.abnormal, share, MOST, seed)))
        kept, out = divided(chosen.graphs.abnormal, TESTED, 1000 + seed)
        quiet = kept[~chosen.graphs.abnormal[kept]]
        yield Split(*(chosen.take(part) for part in (kept, out, quiet, out)))


def drawn(abnormal: Bools, share: float, most: int, seed: int) -> Ints:
    """Return at most so many graphs by number, of which a share is abnormal."""
    random = np.random.default_rng(seed)
    kinds = [random.permutation(np.flatnonzero(abnormal == kind)) for kind in (False, True)]
    count = min(most, int(len(kinds[0]) / (1.0 - share) + 1e-9), int(len(kinds[1]) / share + 1e-9))
    rare = round(count * share)
    return np.sort(np.concatenate([kinds[0][: count - rare], kinds[1][:rare]]))


def adfa() -> tuple[list[Ints], list[Ints], list[tuple[str, Ints]]] | None:
    """Return the traces of ADFA-LD: training, validation, and attacks by kind."""
    with tempfile.TemporaryDirectory() as folder:
        home = captures.unpack("adfa-ld", Path(folder))
        if home is None:
            return None

        def read(name: str) -> list[tuple[str, Ints]]:
            files = sorted(next(home.rglob(name)).rglob("*.txt"))
            return [
                (
                    re.sub(r"_\d+$", "", file.parent.name),
                    np.array(file.read_text().split(), np.int64),
                )
                for file in files
            ]

        normal = [
            [calls for _, calls in read(name)]
            for name in ("Training_Data_Master", "Validation_Data_Master")
        ]
        return normal[0], normal[1], read("Attack_Data_Master")


def left_out(
    training: list[Ints], validation: list[Ints], attacks: list[tuple[str, Ints]], seeds: int
) -> Iterator[Split]:
    """Split traces of system calls, an attack kind left out in turn."""
    calls = [*training, *validation, *(calls for _, calls in attacks)]
    normal = len(training) + len(validation)
    kind = np.array(["normal"] * normal + [name for name, _ in attacks], object)
    every = np.arange(len(calls))
    names = sorted({name for name, _ in attacks})
    for seed in range(max(seeds, len(names))):
        random = np.random.default_rng(seed)
        kept = random.random(len(calls)) < KEPT
        quiet = every[(every < len(training)) & kept]
        whole = _sequences(calls, kind, quiet)
        out = kind == names[seed % len(names)]
        later_ = (every >= len(training)) & (every < normal)
        learn = np.union1d(quiet, every[(every >= normal) & ~out & kept])
        tests = every[later_ | out], every[every >= len(training)]
        yield Split(*(whole.take(part) for part in (learn, tests[0], quiet, tests[1])))


def _sequences(calls: list[Ints], kind: npt.NDArray[np.object_], learned: Ints) -> Traces:
    graphs = transitions(calls, commonest(calls[n] for n in learned))
    graphs = Family(graphs.batch, graphs.kinds, kind != "normal")
    return Traces(graphs, kind, [[one] for one in calls])


def hdfs() -> tuple[list[Ints], Bools] | None:
    """Return the sessions of HDFS as numbers of their templates, and which are abnormal."""
    with tempfile.TemporaryDirectory() as folder:
        home = captures.unpack("hdfs", Path(folder))
        if home is None:
            return None
        with next(home.rglob("hdfs_100k_sessions.csv")).open(newline="") as file:
            rows = list(csv.DictReader(file))
    number: dict[str, int] = {}
    calls = [
        np.array([number.setdefault(t, len(number)) for t in row["templates"].split("\x1f")])
        for row in rows
    ]
    return calls, np.array([row["label"] == "1" for row in rows])


def later(calls: list[Ints], abnormal: Bools, seeds: int) -> Iterator[Split]:
    """Split sessions by time."""
    kind = np.where(abnormal, "abnormal", "normal").astype(object)
    n = len(calls)
    for seed in range(seeds):
        begin = round(seed / max(seeds - 1, 1) * 0.4 * n)
        learn = np.arange(begin, begin + round(0.4 * n))
        test = np.arange(learn[-1] + 1, min(learn[-1] + 1 + round(0.2 * n), n))
        quiet = learn[~abnormal[learn]]
        whole = _sequences(calls, kind, quiet)
        yield Split(*(whole.take(part) for part in (learn, test, quiet, test)))


def runs(recorded: Recorded, seeds: int) -> Iterator[Split]:
    """Split recorded runs, a kind of work and a kind of attack left out in turn."""
    attack = recorded.attack
    works = sorted(set().union(*recorded.work))
    kinds = sorted(set(recorded.kind[attack]))
    for seed in range(max(seeds, len(kinds))):
        random = np.random.default_rng(seed)
        other = np.array([works[seed % len(works)] not in mine for mine in recorded.work])
        out = recorded.kind == kinds[seed % len(kinds)]
        quiet = np.flatnonzero(~attack & other & (random.random(len(attack)) < RECORDED))
        learn = np.union1d(quiet, np.flatnonzero(attack & ~out & other))
        rest = np.setdiff1d(np.flatnonzero(~attack), quiet)
        tests = np.union1d(rest, np.flatnonzero(out)), np.union1d(rest, np.flatnonzero(attack))
        whole = recorded.traces(quiet)
        yield Split(*(whole.take(part) for part in (learn, tests[0], quiet, tests[1])))
