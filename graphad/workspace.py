"""The main job over a store: fit, score, hunt, and the findings that are kept."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from graphad import judge
from graphad.detect import Detector, Paths
from graphad.detectors import registry
from graphad.errors import GraphadError
from graphad.findings import Finding
from graphad.graph import Graph
from graphad.labels import Labels
from graphad.store.store import Moment, microseconds
from graphad.truth import read_truth
from graphad.workspace_entity import Desk
from graphad.workspace_findings import Findings
from graphad.workspace_models import TRAINING
from graphad.workspace_search import paths_wanted, searched
from graphad.workspace_window import SLICE_EVENTS, StoreWindow, split

if TYPE_CHECKING:
    from graphad.detectors.window import WindowDetector

BUDGET = 10.0  # incidents a day for the whole installation


@dataclass
class Hunt:
    """What a hunt found, best first, and how far it can be trusted.

    seconds: that the search and its evidence took, without reading the window or keeping them.
    """

    findings: list[Finding]
    calibrated: bool
    model: str
    exact: bool
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0


def _stage(name: str) -> None:
    """Do nothing; stands in for a progress display."""


class Workspace(Findings, Desk):
    """A store with its models and findings."""

    def fit(
        self, *, start: Moment = None, end: Moment = None, sources: Iterable[int] | None = None,
        settings: dict[str, Any] | None = None, budget: float = BUDGET, detector: str = "path",
        stage: Callable[[str], None] = _stage, truth: Path | None = None,
    ) -> str:  # fmt: skip
        """Fit a model on a quiet window and calibrate it; return the model's id.

        The last third of the window's active hours is kept out of the fit, for the threshold.
        truth: a CSV file of known attacks, see graphad.truth; a window detector learns from them.
        Raises: GraphadError: no attack can be told from it.
        """
        made = _made(detector, settings)
        return self._learned(made, start, end, sources, budget, stage, None, truth)

    def update(
        self, *, model: str | None = None, start: Moment = None, end: Moment = None,
        sources: Iterable[int] | None = None, budget: float = BUDGET,
        stage: Callable[[str], None] = _stage,
    ) -> str:  # fmt: skip
        """Let an event model, the one in use if not named, learn a further window; return its id.

        What it knew moves little. The last third is kept out, as in a fit. The model before stays,
        see `models` and `use`. Without a start the window begins where the model's last one ended.
        Raises: GraphadError: it is of another detector, which is fitted anew, or knows this window.
        """
        found, _, parent = self.model(model, "event")
        known = next((one.end for one in self.models() if one.model == parent), "")
        last = microseconds(known) if known else None
        if last is not None and start is None and sources is None:
            start = last + 1
        elif last is not None and sources is None and (microseconds(start) or 0) <= last:
            raise GraphadError(
                f"{parent} has learned all until {known} already.",
                hint="Leave --since out, or go back to an earlier model: graphad use.",
            )
        return self._learned(found, start, end, sources, budget, stage, parent)

    def _learned(
        self, detector: Detector, start: Moment, end: Moment, sources: Iterable[int] | None,
        budget: float, stage: Callable[[str], None], parent: str | None,
        truth: Path | None = None,
    ) -> str:  # fmt: skip
        """Let a detector learn a window but its last third, calibrate it on that, keep it."""
        sources = None if sources is None else list(sources)
        labels = self._labels(detector, truth)
        first, last = self._extent(start, end, sources)
        middle = split(self, first, last, sources)
        stage("learning what is usual")
        window = StoreWindow(self, first, middle, sources)
        window.labels, window.progress = labels, stage
        window.scratch = self._folder(detector.name) / TRAINING
        held = StoreWindow(self, middle, last + 1, sources)
        window.later = held if labels else None
        if parent is None:
            detector.learn(window)
            if labels is not None and labels.lost:
                cast("WindowDetector", detector).regime_ += f"; {labels.told_lost}"
        else:
            detector.update(window)
        stage("calibrating")
        quiet = held.graphs(detector.fields)
        if labels:
            quiet = _calm(cast("WindowDetector", detector), quiet, labels)
        told = {"start": judge.rfc3339(first), "end": judge.rfc3339(last), "parent": parent}
        return self._keep(detector, quiet, budget, told)

    def _labels(self, detector: Detector, truth: Path | None) -> Labels | None:
        """Return what is known of attacks, None for a detector that does not learn from it."""
        if detector.name != "window":
            if truth is not None:
                raise GraphadError(f"The {detector.name} detector does not learn from labels.")
            return None
        known = None if truth is None else read_truth(truth)
        labels = Labels(self, known, self.findings(), self.marks())
        if truth is not None and labels.unmatched:
            raise GraphadError(
                f"{truth} labels {labels.unmatched[0]}, which is no source of this store.",
                hint="Name sources by the end of their path: graphad query sources.",
            )
        return labels

    def score(
        self, *, model: str | None = None, start: Moment = None, end: Moment = None,
        sources: Iterable[int] | None = None, top: int | None = None, detector: str = "path",
        hosts: Iterable[str] | None = None, types: Iterable[str] | None = None,
        stage: Callable[[str], None] = _stage, now: Moment = None,
        slice_events: int = SLICE_EVENTS,
    ) -> Hunt:  # fmt: skip
        """Score a window with a fitted model and keep the findings.

        model: its id; if not given, that of the detector which is in use. hosts, types: only events
        of these hosts, and between entities of these types.
        Marks and allow rules count as of `now`, the clock's time if not given.
        A window of more than `slice_events` events is read and scored in slices of so many, with
        the same findings, if the model's paths have a span; else the notes say that it was not.
        """
        (found,), _ = self.score_each(
            [self.model_name(model, detector)], start=start, end=end, sources=sources, top=top,
            hosts=hosts, types=types, stage=stage, now=now, slice_events=slice_events,
        )  # fmt: skip
        return found

    def score_each(
        self, models: Sequence[str], *, start: Moment = None, end: Moment = None,
        sources: Iterable[int] | None = None, top: int | None = None,
        hosts: Iterable[str] | None = None, types: Iterable[str] | None = None,
        stage: Callable[[str], None] = _stage, now: Moment = None,
        slice_events: int = SLICE_EVENTS,
    ) -> tuple[list[Hunt], float]:  # fmt: skip
        """Score a window with several models, see `score`, reading it once.

        Beside what each finds, return the seconds that it took to read the window and to keep the
        findings.
        """
        known = [self.model(model) for model in models]
        stage("searching")
        window = StoreWindow(
            self, start, end, None if sources is None else list(sources), slice_events
        )
        hosts = None if hosts is None else list(hosts)
        types = None if types is None else list(types)
        coverage = self.coverage(now)
        for judging, _, _ in known:
            judging.top = max(judging.top, top or 0, paths_wanted(window.seconds))
        every, notes, reading = searched(
            [one[0] for one in known], window,
            lambda one: one.search(coverage.events, hosts=hosts, types=types),
        )  # fmt: skip
        stage("gathering evidence")
        hunts = []
        for (judging, calibration, name), one, said in zip(known, every, notes, strict=True):
            began = time.monotonic()
            found = judge.to_findings(self, one.graph, one.paths, name, calibration)
            hunts.append(
                Hunt(
                    found, calibration is not None, name, one.paths.exact,
                    _noted(judging, said, one.paths), one.seconds + time.monotonic() - began,
                )
            )  # fmt: skip
        began = time.monotonic()
        # All that are kept are read and written for it, so once for all models.
        self._remember([finding for hunt in hunts for finding in hunt.findings], coverage)
        return hunts, reading + time.monotonic() - began

    def hunt(
        self, logs: Sequence[str | Path] = (), baseline: Sequence[str | Path] = (), *,
        top: int = 20, settings: dict[str, Any] | None = None, budget: float = BUDGET,
        hosts: Iterable[str] | None = None, types: Iterable[str] | None = None,
        stage: Callable[[str], None] = _stage, now: Moment = None, detector: str = "path",
        truth: Path | None = None, **ingest: Any,
    ) -> Hunt:  # fmt: skip
        """Ingest logs, fit, score, and return the findings, best first.

        With a baseline the model is fitted and calibrated on it and only `logs` are scored.
        Without, the logs are compared with themselves: findings are ranked, not calibrated.
        Without logs either, everything in the store is scored. truth: known attacks among the
        baseline, as for `fit`; nothing is judged by what learned its label.
        """
        made = _made(detector, settings)
        if truth is not None and not baseline:
            raise GraphadError("Labels are of a baseline, and none is given.")
        quiet = self._ingested(baseline, ingest) if baseline else None
        mine = self._ingested(logs, ingest) if logs else None
        if quiet:
            target = None if mine is None else [s for s in mine if s not in quiet]
            if target is not None and not target:
                raise GraphadError("All logs are in the baseline too; nothing is left to score.")
            if target is None:
                target = [s.source for s in self.sources if s.source not in quiet]
            name = self._learned(made, None, None, quiet, budget, stage, None, truth)
            return self.score(
                model=name, sources=target, top=top, hosts=hosts, types=types, stage=stage, now=now
            )
        stage("learning what is usual")
        window = StoreWindow(self, sources=mine)
        if not window.events:
            raise GraphadError("The logs hold no event that says who touched what.")
        made.learn(window)
        made.top = max(made.top, top, paths_wanted(window.seconds))
        name = self._keep(made, (), budget)
        stage("searching")
        coverage = self.coverage(now)
        (one,), (notes,), _ = searched(
            [made], window,
            lambda one: one.search(coverage.events, inside=True, hosts=hosts, types=types),
        )  # fmt: skip
        stage("gathering evidence")
        found = judge.to_findings(self, one.graph, one.paths, name)
        self._remember(found, coverage)
        return Hunt(found, False, name, one.paths.exact, _noted(made, notes, one.paths))

    def _ingested(self, logs: Sequence[str | Path], options: dict[str, Any]) -> list[int]:
        options = dict(options)
        report = options.pop("done", None)
        done = self.ingest(list(logs), **options)
        if report is not None:
            report(done)
        found = [one.source for one in done if one.source is not None]
        if not found:
            raise GraphadError(
                "No log could be read.",
                hint="; ".join(f"{one.path}: {one.note}" for one in done[:3]),
            )
        if not sum(s.used for s in self.sources if s.source in found):
            raise GraphadError(
                f"No record could be used{self._why_rejected(found)}.",
                hint="Say it right, and parse again: graphad ingest --replace.",
            )
        lineage = {s.source: s.continues for s in self.sources}
        whole: set[int] = set()
        for source in found:
            at: int | None = source
            while at is not None and at not in whole:
                whole.add(at)
                at = lineage.get(at)
        return sorted(whole)

    def _why_rejected(self, sources: list[int]) -> str:
        """Return the most frequent reason for which records of sources were rejected."""
        found = self.sql(
            "SELECT reason FROM rejects WHERE list_contains($sources, source) "
            "GROUP BY reason ORDER BY count(*) DESC, reason LIMIT 1",
            {"sources": sources},
        )
        return f": {found['reason'][0].as_py()}" if len(found) else ""

    def _extent(self, start: Moment, end: Moment, sources: list[int] | None) -> tuple[int, int]:
        chosen = [
            s for s in self.sources
            if s.start is not None and (sources is None or s.source in sources)
        ]  # fmt: skip
        if not chosen:
            raise GraphadError("There is no event to fit on.")
        first = min(s.start for s in chosen if s.start is not None)
        last = max(s.end for s in chosen if s.end is not None)
        given = microseconds(start), microseconds(end)
        first = max(first, given[0]) if given[0] is not None else first
        last = min(last, given[1] - 1) if given[1] is not None else last
        if first > last:
            raise GraphadError("There is no event in this window.")
        return first, last


def _made(detector: str, settings: dict[str, Any] | None) -> Detector:
    """Return a new detector of a name. Raises: UnknownName, GraphadError."""
    try:
        return registry.made(detector, settings or {})
    except TypeError as error:
        raise GraphadError(f"The {detector} detector has no such setting: {error}.") from error


def _noted(detector: Detector, notes: list[str], paths: Paths) -> list[str]:
    """Return all that people should know of a search."""
    return [*notes, *([detector.regime] if detector.regime else []), *paths.notes]


def _calm(detector: "WindowDetector", graphs: Iterable[Graph], labels: Labels) -> Iterator[Graph]:
    """Yield graphs without the units that hold a known attack: those are not quiet."""
    for graph in graphs:
        yield detector.calm(graph, labels.events(graph))


def open_store(path: str | Path = "graphad-store", *, create: bool = True) -> Workspace:
    """Open a store, or make one where there is none."""
    return Workspace(path, create=create)
