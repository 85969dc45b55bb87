"""What came out of event_quality, as rows: each way in each cell, the default against the rest."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from benchmarks.event_baselines import Floats
from benchmarks.event_protocol import Cell
from benchmarks.harness import Row

DEFAULT, PLAIN = "default", "independent"
MARGIN = 0.005  # AUC that the default may be below the best of the others
SHARE = 0.75  # of the judged cells in which it must not be further below
PLANTED, PLANTED_AUC = "planted, cross-group", 0.99
_DRAWS = 10_000


@dataclass
class Results:
    """AUC and AP [seeds] by cell and way; which cells are judged, what is in them at seed 0."""

    seeds: int
    auc: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    ap: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    told: dict[str, str] = field(default_factory=dict)
    judged: list[str] = field(default_factory=list)

    def add(self, name: str, cell: Cell, way: str, auc: float, ap: float) -> None:
        """Add what one way reached in one cell with one more seed."""
        for values, value in ((self.auc, auc), (self.ap, ap)):
            values.setdefault(name, {}).setdefault(way, []).append(value)
        if name not in self.told:
            self.told[name] = cell.told
            if cell.judged:
                self.judged.append(name)

    def drop_partial(self) -> list[str]:
        """Drop cells that some seed had too few events for; return their names."""
        partial = [
            name
            for name, ways in self.auc.items()
            if any(len(values) != self.seeds for values in ways.values())
        ]
        for name in partial:
            del self.auc[name], self.ap[name]
        self.judged = [name for name in self.judged if name in self.auc]
        return partial


def difference(ours: list[float], theirs: list[float]) -> tuple[float, float]:
    """Return the mean paired difference over seeds, and what 95 % of bootstrap means are above.

    Seeds are drawn with replacement, both ways' values of a seed together; the draws are seeded.

    >>> difference([0.9, 0.8], [0.7, 0.6])
    (0.2, 0.2)
    """
    pairs = np.round(np.array(ours) - np.array(theirs), 12)  # of rounding, not of the ways
    draws = np.random.default_rng(0).integers(0, len(pairs), (_DRAWS, len(pairs)))
    low = np.quantile(pairs[draws].mean(axis=1), 0.05)
    return round(float(pairs.mean()), 12), round(float(low), 12)


def _spread(values: list[float]) -> str:
    return f"mean of {len(values)} seeds, {min(values):.3f} to {max(values):.3f}"


def rows(results: Results) -> Iterator[Row]:
    """Yield all rows. Comparisons with a default are left out if there is none."""
    for name, ways in results.auc.items():
        for way, values in ways.items():
            planted = name == PLANTED and way == DEFAULT
            value, ap = float(np.mean(values)), results.ap[name][way]
            yield Row(
                f"{name} ({results.told[name]} at seed 0), {way}: AUC", value, _spread(values),
                target=PLANTED_AUC if planted else None,
                met=value >= PLANTED_AUC if planted else None,
            )  # fmt: skip
            yield Row(f"{name}, {way}: AP", float(np.mean(ap)), _spread(ap))
    judged = [name for name in results.judged if name != PLANTED]
    if not judged:
        return
    for way in results.auc[judged[0]]:
        for metric, held in (("AUC", results.auc), ("AP", results.ap)):
            mean = float(np.mean([np.mean(held[name][way]) for name in judged]))
            yield Row(f"all {len(judged)} judged cells, {way}: {metric}", mean, "mean of means")
        if way == DEFAULT:
            yield from _against(results, judged)


def _against(results: Results, judged: list[str]) -> Iterator[Row]:
    """Yield the default against the best other way of each cell, and against plain frequencies."""
    close = above = 0
    for name in judged:
        ways = results.auc[name]
        best = max((way for way in ways if way != DEFAULT), key=lambda way: float(_mean(ways[way])))
        mean, low = difference(ways[DEFAULT], ways[best])
        close += low >= -MARGIN
        above += difference(ways[DEFAULT], ways[PLAIN])[0] >= -5e-4  # to three decimals
        yield Row(
            f"{name}, {DEFAULT} minus {best}", mean, f"AUC, 95 % above {low:.3f}",
            target=-MARGIN, met=None,
        )  # fmt: skip
    for what, count, share in (
        (f"within {MARGIN} AUC of the best other way", close, SHARE),
        ("not below independent frequencies", above, 1.0),
    ):
        reached = count / len(judged)
        yield Row(
            f"{DEFAULT}: {what} ({count} of {len(judged)} cells)", reached, "share",
            target=share, met=reached >= share,
        )  # fmt: skip


def _mean(values: list[float]) -> Floats:
    return np.asarray(np.mean(values))
