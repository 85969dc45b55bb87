"""The stages of a night: ingest, judge, learn, prune; each once, whatever kills it in between."""

import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from math import inf
from pathlib import Path
from typing import Any

from graphad.errors import GraphadError
from graphad.findings import Finding
from graphad.models.drift import budget_test
from graphad.nightly import logs, state
from graphad.nightly.absent import absent
from graphad.nightly.drift import alarms, compared
from graphad.nightly.drift import warnings as drifts
from graphad.nightly.learn import events_by_day, learn, newest
from graphad.nightly.leftout import LeftOut, left_out
from graphad.nightly.state import DAY, Night, Stage, key
from graphad.store.lock import writing
from graphad.workspace import BUDGET, Workspace

PATIENCE_S = 120.0  # for a mark or another short writer, before the night gives up
LEARN_DAYS = 14
FINDING_DAYS = 30


@dataclass(frozen=True)
class Plan:
    """What a night is to do.

    logs: files, folders, globs, `-`; detectors: their settings by name; budget: false alarms a day
    of all detectors together; learn_days: how many days a model is of; keep_days: how many days of
    records stay, None is all; learn_alerted: learn what is inside alerts too; ingest: options of
    Store.ingest; keep_findings: how many days findings stay of incidents that have no alert and no
    mark, at most as long as records.
    """

    day: date
    logs: Sequence[str] = ()
    detectors: Mapping[str, dict[str, Any]] = field(default_factory=lambda: {"path": {}})
    budget: float = BUDGET
    learn_days: int = LEARN_DAYS
    keep_days: int | None = None
    learn_alerted: bool = False
    ingest: Mapping[str, Any] = field(default_factory=dict)
    keep_findings: int = FINDING_DAYS


@dataclass
class Done:
    """What a night found, and what it says of itself.

    findings: of the day, best first; night: its state; repeated: stages that were done before;
    warnings: what people should look at.
    """

    findings: list[Finding]
    night: Night
    repeated: list[str]
    warnings: list[str]


def _quiet(*_: Any) -> None:
    """Do nothing; stands in for a progress display."""


def run(
    store: Workspace, plan: Plan, *, stage: Callable[[str], None] = _quiet,
    watch: Callable[[str, int], None] | None = None,
) -> Done:  # fmt: skip
    """Do what is left to do of a night; a repeated call does nothing and returns the same.

    Raises: GraphadError: another night runs on this store, none of the logs is there, or a plan
    that contradicts itself.
    """
    if plan.learn_days < 1 or not plan.detectors or plan.budget <= 0:
        raise GraphadError("A night needs a detector, a day to learn and a budget.")
    if plan.keep_days is not None and plan.keep_days < plan.learn_days:
        raise GraphadError(
            f"A model is of {plan.learn_days} days, and only {plan.keep_days} would be kept.",
            hint="Keep at least as many days as are learned.",
        )
    state.sweep(store.path)
    with writing(store.path / state.FOLDER):
        patience, store.patience_s = store.patience_s, PATIENCE_S
        try:
            return _Run(store, plan, stage, watch).run()
        finally:
            store.patience_s = patience


