"""Adds what models know to events as they pass, in a process of yours.

Needs neither torch nor numba nor a store: saved models, numpy and pyarrow. What an Enricher knows
never changes, and what it remembers for speed is all in dictionaries: threads may share one, a
forked process goes on with its copy, and one that is pickled is loaded anew from its files.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from graphad.detect import load_model, of_kind
from graphad.detectors.event import EventDetector
from graphad.detectors.event_columns import Floats
from graphad.enrich.events import Enriched, Scorer
from graphad.enrich.fields import Fields
from graphad.enrich.kinds import KindPlan, Oddest, Plan, TablePlan
from graphad.enrich.memory import Results, Words
from graphad.enrich.relations import RelationPlan
from graphad.enrich.risk import Risk
from graphad.errors import GraphadError, ModelError, UnknownName
from graphad.incidents import ODD
from graphad.models.calibration import Calibration
from graphad.sanitize import shorten, terminal

CALIBRATION, MANIFEST, IN_USE = "calibration.json", "manifest.json", "LATEST"
EVENT, RELATION, TABLE = "event", "relation", "table"
_VALUE = 120  # cells of a value in a reason
_NOTHING = b'"score":null'


class Judged(msgspec.Struct, frozen=True):
    """What is said of one event: the members of its `graphad` key.

    kind: of event, None if it is of none; score: bits above the median event of its kind, None if
    no model knows that kind; z: of the oddest thing about it, a value never seen before included;
    percentile: how many of a hundred quiet events of its kind score less. p_value, level, alert: as
    of a finding, None if the model is not calibrated. reason: the oddest first. risk, findings: the
    level of the findings in the store that entities of this event are in, and their ids.
    """

    kind: str | None = None
    score: float | None = None
    z: float | None = None
    percentile: float | None = None
    p_value: float | None = None
    level: str | None = None
    alert: bool | None = None
    reason: list[str] = []
    model: str | None = None
    risk: str | None = None
    findings: list[str] = []


class Enricher:
    """Scores events by saved event and relation models, the same numbers as their detectors'."""

    def __init__(
        self, models: Iterable["Model"], fields: Fields | None = None, risk: Risk | None = None
    ) -> None:
        """Take models as `read_model` returns them, the mapping of fields, and entities at risk."""
        self.models = tuple(models)
        self.fields = fields or Fields.read()
        self.risk = risk if risk is not None and risk.entities else None
        self._from: tuple[Any, ...] | None = None
        found = [one for model in self.models for one in model.scorers.values()]
        self._one = found[0] if len(found) == 1 else None
        memory: dict[Any, Words] = {}
        self._rules: dict[int, list[tuple[Plan, Model]]] = {}
        self._whole: list[tuple[Plan, Model]] = []
        every = {id(r): r for s in self.fields.shapes for some in s.rules.values() for r in some}
        for model in self.models:
            self._whole += [(plan, model) for plan in model.whole]
            for number, rule in every.items():
                scorer = model.kinds.get(rule.kind)
                if scorer is not None:
                    try:
                        plan = KindPlan(rule, scorer, memory)
                    except KeyError as error:
                        raise ModelError(
                            f"{model.name} has a column {error} that kind {rule.kind!r} has not."
                        ) from error
                    self._rules.setdefault(number, []).append((plan, model))
        self._results: Results[Oddest] = Results()

    @classmethod
    def load(
        cls, folder: str | Path, kind: str | None = None, *, fields: str | Path | None = None,
        risk: str | Path | None = None,
    ) -> "Enricher":  # fmt: skip
        """Return the enricher of a saved event or relation model.

        kind: of events to score, all that the model has if not given; fields: a mapping file of
        your own, see docs/enrich.md; risk: a store whose path findings say which entities are at
        risk. Raises: ModelError; UnknownName: no such kind is in the model; GraphadError.
        """
        made = cls(
            [read_model(Path(folder), kind)], Fields.read(Path(fields) if fields else None),
            Risk.read(Path(risk)) if risk else None,
        )  # fmt: skip
        made._from = (cls.load, (str(folder), kind), {"fields": fields, "risk": risk})
        return made

    @classmethod
    def of_store(
        cls, store: str | Path, kind: str | None = None, *, fields: str | Path | None = None,
        risk: bool = True,
    ) -> "Enricher":  # fmt: skip
        """Return the enricher of the event and relation models that a store has in use.

        kind, fields: see `load`; risk: with the entities at risk. Raises: GraphadError: it has no
        such model; ModelError; UnknownName.
        """
        models, left = [], None
        for path in _in_use(Path(store) / "models"):
            try:
                models.append(read_model(path, kind))
            except (ModelError, UnknownName):
                raise
            except GraphadError as error:  # of text logs, beside an event model
                left = error
        if not models:
            raise left or GraphadError(
                f"{store} has no event or relation model in use.",
                hint="Fit one: graphad fit --detector event.",
            )
        made = cls(
            models, Fields.read(Path(fields) if fields else None),
            Risk.read(Path(store)) if risk else None,
        )  # fmt: skip
        made._from = (cls.of_store, (str(store), kind), {"fields": fields, "risk": risk})
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle where the enricher came from, no more: the other process reads the files."""
        if self._from is None:
            raise TypeError("An Enricher that was not loaded from files can't be pickled.")
        return _again, self._from

    def score(self, event: Mapping[str, Any]) -> Enriched:
        """Score one event by the names of its columns; one that is not there is a missing value.

        Raises: TypeError: it is no mapping; UnknownName: the model has several kinds of events.
        """
        return self._only.score(event)

    def score_batch(self, events: pa.Table | Iterable[Mapping[str, Any]]) -> Floats:
        """Score a table, or rows given as mappings; returns [n] bits. Raises: as `score`."""
        return self._only.score_batch(events)

    @property
    def _only(self) -> Scorer:
        """Return the scorer of the one kind that there is."""
        if self._one is None:
            kinds = [kind for model in self.models for kind in model.scorers]
            raise UnknownName(
                "The model has several kinds of events." if kinds else "It is no event model.",
                hint=f"Name one: {', '.join(kinds)}." if kinds else "Use judge instead of score.",
            )
        return self._one

    def judge(self, event: Mapping[str, Any]) -> Judged:
        """Return what is said of a raw event, whatever its shape. Raises: TypeError: no mapping."""
        if not isinstance(event, Mapping):
            raise TypeError(f"An event is a mapping of names to values, not {type(event)}.")
        return msgspec.json.decode(b"{%b}" % self.members(dict(event)), type=Judged)

    def members(self, event: dict[str, Any]) -> bytes:
        """Return the same as the members of a JSON object, without its braces."""
        best: Oddest | None = None
        known = ""
        shaped = self.fields.of(event)
        data: Mapping[str, Any] = event
        plans = self._whole
        if shaped is not None:
            shape, data, rules = shaped
            if rules:
                known = rules[0].kind
                plans = [one for rule in rules for one in self._rules.get(id(rule), ())]
                plans = plans + self._whole if self._whole else plans
        results = self._results.held
        for plan, model in plans:
            words = plan.words(event, data)
            if words is None:
                continue
            key = (model.name, plan.kind, words)
            found = results.get(key)
            if found is None:
                found = self._weighed(plan, model, words)
                size = len(found.members) + sum(map(len, words))
                self._results.keep(key, found, size)
            # A launch stays one, unless the load of its program is what is odd about it.
            if best is None or found.z > max(best.z, ODD):
                best = found
        if best is not None:
            said = best.members
        else:
            said = b'"kind":"%b",%b' % (known.encode(), _NOTHING) if known else _NOTHING
        if self.risk is not None and shaped is not None:
            at = self.risk.at(shape.fields, event, data)
            if at is not None:
                told = msgspec.json.encode({"risk": at.level, "findings": at.findings})
                said = b"%b,%b" % (said, told[1:-1])
        return said

    def _weighed(self, plan: Plan, model: "Model", words: tuple[str, ...]) -> Oddest:
        weighed = plan.weigh(words)
        z, calibration = weighed.z, model.calibration
        told: dict[str, object] = {"kind": plan.kind, "score": weighed.score}
        if z is not None and weighed.share is not None:
            told["z"], told["percentile"] = z, round(100.0 * (1.0 - weighed.share), 4)
            told["p_value"] = calibration.p_value(z) if calibration else None
            told["level"] = calibration.severity(z) if calibration else None
            told["alert"] = z >= model.threshold if calibration else None
        if weighed.reasons:
            told["reason"] = [_reason(*one) for one in weighed.reasons]
        told["model"] = model.name
        return Oddest(weighed.score if z is None else z, msgspec.json.encode(told)[1:-1])


class Model:
    """A saved model: scorers by kind of event, plans of whole events, and its calibration."""

    def __init__(
        self, name: str, scorers: Mapping[str, Scorer], whole: Iterable[Plan] = (),
        calibration: Calibration | None = None,
    ) -> None:  # fmt: skip
        self.name, self.scorers, self.calibration = name, dict(scorers), calibration
        self.threshold = calibration.threshold if calibration else float("inf")
        self.kinds = {kind: one for kind, one in self.scorers.items() if kind != TABLE}
        rows = [TablePlan(TABLE, one) for kind, one in self.scorers.items() if kind == TABLE]
        self.whole: list[Plan] = [*rows, *whole]


def read_model(folder: Path, kind: str | None = None) -> Model:
    """Return a saved event or relation model. Raises: ModelError, UnknownName, GraphadError."""
    try:
        detector = json.loads((folder / MANIFEST).read_bytes())["detector"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        detector = EVENT  # load_model says what is wrong
    detector = RELATION if detector == RELATION else EventDetector.name
    settings, arrays, texts = load_model(folder, detector)
    calibration = _calibration(folder / CALIBRATION)
    try:
        if detector == RELATION:
            plan = RelationPlan.restore(settings, arrays, texts)
            return Model(folder.name, {}, [plan], calibration)
        if "kinds" not in settings:
            one = Scorer.restore(folder, settings, arrays, texts, None)
            return Model(folder.name, {TABLE: one}, (), calibration)
        kinds = settings["kinds"]
        if kind is not None and kind not in kinds:
            raise UnknownName.among("kind of events", kind, kinds)
        return Model(
            folder.name,
            {
                name: Scorer.restore(
                    folder, told["model"], of_kind(name, arrays), of_kind(name, texts), told["tail"]
                )
                for name, told in kinds.items()
                if kind is None or name == kind
            },
            (),
            calibration,
        )
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise ModelError(f"{folder} is damaged: {error}.") from error


def _calibration(path: Path) -> Calibration | None:
    try:
        return Calibration.from_json(msgspec.json.decode(path.read_bytes()))
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError, KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{path} is damaged.") from error


def _in_use(models: Path) -> Iterable[Path]:
    for detector in (EVENT, RELATION):
        try:
            name = (models / detector / IN_USE).read_text().strip()
        except OSError:
            continue
        if "/" in name or not (models / detector / name).is_dir():
            raise ModelError(f"{models / detector / IN_USE} names no model: {name!r}.")
        yield models / detector / name


def _again(load: Any, arguments: tuple[Any, ...], options: dict[str, Any]) -> Enricher:
    made: Enricher = load(*arguments, **options)
    return made


def _reason(column: str, value: str, bits: float | None) -> str:
    told = shorten(terminal(value), _VALUE) or "(none)"
    if bits is None:
        return f"{column} {told} was never seen before"
    return f"{column} {told}: {bits:.1f} bits"
