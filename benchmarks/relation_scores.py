"""The models that relation_quality compares: each learns from a set's training part and scores it."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from benchmarks.relation_data import RelationSet
from benchmarks.relation_judging import Judged, judge, judge_windows
from graphad.models.count_nearest import CountNearest
from graphad.models.event_counts import EventCounts
from graphad.models.relation_counts import Form, RelationCounts
from graphad.models.relations import Relations

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

Model = Callable[[RelationSet, int], Judged]


def training(given: RelationSet) -> Relations:
    """Return the lines that are learned from: of the training part, none of an attack."""
    r = given.relations
    keep = given.part == 0
    keep[r.line[given.attack]] = False
    return r.take(keep)


def counted(given: RelationSet, form: Form, *, events: bool = False) -> Floats:
    """Return the bits of relations [R]; an event that was never seen has its own instead.

    events: known events add their own bits, too.
    """
    model, r = RelationCounts(form).fit(training(given)), given.relations
    own = model.score_events(r.events)
    fresh = ~np.isin(r.events, model.events)
    return model.score(r).bits + np.where(fresh | events, own, 0.0)[r.of_event]


def unseen_template(given: RelationSet, _: int) -> Judged:
    """Judge by whether an event was ever seen."""
    model, r = RelationCounts("unseen").fit(training(given)), given.relations
    return judge(given, model.score_events(r.events)[r.of_event])


def nearest(**settings: bool) -> Model:
    """Return the judge of the distance of windows to the nearest ones of quiet time."""

    def judged(given: RelationSet, _: int) -> Judged:
        r = given.relations
        lines = np.unique(training_lines(given) // given.step_us)
        counts, number = EventCounts.of_windows(r, given.step_us)
        quiet, _ = EventCounts.of_windows(training(given), given.step_us)
        assert len(quiet) == len(lines)
        return judge_windows(given, number, CountNearest(**settings).fit(quiet).score(counts))

    return judged


def training_lines(given: RelationSet) -> Ints:
    """Return the times of the lines that are learned from."""
    return training(given).ts


PLAIN: dict[str, Model] = {
    "unseen template": unseen_template,
    "unseen relation": lambda given, _: judge(given, counted(given, "unseen")),
    "surprisal": lambda given, _: judge(given, counted(given, "surprisal")),
    "counts": lambda given, _: judge(given, counted(given, "counts")),
    "counts and event": lambda given, _: judge(given, counted(given, "counts", events=True)),
    "count nearest": nearest(),
    "count nearest, idf": nearest(idf=True),
    "new event and count nearest": nearest(new_events=True),
    "new event and count nearest, idf": nearest(idf=True, new_events=True),
}
