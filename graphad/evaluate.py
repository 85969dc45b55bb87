"""Evaluation: findings against the truth about a log.

A finding is a hit only if it is mostly attack: at least half of its edges (or entities) are attack
ones, so that a path that brushes an attack by chance counts as a false alarm. Against windows it
is a hit if it overlaps one on its host. An attack is detected if a hit holds a part of it.

What is an attack depends on the truth: each label of lines or records, each entity, each window.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from graphad.models import metrics
from graphad.truth import Truth, read_truth

__all__ = ["Judged", "Metric", "Report", "evaluate", "read_truth"]

DAY = 86_400_000_000  # microseconds


@dataclass(frozen=True)
class Judged:
    """A finding as far as it is judged.

    `score` is what findings are ranked by; `alert` is None where nothing was calibrated. `start`
    and `end` are its first and last event, UTC microseconds. `edges` are (path of the source, line,
    record); `entities` are keys.
    """

    id: str
    score: float
    alert: bool | None
    host: str
    start: int
    end: int
    edges: Sequence[tuple[str, int | None, int | None]] = ()
    entities: Sequence[str] = ()


@dataclass(frozen=True)
class Metric:
    """One figure and what it was computed from: `part` of `whole`, each with its unit in words.

    `value` is None where the denominator is missing or zero.
    """

    name: str
    value: float | None
    part: float | None
    whole: float | None
    meaning: str


@dataclass(frozen=True)
class Report:
    """All figures, and which truth sources no finding came from (a typing error, or a miss)."""

    findings: int
    hits: int
    alerts: int | None
    attacks: int
    metrics: tuple[Metric, ...]
    unmatched_sources: tuple[str, ...]

    def __getitem__(self, name: str) -> Metric:
        """Return the metric called so.

        Raises: KeyError: there is none.
        """
        for metric in self.metrics:
            if metric.name == name:
                return metric
        raise KeyError(name)

    def rows(self) -> list[dict[str, Any]]:
        """Return a row for each metric, for a table."""
        return [asdict(metric) for metric in self.metrics]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON types."""
        return asdict(self)


def evaluate(
    findings: Iterable[Judged],
    truth: Truth,
    *,
    days: float | None = None,
    at: Sequence[int] = (1, 5, 10, 20, 50, 100),
) -> Report:
    """Return how well findings match the truth.

    `days` is how long the scored logs last; without it false alarms a day are unknown, since the
    findings alone don't say. Rankings need no alerts; where no finding was calibrated, detection
    and coverage are over all findings and mcc and false alarms are None.

    Raises: ValueError: a score is NaN, or `days` is not positive.
    """
    if days is not None and not days > 0:
        raise ValueError("days must be positive")
    findings = list(findings)
    parts = [truth.parts(f.edges, f.entities, f.host, f.start, f.end) for f in findings]
    scores = np.array([f.score for f in findings], dtype=np.float64)
    labels = np.array([bool(part) for part in parts], dtype=np.bool_)
    decided = [(f.alert, bool(part)) for f, part in zip(findings, parts, strict=True)
               if f.alert is not None]  # fmt: skip
    shown = [part for f, part in zip(findings, parts, strict=True) if f.alert or not decided]
    what = "alerts" if decided else "findings, none being calibrated"
    reported = [
        _detection("detection_rate", shown, truth, f"attacks that {what} hit"),
        _detection("detection_rate_ranked", parts, truth, "attacks that any finding hits"),
        _ratio(
            "coverage",
            len(set().union(*shown)),
            len(truth.units),
            f"attack {truth.kind}s in {what} that hit",
        ),
        *_ranking(scores, labels, at),
        *_decisions(decided, days),
    ]
    unmatched = truth.unmatched(path for f in findings for path, _, _ in f.edges)
    return Report(
        findings=len(findings),
        hits=int(labels.sum()),
        alerts=sum(alert for alert, _ in decided) if decided else None,
        attacks=len(truth.attacks),
        metrics=tuple(reported),
        unmatched_sources=unmatched,
    )


def _ratio(name: str, part: float, whole: float | None, meaning: str) -> Metric:
    return Metric(name, part / whole if whole else None, part, whole, meaning)


def _detection(name: str, parts: list[frozenset[int]], truth: Truth, meaning: str) -> Metric:
    found = {truth.units[unit] for part in parts for unit in part}
    return _ratio(name, len(found), len(truth.attacks), meaning)


def _ranking(scores: metrics.Floats, labels: metrics.Bools, at: Sequence[int]) -> list[Metric]:
    hits, total = int(labels.sum()), len(labels)
    reads = metrics.reads_to_first_hit(scores, labels)
    found = [
        Metric(
            "average_precision", metrics.average_precision(scores, labels), hits, total,
            "hits of findings; attacks that no finding holds do not lower it",
        ),
        Metric("roc_auc", metrics.roc_auc(scores, labels), hits, total, "hits of findings"),
        Metric("reads_to_first_hit", reads, reads, total, "findings read of findings"),
    ]  # fmt: skip
    for k in at:
        value = metrics.precision_at(scores, labels, k)
        part = None if value is None else value * k
        found.append(Metric(f"precision_at_{k}", value, part, k, "hits of the best findings"))
    return found


def _decisions(decided: list[tuple[bool, bool]], days: float | None) -> list[Metric]:
    """Return the metrics of (alert, hit) pairs."""
    tp, fp, tn, fn = (
        sum((alert, hit) == cell for alert, hit in decided)
        for cell in ((True, True), (True, False), (False, False), (False, True))
    )
    if not decided:
        return [
            Metric("precision", None, None, None, "nothing is calibrated"),
            Metric("mcc", None, None, None, "nothing is calibrated"),
            Metric("false_alarms_per_day", None, None, days, "nothing is calibrated"),
        ]
    return [
        _ratio("precision", tp, tp + fp, "hits of alerts"),
        Metric("mcc", metrics.matthews(tp, fp, tn, fn), tp + tn, len(decided),
               "right decisions of decisions"),
        _ratio("false_alarms_per_day", fp, days, "alerts that are no hit, of days"),
    ]  # fmt: skip