class _Run:
    """One call of `run`, under the night's lock."""

    def __init__(
        self, store: Workspace, plan: Plan, stage: Callable[[str], None],
        watch: Callable[[str, int], None] | None,
    ) -> None:  # fmt: skip
        self.store, self.plan, self.stage, self.watch = store, plan, stage, watch
        self.night, damaged = state.load(store.path, plan.day.isoformat())
        self.nights = [n for n in state.nights(store.path) if n.day != self.night.day]
        self.newest = not any(n.day > self.night.day for n in self.nights)
        self.repeated: list[str] = []
        self.warnings: list[str] = []
        self.left: tuple[LeftOut, LeftOut, int] | None = None
        if damaged:
            self.warnings.append("what was known of this night is damaged; it begins anew")
        store.refresh()

    def run(self) -> Done:
        """Do each stage that was not done for what it depends on."""
        night, missing = self.night, list[str]()
        self._ingest(missing)
        self.warnings += [f"{text} It is left out." for text in missing]
        self.warnings += [f"{p}: {f.note}; left out" for p, f in night.files.items() if f.note]
        self._judge()
        for detector in self.plan.detectors:
            self._compare(detector)
        for detector in self.plan.detectors:
            self._learn(detector)
        self._prune()
        self.warnings += absent(self.store, night, [*self.nights, night])
        if not self._events:
            self.warnings.append(f"there is no event of {night.day} in the store")
        return Done(self._found(), night, self.repeated, self.warnings)

    @contextmanager
    def _timed(self, name: str, done_for: str) -> Iterator[dict[str, Any]]:
        """Give what a stage says of itself, to be filled; the stage is done after the block."""
        told: dict[str, Any] = {}
        began = time.monotonic()
        yield told
        self._done(name, Stage(done_for, round(time.monotonic() - began, 3), told))

    def _done(self, name: str, stage: Stage) -> None:
        self.night.stages[name] = stage
        state.save(self.store.path, self.night)

    def _skipped(self, name: str, done_for: str) -> bool:
        if not self.night.done(name, done_for):
            return False
        self.repeated.append(name)
        return True

    @property
    def _events(self) -> int:
        return events_by_day(self.store, self.night.begin, self.night.end).get(self.night.begin, 0)

    def _ingest(self, missing: list[str]) -> None:
        night = self.night
        files = logs.found(self.plan.logs, missing)
        if self.plan.logs and not files:
            raise GraphadError(f"None of the night's logs is there: {missing[0]}")
        self.stage("ingesting")
        began = time.monotonic()
        fresh = logs.read(self.store, night, files, self.watch, **self.plan.ingest)
        done_for = key(sorted((p, f.size, f.changed, f.sources) for p, f in night.files.items()))
        if not fresh and self._skipped("ingest", done_for):
            return
        with self._timed("ingest", done_for) as told:
            told |= logs.totals(self.store, night)
            told["files"] = len(night.files)
            told["sources"] = len(night.sources)
            told["other_days"] = self._other_days()
        night.stages["ingest"].seconds = round(time.monotonic() - began, 3)
        state.save(self.store.path, night)

    def _other_days(self) -> dict[str, int]:
        """Return how many events the night's logs have of other days."""
        numbers = ", ".join(map(str, self.night.sources)) or "NULL"
        connection = self.store.connect()
        try:
            rows = connection.execute(
                f"""SELECT strftime(ts, '%Y-%m-%d') AS day, count(*) FROM edges
                    WHERE source IN ({numbers}) GROUP BY day ORDER BY day"""
            ).fetchall()
        finally:
            connection.close()
        return {day: n for day, n in rows if day != self.night.day}

    def _judge(self) -> None:
        """Score the day by models that know nothing of it, reading it once; keep the findings."""
        night, store = self.night, self.store
        events = self._events
        marks = [one.id for one in store.marks() if one.active]
        content = state.content(store, night.begin, night.end)
        about = {one.model: one for one in store.models()}
        due: dict[str, Stage] = {}
        for detector in self.plan.detectors:
            name, model = f"judge {detector}", night.judges.get(detector, "")
            if model not in about:
                model = newest(store, detector, night.begin)
            done_for = key(model, content, events, marks)
            if self._skipped(name, done_for):
                continue
            told: dict[str, Any] = {"events": events}
            if name in night.stages:
                told["late"] = max(events - night.stages[name].told.get("events", 0), 0)
            night.judges[detector] = model
            due[detector] = Stage(done_for, 0.0, told)
            if not model or not events:
                night.findings.setdefault(detector, [])
                self._done(name, due.pop(detector))
        if not due:
            return
        self.stage(f"judging by {' and '.join(due)}")
        hunts, reading = store.score_each(
            [night.judges[detector] for detector in due], start=night.begin, end=night.end,
            stage=self.stage,
        )  # fmt: skip
        for (detector, stage), found in zip(due.items(), hunts, strict=True):
            night.findings[detector] = [finding.id for finding in found.findings]
            stage.told |= {
                "model": found.model, "until": about[found.model].end,
                "calibrated": found.calibrated, "exact": found.exact, "notes": found.notes,
            }  # fmt: skip
            calibration = store.calibration(found.model)
            if calibration is not None:
                threshold = calibration.threshold
                stage.told["threshold"] = threshold if threshold > -inf else None
                stage.told["quiet_days"] = calibration.days
                stage.told["alarms"] = len({one.incident for one in found.findings if one.alert})
            # What all of them read counts as the first one's.
            stage.seconds = round(found.seconds + reading, 3)
            reading = 0.0
            self._done(f"judge {detector}", stage)

    def _compare(self, detector: str) -> None:
        """Tell how the day differs from the days that judged it, and if the budget still holds."""
        night, name = self.night, f"drift {detector}"
        judged = night.stages.get(f"judge {detector}")
        if judged is None or "model" not in judged.told:
            return
        if not self._skipped(name, judged.key):
            with self._timed(name, judged.key) as told:
                self.stage("comparing")
                told |= compared(self.store, night, judged.told["model"])
        # What is not of scores is the same of each detector that learned the same days.
        said = drifts(detector, night.stages[name].told)
        self.warnings += [text for text in said if text not in self.warnings]
        before = [one for one in self.nights if one.day < night.day]
        budget = self.plan.budget / len(self.plan.detectors)
        test = budget_test(alarms([*before, night], detector), budget)
        if test.exceeded:
            nights = "one night" if test.days == 1 else f"{test.days} nights"
            self.warnings.append(
                f"the budget of {budget:g} incidents a day no longer holds for {detector}: over "
                f"{nights} there were rather twice as many"
            )

    def _learn(self, detector: str) -> None:
        """Fit a model for tomorrow; only after the newest night, for older days are in its window.

        What is learned are the days up to and with this one.
        """
        night, plan, store, name = self.night, self.plan, self.store, f"learn {detector}"
        if not self.newest or not self._events:
            return
        begin = night.end - plan.learn_days * DAY
        # The same for each detector; with many findings it takes as long as a fit.
        left = self.left = self.left or left_out(
            store, begin, night.end, alerted=plan.learn_alerted
        )
        budget = plan.budget / len(plan.detectors)
        settings = dict(plan.detectors[detector])
        done_for = key(
            begin, state.content(store, begin, night.end), left[0].rows, left[1].rows, budget,
            settings,
        )  # fmt: skip
        if self._skipped(name, done_for):
            return
        with self._timed(name, done_for) as told:
            model, why = learn(
                store, detector, settings, begin, night.end, left[:2], budget, done_for,
                self.stage,
            )  # fmt: skip
            self._replaced(detector, night.learned.pop(detector, model), model)
            told |= {
                "model": model, "days": len(events_by_day(store, begin, night.end)), "why": why,
                "left_out": len(left[0].records), "of_findings": left[2],
            }  # fmt: skip
            if model:
                night.learned[detector] = model
                told["calibrated"] = store.model(model)[1] is not None

    def _replaced(self, detector: str, old: str, new: str) -> None:
        """Remove the model that this night learned before, if nothing was judged by it."""
        judges = {one.judges.get(detector) for one in self.nights}
        folder = self.store.path / "models" / detector / old
        if old != new and old not in judges and folder.is_dir():
            _remove(folder)

    def _prune(self) -> None:
        """Remove what is older than so many days before the newest night.

        That is records and models, and findings of incidents that nobody was alerted to: else there
        would be ever more of them, of which each night forms incidents.
        """
        store, plan = self.store, self.plan
        last = max([self.night, *self.nights], key=lambda one: one.day)
        days = min(plan.keep_findings, plan.keep_days or plan.keep_findings)
        before = None if plan.keep_days is None else last.end - plan.keep_days * DAY
        old = [
            one.digest for one in store.sources
            if before is not None and one.start is not None and one.start < before
        ]  # fmt: skip
        # What this night found stays until another one, also where it is a night of long ago.
        found = min(last.end - days * DAY, self.night.begin)
        done_for = key(before, found, sorted(old))
        if self._skipped("prune", done_for):
            return
        with self._timed("prune", done_for) as told:
            self.stage("pruning")
            told |= {"records": 0, "edges": 0, "models": 0}
            if before is not None:
                told["records"], told["edges"] = store.prune(before)
                told["models"] = self._prune_models(before)
            told["findings"] = store.forget(found)

    def _prune_models(self, before: int) -> int:
        """Remove nights of pruned days, and models of theirs that nothing uses."""
        gone = [one for one in self.nights if one.end <= before]
        stay = [one for one in (*self.nights, self.night) if one not in gone]
        used = {name for one in stay for name in (*one.judges.values(), *one.learned.values())}
        used |= {one.model for one in self.store.models() if one.in_use}
        removed = 0
        for night in gone:
            for detector, model in night.learned.items():
                folder = self.store.path / "models" / detector / model
                if model not in used and folder.is_dir():
                    _remove(folder)
                    removed += 1
            state.forget(self.store.path, night.day)
        return removed

    def _found(self) -> list[Finding]:
        wanted = {name for names in self.night.findings.values() for name in names}
        return self.store.findings(lambda one: one.id in wanted)


def _remove(folder: Path) -> None:
    """Remove a model so that it is there whole or not at all."""
    aside = folder.with_name(f".new-{folder.name}")
    folder.rename(aside)
    shutil.rmtree(aside, ignore_errors=True)
