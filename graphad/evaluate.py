"""Evaluation: findings against the truth about a log.

A finding is a hit only if it is mostly attack: at least half of its edges (or entities) are attack
ones, so that a path that brushes an attack by chance counts as a false alarm. Against windows it
is a hit if it overlaps one on its host. An attack is detected if a hit holds a part of it.

What is an attack depends on the truth: each label of lines or records, each entity, each window.
How soon and how near in time it is found, see evaluate_time.py; whether severity rises with harm,
evaluate_severity.py.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from graphad import evaluate_severity as severity
from graphad import evaluate_time as time
from graphad.evaluate_figures import Judged, Metric, ratio
from graphad.evaluate_moments import Moments, of_truth
from graphad.evaluate_severity import Level
from graphad.evaluate_time import Detection
from graphad.models import metrics
from graphad.truth import Truth, read_truth

__all__ = ["Detection", "Judged", "Level", "Metric", "Report", "evaluate", "read_truth"]

DAY = 86_400_000_000  # microseconds


@dataclass(frozen=True)
class Report:
    """All figures, and which truth sources no finding came from (a typing error, or a miss).

    `detections` are how soon each attack was found, `severities` what findings of each hold.
    """

    findings: int
    hits: int
    alerts: int | None
    attacks: int
    metrics: tuple[Metric, ...]
    unmatched_sources: tuple[str, ...]
    detections: tuple[Detection, ...] = ()
    severities: tuple[Level, ...] = ()

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
    moments: Moments | None = None,
    step_s: float = time.STEP_S,
    buffer_s: float = time.BUFFER_S,
) -> Report:
    """Return how well findings match the truth.

    `days` is how long the scored logs last; without it false alarms a day are unknown, since the
    findings alone don't say. Rankings need no alerts; where no finding was calibrated, detection
    and coverage are over all findings and mcc and false alarms are None. `moments`, from
    evaluate_moments.of_store, are when the attacks were; a truth of windows needs none. `step_s`
    and `buffer_s` are those of PATE, see evaluate_time.proximity.

    Raises: ValueError: a score is NaN, a severity unknown, or `days`, a step or a buffer no such.
    """
    if days is not None and not days > 0:
        raise ValueError("days must be positive")
    findings = list(findings)
    parts = [truth.parts(f.edges, f.entities, f.host, f.start, f.end) for f in findings]
    scores = np.array([f.score for f in findings], dtype=np.float64)
    labels = np.array([bool(part) for part in parts], dtype=np.bool_)
    decided = [(f.alert, bool(part)) for f, part in zip(findings, parts, strict=True)
               if f.alert is not None]  # fmt: skip
    told = [(f, part) for f, part in zip(findings, parts, strict=True) if f.alert or not decided]
    shown = [part for _, part in told]
    what = "alerts" if decided else "findings, none being calibrated"
    moments = of_truth(truth) if moments is None else moments
    found = time.detections([f for f, _ in told], shown, truth, moments)
    reported = [
        _detection("detection_rate", shown, truth, f"attacks that {what} hit"),
        _detection("detection_rate_ranked", parts, truth, "attacks that any finding hits"),
        ratio(
            "coverage",
            len(set().union(*shown)),
            len(truth.units),
            f"attack {truth.kind}s in {what} that hit",
        ),
        *_ranking(scores, labels, at),
        *_decisions(decided, days),
        *_incidents(findings, labels, days),
        *time.delays(found, what),
        *time.proximity(findings, moments, step_s=step_s, buffer_s=buffer_s),
        *severity.rise(findings, parts),
    ]
    unmatched = truth.unmatched(path for f in findings for path, _, _ in f.edges)
    return Report(
        findings=len(findings),
        hits=int(labels.sum()),
        alerts=sum(alert for alert, _ in decided) if decided else None,
        attacks=len(truth.attacks),
        metrics=tuple(reported),
        unmatched_sources=unmatched,
        detections=found,
        severities=severity.levels(findings, parts, truth),
    )


def _detection(name: str, parts: list[frozenset[int]], truth: Truth, meaning: str) -> Metric:
    found = {truth.units[unit] for part in parts for unit in part}
    return ratio(name, len(found), len(truth.attacks), meaning)


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
        ratio("precision", tp, tp + fp, "hits of alerts"),
        Metric("mcc", metrics.matthews(tp, fp, tn, fn), tp + tn, len(decided),
               "right decisions of decisions"),
        ratio("false_alarms_per_day", fp, days, "alerts that are no hit, of days"),
    ]  # fmt: skip


def _incidents(
    findings: Sequence[Judged], labels: metrics.Bools, days: float | None
) -> list[Metric]:
    """Return the metrics of incidents with an alert; each is what its best alert is."""
    best: dict[str, tuple[float, str, bool]] = {}
    for one, hit in zip(findings, labels.tolist(), strict=True):
        if one.alert:
            name = one.incident or one.id
            best[name] = max(best.get(name, (-np.inf, "", False)), (one.score, one.id, hit))
    names = "precision_of_incidents", "false_incidents_per_day"
    if all(one.alert is None for one in findings):
        return [Metric(name, None, None, None, "nothing is calibrated") for name in names]
    hits = sum(hit for *_, hit in best.values())
    return [
        ratio(names[0], hits, len(best), "incidents whose best alert is a hit, of those with one"),
        ratio(names[1], len(best) - hits, days, "incidents whose best alert is no hit, of days"),
    ]
